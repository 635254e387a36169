"""An announcement: a news item of the portal, written by editors, shown to everyone, corrected in the open.

It may be published by itself at a moment, and mailed to an audience. Loaded history is mailed to nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from services.notify.announcement_commands import (
    CancelSchedule,
    Command,
    CorrectAnnouncement,
    Counted,
    DraftAnnouncement,
    PlanMailing,
    PublishAnnouncement,
    PublishScheduled,
    RemindInvited,
    ReviseAnnouncement,
    ScheduleAnnouncement,
    StopMailing,
    WithdrawAnnouncement,
)
from services.notify.announcement_content import BERLIN, Content, Dating, MailPlan
from services.notify.announcement_events import (
    AnnouncementCorrected,
    AnnouncementDrafted,
    AnnouncementEvent,
    AnnouncementPublished,
    AnnouncementRevised,
    AnnouncementScheduled,
    AnnouncementWithdrawn,
    InvitedReminded,
    MailingPlanned,
    MailingStopped,
    ScheduleCancelled,
)
from services.notify.weekdays import contradictions
from shared.contracts import notify as contracts
from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, NotThere, Refused

STALE = timedelta(days=7)
"""What should have gone out longer ago is not mailed any more."""
BETWEEN_REMINDERS = timedelta(days=1)
FEW = 5
"""An audience that differs from what was seen by no more than this, or by a tenth, is the same."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """An announcement as far as it decides anything. `mailed`: it went out, as far as nobody has `stopped` it."""

    status: Literal["absent", "drafted", "published", "withdrawn"] = "absent"
    announcement_id: str = ""
    content: Content | None = None
    plan: MailPlan | None = None
    publish_at: datetime | None = None
    mailed: bool = False
    stopped: bool = False
    reminded_at: datetime | None = None


def evolve(announcement: Announcement, event: AnnouncementEvent) -> Announcement:
    """Records an event."""
    match event:
        case AnnouncementDrafted():
            return Announcement("drafted", event.announcement_id, event.content)
        case AnnouncementRevised():
            return replace(announcement, content=event.content)
        case MailingPlanned():
            return replace(announcement, plan=event.plan)
        case AnnouncementScheduled():
            return replace(announcement, publish_at=event.publish_at)
        case ScheduleCancelled():
            return replace(announcement, publish_at=None)
        case AnnouncementPublished():
            return Announcement(
                "published", event.announcement_id, event.content, event.mailing, mailed=event.mailing is not None
            )
        case AnnouncementCorrected():
            stopped = announcement.stopped and not event.mailed
            return replace(announcement, content=event.content, stopped=stopped)
        case InvitedReminded():
            return replace(announcement, reminded_at=event.at)
        case MailingStopped():
            return replace(announcement, stopped=True)
        case AnnouncementWithdrawn():
            return replace(announcement, status="withdrawn", content=event.content, publish_at=None)


def decide(command: Command, announcement: Announcement, at: datetime) -> Sequence[AnnouncementEvent]:
    """The rules; the same command twice changes nothing."""
    match command:
        case DraftAnnouncement():
            return _draft(command, announcement, at)
        case ReviseAnnouncement():
            return _revise(command, announcement, at)
        case PlanMailing():
            return _plan(command, announcement, at)
        case ScheduleAnnouncement():
            return _schedule(command, announcement, at)
        case CancelSchedule():
            return _cancel(announcement, at)
        case PublishScheduled():
            return _publish_scheduled(command, announcement, at)
        case PublishAnnouncement():
            return _publish(command, announcement, at)
        case CorrectAnnouncement():
            return _correct(command, announcement, at)
        case RemindInvited():
            return _remind(announcement, at)
        case StopMailing():
            return _stop(command, announcement, at)
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
    if _unpublished(announcement) == command.content:
        return []
    _check(command.content)
    _check_invitation(command.content, announcement.plan)
    return [AnnouncementRevised(content=command.content, at=at)]


def _plan(command: PlanMailing, announcement: Announcement, at: datetime) -> Sequence[AnnouncementEvent]:
    """The audience that was counted for a moment is the one that gets it then."""
    content = _unpublished(announcement)
    if announcement.plan == command.plan:
        return []
    if announcement.publish_at is not None:
        raise Refused("announcement_scheduled")
    if command.plan is not None:
        if not command.plan.audience.parts():
            raise Refused("audience_missing", field="/audience")
        _check_days({"subject": command.plan.subject or "", "text": command.plan.text or ""})
        _check_invitation(content, command.plan)
    return [MailingPlanned(plan=command.plan, at=at)]


def _schedule(command: ScheduleAnnouncement, announcement: Announcement, at: datetime) -> Sequence[AnnouncementEvent]:
    _unpublished(announcement)
    if announcement.publish_at == command.publish_at:
        return []
    if command.publish_at <= at:
        raise Refused("schedule_in_past", field="/publish_at")
    _check_count(announcement.plan, command.recipients)
    recipients = command.recipients.now if announcement.plan and command.recipients else None
    return [AnnouncementScheduled(publish_at=command.publish_at, recipients=recipients, at=at)]


def _cancel(announcement: Announcement, at: datetime) -> Sequence[AnnouncementEvent]:
    _unpublished(announcement)
    return [] if announcement.publish_at is None else [ScheduleCancelled(at=at)]


def _publish_scheduled(
    command: PublishScheduled, announcement: Announcement, at: datetime
) -> Sequence[AnnouncementEvent]:
    """Whoever comes with a moment that holds no more, or not yet, or was served by another replica, does nothing."""
    if announcement.content is None or announcement.publish_at != command.publish_at or at < command.publish_at:
        return []
    mailing = announcement.plan if at - command.publish_at <= STALE else None
    published = _published(announcement, announcement.content, mailing, Dating(on=at.astimezone(BERLIN).date()), at)
    return [published.model_copy(update={"scheduled_for": command.publish_at})]


def _publish(command: PublishAnnouncement, announcement: Announcement, at: datetime) -> Sequence[AnnouncementEvent]:
    content = _present(announcement)
    if announcement.status == "published":
        return []
    if command.dating is not None:
        return [_published(announcement, content, None, command.dating, at)]
    _check_count(announcement.plan, command.recipients)
    today = Dating(on=at.astimezone(BERLIN).date())
    return [_published(announcement, content, announcement.plan, today, at)]


def _published(
    announcement: Announcement, content: Content, mailing: MailPlan | None, dating: Dating, at: datetime
) -> AnnouncementPublished:
    return AnnouncementPublished(
        announcement_id=announcement.announcement_id, content=content, dating=dating, mailing=mailing, at=at
    )


def _correct(command: CorrectAnnouncement, announcement: Announcement, at: datetime) -> Sequence[AnnouncementEvent]:
    """Only what has been published is corrected: a draft is revised, and nobody need be told."""
    _present(announcement)
    if announcement.status == "drafted":
        raise Refused("announcement_not_published")
    if announcement.content == command.content:
        return []
    if command.mailed and not announcement.mailed:
        raise Refused("announcement_not_mailed")
    _check(command.content)
    if announcement.mailed:
        _check_invitation(command.content, announcement.plan)
    return [
        AnnouncementCorrected(
            announcement_id=announcement.announcement_id,
            content=command.content,
            note=command.note,
            mailed=command.mailed,
            at=at,
        )
    ]


def _remind(announcement: Announcement, at: datetime) -> Sequence[AnnouncementEvent]:
    """At most once a day, and not after it was stopped."""
    content = _present(announcement)
    if content.kind != "invitation" or not announcement.mailed:
        raise Refused("not_an_invitation")
    if announcement.stopped:
        raise Refused("mailing_stopped")
    if announcement.reminded_at is not None and at - announcement.reminded_at < BETWEEN_REMINDERS:
        return []
    return [InvitedReminded(announcement_id=announcement.announcement_id, at=at)]


def _stop(command: StopMailing, announcement: Announcement, at: datetime) -> Sequence[AnnouncementEvent]:
    if announcement.content is None:
        raise NotThere
    if not announcement.mailed:
        raise Refused("announcement_not_mailed")
    return [] if announcement.stopped else [MailingStopped(reason=command.reason, at=at)]


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


def _unpublished(announcement: Announcement) -> Content:
    content = _present(announcement)
    if announcement.status == "published":
        raise Refused("announcement_published")
    return content


def _check(content: Content) -> None:
    _check_days({name: getattr(content, name) for name in ("title", "teaser", "body")})


def _check_days(texts: dict[str, str]) -> None:
    """A weekday that contradicts its date is refused wherever it stands: readers would come on the wrong day."""
    for name, text in texts.items():
        for wrong in contradictions(text):
            if wrong.actual is None:
                raise Refused("no_such_day", field=f"/{name}", written=wrong.written)
            raise Refused("weekday_mismatch", field=f"/{name}", written=wrong.written, weekday=wrong.actual)


def _check_invitation(content: Content, plan: MailPlan | None) -> None:
    """Whoever is invited by mail can register in one click: for that there is a session."""
    if plan is not None and content.kind == "invitation" and content.session_id is None:
        raise Refused("invitation_without_session", field="/session_id")


def _check_count(plan: MailPlan | None, recipients: Counted | None) -> None:
    """Nothing is mailed before somebody has seen to how many people.

    Somebody else may have planned another audience since it was counted: nobody has seen how many those are.
    """
    if plan is None:
        return
    if recipients is None or recipients.audience != plan.audience:
        raise Refused("recipients_not_counted", field="/recipients")
    if abs(recipients.now - recipients.seen) > max(FEW, recipients.seen // 10):
        raise Refused("audience_changed", field="/recipients", seen=recipients.seen, now=recipients.now)


def publish(event: AnnouncementEvent) -> Contract | None:
    """What others are told: nothing of drafts, and nothing of mailings but that there is one."""
    match event:
        case AnnouncementDrafted() | AnnouncementRevised() | MailingPlanned():
            return None
        case AnnouncementScheduled() | ScheduleCancelled() | InvitedReminded() | MailingStopped():
            return None
        case AnnouncementPublished():
            return contracts.AnnouncementPublished(
                announcement_id=event.announcement_id,
                published_on=event.dating.on,
                mailed=event.mailing is not None,
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
        MailingPlanned,
        AnnouncementScheduled,
        ScheduleCancelled,
        AnnouncementPublished,
        AnnouncementCorrected,
        InvitedReminded,
        MailingStopped,
        AnnouncementWithdrawn,
    ),
)
