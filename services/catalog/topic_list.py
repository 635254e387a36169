"""Which topics are there, and how many published projects has each?"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from services.catalog.naming import name_key
from services.catalog.topic import TopicDefined, TopicRenamed
from shared.kernel.http import Page, Paging, decode_cursor, encode_cursor
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

DEFINE = """
INSERT INTO topic (code, slug, label, label_key, keys, group_code, group_slug, group_label)
SELECT r.code, r.slug, r.label, r.label_key, r.keys, r.group_code, r.group_slug, r.group_label
FROM jsonb_to_recordset($1::jsonb) AS r(code text, slug text, label text, label_key text, keys text,
                                        group_code text, group_slug text, group_label text)
ON CONFLICT (code) DO UPDATE SET slug = excluded.slug, label = excluded.label, label_key = excluded.label_key,
    keys = excluded.keys, former_labels = '{}', group_code = excluded.group_code, group_slug = excluded.group_slug,
    group_label = excluded.group_label
"""
RENAME = """
UPDATE topic SET label = $2, label_key = $3,
    keys = CASE WHEN keys LIKE '%|' || $3 || '|%' THEN keys ELSE keys || $3 || '|' END,
    former_labels = array_append(array_remove(array_remove(former_labels, $4), $2), $4)
WHERE code = $1
"""
# Groups and topics stand in the order of their labels; the cursor names the last one.
LIST = """
WITH used AS (
    SELECT code, count(*) AS projects FROM search_project, unnest(topics) AS code
    WHERE status = 'published' GROUP BY code
)
SELECT count(*) OVER () AS total, t.code, t.slug, t.label, t.former_labels, t.group_code, t.group_slug, t.group_label,
       coalesce(used.projects, 0) AS projects
FROM topic t LEFT JOIN used USING (code)
WHERE ($1::text[] IS NULL OR t.group_code = ANY($1))
ORDER BY t.group_label, t.label_key, t.code
OFFSET $2 LIMIT $3
"""
COUNT = "SELECT count(*) FROM topic WHERE ($1::text[] IS NULL OR group_code = ANY($1))"
ONE = """
SELECT t.code, t.slug, t.label, t.former_labels, t.group_code, t.group_slug, t.group_label,
       (SELECT count(*) FROM search_project p WHERE p.status = 'published' AND t.code = ANY(p.topics)) AS projects
FROM topic t WHERE t.code = $1 OR t.slug = $1 ORDER BY t.code = $1 DESC LIMIT 1
"""
LABELS = "SELECT code, label FROM topic WHERE code = ANY($1::text[])"
GROUP_LABELS = "SELECT DISTINCT group_code, group_label FROM topic"

CURSOR: TypeAdapter[tuple[int]] = TypeAdapter(tuple[Annotated[int, Field(ge=0, le=10_000)]])


class TopicQuery(Paging):
    """The list of topics is short: all of it is one page."""

    limit: int = Field(default=100, ge=1, le=100, description="The most items to answer.")
    group: tuple[str, ...] | None = Field(default=None, description="Codes of groups.")


class GroupShown(BaseModel):
    """The group a topic stands in."""

    model_config = ConfigDict(frozen=True)

    code: str
    slug: str
    label: str


class TopicShown(BaseModel):
    """A topic; `projects` counts the published ones. `former_labels` are what it was called before, the latest last."""

    model_config = ConfigDict(frozen=True)

    code: str
    slug: str
    label: str
    former_labels: tuple[str, ...]
    group: GroupShown
    projects: int


async def project(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Keeps every topic under its present label, findable by former ones."""
    defined = [each.event for each in recorded if isinstance(each.event, TopicDefined)]
    if defined:
        await connection.execute(DEFINE, [_row(event) for event in defined])
    for each in recorded:
        if isinstance(each.event, TopicRenamed):
            renamed = each.event
            key = name_key(renamed.label)
            await connection.execute(RENAME, renamed.topic, renamed.label, key, renamed.previous_label)


def _row(event: TopicDefined) -> dict[str, str]:
    return {
        "code": event.topic,
        "slug": event.slug,
        "label": event.label,
        "label_key": name_key(event.label),
        "keys": f"|{name_key(event.label)}|",
        "group_code": event.group.code,
        "group_slug": event.group.slug,
        "group_label": event.group.label,
    }


TOPICS = Projection("topics", ("topic",), project)


async def listed(pool: Pool, query: TopicQuery) -> Page[TopicShown]:
    """The topics by group and label."""
    (start,) = decode_cursor(query.cursor, CURSOR) if query.cursor else (0,)
    rows = await pool.fetch(LIST, query.group, start, query.limit)
    total = rows[0]["total"] if rows else await pool.fetchval(COUNT, query.group)
    end = start + len(rows)
    return Page(
        items=[_shown(dict(row)) for row in rows],
        next=encode_cursor([end]) if rows and end < total else None,
        total=total,
    )


async def one(pool: Pool, code: str) -> TopicShown | None:
    """A topic by its code or its German slug."""
    row = await pool.fetchrow(ONE, code)
    return _shown(dict(row)) if row else None


async def labels(connection: Connection, codes: Iterable[str]) -> dict[str, str]:
    """Labels by code; an unknown code is missing."""
    return {row["code"]: row["label"] for row in await connection.fetch(LABELS, list(codes))}


async def group_labels(connection: Connection) -> dict[str, str]:
    """The groups' labels by code."""
    return {row["group_code"]: row["group_label"] for row in await connection.fetch(GROUP_LABELS)}


def _shown(row: dict[str, Any]) -> TopicShown:
    group = GroupShown(code=row["group_code"], slug=row["group_slug"], label=row["group_label"])
    return TopicShown(
        code=row["code"],
        slug=row["slug"],
        label=row["label"],
        former_labels=row["former_labels"],
        group=group,
        projects=row["projects"],
    )
