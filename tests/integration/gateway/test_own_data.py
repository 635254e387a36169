"""One's own data: asked for, seen, erased; by whom it belongs to and nobody else."""

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.gateway import tokens
from services.gateway.addresses import lookup_key, parse_address
from services.gateway.data_links import DataLinks
from services.gateway.people import People
from shared.contracts.rpc import DataLinkAnswered, DataLinkAsked, Detail, KeptRecord
from shared.kernel.ids import new_id
from shared.kernel.postgres import Pool
from shared.kernel.recorded import Context
from tests.integration.gateway.conftest import CLOCK

REQUESTS = "/api/v1/me/data-requests"
EVENTS = "SELECT data::jsonb FROM journal WHERE stream = $1 AND type = 'DataLinkRequested' ORDER BY version"


def record(label: str, shown: str = "x", stays: str | None = None) -> KeptRecord:
    return KeptRecord(
        kind="k", label=label, details=(Detail(name="n", label="L", value=shown, shown=shown),), stays=stays
    )


@pytest.fixture
def email() -> str:
    return f"Erika.{uuid4()}@stadt.example"


@pytest.fixture
async def person(people: People, email: str) -> str:
    at = CLOCK.now()
    return await people.find_or_make(parse_address(email), Context(new_id(), "test", at, correlation_id="c"))


def links(door: Any) -> DataLinks:
    found: DataLinks = door.gateway.own.own_data.links
    return found


async def requested(pool: Pool, person: str) -> list[dict[str, Any]]:
    return [row["data"] for row in await pool.fetch(EVENTS, f"person-{person}")]


async def told(door: Any, pool: Pool, person: str) -> DataLinkAnswered:
    """What notify is told of the latest link."""
    latest = (await requested(pool, person))[-1]
    return await links(door).letter(DataLinkAsked(person_id=person, link_id=latest["link_id"]))


async def link(door: Any, person: str) -> str:
    """A link's token."""
    token = await links(door).open(person, CLOCK.now())
    assert token is not None
    return token


async def test_the_answer_is_the_same_whoever_is_known(door: Any, pool: Pool, person: str, email: str) -> None:
    answers = []
    for asked in (email, email.upper(), f"{uuid4()}@stadt.example"):
        async with door.post(REQUESTS, json={"email": asked}) as answer:
            kept = {name: answer.headers[name] for name in ("Cache-Control", "Referrer-Policy")}
            answers.append((answer.status, await answer.text(), kept))
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == 202
    assert len(await requested(pool, person)) == 2
    async with door.post(REQUESTS, json={"email": "no address"}) as answer:
        assert (answer.status, (await answer.json())["errors"][0]["field"]) == (422, "/email")


async def test_asking_makes_nobody_known(door: Any, email: str) -> None:
    async with door.post(REQUESTS, json={"email": email}) as answer:
        assert answer.status == 202
    assert await door.gateway.own.people.known(parse_address(email)) is None


async def test_the_link_goes_to_the_address_and_the_journal_knows_neither(
    door: Any, pool: Pool, person: str, email: str
) -> None:
    for _ in range(2):
        async with door.post(REQUESTS, json={"email": email}, headers={"Idempotency-Key": "once"}) as answer:
            assert answer.status == 202
    (event,) = await requested(pool, person)
    assert set(event) == {"at", "person_id", "link_id", "expires_at"}
    answer = await told(door, pool, person)
    assert (answer.email, answer.expires_at) == (
        parse_address(email).mailbox,
        (await pool.fetchval("SELECT expires_at FROM data_link WHERE link_id = $1::uuid", event["link_id"])),
    )
    other = DataLinkAsked(person_id=str(uuid4()), link_id=event["link_id"])
    for asked in (other, other.model_copy(update={"link_id": "none"})):
        assert await links(door).letter(asked) == DataLinkAnswered()
    async with door.get(f"{REQUESTS}/{answer.token}") as seen:
        assert (seen.status, (await seen.json())["person_id"]) == (200, person)
    assert (
        await pool.fetchval("SELECT count(*) FROM data_link d WHERE d::text LIKE '%' || $1 || '%'", answer.token) == 0
    )


async def test_a_link_holds_for_a_while(door: Any, pool: Pool, person: str, email: str) -> None:
    long_ago = CLOCK.now() - timedelta(minutes=61)
    late = await links(door).open(person, long_ago)
    for token in (late, "t" * 43):
        async with door.get(f"{REQUESTS}/{token}") as answer:
            assert answer.status == 404
        async with door.post(f"{REQUESTS}/{token}/erasures") as answer:
            assert answer.status == 404
        async with door.get(f"/meine-daten/{token}") as answer:
            assert (answer.status, "gilt nicht mehr" in await answer.text()) == (404, True)
    await link(door, person)
    assert await pool.fetchval("SELECT count(*) FROM data_link WHERE person_id = $1::uuid", person) == 1


