"""The catalogue as a process of its own: it waits, works, publishes, and ends when told to."""

import asyncio
import base64
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession

from shared.contracts import catalog as contracts
from shared.contracts.rpc import KnownAnswered, KnownAsked
from shared.embedded.nats import EmbeddedNats
from shared.kernel.bus import Connection, connect, open_connection
from shared.kernel.clock import Clock
from shared.kernel.identity import HEADER, KeyPair, Signer, generate_keys
from shared.kernel.migrations import migrate
from shared.kernel.nats_access import USERS, render_config
from shared.kernel.problems import Problem
from shared.kernel.rpc import ask
from shared.kernel.streams import bootstrap_streams, last_message
from tests.conftest import Database, Servers, fresh_database
from tests.integration.catalog.conftest import EDITOR, Client

PATIENCE = 20.0


@pytest.fixture(scope="module")
async def database(servers: Servers) -> AsyncIterator[Database]:
    """Without tables."""
    async with fresh_database(servers) as made:
        yield made


@pytest.fixture(scope="module")
async def nats(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedNats]:
    """A server with the streams and rights of the real system."""
    passwords = {user: f"password-of-{user}" for user in USERS}
    async with EmbeddedNats(tmp_path_factory.mktemp("nats"), render_config, passwords) as server:
        await bootstrap_streams(server.url("operator"))
        yield server


@asynccontextmanager
async def catalogue(database: Database, nats: EmbeddedNats, keys: KeyPair) -> AsyncIterator[tuple[Process, str]]:
    """The process and its address."""
    environment = os.environ | {
        "IKZ_DATABASE_URL": database.dsn("catalog"),
        "IKZ_NATS_URL": nats.url("catalog"),
        "IKZ_VAULT_KEY": "A" * 43,
        "IKZ_IDENTITY_PUBLIC_KEY": keys.public,
        "IKZ_PORT": "0",
        "IKZ_LOG_FORMAT": "json",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.catalog", env=environment, stdout=DEVNULL, stderr=PIPE
    )
    assert process.stderr is not None
    try:
        started = json.loads(await asyncio.wait_for(process.stderr.readline(), PATIENCE))
        drain = asyncio.create_task(process.stderr.read())
        yield process, f"http://127.0.0.1:{started['port']}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    await drain


async def reported(session: ClientSession, wanted: Callable[[dict[str, Any]], bool]) -> None:
    """Returns when the health report says what is wanted."""
    async with asyncio.timeout(PATIENCE):
        while True:
            async with session.get("/health/ready") as answer:
                if wanted(await answer.json()):
                    return
            await asyncio.sleep(0.05)


async def newest(operator: Connection, kind: str) -> dict[str, Any]:
    """The stream's last event once it is of this type."""
    async with asyncio.timeout(PATIENCE):
        while True:
            message = await last_message(operator, "catalog")
            event: dict[str, Any] = json.loads(base64.b64decode(message["data"])) if message else {}
            if event.get("type") == kind:
                return event
            await asyncio.sleep(0.05)


async def unknown(nats: EmbeddedNats, *topics: str) -> tuple[str, ...]:
    """The topics the catalogue does not know, asked as the events service asks, once it answers."""
    bus = await connect(nats.url("events"), "test events")
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                with contextlib.suppress(Problem):
                    return (await ask(bus, KnownAsked.subject, KnownAsked(topics=topics), KnownAnswered)).unknown_topics
                await asyncio.sleep(0.05)
    finally:
        await bus.close()


async def test_it_waits_for_its_tables_publishes_and_ends_cleanly(database: Database, nats: EmbeddedNats) -> None:
    keys = generate_keys()
    async with (
        catalogue(database, nats, keys) as (process, address),
        ClientSession(address) as session,
    ):
        await reported(session, lambda report: "not migrated" in report["checks"]["postgres"].get("why", ""))
        async with session.get("/api/v1/projects") as answer:
            assert (answer.status, (await answer.json())["code"]) == (503, "unavailable")
        await migrate(database.dsn("catalog"), "catalog")
        await reported(session, lambda report: report["ready"])

        signer = Signer(keys.private, Clock())
        editor = Client(session, signer, EDITOR)
        drafted = await editor.post(
            "/projects", {"title": "Bauhof", "summary": "Kurz.", "participations_complete": False}
        )
        project_id = drafted.body["id"]
        await editor.post(f"/projects/{project_id}/submissions")
        operator = await open_connection(nats.url("operator"), "test")
        event = await newest(operator, contracts.ProjectSubmitted.type)
        await operator.close()
        assert event["id"] == f"project-{project_id}@2"
        assert event["subject"] == f"project/{project_id}"
        assert event["aggregateversion"] == 1
        assert contracts.ProjectSubmitted.model_validate(event["data"]).project_id == project_id

        assert await unknown(nats, "treasury") == ("treasury",), "nothing is loaded"
        async with session.get("/openapi.json") as answer:
            assert "/api/v1/projects/{id}/publications" in (await answer.json())["paths"]
        async with session.get("/api/v1/projects", headers={HEADER: "forged"}) as answer:
            assert answer.status == 401

        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
