"""Which series are there? The read model, what fills it, and what it answers."""

from collections.abc import Sequence
from typing import Any

import asyncpg
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from services.events.series import Format, SeriesContent, SeriesRevised, SeriesStarted
from shared.contracts.rpc import SeriesTitlesAnswered, SeriesTitlesAsked
from shared.kernel.decider import Refused
from shared.kernel.http import Page, Paging, decode_cursor, encode_cursor
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
WHERE ($1::text IS NULL
       OR position(lower($1) IN lower(concat_ws(' ', v.title, v.content->>'summary', v.content->>'description'))) > 0)
  AND ($2::text IS NULL OR (v.title, v.series_id) > ($2, $3::text))
GROUP BY v.series_id
ORDER BY v.title, v.series_id
LIMIT $4
"""
COUNT = """
SELECT count(*) FROM series_view v
WHERE $1::text IS NULL
   OR position(lower($1) IN lower(concat_ws(' ', v.title, v.content->>'summary', v.content->>'description'))) > 0
"""
ONE = """
SELECT v.series_id, v.version, v.content, count(s.session_id) FILTER (WHERE s.stage <> 'drafted') AS sessions
FROM series_view v LEFT JOIN session_view s ON s.series_id = v.series_id
WHERE v.series_id = $1
GROUP BY v.series_id
"""
NAMED = """
SELECT series_id, content FROM series_view WHERE series_id = $1 OR slug = $1 ORDER BY series_id <> $1 LIMIT 1
"""
MEANT = "SELECT series_id FROM series_view WHERE series_id = ANY($1::text[]) OR slug = ANY($1)"
TITLES = "SELECT series_id, title FROM series_view WHERE series_id = ANY($1::text[])"
EXISTS = "SELECT EXISTS (SELECT FROM series_view WHERE series_id = $1)"

CURSOR: TypeAdapter[tuple[str, str]] = TypeAdapter(tuple[str, str])

FORMATS: dict[Format, str] = {
    "online_spotlight": "Online-Spotlight",
    "annual_conference": "Jahrestagung",
    "consultation_hour": "Digitale Sprechstunde",
    "award_ceremony": "Preisverleihung",
    "workshop": "Workshop",
}


class SeriesQuery(Paging):
    """The parameters of the list; there are few enough series for one page."""

    limit: int = Field(default=100, ge=1, le=100, description="The most items to answer.")
    q: str | None = Field(default=None, max_length=200, description="A part of title, summary or description.")


class SeriesRef(BaseModel):
    """A series, as a session names it."""

    model_config = ConfigDict(frozen=True)

    id: str
    title: str
    slug: str
    format: Format
    format_label: str


class SeriesAnswer(SeriesRef):
    """A series. `sessions` counts the public ones, `experts` are for editors to see."""

    summary: str | None
    description: str | None
    keyword: str | None
    questions_open: bool | None
    experts: tuple[str, ...]
    sessions: int
    version: int


async def project(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
    """Keeps the last content of each series; refuses a slug that another one has."""
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
        try:
            await connection.execute(UPSERT, list(rows.values()))
        except asyncpg.UniqueViolationError as taken:  # no series sees another, so only the key can tell
            raise Refused("slug_taken", field="/slug") from taken


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


async def list_series(pool: Pool, query: SeriesQuery, *, experts: bool) -> Page[SeriesAnswer]:
    """One page of the series, by title."""
    after = decode_cursor(query.cursor, CURSOR) if query.cursor else (None, None)
    rows = await pool.fetch(LIST, query.q, *after, query.limit + 1)
    found = [_answer(row, experts=experts) for row in rows]
    last = found[query.limit - 1] if len(found) > query.limit else None
    return Page(
        items=found[: query.limit],
        next=encode_cursor((last.title, last.id)) if last else None,
        total=await pool.fetchval(COUNT, query.q),
    )


async def find_series(pool: Pool, series_id: str, *, experts: bool) -> SeriesAnswer | None:
    """One series."""
    row = await pool.fetchrow(ONE, series_id)
    return _answer(row, experts=experts) if row else None


async def named(pool: Pool, name: str) -> SeriesRef | None:
    """The series of this id or slug."""
    row = await pool.fetchrow(NAMED, name)
    return reference(row["series_id"], SeriesContent.model_validate(row["content"], extra="ignore")) if row else None


async def meant(pool: Pool, names: Sequence[str] | None) -> list[str] | None:
    """The ids of the series with these ids or slugs; None of nothing."""
    return None if names is None else [row["series_id"] for row in await pool.fetch(MEANT, names)]


async def titles(pool: Pool, asked: SeriesTitlesAsked) -> SeriesTitlesAnswered:
    """What series are called: the answer to `rpc.events.series_titles`."""
    rows = await pool.fetch(TITLES, list(asked.series))
    return SeriesTitlesAnswered(series={row["series_id"]: row["title"] for row in rows})


async def series_exists(pool: Pool, series_id: str) -> bool:
    """Whether a session may belong to it."""
    return bool(await pool.fetchval(EXISTS, series_id))


def _answer(row: Any, *, experts: bool) -> SeriesAnswer:
    content = SeriesContent.model_validate(row["content"], extra="ignore")
    return SeriesAnswer(
        **reference(row["series_id"], content).model_dump(),
        summary=content.summary,
        description=content.description,
        keyword=content.keyword,
        questions_open=content.questions_open,
        experts=content.experts if experts else (),
        sessions=row["sessions"],
        version=row["version"],
    )
