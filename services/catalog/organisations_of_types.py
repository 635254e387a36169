"""Which organisations are of these types? The answer to `rpc.catalog.organisations_of_types`.

Whoever belongs to an entry that was merged into another belongs to that one.
"""

from services.catalog.vocabulary import OrganisationType
from shared.contracts.rpc import OrganisationsOfTypesAnswered, OrganisationsOfTypesAsked
from shared.kernel.ids import parse_id
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem

OF_TYPES = """
SELECT e.id::text FROM organisation e JOIN organisation o ON o.id = coalesce(e.merged_into, e.id)
WHERE o.type = ANY($1::text[]) AND ($2::uuid IS NULL OR e.id > $2::uuid)
ORDER BY e.id LIMIT $3
"""


async def organisations_of_types(pool: Pool, asked: OrganisationsOfTypesAsked) -> OrganisationsOfTypesAnswered:
    """One page of ids, those of merged entries among them; and which of the types there is none of."""
    after = parse_id(asked.after) if asked.after else None
    if asked.after and after is None:
        raise Problem("invalid_request")
    rows = await pool.fetch(OF_TYPES, asked.types, after, asked.limit + 1)
    ids = [row["id"] for row in rows[: asked.limit]]
    return OrganisationsOfTypesAnswered(
        organisation_ids=tuple(ids),
        unknown_types=tuple(each for each in asked.types if each not in _TYPES),
        next=ids[-1] if len(rows) > asked.limit else None,
    )


_TYPES = frozenset(each.value for each in OrganisationType)
