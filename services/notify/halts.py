"""Mailings that are paused, go on, or are stopped: what an operator or an editor says, and what follows for messages.

What was said holds at once: nothing of a halted mailing is taken up or handed over any more (see `queue.py`). The rows
of a large one follow in portions. What is stopped stays visible and is never sent; a mail that was on its way when it
was stopped was delivered nevertheless, and is shown so.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import asyncpg
from pydantic import BaseModel, Field, TypeAdapter

from shared.kernel.http import Page, Paging, decode_cursor, next_after
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem

type Halt = Literal["paused", "stopping", "stopped"]

HALT = """
UPDATE mailing SET halt = $2, halted_at = $3 WHERE id = $1 AND (
    $2 = 'paused' AND halt IS NULL AND state <> 'abandoned'
    OR $2 = 'stopping' AND (halt IS NULL OR halt = 'paused')
)
RETURNING id
"""
RESUME = "UPDATE mailing SET halt = NULL, halted_at = NULL WHERE id = $1 AND halt = 'paused' RETURNING id"
HOLD = """
WITH portion AS (
    SELECT m.id FROM message m JOIN mailing g ON g.id = m.mailing_id
    WHERE g.halt = 'paused' AND m.state = 'waiting' LIMIT $1 FOR UPDATE OF m SKIP LOCKED
)
UPDATE message m SET state = 'held' FROM portion WHERE m.id = portion.id
"""
LET_GO = """
WITH portion AS (
    SELECT m.id FROM message m
    WHERE m.state = 'held' AND NOT EXISTS (SELECT FROM mailing g WHERE g.id = m.mailing_id AND g.halt IS NOT NULL)
    LIMIT $1 FOR UPDATE SKIP LOCKED
)
UPDATE message m SET state = 'waiting' FROM portion WHERE m.id = portion.id
"""
# Nobody takes up any more what somebody had in hand and died with.
WITHHOLD = """
WITH portion AS (
    SELECT m.id FROM message m JOIN mailing g ON g.id = m.mailing_id
    WHERE g.halt = 'stopping'
      AND (m.state IN ('waiting', 'held', 'failed') OR m.state = 'sending' AND m.ready_at <= $2)
    LIMIT $1 FOR UPDATE OF m SKIP LOCKED
)
UPDATE message m SET state = 'withheld', reason = 'stopped', finished_at = $2, sealed = NULL
FROM portion WHERE m.id = portion.id
"""
STOPPED = """
UPDATE mailing g SET halt = 'stopped', state = CASE WHEN g.state = 'open' THEN 'stopped' ELSE g.state END,
    after = NULL, holder = NULL
WHERE g.halt = 'stopping' AND NOT EXISTS (
    SELECT FROM message m WHERE m.mailing_id = g.id AND m.state IN ('waiting', 'sending', 'held', 'failed')
)
"""
PENDING = """
SELECT EXISTS (SELECT FROM mailing WHERE halt IN ('paused', 'stopping'))
    OR EXISTS (SELECT FROM message WHERE state = 'held')
"""
PORTION = 2_000

LIST = """
SELECT g.id, g.cause, g.kind, g.session_id, g.state, g.halt, g.halted_at, g.messages,
       g.problem, g.created_at, n.waiting, n.delivered, n.bounced, n.failed, n.withheld
FROM (
    SELECT id, cause, kind, session_id, state, halt, halted_at, messages, problem, created_at
    FROM mailing
    WHERE ($1::bigint IS NULL OR id = $1) AND ($2::bigint IS NULL OR id < $2)
      AND ($3::text[] IS NULL OR kind = ANY($3)) AND ($4::boolean IS NULL OR (halt IS NOT NULL) = $4)
      AND messages >= $5
    ORDER BY id DESC LIMIT $6
) AS g CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE m.state IN ('waiting', 'sending', 'held')) AS waiting,
           count(*) FILTER (WHERE m.state = 'delivered') AS delivered,
           count(*) FILTER (WHERE m.state = 'bounced') AS bounced,
           count(*) FILTER (WHERE m.state = 'failed') AS failed,
           count(*) FILTER (WHERE m.state = 'withheld') AS withheld
    FROM message m WHERE m.mailing_id = g.id
) AS n
ORDER BY g.id DESC
"""
TOTAL = """
SELECT count(*) FROM mailing
WHERE ($1::text[] IS NULL OR kind = ANY($1)) AND ($2::boolean IS NULL OR (halt IS NOT NULL) = $2) AND messages >= $3
"""

CURSOR: TypeAdapter[tuple[int]] = TypeAdapter(tuple[int])


class MailingQuery(Paging):
    """What the mailings can be narrowed to. `at_least` leaves out those with fewer messages, such as single mails."""

    kind: tuple[str, ...] | None = Field(default=None, max_length=50)
    halted: bool | None = None
    at_least: int = Field(default=0, ge=0, le=1_000_000_000)


class MailingCounts(BaseModel):
    """What became of a mailing's messages so far. `withheld` ones are not sent on purpose."""

    waiting: int
    delivered: int
    bounced: int
    failed: int
    withheld: int


