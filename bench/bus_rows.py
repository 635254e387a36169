"""Rows of the bus: how soon an event is at a subscriber, how fast a relay and a consumer catch up."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from bench.account import CREATE, DEPOSITS, Deposit
from bench.deposits_on_bus import CONSUMER, NOTED, SERVICE, DepositNoted
from bench.filling import fill
from bench.part import Bench
from bench.peer import PeerProcess, peer
from bench.rounds import Contender, Figures
from bench.row import Peer, Row, at_least, at_most
from bench.servers import Database
from shared.embedded.nats import EmbeddedNats
from shared.kernel.bus import inbox_of
from shared.kernel.health import Health
from shared.kernel.ids import new_id
from shared.kernel.inbox import Consumer, Effect, Received
from shared.kernel.journal import Journal
from shared.kernel.postgres import Connection, OwnConnection, Pool, connect, connect_pool
from shared.kernel.recorded import Context
from shared.kernel.relay import Relay
from shared.kernel.wakeup import Wakeup

PUBLIC_URL = "http://127.0.0.1:8080"
RATES = (1000, 3000)
SECONDS, QUICK_SECONDS = 5, 2
ACCOUNTS = 1000
LOOK_EVERY = 0.002

NOTES = """
CREATE TABLE noted (id text PRIMARY KEY, account text NOT NULL, amount bigint NOT NULL)
"""
NOTE = """
INSERT INTO noted (id, account, amount)
SELECT id, account, amount::bigint FROM unnest($1::text[], $2::text[], $3::text[]) AS given (id, account, amount)
"""
NOTED_ROWS = "SELECT count(*) FROM noted"
FROM_THE_BEGINNING = "TRUNCATE noted, inbox, inbox_consumer, inbox_aggregate, dead_letter"


async def latency(bench: Bench) -> Sequence[Row]:
    """From a command's due time to its event at a subscriber in another process, at offered rates."""
    seconds = bench.amount(SECONDS, QUICK_SECONDS)
    async with (
        bench.servers.database(SERVICE, more=CREATE) as database,
        bench.servers.nats() as nats,
        publishing(database, nats) as (journal, relay, _),
        plain_nats(nats, "reader") as listener,
    ):
        contenders: dict[str, Contender] = {
            f"{rate}": partial(_offer, journal, relay, listener, rate, rate * seconds) for rate in RATES
        }
        found = await bench.alternate(contenders)
    rows: list[Row] = []
    for rate in RATES:
        name, figures = f"append → event at a subscriber, {rate:,}/s offered", found[f"{rate}"]
        rows += [
            Row(f"{name}: p50", "ms", figures["p50 ms"], None, at_most(3)),
            Row(f"{name}: p99", "ms", figures["p99 ms"], None, at_most(15)),
            Row(f"{name}: delivered", "1/s", figures["1/s"], None, at_least(0.95 * rate)),
        ]
    return rows


async def relay(bench: Bench) -> Sequence[Row]:
    """A relay that finds many events in its journal, beside publishing one message after the other."""
    events = bench.amount(100_000, 20_000)
    async with (
        bench.servers.database(SERVICE, more=CREATE) as database,
        bench.servers.nats() as nats,
        bench.servers.nats() as other,
        plain_nats(other, SERVICE) as publisher,
        _connected(database, SERVICE) as sql,
    ):
        contenders: dict[str, Contender] = {
            "relay": partial(_catch_up, database, nats, sql, events),
            "one by one": partial(_ask, publisher, do="publish", count=bench.amount(3000, 500)),
        }
        found = await bench.alternate(contenders)
    name = f"relay catching up {events:,} events, every write synced"
    ours, other_rate = found["relay"]["1/s"], found["one by one"]["1/s"]
    return (
        Row(name, "1/s", ours, None, at_least(25_000)),
        Row(name, "1/s", ours, Peer("publishing one by one", other_rate), at_least(5)),
    )


async def consumer(bench: Bench) -> Sequence[Row]:
    """A consumer with inbox and one row of effect, beside FastStream without, and nats-py that only acknowledges."""
    messages = bench.amount(60_000, 10_000)
    async with (
        bench.servers.database(SERVICE, more=CREATE) as source,
        bench.servers.database(CONSUMER, more=NOTES) as own,
        bench.servers.nats() as nats,
        peer("faststream_consumer", nats.url("reader")) as faststream,
        plain_nats(nats, "reader") as bare,
    ):
        async with _connected(source, SERVICE) as sql:
            await _catch_up(source, nats, sql, messages)
        contenders: dict[str, Contender] = {
            "inbox": partial(_take_in, own, nats, messages),
            "FastStream": partial(_ask, faststream, do="consume", count=messages),
            "nats-py": partial(_ask, bare, do="consume", count=messages),
        }
        found = await bench.alternate(contenders)
    name, rates = "consumer with inbox and one row of effect", {name: each["1/s"] for name, each in found.items()}
    return (
        Row(name, "1/s", rates["inbox"], None, at_least(15_000)),
        Row(name, "1/s", rates["inbox"], Peer("FastStream, no inbox", rates["FastStream"]), at_least(1)),
        Row(name, "1/s", rates["inbox"], Peer("nats-py, pull and acknowledge only", rates["nats-py"])),
    )


