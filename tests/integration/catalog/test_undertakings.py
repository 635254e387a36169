"""Undertakings over HTTP: whose they are, who sees them, their checklist, their dates, and what becomes of them."""

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import ClientSession
from icalendar import Calendar

from services.catalog import undertaking_due, undertaking_page
from services.catalog.german_time import german_day
from services.catalog.load_content import organisation_id
from services.catalog.undertaking import UNDERTAKING, BeginUndertaking, FinishUndertaking
from services.catalog.undertaking_draft import project_id_of
from services.catalog.undertaking_due import draft_what_is_finished, remind
from services.catalog.undertaking_page import UNDERTAKINGS
from services.catalog.undertaking_plan import Plan, PlannedStep, Pointer
from services.catalog.undertaking_reminder import step_reminder
from shared.contracts.rpc import StepAsked
from shared.kernel.decider import Refused
from shared.kernel.identity import Identity, Role, Signer
from shared.kernel.journal import Context, Journal
from shared.kernel.postgres import Pool
from shared.kernel.rebuild import rebuild
from tests.conftest import Database
from tests.integration.catalog.conftest import Client

LEMGO, DETMOLD, BIELEFELD = "05766044", "05766020", "05711000"
START = "2027-01-04"

type AsMember = Callable[[str | None], Client]


@pytest.fixture(scope="module")
def as_member(session: tuple[ClientSession, Signer]) -> AsMember:
    def of(organisation: str | None) -> Client:
        roles: frozenset[Role] = frozenset({"reader", "member"})
        return Client(*session, Identity(None, roles, organisation, f"token:{organisation}"))

    return of


@pytest.fixture(scope="module")
def lemgo(as_member: AsMember) -> Client:
    return as_member(organisation_id(LEMGO))


@pytest.fixture(scope="module")
def detmold(as_member: AsMember) -> Client:
    return as_member(organisation_id(DETMOLD))


def body(**fields: Any) -> dict[str, Any]:
    return {"title": f"Standesamt {uuid4().hex[:6]}", "starts_on": START, **fields}


async def begin(client: Client, **fields: Any) -> str:
    reply = await client.post("/undertakings", body(**fields))
    assert reply.status == 201, reply.body
    return f"/undertakings/{reply.body['id']}"


async def ok(client: Client, path: str, content: Any = None) -> dict[str, Any]:
    reply = await client.post(path, content)
    assert reply.status in (200, 201), (path, reply.body)
    return reply.body  # type: ignore[no-any-return]


