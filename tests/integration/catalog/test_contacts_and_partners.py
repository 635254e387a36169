"""Writing to a contact whose address nobody is shown, and looking for partners: over HTTP, and what time makes of it.

Both in one module: they share the content that is loaded for it.
"""

from asyncio import gather
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.catalog import contact_sealing, contact_upkeep, cooperation_candidates, cooperation_pairs
from services.catalog.contact_letter import contact_letter
from services.catalog.contact_list import CONTACT_ADDRESSES, CONTACT_REQUESTS
from services.catalog.cooperation_letter import cooperation_letter
from services.catalog.cooperation_list import COOPERATION_REQUESTS
from services.catalog.cooperation_request import COOPERATION_REQUEST
from services.catalog.experience import EXPERIENCE
from shared.contracts.gateway import PersonErased
from shared.contracts.notify import MessageBounced, MessageDelivered
from shared.contracts.rpc import ContactAsked, ContactLetter, CooperationLetterAsked
from shared.kernel.clock import Clock
from shared.kernel.identity import HEADER, Identity
from shared.kernel.inbox import Received
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.projection import Projection
from shared.kernel.rebuild import rebuild
from shared.kernel.vault import Vault
from tests.conftest import Database
from tests.integration.catalog.conftest import Client, Reply

OFFICE, WRITER = "bauhof@gemeinde.example", "otto.normal@stadt.example"
TEXT = "Wie haben Sie die Kosten verteilt?\n\n<b>Gruß</b>"
MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Rig:
    """The catalogue as the gateway, the notification service and time meet it."""

    editor: Client
    reader: Client
    journal: Journal
    pool: Pool
    vault: Vault

    async def internal(self, method: str, path: str, body: Any, client: Client | None = None, **headers: str) -> Reply:
        """A request of the gateway's."""
        asks = client or self.editor
        signed = {HEADER: asks.signer.sign(asks.identity, "catalog")} | headers
        async with asks.session.request(method, f"/internal{path}", headers=signed, json=body) as answer:
            return Reply(answer.status, await answer.json(), answer.headers)

    async def reachable(self, person_id: str | None = None) -> str:
        """A published project with an address; its id."""
        project_id = await self.editor.publish()
        body = {"person_id": person_id or str(uuid4()), "email": OFFICE}
        reply = await self.internal("PUT", f"/projects/{project_id}/contact-address", body)
        assert reply.status == 200, reply.body
        return project_id

    async def write(self, about_id: str, person_id: str, about: str = "projects", key: str = "", **said: Any) -> Reply:
        body = {"person_id": person_id, "email": WRITER, "name": "Otto Normal", "message": TEXT} | said
        headers = {"Idempotency-Key": key} if key else {}
        return await self.internal("POST", f"/{about}/{about_id}/contact-requests", body, self.reader, **headers)

    async def requests(self, about_id: str) -> list[str]:
        rows = await self.pool.fetch("SELECT id::text FROM contact_request WHERE about_id = $1::uuid", about_id)
        return [row["id"] for row in rows]

    async def letter(self, contact_request_id: str, *, confirmed: bool) -> ContactLetter | None:
        asked = ContactAsked(contact_request_id=contact_request_id, confirmed=confirmed)
        return (await contact_letter(self.pool, self.vault, Clock(), asked)).letter

    async def received(self, about_id: str) -> tuple[str, str]:
        """A text that waits: its id and the link's token."""
        assert (await self.write(about_id, str(uuid4()))).status == 202
        (contact_request_id,) = await self.requests(about_id)
        letter = await self.letter(contact_request_id, confirmed=False)
        assert letter is not None
        assert letter.token is not None
        return contact_request_id, letter.token

    async def later(self, after: timedelta, retention: timedelta = MONTH) -> None:
        """What the clock does when so much time has passed."""
        at = datetime.now(UTC) + after
        await contact_upkeep.record_reports(self.journal, self.pool, at)
        await contact_upkeep.record_erasures(self.journal, self.pool, at)
        await contact_upkeep.forget_texts(retention, self.journal, self.pool, at)
        await contact_upkeep.forget_addresses(retention, self.journal, self.pool, at)
        await contact_upkeep.destroy_keys(self.vault, self.journal, self.pool, at)

    async def take(self, *contracts: Any) -> None:
        """Another service's events arrive."""
        effects = {
            effect.contract: effect.apply
            for effect in (*contact_upkeep.of_gateway(self.vault), *contact_upkeep.of_notify())
        }
        for number, contract in enumerate(contracts):
            now = datetime.now(UTC)
            received = Received(
                data=contract,
                id=f"x@{number}",
                type=contract.type,
                aggregate=contract.aggregate,
                aggregate_version=1,
                position=number,
                time=now,
                recorded_at=now,
                history=False,
                live=True,
                correlation_id="c" * 32,
                traceparent=None,
            )
            async with self.pool.acquire() as connection, connection.transaction():
                await effects[type(contract)](connection, [received])


@pytest.fixture(scope="module")
def rig(editor: Client, reader: Client, journal: Journal, pool: Pool, vault: Vault) -> Rig:
    return Rig(editor, reader, journal, pool, vault)


async def everything_kept(rig: Rig) -> str:
    """All that the service has written down anywhere, but for sealed text."""
    found = []
    for table in ("journal", "contact_request", "contact_address", "command", "project_page", "search_project"):
        rows = await rig.pool.fetch(f"SELECT t::text AS line FROM {table} t")
        found += [row["line"] for row in rows]
    return "\n".join(found)


