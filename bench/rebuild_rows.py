"""Rebuilding a read model of one row per event, with its comparison and its swap."""

import time
from collections.abc import Sequence
from functools import partial

from bench.account import ACCOUNT, CREATE, DEPOSITS
from bench.filling import fill, project_all
from bench.part import Bench
from bench.rounds import Contender, Figures
from bench.row import Peer, Row, at_least
from shared.kernel.journal import Journal
from shared.kernel.postgres import Connection, connect, connect_pool
from shared.kernel.projection import BATCH
from shared.kernel.rebuild import rebuild
from shared.kernel.wakeup import Wakeup

ACCOUNTS = 1000
SINGLY = 1000
OURS, READING, ONE_BY_ONE = "rebuild", "reading the journal alone", "a transaction for each event"
EMPTY = "TRUNCATE deposit"


class Different(Exception):
    """A rebuild came out different from the live table."""


async def measure(bench: Bench) -> Sequence[Row]:
    """The rebuild beside its limit, and beside the way it does not go."""
    events = bench.amount(200_000, 20_000)
    async with bench.servers.database(more=CREATE) as database:
        dsn = database.dsn("catalog")
        connection = await connect(dsn, name="bench", timeout=None)
        await fill(connection, events, ACCOUNTS, 0)
        await project_all(connection)
        await connection.execute("ANALYZE journal")
        async with await connect_pool(dsn, name="bench") as pool:
            journal = Journal(dsn, pool, [ACCOUNT], [DEPOSITS], wakeup=Wakeup())
            contenders: dict[str, Contender] = {
                OURS: partial(_rebuilt, dsn, journal, events),
                READING: partial(_read, journal, connection, events),
                ONE_BY_ONE: partial(_one_by_one, journal, connection),
            }
            found = await bench.alternate(contenders)
        await connection.close()
    rates = {name: found[name]["1/s"] for name in contenders}
    what = "events rebuilt"
    return [
        Row(what, "1/s", rates[OURS], None, at_least(80_000)),
        *(Row(what, "1/s", rates[OURS], Peer(name, rates[name])) for name in (READING, ONE_BY_ONE)),
    ]


async def _rebuilt(dsn: str, journal: Journal, events: int) -> Figures:
    started = time.perf_counter()
    done = await rebuild(dsn, journal, DEPOSITS)
    took = time.perf_counter() - started
    if (done.events, done.different) != (events, ()):
        raise Different(str(done))
    return {"1/s": events / took}


async def _read(journal: Journal, connection: Connection, events: int) -> Figures:
    started, position = time.perf_counter(), 0
    while position < events:
        position = (await journal.read(position, BATCH, connection))[-1].position or 0
    return {"1/s": events / (time.perf_counter() - started)}


async def _one_by_one(journal: Journal, connection: Connection) -> Figures:
    """As many small rebuilds do it: read one, write one, commit. Into a table that is put back as it was."""
    await connection.execute(EMPTY)
    started = time.perf_counter()
    for position in range(SINGLY):
        async with connection.transaction():
            await DEPOSITS.project(connection, await journal.read(position, 1, connection))
    took = time.perf_counter() - started
    await project_all(connection)
    return {"1/s": SINGLY / took}
