"""Whose claims end before their time: those of processes that are gone, and nobody else's."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID

import pytest

from services.notify import holders, mailing, queue
from services.notify.holders import Holders
from services.notify.kind import Priority
from services.notify.matter import Claimed
from services.notify.queue import Verdict
from shared.kernel.postgres import Pool
from tests.integration.notify.conftest import Notify
from tests.integration.notify.office import Office, Owner, people
from tests.integration.notify.sink import Sink, mail_server
from tests.unit.notify.samples import postponed, session

LEASE = dt.timedelta(minutes=5)
DEAD, ALIVE = 7, 8


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holders, "GONE_AFTER", 1.0)
    monkeypatch.setattr(holders, "BEAT", 0.05)
    monkeypatch.setattr(holders, "RETRY", 0.05)


@asynccontextmanager
async def process(notify: Notify, number: int) -> AsyncIterator[asyncio.Event]:
    """A process with this number; the event is set when it has freed something."""
    freed = asyncio.Event()
    running = asyncio.create_task(Holders(notify.dsn, notify.clock, freed.set, number).run())
    yield freed
    running.cancel()
    await asyncio.wait([running])


async def claimed(notify: Notify, *numbers: int) -> None:
    """One message and one mailing for each of these processes."""
    office = Office(notify, Owner(session(), people(len(numbers))), Sink())
    await office.hear(postponed())
    await office.expand()
    for version, number in enumerate(numbers):
        await office.hear(postponed().model_copy(update={"session_id": f"another-{number}"}), version=10 + version)
        now = notify.clock.now()
        assert len(await mailing.claim(notify.pool, now, now + LEASE, 1, holder=number)) == 1
        assert len(await queue.claim(notify.pool, now, now + LEASE, Priority.MANY, 1, holder=number)) == 1


async def holding(notify: Notify) -> list[int]:
    """Whose claims there are: of messages, then of mailings."""
    messages = await notify.pool.fetch("SELECT holder FROM message WHERE state = 'sending' ORDER BY holder")
    now = notify.clock.now()
    mailings = await notify.pool.fetch("SELECT holder FROM mailing WHERE ready_at > $1 ORDER BY holder", now)
    return [row["holder"] for row in (*messages, *mailings)]


async def test_claims_of_a_process_that_is_gone_are_free_again(notify: Notify) -> None:
    await claimed(notify, DEAD, ALIVE)
    assert await holding(notify) == [DEAD, ALIVE] * 2
    async with process(notify, ALIVE) as freed:
        await asyncio.wait_for(freed.wait(), 20)
    assert await holding(notify) == [ALIVE] * 2


async def test_who_was_taken_for_gone_sends_no_more_of_what_is_anothers_now(
    notify: Notify, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with mail_server() as sink:
        office = Office(notify, Owner(session(), people(5)), sink)
        await office.hear(postponed())
        await office.expand()
        finish = queue.finish
        others: list[Claimed] = []

        async def finish_late(pool: Pool, verdicts: Sequence[Verdict], following: Sequence[Claimed]) -> set[UUID]:
            """Meanwhile another process has freed the claims and taken them over."""
            if verdicts and not others:
                await pool.execute(holders.FREE, [1], notify.clock.now())
                now = notify.clock.now()
                others.extend(await queue.claim(pool, now, now + LEASE, Priority.MANY, 5, holder=ALIVE))
            return await finish(pool, verdicts, following)

        monkeypatch.setattr(queue, "finish", finish_late)
        await office.send()
        assert (len(sink.mails), len(others)) == (1, 5)
        assert await office.states() == ["delivered", *["sending"] * 4]


async def test_who_lost_only_the_connection_keeps_what_it_claimed(notify: Notify) -> None:
    await claimed(notify, DEAD, ALIVE)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(process(notify, ALIVE))
        freed = await stack.enter_async_context(process(notify, 9))
        while not freed.is_set():
            await notify.pool.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = $1", ALIVE
            )
            await asyncio.sleep(0.2)
    assert await holding(notify) == [ALIVE] * 2
