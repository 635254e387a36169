"""Somebody writes to a contact whose address is never shown: received, confirmed from the own mailbox, passed on.

Everything personal comes sealed. `about` is what the contact belongs to: a project or a cooperation request.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, assert_never

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.contracts import catalog as contracts
from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, Event, NotThere, Refused

CONFIRM_WITHIN = timedelta(hours=24)
LINKS_AN_HOUR = 3

type About = Literal["project", "cooperation_request"]
type Status = Literal["received", "confirmed", "passed_on", "undeliverable", "lapsed"]
type Cause = Literal["retention", "erasure"]


class Command(BaseModel):
    """What can be asked of a contact request."""

    model_config = ConfigDict(frozen=True)


class ReceiveContactRequest(Command):
    """Take a text for a contact. `request` names the attempt; `vault_subject` is whose key the text is sealed with."""

    contact_request_id: str
    request: str
    about: About
    about_id: str
    person_id: str
    token_hash: str
    vault_subject: str
    sealed: str


class ConfirmContactRequest(Command):
    """The sender followed the link and pressed the button."""


class LetContactRequestLapse(Command):
    """Time has passed: who has not confirmed by now did not mean it."""


class ReportContactRequest(Command):
    """The contact's mail server has taken the text, or will not."""

    delivered: bool


class ForgetContactText(Command):
    """Nothing personal is kept any longer."""

    cause: Cause


type ContactCommand = (
    ReceiveContactRequest | ConfirmContactRequest | LetContactRequestLapse | ReportContactRequest | ForgetContactText
)


class OfContactRequest(Event):
    """A fact about one contact request."""

    contact_request_id: str
    person_id: str


class ContactRequestReceived(OfContactRequest):
    """A text waits for its sender's confirmation until `confirm_by`."""

    request: str
    about: About
    about_id: str
    token_hash: str
    vault_subject: str
    sealed: str
    confirm_by: AwareDatetime


class ContactLinkRequested(OfContactRequest):
    """The same was sent again before it was confirmed; `request` is the attempt."""

    request: str
    confirm_by: AwareDatetime


class ContactRequestConfirmed(OfContactRequest):
    """The sender's address is proven: the text may be passed on."""

    about: About
    about_id: str


class ContactRequestPassedOn(OfContactRequest):
    """The contact's mail server has taken the text over."""


class ContactRequestUndeliverable(OfContactRequest):
    """The contact's mail server does not take it."""


class ContactRequestLapsed(OfContactRequest):
    """Nobody confirmed in time; the text is destroyed."""

    vault_subject: str


class ContactTextForgotten(OfContactRequest):
    """The text and who sent it are destroyed."""

    vault_subject: str
    cause: Cause


type ContactEvent = (
    ContactRequestReceived
    | ContactLinkRequested
    | ContactRequestConfirmed
    | ContactRequestPassedOn
    | ContactRequestUndeliverable
    | ContactRequestLapsed
    | ContactTextForgotten
)


@dataclass(frozen=True, slots=True)
class ContactRequest:
    """`asked` are the times of the latest links beyond the first, `request` the latest attempt."""

    id: str
    person_id: str
    about: About
    about_id: str
    vault_subject: str
    confirm_by: datetime
    request: str
    status: Status = "received"
    asked: tuple[datetime, ...] = ()
    confirmed: bool = False
    forgotten: bool = False


def evolve(contact: ContactRequest | None, event: ContactEvent) -> ContactRequest:
    """The contact request after `event`."""
    if isinstance(event, ContactRequestReceived):
        return ContactRequest(
            id=event.contact_request_id,
            person_id=event.person_id,
            about=event.about,
            about_id=event.about_id,
            vault_subject=event.vault_subject,
            confirm_by=event.confirm_by,
            request=event.request,
        )
    assert contact is not None
    match event:
        case ContactLinkRequested():
            return replace(contact, asked=(*contact.asked, event.at)[-LINKS_AN_HOUR:], request=event.request)
        case ContactRequestConfirmed():
            return replace(contact, status="confirmed", confirmed=True)
        case ContactRequestPassedOn():
            return replace(contact, status="passed_on")
        case ContactRequestUndeliverable():
            return replace(contact, status="undeliverable")
        case ContactRequestLapsed():
            return replace(contact, status="lapsed", forgotten=True)
        case ContactTextForgotten():
            return replace(contact, forgotten=True)
    assert_never(event)


