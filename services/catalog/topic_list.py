"""Which topics are there, and how many published projects has each?"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter
from pyroaring import BitMap

from services.catalog.naming import name_key
from services.catalog.search_index import NONE, Index
from services.catalog.search_live import Live
from services.catalog.search_shown import PUBLIC
from services.catalog.topic import Group, TopicDefined, TopicMerged, TopicRenamed, TopicSplit, TopicSplitFinished
from shared.kernel.http import Page, Paging, decode_cursor, next_after
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

DEFINE = """
INSERT INTO topic (code, version, slug, label, label_key, keys, group_code, group_slug, group_label)
SELECT r.code, r.version, r.slug, r.label, r.label_key, r.keys, r.group_code, r.group_slug, r.group_label
FROM jsonb_to_recordset($1::jsonb) AS r(code text, version bigint, slug text, label text, label_key text, keys text,
                                        group_code text, group_slug text, group_label text)
ON CONFLICT (code) DO UPDATE SET version = excluded.version, slug = excluded.slug, label = excluded.label,
    label_key = excluded.label_key, keys = excluded.keys, former_labels = '{}', group_code = excluded.group_code,
    group_slug = excluded.group_slug, group_label = excluded.group_label
"""
RENAME = """
UPDATE topic SET version = $5, label = $2, label_key = $3,
    keys = CASE WHEN keys LIKE '%|' || $3 || '|%' THEN keys ELSE keys || $3 || '|' END,
    former_labels = array_append(array_remove(array_remove(former_labels, $4), $2), $4)
WHERE code = $1
"""
# Whatever led to the topic that goes leads to the one that stays: one step always finds it.
MERGE = """
UPDATE topic SET merged_into = $2, version = CASE WHEN code = $1 THEN $3 ELSE version END
WHERE code = $1 OR merged_into = $1
"""
MOVE = "UPDATE topic SET splitting = $2, version = $3 WHERE code = $1"
# Groups and topics stand in the order of their labels; the cursor names the last one. The names of topics that became
# one all find the one that stays.
LIST = """
WITH led AS (
    SELECT merged_into AS code, array_agg(code ORDER BY code) AS codes,
           array_agg(label ORDER BY label_key, code) AS labels, string_agg(keys, ' ' ORDER BY code) AS keys
    FROM topic WHERE merged_into IS NOT NULL GROUP BY merged_into
), kept AS (
    SELECT t.code, t.version, t.slug, t.label, t.label_key,
           t.former_labels || coalesce(led.labels, '{}') AS former_labels,
           coalesce(led.codes, '{}') AS former_codes, t.splitting, t.group_code, t.group_slug, t.group_label
    FROM topic t LEFT JOIN led USING (code)
    WHERE t.merged_into IS NULL AND ($1::text[] IS NULL OR t.group_code = ANY($1))
      AND ($2::text IS NULL OR replace(concat_ws(' ', t.keys, led.keys), '|', ' ') LIKE '%' || $2 || '%')
)
SELECT t.total, k.code, k.version, k.slug, k.label, k.label_key, k.former_labels, k.former_codes, k.splitting,
       k.group_code, k.group_slug, k.group_label
FROM (SELECT count(*) AS total FROM kept) t LEFT JOIN LATERAL (
    SELECT * FROM kept WHERE $3::text IS NULL OR (group_label, label_key, code) > ($3, $4::text, $5::text)
    ORDER BY group_label, label_key, code LIMIT $6
) k ON true
ORDER BY k.group_label, k.label_key, k.code
"""
# A code or a slug that was merged answers as the topic that stays.
ONE = """
SELECT t.code, t.version, t.slug, t.label, t.splitting, t.group_code, t.group_slug, t.group_label,
       asked.code <> t.code AS led_here, t.former_labels || ARRAY(
           SELECT m.label FROM topic m WHERE m.merged_into = t.code ORDER BY m.label_key, m.code
       ) AS former_labels,
       ARRAY(SELECT m.code FROM topic m WHERE m.merged_into = t.code ORDER BY m.code) AS former_codes
