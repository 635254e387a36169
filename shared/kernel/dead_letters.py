"""Messages that could not be applied, and those of the same aggregate that wait behind them.

A line is the open dead letters of one aggregate, in the order of their positions. Only its head is ever tried: after a
pause that doubles with each attempt, or when somebody asks for it. When the head gets through or is discarded, the next
one is tried at once; while the line stands, later messages of the aggregate join it. So order is kept whatever happens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import structlog

from shared.kernel.faults import described
from shared.kernel.intake import Intake, back_off, parse
from shared.kernel.postgres import Connection, Pool

COLUMNS = """
SELECT id, consumer, source, aggregate, position, event_id, type, message, state, error, attempts, reason, received_at,
       tried_at, next_at
FROM dead_letter
"""
FIND = (
    COLUMNS
    + """
WHERE ($1::text IS NULL OR consumer = $1) AND ($2 OR state <> 'discarded')
ORDER BY consumer, source, aggregate, position LIMIT $3
"""
)
GET = COLUMNS + "WHERE id = $1"
HEAD = """
SELECT id FROM dead_letter
WHERE consumer = $1 AND source = $2 AND aggregate = $3 AND state <> 'discarded' ORDER BY position LIMIT 1
"""
ASK_FOR = "UPDATE dead_letter SET next_at = clock_timestamp() WHERE id = $1"
DISCARD = "UPDATE dead_letter SET state = 'discarded', reason = $2, next_at = NULL WHERE id = $1"
LOCK = "SELECT FROM inbox_consumer WHERE consumer = $1 AND source = $2 FOR UPDATE"
DUE = """
SELECT aggregate FROM (
    SELECT DISTINCT ON (aggregate) aggregate, state, next_at, position FROM dead_letter
    WHERE consumer = $1 AND source = $2 AND state <> 'discarded' ORDER BY aggregate, position
) AS head
WHERE state = 'blocked' OR next_at <= clock_timestamp() ORDER BY position LIMIT 100
"""
LINE = """
SELECT id, event_id, message, attempts, state = 'blocked' OR coalesce(next_at <= clock_timestamp(), false) AS due
FROM dead_letter
WHERE consumer = $1 AND source = $2 AND aggregate = $3 AND state <> 'discarded' ORDER BY position LIMIT 100
"""
DONE = "DELETE FROM dead_letter WHERE id = $1"
FAILED = """
UPDATE dead_letter SET state = 'failed', error = $2, attempts = $3, tried_at = clock_timestamp(),
    next_at = clock_timestamp() + $4::interval
WHERE id = $1
"""

log = structlog.get_logger()


class NoDeadLetter(Exception):
    """There is none with that id, or it was dealt with."""


class NotTheOldest(Exception):
    """Others of the same aggregate come before it; `head` is the first of them."""

    def __init__(self, head: int) -> None:
        super().__init__(f"dead letter {head} of the same aggregate comes before it")
        self.head = head


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message that waits. `state`: `failed` is tried again at `next_at` (None: when asked), `blocked` stands behind
    one that failed, `discarded` was given up for `reason`. `message` is the CloudEvent as it came.
    """

    id: int
    consumer: str
    source: str
    aggregate: str
    position: int
    event_id: str
    type: str
    message: bytes
    state: str
    error: str | None
    attempts: int
    reason: str | None
    received_at: datetime
    tried_at: datetime | None
    next_at: datetime | None


async def find(
    connection: Connection, consumer: str | None = None, *, discarded: bool = False, limit: int = 1000
) -> list[DeadLetter]:
    """Those that wait, line by line, each in its order; with `discarded` also what was given up."""
    return [_dead_letter(row) for row in await connection.fetch(FIND, consumer, discarded, limit)]


async def get(connection: Connection, number: int) -> DeadLetter:
    """One dead letter; `NoDeadLetter` when there is none."""
    row = await connection.fetchrow(GET, number)
    if row is None:
        raise NoDeadLetter(f"there is no dead letter {number}")
    return _dead_letter(row)


async def retry(connection: Connection, number: int) -> int:
    """Has the consumer try the line of this dead letter within a second; gives the id of its head, which is tried."""
    async with connection.transaction():
        letter = await _locked(connection, number)
        head = await _head(connection, letter)
        await connection.execute(ASK_FOR, head)
        return head


async def discard(connection: Connection, number: int, reason: str) -> None:
    """Gives the oldest of a line up, for a reason that is kept; `NotTheOldest` for any other of it."""
    async with connection.transaction():
        letter = await _locked(connection, number)
        if (head := await _head(connection, letter)) != number:
            raise NotTheOldest(head)
        await connection.execute(DISCARD, number, reason)
    log.warning("dead_letter_discarded", consumer=letter.consumer, id=letter.event_id, type=letter.type)


async def work_off(intake: Intake, pool: Pool) -> int:
    """Tries every line whose head is due, each in a transaction of its own; gives how many messages got through."""
    done = 0
    async with pool.acquire() as connection:
        for row in await connection.fetch(DUE, intake.consumer, intake.source):
            async with connection.transaction():
                done += await _line(intake, connection, row["aggregate"])
    return done


async def _line(intake: Intake, connection: Connection, aggregate: str) -> int:
    """One line from its head, as far as it gets."""
    checkpoint, now = await intake.lock(connection)
    rows: Sequence[asyncpg.Record] = await connection.fetch(LINE, intake.consumer, intake.source, aggregate)
    if not rows or not rows[0]["due"]:
        return 0
    for done, row in enumerate(rows):
        try:
            async with connection.transaction():
                message = parse(row["message"], 0)
                assert message is not None, "only what could be read becomes a dead letter"
                await intake.apply(connection, message, now, checkpoint.installed_at)
                await connection.execute(DONE, row["id"])
        except Exception as error:
            if connection.is_closed():
                raise
            attempts = row["attempts"] + 1
            await connection.execute(FAILED, row["id"], described(error), attempts, back_off(attempts))
            log.warning("dead_letter_failed", id=row["event_id"], attempts=attempts, reason=described(error))
            return done
        log.info("dead_letter_applied", id=row["event_id"], attempts=row["attempts"] + 1)
    return len(rows)


async def _locked(connection: Connection, number: int) -> DeadLetter:
    """The dead letter, while the consumer keeps its hands off all of them."""
    letter = await get(connection, number)
    await connection.execute(LOCK, letter.consumer, letter.source)
    letter = await get(connection, number)
    if letter.state == "discarded":
        raise NoDeadLetter(f"dead letter {number} was discarded")
    return letter


async def _head(connection: Connection, letter: DeadLetter) -> int:
    head: Any = await connection.fetchval(HEAD, letter.consumer, letter.source, letter.aggregate)
    return int(head)


def _dead_letter(row: asyncpg.Record) -> DeadLetter:
    return DeadLetter(**dict(row.items()))
