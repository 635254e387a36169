"""When was a session, and under which SEQUENCE, at an earlier version of its stream? The read model and its question.

What is told of a registration late is told with the date that held then: what was told to everybody later follows it,
and calendars are never told of a SEQUENCE before the one that comes after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.events.life import (
    SessionAnnounced,
    SessionCancelled,
    SessionPostponed,
    SessionReinstated,
    SessionRelocated,
    SessionScheduled,
)
from shared.contracts.events import Times
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

NOTE = """
INSERT INTO session_step (session_id, since, sequence, times)
SELECT session_id, since, sequence, times
FROM jsonb_to_recordset($1::jsonb) AS s(session_id text, since bigint, sequence integer, times jsonb)
ON CONFLICT (session_id, since) DO NOTHING
"""
AT = """
SELECT sequence, times FROM session_step WHERE session_id = $1 AND since <= $2 ORDER BY since DESC LIMIT 1
"""
STEPS = (
    SessionAnnounced,
    SessionScheduled,
    SessionPostponed,
    SessionRelocated,
    SessionCancelled,
    SessionReinstated,
)


@dataclass(frozen=True, slots=True)
class Step:
    """The times of a session and the SEQUENCE they were told under."""

    sequence: int
    times: Times


async def project(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
    """Notes each version since which another SEQUENCE holds."""
    rows = [
        {
            "session_id": recorded.event.session_id,
            "since": recorded.version,
            "sequence": recorded.event.sequence,
            "times": recorded.event.when.times().model_dump(mode="json"),
        }
        for recorded in events
        if isinstance(recorded.event, STEPS)
    ]
    if rows:
        await connection.execute(NOTE, rows)


PROJECTION = Projection("session_steps", ("session_step",), project)


async def step_at(pool: Pool, session_id: str, version: int) -> Step | None:
    """What held at this version; None where that is not known, as of steps before they were noted."""
    row = await pool.fetchrow(AT, session_id, version)
    return Step(row["sequence"], Times.model_validate(row["times"])) if row else None
