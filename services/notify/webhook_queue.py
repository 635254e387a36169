"""What is still to be told to webhooks: written with the contract that it tells of, sent later, tried for three days.

One process at a time serves a webhook (its line), one delivery after the other in their order. A delivery that fails
waits for its own next time, so that one which a receiver cannot digest lets the others pass; the line, too, rests after
a failure, the longer the more of them there were, so that a receiver that is down is asked once in a while and not once
for everything that waits. What was sent and not recorded before a crash is sent again, with the same id.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from services.notify import public_fact
from services.notify.webhook import Secret
from shared.contracts.contract import Contract
from shared.kernel.inbox import Received
from shared.kernel.postgres import Connection, Pool

WRITE = """
INSERT INTO webhook_delivery (webhook_id, event_id, recorded_at, type, body, state, since, ready_at, created_at)
SELECT w.id, f.event_id, f.recorded_at, f.type, f.body, 'waiting', $2, $2, $2
FROM jsonb_to_recordset($1::jsonb) AS f(number int, event_id text, recorded_at timestamptz, type text, body text,
    names text[])
JOIN webhook w ON w.status = 'enabled' AND w.types && f.names
ORDER BY f.number
ON CONFLICT (webhook_id, event_id, recorded_at) DO NOTHING
"""
# Of lines that are slow or fail, only so many at a time: those that answer promptly never wait for them.
CLAIM = """
WITH due AS (
    SELECT w.id, coalesce(l.failures, 0) AS failures, coalesce(l.slow OR l.failures > 0, false) AS slow,
           coalesce(l.leased_until, '-infinity') AS served
    FROM webhook w LEFT JOIN webhook_line l ON l.webhook_id = w.id
    WHERE w.status = 'enabled' AND coalesce(l.leased_until <= $1 AND l.next_at <= $1, true)
      AND EXISTS (SELECT FROM webhook_delivery d
                  WHERE d.webhook_id = w.id AND d.state = 'waiting' AND d.ready_at <= $1)
), chosen AS (
    (SELECT id FROM due WHERE slow ORDER BY served LIMIT $5)
    UNION ALL
    (SELECT id FROM due WHERE NOT slow ORDER BY served LIMIT $4)
)
INSERT INTO webhook_line AS l (webhook_id, holder, leased_until, next_at)
SELECT id, $2, $3, '-infinity' FROM chosen ORDER BY id
ON CONFLICT (webhook_id) DO UPDATE SET holder = excluded.holder, leased_until = excluded.leased_until
WHERE l.leased_until <= $1 AND l.next_at <= $1
RETURNING l.webhook_id::text, l.slow OR l.failures > 0 AS slow
"""
NEXT = """
SELECT d.id, d.event_id, d.body, d.attempts, d.since, w.version, w.url, w.secrets
FROM webhook w JOIN webhook_line l ON l.webhook_id = w.id AND l.holder = $2
JOIN webhook_delivery d ON d.webhook_id = w.id AND d.state = 'waiting' AND d.ready_at <= $3
WHERE w.id = $1 AND w.status = 'enabled' ORDER BY d.id LIMIT 1
"""
# `mine` keeps the lease and the account of the line; a delivery that got through counts whoever holds the lease by now.
RECORD = """
WITH mine AS (
    UPDATE webhook_line SET leased_until = $9, next_at = $10, slow = $7::int > $11::int,
        failures = CASE WHEN $5 = 'delivered' THEN 0 ELSE failures + 1 END,
        failing_since = CASE WHEN $5 <> 'delivered' THEN coalesce(failing_since, $4) END,
        delivered_at = CASE WHEN $5 = 'delivered' THEN $4 ELSE delivered_at END
    WHERE webhook_id = $1 AND holder = $2
    RETURNING failures, failing_since
), done AS (
    UPDATE webhook_delivery SET attempts = attempts + 1, state = $8, ready_at = coalesce($12, ready_at),
        finished_at = CASE WHEN $8 <> 'waiting' THEN $4 END
    WHERE id = $3 AND state = 'waiting' AND ($8 = 'delivered' OR EXISTS (SELECT FROM mine))
    RETURNING id, attempts
), noted AS (
    INSERT INTO webhook_attempt (delivery_id, number, at, outcome, status, took_ms)
    SELECT id, attempts, $4::timestamptz, $5::text, $6::smallint, $7::int FROM done
)
SELECT failures, failing_since FROM mine
"""
FREE = """
UPDATE webhook_line SET holder = NULL, leased_until = '-infinity', next_at = coalesce($3, next_at)
WHERE webhook_id = $1 AND holder = $2
"""
AFRESH = """
UPDATE webhook_line SET failures = 0, failing_since = NULL, slow = false, next_at = '-infinity' WHERE webhook_id = $1
"""
AT_ONCE = "UPDATE webhook_delivery SET ready_at = $2 WHERE webhook_id = $1 AND state = 'waiting' AND ready_at > $2"
FAILURES = "SELECT failures FROM webhook_line WHERE webhook_id = $1"
EXPIRE = """
UPDATE webhook_delivery SET state = 'failed', finished_at = $1
WHERE state IN ('waiting', 'testing') AND since < CASE WHEN state = 'testing' THEN $3::timestamptz ELSE $2 END
"""
FORGET = """
DELETE FROM webhook_delivery WHERE id IN (
    SELECT id FROM webhook_delivery WHERE created_at < $1 AND state <> 'waiting' ORDER BY created_at LIMIT $2
)
"""
FORGET_REMOVED = """
WITH removed AS (
    SELECT w.id FROM webhook w
    WHERE w.status = 'removed' AND (EXISTS (SELECT FROM webhook_delivery d WHERE d.webhook_id = w.id)
        OR EXISTS (SELECT FROM webhook_line l WHERE l.webhook_id = w.id)
        OR EXISTS (SELECT FROM vault v WHERE v.person_id = 'webhook/' || w.id))
), deliveries AS (
    DELETE FROM webhook_delivery d USING removed WHERE d.webhook_id = removed.id
), lines AS (
    DELETE FROM webhook_line l USING removed WHERE l.webhook_id = removed.id
)
SELECT id::text FROM removed
"""

REST = 0.5
"""A line rests for less long than what failed, so that something else is tried next."""
FIRST_RETRY, LAST_RETRY = timedelta(seconds=5), timedelta(hours=4)
PATIENCE = timedelta(days=3)
"""How long a delivery is tried, and how long nothing may get through before a webhook is disabled."""
TESTED_WITHIN = timedelta(minutes=1)
SLOW_MS = 2000

type Outcome = Literal[
    "delivered", "gone", "redirected", "refused", "timeout", "not_public", "unknown_host", "tls", "unreachable"
]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an attempt ended. `status` is the HTTP status, where there was an answer."""

    outcome: Outcome
    status: int | None = None
    took_ms: int = 0
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is to be sent, and where. `attempts` counts those made; `version` is the webhook's."""

    id: int
    event_id: str
    body: str
    attempts: int
    since: datetime
    version: int
    url: str
    secrets: tuple[Secret, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A webhook that is ours to serve."""

    webhook_id: str
    slow: bool


@dataclass(frozen=True, slots=True)
class Account:
    """How a line fares after an attempt: `hopeless` when nothing has got through for as long as anything is tried."""

    failures: int
    hopeless: bool


async def write(connection: Connection, received: Sequence[Received[Contract]], at: datetime) -> None:
    """Notes for every webhook that asked for it what is to be told, in the transaction of the contracts."""
    rows = [row for number, each in enumerate(received) if (row := _row(number, each))]
    if rows:
        await connection.execute(WRITE, rows, at)


def _row(number: int, received: Received[Contract]) -> dict[str, Any] | None:
    fact = public_fact.of(received)
    if fact is None:
        return None
    return {
        "number": number,
        "event_id": fact.id,
        "recorded_at": received.recorded_at,
        "type": fact.type,
        "body": fact.text(),
        "names": public_fact.names(fact.type, received.data.aggregate_id),
    }


async def claim(pool: Pool, holder: UUID, now: datetime, until: datetime, *, prompt: int, slow: int) -> list[Line]:
    """Takes lines that have something due, for this holder alone: so many that answer promptly, so many others."""
    rows = await pool.fetch(CLAIM, now, holder, until, prompt, slow)
    return [Line(row["webhook_id"], row["slow"]) for row in rows]


async def following(pool: Pool, line: Line, holder: UUID, now: datetime) -> Delivery | None:
    """What is to be sent next; None when there is nothing, or the line is no longer this holder's."""
    row = await pool.fetchrow(NEXT, line.webhook_id, holder, now)
    if row is None:
        return None
    return Delivery(**{**dict(row), "secrets": tuple(map(Secret.model_validate, row["secrets"]))})


async def record(
    pool: Pool,
    line: Line,
    holder: UUID,
    delivery: Delivery,
    verdict: Verdict,
    *,
    at: datetime,
    until: datetime,
    jitter: float,
) -> Account | None:
    """Notes how an attempt ended and what follows; None when the line is another's by now."""
    again = None if verdict.outcome == "delivered" else retry_at(at, delivery.attempts + 1, jitter, verdict)
    over = again is not None and again > delivery.since + PATIENCE
    state = "delivered" if again is None else ("failed" if over else "waiting")
    failures: int = await pool.fetchval(FAILURES, line.webhook_id) or 0
    rested = None if again is None else at + (retry_at(at, failures + 1, jitter, verdict) - at) * REST
    row = await pool.fetchrow(
        RECORD,
        line.webhook_id,
        holder,
        delivery.id,
        at,
        verdict.outcome,
        verdict.status,
        verdict.took_ms,
        state,
        until,
        rested or at,
        SLOW_MS,
        again,
    )
    if row is None:
        return None
    return Account(row["failures"], hopeless=again is not None and again > row["failing_since"] + PATIENCE)


async def free(pool: Pool, line: Line, holder: UUID, next_at: datetime | None = None) -> None:
    """Gives a line back, to rest until `next_at` if that is named."""
    await pool.execute(FREE, line.webhook_id, holder, next_at)


async def begin_afresh(pool: Pool, webhook_id: str, now: datetime) -> None:
    """Holds no failure of the past against a webhook: what waits is due."""
    await pool.execute(AFRESH, webhook_id)
    await pool.execute(AT_ONCE, webhook_id, now)


def retry_at(now: datetime, number: int, jitter: float, verdict: Verdict) -> datetime:
    """When there may be another attempt after `number` of them: four times as long each time, up to hours.

    `jitter` (0 to 1) moves it; a receiver that asks for more time gets it, within the same bound.
    """
    times: int = 4 ** min(number - 1, 10)
    usual = min(FIRST_RETRY * times, LAST_RETRY) * (0.8 + 0.4 * jitter)
    return now + max(usual, min(verdict.retry_after or timedelta(), LAST_RETRY))


async def expire(pool: Pool, now: datetime) -> None:
    """Gives up what has waited too long, while its webhook was disabled, and tests that nobody finished."""
    await pool.execute(EXPIRE, now, now - PATIENCE, now - TESTED_WITHIN)


async def forget(pool: Pool, before: datetime, limit: int) -> int:
    """Deletes what was done with and written before then, so many at most; gives how many."""
    done: str = await pool.execute(FORGET, before, limit)
    return int(done.rpartition(" ")[2])


async def forget_removed(pool: Pool) -> list[str]:
    """Deletes what is kept of removed webhooks; gives those whose secrets may still have a key."""
    return [row["id"] for row in await pool.fetch(FORGET_REMOVED)]