FROM topic asked JOIN topic t ON t.code = coalesce(asked.merged_into, asked.code)
WHERE asked.code = $1 OR asked.slug = $1 ORDER BY asked.code = $1 DESC LIMIT 1
"""
OWN_CODE = "SELECT code FROM topic WHERE code = $1 OR slug = $1 ORDER BY code = $1 DESC LIMIT 1"
LABELS = """
SELECT asked.code, t.label FROM topic asked JOIN topic t ON t.code = coalesce(asked.merged_into, asked.code)
WHERE asked.code = ANY($1::text[])
"""
PRESENT = "SELECT code, coalesce(merged_into, code) AS present FROM topic WHERE code = ANY($1::text[])"
SAME = """
SELECT DISTINCT o.code FROM topic asked
JOIN topic o ON coalesce(o.merged_into, o.code) = coalesce(asked.merged_into, asked.code)
WHERE asked.code = ANY($1::text[])
"""
EVERYTHING = """
SELECT code, slug, label, former_labels, coalesce(merged_into, code) AS present, group_code FROM topic ORDER BY code
"""
GROUP = "SELECT group_code, group_slug, group_label FROM topic WHERE group_code = $1 LIMIT 1"
# Whether another topic has the name; or, of a new one, whether its code or its slug leads to another, merged or not.
TAKEN = """
SELECT EXISTS (
    SELECT FROM topic WHERE code <> $1 AND (
        (label_key = $2 AND merged_into IS NULL) OR $3::text IN (slug, code) OR ($3 IS NOT NULL AND slug = $1)
    )
)
"""
SPLITTING = "SELECT code FROM topic WHERE splitting ORDER BY code"

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
    """A topic; `projects` counts the published ones.

    `former_labels` are what it was called before, the latest last, and the labels of topics that were merged into it;
    `former_codes` are the codes of those. `merged_into` is this topic's code where what was asked for is one of those.
    While `splitting`, projects are on their way to other topics.
    """

    model_config = ConfigDict(frozen=True)

    code: str
    slug: str
    label: str
    former_labels: tuple[str, ...]
    former_codes: tuple[str, ...]
    group: GroupShown
    projects: int
    splitting: bool
    version: int
    merged_into: str | None = None


async def project(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Keeps every topic under its present label, findable by former ones, and where those lead that were merged."""
    defined = [each for each in recorded if isinstance(each.event, TopicDefined)]
    if defined:
        await connection.execute(DEFINE, [_row(each) for each in defined])
    for each in recorded:
        await _changed(connection, each.event, each.version)


async def _changed(connection: Connection, event: object, version: int) -> None:
    if isinstance(event, TopicRenamed):
        key = name_key(event.label)
        await connection.execute(RENAME, event.topic, event.label, key, event.previous_label, version)
    elif isinstance(event, TopicMerged):
        await connection.execute(MERGE, event.topic, event.into, version)
    elif isinstance(event, TopicSplit | TopicSplitFinished):
        await connection.execute(MOVE, event.topic, isinstance(event, TopicSplit), version)


def _row(recorded: Recorded[Any]) -> dict[str, Any]:
    event: TopicDefined = recorded.event
    return {
        "code": event.topic,
        "version": recorded.version,
        "slug": event.slug,
        "label": event.label,
        "label_key": name_key(event.label),
        "keys": f"|{name_key(event.label)}|",
        "group_code": event.group.code,
        "group_slug": event.group.slug,
        "group_label": event.group.label,
    }


TOPICS = Projection("topics", ("topic",), project)


