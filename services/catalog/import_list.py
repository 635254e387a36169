"""Which imports were there, and how far is each?"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from services.catalog import import_store
from services.catalog.answers import API
from services.catalog.import_sheet import Line
from services.catalog.project_import import PROJECT_IMPORT, File, ImportStatus, Mode, ProjectImport, Target, evolve
from shared.kernel.http import Page, Paging, decode_cursor, encode_cursor
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

READ = "SELECT id::text, begun_at, actor, state FROM project_import WHERE id = ANY($1::uuid[]) FOR UPDATE"
KEEP = """
INSERT INTO project_import (id, status, begun_at, actor, state)
SELECT r.id, r.status, r.begun_at, r.actor, r.state
FROM jsonb_to_recordset($1::jsonb) AS r(id uuid, status text, begun_at timestamptz, actor text, state jsonb)
ON CONFLICT (id) DO UPDATE SET status = excluded.status, state = excluded.state
"""
ONE = "SELECT id::text, begun_at, actor, state FROM project_import WHERE id = $1::uuid"
LIST = """
SELECT t.total, i.id::text, i.begun_at, i.actor, i.state
FROM (SELECT count(*) AS total FROM project_import) t LEFT JOIN LATERAL (
    SELECT id, begun_at, actor, state FROM project_import
    WHERE $1::timestamptz IS NULL OR (begun_at, id) < ($1, $2::uuid)
    ORDER BY begun_at DESC, id DESC LIMIT $3
) i ON true
"""
RUNNING = """
SELECT id::text, begun_at, actor, state FROM project_import WHERE status = 'running' ORDER BY begun_at, id LIMIT 1
"""

STATE = TypeAdapter(ProjectImport)
CURSOR: TypeAdapter[tuple[datetime, UUID]] = TypeAdapter(tuple[datetime, UUID])
LINE_CURSOR: TypeAdapter[tuple[int, int]] = TypeAdapter(tuple[int, int])


class ImportShown(BaseModel):
    """An import. `done` and `failed` count rows of the file and together become `total`; `report` has what was wrong.

    `status`: `checked` (a dry run), `refused` (all or none, and not all were good), `running`, `finished`.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    status: ImportStatus
    mode: Mode
    target: Target
    source: str
    file: File
    total: int
    new: int
    changed: int
    unchanged: int
    bad: int
    done: int
    failed: int
    begun_at: datetime
    actor: str
    report: str


class LineShown(BaseModel):
    """A line of the report: the row's number and the column's heading as they are in the file, and what is wrong."""

    model_config = ConfigDict(frozen=True)

    row: int
    column: str
    code: str
    detail: str
    value: str = Field(description="The beginning of what stands there.")


class ImportReport(ImportShown):
    """An import with the first lines of its report."""

    lines: tuple[LineShown, ...]


async def project(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Folds the events into each import's entry."""
    ours = [each for each in recorded if isinstance(each.event, PROJECT_IMPORT.events)]
    if not ours:
        return
    rows = await connection.fetch(READ, list({each.aggregate_id for each in ours}))
    states = {row["id"]: STATE.validate_python(row["state"]) for row in rows}
    begun = {row["id"]: (row["begun_at"], row["actor"]) for row in rows}
    for each in ours:
        states[each.aggregate_id] = evolve(states.get(each.aggregate_id), each.event)
        begun.setdefault(each.aggregate_id, (each.event.at, each.actor))
    await connection.execute(KEEP, [_row(key, state, *begun[key]) for key, state in states.items()])


def _row(import_id: str, state: ProjectImport, begun_at: datetime, actor: str) -> dict[str, Any]:
    kept = STATE.dump_python(state, mode="json")
    return {"id": import_id, "status": state.status, "begun_at": begun_at, "actor": actor, "state": kept}


IMPORTS = Projection("project_imports", ("project_import",), project)


async def one(pool: Pool, import_id: str) -> ImportShown | None:
    """An import."""
    row = await pool.fetchrow(ONE, import_id)
    return _shown(row) if row else None


async def listed(pool: Pool, query: Paging) -> Page[ImportShown]:
    """One page of the imports, the newest first."""
    after = decode_cursor(query.cursor, CURSOR) if query.cursor else (None, None)
    rows = await pool.fetch(LIST, *after, query.limit + 1)
    found = [row for row in rows if row["id"] is not None]
    items = [_shown(row) for row in found[: query.limit]]
    last = items[-1] if len(found) > query.limit else None
    return Page(items=items, next=last and encode_cursor([last.begun_at, last.id]), total=rows[0]["total"])


async def running(pool: Pool) -> tuple[ProjectImport, str] | None:
    """The import that was begun first of those that are not done, and who began it."""
    row = await pool.fetchrow(RUNNING)
    return (STATE.validate_python(row["state"]), row["actor"]) if row else None


async def lines(pool: Pool, import_id: str, query: Paging) -> Page[LineShown]:
    """One page of an import's report, by rows."""
    after = decode_cursor(query.cursor, LINE_CURSOR) if query.cursor else (0, -1)
    async with pool.acquire() as connection:
        found = await import_store.lines_after(connection, import_id, after, query.limit + 1)
        total = await import_store.count_lines(connection, import_id)
    last = found[query.limit - 1] if len(found) > query.limit else None
    cursor = encode_cursor([last[1].row, last[0]]) if last else None
    shown = [line_shown(line) for _, line in found[: query.limit]]
    return Page(items=shown, next=cursor, total=total)


def line_shown(line: Line) -> LineShown:
    """A line as it is answered."""
    return LineShown(row=line.row, column=line.column, code=line.code, detail=line.detail, value=line.value)


def _shown(row: asyncpg.Record) -> ImportShown:
    state = STATE.validate_python(row["state"])
    return ImportShown(
        id=state.id,
        status=state.status,
        mode=state.asked.mode,
        target=state.asked.target,
        source=state.asked.source,
        file=state.file,
        **state.counts.model_dump(),
        done=state.done,
        failed=state.failed,
        begun_at=row["begun_at"],
        actor=row["actor"],
        report=f"{API}/projects/imports/{state.id}/report.csv",
    )
