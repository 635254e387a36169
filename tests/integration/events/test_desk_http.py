"""The organiser's desk over HTTP: who takes part, who came, what goes out of it."""

import asyncio
import csv
import datetime as dt
import io
import os
import re
import zipfile
from pathlib import Path
from typing import Any
from uuid import uuid4

import openpyxl
import pytest
from structlog.testing import capture_logs

from services.events import certificate_batch, organisations, participants, session_statistics
from services.events.attendance_list import PROJECTION as ATTENDANCE
from services.events.check_in import code_of
from services.events.group_message_list import PROJECTION as MESSAGES
from services.events.participant_export import Export
from services.events.participants import ParticipantFilter
from services.events.session_audience import audience
from services.events.session_list import session_row
from shared.contracts.catalog import OrganisationChanged
from shared.contracts.rpc import AudienceAsked, RecipientsAsked
from shared.kernel.identity import ANONYMOUS
from shared.kernel.problems import Problem
from shared.kernel.rebuild import rebuild
from tests.integration.events.conftest import EDITOR, Events, Reply
from tests.integration.events.telling import told
from tests.integration.events.test_registrations_http import erase

BEGIN = dt.datetime(2025, 7, 31, 8, tzinfo=dt.UTC)
TOWN = "0198c0de-0000-7000-8000-000000000001"
CLUB = "0198c0de-0000-7000-8000-000000000002"


async def write_in(events: Events, session_id: str, name: str = "Ada Beispiel", **more: Any) -> Reply:
    """Somebody written in, as the gateway passes it on."""
    body = {
        "person_id": str(uuid4()),
        "email": f"{name.split(maxsplit=1)[0].lower()}@stadt.example",
        "name": name,
    } | more
    headers = {"Idempotency_Key": body.pop("key")} if "key" in body else {}
    return await events.edit("POST", f"/internal/sessions/{session_id}/participants", body, **headers)


async def listed(events: Events, session_id: str, query: str = "") -> Any:
    return await events.get(f"/api/v1/sessions/{session_id}/registrations{query}", EDITOR)


def names(found: Any) -> list[str]:
    return [item["name"] for item in found["items"]]


async def know(events: Events) -> None:
    """What the catalogue tells of two organisations, and of one that was merged."""
    told = [
        OrganisationChanged(
            organisation_id=TOWN,
            name="Musterstadt",
            organisation_type="town",
            ags="05154036",
            size_class="smaller_city",
        ),
        OrganisationChanged(organisation_id=CLUB, name="Alt", organisation_type="private_body", merged_into=TOWN),
    ]
    effect = organisations.effect()
    async with events.pool.acquire() as connection:
        for each in told:
            await effect.apply(connection, [_Told(each)])  # type: ignore[list-item]


class _Told:
    def __init__(self, data: OrganisationChanged) -> None:
        self.data = data


async def some_people(events: Events, **changes: Any) -> str:
    """Three who are confirmed, of whom one is of the town, and one who waits."""
    session_id = await events.open_session(capacity=3, ends_at="2025-07-31T11:00:00+02:00", **changes)
    await write_in(events, session_id, "Zoë Adler", organisation_id=TOWN, organisation_name="Musterstadt")
    await write_in(events, session_id, "=Anna Zett")
    await write_in(events, session_id, "Bert Mock")
    await write_in(events, session_id, "Wanda Warter")
    return session_id


async def test_who_is_written_in_has_a_seat_or_waits_and_is_there_once(events: Events) -> None:
    session_id = await events.draft(capacity=1)
    assert (await write_in(events, session_id)).code == "409 session_not_announced"
    await events.done("POST", f"/api/v1/sessions/{session_id}/announcements")
    person = str(uuid4())
    first = await write_in(events, session_id, person_id=person, key="ada")
    assert (first.status, first.body["status"], first.body["existing"]) == (201, "confirmed", False)
    repeated = await write_in(events, session_id, person_id=person, key="ada")
    assert (repeated.status, repeated.body["id"]) == (201, first.body["id"])
    again = await write_in(events, session_id, person_id=person)
    assert (again.status, again.body["existing"], again.body["id"]) == (200, True, first.body["id"])
    waits = await write_in(events, session_id, "Bert Mock", confirm=True)
    assert waits.body["status"] == "waitlisted"
    assert (await write_in(events, session_id, confirm=True, walk_in=True)).status == 422
    reader = await events.ask("POST", f"/internal/sessions/{session_id}/participants", {})
    assert reader.status in (401, 403)
    assert (await write_in(events, str(uuid4()))).status == 404


