"""Whoever reads the journal by position sees everything once and in order, whatever happens to those who write it."""

import asyncio
import json
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from shared.kernel.journal import Journal
from shared.kernel.postgres import Connection, OwnConnection, connect, connect_pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded
from shared.kernel.wakeup import Wakeup
from tests.conftest import Database
from tests.faults import appending
from tests.faults.appending import NOTES, SEATS, SHARED_HALLS
from tests.faults.storm import Storm
from tests.faults.tailing import Cursor, Fact, Findings, Read, Tail, compare, of_journal, truth
from tests.integration.bus.rig import eventually
from tests.integration.kernel.hall import BOOKINGS, HALL, BookSeat, OpenHall, context
from tests.integration.kernel.test_journal import MakeJournal, make, opened, sql, store

__all__ = ["make", "sql", "store"]  # fixtures

GATE = 4711
# Every append, with the counter locked: some are slow, some are rolled back, and all wait while the gate is closed.
TURBULENCE = """
CREATE FUNCTION turbulence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(random() * 0.05) WHERE random() < 0.03;
    IF random() < 0.02 THEN RAISE 'turned back'; END IF;
    PERFORM pg_advisory_xact_lock_shared(4711);
    RETURN NULL;
END $$;
CREATE TRIGGER turbulence AFTER INSERT ON journal FOR EACH STATEMENT EXECUTE FUNCTION turbulence()
"""
AT_THE_GATE = """
SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND NOT granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
BACKENDS = """
SELECT pid FROM pg_stat_activity
WHERE datname = $1
AND application_name IN ('ikz journal', 'ikz journal reads', 'ikz wakeup', 'ikz appending', 'ikz tail') ORDER BY pid
"""
NOTED = "SELECT 0 AS position, stream, version FROM note ORDER BY number"
TWICE = "SELECT count(*) FROM (SELECT FROM journal GROUP BY command_id HAVING count(*) > 1) AS twice"
PATIENCE = 20.0


@dataclass(slots=True)
class Appender:
    """A running `tests.faults.appending` and what it has said."""

    name: str
    process: Process
    acknowledged: list[dict[str, Any]] = field(default_factory=list)
    backend: int = 0

    async def listen(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            said = json.loads(line)
            if "backend" in said:
                self.backend = said["backend"]
            else:
                self.acknowledged.append(said)

    async def goes_on(self) -> None:
        """Returns when something more was acknowledged."""
        before = len(self.acknowledged)
        until = time.monotonic() + PATIENCE
        while len(self.acknowledged) == before:
            assert self.process.returncode is None, f"{self.name} has ended"
            assert time.monotonic() < until, f"nothing that {self.name} sends is acknowledged any more"
            await asyncio.sleep(0.01)


class Weather:
    """Two processes that append at once, and what befalls them."""

    def __init__(self, store: Database, storm: Storm, operator: OwnConnection, folder: Path) -> None:
        self._store = store
        self._storm = storm
        self._operator = operator
        self._log = (folder / "appending.log").open("wb")
        self._listening: list[asyncio.Task[None]] = []
        self.all: list[Appender] = []
        self.two: list[Appender] = []
        self.held: list[bool] = []

    async def start(self, name: str) -> Appender:
        seed = str(self._storm.dice.randrange(2**32))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.faults.appending", self._store.dsn("catalog"), name, seed),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=self._log,
        )
        one = Appender(name, process)
        self._listening.append(asyncio.create_task(one.listen()))
        self.all.append(one)
        self.two.append(one)
        return one

    async def kill(self) -> None:
        """One of the two dies in the middle of whatever it does; another takes its place."""
        victim = self.two.pop(self._storm.dice.randrange(2))
        victim.process.kill()
        await victim.process.wait()
        await self.start(f"{victim.name}x")

    async def freeze(self) -> None:
        """One of the two is stopped while it holds the counter; the other goes on, and the thawed one does, too."""
        await self._operator.execute("SELECT pg_advisory_lock($1)", GATE)
        try:
            frozen = await self._holder()
        finally:
            await self._operator.execute("SELECT pg_advisory_unlock($1)", GATE)
        try:
            other = next(one for one in self.two if one is not frozen)
            self.held.append(await is_locked(self._operator))
            await other.goes_on()
        finally:
            frozen.process.send_signal(signal.SIGCONT)
        await frozen.goes_on()

    async def _holder(self) -> Appender:
        """The process whose append waits at the closed gate with the counter locked; it is stopped there."""
        async with asyncio.timeout(PATIENCE):
            while True:
                waiting = await self._operator.fetchval(AT_THE_GATE, GATE)
                for one in self.two:
                    if waiting is not None and one.backend == waiting:
                        one.process.send_signal(signal.SIGSTOP)
                        return one
                await asyncio.sleep(0.005)

    async def kill_backend(self) -> None:
        """Any connection of the writers, their followers and the readers."""
        backends = [row["pid"] for row in await self._operator.fetch(BACKENDS, self._store.name)]
        if backends:
            await self._operator.execute("SELECT pg_terminate_backend($1)", self._storm.dice.choice(backends))

    async def rage(self) -> None:
        """Each of the faults at least once."""
        for number in self._storm.rounds():
            if number % 40 == 0:
                await asyncio.gather(*(one.goes_on() for one in self.two))
                await self.freeze()
                await self.kill()
            await self.kill_backend()
            await asyncio.sleep(self._storm.dice.random() * 0.4)

    async def calm(self) -> None:
        """Ends both in good order, and everything they said is known."""
        await asyncio.gather(*(one.goes_on() for one in self.two))
        for one in self.two:
            one.process.terminate()
        async with asyncio.timeout(PATIENCE):
            codes = [await one.process.wait() for one in self.two]
            await asyncio.gather(*self._listening)
        assert codes == [0, 0], Path(self._log.name).read_text()[-5000:]

    def end(self) -> None:
        for one in self.all:
            if one.process.returncode is None:
                os.kill(one.process.pid, signal.SIGKILL)
        self._log.close()


async def is_locked(operator: OwnConnection) -> bool:
    """Whether somebody holds the counter."""
    try:
        await operator.execute("SELECT FROM catalog.journal_counter FOR UPDATE NOWAIT")
    except asyncpg.LockNotAvailableError:
        return True
    return False


@asynccontextmanager
async def idle_writer(store: Database) -> AsyncIterator[None]:
    """Somebody who has begun to write in another database of the same server, and has stopped there."""
    connection = await asyncpg.connect(store.postgres.superuser_dsn)
    async with connection.transaction():
        await connection.fetchval("SELECT pg_current_xact_id()")
        yield
    await connection.close()


@asynccontextmanager
async def tails(store: Database, storm: Storm, count: int) -> AsyncIterator[list[Tail]]:
    """So many readers at work, each with connections of its own."""
    async with AsyncExitStack() as pools:
        made: list[Tail] = []
        for _ in range(count):
            pool = await pools.enter_async_context(await connect_pool(store.dsn("catalog"), name="tail", size=1))
            made.append(Tail(of_journal(Journal(store.dsn("catalog"), pool, [HALL], [], wakeup=Wakeup()))))
        following = [asyncio.create_task(tail.follow(storm)) for tail in made]
        yield made
        for task in following:
            task.cancel()
        await asyncio.wait(following)
        assert all(task.cancelled() for task in following), following


async def test_readers_see_everything_once_and_in_order_whatever_befalls_two_writing_processes(
    store: Database, sql: OwnConnection, storm: Storm, tmp_path: Path
) -> None:
    await sql.execute(appending.CREATE)
    await sql.execute(TURBULENCE)
    async with await connect_pool(store.dsn("catalog"), name="opening") as pool:
        journal = Journal(store.dsn("catalog"), pool, [HALL], [], wakeup=Wakeup())
        async with journal.running():
            for number in range(SHARED_HALLS):
                await appending.answered(journal, f"shared{number}", OpenHall(seats=SEATS), context())
    operator = await connect(store.operator_dsn, name="weather")
    weather = Weather(store, storm, operator, tmp_path)
    try:
        async with idle_writer(store), tails(store, storm, 3) as readers:
            await asyncio.gather(weather.start("a"), weather.start("b"))
            await weather.rage()
            await weather.calm()
            recorded = await truth(sql)
            await asyncio.gather(*(reached(tail, recorded) for tail in readers))
    finally:
        weather.end()
        await operator.close()
    assert [compare(tail.seen, recorded) for tail in readers] == [Findings()] * 3
    assert all(weather.held), "nobody was stopped with the counter locked"
    await follow_to_the_end(store, len(recorded))
    noted = [Fact(*row) for row in await sql.fetch(NOTED)]
    assert compare(noted, [fact._replace(position=0) for fact in recorded]) == Findings(holes=-len(recorded))
    await check_acknowledged(weather.all, sql)


async def reached(tail: Tail, recorded: Sequence[Fact]) -> None:
    """The reader has come to the end, though the idle writer is still there."""

    async def at() -> int:
        return tail.cursor[0]

    await eventually(at, recorded[-1].position, PATIENCE)


async def follow_to_the_end(store: Database, head: int) -> None:
    """The following read model is brought to the journal's end by whoever is there."""
    async with await connect_pool(store.dsn("catalog"), name="following") as pool:
        journal = Journal(store.dsn("catalog"), pool, [HALL], [NOTES], wakeup=Wakeup())
        async with journal.running():
            await journal.wait_for(head, NOTES.name, PATIENCE)


