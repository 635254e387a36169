"""When people may register: by an organiser's word, and by a window that the clock opens and ends."""

from datetime import datetime

from services.events.life import ClosingCause, Life, LifeEvent, RegistrationClosed, RegistrationOpened, named
from shared.kernel.decider import Refused


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
    return [] if life.intake == "closed" else [RegistrationClosed(cause="organiser", **named(life, at))]


def window(life: Life, at: datetime) -> list[LifeEvent]:
    """While the date is open nothing ends; what the clock ended opens again when a new date or window allows it."""
    opens_at, ends = life.content.registration_opens_at, life.registration_ends
    if not life.ahead or ends is None:
        return []
    if ends <= at and (life.intake == "open" or life.awaits_window):
        cause: ClosingCause = "session_begins" if ends == life.starts_at else "window"
        return [RegistrationClosed(cause=cause, **named(life, at))]
    opens = opens_at is not None and opens_at <= at if life.awaits_window else life.intake == "ended"
    return [_opened(life, at)] if opens and at < ends else []


def _opened(life: Life, at: datetime) -> LifeEvent:
    closes_at = life.content.registration_closes_at
    return RegistrationOpened(closes_at=closes_at, capacity=life.capacity, **named(life, at))


def _must_take_place(life: Life, at: datetime) -> None:
    if obstacle := life.obstacle(at):
        raise Refused(obstacle)
