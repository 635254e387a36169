"""The hall service twice on one database, and clients that lose their connection at any point of a request."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from shared.kernel import problems
from shared.kernel.clock import Clock
from shared.kernel.connections import Runner
from shared.kernel.health import Health
from shared.kernel.http import make_app
from shared.kernel.identity import ANONYMOUS, HEADER, KeyPair, Signer, Verifier, generate_keys
from shared.kernel.journal import Journal
from shared.kernel.postgres import connect_pool
from shared.kernel.wakeup import Wakeup
from tests.integration.kernel.hall import BOOKINGS, HALL
from tests.integration.kernel.hall_service import endpoints

KEYS: KeyPair = generate_keys()
SIGNER = Signer(KEYS.private, Clock())
ANSWER_SECONDS = 15.0
AWAY = 0.02


@dataclass(frozen=True, slots=True)
class Replica:
    """One of the services that answer for the same database."""

    journal: Journal
    port: int


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that was read to its end."""

    status: int
    body: dict[str, Any]

    @property
    def code(self) -> str:
        """`200`, or the code of the problem."""
        return str(self.body.get("code", self.status))


@asynccontextmanager
async def replica(dsn: str) -> AsyncIterator[Replica]:
    """The service as it listens in a process of its own: a client that goes away cancels its handler."""
    problems.register({"hall_full": (409, "Der Saal ist voll", "The hall is full")})
    clock = Clock()
    async with await connect_pool(dsn, name="replica", size=4) as pool:
        journal = Journal(dsn, pool, [HALL], [BOOKINGS], wakeup=Wakeup())
        verifier = Verifier(KEYS.public, "catalog", clock)
        app = make_app("catalog", endpoints(journal), clock=clock, health=Health(), verifier=verifier, journal=journal)
        runner = Runner(app, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            async with journal.running():
                yield Replica(journal, runner.addresses[0][1])
        finally:
            await runner.cleanup()


def request_bytes(method: str, path: str, body: Any, key: str) -> bytes:
    """A request as it goes over the wire, with its Idempotency-Key."""
    content = orjson.dumps(body)
    head = [
        f"{method} {path} HTTP/1.1",
        "Host: test",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
        f"Idempotency-Key: {key}",
        "If-Match: *",
        f"{HEADER}: {SIGNER.sign(ANONYMOUS, 'catalog')}",
    ]
    return "\r\n".join([*head, "", ""]).encode() + content


async def send(port: int, request: bytes) -> Reply:
    """The answer to a request of a patient client; 0 when there is none."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        async with asyncio.timeout(ANSWER_SECONDS):
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    except TimeoutError:
        return Reply(0, {"code": "no_answer"})
    finally:
        writer.close()
    return Reply(int(head.split()[1]), orjson.loads(body))


async def break_off(port: int, request: bytes, dice: random.Random) -> None:
    """A client that is gone at some point: within the request, while it is served, or within the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        if dice.random() < 0.2:
            writer.write(request[: dice.randrange(len(request))])
            await writer.drain()
            return
        writer.write(request)
        await writer.drain()
        if dice.random() < 0.2:
            with contextlib.suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(ANSWER_SECONDS):
                    await reader.read(dice.randint(1, 40))
        else:
            await asyncio.sleep(dice.random() * AWAY)
    finally:
        writer.transport.abort()