async def test_many_who_write_in_at_once_overbook_nothing(events: Events) -> None:
    session_id, twice = await events.open_session(capacity=2), str(uuid4())
    replies = await asyncio.gather(
        *(write_in(events, session_id, f"Nr {n}") for n in range(4)),
        *(write_in(events, session_id, person_id=twice) for _ in range(3)),
    )
    assert sorted(reply.body["status"] for reply in replies if not reply.body["existing"]) == [
        *["confirmed"] * 2, *["waitlisted"] * 3,
    ]  # fmt: skip
    assert len({reply.body["id"] for reply in replies}) == 5


async def test_participants_are_chosen_sorted_and_paged(events: Events) -> None:
    session_id = await some_people(events)
    assert names(await listed(events, session_id, "?sort=name")) == [
        "Zoë Adler",
        "Bert Mock",
        "Wanda Warter",
        "=Anna Zett",
    ]
    assert names(await listed(events, session_id, "?status=waitlisted")) == ["Wanda Warter"]
    assert names(await listed(events, session_id, f"?organisation_id={TOWN}")) == ["Zoë Adler"]
    found = await listed(events, session_id, "?q=ZOE%20muster")
    assert (names(found), found["total"]) == (["Zoë Adler"], 1)
    for sort in ("received", "name"):
        seen, cursor = list[str](), ""
        while True:
            page = await listed(events, session_id, f"?limit=3&sort={sort}{cursor}")
            seen += names(page)
            assert page["total"] == 4
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
        assert sorted(seen) == ["=Anna Zett", "Bert Mock", "Wanda Warter", "Zoë Adler"]
    (waiting,) = (await listed(events, session_id, "?status=waitlisted"))["items"]
    assert waiting["waiting_position"] == 1
    for wrong in ("?cursor=x", "?sort=age", "?organisation_id=x", "?limit=0"):
        reply = await events.edit("GET", f"/api/v1/sessions/{session_id}/registrations{wrong}")
        assert (reply.status, reply.body["code"]) == (422, "invalid_query"), wrong


