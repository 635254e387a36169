"""Which resources (Arbeitshilfen) are there?"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints, TypeAdapter

from services.catalog import topic_list
from services.catalog.naming import sort_key
from services.catalog.resource import Details, ResourcePublished
from services.catalog.vocabulary import ResourceKind
from shared.kernel.http import Page, Paging, decode_cursor, encode_cursor
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

FILE_MISSING = "Datei liegt nicht vor"

KEEP = """
INSERT INTO resource (id, version, published_at, title_key, kind, topics, details)
SELECT r.id, r.version, r.published_at, r.title_key, r.kind, r.topics, r.details
FROM jsonb_to_recordset($1::jsonb) AS r(id uuid, version int, published_at timestamptz, title_key text, kind text,
                                        topics text[], details jsonb)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, published_at = excluded.published_at,
    title_key = excluded.title_key, kind = excluded.kind, topics = excluded.topics, details = excluded.details
"""
LIST = """
WITH kept AS (
    SELECT id, version, published_at, title_key, details FROM resource
    WHERE ($1::text[] IS NULL OR kind = ANY($1)) AND ($2::text[] IS NULL OR topics && $2)
      AND ($3::text IS NULL
           OR position(lower($3) IN lower(concat_ws(' ', details->>'title', details->>'summary'))) > 0)
)
SELECT t.total, k.id::text, k.version, k.published_at, k.title_key, k.details
FROM (SELECT count(*) AS total FROM kept) t LEFT JOIN LATERAL (
    SELECT * FROM kept WHERE $4::text IS NULL OR (title_key, id) > ($4, $5::uuid) ORDER BY title_key, id LIMIT $6
) k ON true
"""
ONE = "SELECT id::text, version, published_at, details FROM resource WHERE id = $1::uuid"

KNOWN = "SELECT id::text FROM resource WHERE id = ANY($1::uuid[])"

CURSOR: TypeAdapter[tuple[str, UUID]] = TypeAdapter(tuple[str, UUID])


class ResourceQuery(Paging):
    """What the resources can be narrowed to."""

    kind: tuple[ResourceKind, ...] | None = None
    topic: tuple[str, ...] | None = Field(default=None, description="Codes of topics.")
    q: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] | None = Field(
        default=None, description="A part of title or summary."
    )


class ResourceShown(Details):
    """A resource in its newest version. `file_note` says so when its file is missing."""

    id: str
    version: int
    published_at: datetime
    file_note: str | None
    labels: dict[str, dict[str, str]]


async def project(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Keeps the newest version of every resource."""
    newest = {each.aggregate_id: each.event for each in recorded if isinstance(each.event, ResourcePublished)}
    if newest:
        await connection.execute(KEEP, [_row(event) for event in newest.values()])


def _row(event: ResourcePublished) -> dict[str, Any]:
    return {
        "id": event.resource_id,
        "version": event.version,
        "published_at": event.at,
        "title_key": sort_key(event.details.title),
        "kind": event.details.kind,
        "topics": event.details.topics,
        "details": event.details.model_dump(mode="json"),
    }


RESOURCES = Projection("resources", ("resource",), project)


async def listed(pool: Pool, query: ResourceQuery) -> Page[ResourceShown]:
    """Resources by title."""
    after = decode_cursor(query.cursor, CURSOR) if query.cursor else (None, None)
    async with pool.acquire() as connection:
        rows = await connection.fetch(LIST, query.kind, query.topic, query.q, *after, query.limit + 1)
        found = [dict(row) for row in rows if row["id"] is not None]
        items = await _shown(connection, found[: query.limit])
    last = found[query.limit - 1] if len(found) > query.limit else None
    return Page(
        items=items,
        next=encode_cursor([last["title_key"], last["id"]]) if last else None,
        total=rows[0]["total"],
    )


async def one(pool: Pool, resource_id: str) -> ResourceShown | None:
    """A resource by its id."""
    async with pool.acquire() as connection:
        row = await connection.fetchrow(ONE, resource_id)
        return (await _shown(connection, [dict(row)]))[0] if row else None


async def known(connection: Connection, ids: Iterable[str]) -> set[str]:
    """Those of the ids that are resources."""
    return {row["id"] for row in await connection.fetch(KNOWN, list(ids))}


async def _shown(connection: Connection, rows: Sequence[dict[str, Any]]) -> list[ResourceShown]:
    details = [Details.model_validate(row["details"]) for row in rows]
    topics = {code for each in details for code in each.topics}
    labels = await topic_list.labels(connection, topics) if topics else {}
    return [_entry(row, each, labels) for row, each in zip(rows, details, strict=True)]


def _entry(row: dict[str, Any], details: Details, labels: dict[str, str]) -> ResourceShown:
    return ResourceShown(
        **details.model_dump(),
        id=row["id"],
        version=row["version"],
        published_at=row["published_at"],
        file_note=None if details.link else FILE_MISSING,
        labels={
            "kind": {details.kind: details.kind.label},
            "topics": {code: labels[code] for code in details.topics},
        },
    )
