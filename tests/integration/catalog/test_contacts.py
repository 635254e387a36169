"""Writing to a contact whose address nobody is shown: over HTTP as the gateway calls it, and what time makes of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.catalog import contact_upkeep
from services.catalog.contact_letter import contact_letter
from shared.contracts.gateway import PersonErased
from shared.contracts.notify import MessageBounced, MessageDelivered
from shared.contracts.rpc import ContactAsked, ContactLetter
from shared.kernel.clock import Clock
from shared.kernel.identity import HEADER, Identity
from shared.kernel.inbox import Received
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.vault import Vault
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
    late = await rig.reader.post(f"/contact-requests/{token}/confirmations")
    assert (late.status, late.code) == (409, "contact_request_lapsed")


async def test_the_same_text_is_one_request_whether_repeated_or_sent_at_once(rig: Rig) -> None:
    project_id, person_id, key = await rig.reachable(), str(uuid4()), uuid4().hex
    replies = [await rig.write(project_id, person_id, key=key) for _ in range(2)]
    replies += [await rig.write(project_id, person_id) for _ in range(2)]
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
    draft = await rig.editor.draft()
    for unknown in (draft, str(uuid4())):
        assert (await rig.write(unknown, str(uuid4()))).status == 404
    assert await rig.requests(project_id) == []


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
    kept = "SELECT sealed FROM contact_request WHERE id = $1::uuid"
    assert await rig.pool.fetchval(kept, contact_request_id) is None
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
    assert (await member(ense).call("DELETE", f"{path}/contact-address")).status == 200
