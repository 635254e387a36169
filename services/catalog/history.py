"""What was done to an entry that editors keep as data: by whom (a pseudonym), when and why?"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.catalog.funding_programme import FUNDING_PROGRAMME
from services.catalog.key_figure import KEY_FIGURE
from services.catalog.organisation import ORGANISATION
from services.catalog.topic import TOPIC
from shared.kernel.decider import Decider
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

KEEP = """
INSERT INTO entry_step (category, id, version, step, at, actor, reason, said)
SELECT r.category, r.id, r.version, r.step, r.at, r.actor, r.reason, r.said
FROM jsonb_to_recordset($1::jsonb) AS r(category text, id text, version bigint, step text, at timestamptz, actor text,
                                        reason text, said jsonb)
ON CONFLICT DO NOTHING
"""
READ = """
SELECT version, step, at, actor, reason, said FROM entry_step WHERE category = $1 AND id = $2 ORDER BY version
"""
KEPT: tuple[Decider[Any, Any, Any], ...] = (ORGANISATION, TOPIC, KEY_FIGURE, FUNDING_PROGRAMME)
WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


class EntryStep(BaseModel):
    """Something that was done to an entry; `said` holds what the entry got by it."""

    model_config = ConfigDict(frozen=True)

    version: int
    step: str
    at: datetime
    actor: str
    reason: str | None
    said: dict[str, Any]


class History(BaseModel):
    """All that was done to an entry, the earliest first."""

    model_config = ConfigDict(frozen=True)

    steps: tuple[EntryStep, ...]


async def project(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Notes every step."""
    rows = [_row(each) for each in recorded if _category(each) is not None]
    if rows:
        await connection.execute(KEEP, rows)


def _category(recorded: Recorded[Any]) -> str | None:
    return next((decider.category for decider in KEPT if isinstance(recorded.event, decider.events)), None)


def _row(recorded: Recorded[Any]) -> dict[str, Any]:
    said = recorded.event.model_dump(mode="json", exclude={"at"})
    return {
        "category": _category(recorded),
        "id": recorded.aggregate_id,
        "version": recorded.version,
        "step": WORD.sub("_", type(recorded.event).__name__).lower(),
        "at": recorded.event.at,
        "actor": recorded.actor,
        "reason": said.pop("reason", None),
        "said": said,
    }


HISTORY = Projection("history", ("entry_step",), project)


async def of(pool: Pool, category: str, entry_id: str) -> History:
    """What was done to an entry, the earliest first; nothing for one that is none."""
    rows = await pool.fetch(READ, category, entry_id)
    return History(steps=tuple(EntryStep(**dict(row)) for row in rows))
