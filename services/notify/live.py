"""What is happening right now? Public facts for everybody, and for a person that there is a message.

Items are written with what they tell of, and numbered after that is committed, by one process at a time: whoever has
read up to a position has missed nothing below it, whatever was under way at once. The numbering wakes those who wait.
What concerns a person is written only while that person listens, or did so not long ago.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import structlog

from services.notify import public_fact
from services.notify.faults import TRY_AGAIN
from shared.contracts.contract import Contract
from shared.kernel.clock import Clock
from shared.kernel.forgetting import keep_forgetting
from shared.kernel.inbox import Received
from shared.kernel.postgres import Connection, Pool
from shared.kernel.wakeup import Waiter

WRITE = """
INSERT INTO live_item (mark, event_id, type, body, created_at)
SELECT f.mark, f.event_id, f.type, f.body, $2
FROM jsonb_to_recordset($1::jsonb) AS f(number int, mark text, event_id text, type text, body text) ORDER BY f.number
ON CONFLICT DO NOTHING
"""
# `to_char` and not the default format: that of a session may be any.
WRITE_MESSAGES = """
INSERT INTO live_item (mark, person_id, event_id, type, body, created_at)
SELECT left(md5(m.id::text), 8), m.person_id, m.id::text, 'message',
       jsonb_strip_nulls(jsonb_build_object(
           'type', 'message', 'id', m.id, 'subject', 'message/' || m.id,
           'timestamp', to_char($2::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
           'data', jsonb_build_object('kind', m.kind, 'session_id', m.session_id)))::text,
       $2
FROM unnest($1::bigint[], $4::text[]) AS told (mailing_id, wished) JOIN message m USING (mailing_id)
WHERE m.person_id = ANY($3::text[]) AND NOT EXISTS (
    SELECT FROM preference p
    WHERE p.person_id = m.person_id AND p.kind = told.wished AND p.channel = 'portal' AND p.rhythm = 'off'
)
ON CONFLICT DO NOTHING
"""
LISTENING = """
SELECT person_id FROM live_listener WHERE until > $1 AND person_id IN (SELECT jsonb_array_elements_text($2::jsonb))
"""
LAST = "SELECT last FROM live_counter"
ANY_FRESH = "SELECT EXISTS (SELECT FROM live_item WHERE position IS NULL)"
# In a transaction, and first: the next statement sees everything that was committed before the lock was ours.
LOCK = "SELECT last FROM live_counter FOR UPDATE"
NUMBER = """
WITH fresh AS (
    SELECT id, row_number() OVER (ORDER BY id) AS place FROM live_item WHERE position IS NULL ORDER BY id LIMIT $2
), numbered AS (
    UPDATE live_item SET position = $1 + fresh.place FROM fresh WHERE live_item.id = fresh.id
    RETURNING live_item.position
)
UPDATE live_counter SET last = numbers.last FROM (SELECT max(position) AS last FROM numbered) AS numbers
WHERE numbers.last IS NOT NULL
"""
# The head is of the same moment as the items. $1 is where somebody stands: known when that item is there, or when it is
# the beginning and nothing has been forgotten.
READ = """
WITH head AS (
    SELECT c.last, i.mark FROM live_counter c LEFT JOIN live_item i ON i.position = c.last
), known AS (
    SELECT CASE WHEN $1::bigint = 0 THEN head.last = 0 OR EXISTS (SELECT FROM live_item WHERE position = 1)
                ELSE EXISTS (SELECT FROM live_item WHERE position = $1 AND mark = $2) END AS known
    FROM head
)
SELECT head.last AS head, head.mark AS head_mark, known.known, i.position, i.mark, i.person_id, i.type, i.body
FROM head CROSS JOIN known LEFT JOIN LATERAL (
    SELECT position, mark, person_id, type, body FROM live_item
    WHERE known.known AND position > $1 AND ($3 OR person_id IS NULL OR person_id = $4)
    ORDER BY position LIMIT $5
) AS i ON true
ORDER BY i.position
"""
HEAD = "SELECT c.last, i.mark FROM live_counter c LEFT JOIN live_item i ON i.position = c.last"
BACK = "SELECT position, mark FROM live_item WHERE position <= $1 ORDER BY position DESC LIMIT 1"
OLDEST = "SELECT position, mark FROM live_item WHERE position IS NOT NULL ORDER BY position LIMIT 1"
LISTEN = """
INSERT INTO live_listener (person_id, until) VALUES ($1, $2)
ON CONFLICT (person_id) DO UPDATE SET until = greatest(live_listener.until, excluded.until)
"""
# The newest stays: whoever has read everything stands there.
FORGET = """
DELETE FROM live_item WHERE id IN (
    SELECT id FROM live_item WHERE created_at < $1 AND position < (SELECT last FROM live_counter)
    ORDER BY created_at LIMIT $2
)
"""
FORGET_LISTENERS = "DELETE FROM live_listener WHERE until < $1"
# The place stays, and leads to nobody: others may stand there.
FORGET_PEOPLE = """
UPDATE live_item SET person_id = '', event_id = id::text, type = '', body = '{}' WHERE person_id = ANY($1::text[])
"""
FORGET_LISTENING = "DELETE FROM live_listener WHERE person_id = ANY($1::text[])"
AT_ONCE = 1000
POLL = 1.0
COALESCE = 0.02
RETRY = 1.0

log = structlog.get_logger()


class Place(NamedTuple):
    """Where a reader stands: behind this item."""

    position: int
    mark: str

    @property
    def id(self) -> str:
        """As readers keep it."""
        return f"{self.position}-{self.mark}"


BEGINNING = Place(0, "0" * 8)


class Item(NamedTuple):
    """One thing that is told; for everybody unless it names a person. `body` is JSON."""

    place: Place
    person_id: str | None
    type: str
    body: str


class Part(NamedTuple):
    """What follows a place. `last` is where to go on; `reset`: what follows it is not known any more."""

    items: list[Item]
    last: Place
    reset: bool


async def write(connection: Connection, received: Sequence[Received[Contract]], at: datetime) -> None:
    """Tells everybody what is public of these contracts; in their transaction."""
    rows = [row for number, each in enumerate(received) if (row := _row(number, each))]
    if rows:
        await connection.execute(WRITE, rows, at)


def _row(number: int, received: Received[Contract]) -> dict[str, Any] | None:
    fact = public_fact.of(received)
    if fact is None:
        return None
    mark = hashlib.blake2b(f"{fact.id} {received.recorded_at.isoformat()}".encode(), digest_size=4).hexdigest()
    return {"number": number, "mark": mark, "event_id": fact.id, "type": fact.type, "body": fact.text()}


async def write_messages(
    connection: Connection, mailings: Mapping[int, str | None], person_ids: Sequence[str], at: datetime
) -> None:
    """Tells those of these people who listen that there is a message for them; in the transaction that wrote it.

    Of each mailing it is given as which kind its messages are wished; of some, people want nothing pointed out.
    For nearly everybody that is one question, whose answer is nobody.
    """
    rows = await connection.fetch(LISTENING, at, person_ids)
    if rows:
        people = [row["person_id"] for row in rows]
        await connection.execute(WRITE_MESSAGES, list(mailings), at, people, list(mailings.values()))


async def forget(connection: Connection, person_ids: Sequence[str]) -> None:
    """Deletes everything about these people."""
    await connection.execute(FORGET_PEOPLE, person_ids)
    await connection.execute(FORGET_LISTENING, person_ids)


async def listen(pool: Pool, person_id: str, until: datetime) -> None:
    """Has what concerns a person written until then."""
    await pool.execute(LISTEN, person_id, until)


async def read(pool: Pool, after: Place, *, person_id: str | None, everyone: bool, limit: int) -> Part:
    """What follows a place: of everyone, or for everybody and this person."""
    rows = await pool.fetch(READ, after.position, after.mark, everyone, person_id, limit)
    items = [
        Item(Place(row["position"], row["mark"]), row["person_id"], row["type"], row["body"])
        for row in rows
        if row["position"] is not None
    ]
    head = Place(rows[0]["head"], rows[0]["head_mark"] or BEGINNING.mark)
    return Part(items, items[-1].place if len(items) == limit else head, not rows[0]["known"])


async def head(pool: Pool, back: int = 0) -> Place:
    """The end, or so many items before it, as far as they are kept."""
    row = await pool.fetchrow(HEAD)
    assert row is not None, "the counter's row is made by the migration"
    if back:
        row = await pool.fetchrow(BACK, row["last"] - back) or await pool.fetchrow(OLDEST) or row
    return Place(row[0], row[1] or BEGINNING.mark)


@dataclass(slots=True)
class Grown:
    """Wakes all who wait for more."""

    _event: asyncio.Event = field(default_factory=asyncio.Event)

    def ring(self) -> None:
        """There may be more."""
        self._event.set()
        self._event = asyncio.Event()

    def next(self) -> asyncio.Event:
        """Set when there may be more than there was when this was asked for: ask before you look."""
        return self._event


@dataclass(frozen=True, slots=True)
class Numbering:
    """Numbers what was written, and forgets what is old. `bells` ring when something may have been written.

    `numbered` is called after it: the other processes ring their `grown` then, as this one rings its own.
    """

    pool: Pool
    clock: Clock
    bells: Sequence[Waiter]
    others: Waiter
    numbered: Callable[[], None]
    grown: Grown
    kept: timedelta

    async def run(self) -> None:
        """Works for ever."""
        async with asyncio.TaskGroup() as tasks:
            for bell in self.bells:
                tasks.create_task(self._number_for_ever(bell))
            tasks.create_task(self._pass_on())
            tasks.create_task(keep_forgetting("live stream", self.forget))

    async def step(self) -> bool:
        """Numbers what there is, so much at most; whether there was anything."""
        if not await self.pool.fetchval(ANY_FRESH):
            return False
        async with self.pool.acquire() as connection, connection.transaction():
            last = await connection.fetchval(LOCK)
            await connection.execute(NUMBER, last, AT_ONCE)
        self.grown.ring()
        self.numbered()
        return True

    async def forget(self, limit: int) -> int:
        """Deletes what can no longer be resumed from, so much at most; gives how much."""
        before = self.clock.now() - self.kept
        await self.pool.execute(FORGET_LISTENERS, self.clock.now())
        done: str = await self.pool.execute(FORGET, before, limit)
        return int(done.rpartition(" ")[2])

    async def _number_for_ever(self, bell: Waiter) -> None:
        while True:
            try:
                if not await self.step():
                    await bell.wait(POLL)
            except TRY_AGAIN as error:
                log.warning("live_waits", reason=type(error).__name__)
                await asyncio.sleep(RETRY)

    async def _pass_on(self) -> None:
        """Other processes number, too, and say so where the journal's growth is told; that may be something else."""
        seen: int | None = None
        while True:
            try:
                last = await self.pool.fetchval(LAST)
            except TRY_AGAIN as error:
                log.warning("live_waits", reason=type(error).__name__)
            else:
                if last != seen:
                    self.grown.ring()
                seen = last
            await self.others.wait(POLL)
            await asyncio.sleep(COALESCE)
