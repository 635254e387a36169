"""How a session becomes public: by an editor, or by the clock at a time an editor chose."""

from datetime import datetime

from services.events.life import AnnouncementMissed, AnnouncementScheduled, Life, LifeEvent, SessionAnnounced, named
from services.events.life_commands import AnnounceSession, ScheduleAnnouncement
from services.events.times import refuse_past
from shared.kernel.decider import Refused


def announce(command: AnnounceSession, life: Life, at: datetime) -> list[LifeEvent]:
    """Only a date to come can be announced, unless it is history."""
    if life.ahead:
        return []
    if life.stage != "drafted":
        raise Refused("session_cancelled" if life.stage == "cancelled" else "session_over")
    if not command.history:
        refuse_past(life.when, at)
    return [SessionAnnounced(content=life.content, history=command.history, **named(life, at))]


def schedule(command: ScheduleAnnouncement, life: Life, at: datetime) -> list[LifeEvent]:
    """A draft is announced later, at a time to come, before the session begins."""
    if life.stage != "drafted":
        raise Refused("session_announced")
    announce_at = command.announce_at
    if announce_at == life.announce_at and not life.announcement_obstacle:
        return []
    if announce_at and announce_at <= at:
        raise Refused("announcement_in_past", field="/announce_at")
    if announce_at and obstacle_at(life, announce_at):
        raise Refused("announcement_too_late", field="/announce_at")
    return [AnnouncementScheduled(session_id=life.session_id, announce_at=announce_at, at=at)]


def obstacle_at(life: Life, at: datetime) -> str | None:
    """The code of what would keep the draft from being announced at that time."""
    try:
        refuse_past(life.when, at)
    except Refused as refused:
        return refused.code
    return None


def announcement_due(life: Life, at: datetime) -> list[LifeEvent]:
    """What the clock makes of a draft whose time has come; a draft that has to wait for an editor says why."""
    if life.stage != "drafted" or life.announcement_obstacle or not life.announce_at or life.announce_at > at:
        return []
    if obstacle := obstacle_at(life, at):
        return [AnnouncementMissed(session_id=life.session_id, obstacle=obstacle, at=at)]
    return [SessionAnnounced(content=life.content, **named(life, at))]