async def test_a_text_is_confirmed_and_passed_on(rig: Rig) -> None:
    project_id = await rig.reachable()
    page = (await rig.reader.get(f"/projects/{project_id}")).body
    assert page["contact_possible"] is True
    contact_request_id, token = await rig.received(project_id)
    first = await rig.letter(contact_request_id, confirmed=False)
    assert first is not None
    assert (first.email, first.about, first.message) == (WRITER, page["title"], None)
    assert await rig.letter(contact_request_id, confirmed=True) is None
    waiting = (await rig.reader.get(f"/contact-requests/{token}")).body
    assert first.confirm_by == datetime.fromisoformat(waiting["confirm_by"])

    shown = await rig.reader.get(f"/contact-requests/{token}")
    for _ in range(2):  # looking changes nothing
        shown = await rig.reader.get(f"/contact-requests/{token}")
        assert (shown.body["status"], shown.body["can_confirm"]) == ("received", True)
        assert shown.headers["Cache-Control"] == "no-store"
    assert (shown.body["message"], shown.body["about"]) == (TEXT, page["title"])
    assert OFFICE not in str(shown.body)
    for _ in range(2):
        assert (await rig.reader.post(f"/contact-requests/{token}/confirmations")).status == 200
    assert await rig.letter(contact_request_id, confirmed=False) is None
    passed_on = await rig.letter(contact_request_id, confirmed=True)
    assert passed_on is not None
    assert passed_on.email == OFFICE
    assert passed_on.token is None
    assert passed_on.message is not None
    assert (passed_on.message.email, passed_on.message.text) == (WRITER, TEXT)

    report = {"message_id": str(uuid4()), "channel": "email", "person_id": "p", "kind": contact_upkeep.PASSED_ON}
    cause = f"contact_request-{contact_request_id}@2"
    await rig.take(MessageDelivered(**report, cause=cause), MessageDelivered(**report, cause="session-1@2"))
    await rig.later(timedelta())
    shown = await rig.reader.get(f"/contact-requests/{token}")
    assert (shown.body["status"], shown.body["can_confirm"]) == ("passed_on", False)
    await rig.take(MessageBounced(**report, cause=cause, reason="refused"))
    await rig.later(timedelta())
    shown = await rig.reader.get(f"/contact-requests/{token}")
    assert (shown.body["status"], shown.body["message"]) == ("undeliverable", TEXT)

    await rig.later(MONTH - timedelta(minutes=5))
    assert await rig.letter(contact_request_id, confirmed=True) is not None
    await rig.later(MONTH)
    shown = await rig.reader.get(f"/contact-requests/{token}")
    assert (shown.body["status"], shown.body["message"], shown.body["name"]) == ("undeliverable", None, None)
    assert await rig.letter(contact_request_id, confirmed=True) is None


async def test_what_is_personal_stands_nowhere_in_the_open_and_a_destroyed_key_opens_nothing(rig: Rig) -> None:
    project_id = await rig.reachable()
    _, token = await rig.received(project_id)
    kept = await everything_kept(rig)
    for secret in (OFFICE, WRITER, "Otto Normal", "Kosten verteilt", token):
        assert secret not in kept, secret
    for reply in (await rig.editor.get(f"/projects/{project_id}"), await rig.editor.get("/projects", q="Bauhof")):
        assert OFFICE not in str(reply.body)
    row = await rig.pool.fetchrow(
        "SELECT vault_subject, sealed FROM contact_request WHERE about_id = $1::uuid", project_id
    )
    assert row is not None
    await rig.later(timedelta(hours=24))
    assert await rig.vault.open(row["vault_subject"], "contact", row["sealed"]) is None
    shown = await rig.reader.get(f"/contact-requests/{token}")
    assert (shown.body["status"], shown.body["message"]) == ("lapsed", None)
    assert (
        await rig.pool.fetchval("SELECT person_id FROM contact_request WHERE about_id = $1::uuid", project_id) is None
    )
    late = await rig.reader.post(f"/contact-requests/{token}/confirmations")
    assert (late.status, late.code) == (409, "contact_request_lapsed")


async def test_the_same_text_is_one_request_whether_repeated_or_sent_at_once(rig: Rig) -> None:
    project_id, person_id, key = await rig.reachable(), str(uuid4()), uuid4().hex
    replies = [await rig.write(project_id, person_id, key=key) for _ in range(2)]
    replies += await gather(*(rig.write(project_id, person_id, key=key) for _ in range(3)))
    replies += await gather(*(rig.write(project_id, person_id) for _ in range(3)))
    assert {(reply.status, str(reply.body)) for reply in replies} == {(202, str(replies[0].body))}
    assert len(await rig.requests(project_id)) == 1
    await rig.write(project_id, person_id, message="Etwas anderes")
    await rig.write(project_id, str(uuid4()))
    assert len(await rig.requests(project_id)) == 3


async def test_without_an_address_or_a_live_project_nothing_is_taken(rig: Rig) -> None:
    project_id = await rig.editor.publish()
    assert (await rig.reader.get(f"/projects/{project_id}")).body["contact_possible"] is False
    refused = await rig.write(project_id, str(uuid4()))
    assert (refused.status, refused.code) == (409, "contact_not_possible")
    reachable = await rig.reachable()
    assert (await rig.editor.post(f"/projects/{reachable}/archivals")).status == 200
    assert (await rig.reader.get(f"/projects/{reachable}")).body["contact_possible"] is False
    assert (await rig.write(reachable, str(uuid4()))).code == "contact_not_possible"
    body = {"person_id": str(uuid4()), "email": OFFICE}
    assert (await rig.internal("PUT", f"/projects/{reachable}/contact-address", body)).code == "project_archived"
    draft = await rig.editor.draft()
    for unknown in (draft, str(uuid4())):
        assert (await rig.write(unknown, str(uuid4()))).status == 404
    assert await rig.requests(project_id) == []


