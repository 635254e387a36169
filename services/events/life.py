"""A session's life, from draft to documentation, apart from its people (`session.py` joins the two)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import reduce
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from services.events.programme import Content, Documentation
from services.events.times import WallTime, Weekday, When, check, moved, refuse_past
from shared.contracts import events as contracts
from shared.contracts.contract import Contract
from shared.kernel.decider import Event, Refused
from shared.kernel.texts import Line

type Stage = Literal["drafted", "announced", "postponed", "cancelled", "held", "documented"]
type ClosingCause = Literal["organiser", "window", "session_begins"]
type Intake = Literal["not_opened", "open", "closed", "ended"]


class ForSession(BaseModel):
    """A command about a session's life. With `history`, where there is one, dates may lie in the past."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DraftSession(ForSession):
    """A session nobody but editors sees."""

    session_id: str
    content: Content
    when: When
    weekday: Weekday | None = None


class ReviseSession(ForSession):
    """New content. `seen` is the version the editor saw; an announced session is moved by postponing only."""

    content: Content
    when: When
    weekday: Weekday | None = None
    seen: int | None = None


class AnnounceSession(ForSession):
    """Makes a draft public."""

    history: bool = False


class OpenRegistration(ForSession):
    """People may register from now on, before the window or without one."""


class CloseRegistration(ForSession):
    """Nobody may register any more."""


class PostponeSession(ForSession):
    """To another time, or with the new date open. `keep_length`: an end moves along on the wall."""

    when: When
    reason: Line
    weekday: Weekday | None = None
    keep_length: bool = False
    history: bool = False


class CancelSession(ForSession):
    """The session will not take place."""

    reason: Line


class ReinstateSession(ForSession):
    """The session takes place after all."""


class RecordHeld(ForSession):
    """The session took place, and as what, if that is known; for loaded history, which may not even have a date."""

    documentation: Documentation | None = None


class DocumentSession(ForSession):
    """What the session was. May be said again with more."""

    documentation: Documentation


type LifeCommand = (
    DraftSession
    | ReviseSession
    | AnnounceSession
    | OpenRegistration
    | CloseRegistration
    | PostponeSession
    | CancelSession
    | ReinstateSession
    | RecordHeld
    | DocumentSession
)


class SessionDrafted(Event):
    """A session was begun."""

    session_id: str
    content: Content
    when: When


class SessionRevised(Event):
    """Its content is another; `when` differs in drafts only."""

    session_id: str
    content: Content
    when: When


class OfSession(Event):
    """A public fact about a session: names it as its contract does; `sequence` and `when` are those after it."""

    session_id: str
    series_id: str
    title: str
    sequence: int
    when: When


class SessionAnnounced(OfSession):
    """The session is public."""

    content: Content
    history: bool = False


class SessionScheduled(OfSession):
    """A time or an end that was not known is known."""

    previous: When


class RegistrationOpened(OfSession):
    """People may register."""

    closes_at: WallTime | None
    capacity: int | None


class RegistrationClosed(OfSession):
    """Nobody may register any more."""

    cause: ClosingCause


class SessionPostponed(OfSession):
    """The session moved; the window's end moved with it."""

    previous: When
    reason: str
    registration_closes_at: WallTime | None
    history: bool = False


class SessionRelocated(OfSession):
    """Another place, mode or link."""

    content: Content
    previous: Content


class AgendaPublished(OfSession):
    """The planned programme has a new version."""

    agenda_version: int
    content: Content


class SessionCancelled(OfSession):
    """The session will not take place."""

    reason: str


class SessionReinstated(OfSession):
    """The session takes place after all."""


class SessionHeld(OfSession):
    """The session took place; as what may be known or not."""

    documentation: Documentation | None = None


class SessionDocumented(OfSession):
    """What the session was can be read."""

    documentation: Documentation


type LifeEvent = (
    SessionDrafted
    | SessionRevised
    | SessionAnnounced
    | SessionScheduled
    | RegistrationOpened
    | RegistrationClosed
    | SessionPostponed
    | SessionRelocated
    | AgendaPublished
    | SessionCancelled
    | SessionReinstated
    | SessionHeld
    | SessionDocumented
)
LIFE_EVENTS = (
    SessionDrafted,
    SessionRevised,
    SessionAnnounced,
    SessionScheduled,
    RegistrationOpened,
    RegistrationClosed,
    SessionPostponed,
    SessionRelocated,
    AgendaPublished,
    SessionCancelled,
    SessionReinstated,
    SessionHeld,
    SessionDocumented,
)


