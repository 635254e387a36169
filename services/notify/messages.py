"""How does the sending go? The queue as editors and operators see it: no names, no addresses.

The log is long, and this is asked often: numbers are of what waits and what ended lately, and a total stops somewhere.
"""

from datetime import datetime
from typing import Any, get_args

from pydantic import BaseModel, Field, TypeAdapter

from services.notify.message_numbers import LATELY, Numbers, numbers
from services.notify.queue import State
from shared.kernel.http import Page, Paging, decode_cursor, next_after
from shared.kernel.postgres import Pool

LIST = """
WITH kept AS NOT MATERIALIZED (
    SELECT id, seq, mailing_id, kind, channel, state, person_id, session_id, attempts, ready_at, created_at,
           finished_at, reason, status
    FROM message
    WHERE state = ANY($1) AND ($2::text[] IS NULL OR kind = ANY($2))
      AND ($3::text IS NULL
           OR session_id = $3 AND mailing_id = ANY(ARRAY(SELECT g.id FROM mailing g WHERE g.session_id = $3)))
      AND ($6::text IS NULL OR person_id = $6)
)
SELECT t.total, k.id::text, k.seq, k.kind, k.channel, k.state, k.person_id, k.session_id, k.attempts, k.ready_at,
       k.created_at, k.finished_at, k.reason, k.status, g.cause
FROM (SELECT count(*) AS total FROM (SELECT FROM kept LIMIT $7) counted) t LEFT JOIN LATERAL (
    SELECT * FROM kept WHERE $4::bigint IS NULL OR seq < $4 ORDER BY seq DESC LIMIT $5
) k ON true LEFT JOIN mailing g ON g.id = k.mailing_id ORDER BY k.seq DESC
"""
# Each part by an index of its own: what has not ended, and what has lately.
COUNTS = """
SELECT kind, state AS status, count(*) FROM message WHERE state IN ('waiting', 'sending', 'held', 'failed')
GROUP BY kind, state
UNION ALL
SELECT kind, state, count(*) FROM message WHERE finished_at > $1 AND state IN ('delivered', 'bounced', 'withheld')
GROUP BY kind, state
ORDER BY kind, status
"""
# What is kept back for somebody's quiet hours is not late before they are over.
OLDEST = """
SELECT min(coalesce(held_until, created_at)) FROM message
WHERE state IN ('waiting', 'sending') AND coalesce(held_until, created_at) <= $1
"""
MAILINGS = """
SELECT id, cause, kind, session_id, state AS status, messages, failures, problem, created_at FROM mailing
WHERE state = 'abandoned' OR (state = 'open' AND failures > 0) ORDER BY id DESC LIMIT 20
"""
OPEN = "SELECT count(*) FROM mailing WHERE state = 'open'"

COUNTED = 10_000
STATES = get_args(State.__value__)

CURSOR: TypeAdapter[tuple[int]] = TypeAdapter(tuple[int])


class MessageQuery(Paging):
    """What the messages can be narrowed to."""

    status: tuple[State, ...] | None = None
    kind: tuple[str, ...] | None = Field(default=None, max_length=50)
    session_id: str | None = Field(default=None, max_length=100)
    person_id: str | None = Field(default=None, max_length=100, description="What was sent to one person.")


class MessageShown(BaseModel):
    """A message. `next_attempt_at` is null when there is none; `reason` and `code` say why one did not arrive."""

    id: str
    kind: str
    channel: str
    cause: str
    status: State
    person_id: str
    session_id: str | None
    attempts: int
    created_at: datetime
    next_attempt_at: datetime | None
    finished_at: datetime | None
    reason: str | None
    code: str | None


class Count(BaseModel):
    """How many messages of a kind have a status: of those that ended, within the last day."""

    kind: str
    status: State
    count: int


class StuckMailing(BaseModel):
    """A mailing whose recipients could not be asked for yet, or were given up, and why."""

    id: int
    cause: str
    kind: str
    session_id: str | None
    status: str
    messages: int
    failures: int
    problem: str | None
    created_at: datetime


class Messages(Page[MessageShown], Numbers):
    """A page of messages, the newest first, and the whole queue in numbers. `total` counts up to 10,000."""

    counts: list[Count]
    oldest_unsent_at: datetime | None
    open_mailings: int
    stuck_mailings: list[StuckMailing]


async def counts(pool: Pool, now: datetime) -> list[Count]:
    """How many messages of each kind have not ended, and how many ended lately."""
    return [Count.model_validate(dict(row)) for row in await pool.fetch(COUNTS, now - LATELY)]


async def oldest(pool: Pool, now: datetime) -> datetime | None:
    """Since when the message waits that has waited longest."""
    since: datetime | None = await pool.fetchval(OLDEST, now)
    return since


async def listed(pool: Pool, query: MessageQuery, now: datetime) -> Messages:
    """One page and the numbers."""
    (after,) = decode_cursor(query.cursor, CURSOR) if query.cursor else (None,)
    narrowed = (query.status or STATES, query.kind, query.session_id, after, query.limit + 1, query.person_id)
    rows = await pool.fetch(LIST, *narrowed, COUNTED)
    found = [dict(row) for row in rows if row["id"] is not None]
    return Messages(
        items=[_shown(row) for row in found[: query.limit]],
        next=next_after(found, query.limit, "seq"),
        total=rows[0]["total"],
        counts=await counts(pool, now),
        oldest_unsent_at=await oldest(pool, now),
        open_mailings=await pool.fetchval(OPEN),
        stuck_mailings=[StuckMailing.model_validate(dict(row)) for row in await pool.fetch(MAILINGS)],
        **dict(await numbers(pool, now)),
    )


def _shown(row: dict[str, Any]) -> MessageShown:
    waiting = row["state"] in ("waiting", "sending")
    return MessageShown(
        id=row["id"],
        kind=row["kind"],
        channel=row["channel"],
        status=row["state"],
        cause=row["cause"],
        person_id=row["person_id"],
        session_id=row["session_id"],
        attempts=row["attempts"],
        created_at=row["created_at"],
        next_attempt_at=row["ready_at"] if waiting else None,
        finished_at=row["finished_at"],
        reason=row["reason"],
        code=row["status"],
    )
