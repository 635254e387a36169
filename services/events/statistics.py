"""What stays of a session's people when their registrations are forgotten: how many they were, and nobody's name."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict

from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, Event
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

type Counts = dict[str, Any]
"""Numbers by what they count, at most two levels deep: `{"by_status": {"confirmed": 12}, "attended": 9}`."""

KEEP = """
INSERT INTO session_statistics (session_id, counted_at, counts)
SELECT session_id, counted_at, counts
FROM jsonb_to_recordset($1::jsonb) AS s(session_id text, counted_at timestamptz, counts jsonb)
ON CONFLICT (session_id) DO NOTHING
"""
KEPT = "SELECT counts FROM session_statistics WHERE session_id = $1"
BY_STATUS = """
SELECT status, sum(number)::bigint AS number
FROM (SELECT status, count(*) AS number FROM registration WHERE session_id = $1 GROUP BY status
      UNION ALL SELECT status, number FROM registrations_forgotten WHERE session_id = $1) AS counted
GROUP BY status ORDER BY status
"""


class FreezeStatistics(BaseModel):
    """The counts as they are now are kept for good."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    session_id: str
    counts: Counts


class StatisticsFrozen(Event):
    """What a session's registrations came to, just before the first of them were forgotten."""

    session_id: str
    counts: Counts


def evolve(_frozen: bool, _event: StatisticsFrozen) -> bool:  # noqa: FBT001 -- the state is a yes or no
    """Records that there are some."""
    return True


def decide(command: FreezeStatistics, frozen: bool, at: datetime) -> Sequence[StatisticsFrozen]:  # noqa: FBT001
    """Once: what is counted later is what is left."""
    return [] if frozen else [StatisticsFrozen(session_id=command.session_id, counts=command.counts, at=at)]


def publish(_event: StatisticsFrozen) -> Contract | None:
    """Concerns nobody else."""
    return None


DECIDER: Decider[bool, FreezeStatistics, StatisticsFrozen] = Decider(
    category="statistics",
    initial=False,
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(StatisticsFrozen,),
)


async def project(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
    """Keeps the counts of every session that has some."""
    frozen = [recorded.event for recorded in events if isinstance(recorded.event, StatisticsFrozen)]
    if frozen:
        rows = [{"session_id": each.session_id, "counted_at": each.at, "counts": each.counts} for each in frozen]
        await connection.execute(KEEP, orjson.loads(orjson.dumps(rows)))


PROJECTION = Projection("statistics", ("session_statistics",), project)


async def frozen(pool: Pool, session_id: str) -> Counts | None:
    """The counts that were kept; None while the registrations are there to be counted."""
    counts: Counts | None = await pool.fetchval(KEPT, session_id)
    return counts


async def by_status(pool: Pool, session_id: str) -> Counts:
    """How many registrations there are and were, those forgotten before included."""
    return {"by_status": {row["status"]: row["number"] for row in await pool.fetch(BY_STATUS, session_id)}}
