"""Two replicas of a service with clubs on one real database."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from shared.kernel.journal import Journal, Outcome
from shared.kernel.postgres import Pool, connect_pool
from shared.kernel.vault import Vault
from shared.kernel.wakeup import Wakeup
from tests.faults.club import CLUB, MEMBERS, NEWER_CLUB, TALLY
from tests.faults.club_model import Sent
from tests.integration.kernel.hall import context

KEY = bytes(range(32))
ENOUGH = 60.0


@dataclass(slots=True)
class Replica:
    """A process of the service: its journal, its cache, its keys."""

    journal: Journal
    vault: Vault
    closing: AsyncExitStack


class World:
    """Two replicas on one database, for machines that run in a thread beside the loop."""

    def __init__(self, dsn: str, pool: Pool) -> None:
        self.dsn = dsn
        self.pool = pool
        self.loop = asyncio.get_running_loop()
        self.replicas: list[Replica] = []
        self.examples = 0

    def run[T](self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Runs it on the loop and gives what it gives."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(ENOUGH)

    async def start(self, *, newer: bool = False, capacity: int = 2) -> Replica:
        """A replica with a small cache; newer code keeps its snapshots in another form."""
        closing = AsyncExitStack()
        pool = await closing.enter_async_context(await connect_pool(self.dsn, name="model", size=4))
        journal = Journal(self.dsn, pool, [NEWER_CLUB if newer else CLUB], [MEMBERS, TALLY], wakeup=Wakeup())
        journal._folds._capacity = capacity
        await closing.enter_async_context(journal.running())
        return Replica(journal, Vault(pool, KEY), closing)

    async def restart(self, number: int, *, newer: bool, capacity: int) -> None:
        await self.replicas[number].closing.aclose()
        self.replicas[number] = await self.start(newer=newer, capacity=capacity)

    async def close(self) -> None:
        for one in self.replicas:
            await one.closing.aclose()

    async def answers(self, asked: list[Sent]) -> list[Outcome | BaseException]:
        """All of them at once."""
        return await asyncio.gather(*(self._answer(one) for one in asked), return_exceptions=True)

    async def _answer(self, sent: Sent) -> Outcome:
        journal = self.replicas[sent.replica].journal
        circumstances = context(sent.key, sent.request if sent.key else None)
        return await journal.transact(
            journal.deciders[0], sent.club, sent.command, circumstances, expected_version=sent.expected
        )
