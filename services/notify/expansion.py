"""From a mailing to its messages: the service that knows the people says who has to be told, page by page.

Every page is one transaction that writes its messages and how far the mailing has come, so a process may die anywhere:
the page is asked for again, and messages that are there already stay as they are. Who is told is what the answer said
when it was asked for: an answer that comes when its claim has run out and another process went on is dropped.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import structlog
from pydantic import ValidationError

from services.notify import mailing, queue
from services.notify.faults import TRY_AGAIN, described
from services.notify.mailing import Mailing, Page
from services.notify.notes import Answered, Notes
from shared.contracts.catalog import ContactRequestReceived
from shared.contracts.events import (
    FeedbackOpened,
    RegistrationLapsed,
    RegistrationWithdrawn,
    SessionGroupMessageRequested,
)
from shared.contracts.rpc import (
    ContactAnswered,
    ContactAsked,
    QuestionLetterAnswered,
    QuestionLetterAsked,
    RecipientsAnswered,
    RecipientsAsked,
)
from shared.kernel.clock import Clock
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.vault import Vault
from shared.kernel.wakeup import Waiter

BATCH = 32
PAGE = 250  # an answer must stay below the 1 MB of a NATS message
LEASE = timedelta(seconds=30)
POLL = 1.0
RETRY = 1.0
# What is wrong with the other side, its rights or its code is put right some day; what is wrong with a mailing is not.
PASSING = frozenset({"unavailable", "too_many_requests", "forbidden", "internal"})
TOO_OFTEN = 8

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Owners:
    """Whom to ask who has to be told, and what."""

    recipients: Callable[[RecipientsAsked], Awaitable[RecipientsAnswered]]
    question: Callable[[QuestionLetterAsked], Awaitable[QuestionLetterAnswered]]
    contact: Callable[[ContactAsked], Awaitable[ContactAnswered]]


@dataclass(frozen=True, slots=True)
class Expansion:
    """The worker that turns mailings into messages; `written` is called when there are new ones.

    `holder` is the number of this process in its claims (see `holders.py`).
    """

    pool: Pool
    vault: Vault
    owners: Owners
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

    async def _page(self, row: asyncpg.Record, now: datetime) -> tuple[Mailing, Answered] | None:
        """The next page of one mailing, or None when it has to wait or is given up."""
        if row["created_at"] < now - self.max_age:
            await self._abandon(row, "expired")
            return None
        try:
            asked = mailing.read(row)
            return asked, await self._answer(asked)
        except Problem as problem:
            await self._later(row, problem.code, now, passing=problem.code in PASSING)
        except TimeoutError:
            await self._later(row, "unavailable", now, passing=True)
        except (ValidationError, KeyError, ValueError) as error:
            log.error("mailing_not_understood", mailing=row["id"], cause=row["cause"], reason=described(error))  # noqa: TRY400
            await self._later(row, "not_understood", now, passing=False)
        return None

    async def _answer(self, asked: Mailing) -> Answered:
        if asked.contact_request_id is not None:
            confirmed = not isinstance(asked.what, ContactRequestReceived)
            return await self.owners.contact(
                ContactAsked(contact_request_id=asked.contact_request_id, confirmed=confirmed)
            )
        if asked.question_id is not None:
            return await self.owners.question(QuestionLetterAsked(question_id=asked.question_id))
        answer = await self.owners.recipients(_question(asked))
        if isinstance(asked.what, SessionGroupMessageRequested) and answer.group_message is None:
            raise ValueError("recipients without what is to be said to them")
        return answer

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

    async def _write(self, pages: Sequence[tuple[Mailing, Answered]], now: datetime) -> None:
        making = Notes(self.vault, await self._in_calendar(pages))
        notes = await together(note for asked, answer in pages for note in making.of(asked, answer))
        ends = [_end(asked, answer) for asked, answer in pages]
        async with self.pool.acquire() as connection, connection.transaction():
            ours = await mailing.advance(connection, ends, now)
            added = await queue.write(connection, [note for note in notes if note and note.mailing_id in ours], now)
            await queue.void(connection, _ended([asked for asked, _ in pages if asked.id in ours]), now)
            await mailing.count(connection, added)
        log.info("messages_written", mailings=len(pages), messages=len(added))

    async def _in_calendar(self, pages: Sequence[tuple[Mailing, Answered]]) -> set[str]:
        """Only who withdraws has to be looked up: for all others their standing tells."""
        withdrawn = [
            person.registration_id
            for asked, answer in pages
            if isinstance(asked.what, RegistrationWithdrawn) and isinstance(answer, RecipientsAnswered)
            for person in answer.recipients
        ]
        return await queue.in_calendar(self.pool, withdrawn) if withdrawn else set()


async def together[T](coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Runs them at once; the first that fails ends them all."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(coroutine) for coroutine in coroutines]
    return [task.result() for task in running]


def _ended(told: Sequence[Mailing]) -> list[str]:
    """The registrations that have ended."""
    causes = (asked.what for asked in told)
    return [what.registration_id for what in causes if isinstance(what, RegistrationWithdrawn | RegistrationLapsed)]


def _end(asked: Mailing, answer: Answered) -> Page:
    if isinstance(answer, RecipientsAnswered):
        session, words = asked.session or answer.session, answer.group_message
        return Page(asked.id, asked.after, answer.next, session=session, group_message=words)
    return Page(asked.id, asked.after, None)


def _question(asked: Mailing) -> RecipientsAsked:
    """What concerns one person is told with the date that held when it happened: others may be told of by then."""
    assert asked.session_id is not None
    return RecipientsAsked(
        session_id=asked.session_id,
        registration_id=asked.registration_id,
        group_message_id=asked.what.message_id if isinstance(asked.what, SessionGroupMessageRequested) else None,
        feedback=isinstance(asked.what, FeedbackOpened),
        as_of_version=asked.as_of_version,
        session_as_of=asked.session_version,
        after=asked.after,
        limit=PAGE,
    )
