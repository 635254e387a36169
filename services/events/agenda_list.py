"""Which programmes were planned for a session, and since when? One row for each version that was published."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from services.events.life import AgendaPublished, SessionAnnounced
from services.events.programme import Talk
from services.events.session_shown import AgendaAnswer
from services.events.times import BERLIN
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

KEEP = """
INSERT INTO session_agenda (session_id, agenda_version, published_at, talks)
SELECT session_id, agenda_version, published_at, talks
FROM jsonb_to_recordset($1::jsonb) AS a(
    session_id text, agenda_version integer, published_at timestamptz, talks jsonb)
ON CONFLICT (session_id, agenda_version) DO NOTHING
"""
VERSIONS = """
SELECT agenda_version, published_at FROM session_agenda WHERE session_id = $1 ORDER BY agenda_version
"""
TALKS = "SELECT talks FROM session_agenda WHERE session_id = $1 AND agenda_version = $2"

_TALKS = TypeAdapter(tuple[Talk, ...])


class AgendaQuery(BaseModel):
    """Which version of the planned programme; the present one without it."""

    model_config = ConfigDict(frozen=True)

    version: int | None = Field(default=None, ge=1, le=2**31 - 1)


class AgendaVersion(BaseModel):
    """A version of the planned programme. Of loaded history, nobody knows when it was published."""

    model_config = ConfigDict(frozen=True)

    version: int
    published_at: dt.datetime | None


class AgendaHistory(AgendaAnswer):
    """The programme with all its published versions, oldest first."""

    versions: tuple[AgendaVersion, ...]


async def project(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
    """Keeps every version of a planned programme."""
    rows = [row for recorded in events if (row := _row(recorded.event))]
    if rows:
        await connection.execute(KEEP, rows)


PROJECTION = Projection("agendas", ("session_agenda",), project)


def _row(event: Any) -> dict[str, Any] | None:
    match event:
        case SessionAnnounced():
            version, at = 1, None if event.history else event.at
        case AgendaPublished():
            version, at = event.agenda_version, event.at
        case _:  # no programme was published
            return None
    return {
        "session_id": event.session_id,
        "agenda_version": version,
        "published_at": at,
        "talks": _TALKS.dump_python(event.content.agenda, mode="json"),
    }


async def versions(pool: Pool, session_id: str) -> tuple[AgendaVersion, ...]:
    """The published versions, oldest first."""
    rows = await pool.fetch(VERSIONS, session_id)
    return tuple(
        AgendaVersion(version=row["agenda_version"], published_at=row["published_at"] and _wall(row["published_at"]))
        for row in rows
    )


async def planned(pool: Pool, session_id: str, version: int) -> tuple[Talk, ...] | None:
    """The programme as it was planned in that version; None if there is no such version."""
    row = await pool.fetchrow(TALKS, session_id, version)
    return _TALKS.validate_python(row["talks"], extra="ignore") if row else None


def _wall(time: dt.datetime) -> dt.datetime:
    return time.astimezone(BERLIN)
