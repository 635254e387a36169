"""From the journal into the stream: exactly once and in order, whatever dies in between.

The stream is its own checkpoint. Its last message says up to which position everything has been published, and every
publish says which sequence it expects to come last: a second relay, a frozen one that wakes up, or a retry after a lost
answer stores nothing. On any doubt the session ends, and the next one begins by reading the stream's last message.
There is no `Nats-Msg-Id`: an id that is still in the server's duplicate window would refuse the batch, or worse, be
acknowledged without being stored.

A stream that was lost, purged or cut back is filled again from the journal, with the same ids. A journal that went back
(a failed-over Postgres that lost commits, a restored backup) contradicts what was published: the relay then publishes
nothing, says so, and looks again every few seconds whether a person has put it right.

An event that cannot be published stops those behind it. During a deploy it may be one that newer code has written, so
the relay gives up the lead for a while: a newer replica takes over, if there is one.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Callable

import asyncpg
import orjson
import structlog
from nats.aio.msg import Msg

from shared.kernel.bus import TROUBLE, ApiError, Connection, Lost, NoResponders, open_connection
from shared.kernel.cloud_events import Outgoing, Publisher, frames
from shared.kernel.faults import described
from shared.kernel.health import Health
from shared.kernel.journal import Journal
from shared.kernel.leader import Resigned, lead
from shared.kernel.postgres import CONNECTION_LOST, OwnConnection, connect
from shared.kernel.reconcile import (
    READ,
    REMEMBERED,
    Halted,
    Point,
    begun,
    must_be_filled,
    reconcile,
    remember,
    unchanged,
)
from shared.kernel.streams import NoStream, StreamState, Unfit, stream_of, stream_state
from shared.kernel.wakeup import Waiter, Wakeup

CHECK = "relay"
BATCH = 1000  # the server's limit for an atomic batch
FEW = 12  # so many messages the server syncs one by one sooner than a batch of them, which costs it 6 to 10 ms
BATCH_BYTES = 4 * 1024 * 1024
BREATH = 100  # messages encoded before other tasks of the process get their turn
WINDOW = 20_000  # positions looked through at once: private events in between cost a scan
POLL = 0.25
ACKNOWLEDGED_WITHIN = 10.0
LOOK_EVERY = 5.0
RETRY_FIRST, RETRY_LAST = 0.2, 1.0
LOOK_AGAIN = 5.0
LAST_WORD = 1.0  # what noting a session's end may take: the next one waits for it
WRONG_LAST_SEQUENCE = 10071

log = structlog.get_logger()


class Doubt(Exception):
    """The stream did not answer as expected: the session ends, and the next one reads where it stands."""


class Unreadable(Halted):
    """The next event cannot be published by this code; other code may be able to."""


class Relay:
    """Publishes one service's journal. Replicas elect one of them; two at once would do no harm."""

    def __init__(
        self,
        *,
        service: str,
        dsn: str,
        nats_url: str,
        journal: Journal,
        wakeup: Wakeup,
        public_url: str,
        health: Health,
    ) -> None:
        self.published = 0
        self._service = service
        self._dsn = dsn
        self._nats_url = nats_url
        self._journal = journal
        self._bell = wakeup.waiter()
        self._public_url = public_url
        self._health = health
        self._said: str | None = None
        self._unreadable = False
        health.expect(CHECK, required=False)

    async def run(self) -> None:
        """Publishes whenever this process leads, for ever. It waits for what goes wrong outside and never gives up."""
        await lead(self._dsn, "relay", self._serve, standby=self._stand_by)

    async def _serve(self) -> None:
        pause = RETRY_FIRST
        while True:
            before = self.published
            try:
                await self._session()
            except Unreadable as unreadable:
                self._unreadable = True
                self._down("relay_halted", f"{unreadable}; left to a newer replica, if there is one")
                raise Resigned from unreadable
            except Halted as halted:
                self._down("relay_halted", str(halted))
                pause = LOOK_AGAIN
            except (*TROUBLE, Doubt, NoStream, Unfit, *CONNECTION_LOST, asyncpg.PostgresError) as error:
                self._down("relay_waits", described(error))
                pause = RETRY_FIRST if self.published > before else min(pause * 2, RETRY_LAST)
            await asyncio.sleep(pause)

    def _stand_by(self) -> None:
        """Another process leads, which is well, unless it is for want of newer code here: that stays to be seen."""
        if not self._unreadable:
            self._health.up(CHECK)

    def _up(self) -> None:
        self._health.up(CHECK)
        self._said = None
        self._unreadable = False

    def _down(self, event: str, why: str) -> None:
        self._health.down(CHECK, why)
        if why != self._said:
            (log.error if event == "relay_halted" else log.warning)(event, stream=stream_of(self._service), reason=why)
        self._said = why

    async def _session(self) -> None:
        postgres = await connect(self._dsn, name="relay")
        try:
            nats = await open_connection(self._nats_url, f"ikz {self._service} relay")
            try:
                await self._publish(postgres, nats)
            finally:
                await nats.close()
        finally:
            postgres.terminate()

    async def _publish(self, postgres: OwnConnection, nats: Connection) -> None:
        state = await stream_state(nats, self._service)
        store_id = str(await postgres.fetchval("SELECT store_id FROM journal_counter"))
        point = await reconcile(postgres, nats, self._service, state)
        journal = self._journal
        publisher = Publisher(self._service, journal.codec, journal.deciders, self._public_url, store_id)
        session = Session(
            postgres,
            nats,
            publisher=publisher,
            service=self._service,
            state=state,
            point=point,
            published=self._count,
        )
        await session.begin()
        log.info("relay_publishes", stream=stream_of(self._service), behind=point.position, seq=point.seq)
        self._up()
        await session.run(self._bell)

    def _count(self, messages: int) -> None:
        self.published += messages


