"""What is kept for a while only is forgotten bit by bit, beside everything else."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import structlog

from shared.kernel.postgres import CONNECTION_LOST

AT_ONCE = 1000
EVERY = 600.0

log = structlog.get_logger()


async def keep_forgetting(what: str, forget: Callable[[int], Awaitable[int]]) -> None:
    """Has `forget` delete so many rows at most, for ever, and more at once when it gives that it deleted as many.

    Nothing hangs on the hour: whatever the database refuses is tried again later.
    """
    while True:
        try:
            while await forget(AT_ONCE) >= AT_ONCE:
                pass
        except (*CONNECTION_LOST, asyncpg.PostgresError) as error:
            log.warning("forgets_later", what=what, reason=type(error).__name__)
        await asyncio.sleep(EVERY)