async def test_a_search_among_too_many_is_told_so(events: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    session_id = await some_people(events)
    monkeypatch.setattr(participants, "SEARCHED", 3)
    reply = await events.edit("GET", f"/api/v1/sessions/{session_id}/registrations?q=ada")
    assert reply.code == "422 invalid_query"
    assert reply.body["errors"][0]["field"] == "q"
    assert names(await listed(events, session_id, "?q=wanda&status=waitlisted")) == ["Wanda Warter"]


async def test_files_hold_everybody_and_run_nothing(events: Events) -> None:
    session_id = await some_people(events)
    gone = str(uuid4())
    await write_in(events, session_id, "Gone Person", person_id=gone)
    await events.vault.erase(gone)
    path = f"/api/v1/sessions/{session_id}/registrations/export"
    with capture_logs() as lines:
        reply = await events.edit("GET", f"{path}.csv")
    assert reply.headers["Cache-Control"] == "no-store"
    rows = list(csv.reader(io.StringIO(reply.body.decode("utf-8-sig")), delimiter=";"))
    assert rows[0][:4] == ["Anmeldung", "Name", "E-Mail", "Stelle"]
    assert [row[1] for row in rows[1:]] == ["Zoë Adler", "'=Anna Zett", "Bert Mock", "Wanda Warter", "gelöscht"]
    assert [row[6] for row in rows[1:]] == ["", "", "", "1", "2"]
    (told,) = [line for line in lines if line["event"] == "participants_exported"]
    assert (told["rows"], told["whole"], told["actor"]) == (5, True, "token:test")
    assert "Adler" not in str(lines)
    book = openpyxl.load_workbook(io.BytesIO((await events.edit("GET", f"{path}.xlsx?q=anna")).body))
    assert [row[1].value for row in book.active.iter_rows()] == ["Name", "=Anna Zett"]  # type: ignore[union-attr]
    assert book.active["B2"].data_type == "s"  # type: ignore[index]
    for who, status in ((ANONYMOUS, 401), (EDITOR, 404)):
        nowhere = await events.ask("GET", f"/api/v1/sessions/{uuid4()}/registrations/export.csv", who=who)
        assert nowhere.status == status


async def test_a_column_for_each_question(events: Events) -> None:
    questions = [
        {"key": "essen", "label": "Essen", "kind": "text", "keep_days": 30},
        {"key": "foto", "label": "Fotos erlaubt", "kind": "yes_no"},
    ]
    session_id = await events.open_session(registration_questions=questions)
    await events.register(session_id, answers={"essen": "@vegan", "foto": True})
    await events.revise(session_id, registration_questions=questions[:1])
    reply = await events.edit("GET", f"/api/v1/sessions/{session_id}/registrations/export.csv?bom=false")
    heads, row = list(csv.reader(io.StringIO(reply.body.decode()), delimiter=";"))
    assert (heads[-2:], row[-2:]) == (["Essen", "Weitere Antworten"], ["'@vegan", "Fotos erlaubt: Ja"])


async def codes(events: Events, session_id: str) -> dict[str, str]:
    return {item["name"]: code_of(item["id"]) for item in (await listed(events, session_id))["items"]}


async def test_codes_at_the_door(events: Events) -> None:
    session_id, other = await some_people(events), await events.open_session()
    path, code = f"/api/v1/sessions/{session_id}/check-ins", await codes(events, session_id)
    scan = {"code": code["Zoë Adler"]}
    assert (await events.edit("POST", path, scan)).code == "409 attendance_too_early"
    events.clock.time = BEGIN - dt.timedelta(minutes=20)
    first = await events.edit("POST", path, scan, Idempotency_Key="scan")
    assert (first.status, first.body["name"], first.body["again"]) == (200, "Zoë Adler", False)
    events.clock.forward(minutes=5)
    repeated = await events.edit("POST", path, scan, Idempotency_Key="scan")
    assert (repeated.body["again"], repeated.body["recorded_at"]) == (False, first.body["recorded_at"])
    again = await events.edit("POST", path, scan)
    assert (again.body["again"], again.body["detail"]) == (True, "Bereits erfasst um 09:40 Uhr.")
    at_once = await asyncio.gather(*(events.edit("POST", path, {"code": code["Bert Mock"]}) for _ in range(4)))
    assert sorted(reply.body["again"] for reply in at_once) == [False, True, True, True]
    waits = await events.edit("POST", path, {"code": code["Wanda Warter"]})
    assert (waits.code, waits.body["details"]["status"]) == ("409 not_admitted", "waitlisted")
    assert "Warteliste" in waits.body["detail"]
    for wrong in ("x", code_of(str(uuid4()))):
        assert (await events.edit("POST", path, {"code": wrong})).code == "409 unknown_code"
    elsewhere = await events.edit("POST", f"/api/v1/sessions/{other}/check-ins", scan)
    assert elsewhere.code == "409 code_of_other_session"
    assert (await events.ask("POST", path, scan)).status == 401


async def test_the_list_the_walk_in_and_the_sum(events: Events) -> None:
    session_id = await some_people(events)
    path = f"/api/v1/sessions/{session_id}/attendance"
    ids = {item["name"]: item["id"] for item in (await listed(events, session_id))["items"]}
    events.clock.time = BEGIN + dt.timedelta(minutes=10)
    await events.done("POST", path, {"registration_ids": [ids["Zoë Adler"], ids["=Anna Zett"]], "present": True})
    wrong = await events.done("POST", path, {"registration_ids": [ids["=Anna Zett"]], "present": False})
    same = await events.done("POST", path, {"registration_ids": [ids["=Anna Zett"]], "present": False})
    assert wrong["version"] == same["version"]
    door = await write_in(events, session_id, "Tür Gast", walk_in=True, key="door")
    assert (door.body["status"], door.body["attended"]) == ("waitlisted", True)
    assert (await write_in(events, session_id, "Zu Spät")).code == "409 session_over"
    assert (await events.edit("POST", path, {"registration_ids": [str(uuid4())], "present": True})).body["errors"] == [
        {
            "field": "/registration_ids/0",
            "code": "unknown_registration",
            "detail": "Zu dieser Veranstaltung gibt es diese Anmeldung nicht.",
        }
    ]
    found = await events.get(path, EDITOR)
    assert found == {
        "registered": 5, "confirmed": 3, "attended": 2, "walk_ins": 1, "absent": 1, "no_shows": None, "proposed": 2,
        "documented": None,
    }  # fmt: skip
    events.clock.time = BEGIN + dt.timedelta(hours=2)
    await events.done("POST", f"/api/v1/sessions/{session_id}/documentations", {"attendance": {"number": 70}})
    found = await events.get(path, EDITOR)
    assert (found["no_shows"], found["proposed"], found["documented"]) == (2, 2, 70)
    assert names(await listed(events, session_id, "?attended=true")) == ["Zoë Adler", "Tür Gast"]
    assert (await listed(events, session_id, "?attended=false"))["total"] == 3
    shown = (await listed(events, session_id, "?attended=true"))["items"][1]["attendance"]
    assert (shown["present"], shown["walk_in"], shown["how"]) == (True, True, "list")
    assert (await rebuild(events.dsn, events.journal, ATTENDANCE)).different == ()
    assert await events.get(path, EDITOR) == found


async def test_ones_own_code_and_saying_that_one_is_there(events: Events) -> None:
    session_id = await events.open_session(ends_at="2025-07-31T11:00:00+02:00")
    token, waits = await events.registered(session_id, member=True), await events.registered(session_id)
    picture = await events.ask("GET", f"/api/v1/registrations/{token}/check-in.svg")
    assert (picture.status, picture.headers["Content-Type"]) == (200, "image/svg+xml")
    assert b"<svg" in picture.body
    assert (await events.ask("GET", f"/api/v1/registrations/{waits}/check-in.svg")).code == "409 not_admitted"
    assert (await events.ask("GET", "/api/v1/registrations/nobody/check-in.svg")).status == 404
    own = f"/api/v1/registrations/{token}"
    path = f"{own}/check-ins"
    early = (await events.ask("GET", own)).body
    assert (early["can_check_in"], early["present_since"]) == (False, None)
    events.clock.time = BEGIN
    now = (await events.ask("GET", own)).body
    assert (now["can_check_in"], now["present_since"], now["certificate"]) == (True, None, False)
    assert (await events.ask("GET", f"/api/v1/registrations/{waits}")).body["can_check_in"] is False
    first = await events.ask("POST", path)
    there = (await events.ask("GET", own)).body
    assert (there["can_check_in"], there["present_since"]) == (False, first.body["recorded_at"])
    events.clock.forward(minutes=1)
    assert (await events.ask("POST", path)).body == first.body
    events.clock.time = BEGIN + dt.timedelta(hours=3, minutes=1)
    other = await events.ask("POST", path)
    assert other.code == "409 attendance_closed"


async def test_figures_without_persons_and_what_stays_of_them(events: Events) -> None:
    await know(events)
    session_id = await some_people(events)
    await write_in(events, session_id, "Frau Alt", organisation_id=CLUB)
    path = f"/api/v1/sessions/{session_id}/statistics"
    found = await events.get(path, EDITOR)
    types = [(each["value"], each["label"], each["registered"]) for each in found["by_organisation_type"]]
    assert types == [
        ("none", "Ohne Stelle aus dem Verzeichnis", 3),
        ("town", "Kreisangehörige Stadt", 2),
    ]
    assert [each["label"] for each in found["by_region"]][1] == "Regierungsbezirk Düsseldorf"
    assert (found["registered"], found["confirmed"], found["organisations"], found["frozen_at"]) == (5, 3, 1, None)
    assert (await events.ask("GET", path)).status == 401
    counts = await session_statistics.counts(events.pool, session_id)
    keep = "INSERT INTO session_statistics (session_id, counted_at, counts) VALUES ($1, $2, $3)"
    await events.pool.execute(keep, session_id, events.clock.now(), counts)
    await events.pool.execute("DELETE FROM registration WHERE session_id = $1", session_id)
    left = await events.get(path, EDITOR)
    assert left.pop("frozen_at").startswith("2025-07-01T08:00:00")
    assert left == {key: value for key, value in found.items() if key != "frozen_at"}
    came = await events.get(f"/api/v1/sessions/{session_id}/attendance", EDITOR)
    assert (came["registered"], came["confirmed"], came["walk_ins"], came["no_shows"]) == (5, 3, None, None)


async def test_a_message_reaches_exactly_its_group(events: Events) -> None:
    await know(events)
    session_id = await some_people(events)
    path = f"/api/v1/sessions/{session_id}/messages"
    assert (await events.get(f"{path}/preview?status=waitlisted", EDITOR))["recipients"] == 1
    assert (await events.get(f"{path}/preview?organisation_type=town", EDITOR))["recipients"] == 1
    assert (await events.get(f"{path}/preview?attended=true", EDITOR))["recipients"] == 0
    text = {"subject": " Neuer Raum ", "text": "Wir sind in Raum 2.\r\n\r\nBis dann!"}
    nobody = await events.edit("POST", path, {"audience": {"attended": True}, **text})
    assert nobody.code == "409 audience_empty"
    body = {"audience": {"status": ["confirmed"]}, **text}
    asked = await events.edit("POST", path, body, Idempotency_Key="message")
    assert (asked.status, asked.body["recipients"]) == (202, 3)
    repeated = await events.edit("POST", path, body, Idempotency_Key="message")
    assert repeated.body["id"] == asked.body["id"]
    (sent,) = (await events.get(path, EDITOR))["items"]
    assert (sent["subject"], sent["text"]) == ("Neuer Raum", "Wir sind in Raum 2.\n\nBis dann!")
    assert sent["audience_label"] == "Stand: „Bestätigt“"
    question = RecipientsAsked(session_id=session_id, group_message_id=asked.body["id"], limit=2)
    page = await told(events, question)
    rest = await told(events, question.model_copy(update={"after": page.next}))
    assert [one.name for one in (*page.recipients, *rest.recipients)] == ["Zoë Adler", "=Anna Zett", "Bert Mock"]
    assert page.group_message is not None
    assert page.group_message.subject == "Neuer Raum"
    refused: list[dict[str, Any]] = [
        {"subject": "a\nb"},
        {"text": " \u200b "},
        {"text": "a\u0007b"},
        {"audience": {"status": []}},
    ]
    for wrong in refused:
        assert (await events.edit("POST", path, body | wrong)).status == 422, wrong
    with pytest.raises(Problem):
        await told(events, question.model_copy(update={"group_message_id": str(uuid4())}))
    assert (await rebuild(events.dsn, events.journal, MESSAGES)).different == ()


async def held(events: Events) -> tuple[str, str]:
    """A session that took place; one person of two was there, and the token of that one."""
    session_id = await events.open_session(ends_at="2025-07-31T11:00:00+02:00", hosts=["Städtetag NRW"])
    token = await events.registered(session_id, member=True, name="Dr. Jürgen Groß-Çelik", organisation_name="Köln")
    await write_in(events, session_id, "Bert Mock")
    events.clock.time = BEGIN
    await events.ask("POST", f"/api/v1/registrations/{token}/check-ins")
    return session_id, token


async def test_certificates_are_for_who_came_to_what_took_place(events: Events) -> None:
    session_id, token = await held(events)
    own, batches = (
        f"/api/v1/registrations/{token}/certificate.pdf",
        f"/api/v1/sessions/{session_id}/certificate-batches",
    )
    page = f"/api/v1/registrations/{token}"
    assert (await events.ask("GET", own)).code == "409 certificate_not_possible"
    assert (await events.ask("GET", page)).body["certificate"] is False
    assert (await events.edit("POST", batches)).code == "409 certificate_not_possible"
    events.clock.time = BEGIN + dt.timedelta(hours=2)
    await events.done("POST", f"/api/v1/sessions/{session_id}/documentations", {"talks": [{"title": "KI im Amt"}]})
    assert (await events.ask("GET", page)).body["certificate"] is True
    paper = (await events.ask("GET", own)).body
    assert paper.startswith(b"%PDF")
    for mark in (rb"/StructTreeRoot", rb"/Lang\s*\(de-DE\)", rb"pdfuaid:part>1<", rb"Teilnahmebescheinigung"):
        assert re.search(mark, paper), mark
    begun = await events.edit("POST", batches, Idempotency_Key="batch")
    assert (begun.status, begun.body["total"], begun.body["state"]) == (202, 1, "running")
    at_once = await asyncio.gather(*(events.edit("POST", batches) for _ in range(2)))
    assert {reply.body["id"] for reply in at_once} == {begun.body["id"]}
    here = begun.headers["Location"]
    assert (await events.edit("GET", f"{here}/file")).code == "409 certificates_not_ready"
    assert await certificate_batch.go_on(events.pool, events.vault, events.clock.now())
    assert not await certificate_batch.go_on(events.pool, events.vault, events.clock.now())
    done = await events.get(here, EDITOR)
    assert (done["state"], done["done"], done["failed"]) == ("done", 1, 0)
    archive = zipfile.ZipFile(io.BytesIO((await events.edit("GET", f"{here}/file")).body))
    (name,) = archive.namelist()
    assert archive.read(name).startswith(b"%PDF")
    repeated = await events.edit("POST", batches, Idempotency_Key="batch")
    assert repeated.body["id"] == begun.body["id"]
    events.clock.forward(days=8)
    assert (await events.edit("GET", here)).status == 404


async def test_an_erasure_takes_certificate_and_attendance_at_once(events: Events) -> None:
    session_id, token = await held(events)
    events.clock.time = BEGIN + dt.timedelta(hours=2)
    await events.done("POST", f"/api/v1/sessions/{session_id}/documentations", {})
    batch = await events.edit("POST", f"/api/v1/sessions/{session_id}/certificate-batches")
    await certificate_batch.go_on(events.pool, events.vault, events.clock.now())
    person = await events.pool.fetchval("SELECT person_id FROM certificate_sheet WHERE batch_id = $1", batch.body["id"])
    await erase(events, person)
    for table in ("attendance", "certificate_sheet", "registration"):
        assert not await events.pool.fetch(f"SELECT 1 FROM {table} WHERE person_id = $1", person), table
    archive = (await events.edit("GET", f"{batch.headers['Location']}/file")).body
    assert zipfile.ZipFile(io.BytesIO(archive)).namelist() == []
    assert (await events.ask("GET", f"/api/v1/registrations/{token}/certificate.pdf")).status == 404


async def test_a_batch_that_is_interrupted_goes_on_where_it_stopped_and_leaves_no_process(events: Events) -> None:
    session_id, _ = await held(events)
    for number in range(3):
        await write_in(events, session_id, f"Gast {number}", walk_in=True)
    events.clock.time = BEGIN + dt.timedelta(hours=2)
    await events.done("POST", f"/api/v1/sessions/{session_id}/documentations", {})
    begun = await events.edit("POST", f"/api/v1/sessions/{session_id}/certificate-batches")
    here = begun.headers["Location"]
    making = asyncio.create_task(certificate_batch.keep_making(events.pool, events.vault, events.dsn, events.clock))
    async with asyncio.timeout(30):
        while (await events.get(here, EDITOR))["done"] == 0:
            await asyncio.sleep(0.01)
    making.cancel()
    await asyncio.gather(making, return_exceptions=True)
    assert setters() == []
    stopped = await events.get(here, EDITOR)
    assert (stopped["state"], stopped["total"]) == ("running", 4)
    before = await kept(events, stopped["id"])
    await certificate_batch.go_on(events.pool, events.vault, events.clock.now())
    assert (await events.get(here, EDITOR))["done"] == 4
    assert before.items() <= (await kept(events, stopped["id"])).items(), "what was set stays as it was"


def setters() -> list[str]:
    """Typesetters that are still children of this process."""
    mine = Path("/proc/self/task") / str(os.getpid()) / "children"
    commands = (Path("/proc", pid, "cmdline").read_text() for pid in mine.read_text().split())
    return [command for command in commands if "typesetter" in command]


async def kept(events: Events, batch_id: str) -> dict[str, str]:
    rows = await events.pool.fetch(
        "SELECT registration_id, sealed FROM certificate_sheet WHERE batch_id = $1 AND state = 'set'", batch_id
    )
    return {row["registration_id"]: row["sealed"] for row in rows}


async def test_a_file_is_of_one_moment_and_who_goes_away_ends_it(events: Events) -> None:
    session_id = await some_people(events)
    row = await session_row(events.pool, session_id, drafts=True)
    assert row is not None
    export = Export(events.pool, events.vault, row.life, ParticipantFilter())
    lines = export.csv(bom=False)
    first = await anext(lines) + await anext(lines)
    await write_in(events, session_id, "Zu Spät")
    assert first.count(b"\r\n") == 5
    assert [part async for part in lines] == []
    gone = Export(events.pool, events.vault, row.life, ParticipantFilter()).csv(bom=False)
    await anext(gone)
    await anext(gone)
    await gone.aclose()
    assert not await events.pool.fetch("SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction'")


async def test_who_answered_that_the_new_date_suits_can_be_chosen_and_written_to(events: Events) -> None:
    session_id = await some_people(events)
    comes = await events.registered(session_id, name="Karl Kommt")
    path = f"/api/v1/sessions/{session_id}"
    moved = {"starts_at": "2025-09-25T10:00:00+02:00", "reason": "Krankheit", "answer_by": "2025-09-01T12:00:00+02:00"}
    await events.done("POST", f"{path}/postponements", moved | {"unanswered": "stay"})
    await write_in(events, session_id, "Nach Verschiebung")
    assert (await events.ask("POST", f"/api/v1/registrations/{comes}/reconfirmations")).status == 200
    assert names(await listed(events, session_id, "?answered=true")) == ["Karl Kommt"]
    silent = await listed(events, session_id, "?answered=false")
    assert (names(silent)[0], silent["total"]) == ("Zoë Adler", 4)
    assert names(await listed(events, session_id, "?answered=true&sort=name")) == ["Karl Kommt"]
    preview = await events.get(f"{path}/messages/preview?answered=false&status=confirmed", EDITOR)
    assert preview["recipients"] == 3
    assert preview["audience_label"].endswith("hat zum neuen Termin nicht geantwortet")
    audience = {"audience": {"answered": True}, "subject": "Danke", "text": "Bis dann!"}
    asked = (await events.edit("POST", f"{path}/messages", audience)).body
    question = RecipientsAsked(session_id=session_id, group_message_id=asked["id"])
    reached = await told(events, question)
    assert [one.name for one in reached.recipients] == ["Karl Kommt"]
    reply = await events.edit("GET", f"{path}/registrations/export.csv?answered=true&bom=false")
    (heads, row) = list(csv.reader(io.StringIO(reply.body.decode()), delimiter=";"))
    assert row[heads.index("Neuer Termin passt")] == "ja"


async def test_who_can_be_written_to_about_a_session(events: Events) -> None:
    session_id = await events.open_session(capacity=2)
    people = {name: str(uuid4()) for name in ("Ada", "Bert", "Cleo", "Dora", "Emil")}
    for name, person in people.items():
        await events.register(session_id, person=person, name=name, member=name != "Dora")
    await events.ask("POST", f"/api/v1/registrations/{await events.token_of(people['Bert'])}/withdrawals")

    async def found(*, attended: bool = False) -> set[str]:
        ids: list[str] = []
        after: str | None = None
        while True:
            asked = AudienceAsked(session_id=session_id, attended=attended, after=after, limit=1)
            answer = await audience(events.pool, asked)
            ids += answer.person_ids
            after = answer.next
            if after is None:
                assert answer.session.session_id == session_id
                assert len(set(ids)) == len(ids)
                return {name for name, person in people.items() if person in ids}

    assert await found() == {"Ada", "Cleo", "Emil"}, "whoever left, or has not confirmed an address, is not"
    assert await found(attended=True) == set()
    ids = {item["name"]: item["id"] for item in (await listed(events, session_id))["items"]}
    events.clock.time = BEGIN + dt.timedelta(minutes=10)
    body = {"registration_ids": [ids["Ada"]], "present": True}
    await events.done("POST", f"/api/v1/sessions/{session_id}/attendance", body)
    assert await found(attended=True) == {"Ada"}
    with pytest.raises(Problem, match="not_found"):
        await audience(events.pool, AudienceAsked(session_id=str(uuid4())))


async def test_who_is_invited_is_known_by_the_last_registration(events: Events) -> None:
    first, second = await events.open_session(), await events.open_session()
    person = str(uuid4())

    async def known(session_id: str) -> dict[str, Any]:
        return dict(await events.get(f"/internal/sessions/{session_id}/people/{person}"))

    assert set((await known(first)).values()) == {None}
    await events.register(first, person=person, name="Ada Alt", member=True, organisation_name="Stadt Alt")
    assert (await known(first))["status"] == "confirmed"
    told = await known(second)
    assert (told["status"], told["name"], told["organisation_name"]) == (None, "Ada Alt", "Stadt Alt")
    events.clock.forward(hours=1)
    await events.register(second, person=person, name="Ada Neu", member=True)
    assert (await known(first))["name"] == "Ada Neu"
    await events.vault.erase(person)
    assert set((await known(first)).values()) == {None}
