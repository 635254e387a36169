"""One process of a service does what only one should do at a time.

The lock is a session's advisory lock on a connection of its own. A holder that freezes loses it: the server ends a
session that says nothing for five seconds. Nothing may be unsafe with two leaders, though: a frozen process that wakes
up goes on for a moment. What must not happen twice is fenced where it happens (a stream's expected sequence, a locked
row).
"""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import structlog

from shared.kernel.postgres import CONNECTION_LOST, OwnConnection, connect

SILENCE = "5s"
BEAT = 1.0
RETRY = 0.5
STAND_BACK = 5.0  # many times RETRY: whoever else can, leads by then

TRY_LOCK = "SELECT pg_try_advisory_lock(hashtextextended(current_schema() || ' leads ' || $1, 0))"

log = structlog.get_logger()


class Resigned(Exception):
    """Raised by `work`: this process cannot go on, another one might. It stands back a while before it tries again."""


class _Deposed(Exception):
    """The session that held the lock is gone."""


async def lead(
    dsn: str, name: str, work: Callable[[], Awaitable[None]], *, standby: Callable[[], None] = lambda: None
) -> None:
    """Runs `work` whenever this process leads in `name`, for ever; cancels it when the lead is lost.

    Names are the service's own (its schema). `standby` is called when another process leads. An error of `work` is the
    caller's: it ends this as well, except `Resigned`.
    """
    while True:
        pause = RETRY
        try:
            connection = await connect(dsn, name=f"leader {name}", timeout=3, idle_session_timeout=SILENCE)
        except (*CONNECTION_LOST, asyncpg.PostgresError) as error:
            log.info("election_waits", election=name, reason=type(error).__name__)
            await asyncio.sleep(RETRY)
            continue
        try:
            await _win(connection, name, standby)
            log.info("leader_elected", election=name)
            await _reign(connection, work)
        except* _Deposed:
            log.warning("leader_deposed", election=name)
        except* Resigned:
            log.warning("leader_resigned", election=name)
            pause = STAND_BACK
        finally:
            connection.terminate()
        if (task := asyncio.current_task()) and task.cancelling():
            raise asyncio.CancelledError  # before Python 3.13 a task group that fails just then swallows it
        await asyncio.sleep(pause)


async def _win(connection: OwnConnection, name: str, standby: Callable[[], None]) -> None:
    try:
        while not await connection.fetchval(TRY_LOCK, name):
            standby()
            await asyncio.sleep(RETRY)
    except (*CONNECTION_LOST, asyncpg.PostgresError) as error:
        raise _Deposed from error


async def _reign(connection: OwnConnection, work: Callable[[], Awaitable[None]]) -> None:
    async with asyncio.TaskGroup() as tasks:
        beating = tasks.create_task(_beat(connection))
        await work()
        beating.cancel()


async def _beat(connection: OwnConnection) -> None:
    try:
        while True:
            await asyncio.sleep(BEAT)
            await connection.execute("SELECT 1")
    except (*CONNECTION_LOST, asyncpg.PostgresError) as error:
        raise _Deposed from error
