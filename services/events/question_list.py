"""Which questions are there, in which order, and what is one like? The read models and what fills them.

Everything that people wrote stays sealed in them; it is opened when somebody who may see it asks.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from services.events.question import Question
from services.events.question import evolve as live
from services.events.question_events import (
    OfQuestion,
    QuestionForgotten,
    QuestionHandedIn,
    QuestionReceived,
    QuestionStatus,
)
from services.events.question_order import QuestionsOrdered
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

PRESENT = "SELECT question_id, state FROM question WHERE question_id = ANY($1::text[])"
UPSERT = """
INSERT INTO question AS q (question_id, session_id, person_id, version, status, asked_at, changed_at, confirm_by,
                           token_hash, merged_into, postponements, answered_in, host_version, published, forgotten,
                           state)
SELECT question_id, session_id, person_id, version, status, asked_at, changed_at, confirm_by, token_hash, merged_into,
       postponements, answered_in, host_version, published, forgotten, state
FROM jsonb_to_recordset($1::jsonb) AS r(
    question_id text, session_id text, person_id text, version bigint, status text, asked_at timestamptz,
    changed_at timestamptz, confirm_by timestamptz, token_hash text, merged_into text, postponements integer,
    answered_in bigint, host_version bigint, published boolean, forgotten boolean, state jsonb)
ON CONFLICT (question_id) DO UPDATE SET
    session_id = excluded.session_id, version = excluded.version, status = excluded.status,
    changed_at = excluded.changed_at, confirm_by = excluded.confirm_by, merged_into = excluded.merged_into,
    postponements = excluded.postponements, answered_in = excluded.answered_in, host_version = excluded.host_version,
    published = excluded.published, forgotten = excluded.forgotten, state = excluded.state
WHERE q.version < excluded.version
"""
REMOVE = "DELETE FROM question WHERE question_id = ANY($1::text[])"
LEAVE = "INSERT INTO question_leftover (question_id) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING"
ORDER = """
INSERT INTO question_order AS o (session_id, version, question_ids) VALUES ($1, $2, $3)
ON CONFLICT (session_id) DO UPDATE SET version = excluded.version, question_ids = excluded.question_ids
WHERE o.version < excluded.version
"""

BY_TOKEN = "SELECT state FROM question WHERE token_hash = $1"  # noqa: S105 -- a query
BY_ID = "SELECT state FROM question WHERE question_id = $1"
ASKED_BY = "SELECT count(*) FROM question WHERE session_id = $1 AND person_id = $2 AND status <> ALL($3::text[])"
OF_PERSON = "SELECT state FROM question WHERE person_id = $1 ORDER BY asked_at, question_id"
OF_PERSON_AFTER = """
SELECT state FROM question WHERE person_id = $1 AND question_id > $2 ORDER BY question_id LIMIT $3
"""
COUNT_PUBLISHED = "SELECT count(*) FROM question WHERE session_id = $1 AND published"
# $1 session, $2 statuses, $3 published ones only, $4 to $6 where the page before ended, $7 how many
OF_SESSION = """
SELECT q.state, q.asked_at, q.question_id, coalesce(o.place, 9000000000) AS place
FROM question q
LEFT JOIN (SELECT each.question_id, each.place
           FROM question_order, unnest(question_ids) WITH ORDINALITY AS each(question_id, place)
           WHERE session_id = $1) AS o USING (question_id)
WHERE q.session_id = $1 AND q.status = ANY($2::text[]) AND (NOT $3 OR q.published)
  AND ($4::bigint IS NULL
       OR (coalesce(o.place, 9000000000), q.asked_at, q.question_id) > ($4, $5::timestamptz, $6::text))
ORDER BY place, q.asked_at, q.question_id
LIMIT $7
"""
COUNT_OF_SESSION = """
SELECT count(*) FROM question WHERE session_id = $1 AND status = ANY($2::text[]) AND (NOT $3 OR published)
"""
# $1 series (ids) that may be seen, null for all, $2 series (ids or slugs), $3 sessions, $4 statuses,
# $5 and $6 where the page before ended, $7 how many
INBOX = """
SELECT q.state, q.asked_at, q.question_id
FROM question q
JOIN session_view s USING (session_id)
LEFT JOIN series_view v USING (series_id)
WHERE ($1::text[] IS NULL OR s.series_id = ANY($1))
  AND ($2::text[] IS NULL OR s.series_id = ANY($2) OR v.slug = ANY($2))
  AND ($3::text[] IS NULL OR q.session_id = ANY($3))
  AND q.status = ANY($4::text[])
  AND ($5::timestamptz IS NULL OR (q.asked_at, q.question_id) > ($5, $6::text))
ORDER BY q.asked_at, q.question_id
LIMIT $7
"""
INBOX_COUNTS = """
SELECT q.status, count(*) AS questions
FROM question q
JOIN session_view s USING (session_id)
LEFT JOIN series_view v USING (series_id)
WHERE ($1::text[] IS NULL OR s.series_id = ANY($1))
  AND ($2::text[] IS NULL OR s.series_id = ANY($2) OR v.slug = ANY($2))
  AND ($3::text[] IS NULL OR q.session_id = ANY($3))
  AND q.status = ANY($4::text[])
