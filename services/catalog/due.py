"""What time brings by itself: each area of the catalogue has its duties, and one process at a time does them.

Nothing rests on there being only one: each command is decided by the aggregate itself, which does nothing twice.
Everything due is found again after a restart.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from shared.kernel.bus import TROUBLE as BUS_TROUBLE
from shared.kernel.clock import Clock
from shared.kernel.codec import UnknownEvent
from shared.kernel.decider import Decider
from shared.kernel.ids import new_id
from shared.kernel.journal import Journal
from shared.kernel.leader import lead
from shared.kernel.postgres import CONNECTION_LOST, Pool
from shared.kernel.recorded import Conflict, Context, Unavailable

type Duty = Callable[[Journal, Pool, datetime], Awaitable[int]]
"""Does some of what is due at a moment, as much as is done quickly; gives how much it did."""

BREATH = 0.05
TICK = 0.5
LATER = 2.0
TROUBLE = (*CONNECTION_LOST, *BUS_TROUBLE, Unavailable, Conflict)
ACTOR = "clock"

log = structlog.get_logger()


async def keep_time(journal: Journal, pool: Pool, dsn: str, clock: Clock, duties: Sequence[Duty]) -> None:
    """Does every duty again and again, for ever, whenever this process leads."""

    async def work() -> None:
        while True:
            pause = await round_of(journal, pool, clock, duties)
            await asyncio.sleep(pause)

    await lead(dsn, "clock", work)


async def round_of(journal: Journal, pool: Pool, clock: Clock, duties: Sequence[Duty]) -> float:
    """Every duty once; gives the seconds until the next round. One that cannot be done now keeps no other waiting."""
    busy = troubled = False
    for duty in duties:
        try:
            busy |= await duty(journal, pool, clock.now()) > 0
        except TROUBLE as error:
            log.warning("duty_waits", duty=_name(duty), reason=type(error).__name__)
            troubled = True
    if busy:
        return BREATH
    return LATER if troubled else TICK


async def told(
    journal: Journal, decider: Decider[Any, Any, Any], aggregate_id: str, command: object, context: Context
) -> bool:
    """Whether the aggregate heard the command; one that newer code has written to is left to a replica that runs it."""
    try:
        await journal.transact(decider, aggregate_id, command, context)
    except UnknownEvent as unknown:
        log.warning("stream_of_newer_code", stream=decider.stream(aggregate_id), reason=str(unknown))
        return False
    return True


def by_itself(at: datetime, *, history: bool = False) -> Context:
    """The circumstances of what nobody asked for; with `history`, of what must reach no people."""
    command_id = new_id()
    return Context(
        command_id=command_id, actor=ACTOR, at=at, correlation_id=command_id.hex, history=history, fresh=True
    )


def _name(duty: Duty) -> str:
    done = duty.func if isinstance(duty, partial) else duty
    return str(getattr(done, "__qualname__", type(done).__name__))
