"""Who is reached where: by id, as members, by role, as who did something."""

from dataclasses import dataclass
from uuid import uuid4

import pytest

from services.gateway import tokens
from services.gateway.addresses import lookup_key, parse_address
from services.gateway.people import People
from services.gateway.reached import people_reached
from services.gateway.tokens import TokenRole
from shared.contracts.rpc import PeopleAnswered, PeopleAsked
from shared.kernel.ids import new_id
from shared.kernel.problems import Problem
from shared.kernel.recorded import Context
from tests.integration.gateway.conftest import NOW

TOWN, OTHER_TOWN = str(uuid4()), str(uuid4())


def context() -> Context:
    return Context(command_id=new_id(), actor="test", at=NOW, correlation_id="c" * 32, fresh=True)


@dataclass(frozen=True, slots=True)
class Hall:
    """A gateway's people, and what is answered about them."""

    people: People

    async def person(self, email: str) -> str:
        return await self.people.find_or_make(parse_address(email), context())

    async def token(self, role: TokenRole, label: str, email: str, organisation: str | None = None) -> str:
        lookup = lookup_key(parse_address(email), self.people.key)
        return await tokens.create(self.people.pool, role, label, NOW, organisation, lookup=lookup)

    async def asked(self, **question: object) -> PeopleAnswered:
        return await people_reached(self.people.pool, self.people.vault, PeopleAsked.model_validate(question))

    async def found(self, **question: object) -> set[str]:
        return {each.email for each in (await self.asked(**question)).people}


@pytest.fixture
async def hall(people: People) -> Hall:
    await people.pool.execute("TRUNCATE token, person, erased_person")
    return Hall(people)


async def test_people_are_found_by_id_and_strangers_are_missing(hall: Hall) -> None:
    erika = await hall.person("Erika.Muster@stadt.example")
    answered = await hall.asked(person_ids=[erika, str(uuid4()), "no id"])
    (person,) = answered.people
    assert (person.person_id, person.email) == (erika, "Erika.Muster@stadt.example")
    assert (person.roles, person.organisation_ids, answered.next) == ((), (), None)


async def test_members_are_whose_token_is_in_use(hall: Hall) -> None:
    for name in ("erika", "max", "gone", "elsewhere"):
        await hall.person(f"{name}@stadt.example")
    await hall.token("member", "erika", "erika@stadt.example", TOWN)
    await hall.token("member", "max", "MAX@stadt.example", TOWN)
    await hall.token("member", "gone", "gone@stadt.example", TOWN)
    await hall.token("member", "elsewhere", "elsewhere@stadt.example", OTHER_TOWN)
    await hall.token("member", "never-seen", "never-seen@stadt.example", TOWN)
    await tokens.revoke(hall.people.pool, "gone", NOW)
    assert await hall.found(organisation_ids=[TOWN]) == {"erika@stadt.example", "max@stadt.example"}
    assert await hall.found(organisation_ids=[TOWN, OTHER_TOWN]) == {
        "erika@stadt.example",
        "max@stadt.example",
        "elsewhere@stadt.example",
    }


async def test_who_is_meant_in_several_ways_is_answered_once_with_all_of_them(hall: Hall) -> None:
    erika = await hall.person("erika@stadt.example")
    await hall.token("member", "erika-town", "erika@stadt.example", TOWN)
    await hall.token("editor", "erika-desk", "erika@stadt.example")
    (person,) = (await hall.asked(person_ids=[erika], organisation_ids=[TOWN], roles=["editor"])).people
    assert (set(person.roles), person.organisation_ids) == ({"member", "editor"}, (TOWN,))


async def test_who_did_something_is_found_as_a_journal_names_them(hall: Hall) -> None:
    erika = await hall.person("erika@stadt.example")
    await hall.person("max@stadt.example")
    await hall.token("editor", "max-desk", "max@stadt.example")
    assert await hall.found(actors=["token:max-desk"]) == {"max@stadt.example"}
    assert await hall.found(actors=[erika, "token:max-desk", "token:nobody", "content", "max-desk"]) == {
        "erika@stadt.example",
        "max@stadt.example",
    }


async def test_the_erased_are_left_out(hall: Hall) -> None:
    erika = await hall.person("erika@stadt.example")
    await hall.token("editor", "erika", "erika@stadt.example")
    await hall.people.vault.erase(erika)
    assert await hall.found(person_ids=[erika], roles=["editor"]) == set()
    again = await hall.person("max@stadt.example")
    await hall.people.erase(parse_address("max@stadt.example"), context())
    assert await hall.found(person_ids=[again]) == set()


async def test_everybody_is_on_one_page_only(hall: Hall) -> None:
    made = sorted([await hall.person(f"person{each}@stadt.example") for each in range(5)])
    first = await hall.asked(person_ids=made, limit=2)
    second = await hall.asked(person_ids=made, limit=2, after=first.next)
    third = await hall.asked(person_ids=made, limit=2, after=second.next)
    told = [person.person_id for page in (first, second, third) for person in page.people]
    assert (told, third.next) == (made, None)
    with pytest.raises(Problem, match="invalid_request"):
        await hall.asked(person_ids=made, after="nowhere")
