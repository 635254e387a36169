"""From a mailing to its messages: the service that knows the people says who has to be told, page by page.

Every page is one transaction that writes its messages and how far the mailing has come, so a process may die anywhere:
the page is asked for again, and messages that are there already stay as they are. Who is told is what the answer said
when it was asked for: an answer that comes when its claim has run out and another process went on is dropped.
"""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import structlog

from services.notify import live, mailing, queue, quiet
from services.notify.faults import TRY_AGAIN, described
from services.notify.kind import Priority
from services.notify.matter import Mailing, Matter, Matters, Page
from shared.kernel.clock import Clock
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.wakeup import Wakeup

# A page that a crash takes back is asked for again, and nothing of it has left: what is noted before a mail is handed
# over stands behind it in the log, and that is waited for.
UNSYNCED = "SET LOCAL synchronous_commit = off"

BATCH = 32
PAGE = 3500  # an answer must stay below the 1 MB of a NATS message
TURN = 2.0  # how long mailings are gone on with before those that came meanwhile have their turn
LEASE = timedelta(seconds=30)
POLL = 1.0
RETRY = 1.0
# What is wrong with the other side, its rights or its code is put right some day; what is wrong with a mailing is not.
PASSING = frozenset({"unavailable", "too_many_requests", "forbidden", "internal"})
TOO_OFTEN = 8

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Answered:
    """A page of a mailing, as its matter answered, ready to be written; `row` is what was claimed."""

    row: asyncpg.Record
    matter: Matter[Any]
    asked: Mailing
    page: Page
    columns: queue.Columns

    @property
    def wished(self) -> str | None:
        """The kind that people choose it by; None of what they have to know."""
        return self.matter.kind(self.asked.what).wished

    @classmethod
    def of(cls, row: asyncpg.Record, matter: Matter[Any], asked: Mailing, page: Page) -> "Answered":
        """Messages that say nothing of it are of use as long as their kind is."""
        until = matter.kind(asked.what).until(asked.what)
        if until is not None:
            for each in page.rows:
                each.expires_at = each.expires_at or until
        return cls(row, matter, asked, page, queue.columns(asked, page.rows))


@dataclass(frozen=True, slots=True)
class Expansion:
    """The worker that turns mailings into messages; `written` is called when there are new ones.

    `holder` is the number of this process in its claims (see `holders.py`).
    """

    pool: Pool
    matters: Matters
    clock: Clock
    max_age: timedelta
    wakeup: Wakeup
    written: Callable[[], None]
    holder: int

    async def run(self) -> None:
        """Works for ever; what cannot be reached now is tried again. No single person waits for a large mailing."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._work((Priority.PERSONAL, Priority.PERSONAL)))
            tasks.create_task(self._work((Priority.MANY, max(Priority))))

    async def _work(self, between: tuple[Priority, Priority]) -> None:
        bell, lost = self.wakeup.waiter(), False
        while True:
            try:
                if lost:
                    await mailing.forgo(self.pool, self.holder, self.clock.now())
                    lost = False
                if not await self.step(between):
                    await bell.wait(POLL)
            except* TRY_AGAIN as errors:
                lost = True
                log.warning("expansion_waits", reason=type(errors.exceptions[0]).__name__)
                await asyncio.sleep(RETRY)

    async def step(self, between: tuple[Priority, Priority] = (min(Priority), max(Priority))) -> bool:
        """Mailings whose turn it is, page by page for a while; False when there was none.

        While a page is written the next one is asked for.
        """
        now, until = self.clock.now(), time.monotonic() + TURN
        rows = await mailing.claim(self.pool, now, now + LEASE, BATCH, holder=self.holder, between=between)
        pages = await self._pages((row, self._read(row)) for row in rows)
        while pages:
            going_on = time.monotonic() < until
            async with asyncio.TaskGroup() as tasks:
                writing = tasks.create_task(self._write(pages, going_on=going_on))
                asking = tasks.create_task(self._pages(following(pages) if going_on else ()))
            self.written()
            pages = [page for page in asking.result() if page.asked.id in writing.result()]
        return bool(rows)

    def _read(self, row: asyncpg.Record) -> tuple[Matter[Any], Mailing] | Exception:
        try:
            return mailing.read(self.matters, row)
        except (KeyError, ValueError) as error:
            return error

    async def _pages(
        self, asked: Iterable[tuple[asyncpg.Record, tuple[Matter[Any], Mailing] | Exception]]
    ) -> list[Answered]:
        answers = await together(self._page(row, of) for row, of in asked)
        return [answer for answer in answers if answer is not None]

    async def _page(self, row: asyncpg.Record, of: tuple[Matter[Any], Mailing] | Exception) -> Answered | None:
        """The next page of one mailing, or None when it has to wait or is given up."""
        now = self.clock.now()
        if row["created_at"] < now - self.max_age:
            await self._abandon(row, "expired")
            return None
        try:
            matter, asked = understood(of)
            return Answered.of(row, matter, asked, await matter.recipients(asked, PAGE))
        except Problem as problem:
            await self._later(row, problem.code, now, passing=problem.code in PASSING)
        except TimeoutError:
            await self._later(row, "unavailable", now, passing=True)
        except TRY_AGAIN:
            raise
        except Exception as error:  # noqa: BLE001 -- what one mailing comes to must not stop all others
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

    async def _write(self, pages: Sequence[Answered], *, going_on: bool) -> set[int]:
        """Gives the mailings that are still ours."""
        now = self.clock.now()
        kept: tuple[datetime, int | None] = (now + LEASE, self.holder) if going_on else (now, None)
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(UNSYNCED)
            ours = await mailing.advance(connection, [(each.asked, each.page) for each in pages], now, *kept)
            written = [each for each in pages if each.asked.id in ours]
            added = await queue.write(connection, [each.columns for each in written], now)
            await queue.void(connection, [ended for each in written for ended in each.page.ended], now)
            await mailing.count(connection, added)
            told = [person_id for each in written for person_id in each.columns.people]
            wished = {each.asked.id: each.wished for each in written if each.asked.id in added}
            await live.write_messages(connection, wished, told, now)
            await quiet.hold(connection, [each.asked for each in written], told, now)
        log.info("messages_written", mailings=len(pages), messages=sum(added.values()))
        return ours


def understood(of: tuple[Matter[Any], Mailing] | Exception) -> tuple[Matter[Any], Mailing]:
    """Raises why it was not."""
    if isinstance(of, Exception):
        raise of
    return of


def following(pages: Iterable[Answered]) -> Iterator[tuple[asyncpg.Record, tuple[Matter[Any], Mailing]]]:
    """Where mailings that have more pages go on."""
    for each in pages:
        if each.page.next is not None:
            session = each.asked.session or each.page.session
            yield each.row, (each.matter, replace(each.asked, after=each.page.next, session=session))


async def together[T](coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Runs them at once; the first that fails ends them all."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(coroutine) for coroutine in coroutines]
    return [task.result() for task in running]
