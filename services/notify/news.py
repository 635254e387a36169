"""Which news are there? Announcements as readers and editors see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from pydantic import BaseModel, Field, StringConstraints, TypeAdapter

from services.notify.announcement import ANNOUNCEMENT
from services.notify.announcement_content import BERLIN, Action, Content, Dating, MailPlan
from services.notify.announcement_events import (
    AnnouncementCorrected,
    AnnouncementDrafted,
    AnnouncementEvent,
    AnnouncementPublished,
    AnnouncementRevised,
    AnnouncementScheduled,
    AnnouncementWithdrawn,
    InvitedReminded,
    MailingPlanned,
    MailingStopped,
    ScheduleCancelled,
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
CHANGE = """
UPDATE news SET version = c.version, changed_at = coalesce(c.changed_at, news.changed_at),
    plan = CASE WHEN c.sets_plan THEN c.plan ELSE news.plan END,
    publish_at = CASE WHEN c.sets_time THEN c.publish_at ELSE news.publish_at END
FROM jsonb_to_recordset($1::jsonb) AS c(id uuid, version bigint, changed_at timestamptz, sets_plan boolean, plan jsonb,
    sets_time boolean, publish_at timestamptz)
WHERE news.id = c.id AND news.version <= c.version
"""
LIST = """
WITH kept AS (
    SELECT id, version, status, content, sorted_at, published_at, published_on, date_note, corrected_at, correction,
           publish_at, coalesce(changed_at, corrected_at, published_at, sorted_at) AS changed_at
    FROM news
    WHERE status = $1 AND ($2::text[] IS NULL OR kind = ANY($2)) AND ($3::text IS NULL OR session_id = $3)
      AND ($4::text IS NULL OR project_id = $4)
      AND ($5::text IS NULL OR position(
          lower($5) IN lower(concat_ws(' ', content->>'title', content->>'teaser', content->>'body'))) > 0)
)
SELECT t.total, k.id::text, k.version, k.status, k.content, k.sorted_at, k.published_at, k.published_on, k.date_note,
       k.corrected_at, k.correction, k.publish_at,
       k.changed_at
FROM (SELECT count(*) AS total FROM kept) t LEFT JOIN LATERAL (
    SELECT * FROM kept WHERE $6::timestamptz IS NULL OR (sorted_at, id) < ($6, $7::uuid)
    ORDER BY sorted_at DESC, id DESC LIMIT $8
) k ON true
"""
ONE = """
SELECT id::text, version, status, content, sorted_at, published_at, published_on, date_note, corrected_at, correction,
       publish_at, coalesce(changed_at, corrected_at, published_at, sorted_at) AS changed_at
FROM news WHERE id = $1::uuid
"""
PLANNED = "SELECT id::text, version, status, content, plan, publish_at FROM news WHERE id = $1::uuid"
DUE = "SELECT id::text, publish_at FROM news WHERE publish_at <= $1 ORDER BY publish_at, id LIMIT $2"

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
    publish_at: datetime | None = Field(description="When a draft is published by itself.")
    changed_at: datetime = Field(description="When it was last published, corrected or otherwise changed, mails aside.")


class NewsArticle(NewsItem):
    """A whole announcement. `body` is plain text, its paragraphs separated by an empty line."""

    body: str


async def project(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Keeps every announcement as its last event left it."""
    rows: dict[str, dict[str, Any]] = {}
    changes: dict[str, dict[str, Any]] = {}
    for each in recorded:
        if not isinstance(each.event, ANNOUNCEMENT.events):  # of another aggregate
            continue
        key = {"id": each.aggregate_id, "version": each.version}
        said, planned = _said(each), _planned(each.event)
        if said:
            rows[each.aggregate_id] = rows.get(each.aggregate_id, {}) | said | key
        # A reminder, or the end of a mailing, changes nothing of it.
        changed = {"changed_at": each.event.at} if said or planned else {}
        changes[each.aggregate_id] = changes.get(each.aggregate_id, {}) | planned | key | changed
    if rows:
        await connection.execute(KEEP, list(rows.values()))
    if changes:
        await connection.execute(CHANGE, list(changes.values()))


