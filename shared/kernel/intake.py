"""What a consumer does with messages of another service, in one transaction for many.

The checkpoint's row is locked first: it fences off any other process of the consumer, and serialises with people who
retry or discard dead letters. A message is taken when it follows the one before (`prevposition`), its id is new (with
this `recordedtime`; ids are forgotten when they are old), and its aggregate's version is the next. Effects get runs of
consecutive messages of one type. When something fails, the transaction is rolled back and done again message by
message: what fails then becomes a dead letter, later messages of its aggregate wait behind it, all others pass.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

import orjson
import structlog

from shared.contracts.contract import Contract
from shared.kernel.faults import described
from shared.kernel.postgres import Connection

INSTALL = """
INSERT INTO inbox_consumer (consumer, source, store_id, position, stream_created, stream_seq, installed_at)
SELECT $1, $2, NULL, 0, NULL, 0, created_at FROM journal_counter ON CONFLICT DO NOTHING
"""
# A link that is lost in the midst of a request leaves a session that waits for the rest of it, holds what it has
# locked, and is not idle. What is copied into a table comes in parts, too.
END_HALF_READ = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE usename = current_user AND datname = current_database() AND application_name LIKE 'ikz %'
  AND state = 'active' AND wait_event = 'ClientRead' AND query NOT ILIKE 'copy %'
  AND state_change < clock_timestamp() - $1::interval
"""
LOCK = """
SELECT store_id, position, stream_created, stream_seq, installed_at, clock_timestamp() AS now
FROM inbox_consumer WHERE consumer = $1 AND source = $2 FOR UPDATE
"""
MOVE = """
UPDATE inbox_consumer SET store_id = $3, position = $4, stream_created = $5, stream_seq = $6
WHERE consumer = $1 AND source = $2
"""
# Remembers ids (parameters 3 and 4: ids and times) and tells those that were known, then what is known of aggregates.
# Numbers and times go as text: asyncpg encodes lists of strings several times faster.
SORT = """
WITH message AS (SELECT m.id, m.recorded_at::timestamptz FROM unnest($3::text[], $4::text[]) AS m(id, recorded_at)),
new AS (
    INSERT INTO inbox (consumer, source, id, recorded_at)
    SELECT $1, $2, message.id, message.recorded_at
    FROM message JOIN inbox_consumer AS c ON c.consumer = $1 AND c.source = $2
    WHERE message.recorded_at > c.forgotten_up_to
    ON CONFLICT (consumer, source, id) DO UPDATE SET recorded_at = excluded.recorded_at
        WHERE inbox.recorded_at <> excluded.recorded_at
    RETURNING id
)
SELECT id, NULL AS aggregate, NULL::bigint AS version FROM message WHERE id NOT IN (SELECT id FROM new)
UNION ALL
SELECT NULL, aggregate, version FROM inbox_aggregate
WHERE consumer = $1 AND source = $2 AND aggregate = ANY($5::text[])
UNION ALL
SELECT DISTINCT NULL, aggregate, NULL::bigint FROM dead_letter
WHERE consumer = $1 AND source = $2 AND state <> 'discarded' AND aggregate = ANY($5::text[])
"""
# Old is what was recorded long before the newest that was taken in: nothing that is still to come is that old, and what
# comes once more, because its source's journal has a new store id, counts as known. A clock that ran ahead is no proof.
FORGET = """
WITH old AS (
    SELECT id FROM inbox
    WHERE consumer = $1 AND source = $2 AND recorded_at < (
        SELECT least(max(recorded_at), clock_timestamp()) - $3::interval FROM inbox WHERE consumer = $1 AND source = $2
    )
    ORDER BY recorded_at LIMIT $4
), gone AS (
    DELETE FROM inbox USING old WHERE consumer = $1 AND source = $2 AND inbox.id = old.id RETURNING recorded_at
), latest AS (
    SELECT max(recorded_at) AS recorded_at FROM gone
), noted AS (
    UPDATE inbox_consumer SET forgotten_up_to = greatest(forgotten_up_to, latest.recorded_at) FROM latest
    WHERE consumer = $1 AND source = $2
)
SELECT count(*) FROM gone
"""
REMEMBER_VERSIONS = """
INSERT INTO inbox_aggregate (consumer, source, aggregate, version)
SELECT $1, $2, m.aggregate, m.version::bigint FROM unnest($3::text[], $4::text[]) AS m(aggregate, version)
ON CONFLICT (consumer, source, aggregate) DO UPDATE SET version = excluded.version
"""
FORGET_VERSIONS = "DELETE FROM inbox_aggregate WHERE consumer = $1 AND source = $2"
PARK = """
INSERT INTO dead_letter (consumer, source, aggregate, position, event_id, type, message, state, error, attempts,
                         received_at, tried_at, next_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, clock_timestamp(), CASE WHEN $10 > 0 THEN clock_timestamp() END,
        clock_timestamp() + $11::interval)
ON CONFLICT (consumer, source, event_id) DO UPDATE SET position = excluded.position, message = excluded.message,
    state = excluded.state, error = excluded.error, attempts = excluded.attempts, received_at = excluded.received_at,
    tried_at = excluded.tried_at, next_at = excluded.next_at, reason = NULL
"""
RETRY_LAST = timedelta(hours=1)
KEPT = timedelta(days=90)
HALF_READ_FOR = timedelta(seconds=1)
SOON = 2.0  # seconds: who does not get the checkpoint by then begins anew, and looks again what is in the way

