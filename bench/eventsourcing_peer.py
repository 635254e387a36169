"""The peer `eventsourcing`, on a database of ours."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.peer import PeerProcess, peer
from bench.servers import Database
from shared.kernel.bootstrap import role_of

POOL = 8


@asynccontextmanager
async def eventsourcing_app(database: Database) -> AsyncIterator[PeerProcess]:
    """An application in its own process, with a pool of connections like a service's."""
    settings = {
        "POSTGRES_DBNAME": database.name,
        "POSTGRES_HOST": str(database.postgres.socket_dir),
        "POSTGRES_PORT": str(database.postgres.port),
        "POSTGRES_USER": role_of("catalog"),
        "POSTGRES_PASSWORD": database.kept.postgres["catalog"],
        "POSTGRES_SCHEMA": "catalog",
        "POSTGRES_POOL_SIZE": str(POOL),
        "POSTGRES_MAX_OVERFLOW": "0",
    }
    async with peer("eventsourcing_app", environment=settings) as app:
        yield app
