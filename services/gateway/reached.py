"""Where are these people reached? The answer to `rpc.gateway.people`: the one place that gives addresses away.

Until people sign in themselves, who belongs to an organisation or has a role is told by the tokens that were made for
an address (`tokens.py`): as long as a token is in use, whoever bears it is meant.
"""

from uuid import UUID

import orjson

from shared.contracts.rpc import PeopleAnswered, PeopleAsked, PersonReached
from shared.kernel.ids import parse_id
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.vault import Vault

LABELLED = "token:"
REACHED = """
WITH asked AS (
    SELECT person_id FROM person WHERE person_id = ANY($1::uuid[])
    UNION
    SELECT p.person_id FROM token t JOIN person p ON p.lookup = t.lookup
    WHERE t.revoked_at IS NULL AND (t.organisation = ANY($2::uuid[]) OR t.role = ANY($3) OR t.label = ANY($4))
)
SELECT p.person_id::text, p.address, held.roles, held.organisations
FROM asked JOIN person p USING (person_id) LEFT JOIN LATERAL (
    SELECT array_agg(DISTINCT t.role) AS roles, array_agg(DISTINCT t.organisation::text) AS organisations
    FROM token t WHERE t.lookup = p.lookup AND t.revoked_at IS NULL
) held ON true
WHERE ($5::uuid IS NULL OR p.person_id > $5)
  AND NOT EXISTS (SELECT FROM erased_person e WHERE e.person_id = p.person_id)
ORDER BY p.person_id LIMIT $6
"""


async def people_reached(pool: Pool, vault: Vault, asked: PeopleAsked) -> PeopleAnswered:
    """One page; who was erased is in it no more, though their row may still be there for a moment."""
    rows = await pool.fetch(
        REACHED,
        _ids((*asked.person_ids, *asked.actors)),
        _ids(asked.organisation_ids),
        list(asked.roles),
        [actor.removeprefix(LABELLED) for actor in asked.actors if actor.startswith(LABELLED)],
        _place(asked.after),
        asked.limit + 1,
    )
    page = rows[: asked.limit]
    opened = await vault.open_many([(row["person_id"], "address", row["address"]) for row in page])
    people = tuple(
        PersonReached(
            person_id=row["person_id"],
            email=orjson.loads(known)["address"],
            roles=_without_none(row["roles"]),
            organisation_ids=_without_none(row["organisations"]),
        )
        for row, known in zip(page, opened, strict=True)
        if known is not None
    )
    return PeopleAnswered(people=people, next=page[-1]["person_id"] if len(rows) > asked.limit else None)


def _ids(given: tuple[str, ...]) -> list[UUID]:
    """Those of them that are ids; nobody is meant by anything else."""
    return [found for each in given if (found := parse_id(each)) is not None]


def _place(after: str | None) -> UUID | None:
    if after is None:
        return None
    found = parse_id(after)
    if found is None:
        raise Problem("invalid_request")
    return found


def _without_none(found: list[str | None] | None) -> tuple[str, ...]:
    return tuple(each for each in found or () if each is not None)