log = structlog.get_logger()


class Overtaken(Exception):
    """Another process has moved the checkpoint: this one's session is over."""


class Received[C: Contract](NamedTuple):
    """A message as an effect gets it.

    `live`: act for people. False for loaded history, for what was recorded before this service was set up, and for
    what is read so late that nobody should be bothered with it.
    """

    data: C
    id: str
    type: str
    aggregate: str
    aggregate_version: int
    position: int
    time: datetime
    recorded_at: datetime
    history: bool
    live: bool
    correlation_id: str
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Effect:
    """What one contract does here: `apply` gets runs of its messages, in order, in the transaction that takes them in.

    A contract may have several effects; they are applied one after the other, in the order they are given in. Each
    writes set-based SQL on that connection and does nothing else: no request, no mail.
    """

    contract: type[Contract]
    apply: Callable[[Connection, Sequence[Received[Any]]], Awaitable[None]]


class Message(NamedTuple):
    """A CloudEvent as it came: what is needed to order it, and the rest unread."""

    raw: bytes
    seq: int
    store_id: str
    id: str
    type: str
    aggregate: str
    aggregate_version: int
    position: int
    previous: int
    recorded_at: datetime
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a consumer has come: in the source's journal, and where that stood in which stream."""

    store_id: str | None
    position: int
    stream_created: str | None
    stream_seq: int
    installed_at: datetime


def parse(raw: bytes, seq: int) -> Message | None:
    """The message, or None when it is none of a relay's."""
    try:
        found = orjson.loads(raw)
        return Message(
            raw,
            seq,
            found["storeid"],
            found["id"],
            found["type"],
            found["subject"],
            int(found["aggregateversion"]),
            int(found["position"]),
            int(found["prevposition"]),
            datetime.fromisoformat(found["recordedtime"]),
            found,
        )
    except (ValueError, KeyError, TypeError):
        return None


