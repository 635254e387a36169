"""A person's calendar address: it shows one's own sessions to whoever knows it, until it is taken back."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, Event


class ForAddress(BaseModel):
    """A command about one person's calendar address."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class GiveCalendarAddress(ForAddress):
    """The person wants an address. Its token comes sealed, and as its SHA-256 (hex)."""

    person_id: str
    token_hash: str
    sealed: str


class RevokeCalendarAddress(ForAddress):
    """The address shall lead nowhere any more."""


type AddressCommand = GiveCalendarAddress | RevokeCalendarAddress


class CalendarAddressGiven(Event):
    """The person has an address."""

    person_id: str
    token_hash: str
    sealed: str


class CalendarAddressRevoked(Event):
    """The address leads nowhere any more."""

    person_id: str


type AddressEvent = CalendarAddressGiven | CalendarAddressRevoked


@dataclass(frozen=True, slots=True)
class Address:
    """An address that stands."""

    person_id: str


def evolve(address: Address | None, event: AddressEvent) -> Address | None:  # noqa: ARG001 -- each event says all
    """Records an event."""
    match event:
        case CalendarAddressGiven():
            return Address(event.person_id)
        case CalendarAddressRevoked():
            return None


def decide(command: AddressCommand, address: Address | None, at: datetime) -> list[AddressEvent]:
    """One address a person: who asks again keeps the one that programs follow already."""
    match command:
        case GiveCalendarAddress():
            given = CalendarAddressGiven(**command.model_dump(), at=at)
            return [] if address else [given]
        case RevokeCalendarAddress():
            return [CalendarAddressRevoked(person_id=address.person_id, at=at)] if address else []


def publish(event: AddressEvent) -> Contract | None:
    """Nobody else needs to know."""
    match event:
        case CalendarAddressGiven() | CalendarAddressRevoked():
            return None


DECIDER: Decider[Address | None, AddressCommand, AddressEvent] = Decider(
    category="calendar_address",
    initial=None,
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(CalendarAddressGiven, CalendarAddressRevoked),
)
