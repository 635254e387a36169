"""How often was a material downloaded? Counted by version and day, without a trace of anybody.

A download is a GET whose answer begins at the file's first byte; one that is resumed goes on with the same. What the
client has already (304), HEAD, and a look at the first bytes do not count. Whether it arrived is not known to us.
"""

from collections.abc import Iterable
from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from shared.kernel.postgres import Pool

COUNT = """
INSERT INTO material_download (material_id, version, day, count) VALUES ($1, $2, $3, 1)
ON CONFLICT (material_id, version, day) DO UPDATE SET count = material_download.count + 1
"""
TOTALS = """
SELECT material_id, sum(count)::bigint AS total FROM material_download WHERE material_id = ANY($1::text[])
GROUP BY material_id
"""
BY_VERSION = """
SELECT d.material_id, d.version, sum(d.count)::bigint AS count
FROM material_download d JOIN material USING (material_id)
WHERE material.session_id = $1
GROUP BY d.material_id, d.version ORDER BY d.material_id, d.version
"""
BY_DAY = """
SELECT d.material_id, d.version, d.day, d.count
FROM material_download d JOIN material USING (material_id)
WHERE material.session_id = $1 AND d.day BETWEEN $2 AND $3
ORDER BY d.day, d.material_id, d.version LIMIT 5000
"""


class OfVersion(BaseModel):
    """The downloads of one version of a material."""

    model_config = ConfigDict(frozen=True)

    material_id: str
    version: int
    count: int


class OfDay(OfVersion):
    """The downloads of one version on one day."""

    day: date


class Downloads(BaseModel):
    """What editors are told of a session's materials, those included that were taken back."""

    model_config = ConfigDict(frozen=True)

    total: int
    versions: tuple[OfVersion, ...]
    days: tuple[OfDay, ...]


class DownloadsQuery(BaseModel):
    """Which days are listed one by one; the totals are those of all days."""

    first: date = Field(default=date(2000, 1, 1), description="The first day.")
    last: date = Field(default=date(9999, 12, 31), description="The last day.")


async def count(pool: Pool, material_id: str, version: int, day: date) -> None:
    """One more."""
    await pool.execute(COUNT, material_id, version, day)


async def totals(pool: Pool, material_ids: Iterable[str]) -> dict[str, int]:
    """All downloads by material; one that nobody downloaded is missing."""
    return {row["material_id"]: row["total"] for row in await pool.fetch(TOTALS, list(material_ids))}


async def of_session(pool: Pool, session_id: str, query: DownloadsQuery) -> Downloads:
    """The downloads of a session's materials, by version and by day."""
    async with pool.acquire() as connection:
        versions = [OfVersion(**dict(row)) for row in await connection.fetch(BY_VERSION, session_id)]
        days = [OfDay(**dict(row)) for row in await connection.fetch(BY_DAY, session_id, query.first, query.last)]
    return Downloads(total=sum(each.count for each in versions), versions=tuple(versions), days=tuple(days))