async def listed(live: Live, query: TopicQuery) -> Page[TopicShown]:
    """The topics by group and label."""
    asked = name_key(query.q) if query.q else None
    if asked == "":
        return Page(items=[], next=None, total=0)
    after = decode_cursor(query.cursor, CURSOR) if query.cursor else (None, None, None)
    rows = await live.pool.fetch(LIST, query.group, asked, *after, query.limit + 1)
    found = [dict(row) for row in rows if row["code"] is not None]
    index = await live.current()
    return Page(
        items=[_shown(row, index) for row in found[: query.limit]],
        next=next_after(found, query.limit, "group_label", "label_key", "code"),
        total=rows[0]["total"],
    )


async def one(live: Live, code: str) -> TopicShown | None:
    """A topic by its code or its German slug; by those of a topic that was merged, the one that stays."""
    row = await live.pool.fetchrow(ONE, code)
    if row is None:
        return None
    shown = _shown(dict(row), await live.current())
    return shown.model_copy(update={"merged_into": shown.code}) if row["led_here"] else shown


async def own_code(pool: Pool, name: str) -> str | None:
    """The code of the topic with this code or German slug, merged or not."""
    code: str | None = await pool.fetchval(OWN_CODE, name)
    return code


async def labels(connection: Connection, codes: Iterable[str]) -> dict[str, str]:
    """Labels by code: of one that was merged, that of the topic that stays. An unknown code is missing."""
    return {row["code"]: row["label"] for row in await connection.fetch(LABELS, list(codes))}


class Entry(NamedTuple):
    """A topic by every name it goes by; `present` is the code of the one that stands for it now."""

    code: str
    slug: str
    label: str
    former_labels: Sequence[str]
    present: str
    group: str


async def everything(connection: Connection) -> list[Entry]:
    """All topics."""
    return [Entry(*row) for row in await connection.fetch(EVERYTHING)]


async def present(connection: Connection, codes: Iterable[str]) -> dict[str, str]:
    """What codes mean today: one that was merged means the topic that stays. An unknown code is missing."""
    return {row["code"]: row["present"] for row in await connection.fetch(PRESENT, list(codes))}


def meant(codes: Iterable[str], present: Mapping[str, str]) -> tuple[str, ...]:
    """What codes mean today, each once, in the order they are said in."""
    return tuple(dict.fromkeys(present.get(code, code) for code in codes))


async def same_topics(connection: Connection, codes: Iterable[str]) -> set[str]:
    """All codes that mean the topics that these mean, whatever was merged; unknown ones stay."""
    asked = list(codes)
    return {*asked, *(row["code"] for row in await connection.fetch(SAME, asked))}


async def group(connection: Connection, code: str) -> Group | None:
    """A group by its code."""
    row = await connection.fetchrow(GROUP, code)
    return Group(code=row["group_code"], slug=row["group_slug"], label=row["group_label"]) if row else None


async def taken(connection: Connection, code: str, label: str, slug: str | None = None) -> bool:
    """Whether another topic than `code` has this label, in any spelling; with `slug`, also whether one leads to it."""
    return bool(await connection.fetchval(TAKEN, code, name_key(label), slug))


async def splitting(pool: Pool) -> list[str]:
    """The topics whose projects are on their way to others."""
    return [row["code"] for row in await pool.fetch(SPLITTING)]


def _projects(index: Index, code: str) -> int:
    """How many published projects stand under a topic; one that does so twice, since topics became one, counts once."""
    published: BitMap = index.statuses.get(PUBLIC[0], NONE)
    return published.intersection_cardinality(index.facets["topic"].get(code, NONE))


def _shown(row: dict[str, Any], index: Index) -> TopicShown:
    group = GroupShown(code=row["group_code"], slug=row["group_slug"], label=row["group_label"])
    return TopicShown(
        code=row["code"],
        slug=row["slug"],
        label=row["label"],
        former_labels=row["former_labels"],
        former_codes=row["former_codes"],
        group=group,
        projects=_projects(index, row["code"]),
        splitting=row["splitting"],
        version=row["version"],
    )