async def test_a_confirmed_text_waits_for_its_mail_and_is_not_promised_for_ever(rig: Rig) -> None:
    project_id = await rig.reachable()
    contact_request_id, token = await rig.received(project_id)
    await rig.reader.post(f"/contact-requests/{token}/confirmations")
    day = timedelta(days=1)
    await rig.later(8 * day, retention=day)  # no mail has gone out all the time
    assert await rig.letter(contact_request_id, confirmed=True) is not None
    assert (await rig.reader.get(f"/contact-requests/{token}")).body["status"] == "confirmed"
    await rig.editor.call("DELETE", f"/projects/{project_id}/contact-address")
    assert (await rig.reader.get(f"/contact-requests/{token}")).body["status"] == "undeliverable"
    await rig.later(15 * day, retention=day)
    shown = (await rig.reader.get(f"/contact-requests/{token}")).body
    assert (shown["status"], shown["message"]) == ("undeliverable", None)


async def test_an_address_that_was_taken_away_gets_nothing_more(rig: Rig) -> None:
    project_id = await rig.reachable()
    contact_request_id, token = await rig.received(project_id)
    for _ in range(2):
        assert (await rig.editor.call("DELETE", f"/projects/{project_id}/contact-address")).status == 200
    assert (await rig.reader.get(f"/contact-requests/{token}")).body["can_confirm"] is False
    refused = await rig.reader.post(f"/contact-requests/{token}/confirmations")
    assert (refused.status, refused.code) == (409, "contact_not_possible")
    assert await rig.letter(contact_request_id, confirmed=True) is None
    body = {"person_id": str(uuid4()), "email": OFFICE}
    await rig.internal("PUT", f"/projects/{project_id}/contact-address", body)
    assert (await rig.reader.post(f"/contact-requests/{token}/confirmations")).status == 200


async def test_an_address_is_replaced_and_the_former_one_destroyed(rig: Rig) -> None:
    person_id = str(uuid4())
    project_id = await rig.reachable(person_id)
    path, query = f"/projects/{project_id}/contact-address", "SELECT * FROM contact_address WHERE about_id = $1::uuid"
    before = await rig.pool.fetchrow(query, project_id)
    same = await rig.internal("PUT", path, {"person_id": person_id, "email": OFFICE})
    assert (same.body["version"], await rig.pool.fetchrow(query, project_id)) == (1, before)
    other = await rig.internal("PUT", path, {"person_id": person_id, "email": "neu@gemeinde.example"})
    assert other.body["version"] == 2
    await rig.later(timedelta())
    assert before is not None
    assert await rig.vault.open(before["vault_subject"], "contact", before["sealed"]) is None


async def test_an_address_set_while_it_is_taken_away_or_its_person_erased_is_readable_or_gone(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    person_id = str(uuid4())
    project_id = await rig.reachable(person_id)
    path, body = f"/projects/{project_id}/contact-address", {"person_id": person_id, "email": OFFICE}
    seal = contact_sealing.seal

    async def taken_away(*args: Any) -> str:
        sealed = await seal(*args)
        await rig.editor.call("DELETE", path)
        await rig.later(timedelta())
        return sealed

    async def erased(*args: Any) -> str:
        sealed = await seal(*args)
        await rig.take(PersonErased(person_id=person_id))
        await rig.later(timedelta())
        return sealed

    monkeypatch.setattr(contact_sealing, "seal", taken_away)
    assert (await rig.internal("PUT", path, body)).status == 200
    await rig.later(timedelta())
    row = await rig.pool.fetchrow(
        "SELECT person_id, vault_subject, sealed FROM contact_address WHERE about_id = $1::uuid", project_id
    )
    assert row is not None
    assert (
        await contact_sealing.opened(
            rig.vault, row["person_id"], row["vault_subject"], row["sealed"], contact_sealing.Address
        )
        is not None
    )

    monkeypatch.setattr(contact_sealing, "seal", erased)
    other = await rig.internal("PUT", path, body | {"email": "neu@gemeinde.example"})
    assert (other.status, other.code) == (410, "person_erased")
    assert (await rig.reader.get(f"/projects/{project_id}")).body["contact_possible"] is False


async def test_nothing_is_left_of_who_is_erased_while_a_text_is_taken(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    project_id, person_id = await rig.reachable(), str(uuid4())
    seal = contact_sealing.seal

    async def erased(*args: Any) -> str:
        sealed = await seal(*args)
        await rig.take(PersonErased(person_id=person_id))
        await rig.later(timedelta())
        return sealed

    monkeypatch.setattr(contact_sealing, "seal", erased)
    assert (await rig.write(project_id, person_id)).status == 202
    assert await rig.requests(project_id) == []


async def test_only_editors_say_where_a_project_is_reached(rig: Rig) -> None:
    project_id = await rig.editor.publish()
    body = {"person_id": str(uuid4()), "email": OFFICE}
    path = f"/projects/{project_id}/contact-address"
    assert (await rig.internal("PUT", path, body, rig.reader)).status == 401
    assert (await rig.reader.call("DELETE", path)).status == 401
    assert (await rig.reader.get(path)).status in {404, 405}
    assert (await rig.internal("PUT", f"/projects/{uuid4()}/contact-address", body)).status == 404


async def test_nothing_is_left_of_people_who_are_erased(rig: Rig) -> None:
    contact, writer = str(uuid4()), str(uuid4())
    project_id = await rig.reachable(contact)
    await rig.write(project_id, writer)
    (contact_request_id,) = await rig.requests(project_id)
    await rig.take(PersonErased(person_id=writer), PersonErased(person_id=contact))
    assert await rig.letter(contact_request_id, confirmed=False) is None
    await rig.later(timedelta())
    assert (await rig.reader.get(f"/projects/{project_id}")).body["contact_possible"] is False
    kept = "SELECT count(*) FROM contact_request WHERE id = $1::uuid OR person_id = $2"
    assert await rig.pool.fetchval(kept, contact_request_id, writer) == 0
    assert await rig.pool.fetch("SELECT FROM contact_erasure") == []
    late = await rig.write(await rig.reachable(), writer)
    assert late.status == 202  # like everybody else
    erased = await rig.internal(
        "PUT", f"/projects/{project_id}/contact-address", {"person_id": contact, "email": OFFICE}
    )
    assert (erased.status, erased.code) == (410, "person_erased")


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("/message", {"message": ""}),
        ("/message", {"message": "x" * 5001}),
        ("/message", {"message": "null\0byte"}),
        ("/subject", {"subject": "Betreff\r\nBcc: alle@stadt.example"}),
        ("/name", {"name": "Otto\nNormal"}),
        ("/email", {"email": "otto"}),
        ("/phone", {"phone": "1"}),
    ],
)
async def test_what_cannot_be_passed_on_is_named(rig: Rig, field: str, change: dict[str, str]) -> None:
    refused = await rig.write(str(uuid4()), str(uuid4()), **change)
    assert refused.status == 422
    assert [error["field"] for error in refused.body["errors"]] == [field]


