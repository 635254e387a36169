"""Which files does a project have? For whoever sees its page. Part of the projection of project_page.py."""

from collections.abc import Sequence
from typing import Any

from services.catalog.newer_code import left_to_newer_code
from services.catalog.project import DocumentAttached, DocumentRemoved, ProjectEvent
from shared.kernel.postgres import Connection, Pool
from shared.kernel.stored_file import StoredFile

KEEP = """
INSERT INTO project_document (project_id, document_id, file)
SELECT r.project_id, r.document_id, r.file
FROM jsonb_to_recordset($1::jsonb) AS r(project_id uuid, document_id uuid, file jsonb)
ON CONFLICT (project_id, document_id) DO UPDATE SET file = excluded.file
"""
DROP = """
DELETE FROM project_document d
USING jsonb_to_recordset($1::jsonb) AS r(project_id uuid, document_id uuid)
WHERE d.project_id = r.project_id AND d.document_id = r.document_id
"""
FILE = """
SELECT d.file FROM project_document d JOIN project_page p ON p.id = d.project_id
WHERE d.project_id = $1::uuid AND d.document_id = $2::uuid
  AND (p.public OR $3
       OR jsonb_path_query_array(p.entry, '$.project.content.participations[*].organisation_id') ?| $4::text[])
"""
IN_USE = "SELECT DISTINCT file->>'sha256' AS sha256 FROM project_document WHERE file->>'sha256' = ANY($1::text[])"


async def keep(connection: Connection, events: Sequence[ProjectEvent]) -> None:
    """The last word on each file: attached, or removed."""
    words = {
        (event.project_id, event.document_id): event
        for event in events
        if isinstance(event, DocumentAttached | DocumentRemoved)
    }
    attached = [_file(event) for event in words.values() if isinstance(event, DocumentAttached)]
    removed = [
        {"project_id": event.project_id, "document_id": event.document_id}
        for event in words.values()
        if isinstance(event, DocumentRemoved)
    ]
    if attached:
        await connection.execute(KEEP, attached)
    if removed:
        await connection.execute(DROP, removed)


def _file(event: DocumentAttached) -> dict[str, Any]:
    file = event.file.model_dump(mode="json")
    return {"project_id": event.project_id, "document_id": event.document_id, "file": file}


async def file(
    pool: Pool, project_id: str, document_id: str, *, editor: bool, own: frozenset[str] = frozenset()
) -> StoredFile | None:
    """A project's file, for whoever sees the project's page."""
    found = await pool.fetchval(FILE, project_id, document_id, editor, list(own))
    with left_to_newer_code(f"document {document_id}"):
        return StoredFile.model_validate(found) if found else None


async def in_use(pool: Pool, digests: Sequence[str]) -> set[str]:
    """Those of the files (by SHA-256) that a project refers to."""
    return {row["sha256"] for row in await pool.fetch(IN_USE, digests)}
