"""A project's life over HTTP: what editors do, what readers see meanwhile."""

from dataclasses import replace
from uuid import uuid4

import pytest
from aiohttp import ClientSession

from services.catalog.project_letter import project_letter
from shared.contracts.rpc import ProjectLetter, ProjectLetterAsked
from shared.kernel.identity import Signer
from shared.kernel.postgres import Pool
from tests.integration.catalog.conftest import EDITOR, Client, body


async def test_a_project_is_drafted_submitted_published_and_found(editor: Client, reader: Client) -> None:
    word = f"Kanalinspektion{uuid4().hex[:6]}"
    drafted = await editor.post("/projects", body(title=f"Gemeinsame {word}"))
    assert drafted.status == 201
    assert set(drafted.body) == {"id", "version", "position"}
    assert drafted.headers["ETag"] == '"1"'
    project_id = drafted.body["id"]
    assert drafted.headers["Location"] == f"/api/v1/projects/{project_id}"
    assert (await reader.get(f"/projects/{project_id}")).status == 404
    assert (await editor.get(f"/projects/{project_id}")).body["status"] == "drafted"

    submitted = await editor.post(f"/projects/{project_id}/submissions")
    assert (submitted.status, submitted.body["version"]) == (200, 2)
    assert (await reader.get("/projects", q=word)).body["total"] == 0

    published = await editor.post(f"/projects/{project_id}/publications")
    assert published.status == 200
    found = await reader.get("/projects", q=word, min_position=published.body["position"])
    assert [item["id"] for item in found.body["items"]] == [project_id]
    page = (await reader.get(f"/projects/{project_id}")).body
    assert page["status"] == "published"
    assert [each["name"] for each in page["participations"]] == ["Morsbach", "Reichshof"]
    assert page["participations"][0]["role"] == "lead"
    assert page["labels"]["topics"] == {"works_depot": "Bauhof, Straßen- und Grünpflege"}
    assert (page["history"], page["revision"], page["returned"]) == (None, None, None)


async def test_a_submission_is_returned_with_its_reason_changed_and_published(editor: Client) -> None:
    project_id = await editor.draft()
    await editor.post(f"/projects/{project_id}/submissions")
    returned = await editor.post(f"/projects/{project_id}/returns", {"reason": "Bitte die Wirkung belegen."})
    assert returned.status == 200
    page = await editor.get(f"/projects/{project_id}")
    assert (page.body["status"], page.body["returned"]) == ("returned", "Bitte die Wirkung belegen.")
    changed = await editor.put(f"/projects/{project_id}", body(title="Belegter Bauhof"), page.body["version"])
    assert changed.status == 200
    assert (await editor.post(f"/projects/{project_id}/submissions")).status == 200
    assert (await editor.post(f"/projects/{project_id}/publications")).status == 200
    history = (await editor.get(f"/projects/{project_id}")).body["history"]
    assert [step["step"] for step in history] == [
        "drafted",
        "submitted",
        "returned",
        "edited",
        "submitted",
        "published",
    ]
    assert history[2]["reason"] == "Bitte die Wirkung belegen."
    assert history[0]["actor"] == "0190a000-0000-7000-8000-000000000001"


async def test_a_revision_waits_beside_the_live_version(editor: Client, reader: Client) -> None:
    project_id = await editor.publish(title="Alter Bauhof")
    version = (await editor.get(f"/projects/{project_id}")).headers["ETag"].strip('"')
    assert (await editor.put(f"/projects/{project_id}", body(title="Neuer Bauhof"), version)).status == 200
    assert (await reader.get(f"/projects/{project_id}")).body["title"] == "Alter Bauhof"
    seen = (await editor.get(f"/projects/{project_id}")).body
    assert (seen["title"], seen["revision"]["content"]["title"]) == ("Alter Bauhof", "Neuer Bauhof")
    accepted = await editor.post(f"/projects/{project_id}/revisions")
    assert accepted.status == 200
    assert (await reader.get(f"/projects/{project_id}")).body["title"] == "Neuer Bauhof"
    again = await editor.post(f"/projects/{project_id}/revisions")
    assert (again.status, again.code) == (409, "no_pending_revision")


async def test_readers_see_nothing_of_a_proposal(editor: Client, reader: Client) -> None:
    word = f"Fassung{uuid4().hex[:6]}"
    project_id = await editor.publish(title=f"Bauhof {word}")

    async def changed_at() -> set[str]:
        found = (await reader.get("/projects", q=word)).body["items"]
        page = (await reader.get(f"/projects/{project_id}")).body
        return {found[0]["changed_at"], page["changed_at"], page["published_at"]}

    published = await changed_at()
    assert len(published) == 1
    version = (await editor.get(f"/projects/{project_id}")).body["version"]
    assert (await editor.put(f"/projects/{project_id}", body(title="Vorschlag"), version)).status == 200
    assert await changed_at() == published
    assert (await editor.post(f"/projects/{project_id}/returns", {"reason": "Quelle fehlt."})).status == 200
    assert await changed_at() == published
    assert (await editor.post(f"/projects/{project_id}/revisions", body(title=f"Bauhof {word}, neu"))).status == 200
    assert await changed_at() > published


