"""Which projects are like this one? By the words that tell it from others, and by its topics and its law."""

from collections import defaultdict
from collections.abc import Iterable
from math import log
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pyroaring import BitMap

from services.catalog.german import STOP
from services.catalog.search_index import NONE, Index
from services.catalog.search_shown import PUBLIC
from services.catalog.search_words import GAP

TELLING = 16  # words that are compared
TOO_COMMON = 5000  # projects that hold a word which tells little, and costs much
CANDIDATES = 2000
SHORTEST = 4
TITLE, SUMMARY = 0, 1
SHARED_TOPIC, SHARED_LAW = 4.0, 1.0


class SimilarQuery(BaseModel):
    """How many."""

    model_config = ConfigDict(frozen=True)

    limit: int = Field(default=5, ge=1, le=20, description="The most items to answer.")


def similar(index: Index, project_id: UUID, most: int) -> list[UUID] | None:
    """Published projects like this one, the most alike first; None when it is not published itself."""
    public = index.statuses.get(PUBLIC[0], NONE)
    document = index.number_of(project_id)
    if document is None or document not in public:
        return None
    others = public - BitMap([document])
    scores: defaultdict[int, float] = defaultdict(float)
    for number, weight in _telling(index, document, len(public)):
        for tier, share in ((TITLE, 1.0), (SUMMARY, 0.6)):
            for each in index.tiers[tier].get(number, NONE) & others:
                scores[each] += weight * share
    _by_values(index, document, others, scores)
    best = sorted(scores, key=lambda each: (-scores[each], index.by_title.key(each)))
    return [index.id_of(each) for each in best[:most]]


def _telling(index: Index, document: int, projects: int) -> list[tuple[int, float]]:
    """The words of title and summary that few others have, and what each weighs."""
    numbers = index.tokens(document)
    texts = _texts(numbers)
    weights: dict[int, float] = {}
    for text, share in zip(texts, (2.0, 1.0), strict=False):
        for number in set(text):
            word = index.words[number]
            have = len(index.tiers[TITLE].get(number, NONE) | index.tiers[SUMMARY].get(number, NONE))
            if len(word.spelling) >= SHORTEST and word.spelling not in STOP and 1 < have <= TOO_COMMON:
                weights[number] = weights.get(number, 0.0) + share * log(1 + projects / have)
    return sorted(weights.items(), key=lambda each: (-each[1], each[0]))[:TELLING]


def _texts(numbers: Iterable[int]) -> list[list[int]]:
    texts: list[list[int]] = [[]]
    for number in numbers:
        if number == GAP:
            texts.append([])
        else:
            texts[-1].append(number)
    return texts


def _by_values(index: Index, document: int, others: BitMap, scores: defaultdict[int, float]) -> None:
    """Adds what topics and law say, for those that words found and, where these are few, for those of the topics."""
    for facet, weight in (("topic", SHARED_TOPIC), ("legal_form", SHARED_LAW)):
        for documents in [each for each in index.facets[facet].values() if document in each]:
            alike = documents & others
            if facet == "topic" and len(scores) < CANDIDATES:
                scores.update({each: scores[each] for each in index.by_date.first(alike, CANDIDATES)})
            for each in alike & BitMap(scores):
                scores[each] += weight
