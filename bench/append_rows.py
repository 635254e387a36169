"""Appends: commands over many streams, durable, decided and projected, beside what inserts a row a commit."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import cycle

from bench.account import ACCOUNT, CREATE, DEPOSITS, NOTE, Deposit
from bench.eventsourcing_peer import eventsourcing_app
from bench.part import Bench
from bench.rounds import Contender, Figures, Found, drive
from bench.row import Peer, Row, at_least, at_most
from bench.running import running_journal
from shared.kernel.ids import new_id
from shared.kernel.journal import Context, Journal
from shared.kernel.postgres import OwnConnection, connect

CALLERS = (1, 32, 128)
STREAMS = 1000
OURS, BARE, THEIRS = "journal", "asyncpg, a row a commit", "eventsourcing, save"
RAW = "CREATE TABLE raw (id bigserial PRIMARY KEY, data json NOT NULL)"
INSERT = "INSERT INTO raw (data) VALUES ($1)"
ROW = json.dumps({"at": "2026-11-22T10:00:00.000000Z", "account": "1", "amount": 1, "note": NOTE})
REACH = {32: 1.3, 128: 1.8}
TIMES_EVENTSOURCING = 20.0
SECONDS = 3.0


def deposit(journal: Journal, account: str) -> Awaitable[object]:
    """One command under way, made as an endpoint makes it."""
    context = Context(new_id(), "bench", datetime.now(UTC), "bench", fresh=True)
    return journal.transact(ACCOUNT, account, Deposit(account=account, amount=1), context)


async def measure(bench: Bench) -> Sequence[Row]:
    """The rows at every number of callers."""
    rows: list[Row] = []
    async with (
        bench.servers.database(more=f"{CREATE}; {RAW}") as ours,
        bench.servers.database() as theirs,
        running_journal(ours.dsn("catalog"), [ACCOUNT], [DEPOSITS]) as journal,
        eventsourcing_app(theirs) as app,
    ):
        accounts = cycle([str(number) for number in range(STREAMS)])
        for callers in CALLERS:
            total = bench.amount(*{1: (1000, 300), 32: (9600, 1600), 128: (12800, 2560)}[callers])
            async with _inserting(ours.dsn("catalog"), callers) as insert:
                contenders: dict[str, Contender] = {
                    OURS: _driven(total, callers, lambda: deposit(journal, next(accounts))),
                    BARE: _driven(total, callers, insert),
                    THEIRS: _asked(app.ask, callers, bench.amount(1280, 384)),
                }
                bench.told(f"{callers} callers")
                rows += _rows(callers, await bench.alternate(contenders))
    return rows


def _driven(total: int, callers: int, call: Callable[[], Awaitable[object]]) -> Contender:
    return lambda: drive(total, callers, call, SECONDS)


def _asked(ask: Callable[..., Awaitable[Figures]], threads: int, total: int) -> Contender:
    return lambda: ask(do="save", threads=threads, total=total, within=SECONDS)


@asynccontextmanager
async def _inserting(dsn: str, callers: int) -> AsyncIterator[Callable[[], Awaitable[object]]]:
    """Inserts on connections that nothing is done with besides: one for each caller, no pool, a prepared statement."""
    connections: list[OwnConnection] = [await connect(dsn, name="bench") for _ in range(callers)]
    free = [await connection.prepare(INSERT) for connection in connections]

    async def insert() -> None:
        statement = free.pop()
        await statement.fetch(ROW)
        free.append(statement)

    yield insert
    for connection in connections:
        await connection.close()


def _rows(callers: int, found: dict[str, Found]) -> list[Row]:
    what = "appends, one after the other" if callers == 1 else f"appends, {callers} at once"
    ours, bare, theirs = found[OURS], found[BARE], found[THEIRS]
    floor = REACH.get(callers)
    return [
        Row(what, "1/s", ours["1/s"], Peer(BARE, bare["1/s"]), at_least(floor) if floor else None),
        Row(f"{what}: p99", "ms", ours["p99 ms"], Peer(BARE, bare["p99 ms"]), at_most(1.0) if floor else None),
        Row(what, "1/s", ours["1/s"], Peer(THEIRS, theirs["1/s"]), at_least(TIMES_EVENTSOURCING) if floor else None),
    ]