class Intake:
    """One consumer of one source."""

    def __init__(self, consumer: str, source: str, effects: Sequence[Effect], max_age: timedelta) -> None:
        self.consumer = consumer
        self.source = source
        self._effects: dict[str, list[Effect]] = {}
        for effect in effects:
            self._effects.setdefault(effect.contract.type, []).append(effect)
        self._max_age = max_age

    async def checkpoint(self, connection: Connection) -> Checkpoint:
        """Where this consumer stands; at its first start, before everything.

        Whoever begins ends what nobody else would: sessions of the service that a lost link has left behind.
        """
        await connection.execute(END_HALF_READ, HALF_READ_FOR)
        await connection.execute(INSTALL, self.consumer, self.source)
        return (await self.lock(connection, SOON))[0]

    async def lock(self, connection: Connection, within: float | None = None) -> tuple[Checkpoint, datetime]:
        """The checkpoint, nobody else's until the transaction ends, and the database's time.

        Raises `TimeoutError` after `within` seconds, or as late as any statement.
        """
        row = await connection.fetchrow(LOCK, self.consumer, self.source, timeout=within)
        assert row is not None, "the checkpoint's row is made before anything is read"
        checkpoint = Checkpoint(
            row["store_id"], row["position"], row["stream_created"], row["stream_seq"], row["installed_at"]
        )
        return checkpoint, row["now"]

    async def take(
        self, connection: Connection, messages: Sequence[Message], believed: Checkpoint, after: Checkpoint
    ) -> None:
        """Takes in what follows `believed`, in the caller's transaction, and moves the checkpoint to `after`.

        Raises whatever an effect raises, and `Overtaken` when the checkpoint is not where it is believed to be.
        """
        await self._within(connection, messages, believed, after, carefully=False)

    async def take_carefully(
        self, connection: Connection, messages: Sequence[Message], believed: Checkpoint, after: Checkpoint
    ) -> None:
        """The same, message by message; what fails becomes a dead letter."""
        await self._within(connection, messages, believed, after, carefully=True)

    async def apply(self, connection: Connection, message: Message, now: datetime, installed_at: datetime) -> None:
        """The effect of one message, which was taken in before; raises what the effect raises."""
        await self._act(connection, message.type, [self._received(message, now, installed_at)])

    async def _act(self, connection: Connection, type_: str, received: Sequence[Received[Any]]) -> None:
        for effect in self._effects[type_]:
            await effect.apply(connection, received)

    async def forget(self, connection: Connection, limit: int) -> int:
        """Deletes ids that are too old to matter, so many at most; gives how many."""
        async with connection.transaction():
            await connection.execute(LOCK, self.consumer, self.source)
            gone: int = await connection.fetchval(FORGET, self.consumer, self.source, KEPT, limit)
            return gone

    async def _within(
        self,
        connection: Connection,
        messages: Sequence[Message],
        believed: Checkpoint,
        after: Checkpoint,
        *,
        carefully: bool,
    ) -> None:
        found, now = await self.lock(connection)
        if (found.store_id, found.position) != (believed.store_id, believed.position):
            raise Overtaken(f"the checkpoint is at {found.position} instead of {believed.position}")
        if messages and found.store_id not in {None, after.store_id}:
            await connection.execute(FORGET_VERSIONS, self.consumer, self.source)
        if messages:
            sorting = await self._sorting(connection, messages)
            if carefully:
                await self._one_by_one(connection, sorting.sort(messages), now, found.installed_at, sorting)
            else:
                await self._in_runs(connection, list(sorting.sort(messages)), now, found.installed_at)
            versions = sorting.versions
            await connection.execute(
                REMEMBER_VERSIONS, self.consumer, self.source, list(versions), [str(n) for n in versions.values()]
            )
        await connection.execute(
            MOVE,
            self.consumer,
            self.source,
            after.store_id,
            after.position,
            after.stream_created,
            after.stream_seq,
        )

    async def _sorting(self, connection: Connection, messages: Sequence[Message]) -> "Sorting":
        """What is known of these messages and their aggregates; remembers the ids."""
        wanted = {message.id: message for message in messages if message.type in self._effects}
        known = await connection.fetch(
            SORT,
            self.consumer,
            self.source,
            list(wanted),
            [message.attributes["recordedtime"] for message in wanted.values()],
            list({message.aggregate for message in messages}),
        )
        return Sorting(
            self._effects.keys(),
            wanted.keys() - {row["id"] for row in known},
            {row["aggregate"]: row["version"] for row in known if row["version"] is not None},
            {row["aggregate"] for row in known if row["aggregate"] is not None and row["version"] is None},
        )

    async def _in_runs(
        self, connection: Connection, sorted_: Sequence["Sorted"], now: datetime, installed_at: datetime
    ) -> None:
        takeable = [one.message for one in sorted_ if one.verdict == TAKE]
        for type_, run in groupby(takeable, key=lambda message: message.type):
            received = [self._received(message, now, installed_at) for message in run]
            await self._act(connection, type_, received)
        for one in sorted_:
            if one.verdict != TAKE:
                await self._park(connection, one.message, one.verdict)

    async def _one_by_one(
        self,
        connection: Connection,
        sorted_: Iterator["Sorted"],
        now: datetime,
        installed_at: datetime,
        sorting: "Sorting",
    ) -> None:
        for one in sorted_:
            if one.verdict != TAKE:
                await self._park(connection, one.message, one.verdict)
                continue
            try:
                async with connection.transaction():
                    await self.apply(connection, one.message, now, installed_at)
            except Exception as error:  # whatever an effect raises concerns its message alone
                if connection.is_closed():
                    raise
                sorting.blocked.add(one.message.aggregate)
                await self._park(connection, one.message, error)

    async def _park(self, connection: Connection, message: Message, why: "Exception | str") -> None:
        """Makes a dead letter: failed just now, waiting behind another, or held until a person decides."""
        failed = isinstance(why, Exception)
        state = "blocked" if why == BEHIND else "failed"
        error = described(why) if isinstance(why, Exception) else (None if why == BEHIND else why)
        await connection.execute(
            PARK,
            self.consumer,
            self.source,
            message.aggregate,
            message.position,
            message.id,
            message.type,
            message.raw,
            state,
            error,
            1 if failed else 0,
            back_off(0) if failed else None,
        )
        log.error(
            "dead_letter",
            consumer=self.consumer,
            source=self.source,
            id=message.id,
            type=message.type,
            state=state,
            reason=error,
        )

    def _received(self, message: Message, now: datetime, installed_at: datetime) -> Received[Any]:
        attributes = message.attributes
        history = bool(attributes.get("history"))
        recorded_at = message.recorded_at
        return Received(
            self._effects[message.type][0].contract.model_validate(attributes["data"]),
            message.id,
            message.type,
            message.aggregate,
            message.aggregate_version,
            message.position,
            datetime.fromisoformat(attributes["time"]),
            recorded_at,
            history,
            not history and installed_at <= recorded_at and now - recorded_at < self._max_age,
            attributes.get("correlationid", ""),
            attributes.get("traceparent"),
        )