async def check_acknowledged(appenders: Sequence[Appender], sql: OwnConnection) -> None:
    """Every acknowledged command stands where its answer said, once."""
    rows = await sql.fetch("SELECT command_id, position, stream, version FROM journal")
    stored = {row["command_id"].hex: (row["position"], row["stream"], row["version"]) for row in rows}
    acknowledged = [one for appender in appenders for one in appender.acknowledged]
    assert len(acknowledged) > 50
    for one in acknowledged:
        assert stored.get(one["command"]) == (one["position"], one["stream"], one["version"])
    assert await sql.fetchval(TWICE) == 0


PLAIN = """
CREATE TABLE plain (position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                    xid xid8 NOT NULL DEFAULT pg_current_xact_id(), stream text NOT NULL, version bigint NOT NULL,
                    UNIQUE (stream, version))
"""
APPEND_PLAIN = """
INSERT INTO plain (stream, version) SELECT $1, coalesce(max(version), 0) + 1 FROM plain WHERE stream = $1
"""
BY_SEQUENCE = "SELECT position, position, stream, version FROM plain WHERE position > $1 ORDER BY position LIMIT $2"
BY_XID = """
SELECT xid::text::bigint, position, stream, version FROM plain
WHERE (xid::text::bigint, position) > ($1, $2) AND xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY xid, position LIMIT $3
"""


