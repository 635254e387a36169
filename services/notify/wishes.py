"""What people do not want to be mailed of, and how they say so: kinds that nobody has to be told of.

Who paused is told of none of them, but reminded of what they registered for.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from services.notify.wished_kinds import REMINDER
from shared.kernel.clock import Clock
from shared.kernel.postgres import Pool

UNWANTED = """
SELECT person_id FROM preference
WHERE person_id = ANY($1::text[]) AND kind = $2 AND channel = 'email' AND rhythm = 'off'
UNION
SELECT person_id FROM subscriber WHERE person_id = ANY($1::text[]) AND paused_until > $3 AND $2 <> $4
"""


def nowhere(_person_id: str, _kind: str) -> str | None:
    """No link."""
    return None


@dataclass(frozen=True, slots=True)
class Wishes:
    """Who wants what; `unsubscribe(person id, kind)` is where one click says that it is not wanted."""

    pool: Pool
    clock: Clock
    unsubscribe: Callable[[str, str], str | None] = nowhere

    async def wanted(self, kind: str, person_ids: Iterable[str]) -> list[str]:
        """Those of them who have not said that they do not want it, each once and in their order."""
        people = list(dict.fromkeys(person_ids))
        rows = await self.pool.fetch(UNWANTED, people, kind, self.clock.now(), REMINDER)
        unwanted = {row["person_id"] for row in rows}
        return [person for person in people if person not in unwanted]
