"""What a message is sent for: contracts that concern registered people or a contact, and how each is announced."""

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
    RegistrationConfirmed,
    RegistrationLapsed,
    RegistrationLinkRequested,
    RegistrationPromoted,
    RegistrationReceived,
    RegistrationWaitlisted,
    RegistrationWithdrawn,
    SessionCancelled,
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
    | RegistrationLapsed
    | RegistrationWithdrawn
    | RegistrationLinkRequested
)
type OfSession = SessionPostponed | SessionScheduled | SessionRelocated | SessionCancelled | SessionReinstated
type Cause = OfRegistration | OfSession
type OfContact = ContactRequestReceived | ProjectContactRequested | CooperationRequestContactRequested
type AnyCause = Cause | OfContact


class Priority(IntEnum):
    """Who goes first when many messages wait: what one person did or waits for before what many are told."""

    PERSONAL = 0
    MANY = 1


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
    RegistrationLapsed: Kind("registration_lapsed", Priority.PERSONAL),
    RegistrationWithdrawn: Kind("registration_withdrawn", Priority.PERSONAL),
    RegistrationLinkRequested: Kind("registration_link", Priority.PERSONAL),
    SessionPostponed: Kind("postponement", Priority.MANY),
    SessionScheduled: Kind("scheduling", Priority.MANY),
    SessionRelocated: Kind("relocation", Priority.MANY),
    SessionCancelled: Kind("cancellation", Priority.MANY),
    SessionReinstated: Kind("reinstatement", Priority.MANY),
}
CONTACT_KINDS: dict[type[Contract], Kind] = {
    ContactRequestReceived: Kind("contact_confirmation", Priority.PERSONAL),
    ProjectContactRequested: Kind("contact_passed_on", Priority.PERSONAL),
    CooperationRequestContactRequested: Kind("contact_passed_on", Priority.PERSONAL),
}
ABOUT_CONTACTS = (ContactRequestReceived, ProjectContactRequested, CooperationRequestContactRequested)


def kind_of(cause: AnyCause) -> Kind:
    """How a cause is announced."""
    return CONTACT_KINDS[type(cause)] if isinstance(cause, ABOUT_CONTACTS) else KINDS[type(cause)]


def registration_of(cause: Cause) -> str | None:
    """The one registration a cause concerns; None if it concerns everybody who is registered."""
    match cause:
        case RegistrationReceived() | RegistrationConfirmed() | RegistrationWaitlisted() | RegistrationPromoted():
            return cause.registration_id
        case RegistrationLapsed() | RegistrationWithdrawn() | RegistrationLinkRequested():
            return cause.registration_id
        case SessionPostponed() | SessionScheduled() | SessionRelocated() | SessionCancelled() | SessionReinstated():
            return None


def person_of(cause: Cause) -> str | None:
    """The one person a cause concerns; None if it concerns everybody who is registered."""
    match cause:
        case RegistrationReceived() | RegistrationConfirmed() | RegistrationWaitlisted() | RegistrationPromoted():
            return cause.person_id
        case RegistrationLapsed() | RegistrationWithdrawn() | RegistrationLinkRequested():
            return cause.person_id
        case SessionPostponed() | SessionScheduled() | SessionRelocated() | SessionCancelled() | SessionReinstated():
            return None


def of_use_until(cause: AnyCause) -> datetime | None:
    """When a message about it has become pointless: nobody is asked to confirm what can no longer be confirmed."""
    match cause:
        case RegistrationReceived() | RegistrationWaitlisted() | RegistrationPromoted() | ContactRequestReceived():
            return cause.confirm_by
        case ProjectContactRequested() | CooperationRequestContactRequested():
            return None
        case RegistrationConfirmed() | RegistrationLapsed() | RegistrationWithdrawn() | RegistrationLinkRequested():
            return None
        case SessionPostponed() | SessionScheduled() | SessionRelocated() | SessionCancelled() | SessionReinstated():
            return None


CAUSES = {contract.type: contract for contract in (*KINDS, *CONTACT_KINDS)}


def read_cause(type_: str, data: dict[str, object]) -> AnyCause:
    """The cause as it was received; an unknown type raises `KeyError`, a wrong shape pydantic's error."""
    return _ANY.validate_python(CAUSES[type_].model_validate(data))


_ANY: TypeAdapter[AnyCause] = TypeAdapter(AnyCause)
