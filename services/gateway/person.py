"""A person known to the system by address. The journal knows the id alone; the address lives in `people.py`'s table."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.contracts import gateway as contracts
from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, Event, NotThere

LINKS_AN_HOUR = 3


class Command(BaseModel):
    """What the gateway asks of a person."""

    model_config = ConfigDict(frozen=True)


class RegisterPerson(Command):
    """Someone gave an address for the first time."""


class ErasePerson(Command):
    """Forget a person everywhere."""

    person_id: str


class RequestDataLink(Command):
    """Somebody wants the link to the person's own data sent to the person's address."""

    person_id: str
    link_id: str
    expires_at: AwareDatetime


type PersonCommand = RegisterPerson | ErasePerson | RequestDataLink


class PersonRegistered(Event):
    """A person got an id."""


class PersonErased(Event):
    """A person is to be forgotten, by us and by everyone who holds something under this id."""

    person_id: str


class DataLinkRequested(Event):
    """The person is to get a link to the own data."""

    person_id: str
    link_id: str
    expires_at: AwareDatetime


type PersonEvent = PersonRegistered | PersonErased | DataLinkRequested


@dataclass(frozen=True, slots=True)
class Person:
    """Whether the person is known, and whether it was erased; `links` are the latest to the own data, and when."""

    registered: bool = False
    erased: bool = False
    links: tuple[tuple[str, datetime], ...] = ()


def evolve(person: Person, event: PersonEvent) -> Person:
    """The person after `event`."""
    match event:
        case PersonRegistered():
            return replace(person, registered=True)
        case PersonErased():
            return replace(person, erased=True)
        case DataLinkRequested():
            return replace(person, links=(*person.links, (event.link_id, event.at))[-LINKS_AN_HOUR:])
    assert_never(event)


def decide(command: PersonCommand, person: Person, at: datetime) -> Sequence[PersonEvent]:
    """Registering and erasing each happen once; nobody can be erased who was never there."""
    match command:
        case RegisterPerson():
            return [] if person.registered else [PersonRegistered(at=at)]
        case ErasePerson():
            if not person.registered:
                raise NotThere
            return [] if person.erased else [PersonErased(person_id=command.person_id, at=at)]
        case RequestDataLink():
            return _link(command, person, at)
    assert_never(command)


def _link(command: RequestDataLink, person: Person, at: datetime) -> Sequence[PersonEvent]:
    """A few in an hour at most, so that nobody can fill a mailbox with them; the erased get none."""
    if not person.registered:
        raise NotThere
    recent = [made for _, made in person.links if made > at - timedelta(hours=1)]
    known = command.link_id in {link_id for link_id, _ in person.links}
    if person.erased or known or len(recent) >= LINKS_AN_HOUR:
        return []
    return [
        DataLinkRequested(person_id=command.person_id, link_id=command.link_id, expires_at=command.expires_at, at=at)
    ]


def publish(event: PersonEvent) -> Contract | None:
    """Others learn of erasures, and of links that have to be sent."""
    match event:
        case PersonRegistered():
            return None
        case PersonErased():
            return contracts.PersonErased(person_id=event.person_id)
        case DataLinkRequested():
            return contracts.DataLinkRequested(
                person_id=event.person_id, link_id=event.link_id, expires_at=event.expires_at
            )
    assert_never(event)


PERSON: Decider[Person, PersonCommand, PersonEvent] = Decider(
    category="person",
    initial=Person(),
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(PersonRegistered, PersonErased, DataLinkRequested),
)
