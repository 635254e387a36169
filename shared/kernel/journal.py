"""The journal of a service: every fact in one table, in one gapless order, and the way of a command into it.

`Journal.transact` is the whole application layer: commands that wait together are decided against folded states in
memory (`writer.py`) and written by one statement (`appending.py`). Reading in global order is `position > $1 ORDER BY
position`: positions are handed out under a row lock held until commit, so they become visible in their order and
without holes.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg

from shared.kernel.appending import FORGET, REMEMBERED, outcome_of
from shared.kernel.codec import Codec
from shared.kernel.decider import Decider, Event
from shared.kernel.folding import Folded, Folds
from shared.kernel.forgetting import keep_forgetting
from shared.kernel.ids import named_id
from shared.kernel.orders import Order
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection, follow
from shared.kernel.recorded import (
    Conflict,
    Context,
    IdempotencyKeyReused,
    Outcome,
    Recorded,
    StaleVersion,
    Unavailable,
)
from shared.kernel.wakeup import Wakeup
from shared.kernel.writer import Writer

__all__ = [
    "Conflict",
    "Context",
    "IdempotencyKeyReused",
    "Journal",
    "Outcome",
    "PositionNotReached",
    "Recorded",
    "StaleVersion",
    "Unavailable",
]

READ = """
SELECT position, stream, version, type, form, data, actor, command_id, correlation_id, causation_id, traceparent,
       history, aggregate, aggregate_version, recorded_at
FROM journal WHERE position > $1 ORDER BY position LIMIT $2
"""
HEAD = "SELECT position FROM journal_counter"
FOLLOWED = "SELECT position FROM projection WHERE name = $1"
POLL = 0.02


class PositionNotReached(Exception):
    """A read asked for a position that this replica or projection has not seen in time (503, try again)."""


class Journal:
    """One service's journal: commands in, facts out.

    `dsn` opens the writer's own connection; `pool` serves the reads.
    """

    def __init__(
        self,
        dsn: str,
        pool: Pool,
        deciders: Sequence[Decider[Any, Any, Any]],
        projections: Sequence[Projection],
        *,
        wakeup: Wakeup,
    ) -> None:
        self.deciders = tuple(deciders)
        self.projections = tuple(projections)
        self.codec = Codec(self.deciders)
        self._pool = pool
        self._wakeup = wakeup
        self._folds = Folds(self.codec)
        inline = [projection for projection in projections if not projection.following]
        self._writer = Writer(dsn, self._folds, inline, wakeup)

    async def transact[S, C, E: Event](
        self,
        decider: Decider[S, C, E],
        aggregate_id: str,
        command: C,
        context: Context,
        *,
        expected_version: int | None = None,
    ) -> Outcome:
        """Decides and records one command; durable when it returns, and goes on when the caller is cancelled.

        A command id that was seen before answers as it did then. Raises `Refused`, `NotThere`, `StaleVersion` (not at
        `expected_version`), `IdempotencyKeyReused`, `Conflict` (lost too many races), `Unavailable` (no database in
        time: whether it was recorded is found out by sending it again with the same id).
        """
        return await self._writer.submit(
            Order(decider, decider.stream(aggregate_id), aggregate_id, command, context, expected_version)
        )

    async def transact_all[S, C, E: Event](
        self, decider: Decider[S, C, E], commands: Mapping[str, C], context: Context
    ) -> None:
        """Decides and records a command to each of several aggregates in one transaction: all of them or none.

        Not more of them than one transaction has time for: some hundred. Each command's id follows from the context's
        and the aggregate's; raises what `transact` does, of the first that is refused.
        """
        if not commands:
            return
        members = tuple(
            Order(decider, decider.stream(key), key, command, _part_of(context, key), None)
            for key, command in commands.items()
        )
        await self._writer.submit(Order(decider, decider.category, "", None, context, None, members=members))

    async def reached(self, context: Context, aggregate_ids: Iterable[str]) -> frozenset[str]:
        """Those of the aggregates that `transact_all` has brought a command to before, in the same circumstances."""
        if context.fresh:
            return frozenset()
        parts = {_part_of(context, key).command_id: key for key in aggregate_ids}
        rows = await self._pool.fetch(REMEMBERED, list(parts))
        return frozenset(parts[row["id"]] for row in rows)

    async def outcome(self, context: Context) -> Outcome | None:
        """What became of a command that was sent before, None of a new one; or `IdempotencyKeyReused`.

        For those who look up what a command refers to before they make it: `transact` asks by itself.
        """
        if context.fresh:
            return None
        async with self._pool.acquire() as connection:
            return await outcome_of(connection, context)

    async def load[S, C, E: Event](self, decider: Decider[S, C, E], aggregate_id: str) -> Folded[S]:
        """The present state of one aggregate; version 0 when there is none."""
        stream = decider.stream(aggregate_id)
        async with self._pool.acquire() as connection:
            return (await self._folds.load(connection, {stream: decider}))[stream]

    async def read(self, after: int, limit: int, connection: Connection | None = None) -> list[Recorded[Any]]:
        """Events behind position `after` in global order, upcast to their present form."""
        rows: list[asyncpg.Record] = await (connection or self._pool).fetch(READ, after, limit)
        return [self.codec.recorded(row) for row in rows]

    async def head(self) -> int:
        """The position of the newest event; 0 for an empty journal."""
        position: int = await self._pool.fetchval(HEAD)
        return position

    async def wait_for(self, position: int, projection: str | None = None, within: float = 2.0) -> None:
        """Returns when `position` can be read here (by `projection`, when named); else `PositionNotReached`."""
        try:
            async with asyncio.timeout(within):
                while await self._seen(projection) < position:  # noqa: ASYNC110 -- another process may move it
                    await asyncio.sleep(POLL)
        except TimeoutError as late:
            raise PositionNotReached from late

    async def _seen(self, projection: str | None) -> int:
        if projection is None:
            return await self.head()
        return await self._pool.fetchval(FOLLOWED, projection) or 0

    async def run(self) -> None:
        """Writes what is submitted and feeds the following projections, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._writer.run())
            for projection in self.projections:
                if projection.following:
                    tasks.create_task(follow(projection, self._pool, self.read, self._wakeup.waiter()))

    async def forget_results(self, after: timedelta) -> None:
        """Forgets, for ever, what commands came to more than `after` ago; several processes may do so at once.

        A client's command id that comes again later is a new command. Ids that follow from a cause are kept.
        """
        await keep_forgetting("results of commands", lambda limit: self._pool.fetchval(FORGET, after, limit))

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Journal"]:
        """The journal at work inside a `with` block: for short-lived programs and tests."""
        task = asyncio.create_task(self.run())
        try:
            yield self
        finally:
            await self._writer.drain()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def drain(self) -> None:
        """Returns when everything that was submitted has its answer."""
        await self._writer.drain()


def _part_of(context: Context, aggregate_id: str) -> Context:
    """The circumstances of one of several commands that are asked for together."""
    return replace(context, command_id=named_id("command", f"{context.command_id}/{aggregate_id}"), fresh=False)
