"""Which questions does a postponement concern? Counts them by session; the questions themselves follow one by one.

A question remembers how many postponements of its session it has seen. What is behind is carried over, whatever came
between: a process that died, another question, the next postponement.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from services.events.life import SessionPostponed
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

COUNT = """
INSERT INTO question_session AS s (session_id, version, postponements)
SELECT session_id, version, postponements
FROM jsonb_to_recordset($1::jsonb) AS r(session_id text, version bigint, postponements integer)
ON CONFLICT (session_id) DO UPDATE SET
    version = excluded.version, postponements = s.postponements + excluded.postponements
WHERE s.version < excluded.version
"""
OF_SESSION = "SELECT postponements FROM question_session WHERE session_id = $1"
BEHIND = """
SELECT q.question_id, q.session_id, s.postponements
FROM question_session s
JOIN question q ON q.session_id = s.session_id AND q.postponements < s.postponements
WHERE q.status IN ('submitted', 'accepted', 'merged') AND NOT q.forgotten
ORDER BY q.session_id, q.asked_at, q.question_id
LIMIT $1
"""


async def project(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
    """Counts postponements; those of loaded history concern nobody."""
    versions: dict[str, int] = {}
    counts: Counter[str] = Counter()
    for recorded in events:
        if isinstance(recorded.event, SessionPostponed) and not recorded.event.history:
            versions[recorded.event.session_id] = recorded.version
            counts[recorded.event.session_id] += 1
    if counts:
        rows = [
            {"session_id": session_id, "version": version, "postponements": counts[session_id]}
            for session_id, version in versions.items()
        ]
        await connection.execute(COUNT, rows)


PROJECTION = Projection("question_sessions", ("question_session",), project)


async def postponements_of(pool: Pool, session_id: str) -> int:
    """How often a session was postponed."""
    return await pool.fetchval(OF_SESSION, session_id) or 0


async def behind(pool: Pool, limit: int) -> list[Any]:
    """Open questions that have not seen every postponement of their session."""
    return list(await pool.fetch(BEHIND, limit))
