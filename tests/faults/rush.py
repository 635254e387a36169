"""Two processes of the events service on one database, and crowds that want into one session."""

import asyncio
import json
import os
import random
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp

from services.events.participant import open_contacts
from shared.embedded.nats import EmbeddedNats
from shared.embedded.process import free_ports
from shared.kernel.clock import Clock
from shared.kernel.identity import ANONYMOUS, HEADER, Identity, KeyPair, Signer, generate_keys
from shared.kernel.postgres import Pool, connect
from shared.kernel.vault import Vault
from tests.conftest import Database
from tests.faults.admission import Walk
from tests.faults.remains import JOURNAL, Recorded, recorded
from tests.integration.events.conftest import entering

VAULT_KEY = bytes(32)
VAULT_KEY_TEXT = "A" * 43
EDITOR = Identity(None, frozenset({"reader", "editor"}), None, "token:test")
STARTING = 60.0
ANSWERED_WITHIN = 240.0
ALIVE_WITHIN = 30.0
AT_ONCE = 400
PAUSE = 0.05
TOKEN_ROW = "SELECT registration_id, sealed FROM registration WHERE session_id = $1 AND person_id = $2"


class NoAnswer(Exception):
    """Nobody answered a request, however often it was sent."""


@dataclass(slots=True)
class Crowd:
    """Clients of the two processes: each request goes to any of them, and again until somebody has answered it.

    `gate` lets so many requests out at a time that none grows old on the way.
    """

    processes: list[Process]
    urls: list[str]
    http: aiohttp.ClientSession
    signer: Signer
    pool: Pool
    dice: random.Random
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    answered: int = 0

    async def ask(self, method: str, path: str, body: Any = None, who: Identity = ANONYMOUS, *, of: str = "") -> Any:
        """The answer of somebody (or `of` one), whoever dies meanwhile; the same command however often it is sent."""
        key, until = str(uuid4()), time.monotonic() + ANSWERED_WITHIN
        while time.monotonic() < until:
            url = (of or self.dice.choice(self.urls)) + path
            async with self.gate:
                said = await self._send(method, url, body, who, key)
            if said is not None:
                self.answered += 1
                return said
            await asyncio.sleep(PAUSE)
        raise NoAnswer(path)

    async def _send(self, method: str, url: str, body: Any, who: Identity, key: str) -> Any:
        """The answer; None when there is none, or a service in trouble."""
        headers = {HEADER: self.signer.sign(who, "events"), "Idempotency-Key": key}
        try:
            async with self.http.request(method, url, json=body, headers=headers) as answer:
                said = await answer.json()
        except (aiohttp.ClientError, TimeoutError):
            return None
        assert answer.status < 300 or answer.status >= 500, said
        return said if answer.status < 300 else None

    async def open_session(self, seats: int | None, **content: Any) -> str:
        """An announced session that takes registrations."""
        series = {"slug": f"reihe-{uuid4().hex[:8]}", "title": "Reihe", "format": "workshop"}
        series_id = (await self.ask("POST", "/api/v1/series", series, EDITOR))["id"]
        begin = f"{Clock().now().year + 1}-07-01T10:00:00+02:00"
        body = {"series_id": series_id, "title": "Termin", "mode": "online", "starts_at": begin, "capacity": seats}
        session_id = str((await self.ask("POST", "/api/v1/sessions", body | content, EDITOR))["id"])
        for step in ("announcements", "registration-openings"):
            await self.ask("POST", f"/api/v1/sessions/{session_id}/{step}", None, EDITOR)
        return session_id

    async def register(self, session_id: str, person_id: str, *, member: bool, of: str = "") -> None:
        """One person's registration, as the gateway sends it."""
        body = {
            "person_id": person_id,
            "email": f"{person_id}@stadt.example",
            "name": "Erika Muster",
            "member": member,
        }
        together = {"registrations": [entering(session_id, body)]}
        answer = await self.ask("POST", "/internal/registrations", together, of=of)
        assert answer["answers"][0]["status"] == 202, answer

    async def token_of(self, session_id: str, person_id: str) -> str:
        """That of the link in the person's mail."""
        row = await self.pool.fetchrow(TOKEN_ROW, session_id, person_id)
        assert row is not None
        (contact,) = await open_contacts(Vault(self.pool, VAULT_KEY), [{**row, "person_id": person_id}])
        assert contact is not None
        return contact.token

    async def kill_one_after(self, answers: int) -> None:
        """One of the processes is killed in the middle of it all, and stays away."""
        while self.answered < answers:
            await asyncio.sleep(PAUSE / 10)
        self.processes[0].kill()


@asynccontextmanager
async def crowd(
    database: Database, nats: EmbeddedNats, pool: Pool, dice: random.Random, folder: Path
) -> AsyncIterator[Crowd]:
    """Everybody, once both processes are ready."""
    keys, ports = generate_keys(), free_ports(2)
    processes = [await _process(database, nats, keys, port, folder / f"events-{port}.log") for port in ports]
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=ALIVE_WITHIN, sock_read=ALIVE_WITHIN)
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    try:
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as http:
            urls = [f"http://127.0.0.1:{port}" for port in ports]
            await asyncio.gather(*(_ready(http, url) for url in urls))
            yield Crowd(processes, urls, http, Signer(keys.private, Clock()), pool, dice)
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _process(database: Database, nats: EmbeddedNats, keys: KeyPair, port: int, log: Path) -> Process:
    environment = os.environ | {
        "IKZ_DATABASE_URL": database.dsn("events"),
        "IKZ_NATS_URL": nats.url("events"),
        "IKZ_VAULT_KEY": VAULT_KEY_TEXT,
        "IKZ_IDENTITY_PUBLIC_KEY": keys.public,
        "IKZ_PORT": str(port),
        "IKZ_LOG_FORMAT": "json",
    }
    with log.open("wb") as said:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.events", env=environment, stdout=DEVNULL, stderr=said
        )


async def _ready(http: aiohttp.ClientSession, url: str) -> None:
    until = time.monotonic() + STARTING
    while time.monotonic() < until:
        try:
            async with http.get(f"{url}/health/ready") as answer:
                if (await answer.json())["ready"]:
                    return
        except (aiohttp.ClientError, json.JSONDecodeError):
            pass
        await asyncio.sleep(PAUSE)
    raise NoAnswer(url)


async def journal_of(database: Database, session_id: str) -> Sequence[Recorded]:
    """What is recorded of one session."""
    connection = await connect(database.dsn("events"), name="rush")
    try:
        stream = f"session-{session_id}"
        return [recorded(row) for row in await connection.fetch(JOURNAL) if row["stream"] == stream]
    finally:
        await connection.close()


def walked(journal: Sequence[Recorded], session_id: str) -> Walk:
    """The session's way through its events, reckoned without the service's code."""
    found = Walk(session_id)
    for event in journal:
        found.step(event)
    found.end()
    return found