class MailingShown(BaseModel):
    """A mailing. While it is `expanding`, not all of its messages are written. `halt` says if it is halted.

    One that is `stopping` sends nothing any more, though some of its messages still look as if they waited.
    """

    id: int
    cause: str
    kind: str
    session_id: str | None
    status: Literal["expanding", "expanded", "abandoned", "stopped"]
    halt: Halt | None
    halted_at: datetime | None
    problem: str | None
    created_at: datetime
    messages: int
    counts: MailingCounts


@dataclass(frozen=True, slots=True)
class Halts:
    """The mailings as operators and editors see and halt them."""

    pool: Pool

    async def listed(self, query: MailingQuery) -> Page[MailingShown]:
        """One page, the newest first."""
        (before,) = decode_cursor(query.cursor, CURSOR) if query.cursor else (None,)
        kinds = list(query.kind) if query.kind else None
        rows = await self.pool.fetch(LIST, None, before, kinds, query.halted, query.at_least, query.limit + 1)
        total = await self.pool.fetchval(TOTAL, kinds, query.halted, query.at_least)
        following = next_after([dict(row) for row in rows], query.limit, "id")
        return Page[MailingShown](items=[_shown(row) for row in rows[: query.limit]], next=following, total=total)

    async def one(self, mailing_id: int) -> MailingShown:
        """One mailing; `not_found` without it."""
        rows = await self.pool.fetch(LIST, mailing_id, None, None, None, 0, 1)
        if not rows:
            raise Problem("not_found")
        return _shown(rows[0])

    async def pause(self, mailing_id: int, now: datetime) -> MailingShown:
        """Nothing of it is sent until it goes on. Again changes nothing."""
        await self.pool.fetchval(HALT, mailing_id, "paused", now)
        return await self._halted(mailing_id, {"paused"}, "mailing_ended")

    async def resume(self, mailing_id: int) -> MailingShown:
        """It goes on where it was. Again changes nothing; what was stopped stays so."""
        await self.pool.fetchval(RESUME, mailing_id)
        return await self._halted(mailing_id, {None}, "mailing_stopped")

    async def stop(self, mailing_id: int, now: datetime) -> MailingShown:
        """Nothing more of it is ever sent. Again changes nothing."""
        await self.pool.fetchval(HALT, mailing_id, "stopping", now)
        return await self._halted(mailing_id, {"stopping", "stopped"}, "mailing_ended")

    async def _halted(self, mailing_id: int, expected: set[Halt | None], otherwise: str) -> MailingShown:
        shown = await self.one(mailing_id)
        if shown.halt not in expected:
            raise Problem(otherwise)
        return shown


def _shown(row: asyncpg.Record) -> MailingShown:
    return MailingShown(
        id=row["id"],
        cause=row["cause"],
        kind=row["kind"],
        session_id=row["session_id"],
        status="expanding" if row["state"] == "open" else row["state"],
        halt=row["halt"],
        halted_at=row["halted_at"],
        problem=row["problem"],
        created_at=row["created_at"],
        messages=row["messages"],
        counts=MailingCounts(**{name: row[name] for name in MailingCounts.model_fields}),
    )


async def follow(pool: Pool, now: datetime) -> None:
    """Lets messages follow what was said of their mailings; any process may, and what is half done is gone on with."""
    if not await pool.fetchval(PENDING):
        return
    for statement, arguments in ((HOLD, (PORTION,)), (LET_GO, (PORTION,)), (WITHHOLD, (PORTION, now))):
        while await pool.execute(statement, *arguments) != "UPDATE 0":
            pass
    await pool.execute(STOPPED)
