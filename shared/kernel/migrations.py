"""Numbered SQL files, applied once each, in order, in one transaction a file, under a lock.

Kernel files (`shared/kernel/migrations`) come before the service's own (`services/<name>/migrations`). The first line
of a file says `-- expand: …` (old code runs on it) or `-- contract: …` (to be applied when no old code runs any more).
"""

import hashlib
from dataclasses import dataclass
from importlib.resources import files

import asyncpg

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
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('migrations ' || current_schema(), 0))"


class MigrationChanged(Exception):
    """A file that was applied reads differently now: history must not be edited, add a new file."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: `label` is `<owner>/<file stem>`."""

    label: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, hexadecimal."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations_of(service: str) -> list[Migration]:
    """All files of a service in the order they apply."""
    return _in_package("kernel", "shared.kernel") + _in_package(service, f"services.{service}")


def _in_package(owner: str, package: str) -> list[Migration]:
    folder = files(package) / "migrations"
    if not folder.is_dir():
        return []
    found = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda entry: entry.name)
    return [Migration(f"{owner}/{entry.name.removesuffix('.sql')}", entry.read_text("utf-8")) for entry in found]


async def migrate(dsn: str, service: str) -> list[str]:
    """Applies what is missing and gives its labels. Safe to run at once from several places."""
    connection = await connect(dsn, name="migrate", timeout=None)
    try:
        return await apply(connection, migrations_of(service))
    finally:
        await connection.close()


async def apply(connection: OwnConnection, migrations: list[Migration]) -> list[str]:
    """Applies each missing migration in a transaction of its own; an edited file raises `MigrationChanged`."""
    done = []
    async with connection.transaction():
        await connection.execute(LOCK)
        await connection.execute(TABLE)
    for migration in migrations:
        async with connection.transaction():
            await connection.execute(LOCK)
            if migration.label not in _unchanged(await connection.fetch(APPLIED), migrations):
                await connection.execute(migration.sql)
                await connection.execute(RECORD, migration.label, migration.checksum)
                done.append(migration.label)
    return done


async def pending(connection: OwnConnection, service: str) -> list[str]:
    """Labels that are not applied yet; what a service checks at its start."""
    migrations = migrations_of(service)
    applied = _unchanged(await connection.fetch(APPLIED), migrations) if await connection.fetchval(EXISTS) else set()
    return [migration.label for migration in migrations if migration.label not in applied]


def _unchanged(rows: list[asyncpg.Record], migrations: list[Migration]) -> set[str]:
    checksums = {migration.label: migration.checksum for migration in migrations}
    for row in rows:
        if checksums.get(row["label"], row["checksum"]) != row["checksum"]:
            raise MigrationChanged(row["label"])
    return {row["label"] for row in rows}
