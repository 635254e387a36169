"""The catalogue behind real HTTP on a real Postgres, with the portal's content loaded."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import ClientSession, web

from services.catalog import problems
from services.catalog.http import endpoints
from services.catalog.load_content import CONTENT, load
from services.catalog.records import DECIDERS, PROJECTIONS
from services.catalog.search_live import Live
from shared.kernel.bus import Bus, connect
from shared.kernel.clock import Clock
from shared.kernel.files import Files
from shared.kernel.health import Health
from shared.kernel.http import make_app
from shared.kernel.identity import HEADER, Identity, Signer, Verifier, generate_keys
from shared.kernel.journal import Journal
from shared.kernel.migrations import migrate
from shared.kernel.postgres import Pool, connect_pool
from shared.kernel.streams import bootstrap_streams
from shared.kernel.vault import Vault
from shared.kernel.wakeup import Wakeup
from tests.conftest import Database, Servers, fresh_database

LOADED_AT = datetime(2026, 1, 15, 9, tzinfo=UTC)
EDITOR = Identity("0190a000-0000-7000-8000-000000000001", frozenset({"reader", "editor"}), None, "token:test")
READER = Identity(None, frozenset({"reader"}), None, "anonymous")


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer, read."""

    status: int
    body: Any
    headers: Any

    @property
    def code(self) -> str:
        """The problem's code."""
        return str(self.body["code"])


@dataclass(frozen=True, slots=True)
class Client:
    """Calls the catalogue as somebody whom the gateway has signed."""

    session: ClientSession
    signer: Signer
    identity: Identity

    async def call(self, method: str, path: str, **options: Any) -> Reply:
        """Any request under `/api/v1`."""
        signed = {HEADER: self.signer.sign(self.identity, "catalog")}
        headers = signed | options.pop("headers", {})
        async with self.session.request(method, f"/api/v1{path}", headers=headers, **options) as response:
            is_json = response.content_type.endswith("json")
            return Reply(response.status, await response.json() if is_json else None, response.headers)

    async def get(self, path: str, **query: Any) -> Reply:
        """A read; a list as value repeats the parameter."""
        pairs = [
            (name, str(v)) for name, value in query.items() for v in (value if isinstance(value, list) else [value])
        ]
        return await self.call("GET", path, params=pairs)

    async def post(self, path: str, body: Any = None, key: str | None = None) -> Reply:
        """A command."""
        headers = {"Idempotency-Key": key} if key else {}
        return await self.call("POST", path, headers=headers, **({} if body is None else {"json": body}))

    async def put(self, path: str, body: Any, version: object = None) -> Reply:
        """A change on what was read as `version`."""
        headers = {} if version is None else {"If-Match": f'"{version}"'}
        return await self.call("PUT", path, headers=headers, json=body)

    async def draft(self, **content: Any) -> str:
        """A new draft's id."""
        reply = await self.post("/projects", body(**content))
        assert reply.status == 201, reply.body
        return str(reply.body["id"])

    async def publish(self, **content: Any) -> str:
        """A published project's id."""
        project_id = await self.draft(**content)
        for step in ("submissions", "publications"):
            reply = await self.post(f"/projects/{project_id}/{step}")
            assert reply.status == 200, reply.body
        return project_id


def body(**content: Any) -> dict[str, Any]:
    """A project that could be published."""
    return {
        "title": f"Gemeinsamer Bauhof {uuid4().hex[:6]}",
        "summary": "Zwei Gemeinden pflegen ihre Straßen gemeinsam.",
        "topics": ["works_depot"],
        "participations": [{"ags": "05374028", "role": "lead"}, {"ags": "05374040"}],
        **content,
    }


async def with_content(database: Database) -> None:
    """The catalogue has its tables and the portal's own content."""
    dsn = database.dsn("catalog")
    await migrate(dsn, "catalog")
    async with (
        await connect_pool(dsn, name="test") as pool,
        Journal(dsn, pool, DECIDERS, PROJECTIONS, wakeup=Wakeup()).running() as journal,
    ):
        await load(journal, CONTENT, LOADED_AT, lambda _line: None)


@pytest.fixture(scope="module")
async def database(servers: Servers) -> AsyncIterator[Database]:
    async with fresh_database(servers, with_content) as made:
        yield made


@pytest.fixture(scope="module")
async def pool(database: Database) -> AsyncIterator[Pool]:
    pool = await connect_pool(database.dsn("catalog"), name="test")
    yield pool
    await pool.close()


@pytest.fixture(scope="module")
async def journal(database: Database, pool: Pool) -> AsyncIterator[Journal]:
    async with Journal(database.dsn("catalog"), pool, DECIDERS, PROJECTIONS, wakeup=Wakeup()).running() as journal:
        yield journal


@pytest.fixture(scope="module")
async def bus(servers: Servers) -> AsyncIterator[Bus]:
    await bootstrap_streams(servers.nats.url("operator"))
    bus = await connect(servers.nats.url("catalog"), "test catalog")
    yield bus
    await bus.close()


@pytest.fixture(scope="module")
async def live(journal: Journal, pool: Pool) -> Live:
    """The index of what the journal has."""
    made = Live(pool)
    await made.ready()
    return made


@pytest.fixture(scope="module")
def files(bus: Bus) -> Files:
    return Files(bus, "catalog")


@pytest.fixture(scope="module")
def vault(pool: Pool) -> Vault:
    return Vault(pool, bytes(32))


@pytest.fixture(scope="module")
async def session(
    journal: Journal, pool: Pool, live: Live, files: Files, vault: Vault
) -> AsyncIterator[tuple[ClientSession, Signer]]:
    problems.register()
    keys, clock = generate_keys(), Clock()
    app = make_app(
        "catalog",
        endpoints(journal, pool, live, files, vault),
        verifier=Verifier(keys.public, "catalog", clock),
        clock=clock,
        health=Health(),
        journal=journal,
    )
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    async with ClientSession(f"http://{host}:{port}") as client:
        yield client, Signer(keys.private, clock)
    await runner.cleanup()


@pytest.fixture(scope="module")
def reader(session: tuple[ClientSession, Signer]) -> Client:
    return Client(*session, READER)


@pytest.fixture(scope="module")
def editor(session: tuple[ClientSession, Signer]) -> Client:
    return Client(*session, EDITOR)
