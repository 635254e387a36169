"""An embedded Postgres with a fresh journal, on a loop of its own: what is measured runs on uvloop."""

import asyncio
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.account import CREATE
from shared.embedded.postgres import EmbeddedPostgres
from shared.kernel.bootstrap import SERVICES, bootstrap_database, create_database, role_of
from shared.kernel.migrations import apply, migrations_of
from shared.kernel.postgres import connect


@contextmanager
def postgres() -> Iterator[tuple[EmbeddedPostgres, asyncio.Runner]]:
    """A server of this run's own, durable as in use."""
    with tempfile.TemporaryDirectory(prefix="ikz-bench-") as folder, asyncio.Runner() as runner:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        runner.run(server.__aenter__())
        try:
            yield server, runner
        finally:
            runner.run(server.stop())


async def fresh_journal(server: EmbeddedPostgres) -> str:
    """The catalog's address of a new database with the journal's tables and those of the benchmark."""
    name = f"bench_{secrets.token_hex(4)}"
    passwords = {service: secrets.token_hex(8) for service in SERVICES}
    await create_database(server.superuser_dsn, name)
    await bootstrap_database(server.superuser_dsn_for(name), passwords)
    dsn = server.dsn(role_of("catalog"), passwords["catalog"], name)
    connection = await connect(dsn, name="bench")
    await apply(connection, [one for one in migrations_of("catalog") if one.label.startswith("kernel/")])
    await connection.execute(CREATE)
    await connection.execute("CREATE TABLE raw (id bigserial PRIMARY KEY, data json NOT NULL)")
    await connection.close()
    return dsn
