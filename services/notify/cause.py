"""What a message is sent for: contracts that concern people of a session, who asks, or a contact.

How each is announced, whom it concerns and until when it is of use.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from pydantic import TypeAdapter

from shared.contracts.catalog import (
    ContactRequestReceived,
    CooperationRequestContactRequested,
    ProjectContactRequested,
)
from shared.contracts.contract import Contract
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
# What people of a session are offered, by streams other than the session's.
type Offered = MaterialPublished | FeedbackOpened
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
type AnyCause = Cause | OfQuestion | OfContact


class Priority(IntEnum):
    """Who goes first when many messages wait.

    What one person did or waits for, then what many have to know, then what can wait.
    """

    PERSONAL = 0
    MANY = 1
    LATER = 2


@dataclass(frozen=True, slots=True)
class Kind:
    """The name of a kind of message, as preferences, delivery logs and contracts know it, and its priority."""

    name: str
    priority: Priority


KINDS: dict[type[Contract], Kind] = {
    RegistrationReceived: Kind("registration_received", Priority.PERSONAL),
    RegistrationConfirmed: Kind("registration_confirmed", Priority.PERSONAL),
    RegistrationWaitlisted: Kind("registration_waitlisted", Priority.PERSONAL),
    RegistrationPromoted: Kind("waitlist_promoted", Priority.PERSONAL),
    RegistrationReconfirmed: Kind("registration_reconfirmed", Priority.PERSONAL),
    RegistrationLapsed: Kind("registration_lapsed", Priority.PERSONAL),
    RegistrationWithdrawn: Kind("registration_withdrawn", Priority.PERSONAL),
    RegistrationLinkRequested: Kind("registration_link", Priority.PERSONAL),
    SessionPostponed: Kind("postponement", Priority.MANY),
    SessionScheduled: Kind("scheduling", Priority.MANY),
    SessionRelocated: Kind("relocation", Priority.MANY),
    SessionCancelled: Kind("cancellation", Priority.MANY),
    SessionReinstated: Kind("reinstatement", Priority.MANY),
    SessionGroupMessageRequested: Kind("group_message", Priority.MANY),
    MaterialPublished: Kind("material_published", Priority.LATER),
    FeedbackOpened: Kind("feedback", Priority.LATER),
}
QUESTION_KINDS: dict[type[Contract], Kind] = {
    QuestionReceived: Kind("question_received", Priority.PERSONAL),
    QuestionSubmitted: Kind("question_submitted", Priority.PERSONAL),
    QuestionAccepted: Kind("question_accepted", Priority.PERSONAL),
    QuestionMerged: Kind("question_merged", Priority.PERSONAL),
    QuestionDeclined: Kind("question_declined", Priority.PERSONAL),
    QuestionAnswered: Kind("question_answered", Priority.PERSONAL),
    QuestionCarriedOver: Kind("question_carried_over", Priority.MANY),
}
CONTACT_KINDS: dict[type[Contract], Kind] = {
    ContactRequestReceived: Kind("contact_confirmation", Priority.PERSONAL),
    ProjectContactRequested: Kind("contact_passed_on", Priority.PERSONAL),
    CooperationRequestContactRequested: Kind("contact_passed_on", Priority.PERSONAL),
}
ALL_KINDS = KINDS | QUESTION_KINDS | CONTACT_KINDS
ABOUT_CONTACTS = (ContactRequestReceived, ProjectContactRequested, CooperationRequestContactRequested)
OFFERED = (MaterialPublished, FeedbackOpened)
ABOUT_QUESTIONS = (
    QuestionReceived,
    QuestionSubmitted,
    QuestionAccepted,
    QuestionMerged,
    QuestionDeclined,
    QuestionAnswered,
    QuestionCarriedOver,
)


def kind_of(cause: AnyCause) -> Kind:
    """How a cause is announced. When a deadline ends the places of many at once, nobody else's link waits for that."""
    kind = ALL_KINDS[type(cause)]
    if isinstance(cause, RegistrationWithdrawn) and cause.cause == "no_answer":
        return Kind(kind.name, Priority.MANY)
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
        case SessionGroupMessageRequested() | MaterialPublished() | FeedbackOpened():
            return None


def in_line(cause: Cause | OfQuestion) -> str | None:
    """What a cause keeps its order with, if not with all that is told of its session.

    The questions of a session do not wait for each other, and nobody waits for files or for being asked how it was.
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
    return cause.session_id if isinstance(cause, MaterialPublished) else None


def of_use_until(cause: AnyCause) -> datetime | None:
    """When a message about it has become pointless: nobody is asked to confirm what can no longer be confirmed."""
    match cause:
        case RegistrationReceived() | RegistrationWaitlisted() | RegistrationPromoted() | ContactRequestReceived():
            return cause.confirm_by
        case QuestionReceived():
            return cause.confirm_by
        case FeedbackOpened():
            return cause.closes_at
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


CAUSES = {contract.type: contract for contract in ALL_KINDS}


def read_cause(type_: str, data: dict[str, object]) -> AnyCause:
    """The cause as it was received; an unknown type raises `KeyError`, a wrong shape pydantic's error."""
    return _ANY.validate_python(CAUSES[type_].model_validate(data))


_ANY: TypeAdapter[AnyCause] = TypeAdapter(AnyCause)