def steps_of(page: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {step["step_id"]: step for stage in page["stages"] for step in stage["steps"]}


async def test_an_undertaking_begins_with_the_checklist(lemgo: Client, reader: Client) -> None:
    wanted = body(topics=["civil_registry"], partners=[{"ags": DETMOLD}], summary="Zwei Städte, ein Standesamt.")
    key = str(uuid4())
    first, again = await asyncio.gather(
        lemgo.post("/undertakings", wanted, key), lemgo.post("/undertakings", wanted, key)
    )
    assert (first.status, first.body) == (201, again.body)
    page = (await lemgo.get(f"/undertakings/{first.body['id']}")).body
    checklist = (await reader.get("/undertakings/checklist")).body
    assert (page["organisation"]["name"], page["partners"][0]["name"]) == ("Lemgo", "Detmold")
    assert page["labels"]["topics"] == {"civil_registry": "Standesamt"}
    assert [stage["label"] for stage in page["stages"]] == ["Grundüberlegungen", "Zeitplanung", "Loslegen"]
    assert steps_of(page).keys() == {step["step_id"] for step in checklist["steps"]}
    assert page["progress"] == {"done": 0, "total": len(checklist["steps"]), "percent": 0}
    assert steps_of(page)["start"]["due_on"] == START
    assert page["next_step"]["step_id"] == "idea"
    assert page["may_change"] is True


async def test_a_checklist_points_to_resources_that_are_there(reader: Client) -> None:
    checklist = (await reader.get("/undertakings/checklist")).body
    ids = {link["resource_id"] for step in checklist["steps"] for link in step["links"] if link["resource_id"]}
    assert ids
    for resource_id in ids:
        assert (await reader.get(f"/resources/{resource_id}")).status == 200
    assert (await reader.get("/undertakings/checklist", version=checklist["version"])).body == checklist
    assert (await reader.get("/undertakings/checklist", version="0")).code == "unknown_checklist"


async def test_nobody_else_sees_that_there_is_one(
    lemgo: Client, detmold: Client, reader: Client, editor: Client, as_member: AsMember
) -> None:
    path = await begin(lemgo, title="Verschwiegenes Vorhaben")
    for way in ("", ".ics", ".pdf"):
        assert (await detmold.get(path + way)).code == "not_found"
        assert (await reader.get(path + way)).code == "unauthenticated"
        assert (await editor.get(path + way)).status == 200
    assert (await detmold.post(f"{path}/start-movings", {"starts_on": "2028-01-03"})).code == "not_found"
    assert (await detmold.post(f"{path}/steps/idea/completions")).code == "not_found"
    assert (await as_member(str(uuid4())).get("/undertakings")).code == "forbidden"
    assert (await as_member(None).get(path)).code == "forbidden"
    assert (await as_member(LEMGO).get(path)).code == "forbidden"  # an official key is no id
    assert (await detmold.get("/undertakings", q="verschwiegenes")).body["total"] == 0
    assert (await editor.get("/undertakings", q="VERSCHWIEGENES")).body["total"] == 1
    assert (await reader.get("/undertakings")).code == "unauthenticated"


async def test_an_organisation_that_was_merged_into_another_keeps_its_undertakings(
    lemgo: Client, editor: Client, as_member: AsMember
) -> None:
    one, other = [
        (await editor.post("/organisations", {"name": f"Verein {uuid4()}", "type": "cultural_institution"})).body["id"]
        for _ in range(2)
    ]
    path, shown = await begin(as_member(one)), await begin(lemgo)
    await ok(lemgo, f"{shown}/readers", {"organisation_id": one})
    merged = await editor.post(f"/organisations/{one}/mergers", {"into": other, "reason": "Doppelt erfasst"})
    assert merged.status == 200, merged.body
    for client in (as_member(one), as_member(other)):
        assert (await client.get(path)).body["may_change"] is True
        assert (await client.get(shown)).body["may_change"] is False
        assert {path, shown} <= {f"/undertakings/{each['id']}" for each in await listed(client)}
        await ok(client, f"{path}/steps/idea/notes", {"note": "Weiter geht es."})
    theirs = (await editor.get("/undertakings", organisation=other)).body["items"]
    assert [f"/undertakings/{each['id']}" for each in theirs] == [path]
    new = await begin(as_member(one), organisation={"organisation_id": one})
    assert (await as_member(other).get(new)).body["organisation"]["id"] == other
    itself = body(partners=[{"organisation_id": other}])
    del itself["starts_on"]
    assert (await as_member(one).put(path, itself, version=2)).code == "partner_twice"
    page = (await lemgo.get(shown)).body
    assert [each["id"] for each in page["readers"]] == [other]
    again = await ok(lemgo, f"{shown}/readers", {"organisation_id": other})
    assert again["version"] == page["version"]
    taken = await lemgo.call("DELETE", f"{shown}/readers/{other}", headers={"If-Match": f'"{page["version"]}"'})
    assert taken.status == 200
    assert (await as_member(one).get(shown)).code == "not_found"


async def listed(client: Client) -> list[dict[str, Any]]:
    return (await client.get("/undertakings", limit=100)).body["items"]  # type: ignore[no-any-return]


async def test_a_member_begins_for_their_own_organisation_and_an_editor_for_any(lemgo: Client, editor: Client) -> None:
    assert (await lemgo.post("/undertakings", body(organisation={"ags": DETMOLD}))).code == "forbidden"
    assert (await lemgo.post("/undertakings", body(organisation={"ags": LEMGO}))).status == 201
    nobody = await editor.post("/undertakings", body())
    assert (nobody.code, nobody.body["errors"][0]["field"]) == ("unknown_organisation", "/organisation")
    path = await begin(editor, organisation={"ags": BIELEFELD})
    assert (await editor.get(path)).body["organisation"]["name"] == "Bielefeld"


async def test_whoever_is_given_sight_reads_and_changes_nothing(lemgo: Client, detmold: Client) -> None:
    path = await begin(lemgo)
    title = (await lemgo.get(path)).body["title"]
    given = await ok(lemgo, f"{path}/readers", {"ags": DETMOLD})
    assert (await ok(lemgo, f"{path}/readers", {"ags": DETMOLD}))["version"] == given["version"]
    seen = await detmold.get(path)
    assert (seen.status, seen.body["may_change"]) == (200, False)
    assert title in [each["title"] for each in (await detmold.get("/undertakings")).body["items"]]
    assert (await detmold.get(f"{path}.ics")).status == 200
    assert (await detmold.post(f"{path}/steps/idea/completions")).code == "forbidden"
    assert (await detmold.post(f"{path}/project-drafts")).code == "forbidden"
    assert (await detmold.post(f"{path}/readers", {"ags": BIELEFELD})).code == "forbidden"
    reader_path = f"{path}/readers/{organisation_id(DETMOLD)}"
    assert (await lemgo.call("DELETE", reader_path)).code == "precondition_required"
    taken = await lemgo.call("DELETE", reader_path, headers={"If-Match": f'"{given["version"]}"'})
    assert taken.status == 200
    assert (await detmold.get(path)).code == "not_found"


async def test_the_start_moves_and_with_it_what_follows_the_plan(lemgo: Client) -> None:
    path = await begin(lemgo)
    await ok(lemgo, f"{path}/steps/idea/completions", {"done_on": "2026-01-09"})
    await ok(lemgo, f"{path}/steps/signature/dates", {"due_on": "2026-10-18"})
    before = steps_of((await lemgo.get(path)).body)
    await ok(lemgo, f"{path}/start-movings", {"starts_on": "2027-02-01"})
    after = steps_of((await lemgo.get(path)).body)
    assert after["start"]["due_on"] == "2027-02-01"
    assert (after["idea"]["due_on"], after["signature"]["due_on"]) == (before["idea"]["due_on"], "2026-10-18")
    assert date.fromisoformat(after["goals"]["due_on"]) > date.fromisoformat(before["goals"]["due_on"])
    await ok(lemgo, f"{path}/start-movings", {"starts_on": "2027-02-08", "by_hand_too": True})
    moved = steps_of((await lemgo.get(path)).body)["signature"]
    assert (moved["due_on"], moved["by_hand"]) == ("2026-10-23", True)  # the Friday before that Sunday


async def test_every_command_to_a_step_may_be_sent_twice_and_at_once(lemgo: Client) -> None:
    path = await begin(lemgo)
    own = {"stage": "starting", "title": "Schilder bestellen", "offset_days": -10}
    added = await ok(lemgo, f"{path}/steps", own)
    step = f"{path}/steps/{added['step_id']}"
    commands: list[tuple[str, Any]] = [
        (f"{path}/steps", own | {"title": "Umzug"}),
        (f"{step}/wordings", {"title": "Neue Schilder bestellen", "links": [{"title": "§ 64 GO NRW"}]}),
        (f"{step}/owners", {"owner": "Hauptamt"}),
        (f"{step}/notes", {"note": "Angebot liegt vor."}),
        (f"{step}/dates", {"due_on": "2026-12-12"}),
        (f"{step}/completions", None),
        (f"{step}/reopenings", None),
        (f"{step}/drops", {"reason": "Alte Schilder genügen."}),
        (f"{step}/restorations", None),
        (f"{path}/start-movings", {"starts_on": "2027-03-01"}),
        (f"{path}/readers", {"organisation_id": organisation_id(DETMOLD)}),
    ]
    for command, content in commands:
        key = str(uuid4())
        both = await asyncio.gather(*(lemgo.post(command, content, key) for _ in range(2)))
        assert [reply.status for reply in both] == [201 if command.endswith("/steps") else 200] * 2, command
        assert both[0].body == both[1].body, command
    page = (await lemgo.get(path)).body
    shown = steps_of(page)[added["step_id"]]
    assert (shown["owner"], shown["note"], shown["due_on"]) == ("Hauptamt", "Angebot liegt vor.", "2026-12-12")
    assert [each["title"] for each in steps_of(page).values()].count("Umzug") == 1
    assert (shown["title"], shown["offset_days"]) == ("Neue Schilder bestellen", -10)
    assert page["version"] == 13


async def test_progress_is_told_by_stage_and_in_all(lemgo: Client) -> None:
    path = await begin(lemgo)
    await ok(lemgo, f"{path}/steps/idea/completions")
    await ok(lemgo, f"{path}/steps/vat/drops", {"reason": "Keine Leistungen"})
    page = (await lemgo.get(path)).body
    assert page["stages"][0]["progress"] == {"done": 1, "total": 11, "percent": 9}
    assert page["progress"] == {"done": 1, "total": 33, "percent": 3}
    listed = (await lemgo.get("/undertakings", q=page["title"].split()[-1])).body["items"]
    assert listed == [{name: page[name] for name in listed[0]}]


async def test_it_is_edited_on_the_version_that_was_read(lemgo: Client) -> None:
    path = await begin(lemgo)
    changed = {"title": "Ein anderer Titel", "partners_wanted": True, "lead_days": 14}
    assert (await lemgo.put(path, changed)).code == "precondition_required"
    done = await lemgo.put(path, changed, version=1)
    assert (done.status, done.body["version"]) == (200, 2)
    assert (await lemgo.put(path, changed, version=1)).code == "stale_version"
    page = (await lemgo.get(path)).body
    assert {name: page[name] for name in changed} == changed


async def test_a_step_is_changed_on_the_version_that_was_read_where_one_is_named(lemgo: Client) -> None:
    path = await begin(lemgo)
    await ok(lemgo, f"{path}/steps/idea/completions")
    own = {"title": "Personalrat", "stage": "considerations"}
    for step, body in (("/idea/reopenings", None), ("/goals/notes", {"note": "Zu spät"}), ("", own)):
        for version, status in ((1, 412), (None, 201 if step == "" else 200)):
            headers = {} if version is None else {"If-Match": f'"{version}"'}
            answer = await lemgo.call("POST", f"{path}/steps{step}", headers=headers, json=body or {})
            assert answer.status == status, (step, answer.body)


async def test_the_finished_one_becomes_one_project_draft(lemgo: Client, editor: Client) -> None:
    path = await begin(lemgo, topics=["civil_registry"], partners=[{"ags": DETMOLD}], summary="Zwei Städte.")
    await ok(lemgo, f"{path}/steps/goals/completions", {"done_on": "2026-02-02"})
    await ok(lemgo, f"{path}/steps/idea/completions", {"done_on": "2026-01-09"})
    clicks = await asyncio.gather(*(lemgo.post(f"{path}/project-drafts", key=str(uuid4())) for _ in range(3)))
    assert {reply.status for reply in clicks} == {201}
    assert len({str(reply.body) for reply in clicks}) == 1
    undertaking, project_id = (await lemgo.get(path)).body, clicks[0].body["id"]
    assert (undertaking["status"], undertaking["project_id"]) == ("finished", project_id)
    assert clicks[0].headers["Location"] == f"/api/v1/projects/{project_id}"
    project = (await editor.get(f"/projects/{project_id}")).body
    assert (project["status"], project["title"], project["topics"]) == (
        "drafted",
        undertaking["title"],
        ["civil_registry"],
    )
    assert [(each["name"], each["role"]) for each in project["participations"]] == [
        ("Lemgo", "lead"),
        ("Detmold", "participant"),
    ]
    assert [(each["text"], each["on"], each["reached"]) for each in project["milestones"]] == [
        ("Anlass und Idee festhalten", "2026-01-09", True),
        ("Ziele messbar beschreiben", "2026-02-02", True),
    ]
    assert (await editor.put(f"/projects/{project_id}", {"title": "Umbenannt"}, version=1)).status == 200
    assert (await lemgo.post(f"{path}/project-drafts")).body["id"] == project_id
    assert (await lemgo.post(f"{path}/steps/goals/reopenings")).code == "undertaking_finished"


async def test_its_draft_is_read_by_those_who_take_part_and_changed_by_editors(
    lemgo: Client, detmold: Client, editor: Client, reader: Client, as_member: AsMember
) -> None:
    path = await begin(lemgo, partners=[{"ags": DETMOLD}])
    project = (await lemgo.post(f"{path}/project-drafts")).headers["Location"].removeprefix("/api/v1")
    query = {"title": "Vertrag", "kind": "template", "filename": "vertrag.pdf"}
    attached = await editor.call(
        "POST", f"{project}/documents", params=query, data=b"%PDF-1.7\n", headers={"Content-Type": "application/pdf"}
    )
    file = attached.headers["Location"].removeprefix("/api/v1")
    for member in (lemgo, detmold):
        page = await member.get(project)
        assert (page.status, page.body["status"], page.body["history"]) == (200, "drafted", None)
        assert page.headers["ETag"].startswith("W/"), "it is no version to write upon"
        assert (await member.get(file)).status == 200
        assert (await member.put(project, {"title": "Umbenannt"}, version=1)).code == "forbidden"
        assert (await member.post(f"{project}/submissions")).code == "forbidden"
        assert (await member.get("/projects", status="drafted")).code == "forbidden"
    for stranger in (as_member(organisation_id(BIELEFELD)), as_member(str(uuid4())), as_member(None), reader):
        assert [(await stranger.get(each)).status for each in (project, file)] == [404, 404]
    alone = {"title": "Umbenannt", "participations": [{"ags": LEMGO}], "participations_complete": False}
    assert (await editor.put(project, alone, version=2)).status == 200
    assert [(await member.get(project)).status for member in (lemgo, detmold)] == [200, 404]


async def test_what_was_abandoned_becomes_no_project(lemgo: Client, editor: Client) -> None:
    path = await begin(lemgo)
    await ok(lemgo, f"{path}/abandonments", {"reason": "Kein Partner gefunden."})
    assert (await lemgo.post(f"{path}/project-drafts")).code == "undertaking_abandoned"
    project_id = project_id_of(path.rpartition("/")[2])
    assert (await editor.get(f"/projects/{project_id}")).code == "not_found"
    page = (await lemgo.get(path)).body
    assert (page["status_label"], page["abandoned"], page["next_step"]) == (
        "Aufgegeben",
        "Kein Partner gefunden.",
        None,
    )


async def test_a_draft_that_a_crash_kept_from_being_made_is_made(
    lemgo: Client, editor: Client, journal: Journal, pool: Pool
) -> None:
    path = await begin(lemgo)
    undertaking_id, now = path.rpartition("/")[2], datetime.now(UTC)
    project_id = project_id_of(undertaking_id)
    context = Context(uuid4(), "test", now, "test")
    await journal.transact(UNDERTAKING, undertaking_id, FinishUndertaking(project_id=project_id), context)
    assert (await editor.get(f"/projects/{project_id}")).code == "not_found"
    assert await draft_what_is_finished(journal, pool, now) == 0, "whoever finished it is still about to"
    later = now + timedelta(minutes=1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(undertaking_due, "draft", refused)
        assert await draft_what_is_finished(journal, pool, later) == 0
    assert await draft_what_is_finished(journal, pool, later) == 1
    assert (await editor.get(f"/projects/{project_id}")).status == 200
    assert await draft_what_is_finished(journal, pool, later) == 0


async def refused(*_: Any) -> None:
    raise Refused("project_exists")


async def test_the_clock_reminds_once_of_each_date_and_of_nothing_past(
    lemgo: Client, journal: Journal, pool: Pool
) -> None:
    now = datetime(2031, 3, 3, 8, tzinfo=UTC)
    today, loaded = german_day(now), str(uuid4())
    step = PlannedStep(step_id="long-ago", stage="starting", title="Vorbei", due_on=date(2020, 1, 6))
    old = BeginUndertaking(
        undertaking_id=loaded,
        organisation_id=organisation_id(LEMGO),
        plan=Plan(title="Altes Vorhaben"),
        starts_on=date(2020, 1, 6),
        checklist="2026-11",
        steps=(step,),
    )
    await journal.transact(UNDERTAKING, loaded, old, Context(uuid4(), "content", now, "content", history=True))
    path = await begin(lemgo, starts_on="2035-01-02")
    await ok(lemgo, f"{path}/steps/it/dates", {"due_on": (today + timedelta(days=7)).isoformat()})
    await ok(lemgo, f"{path}/steps/staff/dates", {"due_on": (today + timedelta(days=8)).isoformat()})
    before = await journal.head()
    assert await remind(journal, pool, now) == 1
    assert await remind(journal, pool, now) == 0
    (told,) = await journal.read(before, 10)
    assert (told.aggregate_id, told.event.step_id, told.actor) == (path.rpartition("/")[2], "it", "clock")
    assert await undertaking_page.due(pool, today) == []
    assert await remind(journal, pool, now + timedelta(days=1)) == 1
    asked = StepAsked(undertaking_id=told.aggregate_id, step_id="it", due_on=told.event.due_on)
    reminder = (await step_reminder(pool, asked)).reminder
    assert reminder is not None
    assert (reminder.organisation, reminder.organisation_id) == ("Lemgo", organisation_id(LEMGO))
    assert reminder.undertaking == (await lemgo.get(path)).body["title"]
    before = await journal.head()
    await ok(lemgo, f"{path}/steps/it/dates", {"due_on": "2034-03-03"})
    moved, withdrawn = [each.event for each in await journal.read(before, 10)]
    assert (moved.due_on, withdrawn.due_on) == (date(2034, 3, 3), told.event.due_on)
    for nothing in (asked, asked.model_copy(update={"step_id": "x"}), asked.model_copy(update={"undertaking_id": "x"})):
        assert (await step_reminder(pool, nothing)).reminder is None


async def test_a_reminder_is_nobodys_edit(lemgo: Client, journal: Journal, pool: Pool) -> None:
    now = datetime(2032, 3, 1, 8, tzinfo=UTC)
    path = await begin(lemgo, starts_on="2035-01-02")
    for step_id in ("it", "staff"):
        await ok(lemgo, f"{path}/steps/{step_id}/dates", {"due_on": "2032-03-02"})
    before = (await lemgo.get(path)).body
    assert await remind(journal, pool, now) == 1
    reminded = (await lemgo.get(path)).body
    assert (reminded["version"], reminded["changed_at"]) == (before["version"] + 2, before["changed_at"])
    for stale in (before["version"] - 1, reminded["version"] + 1):
        assert (await lemgo.put(path, {"title": "Zu alt"}, version=stale)).code == "stale_version"
    edited = await lemgo.put(path, {"title": "Nach der Erinnerung"}, version=before["version"])
    assert (edited.status, edited.body["version"]) == (200, reminded["version"] + 1)
    assert (await lemgo.put(path, {"title": "Zu spät"}, version=reminded["version"])).code == "stale_version"
    changed = (await lemgo.get(path)).body["changed_at"]
    assert datetime.fromisoformat(changed) > datetime.fromisoformat(before["changed_at"])


async def test_the_calendar_keeps_its_entries_and_counts_their_moves(lemgo: Client) -> None:
    path = await begin(lemgo)

    async def entries() -> dict[str, Any]:
        async with lemgo.session.get(f"/api/v1{path}.ics", headers=signed(lemgo)) as answer:
            assert answer.content_type == "text/calendar"
            found = Calendar.from_ical(await answer.read()).walk("VEVENT")
        return {str(entry["UID"]): entry for entry in found}

    before = await entries()
    await ok(lemgo, f"{path}/start-movings", {"starts_on": "2027-02-01"})
    await ok(lemgo, f"{path}/steps/vat/drops", {"reason": "Entfällt"})
    after = await entries()
    uid = f"undertaking-{path.rpartition('/')[2]}-start@interkommunal"
    assert before.keys() == after.keys()
    assert [int(each[uid]["SEQUENCE"]) for each in (before, after)] == [0, 1]
    assert after[uid].decoded("DTSTART") == date(2027, 2, 1)
    assert str(after[uid]["TRANSP"]) == "TRANSPARENT"
    assert {str(entry["STATUS"]) for name, entry in after.items() if "-vat@" in name} == {"CANCELLED"}


def signed(client: Client) -> dict[str, str]:
    return {"Ikz-Identity": client.signer.sign(client.identity, "catalog")}


async def test_it_is_printed_as_a_tagged_pdf_whatever_is_written_in_it(lemgo: Client) -> None:
    path = await begin(lemgo, title="Amt *Nord* #panic() 🙂 日本", summary="$x$ <b>fett</b> `code` \\ @ref")
    await ok(lemgo, f"{path}/steps/idea/notes", {"note": "Erste Zeile\n\n= keine Überschrift"})
    async with lemgo.session.get(f"/api/v1{path}.pdf", headers=signed(lemgo)) as answer:
        paper = await answer.read()
        assert (answer.status, answer.content_type) == (200, "application/pdf")
        assert answer.headers["Content-Disposition"].startswith("attachment; ")
    assert paper.startswith(b"%PDF-1.7")
    for mark in (b"pdfuaid:part", b"/StructTreeRoot", b"/Lang(de-DE)", b"/DisplayDocTitle true"):
        assert mark in paper, mark


BAD = [
    ({"title": ""}, "invalid_request", "/title"),
    ({"title": "x" * 100_000}, "invalid_request", "/title"),
    ({"starts_on": "31.12.2026"}, "invalid_request", "/starts_on"),
    ({"starts_on": "1026-12-31"}, "invalid_request", "/starts_on"),
    ({"lead_days": 0}, "invalid_request", "/lead_days"),
    ({"topics": ["astrology"]}, "unknown_topic", "/topics/0"),
    ({"topics": ["waste", "waste"]}, "topic_twice", "/topics/1"),
    ({"topics": ["waste", "health", "energy_and_climate", "treasury"]}, "too_many_topics", "/topics"),
    ({"partners": [{"ags": "05999999"}]}, "unknown_organisation", "/partners/0"),
    ({"partners": [{}]}, "invalid_request", "/partners/0"),
    ({"partners": [{"ags": DETMOLD}, {"organisation_id": organisation_id(DETMOLD)}]}, "partner_twice", "/partners/1"),
    ({"partners": [{"ags": LEMGO}]}, "partner_twice", "/partners/0"),
    ({"checklist": "1999"}, "unknown_checklist", "/checklist"),
    ({"owner": "x"}, "invalid_request", "/owner"),
]


@pytest.mark.parametrize(("fields", "code", "field"), BAD)
async def test_what_cannot_be_begun_says_why(lemgo: Client, fields: Any, code: str | None, field: str | None) -> None:
    reply = await lemgo.post("/undertakings", body() | fields)
    assert 400 < reply.status < 500
    assert code is None or reply.code == code
    assert field is None or reply.body["errors"][0]["field"] == field


async def test_bad_steps_are_refused_field_by_field(lemgo: Client) -> None:
    path = await begin(lemgo)
    step = {"stage": "starting", "title": "Schritt"}
    tries: list[tuple[str, Any, str]] = [
        (f"{path}/steps", step | {"offset_days": 4000}, "invalid_request"),
        (f"{path}/steps", step | {"offset_days": 1, "due_on": "2026-01-01"}, "invalid_request"),
        (f"{path}/steps", step | {"stage": "later"}, "invalid_request"),
        (f"{path}/steps", step | {"links": [{"title": "x", "link": "javascript:alert(1)"}]}, "invalid_request"),
        (f"{path}/steps", step | {"links": [{"title": "x", "resource_id": str(uuid4())}]}, "unknown_resource"),
        (f"{path}/steps/idea/wordings", {"title": " "}, "invalid_request"),
        (f"{path}/steps/idea/wordings", {"title": "x", "stage": "starting"}, "invalid_request"),
        (f"{path}/steps/idea/owners", {"owner": "a\nb"}, "invalid_request"),
        (f"{path}/steps/idea/owners", {}, "invalid_request"),
        (f"{path}/steps/idea/notes", {"note": "x" * 5000}, "invalid_request"),
        (f"{path}/steps/idea/dates", {"due_on": "2026-02-30"}, "invalid_request"),
        (f"{path}/steps/idea/completions", {"done_on": "2099-01-01"}, "done_in_future"),
        (f"{path}/steps/no-such-step/completions", None, "not_found"),
        (f"{path}/steps/{'x' * 3000}/completions", None, "not_found"),
        (f"{path}/readers", {"ags": "05999999"}, "unknown_organisation"),
        (f"{path}/start-movings", {"starts_on": None}, "invalid_request"),
        (f"{path}/abandonments", {}, "invalid_request"),
        ("/undertakings/none/project-drafts", None, "not_found"),
        (f"/undertakings/{uuid4()}/project-drafts", None, "not_found"),
    ]
    for target, content, code in tries:
        reply = await lemgo.post(target, content)
        assert reply.code == code, (target, content, reply.body)
    assert (await lemgo.get(path)).body["version"] == 1


async def test_a_link_of_the_checklist_may_stay_where_its_resource_is_not_loaded(
    lemgo: Client, journal: Journal
) -> None:
    missing, undertaking_id = {"title": "Checkliste", "resource_id": str(uuid4())}, str(uuid4())
    step = PlannedStep(step_id="idea", stage="starting", title="Idee", links=(Pointer.model_validate(missing),))
    command = BeginUndertaking(
        undertaking_id=undertaking_id,
        organisation_id=organisation_id(LEMGO),
        plan=Plan(title="Ohne Inhalte"),
        starts_on=date(2027, 1, 4),
        checklist="2026-11",
        steps=(step,),
    )
    await journal.transact(UNDERTAKING, undertaking_id, command, Context(uuid4(), "test", datetime.now(UTC), "test"))
    wordings = f"/undertakings/{undertaking_id}/steps/idea/wordings"
    await ok(lemgo, wordings, {"title": "Anlass", "links": [missing]})
    another = await lemgo.post(
        wordings, {"title": "Anlass", "links": [missing, missing | {"resource_id": str(uuid4())}]}
    )
    assert (another.code, another.body["errors"][0]["field"]) == ("unknown_resource", "/links/1/resource_id")


async def test_texts_lose_their_html_and_stay_readable(lemgo: Client) -> None:
    path = await begin(lemgo, title="<b>Amt</b> Nord", summary="<p>Erstens</p><script>x()</script><p>a < b & c</p>")
    await ok(lemgo, f"{path}/steps/idea/notes", {"note": "<ul><li>Eins</li><li>Zwei</li></ul>"})
    await ok(lemgo, f"{path}/steps/idea/owners", {"owner": "<i>Hauptamt</i>"})
    page = (await lemgo.get(path)).body
    assert (page["title"], page["summary"]) == ("Amt Nord", "Erstens\na < b & c")
    idea = steps_of(page)["idea"]
    assert (idea["note"], idea["owner"]) == ("– Eins\n– Zwei", "Hauptamt")


async def test_a_list_has_pages_and_strict_filters(lemgo: Client, editor: Client) -> None:
    for _ in range(3):
        await begin(lemgo)
    whole = (await lemgo.get("/undertakings", limit=100)).body
    first = (await lemgo.get("/undertakings", limit=2)).body
    rest = (await lemgo.get("/undertakings", limit=100, cursor=first["next"])).body
    assert [each["id"] for each in first["items"] + rest["items"]] == [each["id"] for each in whole["items"]]
    gone = await begin(lemgo)
    await ok(lemgo, f"{gone}/abandonments", {"reason": "Kein Partner gefunden."})
    abandoned = (await lemgo.get("/undertakings", status="abandoned", limit=100)).body["items"]
    assert {each["status"] for each in abandoned} == {"abandoned"}
    assert gone.rpartition("/")[2] in {each["id"] for each in abandoned}
    theirs = (await editor.get("/undertakings", organisation=organisation_id(LEMGO), limit=100)).body["items"]
    assert {each["organisation"]["name"] for each in theirs} == {"Lemgo"}
    assert len(theirs) == whole["total"] + 1
    for query in ({"status": "lost"}, {"cursor": "x"}, {"limit": 0}, {"organisation": "x"}, {"colour": "red"}):
        assert (await lemgo.get("/undertakings", **query)).code == "invalid_query"
    assert (await lemgo.get("/undertakings", q="???")).body["total"] == 0


async def test_the_rebuilt_read_model_is_the_live_one(lemgo: Client, journal: Journal, database: Database) -> None:
    path = await begin(lemgo, partners=[{"ags": DETMOLD}])
    await ok(lemgo, f"{path}/readers", {"ags": DETMOLD})
    await ok(lemgo, f"{path}/readers", {"ags": BIELEFELD})
    rebuilt = await rebuild(database.dsn("catalog"), journal, UNDERTAKINGS)
    assert rebuilt.different == ()
