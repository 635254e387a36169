"""Appends and loads with millions of events in the journal, beside a journal that has next to none."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import cycle

from bench.account import ACCOUNT, CREATE, DEPOSITS, WITH_SNAPSHOTS
from bench.append_rows import SECONDS, deposit
from bench.filling import fill, project_all
from bench.folding_rows import MORE, load, snapshotted
from bench.part import Bench
from bench.rounds import Contender, Figures, drive
from bench.row import Peer, Row, at_least
from bench.running import running_journal
from bench.servers import Database
from shared.kernel.journal import Journal
from shared.kernel.postgres import connect, connect_pool

LENGTH = 100
ACCOUNTS_AT_ONCE = 2000
APPENDED_TO = 1000
CALLERS = 32
SHORT, LONG, KEPT = 20, 1000, 2000
BEYOND = 10_000_000  # numbers of accounts that the filling does not use
WITHIN = 1 / 1.25


async def measure(bench: Bench) -> Sequence[Row]:
    """Two databases of one server, one of them full, in turn."""
    events = bench.amount(5_000_000, 400_000)
    async with bench.servers.database(more=CREATE) as empty, bench.servers.database(more=CREATE) as full:
        await _fill(bench, full, events)
        every = events // LENGTH // APPENDED_TO
        async with _contenders(bench, empty, every) as small, _contenders(bench, full, every) as large:
            pairs = {(what, size): of[what] for what in small for size, of in (("empty", small), ("full", large))}
            found = await bench.alternate({f"{what} {size}": one for (what, size), one in pairs.items()})
    behind = f"behind {events / 1e6:g} million events"
    return [
        Row(
            f"{what}, {behind}",
            "1/s",
            found[f"{what} full"]["1/s"],
            Peer("an empty journal", found[f"{what} empty"]["1/s"]),
            at_least(WITHIN),
        )
        for what in small
    ]


async def _fill(bench: Bench, database: Database, events: int) -> None:
    """Streams of a hundred events each, in the journal and in the read model, and nothing left to tidy up."""
    connection = await connect(database.dsn("catalog"), name="bench", timeout=None)
    for done in range(0, events, ACCOUNTS_AT_ONCE * LENGTH):
        await fill(connection, ACCOUNTS_AT_ONCE * LENGTH, ACCOUNTS_AT_ONCE, done // LENGTH)
        bench.told(f"{done + ACCOUNTS_AT_ONCE * LENGTH:,} events are in the journal")
    await project_all(connection)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
    operator = await connect(database.operator_dsn, name="bench", timeout=None)
    await operator.execute("CHECKPOINT")
    await operator.close()


@asynccontextmanager
async def _contenders(bench: Bench, database: Database, every: int) -> AsyncIterator[Mapping[str, Contender]]:
    """What is done to one of the journals."""
    dsn = database.dsn("catalog")
    connection = await connect(dsn, name="bench", timeout=None)
    async with running_journal(dsn, [ACCOUNT], [DEPOSITS]) as journal, await connect_pool(dsn, name="bench") as pool:
        for length in (SHORT, LONG):
            await fill(connection, length, 1, BEYOND + length)
        await snapshotted(connection, pool, dsn, BEYOND + KEPT, KEPT)
        await connection.close()
        times = bench.amount(200, 50)
        yield {
            f"appends, {CALLERS} at once": partial(_append, journal, every, bench.amount(9600, 1600)),
            "loads of 20 events": partial(
                load, dsn, pool, ACCOUNT, account=BEYOND + SHORT, version=SHORT, times=times * 4
            ),
            "loads of 1,000 events": partial(
                load, dsn, pool, ACCOUNT, account=BEYOND + LONG, version=LONG, times=times // 5
            ),
            f"loads from a snapshot and {MORE} events": partial(
                load, dsn, pool, WITH_SNAPSHOTS, account=BEYOND + KEPT, version=KEPT + MORE, times=times * 4
            ),
        }


async def _append(journal: Journal, every: int, total: int) -> Figures:
    """To streams all over the journal; they are in memory after the round that warms up."""
    accounts = cycle([str(number * every) for number in range(APPENDED_TO)])
    return await drive(total, CALLERS, lambda: deposit(journal, next(accounts)), SECONDS)