async def test_publications_accept_a_revision_too(editor: Client, reader: Client) -> None:
    project_id = await editor.publish()
    version = (await editor.get(f"/projects/{project_id}")).body["version"]
    await editor.put(f"/projects/{project_id}", body(title="Noch ein Bauhof"), version)
    assert (await editor.post(f"/projects/{project_id}/publications")).status == 200
    assert (await reader.get(f"/projects/{project_id}")).body["title"] == "Noch ein Bauhof"


async def test_an_editor_revises_at_once(editor: Client, reader: Client) -> None:
    project_id = await editor.publish()
    revised = await editor.post(f"/projects/{project_id}/revisions", body(title="Sofort geändert"))
    assert revised.status == 200
    assert (await reader.get(f"/projects/{project_id}")).body["title"] == "Sofort geändert"


async def test_a_returned_revision_leaves_the_live_version(editor: Client, reader: Client) -> None:
    project_id = await editor.publish(title="Bleibt")
    version = (await editor.get(f"/projects/{project_id}")).body["version"]
    await editor.put(f"/projects/{project_id}", body(title="Wird nichts"), version)
    assert (await editor.get("/projects", q="Bleibt")).body["items"][0]["revision_pending"] is True
    returned = await editor.post(f"/projects/{project_id}/returns", {"reason": "Quelle fehlt."})
    assert returned.status == 200
    assert (await reader.get(f"/projects/{project_id}")).body["title"] == "Bleibt"
    assert (await editor.get(f"/projects/{project_id}")).body["revision"]["returned"] == "Quelle fehlt."


async def test_a_best_practice_mark_is_shown(editor: Client, reader: Client) -> None:
    project_id = await editor.publish()
    mark = {"occasion": "Jahrestagung 2026", "awarded_on": "2026-05-20"}
    assert (await editor.post(f"/projects/{project_id}/best-practice-awards", mark)).status == 200
    assert (await reader.get(f"/projects/{project_id}")).body["best_practice"] == [mark | {"category": None}]
    found = await reader.get("/projects", best_practice="true", limit=100)
    assert project_id in [item["id"] for item in found.body["items"]]


async def test_an_archived_project_leaves_the_lists_and_stays_under_its_address(editor: Client, reader: Client) -> None:
    word = f"Archivstueck{uuid4().hex[:6]}"
    project_id = await editor.publish(title=f"Bauhof {word}")
    assert (await editor.post(f"/projects/{project_id}/archivals", {"reason": "Aufgelöst"})).status == 200
    assert (await reader.get("/projects", q=word)).body["total"] == 0
    page = await reader.get(f"/projects/{project_id}")
    assert (page.status, page.body["status"]) == (200, "archived")
    assert (await editor.get("/projects", q=word, status="archived")).body["total"] == 1
    for step, content in (
        ("submissions", None),
        ("publications", None),
        ("revisions", None),
        ("revisions", body()),
        ("returns", {"reason": "Nein."}),
        ("best-practice-awards", {"occasion": "Jahrestagung", "awarded_on": "2026-05-20"}),
    ):
        refused = await editor.post(f"/projects/{project_id}/{step}", content)
        assert (refused.status, refused.code) == (409, "project_archived"), step
    refused = await editor.put(f"/projects/{project_id}", body(), page.body["version"])
    assert (refused.status, refused.code) == (409, "project_archived")


async def test_an_archived_draft_was_never_public(editor: Client, reader: Client) -> None:
    project_id = await editor.draft()
    assert (await editor.post(f"/projects/{project_id}/archivals")).status == 200
    assert (await reader.get(f"/projects/{project_id}")).status == 404
    assert (await editor.get(f"/projects/{project_id}")).body["status"] == "archived"


async def test_editors_list_what_waits_for_them(editor: Client, reader: Client) -> None:
    project_id = await editor.draft()
    await editor.post(f"/projects/{project_id}/submissions")
    waiting = await editor.get("/projects", status=["submitted", "drafted"], limit=100)
    assert project_id in [item["id"] for item in waiting.body["items"]]


async def test_a_predecessor_that_is_not_public_is_not_named(editor: Client, reader: Client) -> None:
    draft = await editor.draft(title="Entwurf einer Studie")
    project_id = await editor.publish(predecessor=draft)
    page = (await reader.get(f"/projects/{project_id}")).body
    assert (page["predecessor"], page["predecessor_title"]) == (None, None)
    assert (await editor.get(f"/projects/{project_id}")).body["predecessor"] == draft