def decide(command: ContactCommand, contact: ContactRequest | None, at: datetime) -> Sequence[ContactEvent]:
    """The facts that follow; whatever was done already is not done again."""
    if isinstance(command, ReceiveContactRequest):
        return _receive(command, contact, at)
    if contact is None:
        raise NotThere
    match command:
        case ConfirmContactRequest():
            return _confirm(contact, at)
        case LetContactRequestLapse():
            if contact.status != "received" or contact.forgotten or at < contact.confirm_by:
                return []
            return [ContactRequestLapsed(**_named(contact, at), vault_subject=contact.vault_subject)]
        case ReportContactRequest():
            return _report(command, contact, at)
        case ForgetContactText():
            if contact.forgotten:
                return []
            subject = contact.vault_subject
            return [ContactTextForgotten(**_named(contact, at), vault_subject=subject, cause=command.cause)]
    assert_never(command)


def _receive(command: ReceiveContactRequest, contact: ContactRequest | None, at: datetime) -> Sequence[ContactEvent]:
    """The same text again before it is confirmed sends the link again, a few times an hour; afterwards nothing."""
    if contact is None:
        return [ContactRequestReceived(at=at, confirm_by=at + CONFIRM_WITHIN, **command.model_dump())]
    recent = [asked for asked in contact.asked if asked > at - timedelta(hours=1)]
    if contact.status != "received" or contact.forgotten or contact.request == command.request:
        return []
    if at >= contact.confirm_by or len(recent) >= LINKS_AN_HOUR:
        return []
    return [ContactLinkRequested(**_named(contact, at), request=command.request, confirm_by=contact.confirm_by)]


def _confirm(contact: ContactRequest, at: datetime) -> Sequence[ContactEvent]:
    if contact.confirmed:
        return []
    if contact.forgotten or at >= contact.confirm_by:
        raise Refused("contact_request_lapsed")
    return [ContactRequestConfirmed(**_named(contact, at), about=contact.about, about_id=contact.about_id)]


def _report(command: ReportContactRequest, contact: ContactRequest, at: datetime) -> Sequence[ContactEvent]:
    """A report of failure may follow a delivery, never the other way round."""
    if not contact.confirmed or contact.status == "undeliverable":
        return []
    if not command.delivered:
        return [ContactRequestUndeliverable(**_named(contact, at))]
    return [] if contact.status == "passed_on" else [ContactRequestPassedOn(**_named(contact, at))]


def _named(contact: ContactRequest, at: datetime) -> dict[str, object]:
    return {"at": at, "contact_request_id": contact.id, "person_id": contact.person_id}


def publish(event: ContactEvent) -> Contract | None:
    """Others learn that there is something to be sent, and nothing of what."""
    match event:
        case ContactRequestReceived() | ContactLinkRequested():
            return contracts.ContactRequestReceived(
                contact_request_id=event.contact_request_id, person_id=event.person_id, confirm_by=event.confirm_by
            )
        case ContactRequestConfirmed(about="project"):
            return contracts.ProjectContactRequested(
                contact_request_id=event.contact_request_id, person_id=event.person_id, project_id=event.about_id
            )
        case ContactRequestConfirmed():
            return contracts.CooperationRequestContactRequested(
                contact_request_id=event.contact_request_id,
                person_id=event.person_id,
                cooperation_request_id=event.about_id,
            )
        case ContactRequestPassedOn() | ContactRequestUndeliverable():
            return None
        case ContactRequestLapsed() | ContactTextForgotten():
            return None
    assert_never(event)


CONTACT_REQUEST: Decider[ContactRequest | None, ContactCommand, ContactEvent] = Decider(
    category="contact_request",
    initial=None,
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(
        ContactRequestReceived,
        ContactLinkRequested,
        ContactRequestConfirmed,
        ContactRequestPassedOn,
        ContactRequestUndeliverable,
        ContactRequestLapsed,
        ContactTextForgotten,
    ),
)
