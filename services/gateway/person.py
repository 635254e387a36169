"""A person known to the system by address. The journal knows the id alone; the address lives in `people.py`'s table."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from pydantic import BaseModel, ConfigDict

from shared.contracts import gateway as contracts
from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, Event, NotThere


class Command(BaseModel):
    """What the gateway asks of a person."""

    model_config = ConfigDict(frozen=True)


class RegisterPerson(Command):
    """Someone gave an address for the first time."""


class ErasePerson(Command):
    """Forget a person everywhere."""

    person_id: str


type PersonCommand = RegisterPerson | ErasePerson


class PersonRegistered(Event):
    """A person got an id."""


class PersonErased(Event):
    """A person is to be forgotten, by us and by everyone who holds something under this id."""

    person_id: str


type PersonEvent = PersonRegistered | PersonErased


@dataclass(frozen=True, slots=True)
class Person:
    """Whether the person is known, and whether it was erased."""

    registered: bool = False
    erased: bool = False


def evolve(person: Person, event: PersonEvent) -> Person:
    """The person after `event`."""
    match event:
        case PersonRegistered():
            return replace(person, registered=True)
        case PersonErased():
            return replace(person, erased=True)
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
    assert_never(command)


def publish(event: PersonEvent) -> Contract | None:
    """Others learn of an erasure only."""
    match event:
        case PersonRegistered():
            return None
        case PersonErased():
            return contracts.PersonErased(person_id=event.person_id)
    assert_never(event)


PERSON: Decider[Person, PersonCommand, PersonEvent] = Decider(
    category="person",
    initial=Person(),
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(PersonRegistered, PersonErased),
)