TAKE, BEHIND = "take", "behind"


@dataclass(frozen=True, slots=True)
class Sorted:
    """A message and what becomes of it: `TAKE`, `BEHIND` a dead letter, or the reason why a person must look at it."""

    message: Message
    verdict: str


@dataclass(slots=True)
class Sorting:
    """Decides message by message, remembering what it saw. `versions` ends as the last version of each aggregate.

    Lazy: an aggregate that becomes `blocked` on the way blocks what comes later.
    """

    wanted: "Mapping[str, Any] | Any"
    new: set[str]
    versions: dict[str, int]
    blocked: set[str]

    def sort(self, messages: Sequence[Message]) -> Iterator[Sorted]:
        """What is to be done, in order; messages that are of no interest or were taken before are left out."""
        for message in messages:
            aggregate, version = message.aggregate, message.aggregate_version
            seen = self.versions.get(aggregate)
            self.versions[aggregate] = version if seen is None else max(seen, version)
            if message.type not in self.wanted or message.id not in self.new:
                continue
            self.new.discard(message.id)
            if aggregate in self.blocked:
                yield Sorted(message, BEHIND)
            elif seen is not None and version != seen + 1:
                self.blocked.add(aggregate)
                yield Sorted(message, f"version {version} of {aggregate} follows version {seen}")
            else:
                yield Sorted(message, TAKE)


def back_off(attempts: int) -> timedelta:
    """How long to wait before the next attempt."""
    return min(timedelta(seconds=2.0 ** min(attempts, 20)), RETRY_LAST)


def follow(
    messages: Sequence[Message], checkpoint: Checkpoint, stream_created: str, first_seq: int
) -> tuple[list[Message], Checkpoint, Message | None]:
    """What of these, all of one store, follows the checkpoint without a gap; the checkpoint behind; the gap, if any.

    Nothing is missing between two messages when the second's `prevposition` is not beyond the first. For a consumer
    that has read nothing yet, the stream's first message is the beginning, whatever went before. Another store id
    begins a new chain, unless its messages lie where the checkpoint has passed. What lies behind a gap is left until
    the chain closes.
    """
    same_stream = checkpoint.stream_created == stream_created
    passed = checkpoint.stream_seq if same_stream else 0
    store_id, position = checkpoint.store_id, checkpoint.position
    if store_id is not None and messages and messages[0].store_id != store_id:
        messages = [message for message in messages if message.seq > passed]
        position = 0
    taken: list[Message] = []
    gap: Message | None = None
    for message in messages:
        if message.position > position:
            begins = store_id is None and not taken and message.seq <= first_seq
            if message.previous > position and not begins:
                gap = gap or message
                continue
            taken.append(message)
            position, gap = message.position, None
        passed = max(passed, message.seq)
    if messages and (taken or store_id == messages[0].store_id):
        after = Checkpoint(messages[0].store_id, position, stream_created, passed, checkpoint.installed_at)
        return taken, after, gap
    return taken, replace(checkpoint, stream_created=stream_created, stream_seq=passed), gap
