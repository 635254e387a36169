"""An announcement: a news item of the portal, written by editors, shown to everyone, corrected in the open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from services.notify.weekdays import contradictions
from shared.contracts import notify as contracts
from shared.contracts.contract import Contract
from shared.contracts.notify import AnnouncementKind
from shared.kernel.decider import Decider, Event, NotThere, Refused
from shared.kernel.texts import ONE_LINE, Id

BERLIN = ZoneInfo("Europe/Berlin")

type Target = Literal["session", "registration", "questions", "talks", "agenda", "project", "projects", "resource"]


class Action(BaseModel):
    """What a reader can do next: the words on the link and what of the announcement's references it leads to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str = Field(min_length=1, max_length=60, pattern=ONE_LINE)
    target: Target


class Content(BaseModel):
    """What is read. `body` is plain text, its paragraphs separated by an empty line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: AnnouncementKind = "news"
    title: str = Field(min_length=3, max_length=200, pattern=ONE_LINE)
    teaser: str = Field(min_length=3, max_length=500, pattern=ONE_LINE)
    body: str = Field(default="", max_length=20_000)
    session_id: Id | None = None
    project_id: Id | None = None
    resource_id: Id | None = None
    actions: tuple[Action, ...] = Field(default=(), max_length=4)


class Dating(BaseModel):
    """When an item of loaded history appeared, as far as known.

    `on` is a stated day. Without one, `placed_on` only says where the item stands in the list, and `note` (German,
    shown to readers) on what grounds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    on: date | None = None
    placed_on: date | None = None
    note: str | None = Field(default=None, max_length=300)


class DraftAnnouncement(BaseModel):
    """Write a new announcement."""

    model_config = ConfigDict(frozen=True)
    announcement_id: str
    content: Content


class ReviseAnnouncement(BaseModel):
    """Change a draft."""

    model_config = ConfigDict(frozen=True)
    content: Content


class PublishAnnouncement(BaseModel):
    """Show it on the portal. `dating` is given for loaded history only; otherwise it appears today."""

    model_config = ConfigDict(frozen=True)
    dating: Dating | None = None


class CorrectAnnouncement(BaseModel):
    """Change what is published, and tell its readers by `note` what was wrong."""

    model_config = ConfigDict(frozen=True)
    content: Content
    note: str


class WithdrawAnnouncement(BaseModel):
    """Show it no longer; a draft is dropped."""

    model_config = ConfigDict(frozen=True)
    reason: str


type Command = DraftAnnouncement | ReviseAnnouncement | PublishAnnouncement | CorrectAnnouncement | WithdrawAnnouncement


class AnnouncementDrafted(Event):
    """A draft was begun."""

    announcement_id: str
    content: Content


class AnnouncementRevised(Event):
    """A draft reads differently."""

    content: Content


class AnnouncementPublished(Event):
    """It can be read on the portal."""

    announcement_id: str
    content: Content
    dating: Dating


class AnnouncementCorrected(Event):
    """What is published reads differently, for a stated reason."""

    announcement_id: str
    content: Content
    note: str


class AnnouncementWithdrawn(Event):
    """It is no longer shown; `was_published` tells a news item from a draft that was dropped."""

    announcement_id: str
    content: Content
    reason: str
    was_published: bool


type AnnouncementEvent = (
    AnnouncementDrafted | AnnouncementRevised | AnnouncementPublished | AnnouncementCorrected | AnnouncementWithdrawn
)


@dataclass(frozen=True, slots=True)
class Announcement:
    """An announcement as far as it decides anything."""

    status: Literal["absent", "drafted", "published", "withdrawn"] = "absent"
    announcement_id: str = ""
    content: Content | None = None


def evolve(announcement: Announcement, event: AnnouncementEvent) -> Announcement:
    """Records an event."""
    match event:
        case AnnouncementDrafted():
            return Announcement("drafted", event.announcement_id, event.content)
        case AnnouncementRevised():
            return Announcement(announcement.status, announcement.announcement_id, event.content)
        case AnnouncementPublished() | AnnouncementCorrected():
            return Announcement("published", event.announcement_id, event.content)
        case AnnouncementWithdrawn():
            return Announcement("withdrawn", event.announcement_id, event.content)