@dataclass(frozen=True, slots=True)
class Postponement:
    """A date that no longer holds and why; `at` is not known of loaded history."""

    when: When
    reason: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Life:
    """A session apart from its people. `earlier` are the dates it was postponed from, oldest first.

    `ended_at` is when the clock last ended registration.
    """

    session_id: str
    content: Content
    when: When
    stage: Stage = "drafted"
    before: Stage = "drafted"
    earlier: tuple[Postponement, ...] = ()
    cancelled_for: str | None = None
    announced_at: datetime | None = None
    sequence: int = 0
    intake: Intake = "not_opened"
    ended_at: datetime | None = None
    history: bool = False
    agenda_version: int = 0
    documentation: Documentation | None = None

    @property
    def capacity(self) -> int | None:
        """How many seats there are; None for no limit."""
        return self.content.capacity

    @property
    def starts_at(self) -> datetime | None:
        """The begin, if a time is known."""
        return self.when.starts_at

    @property
    def ahead(self) -> bool:
        """Whether the session is public and neither cancelled nor held."""
        return self.stage in {"announced", "postponed"}

    @property
    def awaits_window(self) -> bool:
        """Whether registration is still to be opened by its window: the first one, or another after one that ended."""
        opens_at = self.content.registration_opens_at
        if self.intake == "ended" and self.ended_at and opens_at and self.registration_ends:
            return self.ended_at < opens_at < self.registration_ends
        return self.intake == "not_opened" and opens_at is not None

    @property
    def registration_ends(self) -> datetime | None:
        """The last moment to register: the window's end, at the latest the begin. None without a time."""
        closes_at = self.content.registration_closes_at
        return self.starts_at and (min(self.starts_at, closes_at, key=_instant) if closes_at else self.starts_at)

    @property
    def due(self) -> datetime | None:
        """When time itself does something next."""
        if not self.ahead:
            return None
        opens_at = self.content.registration_opens_at if self.awaits_window and self.registration_ends else None
        ends = self.registration_ends if self.intake == "open" or self.awaits_window else None
        over = None if self.history else self.when.over
        return min(filter(None, (opens_at, ends, over)), key=_instant, default=None)

    def obstacle(self, at: datetime) -> str | None:
        """Why the session does not take place, or no longer."""
        if self.ahead:
            return "session_over" if self.starts_at and self.starts_at <= at else None
        return {"drafted": "session_not_announced", "cancelled": "session_cancelled"}.get(self.stage, "session_over")

    def registration_obstacle(self, at: datetime) -> str | None:
        """Why nobody may register now. Without a time nobody ever may."""
        if obstacle := self.obstacle(at):
            return obstacle
        if self.registration_ends is None:
            return "session_without_time"
        return None if self.intake == "open" and at < self.registration_ends else "registration_closed"


def _instant(time: datetime) -> datetime:
    """Comparable across a change of the clocks, which times of one zone are not."""
    return time.astimezone(UTC)


def evolve(life: Life | None, event: LifeEvent) -> Life:
    """Records an event of the session apart from its people."""
    if isinstance(event, SessionDrafted):
        return Life(event.session_id, event.content, event.when)
    assert life is not None, "a stream begins with its draft"
    match event:
        case SessionRevised():
            return replace(life, content=event.content, when=event.when)
        case SessionAnnounced():
            announced_at = None if event.history else event.at
            return replace(life, stage="announced", announced_at=announced_at, history=event.history, agenda_version=1)
        case SessionScheduled() | SessionRelocated():
            return replace(life, when=event.when, sequence=event.sequence)
        case RegistrationOpened():
            return replace(life, intake="open")
        case RegistrationClosed():
            return _closed(life, event)
        case SessionPostponed():
            return _postponed(life, event)
        case AgendaPublished():
            return replace(life, agenda_version=event.agenda_version)
        case SessionCancelled():
            return replace(
                life, stage="cancelled", before=life.stage, cancelled_for=event.reason, sequence=event.sequence
            )
        case SessionReinstated():
            return replace(life, stage=life.before, cancelled_for=None, sequence=event.sequence)
        case SessionHeld():
            return replace(life, stage="held", documentation=event.documentation)
        case SessionDocumented():
            return replace(life, stage="documented", documentation=event.documentation)


