"""Which addresses is nothing sent to? Marks of addresses, why, until when, and what was counted so far."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, TypeAdapter

from services.notify.suppression import (
    AddressSuppressed,
    SoftBounceCounted,
    SoftBouncesForgotten,
    SuppressionCause,
    SuppressionEvent,
    SuppressionLifted,
)
from shared.kernel.http import Page, Paging, decode_cursor, next_after
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

KEEP = """
INSERT INTO suppression AS s (address_mark, version, state, cause, status, note, message_id, soft, since, until,
                              changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (address_mark) DO UPDATE SET version = excluded.version, state = excluded.state, cause = excluded.cause,
    status = excluded.status, note = excluded.note, message_id = excluded.message_id, since = excluded.since,
    soft = CASE excluded.state WHEN 'counted' THEN least(s.soft, 99) * excluded.soft + excluded.soft ELSE 0 END,
    until = excluded.until, changed_at = excluded.changed_at
WHERE s.version < excluded.version
"""
SUPPRESSED = """
SELECT address_mark FROM suppression
WHERE address_mark = ANY($1::uuid[]) AND state = 'suppressed' AND (until IS NULL OR until > $2)
"""
LIST = """
WITH kept AS NOT MATERIALIZED (
    SELECT address_mark, version, CASE WHEN state = 'suppressed' AND until <= $1 THEN 'over' ELSE state END AS status,
           cause, status AS code, note, message_id, soft, since, until, changed_at
    FROM suppression WHERE soft > 0 OR state <> 'counted'
), wanted AS NOT MATERIALIZED (
    SELECT * FROM kept
    WHERE ($2::text[] IS NULL OR status = ANY($2)) AND ($3::text[] IS NULL OR cause = ANY($3))
)
SELECT t.total, w.*
FROM (SELECT count(*) AS total FROM wanted) t LEFT JOIN LATERAL (
    SELECT * FROM wanted WHERE $4::timestamptz IS NULL OR (changed_at, address_mark) < ($4, $5::uuid)
    ORDER BY changed_at DESC, address_mark DESC LIMIT $6
) w ON true
"""
ONE = """
SELECT address_mark, version, CASE WHEN state = 'suppressed' AND until <= $2 THEN 'over' ELSE state END AS status,
       cause, status AS code, note, message_id, soft, since, until, changed_at
FROM suppression WHERE address_mark = $1
"""
COUNT = "SELECT count(*) FROM suppression WHERE state = 'suppressed' AND (until IS NULL OR until > $1)"

CURSOR: TypeAdapter[tuple[datetime, UUID]] = TypeAdapter(tuple[datetime, UUID])

type SuppressionStatus = Literal["counted", "suppressed", "over", "lifted"]


class SuppressionQuery(Paging):
    """What the list can be narrowed to."""

    status: tuple[SuppressionStatus, ...] | None = Field(
        default=None, description="`counted`: something came back, mail is still sent; `over`: its time is over."
    )
    cause: tuple[SuppressionCause, ...] | None = None


class SuppressionShown(BaseModel):
    """An address, by its mark. `soft` counts what came back lately; `message_id` is what came back last."""

    id: str
    version: int
    status: SuppressionStatus
    cause: SuppressionCause | None
    code: str | None
    note: str | None
    message_id: str | None
    soft: int
    since: datetime | None
    until: datetime | None
    changed_at: datetime


async def suppressed(pool: Pool, marks: Collection[UUID], now: datetime) -> set[UUID]:
    """Those of these addresses that nothing is sent to now, by one question."""
    if not marks:
        return set()
    return {UUID(bytes=row["address_mark"].bytes) for row in await pool.fetch(SUPPRESSED, list(marks), now)}


async def listed(pool: Pool, query: SuppressionQuery, now: datetime) -> Page[SuppressionShown]:
    """The latest change first."""
    after = decode_cursor(query.cursor, CURSOR) if query.cursor else (None, None)
    rows = await pool.fetch(LIST, now, query.status, query.cause, *after, query.limit + 1)
    found = [dict(row) | {"mark": str(row["address_mark"])} for row in rows if row["address_mark"] is not None]
    return Page(
        items=[_shown(row) for row in found[: query.limit]],
        next=next_after(found, query.limit, "changed_at", "mark"),
        total=rows[0]["total"],
    )


async def one(pool: Pool, mark: UUID, now: datetime) -> SuppressionShown | None:
    """What is known of one address; None when nothing ever came back."""
    row = await pool.fetchrow(ONE, mark, now)
    return _shown(dict(row)) if row else None


async def count(pool: Pool, now: datetime) -> int:
    """How many addresses nothing is sent to now."""
    found: int = await pool.fetchval(COUNT, now)
    return found


def _shown(row: dict[str, Any]) -> SuppressionShown:
    message_id = row["message_id"] and str(row["message_id"])
    return SuppressionShown.model_validate(row | {"id": str(row["address_mark"]), "message_id": message_id})


async def project(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Keeps every address as its last event left it."""
    rows = [
        (UUID(each.aggregate_id), each.version, *_row(each.event))
        for each in recorded
        if isinstance(each.event, (SoftBounceCounted, SoftBouncesForgotten, AddressSuppressed, SuppressionLifted))
    ]
    if rows:
        await connection.executemany(KEEP, rows)


def _row(event: SuppressionEvent) -> tuple[Any, ...]:
    """State, cause, status, note, message, by how much `soft` grows, since, until, when."""
    match event:
        case SoftBounceCounted():
            return "counted", None, event.status, None, _id(event.message_id), 1, None, None, event.at
        case SoftBouncesForgotten():
            return "counted", None, None, None, None, 0, None, None, event.at
        case AddressSuppressed():
            message_id = event.message_id and _id(event.message_id)
            return "suppressed", event.cause, event.status, event.note, message_id, 0, event.at, event.until, event.at
        case SuppressionLifted():
            return "lifted", None, None, event.note, None, 0, None, None, event.at


def _id(text: str) -> UUID | None:
    """Reports of others name what they like."""
    try:
        return UUID(text)
    except ValueError:
        return None


SUPPRESSIONS = Projection("suppressions", ("suppression",), project)
