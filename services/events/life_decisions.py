"""What becomes of a command about a session's life, and what the clock says about it."""

from collections.abc import Sequence
from datetime import datetime
from functools import reduce

from services.events.announcement import announce, announcement_due, schedule
from services.events.life import Life, LifeEvent, SessionDocumented, SessionHeld, evolve, named
from services.events.life_commands import (
    AnnounceSession,
    CancelSession,
    CloseRegistration,
    DocumentSession,
    DraftSession,
    LifeCommand,
    OpenRegistration,
    PostponeSession,
    RecordHeld,
    ReinstateSession,
    ReviseSession,
    ScheduleAnnouncement,
)
from services.events.postponement import cancel, postpone, reinstate
from services.events.registration_window import close_registration, open_registration, window
from services.events.revision import revise
from shared.kernel.decider import Refused


def decide(command: LifeCommand, life: Life, at: datetime, *, stale: bool = False) -> Sequence[LifeEvent]:
    """What becomes of a command about a session that is there. `stale`: the editor saw an older version."""
    match command:
        case DraftSession():
            return []
        case ReviseSession():
            return revise(command, life, at, stale=stale)
        case AnnounceSession():
            return announce(command, life, at)
        case ScheduleAnnouncement():
            return schedule(command, life, at)
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


def record_held(command: RecordHeld, life: Life, at: datetime) -> list[LifeEvent]:
    """What is known to have taken place."""
    if life.stage in {"held", "documented"}:
        return []
    if not life.ahead:
        raise Refused(life.obstacle(at) or "session_over")
    return [SessionHeld(documentation=command.documentation, **named(life, at))]


def document(command: DocumentSession, life: Life, at: datetime) -> list[LifeEvent]:
    """Describes a session that was held, or is over."""
    if life.stage == "documented" and life.documentation == command.documentation:
        return []
    documented = SessionDocumented(documentation=command.documentation, **named(life, at))
    if life.stage in {"held", "documented"}:
        return [documented]
    if life.stage in {"drafted", "cancelled"}:
        raise Refused(life.obstacle(at) or "session_over")
    if life.when.over is None or life.when.over > at:
        raise Refused("session_not_over")
    return [SessionHeld(**named(life, at)), documented]


def fall_due(life: Life, at: datetime) -> list[LifeEvent]:
    """What the clock says: a draft becomes public, the window opens or ends, the session is over."""
    announced = announcement_due(life, at)
    life = reduce(evolve, announced, life)
    return [*announced, *window(life, at), *_over(life, at)]


def _over(life: Life, at: datetime) -> list[LifeEvent]:
    over = life.when.over if life.ahead and not life.history else None
    return [SessionHeld(**named(life, at))] if over and over <= at else []
