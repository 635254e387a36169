"""The events service over real HTTP on a real Postgres, with a clock that tests set."""

import asyncio
import datetime as dt
import io
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from services.events import problems
from services.events.http import endpoints
from services.events.participant import open_contacts
from services.events.records import DECIDERS, PROJECTIONS
from shared.kernel.bus import Bus, connect
from shared.kernel.clock import Clock
from shared.kernel.health import Health
from shared.kernel.http import make_app
from shared.kernel.identity import ANONYMOUS, HEADER, Identity, Signer, Verifier, generate_keys
from shared.kernel.journal import Journal
from shared.kernel.migrations import migrate
from shared.kernel.postgres import Pool, connect_pool
from shared.kernel.vault import Vault
from shared.kernel.wakeup import Wakeup
from tests.conftest import Database, Servers, fresh_database
from tests.integration.events.catalogue import Catalogue, answering

PUBLIC_URL = "https://portal.example"
EDITOR = Identity(None, frozenset({"reader", "editor"}), None, "token:test")


class SetClock(Clock):
    """Shows the time it was set to."""

    def __init__(self) -> None:
        super().__init__()
        self.time = dt.datetime(2025, 7, 1, 8, tzinfo=dt.UTC)

    def now(self) -> dt.datetime:
        return self.time

    def forward(self, **by: float) -> None:
        self.time += dt.timedelta(**by)


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def code(self) -> str:
        return f"{self.status} {self.body.get('code', '')}".strip()


def entering(session_id: str, body: Any, key: str | None = None) -> dict[str, Any]:
    """A registration among others."""
    named = {"session_id": session_id, "key": key or str(uuid4()), "again": key is not None, "traceparent": ""}
    return {**named, "said": json.dumps(body)}


@dataclass
class Events:
    """A running service, and how to talk to it."""

    dsn: str
    pool: Pool
    journal: Journal
    vault: Vault
    clock: SetClock
    base: str
    http: ClientSession
    signer: Signer
    catalogue: Catalogue
    contacts: dict[str, str] = field(default_factory=dict)

    async def ask(
        self, method: str, path: str, body: Any = None, who: Identity | None = ANONYMOUS, **headers: str
    ) -> Reply:
        """One request; `headers` with underscores for hyphens."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if who is not None:
            sent[HEADER] = self.signer.sign(who, "events")
        raw = isinstance(body, bytes | io.BytesIO)
        async with self.http.request(
            method,
            self.base + path,
            json=None if raw else body,
            data=body if raw else None,
            headers=sent,
        ) as response:
            is_json = "json" in response.content_type
            answer = await response.json() if is_json else await response.read()
            return Reply(response.status, answer, response.headers)

    async def get(self, path: str, who: Identity = ANONYMOUS, **headers: str) -> Any:
        reply = await self.ask("GET", path, who=who, **headers)
        assert reply.status == 200, reply
        return reply.body

    async def edit(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        return await self.ask(method, path, body, who=EDITOR, **headers)

    async def done(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        reply = await self.edit(method, path, body, **headers)
        assert reply.status in (200, 201), reply
        return reply.body

    async def series(self) -> str:
        body = {
            "slug": f"reihe-{secrets.token_hex(4)}",
            "title": "Digitale Sprechstunde",
            "format": "consultation_hour",
        }
        return str((await self.done("POST", "/api/v1/series", body))["id"])

    async def draft(self, **changes: Any) -> str:
        session = sample(await self.series(), **changes)
        return str((await self.done("POST", "/api/v1/sessions", session))["id"])

    async def revise(self, session_id: str, **changes: Any) -> Reply:
        """The session as it is now with other content."""
        path = f"/api/v1/sessions/{session_id}"
        shown = await self.ask("GET", path, who=EDITOR)
        return await self.edit(
            "PUT", path, sample(shown.body["series"]["id"], **changes), If_Match=shown.headers["ETag"]
        )

    async def open_session(self, **changes: Any) -> str:
        """An announced session whose registration is open."""
        session_id = await self.draft(**changes)
        await self.done("POST", f"/api/v1/sessions/{session_id}/announcements")
        await self.done("POST", f"/api/v1/sessions/{session_id}/registration-openings")
        return session_id

    async def register(self, session_id: str, *, person: str | None = None, member: bool = False, **more: Any) -> Reply:
        body = {
            "person_id": person or str(uuid4()),
            "email": "ada@stadt.example",
            "name": "Ada Beispiel",
            "member": member,
        } | more
        return await self.enter(session_id, body)

    async def enter(self, session_id: str, body: Any, key: str | None = None) -> Reply:
        """One registration, as the gateway brings it, by itself; with `key` it may have come before."""
        reply = await self.ask("POST", "/internal/registrations", {"registrations": [entering(session_id, body, key)]})
        assert reply.status == 200, reply
        (told,) = reply.body["answers"]
        return Reply(told["status"], told["body"], reply.headers)

    async def registered(self, session_id: str, **more: Any) -> str:
        """The token of a new registration, as the mail would carry it."""
        person = str(uuid4())
        assert (await self.register(session_id, person=person, **more)).status == 202
        return await self.token_of(person)

    async def token_of(self, person: str) -> str:
        row = await self.pool.fetchrow(
            "SELECT registration_id, person_id, sealed FROM registration WHERE person_id = $1 "
            "ORDER BY received_version DESC",
            person,
        )
        assert row is not None
        (contact,) = await open_contacts(self.vault, [row])
        assert contact is not None
        return contact.token

    async def status(self, token: str) -> str:
        return str((await self.get(f"/api/v1/registrations/{token}"))["status"])

    async def types(self, session_id: str) -> list[str]:
        rows = await self.pool.fetch(
            "SELECT type FROM journal WHERE stream = $1 ORDER BY version", f"session-{session_id}"
        )
        return [row["type"] for row in rows]


def sample(series: str, **changes: Any) -> dict[str, Any]:
    """A consultation hour, on the last Thursday in July at ten."""
    return {
        "series_id": series,
        "title": "Digitale Sprechstunde",
        "mode": "online",
        "access_link": "https://video.example/geheim",
        "starts_at": "2025-07-31T10:00:00+02:00",
        "capacity": 2,
    } | changes


@pytest.fixture(scope="session")
async def bus(servers: Servers) -> AsyncIterator[Bus]:
    """The service's own connection to NATS, made again when the server has missed it: no loop runs between tests."""
    bus = await connect(servers.nats.url("events"), "test events")
    kept = asyncio.create_task(bus.run())
    yield bus
    kept.cancel()
    await asyncio.gather(kept, return_exceptions=True)


