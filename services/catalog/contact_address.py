"""Where texts for a contact go: an address that nobody is ever shown, of a project or a cooperation request.

It comes sealed with two keys: the person's whose mailbox it is, who may be forgotten, and one of its own, which is
destroyed when the address is taken away.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, assert_never

from pydantic import BaseModel, ConfigDict

from services.catalog.contact_request import About
from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, Event

type Cause = Literal["editor", "erasure", "unused"]


class Command(BaseModel):
    """What can be asked of a contact's address. `about_id` is also the aggregate's id."""

    model_config = ConfigDict(frozen=True)


class SetContactAddress(Command):
    """Texts go here from now on. `same_as` is the key of an address that reads the same: if it is there, it stays.

    It cannot be set again: when it was taken away meanwhile its key is destroyed.
    """

    about: About
    about_id: str
    person_id: str
    vault_subject: str
    sealed: str
    same_as: str | None = None


class RemoveContactAddress(Command):
    """Nobody can be written to any more; with `person_id` only if the address is that person's."""

    cause: Cause
    person_id: str | None = None


type AddressCommand = SetContactAddress | RemoveContactAddress


class ContactAddressSet(Event):
    """There is an address; `replaces` is the key of the one before."""

    about: About
    about_id: str
    person_id: str
    vault_subject: str
    sealed: str
    replaces: str | None = None


class ContactAddressRemoved(Event):
    """There is none any more."""

    about_id: str
    vault_subject: str
    cause: Cause


type AddressEvent = ContactAddressSet | ContactAddressRemoved


@dataclass(frozen=True, slots=True)
class ContactAddress:
    """The present address."""

    about_id: str
    person_id: str
    vault_subject: str


def evolve(_: ContactAddress | None, event: AddressEvent) -> ContactAddress | None:
    """The address after `event`."""
    match event:
        case ContactAddressSet():
            return ContactAddress(event.about_id, event.person_id, event.vault_subject)
        case ContactAddressRemoved():
            return None
    assert_never(event)


def decide(command: AddressCommand, address: ContactAddress | None, at: datetime) -> Sequence[AddressEvent]:
    """One address at a time; what is gone already stays gone."""
    match command:
        case SetContactAddress():
            before = address and address.vault_subject
            if before is not None and before in (command.vault_subject, command.same_as):
                return []
            return [ContactAddressSet(at=at, replaces=before, **command.model_dump(exclude={"same_as"}))]
        case RemoveContactAddress():
            if address is None or command.person_id not in (None, address.person_id):
                return []
            return [
                ContactAddressRemoved(
                    at=at, about_id=address.about_id, vault_subject=address.vault_subject, cause=command.cause
                )
            ]
    assert_never(command)


def publish(_: AddressEvent) -> Contract | None:
    """Nobody learns of it."""
    return None


CONTACT_ADDRESS: Decider[ContactAddress | None, AddressCommand, AddressEvent] = Decider(
    category="contact_address",
    initial=None,
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(ContactAddressSet, ContactAddressRemoved),
)