async def test_links_that_lead_nowhere(rig: Rig) -> None:
    for token in ("x" * 22, "zu-kurz", "%00"):
        assert (await rig.reader.get(f"/contact-requests/{token}")).status == 404
        assert (await rig.reader.post(f"/contact-requests/{token}/confirmations")).status == 404
    with pytest.raises(Problem, match="not_found"):
        await rig.letter(str(uuid4()), confirmed=False)
    with pytest.raises(Problem, match="not_found"):
        await rig.letter("none", confirmed=True)


@pytest.fixture(scope="module")
def member(editor: Client) -> Callable[[str], Client]:
    """A member of an organisation."""

    def of(organisation_id: str) -> Client:
        identity = Identity(str(uuid4()), frozenset({"reader", "member"}), organisation_id, "token:member")
        return Client(editor.session, editor.signer, identity)

    return of


async def test_who_opened_a_cooperation_request_is_written_to_while_it_is_open(
    rig: Rig, member: Callable[[str], Client]
) -> None:
    ense = (await rig.reader.get("/organisations/05974012")).body["id"]
    body = {"kind": "offer", "title": "Kehrmaschine", "text": "Wir haben Zeit dafür.", "topics": ["works_depot"]}
    request_id = (await member(ense).post("/cooperation-requests", body)).body["id"]
    path = f"/cooperation-requests/{request_id}"
    address = {"person_id": str(uuid4()), "email": OFFICE}
    assert (await rig.internal("PUT", f"{path}/contact-address", address, member(str(uuid4())))).status == 403
    assert (await rig.internal("PUT", f"{path}/contact-address", address, member(ense))).status == 200
    assert (await rig.reader.get(path)).body["contact_possible"] is True
    await rig.write(request_id, str(uuid4()), "cooperation-requests")
    (contact_request_id,) = await rig.requests(request_id)
    letter = await rig.letter(contact_request_id, confirmed=False)
    assert letter is not None
    assert (letter.about_kind, letter.about) == ("cooperation_request", "Kehrmaschine")
    await rig.editor.post(f"{path}/closings", {"outcome": "withdrawn"})
    assert (await rig.reader.get(path)).body["contact_possible"] is False
    assert (await rig.write(request_id, str(uuid4()), "cooperation-requests")).code == "contact_not_possible"
    again = await rig.internal("PUT", f"{path}/contact-address", address, member(ense))
    assert (again.status, again.code) == (409, "cooperation_request_closed")
    assert (await member(ense).call("DELETE", f"{path}/contact-address")).status == 200


async def test_the_address_of_what_has_ended_is_forgotten(rig: Rig) -> None:
    project_id, body = await rig.reachable(), {"person_id": str(uuid4()), "email": OFFICE}
    wish = {"kind": "offer", "title": "Kehrmaschine", "text": "Frei.", "topics": ["works_depot"], "ags": "05974012"}
    request_id = (await rig.editor.post("/cooperation-requests", wish)).body["id"]
    await rig.internal("PUT", f"/cooperation-requests/{request_id}/contact-address", body)
    query = "SELECT vault_subject, sealed FROM contact_address WHERE about_id = ANY($1::uuid[])"
    kept = await rig.pool.fetch(query, [project_id, request_id])
    await rig.later(2 * MONTH)
    assert await rig.pool.fetch(query, [project_id, request_id]) == kept
    await rig.editor.post(f"/projects/{project_id}/archivals")
    await rig.editor.post(f"/cooperation-requests/{request_id}/closings", {"outcome": "withdrawn"})
    await rig.later(MONTH - timedelta(minutes=5))
    assert len(await rig.pool.fetch(query, [project_id, request_id])) == len(kept) == 2
    await rig.later(MONTH)
    assert await rig.pool.fetch(query, [project_id, request_id]) == []
    for row in kept:
        assert await rig.vault.open(row["vault_subject"], "contact", row["sealed"]) is None