class Session:
    """One session's publishing: the next batch is read and encoded while the server writes the one before."""

    def __init__(
        self,
        postgres: OwnConnection,
        nats: Connection,
        *,
        publisher: Publisher,
        service: str,
        state: StreamState,
        point: Point,
        published: Callable[[int], None],
    ) -> None:
        self._postgres = postgres
        self._nats = nats
        self._service = service
        self._publisher = publisher
        self._state = state
        self._published = published
        self._point = point
        self._looked = 0.0
        self._fills_again = point.again
        self._encoded = point  # the last event taken from the journal; it may not be in the stream yet
        self._scanned = point.position
        self._name = secrets.token_hex(8)
        self._batches = 0
        self._batch: list[Outgoing] = []

    async def begin(self) -> None:
        """Gets the first batch ready: what cannot be published shows before anything is said to be well."""
        self._batch = await self._next()

    async def run(self, bell: Waiter) -> None:
        """Publishes what there is and what comes, until something goes wrong."""
        try:
            while True:
                await self._look()
                if self._batch:
                    self._batch = await self._through(self._batch)
                else:
                    await bell.wait(POLL)
                    if self._nats.lost.is_set():
                        raise Lost(self._nats.reason)
                    self._batch = await self._next()
        finally:
            with contextlib.suppress(*CONNECTION_LOST, asyncpg.PostgresError):
                await remember(self._postgres, self._state, self._point, LAST_WORD)

    async def _look(self) -> None:
        """Now and then: is the stream still what it was? A purge or a loss shows nowhere else."""
        now = asyncio.get_running_loop().time()
        if now - self._looked < LOOK_EVERY:
            return
        self._looked = now
        state = await stream_state(self._nats, self._service)
        if (state.created, state.last_seq) != (self._state.created, self._point.seq):
            raise Doubt(f"the stream is at {state.last_seq} instead of {self._point.seq}")
        remembered = await self._postgres.fetchrow(REMEMBERED)
        if remembered and self._point.position and must_be_filled(remembered, state):
            raise Doubt("the stream must be filled again")
        self._state = state
        await remember(self._postgres, state, self._point)

    async def _through(self, batch: list[Outgoing]) -> list[Outgoing]:
        """Gets a batch into the stream, and meanwhile the next one ready.

        A few messages go one by one, each expecting the one before: what comes behind one that is refused is refused as
        well, unless another relay has just published that one. What fills a stream from the beginning goes as one, so
        that no other relay's message can stand for its first.
        """
        as_one = len(batch) > FEW or not self._point.position
        parts = [batch] if as_one else [[message] for message in batch]
        expected = [self._nats.expect() for _ in parts]
        wire, seq = b"", self._point.seq
        for part, (reply, _) in zip(parts, expected, strict=True):
            self._batches += 1
            wire += frames(part, seq, f"{self._name}-{self._batches}", reply)
            seq += len(part)
        await self._nats.send(wire)
        following: list[Outgoing] = []
        with contextlib.suppress(Halted):  # what was sent before is fine; it will be met again
            following = await self._next()
        answers = [self._nats.answer(reply, answer, ACKNOWLEDGED_WITHIN) for reply, answer in expected]
        for part, message in zip(parts, await asyncio.gather(*answers), strict=True):
            seq = acknowledged(message, self._point.seq + len(part))
            self._point = Point(part[-1].position, part[-1].digest, seq)
        if self._fills_again:
            await begun(self._postgres)
            self._fills_again = False
        self._published(len(batch))
        return following

    async def _next(self) -> list[Outgoing]:
        """The next batch; empty when everything is published."""
        while True:
            upto = self._scanned + WINDOW
            rows = await self._postgres.fetch(READ, self._encoded.position, self._scanned, upto, BATCH)
            unchanged(rows, self._encoded, self._publisher.store_id)
            head: int = rows[0]["head"]
            if head < self._scanned:  # it went back, but over private events only
                self._scanned = self._encoded.position
                continue
            new = [row for row in rows if row["position"] is not None and row["position"] > self._scanned]
            batch = await self._encode(new)
            whole = len(batch) == len(new) < BATCH
            self._scanned = min(upto, head) if whole else batch[-1].position
            if batch or self._scanned >= head:
                return batch

    async def _encode(self, rows: list[asyncpg.Record]) -> list[Outgoing]:
        """As many messages as fit into a batch; those before one that cannot be published go first.

        Raises `Unreadable` for the first row only: with anything taken, the chain of positions has moved on.
        """
        batch: list[Outgoing] = []
        size = 0
        for row in rows:
            try:
                message = self._publisher.message(row, self._encoded.position)
            except Exception as error:  # whatever is wrong with an event, the relay must stop at it and say so
                if batch:
                    break
                raise Unreadable(f"{row['stream']}@{row['version']} cannot be published: {described(error)}") from error
            size += message.size
            if batch and (size > BATCH_BYTES or message.size > self._state.largest):
                break
            if message.size > self._state.largest:
                raise Halted(f"{row['stream']}@{row['version']} is larger than the stream's max_msg_size")
            batch.append(message)
            self._encoded = Point(message.position, message.digest, 0)
            if len(batch) % BREATH == 0:
                await asyncio.sleep(0)
        return batch


def acknowledged(message: Msg, expected: int) -> int:
    """The last sequence after a publish, which must be the expected one."""
    if not message.data:
        raise NoResponders("the stream does not listen")
    answer = orjson.loads(message.data)
    if error := answer.get("error"):
        if error.get("err_code") == WRONG_LAST_SEQUENCE:
            raise Doubt(f"somebody else has published: {error.get('description')}")
        raise ApiError(error.get("code", 0), error.get("err_code", 0), error.get("description", ""))
    if answer.get("seq") != expected or answer.get("duplicate"):
        raise Doubt(f"stored at {answer.get('seq')} instead of {expected}")
    return expected
