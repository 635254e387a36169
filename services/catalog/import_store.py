"""What imports keep beside the journal: rows that are still to be done, and the lines of their reports.

Both hold what somebody wrote into a file, so neither belongs into a journal that keeps everything. Rows go when their
import is done, lines after a time; what a crash left behind goes with them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched, groupby
from operator import attrgetter
from typing import Any

from pydantic import TypeAdapter

from services.catalog.import_row import Row, Step
from services.catalog.import_sheet import Line
from services.catalog.project_content import Content
from shared.kernel.postgres import Connection, Pool

AT_A_TIME = 500
ROWS_AT_A_TIME = 50  # whole contents: others must not wait for long
ORPHANED_AFTER = timedelta(days=1)
LINES_KEPT = timedelta(days=90)
AFTER_THE_CHECK = 1_000_000  # ordinals of lines that came up while a row was done

PUT_ROWS = """
INSERT INTO import_row (import_id, number, project_id, version, content, steps)
SELECT $1::uuid, r.number, r.project_id, r.version, r.content, r.steps
FROM jsonb_to_recordset($2::jsonb) AS r(number int, project_id uuid, version bigint, content json, steps text[])
ON CONFLICT DO NOTHING
"""
PUT_LINES = """
INSERT INTO import_line (import_id, row_number, ordinal, heading, code, detail, value)
SELECT $1::uuid, r.row_number, r.ordinal, r.heading, r.code, r.detail, r.value
FROM jsonb_to_recordset($2::jsonb) AS r(row_number int, ordinal int, heading text, code text, detail text, value text)
ON CONFLICT DO NOTHING
"""
ROWS = """
SELECT number, project_id::text, version, content, steps FROM import_row
WHERE import_id = $1::uuid AND number > $2 ORDER BY number LIMIT $3
"""
LINES = """
SELECT row_number, ordinal, heading, code, detail, value FROM import_line
WHERE import_id = $1::uuid AND (row_number, ordinal) > ($2, $3) ORDER BY row_number, ordinal LIMIT $4
"""
COUNT_LINES = "SELECT count(*) FROM import_line WHERE import_id = $1::uuid"
DROP_ROWS = "DELETE FROM import_row WHERE import_id = $1::uuid"
DROP_LINES = "DELETE FROM import_line WHERE import_id = $1::uuid"
DROP_ORPHANS = """
DELETE FROM import_row r WHERE r.kept_since < $1 AND NOT EXISTS (
    SELECT FROM project_import i WHERE i.id = r.import_id AND i.status = 'running'
)
"""
DROP_OLD_LINES = "DELETE FROM import_line WHERE kept_since < $1"

STEPS: TypeAdapter[tuple[Step, ...]] = TypeAdapter(tuple[Step, ...])


@dataclass(frozen=True, slots=True)
class Kept:
    """A row that is still to be done."""

    number: int
    project_id: str
    version: int | None
    content: Content
    steps: tuple[Step, ...]


async def put_rows(pool: Pool, import_id: str, rows: Iterable[Row]) -> None:
    """Keeps what is to be done; what is kept already stays as it is."""
    for some in batched(rows, ROWS_AT_A_TIME):
        await pool.execute(PUT_ROWS, import_id, [_row(row) for row in some])


async def put_lines(pool: Pool, import_id: str, lines: Iterable[Line], begin: int = 0) -> None:
    """Keeps lines of the report, in their order within a row."""
    for some in batched(_numbered(lines, begin), AT_A_TIME):
        await pool.execute(PUT_LINES, import_id, list(some))


async def rows_after(connection: Connection, import_id: str, number: int, most: int) -> list[Kept]:
    """The next rows to be done."""
    return [
        Kept(
            row["number"],
            row["project_id"],
            row["version"],
            Content.model_validate_json(row["content"]),
            STEPS.validate_python(tuple(row["steps"])),
        )
        for row in await connection.fetch(ROWS, import_id, number, most)
    ]


async def lines_after(
    connection: Connection, import_id: str, after: tuple[int, int], most: int
) -> list[tuple[int, Line]]:
    """The lines behind a place in the report, each with its ordinal."""
    return [
        (row["ordinal"], Line(row["row_number"], row["heading"], row["code"], row["detail"], row["value"]))
        for row in await connection.fetch(LINES, import_id, *after, most)
    ]


async def count_lines(connection: Connection, import_id: str) -> int:
    """How long the report is."""
    count: int = await connection.fetchval(COUNT_LINES, import_id)
    return count


async def drop_rows(pool: Pool, import_id: str) -> None:
    """Nothing of this import is left to do."""
    await pool.execute(DROP_ROWS, import_id)


async def drop(pool: Pool, import_id: str) -> None:
    """Nothing came of this import."""
    await pool.execute(DROP_ROWS, import_id)
    await pool.execute(DROP_LINES, import_id)


async def tidy(pool: Pool, at: datetime) -> None:
    """Drops rows that nobody will do, and lines that are old."""
    await pool.execute(DROP_ORPHANS, at - ORPHANED_AFTER)
    await pool.execute(DROP_OLD_LINES, at - LINES_KEPT)


def _row(row: Row) -> dict[str, Any]:
    return {
        "number": row.number,
        "project_id": row.project_id,
        "version": row.version,
        "content": row.content.model_dump(mode="json"),
        "steps": row.steps,
    }


def _numbered(lines: Iterable[Line], begin: int) -> Iterable[dict[str, Any]]:
    for number, of_row in groupby(sorted(lines, key=attrgetter("row")), key=attrgetter("row")):
        some: Sequence[Line] = list(of_row)
        for ordinal, line in enumerate(some, begin):
            yield {
                "row_number": number,
                "ordinal": ordinal,
                "heading": line.column,
                "code": line.code,
                "detail": line.detail,
                "value": line.value,
            }
