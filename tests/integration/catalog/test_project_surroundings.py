"""What lies around a project, over HTTP: updates, files, marks, the contact's review, and the way back."""

import asyncio
import hashlib
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import ClientSession

from services.catalog import contact_review, due, stored_files
from services.catalog.load_content import CONTENT, project_id
from services.catalog.project_letter import project_letter
from shared.contracts.rpc import ProjectLetterAsked
from shared.kernel import files as file_store
from shared.kernel import unwanted_files
from shared.kernel.bus import Bus
from shared.kernel.clock import Clock
from shared.kernel.files import CHUNK, Files
from shared.kernel.identity import Signer
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.recorded import Conflict, Context, Unavailable
from tests.integration.catalog.conftest import READER, Client, Reply, body

PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
OTHER_YEAR = timedelta(days=400)
LOADED = {project_id(entry["key"]) for entry in json.loads((CONTENT / "projects.json").read_bytes())}


async def upload(client: Client, project: str, content: bytes | io.BytesIO, **query: Any) -> Reply:
    """A file beside a project."""
    described = {"title": "Vereinbarung", "kind": "template", "filename": "Vereinbarung Übersicht.pdf", **query}
    headers = {"Content-Type": described.pop("media_type", "application/pdf")}
    if key := described.pop("key", None):
        headers["Idempotency-Key"] = key
    return await client.call("POST", f"/projects/{project}/documents", params=described, data=content, headers=headers)


async def delete(client: Client, path: str) -> Reply:
    version = (await client.get(path.rpartition("/")[0].rpartition("/")[0])).body["version"]
    return await client.call("DELETE", path, headers={"If-Match": f'"{version}"'})


async def download(client: Client, path: str, method: str = "GET", **headers: str) -> tuple[int, Any, bytes]:
    signed = {"Ikz-Identity": client.signer.sign(client.identity, "catalog"), **headers}
    async with client.session.request(method, path, headers=signed) as answer:
        return answer.status, answer.headers, await answer.read()


def pdf(size: int = 0) -> bytes:
    return PDF + uuid4().bytes + bytes(size)


