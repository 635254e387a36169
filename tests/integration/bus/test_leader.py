"""At most one leads, and who falls silent leads no longer."""

import asyncio
from contextlib import AsyncExitStack

import asyncpg
import pytest

from shared.kernel import appending, leader, migrations
from shared.kernel.leader import Resigned, lead
from shared.kernel.postgres import connect
from tests.conftest import Database
from tests.integration.bus.rig import eventually


class Candidate:
    """Counts when it works."""

    def __init__(self, dsn: str, name: str = "test", *, able: bool = True) -> None:
        self.able = able
        self.leading = False
        self.terms = 0
        self.waited = False
        self.task = asyncio.create_task(lead(dsn, name, self.work, standby=self.wait))

    def wait(self) -> None:
        self.waited = True

    async def work(self) -> None:
        self.terms += 1
        if not self.able:
            raise Resigned
        self.leading = True
        try:
            await asyncio.sleep(60)
        finally:
            self.leading = False

    async def leads(self) -> bool:
        return self.leading

    async def has_waited(self) -> bool:
        return self.waited

    async def failed_twice(self) -> bool:
        return self.terms >= 2

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leader, "RETRY", 0.05)
    monkeypatch.setattr(leader, "BEAT", 0.1)


async def test_one_leads_and_the_other_follows_when_it_goes(store: Database) -> None:
    first = Candidate(store.dsn("catalog"))
    await eventually(first.leads, wanted=True)
    second = Candidate(store.dsn("catalog"))
    await eventually(second.has_waited, wanted=True)
    assert (first.leading, first.terms, first.waited, second.terms) == (True, 1, False, 0)
    await first.stop()
    await eventually(second.leads, wanted=True)
    await second.stop()


async def test_every_service_and_name_has_its_own(store: Database) -> None:
    candidates = [Candidate(store.dsn("catalog")), Candidate(store.dsn("events")), Candidate(store.dsn("events"), "x")]
    for candidate in candidates:
        await eventually(candidate.leads, wanted=True)
    for candidate in candidates:
        await candidate.stop()


async def test_no_two_services_share_a_lock(store: Database) -> None:
    """Advisory locks are the whole database's: every key names the schema of its service."""
    services = ("catalog", "events", "notify")
    connections = [await connect(store.dsn(service), name="tests") for service in services]
    async with AsyncExitStack() as held:
        for connection in connections:
            held.push_async_callback(connection.close)
            await held.enter_async_context(connection.transaction())
            await connection.execute(migrations.LOCK)
            await connection.execute(appending.LOCK_STREAMS, ["hall-h"])
            assert await connection.fetchval(leader.TRY_LOCK, "relay")
        locks = await connections[0].fetch(
            "SELECT DISTINCT classid, objid FROM pg_locks WHERE locktype = 'advisory' AND granted "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
    assert len(locks) == 3 * len(services)


async def test_a_lost_session_ends_the_work_and_is_won_again(store: Database) -> None:
    candidate = Candidate(store.dsn("catalog"))
    await eventually(candidate.leads, wanted=True)
    killer = await connect(store.operator_dsn, name="killer")
    await killer.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ikz leader test'"
    )
    await killer.close()
    await eventually(lambda: terms(candidate), 2)
    assert candidate.leading
    await candidate.stop()


async def terms(candidate: Candidate) -> int:
    return candidate.terms


async def test_who_falls_silent_leads_no_longer(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a stopped process does: the server ends the session, and another takes over."""
    monkeypatch.setattr(leader, "SILENCE", "300ms")
    monkeypatch.setattr(leader, "BEAT", 1000)
    silent = Candidate(store.dsn("catalog"))
    await eventually(silent.leads, wanted=True)
    other = Candidate(store.dsn("catalog"))
    await eventually(other.leads, wanted=True)
    await silent.stop()
    await other.stop()


async def test_who_resigns_stands_back_for_another(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leader, "STAND_BACK", 1000)
    unable = Candidate(store.dsn("catalog"), able=False)
    await eventually(lambda: terms(unable), 1)
    other = Candidate(store.dsn("catalog"))
    await eventually(other.leads, wanted=True)
    assert (unable.terms, unable.task.done()) == (1, False)
    await unable.stop()
    await other.stop()


async def test_who_resigned_tries_again_when_nobody_else_leads(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leader, "STAND_BACK", 0.1)
    candidate = Candidate(store.dsn("catalog"), able=False)
    await eventually(candidate.failed_twice, wanted=True)
    candidate.able = True
    await eventually(candidate.leads, wanted=True)
    await candidate.stop()


async def test_no_database_is_waited_for(store: Database) -> None:
    candidate = Candidate("postgresql://nobody@127.0.0.1:9/nothing")
    await asyncio.sleep(0.2)
    assert not candidate.task.done()
    await candidate.stop()


async def test_an_error_of_the_work_comes_out(store: Database) -> None:
    async def fail() -> None:
        raise asyncpg.UndefinedTableError("no such table")

    with pytest.raises(ExceptionGroup) as caught:
        await lead(store.dsn("catalog"), "test", fail)
    assert caught.group_contains(asyncpg.UndefinedTableError)
