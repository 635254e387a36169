"""A session as one aggregate: its life (`life.py`), the people in it (`registration.py`), and time for both."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce

from pydantic import TypeAdapter

from services.events import life, registration
from services.events.life import (
    LIFE_EVENTS,
    DraftSession,
    ForSession,
    Life,
    LifeCommand,
    LifeEvent,
    ReinstateSession,
    ReviseSession,
)
from services.events.registration import (
    ABOUT_PEOPLE,
    ForRegistration,
    Registration,
    RegistrationCommand,
    RegistrationEvent,
    Roster,
)
from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, NotThere, Snapshots


class LetTimePass(ForSession):
    """Does what has become due: windows, the end of the session, and these registrations if they are too late."""

    unconfirmed: tuple[str, ...] = ()


type Command = LifeCommand | LetTimePass | RegistrationCommand
type SessionEvent = LifeEvent | RegistrationEvent


@dataclass(frozen=True, slots=True)
class Session:
    """`version` counts all events, `edited` is that of the last one that is about the session and not its people."""

    life: Life | None = None
    roster: Roster = field(default_factory=Roster)
    version: int = 0
    edited: int = 0


def evolve(session: Session, event: SessionEvent) -> Session:
    """Records an event."""
    version = session.version + 1
    if isinstance(event, ABOUT_PEOPLE):
        return Session(session.life, registration.evolve(session.roster, event), version, session.edited)
    return Session(life.evolve(session.life, event), session.roster, version, version)


def decide(command: Command, session: Session, at: datetime) -> Sequence[SessionEvent]:
    """What becomes of a command; what it makes due follows in the same breath."""
    if session.life is None:
        if isinstance(command, DraftSession):
            return life.draft(command, at)
        raise NotThere
    if isinstance(command, ForRegistration):
        return registration.decide(command, session.roster, session.life, at)
    if isinstance(command, LetTimePass):
        return let_time_pass(command, session, at)
    events = _lead(command, session, session.life, at)
    return [*events, *_follow_ups(reduce(evolve, events, session), at)] if events else []


def _lead(command: LifeCommand, session: Session, present: Life, at: datetime) -> Sequence[SessionEvent]:
    """Who is to confirm has time again when a session is reinstated: during the cancellation nobody could."""
    events = life.decide(command, present, at, stale=_stale(command, session))
    if isinstance(command, ReinstateSession) and events:
        return [*events, *registration.prolong(session.roster, present, at)]
    return events


def _stale(command: LifeCommand, session: Session) -> bool:
    seen = command.seen if isinstance(command, ReviseSession) else None
    return seen is not None and not session.edited <= seen <= session.version


def let_time_pass(command: LetTimePass, session: Session, at: datetime) -> Sequence[SessionEvent]:
    """Everything that has become due by now; nothing twice."""
    assert session.life is not None
    lapsed = registration.lapse(command.unconfirmed, session.roster, session.life, at)
    return [*lapsed, *_follow_ups(reduce(evolve, lapsed, session), at)]


def _follow_ups(session: Session, at: datetime) -> list[SessionEvent]:
    """What the clock says, and free seats go to the queue."""
    assert session.life is not None
    due = life.fall_due(session.life, at)
    return [*due, *registration.promotions(session.roster, session.life, at)]


def publish(event: SessionEvent) -> Contract | None:
    """The contract an event becomes, if any."""
    return registration.publish(event) if isinstance(event, ABOUT_PEOPLE) else life.publish(event)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A session as a snapshot keeps it: the queue and the count of seats follow from the registrations."""

    life: Life | None
    registrations: list[Registration]
    latest: dict[str, str]
    first: int
    last: int
    version: int
    edited: int


_KEPT = TypeAdapter(_Kept)


def dump(session: Session) -> bytes:
    """A session as a snapshot."""
    roster = session.roster
    registrations, latest = list(roster.registrations.values()), dict(roster.latest)
    return _KEPT.dump_json(
        _Kept(session.life, registrations, latest, roster.first, roster.last, session.version, session.edited)
    )


def load(snapshot: bytes) -> Session:
    """A session from its snapshot."""
    kept = _KEPT.validate_json(snapshot)
    roster = Roster.of_all(kept.registrations, kept.latest, kept.first, kept.last)
    return Session(kept.life, roster, kept.version, kept.edited)


DECIDER: Decider[Session, Command, SessionEvent] = Decider(
    category="session",
    initial=Session(),
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(*LIFE_EVENTS, *registration.EVENTS),
    snapshots=Snapshots(every=2000, form=2, dump=dump, load=load),
)