class TestDocuments:
    async def test_a_file_is_kept_shown_and_saved(self, editor: Client, reader: Client) -> None:
        project, content = await editor.publish(), pdf(3 * CHUNK)
        kept = await upload(editor, project, content)
        assert kept.status == 201, kept.body
        shown = (await reader.get(f"/projects/{project}")).body
        (document,) = shown["documents"]
        assert (document["title"], document["kind"], document["file_note"]) == ("Vereinbarung", "template", None)
        assert document["file"] == {
            "name": "Vereinbarung Übersicht.pdf",
            "media_type": "application/pdf",
            "size": len(content),
            "href": kept.headers["Location"],
        }
        assert shown["labels"]["document_kind"] == {"template": "Muster / Vorlage"}
        status, headers, saved = await download(reader, document["file"]["href"])
        assert (status, saved) == (200, content)
        assert headers["Content-Type"] == "application/pdf"
        disposition = headers["Content-Disposition"]
        assert disposition.startswith('attachment; filename="Vereinbarung Uebersicht.pdf"; filename*=UTF-8')
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["ETag"] == f'"{hashlib.sha256(content).hexdigest()}"'
        assert "sandbox" in headers["Content-Security-Policy"]

    async def test_head_and_what_the_client_has_already(self, editor: Client, reader: Client) -> None:
        project, content = await editor.publish(), pdf()
        href = (await upload(editor, project, content)).headers["Location"]
        status, headers, nothing = await download(reader, href, "HEAD")
        assert (status, headers["Content-Length"], nothing) == (200, str(len(content)), b"")
        assert headers["Content-Disposition"].startswith("attachment")
        status, headers, nothing = await download(reader, href, **{"If-None-Match": headers["ETag"]})
        assert (status, nothing) == (304, b"")

    async def test_files_of_a_draft_are_for_editors(self, editor: Client, reader: Client) -> None:
        project = await editor.draft()
        href = (await upload(editor, project, pdf())).headers["Location"]
        assert (await download(reader, href))[0] == 404
        assert (await download(editor, href))[0] == 200

    async def test_sent_twice_or_at_once_it_is_there_once(self, editor: Client) -> None:
        project, content, key = await editor.publish(), pdf(), str(uuid4())
        first = await upload(editor, project, content, key=key)
        again = await upload(editor, project, content, key=key)
        assert (again.status, again.body) == (201, first.body)
        without_key = await upload(editor, project, content)
        assert (without_key.status, without_key.body["version"]) == (201, first.body["version"])
        reused = await upload(editor, project, content, key=key, title="Anders")
        assert (reused.status, reused.code) == (422, "idempotency_key_reused")
        other = await upload(editor, project, content, title="Anders")
        assert (other.status, other.code) == (409, "document_exists")
        assert "Vereinbarung" in other.body["detail"]
        second = pdf()
        replies = await asyncio.gather(*(upload(editor, project, second) for _ in range(4)))
        assert {reply.status for reply in replies} == {201}
        assert len((await editor.get(f"/projects/{project}")).body["documents"]) == 2

    async def test_a_removed_file_is_gone(self, editor: Client, reader: Client) -> None:
        project = await editor.publish()
        href = (await upload(editor, project, pdf())).headers["Location"]
        path = href.removeprefix("/api/v1")
        assert (await editor.call("DELETE", path)).code == "precondition_required"
        assert (await delete(editor, path)).status == 200
        assert (await download(reader, href))[0] == 404
        assert (await reader.get(f"/projects/{project}")).body["documents"] == []
        assert (await delete(editor, path)).status == 200
        assert (await delete(editor, f"/projects/{project}/documents/{uuid4()}")).status == 404

    @pytest.mark.parametrize(
        ("content", "query", "status", "code"),
        [
            (b"<html><script>alert(1)</script>", {}, 415, "file_type_not_allowed"),
            (PDF, {"media_type": "image/png"}, 415, "file_type_mismatch"),
            (PDF, {"media_type": "text/html"}, 415, "unsupported_media_type"),
            (PDF, {"media_type": "application/octet-stream"}, 415, "unsupported_media_type"),
            (b"", {}, 422, "file_empty"),
            (PDF, {"kind": "poem"}, 422, "invalid_query"),
            (PDF, {"title": " "}, 422, "invalid_query"),
            (PDF + bytes(25 * 1024 * 1024), {}, 413, "body_too_large"),
        ],
    )
    async def test_what_is_no_document_is_refused(
        self, editor: Client, content: bytes, query: dict[str, str], status: int, code: str
    ) -> None:
        project = await editor.draft()
        refused = await upload(editor, project, io.BytesIO(content), **query)
        assert (refused.status, refused.code) == (status, code)
        assert (await editor.get(f"/projects/{project}")).body["documents"] == []

    async def test_only_editors_put_files_and_only_beside_projects(self, editor: Client, reader: Client) -> None:
        assert (await upload(reader, await editor.publish(), pdf())).status == 401
        assert (await upload(editor, str(uuid4()), pdf())).status == 404

    async def test_names_are_made_safe(self, editor: Client) -> None:
        project = await editor.draft()
        await upload(editor, project, pdf(), filename="..\\..\\boot\u202eexe.fdp\r\n.exe")
        (document,) = (await editor.get(f"/projects/{project}")).body["documents"]
        assert document["file"]["name"] == "bootexe.fdp.pdf"

    async def test_without_the_file_store_everything_else_goes_on(
        self, editor: Client, reader: Client, bus: Bus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        project = await editor.publish()
        href = (await upload(editor, project, pdf())).headers["Location"]
        monkeypatch.setattr(file_store, "ANSWER", 0.05)
        with monkeypatch.context() as without:
            without.setattr(bus, "_connection", None)
            refused = await upload(editor, project, pdf())
            assert (refused.status, refused.code) == (503, "unavailable")
            assert (await download(reader, href))[0] == 503
            assert (await reader.get(f"/projects/{project}")).status == 200
            assert (await editor.post(f"/projects/{project}/updates", {"text": "Es geht weiter."})).status == 201
        assert (await download(reader, href))[0] == 200

    async def test_a_lost_file_says_so_and_comes_back_with_its_content(
        self, editor: Client, reader: Client, files: Files
    ) -> None:
        project, content = await editor.publish(), pdf()
        href = (await upload(editor, project, content)).headers["Location"]
        assert await files.delete(hashlib.sha256(content).hexdigest(), datetime.now(UTC) + OTHER_YEAR)
        lost = await reader.call("GET", href.removeprefix("/api/v1"))
        assert (lost.status, lost.code) == (404, "file_missing")
        assert (await upload(editor, project, content)).status == 201
        assert (await download(reader, href))[2] == content

    async def test_files_that_nobody_wants_go_after_a_day(self, editor: Client, files: Files, pool: Pool) -> None:
        project, wanted, unwanted, forgotten, again = await editor.publish(), pdf(), pdf(), pdf(), pdf()
        await upload(editor, project, wanted)
        href = (await upload(editor, project, unwanted)).headers["Location"]
        now = datetime.now(UTC)
        for content in (forgotten, again):
            await files.put(content, now)
        kept, late, gone, returned = (hashlib.sha256(each).hexdigest() for each in (wanted, unwanted, forgotten, again))

        async def known_after(hours: int) -> set[str]:
            await unwanted_files.sweep(files, pool, now + timedelta(hours=hours), stored_files.IN_USE)
            return set(await files.known()) & {kept, late, gone, returned}

        assert await known_after(0) == {kept, late, gone, returned}
        await delete(editor, href.removeprefix("/api/v1"))
        await upload(editor, project, again)
        assert await known_after(23) == {kept, late, gone, returned}
        assert await known_after(25) == {kept, late, returned}, "its file was nobody's only since two hours ago"
        assert await known_after(47) == {kept, returned}

    async def test_a_service_on_another_database_deletes_nothing_for_a_day(self, files: Files, pool: Pool) -> None:
        now = datetime.now(UTC)
        digest = await files.put(pdf(), now - OTHER_YEAR)
        assert await unwanted_files.sweep(files, pool, now, ()) == 0
        assert digest in await files.known()

    async def test_the_sweep_looks_once_an_hour(
        self, files: Files, journal: Journal, pool: Pool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looked: list[datetime] = []

        async def sweep(_files: Files, _pool: Pool, at: datetime, _in_use: object) -> int:
            looked.append(at)
            return 1

        monkeypatch.setattr(unwanted_files, "sweep", sweep)
        duty, now = unwanted_files.Sweep(files, stored_files.IN_USE), datetime.now(UTC)
        for minutes in (0, 59, 60, 61, 120):
            await duty(journal, pool, now + timedelta(minutes=minutes))
        assert looked == [now, now + timedelta(minutes=60), now + timedelta(minutes=120)]


class TestUpdates:
    async def test_news_of_a_project_the_latest_first(self, editor: Client, reader: Client) -> None:
        project = await editor.publish()
        for text, on in (("Start", "2025-01-01"), ("Vertrag", "2025-06-01"), ("Am selben Tag", "2025-06-01")):
            assert (await editor.post(f"/projects/{project}/updates", {"text": text, "on": on})).status == 201
        today = await editor.post(f"/projects/{project}/updates", {"text": "<p>Heute <b>neu</b></p>"})
        page = (await reader.get(f"/projects/{project}")).body
        assert [each["text"] for each in page["updates"]] == ["Heute neu", "Am selben Tag", "Vertrag", "Start"]
        assert page["updates"][0]["id"] == today.headers["Location"].rpartition("/")[2]
        assert (await delete(editor, today.headers["Location"].removeprefix("/api/v1"))).status == 200
        assert len((await reader.get(f"/projects/{project}")).body["updates"]) == 3

    async def test_the_same_request_says_it_once(self, editor: Client) -> None:
        project, key = await editor.publish(), str(uuid4())
        sent = [editor.post(f"/projects/{project}/updates", {"text": "Einmal"}, key) for _ in range(3)]
        replies = await asyncio.gather(*sent)
        assert {(reply.status, str(reply.body), reply.headers["Location"]) for reply in replies} == {
            (201, str(replies[0].body), replies[0].headers["Location"])
        }
        assert len((await editor.get(f"/projects/{project}")).body["updates"]) == 1

    async def test_nothing_is_said_of_tomorrow_or_of_drafts(self, editor: Client) -> None:
        refused = await editor.post(f"/projects/{await editor.publish()}/updates", {"text": "Neu", "on": "2999-01-01"})
        assert (refused.status, refused.code, refused.body["errors"][0]["field"]) == (409, "update_in_future", "/on")
        refused = await editor.post(f"/projects/{await editor.draft()}/updates", {"text": "Neu"})
        assert (refused.status, refused.code) == (409, "project_not_published")


class TestReturning:
    async def test_reasons_stand_at_their_fields(self, editor: Client) -> None:
        project = await editor.draft()
        await editor.post(f"/projects/{project}/submissions")
        reasons = [{"field": "/summary", "text": "Bitte kürzen."}, {"field": "/topics/0", "text": "Passt nicht."}]
        why = {"reason": "Zwei Stellen.", "reasons": reasons}
        for _ in range(2):
            assert (await editor.post(f"/projects/{project}/returns", why)).status == 200
        page = (await editor.get(f"/projects/{project}")).body
        assert (page["returned"], page["returned_reasons"]) == ("Zwei Stellen.", reasons)
        assert [(step["step"], step["reasons"]) for step in page["history"]][-1] == ("returned", reasons)
        unknown = await editor.post(
            f"/projects/{await submitted(editor)}/returns",
            {"reason": "Nein.", "reasons": [{"field": "/colour", "text": "Bunt?"}]},
        )
        assert (unknown.status, unknown.code) == (409, "unknown_field")
        assert unknown.body["errors"][0]["field"] == "/reasons/0/field"

    async def test_a_returned_proposal_has_them_too(self, editor: Client, reader: Client) -> None:
        project = await editor.publish()
        version = (await editor.get(f"/projects/{project}")).body["version"]
        await editor.put(f"/projects/{project}", body(title="Vorschlag"), version)
        reasons = [{"field": "/title", "text": "Bitte genauer."}]
        await editor.post(f"/projects/{project}/returns", {"reason": "Eine Stelle.", "reasons": reasons})
        assert (await editor.get(f"/projects/{project}")).body["revision"]["reasons"] == reasons
        page = (await reader.get(f"/projects/{project}")).body
        assert (page["returned"], page["returned_reasons"], page["revision"], page["history"]) == (None,) * 4


async def submitted(editor: Client) -> str:
    project = await editor.draft()
    await editor.post(f"/projects/{project}/submissions")
    return project


class TestThePublicStory:
    async def test_versions_say_what_changed_and_when(self, editor: Client, reader: Client) -> None:
        content = body()
        project = await editor.publish(**content)
        revised = content | {"summary": "Jetzt sind es drei.", "stage": "operating"}
        await editor.post(f"/projects/{project}/revisions", revised)
        await editor.post(f"/projects/{project}/archivals", {"reason": "Aufgelöst"})
        back = await editor.post(f"/projects/{project}/restorations", {"reason": "Es geht weiter."})
        assert back.status == 200
        page = (await reader.get(f"/projects/{project}")).body
        assert [(each["step"], each["changed"]) for each in page["versions"]] == [
            ("published", []),
            ("revised", ["summary", "stage"]),
            ("archived", []),
            ("restored", []),
        ]
        assert page["labels"]["field"] == {"summary": "Kurzfassung", "stage": "Stand"}
        assert page["status"] == "published"
        assert [step["reason"] for step in (await editor.get(f"/projects/{project}")).body["history"]][-2:] == [
            "Aufgelöst",
            "Es geht weiter.",
        ]

    async def test_a_restored_project_is_found_again(self, editor: Client, reader: Client) -> None:
        word = f"Rueckkehr{uuid4().hex[:6]}"
        project = await editor.publish(title=f"Bauhof {word}")
        await editor.post(f"/projects/{project}/archivals")
        assert (await reader.get("/projects", q=word)).body["total"] == 0
        replies = [await editor.post(f"/projects/{project}/restorations", {"reason": "Doch."}) for _ in range(2)]
        assert [reply.status for reply in replies] == [200, 200]
        assert replies[0].body["version"] == replies[1].body["version"]
        assert (await reader.get("/projects", q=word)).body["total"] == 1
        assert (await editor.post(f"/projects/{project}/restorations", {})).status == 422

    async def test_a_predecessor_names_what_came_of_it(self, editor: Client, reader: Client) -> None:
        study = await editor.publish(title="Die Studie")
        kiosk = await editor.publish(title="Der Kiosk", predecessor=study)
        draft = await editor.draft(title="Der Entwurf", predecessor=study)
        assert (await reader.get(f"/projects/{study}")).body["successors"] == [{"id": kiosk, "title": "Der Kiosk"}]
        seen = (await editor.get(f"/projects/{study}")).body["successors"]
        assert {each["id"] for each in seen} == {kiosk, draft}

    async def test_a_mark_given_by_mistake_is_taken_back(self, editor: Client, reader: Client) -> None:
        project = await editor.publish()
        mark = {"occasion": "Jahrestagung 2026", "awarded_on": "2026-05-20"}
        await editor.post(f"/projects/{project}/best-practice-awards", mark | {"category": "crisis_response"})
        page = (await reader.get(f"/projects/{project}")).body
        assert page["best_practice"] == [mark | {"category": "crisis_response"}]
        assert page["labels"]["award_category"] == {"crisis_response": "Krisenbewältigung"}
        for _ in range(2):
            taken = await editor.post(
                f"/projects/{project}/best-practice-withdrawals", mark | {"reason": "Verwechslung"}
            )
            assert taken.status == 200
        assert (await reader.get(f"/projects/{project}")).body["best_practice"] == []
        marked = await reader.get("/projects", best_practice="true", limit=100)
        assert project not in [item["id"] for item in marked.body["items"]]

    async def test_two_that_would_close_a_circle_at_once(self, editor: Client) -> None:
        first, second = await editor.publish(), await editor.publish()
        replies = await asyncio.gather(
            editor.post(f"/projects/{first}/revisions", body(predecessor=second)),
            editor.post(f"/projects/{second}/revisions", body(predecessor=first)),
        )
        assert sorted(reply.status for reply in replies) == [200, 409]

    async def test_a_proposal_whose_predecessor_came_after_it_is_not_accepted(self, editor: Client) -> None:
        first, second = await editor.publish(), await editor.publish()
        version = (await editor.get(f"/projects/{first}")).body["version"]
        await editor.put(f"/projects/{first}", body(predecessor=second), version)
        await editor.post(f"/projects/{second}/revisions", body(predecessor=first))
        for step in ("revisions", "publications"):
            refused = await editor.post(f"/projects/{first}/{step}")
            assert (refused.status, refused.code) == (409, "circular_predecessor"), step

    async def test_html_in_texts_becomes_text(self, editor: Client, reader: Client) -> None:
        project = await editor.publish(
            title="<b>Bauhof</b>", description="<p>Eins</p><p>Zwei <script>alert(1)</script></p>", goals=["<i>Zeit</i>"]
        )
        page = (await reader.get(f"/projects/{project}")).body
        assert (page["title"], page["description"], page["goals"]) == ("Bauhof", "Eins\nZwei", ["Zeit"])
        refused = await editor.post("/projects", body(title="<script>x</script>"))
        assert (refused.status, refused.body["errors"][0]["field"]) == (422, "/title")

    async def test_fields_of_100_000_characters_are_refused_by_name(self, editor: Client) -> None:
        for field in ("title", "summary", "description"):
            refused = await editor.post("/projects", body(**{field: "<p>ä" * 20_000}))
            assert (refused.status, refused.body["errors"][0]["field"]) == (422, f"/{field}")
            assert "zu lang" in refused.body["errors"][0]["detail"]


@pytest.fixture
async def participant(session: tuple[ClientSession, Signer], editor: Client) -> Client:
    """A member of an organisation that takes part in what `body` describes."""
    organisations = (await editor.get("/organisations", q="Morsbach")).body["items"]
    known = next(each["id"] for each in organisations if each["ags"] == "05374028")
    return Client(*session, replace(READER, roles=frozenset({"reader", "member"}), organisation_id=known))


class TestContactReview:
    async def test_it_is_asked_once_and_confirmed(
        self, editor: Client, reader: Client, journal: Journal, pool: Pool
    ) -> None:
        word = f"Kontakt{uuid4().hex[:6]}"
        project = await editor.publish(title=f"Bauhof {word}")
        page = (await reader.get(f"/projects/{project}")).body
        assert page["contact_confirmed_on"] == page["published_at"][:10] or page["published_at"][11:13] in {"22", "23"}
        assert page["contact_note"] is None
        later = datetime.now(UTC) + OTHER_YEAR
        while await contact_review.ask_for_review(journal, pool, later):
            pass
        head = await journal.head()
        assert await contact_review.ask_for_review(journal, pool, later + OTHER_YEAR) == 0
        assert await journal.head() == head
        assert steps(await editor.get(f"/projects/{project}")).count("contact_review_due") == 1
        edited = await editor.put(f"/projects/{project}", body(title="Offen, als gefragt wurde"), page["version"])
        assert (edited.status, edited.body["version"]) == (200, page["version"] + 2)
        for stale in (page["version"], page["version"] + 1):
            assert (await editor.put(f"/projects/{project}", body(), stale)).code == "stale_version"
        assert (await reader.get("/projects", q=word)).body["items"][0]["contact_confirmed_on"]
        asked = ProjectLetterAsked(project_id=project, version=page["version"] + 1)
        letter = (await project_letter(pool, asked)).letter
        assert letter is not None
        assert (letter.about, letter.title, letter.submitted_by) == ("review_due", f"Bauhof {word}", None)
        assert letter.unconfirmed_since == datetime.fromisoformat(page["published_at"])
        assert (await editor.post(f"/projects/{project}/contact-confirmations")).status == 200
        assert (await project_letter(pool, asked)).letter is None
        assert steps(await editor.get(f"/projects/{project}"))[-1] == "contact_confirmed"
        assert "contact_review_due" not in steps(await reader.get(f"/projects/{project}"))

    async def test_history_asks_once_and_as_history(self, journal: Journal, pool: Pool) -> None:
        """A project loaded today with a date of years ago."""
        while await contact_review.ask_for_review(journal, pool, datetime.now(UTC) + OTHER_YEAR):
            pass
        recorded = [each for each in await journal.read(0, 100_000) if type(each.event).__name__ == "ContactReviewDue"]
        loaded = [each for each in recorded if each.aggregate_id in LOADED]
        assert len({each.aggregate_id for each in loaded}) == len(loaded) == len(LOADED)
        assert all(each.history for each in loaded)
        assert not any(each.history for each in recorded if each not in loaded)

    async def test_readers_are_told_since_when(self, reader: Client) -> None:
        overdue = [
            each
            for each in (await reader.get("/projects", limit=100, sort="date")).body["items"]
            if each["published_at"] < (datetime.now(UTC) - timedelta(days=366)).isoformat()
        ]
        assert overdue
        for card in overdue:
            page = (await reader.get(f"/projects/{card['id']}")).body
            day = datetime.fromisoformat(page["contact_confirmed_on"])
            assert page["contact_note"] == card["contact_note"] == f"Kontakt nicht bestätigt seit {day:%d.%m.%Y}"

    async def test_who_may_confirm(self, editor: Client, reader: Client, participant: Client) -> None:
        project = await editor.publish()
        path = f"/projects/{project}/contact-confirmations"
        assert (await reader.post(path)).status == 401
        assert (await participant.post(path)).status == 200
        office = (await editor.post("/organisations", {"name": "Amt am Wald", "type": "private_body"})).body["id"]
        written_so = await editor.publish(participations=[{"organisation_id": office}, {"ags": "05374040"}])
        refused = await participant.post(f"/projects/{written_so}/contact-confirmations")
        assert refused.code == "not_participating"
        await editor.post(f"/organisations/{office}/mergers", {"into": "05374028", "reason": "Ein Amt der Gemeinde"})
        assert (await participant.post(f"/projects/{written_so}/contact-confirmations")).status == 200
        former = Client(participant.session, participant.signer, replace(participant.identity, organisation_id=office))
        assert (await former.post(f"/projects/{await editor.publish()}/contact-confirmations")).status == 200
        elsewhere = replace(participant.identity, organisation_id=str(uuid4()))
        stranger = Client(participant.session, participant.signer, elsewhere)
        refused = await stranger.post(path)
        assert (refused.status, refused.code) == (403, "not_participating")
        nowhere = Client(participant.session, participant.signer, replace(elsewhere, organisation_id=None))
        assert (await nowhere.post(path)).status == 403
        refused = await editor.post(f"/projects/{await editor.draft()}/contact-confirmations")
        assert (refused.status, refused.code) == (409, "project_not_published")


def steps(page: Reply) -> list[str]:
    return [step["step"] for step in page.body["history"] or ()]


@pytest.mark.parametrize("trouble", [Conflict("lost every race"), None], ids=["a race", "newer code"])
async def test_when_one_project_is_in_trouble_the_others_are_asked_before_it_is_said(
    editor: Client, journal: Journal, pool: Pool, monkeypatch: pytest.MonkeyPatch, trouble: Exception | None
) -> None:
    later = datetime.now(UTC) + OTHER_YEAR
    while await contact_review.ask_for_review(journal, pool, later):
        pass
    projects = [await editor.publish() for _ in range(3)]
    told = due.told

    async def troubled(journal: Journal, decider: Any, project: str, command: object, context: Context) -> bool:
        if project != projects[0]:
            return await told(journal, decider, project, command, context)
        if trouble:
            raise trouble
        return False

    monkeypatch.setattr(contact_review, "told", troubled)
    with pytest.raises((Conflict, Unavailable)):
        await contact_review.ask_for_review(journal, pool, later)
    for project in projects[1:]:
        assert steps(await editor.get(f"/projects/{project}"))[-1] == "contact_review_due"


async def test_a_duty_that_cannot_be_done_keeps_no_other_waiting(journal: Journal, pool: Pool) -> None:
    done: list[datetime] = []

    async def trouble(_journal: Journal, _pool: Pool, _at: datetime) -> int:
        raise file_store.FilesUnavailable("away")

    async def work(_journal: Journal, _pool: Pool, at: datetime) -> int:
        done.append(at)
        return 1

    for duties in ([trouble, work], [work, trouble]):
        assert await due.round_of(journal, pool, Clock(), duties) == due.BREATH
    assert len(done) == 2
    assert await due.round_of(journal, pool, Clock(), [trouble]) == due.LATER
    assert await due.round_of(journal, pool, Clock(), [work]) == due.BREATH
    assert await due.round_of(journal, pool, Clock(), []) == due.TICK