async def test_everything_of_all_services_and_nothing_when_half_of_it_is_missing(
    door: Any, person: str, email: str
) -> None:
    door.owners.kept = {
        ("events", person): [record("Anmeldung", "eins"), record("Anmeldung", "zwei"), record("Frage")],
        ("notify", str(uuid4())): [record("von jemand anderem")],
    }
    token = await link(door, person)
    async with door.get(f"{REQUESTS}/{token}") as answer:
        whole = await answer.json()
    found = {part["service"]: [each["label"] for each in part["records"]] for part in whole["parts"]}
    assert found == {
        "gateway": ["E-Mail-Adresse", "Link zu Ihren Daten"],
        "events": ["Anmeldung", "Anmeldung", "Frage"],
        "catalog": [],
        "notify": [],
    }
    assert (whole["complete"], whole["missing"]) == (True, [])
    assert parse_address(email).mailbox in {d["shown"] for d in whole["parts"][0]["records"][0]["details"]}

    door.owners.down = {"events"}
    async with door.get(f"{REQUESTS}/{token}") as answer:
        problem = await answer.json()
        assert (answer.status, problem["code"], answer.headers["Retry-After"]) == (503, "unavailable", "5")
        assert "Veranstaltungen" in problem["detail"]
    async with door.get(f"{REQUESTS}/{token}?partial=true") as answer:
        assert (answer.status, (await answer.json())["missing"]) == (200, ["events"])
    async with door.get(f"/meine-daten/{token}") as answer:
        page = await answer.text()
    assert "Diese Auskunft ist unvollständig" in page
    assert "Dieser Teil fehlt zurzeit" in page


async def test_who_is_signed_in_sees_and_erases_the_own_data_alone(
    door: Any, pool: Pool, person: str, email: str
) -> None:
    now, lookup = CLOCK.now(), lookup_key(parse_address(email), b"a" * 32)
    own = await tokens.create(pool, "editor", f"own-{uuid4()}", now, lookup=lookup)
    nobodys = await tokens.create(pool, "editor", f"nobody-{uuid4()}", now)
    headers = {"Authorization": f"Bearer {own}"}
    async with door.post("/api/v1/me/data-links", headers=headers) as answer:
        url = (await answer.json())["url"]
        assert answer.status == 201
    async with door.get(url.removeprefix(door.gateway.own.own_data.public_url)) as answer:
        assert answer.status == 200
    async with door.get("/api/v1/me/data", headers=headers) as answer:
        part = (await answer.json())["parts"][0]
    assert [each["kind"] for each in part["records"]] == ["person", "data_link", "token", "change"]
    for method, path in (("GET", "data"), ("POST", "data-links"), ("POST", "erasures")):
        async with door.send(method, f"/api/v1/me/{path}") as answer:
            assert answer.status == 401
        async with door.send(method, f"/api/v1/me/{path}", headers={"Authorization": f"Bearer {nobodys}"}) as answer:
            assert (answer.status, (await answer.json())["code"]) == (403, "token_without_address")
    async with door.post("/api/v1/me/erasures", headers=headers) as answer:
        assert (answer.status, await answer.json()) == (200, {"erased": True, "erasure": person})
    async with door.get("/api/v1/me/data", headers=headers) as answer:
        assert answer.status == 401
    assert await door.gateway.own.people.known(parse_address(email)) is None


async def test_a_token_of_nobody_who_was_ever_here_shows_itself(door: Any, pool: Pool, email: str) -> None:
    lookup = lookup_key(parse_address(email), b"a" * 32)
    token = await tokens.create(pool, "editor", f"new-{uuid4()}", CLOCK.now(), lookup=lookup)
    headers = {"Authorization": f"Bearer {token}"}
    async with door.get("/api/v1/me/data", headers=headers) as answer:
        found = await answer.json()
    assert (found["person_id"], [each["kind"] for each in found["parts"][0]["records"]]) == (None, ["token"])
    async with door.post("/api/v1/me/erasures", headers=headers) as answer:
        assert await answer.json() == {"erased": True, "erasure": None}


