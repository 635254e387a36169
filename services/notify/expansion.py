"""From a mailing to its messages: the service that knows the people says who has to be told, page by page.

Every page is one transaction that writes its messages and how far the mailing has come, so a process may die anywhere:
the page is asked for again, and messages that are there already stay as they are. Who is told is what the answer said
when it was asked for: an answer that comes when its claim has run out and another process went on is dropped.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import structlog
from pydantic import ValidationError

from services.notify import live, mailing, queue
from services.notify.faults import TRY_AGAIN, described
from services.notify.matter import Mailing, Matter, Matters, Page, Row
from services.notify.queue import Note
from shared.kernel.clock import Clock
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.wakeup import Waiter

BATCH = 32
PAGE = 2000  # an answer must stay below the 1 MB of a NATS message
LEASE = timedelta(seconds=30)
POLL = 1.0
RETRY = 1.0
# What is wrong with the other side, its rights or its code is put right some day; what is wrong with a mailing is not.
PASSING = frozenset({"unavailable", "too_many_requests", "forbidden", "internal"})
TOO_OFTEN = 8

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Answered:
    """A page of a mailing, as its matter answered."""

    matter: Matter[Any]
    asked: Mailing
    page: Page

    def notes(self) -> list[Note]:
        """The messages to be written."""
        until = self.matter.kind(self.asked.what).until(self.asked.what)
        return [self._note(row, until) for row in self.page.rows]

    def _note(self, row: Row, until: datetime | None) -> Note:
        asked = self.asked
        return Note(
            **asdict(row)
            | {
                "lane": row.lane or f"{row.session_id or asked.session_id or asked.cause}/{row.person_id}",
                "expires_at": row.expires_at or until,
            },
            id=queue.message_id(row.person_id, asked.cause, asked.recorded_at, asked.kind),
            mailing_id=asked.id,
            kind=asked.kind,
            source=asked.matter,
            priority=asked.priority,
        )


@dataclass(frozen=True, slots=True)
class Expansion:
    """The worker that turns mailings into messages; `written` is called when there are new ones.

    `holder` is the number of this process in its claims (see `holders.py`).
    """

    pool: Pool
    matters: Matters
    clock: Clock
    max_age: timedelta
    bell: Waiter
    written: Callable[[], None]
    holder: int

    async def run(self) -> None:
        """Works for ever; what cannot be reached now is tried again."""
        lost = False
        while True:
            try:
                if lost:
                    await mailing.forgo(self.pool, self.holder, self.clock.now())
                    lost = False
                if not await self.step():
                    await self.bell.wait(POLL)
            except* TRY_AGAIN as errors:
                lost = True
                log.warning("expansion_waits", reason=type(errors.exceptions[0]).__name__)
                await asyncio.sleep(RETRY)

    async def step(self) -> bool:
        """One page of every mailing whose turn it is; False when there was none."""
        now = self.clock.now()
        rows = await mailing.claim(self.pool, now, now + LEASE, BATCH, holder=self.holder)
        answers = await together(self._page(row, now) for row in rows)
        pages = [answer for answer in answers if answer is not None]
        if pages:
            await self._write(pages, now)
            self.written()
        return bool(rows)

    async def _page(self, row: asyncpg.Record, now: datetime) -> Answered | None:
        """The next page of one mailing, or None when it has to wait or is given up."""
        if row["created_at"] < now - self.max_age:
            await self._abandon(row, "expired")
            return None
        try:
            matter, asked = mailing.read(self.matters, row)
            return Answered(matter, asked, await matter.recipients(asked, PAGE))
        except Problem as problem:
            await self._later(row, problem.code, now, passing=problem.code in PASSING)
        except TimeoutError:
            await self._later(row, "unavailable", now, passing=True)
        except (ValidationError, KeyError, ValueError) as error:
            log.error("mailing_not_understood", mailing=row["id"], cause=row["cause"], reason=described(error))  # noqa: TRY400
            await self._later(row, "not_understood", now, passing=False)
        return None

    async def _later(self, row: asyncpg.Record, problem: str, now: datetime, *, passing: bool) -> None:
        """Tried again after a while; what will not get better is given up, so that others get their turn."""
        if not passing and row["failures"] + 1 >= TOO_OFTEN:
            await self._abandon(row, problem)
            return
        wait = min(2.0 ** min(row["failures"], 6), 30.0) * random.uniform(0.8, 1.2)  # noqa: S311 -- spreads load
        await mailing.defer(self.pool, row["id"], now + timedelta(seconds=wait), problem)

    async def _abandon(self, row: asyncpg.Record, problem: str) -> None:
        log.error("mailing_abandoned", mailing=row["id"], cause=row["cause"], problem=problem)
        await mailing.abandon(self.pool, row["id"], problem)

    async def _write(self, pages: Sequence[Answered], now: datetime) -> None:
        notes = [note for answered in pages for note in answered.notes()]
        async with self.pool.acquire() as connection, connection.transaction():
            ours = await mailing.advance(connection, [(each.asked, each.page) for each in pages], now)
            added = await queue.write(connection, [note for note in notes if note.mailing_id in ours], now)
            await queue.void(
                connection, [ended for each in pages if each.asked.id in ours for ended in each.page.ended], now
            )
            await mailing.count(connection, added)
            await live.write_messages(connection, list(set(added)), now)
        log.info("messages_written", mailings=len(pages), messages=len(added))


async def together[T](coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Runs them at once; the first that fails ends them all."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(coroutine) for coroutine in coroutines]
    return [task.result() for task in running]
