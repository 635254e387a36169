"""Which key figures are known? Each with its source, its date and its qualifier; none is a sum of others."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from services.catalog.key_figure import KeyFigureRecorded, Reading
from services.catalog.vocabulary import Qualifier
from shared.kernel.http import Page, Paging, decode_cursor, encode_cursor
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

KEEP = """
INSERT INTO key_figure (id, stated_on, reading)
SELECT r.id, r.stated_on, r.reading FROM jsonb_to_recordset($1::jsonb) AS r(id uuid, stated_on date, reading jsonb)
ON CONFLICT (id) DO UPDATE SET stated_on = excluded.stated_on, reading = excluded.reading
"""
LIST = """
SELECT t.total, k.id::text, k.stated_on, k.reading FROM (SELECT count(*) AS total FROM key_figure) t LEFT JOIN LATERAL (
    SELECT id, stated_on, reading FROM key_figure
    WHERE $1::date IS NULL OR stated_on < $1 OR (stated_on = $1 AND id > $2::uuid)
    ORDER BY stated_on DESC, id LIMIT $3
) k ON true
"""

CURSOR: TypeAdapter[tuple[date, UUID]] = TypeAdapter(tuple[date, UUID])


class KeyFigureShown(Reading):
    """A key figure; `text` is the whole statement, number and qualifier together."""

    id: str
    qualifier_label: str
    text: str


async def project(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Keeps the newest reading of every figure."""
    newest = {each.aggregate_id: each.event.reading for each in recorded if isinstance(each.event, KeyFigureRecorded)}
    if newest:
        rows = [
            {"id": key, "stated_on": reading.stated_on.isoformat(), "reading": reading.model_dump(mode="json")}
            for key, reading in newest.items()
        ]
        await connection.execute(KEEP, rows)


KEY_FIGURES = Projection("key_figures", ("key_figure",), project)


async def listed(pool: Pool, query: Paging) -> Page[KeyFigureShown]:
    """Key figures, the latest first."""
    after = decode_cursor(query.cursor, CURSOR) if query.cursor else (None, None)
    rows = await pool.fetch(LIST, *after, query.limit + 1)
    found = [row for row in rows if row["id"] is not None]
    last = found[query.limit - 1] if len(found) > query.limit else None
    return Page(
        items=[_shown(row["id"], Reading.model_validate(row["reading"])) for row in found[: query.limit]],
        next=encode_cursor([last["stated_on"].isoformat(), last["id"]]) if last else None,
        total=rows[0]["total"],
    )


def statement(reading: Reading) -> str:
    """Qualifier, number and what is counted, as a German sentence begins: „mehr als 6.200 umgesetzte Projekte …“."""
    number = f"{reading.value:,}".replace(",", "\0").replace(".", ",").replace("\0", ".")
    exact = reading.qualifier is Qualifier.EXACTLY
    return f"{number} {reading.counts}" if exact else f"{reading.qualifier.label} {number} {reading.counts}"


def _shown(key_figure_id: str, reading: Reading) -> KeyFigureShown:
    return KeyFigureShown(
        **reading.model_dump(),
        id=key_figure_id,
        qualifier_label=reading.qualifier.label,
        text=statement(reading),
    )
