"""The journal behind the catalogue: content loaded once, read models that can be rebuilt."""

import json
import os
import sys
from asyncio import create_subprocess_exec, gather
from asyncio.subprocess import PIPE
from uuid import uuid4

import pytest

from services.catalog.load_content import CONTENT, load
from services.catalog.project import PROJECT, DraftProject, SubmitProject
from services.catalog.project_content import Content
from services.catalog.records import PROJECTIONS
from shared.kernel.identity import generate_keys
from shared.kernel.journal import Context, Journal
from shared.kernel.projection import Projection
from shared.kernel.rebuild import rebuild
from tests.conftest import Database
from tests.integration.catalog.conftest import LOADED_AT, Client, Reply


async def test_content_is_history_in_its_own_time(journal: Journal) -> None:
    recorded = await journal.read(0, 2000)
    assert all(each.history for each in recorded)
    published = [each for each in recorded if type(each.event).__name__ == "ProjectPublished"]
    assert len(published) == 10
    assert [
        str(each.event.at.date()) for each in published if each.event.content.title.startswith("Gemeindekasse")
    ] == ["2025-05-27"]
    assert all(each.event.at <= LOADED_AT for each in recorded)


async def test_loading_again_changes_nothing(journal: Journal, database: Database) -> None:
    before = await journal.head()
    told: list[dict[str, object]] = []
    counts = await load(journal, CONTENT, LOADED_AT, told.append)
    assert await journal.head() == before
    assert counts["projects"] == 10
    assert told[-1] == {"progress": [10, 10, "Projekte"]}


async def test_the_loader_is_a_program(journal: Journal, database: Database) -> None:
    before = await journal.head()
    environment = os.environ | {
        "IKZ_DATABASE_URL": database.dsn("catalog"),
        "IKZ_NATS_URL": "nats://nobody:nothing@127.0.0.1:1",
        "IKZ_VAULT_KEY": "A" * 43,
        "IKZ_IDENTITY_PUBLIC_KEY": generate_keys().public,
    }
    process = await create_subprocess_exec(
        sys.executable, "-m", "services.catalog.load_content", env=environment, stdout=PIPE
    )
    out, _ = await process.communicate()
    lines = [json.loads(line) for line in out.splitlines()]
    assert process.returncode == 0
    assert lines[-1]["loaded"] == {
        "topics": 45,
        "municipalities": 396,
        "districts": 53,
        "other_organisations": 9,
        "resources": 1,
        "key_figures": 3,
        "funding_programmes": 2,
        "projects": 10,
    }
    assert await journal.head() == before


async def attached(editor: Client, project_id: str, content: bytes) -> Reply:
    """A file beside the project."""
    described = {"title": "Studie", "kind": "study", "filename": "Studie.pdf"}
    path, headers = f"/projects/{project_id}/documents", {"Content-Type": "application/pdf"}
    reply = await editor.call("POST", path, params=described, data=content, headers=headers)
    assert reply.status == 201, reply.body
    return reply


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.name)
async def test_a_rebuilt_read_model_is_the_live_one(
    editor: Client, journal: Journal, database: Database, projection: Projection
) -> None:
    project_id = await editor.publish()
    await editor.post(f"/projects/{project_id}/best-practice-awards", {"occasion": "Tag", "awarded_on": "2026-01-01"})
    await editor.put(f"/projects/{project_id}", {"title": "Neue Fassung"}, version=4)
    await editor.post(f"/projects/{project_id}/updates", {"text": "Neu"})
    await editor.post(
        f"/projects/{project_id}/returns", {"reason": "Kurz", "reasons": [{"field": "/title", "text": "Ja"}]}
    )
    kept, removed = [await attached(editor, project_id, content) for content in (b"%PDF-1.7 one", b"%PDF-1.7 two")]
    await editor.call(
        "DELETE", removed.headers["Location"].removeprefix("/api/v1"), headers={"If-Match": removed.headers["ETag"]}
    )
    assert kept.headers["Location"] != removed.headers["Location"]
    await editor.post("/topics/sports_and_pools/renamings", {"label": f"Bäder {uuid4().hex[:4]}"})
    rebuilt = await rebuild(database.dsn("catalog"), journal, projection)
    assert rebuilt.different == ()
    assert rebuilt.events == await journal.head()


async def test_editors_at_once_get_one_project_each(journal: Journal) -> None:
    """Commands decided and projected in one group stay apart."""
    ids = [str(uuid4()) for _ in range(40)]

    async def life(project_id: str) -> None:
        for command in (
            DraftProject(project_id=project_id, content=Content(title=f"Projekt {project_id}")),
            SubmitProject(),
        ):
            context = Context(uuid4(), "test", LOADED_AT, "test")
            await journal.transact(PROJECT, project_id, command, context)

    await gather(*map(life, ids))
    for project_id in ids:
        folded = await journal.load(PROJECT, project_id)
        assert folded.version == 2
        assert folded.state is not None
        assert folded.state.content.title == f"Projekt {project_id}"
