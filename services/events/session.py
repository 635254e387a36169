"""A session as one aggregate: its life (`life.py`), the people in it (`registration.py`), and time for both."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce

from pydantic import TypeAdapter

from services.events import (
    answers_to_postponement,
    forgetting,
    group_message,
    life,
    life_decisions,
    life_publication,
    registration,
    registration_events,
)
from services.events.answers_to_postponement import ReconfirmRegistration
from services.events.forgetting import ForgetRegistrations, RegistrationsForgotten
from services.events.group_message import GroupMessageRequested, RequestGroupMessage
from services.events.life import LIFE_EVENTS, Life, LifeEvent, SessionPostponed
from services.events.life_commands import DraftSession, ForSession, LifeCommand, ReinstateSession, ReviseSession
from services.events.registration import Registration, Roster
from services.events.registration_commands import ForRegistration, RegistrationCommand
from services.events.registration_events import ABOUT_PEOPLE, RegistrationEvent
from services.events.revision import draft
from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, NotThere, Snapshots


class LetTimePass(ForSession):
    """Does what has become due: announcements, windows, the end of the session, and these registrations if too late.

    Of them, the `unconfirmed` were not confirmed in time, and the `unanswered` did not say that the new date suits.
    """

    unconfirmed: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()


type Command = (
    LifeCommand | LetTimePass | RegistrationCommand | ReconfirmRegistration | RequestGroupMessage | ForgetRegistrations
)
type SessionEvent = LifeEvent | RegistrationEvent | GroupMessageRequested | RegistrationsForgotten


@dataclass(frozen=True, slots=True)
class Session:
    """`version` counts all events, `edited` is that of the last one that is about the session and not its people."""

    life: Life | None = None
    roster: Roster = field(default_factory=Roster)
    version: int = 0
    edited: int = 0
    messages: frozenset[str] = frozenset()


def evolve(session: Session, event: SessionEvent) -> Session:
    """Records an event."""
    version = session.version + 1
    if isinstance(event, ABOUT_PEOPLE):
        roster = registration.evolve(session.roster, event)
        return Session(session.life, roster, version, session.edited, session.messages)
    if isinstance(event, RegistrationsForgotten):
        roster = forgetting.evolve(session.roster, event)
        return Session(session.life, roster, version, session.edited, session.messages)
    if isinstance(event, GroupMessageRequested):
        messages = session.messages | {event.message_id}
        return Session(session.life, session.roster, version, session.edited, messages)
    roster = session.roster
    if isinstance(event, SessionPostponed):
        roster = answers_to_postponement.asked(roster, event)
    return Session(life.evolve(session.life, event), roster, version, version, session.messages)


def decide(command: Command, session: Session, at: datetime) -> Sequence[SessionEvent]:
    """What becomes of a command; what it makes due follows in the same breath."""
    if session.life is None:
        if isinstance(command, DraftSession):
            return draft(command, at)
        raise NotThere
    if isinstance(command, ReconfirmRegistration):
        return answers_to_postponement.reconfirm(command, session.roster, session.life, at)
    if isinstance(command, ForRegistration):
        return registration.decide(command, session.roster, session.life, at)
    if isinstance(command, RequestGroupMessage):
        return group_message.request(command, session.life, session.messages, at)
    if isinstance(command, ForgetRegistrations):
        forgotten = forgetting.decide(command, session.roster, session.life, at)
        return [*forgotten, *_follow_ups(reduce(evolve, forgotten, session), at)] if forgotten else []
    if isinstance(command, LetTimePass):
        return let_time_pass(command, session, at)
    events = _lead(command, session, session.life, at)
    return [*events, *_follow_ups(reduce(evolve, events, session), at)] if events else []


def _lead(command: LifeCommand, session: Session, present: Life, at: datetime) -> Sequence[SessionEvent]:
    """Who is to confirm has time again when a session is reinstated: during the cancellation nobody could."""
    events = life_decisions.decide(command, present, at, stale=_stale(command, session))
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
    session = reduce(evolve, lapsed, session)
    assert session.life is not None
    gone = answers_to_postponement.give_up(command.unanswered, session.roster, session.life, at)
    return [*lapsed, *gone, *_follow_ups(reduce(evolve, gone, session), at)]


def _follow_ups(session: Session, at: datetime) -> list[SessionEvent]:
    """What the clock says, and free seats go to the queue."""
    assert session.life is not None
    ended = answers_to_postponement.end(session.roster, session.life, at)
    present = reduce(life.evolve, ended, session.life)
    due = life_decisions.fall_due(present, at)
    return [*ended, *due, *registration.promotions(session.roster, present, at)]


def publish(event: SessionEvent) -> Contract | None:
    """The contract an event becomes, if any."""
    if isinstance(event, RegistrationsForgotten):
        return None
    if isinstance(event, GroupMessageRequested):
        return group_message.publish(event)
    return registration_events.publish(event) if isinstance(event, ABOUT_PEOPLE) else life_publication.publish(event)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A session as a snapshot keeps it: the queue and the count of seats follow from the registrations."""

    life: Life | None
    registrations: list[Registration]
    latest: dict[str, str]
    first: int
    last: int
    asked: int
    version: int
    edited: int
    messages: tuple[str, ...] = ()


_KEPT = TypeAdapter(_Kept)


def dump(session: Session) -> bytes:
    """A session as a snapshot."""
    roster = session.roster
    registrations, latest = list(roster.registrations.values()), dict(roster.latest)
    return _KEPT.dump_json(
        _Kept(
            session.life,
            registrations,
            latest,
            roster.first,
            roster.last,
            roster.asked,
            session.version,
            session.edited,
            tuple(sorted(session.messages)),
        )
    )


def load(snapshot: bytes) -> Session:
    """A session from its snapshot."""
    kept = _KEPT.validate_json(snapshot)
    roster = Roster.of_all(kept.registrations, kept.latest, kept.first, kept.last, kept.asked)
    return Session(kept.life, roster, kept.version, kept.edited, frozenset(kept.messages))


DECIDER: Decider[Session, Command, SessionEvent] = Decider(
    category="session",
    initial=Session(),
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(*LIFE_EVENTS, *registration_events.EVENTS, GroupMessageRequested, RegistrationsForgotten),
    snapshots=Snapshots(every=2000, form=3, dump=dump, load=load),
)
