"""Which topics are there, and how many published projects has each?"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

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
), kept AS (
    SELECT code, slug, label, label_key, former_labels, group_code, group_slug, group_label
    FROM topic
    WHERE ($1::text[] IS NULL OR group_code = ANY($1))
      AND ($2::text IS NULL OR replace(keys, '|', ' ') LIKE '%' || $2 || '%')
)
SELECT t.total, k.code, k.slug, k.label, k.label_key, k.former_labels, k.group_code, k.group_slug, k.group_label,
       coalesce(used.projects, 0) AS projects
FROM (SELECT count(*) AS total FROM kept) t LEFT JOIN LATERAL (
    SELECT * FROM kept WHERE $3::text IS NULL OR (group_label, label_key, code) > ($3, $4::text, $5::text)
    ORDER BY group_label, label_key, code LIMIT $6
) k ON true LEFT JOIN used ON used.code = k.code
ORDER BY k.group_label, k.label_key, k.code
"""
ONE = """
SELECT t.code, t.slug, t.label, t.former_labels, t.group_code, t.group_slug, t.group_label,
       (SELECT count(*) FROM search_project p WHERE p.status = 'published' AND t.code = ANY(p.topics)) AS projects
FROM topic t WHERE t.code = $1 OR t.slug = $1 ORDER BY t.code = $1 DESC LIMIT 1
"""
LABELS = "SELECT code, label FROM topic WHERE code = ANY($1::text[])"
GROUP_LABELS = "SELECT DISTINCT group_code, group_label FROM topic"

CURSOR: TypeAdapter[tuple[str, str, str]] = TypeAdapter(tuple[str, str, str])


class TopicQuery(Paging):
    """The list of topics is short: all of it is one page."""

    limit: int = Field(default=100, ge=1, le=100, description="The most items to answer.")
    group: tuple[str, ...] | None = Field(default=None, description="Codes of groups.")
    q: Annotated[str, StringConstraints(max_length=200)] | None = Field(
        default=None, description="A part of a name, present or former, in any German spelling."
    )


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
    asked = name_key(query.q) if query.q else None
    if asked == "":
        return Page(items=[], next=None, total=0)
    after = decode_cursor(query.cursor, CURSOR) if query.cursor else (None, None, None)
    rows = await pool.fetch(LIST, query.group, asked, *after, query.limit + 1)
    found = [dict(row) for row in rows if row["code"] is not None]
    last = found[query.limit - 1] if len(found) > query.limit else None
    return Page(
        items=[_shown(row) for row in found[: query.limit]],
        next=encode_cursor([last["group_label"], last["label_key"], last["code"]]) if last else None,
        total=rows[0]["total"],
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
