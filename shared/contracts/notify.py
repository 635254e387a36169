"""What the notification service promises to others: news of the portal, and what became of each message."""

from datetime import date
from typing import ClassVar, Literal

from shared.contracts.contract import Contract

type AnnouncementKind = Literal[
    "news",
    "session_announcement",
    "invitation",
    "postponement",
    "talks_published",
    "slides_available",
    "session_recap",
    "project_portrait",
    "resource_available",
]

type BounceReason = Literal["refused", "expired", "mailbox_unknown", "returned", "complaint", "suppressed"]


class AnnouncementPublished(Contract):
    """A news item can be read on the portal. `published_on` is missing where the day is not known.

    `mailed`: the portal sends it to an audience by mail itself.
    """

    type: ClassVar[str] = "ikz.notify.announcement.published.v1"
    key: ClassVar[str] = "announcement_id"

    announcement_id: str
    kind: AnnouncementKind
    title: str
    teaser: str
    published_on: date | None = None
    session_id: str | None = None
    project_id: str | None = None
    resource_id: str | None = None
    mailed: bool = False


class AnnouncementCorrected(Contract):
    """A published news item reads differently now; `note` tells its readers what was corrected."""

    type: ClassVar[str] = "ikz.notify.announcement.corrected.v1"
    key: ClassVar[str] = "announcement_id"

    announcement_id: str
    kind: AnnouncementKind
    title: str
    teaser: str
    note: str
    session_id: str | None = None
    project_id: str | None = None
    resource_id: str | None = None


class AnnouncementWithdrawn(Contract):
    """A published news item is no longer shown."""

    type: ClassVar[str] = "ikz.notify.announcement.withdrawn.v1"
    key: ClassVar[str] = "announcement_id"

    announcement_id: str
    title: str


class MessageDelivered(Contract):
    """The recipient's mail server has taken a message over. `cause` is the id of the event it was sent for."""

    type: ClassVar[str] = "ikz.notify.message.delivered.v1"
    key: ClassVar[str] = "message_id"

    message_id: str
    kind: str
    channel: Literal["email"]
    cause: str
    person_id: str
    session_id: str | None = None
    registration_id: str | None = None


class MessageBounced(Contract):
    """A message did not arrive and is not tried again; it may have been reported as delivered before.

    `reason`: `refused` (the recipient's server says never), `expired` (passing errors until it was too old to be of
    use), `mailbox_unknown` (it came back, for there is no such mailbox), `returned` (it came back for another reason),
    `complaint` (it arrived, and its reader took it for junk) or `suppressed` (it was not sent: what was sent to this
    address before did not arrive, or was complained of). `status` is an RFC 3463 code where one was given.
    """

    type: ClassVar[str] = "ikz.notify.message.bounced.v1"
    key: ClassVar[str] = "message_id"

    message_id: str
    kind: str
    channel: Literal["email"]
    cause: str
    person_id: str
    reason: BounceReason
    status: str | None = None
    session_id: str | None = None
    registration_id: str | None = None
