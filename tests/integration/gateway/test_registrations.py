"""Registering: the same answer for everyone, one person per address, limits, and being forgotten."""

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiohttp import web

from services.gateway import tokens
from services.gateway.addresses import lookup_key, parse_address
from services.gateway.people import Asked, People
from services.gateway.person import PERSON, RegisterPerson
from services.gateway.registrations import BEAT
from shared.kernel.ids import new_id
from shared.kernel.postgres import Pool
from shared.kernel.recorded import Context
from shared.kernel.vault import Vault

OPEN = {"status": "registration_open", "starts_at": "2099-01-01T10:00:00+01:00", "registration_open": True}
PERSON_DATA = {"name": "Erika Muster", "organisation_name": "Stadt Musterstadt", "answers": {"diet": "keine"}}


@pytest.fixture
def session(services: Any, some_id: str) -> str:
    """A session that takes registrations."""
    services.answers[f"/api/v1/sessions/{some_id}"] = OPEN
    services.answers[f"/internal/sessions/{some_id}/registration-checks"] = {"status": "accepted"}
    services.answers[f"/internal/sessions/{some_id}/registrations"] = lambda _: web.json_response(
        {"status": "accepted", "detail": "Bitte folgen Sie dem Link."}, status=202
    )
    return some_id


def address() -> str:
    return f"{uuid4()}@stadt.example"


def some_organisation() -> str:
    return str(uuid4())


def context(people: People) -> Context:
    from datetime import UTC, datetime

    return Context(new_id(), "test", datetime.now(UTC), correlation_id="t", fresh=True)


def forwarded(services: Any) -> list[dict[str, Any]]:
    mine = (asked for asked in services.asked if asked.target.startswith("/internal/"))
    return [json.loads(asked.body) for asked in mine if asked.target.endswith("/registrations")]


def checks(services: Any) -> list[dict[str, Any]]:
    return [json.loads(asked.body) for asked in services.asked if asked.target.endswith("/registration-checks")]


async def test_a_registration_goes_on_with_a_person_instead_of_credentials(
    door: Any, services: Any, session: str
) -> None:
    email = address()
    body = {"email": f" {email.upper()} ", **PERSON_DATA}
    async with door.post(f"/api/v1/sessions/{session}/registrations", json=body) as answer:
        assert answer.status == 202
        assert await answer.json() == {"status": "accepted", "detail": "Bitte folgen Sie dem Link."}
        assert answer.headers["RateLimit-Policy"] == '"registrations";q=5;w=600'
        assert answer.headers["RateLimit"].startswith('"registrations";r=4;t=')
    asked = services.asked[-1]
    assert services.verified(asked, "events").label == "anonymous"
    (sent,) = forwarded(services)
    assert sent["email"] == email.partition("@")[0].upper() + "@stadt.example"
    assert UUID(sent["person_id"]).version == 7
    assert (sent["name"], sent["member"], sent["answers"]) == ("Erika Muster", False, {"diet": "keine"})


async def test_who_is_signed_in_with_the_address_has_it_proven(
    door: Any, services: Any, session: str, pool: Pool, people: People
) -> None:
    email = address()
    lookup = lookup_key(parse_address(email), people.key)
    token = await tokens.create(
        pool, "member", "signed-in", door.gateway.clock.now(), some_organisation(), lookup=lookup
    )
    bearer = {"Authorization": f"Bearer {token}"}
    for who, headers in [(email.upper(), bearer), (address(), bearer), (email, {})]:
        body = {"email": who, **PERSON_DATA}
        async with door.post(f"/api/v1/sessions/{session}/registrations", json=body, headers=headers) as answer:
            assert (answer.status, await answer.json()) == (
                202,
                {"status": "accepted", "detail": "Bitte folgen Sie dem Link."},
            )
    mine, somebody, guest = forwarded(services)
    assert [sent["member"] for sent in (mine, somebody, guest)] == [True, False, False]
    assert mine["person_id"] == guest["person_id"] != somebody["person_id"]


