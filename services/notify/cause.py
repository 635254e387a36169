"""What a message is sent for: contracts that concern people of a session, who asks, or a contact.

How each is announced, whom it concerns and until when it is of use.
"""

from dataclasses import replace
from datetime import datetime
from typing import ClassVar, Literal

from services.notify.kind import AnyCause, Kind, Occasion, Priority
from shared.contracts.catalog import (
    ContactRequestReceived,
    CooperationRequestContactRequested,
    ProjectContactRequested,
)
from shared.contracts.events import (
    FeedbackOpened,
    MaterialPublished,
    QuestionAccepted,
    QuestionAnswered,
    QuestionCarriedOver,
    QuestionDeclined,
    QuestionMerged,
    QuestionReceived,
    QuestionSubmitted,
    RegistrationConfirmed,
    RegistrationLapsed,
    RegistrationLinkRequested,
    RegistrationPromoted,
    RegistrationReceived,
    RegistrationReconfirmed,
    RegistrationWaitlisted,
    RegistrationWithdrawn,
    SessionCancelled,
    SessionGroupMessageRequested,
    SessionPostponed,
    SessionReinstated,
    SessionRelocated,
    SessionScheduled,
)

type OfRegistration = (
    RegistrationReceived
    | RegistrationConfirmed
    | RegistrationWaitlisted
    | RegistrationPromoted
    | RegistrationReconfirmed
    | RegistrationLapsed
    | RegistrationWithdrawn
    | RegistrationLinkRequested
)
type OfSession = (
    SessionPostponed
    | SessionScheduled
    | SessionRelocated
    | SessionCancelled
    | SessionReinstated
    | SessionGroupMessageRequested
)
type Lead = Literal["day", "hour"]


class ReminderDue(Occasion):
    """A session that begins at that time begins in a day, or in an hour."""

    type: ClassVar[str] = "ikz.notify.reminder.due.v1"

    session_id: str
    lead: Lead
    starts_at: datetime


# What people of a session are offered, by streams other than the session's.
type Offered = MaterialPublished | FeedbackOpened | ReminderDue
type Cause = OfRegistration | OfSession | Offered
type OfQuestion = (
    QuestionReceived
    | QuestionSubmitted
    | QuestionAccepted
    | QuestionMerged
    | QuestionDeclined
    | QuestionAnswered
    | QuestionCarriedOver
)
type OfContact = ContactRequestReceived | ProjectContactRequested | CooperationRequestContactRequested
type Known = Cause | OfQuestion | OfContact


def of_use_until(cause: Known) -> datetime | None:
    """When a message about it has become pointless: nobody is asked to confirm what can no longer be confirmed."""
    match cause:
        case RegistrationReceived() | RegistrationWaitlisted() | RegistrationPromoted() | ContactRequestReceived():
            return cause.confirm_by
        case QuestionReceived():
            return cause.confirm_by
        case FeedbackOpened():
            return cause.closes_at
        case ReminderDue():
            return cause.starts_at
        case ProjectContactRequested() | CooperationRequestContactRequested() | MaterialPublished():
            return None
        case RegistrationConfirmed() | RegistrationReconfirmed() | RegistrationLapsed() | RegistrationWithdrawn():
            return None
        case RegistrationLinkRequested() | SessionGroupMessageRequested():
            return None
        case SessionPostponed() | SessionScheduled() | SessionRelocated() | SessionCancelled() | SessionReinstated():
            return None
        case QuestionSubmitted() | QuestionAccepted() | QuestionMerged() | QuestionDeclined():
            return None
        case QuestionAnswered() | QuestionCarriedOver():
            return None


def _kind(name: str, priority: Priority) -> Kind:
    return Kind(name, priority, until=of_use_until)


