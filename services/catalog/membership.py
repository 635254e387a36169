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