ENSE, WERL, MORSBACH, AACHEN = "05974012", "05974052", "05374028", "05334002"


@dataclass(frozen=True, slots=True)
class Search:
    """The partner search of one topic that no other test uses."""

    rig: Rig
    topic: str

    async def open(self, ags: str | None, **said: Any) -> str:
        """An open request's id."""
        body = {"kind": "seek_partners", "title": "Gesuch", "text": "Wir suchen.", "topics": [self.topic], "ags": ags}
        reply = await self.rig.editor.post("/cooperation-requests", body | said)
        assert reply.status == 201, reply.body
        return str(reply.body["id"])

    async def listed(self, **query: Any) -> list[str]:
        reply = await self.rig.reader.get("/cooperation-requests", topic=self.topic, **query)
        assert reply.status == 200, reply.body
        return [item["id"] for item in reply.body["items"]]

    async def compare(self) -> None:
        """What the clock does."""
        while await cooperation_pairs.compare(self.rig.journal, self.rig.pool, datetime.now(UTC)):
            pass

    async def age(self, after: timedelta) -> None:
        while await cooperation_pairs.let_age(self.rig.journal, self.rig.pool, datetime.now(UTC) + after):
            pass

    async def pairs(self, *request_ids: str) -> list[tuple[str, str]]:
        """All pairs that were told of, by the request that tells."""
        found = []
        for request_id in request_ids:
            state = (await self.rig.journal.load(COOPERATION_REQUEST, request_id)).state
            assert state is not None
            found += [(request_id, other) for other in state.matched]
        return found


@pytest.fixture
async def search(rig: Rig) -> Search:
    """Each test has a topic of its own."""
    used = {row["code"] for row in await rig.pool.fetch("SELECT unnest(topics) AS code FROM cooperation_request")}
    used |= {row["code"] for row in await rig.pool.fetch("SELECT unnest(topics) AS code FROM experience")}
    topics = [topic["code"] for topic in (await rig.reader.get("/topics")).body["items"]]
    return Search(rig, next(topic for topic in topics if topic not in used))


async def test_requests_are_found_by_kind_organisation_and_distance(search: Search) -> None:
    ense = await search.open(ENSE)
    aachen = await search.open(AACHEN, kind="offer")
    werl = await search.open(WERL)
    assert await search.listed() == [werl, aachen, ense]
    assert await search.listed(kind="offer") == [aachen]
    assert await search.listed(kind=["offer", "seek_partners"]) == [werl, aachen, ense]
    assert await search.listed(organisation=ENSE) == [ense]
    assert await search.listed(near=ENSE) == [ense, werl, aachen]
    assert await search.listed(near=ENSE, within_km=50) == [ense, werl]
    first = (await search.rig.reader.get("/cooperation-requests", topic=search.topic, near=ENSE, limit=2)).body
    assert ([item["id"] for item in first["items"]], first["total"]) == ([ense, werl], 3)
    assert first["items"][0]["distance_km"] == 0
    matches = (await search.rig.reader.get(f"/cooperation-requests/{ense}/matches")).body["requests"]
    assert matches[0]["request"]["id"] == werl
    assert matches[0]["score"]["distance_km"] == first["items"][1]["distance_km"] == pytest.approx(7, abs=1)
    assert await search.listed(near=ENSE, limit=2, cursor=first["next"]) == [aachen]
    await search.rig.editor.post(f"/cooperation-requests/{aachen}/closings", {"outcome": "withdrawn"})
    assert await search.listed() == [werl, ense]
    assert await search.listed(status="closed") == [aachen]
    assert await search.listed(status="all") == [werl, aachen, ense]


async def test_a_request_is_read_changed_extended_and_closed_once(search: Search) -> None:
    editor, reader = search.rig.editor, search.rig.reader
    said = {"sought": ["eine Halle"], "size_classes": ["smaller_small_town"], "legal_forms": ["working_group"]}
    request_id = await search.open(ENSE, radius_km=40, **said)
    path = f"/cooperation-requests/{request_id}"
    shown = await reader.get(path)
    assert shown.headers["ETag"].startswith('"1:')
    assert (shown.body["status"], shown.body["organisation"]["name"]) == ("open", "Ense")
    assert shown.body["labels"]["kind"] == {"seek_partners": "Gesuch: Partner gesucht"}
    assert shown.body["labels"]["legal_forms"] == {"working_group": "Kommunale Arbeitsgemeinschaft"}
    wish = {"title": "<b>Neu</b>", "text": "<p>Anders.</p><p>a < b</p>", "topics": [search.topic]}
    assert (await editor.put(path, wish)).status == 428
    assert (await editor.put(path, wish, 7)).status == 412
    assert (await editor.put(path, wish, 1)).body["version"] == 2
    last_day = (datetime.now(UTC) + timedelta(days=300)).date().isoformat()
    for _ in range(2):
        extended = await editor.post(f"{path}/extensions", {"expires_on": last_day})
        assert (extended.status, extended.body["version"]) == (200, 3)
    project_id = await editor.draft()
    unknown = await editor.post(f"{path}/closings", {"outcome": "partner_found", "project_id": str(uuid4())})
    assert (unknown.code, unknown.body["errors"][0]["field"]) == ("unknown_project", "/project_id")
    closing = {"outcome": "partner_found", "project_id": project_id, "note": "<i>Mit Werl.</i>"}
    for _ in range(2):
        assert (await editor.post(f"{path}/closings", closing)).body["version"] == 4
    assert (await reader.get(path)).body["project_id"] is None, "who is no editor learns nothing of drafts"
    for step in ("submissions", "publications"):
        await editor.post(f"/projects/{project_id}/{step}")
    shown = await reader.get(path)
    assert (shown.body["outcome"], shown.body["project_id"], shown.body["note"]) == (
        "partner_found",
        project_id,
        "Mit Werl.",
    )
    assert (shown.body["title"], shown.body["text"]) == ("Neu", "Anders.\na < b")
    assert (await editor.put(path, wish | {"title": "Zu spät"}, 4)).code == "cooperation_request_closed"