async def test_a_predecessor_is_named_and_goes_in_no_circle(editor: Client, reader: Client) -> None:
    first = await editor.publish(title="Die Studie")
    second = await editor.publish(title="Der Kiosk", predecessor=first)
    page = (await reader.get(f"/projects/{second}")).body
    assert (page["predecessor"], page["predecessor_title"]) == (first, "Die Studie")
    circle = await editor.post(f"/projects/{first}/revisions", body(predecessor=second))
    assert (circle.status, circle.code) == (409, "circular_predecessor")
    itself = await editor.post(f"/projects/{first}/revisions", body(predecessor=first))
    assert (itself.status, itself.code) == (409, "circular_predecessor")


async def test_a_repeated_command_answers_as_before_whatever_became_of_what_it_refers_to(editor: Client) -> None:
    study, kiosk = await editor.publish(title="Die Studie"), await editor.publish(title="Der Kiosk")
    key, content = str(uuid4()), body(predecessor=study)
    first = await editor.post(f"/projects/{kiosk}/revisions", content, key)
    assert first.status == 200
    await editor.post(f"/projects/{kiosk}/revisions", body())
    await editor.post(f"/projects/{study}/revisions", body(predecessor=kiosk))
    assert (await editor.post(f"/projects/{kiosk}/revisions", content)).code == "circular_predecessor"
    again = await editor.post(f"/projects/{kiosk}/revisions", content, key)
    assert (again.status, again.body) == (200, first.body)
    other = await editor.post(f"/projects/{kiosk}/revisions", body(topics=["astrology"]), key)
    assert (other.status, other.code) == (422, "idempotency_key_reused")


async def test_the_answer_can_be_sent_back_as_a_body(editor: Client) -> None:
    """What is read has the names and codes it is written with."""
    sent = body(
        legal_form="working_group",
        stage="operating",
        start="2021-05",
        effects=[{"kind": "cost_saving", "value": 12.5, "unit": "percent"}],
        milestones=[{"text": "Vertrag", "on": "2021-05-01", "reached": True}],
        documents=[{"title": "Vortrag", "kind": "slides"}],
        contacts=[{"function": "Bauamt", "organisation_name": "Gemeinde Morsbach"}],
    )
    project_id = await editor.draft(**sent)
    page = (await editor.get(f"/projects/{project_id}")).body
    for name, value in sent.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for given, shown in zip(value, page[name], strict=True):
                assert given.items() <= shown.items()
        else:
            assert page[name] == value
    assert page["effects"][0]["base_note"] == "Bezugsgröße nicht angegeben"
    assert page["documents"][0]["file_note"] == "Datei liegt nicht vor"
    assert page["contacts"][0]["office"] == "Gemeinde Morsbach"


@pytest.fixture
def submitter(session: tuple[ClientSession, Signer]) -> Client:
    """Another person than the one who decides."""
    return Client(*session, replace(EDITOR, person_id=None, label="token:bauamt"))


async def letter(pool: Pool, project_id: str, version: int) -> ProjectLetter | None:
    return (await project_letter(pool, ProjectLetterAsked(project_id=project_id, version=version))).letter


async def test_who_handed_a_project_in_is_told_of_the_decision_as_long_as_it_holds(
    submitter: Client, editor: Client, pool: Pool
) -> None:
    project_id = await submitter.draft(title="Bauhof zweier Gemeinden")
    path = f"/projects/{project_id}"
    await submitter.post(f"{path}/submissions")
    said = {
        "reason": "Bitte die Wirkung belegen.",
        "reasons": [{"field": "/participations/1", "text": "Stimmt die Rolle?"}],
    }
    returned = (await editor.post(f"{path}/returns", said)).body["version"]
    told = await letter(pool, project_id, returned)
    assert told is not None
    assert (told.about, told.title, told.of_revision) == ("returned", "Bauhof zweier Gemeinden", False)
    assert (told.submitted_by, told.reason) == ("token:bauamt", "Bitte die Wirkung belegen.")
    assert [(each.field, each.reason) for each in told.reasons] == [("Beteiligte Stellen, 2.", "Stimmt die Rolle?")]

    await submitter.post(f"{path}/submissions")
    assert await letter(pool, project_id, returned) is None, "it was handed in again"
    published = (await editor.post(f"{path}/publications")).body["version"]
    told = await letter(pool, project_id, published)
    assert told is not None
    assert (told.about, told.submitted_by, told.reason, told.contact_id) == ("published", "token:bauamt", None, None)

    version = (await editor.get(path)).body["version"]
    await submitter.put(path, body(title="Neuer Titel"), version)
    returned = (await editor.post(f"{path}/returns", {"reason": "Quelle fehlt."})).body["version"]
    told = await letter(pool, project_id, returned)
    assert told is not None
    assert (told.about, told.title, told.of_revision) == ("returned", "Neuer Titel", True)

    await editor.post(f"{path}/archivals")
    for version in (returned, published, 1, 99):
        assert await letter(pool, project_id, version) is None, version
    assert await letter(pool, "no id", 1) is None


async def test_nobody_is_told_of_what_they_decided_themselves(editor: Client, pool: Pool) -> None:
    own = await editor.publish()
    told = await letter(pool, own, 3)
    assert told is not None
    assert told.submitted_by is None
