"""Commands that depend on what other entries say: one after the other, over all replicas."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.kernel.postgres import Connection, Pool

TAKE_TURN = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' entries', 0))"


@asynccontextmanager
async def in_turn(pool: Pool) -> AsyncIterator[Connection]:
    """Nobody else decides about names, keys and mergings meanwhile; the read models stand where the last one left them.

    Ask the pool for no other connection inside: those who wait for their turn may hold all of them.
    """
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(TAKE_TURN)
        yield connection
