"""What came back to us? Each mail and report is taken once, by its digest, and gives its message its verdict.

A report may come before the record that its message was handed over. It is kept until then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field, TypeAdapter

from services.notify.bounce_codes import weight_of
from services.notify.returned_mail import Returned
from shared.kernel.http import Page, Paging, decode_cursor, next_after
from shared.kernel.ids import new_id
from shared.kernel.postgres import Connection, Pool

TAKE = """
INSERT INTO bounce (id, digest, source, said, message_id, reason, status, code, settled, received_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT DO NOTHING RETURNING true
"""
# The same mail may lie in the mailbox again, or still, after somebody asked for it to be read anew.
SET_ASIDE = """
INSERT INTO bounce (id, digest, source, place, said, problem, settled, received_at)
VALUES ($1, $2, 'mailbox', $3, 'unreadable', $4, true, $5)
ON CONFLICT (digest) DO UPDATE SET place = excluded.place, problem = excluded.problem,
    received_at = excluded.received_at
"""
SETTLE = """
WITH due AS (
    SELECT b.id, b.message_id, b.reason, b.status, b.code, b.received_at
    FROM bounce b LEFT JOIN message m ON m.id = b.message_id
    WHERE NOT b.settled AND (m.id IS NULL OR m.state NOT IN ('waiting', 'sending', 'held'))
    ORDER BY b.received_at LIMIT $1 FOR UPDATE OF b SKIP LOCKED
), first AS (
    SELECT DISTINCT ON (message_id) * FROM due ORDER BY message_id, received_at
), returned AS (
    UPDATE message m SET state = 'bounced', reason = first.reason, status = first.status,
        finished_at = first.received_at, reported = false
    FROM first WHERE m.id = first.message_id AND m.state = 'delivered'
    RETURNING m.id
), settled AS (
    UPDATE bounce b SET settled = true FROM due WHERE b.id = due.id RETURNING b.id
)
SELECT (SELECT count(*) FROM settled) AS settled, (SELECT count(*) FROM returned) AS returned
"""
# Whoever took it away has seen to it.
TAKEN_AWAY = "UPDATE bounce SET place = NULL WHERE place IS NOT NULL AND NOT place = ANY($1::text[])"
PLACES = "SELECT place FROM bounce WHERE place IS NOT NULL"
KNOWN = "SELECT EXISTS (SELECT FROM message WHERE id = $1)"
AGAIN = "UPDATE bounce SET place = NULL WHERE id = $1 AND said = 'unreadable' RETURNING true"
LIST = """
WITH kept AS NOT MATERIALIZED (
    SELECT id, source, place, said, message_id, reason, status, code, problem, settled, received_at FROM bounce
    WHERE ($1::text[] IS NULL OR said = ANY($1)) AND ($2::uuid IS NULL OR message_id = $2)
)
SELECT t.total, k.id::text, k.source, k.place, k.said, k.message_id::text, k.reason, k.status, k.code, k.problem,
       k.settled, k.received_at
FROM (SELECT count(*) AS total FROM kept) t LEFT JOIN LATERAL (
    SELECT * FROM kept WHERE $3::timestamptz IS NULL OR (received_at, id) < ($3, $4::uuid)
    ORDER BY received_at DESC, id DESC LIMIT $5
) k ON true
"""
AT_ONCE = 200

CURSOR: TypeAdapter[tuple[datetime, UUID]] = TypeAdapter(tuple[datetime, UUID])

type BounceSource = Literal["mailbox", "webhook"]
type BounceSaid = Literal["failed", "complaint", "nothing", "forged", "unreadable"]
type ReturnReason = Literal["mailbox_unknown", "returned", "complaint"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """How something came to us. `digest` is the same for the same mail or report."""

    source: BounceSource
    digest: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A mail that stays where it lies, and why it could not be read."""

    place: str
    problem: str


class BounceQuery(Paging):
    """What the list can be narrowed to."""

    said: tuple[BounceSaid, ...] | None = None
    message_id: UUID | None = None


class BounceShown(BaseModel):
    """Something that came back. `place` is where an unreadable mail lies in the mailbox.

    `settled` is false while its message is still on its way.
    """

    id: str
    source: BounceSource
    said: BounceSaid
    message_id: str | None
    reason: ReturnReason | None
    code: str | None = Field(description="The RFC 3463 code.")
    reply: int | None = Field(description="The SMTP reply code.")
    place: str | None
    problem: str | None
    settled: bool
    received_at: datetime


def digest_of(raw: bytes) -> bytes:
    """What tells one mail from another."""
    return blake2b(raw, digest_size=16).digest()


def reason_of(returned: Returned) -> ReturnReason | None:
    """What a message is said to have come back for."""
    if returned.said == "complaint":
        return "complaint"
    if returned.said != "failed":
        return None
    return "mailbox_unknown" if weight_of(returned.status, returned.code) == "hard" else "returned"


async def is_known(pool: Pool, message_id: UUID) -> bool:
    """Whether the message is in the log."""
    known: bool = await pool.fetchval(KNOWN, message_id)
    return known


async def take(connection: Connection, arrival: Arrival, returned: Returned, reason: ReturnReason | None) -> bool:
    """Notes what came back, and what for; False when the same was taken before."""
    settled = returned.message_id is None or reason is None
    source, digest, at = arrival.source, arrival.digest, arrival.at
    row = (source, returned.said, returned.message_id, reason, returned.status, returned.code, settled, at)
    return bool(await connection.fetchval(TAKE, new_id(), digest, *row))


async def set_aside(connection: Connection, unreadable: Unreadable, at: datetime) -> None:
    """Notes a mail that could not be read, so that it is left alone from now on."""
    digest = digest_of(unreadable.place.encode())
    await connection.execute(SET_ASIDE, new_id(), digest, unreadable.place, unreadable.problem, at)


async def set_aside_of(pool: Pool, there: Sequence[str]) -> set[str]:
    """Which of the mails that lie there were set aside; others that were are gone."""
    await pool.execute(TAKEN_AWAY, there)
    return {row["place"] for row in await pool.fetch(PLACES)}


async def read_again(pool: Pool, bounce_id: str) -> bool:
    """Has the mailbox's reader try an unreadable mail anew, however often it is asked; False when there is none."""
    return bool(await pool.fetchval(AGAIN, bounce_id))


async def settle(pool: Pool) -> int:
    """Gives messages their verdicts; gives how many of them came back."""
    found = 0
    while row := await pool.fetchrow(SETTLE, AT_ONCE):
        found += row["returned"]
        if row["settled"] < AT_ONCE:
            break
    return found


async def listed(pool: Pool, query: BounceQuery) -> Page[BounceShown]:
    """The latest first."""
    after = decode_cursor(query.cursor, CURSOR) if query.cursor else (None, None)
    rows = await pool.fetch(LIST, query.said, query.message_id, *after, query.limit + 1)
    found = [dict(row) for row in rows if row["id"] is not None]
    return Page(
        items=[_shown(row) for row in found[: query.limit]],
        next=next_after(found, query.limit, "received_at", "id"),
        total=rows[0]["total"],
    )


def _shown(row: dict[str, object]) -> BounceShown:
    return BounceShown.model_validate(row | {"code": row["status"], "reply": row["code"]})
