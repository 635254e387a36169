"""When are the people of a session reminded of it? A day and an hour before it begins, wherever it moves.

The leads follow the session's begin as its contracts tell it, in the transaction that takes them in. A reminder that is
due becomes a mailing of its own, whose cause names session, lead and begin: so there is one for each, whoever writes it
however often, and none of a begin that holds no more.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

import structlog

from services.notify import mailing
from services.notify.cause import Lead, ReminderDue
from services.notify.faults import TRY_AGAIN
from services.notify.mailing import Occurred
from services.notify.matter import Matter
from shared.contracts.events import (
    SessionAnnounced,
    SessionCancelled,
    SessionHeld,
    SessionPostponed,
    SessionReinstated,
    SessionRelocated,
    SessionScheduled,
)
from shared.kernel.clock import Clock
from shared.kernel.inbox import Effect, Received
from shared.kernel.postgres import Connection, Pool

type OfSession = (
    SessionAnnounced
    | SessionScheduled
    | SessionPostponed
    | SessionRelocated
    | SessionReinstated
    | SessionCancelled
    | SessionHeld
)

DROP = """
DELETE FROM reminder r USING unnest($1::text[], $2::timestamptz[]) AS moved(session_id, starts_at)
WHERE r.session_id = moved.session_id AND r.starts_at IS DISTINCT FROM moved.starts_at
"""
PLAN = """
INSERT INTO reminder (session_id, lead, starts_at, due_at)
SELECT p.session_id, p.lead, p.starts_at, p.due_at
FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[]) AS p(session_id, lead, starts_at, due_at)
ON CONFLICT DO NOTHING
"""
# What was written for a begin that holds no more and has not left yet.
TAKE_BACK = """
UPDATE message SET state = 'bounced', reason = 'expired', finished_at = $3, sealed = NULL
FROM unnest($1::text[], $2::timestamptz[]) AS moved(session_id, starts_at)
WHERE message.session_id = moved.session_id AND message.kind = 'reminder'
  AND message.state IN ('waiting', 'held', 'failed')
  AND message.expires_at IS DISTINCT FROM moved.starts_at
"""
# Of two leads that are due at once, as after a night without power, only the later one is worth a message.
TAKE = """
WITH due AS (
    SELECT session_id, lead, starts_at FROM reminder
    WHERE told_at IS NULL AND due_at <= $1 AND starts_at > $1 ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
), told AS (
    UPDATE reminder r SET told_at = $1 FROM due WHERE r.session_id = due.session_id AND r.lead = due.lead
    RETURNING r.session_id, r.lead, r.starts_at, r.due_at
)
SELECT DISTINCT ON (session_id) session_id, lead, starts_at FROM told ORDER BY session_id, due_at DESC
"""
NEXT = "SELECT min(due_at) FROM reminder WHERE told_at IS NULL AND starts_at > $1"
FORGET = "DELETE FROM reminder WHERE starts_at < $1"

BERLIN = ZoneInfo("Europe/Berlin")
BATCH = 100
POLL = 5.0
RETRY = 1.0
KEPT = timedelta(days=30)

log = structlog.get_logger()


def due_at(lead: Lead, starts_at: datetime) -> datetime:
    """A day before by the clock on the wall in Berlin, also when it changes in that night; an hour before."""
    if lead == "hour":
        return starts_at - timedelta(hours=1)
    return (starts_at.astimezone(BERLIN) - timedelta(days=1)).astimezone(starts_at.tzinfo)


def effects(clock: Clock) -> list[Effect]:
    """Leads are kept for what is to come, whether or not it is news: of what is over nobody is reminded."""

    async def follow(connection: Connection, received: Sequence[Received[OfSession]]) -> None:
        await plan(connection, [each.data for each in received], clock.now())

    contracts = (
        SessionAnnounced, SessionScheduled, SessionPostponed, SessionRelocated, SessionReinstated, SessionCancelled,
        SessionHeld,
    )  # fmt: skip
    return [Effect(contract, follow) for contract in contracts]


async def plan(connection: Connection, told: Sequence[OfSession], now: datetime) -> None:
    """The leads as the last of these leaves each session."""
    last = {each.session_id: None if over(each) else each.starts_at for each in told}
    sessions, begins = list(last), list(last.values())
    await connection.execute(TAKE_BACK, sessions, begins, now)
    await connection.execute(DROP, sessions, begins)
    ahead = [row for session_id, begin in last.items() if begin for row in leads(session_id, begin) if row[3] > now]
    if ahead:
        await connection.execute(PLAN, *map(list, zip(*ahead, strict=True)))


def leads(session_id: str, begin: datetime) -> list[tuple[str, Lead, datetime, datetime]]:
    """What a begin asks for: session, lead, begin, and when it is due."""
    both: tuple[Lead, ...] = ("day", "hour")
    return [(session_id, lead, begin, due_at(lead, begin)) for lead in both]


def over(what: OfSession) -> bool:
    """Nobody is to be reminded of it any more."""
    return isinstance(what, SessionCancelled | SessionHeld)


def occurred(due: ReminderDue, now: datetime) -> Occurred:
    """What makes a reminder one: session, lead and begin."""
    key = f"reminder-{due.session_id}/{due.lead}@{due.starts_at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return Occurred(due, key, due.starts_at, now, uuid5(NAMESPACE_URL, key).hex)


@dataclass(frozen=True, slots=True)
class Reminders:
    """The worker that turns what is due into mailings of `matter`; `noted` is called when there are new ones."""

    pool: Pool
    clock: Clock
    matter: Matter[Any]
    noted: Callable[[], None]

    async def run(self) -> None:
        """Works for ever."""
        while True:
            try:
                if not await self.step():
                    await asyncio.sleep(await self._pause())
            except* TRY_AGAIN as errors:
                log.warning("reminders_wait", reason=type(errors.exceptions[0]).__name__)
                await asyncio.sleep(RETRY)

    async def step(self) -> bool:
        """Everything that is due, up to a batch; False when nothing was."""
        now = self.clock.now()
        async with self.pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(TAKE, now, BATCH)
            due = [
                ReminderDue(session_id=row["session_id"], lead=row["lead"], starts_at=row["starts_at"]) for row in rows
            ]
            await mailing.note(connection, self.matter, [occurred(each, now) for each in due], now)
        if due:
            log.info("reminders_due", sessions=len(due))
            self.noted()
        else:
            await self.pool.execute(FORGET, now - KEPT)
        return bool(due)

    async def _pause(self) -> float:
        """Until the next one, but never longer than `POLL`: other replicas plan, too, and clocks are put right."""
        now = self.clock.now()
        following = await self.pool.fetchval(NEXT, now)
        return POLL if following is None else min(POLL, max(0.05, (following - now).total_seconds()))