KINDS: dict[type[AnyCause], Kind] = {
    RegistrationReceived: _kind("registration_received", Priority.PERSONAL),
    RegistrationConfirmed: _kind("registration_confirmed", Priority.PERSONAL),
    RegistrationWaitlisted: _kind("registration_waitlisted", Priority.PERSONAL),
    RegistrationPromoted: _kind("waitlist_promoted", Priority.PERSONAL),
    RegistrationReconfirmed: _kind("registration_reconfirmed", Priority.PERSONAL),
    RegistrationLapsed: _kind("registration_lapsed", Priority.PERSONAL),
    RegistrationWithdrawn: _kind("registration_withdrawn", Priority.PERSONAL),
    RegistrationLinkRequested: _kind("registration_link", Priority.PERSONAL),
    SessionPostponed: _kind("postponement", Priority.MANY),
    SessionScheduled: _kind("scheduling", Priority.MANY),
    SessionRelocated: _kind("relocation", Priority.MANY),
    SessionCancelled: _kind("cancellation", Priority.MANY),
    SessionReinstated: _kind("reinstatement", Priority.MANY),
    SessionGroupMessageRequested: _kind("group_message", Priority.MANY),
    MaterialPublished: _kind("material_published", Priority.LATER),
    FeedbackOpened: _kind("feedback", Priority.LATER),
    ReminderDue: Kind("reminder", Priority.MANY, transactional=False, until=of_use_until, wished="reminder"),
}
QUESTION_KINDS: dict[type[AnyCause], Kind] = {
    QuestionReceived: _kind("question_received", Priority.PERSONAL),
    QuestionSubmitted: _kind("question_submitted", Priority.PERSONAL),
    QuestionAccepted: _kind("question_accepted", Priority.PERSONAL),
    QuestionMerged: _kind("question_merged", Priority.PERSONAL),
    QuestionDeclined: _kind("question_declined", Priority.PERSONAL),
    QuestionAnswered: _kind("question_answered", Priority.PERSONAL),
    QuestionCarriedOver: _kind("question_carried_over", Priority.MANY),
}
CONTACT_KINDS: dict[type[AnyCause], Kind] = {
    ContactRequestReceived: _kind("contact_confirmation", Priority.PERSONAL),
    ProjectContactRequested: _kind("contact_passed_on", Priority.PERSONAL),
    CooperationRequestContactRequested: _kind("contact_passed_on", Priority.PERSONAL),
}
ALL_KINDS = KINDS | QUESTION_KINDS | CONTACT_KINDS
ABOUT_CONTACTS = (ContactRequestReceived, ProjectContactRequested, CooperationRequestContactRequested)
OFFERED = (MaterialPublished, FeedbackOpened, ReminderDue)
ABOUT_QUESTIONS = (
    QuestionReceived,
    QuestionSubmitted,
    QuestionAccepted,
    QuestionMerged,
    QuestionDeclined,
    QuestionAnswered,
    QuestionCarriedOver,
)


def kind_of(cause: Known) -> Kind:
    """How a cause is announced. When a deadline ends the places of many at once, nobody else's link waits for that."""
    kind = ALL_KINDS[type(cause)]
    if isinstance(cause, RegistrationWithdrawn) and cause.cause == "no_answer":
        return replace(kind, priority=Priority.MANY)
    return kind


def registered(cause: Cause) -> OfRegistration | None:
    """The cause if it concerns one registration; None if it concerns everybody who is registered, or many of them."""
    match cause:
        case RegistrationReceived() | RegistrationConfirmed() | RegistrationWaitlisted() | RegistrationPromoted():
            return cause
        case RegistrationReconfirmed() | RegistrationLapsed() | RegistrationWithdrawn() | RegistrationLinkRequested():
            return cause
        case SessionPostponed() | SessionScheduled() | SessionRelocated() | SessionCancelled() | SessionReinstated():
            return None
        case SessionGroupMessageRequested() | MaterialPublished() | FeedbackOpened() | ReminderDue():
            return None


def in_line(cause: Cause | OfQuestion) -> str | None:
    """What a cause keeps its order with, if not with all that is told of its session.

    The questions of a session do not wait for each other, and nobody waits for files, for being reminded or for being
    asked how it was.
    """
    if isinstance(cause, ABOUT_QUESTIONS):
        return f"question/{cause.question_id}"
    if isinstance(cause, OFFERED):
        return f"{kind_of(cause).name}/{cause.session_id}"
    return None


def behind(cause: Cause | OfQuestion) -> str | None:
    """The session whose earlier news for everybody is told first, though the cause is in a line of its own."""
    if isinstance(cause, QuestionCarriedOver):
        return cause.from_session_id
    return cause.session_id if isinstance(cause, MaterialPublished | ReminderDue) else None
