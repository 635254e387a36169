"""What happens to a session that does not take place as planned: postponed, cancelled, reinstated."""

from datetime import datetime, timedelta

from services.events.life import (
    AnswersEnded,
    Asking,
    Life,
    LifeEvent,
    SessionCancelled,
    SessionPostponed,
    SessionReinstated,
    instant,
    named,
)
from services.events.life_commands import CancelSession, PostponeSession
from services.events.times import WallTime, When, berlin, check, later_by, moved, refuse_past
from shared.kernel.decider import Refused

TIME_TO_ANSWER = timedelta(hours=24)


def postpone(command: PostponeSession, life: Life, at: datetime) -> list[LifeEvent]:
    """To a date to come or to none yet, as often as needed; whatever depends on the date moves along."""
    if not life.ahead:
        raise Refused(life.obstacle(at) or "session_over")
    when = _new_date(command, life)
    check(when, command.weekday)
    if when == life.when and life.stage == "postponed" and _asks_the_same(command, life):
        return []
    if when == life.when:
        raise Refused("date_unchanged")
    if not command.history:
        refuse_past(when, at)
    dated = next((known for known in _known(life) if known.day), When())
    asking = _asking(command, life, dated, when, at)
    moved_session = SessionPostponed(
        previous=life.when,
        reason=command.reason,
        registration_opens_at=_opens_at(life, dated, when),
        registration_closes_at=later_by(life.content.registration_closes_at, dated, when),
        questions_close_at=later_by(life.content.questions_close_at, dated, when),
        answer_by=asking and asking.answer_by,
        unanswered=asking and asking.unanswered,
        history=command.history,
        **named(life, at, when=when, sequence=life.sequence + 1),
    )
    ends = life.asking and when.day is None and not command.keep_asking
    return [moved_session, AnswersEnded(session_id=life.session_id, at=at)] if ends else [moved_session]


def _known(life: Life) -> list[When]:
    """The dates the session has had, the latest first."""
    return [life.when, *(earlier.when for earlier in reversed(life.earlier))]


def _new_date(command: PostponeSession, life: Life) -> When:
    timed = next((when for when in _known(life) if when.starts_at), When())
    starts_at = command.when.starts_at
    if not (command.keep_length and starts_at and timed.ends_at):
        return command.when
    return command.when.model_copy(update={"ends_at": moved(timed.ends_at, timed.starts_at, starts_at)})


def _asks_the_same(command: PostponeSession, life: Life) -> bool:
    if command.answer_by is None:
        return command.keep_asking or life.asking is None or life.when.day is None
    return life.asking == Asking(command.answer_by, command.unanswered)


def _opens_at(life: Life, old: When, new: When) -> WallTime | None:
    """What is open already does not open once more."""
    opens_at = life.content.registration_opens_at
    return opens_at if life.intake == "open" else later_by(opens_at, old, new)


def _asking(command: PostponeSession, life: Life, old: When, new: When, at: datetime) -> Asking | None:
    """Whether the new date suits can be asked until it comes; while the date is open there is nothing to ask."""
    asking = life.asking if command.keep_asking else None
    if command.answer_by:
        asking = Asking(command.answer_by, command.unanswered)
    if asking is None or (new.begins is None and command.answer_by is None):
        return None
    if new.begins is None:
        raise Refused("answer_by_without_date", field="/answer_by")
    answer_by = asking.answer_by if command.answer_by else later_by(asking.answer_by, old, new)
    if answer_by is None or answer_by <= at:
        raise Refused("answer_by_in_past", field="/answer_by")
    if instant(answer_by) >= instant(new.begins):
        raise Refused("answer_by_too_late", field="/answer_by")
    return Asking(answer_by, asking.unanswered)


def cancel(command: CancelSession, life: Life, at: datetime) -> list[LifeEvent]:
    """Possible until the session is held."""
    if life.stage == "cancelled":
        return []
    if not life.ahead:
        raise Refused(life.obstacle(at) or "session_over")
    return [SessionCancelled(reason=command.reason, **named(life, at, sequence=life.sequence + 1))]


def reinstate(life: Life, at: datetime) -> list[LifeEvent]:
    """A cancelled session takes place after all, if its date is still to come."""
    if life.ahead:
        return []
    if life.stage != "cancelled":
        raise Refused(life.obstacle(at) or "session_over")
    refuse_past(life.when, at)
    reinstated = SessionReinstated(answer_by=_answer_again(life, at), **named(life, at, sequence=life.sequence + 1))
    return [reinstated]


def _answer_again(life: Life, at: datetime) -> WallTime | None:
    """A day at least to say whether the date suits, as nobody could during the cancellation; not beyond the date."""
    last = life.when.starts_at or life.when.over
    if life.asking is None or last is None:
        return None
    return min(max(life.asking.answer_by, berlin(at + TIME_TO_ANSWER), key=instant), last, key=instant)
