"""A session's life, from draft to documentation, apart from its people (`session.py` joins the two)."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from services.events.life_commands import Unanswered
from services.events.programme import Content, Documentation
from services.events.times import WallTime, When
from shared.kernel.decider import Event

type Stage = Literal["drafted", "announced", "postponed", "cancelled", "held", "documented"]
type ClosingCause = Literal["organiser", "window", "session_begins"]
type Intake = Literal["not_opened", "open", "closed", "ended"]


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


class AnnouncementScheduled(Event):
    """The clock will make the draft public at that time; None takes it back."""

    session_id: str
    announce_at: WallTime | None


class AnnouncementMissed(Event):
    """The time to announce the draft came, and `obstacle` (the code of a problem) stood against it."""

    session_id: str
    obstacle: str


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
    """The session moved and its window with it. Until `answer_by` people say whether the new date suits."""

    previous: When
    reason: str
    registration_closes_at: WallTime | None
    history: bool = False
    registration_opens_at: WallTime | None = None
    answer_by: WallTime | None = None
    unanswered: Unanswered | None = None
    questions_close_at: WallTime | None = None


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
    """The session takes place after all. `answer_by` is the time to answer where a question goes on."""

    answer_by: WallTime | None = None


class AnswersEnded(Event):
    """Nobody is asked any more whether the new date suits."""

    session_id: str


class SessionHeld(OfSession):
    """The session took place; as what may be known or not."""

    documentation: Documentation | None = None


class SessionDocumented(OfSession):
    """What the session was can be read."""

    documentation: Documentation


type LifeEvent = (
    SessionDrafted
    | SessionRevised
    | AnnouncementScheduled
    | AnnouncementMissed
    | SessionAnnounced
    | SessionScheduled
    | RegistrationOpened
    | RegistrationClosed
    | SessionPostponed
    | SessionRelocated
    | AgendaPublished
    | SessionCancelled
    | SessionReinstated
    | AnswersEnded
    | SessionHeld
    | SessionDocumented
)
LIFE_EVENTS = (
    SessionDrafted,
    SessionRevised,
    AnnouncementScheduled,
    AnnouncementMissed,
    SessionAnnounced,
    SessionScheduled,
    RegistrationOpened,
    RegistrationClosed,
    SessionPostponed,
    SessionRelocated,
    AgendaPublished,
    SessionCancelled,
    SessionReinstated,
    AnswersEnded,
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
class Asking:
    """Who takes part says until `answer_by` whether the new date suits; who does not say then stays or goes."""

    answer_by: WallTime
    unanswered: Unanswered


@dataclass(frozen=True, slots=True)
class Life:
    """A session apart from its people. `earlier` are the dates it was postponed from, oldest first.

    `ended_at` is when the clock last ended registration. `announcement_obstacle` is what stood against an announcement
    at `announce_at`. `asking` rests while the date is open and while the session is cancelled.
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
    announce_at: WallTime | None = None
    announcement_obstacle: str | None = None
    asking: Asking | None = None

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
        return self.starts_at and (min(self.starts_at, closes_at, key=instant) if closes_at else self.starts_at)

    @property
    def answers_end(self) -> datetime | None:
        """Until when people say whether the new date suits; None while nobody is asked."""
        return self.asking.answer_by if self.asking and self.ahead and self.when.day else None

    @property
    def due(self) -> datetime | None:
        """When time itself does something next."""
        if self.stage == "drafted" and not self.announcement_obstacle:
            return self.announce_at
        if not self.ahead:
            return None
        opens_at = self.content.registration_opens_at if self.awaits_window and self.registration_ends else None
        ends = self.registration_ends if self.intake == "open" or self.awaits_window else None
        over = None if self.history else self.when.over
        return min(filter(None, (opens_at, ends, over, self.answers_end)), key=instant, default=None)

    def obstacle(self, at: datetime) -> str | None:
        """Why the session does not take place, or no longer."""
        if self.ahead:
            return "session_over" if self.starts_at and self.starts_at <= at else None
        return {"drafted": "session_not_announced", "cancelled": "session_cancelled"}.get(self.stage, "session_over")

    def unanswered_go(self, at: datetime) -> bool:
        """Whether who has not said that the new date suits has no place any more."""
        ends = self.answers_end
        return ends is not None and ends <= at and self.asking is not None and self.asking.unanswered == "go"

    def registration_obstacle(self, at: datetime) -> str | None:
        """Why nobody may register now. Without a time nobody ever may."""
        if obstacle := self.obstacle(at):
            return obstacle
        if self.registration_ends is None:
            return "session_without_time"
        return None if self.intake == "open" and at < self.registration_ends else "registration_closed"


