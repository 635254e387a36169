"""What people who subscribed are told of: which facts, as which kind of message, and by what each is followed.

Whoever is told of a fact as a registrant or participant is not told of it again as a follower (`matching.py`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from services.notify.kind import Kind, Priority
from shared.contracts.catalog import (
    BestPracticeAwarded,
    CooperationRequestOpened,
    ProjectArchived,
    ProjectPublished,
    ProjectRevised,
    ResourcePublished,
)
from shared.contracts.contract import Contract
from shared.contracts.events import (
    MaterialPublished,
    SessionAgendaPublished,
    SessionAnnounced,
    SessionCancelled,
    SessionDocumented,
    SessionPostponed,
    SessionRegistrationOpened,
    SessionReinstated,
    SessionScheduled,
)
from shared.contracts.notify import AnnouncementPublished

type ThingKind = Literal["session", "project", "resource", "cooperation_request", "announcement"]
type OfProject = ProjectPublished | ProjectRevised | BestPracticeAwarded | ProjectArchived
type OfSession = (
    SessionAnnounced
    | SessionRegistrationOpened
    | SessionScheduled
    | SessionPostponed
    | SessionCancelled
    | SessionReinstated
    | SessionDocumented
    | MaterialPublished
)
type Followed = OfProject | OfSession | ResourcePublished | CooperationRequestOpened | AnnouncementPublished

MUNICIPALITY_DIGITS, DISTRICT_DIGITS = 8, 5


@dataclass(frozen=True, slots=True)
class Thing:
    """What a message is about, by its id."""

    kind: ThingKind
    id: str


@dataclass(frozen=True, slots=True)
class Follow:
    """How a fact is told. `wished` is the kind that people choose by. `first`: all of that kind are such facts, so that
    who subscribed to the kind itself is told. `ends`: it says that the thing is gone.
    """

    kind: Kind
    wished: str
    first: bool = False
    ends: bool = False


def _follow(name: str, wished: str, *, later: bool = False, first: bool = False, ends: bool = False) -> Follow:
    priority = Priority.LATER if later else Priority.MANY
    return Follow(Kind(name, priority, transactional=False, wished=wished), wished, first, ends)


FOLLOWS: Mapping[type[Contract], Follow] = {
    SessionAnnounced: _follow("session_announcement", "session_announcement", first=True),
    SessionRegistrationOpened: _follow("registration_opened", "session_announcement", first=True),
    SessionScheduled: _follow("session_scheduled", "session_announcement", first=True),
    SessionPostponed: _follow("session_postponed", "session_announcement", first=True),
    SessionCancelled: _follow("session_cancelled", "session_announcement", first=True, ends=True),
    SessionReinstated: _follow("session_reinstated", "session_announcement", first=True),
    SessionDocumented: _follow("session_recap", "session_recap", later=True, first=True),
    MaterialPublished: _follow("material_available", "material_published", later=True, first=True),
    ProjectPublished: _follow("project_published", "project_published", later=True, first=True),
    ProjectRevised: _follow("project_revised", "project_published", later=True),
    ProjectArchived: _follow("project_archived", "project_published", later=True, ends=True),
    BestPracticeAwarded: _follow("best_practice_awarded", "project_portrait", later=True, first=True),
    ResourcePublished: _follow("resource_available", "resource_available", later=True, first=True),
    CooperationRequestOpened: _follow("cooperation_request_opened", "partner_match", later=True, first=True),
    AnnouncementPublished: _follow("announcement_published", "announcement", later=True, first=True),
}
PORTRAIT = _follow("announcement_published", "project_portrait", later=True, first=True)
WISHED_AS: Mapping[str, frozenset[str]] = {
    named.kind.name: frozenset(
        follow.wished for follow in (*FOLLOWS.values(), PORTRAIT) if follow.kind.name == named.kind.name
    )
    for named in FOLLOWS.values()
}
"""By which kinds people choose what is told as a kind of message."""
BY_NAME: Mapping[str, Follow] = {follow.kind.name: follow for follow in FOLLOWS.values()}
ENDING = tuple(follow.kind.name for follow in FOLLOWS.values() if follow.ends)
TELLS_BY_ITSELF = frozenset({"session_id", "resource_id"})


def follow_of(cause: Followed) -> Follow:
    """How this very fact is told: people choose portraits of projects apart from other news."""
    if isinstance(cause, AnnouncementPublished) and cause.kind == "project_portrait":
        return PORTRAIT
    return FOLLOWS[type(cause)]


def is_told(cause: Followed) -> bool:
    """Whether anybody is told of it: not of the archiving of what was never public, nor again of what news repeat."""
    match cause:
        case ProjectArchived():
            return cause.was_published
        case AnnouncementPublished():
            return not any(getattr(cause, name) for name in TELLS_BY_ITSELF)
        case (
            ProjectPublished()
            | ProjectRevised()
            | BestPracticeAwarded()
            | ResourcePublished()
            | CooperationRequestOpened()
            | SessionAnnounced()
            | SessionRegistrationOpened()
            | SessionScheduled()
            | SessionPostponed()
            | SessionCancelled()
            | SessionReinstated()
            | SessionDocumented()
            | MaterialPublished()
        ):
            return True


def thing_of(cause: Followed | SessionAgendaPublished) -> Thing:
    """What it is about."""
    match cause:
        case ProjectPublished() | ProjectRevised() | BestPracticeAwarded() | ProjectArchived():
            return Thing("project", cause.project_id)
        case ResourcePublished():
            return Thing("resource", cause.resource_id)
        case CooperationRequestOpened():
            return Thing("cooperation_request", cause.cooperation_request_id)
        case AnnouncementPublished():
            return Thing("announcement", cause.announcement_id)
        case (
            SessionAnnounced()
            | SessionRegistrationOpened()
            | SessionScheduled()
            | SessionPostponed()
            | SessionCancelled()
            | SessionReinstated()
            | SessionDocumented()
            | SessionAgendaPublished()
            | MaterialPublished()
        ):
            return Thing("session", cause.session_id)


def keys_of(cause: Followed) -> set[str]:
    """By what it is followed, as far as it says itself: `subject:key`."""
    keys = set(_own_keys(cause))
    follow = follow_of(cause)
    return keys | {f"kind:{follow.wished}"} if follow.first else keys


def _own_keys(cause: Any) -> Iterator[str]:
    if (series_id := getattr(cause, "series_id", None)) is not None:
        yield f"series:{series_id}"
    if (project_id := getattr(cause, "project_id", None)) is not None:
        yield f"project:{project_id}"
    yield from (f"topic:{topic}" for topic in getattr(cause, "topics", ()))
    yield from (f"project:{talk.project_id}" for talk in getattr(cause, "talks", ()) if talk.project_id)
    venue = getattr(cause, "venue", None)
    if venue is not None and venue.ags:
        yield from places(venue.ags)


def places(ags: str) -> Iterator[str]:
    """A municipality and its district, or a district."""
    if len(ags) == MUNICIPALITY_DIGITS:
        yield f"municipality:{ags}"
    yield f"district:{ags[:DISTRICT_DIGITS]}"


def as_followed(catalogue_key: str) -> str | None:
    """What a key of the catalogue's is subscribed to as; None of what only searches ask for."""
    facet, _, value = catalogue_key.partition(":")
    if facet in {"topic", "district"}:
        return catalogue_key
    if facet == "organisation" and value.isdigit():
        return f"{'municipality' if len(value) == MUNICIPALITY_DIGITS else 'district'}:{value}"
    return None