async def test_a_request_sent_again_or_at_once_is_one(search: Search) -> None:
    body = {"kind": "offer", "title": "A", "text": "B", "topics": [search.topic], "ags": ENSE}
    key = uuid4().hex
    replies = await gather(*(search.rig.editor.post("/cooperation-requests", body, key) for _ in range(4)))
    assert {(reply.status, reply.body["id"]) for reply in replies} == {(201, replies[0].body["id"])}
    assert await search.listed() == [replies[0].body["id"]]


async def test_members_ask_for_their_own_organisation_only(search: Search, member: Callable[[str], Client]) -> None:
    reader = search.rig.reader
    ense, werl = [(await reader.get(f"/organisations/{ags}")).body["id"] for ags in (ENSE, WERL)]
    body = {"kind": "offer", "title": "A", "text": "B", "topics": [search.topic]}
    assert (await reader.post("/cooperation-requests", body)).status == 401
    assert (await member(ense).post("/cooperation-requests", body | {"ags": WERL})).status == 403
    opened = await member(ense).post("/cooperation-requests", body)
    path = f"/cooperation-requests/{opened.body['id']}"
    assert (await reader.get(path)).body["organisation"]["id"] == ense
    wish = {"title": "C", "text": "D", "topics": [search.topic]}
    closing, extension = {"outcome": "withdrawn"}, {"expires_on": "2026-12-24"}
    assert (await member(werl).put(path, wish, 1)).status == 403
    assert (await member(werl).post(f"{path}/closings", closing)).status == 403
    assert (await member(werl).post(f"{path}/extensions", extension)).status == 403
    assert (await member(ense).put(path, wish, 1)).status == 200
    assert (await member(ense).post(f"{path}/closings", closing)).status == 200
    assert (await member(ense).post(f"/cooperation-requests/{uuid4()}/closings", closing)).status == 404


async def test_a_request_ends_in_an_undertaking_of_the_same_organisation(search: Search) -> None:
    editor = search.rig.editor

    async def undertaking(ags: str) -> str:
        body = {"title": "Gemeinsamer Bauhof", "starts_on": "2030-01-07", "organisation": {"ags": ags}}
        return str((await editor.post("/undertakings", body)).body["id"])

    path = f"/cooperation-requests/{await search.open(ENSE)}"
    closing = {"outcome": "partner_found", "undertaking_id": await undertaking(ENSE)}
    for others in (await undertaking(WERL), str(uuid4())):
        refused = await editor.post(f"{path}/closings", closing | {"undertaking_id": others})
        assert (refused.code, refused.body["errors"][0]["field"]) == ("unknown_undertaking", "/undertaking_id")
    for _ in range(2):
        assert (await editor.post(f"{path}/closings", closing)).body["version"] == 2
    assert (await search.rig.reader.get(path)).body["undertaking_id"] == closing["undertaking_id"]


async def test_bodies_that_were_merged_ask_as_one(search: Search, member: Callable[[str], Client]) -> None:
    editor = search.rig.editor
    one, other = [
        (await editor.post("/organisations", {"name": f"Verein {uuid4()}", "type": "cultural_institution"})).body["id"]
        for _ in range(2)
    ]
    wish = {"title": "A", "text": "B", "topics": [search.topic]}
    opened = await member(one).post("/cooperation-requests", wish | {"kind": "seek_partners"})
    path = f"/cooperation-requests/{opened.body['id']}"
    assert (await member(other).put(path, wish | {"title": "C"}, 1)).status == 403
    await editor.post(f"/organisations/{one}/mergers", {"into": other, "reason": "Doppelt erfasst"})
    offered = await member(one).post("/cooperation-requests", wish | {"kind": "offer"})
    assert await search.listed(organisation=other) == [offered.body["id"], opened.body["id"]]
    assert (await search.rig.reader.get(f"{path}/matches")).body["requests"] == [], "nobody is a partner of itself"
    contact = {"person_id": str(uuid4()), "email": OFFICE}
    for version, who in enumerate((one, other), 1):
        assert (await member(who).put(path, wish | {"title": who}, version)).status == 200
        assert (await search.rig.internal("PUT", f"{path}/contact-address", contact, member(who))).status == 200
    asked = CooperationLetterAsked(cooperation_request_ids=(opened.body["id"], str(uuid4()), "no id"))
    (letter,) = (await cooperation_letter(search.rig.pool, asked)).letters
    assert (letter.open, letter.title, set(letter.organisation_ids)) == (True, other, {one, other})
    assert letter.contact_id == contact["person_id"]
    assert letter.kind_label == "Gesuch: Partner gesucht"
    assert (await member(other).post(f"{path}/closings", {"outcome": "withdrawn"})).status == 200


