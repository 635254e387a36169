"""What time brings by itself: announcements, windows that open and end, sessions that are over, answers nobody gave.

One process at a time looks, but nothing rests on that: each command is decided by the session itself, which does
nothing twice. Everything due is found again after a restart.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import structlog

from services.events import erasure
from services.events.session import DECIDER, LetTimePass
from shared.kernel.clock import Clock
from shared.kernel.codec import UnknownEvent
from shared.kernel.ids import new_id
from shared.kernel.journal import Journal
from shared.kernel.leader import lead
from shared.kernel.postgres import CONNECTION_LOST, Pool
from shared.kernel.recorded import Conflict, Context, Unavailable

DUE = """
SELECT session_id, array_remove(array_agg(unconfirmed), NULL) AS unconfirmed,
       array_remove(array_agg(unanswered), NULL) AS unanswered
FROM (
    (SELECT session_id, NULL AS unconfirmed, NULL AS unanswered
     FROM session_view WHERE due_at <= $1 ORDER BY due_at LIMIT 100)
    UNION ALL
    (SELECT session_id, registration_id, NULL FROM registration JOIN session_view USING (session_id)
     WHERE confirm_by <= $1 AND stage <> 'cancelled' ORDER BY confirm_by LIMIT 1000)
    UNION ALL
    -- A few at a time, so that whoever asks meanwhile is answered; who waits goes before those whose seats become free.
    (SELECT session_id, NULL, r.registration_id
     FROM session_asking a JOIN session_view s USING (session_id) JOIN registration r USING (session_id)
     WHERE a.open AND a.go AND a.answer_by <= $1 AND s.stage IN ('announced', 'postponed')
       AND r.status NOT IN ('lapsed', 'withdrawn')
       AND greatest(r.received_version, r.reconfirmed_version) < a.asked_version
     ORDER BY r.status <> 'waitlisted', r.received_version LIMIT 100)
) AS due
GROUP BY session_id
"""
TICK = 0.5
TROUBLE = 2.0
ACTOR = "clock"

log = structlog.get_logger()

type Duty = Callable[[datetime], Awaitable[object]]
"""Does a portion of what is due at a moment."""


async def keep_time(journal: Journal, pool: Pool, dsn: str, clock: Clock, duties: Sequence[Duty] = ()) -> None:
    """Does what is due, for ever, whenever this process leads."""

    async def work() -> None:
        while True:
            try:
                await let_time_pass(journal, pool, clock.now())
                await erasure.free_places(journal, pool, clock.now())
                for duty in duties:
                    await duty(clock.now())
                await asyncio.sleep(TICK)
            except (*CONNECTION_LOST, Unavailable, Conflict) as error:
                log.warning("clock_waits", reason=type(error).__name__)
                await asyncio.sleep(TROUBLE)

    await lead(dsn, "clock", work)


async def let_time_pass(journal: Journal, pool: Pool, at: datetime) -> int:
    """Tells every session for which something is due; gives how many there were.

    One that newer code has written to is left to a replica that runs it, and keeps no other waiting for long.
    """
    due = await pool.fetch(DUE, at)
    unread = 0
    for row in due:
        command = LetTimePass(unconfirmed=tuple(row["unconfirmed"]), unanswered=tuple(row["unanswered"]))
        try:
            await journal.transact(DECIDER, row["session_id"], command, by_itself(at))
        except UnknownEvent as unknown:
            log.warning("session_of_newer_code", session_id=row["session_id"], reason=str(unknown))
            unread += 1
    if unread:
        await asyncio.sleep(TROUBLE)
    return len(due)


def by_itself(at: datetime) -> Context:
    """The circumstances of what nobody asked for."""
    command_id = new_id()
    return Context(command_id=command_id, actor=ACTOR, at=at, correlation_id=command_id.hex, fresh=True)
