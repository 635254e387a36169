"""What could be meant by what is typed so far? Projects, topics and organisations whose names hold it, or nearly so."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial, reduce
from heapq import nsmallest
from itertools import islice
from operator import and_
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pyroaring import BitMap
from rapidfuzz.distance import OSA

from services.catalog.naming import name_keys, sort_key, spelled
from services.catalog.search_index import NONE, Index
from services.catalog.search_live import Live
from services.catalog.search_shown import PUBLIC
from services.catalog.search_words import (
    SHORTEST_BEGINNING,
    SHORTEST_MISTYPED,
    SHORTEST_PART,
    SHORTEST_TWICE_MISTYPED,
    TOKEN,
)
from shared.kernel.http import Page

TITLES = 0
MOST_OF_A_KIND = 5
LOOKED_AT = 500  # titles that begin so, of which some may not be public

type SuggestionKind = Literal["project", "topic", "organisation"]
type Beginnings = Callable[[str], list[int]]
type Fits = Callable[[str, str], int]


class SuggestQuery(BaseModel):
    """What is typed so far."""

    model_config = ConfigDict(frozen=True)

    q: Annotated[str, StringConstraints(max_length=200)] = Field(description="The beginning of a word, or several.")


class Suggestion(BaseModel):
    """A project (by id), a topic (by code) or an organisation (by official key, or id): a value for a filter."""

    model_config = ConfigDict(frozen=True)

    kind: SuggestionKind
    value: str
    label: str


TITLES_OF = "SELECT id, title FROM search_project WHERE id = ANY($1::uuid[])"


async def suggest(live: Live, query: SuggestQuery) -> Page[Suggestion]:
    """At most five of each kind; where nothing begins so, what holds it within a word; else what begins almost so."""
    index = await live.current()
    keys = name_keys(query.q)
    if not keys:
        return Page(items=[], next=None, total=0)
    documents, named = _meant(index, query.q, keys[-1])
    ids = [index.id_of(each) for each in documents]
    titles = {row["id"].bytes: row["title"] for row in await live.pool.fetch(TITLES_OF, ids)} if ids else {}
    found = [Suggestion(kind="project", value=str(each), label=titles[each.bytes]) for each in ids]
    items = [*found, *named]
    return Page(items=items, next=None, total=len(items))


def _meant(index: Index, q: str, typed: str) -> tuple[list[int], list[Suggestion]]:
    """Projects and names in the likeliest way that there are any; `typed` is the key of what is typed."""
    words = index.words
    ways: tuple[tuple[Beginnings, Fits], ...] = (
        (words.beginning, _fits),
        (words.holding, _holds),
        (words.beginning_like, _almost),
    )
    for beginnings, fits in ways:
        documents, named = _projects(index, q, beginnings), _named(index, partial(fits, typed))
        if documents or named:
            return documents, named
    return [], []


def _projects(index: Index, q: str, beginnings: Beginnings) -> list[int]:
    """Published projects: those whose title begins with what is typed, then those with all its words in the title."""
    public = index.statuses.get(PUBLIC[0], NONE)
    first = [each for each in islice(_beginning(index, sort_key(q)), LOOKED_AT) if each in public][:MOST_OF_A_KIND]
    typed = [spelled(token) for token in TOKEN.findall(q)]
    if not typed:  # signs that a title may begin with all the same („№“)
        return first
    *whole, last = typed
    titles = index.tiers[TITLES]
    sets = [_union(titles, [*index.words.same(word), *index.words.forms(word), *beginnings(word)]) for word in whole]
    if len(last) >= SHORTEST_BEGINNING or whole:
        sets.append(_union(titles, [*index.words.same(last), *beginnings(last)]))
    others = (reduce(and_, sets) & public) - BitMap(first) if sets else NONE
    return [*first, *index.by_title.first(others, MOST_OF_A_KIND - len(first))]


def _beginning(index: Index, key: str) -> Iterator[int]:
    for document in index.by_title.behind((0.0, key, b"")):
        if not index.by_title.key(document)[1].startswith(key):
            return
        yield document


def _union(titles: Mapping[int, BitMap], numbers: Iterable[int]) -> BitMap:
    return BitMap.union(NONE, *(titles[number] for number in set(numbers) if number in titles))


def _named(index: Index, fits: Callable[[str], int]) -> list[Suggestion]:
    """Topics, then organisations, whose names fit; the best first, then by name."""
    found: dict[SuggestionKind, list[tuple[int, str, str]]] = {"topic": [], "organisation": []}
    names = index.names
    for facet, value, keys in names.keys:
        if best := max(map(fits, keys)):
            kind: SuggestionKind = "topic" if facet == "topic" else "organisation"
            found[kind].append((-best, names.labels[facet][value].key, value))
    return [
        Suggestion(
            kind=kind,
            value=value if kind == "topic" else names.bodies[value].key,
            label=names.labels[kind][value].text,
        )
        for kind, fitting in found.items()
        for _, _, value in nsmallest(MOST_OF_A_KIND, fitting)
    ]


def _fits(typed: str, key: str) -> int:
    """2 where a name begins with what is typed, 1 where a word in it does, else 0."""
    return 2 if key.startswith(typed) else int(f" {typed}" in key)


def _holds(typed: str, key: str) -> int:
    """Whether the name holds it within a word."""
    return int(len(typed) >= SHORTEST_PART and typed in key)


def _almost(typed: str, key: str) -> int:
    """Whether the name begins almost so."""
    if len(typed) < SHORTEST_MISTYPED:
        return 0
    most = 2 if len(typed) >= SHORTEST_TWICE_MISTYPED else 1
    return int(OSA.distance(key[: len(typed)], typed, score_cutoff=most) <= most)
