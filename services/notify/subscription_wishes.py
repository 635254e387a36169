"""What somebody wants to hear of, as they say it: read, looked up at its owner, put as a subscriber's stream has it.

Whether something can be subscribed to is the same for everybody, and asked before anything is kept of a person.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.notify import subscriber_sealing
from services.notify.subscriber_events import Rhythm, Subject, Wanted
from services.notify.wished_kinds import WISHED
from shared.contracts.rpc import (
    SearchKeysAnswered,
    SearchKeysAsked,
    SeriesTitlesAnswered,
    SeriesTitlesAsked,
    TitlesAnswered,
    TitlesAsked,
)
from shared.kernel.ids import named_id, parse_id
from shared.kernel.problems import FieldError, Problem, meaning_of
from shared.kernel.vault import Vault

MOST_AT_ONCE = 20
MOST_ASKED, MOST_SEARCHES = 200, 100  # of an owner in one question
SUBJECTS: dict[Subject, str] = {
    "kind": "Alles von einer Art",
    "topic": "Themengebiet",
    "municipality": "Kommune",
    "district": "Kreis",
    "series": "Veranstaltungsreihe",
    "project": "Projekt",
    "search": "Gespeicherte Suche",
}
UNKNOWN: dict[Subject, str] = {
    "kind": "unknown_kind",
    "topic": "unknown_topic",
    "municipality": "unknown_municipality",
    "district": "unknown_district",
    "series": "unknown_series",
    "project": "unknown_project",
}

type SubjectKey = Annotated[str, StringConstraints(min_length=1, max_length=100)]
type SearchValue = Annotated[str, StringConstraints(max_length=1000)]
type SearchParameter = Annotated[str, StringConstraints(max_length=40)]
type SearchValues = SearchValue | Annotated[list[SearchValue], Field(max_length=50)]
type SavedSearchQuery = Annotated[dict[SearchParameter, SearchValues], Field(max_length=30)]
type Search = Mapping[str, Sequence[str]]


class Wish(BaseModel):
    """One thing to hear of: `key` is a kind's name, a topic's code, an AGS, a series' or a project's id; of a search
    `query` has the parameters of `GET /api/v1/projects`. Without `rhythm` as the person prefers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: Subject
    key: SubjectKey | None = Field(default=None, examples=["digitalisation"])
    query: SavedSearchQuery | None = None
    rhythm: Rhythm | None = None

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        if self.subject == "search" and (self.query is None or self.key is not None):
            raise PydanticCustomError("query_expected", "Zu einer Suche gehört „query“ und kein „key“.")
        if self.subject != "search" and (self.key is None or self.query is not None):
            raise PydanticCustomError("key_expected", "Hierzu gehört „key“ und keine „query“.")
        return self

    @property
    def name(self) -> str:
        """The key in canonical form; nothing of a search."""
        key = (self.key or "").strip()
        parsed = parse_id(key) if self.subject in {"series", "project"} else None
        return str(parsed) if parsed else key


type Wishes = Annotated[tuple[Wish, ...], Field(min_length=1, max_length=MOST_AT_ONCE)]


@dataclass(frozen=True, slots=True)
class Owners:
    """Who knows what there is."""

    titles: Callable[[TitlesAsked], Awaitable[TitlesAnswered]]
    series: Callable[[SeriesTitlesAsked], Awaitable[SeriesTitlesAnswered]]
    searches: Callable[[SearchKeysAsked], Awaitable[SearchKeysAnswered]]


type Titles = dict[tuple[str, str], str]
"""What is shown of a subject and key."""


async def titles(owners: Owners, asked: Iterable[tuple[str, str]]) -> Titles:
    """What the owners call these; what they do not know is missing. `unavailable` when one does not answer."""
    found: Titles = {}
    for some in batched(dict.fromkeys(asked), MOST_ASKED):
        found |= await _titles(owners, some)
    return found


