"""Migrations on a real Postgres: once each, in order, together or not at all."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from shared.kernel.migrations import Migration, MigrationChanged, apply, migrations_of
from shared.kernel.postgres import OwnConnection, connect
from tests.conftest import Servers, make_database

FIRST = Migration("kernel/0001_first", "-- expand: a\nCREATE TABLE a (id int)")
SECOND = Migration("kernel/0002_second", "-- expand: b\nCREATE TABLE b (id int)")


@pytest.fixture
async def connections(servers: Servers) -> AsyncIterator[list[OwnConnection]]:
    database = await make_database(servers)
    opened = [await connect(database.dsn("events"), name="tests") for _ in range(3)]
    yield opened
    for connection in opened:
        await connection.close()


async def test_each_file_is_applied_once_even_from_several_places(connections: list[OwnConnection]) -> None:
    labels = await asyncio.gather(*(apply(connection, [FIRST, SECOND]) for connection in connections))
    assert sorted(label for mine in labels for label in mine) == [FIRST.label, SECOND.label]


async def test_a_file_that_was_edited_is_refused(connections: list[OwnConnection]) -> None:
    await apply(connections[0], [FIRST])
    with pytest.raises(MigrationChanged, match="0001_first"):
        await apply(connections[0], [Migration(FIRST.label, "-- expand: another"), SECOND])
    assert await connections[0].fetchval("SELECT to_regclass('b')") is None


async def test_a_file_that_fails_leaves_nothing_and_can_be_mended(connections: list[OwnConnection]) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError):
        await apply(connections[0], [FIRST, Migration(SECOND.label, "CREATE TABLE b (id int); SELECT 1 / 0")])
    assert await connections[0].fetchval("SELECT to_regclass('b')") is None
    assert await apply(connections[0], [FIRST, SECOND]) == [SECOND.label]


@pytest.mark.parametrize("service", ["catalog", "events", "notify", "gateway"])
def test_every_file_says_whether_it_expands_or_contracts(service: str) -> None:
    for migration in migrations_of(service):
        assert migration.sql.startswith(("-- expand: ", "-- contract: ")), migration.label