async def test_requests_whose_topics_were_merged_fit_each_other(search: Search) -> None:
    editor, reader = search.rig.editor, search.rig.reader
    code = f"topic_{uuid4().hex[:8]}"
    group = (await reader.get(f"/topics/{search.topic}")).body["group"]["code"]
    defined = await editor.post("/topics", {"code": code, "slug": code, "label": f"Gebiet {code}", "group": group})
    assert defined.status == 201, defined.body
    ense, werl = await search.open(ENSE), await search.open(WERL, kind="offer", topics=[code])
    project_id = await editor.publish(topics=[code])
    await search.compare()
    assert (await search.pairs(ense, werl), await search.listed()) == ([], [ense])
    merged = await editor.post(f"/topics/{code}/mergers", {"into": search.topic, "reason": "Dasselbe"})
    assert merged.status == 200, merged.body
    await search.compare()
    assert await search.pairs(ense, werl) == [(ense, werl)]
    assert await search.listed() == [werl, ense]
    found = (await reader.get(f"/cooperation-requests/{ense}/matches")).body
    assert [match["request"]["id"] for match in found["requests"]] == [werl]
    assert [match["id"] for match in found["projects"]] == [project_id]
    shown = found["requests"][0]["request"]
    assert (shown["topics"], list(shown["labels"]["topics"])) == ([search.topic], [search.topic])
    later = await search.open(AACHEN, topics=[code, search.topic])
    assert (await reader.get(f"/cooperation-requests/{later}")).body["topics"] == [search.topic]


async def test_pairs_are_found_once_from_whichever_side_and_explained(search: Search) -> None:
    ense, aachen = await search.open(ENSE), await search.open(AACHEN, radius_km=50)
    await search.compare()
    assert await search.pairs(ense, aachen) == []
    werl = await search.open(WERL, kind="offer")
    own = await search.open(ENSE, kind="offer")
    await search.compare()
    assert await search.pairs(ense, werl, own, aachen) == [(ense, werl)]
    wish = {"title": "Neu", "text": "Neu", "topics": [search.topic]}
    await search.rig.editor.put(f"/cooperation-requests/{werl}", wish, 1)
    await search.compare()
    assert await search.pairs(ense, werl, own, aachen) == [(ense, werl)]
    found = (await search.rig.reader.get(f"/cooperation-requests/{werl}/matches")).body
    (match,) = found["requests"]
    assert match["request"]["id"] == ense
    assert match["score"]["points"] == sum(reason["points"] for reason in match["score"]["reasons"])
    assert {reason["code"] for reason in match["score"]["reasons"]} == {"topic", "distance", "size_unknown"}
    assert (await search.rig.reader.get(f"/cooperation-requests/{uuid4()}/matches")).status == 404


async def test_what_comes_by_itself_takes_no_edit_away(search: Search) -> None:
    ense, _ = await search.open(ENSE), await search.open(WERL)
    path, wish = f"/cooperation-requests/{ense}", {"title": "Neu", "text": "Neu", "topics": [search.topic]}
    before = (await search.rig.reader.get(path)).body
    await search.compare()
    after = (await search.rig.reader.get(path)).body
    assert (before["version"], after["version"], after["changed_at"]) == (1, 2, before["changed_at"])
    assert (await search.rig.editor.put(path, wish, 1)).body["version"] == 3
    for seen in (1, 2, 4):
        assert (await search.rig.editor.put(path, wish | {"title": "Zu spät"}, seen)).status == 412


