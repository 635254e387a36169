"""The index that a replica keeps: how it comes to be, follows, and is read anew."""

import asyncio
from contextlib import suppress
from importlib.resources import files

import pytest

from services.catalog import search, search_live
from services.catalog.records import PROJECTIONS
from services.catalog.search import SEARCH, ProjectFilter
from services.catalog.search_live import Live
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.rebuild import rebuild
from shared.kernel.wakeup import Waiter
from tests.conftest import Database
from tests.integration.catalog.conftest import Client

VALUES = "SELECT id, effect_kinds, effect, funded, reuse FROM search_project ORDER BY id"
FORGET = "UPDATE search_project SET effect_kinds = '{}', effect = NULL, funded = false, reuse = false"


async def test_another_replica_finds_what_was_published_here(pool: Pool, editor: Client) -> None:
    replica = Live(pool)
    before = len(await replica.current())
    project_id = await editor.publish(title="Quirlerei der Nachbarn")
    index = await replica.current()
    assert len(index) == before + 1
    assert (await editor.get("/projects", q="Quirlerei")).body["items"][0]["id"] == project_id
    assert (await editor.post(f"/projects/{project_id}/archivals")).status == 200
    assert (await editor.get("/projects", q="Quirlerei")).body["total"] == 0


async def test_a_read_of_a_position_finds_what_stands_there(editor: Client, reader: Client) -> None:
    project_id = await editor.draft(title="Quirlwerk im Verbund")
    await editor.post(f"/projects/{project_id}/submissions")
    position = (await editor.post(f"/projects/{project_id}/publications")).body["position"]
    found = await reader.get("/projects", q="Quirlwerk", min_position=position)
    assert [item["id"] for item in found.body["items"]] == [project_id]


async def test_questions_at_once_build_one_index(pool: Pool) -> None:
    replica = Live(pool)
    indexes = await asyncio.gather(*(replica.current() for _ in range(5)))
    assert len({id(each) for each in indexes}) == 1


async def test_a_rebuilt_read_model_is_read_anew_while_the_old_index_serves(
    database: Database, pool: Pool, journal: Journal
) -> None:
    replica, bell = Live(pool), Waiter()
    before = await replica.current()
    await rebuild(database.dsn("catalog"), journal, SEARCH)
    assert await replica.current() is before
    keeping = asyncio.create_task(replica.keep(bell))
    try:
        async with asyncio.timeout(10):
            while await replica.current() is before:
                bell.ring()
                await asyncio.sleep(0.01)
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
    after = await replica.current()
    assert len(after) == len(before)
    assert SEARCH in PROJECTIONS


async def test_ids_are_those_of_one_moment(pool: Pool, editor: Client) -> None:
    whole = [each async for batch in search.ids(pool, ProjectFilter(), "title") for each in batch]
    batches = search.ids(pool, ProjectFilter(), "title", batch=3)
    seen = list(await anext(batches))
    gone = await editor.publish(title="Aaa kommt dazwischen")
    assert (await editor.post(f"/projects/{whole[-1]}/archivals")).status in {200, 409}
    seen += [each async for batch in batches for each in batch]
    assert seen == whole
    assert gone not in seen


async def test_the_migration_fills_what_the_projection_would(pool: Pool, journal: Journal) -> None:
    migration = files("services.catalog").joinpath("migrations/0020_search_values.sql").read_text("utf-8")
    filling = migration[migration.index("UPDATE") :]
    expected = await pool.fetch(VALUES)
    assert any(row["effect"] is not None for row in expected)
    await pool.execute(FORGET)
    await pool.execute(filling)
    assert await pool.fetch(VALUES) == expected


@pytest.mark.parametrize("status", ["drafted", "submitted"])
async def test_editors_search_what_is_not_public(editor: Client, reader: Client, status: str) -> None:
    project_id = await editor.draft(title=f"Quirlstall {status}")
    if status == "submitted":
        await editor.post(f"/projects/{project_id}/submissions")
    assert (await editor.get("/projects", q="Quirlstall", status=status)).body["items"][0]["id"] == project_id
    assert (await reader.get("/projects", q="Quirlstall")).body["total"] == 0
    assert (await reader.get("/projects", q="Quirlstall", status=status)).status == 401


async def test_closed_pools_are_forgotten(pool: Pool) -> None:
    search_live.of(pool)
    assert all(not each.is_closing() for each in search_live._OPEN)