async def test_the_token_of_an_erased_person_ends(
    open_door: Any, services: Any, session: str, pool: Pool, people: People
) -> None:
    door, email = await open_door(), address()
    now, lookup = door.gateway.clock.now(), lookup_key(parse_address(email), people.key)
    member = await tokens.create(pool, "member", "to-be-erased", now, some_organisation(), lookup=lookup)
    editor = await tokens.create(pool, "editor", "erasing", now)
    bearer = {"Authorization": f"Bearer {editor}"}
    async with door.post("/api/v1/people/erasures", json={"email": email}, headers=bearer) as answer:
        assert answer.status == 200
    body = {"email": email, **PERSON_DATA}
    path, bearer = f"/api/v1/sessions/{session}/registrations", {"Authorization": f"Bearer {member}"}
    async with door.post(path, json=body, headers=bearer) as answer:
        assert answer.status == 401
    assert await pool.fetchval("SELECT count(*) FROM token WHERE lookup = $1", lookup) == 0


async def test_one_address_is_one_person_however_often_and_at_once(
    open_door: Any, services: Any, session: str, pool: Pool
) -> None:
    door = await open_door(rate_limits=False)
    email = address()

    async def register(spelling: str) -> int:
        body = {"email": spelling, **PERSON_DATA}
        async with door.post(f"/api/v1/sessions/{session}/registrations", json=body) as answer:
            status: int = answer.status
            return status

    assert set(await asyncio.gather(*(register(email.upper() if n % 2 else email) for n in range(20)))) == {202}
    ids = {sent["person_id"] for sent in forwarded(services)}
    assert len(ids) == 1
    assert await pool.fetchval("SELECT count(*) FROM journal WHERE stream = $1", f"person-{ids.pop()}") == 1


async def test_many_who_register_at_once_are_different_people_for_few_questions(
    open_door: Any, services: Any, session: str
) -> None:
    door = await open_door(rate_limits=False)

    async def register() -> int:
        body = {"email": address(), **PERSON_DATA}
        async with door.post(f"/api/v1/sessions/{session}/registrations", json=body) as answer:
            status: int = answer.status
            return status

    assert set(await asyncio.gather(*(register() for _ in range(30)))) == {202}
    assert len({sent["person_id"] for sent in forwarded(services)}) == 30
    assert 0 < sum(asked.target == "/internal/enrolments" for asked in services.asked) < 15


