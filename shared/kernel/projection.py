"""Read models: filled inside the command's transaction or following by cursor, and rebuilt beside the live one."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from shared.kernel.postgres import CONNECTION_LOST, Connection, Pool
from shared.kernel.recorded import Recorded
from shared.kernel.wakeup import Waiter

BATCH = 2000
POLL = 0.5
RETRY = 1.0
STUCK = 5.0

LOCK_CURSOR = "SELECT position FROM projection WHERE name = $1 FOR UPDATE"
NEW_CURSOR = "INSERT INTO projection (name, position) VALUES ($1, 0) ON CONFLICT DO NOTHING"
MOVE_CURSOR = "UPDATE projection SET position = $2 WHERE name = $1"

log = structlog.get_logger()

type Project = Callable[[Connection, Sequence[Recorded[Any]]], Awaitable[None]]
type Read = Callable[[int, int, Connection], Awaitable[list[Recorded[Any]]]]


@dataclass(frozen=True, slots=True)
class Projection:
    """A read model: the tables it owns (unqualified names) and the function that brings events into them.

    `project` gets events of every category of the service in order, picks its own, and writes set-based upserts; it
    never reads a position (None while inline) and does nothing but SQL, so replaying it touches nobody. An inline
    projection runs in the transaction of the command; a `following` one trails by a cursor.

    Its tables have keys as constraints (a rebuild makes plain indexes after filling, so `ON CONFLICT` needs a
    constraint) and neither foreign keys nor triggers (a rebuild would lose them).
    """

    name: str
    tables: tuple[str, ...]
    project: Project
    following: bool = False


async def follow(projection: Projection, pool: Pool, read: Read, bell: Waiter) -> None:
    """Keeps a following projection up to date, for ever; several processes may do so at once.

    A projection that fails stands still and says so; the rest of the service goes on.
    """
    while True:
        try:
            while await _advance(projection, pool, read):
                pass
        except CONNECTION_LOST as error:
            log.warning("projection_waits", projection=projection.name, reason=type(error).__name__)
            await asyncio.sleep(RETRY)
        except Exception:
            log.exception("projection_stuck", projection=projection.name)
            await asyncio.sleep(STUCK)
        await bell.wait(POLL)


async def _advance(projection: Projection, pool: Pool, read: Read) -> bool:
    """One batch in one transaction; False when there was nothing new."""
    async with pool.acquire() as connection, connection.transaction():
        position = await connection.fetchval(LOCK_CURSOR, projection.name)
        if position is None:
            await connection.execute(NEW_CURSOR, projection.name)
            return True
        events = await read(position, BATCH, connection)
        if not events:
            return False
        await projection.project(connection, events)
        await connection.execute(MOVE_CURSOR, projection.name, events[-1].position)
        return True
