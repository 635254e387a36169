"""The servers of one run, durable as in use, and what parts of the benchmark make on them."""

import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.supervision import Supervision
from shared.embedded.folder import DataFolder, Secrets
from shared.embedded.nats import EmbeddedNats
from shared.embedded.postgres import EmbeddedPostgres
from shared.kernel.bootstrap import bootstrap_database, create_database, role_of
from shared.kernel.migrations import apply, migrations_of
from shared.kernel.nats_access import render_config
from shared.kernel.postgres import connect
from shared.kernel.streams import bootstrap_streams

DROP = "SELECT format('DROP DATABASE %I WITH (FORCE)', $1::text)"


@dataclass(frozen=True, slots=True)
class Database:
    """A database of its own with the roles and schemas of all services."""

    name: str
    postgres: EmbeddedPostgres
    kept: Secrets

    @property
    def operator_dsn(self) -> str:
        """The superuser's address."""
        return self.postgres.superuser_dsn_for(self.name)

    def dsn(self, service: str) -> str:
        """A service's own address."""
        return self.postgres.dsn(role_of(service), self.kept.postgres[service], self.name)


@dataclass(frozen=True, slots=True)
class Servers:
    """PostgreSQL for everybody; NATS servers are made where they are needed, for a stream is hard to empty."""

    folder: Path
    postgres: EmbeddedPostgres
    kept: Secrets
    supervision: Supervision

    @asynccontextmanager
    async def database(self, service: str = "catalog", *, more: str = "", own: bool = False) -> AsyncIterator[Database]:
        """Another database, dropped at the end: with the journal's tables for `service`, its own too with `own`.

        `more` is SQL of the benchmark, run as that service.
        """
        async with self.empty_database(f"bench_{secrets.token_hex(4)}") as made:
            connection = await connect(made.dsn(service), name="bench", timeout=None)
            files = [file for file in migrations_of(service) if own or file.label.startswith("kernel/")]
            await apply(connection, files)
            if more:
                await connection.execute(more)
            await connection.close()
            yield made

    @asynccontextmanager
    async def empty_database(self, name: str) -> AsyncIterator[Database]:
        """One with the roles and schemas of all services and no tables, dropped at the end."""
        made = Database(name, self.postgres, self.kept)
        await create_database(self.postgres.superuser_dsn, name)
        try:
            await bootstrap_database(made.operator_dsn, self.kept.postgres)
            yield made
        finally:
            await self._drop(made)

    async def _drop(self, made: Database) -> None:
        connection = await connect(self.postgres.superuser_dsn, name="bench", timeout=None)
        await connection.execute(await connection.fetchval(DROP, made.name))
        await connection.close()

    @asynccontextmanager
    async def nats(self) -> AsyncIterator[EmbeddedNats]:
        """A fresh server as services need it: every write synced, their streams made."""
        folder = Path(tempfile.mkdtemp(prefix="nats-", dir=self.folder))
        async with self.supervision.keeping(EmbeddedNats(folder, render_config, self.kept.nats)) as server:
            await bootstrap_streams(server.url("operator"), monitor_url=server.monitor_url)
            yield server


@asynccontextmanager
async def servers() -> AsyncIterator[Servers]:
    """Starts what every part needs, in a folder that goes with it."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ikz-bench-")))
        supervision = await stack.enter_async_context(Supervision())
        postgres = await stack.enter_async_context(supervision.keeping(EmbeddedPostgres(folder / "postgres")))
        yield Servers(folder, postgres, DataFolder(folder).secrets(), supervision)
