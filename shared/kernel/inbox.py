"""A service's consumer of another service's events: each effect once, in each aggregate's order, whatever dies.

The checkpoint is a row in the consumer's own database, moved in the transaction of the effects; what JetStream thinks
has been acknowledged decides nothing. Replicas elect one that reads; two at once would do no harm, since the
checkpoint's row is locked and compared in every transaction.

`prevposition` proves that nothing is missing. When something is, the next session looks for it from the stream's
beginning; if it is not there either (purged before it was read), the consumer says so, applies nothing that comes
behind the gap, and reads on until the relay has filled the stream again (`ikz republish`).
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby

import asyncpg
import structlog
from nats.aio.msg import Msg

from shared.kernel import dead_letters
from shared.kernel.bus import TROUBLE, Connection, open_connection
from shared.kernel.faults import described
from shared.kernel.forgetting import keep_forgetting
from shared.kernel.health import Health
from shared.kernel.intake import Checkpoint, Effect, Intake, Message, Overtaken, Received, follow, parse
from shared.kernel.leader import lead
from shared.kernel.postgres import CONNECTION_LOST, Pool
from shared.kernel.pull import Doubt, Pull, sequence_of
from shared.kernel.streams import NoStream, StreamState, Unfit, stream_of, stream_state
from shared.kernel.wakeup import Wakeup

__all__ = ["Consumer", "Effect", "Received"]

BATCH = 500
PATIENCE = 5.0
DEAD_LETTERS_EVERY = 1.0
RETRY_FIRST, RETRY_LAST = 0.2, 1.0
ACQUIRE = 5.0
SIGN_OF_LIFE = 1.0  # a session often begins because the network was bad: links that rest in the pool may be half open
MAX_AGE = timedelta(days=7)

log = structlog.get_logger()


class Gap(Exception):
    """Messages are missing between the checkpoint and what came."""


class Consumer:
    """Applies `effects` to what `source` publishes. `name` is the service's NATS user and its durable consumer.

    `max_age`: what was recorded longer ago is not `live`, nobody is told of it. `wakeup` is rung after each batch.
    """

    def __init__(
        self,
        *,
        name: str,
        source: str,
        effects: Sequence[Effect],
        dsn: str,
        pool: Pool,
        nats_url: str,
        health: Health,
        wakeup: Wakeup | None = None,
        max_age: timedelta = MAX_AGE,
    ) -> None:
        self.taken = 0
        self._name = name
        self._source = source
        self._intake = Intake(name, source, effects, max_age)
        self._dsn = dsn
        self._pool = pool
        self._nats_url = nats_url
        self._health = health
        self._wakeup = wakeup
        self._check = f"inbox {source}"
        self._said: str | None = None
        self._from_start = False
        health.expect(self._check, required=False)

    async def run(self) -> None:
        """Consumes whenever this process leads, for ever. It waits for what goes wrong outside and never gives up."""
        election = f"inbox {self._name} {self._source}"
        await lead(self._dsn, election, self._serve, standby=lambda: self._health.up(self._check))

    async def _serve(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._sessions())
            tasks.create_task(self._work_off_dead_letters())
            tasks.create_task(self._forget())

    async def _sessions(self) -> None:
        pause = RETRY_FIRST
        while True:
            before = self.taken
            try:
                await self._session()
            except Gap as gap:
                log.warning("consumer_searches", consumer=self._name, stream=stream_of(self._source), reason=str(gap))
                self._from_start = True
                continue
            except (*TROUBLE, Doubt, Overtaken, NoStream, Unfit, *CONNECTION_LOST, asyncpg.PostgresError) as error:
                self._down(described(error))
                pause = RETRY_FIRST if self.taken > before else min(pause * 2, RETRY_LAST)
            await asyncio.sleep(pause)

    def _down(self, why: str) -> None:
        self._health.down(self._check, why)
        if why != self._said:
            log.warning("consumer_waits", consumer=self._name, stream=stream_of(self._source), reason=why)
        self._said = why

    def _up(self) -> None:
        self._health.up(self._check)
        self._said = None

    async def _session(self) -> None:
        nats = await open_connection(self._nats_url, f"ikz {self._name} consumes {self._source}", bodies_only=True)
        try:
            async with self._pool.acquire(timeout=ACQUIRE) as connection:
                await connection.execute("SELECT 1", timeout=SIGN_OF_LIFE)
                async with connection.transaction():
                    checkpoint = await self._intake.checkpoint(connection)
            state = await stream_state(nats, self._source)
            pull = Pull(nats, self._source, self._name, BATCH)
            await pull.start(self._first_seq(checkpoint, state))
            self._up()
            await self._read(nats, pull, checkpoint, state)
        finally:
            await nats.close()

    def _first_seq(self, checkpoint: Checkpoint, state: StreamState) -> int:
        """Behind the checkpoint; from the beginning when the stream is another one, shorter, or lacks something."""
        stream = stream_of(self._source)
        if checkpoint.stream_created not in {None, state.created} or checkpoint.stream_seq > state.last_seq:
            log.warning("stream_regressed", stream=stream, had=checkpoint.stream_seq, has=state.last_seq)
            return 1
        first = 1 if self._from_start else checkpoint.stream_seq + 1
        log.info("consumer_reads", consumer=self._name, stream=stream, behind=checkpoint.position, seq=first)
        return first

    async def _read(self, nats: Connection, pull: Pull, checkpoint: Checkpoint, state: StreamState) -> None:
        """Batch after batch, until something is in doubt."""
        reached = 0
        while True:
            arrived = await pull.batch(PATIENCE)
            if not arrived:
                await pull.check()
                now = await stream_state(nats, self._source)
                if now.created != state.created or now.last_seq < reached:
                    raise Doubt(f"the stream went back to {now.last_seq}")
                continue
            for _, messages in groupby(self._parsed(arrived), key=lambda message: message.store_id):
                checkpoint = await self._take(list(messages), checkpoint, state)
            await pull.acknowledge(arrived)
            reached = sequence_of(arrived[-1])

    def _parsed(self, arrived: Sequence[Msg]) -> list[Message]:
        found = []
        for raw in arrived:
            message = parse(raw.data, sequence_of(raw))
            if message is None:
                log.error("foreign_message", stream=stream_of(self._source), seq=sequence_of(raw), subject=raw.subject)
            else:
                found.append(message)
        return found

    async def _take(self, messages: list[Message], checkpoint: Checkpoint, state: StreamState) -> Checkpoint:
        """Applies what follows the checkpoint; gives the new one."""
        taken, after, gap = follow(messages, checkpoint, state.created, state.first_seq)
        if taken and checkpoint.store_id is None and taken[0].previous:
            log.warning("consumer_starts_late", consumer=self._name, missing_up_to=taken[0].previous)
        elif taken and checkpoint.store_id not in {None, after.store_id}:
            log.error("store_changed", consumer=self._name, source=self._source, store_id=after.store_id)
        if after != checkpoint:
            await self._commit(taken, checkpoint, after)
        if taken:
            self.taken += len(taken)
            self._from_start = False
            self._up()
            if self._wakeup is not None:
                self._wakeup.announce()
        if gap is not None:
            self._missing(gap, after)
        return after

    async def _commit(self, taken: list[Message], checkpoint: Checkpoint, after: Checkpoint) -> None:
        try:
            async with self._pool.acquire(timeout=ACQUIRE) as connection, connection.transaction():
                await self._intake.take(connection, taken, checkpoint, after)
        except Overtaken:
            raise
        except Exception as error:  # noqa: BLE001 -- an effect may raise anything; which message it was, shows now
            log.warning("batch_failed", consumer=self._name, messages=len(taken), reason=type(error).__name__)
            async with self._pool.acquire(timeout=ACQUIRE) as connection, connection.transaction():
                await self._intake.take_carefully(connection, taken, checkpoint, after)

    def _missing(self, gap: Message, checkpoint: Checkpoint) -> None:
        """A session that began at the checkpoint looks again from the stream's start; one that did waits for more."""
        why = f"positions behind {checkpoint.position} up to {gap.previous} are missing"
        if not self._from_start:
            raise Gap(why)
        self._down(f"{why}: run `ikz republish {self._source}`")

    async def _work_off_dead_letters(self) -> None:
        while True:
            try:
                if not await dead_letters.work_off(self._intake, self._pool):
                    await asyncio.sleep(DEAD_LETTERS_EVERY)
            except (*CONNECTION_LOST, asyncpg.PostgresError) as error:
                log.warning("dead_letters_wait", consumer=self._name, reason=type(error).__name__)
                await asyncio.sleep(RETRY_LAST)

    async def _forget(self) -> None:
        """Keeps the inbox from growing for ever."""

        async def forget(limit: int) -> int:
            async with self._pool.acquire(timeout=ACQUIRE) as connection:
                return await self._intake.forget(connection, limit)

        await keep_forgetting(f"inbox of {self._name}", forget)
