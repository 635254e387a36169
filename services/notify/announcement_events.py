"""What happens to an announcement."""

from datetime import datetime

from services.notify.announcement_content import Content, Dating, MailPlan
from shared.kernel.decider import Event


class AnnouncementDrafted(Event):
    """A draft was begun."""

    announcement_id: str
    content: Content


class AnnouncementRevised(Event):
    """A draft reads differently."""

    content: Content


class MailingPlanned(Event):
    """When it is published it is mailed as planned; without a plan it is not."""

    plan: MailPlan | None


class AnnouncementScheduled(Event):
    """It is published by itself at that moment; `recipients` is how many people the audience had."""

    publish_at: datetime
    recipients: int | None = None


class ScheduleCancelled(Event):
    """It is not published by itself."""


class AnnouncementPublished(Event):
    """It can be read on the portal; with `mailing` it goes out by mail, too.

    `scheduled_for` is the moment it was planned for, when nobody but the clock published it.
    """

    announcement_id: str
    content: Content
    dating: Dating
    mailing: MailPlan | None = None
    scheduled_for: datetime | None = None


class AnnouncementCorrected(Event):
    """What is published reads differently, for a stated reason; `mailed` to those who had got it by mail."""

    announcement_id: str
    content: Content
    note: str
    mailed: bool = False


class InvitedReminded(Event):
    """Who was invited and has not answered is asked once more."""

    announcement_id: str


class MailingStopped(Event):
    """Nobody more gets it by mail."""

    reason: str


class AnnouncementWithdrawn(Event):
    """It is no longer shown; `was_published` tells a news item from a draft that was dropped."""

    announcement_id: str
    content: Content
    reason: str
    was_published: bool


type AnnouncementEvent = (
    AnnouncementDrafted
    | AnnouncementRevised
    | MailingPlanned
    | AnnouncementScheduled
    | ScheduleCancelled
    | AnnouncementPublished
    | AnnouncementCorrected
    | InvitedReminded
    | MailingStopped
    | AnnouncementWithdrawn
)
