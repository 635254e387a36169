"""Which resources (Arbeitshilfen) are there, in which versions?"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from services.catalog import resource_downloads, topic_list
from services.catalog.naming import folded, sort_key, words
from services.catalog.resource import Details, ResourcePublished, ResourceRetired, ResourceRevised
from services.catalog.resource_downloads import Rounded, rounded
from services.catalog.vocabulary import ResourceKind
from shared.kernel.file_kinds import KINDS
from shared.kernel.http import Page, Paging, decode_cursor, next_after
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded
from shared.kernel.stored_file import StoredFile

FILE_MISSING = "Datei liegt nicht vor"

KEEP = """
INSERT INTO resource (id, version, published_at, title_key, kind, topics, details, stream_version, letters)
SELECT r.id, r.version, r.published_at, r.title_key, r.kind, r.topics, r.details, r.stream_version, r.letters
FROM jsonb_to_recordset($1::jsonb) AS r(id uuid, version int, published_at timestamptz, title_key text, kind text,
                                        topics text[], details jsonb, stream_version bigint, letters text)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, published_at = excluded.published_at,
    title_key = excluded.title_key, kind = excluded.kind, topics = excluded.topics, details = excluded.details,
    stream_version = excluded.stream_version, letters = excluded.letters, retired = NULL, retired_at = NULL
"""
KEEP_VERSIONS = """
INSERT INTO resource_version (resource_id, version, published_at, details)
SELECT r.id, r.version, r.published_at, r.details
FROM jsonb_to_recordset($1::jsonb) AS r(id uuid, version int, published_at timestamptz, details jsonb)
ON CONFLICT DO NOTHING
"""
RETIRE = "UPDATE resource SET retired = $2, retired_at = $3, stream_version = $4 WHERE id = $1::uuid"
# $3: the folded words that all have to occur.
LIST = """
WITH kept AS (
    SELECT id, version, published_at, title_key, details, stream_version, retired, retired_at FROM resource
    WHERE ($1::text[] IS NULL OR kind = ANY($1)) AND ($2::text[] IS NULL OR topics && $2)
      AND NOT EXISTS (SELECT FROM unnest($3::text[]) AS word WHERE position(word IN letters) = 0)
      AND (retired IS NOT NULL) = $4
)
SELECT t.total, k.id::text, k.version, k.published_at, k.title_key, k.details, k.stream_version, k.retired, k.retired_at
FROM (SELECT count(*) AS total FROM kept) t LEFT JOIN LATERAL (
    SELECT * FROM kept WHERE $5::text IS NULL OR (title_key, id) > ($5, $6::uuid) ORDER BY title_key, id LIMIT $7
) k ON true
ORDER BY k.title_key, k.id
"""
ONE = """
SELECT id::text, version, published_at, details, stream_version, retired, retired_at FROM resource WHERE id = $1::uuid
"""
VERSIONS = """
SELECT resource_id::text, version, published_at, details FROM resource_version WHERE resource_id = ANY($1::uuid[])
ORDER BY resource_id, version DESC
"""
FILE = """
SELECT version, details->'file' AS file FROM resource_version
WHERE resource_id = $1::uuid AND ($2::int IS NULL OR version = $2) ORDER BY version DESC LIMIT 1
"""
KNOWN = "SELECT id::text FROM resource WHERE id = ANY($1::uuid[])"
IN_USE = "SELECT DISTINCT details->'file'->>'sha256' FROM resource_version WHERE details->'file'->>'sha256' = ANY($1)"

CURSOR: TypeAdapter[tuple[str, UUID]] = TypeAdapter(tuple[str, UUID])


class ResourceQuery(Paging):
    """What the resources can be narrowed to."""

    kind: tuple[ResourceKind, ...] | None = Field(default=None, description="What kind of text it is.")
    topic: tuple[str, ...] | None = Field(default=None, description="Codes of topics, present or merged.")
    q: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] | None = Field(
        default=None, description="Words of title, summary, purposes and publisher, in any German spelling."
    )
    retired: bool = Field(default=False, description="Those that are no longer offered, instead of those that are.")


class ResourceFileShown(StoredFile):
    """A file to download; `type_label` is what people call its type."""

    type_label: str
    href: str


class ResourceVersionShown(BaseModel):
    """A version of a resource; without a file where it had none."""

    model_config = ConfigDict(frozen=True)

    version: int
    published_at: datetime
    title: str
    file: ResourceFileShown | None


class ResourceShown(Details):
    """A resource in its newest version; `versions` are all of them, the newest first.

    `file_note` says so when its file is missing. `retired` is why it is no longer offered.
    """

    id: str
    version: int
    published_at: datetime
    file: ResourceFileShown | None = None
    file_note: str | None
    versions: tuple[ResourceVersionShown, ...]
    downloads: Rounded
    retired: str | None
    retired_at: datetime | None
    labels: dict[str, dict[str, str]]


async def project(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Keeps every version of every resource, and which are retired."""
    told: dict[str, dict[str, Any]] = {}
    versions: list[dict[str, Any]] = []
    retired: dict[str, tuple[str, datetime, int]] = {}
    for each in recorded:
        event = each.event
        if isinstance(event, ResourcePublished | ResourceRevised):
            told[each.aggregate_id] = _row(event, each.version)
            versions.append(told[each.aggregate_id])
            retired.pop(each.aggregate_id, None)
        elif isinstance(event, ResourceRetired):
            retired[each.aggregate_id] = event.reason, event.at, each.version
    if told:
        await connection.execute(KEEP, list(told.values()))
        await connection.execute(KEEP_VERSIONS, versions)
    for resource_id, retirement in retired.items():
        await connection.execute(RETIRE, resource_id, *retirement)


