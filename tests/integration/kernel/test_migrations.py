"""Migrations on a real Postgres: once each, in order, together or not at all, and never in the way of those at work."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from shared.kernel import migrations as module
from shared.kernel.migrations import (
    Migration,
    MigrationBlocked,
    MigrationChanged,
    apply,
    migrate,
    migrations_of,
    pending,
)
from shared.kernel.postgres import OwnConnection, connect
from tests.conftest import Database, Servers, fresh_database

FIRST = Migration("kernel/0001_first", "-- expand: a\nCREATE TABLE a (id int)")
SECOND = Migration("kernel/0002_second", "-- expand: b\nCREATE TABLE b (id int)")
CONTRACT = Migration("kernel/0003_third", "-- contract: a is not read any more\nDROP TABLE a")
FOURTH = Migration("kernel/0004_fourth", "-- expand: c\nCREATE TABLE c (id int)")


@pytest.fixture
async def store(servers: Servers) -> AsyncIterator[Database]:
    """A database where nothing was ever applied."""
    async with fresh_database(servers) as database:
        yield database


@pytest.fixture
async def connections(store: Database) -> AsyncIterator[list[OwnConnection]]:
    opened = [await connect(store.dsn("events"), name="tests") for _ in range(3)]
    yield opened
    for connection in opened:
        await connection.close()


async def test_each_file_is_applied_once_even_from_several_places(connections: list[OwnConnection]) -> None:
    done = await asyncio.gather(*(apply(connection, [FIRST, CONTRACT, FOURTH]) for connection in connections))
    assert sorted(label for mine in done for label in mine.applied) == [FIRST.label, CONTRACT.label, FOURTH.label]


async def test_a_file_that_was_edited_is_refused(connections: list[OwnConnection]) -> None:
    await apply(connections[0], [FIRST])
    with pytest.raises(MigrationChanged, match="0001_first"):
        await apply(connections[0], [Migration(FIRST.label, "-- expand: another"), SECOND])
    assert await connections[0].fetchval("SELECT to_regclass('b')") is None


async def test_a_file_that_fails_leaves_nothing_and_can_be_mended(connections: list[OwnConnection]) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError):
        await apply(connections[0], [FIRST, Migration(SECOND.label, "CREATE TABLE b (id int); SELECT 1 / 0")])
    assert await connections[0].fetchval("SELECT to_regclass('b')") is None
    assert (await apply(connections[0], [FIRST, SECOND])).applied == (SECOND.label,)


async def test_what_takes_away_waits_until_somebody_says_that_no_old_code_runs(
    connections: list[OwnConnection],
) -> None:
    await apply(connections[0], [FIRST])
    done = await apply(connections[0], [FIRST, SECOND, CONTRACT, FOURTH])
    assert (done.applied, done.waiting) == ((SECOND.label, FOURTH.label), (CONTRACT.label,))
    assert await connections[0].fetchval("SELECT to_regclass('a')") == "a"
    done = await apply(connections[0], [FIRST, SECOND, CONTRACT, FOURTH], contract=True)
    assert (done.applied, done.waiting) == ((CONTRACT.label,), ())
    assert await connections[0].fetchval("SELECT to_regclass('a')") is None


async def test_a_fresh_database_gets_everything_in_order(connections: list[OwnConnection]) -> None:
    done = await apply(connections[0], [FIRST, CONTRACT, SECOND])
    assert (done.applied, done.waiting) == ((FIRST.label, CONTRACT.label, SECOND.label), ())


async def test_a_service_starts_before_what_takes_away_is_applied(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    dsn = store.dsn("events")
    await migrate(dsn, "events")
    known = migrations_of("events")
    monkeypatch.setattr(module, "migrations_of", lambda _service: [*known, CONTRACT, FOURTH])
    connection = await connect(dsn, name="tests")
    assert await pending(connection, "events") == [FOURTH.label]
    await connection.close()
    assert (await migrate(dsn, "events")).waiting == (CONTRACT.label,)


async def test_a_table_that_others_hold_holds_nobody_up_for_long(
    connections: list[OwnConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a waiting ALTER TABLE every reader would wait, too: it gives up soon and tries again."""
    monkeypatch.setattr(module, "LOCK_TIMEOUT", "100ms")
    monkeypatch.setattr(module, "BETWEEN_ATTEMPTS", 0.05)
    change, reader, other = connections
    altered = Migration("kernel/0005_wider", "-- expand: a is wider\nALTER TABLE a ADD COLUMN more int")
    await apply(change, [FIRST])
    await reader.execute("BEGIN; SELECT id FROM a")
    with pytest.raises(MigrationBlocked, match="0005_wider"):
        await asyncio.wait_for(apply(change, [FIRST, altered]), 20)
    assert await other.fetch("SELECT id FROM a") == []
    monkeypatch.setattr(module, "ATTEMPTS", 100)
    waiting = asyncio.create_task(apply(change, [FIRST, altered]))
    await other.fetch("SELECT id FROM a", timeout=5)
    await reader.execute("COMMIT")
    assert (await waiting).applied == (altered.label,)


@pytest.mark.parametrize("service", ["catalog", "events", "notify", "gateway"])
def test_every_file_says_whether_it_expands_or_contracts(service: str) -> None:
    for migration in migrations_of(service):
        assert migration.sql.startswith(("-- expand: ", "-- contract: ")), migration.label
