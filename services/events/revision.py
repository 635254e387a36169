"""How a session is drafted and revised: freely before its announcement, and without moving a known date after it."""

from datetime import datetime
from functools import reduce

from services.events.life import (
    AgendaPublished,
    Life,
    LifeEvent,
    SessionDrafted,
    SessionRelocated,
    SessionRevised,
    SessionScheduled,
    evolve,
    instant,
    named,
)
from services.events.life_commands import DraftSession, ReviseSession
from services.events.programme import Content, Talk
from services.events.times import When, check, refuse_past
from shared.kernel.decider import Refused


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
    if opens_at and closes_at and instant(closes_at) <= instant(opens_at):
        raise Refused("ends_before_start", field="/registration_closes_at")


def _scheduled(when: When, life: Life, at: datetime) -> list[LifeEvent]:
    if when == life.when:
        return []
    open_date = life.stage == "postponed" and life.when.day is None
    if open_date or not when.refines(life.when):
        raise Refused("postponement_required")
    refuse_past(when, at)
    return [SessionScheduled(previous=life.when, **named(life, at, when=when, sequence=life.sequence + 1))]


def _relocated(before: Content, life: Life, at: datetime) -> list[LifeEvent]:
    if (before.mode, before.venue, before.access_link) == (
        life.content.mode,
        life.content.venue,
        life.content.access_link,
    ):
        return []
    return [SessionRelocated(content=life.content, previous=before, **named(life, at, sequence=life.sequence + 1))]


def _without_ids(content: Content) -> list[Talk]:
    """The agenda as it reads: that a talk of old got an id makes no new version."""
    return [talk.model_copy(update={"talk_id": None}) for talk in content.agenda]


def _agenda(before: Life, life: Life, at: datetime) -> list[LifeEvent]:
    if _without_ids(before.content) == _without_ids(life.content):
        return []
    return [AgendaPublished(agenda_version=life.agenda_version + 1, content=life.content, **named(life, at))]