async def with_its_tables(database: Database) -> None:
    """All that the service has in its database."""
    await migrate(database.dsn("events"), "events")


@pytest.fixture(scope="module")
async def database(servers: Servers) -> AsyncIterator[Database]:
    async with fresh_database(servers, with_its_tables) as made:
        yield made


@pytest.fixture(scope="module")
async def silent_events(database: Database, bus: Bus) -> AsyncIterator[Events]:
    """The service, and no catalogue."""
    problems.register()
    dsn = database.dsn("events")
    clock, keys = SetClock(), generate_keys()
    async with await connect_pool(dsn, name="events test") as pool, ClientSession() as http:
        vault = Vault(pool, secrets.token_bytes(32))
        journal = Journal(dsn, pool, DECIDERS, PROJECTIONS, wakeup=Wakeup())
        app = make_app(
            "events",
            endpoints(journal, pool, vault, bus, PUBLIC_URL),
            clock=clock,
            health=Health(),
            verifier=Verifier(keys.public, "events", clock),
            journal=journal,
        )
        async with journal.running(), TestServer(app) as server:
            base = str(server.make_url("")).rstrip("/")
            yield Events(dsn, pool, journal, vault, clock, base, http, Signer(keys.private, clock), Catalogue())


@pytest.fixture(scope="module")
async def module_events(silent_events: Events, servers: Servers, bus: Bus) -> AsyncIterator[Events]:
    """The service beside a catalogue."""
    async with answering(servers.nats, silent_events.catalogue, bus):
        yield silent_events


@pytest.fixture
def events(module_events: Events) -> Events:
    """The service of this module, on the first of July 2025."""
    module_events.clock.time = dt.datetime(2025, 7, 1, 8, tzinfo=dt.UTC)
    module_events.catalogue.asked.clear()
    return module_events