def _closed(life: Life, event: RegistrationClosed) -> Life:
    if event.cause == "organiser":
        return replace(life, intake="closed")
    return replace(life, intake="ended", ended_at=event.at)


def _postponed(life: Life, event: SessionPostponed) -> Life:
    content = life.content.model_copy(update={"registration_closes_at": event.registration_closes_at})
    return replace(
        life,
        stage="postponed",
        content=content,
        when=event.when,
        earlier=(*life.earlier, Postponement(event.previous, event.reason, None if event.history else event.at)),
        sequence=event.sequence,
        history=event.history,
    )


def decide(command: LifeCommand, life: Life, at: datetime, *, stale: bool = False) -> Sequence[LifeEvent]:
    """What becomes of a command about a session that is there. `stale`: the editor saw an older version."""
    match command:
        case DraftSession():
            return []
        case ReviseSession():
            return revise(command, life, at, stale=stale)
        case AnnounceSession():
            return announce(command, life, at)
        case OpenRegistration():
            return open_registration(life, at)
        case CloseRegistration():
            return close_registration(life, at)
        case PostponeSession():
            return postpone(command, life, at)
        case CancelSession():
            return cancel(command, life, at)
        case ReinstateSession():
            return reinstate(life, at)
        case RecordHeld():
            return record_held(command, life, at)
        case DocumentSession():
            return document(command, life, at)


def draft(command: DraftSession, at: datetime) -> list[LifeEvent]:
    """A draft may have any date; announcing looks at it again."""
    check(command.when, command.weekday)
    _check_window(command.content)
    return [SessionDrafted(session_id=command.session_id, content=command.content, when=command.when, at=at)]


def revise(command: ReviseSession, life: Life, at: datetime, *, stale: bool) -> list[LifeEvent]:
    """Changes a draft freely; of an announced session everything but a date that is known."""
    check(command.when, command.weekday)
    if command.content == life.content and command.when == life.when:
        return []
    _check_window(command.content)
    if stale:
        raise Refused("stale_version")
    if life.stage == "drafted":
        return [SessionRevised(session_id=life.session_id, content=command.content, when=command.when, at=at)]
    if not life.ahead:
        raise Refused("session_cancelled" if life.stage == "cancelled" else "session_over")
    revised = SessionRevised(session_id=life.session_id, content=command.content, when=life.when, at=at)
    after = evolve(life, revised)
    scheduled = _scheduled(command.when, after, at)
    after = reduce(evolve, scheduled, after)
    relocated = _relocated(life.content, after, at)
    return [revised, *scheduled, *relocated, *_agenda(life, reduce(evolve, relocated, after), at)]


def _check_window(content: Content) -> None:
    opens_at, closes_at = content.registration_opens_at, content.registration_closes_at
    if opens_at and closes_at and _instant(closes_at) <= _instant(opens_at):
        raise Refused("ends_before_start", field="/registration_closes_at")


def _scheduled(when: When, life: Life, at: datetime) -> list[LifeEvent]:
    if when == life.when:
        return []
    open_date = life.stage == "postponed" and life.when.day is None
    if open_date or not when.refines(life.when):
        raise Refused("postponement_required")
    refuse_past(when, at)
    return [SessionScheduled(previous=life.when, **_named(life, at, when=when, sequence=life.sequence + 1))]


def _relocated(before: Content, life: Life, at: datetime) -> list[LifeEvent]:
    if (before.mode, before.venue, before.access_link) == (
        life.content.mode,
        life.content.venue,
        life.content.access_link,
    ):
        return []
    return [SessionRelocated(content=life.content, previous=before, **_named(life, at, sequence=life.sequence + 1))]


