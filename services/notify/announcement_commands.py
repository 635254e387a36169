"""What can be asked of an announcement."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from services.notify.announcement_content import Audience, Content, Dating, MailPlan


class _Command(BaseModel):
    model_config = ConfigDict(frozen=True)


class Counted(_Command):
    """How many people an audience had when somebody looked (`seen`), and how many it has now."""

    audience: Audience
    seen: int
    now: int


class DraftAnnouncement(_Command):
    """Write a new announcement."""

    announcement_id: str
    content: Content


class ReviseAnnouncement(_Command):
    """Change a draft."""

    content: Content


class PlanMailing(_Command):
    """Have it mailed when it is published; without a plan it is not."""

    plan: MailPlan | None


class ScheduleAnnouncement(_Command):
    """Have it published by itself at that moment, or at that one instead of another."""

    publish_at: datetime
    recipients: Counted | None = None


class CancelSchedule(_Command):
    """Leave it a draft until somebody publishes it."""


class PublishScheduled(_Command):
    """The moment has come; one that it was moved away from brings nothing."""

    publish_at: datetime


class PublishAnnouncement(_Command):
    """Show it on the portal, and mail it if that is planned.

    `dating` is given for loaded history only, which is never mailed; otherwise it appears today.
    """

    dating: Dating | None = None
    recipients: Counted | None = None


class CorrectAnnouncement(_Command):
    """Change what is published, and tell its readers by `note` what was wrong.

    With `mailed` those who got it by mail get the correction as well.
    """

    content: Content
    note: str
    mailed: bool = False


class RemindInvited(_Command):
    """Ask those who were invited and have not answered once more."""


class StopMailing(_Command):
    """Send it to nobody who has not got it yet."""

    reason: str


class WithdrawAnnouncement(_Command):
    """Show it no longer; a draft is dropped."""

    reason: str


type Command = (
    DraftAnnouncement
    | ReviseAnnouncement
    | PlanMailing
    | ScheduleAnnouncement
    | CancelSchedule
    | PublishScheduled
    | PublishAnnouncement
    | CorrectAnnouncement
    | RemindInvited
    | StopMailing
    | WithdrawAnnouncement
)