async def test_erasing_from_the_page_says_what_goes_and_when_it_is_done(door: Any, person: str, email: str) -> None:
    door.owners.kept = {
        ("events", person): [record("Anmeldung"), record("Zuständig", stays="Bleibt <weil> es muss.")],
        ("notify", person): [record("Nachricht an Sie")],
    }
    token = await link(door, person)
    here = f"/meine-daten/{token}"
    async with door.get(here) as answer:
        assert (answer.headers["Cache-Control"], answer.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    async with door.get(f"{here}/daten.json") as answer:
        assert answer.headers["Content-Disposition"] == 'attachment; filename="meine-daten.json"'
        assert (await answer.json())["person_id"] == person
    async with door.get(f"{here}/loeschen") as answer:
        page = await answer.text()
    assert "Bleibt &lt;weil&gt; es muss." in page
    assert [f"<li>{label}" in page for label in ("Anmeldung", "Nachricht an Sie", "Zuständig")] == [True, True, False]
    people: People = door.gateway.own.people
    assert await people.known(parse_address(email)) == person, "looking changes nothing"

    async with door.post(f"{here}/loeschen", headers={"Sec-Fetch-Site": "cross-site"}) as answer:
        assert answer.status == 403
    places = []
    for _ in range(2):  # a double click
        async with door.post(f"{here}/loeschen") as answer:
            places.append((answer.status, answer.headers["Location"]))
    assert places == [(303, f"/meine-daten/geloescht/{person}")] * 2
    assert await people.known(parse_address(email)) is None
    async with door.get(here) as answer:
        assert answer.status == 404

    door.owners.erased = {("catalog", person), ("events", person)}
    door.owners.kept = {("events", person): [record("Zuständig", stays="Bleibt.")]}
    door.owners.down = {"notify"}
    async with door.get(places[0][1]) as answer:
        assert (answer.status, answer.headers["Refresh"]) == (200, "3")
        shown = re.findall(r"<dd>([^<;]+)[^<]*</dd>", await answer.text())
        assert shown == ["gelöscht", "gelöscht", "gelöscht", "gerade nicht erreichbar"]
    door.owners.down, door.owners.erased = set(), door.owners.erased | {("notify", person)}
    async with door.get(places[0][1]) as answer:
        assert ("Refresh" in answer.headers, "Ihre Daten sind gelöscht" in await answer.text()) == (False, True)
    async with door.get(f"/api/v1/people/erasures/{person}") as answer:
        assert (await answer.json())["done"] is True
    for unknown in (str(uuid4()), "x"):
        async with door.get(f"/api/v1/people/erasures/{unknown}") as answer:
            assert answer.status == 404


async def test_a_restored_backup_brings_back_no_token_of_the_erased(
    door: Any, pool: Pool, people: People, person: str, email: str
) -> None:
    row = await pool.fetchrow("SELECT * FROM person WHERE person_id = $1::uuid", person)
    assert row is not None
    lookup = lookup_key(parse_address(email), b"a" * 32)
    token = await tokens.create(pool, "editor", f"back-{uuid4()}", CLOCK.now(), lookup=lookup)
    async with door.post("/api/v1/me/erasures", headers={"Authorization": f"Bearer {token}"}) as answer:
        assert answer.status == 200
    await pool.execute("INSERT INTO person VALUES ($1, $2, $3, $4)", *row.values())
    await pool.execute("UPDATE token SET revoked_at = NULL, lookup = $1 WHERE label LIKE 'back-%'", lookup)
    await people.forget_erased()
    assert await pool.fetchval("SELECT count(*) FROM token WHERE label LIKE 'back-%' AND revoked_at IS NULL") == 0
    assert await people.known(parse_address(email)) is None


async def test_the_form_asks_for_the_link(door: Any, pool: Pool, person: str, email: str) -> None:
    async with door.get("/meine-daten") as answer:
        assert answer.status == 200
    stamp = door.gateway.portal.guard.stamp("meine-daten", CLOCK.now() - timedelta(minutes=1))
    fields = {"website": "", "stamp": stamp}
    async with door.post("/meine-daten", data=fields | {"email": "niemand"}) as answer:
        page = await answer.text()
        assert (answer.status, 'value="niemand"' in page, 'href="#email"' in page) == (422, True, True)
    async with door.post("/meine-daten", data=fields | {"email": email, "website": "x"}) as answer:
        assert answer.status == 422
    assert await requested(pool, person) == []
    for asked in (email, f"{uuid4()}@stadt.example"):
        async with door.post("/meine-daten", data=fields | {"email": asked}) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/meine-daten/angefordert")
    async with door.get("/meine-daten/angefordert") as answer:
        assert answer.status == 200
    assert len(await requested(pool, person)) == 1
