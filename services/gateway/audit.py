"""The audit log: who changed something by which route, when, and how it ended. No bodies, no addresses."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.kernel.postgres import Pool
from shared.kernel.together import Together

BEGIN = """
INSERT INTO audit (at, actor, method, path, correlation_id)
SELECT at, actor, method, path, correlation_id
FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[])
    WITH ORDINALITY AS given (at, actor, method, path, correlation_id, place)
ORDER BY place
RETURNING number
"""
# Not waited for on disk: where an end is missing, the journal tells it.
END = """
UPDATE audit SET status = given.status FROM unnest($1::bigint[], $2::smallint[]) AS given (number, status)
WHERE audit.number = given.number
RETURNING set_config('synchronous_commit', 'off', true)
"""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One change somebody sets out to make."""

    at: datetime
    actor: str
    method: str
    path: str
    correlation_id: str


class Audit:
    """The log's one writer; attempts that come at once are written by one statement."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._beginning = Together(self._begin)
        self._ending = Together(self._end)

    async def begin(self, attempt: Attempt) -> int:
        """Writes an attempt down before it is made, so that none is missing; its number.

        When a client goes while it is written, it may be there twice, once without an end.
        """
        return await self._beginning.ask(attempt)

    async def end(self, number: int, status: int) -> None:
        """Notes how an attempt ended. Where this is missing the outcome is in the journal under the correlation id."""
        await self._ending.ask((number, status))

    async def _begin(self, attempts: Sequence[Attempt]) -> list[int]:
        rows = await self._pool.fetch(
            BEGIN,
            [attempt.at for attempt in attempts],
            [attempt.actor for attempt in attempts],
            [attempt.method for attempt in attempts],
            [attempt.path for attempt in attempts],
            [attempt.correlation_id for attempt in attempts],
        )
        return [row["number"] for row in rows]

    async def _end(self, ends: Sequence[tuple[int, int]]) -> list[None]:
        await self._pool.fetch(END, [number for number, _ in ends], [status for _, status in ends])
        return [None] * len(ends)
