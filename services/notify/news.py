"""Which news are there? Announcements as readers and editors see them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from pydantic import BaseModel, Field, StringConstraints, TypeAdapter

from services.notify.announcement import (
    BERLIN,
    Action,
    AnnouncementCorrected,
    AnnouncementDrafted,
    AnnouncementPublished,
    AnnouncementRevised,
    AnnouncementWithdrawn,
    Content,
    Dating,
)
from shared.contracts.notify import AnnouncementKind
from shared.kernel.http import Page, Paging, decode_cursor, next_after
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

KEEP = """
INSERT INTO news (id, version, status, kind, session_id, project_id, content, sorted_at, published_at, published_on,
                  date_note, corrected_at, correction)
SELECT n.id, n.version, n.status, n.kind, n.session_id, n.project_id, n.content, n.sorted_at, n.published_at,
       n.published_on, n.date_note, n.corrected_at, n.correction
FROM jsonb_to_recordset($1::jsonb) AS n(id uuid, version bigint, status text, kind text, session_id text,
    project_id text, content jsonb, sorted_at timestamptz, published_at timestamptz, published_on date, date_note text,
    corrected_at timestamptz, correction text)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, status = excluded.status, kind = excluded.kind,
    session_id = excluded.session_id, project_id = excluded.project_id, content = excluded.content,
    sorted_at = coalesce(excluded.sorted_at, news.sorted_at),
    published_at = coalesce(excluded.published_at, news.published_at),
    published_on = coalesce(excluded.published_on, news.published_on),
    date_note = coalesce(excluded.date_note, news.date_note),
    corrected_at = coalesce(excluded.corrected_at, news.corrected_at),
    correction = coalesce(excluded.correction, news.correction)
WHERE news.version < excluded.version
"""
LIST = """
WITH kept AS (
    SELECT id, version, status, content, sorted_at, published_at, published_on, date_note, corrected_at, correction
    FROM news
    WHERE status = $1 AND ($2::text[] IS NULL OR kind = ANY($2)) AND ($3::text IS NULL OR session_id = $3)
      AND ($4::text IS NULL OR project_id = $4)
      AND ($5::text IS NULL OR position(
          lower($5) IN lower(concat_ws(' ', content->>'title', content->>'teaser', content->>'body'))) > 0)
)
SELECT t.total, k.id::text, k.version, k.status, k.content, k.sorted_at, k.published_at, k.published_on, k.date_note,
       k.corrected_at, k.correction
FROM (SELECT count(*) AS total FROM kept) t LEFT JOIN LATERAL (
    SELECT * FROM kept WHERE $6::timestamptz IS NULL OR (sorted_at, id) < ($6, $7::uuid)
    ORDER BY sorted_at DESC, id DESC LIMIT $8
) k ON true
"""
ONE = """
SELECT id::text, version, status, content, sorted_at, published_at, published_on, date_note, corrected_at, correction
FROM news WHERE id = $1::uuid
"""

UNDATED = datetime(1970, 1, 1, tzinfo=UTC)
CURSOR: TypeAdapter[tuple[datetime, UUID]] = TypeAdapter(tuple[datetime, UUID])
KINDS: dict[AnnouncementKind, str] = {
    "news": "Meldung",
    "session_announcement": "Ankündigung",
    "invitation": "Einladung",
    "postponement": "Verschiebung",
    "talks_published": "Vorträge verfügbar",
    "slides_available": "Vortragsfolien verfügbar",
    "session_recap": "Rückblick",
    "project_portrait": "Projektvorstellung",
    "resource_available": "Arbeitshilfe verfügbar",
}

type Status = Literal["drafted", "published", "withdrawn"]


class NewsQuery(Paging):
    """What the announcements can be narrowed to."""

    kind: tuple[AnnouncementKind, ...] | None = None
    session_id: str | None = Field(default=None, max_length=100)
    project_id: str | None = Field(default=None, max_length=100)
    q: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] | None = Field(
        default=None, description="A part of title, teaser or body."
    )
    status: Status = Field(default="published", description="Others than `published` are for editors.")


class NewsItem(BaseModel):
    """An announcement in a list. `published_on` is null where the day is not known; `date_note` then says why."""

    id: str
    version: int
    status: Status
    kind: AnnouncementKind
    kind_label: str
    title: str
    teaser: str
    session_id: str | None
    project_id: str | None
    resource_id: str | None
    actions: tuple[Action, ...]
    published_at: datetime | None
    published_on: date | None
    date_note: str | None
    corrected_at: datetime | None
    correction: str | None


class NewsArticle(NewsItem):
    """A whole announcement. `body` is plain text, its paragraphs separated by an empty line."""

    body: str


async def project(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Keeps every announcement as its last event left it."""
    rows: dict[str, dict[str, Any]] = {}
    for each in recorded:
        match each.event:
            case AnnouncementDrafted() | AnnouncementRevised() as event:
                change = {"status": "drafted", "sorted_at": event.at}
            case AnnouncementPublished() as event:
                change = {"status": "published", **_dates(event.dating, event.at, history=each.history)}
            case AnnouncementCorrected() as event:
                change = {"status": "published", "corrected_at": event.at, "correction": event.note}
            case AnnouncementWithdrawn() as event:
                change = {"status": "withdrawn"}
            case _:  # of another aggregate
                continue
        rows[each.aggregate_id] = rows.get(each.aggregate_id, {}) | _content(event.content) | change
        rows[each.aggregate_id] |= {"id": each.aggregate_id, "version": each.version}
    if rows:
        await connection.execute(KEEP, list(rows.values()))


NEWS = Projection("news", ("news",), project)


def _content(content: Content) -> dict[str, Any]:
    return {
        "kind": content.kind,
        "session_id": content.session_id,
        "project_id": content.project_id,
        "content": content.model_dump(mode="json"),
    }


def _dates(dating: Dating, at: datetime, *, history: bool) -> dict[str, Any]:
    """Loaded history stands where its dating puts it, last of all without one."""
    place = dating.on or dating.placed_on
    placed = datetime.combine(place, time(12), BERLIN) if place else UNDATED
    return {
        "sorted_at": placed if history else at,
        "published_at": None if history else at,
        "published_on": dating.on,
        "date_note": dating.note,
    }


async def listed(pool: Pool, query: NewsQuery) -> Page[NewsItem]:
    """The newest first; what has no date comes last."""
    after = decode_cursor(query.cursor, CURSOR) if query.cursor else (None, None)
    rows = await pool.fetch(
        LIST, query.status, query.kind, query.session_id, query.project_id, query.q, *after, query.limit + 1
    )
    found = [row for row in rows if row["id"] is not None]
    return Page(
        items=[NewsItem.model_validate(_shown(row)) for row in found[: query.limit]],
        next=next_after(found, query.limit, "sorted_at", "id"),
        total=rows[0]["total"],
    )


async def one(pool: Pool, announcement_id: str) -> NewsArticle | None:
    """An announcement in whatever state it is."""
    row = await pool.fetchrow(ONE, announcement_id)
    return NewsArticle.model_validate(_shown(row)) if row else None


def _shown(row: asyncpg.Record) -> dict[str, Any]:
    return {**dict(row), **row["content"], "kind_label": KINDS[row["content"]["kind"]]}