GROUP BY q.status
"""

SHOWN: tuple[QuestionStatus, ...] = ("submitted", "accepted", "merged", "declined", "answered")
"""What moderators see: nothing of what nobody has confirmed, or what was taken back."""
ORDERED: tuple[QuestionStatus, ...] = ("accepted", "answered")
GONE: tuple[QuestionStatus, ...] = ("withdrawn", "lapsed")

_STATE = TypeAdapter(Question)

type After = tuple[int, dt.datetime, str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which questions of an inbox: of `visible` series only, where not all are."""

    visible: Sequence[str] | None
    series: Sequence[str] | None
    sessions: Sequence[str] | None


async def project(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
    """Keeps each question as its aggregate records it, but those of erased people; keys that are to go are noted."""
    of_questions = [recorded for recorded in events if isinstance(recorded.event, OfQuestion)]
    if not of_questions:
        return
    present = await connection.fetch(PRESENT, list({recorded.event.question_id for recorded in of_questions}))
    known = {row["question_id"]: _read(row) for row in present}
    rows: dict[str, dict[str, Any]] = {}
    removed: list[str] = []
    for recorded in of_questions:
        event = recorded.event
        before = known.get(event.question_id)
        if before is None and not isinstance(event, QuestionReceived | QuestionHandedIn):
            continue  # of an erased person
        if before is not None and recorded.version <= before.version:
            continue
        after = known[event.question_id] = live(before, event)
        rows[event.question_id] = _row(after, event.at)
        if isinstance(event, QuestionForgotten) and event.cause == "erasure":
            removed.append(event.question_id)
    if rows:
        await connection.execute(UPSERT, list(rows.values()))
    if emptied := [question_id for question_id, row in rows.items() if row["forgotten"]]:
        await connection.execute(LEAVE, emptied)
    if removed:
        await connection.execute(REMOVE, removed)


def _row(question: Question, changed_at: dt.datetime) -> dict[str, Any]:
    return {
        "question_id": question.question_id,
        "session_id": question.session_id,
        "person_id": question.person_id,
        "version": question.version,
        "status": question.status,
        "asked_at": question.asked_at,
        "changed_at": changed_at,
        "confirm_by": question.confirm_by,
        "token_hash": question.token_hash,
        "merged_into": question.merged_into,
        "postponements": question.postponements,
        "answered_in": question.answered_in,
        "host_version": question.host_version,
        "published": question.sealed_publication is not None,
        "forgotten": question.forgotten,
        "state": _STATE.dump_python(question, mode="json"),
    }


async def project_orders(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
    """Keeps the last order of each session's questions."""
    for recorded in events:
        if isinstance(recorded.event, QuestionsOrdered):
            event = recorded.event
            await connection.execute(ORDER, event.session_id, recorded.version, list(event.question_ids))


PROJECTION = Projection("questions", ("question",), project)
ORDERS = Projection("question_orders", ("question_order",), project_orders)


def _read(row: Any) -> Question:
    return _STATE.validate_python(row["state"], extra="ignore")


async def by_token_hash(pool: Pool, token_hash: str) -> Question | None:
    """The question a link leads to."""
    row = await pool.fetchrow(BY_TOKEN, token_hash)
    return _read(row) if row else None


async def by_id(pool: Pool, question_id: str) -> Question | None:
    """One question."""
    row = await pool.fetchrow(BY_ID, question_id)
    return _read(row) if row else None


async def of_person(pool: Pool, person_id: str) -> list[Question]:
    """Everything that somebody has asked, oldest first."""
    return [_read(row) for row in await pool.fetch(OF_PERSON, person_id)]


async def of_person_after(pool: Pool, person_id: str, after: str, limit: int) -> list[Question]:
    """What somebody has asked, by id, behind the id `after`."""
    return [_read(row) for row in await pool.fetch(OF_PERSON_AFTER, person_id, after, limit)]


async def asked_by(pool: Pool, session_id: str, person_id: str) -> int:
    """How many questions of somebody a session has."""
    count: int = await pool.fetchval(ASKED_BY, session_id, person_id, GONE)
    return count


async def count_published(pool: Pool, session_id: str) -> int:
    """How many of a session's questions everybody may read."""
    count: int = await pool.fetchval(COUNT_PUBLISHED, session_id)
    return count


async def of_session(
    pool: Pool, session_id: str, *, statuses: Sequence[QuestionStatus], published: bool, after: After | None, limit: int
) -> tuple[list[Question], list[Any], int]:
    """A session's questions in their order, the rows to page by, and how many there are."""
    rows = await pool.fetch(OF_SESSION, session_id, statuses, published, *(after or (None, None, None)), limit)
    total: int = await pool.fetchval(COUNT_OF_SESSION, session_id, statuses, published)
    return [_read(row) for row in rows], rows, total


async def inbox(
    pool: Pool, wanted: Wanted, statuses: Sequence[QuestionStatus], after: tuple[dt.datetime, str] | None, limit: int
) -> list[Question]:
    """Questions of any session, oldest first."""
    rows = await pool.fetch(
        INBOX, wanted.visible, wanted.series, wanted.sessions, statuses, *(after or (None, None)), limit
    )
    return [_read(row) for row in rows]


async def inbox_counts(pool: Pool, wanted: Wanted) -> dict[QuestionStatus, int]:
    """How many questions there are in each state that moderators see."""
    rows = await pool.fetch(INBOX_COUNTS, wanted.visible, wanted.series, wanted.sessions, SHOWN)
    found = {row["status"]: row["questions"] for row in rows}
    return {status: found.get(status, 0) for status in SHOWN}
