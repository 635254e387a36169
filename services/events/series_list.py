"""Which series are there? The read model, what fills it, and what it answers."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.events.series import Format, SeriesContent, SeriesRevised, SeriesStarted
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

UPSERT = """
INSERT INTO series_view (series_id, version, slug, title, content)
SELECT series_id, version, slug, title, content
FROM jsonb_to_recordset($1::jsonb) AS s(series_id text, version bigint, slug text, title text, content jsonb)
ON CONFLICT (series_id) DO UPDATE SET
    version = excluded.version, slug = excluded.slug, title = excluded.title, content = excluded.content
WHERE series_view.version < excluded.version
"""
LIST = """
SELECT v.series_id, v.version, v.content, count(s.session_id) FILTER (WHERE s.stage <> 'drafted') AS sessions
FROM series_view v LEFT JOIN session_view s ON s.series_id = v.series_id
WHERE $1::text IS NULL OR v.series_id = $1
GROUP BY v.series_id
ORDER BY v.title, v.series_id
"""
EXISTS = "SELECT EXISTS (SELECT FROM series_view WHERE series_id = $1)"

FORMATS: dict[Format, str] = {
    "online_spotlight": "Online-Spotlight",
    "annual_conference": "Jahrestagung",
    "consultation_hour": "Digitale Sprechstunde",
    "award_ceremony": "Preisverleihung",
    "workshop": "Workshop",
}


class SeriesRef(BaseModel):
    """A series, as a session names it."""

    model_config = ConfigDict(frozen=True)

    id: str
    title: str
    slug: str
    format: Format
    format_label: str


class SeriesAnswer(SeriesRef):
    """A series. `sessions` counts the public ones."""

    summary: str | None
    description: str | None
    keyword: str | None
    sessions: int
    version: int


async def project(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
    """Keeps the last content of each series."""
    rows: dict[str, dict[str, Any]] = {}
    for recorded in events:
        match recorded.event:
            case SeriesStarted() | SeriesRevised():
                content = recorded.event.content
                rows[recorded.event.series_id] = {
                    "series_id": recorded.event.series_id,
                    "version": recorded.version,
                    "slug": content.slug,
                    "title": content.title,
                    "content": content.model_dump(mode="json"),
                }
            case _:  # of another aggregate
                pass
    if rows:
        await connection.execute(UPSERT, list(rows.values()))


PROJECTION = Projection("series", ("series_view",), project)


def reference(series_id: str, content: SeriesContent) -> SeriesRef:
    """How a session names its series."""
    return SeriesRef(
        id=series_id,
        title=content.title,
        slug=content.slug,
        format=content.format,
        format_label=FORMATS[content.format],
    )


async def list_series(pool: Pool, series_id: str | None = None) -> list[SeriesAnswer]:
    """All series by title, or the one that is asked for."""
    return [_answer(row) for row in await pool.fetch(LIST, series_id)]


async def series_exists(pool: Pool, series_id: str) -> bool:
    """Whether a session may belong to it."""
    return bool(await pool.fetchval(EXISTS, series_id))


def _answer(row: Any) -> SeriesAnswer:
    content = SeriesContent.model_validate(row["content"])
    return SeriesAnswer(
        **reference(row["series_id"], content).model_dump(),
        summary=content.summary,
        description=content.description,
        keyword=content.keyword,
        sessions=row["sessions"],
        version=row["version"],
    )
