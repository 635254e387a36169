"""A publishing service in a test: its journal, its relay, and what stands in its stream."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import nats as nats_py
import orjson
from nats.js.api import ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from shared.embedded.nats import EmbeddedNats
from shared.kernel.decider import Decider
from shared.kernel.health import Health
from shared.kernel.journal import Journal
from shared.kernel.postgres import OwnConnection, connect_pool
from shared.kernel.relay import Relay
from shared.kernel.streams import stream_of
from shared.kernel.wakeup import Wakeup
from tests.conftest import Database
from tests.integration.bus.conftest import NATS_PASSWORDS
from tests.integration.kernel.hall import HALL

DEADLINE = 45.0  # a test machine's disk may be slow, and every write to a stream is synced

# Bookings of seats, as the journal of the hall would record them, and one private event for every tenth.
INSERT = """
WITH base AS (UPDATE journal_counter SET position = position + $1 RETURNING position - $1 AS base)
INSERT INTO journal (position, stream, version, type, form, data, actor, command_id, correlation_id, causation_id,
                     traceparent, history, aggregate, aggregate_version, recorded_at)
SELECT base + n, 'hall-h' || $2, (SELECT coalesce(max(version), 0) FROM journal WHERE stream = 'hall-h' || $2) + n,
       CASE WHEN n % 10 = 0 THEN 'SeatGivenBack' ELSE 'SeatBooked' END, 1,
       json_build_object('at', '2026-03-01T09:00:00Z', 'hall', 'h', 'guest', 'g' || (base + n)),
       'tester', gen_random_uuid(), 'correlation', NULL, '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
       false,
       CASE WHEN n % 10 = 0 THEN NULL ELSE 'seat/g' || (base + n) END, CASE WHEN n % 10 = 0 THEN NULL ELSE 1 END,
       clock_timestamp()
FROM base, generate_series(1, $1) AS n
"""
PUBLISHED = """
SELECT position, stream || '@' || version AS id FROM journal WHERE aggregate_version IS NOT NULL ORDER BY position
"""


async def record(sql: OwnConnection, count: int, hall: str = "") -> None:
    """Appends `count` events to the journal, every tenth of them private."""
    await sql.execute(INSERT, count, hall)


async def published(sql: OwnConnection) -> list[tuple[int, str]]:
    """What the journal says must be in the stream, in order."""
    return [(row["position"], row["id"]) for row in await sql.fetch(PUBLISHED)]


async def in_stream(nats: EmbeddedNats, service: str = "catalog") -> list[dict[str, Any]]:
    """Every message of a service's stream, read as anybody with a reader's password would."""
    address, password = f"nats://127.0.0.1:{nats.port}", NATS_PASSWORDS["reader"]
    client = await nats_py.connect(address, user="reader", password=password, allow_reconnect=False)
    try:
        js = client.jetstream()
        try:
            count = (await js.stream_info(stream_of(service))).state.messages
        except NotFoundError:
            return []
        config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL)
        pull = await js.pull_subscribe(f"ikz.{service}.>", stream=stream_of(service), config=config)
        found: list[dict[str, Any]] = []
        while len(found) < count:
            for message in await pull.fetch(500, timeout=DEADLINE):
                found.append(orjson.loads(message.data) | {"headers": message.headers})
                await message.ack()
        return found
    finally:
        await client.close()


async def eventually[T](look: Callable[[], Any], wanted: T, deadline: float = DEADLINE) -> None:
    """Waits until `look()` gives `wanted`; fails with what it gave last."""
    loop = asyncio.get_running_loop()
    until = loop.time() + deadline
    while (found := await look()) != wanted:
        assert loop.time() < until, f"still {found!r} instead of {wanted!r}"
        await asyncio.sleep(0.02)


@dataclass(slots=True)
class Publishing:
    """A service at work."""

    journal: Journal
    relay: Relay
    health: Health

    async def why(self) -> str | None:
        """What the health check of the relay says."""
        return (await self.health.report()).checks["relay"]

    async def reached(self) -> int:
        """Messages that this relay has brought into the stream."""
        return self.relay.published


@asynccontextmanager
async def publishing(
    store: Database, nats: EmbeddedNats, service: str = "catalog", decider: Decider[Any, Any, Any] = HALL
) -> AsyncIterator[Publishing]:
    """A service with its relay running."""
    dsn = store.dsn(service)
    pool = await connect_pool(dsn, name="tests")
    wakeup = Wakeup()
    journal = Journal(dsn, pool, [decider], [], wakeup=wakeup)
    health = Health()
    relay = Relay(
        service=service,
        dsn=dsn,
        nats_url=nats.url(service),
        journal=journal,
        wakeup=wakeup,
        public_url="http://127.0.0.1:8080",
        health=health,
    )
    try:
        async with journal.running(), asyncio.TaskGroup() as tasks:
            running = tasks.create_task(relay.run())
            yield Publishing(journal, relay, health)
            running.cancel()
    finally:
        await pool.close()
