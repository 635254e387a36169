"""Saved searches as the catalogue takes them apart, so that a project finds them: made for each that has none yet.

Nothing is lost without them: a search that is not taken apart is proven against every project.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from shared.contracts.rpc import SearchKeys, SearchKeysAnswered, SearchKeysAsked
from shared.kernel.leader import lead
from shared.kernel.postgres import CONNECTION_LOST, Pool
from shared.kernel.problems import Problem

MISSING = """
SELECT o.subscription_id, o.query FROM saved_search o LEFT JOIN compiled_search c USING (subscription_id)
WHERE c.subscription_id IS NULL LIMIT $1
"""
STALE = """
SELECT o.subscription_id, o.query FROM compiled_search c JOIN saved_search o USING (subscription_id)
WHERE c.stale LIMIT $1
"""
DROP = "DELETE FROM compiled_search WHERE subscription_id = ANY($1::uuid[])"
KEEP = """
INSERT INTO compiled_search (subscription_id, rules, label, groups, needs_proof, near, within_km)
SELECT r.subscription_id, $2, r.label, r.groups, r.needs_proof, r.near, r.within_km
FROM jsonb_to_recordset($1::jsonb) AS r (subscription_id uuid, label text, groups smallint, needs_proof boolean,
    near text, within_km float8)
JOIN saved_search o USING (subscription_id)
ON CONFLICT (subscription_id) DO NOTHING
"""
KEEP_KEYS = """
INSERT INTO search_key (key, subscription_id, part, sure)
SELECT k.key, k.subscription_id, k.part, k.sure
FROM unnest($1::text[], $2::uuid[], $3::smallint[], $4::boolean[]) AS k (key, subscription_id, part, sure)
JOIN compiled_search c USING (subscription_id)
ON CONFLICT DO NOTHING
"""
AT_ONCE = 50
TICK, TROUBLE = 1.0, 5.0
MOST_PARTS = 62
"""So many parts have a bit each where a project is compared with all searches; whatever has more is proven."""

log = structlog.get_logger()


type Ask = Callable[[SearchKeysAsked], Awaitable[SearchKeysAnswered]]


@dataclass(frozen=True, slots=True)
class Compiling:
    """Takes saved searches apart."""

    pool: Pool
    ask: Ask

    async def run(self, dsn: str) -> None:
        """Whenever there are new ones, for ever."""
        await lead(dsn, "searches", self._work)

    async def _work(self) -> None:
        while True:
            pause = TICK
            try:
                if await self.step():
                    continue
            except (Problem, TimeoutError, *CONNECTION_LOST, asyncpg.PostgresError) as error:
                log.warning("searches_wait", reason=type(error).__name__)
                pause = TROUBLE
            await asyncio.sleep(pause)

    async def step(self) -> int:
        """Some of those that are not taken apart yet, or not as they should be; gives how many."""
        rows = await self.pool.fetch(MISSING, AT_ONCE) or await self.pool.fetch(STALE, AT_ONCE)
        if not rows:
            return 0
        asked = tuple({name: tuple(values) for name, values in row["query"].items()} for row in rows)
        answer = await self.ask(SearchKeysAsked(searches=asked))
        ids = [row["subscription_id"] for row in rows]
        await self._keep(ids, answer)
        return len(rows)

    async def _keep(self, ids: Sequence[UUID], answer: SearchKeysAnswered) -> None:
        found = list(zip(ids, answer.searches, strict=True))
        keys = [(key, each, part, sure) for each, search in found for part, key, sure in _keys(search)]
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(DROP, ids)
            await connection.execute(KEEP, [_row(each, search) for each, search in found], answer.rules)
            await connection.execute(
                KEEP_KEYS, *(list(column) for column in zip(*keys, strict=True)) if keys else ([], [], [], [])
            )


def _keys(search: SearchKeys) -> Iterator[tuple[int, str, bool]]:
    for part, group in enumerate(search.groups[:MOST_PARTS]):
        yield from ((part, key, True) for key in group.sure)
        yield from ((part, key, False) for key in group.likely)


def _row(subscription_id: UUID, search: SearchKeys) -> dict[str, Any]:
    """One that the catalogue does not understand any more has a group without keys: nothing is found by it."""
    return {
        "subscription_id": str(subscription_id),
        "label": search.label,
        "groups": 1 if search.problems else min(len(search.groups), MOST_PARTS),
        "needs_proof": search.needs_proof or len(search.groups) > MOST_PARTS,
        "near": search.near,
        "within_km": search.within_km,
    }
