"""What did organisers write to the people of a session, and whom does a message reach? Read model and questions."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from services.events import attendance_list
from services.events.group_message import Audience, GroupMessageRequested
from services.events.life import Life
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

KEEP = """
INSERT INTO group_message (message_id, session_id, version, requested_at, requested_by, audience, subject, text)
SELECT message_id, session_id, version, requested_at, requested_by, audience, subject, text
FROM jsonb_to_recordset($1::jsonb) AS m(
    message_id text, session_id text, version bigint, requested_at timestamptz, requested_by text, audience jsonb,
    subject text, text text)
ON CONFLICT (message_id) DO NOTHING
"""
LIST = """
SELECT message_id, version, requested_at, requested_by, audience, subject, text FROM group_message
WHERE session_id = $1 AND ($2::bigint IS NULL OR version < $2)
ORDER BY version DESC
LIMIT $3
"""
COUNT = "SELECT count(*) FROM group_message WHERE session_id = $1"
ONE = """
SELECT message_id, version, requested_at, requested_by, audience, subject, text FROM group_message
WHERE session_id = $1 AND message_id = $2
"""
# An organisation that was merged into another has that one's type; nobody goes in circles for ever.
REACHED = """
WITH RECURSIVE body AS (
    SELECT DISTINCT organisation_id AS asked, organisation_id, 0 AS steps FROM registration
    WHERE session_id = $1 AND organisation_id IS NOT NULL AND $4::text[] IS NOT NULL
    UNION ALL
    SELECT b.asked, o.merged_into, b.steps + 1 FROM body b JOIN organisation_known o USING (organisation_id)
    WHERE o.merged_into IS NOT NULL AND b.steps < 10
), meant AS (
    SELECT b.asked FROM body b JOIN organisation_known o USING (organisation_id)
    WHERE o.merged_into IS NULL AND o.organisation_type = ANY($4)
)
SELECT r.registration_id, r.session_id, r.person_id, r.version, r.received_version, r.status, r.confirm_by,
       r.received_at, r.organisation_id, r.sealed, r.sealed_answers, NULL::bigint AS waiting_position,
       q.open AND r.status IN ('received', 'confirmed', 'waitlisted')
           AND greatest(r.received_version, r.reconfirmed_version) < q.asked_version AS owes_answer
FROM registration r
LEFT JOIN attendance a ON a.registration_id = r.registration_id AND a.recorded_at >= $2
LEFT JOIN session_asking q ON q.session_id = r.session_id
WHERE r.session_id = $1 AND r.status = ANY($3)
  AND ($4::text[] IS NULL OR r.organisation_id IN (SELECT asked FROM meant))
  AND ($5::boolean IS NULL OR coalesce(a.present, false) = $5)
  AND ($6::boolean IS NULL OR r.received_version < q.asked_version
       AND (coalesce(r.reconfirmed_version, 0) > q.asked_version) = $6)
  AND r.received_version > $7 AND ($8::bigint IS NULL OR r.received_version < $8)
ORDER BY r.received_version
LIMIT $9
"""
COUNT_REACHED = """
WITH RECURSIVE body AS (
    SELECT DISTINCT organisation_id AS asked, organisation_id, 0 AS steps FROM registration
    WHERE session_id = $1 AND organisation_id IS NOT NULL AND $4::text[] IS NOT NULL
    UNION ALL
    SELECT b.asked, o.merged_into, b.steps + 1 FROM body b JOIN organisation_known o USING (organisation_id)
    WHERE o.merged_into IS NOT NULL AND b.steps < 10
), meant AS (
    SELECT b.asked FROM body b JOIN organisation_known o USING (organisation_id)
    WHERE o.merged_into IS NULL AND o.organisation_type = ANY($4)
)
SELECT count(*)
FROM registration r
LEFT JOIN attendance a ON a.registration_id = r.registration_id AND a.recorded_at >= $2
LEFT JOIN session_asking q ON q.session_id = r.session_id
WHERE r.session_id = $1 AND r.status = ANY($3)
  AND ($4::text[] IS NULL OR r.organisation_id IN (SELECT asked FROM meant))
  AND ($5::boolean IS NULL OR coalesce(a.present, false) = $5)
  AND ($6::boolean IS NULL OR r.received_version < q.asked_version
       AND (coalesce(r.reconfirmed_version, 0) > q.asked_version) = $6)
"""


async def project(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
    """Keeps every message that was asked for."""
    asked = [recorded for recorded in events if isinstance(recorded.event, GroupMessageRequested)]
    if asked:
        await connection.execute(KEEP, [_row(recorded) for recorded in asked])


PROJECTION = Projection("group messages", ("group_message",), project)


def _row(recorded: Recorded[GroupMessageRequested]) -> dict[str, Any]:
    event = recorded.event
    return {
        **event.model_dump(mode="json", include={"message_id", "session_id", "audience", "subject", "text"}),
        "version": recorded.version,
        "requested_at": event.at,
        "requested_by": recorded.actor,
    }


async def listed(pool: Pool, session_id: str, before: int | None, limit: int) -> tuple[list[asyncpg.Record], int]:
    """Messages about a session, the last one first, and how many there are."""
    total: int = await pool.fetchval(COUNT, session_id)
    return await pool.fetch(LIST, session_id, before, limit), total


async def one(pool: Pool, session_id: str, message_id: str) -> asyncpg.Record | None:
    """A message about this session."""
    return await pool.fetchrow(ONE, session_id, message_id)


async def reached(
    pool: Pool, life: Life, audience: Audience, *, after: int, before: int | None, limit: int
) -> list[asyncpg.Record]:
    """The registrations that are in the audience now, by receipt, behind one version and before another."""
    return await pool.fetch(REACHED, *_asked(life, audience), after, before, limit)


async def count_reached(pool: Pool, life: Life, audience: Audience) -> int:
    """How many are in the audience now."""
    count: int = await pool.fetchval(COUNT_REACHED, *_asked(life, audience))
    return count


def _asked(life: Life, audience: Audience) -> tuple[Any, ...]:
    types = audience.organisation_types
    named = None if types is None else list(types)
    doors = attendance_list.doors_open_at(life)
    return life.session_id, doors, list(audience.status), named, audience.attended, audience.answered
