"""What may be asked of a session's life: drafting, announcing, postponing, cancelling, documenting."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from services.events.programme import Content, Documentation
from services.events.times import WallTime, Weekday, When
from shared.kernel.texts import Line

type Unanswered = Literal["stay", "go"]


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


class ScheduleAnnouncement(ForSession):
    """The clock makes the draft public at that time; None takes it back."""

    announce_at: WallTime | None


class OpenRegistration(ForSession):
    """People may register from now on, before the window or without one."""


class CloseRegistration(ForSession):
    """Nobody may register any more."""


class PostponeSession(ForSession):
    """To another time, or with the new date open. `keep_length`: an end moves along on the wall.

    With `answer_by` everybody who has a place is asked whether the new date suits; who is `unanswered` then stays or
    goes. `keep_asking`: what was asked before is asked anew, and the time to answer moves along.
    """

    when: When
    reason: Line
    weekday: Weekday | None = None
    keep_length: bool = False
    answer_by: WallTime | None = None
    unanswered: Unanswered = "stay"
    keep_asking: bool = False
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
    | ScheduleAnnouncement
    | OpenRegistration
    | CloseRegistration
    | PostponeSession
    | CancelSession
    | ReinstateSession
    | RecordHeld
    | DocumentSession
)