def _said(each: Recorded[AnnouncementEvent]) -> dict[str, Any]:
    """What an event changes of what is read."""
    match each.event:
        case AnnouncementDrafted() | AnnouncementRevised() as event:
            return _content(event.content) | {"status": "drafted", "sorted_at": event.at}
        case AnnouncementPublished() as event:
            dates = _dates(event.dating, event.at, history=each.history)
            return _content(event.content) | {"status": "published", **dates}
        case AnnouncementCorrected() as event:
            return _content(event.content) | {
                "status": "published",
                "corrected_at": event.at,
                "correction": event.note,
            }
        case AnnouncementWithdrawn() as event:
            return _content(event.content) | {"status": "withdrawn"}
        case MailingPlanned() | AnnouncementScheduled() | ScheduleCancelled() | InvitedReminded() | MailingStopped():
            return {}


def _planned(event: AnnouncementEvent) -> dict[str, Any]:
    """What an event changes of what is to come."""
    match event:
        case MailingPlanned():
            return {"sets_plan": True, "plan": event.plan and event.plan.model_dump(mode="json")}
        case AnnouncementScheduled():
            return {"sets_time": True, "publish_at": event.publish_at}
        case ScheduleCancelled() | AnnouncementPublished() | AnnouncementWithdrawn():
            return {"sets_time": True, "publish_at": None}
        case AnnouncementDrafted() | AnnouncementRevised() | AnnouncementCorrected():
            return {}
        case InvitedReminded() | MailingStopped():
            return {}


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
    return await _page(pool, query, NewsItem)


async def articles(pool: Pool, query: NewsQuery) -> Page[NewsArticle]:
    """The same, each one whole."""
    return await _page(pool, query, NewsArticle)


async def _page[Item: NewsItem](pool: Pool, query: NewsQuery, shape: type[Item]) -> Page[Item]:
    after = decode_cursor(query.cursor, CURSOR) if query.cursor else (None, None)
    rows = await pool.fetch(
        LIST, query.status, query.kind, query.session_id, query.project_id, query.q, *after, query.limit + 1
    )
    found = [row for row in rows if row["id"] is not None]
    return Page(
        items=[shape.model_validate(_shown(row)) for row in found[: query.limit]],
        next=next_after(found, query.limit, "sorted_at", "id"),
        total=rows[0]["total"],
    )


async def one(pool: Pool, announcement_id: str) -> NewsArticle | None:
    """An announcement in whatever state it is."""
    row = await pool.fetchrow(ONE, announcement_id)
    return NewsArticle.model_validate(_shown(row)) if row else None


@dataclass(frozen=True, slots=True)
class Planned:
    """An announcement as what is planned for it sees it."""

    id: str
    version: int
    status: Status
    content: Content
    plan: MailPlan | None
    publish_at: datetime | None


async def planned(pool: Pool, announcement_id: str) -> Planned | None:
    """An announcement in whatever state it is, with what is planned."""
    row = await pool.fetchrow(PLANNED, announcement_id)
    if row is None:
        return None
    plan = MailPlan.model_validate(row["plan"]) if row["plan"] else None
    content = Content.model_validate(row["content"])
    return Planned(row["id"], row["version"], row["status"], content, plan, row["publish_at"])


async def due(pool: Pool, now: datetime, limit: int) -> list[tuple[str, datetime]]:
    """The drafts whose moment has come, and which moment that was."""
    return [(row["id"], row["publish_at"]) for row in await pool.fetch(DUE, now, limit)]


def _shown(row: asyncpg.Record) -> dict[str, Any]:
    return {**dict(row), **row["content"], "kind_label": KINDS[row["content"]["kind"]]}
