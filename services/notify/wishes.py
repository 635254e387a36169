"""What people do not want to be mailed of, and how they say so: kinds that nobody has to be told of."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from shared.kernel.postgres import Pool

REFUSED = """
SELECT person_id FROM preference
WHERE person_id = ANY($1::text[]) AND kind = $2 AND channel = 'email' AND rhythm = 'off'
"""


def nowhere(_person_id: str, _kind: str) -> str | None:
    """No link."""
    return None


@dataclass(frozen=True, slots=True)
class Wishes:
    """Who wants what; `unsubscribe(person id, kind)` is where one click says that it is not wanted."""

    pool: Pool
    unsubscribe: Callable[[str, str], str | None] = nowhere

    async def wanted(self, kind: str, person_ids: Iterable[str]) -> list[str]:
        """Those of them who have not said that they do not want it, each once and in their order."""
        people = list(dict.fromkeys(person_ids))
        refused = {row["person_id"] for row in await self.pool.fetch(REFUSED, people, kind)}
        return [person for person in people if person not in refused]