async def test_a_session_that_closes_is_closed_for_the_next_who_asks(door: Any, services: Any, session: str) -> None:
    path = f"/api/v1/sessions/{session}/registrations"
    async with door.post(path, json={"email": address(), **PERSON_DATA}) as answer:
        assert answer.status == 202
    services.answers[f"/api/v1/sessions/{session}"] = OPEN | {"registration_open": False}
    async with door.post(path, json={"email": address(), **PERSON_DATA}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (409, "registration_closed")
    assert len(forwarded(services)) == 1


async def test_two_processes_at_once_make_one_person(people: People, pool: Pool) -> None:
    other = People(pool, people.journal, Vault(pool, b"v" * 32), people.key)
    everybody = [parse_address(address()) for _ in range(20)]
    found = await asyncio.gather(
        *(process.find_or_make(who, context(people)) for who in everybody for process in (people, other))
    )
    assert found[::2] == found[1::2]
    assert len(set(found)) == 20
    for who, person_id in zip(everybody, found[::2], strict=True):
        assert await people.known(who) == person_id
    keys = await pool.fetch("SELECT person_id FROM vault WHERE wrapped IS NOT NULL")
    people_there = await pool.fetch("SELECT person_id::text FROM person")
    assert {row["person_id"] for row in keys} <= {row["person_id"] for row in people_there}


async def test_the_database_holds_no_address_in_clear(door: Any, services: Any, session: str, pool: Pool) -> None:
    email = address()
    async with door.post(f"/api/v1/sessions/{session}/registrations", json={"email": email, **PERSON_DATA}):
        pass
    local = email.partition("@")[0]
    for table in ("person", "journal", "command", "audit", "vault", "erased_person"):
        rows = await pool.fetch(f"SELECT * FROM {table}")
        assert local not in str([tuple(row) for row in rows]), table


async def test_known_and_unknown_people_are_answered_alike(door: Any, services: Any, session: str) -> None:
    loop = asyncio.get_running_loop()
    email, seen = address(), []
    for _ in range(2):
        began = loop.time()
        body = {"email": email, **PERSON_DATA}
        async with door.post(f"/api/v1/sessions/{session}/registrations", json=body) as answer:
            seen.append((answer.status, await answer.read(), answer.headers["Content-Type"]))
        assert loop.time() - began > BEAT * 0.9
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    "case",
    [
        ({"email": "keine-adresse"}, "/email"),
        ({"email": "a@b.example\r\nBcc: alle@land.example"}, "/email"),
        ({"name": " "}, "/name"),
        ({"name": "Jetzt gewinnen: https://boese.example"}, "/name"),
        ({"organisation_name": "x" * 201}, "/organisation_name"),
        ({"nonsense": 1}, "/nonsense"),
        ({"email": 3}, "/email"),
        ({"answers": {"q": 1}}, "/answers/q"),
        ({"name": "a\u0000b"}, "/name"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_kept(
    door: Any, services: Any, session: str, pool: Pool, case: tuple[dict[str, Any], str]
) -> None:
    wrong, field = case
    before = await pool.fetchval("SELECT count(*) FROM person")
    body = {"email": address(), **PERSON_DATA} | wrong
    async with door.post(f"/api/v1/sessions/{session}/registrations", json=body) as answer:
        assert answer.status == 422
        problem = await answer.json(content_type=None)
        assert problem["code"] == "invalid_request"
        assert field in {error["field"] for error in problem["errors"]}
    assert forwarded(services) == []
    assert await pool.fetchval("SELECT count(*) FROM person") == before


@pytest.mark.parametrize(
    "case",
    [
        (None, 404, "not_found"),
        (OPEN | {"status": "cancelled", "registration_open": False}, 409, "session_cancelled"),
        (OPEN | {"status": "held", "registration_open": False}, 409, "session_over"),
        (OPEN | {"starts_at": "2001-01-01T10:00:00Z", "registration_open": False}, 409, "session_over"),
        (OPEN | {"starts_at": None, "registration_open": False}, 409, "session_without_time"),
        (OPEN | {"status": "registration_closed", "registration_open": False}, 409, "registration_closed"),
    ],
)
async def test_a_session_that_takes_nobody_keeps_nobody(
    door: Any, services: Any, some_id: str, pool: Pool, case: tuple[Any, int, str]
) -> None:
    state, status, code = case
    before = await pool.fetchval("SELECT count(*) FROM person")
    services.answers[f"/api/v1/sessions/{some_id}"] = state
    body = {"email": address(), **PERSON_DATA}
    async with door.post(f"/api/v1/sessions/{some_id}/registrations", json=body) as answer:
        assert answer.status == status
        assert (await answer.json(content_type=None))["code"] == code
    assert await pool.fetchval("SELECT count(*) FROM person") == before


async def test_ids_that_are_none_are_not_found(door: Any) -> None:
    body = {"email": address(), **PERSON_DATA}
    async with door.post("/api/v1/sessions/1%27%20OR%201/registrations", json=body) as answer:
        assert answer.status == 404


async def test_a_flood_from_one_network_is_met_calmly(open_door: Any, services: Any, session: str) -> None:
    door = await open_door(trusted_proxies=1)
    for number in range(7):
        body = {"email": address(), **PERSON_DATA}
        client = {"X-Forwarded-For": f"6.6.6.6, 192.0.2.{number}"}
        async with door.post(f"/api/v1/sessions/{session}/registrations", json=body, headers=client) as answer:
            assert answer.status == (202 if number < 5 else 429)
            assert ("Retry-After" in answer.headers) == (number >= 5)
    hiding = [("X-Forwarded-For", "198.51.100.7"), ("X-Forwarded-For", "192.0.2.200")]
    body = {"email": address(), **PERSON_DATA}
    async with door.post(f"/api/v1/sessions/{session}/registrations", json=body, headers=hiding) as answer:
        assert answer.status == 429
    other = {"X-Forwarded-For": "198.51.100.1"}
    body = {"email": address(), **PERSON_DATA}
    async with door.post(f"/api/v1/sessions/{session}/registrations", json=body, headers=other) as answer:
        assert answer.status == 202


async def test_a_flood_of_mails_to_one_address_ends_soon(open_door: Any, services: Any, session: str) -> None:
    door = await open_door(trusted_proxies=1)
    body = {"email": address(), **PERSON_DATA}
    statuses = []
    for number in range(5):
        client = {"X-Forwarded-For": f"203.0.{number}.1"}
        async with door.post(f"/api/v1/sessions/{session}/registrations", json=body, headers=client) as answer:
            statuses.append(answer.status)
    assert statuses == [202, 202, 202, 429, 429]


async def test_the_idempotency_key_goes_on(door: Any, services: Any, session: str) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    body = {"email": address(), **PERSON_DATA}
    async with door.post(f"/api/v1/sessions/{session}/registrations", json=body, headers=key) as answer:
        assert answer.status == 202
    assert services.asked[-1].headers["Idempotency-Key"] == key["Idempotency-Key"]


async def test_a_repeated_request_is_the_services_to_answer_though_the_session_takes_nobody_now(
    door: Any, services: Any, session: str
) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    body = {"email": address(), **PERSON_DATA}
    statuses = []
    for closed in ({}, {"status": "registration_closed", "registration_open": False}):
        services.answers[f"/api/v1/sessions/{session}"] = OPEN | closed
        async with door.post(f"/api/v1/sessions/{session}/registrations", json=body, headers=key) as answer:
            statuses.append(answer.status)
    assert statuses == [202, 202]
    first, second = forwarded(services)
    assert first == second


async def test_editors_have_a_person_forgotten(open_door: Any, services: Any, session: str, pool: Pool) -> None:
    door = await open_door()
    email = address()
    async with door.post(f"/api/v1/sessions/{session}/registrations", json={"email": email, **PERSON_DATA}):
        pass
    person_id = forwarded(services)[0]["person_id"]
    token = await tokens.create(pool, "editor", "forgetting", door.gateway.clock.now())
    for bearer, status in [({}, 401), ({"Authorization": f"Bearer {token}"}, 200)]:
        body = {"email": email.upper()}
        async with door.post("/api/v1/people/erasures", json=body, headers=bearer) as answer:
            assert answer.status == status
    assert await pool.fetchval("SELECT count(*) FROM person WHERE person_id = $1::uuid", person_id) == 0
    assert await pool.fetchval("SELECT wrapped IS NULL FROM vault WHERE person_id = $1", person_id)
    published = await pool.fetchval(
        "SELECT count(*) FROM journal WHERE stream = $1 AND aggregate = $2",
        f"person-{person_id}",
        f"person/{person_id}",
    )
    assert published == 1
    noted = await pool.fetchval("SELECT count(*) FROM audit WHERE actor = 'token:forgetting' AND status = 200")
    assert noted == 1
    async with door.post(f"/api/v1/sessions/{session}/registrations", json={"email": email, **PERSON_DATA}):
        pass
    assert forwarded(services)[-1]["person_id"] != person_id


async def test_an_address_that_nobody_has_is_forgotten_already(open_door: Any, pool: Pool) -> None:
    door = await open_door()
    token = await tokens.create(pool, "operator", "forgetting-2", door.gateway.clock.now())
    bearer = {"Authorization": f"Bearer {token}"}
    async with door.post("/api/v1/people/erasures", json={"email": address()}, headers=bearer) as answer:
        assert (answer.status, await answer.json()) == (200, {"erased": True})
    async with door.post("/api/v1/people/erasures", json={"email": "keine"}, headers=bearer) as answer:
        assert answer.status == 422


async def test_a_crash_between_row_and_journal_heals(people: People, pool: Pool) -> None:
    who = parse_address(address())
    asked = Asked(lookup_key(who, people.key), who.mailbox, context(people).at)
    ((person_id, _),) = await people._found_or_made([asked])
    assert (await people.journal.load(PERSON, person_id)).version == 0
    assert await people.find_or_make(who, context(people)) == person_id
    assert (await people.journal.load(PERSON, person_id)).version == 1


async def test_a_crash_between_erasure_and_deletion_heals(people: People, pool: Pool) -> None:
    from services.gateway.person import ErasePerson

    who = parse_address(address())
    person_id = await people.find_or_make(who, context(people))
    await people.journal.transact(PERSON, person_id, ErasePerson(person_id=person_id), context(people))
    assert await people.known(who) == person_id
    assert await people.find_or_make(who, context(people)) != person_id
    assert await pool.fetchval("SELECT wrapped IS NULL FROM vault WHERE person_id = $1", person_id)


async def test_a_restored_backup_forgets_again_whom_the_ledger_names(people: People, pool: Pool) -> None:
    who = parse_address(address())
    person_id = await people.find_or_make(who, context(people))
    await people.vault.erase(person_id)
    await people.forget_erased()
    assert await people.known(who) is None


async def test_registering_a_person_twice_is_recorded_once(people: People) -> None:
    person_id = str(new_id())
    outcomes = [await people.journal.transact(PERSON, person_id, RegisterPerson(), context(people)) for _ in range(2)]
    assert [outcome.version for outcome in outcomes] == [1, 1]


def refusing(code: str, pointer: str) -> Any:
    """A service that takes no such answers."""
    body = {"code": code, "detail": "Nein.", "errors": [{"field": pointer, "code": code, "detail": "Nein."}]}
    return lambda _: web.json_response(body, status=422)


async def test_answers_are_looked_at_before_anything_is_kept_of_a_person(
    door: Any, services: Any, session: str, people: People
) -> None:
    services.answers[f"/api/v1/sessions/{session}"] = OPEN | {"registration_questions": [{"key": "diet"}]}
    services.answers[f"/internal/sessions/{session}/registration-checks"] = refusing("answer_required", "/answers/diet")
    path, email, other = f"/api/v1/sessions/{session}/registrations", address(), address()
    known = await people.find_or_make(parse_address(other), context(people))
    seen = []
    for who in (email, other):
        async with door.post(path, json={"email": who, "name": "Erika Muster"}) as answer:
            body = await answer.json()
            seen.append((answer.status, body))
    assert seen[0] == seen[1], "who is known is told the same"
    assert (seen[0][0], seen[0][1]["errors"][0]["field"]) == (422, "/answers/diet")
    assert await people.known(parse_address(email)) is None
    assert await people.known(parse_address(other)) == known
    assert forwarded(services) == []


async def test_the_check_tells_the_service_of_no_person(door: Any, services: Any, session: str) -> None:
    organisation = str(uuid4())
    body = {
        "email": address(),
        "name": "Erika Muster",
        "organisation_id": organisation,
        "answers": {"diets": ["a", "b"]},
    }
    async with door.post(f"/api/v1/sessions/{session}/registrations", json=body) as answer:
        assert answer.status == 202
    assert checks(services) == [{"organisation_id": organisation, "answers": {"diets": ["a", "b"]}}]
    asked = next(asked for asked in services.asked if asked.target.endswith("/registration-checks"))
    assert services.verified(asked, "events").person_id is None
    assert forwarded(services)[0]["answers"] == {"diets": ["a", "b"]}


async def test_without_questions_nobody_asks_a_second_time(door: Any, services: Any, session: str) -> None:
    async with door.post(
        f"/api/v1/sessions/{session}/registrations", json={"email": address(), "name": "Erika Muster"}
    ) as answer:
        assert answer.status == 202
    assert checks(services) == []


async def test_full_without_a_waiting_list_is_told_to_everybody_before_anything_is_kept(
    door: Any, services: Any, session: str, people: People
) -> None:
    services.answers[f"/api/v1/sessions/{session}"] = OPEN | {"full": True, "waiting_list": "none"}
    email = address()
    async with door.post(f"/api/v1/sessions/{session}/registrations", json={"email": email, "name": "E. M."}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (409, "session_full")
    assert await people.known(parse_address(email)) is None
    assert forwarded(services) == []


async def test_an_organiser_writes_somebody_in(door: Any, services: Any, some_id: str, pool: Pool) -> None:
    token = await tokens.create(pool, "editor", "writing-in", door.gateway.clock.now())
    editor = {"Authorization": f"Bearer {token}"}
    path, email = f"/api/v1/sessions/{some_id}/participants", address()
    services.answers[f"/api/v1/sessions/{some_id}"] = OPEN | {"status": "cancelled"}
    body = {"email": email, "name": "Erika Muster", "organisation_name": "Stadt Musterstadt"}
    async with door.post(path, json=body) as answer:
        assert answer.status == 401
    async with door.post(path, json=body, headers=editor) as answer:
        assert (await answer.json())["code"] == "session_cancelled"
    people: People = door.gateway.own.people
    assert await people.known(parse_address(email)) is None
    services.answers[f"/api/v1/sessions/{some_id}"] = OPEN
    told = {"id": some_id, "status": "confirmed", "existing": False}
    services.answers[f"/internal/sessions/{some_id}/participants"] = lambda _: web.json_response(told, status=201)
    async with door.post(path, json=body, headers=editor | {"Idempotency-Key": "once"}) as answer:
        assert (answer.status, await answer.json()) == (201, told)
    asked = services.asked[-1]
    person = await people.known(parse_address(email))
    assert person is not None
    assert services.verified(asked, "events").roles >= {"editor"}
    assert asked.headers["Idempotency-Key"] == "once"
    assert json.loads(asked.body) == {
        "person_id": person, "email": email, "name": "Erika Muster", "organisation_id": None,
        "organisation_name": "Stadt Musterstadt", "confirm": False, "walk_in": False,
    }  # fmt: skip
    async with door.post(path, json=body | {"confirm": True, "walk_in": True}, headers=editor) as answer:
        assert [error["field"] for error in (await answer.json())["errors"]] == ["/confirm"]