def instant(time: datetime) -> datetime:
    """Comparable across a change of the clocks, which times of one zone are not."""
    return time.astimezone(UTC)


def evolve(life: Life | None, event: LifeEvent) -> Life:
    """Records an event of the session apart from its people."""
    if isinstance(event, SessionDrafted):
        return Life(event.session_id, event.content, event.when)
    assert life is not None, "a stream begins with its draft"
    match event:
        case SessionRevised() | AnnouncementScheduled() | AnnouncementMissed() | AgendaPublished():
            return _edited(life, event)
        case SessionAnnounced():
            return _announced(life, event)
        case SessionScheduled() | SessionRelocated():
            return replace(life, when=event.when, sequence=event.sequence)
        case RegistrationOpened():
            return replace(life, intake="open")
        case RegistrationClosed():
            return _closed(life, event)
        case SessionPostponed():
            return _postponed(life, event)
        case SessionCancelled():
            return replace(
                life, stage="cancelled", before=life.stage, cancelled_for=event.reason, sequence=event.sequence
            )
        case SessionReinstated():
            return _reinstated(life, event)
        case AnswersEnded():
            return replace(life, asking=None)
        case SessionHeld():
            return replace(life, stage="held", documentation=event.documentation, asking=None)
        case SessionDocumented():
            return replace(life, stage="documented", documentation=event.documentation)


def _edited(life: Life, event: SessionRevised | AnnouncementScheduled | AnnouncementMissed | AgendaPublished) -> Life:
    match event:
        case SessionRevised():
            return replace(life, content=event.content, when=event.when)
        case AnnouncementScheduled():
            return replace(life, announce_at=event.announce_at, announcement_obstacle=None)
        case AnnouncementMissed():
            return replace(life, announcement_obstacle=event.obstacle)
        case AgendaPublished():
            return replace(life, agenda_version=event.agenda_version)


def _announced(life: Life, event: SessionAnnounced) -> Life:
    return replace(
        life,
        stage="announced",
        announced_at=None if event.history else event.at,
        history=event.history,
        agenda_version=1,
        announce_at=None,
        announcement_obstacle=None,
    )


def _closed(life: Life, event: RegistrationClosed) -> Life:
    if event.cause == "organiser":
        return replace(life, intake="closed")
    return replace(life, intake="ended", ended_at=event.at)


def _postponed(life: Life, event: SessionPostponed) -> Life:
    window = {
        "registration_opens_at": event.registration_opens_at or life.content.registration_opens_at,
        "registration_closes_at": event.registration_closes_at,
        "questions_close_at": event.questions_close_at,
    }
    return replace(
        life,
        stage="postponed",
        content=life.content.model_copy(update=window),
        when=event.when,
        earlier=(*life.earlier, Postponement(event.previous, event.reason, None if event.history else event.at)),
        sequence=event.sequence,
        history=event.history,
        asking=_asking(event) or (None if event.when.day else life.asking),
    )


def _asking(event: SessionPostponed) -> Asking | None:
    return Asking(event.answer_by, event.unanswered or "stay") if event.answer_by else None


def _reinstated(life: Life, event: SessionReinstated) -> Life:
    asking = replace(life.asking, answer_by=event.answer_by) if life.asking and event.answer_by else life.asking
    return replace(life, stage=life.before, cancelled_for=None, sequence=event.sequence, asking=asking)


def named(life: Life, at: datetime, *, when: When | None = None, sequence: int | None = None) -> dict[str, Any]:
    """What every public fact about the session says of it; `sequence` and `when` where they are others after it."""
    return {
        "session_id": life.session_id,
        "series_id": life.content.series_id,
        "title": life.content.title,
        "sequence": life.sequence if sequence is None else sequence,
        "when": when or life.when,
        "at": at,
    }