def _agenda(before: Life, life: Life, at: datetime) -> list[LifeEvent]:
    if before.content.agenda == life.content.agenda:
        return []
    return [AgendaPublished(agenda_version=life.agenda_version + 1, content=life.content, **_named(life, at))]


def announce(command: AnnounceSession, life: Life, at: datetime) -> list[LifeEvent]:
    """Only a date to come can be announced, unless it is history."""
    if life.ahead:
        return []
    if life.stage != "drafted":
        raise Refused("session_cancelled" if life.stage == "cancelled" else "session_over")
    if not command.history:
        refuse_past(life.when, at)
    return [SessionAnnounced(content=life.content, history=command.history, **_named(life, at))]


def open_registration(life: Life, at: datetime) -> list[LifeEvent]:
    """Needs a time to come, and a window that has not ended."""
    _must_take_place(life, at)
    if life.starts_at is None:
        raise Refused("session_without_time")
    if life.registration_ends and life.registration_ends <= at:
        raise Refused("registration_window_over")
    return [] if life.intake == "open" else [_opened(life, at)]


def close_registration(life: Life, at: datetime) -> list[LifeEvent]:
    """By an organiser, for good or until opened again. Before the opening it keeps the window from opening."""
    _must_take_place(life, at)
    return [] if life.intake == "closed" else [RegistrationClosed(cause="organiser", **_named(life, at))]


def postpone(command: PostponeSession, life: Life, at: datetime) -> list[LifeEvent]:
    """To a date to come or to none yet, as often as needed; an open end of registration moves along."""
    if not life.ahead:
        raise Refused(life.obstacle(at) or "session_over")
    known = (life.when, *(earlier.when for earlier in reversed(life.earlier)))
    timed = next((when for when in known if when.starts_at), When())
    when = command.when
    if command.keep_length and when.starts_at and timed.ends_at:
        when = when.model_copy(update={"ends_at": moved(timed.ends_at, timed.starts_at, when.starts_at)})
    check(when, command.weekday)
    if when == life.when and life.stage == "postponed":
        return []
    if when == life.when:
        raise Refused("date_unchanged")
    if not command.history:
        refuse_past(when, at)
    closes_at = moved(life.content.registration_closes_at, timed.starts_at, when.starts_at)
    named = _named(life, at, when=when, sequence=life.sequence + 1)
    return [
        SessionPostponed(
            previous=life.when,
            reason=command.reason,
            registration_closes_at=closes_at,
            history=command.history,
            **named,
        )
    ]


def cancel(command: CancelSession, life: Life, at: datetime) -> list[LifeEvent]:
    """Possible until the session is held."""
    if life.stage == "cancelled":
        return []
    if not life.ahead:
        raise Refused(life.obstacle(at) or "session_over")
    return [SessionCancelled(reason=command.reason, **_named(life, at, sequence=life.sequence + 1))]


def reinstate(life: Life, at: datetime) -> list[LifeEvent]:
    """A cancelled session takes place after all, if its date is still to come."""
    if life.ahead:
        return []
    if life.stage != "cancelled":
        raise Refused(life.obstacle(at) or "session_over")
    refuse_past(life.when, at)
    return [SessionReinstated(**_named(life, at, sequence=life.sequence + 1))]


def record_held(command: RecordHeld, life: Life, at: datetime) -> list[LifeEvent]:
    """What is known to have taken place."""
    if life.stage in {"held", "documented"}:
        return []
    if not life.ahead:
        raise Refused(life.obstacle(at) or "session_over")
    return [SessionHeld(documentation=command.documentation, **_named(life, at))]


def document(command: DocumentSession, life: Life, at: datetime) -> list[LifeEvent]:
    """Describes a session that was held, or is over."""
    if life.stage == "documented" and life.documentation == command.documentation:
        return []
    documented = SessionDocumented(documentation=command.documentation, **_named(life, at))
    if life.stage in {"held", "documented"}:
        return [documented]
    if life.stage in {"drafted", "cancelled"}:
        raise Refused(life.obstacle(at) or "session_over")
    if life.when.over is None or life.when.over > at:
        raise Refused("session_not_over")
    return [SessionHeld(**_named(life, at)), documented]


