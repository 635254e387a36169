"""How did it go with a webhook's deliveries? Each of them with its attempts; one sent again, and one sent to try."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import asyncpg
from pydantic import BaseModel, Field, TypeAdapter

from services.notify.public_fact import PublicFact
from services.notify.webhook_queue import Outcome, Verdict
from shared.kernel.paging import Page, Paging, decode_cursor, next_after
from shared.kernel.postgres import Pool

LIST = """
WITH mine AS (
    SELECT id FROM webhook_delivery WHERE webhook_id = $1 AND ($2::text IS NULL OR state = $2)
), page AS (
    SELECT id FROM mine WHERE $3::bigint IS NULL OR id < $3 ORDER BY id DESC LIMIT $4
)
SELECT t.total, d.id, d.event_id, d.type, d.state, d.created_at, d.finished_at,
       CASE WHEN d.state = 'waiting' THEN d.ready_at END AS next_attempt_at,
       (SELECT jsonb_agg(jsonb_build_object('number', a.number, 'at', a.at, 'outcome', a.outcome, 'status', a.status,
                                            'took_ms', a.took_ms) ORDER BY a.number)
        FROM webhook_attempt a WHERE a.delivery_id = d.id) AS attempts
FROM (SELECT count(*) AS total FROM mine) t
LEFT JOIN (page JOIN webhook_delivery d USING (id)) ON true
ORDER BY d.id DESC
"""
STATE = "SELECT state FROM webhook_delivery WHERE webhook_id = $1 AND id = $2"
AGAIN = """
UPDATE webhook_delivery SET state = 'waiting', since = $3, ready_at = $3, finished_at = NULL, request = $4
WHERE webhook_id = $1 AND id = $2 AND type <> 'webhook.test' AND request IS DISTINCT FROM $4
"""
WAKE = "UPDATE webhook_line SET next_at = $2 WHERE webhook_id = $1 AND next_at > $2"
BEGIN_TEST = """
INSERT INTO webhook_delivery (webhook_id, event_id, recorded_at, type, body, state, since, ready_at, created_at)
SELECT $1, $2, '-infinity', $3, $4, 'testing', $5, $5, $5
WHERE (SELECT count(*) FROM webhook_delivery d WHERE d.webhook_id = $1 AND d.type = $3 AND d.created_at > $6) < $7
ON CONFLICT DO NOTHING
RETURNING id
"""
END_TEST = """
WITH noted AS (
    INSERT INTO webhook_attempt (delivery_id, number, at, outcome, status, took_ms) VALUES ($1, 1, $2, $3, $4, $5)
)
UPDATE webhook_delivery SET state = $6, attempts = 1, finished_at = $2 WHERE id = $1
"""
TESTED = """
SELECT a.outcome, a.status, a.took_ms
FROM webhook_delivery d LEFT JOIN webhook_attempt a ON a.delivery_id = d.id
WHERE d.webhook_id = $1 AND d.event_id = $2
"""
CURSOR: TypeAdapter[tuple[int]] = TypeAdapter(tuple[int])
TEST_TYPE = "webhook.test"
TESTS_A_MINUTE = 10

type DeliveryState = Literal["waiting", "delivered", "failed", "testing"]


class DeliveryQuery(Paging):
    """What the log can be narrowed to."""

    state: DeliveryState | None = None


class ShownAttempt(BaseModel):
    """An attempt. `status` is the HTTP status where there was an answer; of the answer itself nothing is kept."""

    number: int
    at: datetime
    outcome: Outcome
    status: int | None
    took_ms: int


class ShownDelivery(BaseModel):
    """A fact that was, or is to be, told. `event_id` is the `webhook-id` it is sent with."""

    id: int
    event_id: str
    type: str
    state: DeliveryState
    created_at: datetime
    finished_at: datetime | None
    next_attempt_at: datetime | None
    attempts: tuple[ShownAttempt, ...] = ()


class Tested(BaseModel):
    """How a test ended."""

    event_id: str = Field(description="The `webhook-id` it was sent with.")
    delivered: bool
    outcome: Outcome
    status: int | None = Field(description="The HTTP status, where there was an answer.")
    took_ms: int


class Busy(Exception):
    """The same test is under way."""


class TooMany(Exception):
    """So many tests were made within a minute."""


async def listed(pool: Pool, webhook_id: str, query: DeliveryQuery) -> Page[ShownDelivery]:
    """The newest first."""
    (after,) = decode_cursor(query.cursor, CURSOR) if query.cursor else (None,)
    rows = await pool.fetch(LIST, webhook_id, query.state, after, query.limit + 1)
    found = [row for row in rows if row["id"] is not None]
    return Page(
        items=[_shown(row) for row in found[: query.limit]],
        next=next_after(found, query.limit, "id"),
        total=rows[0]["total"],
    )


def _shown(row: asyncpg.Record) -> ShownDelivery:
    values: dict[str, Any] = dict(row)
    attempts: Sequence[Any] = values["attempts"] or ()
    return ShownDelivery.model_validate(values | {"attempts": attempts})


async def state_of(pool: Pool, webhook_id: str, delivery_id: int) -> DeliveryState | None:
    """The state of one delivery; None when there is none."""
    found: DeliveryState | None = await pool.fetchval(STATE, webhook_id, delivery_id)
    return found


async def send_again(pool: Pool, webhook_id: str, delivery_id: int, request: UUID, at: datetime) -> None:
    """Has a delivery sent again, now, whatever became of it; the same request only once."""
    async with pool.acquire() as connection, connection.transaction():
        done = await connection.execute(AGAIN, webhook_id, delivery_id, at, request)
        if done != "UPDATE 0":
            await connection.execute(WAKE, webhook_id, at)


def test_fact(webhook_id: str, test_id: UUID, at: datetime) -> PublicFact:
    """What a test tells: nothing that happened."""
    return PublicFact(
        type=TEST_TYPE,
        id=f"test-{test_id}",
        timestamp=at,
        subject=f"webhook/{webhook_id}",
        data={"webhook_id": webhook_id},
    )


async def begin_test(pool: Pool, webhook_id: str, fact: PublicFact, at: datetime) -> int | Tested:
    """Notes a test, to be ended by `end_test`; or gives how the same one ended before.

    Raises `Busy` while that is under way, `TooMany` after many others.
    """
    number: int | None = await pool.fetchval(
        BEGIN_TEST, webhook_id, fact.id, TEST_TYPE, fact.text(), at, at - timedelta(minutes=1), TESTS_A_MINUTE
    )
    if number is not None:
        return number
    row = await pool.fetchrow(TESTED, webhook_id, fact.id)
    if row is None:
        raise TooMany
    if row["outcome"] is None:
        raise Busy
    return tested(fact.id, Verdict(row["outcome"], row["status"], row["took_ms"]))


async def end_test(pool: Pool, number: int, verdict: Verdict, at: datetime) -> None:
    """Notes how it ended."""
    state = "delivered" if verdict.outcome == "delivered" else "failed"
    await pool.execute(END_TEST, number, at, verdict.outcome, verdict.status, verdict.took_ms, state)


def tested(event_id: str, verdict: Verdict) -> Tested:
    """The end of a test as it is answered."""
    return Tested(
        event_id=event_id,
        delivered=verdict.outcome == "delivered",
        outcome=verdict.outcome,
        status=verdict.status,
        took_ms=verdict.took_ms,
    )
