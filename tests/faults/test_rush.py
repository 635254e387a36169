"""A crowd wants into one session at two replicas, of which one is killed; a session with a crowd in it is postponed."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import structlog

from services.events.participant import Contact, seal, token_hash
from services.events.records import DECIDERS, PROJECTIONS
from services.events.registration_commands import RegisterParticipant
from services.events.session import DECIDER
from shared.contracts.rpc import RecipientsAnswered, RecipientsAsked
from shared.embedded.nats import EmbeddedNats
from shared.kernel.bus import Bus, open_connection
from shared.kernel.clock import Clock
from shared.kernel.ids import new_id
from shared.kernel.journal import Journal
from shared.kernel.migrations import migrate
from shared.kernel.nats_access import USERS, render_config
from shared.kernel.postgres import Pool, connect_pool
from shared.kernel.recorded import Context
from shared.kernel.rpc import ask
from shared.kernel.streams import bootstrap_streams, stream_of
from shared.kernel.vault import Vault
from shared.kernel.wakeup import Wakeup
from tests.conftest import Database
from tests.faults.rush import EDITOR, VAULT_KEY, Crowd, crowd, journal_of, walked
from tests.faults.storm import Storm
from tests.integration.bus.rig import eventually
from tests.integration.events.conftest import entering

CALM = 5.0
STATUSES = "SELECT status, count(*) AS count FROM registration WHERE session_id = $1 GROUP BY status"
AT_ONCE = 200

pytestmark = pytest.mark.long  # crowds of thousands

log = structlog.get_logger()


@pytest.fixture(scope="module")
async def nats(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedNats]:
    """A server with the streams and rights of the real system."""
    passwords = {user: f"password-of-{user}" for user in USERS}
    async with EmbeddedNats(tmp_path_factory.mktemp("nats"), render_config, passwords) as server:
        await bootstrap_streams(server.url("operator"))
        yield server


@pytest.fixture(scope="module")
async def pool(database: Database) -> AsyncIterator[Pool]:
    await migrate(database.dsn("events"), "events")
    async with await connect_pool(database.dsn("events"), name="rush") as pool:
        yield pool


@pytest.fixture
async def people(
    database: Database, nats: EmbeddedNats, pool: Pool, storm: Storm, tmp_path: Path
) -> AsyncIterator[Crowd]:
    async with crowd(database, nats, pool, storm.dice, tmp_path) as everybody:
        yield everybody


async def test_a_crowd_gets_every_seat_once_though_a_replica_is_killed(
    people: Crowd, database: Database, pool: Pool
) -> None:
    """Members and guests, each a session of their own; some ask twice, guests confirm in any order."""
    seats, wanted = 500, 2000
    sessions = {True: await people.open_session(seats), False: await people.open_session(seats)}

    async def come(session_id: str, person: str, *, member: bool) -> None:
        await people.register(session_id, person, member=member)
        if people.dice.random() < 0.2:
            await people.register(session_id, person, member=member)
        if not member:
            token = await people.token_of(session_id, person)
            await asyncio.sleep(people.dice.random())
            await people.ask("POST", f"/api/v1/registrations/{token}/confirmations")

    everybody = [(member, str(uuid4())) for member in sessions for _ in range(wanted)]
    people.dice.shuffle(everybody)
    async with asyncio.TaskGroup() as tasks:
        for member, person in everybody:
            tasks.create_task(come(sessions[member], person, member=member))
        tasks.create_task(people.kill_one_after(people.answered + wanted // 2))
    assert await people.processes[0].wait() != 0, "one was killed"
    for session_id in sessions.values():
        counted = {row["status"]: row["count"] for row in await pool.fetch(STATUSES, session_id)}
        assert counted == {"confirmed": seats, "waitlisted": wanted - seats}
        walk = walked(await journal_of(database, session_id), session_id)
        assert walk.broken == []
        assert len(walk.seated) == seats
        assert len({*walk.seated.values(), *walk.queue.values()}) == wanted, "nobody twice, nobody lost"
        shown = await people.ask("GET", f"/api/v1/sessions/{session_id}")
        assert (shown["seats_left"], shown["waiting"]) == (0, wanted - seats)


async def fill(pool: Pool, dsn: str, session_id: str, wanted: int) -> set[str]:
    """People in a session, recorded as the service records them; their addresses."""
    vault, addresses, gate = Vault(pool, VAULT_KEY), set(), asyncio.Semaphore(AT_ONCE)
    journal = Journal(dsn, pool, DECIDERS, PROJECTIONS, wakeup=Wakeup())

    async def come(number: int) -> None:
        registration_id, person_id = str(new_id()), str(uuid4())
        contact = Contact(
            email=f"p{number}@stadt.example", name="Erika Muster", token=f"token-{number}-of-{session_id}"
        )
        async with gate:
            sealed = await seal(
                vault, registration_id=registration_id, person_id=person_id, contact=contact, answers=()
            )
            command = RegisterParticipant(
                registration_id=registration_id,
                person_id=person_id,
                member=True,
                token_hash=token_hash(contact.token),
                **sealed.fields,
            )
            context = Context(new_id(), "test", Clock().now(), "test", fresh=True)
            await journal.transact(DECIDER, session_id, command, context)
        addresses.add(contact.email)

    async with journal.running(), asyncio.TaskGroup() as tasks:
        for number in range(wanted):
            tasks.create_task(come(number))
    return addresses


async def test_a_crowd_in_a_session_that_is_postponed_is_told_and_holds_up_nobody(
    storm: Storm, people: Crowd, database: Database, nats: EmbeddedNats, pool: Pool
) -> None:
    """Held up would be who waits as long as it takes to tell everybody: nobody waits for even a third of that."""
    wanted = 10_000
    session_id, other = await people.open_session(None), await people.open_session(None)
    addresses = await fill(pool, database.dsn("events"), session_id, wanted)
    for url in people.urls * 2:  # each replica has the session in its memory, and its snapshot was kept
        latecomer = str(uuid4())
        await people.register(session_id, latecomer, member=True, of=url)
        addresses.add(f"{latecomer}@stadt.example")
    calm: Counter[str] = Counter()
    took, whole = calm, 0
    postponed = asyncio.Event()

    async def timed(name: str, method: str, path: str, body: Any = None) -> Any:
        began = time.monotonic()
        answer = await people.ask(method, path, body, EDITOR)
        took[name] = max(took[name], round((time.monotonic() - began) * 1000))
        return answer

    async def work() -> None:
        while not postponed.is_set():
            body = {"person_id": str(uuid4()), "email": "a@stadt.example", "name": "Erika", "member": True}
            await timed(
                "register elsewhere", "POST", "/internal/registrations", {"registrations": [entering(other, body)]}
            )
            await timed("the list", "GET", "/api/v1/sessions?limit=20")
            await timed("the session", "GET", f"/api/v1/sessions/{session_id}")
            await timed("one's own page", "GET", f"/api/v1/registrations/token-7-of-{session_id}")

    async def postpone() -> list[str]:
        nonlocal took, whole
        await asyncio.sleep(CALM)
        took = Counter()
        body = {"starts_at": f"{Clock().now().year + 1}-09-01T10:00:00+02:00", "reason": "Krankheit"}
        began = time.monotonic()
        done = await timed("postponing", "POST", f"/api/v1/sessions/{session_id}/postponements", body)
        found = await told(nats, session_id, done["version"])
        whole = round((time.monotonic() - began) * 1000)
        postponed.set()
        return found

    async with asyncio.TaskGroup() as tasks:
        for _ in range(4):
            tasks.create_task(work())
        telling = tasks.create_task(postpone())
    assert sorted(telling.result()) == sorted(addresses), "everybody, each once"
    types = [event.type for event in await journal_of(database, session_id)]
    assert types.count("SessionPostponed") == 1
    await eventually(lambda: published(nats, f"ikz.events.session.postponed.v1.{session_id}"), wanted=1)
    log.info("slowest_in_milliseconds", seed=storm.seed, whole=whole, calm=dict(calm), then=dict(took))
    assert max(took.values()) < whole / 3, took


async def told(nats: EmbeddedNats, session_id: str, version: int) -> list[str]:
    """Everybody's address, page by page as a subscriber asks for them."""
    bus, after = Bus(nats.url("notify"), "rush"), None
    await bus.open()
    found: list[str] = []
    try:
        while True:
            asked = RecipientsAsked(session_id=session_id, as_of_version=version, after=after)
            answer = await ask(bus, RecipientsAsked.subject, asked, RecipientsAnswered, timeout=10)
            found += [recipient.email for recipient in answer.recipients]
            after = answer.next
            if after is None:
                return found
    finally:
        await bus.close()


async def published(nats: EmbeddedNats, subject: str) -> int:
    """How many messages a subject has."""
    connection = await open_connection(nats.url("operator"), "rush")
    try:
        info = await connection.api(f"STREAM.INFO.{stream_of('events')}", {"subjects_filter": subject})
        return sum((info["state"].get("subjects") or {}).values())
    finally:
        await connection.close()
