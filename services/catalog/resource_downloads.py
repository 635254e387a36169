"""How often was a resource downloaded? Counted by version and day, without a trace of anybody.

A download is a GET for which the file was found and began to be sent; whether it arrived is not known to us, since a
client may go with the last byte. HEAD and what the client has already (304) do not count; a `Range` is answered with
the whole file. Who asks again counts again, programs like people: to tell them apart we would have to recognise them.
"""

from collections.abc import Iterable
from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from shared.kernel.postgres import Connection, Pool

COUNT = """
INSERT INTO resource_download (resource_id, version, day, count) VALUES ($1::uuid, $2, $3, 1)
ON CONFLICT (resource_id, version, day) DO UPDATE SET count = resource_download.count + 1
"""
TOTALS = """
SELECT resource_id::text, sum(count)::bigint AS total FROM resource_download WHERE resource_id = ANY($1::uuid[])
GROUP BY resource_id
"""
BY_VERSION = """
SELECT version, sum(count)::bigint AS count FROM resource_download WHERE resource_id = $1::uuid
GROUP BY version ORDER BY version
"""
BY_DAY = """
SELECT day, version, count FROM resource_download WHERE resource_id = $1::uuid AND day BETWEEN $2 AND $3
ORDER BY day, version LIMIT 5000
"""
FEW = 10


class Rounded(BaseModel):
    """What everybody is told: a number that downloads have reached at least, rounded down to two digits."""

    model_config = ConfigDict(frozen=True)

    at_least: int
    label: str


class OfVersion(BaseModel):
    """One version's downloads."""

    model_config = ConfigDict(frozen=True)

    version: int
    count: int


class OfDay(OfVersion):
    """One version's downloads on one day."""

    day: date


class Downloads(BaseModel):
    """What editors are told."""

    model_config = ConfigDict(frozen=True)

    total: int
    versions: tuple[OfVersion, ...]
    days: tuple[OfDay, ...]


class DownloadsQuery(BaseModel):
    """Which days are listed one by one; the totals are those of all days."""

    first: date = Field(default=date(2000, 1, 1), description="The first day.")
    last: date = Field(default=date(9999, 12, 31), description="The last day.")


def rounded(total: int) -> Rounded:
    """Two leading digits; few are only said to be few."""
    if total < FEW:
        return Rounded(at_least=0, label=f"weniger als {FEW}-mal heruntergeladen")
    step = 10 ** max(len(str(total)) - 2, 0) if total >= 100 else FEW
    reached = total // step * step
    return Rounded(at_least=reached, label=f"mindestens {f'{reached:,}'.replace(',', '.')}-mal heruntergeladen")


async def count(pool: Pool, resource_id: str, version: int, day: date) -> None:
    """One more."""
    await pool.execute(COUNT, resource_id, version, day)


async def totals(connection: Connection, ids: Iterable[str]) -> dict[str, int]:
    """All downloads by resource; one that nobody downloaded is missing."""
    return {row["resource_id"]: row["total"] for row in await connection.fetch(TOTALS, list(ids))}


async def of(pool: Pool, resource_id: str, query: DownloadsQuery) -> Downloads:
    """A resource's downloads, by version and by day."""
    async with pool.acquire() as connection:
        versions = [OfVersion(**dict(row)) for row in await connection.fetch(BY_VERSION, resource_id)]
        days = [OfDay(**dict(row)) for row in await connection.fetch(BY_DAY, resource_id, query.first, query.last)]
    return Downloads(total=sum(each.count for each in versions), versions=tuple(versions), days=tuple(days))
