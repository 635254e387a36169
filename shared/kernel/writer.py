"""Group append: whatever commands wait are decided one after the other in memory and written by one statement.

There is no timer. While one group is written the next one is decided, on the states the first will leave: its streams
need not be read again, and if it comes to nothing, neither does what was built upon it. With nothing under way a group
is cut off as soon as deciding it has taken as long as writing the one before: the disk is not kept waiting for the
processor, nor, where the disk is slow, are groups split that one flush could carry.

Positions are gapless, so a writer sees by its own whether another process has appended between. While none has for some
time, a state in memory is not looked up before it is decided on: had it changed, the journal would refuse what is added
to it, and what comes to nothing is decided again on what the journal says.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from shared.kernel.appending import (
    LOCK_STREAMS,
    REFUSALS,
    Behind,
    Overtaken,
    as_before,
    known_of,
    put,
    raise_if_overtaken,
    write,
)
from shared.kernel.draft import Draft
from shared.kernel.folding import Folded, Folds, keep_snapshot
from shared.kernel.orders import Order
from shared.kernel.pair import Pair, Unreachable
from shared.kernel.postgres import CONNECTION_LOST, OwnConnection
from shared.kernel.projection import Projection
from shared.kernel.recorded import Conflict, Outcome, Unavailable
from shared.kernel.wakeup import Wakeup

LARGEST_GROUP = 500
PATIENCE = 5.0
RACES = 12
CONTENDED_FOR = 5.0
BACK_OFF = 0.1
COMPANY_FOR = 30.0
TURN = 4  # so many commands are decided before the write under way has a turn

log = structlog.get_logger()


@dataclass(slots=True)
class _Flight:
    """A draft that is being written; its task gives the streams it has added to."""

    draft: Draft
    task: "asyncio.Task[dict[str, Folded[Any]]]"


class Writer:
    """The one task of a process that appends to its journal."""

    def __init__(self, dsn: str, folds: Folds, projections: Sequence[Projection], wakeup: Wakeup) -> None:
        self._dsn = dsn
        self._folds = folds
        self._projections = tuple(projections)
        self._wakeup = wakeup
        self._waiting: deque[Order] = deque()
        self._unanswered: set[Order] = set()
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._ended = False
        self._connections: Pair | None = None
        self._contended: dict[str, float] = {}
        self._draft = Draft()
        self._states: dict[str, Folded[Any]] = {}
        self._flight: _Flight | None = None
        self._took = 0.001
        self._head = 0
        self._company = 0.0

    async def submit(self, order: Order) -> Outcome:
        """The order's answer. A caller that is cancelled leaves the order at work."""
        if self._ended:
            raise Unavailable
        self._unanswered.add(order)
        self._waiting.append(order)
        self._idle.clear()
        self._arrived.set()
        try:
            return await order.answer
        finally:
            self._unanswered.discard(order)

    async def drain(self) -> None:
        """Returns when nothing waits."""
        await self._idle.wait()

    async def run(self) -> None:
        """Serves what is submitted, for ever; when it is cancelled, nobody is left without an answer."""
        try:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                while self._waiting or self._draft.orders or self._flight:
                    await self._advance()
                self._idle.set()
        finally:
            self._ended = True
            if self._flight is not None:
                self._flight.task.cancel()
            self._disconnect()
            for order in self._unanswered:
                order.settle(Unavailable())
            self._waiting.clear()
            self._idle.set()

    async def _advance(self) -> None:
        """One step: what can be decided is decided, what is decided is written, or something is waited for."""
        if group := self._take():
            await self._gather(group)
        elif self._flight is not None:
            await self._arrived.wait()
            self._arrived.clear()
            await self._land()
        if self._flight is None and self._draft.orders:
            self._launch()
        elif self._flight is None and self._waiting and self._goes_alone(self._waiting[0]):
            await self._serve(self._take_together())

    def _take(self) -> list[Order]:
        """The orders at the head of the queue that can be decided now; they stay there until they are."""
        ids = self._draft.ids | (self._flight.draft.ids if self._flight else set())
        group: list[Order] = []
        for order in self._waiting:
            if len(self._draft.orders) + len(group) >= LARGEST_GROUP or self._goes_alone(order):
                break
            if order.may_be_known:
                if order.context.command_id in ids:
                    break
                ids.add(order.context.command_id)
            group.append(order)
        return group

    def _goes_alone(self, order: Order) -> bool:
        return order.by_itself or self._contended.get(order.stream, 0) > time.monotonic()

    def _take_together(self) -> list[Order]:
        """Off the queue: its head if it goes alone, or those up to the first that does or whose command id is in."""
        if self._waiting[0].by_itself:
            return [self._waiting.popleft()]
        group: dict[UUID, Order] = {}
        while self._waiting and len(group) < LARGEST_GROUP:
            order = self._waiting[0]
            if order.by_itself or order.context.command_id in group:
                break
            group[order.context.command_id] = self._waiting.popleft()
        return list(group.values())

    async def _gather(self, group: list[Order]) -> None:
        """Decides those at the head of the queue, into the draft."""
        try:
            connection = (await self._connected()).reading
            known = await known_of(connection, group)
            self._states = await self._load(connection, [one for one in group if one.context.command_id not in known])
        except Exception as error:  # noqa: BLE001 -- one bad command must not end the writer
            await self._cannot_gather(group, error)
            return
        began = time.perf_counter()
        for count, order in enumerate(group):
            if self._flight is None:
                if self._draft.orders and time.perf_counter() - began > self._took:
                    self._launch()
            elif count % TURN == 0:
                await asyncio.sleep(0)
                if not await self._land():
                    return
            self._waiting.popleft()
            if known and (result := known.get(order.context.command_id)):
                self._draft.repeat(order, as_before(order.context, result))
            elif not self._decide(order):
                order.look = True
                self._waiting.append(order)

    async def _cannot_gather(self, group: list[Order], error: Exception) -> None:
        """What is on its way arrives first; then those in the draft are put back behind it, and the group failed."""
        if self._flight is not None:
            await asyncio.wait([self._flight.task])
        if await self._land():
            drafted = self._start_over()
            for _ in group:
                self._waiting.popleft()
            await self._failed(group, error)
            self._put_back(drafted)

    async def _load(self, connection: OwnConnection, orders: Sequence[Order]) -> dict[str, Folded[Any]]:
        """The states of those streams that have to be read.

        Not those that the draft or the one being written has added to, nor, while nobody else appends, those in memory.
        """
        wanted = {
            order.stream: order.decider
            for order in orders
            if self._speculated(order.stream) is None and (order.look or self._remembered(order.stream) is None)
        }
        return await self._folds.load(connection, wanted) if wanted else {}

    def _speculated(self, stream: str) -> Folded[Any] | None:
        return self._draft.grown(stream) or (self._flight.draft.grown(stream) if self._flight else None)

    def _remembered(self, stream: str) -> Folded[Any] | None:
        return self._folds.cached(stream) if time.monotonic() > self._company else None

    def _decide(self, order: Order) -> bool:
        """Into the draft, unless it comes to nothing on a state that was not read."""
        if state := self._speculated(order.stream) or self._states.get(order.stream):
            return self._draft.add(order, state)
        remembered = self._folds.cached(order.stream)
        return remembered is not None and self._draft.add(order, remembered, sure=False)

    def _launch(self) -> None:
        """The draft is on its way; the next one begins."""
        draft, self._draft = self._draft, Draft()
        task = asyncio.create_task(self._write(draft))
        task.add_done_callback(self._notice)
        self._flight = _Flight(draft, task)

    def _notice(self, task: "asyncio.Task[dict[str, Folded[Any]]]") -> None:
        if not task.cancelled():
            task.exception()  # seen, even if this writer ends before it lands
        self._arrived.set()

    async def _land(self) -> bool:
        """What was on its way, if it has arrived. False when it failed: then the queue is in order again."""
        flight = self._flight
        if flight is None or not flight.task.done():
            return True
        self._flight = None
        try:
            landed = flight.task.result()
        except Exception as error:  # noqa: BLE001 -- a defect in one command or projection must not end the writer
            self._put_back(self._start_over())
            await self._failed(flight.draft.orders, error)
            return False
        self._states.update(landed)
        self._draft.stands_on(landed)
        return True

    async def _write(self, draft: Draft) -> dict[str, Folded[Any]]:
        assert self._connections is not None
        connection = self._connections.writing
        began = time.perf_counter()
        base = await write(connection, draft, self._projections)
        if draft.recorded:
            self._took = (self._took + time.perf_counter() - began) / 2
        self._see_company(draft, base)
        return await self._answer(connection, draft, base)

    async def _serve(self, group: list[Order]) -> None:
        """A group by itself, with its streams locked before they are loaded: processes take turns instead of racing."""
        draft, orders = Draft(), [served for order in group for served in order.served]
        try:
            connection = (await self._connected()).writing
            try:
                async with connection.transaction():
                    await connection.execute(LOCK_STREAMS, list({order.stream for order in orders}))
                    base = await self._decide_and_put(connection, orders, draft, whole=bool(group[0].members))
            except REFUSALS as error:
                await raise_if_overtaken(connection, draft, error)
                raise
            self._see_company(draft, base)
            await self._answer(connection, draft, base)
            for order in group:
                if order.members:
                    order.settle(order.members[-1].answer.result())
        except Exception as error:  # noqa: BLE001 -- a defect in one command or projection must not end the writer
            await self._failed(group, error)

    async def _decide_and_put(self, connection: OwnConnection, group: list[Order], draft: Draft, *, whole: bool) -> int:
        """Decides a group and writes it; of a `whole` one that has a refusal in it nothing is written."""
        known = await known_of(connection, group)
        new = {order.stream: order.decider for order in group if order.context.command_id not in known}
        states = await self._folds.load(connection, new)
        for order in group:
            if result := known.get(order.context.command_id):
                draft.repeat(order, as_before(order.context, result))
            else:
                draft.add(order, draft.grown(order.stream) or states[order.stream])
        if whole and (refused := draft.refusal()):
            raise refused
        return await put(connection, draft, self._projections)

    def _see_company(self, draft: Draft, base: int) -> None:
        """Whether another process has appended since this one did."""
        if draft.recorded:
            if base != self._head:
                self._company = time.monotonic() + COMPANY_FOR
            self._head = base + len(draft.recorded)

    async def _answer(self, connection: OwnConnection, draft: Draft, base: int) -> dict[str, Folded[Any]]:
        """Tells everybody, and gives the streams that have grown."""
        for order, answer in draft.answers(base):
            order.settle(answer)
        if draft.recorded:
            self._wakeup.announce()
        return await self._keep(connection, draft, base)

    async def _keep(self, connection: OwnConnection, draft: Draft, base: int) -> dict[str, Folded[Any]]:
        kept: dict[str, Folded[Any]] = {}
        for stream, decider, folded in draft.settled(base):
            snapshots = decider.snapshots
            if snapshots and folded.version - folded.snapshot_version >= snapshots.every:
                try:
                    await keep_snapshot(connection, decider, stream, folded)
                    folded = folded.snapshotted()  # noqa: PLW2901
                except Exception as error:  # noqa: BLE001 -- the group is written and answered, whatever a dump does
                    log.warning("snapshot_not_kept", stream=stream, version=folded.version, reason=repr(error))
            self._folds.keep(stream, folded)
            kept[stream] = folded
        return kept

    def _start_over(self) -> list[Order]:
        """Drops the draft; its orders have to be decided again."""
        drafted, self._draft = self._draft.orders, Draft()
        return drafted

    def _put_back(self, orders: list[Order]) -> None:
        self._waiting.extendleft(reversed(orders))

    async def _failed(self, group: list[Order], error: Exception) -> None:
        """Every order of a group that came to nothing is answered, or waits again at the head of the queue."""
        if isinstance(error, ValueError):  # also asyncpg's refusal to encode an argument, which is an InterfaceError
            self._singly(group, error)
        elif isinstance(error, Unreachable):
            await self._rest(group, str(error))
        elif isinstance(error, CONNECTION_LOST):
            last = group[0].alone
            for order in group:
                order.alone = order.tried  # lost twice: one of them may be the reason
            await self._rest(group, repr(error))
            if last:
                self._waiting.rotate(-1)  # whoever loses it by itself lets the others go first
        elif isinstance(error, (asyncpg.DeadlockDetectedError, Overtaken, Behind)):
            self._folds.forget([served.stream for order in group for served in order.served])
            self._contend(group)
            self._again(group)
        else:
            self._singly(group, error)

    def _singly(self, group: list[Order], error: Exception) -> None:
        """A group that fails as a whole is served member by member: one bad command spoils no other."""
        if len(group) == 1:
            group[0].settle(error)
            return
        for order in group:
            order.alone = order.tried = True
        self._put_back(group)

    async def _rest(self, group: list[Order], reason: str) -> None:
        """Begins anew in a moment, with connections that are not yet lost and those who can still wait."""
        log.warning("journal_unreachable", waiting=len(group) + len(self._waiting), reason=reason)
        self._disconnect()
        await asyncio.sleep(BACK_OFF)
        self._again(group)
        late = time.monotonic() - PATIENCE
        for order in self._waiting:
            if order.since < late:
                order.settle(Unavailable())
        self._waiting = deque(order for order in self._waiting if order.since >= late)

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
        """For a while these streams are served alone."""
        now = time.monotonic()
        self._company = now + COMPANY_FOR
        self._contended = {stream: until for stream, until in self._contended.items() if until > now}
        for order in group:
            order.races += 1
            self._contended[order.stream] = now + CONTENDED_FOR

    async def _connected(self) -> Pair:
        """Two connections that were opened together: what is written builds upon what was read of the same server."""
        if self._connections is None or self._connections.lost:
            if self._flight is not None:
                raise Unreachable("one of two connections is lost")
            self._disconnect()
            self._connections = await Pair.open(self._dsn)
            self._folds.forget_all()  # the server behind a new connection may hold another history
        return self._connections

    def _disconnect(self) -> None:
        if self._connections is not None:
            self._connections.terminate()
            self._connections = None