def decide(command: Command, announcement: Announcement, at: datetime) -> Sequence[AnnouncementEvent]:
    """The rules; the same command twice changes nothing."""
    match command:
        case DraftAnnouncement():
            return _draft(command, announcement, at)
        case ReviseAnnouncement():
            return _revise(command, announcement, at)
        case PublishAnnouncement():
            return _publish(command, announcement, at)
        case CorrectAnnouncement():
            return _correct(command, announcement, at)
        case WithdrawAnnouncement():
            return _withdraw(command, announcement, at)


def _draft(command: DraftAnnouncement, announcement: Announcement, at: datetime) -> Sequence[AnnouncementEvent]:
    if announcement.status != "absent":
        if announcement.content == command.content:
            return []
        raise Refused("announcement_exists")
    _check(command.content)
    return [AnnouncementDrafted(announcement_id=command.announcement_id, content=command.content, at=at)]


def _revise(command: ReviseAnnouncement, announcement: Announcement, at: datetime) -> Sequence[AnnouncementEvent]:
    _present(announcement)
    if announcement.status == "published":
        raise Refused("announcement_published")
    if announcement.content == command.content:
        return []
    _check(command.content)
    return [AnnouncementRevised(content=command.content, at=at)]


def _publish(command: PublishAnnouncement, announcement: Announcement, at: datetime) -> Sequence[AnnouncementEvent]:
    content = _present(announcement)
    if announcement.status == "published":
        return []
    dating = command.dating or Dating(on=at.astimezone(BERLIN).date())
    return [AnnouncementPublished(announcement_id=announcement.announcement_id, content=content, dating=dating, at=at)]


def _correct(command: CorrectAnnouncement, announcement: Announcement, at: datetime) -> Sequence[AnnouncementEvent]:
    """Only what has been published is corrected: a draft is revised, and nobody need be told."""
    _present(announcement)
    if announcement.status == "drafted":
        raise Refused("announcement_not_published")
    if announcement.content == command.content:
        return []
    _check(command.content)
    return [
        AnnouncementCorrected(
            announcement_id=announcement.announcement_id, content=command.content, note=command.note, at=at
        )
    ]


def _withdraw(command: WithdrawAnnouncement, announcement: Announcement, at: datetime) -> Sequence[AnnouncementEvent]:
    if announcement.status == "absent" or announcement.content is None:
        raise NotThere
    if announcement.status == "withdrawn":
        return []
    return [
        AnnouncementWithdrawn(
            announcement_id=announcement.announcement_id,
            content=announcement.content,
            reason=command.reason,
            was_published=announcement.status == "published",
            at=at,
        )
    ]


def _present(announcement: Announcement) -> Content:
    if announcement.content is None:
        raise NotThere
    if announcement.status == "withdrawn":
        raise Refused("announcement_withdrawn")
    return announcement.content


def _check(content: Content) -> None:
    """A weekday that contradicts its date is refused wherever it stands: readers would come on the wrong day."""
    for name in ("title", "teaser", "body"):
        for wrong in contradictions(getattr(content, name)):
            if wrong.actual is None:
                raise Refused("no_such_day", field=f"/{name}", written=wrong.written)
            raise Refused("weekday_mismatch", field=f"/{name}", written=wrong.written, weekday=wrong.actual)


def publish(event: AnnouncementEvent) -> Contract | None:
    """What others are told: nothing of drafts."""
    match event:
        case AnnouncementDrafted() | AnnouncementRevised():
            return None
        case AnnouncementPublished():
            return contracts.AnnouncementPublished(
                announcement_id=event.announcement_id,
                published_on=event.dating.on,
                **event.content.model_dump(exclude={"body", "actions"}),
            )
        case AnnouncementCorrected():
            return contracts.AnnouncementCorrected(
                announcement_id=event.announcement_id,
                note=event.note,
                **event.content.model_dump(exclude={"body", "actions"}),
            )
        case AnnouncementWithdrawn():
            if not event.was_published:
                return None
            return contracts.AnnouncementWithdrawn(announcement_id=event.announcement_id, title=event.content.title)


ANNOUNCEMENT: Decider[Announcement, Command, AnnouncementEvent] = Decider(
    category="announcement",
    initial=Announcement(),
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(
        AnnouncementDrafted,
        AnnouncementRevised,
        AnnouncementPublished,
        AnnouncementCorrected,
        AnnouncementWithdrawn,
    ),
)
