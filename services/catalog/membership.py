"""Which organisation somebody acts for: the one that their identity carries, if the catalogue knows it."""

from services.catalog import organisation_directory
from shared.kernel.identity import Identity
from shared.kernel.ids import parse_id
from shared.kernel.postgres import Pool


async def organisation_of(pool: Pool, identity: Identity) -> str | None:
    """The id of a member's organisation; None for everybody else, and for a member of one that is not known here."""
    key = identity.organisation_id
    if "member" not in identity.roles or key is None or parse_id(key) is None:
        return None
    async with pool.acquire() as connection:
        return next(iter(await organisation_directory.named(connection, [key])), None)


async def bodies_of(pool: Pool, identity: Identity) -> frozenset[str]:
    """Every id that means a member's organisation, of entries that were merged; none for everybody else."""
    found = await organisation_of(pool, identity)
    if found is None:
        return frozenset()
    async with pool.acquire() as connection:
        return await organisation_directory.ids_meaning(connection, found)