async def _titles(owners: Owners, asked: Sequence[tuple[str, str]]) -> Titles:
    def keys(*subjects: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(key for subject, key in asked if subject in subjects))

    found: Titles = {("kind", key): WISHED[key].label for key in keys("kind") if key in WISHED}
    question = TitlesAsked(topics=keys("topic"), ags=keys("municipality", "district"), projects=keys("project"))
    if question.topics or question.ags or question.projects:
        answer = await owners.titles(question)
        found |= {("topic", key): title for key, title in answer.topics.items()}
        found |= {("municipality", key): title for key, title in answer.ags.items() if len(key) == 8}
        found |= {("district", key): title for key, title in answer.ags.items() if len(key) == 5}
        found |= {("project", key): title for key, title in answer.projects.items()}
    if series := keys("series"):
        answered = await owners.series(SeriesTitlesAsked(series=series))
        found |= {("series", key): title for key, title in answered.series.items()}
    return found


async def looked_up(owners: Owners, wishes: Sequence[Wish]) -> list[Search | None]:
    """The searches among them in canonical form; `unknown_subject` names what nobody can subscribe to."""
    named = [(wish.subject, wish.name) for wish in wishes if wish.subject != "search"]
    known = await titles(owners, named)
    errors = [
        FieldError(f"/subscriptions/{n}/key", UNKNOWN[wish.subject], meaning_of(UNKNOWN[wish.subject]).detail or "")
        for n, wish in enumerate(wishes)
        if wish.subject != "search" and not _can_be(wish, known)
    ]
    if errors:
        raise Problem("unknown_subject", errors=errors)
    return await _searches(owners, wishes)


def _can_be(wish: Wish, known: Titles) -> bool:
    if wish.subject == "kind":
        return wish.name in WISHED and WISHED[wish.name].by_itself
    return (wish.subject, wish.name) in known


async def _searches(owners: Owners, wishes: Sequence[Wish]) -> list[Search | None]:
    given = {n: _parameters(wish.query) for n, wish in enumerate(wishes) if wish.query is not None}
    if not given:
        return [None for _ in wishes]
    answered = await owners.searches(SearchKeysAsked(searches=tuple(given.values())))
    found = dict(zip(given, answered.searches, strict=True))
    errors = [
        FieldError(f"/subscriptions/{n}/query/{wrong.field}", wrong.code, wrong.detail)
        for n, keys in found.items()
        for wrong in keys.problems
    ]
    if errors:
        raise Problem("invalid_request", errors=errors)
    return [found[n].search if n in found else None for n in range(len(wishes))]


def _parameters(query: Mapping[str, str | list[str]]) -> dict[str, tuple[str, ...]]:
    return {name: (value,) if isinstance(value, str) else tuple(value) for name, value in query.items()}


async def labels(owners: Owners, searches: Mapping[str, Search]) -> dict[str, str]:
    """What searches ask for, in words, by whatever they are named; `unavailable` when the catalogue is away."""
    found: dict[str, str] = {}
    for some in batched(searches.items(), MOST_SEARCHES):
        asked = tuple({name: tuple(values) for name, values in search.items()} for _, search in some)
        answered = await owners.searches(SearchKeysAsked(searches=asked))
        found |= {name: keys.label for (name, _), keys in zip(some, answered.searches, strict=True) if keys.label}
    return found


async def wanted(
    vault: Vault, key: bytes, person_id: str, wishes: Sequence[Wish], searches: Sequence[Search | None]
) -> tuple[Wanted, ...]:
    """What a person's stream takes. `key` marks searches; what is looked for is sealed."""
    return tuple(
        [await _wanted(vault, key, person_id, wish, search) for wish, search in zip(wishes, searches, strict=True)]
    )


async def _wanted(vault: Vault, key: bytes, person_id: str, wish: Wish, search: Search | None) -> Wanted:
    name = wish.name if search is None else subscriber_sealing.search_mark(key, search)
    subscription_id = subscription_of(person_id, wish.subject, name)
    sealed = None
    if search is not None:
        thing = subscriber_sealing.search_key(subscription_id)
        sealed = await subscriber_sealing.seal(vault, person_id, thing, dict(search))
    return Wanted(
        subscription_id=subscription_id, subject=wish.subject, key=name, sealed_query=sealed, rhythm=wish.rhythm
    )


def subscription_of(person_id: str, subject: str, key: str) -> str:
    """The id of a person's subscription to something: the same whenever they subscribe to it."""
    return str(named_id("subscription", f"{person_id}/{subject}/{key}"))
