"""Numbered SQL files, applied once each, in order, in one transaction a file, by one process at a time.

Kernel files (`shared/kernel/migrations`) come before the service's own (`services/<name>/migrations`). The first line
of a file says what old code makes of it: `-- expand: …` it runs on; `-- contract: …` takes away what old code needs, so
that it waits until somebody says that none runs any more. Where nothing was ever applied no old code can run, and
everything is applied in order.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files

import asyncpg
import structlog

from shared.kernel.postgres import OwnConnection, connect

TABLE = """
CREATE TABLE IF NOT EXISTS migration (
    label text PRIMARY KEY,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""
EXISTS = "SELECT to_regclass('migration') IS NOT NULL"
APPLIED = "SELECT label, checksum FROM migration"
RECORD = "INSERT INTO migration (label, checksum) VALUES ($1, $2)"
LOCK = "SELECT pg_advisory_lock(hashtextextended('migrations ' || current_schema(), 0))"
UNLOCK = "SELECT pg_advisory_unlock(hashtextextended('migrations ' || current_schema(), 0))"
HOLD_OFF = "SELECT pg_advisory_lock_shared(hashtextextended('migrations ' || current_schema(), 0))"
"""Keeps the tables as they are, until the connection ends."""
# Whoever waits for a table's lock holds up everybody behind it: never for long.
WAIT_BRIEFLY = "SELECT set_config('lock_timeout', $1, true)"
LOCK_TIMEOUT = "2s"
ATTEMPTS = 5
BETWEEN_ATTEMPTS = 2.0
CONTRACT = "-- contract:"

log = structlog.get_logger()


class MigrationChanged(Exception):
    """A file that was applied reads differently now: history must not be edited, add a new file."""


class MigrationBlocked(Exception):
    """A file waits for a table that others hold; it left nothing behind, and what came before it is applied."""

    def __init__(self, label: str) -> None:
        super().__init__(
            f"{label} was not applied: others hold a table it changes (a long query, a backup?). Try again later."
        )


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: `label` is `<owner>/<file stem>`."""

    label: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, hexadecimal."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def contracts(self) -> bool:
        """Whether old code cannot go on after it."""
        return self.sql.startswith(CONTRACT)


@dataclass(frozen=True, slots=True)
class Migrated:
    """What a run came to: the labels it applied, and those that wait until no old code runs any more."""

    applied: tuple[str, ...]
    waiting: tuple[str, ...]


def migrations_of(service: str) -> list[Migration]:
    """All files of a service in the order they apply."""
    return _in_package("kernel", "shared.kernel") + _in_package(service, f"services.{service}")


def _in_package(owner: str, package: str) -> list[Migration]:
    folder = files(package) / "migrations"
    if not folder.is_dir():
        return []
    found = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda entry: entry.name)
    return [Migration(f"{owner}/{entry.name.removesuffix('.sql')}", entry.read_text("utf-8")) for entry in found]


async def migrate(dsn: str, service: str, *, contract: bool = False) -> Migrated:
    """Applies what is missing; `contract`: no old code runs any more. Safe to run at once from several places."""
    connection = await connect(dsn, name="migrate", timeout=None)
    try:
        return await apply(connection, migrations_of(service), contract=contract)
    finally:
        await connection.close()


async def apply(connection: OwnConnection, migrations: list[Migration], *, contract: bool = False) -> Migrated:
    """Applies each missing migration in a transaction of its own.

    An edited file raises `MigrationChanged`, one that cannot get its locks `MigrationBlocked`.
    """
    async with _alone(connection):
        await connection.execute(TABLE)
        before = _unchanged(await connection.fetch(APPLIED), migrations)
        missing = [migration for migration in migrations if migration.label not in before]
        now = [migration for migration in missing if contract or not before or not migration.contracts]
        for migration in now:
            await _patiently(connection, migration)
    waiting = tuple(migration.label for migration in missing if migration not in now)
    return Migrated(tuple(migration.label for migration in now), waiting)


@asynccontextmanager
async def _alone(connection: OwnConnection) -> AsyncIterator[None]:
    await connection.execute(LOCK)
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute(UNLOCK)


async def _patiently(connection: OwnConnection, migration: Migration) -> None:
    """Tries a few times for a moment each, and lets everybody else pass in between."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            async with connection.transaction():
                await connection.execute(WAIT_BRIEFLY, LOCK_TIMEOUT)
                await connection.execute(migration.sql)
                await connection.execute(RECORD, migration.label, migration.checksum)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as held:
            if attempt == ATTEMPTS:
                raise MigrationBlocked(migration.label) from held
            log.info("migration_waits", migration=migration.label, attempt=attempt)
            await asyncio.sleep(BETWEEN_ATTEMPTS)
        else:
            return


async def pending(connection: OwnConnection, service: str) -> list[str]:
    """Labels that a service needs and that are not applied yet. Code never needs what only takes away."""
    migrations = migrations_of(service)
    applied = _unchanged(await connection.fetch(APPLIED), migrations) if await connection.fetchval(EXISTS) else set()
    return [migration.label for migration in migrations if migration.label not in applied and not migration.contracts]


def _unchanged(rows: list[asyncpg.Record], migrations: list[Migration]) -> set[str]:
    checksums = {migration.label: migration.checksum for migration in migrations}
    for row in rows:
        if checksums.get(row["label"], row["checksum"]) != row["checksum"]:
            raise MigrationChanged(row["label"])
    return {row["label"] for row in rows}
