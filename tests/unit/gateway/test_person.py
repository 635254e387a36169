"""A person is registered once and erased once."""

from datetime import UTC, datetime

import pytest

from services.gateway.person import PERSON, ErasePerson, PersonErased, PersonEvent, PersonRegistered, RegisterPerson
from shared.contracts import gateway as contracts
from shared.kernel.decider import NotThere

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
REGISTERED = PersonRegistered(at=AT)
ERASED = PersonErased(person_id="p1", at=AT)


def decided(events: list[PersonEvent], command: RegisterPerson | ErasePerson) -> list[PersonEvent]:
    person = PERSON.initial
    for event in events:
        person = PERSON.evolve(person, event)
    return list(PERSON.decide(command, person, AT))


def test_an_unknown_person_is_registered() -> None:
    assert decided([], RegisterPerson()) == [REGISTERED]
    assert decided([REGISTERED], RegisterPerson()) == []


def test_a_known_person_is_erased() -> None:
    assert decided([REGISTERED], ErasePerson(person_id="p1")) == [ERASED]
    assert decided([REGISTERED, ERASED], ErasePerson(person_id="p1")) == []


def test_an_erased_person_stays_erased() -> None:
    assert decided([REGISTERED, ERASED], RegisterPerson()) == []


def test_nobody_is_erased_who_was_never_there() -> None:
    with pytest.raises(NotThere):
        decided([], ErasePerson(person_id="p1"))


def test_others_learn_of_the_erasure_alone() -> None:
    assert PERSON.publish(REGISTERED) is None
    assert PERSON.publish(ERASED) == contracts.PersonErased(person_id="p1")
    assert contracts.PersonErased(person_id="p1").subject == "ikz.gateway.person.erased.v1.p1"
