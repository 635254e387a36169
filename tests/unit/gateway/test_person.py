"""A person is registered once and erased once."""

from datetime import UTC, datetime, timedelta

import pytest

from services.gateway.person import (
    LINKS_AN_HOUR,
    PERSON,
    DataLinkRequested,
    ErasePerson,
    PersonCommand,
    PersonErased,
    PersonEvent,
    PersonRegistered,
    RegisterPerson,
    RequestDataLink,
)
from shared.contracts import gateway as contracts
from shared.kernel.decider import NotThere

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
REGISTERED = PersonRegistered(at=AT)
ERASED = PersonErased(person_id="p1", at=AT)


def decided(events: list[PersonEvent], command: PersonCommand, at: datetime = AT) -> list[PersonEvent]:
    person = PERSON.initial
    for event in events:
        person = PERSON.evolve(person, event)
    return list(PERSON.decide(command, person, at))


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


def link(number: int, at: datetime = AT) -> DataLinkRequested:
    return DataLinkRequested(person_id="p1", link_id=f"link {number}", expires_at=AT + timedelta(hours=1), at=at)


def request(number: int) -> RequestDataLink:
    return RequestDataLink(**link(number).model_dump(exclude={"at"}))


def test_a_link_to_ones_own_data_is_sent_once() -> None:
    assert decided([REGISTERED], request(1)) == [link(1)]
    assert decided([REGISTERED, link(1)], request(1)) == []


def test_a_mailbox_is_not_filled_with_links() -> None:
    made: list[PersonEvent] = [REGISTERED, *(link(number) for number in range(LINKS_AN_HOUR))]
    assert decided(made, request(9)) == []
    later = AT + timedelta(hours=1)
    assert decided(made, request(9), later) == [link(9, later)]


def test_the_erased_and_those_who_were_never_there_get_no_link() -> None:
    assert decided([REGISTERED, ERASED], request(1)) == []
    with pytest.raises(NotThere):
        decided([], request(1))


def test_others_learn_of_a_link_by_ids_alone() -> None:
    told = PERSON.publish(link(1))
    assert told == contracts.DataLinkRequested(person_id="p1", link_id="link 1", expires_at=AT + timedelta(hours=1))


def test_others_learn_of_the_erasure() -> None:
    assert PERSON.publish(REGISTERED) is None
    assert PERSON.publish(ERASED) == contracts.PersonErased(person_id="p1")
    assert contracts.PersonErased(person_id="p1").subject == "ikz.gateway.person.erased.v1.p1"