def fall_due(life: Life, at: datetime) -> list[LifeEvent]:
    """What the clock says: the window opens or ends, the session is over."""
    return [*_window(life, at), *_over(life, at)]


def _window(life: Life, at: datetime) -> list[LifeEvent]:
    """While the date is open nothing ends; what the clock ended opens again when a new date or window allows it."""
    opens_at, ends = life.content.registration_opens_at, life.registration_ends
    if not life.ahead or ends is None:
        return []
    if ends <= at and (life.intake == "open" or life.awaits_window):
        cause: ClosingCause = "session_begins" if ends == life.starts_at else "window"
        return [RegistrationClosed(cause=cause, **_named(life, at))]
    opens = opens_at is not None and opens_at <= at if life.awaits_window else life.intake == "ended"
    return [_opened(life, at)] if opens and at < ends else []


def _over(life: Life, at: datetime) -> list[LifeEvent]:
    over = life.when.over if life.ahead and not life.history else None
    return [SessionHeld(**_named(life, at))] if over and over <= at else []


def _opened(life: Life, at: datetime) -> LifeEvent:
    closes_at = life.content.registration_closes_at
    return RegistrationOpened(closes_at=closes_at, capacity=life.capacity, **_named(life, at))


def _must_take_place(life: Life, at: datetime) -> None:
    if obstacle := life.obstacle(at):
        raise Refused(obstacle)


def _named(life: Life, at: datetime, *, when: When | None = None, sequence: int | None = None) -> dict[str, Any]:
    return {
        "session_id": life.session_id,
        "series_id": life.content.series_id,
        "title": life.content.title,
        "sequence": life.sequence if sequence is None else sequence,
        "when": when or life.when,
        "at": at,
    }


def publish(event: LifeEvent) -> Contract | None:
    """The contract an event becomes; drafts and corrections become none."""
    match event:
        case SessionDrafted() | SessionRevised():
            return None
        case SessionAnnounced():
            return _announced(event)
        case SessionScheduled():
            return contracts.SessionScheduled(previous=event.previous.times(), **_ids(event))
        case RegistrationOpened():
            return contracts.SessionRegistrationOpened(
                closes_at=event.closes_at, capacity=event.capacity, **_ids(event)
            )
        case RegistrationClosed():
            return contracts.SessionRegistrationClosed(cause=event.cause, **_ids(event))
        case SessionPostponed():
            return contracts.SessionPostponed(previous=event.previous.times(), reason=event.reason, **_ids(event))
        case SessionRelocated():
            return _relocation(event)
        case AgendaPublished():
            talks = tuple(talk.held() for talk in event.content.agenda)
            return contracts.SessionAgendaPublished(agenda_version=event.agenda_version, talks=talks, **_ids(event))
        case SessionCancelled():
            return contracts.SessionCancelled(reason=event.reason, **_ids(event))
        case SessionReinstated():
            return contracts.SessionReinstated(**_ids(event))
        case SessionHeld():
            return contracts.SessionHeld(**_ids(event))
        case SessionDocumented():
            talks = tuple(talk.held() for talk in event.documentation.talks)
            return contracts.SessionDocumented(talks=talks, **_ids(event))


def _announced(event: SessionAnnounced) -> Contract:
    content = event.content
    return contracts.SessionAnnounced(
        mode=content.mode,
        venue=content.venue.place() if content.venue else None,
        topics=content.topics,
        registration_required=content.registration_required,
        free_of_charge=content.free_of_charge,
        registration_opens_at=content.registration_opens_at,
        registration_closes_at=content.registration_closes_at,
        capacity=content.capacity,
        **_ids(event),
    )


def _relocation(event: SessionRelocated) -> Contract:
    return contracts.SessionRelocated(
        mode=event.content.mode,
        venue=event.content.venue.place() if event.content.venue else None,
        previous_mode=event.previous.mode,
        previous_venue=event.previous.venue.place() if event.previous.venue else None,
        access_link_changed=event.content.access_link != event.previous.access_link,
        **_ids(event),
    )


def _ids(event: OfSession) -> dict[str, Any]:
    return {
        "session_id": event.session_id,
        "series_id": event.series_id,
        "title": event.title,
        "sequence": event.sequence,
        **event.when.times().model_dump(),
    }
