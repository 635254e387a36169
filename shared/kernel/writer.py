"""Group append: whatever commands wait are decided one after the other in memory and written by one statement.

There is no timer: while one group is written the next one gathers. Order inside the transaction: load, decide, project,
then append with the counter's row as the last lock before COMMIT, so that positions are gapless and become visible in
their order, and writers wait for each other during the commit only.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from shared.kernel.decider import Decider, Refused
from shared.kernel.draft import Draft
from shared.kernel.folding import Folds, keep_snapshot
from shared.kernel.postgres import CONNECTION_LOST, Connection, OwnConnection, connect
from shared.kernel.projection import Projection
from shared.kernel.recorded import Conflict, Context, IdempotencyKeyReused, Outcome, Unavailable
from shared.kernel.wakeup import Wakeup

# One statement for a whole group. The UPDATE locks the counter's row until commit. A version or command id that another
# process has taken fails on its key, and with it the transaction. A stream whose last known version is gone (a journal
# restored to an older state) leaves the counter alone, and nothing is written.
APPEND = """
WITH counter AS (
    UPDATE journal_counter SET position = position + cardinality($1::appended_event[])
    WHERE NOT EXISTS (
        SELECT FROM unnest($3::text[], $4::bigint[]) AS head(stream, version)
        WHERE NOT EXISTS (SELECT FROM journal j WHERE j.stream = head.stream AND j.version = head.version)
    )
    RETURNING position - cardinality($1::appended_event[]) AS base
), written AS (
    INSERT INTO journal (position, stream, version, type, form, data, actor, command_id, correlation_id, causation_id,
                         traceparent, history, aggregate, aggregate_version, recorded_at)
    SELECT counter.base + e.ordinal, e.stream, e.version, e.type, e.form, e.data, e.actor, e.command_id,
           e.correlation_id, e.causation_id, e.traceparent, e.history, e.aggregate, e.aggregate_version, e.recorded_at
    FROM counter, unnest($1::appended_event[]) AS e
), remembered AS (
    INSERT INTO command (id, fingerprint, stream, version, position, at)
    SELECT c.id, c.fingerprint, c.stream, c.version,
           CASE WHEN c.ordinal > 0 THEN counter.base + c.ordinal ELSE c.position END, c.at
    FROM counter, unnest($2::remembered_command[]) AS c
)
SELECT base FROM counter
"""
REMEMBER = """
INSERT INTO command (id, fingerprint, stream, version, position, at)
SELECT c.id, c.fingerprint, c.stream, c.version, c.position, c.at FROM unnest($1::remembered_command[]) AS c
"""
# Whether another process has written to one of the streams since they were loaded, or served one of the commands.
OVERTAKEN = """
SELECT EXISTS (
    SELECT FROM unnest($1::text[], $2::bigint[]) AS head(stream, version)
    JOIN journal j ON j.stream = head.stream AND j.version = head.version + 1
) OR EXISTS (SELECT FROM command WHERE id = ANY($3::uuid[]))
"""
REMEMBERED = "SELECT id, fingerprint, stream, version, position FROM command WHERE id = ANY($1::uuid[])"
# A client's key and an id made for one attempt are forgotten. An id that follows from a cause (UUIDv5, no fingerprint)
# is kept: the cause may come again at any time. SKIP LOCKED: several processes forget at once.
FORGET = """
WITH old AS (
    SELECT id FROM command
    WHERE (fingerprint IS NOT NULL OR uuid_extract_version(id) <> 5) AND at < now() - $1::interval
    ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED
), forgotten AS (
    DELETE FROM command USING old WHERE command.id = old.id RETURNING 1
)
SELECT count(*) FROM forgotten
"""
LOCK_STREAMS = """
SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' ' || stream, 0))
FROM (SELECT stream FROM unnest($1::text[]) AS stream ORDER BY stream) AS ordered
"""
# A frozen writer must not hold the counter: the server ends its transaction.
SETTINGS = {
    "synchronous_commit": "on",
    "transaction_timeout": "2s",
    "idle_in_transaction_session_timeout": "2s",
    "max_parallel_workers_per_gather": "0",
    "plan_cache_mode": "force_generic_plan",  # planning the append anew costs more than running it
}
LARGEST_GROUP = 500
PATIENCE = 5.0
RACES = 12
CONTENDED_FOR = 5.0
BACK_OFF = 0.1

log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class Order:
    """A command on its way: what is asked of which stream, and the future that takes the answer.

    `alone`: the group it was in failed as a whole, so it is served by itself.
    """

    decider: Decider[Any, Any, Any]
    stream: str
    aggregate_id: str
    command: Any
    context: Context
    expected_version: int | None
    answer: "asyncio.Future[Outcome]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    since: float = field(default_factory=time.monotonic)
    races: int = 0
    tried: bool = False
    alone: bool = False

    @property
    def may_be_known(self) -> bool:
        """Whether its command id could have a result already."""
        return self.tried or not self.context.fresh

    def settle(self, answer: Outcome | Exception) -> None:
        """Gives the answer, unless nobody waits any more."""
        if self.answer.done():
            return
        if isinstance(answer, Exception):
            self.answer.set_exception(answer)
            self.answer.exception()  # a caller that went away has no use for it
        else:
            self.answer.set_result(answer)


class _Behind(Exception):
    """The journal does not hold what was folded: it was restored to an older state."""


class _Overtaken(Exception):
    """Another process was faster."""


class _Unreachable(Exception):
    """There is no connection to be had."""


class Writer:
    """The one task of a process that appends to its journal."""

    def __init__(self, dsn: str, folds: Folds, projections: Sequence[Projection], wakeup: Wakeup) -> None:
        self._dsn = dsn
        self._folds = folds
        self._projections = tuple(projections)
        self._wakeup = wakeup
        self._waiting: deque[Order] = deque()
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._ended = False
        self._connection: OwnConnection | None = None
        self._contended: dict[str, float] = {}

    async def submit(self, order: Order) -> Outcome:
        """The order's answer. A caller that is cancelled leaves the order at work."""
        if self._ended:
            raise Unavailable
        self._waiting.append(order)
        self._idle.clear()
        self._arrived.set()
        return await asyncio.shield(order.answer)

    async def drain(self) -> None:
        """Returns when nothing waits."""
        await self._idle.wait()

    async def run(self) -> None:
        """Serves group after group, for ever; when it is cancelled, nobody is left without an answer."""
        group: list[Order] = []
        try:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                while group := self._take():
                    await self._serve(group)
                self._idle.set()
        finally:
            self._ended = True
            self._disconnect()
            for order in (*group, *self._waiting):
                order.settle(Unavailable())
            self._waiting.clear()
            self._idle.set()

    def _take(self) -> list[Order]:
        """The orders that wait, up to the first that goes alone or whose command id is in the group already."""
        if self._waiting and self._waiting[0].alone:
            return [self._waiting.popleft()]
        group: dict[UUID, Order] = {}
        while self._waiting and len(group) < LARGEST_GROUP:
            order = self._waiting[0]
            if order.alone or order.context.command_id in group:
                break
            group[order.context.command_id] = self._waiting.popleft()
        return list(group.values())

    async def _serve(self, group: list[Order]) -> None:
        """Every order of the group is answered, or waits again at the head of the queue."""
        try:
            await self._write(group)
        except ValueError as error:  # also asyncpg's refusal to encode an argument, which is an InterfaceError
            self._singly(group, error)
        except _Unreachable as error:
            await self._rest(group, str(error))
        except CONNECTION_LOST as error:
            last = group[0].alone
            for order in group:
                order.alone = order.tried  # lost twice: one of them may be the reason
            await self._rest(group, repr(error))
            if last:
                self._waiting.rotate(-1)  # whoever loses it by itself lets the others go first
        except (asyncpg.DeadlockDetectedError, _Overtaken, _Behind):
            self._folds.forget([order.stream for order in group])
            self._contend(group)
            self._again(group)
        except Exception as error:  # noqa: BLE001 -- a defect in one command or projection must not end the writer
            self._singly(group, error)

    def _singly(self, group: list[Order], error: Exception) -> None:
        """A group that fails as a whole is served member by member: one bad command spoils no other."""
        if len(group) == 1:
            group[0].settle(error)
            return
        for order in group:
            order.alone = order.tried = True
        self._waiting.extendleft(reversed(group))

    async def _rest(self, group: list[Order], reason: str) -> None:
        """Begins anew in a moment, with a connection that is not yet lost and those who can still wait."""
        log.warning("journal_unreachable", waiting=len(group) + len(self._waiting), reason=reason)
        self._disconnect()
        await asyncio.sleep(BACK_OFF)
        self._again(group)
        late = time.monotonic() - PATIENCE
        for order in self._waiting:
            if order.since < late:
                order.settle(Unavailable())
        self._waiting = deque(order for order in self._waiting if not order.answer.done())

    def _again(self, group: list[Order]) -> None:
        """Back to the head of the queue, but for those who have waited or lost long enough."""
        now = time.monotonic()
        for order in reversed(group):
            order.tried = True
            if now - order.since > PATIENCE:
                order.settle(Unavailable())
            elif order.races > RACES:
                order.settle(Conflict())
            else:
                self._waiting.appendleft(order)

    def _contend(self, group: list[Order]) -> None:
        """For a while these streams are locked before they are loaded: processes take turns instead of racing."""
        now = time.monotonic()
        self._contended = {stream: until for stream, until in self._contended.items() if until > now}
        for order in group:
            order.races += 1
            self._contended[order.stream] = now + CONTENDED_FOR

    async def _write(self, group: list[Order]) -> None:
        """Decides and writes a group in at most one transaction, then answers."""
        connection = await self._connected()
        draft, base = await self._transaction(connection, group)
        for order, answer in draft.answers(base):
            order.settle(answer)
        if draft.recorded:
            self._wakeup.announce()
            await self._keep(connection, draft, base)

    async def _transaction(self, connection: OwnConnection, group: list[Order]) -> tuple[Draft, int]:
        """What was decided, and behind which position it stands.

        A projection meets its keys before the journal does: what it refuses after another process was faster is a lost
        race as well, and only the journal can tell.
        """
        draft = None
        contended = [order.stream for order in group if self._contended.get(order.stream, 0) > time.monotonic()]
        try:
            async with AsyncExitStack() as transaction:
                if contended:
                    await transaction.enter_async_context(connection.transaction())
                    await connection.execute(LOCK_STREAMS, list(set(contended)))
                draft = await self._decide(connection, group)
                if draft.recorded:
                    if self._projections and not contended:
                        await transaction.enter_async_context(connection.transaction())
                    return draft, await self._append(connection, draft)
                if draft.commands:
                    await connection.execute(REMEMBER, draft.commands)
                return draft, 0
        except (asyncpg.IntegrityConstraintViolationError, Refused) as error:
            if draft is not None and await connection.fetchval(OVERTAKEN, *draft.foundations()):
                raise _Overtaken from error
            raise

    async def _decide(self, connection: OwnConnection, group: list[Order]) -> Draft:
        known = await self._known(connection, group)
        unknown = [order for order in group if order.context.command_id not in known]
        folded = await self._folds.load(connection, {order.stream: order.decider for order in unknown})
        draft = Draft(folded, datetime.now(UTC))
        for order in group:
            if result := known.get(order.context.command_id):
                draft.repeat(order, _as_before(order.context, result))
            else:
                draft.add(order)
        return draft

    @staticmethod
    async def _known(connection: Connection, group: list[Order]) -> dict[UUID, asyncpg.Record]:
        ids = [order.context.command_id for order in group if order.may_be_known]
        return {row["id"]: row for row in await connection.fetch(REMEMBERED, ids)} if ids else {}

    async def _append(self, connection: OwnConnection, draft: Draft) -> int:
        for projection in self._projections:
            await projection.project(connection, draft.recorded)
        streams, versions = draft.heads()
        base: int | None = await connection.fetchval(APPEND, draft.rows, draft.commands, streams, versions)
        if base is None:
            raise _Behind
        return base

    async def _keep(self, connection: OwnConnection, draft: Draft, base: int) -> None:
        for stream, decider, folded in draft.settled(base):
            snapshots = decider.snapshots
            if snapshots and folded.version - folded.snapshot_version >= snapshots.every:
                try:
                    await keep_snapshot(connection, decider, stream, folded)
                    folded = folded.snapshotted()  # noqa: PLW2901
                except Exception as error:  # noqa: BLE001 -- the group is written and answered, whatever a dump does
                    log.warning("snapshot_not_kept", stream=stream, version=folded.version, reason=repr(error))
            self._folds.keep(stream, folded)

    async def _connected(self) -> OwnConnection:
        if self._connection is None or self._connection.is_closed():
            try:
                self._connection = await connect(self._dsn, name="journal", timeout=5, **SETTINGS)
            except (*CONNECTION_LOST, asyncpg.PostgresError) as refused:  # also full, starting, closed for maintenance
                raise _Unreachable(repr(refused)) from refused
            self._folds.forget_all()  # the server behind a new connection may hold another history
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


async def outcome_of(connection: Connection, context: Context) -> Outcome | None:
    """The stored result of a command id, if it has one; `IdempotencyKeyReused` if that is another request's."""
    known = await connection.fetchrow(REMEMBERED, [context.command_id])
    answer = _as_before(context, known) if known else None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _as_before(context: Context, known: asyncpg.Record) -> Outcome | Exception:
    """The stored result of a command id, or the refusal to use the id for something else."""
    if context.fingerprint is not None and known["fingerprint"] != context.fingerprint:
        return IdempotencyKeyReused()
    return Outcome(known["stream"].partition("-")[2], known["version"], known["position"], repeated=True)
