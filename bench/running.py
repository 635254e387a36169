"""A journal at work as a service has it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from shared.kernel.decider import Decider
from shared.kernel.journal import Journal
from shared.kernel.postgres import connect_pool
from shared.kernel.projection import Projection
from shared.kernel.wakeup import Wakeup


@asynccontextmanager
async def running_journal(
    dsn: str, deciders: Sequence[Decider[Any, Any, Any]], projections: Sequence[Projection]
) -> AsyncIterator[Journal]:
    """Its writer on a connection of its own, a pool of a service's size for what reads, other processes told."""
    wakeup = Wakeup(dsn)
    pool = await connect_pool(dsn, name="bench")
    async with pool, Journal(dsn, pool, deciders, projections, wakeup=wakeup).running() as journal:
        telling = asyncio.create_task(wakeup.run())
        try:
            yield journal
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
