"""Which sessions are about a project of the catalogue? By their planned talks, and by those that were held."""

from collections.abc import Iterable, Sequence
from typing import Any

from services.events.life import SessionDocumented, SessionDrafted, SessionHeld, SessionRevised
from services.events.programme import Talk
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

FORGET = """
DELETE FROM session_project p
USING jsonb_to_recordset($1::jsonb) AS n(session_id text, part text)
WHERE p.session_id = n.session_id AND p.part = n.part
"""
KEEP = """
INSERT INTO session_project (session_id, part, project_id)
SELECT n.session_id, n.part, unnest(n.projects)
FROM jsonb_to_recordset($1::jsonb) AS n(session_id text, part text, projects text[])
ON CONFLICT DO NOTHING
"""
ABOUT = "SELECT DISTINCT session_id FROM session_project WHERE project_id = ANY($1::text[])"


async def project(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
    """Keeps which projects a session's talks are about."""
    parts: dict[tuple[str, str], list[str]] = {}
    for recorded in events:
        match recorded.event:
            case SessionDrafted() | SessionRevised() as event:
                parts[event.session_id, "planned"] = _projects(event.content.agenda)
            case SessionHeld() | SessionDocumented() as event if event.documentation:
                parts[event.session_id, "held"] = _projects(event.documentation.talks)
            case _:  # no talk is another
                pass
    if parts:
        rows = [{"session_id": key, "part": part, "projects": projects} for (key, part), projects in parts.items()]
        await connection.execute(FORGET, rows)
        await connection.execute(KEEP, rows)


PROJECTION = Projection("project_talks", ("session_project",), project)


def _projects(talks: Iterable[Talk]) -> list[str]:
    return sorted({talk.project_id for talk in talks if talk.project_id})


async def sessions_about(pool: Pool, projects: Sequence[str] | None) -> list[str] | None:
    """The sessions with a talk about one of the projects; None where no project was named."""
    return [row["session_id"] for row in await pool.fetch(ABOUT, list(projects))] if projects else None
