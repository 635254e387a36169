"""The index that a replica keeps: how it comes to be, follows, and is read anew."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from importlib.resources import files
from uuid import UUID, uuid4

import pytest

from services.catalog import search
from services.catalog.records import PROJECTIONS
from services.catalog.search import SEARCH, ProjectFilter, ProjectQuery
from services.catalog.search_index import Index
from services.catalog.search_live import Live
from services.catalog.search_shown import ProjectsFound
from services.catalog.topic_list import TOPICS
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.rebuild import rebuild
from shared.kernel.wakeup import Waiter
from tests.conftest import Database
from tests.integration.catalog.conftest import Client

VALUES = "SELECT id, effect_kinds, effect, funded, reuse FROM search_project ORDER BY id"
FORGET = "UPDATE search_project SET effect_kinds = '{}', effect = NULL, funded = false, reuse = false"

LAST = "SELECT position, command_id FROM journal ORDER BY position DESC LIMIT 1"
INSTEAD = "UPDATE journal SET command_id = $2 WHERE position = $1"

KEPT = "SELECT s.card, p.entry FROM search_project s JOIN project_page p USING (id) WHERE id = $1::uuid"
PUT_BACK = """
WITH listed AS (UPDATE search_project SET card = $2 WHERE id = $1::uuid)
UPDATE project_page SET entry = $3 WHERE id = $1::uuid
"""
OF_TOMORROW = """
WITH listed AS (UPDATE search_project SET card = jsonb_set(card, $2::text[], '"of_tomorrow"') WHERE id = $1::uuid)
UPDATE project_page SET entry = jsonb_set(entry, '{project,content}'::text[] || $2::text[], '"of_tomorrow"')
WHERE id = $1::uuid
"""


async def test_another_replica_finds_what_was_published_here(pool: Pool, editor: Client) -> None:
    replica = await another(pool)
    before = len(await replica.current())
    project_id = await editor.publish(title="Quirlerei der Nachbarn")
    index = await replica.current()
    assert len(index) == before + 1
    assert (await editor.get("/projects", q="Quirlerei")).body["items"][0]["id"] == project_id
    assert (await editor.post(f"/projects/{project_id}/archivals")).status == 200
    assert (await editor.get("/projects", q="Quirlerei")).body["total"] == 0


async def test_a_search_finds_what_was_published_behind_the_index_at_hand(pool: Pool, editor: Client) -> None:
    replica, query = await another(pool), ProjectQuery(q="Quirlmühle")
    at_hand = replica.at_hand()
    assert (await find(replica, query)).items == []
    assert replica.at_hand() is at_hand
    project_id = await editor.publish(title="Quirlmühle am Fluss")
    found = await find(replica, query)
    assert [card.id for card in found.items] == [project_id]
    assert found.facets is not None
    assert sum(each.count for each in found.facets["topic"]) == found.total == 1


async def test_a_read_of_a_position_finds_what_stands_there(editor: Client, reader: Client) -> None:
    project_id = await editor.draft(title="Quirlwerk im Verbund")
    await editor.post(f"/projects/{project_id}/submissions")
    position = (await editor.post(f"/projects/{project_id}/publications")).body["position"]
    found = await reader.get("/projects", q="Quirlwerk", min_position=position)
    assert [item["id"] for item in found.body["items"]] == [project_id]


async def test_a_rebuilt_read_model_is_read_anew_while_the_old_index_serves(
    database: Database, pool: Pool, journal: Journal
) -> None:
    replica = await another(pool)
    before, marked = await replica.current(), await replica.mark()
    assert await replica.mark() == marked
    await rebuild(database.dsn("catalog"), journal, SEARCH)
    assert await replica.current() is before
    async with kept(replica) as bell:
        await until(bell, replica, lambda index: index is not before)
    assert len(await replica.current()) == len(before)
    assert await replica.mark() != marked
    assert SEARCH in PROJECTIONS


async def test_names_are_read_anew_when_they_were_rebuilt(database: Database, pool: Pool, journal: Journal) -> None:
    await pool.execute("UPDATE topic SET label = 'Verdorben' WHERE code = 'archives'")
    replica = await another(pool)
    index = await replica.current()
    assert index.names.topics["archives"].label == "Verdorben"
    await rebuild(database.dsn("catalog"), journal, TOPICS)
    async with kept(replica) as bell:
        await until(bell, replica, lambda each: each.names.topics["archives"].label != "Verdorben")
    assert await replica.current() is index


async def test_what_was_read_of_another_journal_answers_nothing_until_that_is_read(pool: Pool, editor: Client) -> None:
    """As after a restore: the journal went back, and has grown beyond the place where it was."""
    replica = await another(pool)
    before = await replica.current()
    written = await pool.fetchrow(LAST)
    assert written is not None
    await pool.execute(INSTEAD, written["position"], uuid4())
    try:
        found = await editor.publish(title="Quirlhof nach der Wiederherstellung")
        with pytest.raises(Problem) as refused:
            await replica.current()
        assert refused.value.code == "unavailable"
        async with kept(replica) as bell:
            await until(bell, replica, lambda index: index is not before)
        assert (await replica.current()).number_of(UUID(found)) is not None
        assert await replica.check() is None
    finally:
        await pool.execute(INSTEAD, written["position"], written["command_id"])


async def test_nothing_is_answered_before_there_is_an_index(pool: Pool) -> None:
    replica = Live(pool)
    assert await replica.check() == "0 of 0 projects are in the index"
    with pytest.raises(Problem):
        await replica.current()
    await replica.ready()
    assert await replica.check() is None


async def test_a_name_that_newer_code_wrote_hides_nothing_else(pool: Pool, editor: Client, reader: Client) -> None:
    (replica, bocholt) = await another(pool), (await reader.get("/organisations/05554008")).body["id"]
    takes_part = [{"ags": "05554008", "role": "lead"}, {"ags": "05374040"}]
    hidden = await editor.publish(title="Quirlbahn am Fluss", participations=takes_part)
    await pool.execute("UPDATE organisation SET type = 'moon_base' WHERE id = $1::uuid", bocholt)
    try:
        found = await editor.publish(title="Quirlbahn der Städte")
        assert (await editor.post("/topics/culture/renamings", {"label": "Kultur und Kunst"})).status == 200
        assert (await replica.current()).number_of(UUID(found)) is not None
        assert await shown(reader, "Quirlbahn") == [found]
        unreadable = await reader.get(f"/projects/{hidden}")
        assert (unreadable.status, unreadable.code) == (503, "unavailable")
    finally:
        await pool.execute("UPDATE organisation SET type = 'town' WHERE id = $1::uuid", bocholt)
        assert (await editor.post("/topics/culture/renamings", {"label": "Kultur"})).status == 200
    assert set(await shown(reader, "Quirlbahn")) == {found, hidden}


async def shown(reader: Client, q: str) -> list[str]:
    """The ids of the projects that are listed."""
    found = await reader.get("/projects", q=q)
    assert found.status == 200, found.body
    return [each["id"] for each in found.body["items"]]


@pytest.mark.parametrize("where", [["stage"], ["legal_form"], ["participations", "0", "role"]], ids=" ".join)
async def test_a_project_that_newer_code_wrote_hides_no_other(
    pool: Pool, editor: Client, reader: Client, where: list[str]
) -> None:
    newer, other = [await editor.publish(title=f"Quirlmühle {where[-1]} {n}") for n in range(2)]
    asked = f"Quirlmühle {where[-1]}"
    kept = await pool.fetchrow(KEPT, newer)
    assert kept is not None
    await pool.execute(OF_TOMORROW, newer, where)
    try:
        assert await shown(reader, asked) == [other]
        similar = await reader.get(f"/projects/{other}/similar")
        assert similar.status == 200
        assert newer not in [each["id"] for each in similar.body["items"]]
        for answer in (await reader.get(f"/projects/{newer}"), await reader.get("/projects/export.json", q=asked)):
            assert (answer.status, answer.code) == (503, "unavailable")
    finally:
        await pool.execute(PUT_BACK, newer, kept["card"], kept["entry"])
    assert set(await shown(reader, asked)) == {newer, other}


async def find(replica: Live, query: ProjectQuery) -> ProjectsFound:
    """What a reader finds there."""
    return await search.find(replica, query, editor=False, at=datetime.now(UTC), with_facets=True)


async def another(pool: Pool) -> Live:
    """The index of another replica."""
    replica = Live(pool)
    await replica.ready()
    return replica


@asynccontextmanager
async def kept(replica: Live) -> AsyncIterator[Waiter]:
    """A replica that follows, and its bell."""
    bell = Waiter()
    keeping = asyncio.create_task(replica.keep(bell))
    try:
        yield bell
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping


async def until(bell: Waiter, replica: Live, wanted: Callable[[Index], bool]) -> None:
    """Returns when the replica has the index that is wanted."""
    async with asyncio.timeout(10):
        while True:
            with suppress(Problem):
                if wanted(await replica.current()):
                    return
            bell.ring()
            await asyncio.sleep(0.01)


async def test_ids_are_those_of_one_moment(live: Live, editor: Client) -> None:
    whole = [each async for batch in search.ids(live, ProjectFilter(), "title") for each in batch]
    batches = search.ids(live, ProjectFilter(), "title", batch=3)
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