def _row(event: ResourcePublished | ResourceRevised, stream_version: int) -> dict[str, Any]:
    details = event.details
    said = (details.title, details.summary, *details.purposes, details.publisher or "")
    return {
        "id": event.resource_id,
        "version": event.version,
        "published_at": event.at,
        "title_key": sort_key(details.title),
        "kind": details.kind,
        "topics": details.topics,
        "details": details.model_dump(mode="json"),
        "stream_version": stream_version,
        "letters": folded(" ".join(said)),
    }


RESOURCES = Projection("resources", ("resource", "resource_version"), project)


async def listed(pool: Pool, query: ResourceQuery) -> Page[ResourceShown]:
    """Resources by title."""
    after = decode_cursor(query.cursor, CURSOR) if query.cursor else (None, None)
    asked = words(query.q) if query.q else []
    if query.q and not asked:
        return Page(items=[], next=None, total=0)
    async with pool.acquire() as connection:
        topics = query.topic and await topic_list.same_topics(connection, query.topic)
        rows = await connection.fetch(LIST, query.kind, topics, asked, query.retired, *after, query.limit + 1)
        found = [dict(row) for row in rows if row["id"] is not None]
        items = await _shown(connection, found[: query.limit])
    return Page(
        items=items,
        next=next_after(found, query.limit, "title_key", "id"),
        total=rows[0]["total"],
    )


async def one(pool: Pool, resource_id: str) -> tuple[ResourceShown, int] | None:
    """A resource by its id, and the version of its stream."""
    async with pool.acquire() as connection:
        row = await connection.fetchrow(ONE, resource_id)
        return ((await _shown(connection, [dict(row)]))[0], row["stream_version"]) if row else None


async def file_of(pool: Pool, resource_id: str, version: int | None) -> tuple[int, StoredFile | None] | None:
    """The file of a version, the newest unless named, and which version that is; None when there is no such version."""
    row = await pool.fetchrow(FILE, resource_id, version)
    if row is None:
        return None
    return row["version"], StoredFile.model_validate(row["file"]) if row["file"] else None


async def known(connection: Connection, ids: Iterable[str]) -> set[str]:
    """Those of the ids that are resources."""
    return {row["id"] for row in await connection.fetch(KNOWN, list(ids))}


async def files_in_use(pool: Pool, digests: Sequence[str]) -> set[str]:
    """Those of the SHA-256 that a version of a resource refers to."""
    return {row[0] for row in await pool.fetch(IN_USE, list(digests))}


async def _shown(connection: Connection, rows: Sequence[dict[str, Any]]) -> list[ResourceShown]:
    details = [Details.model_validate(row["details"]) for row in rows]
    topics = {code for each in details for code in each.topics}
    present = await topic_list.present(connection, topics) if topics else {}
    labels = await topic_list.labels(connection, present.values()) if topics else {}
    ids = [row["id"] for row in rows]
    counted = await resource_downloads.totals(connection, ids)
    versions: dict[str, list[ResourceVersionShown]] = {each: [] for each in ids}
    for row in await connection.fetch(VERSIONS, ids):
        versions[row["resource_id"]].append(_version(row))
    return [
        _entry(row, _today(each, present), labels, versions[row["id"]], counted.get(row["id"], 0))
        for row, each in zip(rows, details, strict=True)
    ]


def _today(details: Details, present: Mapping[str, str]) -> Details:
    """Under the topics that are meant now."""
    return details.model_copy(update={"topics": topic_list.meant(details.topics, present)})


def _version(row: Any) -> ResourceVersionShown:
    details = Details.model_validate(row["details"])
    file = details.file and _file(row["resource_id"], row["version"], details.file)
    return ResourceVersionShown(
        version=row["version"], published_at=row["published_at"], title=details.title, file=file
    )


def _file(resource_id: str, version: int, file: StoredFile) -> ResourceFileShown:
    href = f"/api/v1/resources/{resource_id}/file?version={version}"
    return ResourceFileShown(**file.model_dump(), type_label=KINDS[file.media_type].label, href=href)


def _entry(
    row: dict[str, Any], details: Details, labels: dict[str, str], versions: list[ResourceVersionShown], counted: int
) -> ResourceShown:
    said = {name: getattr(details, name) for name in Details.model_fields if name != "file"}
    return ResourceShown(
        **said,
        id=row["id"],
        version=row["version"],
        published_at=row["published_at"],
        file=details.file and _file(row["id"], row["version"], details.file),
        file_note=None if details.link or details.file else FILE_MISSING,
        versions=tuple(versions),
        downloads=rounded(counted),
        retired=row["retired"],
        retired_at=row["retired_at"],
        labels={
            "kind": {details.kind: details.kind.label},
            "topics": {code: labels.get(code, code) for code in details.topics},
        },
    )