async def test_an_edit_during_the_comparison_is_compared_and_a_rebuilt_read_model_is_not(
    search: Search, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ense, werl = await search.open(ENSE), await search.open(WERL, kind="offer", topics=["treasury"])
    await search.compare()
    wish = {"title": "Neu", "text": "Neu", "topics": [search.topic]}

    async def edited_meanwhile(connection: Any, request_id: str) -> Any:
        found = await candidate(connection, request_id)
        monkeypatch.setattr(cooperation_candidates, "candidate", candidate)
        await search.rig.editor.put(f"/cooperation-requests/{werl}", wish, 2)
        return found

    candidate = cooperation_candidates.candidate
    edit = {"title": "Offen", "text": "Offen", "topics": ["treasury"]}
    assert (await search.rig.editor.put(f"/cooperation-requests/{werl}", edit, 1)).status == 200
    monkeypatch.setattr(cooperation_candidates, "candidate", edited_meanwhile)
    await search.compare()
    assert await search.pairs(ense, werl) == [(ense, werl)]
    await rebuild(database.dsn("catalog"), search.rig.journal, COOPERATION_REQUESTS)
    assert await cooperation_pairs.compare(search.rig.journal, search.rig.pool, datetime.now(UTC)) == 0


async def test_what_was_merged_since_finds_and_fits_what_it_has_become(
    search: Search, member: Callable[[str], Client]
) -> None:
    editor, reader = search.rig.editor, search.rig.reader
    name, body = f"Wasserverband {uuid4().hex[:6]}", {"type": "special_purpose_association", "confirmed_new": True}
    gone, stays = [(await editor.post("/organisations", body | {"name": name + n})).body["id"] for n in "ab"]
    code = f"topic_{uuid4().hex[:10]}"
    new = {"code": code, "slug": code, "label": f"Thema {code}", "group": "internal_administration"}
    assert (await editor.post("/topics", new)).status == 201
    project_id = await editor.publish(topics=[code], title="Bauhof Morsbach")
    old = await search.open(None, topics=[code], organisation_id=gone)
    now, other = await search.open(WERL), await search.open(None, organisation_id=stays)
    path = f"/cooperation-requests/{old}"
    assert (await member(stays).post(f"{path}/extensions", {"expires_on": "2027-01-31"})).status == 403
    merger = {"into": search.topic, "reason": "Ist dasselbe."}
    assert (await editor.post(f"/topics/{code}/mergers", merger)).status == 200
    assert (await editor.post(f"/organisations/{gone}/mergers", {"into": stays, "reason": "Doppelt."})).status == 200

    assert await search.listed() == [other, now, old]
    for key in (gone, stays):
        assert await search.listed(organisation=key) == [other, old]
    shown = (await reader.get(path)).body
    assert (shown["topics"], shown["organisation"]["id"]) == ([search.topic], stays)
    fits = (await reader.get(f"{path}/matches")).body
    assert [each["request"]["id"] for each in fits["requests"]] == [now], "the own one does not fit itself"
    assert [each["id"] for each in fits["projects"]] == [project_id]
    for own in (gone, stays):
        closed = await member(own).post(f"{path}/closings", {"outcome": "withdrawn"})
        assert closed.status == 200, closed.body


async def test_who_has_experience_is_shown_while_it_is_published(search: Search) -> None:
    project_id = await search.rig.editor.publish(topics=[search.topic], title="Bauhof Morsbach")
    request_id = await search.open(ENSE)
    path = f"/cooperation-requests/{request_id}/matches"
    found = (await search.rig.reader.get(path)).body
    assert [(project["id"], project["title"]) for project in found["projects"]] == [(project_id, "Bauhof Morsbach")]
    assert {each["organisation"]["ags"]: each["projects"] for each in found["organisations"]} == {
        MORSBACH: 1,
        "05374040": 1,
    }
    assert found["projects"][0]["score"]["distance_km"] == pytest.approx(75, abs=15)
    await search.rig.editor.post(f"/projects/{project_id}/archivals")
    found = (await search.rig.reader.get(path)).body
    assert (found["projects"], found["organisations"]) == ([], [])


async def test_a_request_closes_by_itself_after_one_reminder(search: Search) -> None:
    last_day = datetime.now(UTC).date() + timedelta(days=60)
    request_id = await search.open(ENSE, expires_on=last_day.isoformat())
    versions = []
    for days in (40, 48, 59, 62, 70):
        await search.age(timedelta(days=days))
        versions.append((await search.rig.reader.get(f"/cooperation-requests/{request_id}")).body["version"])
    assert versions == [1, 2, 2, 3, 3]
    shown = (await search.rig.reader.get(f"/cooperation-requests/{request_id}")).body
    assert (shown["status"], shown["outcome"], shown["labels"]["outcome"]) == (
        "closed",
        "expired",
        {"expired": "Abgelaufen"},
    )


@pytest.mark.parametrize(
    ("change", "status", "code", "field"),
    [
        ({"topics": ["nonsense"]}, 409, "unknown_topic", "/topics/0"),
        ({"topics": []}, 422, "invalid_request", "/topics"),
        ({"ags": "99999999"}, 409, "unknown_organisation", "/ags"),
        ({"ags": None}, 409, "unknown_organisation", "/organisation_id"),
        ({"organisation_id": "00000000-0000-7000-8000-000000000000"}, 409, "unknown_organisation", "/organisation_id"),
        ({"kind": "gesuch"}, 422, "invalid_request", "/kind"),
        ({"radius_km": 0}, 422, "invalid_request", "/radius_km"),
        ({"expires_on": "2001-01-01"}, 409, "expiry_in_past", "/expires_on"),
        ({"expires_on": "2999-01-01"}, 409, "expiry_too_far", "/expires_on"),
        ({"text": "x" * 20_001}, 422, "invalid_request", "/text"),
        ({"title": "a\r\nb"}, 422, "invalid_request", "/title"),
    ],
)
async def test_what_is_wrong_with_a_request_is_named(
    rig: Rig, change: dict[str, Any], status: int, code: str, field: str
) -> None:
    body = {"kind": "offer", "title": "A", "text": "B", "topics": ["treasury"], "ags": ENSE} | change
    refused = await rig.editor.post("/cooperation-requests", body)
    assert (refused.status, refused.code) == (status, code)
    assert [error["field"] for error in refused.body["errors"]] == [field]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"near": "99999999"}, "near"),
        ({"within_km": "10"}, "within_km"),
        ({"organisation": "99999"}, "organisation"),
        ({"near": ENSE, "within_km": "nan"}, "within_km"),
        ({"status": "offen"}, "status"),
        ({"cursor": "nonsense"}, "cursor"),
    ],
)
async def test_a_question_that_makes_no_sense_is_named(rig: Rig, query: dict[str, str], field: str) -> None:
    refused = await rig.reader.get("/cooperation-requests", **query)
    assert (refused.status, refused.code) == (422, "invalid_query")
    assert [error["field"] for error in refused.body["errors"]] == [field]


@pytest.mark.parametrize(
    "projection",
    [CONTACT_REQUESTS, CONTACT_ADDRESSES, COOPERATION_REQUESTS, EXPERIENCE],
    ids=lambda projection: projection.name,
)
async def test_a_rebuilt_read_model_is_the_live_one(rig: Rig, database: Database, projection: Projection) -> None:
    await rig.received(await rig.reachable())
    rebuilt = await rebuild(database.dsn("catalog"), rig.journal, projection)
    assert rebuilt.different == ()
    for table in projection.tables:
        assert await rig.pool.fetchval(f"SELECT count(*) FROM {table}") > 0