@asynccontextmanager
async def publishing(database: Database, nats: EmbeddedNats) -> AsyncIterator[tuple[Journal, Relay, Pool]]:
    """A journal and its relay at work, put together as in a service."""
    dsn = database.dsn(SERVICE)
    wakeup, pool = Wakeup(dsn), await connect_pool(dsn, name="bench")
    journal = Journal(dsn, pool, [NOTED], [DEPOSITS], wakeup=wakeup)
    relaying = Relay(
        service=SERVICE,
        dsn=dsn,
        nats_url=nats.url(SERVICE),
        journal=journal,
        wakeup=wakeup,
        public_url=PUBLIC_URL,
        health=Health(),
    )
    async with pool, journal.running(), _at_work(wakeup.run, relaying.run):
        yield journal, relaying, pool


async def _offer(journal: Journal, relaying: Relay, listener: PeerProcess, rate: int, count: int) -> Figures:
    """So many commands a second, whatever becomes of them; each account's name says when its command was due."""
    await listener.ask(do="listen")
    before = relaying.published
    began = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for number in range(count):
            due = began + number / rate
            if (early := due - time.monotonic()) > 0:
                await asyncio.sleep(early)
            tasks.create_task(_deposit(journal, f"{int(due * 1e9)}-{number}"))
    heard = await listener.ask(do="tell", count=count)
    assert relaying.published - before == count, f"{relaying.published - before} of {count} were published"
    return {"p50 ms": heard["p50 ms"], "p99 ms": heard["p99 ms"], "1/s": count / (heard["last"] / 1e9 - began)}


async def _deposit(journal: Journal, account: str) -> None:
    context = Context(new_id(), "bench", datetime.now(UTC), "bench", fresh=True)
    await journal.transact(NOTED, account, Deposit(account=account, amount=1), context)


async def _catch_up(database: Database, nats: EmbeddedNats, sql: OwnConnection, events: int) -> Figures:
    """Fills the journal while nobody publishes, and times the relay from its start to the last message's answer."""
    head = await sql.fetchval("SELECT position FROM journal_counter")
    await fill(sql, events, ACCOUNTS, head)
    started = time.perf_counter()
    async with publishing(database, nats) as (_, relaying, _):
        await _until(lambda: relaying.published, events)
        return {"1/s": events / (time.perf_counter() - started)}


async def _take_in(database: Database, nats: EmbeddedNats, messages: int) -> Figures:
    """A consumer that begins from nothing."""
    dsn = database.dsn(CONSUMER)
    async with await connect_pool(dsn, name="bench") as pool:
        await pool.execute(FROM_THE_BEGINNING)
        taking = Consumer(
            name=CONSUMER,
            source=SERVICE,
            effects=[Effect(DepositNoted, note)],
            dsn=dsn,
            pool=pool,
            nats_url=nats.url(CONSUMER),
            health=Health(),
        )
        started = time.perf_counter()
        async with _at_work(taking.run):
            await _until(lambda: taking.taken, messages)
            took = time.perf_counter() - started
        assert await pool.fetchval(NOTED_ROWS) == messages
        return {"1/s": messages / took}


async def note(connection: Connection, received: Sequence[Received[DepositNoted]]) -> None:
    """One row for each message."""
    await connection.execute(
        NOTE,
        [message.id for message in received],
        [message.data.account for message in received],
        [str(message.data.amount) for message in received],
    )


def plain_nats(nats: EmbeddedNats, user: str) -> AbstractAsyncContextManager[PeerProcess]:
    """nats-py as a user of this server, in a process of its own."""
    return peer("plain_nats", nats.url(user), inbox_of(nats.url(user)))


async def _ask(process: PeerProcess, **request: Any) -> Figures:
    return await process.ask(**request)


async def _until(look: Callable[[], int], wanted: int) -> None:
    while look() < wanted:  # noqa: ASYNC110 -- what is measured counts, and tells nobody
        await asyncio.sleep(LOOK_EVERY)


@asynccontextmanager
async def _at_work(*work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """What should run for ever, inside a `with` block."""
    tasks = [asyncio.ensure_future(one()) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _connected(database: Database, service: str) -> AsyncIterator[OwnConnection]:
    connection = await connect(database.dsn(service), name="bench", timeout=None)
    try:
        yield connection
    finally:
        await connection.close()