def by_sequence(connection: Connection) -> Read:
    """Reads behind the last number that it has seen."""

    async def read(cursor: Cursor, limit: int) -> list[tuple[Cursor, Fact]]:
        rows = await connection.fetch(BY_SEQUENCE, *cursor, limit)
        return [((row[0],), Fact(*row[1:])) for row in map(tuple, rows)]

    return read


def by_xid(connection: Connection) -> Read:
    """Reads what is older than every transaction that still runs, by transaction."""

    async def read(cursor: Cursor, limit: int) -> list[tuple[Cursor, Fact]]:
        rows = await connection.fetch(BY_XID, *cursor, limit)
        return [((row[0], row[1]), Fact(*row[1:])) for row in map(tuple, rows)]

    return read


async def test_the_checker_sees_what_journals_by_sequence_and_by_transaction_lose(
    store: Database, sql: OwnConnection
) -> None:
    """The same readers over a table numbered by a sequence, in an order that every busy hour brings."""
    await sql.execute(PLAIN)
    sequence, transactions = Tail(by_sequence(sql)), Tail(by_xid(sql), (0, 0))
    slow = await connect(store.dsn("catalog"), name="slow")
    async with slow.transaction():
        await slow.execute(APPEND_PLAIN, "one")
        await sql.execute(APPEND_PLAIN, "two")
        assert [await sequence.look(), await transactions.look()] == [[Fact(2, "two", 1)], []]
        await slow.execute(APPEND_PLAIN, "two")
    await slow.close()
    await eventually(lambda: all_seen(transactions), 3)
    await sequence.look()
    recorded = [Fact(1, "one", 1), Fact(2, "two", 1), Fact(3, "two", 2)]
    assert compare(sequence.seen, recorded) == Findings(missed=1)
    assert compare(transactions.seen, recorded) == Findings(disordered=1)

    async with idle_writer(store):
        await sql.execute(APPEND_PLAIN, "two")
        assert [len(await sequence.look()), await transactions.look()] == [1, []]
    await eventually(lambda: all_seen(transactions), 4)


async def all_seen(tail: Tail) -> int:
    """How many this reader has seen by now."""
    await tail.look()
    return len(tail.seen)


async def test_the_journal_shows_what_a_faster_writer_did_before_a_slower_one_that_began_earlier(
    store: Database, make: MakeJournal
) -> None:
    """The order of events in which the others lose: the slow one's transaction is the older one."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
        await BOOKINGS.project(connection, events)
        if any(one.stream == "hall-slow" for one in events):
            begun.set()
            await go_on.wait()

    slow, fast = await make((Projection("bookings", ("booking",), slowly),)), await make()
    go_on.set()
    await opened(fast, hall="fast")
    await opened(fast, hall="slow")
    begun.clear()
    go_on.clear()
    tail = Tail(of_journal(fast))
    await tail.look()
    async with idle_writer(store):
        late = asyncio.create_task(slow.transact(HALL, "slow", BookSeat(guest="a"), context()))
        await begun.wait()
        await fast.transact(HALL, "fast", BookSeat(guest="b"), context())
        assert await tail.look() == [Fact(3, "hall-fast", 2)]
        go_on.set()
        await late
        assert await tail.look() == [Fact(4, "hall-slow", 2)]
    recorded = [Fact(one.position or 0, one.stream, one.version) for one in await fast.read(0, 10)]
    assert compare(tail.seen, recorded) == Findings()
