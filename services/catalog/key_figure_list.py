"""Which key figures are known? Each with its source, its date and its qualifier; none is a sum of others."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from services.catalog.key_figure import KeyFigureRecorded, KeyFigureWithdrawn, Reading
from services.catalog.vocabulary import Qualifier
from shared.kernel.http import Page, Paging, decode_cursor, next_after
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

KEEP = """
INSERT INTO key_figure (id, version, stated_on, reading) VALUES ($1::uuid, $2, $3, $4)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, stated_on = excluded.stated_on, reading = excluded.reading
"""
WITHDRAW = "UPDATE key_figure SET withdrawn = true, version = $2 WHERE id = $1::uuid"
LIST = """
SELECT t.total, k.id::text, k.version, k.stated_on, k.reading
FROM (SELECT count(*) AS total FROM key_figure WHERE NOT withdrawn) t LEFT JOIN LATERAL (
    SELECT id, version, stated_on, reading FROM key_figure
    WHERE NOT withdrawn AND ($1::date IS NULL OR stated_on < $1 OR (stated_on = $1 AND id > $2::uuid))
    ORDER BY stated_on DESC, id LIMIT $3
) k ON true
"""
ONE = "SELECT id::text, version, reading FROM key_figure WHERE id = $1::uuid AND NOT withdrawn"

CURSOR: TypeAdapter[tuple[date, UUID]] = TypeAdapter(tuple[date, UUID])


class KeyFigureShown(Reading):
    """A key figure; `text` is the whole statement, number and qualifier together."""

    id: str
    version: int
    qualifier_label: str
    text: str


async def project(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Keeps the newest reading of every figure, and which are withdrawn."""
    for each in recorded:
        event = each.event
        if isinstance(event, KeyFigureRecorded):
            reading = event.reading
            said = reading.model_dump(mode="json")
            await connection.execute(KEEP, event.key_figure_id, each.version, reading.stated_on, said)
        elif isinstance(event, KeyFigureWithdrawn):
            await connection.execute(WITHDRAW, event.key_figure_id, each.version)


KEY_FIGURES = Projection("key_figures", ("key_figure",), project)


async def listed(pool: Pool, query: Paging) -> Page[KeyFigureShown]:
    """Key figures, the latest first."""
    after = decode_cursor(query.cursor, CURSOR) if query.cursor else (None, None)
    rows = await pool.fetch(LIST, *after, query.limit + 1)
    found = [row for row in rows if row["id"] is not None]
    return Page(
        items=[_shown(row) for row in found[: query.limit]],
        next=next_after(found, query.limit, "stated_on", "id"),
        total=rows[0]["total"],
    )


async def one(pool: Pool, key_figure_id: str) -> KeyFigureShown | None:
    """A key figure by its id."""
    row = await pool.fetchrow(ONE, key_figure_id)
    return _shown(row) if row else None


def statement(reading: Reading) -> str:
    """Qualifier, number and what is counted, as a German sentence begins: „mehr als 6.200 umgesetzte Projekte …“."""
    number = f"{reading.value:,}".replace(",", "\0").replace(".", ",").replace("\0", ".")
    exact = reading.qualifier is Qualifier.EXACTLY
    return f"{number} {reading.counts}" if exact else f"{reading.qualifier.label} {number} {reading.counts}"


def _shown(row: asyncpg.Record) -> KeyFigureShown:
    reading = Reading.model_validate(row["reading"])
    return KeyFigureShown(
        **reading.model_dump(),
        id=row["id"],
        version=row["version"],
        qualifier_label=reading.qualifier.label,
        text=statement(reading),
    )
