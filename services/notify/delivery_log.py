"""Which messages did a person get, why, and what became of them? Kept for a while, without addresses.

Nothing is told again because its row is gone. A cause that comes again is known to the inbox by its id, and one that is
older than mails may be (`IKZ_MAIL_MAX_AGE_DAYS`) is noted for nobody; rows are kept longer than that.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from services.notify.queue import State
from shared.kernel.postgres import Pool

ENTRIES = """
SELECT m.id::text, m.seq, m.kind, m.channel, m.state, m.session_id, m.attempts, m.ready_at, m.created_at, m.finished_at,
       m.reason, m.status, m.person_id, g.cause,
       coalesce((SELECT jsonb_agg(jsonb_build_object('number', a.number, 'at', a.at, 'outcome', a.outcome,
                     'reply', a.code, 'code', a.status) ORDER BY a.number)
                 FROM attempt a WHERE a.message_id = m.id), '[]') AS history,
       coalesce((SELECT jsonb_agg(jsonb_build_object('decision', d.decision, 'reason', d.reason, 'actor', d.actor,
                     'at', d.at) ORDER BY d.at)
                 FROM message_decision d WHERE d.message_id = m.id), '[]') AS decisions
FROM message m JOIN mailing g ON g.id = m.mailing_id
"""
ONE = ENTRIES + "WHERE m.id = $1"
OF_PERSON = ENTRIES + "WHERE m.person_id = $1 AND ($2::bigint IS NULL OR m.seq < $2) ORDER BY m.seq DESC LIMIT $3"
# What was said to somebody's calendar is needed as long as that day lies ahead: to take it out again, or not twice.
FORGET = """
WITH old AS (
    SELECT m.id FROM message m JOIN mailing g ON g.id = m.mailing_id
    WHERE m.finished_at < $1 AND m.state IN ('delivered', 'bounced', 'withheld')
      AND (m.reported OR m.state = 'withheld' AND m.reason <> 'suppressed')
      AND g.state <> 'open'
      AND (m.calendar IS NULL OR m.state <> 'delivered'
           OR coalesce((g.session->>'starts_at')::timestamptz, (g.session->>'date')::timestamptz,
                       m.created_at + interval '1095 days') < $1)
    ORDER BY m.finished_at LIMIT $2
), messages AS (
    DELETE FROM message m USING old WHERE m.id = old.id RETURNING m.id
)
SELECT count(*) FROM messages
"""
FORGET_MAILINGS = """
WITH old AS (
    SELECT g.id FROM mailing g
    WHERE g.created_at < $1 AND g.state <> 'open' AND NOT EXISTS (SELECT FROM message m WHERE m.mailing_id = g.id)
    ORDER BY g.id LIMIT $2
), mailings AS (
    DELETE FROM mailing g USING old WHERE g.id = old.id RETURNING g.id
)
SELECT count(*) FROM mailings
"""
FORGET_BOUNCES = """
WITH old AS (
    SELECT id FROM bounce WHERE received_at < $1 AND settled AND place IS NULL ORDER BY received_at LIMIT $2
), bounces AS (
    DELETE FROM bounce b USING old WHERE b.id = old.id RETURNING b.id
)
SELECT count(*) FROM bounces
"""


class AttemptShown(BaseModel):
    """One attempt to hand a message over. `reply` is the server's SMTP code, `code` that of RFC 3463."""

    number: int
    at: datetime
    outcome: Literal["delivered", "refused", "deferred", "lost", "failed"]
    reply: int | None
    code: str | None


class DecisionShown(BaseModel):
    """What an operator decided about a message."""

    decision: Literal["retry", "discard"]
    reason: str
    actor: str
    at: datetime


class MessageEntry(BaseModel):
    """A message with its whole history. `cause` is the id of the event that it was sent for."""

    id: str
    kind: str
    channel: str
    cause: str
    status: State
    person_id: str
    session_id: str | None
    created_at: datetime
    next_attempt_at: datetime | None
    finished_at: datetime | None
    reason: str | None
    code: str | None
    attempts: int
    history: list[AttemptShown]
    decisions: list[DecisionShown]


async def one(pool: Pool, message_id: str) -> MessageEntry | None:
    """One message."""
    row = await pool.fetchrow(ONE, message_id)
    return _entry(dict(row)) if row else None


async def of_person(
    pool: Pool, person_id: str, limit: int, before: int | None = None
) -> tuple[list[MessageEntry], int | None]:
    """A person's messages, the newest first, and where the next page begins."""
    rows = [dict(row) for row in await pool.fetch(OF_PERSON, person_id, before, limit + 1)]
    more = rows[limit - 1]["seq"] if len(rows) > limit else None
    return [_entry(row) for row in rows[:limit]], more


def _entry(row: dict[str, Any]) -> MessageEntry:
    waiting = row["state"] in ("waiting", "sending")
    shown = row | {"status": row["state"], "code": row["status"]}
    return MessageEntry.model_validate(shown | {"next_attempt_at": row["ready_at"] if waiting else None})


async def forget(pool: Pool, until: datetime, limit: int) -> int:
    """Deletes what was done with before `until`, so many rows of each kind; gives how many of the most frequent."""
    gone: list[int] = [
        await pool.fetchval(statement, until, limit) for statement in (FORGET, FORGET_MAILINGS, FORGET_BOUNCES)
    ]
    return max(gone)
