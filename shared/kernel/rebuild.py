"""Rebuilding a read model beside the live one: filled from the journal, compared, swapped; only the swap makes wait.

The copy lives in the schema `<service>_rebuild` under the same table names and is written by the projection itself: the
search path of the rebuilding connection puts that schema first. An inline projection's writers hold the live tables'
locks until they commit, so behind an exclusive lock on those tables the journal is read to its end, and the swap misses
nothing. That lock is held for what came since the comparison, and never waited for longer than a moment. Migrations
wait for the end: what they changed in the live tables would be swapped away.
"""

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import asyncpg
import structlog

from shared.kernel import garbage
from shared.kernel.decider import Decider
from shared.kernel.journal import FOLLOWED, HEAD, Journal
from shared.kernel.logs import configure
from shared.kernel.migrations import HOLD_OFF
from shared.kernel.postgres import OwnConnection, connect, connect_pool
from shared.kernel.projection import BATCH, LOCK_CURSOR, MOVE_CURSOR, NEW_CURSOR, Projection
from shared.kernel.recorded import Recorded
from shared.kernel.settings import ServiceSettings
from shared.kernel.wakeup import Wakeup

ONE_AT_A_TIME = "SELECT pg_advisory_lock(hashtextextended('rebuild ' || $1 || ' ' || $2, 0))"
SCHEMA = "SELECT current_schema()"
CONSTRAINTS = """
SELECT format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s', $2::text, c.relname, k.conname, pg_get_constraintdef(k.oid))
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
WHERE c.relnamespace = $1::text::regnamespace AND c.relname = ANY($3::text[]) AND k.contype IN ('p', 'u', 'x')
ORDER BY k.conname
"""
INDEXES = """
SELECT replace(pg_get_indexdef(i.indexrelid), format(' ON %I.', $1::text), format(' ON %I.', $2::text))
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relnamespace = $1::text::regnamespace AND c.relname = ANY($3::text[])
  AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)
ORDER BY i.indexrelid
"""
BESIDE = (
    "SELECT format('CREATE TABLE %I.%I (LIKE %I.%I INCLUDING ALL EXCLUDING INDEXES)', $2::text, $3::text, $1::text, $3)"
)
REMOVE = "SELECT format('DROP TABLE IF EXISTS %I.%I', $1::text, $2::text)"
MOVE = "SELECT format('ALTER TABLE %I.%I SET SCHEMA %I', $1::text, $2::text, $3::text)"
LOCK_TABLE = "SELECT format('LOCK TABLE %I.%I IN ACCESS EXCLUSIVE MODE', $1::text, $2::text)"
ANALYZE = "SELECT format('ANALYZE %I.%I', $1::text, $2::text)"
DIGEST = """
SELECT format('SELECT count(*) || ''-'' || coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM %I.%I t',
              $1::text, $2::text)
"""
DURABLE = "SET LOCAL synchronous_commit = on"  # and with it everything that was filled in before
LOCK_BRIEFLY = "SET LOCAL lock_timeout = '500ms'"
CLOSE_ENOUGH = 500
BETWEEN_SWAPS = 1.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A finished rebuild: how many events it read, and which tables came out different from the live ones."""

    projection: str
    events: int
    different: tuple[str, ...]


async def rebuild(
    dsn: str,
    journal: Journal,
    projection: Projection,
    *,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Rebuilt:
    """Builds `projection` anew beside the live tables and swaps it in; `progress` gets positions done and in all."""
    connection = await connect(dsn, name=f"rebuild {projection.name}", timeout=None, synchronous_commit="off")
    try:
        return await _Rebuild(connection, journal, projection, progress).run()
    finally:
        await connection.close()


class _Rebuild:
    def __init__(
        self, connection: OwnConnection, journal: Journal, projection: Projection, progress: Callable[[int, int], None]
    ) -> None:
        self._connection = connection
        self._journal = journal
        self._projection = projection
        self._progress = progress
        self._position = 0
        self._live = ""
        self._beside = ""

    async def run(self) -> Rebuilt:
        self._live = await self._connection.fetchval(SCHEMA)
        self._beside = f"{self._live}_rebuild"
        await self._connection.fetchval(ONE_AT_A_TIME, self._live, self._projection.name)
        await self._connection.fetchval(HOLD_OFF)
        tables = list(self._projection.tables)
        async with self._connection.transaction():
            for table in tables:
                await self._run_formatted(REMOVE, self._beside, table)
                await self._run_formatted(BESIDE, self._live, self._beside, table)
            await self._run_listed(CONSTRAINTS, tables)
        await self._fill(self._live_end)
        await self._run_listed(INDEXES, tables)
        for table in tables:
            await self._run_formatted(ANALYZE, self._beside, table)
        await self._fill(self._live_end)
        different = await self._compared(tables)
        await self._swapped(tables)
        self._progress(self._position, self._position)
        return Rebuilt(self._projection.name, self._position, different)

    async def _live_end(self) -> int:
        """The position that the live tables are at."""
        if self._projection.following:
            return int(await self._connection.fetchval(FOLLOWED, self._projection.name) or 0)
        return await self._head()

    async def _head(self) -> int:
        return int(await self._connection.fetchval(HEAD))

    async def _fill(self, end_of: Callable[[], Awaitable[int]]) -> None:
        """Reads on until an end that moves on is near; while one batch is written the next one is read."""
        end = await end_of()
        events = await self._next(self._position, end)
        while events:
            last = events[-1].position or self._position
            if end - last < CLOSE_ENOUGH:
                end = await end_of()
            ahead = asyncio.create_task(self._next(last, end))
            try:
                await self._written(events)
            except BaseException:
                ahead.cancel()
                raise
            self._progress(self._position, end)
            events = await ahead

    async def _next(self, position: int, end: int) -> Sequence[Recorded[Any]]:
        limit = min(BATCH, end - position)
        return await self._journal.read(position, limit) if limit > 0 else []

    async def _written(self, events: Sequence[Recorded[Any]]) -> None:
        async with self._connection.transaction():
            await self._project(events)

    async def _batch(self, end: int) -> bool:
        limit = min(BATCH, end - self._position)
        events = await self._journal.read(self._position, limit, self._connection) if limit > 0 else []
        if not events:
            return False
        await self._project(events)
        return True

    async def _project(self, events: Sequence[Recorded[Any]]) -> None:
        await self._connection.execute(
            "SELECT set_config('search_path', $1 || ',' || current_setting('search_path'), true)", self._beside
        )
        await self._projection.project(self._connection, events)
        await self._connection.execute("SELECT set_config('search_path', $1 || ', ext', true)", self._live)
        self._position = events[-1].position or self._position

    async def _compared(self, tables: list[str]) -> tuple[str, ...]:
        """Which live tables differ: one snapshot shows them and the end they belong to, and nobody waits for it."""
        async with self._connection.transaction(isolation="repeatable_read"):
            end = await self._live_end()
            while await self._batch(end):
                pass
            return tuple([table for table in tables if await self._differs(table)])

    async def _swapped(self, tables: list[str]) -> None:
        """Tries until it has all locks at once: whoever waits for one holds up everybody behind it, so never for long.

        Writers may hold the tables in another order, and readers for as long as an export or a backup takes.
        """
        while True:
            await self._fill(self._head)
            before = self._position
            try:
                return await self._swap(tables)
            except (asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError) as error:
                self._position = before
                log.info("rebuild_waits", projection=self._projection.name, reason=type(error).__name__)
                await asyncio.sleep(BETWEEN_SWAPS)

    async def _swap(self, tables: list[str]) -> None:
        async with self._connection.transaction():
            await self._connection.execute(DURABLE)
            await self._connection.execute(LOCK_BRIEFLY)
            if self._projection.following:
                await self._connection.execute(NEW_CURSOR, self._projection.name)
                await self._connection.fetchval(LOCK_CURSOR, self._projection.name)
            for table in sorted(tables):
                await self._run_formatted(LOCK_TABLE, self._live, table)
            end = await self._head()
            while await self._batch(end):
                pass
            for table in tables:
                await self._run_formatted(REMOVE, self._live, table)
                await self._run_formatted(MOVE, self._beside, table, self._live)
            if self._projection.following:
                await self._connection.execute(MOVE_CURSOR, self._projection.name, self._position)

    async def _differs(self, table: str) -> bool:
        digests: list[str] = [
            await self._connection.fetchval(await self._connection.fetchval(DIGEST, schema, table))
            for schema in (self._live, self._beside)
        ]
        return digests[0] != digests[1]

    async def _run_formatted(self, statement: str, *names: str) -> None:
        await self._connection.execute(await self._connection.fetchval(statement, *names))

    async def _run_listed(self, statement: str, tables: list[str]) -> None:
        for row in await self._connection.fetch(statement, self._live, self._beside, tables):
            await self._connection.execute(row[0])


def main(
    settings_type: type[ServiceSettings], deciders: Sequence[Decider[Any, Any, Any]], projections: Sequence[Projection]
) -> int:
    """`python -m services.<name>.rebuild [projection …]`: rebuilds those named, all with `--all`, else lists them.

    Prints lines of JSON: `{"projections": [name]}`, `{"progress": [done, total, name]}`, and after each
    `{"rebuilt": {"projection", "events", "different"}}`.
    """
    names = {projection.name: projection for projection in projections}
    parser = argparse.ArgumentParser(description="Rebuilds read models beside the live ones.")
    parser.add_argument("projection", nargs="*")
    parser.add_argument("--all", action="store_true")
    chosen = parser.parse_args()
    if unknown := set(chosen.projection) - set(names):
        parser.error(f"no projection {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    wanted = list(projections) if chosen.all else [names[name] for name in chosen.projection]
    settings = settings_type()
    configure(settings.service, settings.log_level, settings.log_format)
    garbage.settle()
    _tell({"projections": [projection.name for projection in wanted] or list(names)})
    asyncio.run(_rebuild_all(settings.database_url, deciders, projections, wanted))
    return 0


async def _rebuild_all(
    dsn: str,
    deciders: Sequence[Decider[Any, Any, Any]],
    projections: Sequence[Projection],
    wanted: Sequence[Projection],
) -> None:
    async with await connect_pool(dsn, name="rebuild", size=2) as pool:
        journal = Journal(dsn, pool, deciders, projections, wakeup=Wakeup())
        for projection in wanted:
            done = await rebuild(dsn, journal, projection, progress=_progress_of(projection.name))
            _tell({"rebuilt": asdict(done)})


def _progress_of(name: str) -> Callable[[int, int], None]:
    return lambda done, total: _tell({"progress": [done, total, name]})


def _tell(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201 -- the program's answer
