"""Who can be written to about a session? The answer to `rpc.events.audience`: ids, each once."""

from services.events.attendance_list import doors_open_at
from services.events.recipients import card
from services.events.session_list import session_row
from shared.contracts.rpc import AudienceAnswered, AudienceAsked
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem

# Whoever has not confirmed an address yet is written to about the registration alone.
REGISTERED = """
SELECT DISTINCT person_id FROM registration
WHERE session_id = $1 AND (status = 'confirmed' OR status = 'waitlisted' AND confirm_by IS NULL) AND person_id > $2
ORDER BY person_id LIMIT $3
"""
ATTENDED = """
SELECT DISTINCT person_id FROM attendance
WHERE session_id = $1 AND present AND recorded_at >= $4 AND person_id > $2
ORDER BY person_id LIMIT $3
"""


async def audience(pool: Pool, asked: AudienceAsked) -> AudienceAnswered:
    """One page, in the order of ids; `not_found` without the session."""
    found = await session_row(pool, asked.session_id)
    if found is None:
        raise Problem("not_found")
    page = (asked.session_id, asked.after or "", asked.limit + 1)
    if asked.attended:
        rows = await pool.fetch(ATTENDED, *page, doors_open_at(found.life))
    else:
        rows = await pool.fetch(REGISTERED, *page)
    ids = [row["person_id"] for row in rows[: asked.limit]]
    following = ids[-1] if len(rows) > asked.limit else None
    return AudienceAnswered(session=card(found), person_ids=tuple(ids), next=following)
