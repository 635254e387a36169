"""The events service as a test publishes it, and the notify service as it writes down what it hears."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from shared.contracts.contract import Contract
from shared.embedded.nats import EmbeddedNats
from shared.kernel.health import Health
from shared.kernel.inbox import Consumer, Effect, Received
from shared.kernel.postgres import Connection, OwnConnection, Pool, connect_pool
from tests.conftest import Database
from tests.integration.kernel.hall import HALL, HallEvent, HallOpened, SeatBooked, SeatGivenBack


class Taken(Contract):
    type: ClassVar[str] = "ikz.events.seat.taken.v1"
    key: ClassVar[str] = "guest"
    guest: str


class Freed(Contract):
    type: ClassVar[str] = "ikz.events.seat.freed.v1"
    key: ClassVar[str] = "guest"
    guest: str


def publish(event: HallEvent) -> Contract | None:
    match event:
        case SeatBooked():
            return Taken(guest=event.guest)
        case SeatGivenBack():
            return Freed(guest=event.guest)
        case HallOpened():
            return None


SEATS = replace(HALL, publish=publish, snapshots=None)

# Everybody takes a seat and gives it back, `rounds` times, everybody in turn.
TURNS = """
WITH base AS (UPDATE journal_counter SET position = position + $1::int * $2::int
              RETURNING position - $1::int * $2::int AS base),
turn AS (SELECT n, (n - 1) / $1::int AS round, 'g' || (n - 1) % $1::int AS guest
         FROM generate_series(1, $1::int * $2::int) AS n)
INSERT INTO journal (position, stream, version, type, form, data, actor, command_id, correlation_id, history, aggregate,
                     aggregate_version, recorded_at)
SELECT base + n, 'hall-h', base + n, CASE WHEN round % 2 = 0 THEN 'SeatBooked' ELSE 'SeatGivenBack' END, 1,
       json_build_object('at', '2026-03-01T09:00:00Z', 'hall', 'h', 'guest', guest), 'tester', gen_random_uuid(),
       'correlation', false, 'seat/' || guest,
       round + 1 + (SELECT count(*) FROM journal AS j WHERE j.aggregate = 'seat/' || guest), clock_timestamp()
FROM base, turn
"""
# One transaction: two that come at once would both find the table missing, and one would fail.
HEARD = """
SELECT pg_advisory_xact_lock(hashtextextended('heard', 0));
CREATE TABLE IF NOT EXISTS heard (ordinal bigserial, guest text, version bigint, live boolean)
"""
HEAR = """
INSERT INTO heard (guest, version, live)
SELECT guest, version::bigint, live::boolean FROM unnest($1::text[], $2::text[], $3::text[]) AS m(guest, version, live)
"""


async def turns(sql: OwnConnection, guests: int, rounds: int) -> None:
    """Appends `guests * rounds` events, all of them published; version n of a seat is its n-th event."""
    await sql.execute(TURNS, guests, rounds)


class Cursed(Exception):
    """What the effect of a message raises when the test wants it to."""


@dataclass(slots=True)
class Hearing:
    """The notify service at work. An effect fails for a guest in `cursed`; `runs` are the sizes of what effects got.

    What is taken has a second effect: `counted` says behind how many runs it came, and how many messages it got.
    """

    consumer: Consumer
    health: Health
    pool: Pool
    cursed: set[str] = field(default_factory=set)
    runs: list[int] = field(default_factory=list)
    counted: list[tuple[int, int]] = field(default_factory=list)

    async def why(self) -> str | None:
        """What the health check of the consumer says."""
        return (await self.health.report()).checks["inbox events"]

    async def count(self) -> int:
        """How many effects there were."""
        found: int = await self.pool.fetchval("SELECT count(*) FROM heard")
        return found

    async def heard(self) -> dict[str, list[int]]:
        """The versions of each seat in the order in which they took effect."""
        found: dict[str, list[int]] = {}
        for row in await self.pool.fetch("SELECT guest, version FROM heard ORDER BY ordinal"):
            found.setdefault(row["guest"], []).append(row["version"])
        return found

    async def waiting(self) -> dict[str, int]:
        """How many dead letters there are in each state."""
        return Counter(row["state"] for row in await self.pool.fetch("SELECT state FROM dead_letter"))

    async def hear(self, connection: Connection, received: Sequence[Received[Any]]) -> None:
        self.runs.append(len(received))
        guests = [one.data.guest for one in received]
        versions = [str(one.aggregate_version) for one in received]
        await connection.execute(HEAR, guests, versions, [str(one.live) for one in received])
        if found := self.cursed.intersection(guests):
            raise Cursed(*found)


@asynccontextmanager
async def hearing(store: Database, nats: EmbeddedNats, *cursed: str, **more: Any) -> AsyncIterator[Hearing]:
    """The notify service consuming what events publishes."""
    dsn = store.dsn("notify")
    pool = await connect_pool(dsn, name="tests")
    await pool.execute(HEARD)
    health = Health()

    async def hear(connection: Connection, received: Sequence[Received[Any]]) -> None:
        await notify.hear(connection, received)

    async def count(_: Connection, received: Sequence[Received[Any]]) -> None:
        notify.counted.append((len(notify.runs), len(received)))

    consumer = Consumer(
        name="notify",
        source="events",
        effects=[Effect(Taken, hear), Effect(Freed, hear), Effect(Taken, count)],
        dsn=dsn,
        pool=pool,
        nats_url=nats.url("notify"),
        health=health,
        **more,
    )
    notify = Hearing(consumer, health, pool, set(cursed))
    try:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(consumer.run())
            yield notify
            running.cancel()
    finally:
        await pool.close()
