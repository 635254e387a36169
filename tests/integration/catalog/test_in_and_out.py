"""Projects from files and as files, over real HTTP."""

import asyncio
import csv
import io
import json
import re
import zipfile
from typing import Any
from uuid import uuid4
from xml.etree.ElementTree import fromstring

import openpyxl
import pytest
import structlog
from aiohttp import ClientError
from rdflib import Graph
from rdflib.compare import isomorphic

from services.catalog import export_tables, import_store, search
from services.catalog.export_json import Exported
from services.catalog.import_work import TOGETHER, Tidy, go_on
from services.catalog.project_cells import HEADINGS
from services.catalog.search_live import Live
from services.catalog.search_shown import ProjectFilter
from services.catalog.site import Site
from shared.kernel import sending
from shared.kernel.clock import Clock
from shared.kernel.identity import HEADER
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.recorded import Unavailable
from tests.integration.catalog.conftest import Client, Reply

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ATOM = "{http://www.w3.org/2005/Atom}"


def file_of(*rows: tuple[str, ...], encoding: str = "utf-8") -> bytes:
    """Rows as a German spreadsheet saves them."""
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode(encoding)


def table(title: str, count: int = 2, summary: str = "Gemeinsam.") -> bytes:
    """`count` projects that could be published."""
    head = ("Kennung", "Titel", "Kurzfassung", "Themen", "Beteiligte")
    rows = ((f"{title} {n}", f"{title} {n}", summary, "Bauhof", "Ense; Welver") for n in range(count))
    return file_of(head, *rows)


def new_title() -> str:
    return f"Ölwehr {uuid4().hex[:8]}"


def word_of(title: str) -> str:
    """The word of a title that no other has."""
    return title.rsplit(maxsplit=1)[-1]


async def send(client: Client, content: bytes, kind: str = "text/csv", key: str = "", **query: str) -> Reply:
    """A file sent to be imported."""
    headers = {"Content-Type": kind} | ({"Idempotency-Key": key} if key else {})
    return await client.call("POST", "/projects/imports", params=query, data=content, headers=headers)


async def go_to_the_end(journal: Journal, pool: Pool) -> None:
    while await go_on(journal, pool, Clock().now()):
        pass


async def imported(client: Client, journal: Journal, pool: Pool, content: bytes, **query: str) -> dict[str, Any]:
    """The import of a file once the clock has done it."""
    reply = await send(client, content, **{"mode": "all_or_none", **query})
    assert reply.status == 202, reply.body
    await go_to_the_end(journal, pool)
    shown = (await client.get(f"/projects/imports/{reply.body['id']}")).body
    assert shown["status"] == "finished"
    assert shown["done"] + shown["failed"] == shown["total"]
    return dict(shown)


async def titled(client: Client, title: str, status: str = "drafted") -> list[dict[str, Any]]:
    """The projects with that word in their title."""
    return list((await client.get("/projects", q=word_of(title), status=status)).body["items"])


async def export(client: Client, ending: str, **query: Any) -> bytes:
    """A result list as a file."""
    signed = {HEADER: client.signer.sign(client.identity, "catalog")}
    async with client.session.get(f"/api/v1/projects/export.{ending}", params=query, headers=signed) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.read()


async def test_a_file_becomes_drafts_and_the_same_file_nothing_more(
    editor: Client, journal: Journal, pool: Pool
) -> None:
    title = new_title()
    dry = await send(editor, table(title), mode="dry_run")
    assert (dry.status, dry.body["status"], dry.body["new"]) == (200, "checked", 2)
    assert await titled(editor, title) == []
    done = await imported(editor, journal, pool, table(title))
    assert (done["total"], done["new"], done["done"], done["failed"]) == (2, 2, 2, 0)
    found = await titled(editor, title)
    assert len(found) == 2
    assert {each["ags"] for each in found[0]["participations"]} == {"05974012", "05974048"}
    again = await imported(editor, journal, pool, table(title))
    assert (again["new"], again["unchanged"], again["done"]) == (0, 2, 2)
    assert len(await titled(editor, title)) == 2


async def test_a_changed_row_changes_the_draft_and_proposes_a_version_of_what_is_public(
    editor: Client, journal: Journal, pool: Pool
) -> None:
    title = new_title()
    await imported(editor, journal, pool, table(title, 1), status="published")
    (public,) = await titled(editor, title, "published")
    changed = await imported(editor, journal, pool, table(title, 1, "Ganz anders."))
    assert changed["changed"] == 1
    page = (await editor.get(f"/projects/{public['id']}")).body
    assert (page["summary"], page["revision"]["content"]["summary"]) == ("Gemeinsam.", "Ganz anders.")
    await imported(editor, journal, pool, table(title, 1, "Sofort anders."), status="published")
    page = (await editor.get(f"/projects/{public['id']}")).body
    assert (page["summary"], page["revision"]) == ("Sofort anders.", None)


async def test_one_bad_row_stops_all_or_is_left_out_by_choice(editor: Client, journal: Journal, pool: Pool) -> None:
    title = new_title()
    content = file_of(("Titel", "Themen"), (f"{title} A", "Bauhof"), (f"{title} B", "Quantenphysik; =1+1"))
    refused = await send(editor, content, mode="all_or_none")
    assert (refused.status, refused.code) == (422, "import_refused")
    (error,) = refused.body["errors"]
    assert (error["field"], error["code"]) == ("/3/Themen", "unknown_topic")
    assert "„Quantenphysik“" in error["detail"]
    await go_to_the_end(journal, pool)
    assert await titled(editor, title) == []
    shown = (await editor.get(refused.headers["Location"].removeprefix("/api/v1"))).body
    assert (shown["status"], shown["bad"], shown["done"]) == ("refused", 1, 0)
    done = await imported(editor, journal, pool, content, mode="good_rows")
    assert (done["done"], done["failed"], len(await titled(editor, title))) == (1, 1, 1)
    (line,) = (await editor.get(f"/projects/imports/{done['id']}/lines")).body["items"]
    assert (line["row"], line["column"], line["code"]) == (3, "Themen", "unknown_topic")


async def test_a_dry_run_says_what_the_real_run_will(editor: Client, journal: Journal, pool: Pool) -> None:
    title = new_title()
    rows = [
        (f"{title} {n}", "Quantenphysik" if n % 3 else "Bauhof", "Atlantis" if n % 5 else "Ense") for n in range(20)
    ]
    content = file_of(("Titel", "Themen", "Beteiligte"), *rows)
    dry = (await send(editor, content, mode="dry_run")).body
    done = await imported(editor, journal, pool, content, mode="good_rows")
    lines = (await editor.get(f"/projects/imports/{done['id']}/lines", limit=100)).body["items"]
    assert lines == dry["lines"]
    assert len(lines) > 20
    counts = ("total", "new", "changed", "unchanged", "bad")
    assert [done[name] for name in counts] == [dry[name] for name in counts] == [20, 2, 0, 0, 18]


async def test_the_report_is_a_file_that_no_spreadsheet_runs(editor: Client) -> None:
    rows = [("Titel", "Themen"), *((f"T{n}", "=HYPERLINK(1)") for n in range(600))]
    dry = await send(editor, file_of(*rows), mode="dry_run")
    assert (dry.body["bad"], len(dry.body["lines"])) == (600, 100)
    signed = {HEADER: editor.signer.sign(editor.identity, "catalog")}
    async with editor.session.get(dry.body["report"], headers=signed) as answer:
        assert answer.headers["Content-Disposition"].startswith("attachment;")
        lines = list(csv.reader(io.StringIO((await answer.read()).decode("utf-8-sig")), delimiter=";"))
    assert len(lines) == 601
    assert lines[1][:3] == ["2", "Themen", "unknown_topic"]
    assert lines[1][4] == "'=HYPERLINK(1)"
    first = await editor.get(f"/projects/imports/{dry.body['id']}/lines", limit=100)
    then = await editor.get(f"/projects/imports/{dry.body['id']}/lines", limit=100, cursor=first.body["next"])
    assert (first.body["total"], first.body["items"][0]["row"], then.body["items"][0]["row"]) == (600, 2, 102)


async def test_the_same_request_twice_and_at_once_is_one_import(editor: Client, journal: Journal, pool: Pool) -> None:
    title, key = new_title(), uuid4().hex
    both = await asyncio.gather(*(send(editor, table(title), key=key, mode="good_rows") for _ in range(2)))
    again = await send(editor, table(title), key=key, mode="good_rows")
    assert len({reply.body["id"] for reply in (*both, again)}) == 1
    assert [reply.status for reply in (*both, again)] == [202, 202, 202]
    other = await send(editor, table(title), key=key, mode="dry_run")
    assert (other.status, other.code) == (422, "idempotency_key_reused")
    await go_to_the_end(journal, pool)
    assert len(await titled(editor, title)) == 2


async def test_what_a_crash_interrupts_goes_on_and_does_nothing_twice(
    editor: Client, journal: Journal, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies after the rows were done and before that was noted: the worst moment there is."""
    title = new_title()
    begun = await send(editor, table(title, TOGETHER + 3), mode="all_or_none", status="submitted")

    class Died(Exception):
        pass

    async def die(*_: object) -> None:
        raise Died

    with monkeypatch.context() as broken:
        broken.setattr(import_store, "put_lines", die)
        with pytest.raises(Died):
            await go_on(journal, pool, Clock().now())
    shown = (await editor.get(f"/projects/imports/{begun.body['id']}")).body
    assert (shown["status"], shown["done"]) == ("running", 0)
    before = await journal.head()
    await go_to_the_end(journal, pool)
    shown = (await editor.get(f"/projects/imports/{begun.body['id']}")).body
    assert (shown["status"], shown["done"], shown["failed"]) == ("finished", TOGETHER + 3, 0)
    assert await journal.head() == before + 3 * 2 + 3  # three more projects submitted; two batches and the end noted
    assert await pool.fetchval("SELECT count(*) FROM import_row WHERE import_id = $1::uuid", begun.body["id"]) == 0


async def test_a_row_that_became_impossible_meanwhile_is_reported(editor: Client, journal: Journal, pool: Pool) -> None:
    title = new_title()
    await imported(editor, journal, pool, table(title))
    begun = await send(editor, table(title, 2, "Anders."), mode="all_or_none")
    archived = next(each["id"] for each in await titled(editor, title) if each["title"].endswith(" 1"))
    await editor.post(f"/projects/{archived}/archivals")
    await go_to_the_end(journal, pool)
    shown = (await editor.get(f"/projects/imports/{begun.body['id']}")).body
    assert (shown["done"], shown["failed"]) == (1, 1)
    (line,) = (await editor.get(f"/projects/imports/{begun.body['id']}/lines")).body["items"]
    assert (line["row"], line["code"]) == (3, "project_archived")


async def test_what_somebody_wrote_meanwhile_is_not_written_over(editor: Client, journal: Journal, pool: Pool) -> None:
    title = new_title()
    await imported(editor, journal, pool, table(title))
    begun = await send(editor, table(title, 2, "Anders."), mode="good_rows")
    edited = next(each["id"] for each in await titled(editor, title) if each["title"].endswith(" 1"))
    page = (await editor.get(f"/projects/{edited}")).body
    said = {"title": page["title"], "summary": page["summary"], "description": "Von Hand."}
    assert (await editor.put(f"/projects/{edited}", said, version=page["version"])).status == 200
    await go_to_the_end(journal, pool)
    shown = (await editor.get(f"/projects/imports/{begun.body['id']}")).body
    assert (shown["done"], shown["failed"]) == (1, 1)
    (line,) = (await editor.get(f"/projects/imports/{begun.body['id']}/lines")).body["items"]
    assert (line["row"], line["code"]) == (3, "changed_meanwhile")
    assert (await editor.get(f"/projects/{edited}")).body["description"] == "Von Hand."


async def test_the_same_file_twice_at_once_is_done_twice_and_makes_nothing_twice(
    editor: Client, journal: Journal, pool: Pool
) -> None:
    title = new_title()
    both = [await send(editor, table(title), mode="all_or_none", status="published") for _ in range(2)]
    await go_to_the_end(journal, pool)
    shown = [(await editor.get(f"/projects/imports/{reply.body['id']}")).body for reply in both]
    assert [(each["new"], each["done"], each["failed"]) for each in shown] == [(2, 2, 0), (2, 2, 0)]
    assert len(await titled(editor, title, "published")) == 2


async def test_what_a_request_left_behind_is_not_done_by_another_with_its_key(
    editor: Client, journal: Journal, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies when the rows lie ready and the import is not begun; the client sends a mended file."""
    title, key = new_title(), uuid4().hex

    async def die(*_: object, **__: object) -> None:
        raise Unavailable

    with monkeypatch.context() as broken:
        broken.setattr(journal, "transact", die)
        assert (await send(editor, table(title, 3), key=key, mode="good_rows")).status == 503
    begun = await send(editor, table(title, 1), key=key, mode="good_rows")
    assert begun.status == 202
    await go_to_the_end(journal, pool)
    assert len(await titled(editor, title)) == 1


async def test_what_nobody_needs_any_more_goes(editor: Client, pool: Pool) -> None:
    dry = await send(editor, file_of(("Titel", "Themen"), ("A", "nichts")), mode="dry_run")
    await pool.execute(
        "UPDATE import_line SET kept_since = now() - interval '91 days' WHERE import_id = $1", dry.body["id"]
    )
    tidy = Tidy()
    await tidy(None, pool, Clock().now())  # type: ignore[arg-type]
    assert (await editor.get(f"/projects/imports/{dry.body['id']}/lines")).body["total"] == 0


def bomb() -> bytes:
    """A workbook that says it has one cell, at the far end of the sheet."""
    kept = io.BytesIO()
    book = openpyxl.Workbook()
    book.save(kept)
    out = io.BytesIO()
    with zipfile.ZipFile(kept) as before, zipfile.ZipFile(out, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            if name == "xl/worksheets/sheet1.xml":
                cells = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
                content = re.sub(
                    rb"<sheetData\s*/>|<sheetData></sheetData>", f"<sheetData>{cells}</sheetData>".encode(), content
                )
                assert b"XFD1048576" in content
            after.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "kind", "code", "said"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "text/csv", "table_unreadable", "keine lesbare CSV- oder XLSX-Datei"),
        (bomb(), XLSX, "table_unreadable", "weit rechts oder unten noch eine einzelne Zelle"),
        (file_of(("Kurzfassung",), ("x",)), "text/csv", "column_missing", "„Titel“"),
        (file_of(("Titel", "Titel"), ("x", "y")), "text/csv", "column_twice", "„Titel“"),
        (file_of(("Titel",), *[(f"T{n}",) for n in range(12_001)]), "text/csv", "table_too_long", "12001"),
        (b"{}", "application/json", "unsupported_media_type", "text/csv"),
    ],
)
async def test_a_file_that_is_no_table_is_a_clear_answer(
    editor: Client, content: bytes, kind: str, code: str, said: str
) -> None:
    reply = await send(editor, content, kind, mode="good_rows")
    assert reply.code == code
    assert reply.status in (415, 422)
    assert said in reply.body["detail"]


async def test_only_editors_import(reader: Client) -> None:
    assert (await send(reader, table("A"), mode="dry_run")).status == 401
    assert (await reader.get("/projects/imports")).status == 401


async def test_imports_are_listed_newest_first(editor: Client) -> None:
    sent = [(await send(editor, table(new_title()), mode="dry_run", filename=f"{n}.csv")).body["id"] for n in range(2)]
    first = (await editor.get("/projects/imports", limit=1)).body
    then = (await editor.get("/projects/imports", limit=1, cursor=first["next"])).body
    assert [first["items"][0]["id"], then["items"][0]["id"]] == sent[::-1]
    assert first["items"][0]["file"]["name"] == "1.csv"


RICH = {
    "short_title": "=1+1",
    "description": "Erste Zeile\nZweite; Zeile",
    "keywords": ["a;b", "c|d"],
    "legal_form": "informal",
    "stage": "operating",
    "start": "2024-05",
    "goals": ["Erstens", "Zweitens"],
    "effects": [{"kind": "cost_saving", "value": 18, "unit": "percent", "source": "Haushalt | 2024"}],
    "milestones": [{"text": "Beschluss", "on": "2024-05-27", "reached": True}],
    "reuse": {"text": "Gern", "possible": True},
    "funding": [{"programme": "IKZ", "amount_eur": 12000, "approved_on": "2024-01-31"}],
    "contacts": [{"organisation_name": "Hauptamt", "function": "Leitung"}],
    "participations": [
        {"ags": "05711000", "role": "lead", "task": "rechnet ab"},
        {"ags": "05711"},
        {"ags": "05374040"},
    ],
}


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
async def test_what_is_exported_is_taken_back_unchanged(editor: Client, ending: str) -> None:
    title = new_title()
    await editor.publish(title=title, **RICH)
    content = await export(editor, ending, q=word_of(title))
    dry = await send(editor, content, "text/csv" if ending == "csv" else XLSX, mode="dry_run")
    assert (dry.status, dry.body["total"], dry.body["unchanged"]) == (200, 1, 1), dry.body
    everything = await send(
        editor, await export(editor, ending), "text/csv" if ending == "csv" else XLSX, mode="dry_run"
    )
    assert everything.body["total"] == everything.body["unchanged"] > 10, everything.body["lines"]
    assert everything.body["file"]["ignored_columns"] == []


async def test_a_table_is_safe_to_open(editor: Client) -> None:
    title = new_title()
    project_id = await editor.publish(title=title, **RICH)
    word = word_of(title)
    text = (await export(editor, "csv", q=word)).decode()
    assert text.startswith("\ufeff")
    head, row = csv.reader(io.StringIO(text[1:]), delimiter=";")
    assert head == list(HEADINGS)
    cells = dict(zip(head, row, strict=True))
    assert (cells["Projekt-ID"], cells["Kurztitel"], cells["Status"]) == (project_id, "'=1+1", "Veröffentlicht")
    assert cells["Federführend"] == "Bielefeld (05711000): rechnet ab"
    assert not (await export(editor, "csv", q=word, bom="false")).startswith(b"\xef\xbb\xbf")
    sheet = openpyxl.load_workbook(io.BytesIO(await export(editor, "xlsx", q=word))).active
    assert sheet is not None
    assert (sheet["C2"].value, sheet["C2"].data_type) == ("=1+1", "s")


async def test_a_list_is_exported_as_it_is_narrowed_and_sorted(editor: Client, reader: Client) -> None:
    word = uuid4().hex[:8]
    for letter in "CAB":
        await editor.publish(title=f"{letter} {word}")
    await editor.draft(title=f"D {word}")
    exported = Exported.model_validate_json(await export(reader, "json", q=word, sort="title"))
    assert [each.title[0] for each in exported.items] == ["A", "B", "C"]
    assert exported.items[0].participations[0].name
    assert exported.items[0].topic_labels["works_depot"]
    assert (await reader.get("/projects/export.csv", status="drafted")).status == 401
    drafts = json.loads(await export(editor, "json", q=word, status="drafted"))
    assert [each["title"][0] for each in drafts["items"]] == ["D"]
    assert (await reader.get("/projects/export.csv", nonsense="1")).code == "invalid_query"


async def test_nothing_is_lost_and_nothing_comes_twice_while_projects_change(
    editor: Client, live: Live, pool: Pool
) -> None:
    word = uuid4().hex[:8]
    ids = [await editor.publish(title=f"{letter} {word}") for letter in "BCDEFG"]
    ordered = search.ids(live, ProjectFilter(q=word), "title", batch=2)
    parts = export_tables.csv(pool, ordered, Site(), bom=False)
    text = await anext(parts) + await anext(parts)
    await editor.publish(title=f"A {word}")
    await editor.post(f"/projects/{ids[5]}/archivals")
    for key, letter in ((ids[0], "Z"), (ids[3], "A")):
        page = (await editor.get(f"/projects/{key}")).body
        said = {name: page[name] for name in ("summary", "topics")} | {"title": f"{letter} {word}"}
        said["participations"] = [{"ags": each["ags"]} for each in page["participations"]]
        assert (await editor.post(f"/projects/{key}/revisions", said)).status == 200
    text += b"".join([part async for part in parts])
    _, *rows = csv.reader(io.StringIO(text.decode()), delimiter=";")
    assert [row[0] for row in rows] == ids


async def test_a_list_that_is_too_long_for_a_workbook_is_a_problem_before_anything_is_sent(
    editor: Client, reader: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    word = uuid4().hex[:8]
    for letter in "AB":
        await editor.publish(title=f"{letter} {word}")
    monkeypatch.setattr(export_tables, "MOST_ROWS", 1)
    refused = await reader.get("/projects/export.xlsx", q=word)
    assert (refused.status, refused.code) == (422, "too_many_rows")
    assert len((await export(reader, "csv", q=word)).splitlines()) == 3


async def test_whoever_reads_nothing_holds_nothing(editor: Client, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    title = new_title()
    project_id = await editor.publish(title=title)
    await pool.execute("UPDATE project_page SET cells_before = repeat('x', 20000000) WHERE id = $1::uuid", project_id)
    monkeypatch.setattr(sending, "PATIENCE", 0.3)
    signed = {HEADER: editor.signer.sign(editor.identity, "catalog")}
    address = "/api/v1/projects/export.csv"
    with structlog.testing.capture_logs() as logs:
        async with editor.session.get(address, params={"q": word_of(title)}, headers=signed) as answer:
            assert answer.status == 200
            assert pool.get_idle_size() == pool.get_size()
            async with asyncio.timeout(20):
                while "answer_not_taken" not in [entry["event"] for entry in logs]:
                    await asyncio.sleep(0.05)
            with pytest.raises(ClientError):
                await answer.read()
    await pool.execute("UPDATE project_page SET cells_before = NULL WHERE id = $1::uuid", project_id)


@pytest.mark.parametrize("ending", ["csv", "jsonld"])
async def test_a_list_that_cannot_be_read_is_a_problem_and_not_half_a_file(
    reader: Client, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    def no_answer(*_: object) -> None:
        raise RuntimeError("the index is broken")

    monkeypatch.setattr(search, "ask", no_answer)
    reply = await reader.get(f"/projects/export.{ending}")
    assert (reply.status, reply.code) == (500, "internal")


async def test_places_are_features(editor: Client, reader: Client) -> None:
    word = uuid4().hex[:8]
    await editor.publish(title=f"Ort {word}")
    await editor.publish(title=f"Kreis {word}", participations=[{"ags": "05766"}, {"ags": "05770"}])
    found = json.loads(await export(reader, "geojson", q=word, sort="title"))
    district, town = found["features"]
    assert found["type"] == "FeatureCollection"
    assert (district["geometry"], town["geometry"]["type"]) == (None, "MultiPoint")
    for longitude, latitude in town["geometry"]["coordinates"]:
        assert 5.8 < longitude < 9.5
        assert 50.3 < latitude < 52.6


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
async def test_both_forms_of_the_catalogue_say_the_same(editor: Client, reader: Client) -> None:
    word = uuid4().hex[:8]
    await editor.publish(title=f'Zitat "{word}"\\', description="Zwei\nZeilen", start="2024-05")
    turtle = Graph().parse(data=await export(reader, "ttl", q=word), format="turtle")
    linked = Graph().parse(data=(await export(reader, "jsonld", q=word)).replace(b".jsonld", b".ttl"), format="json-ld")
    assert len(turtle) > 80
    assert isomorphic(turtle, linked)


async def test_a_feed_has_pages(editor: Client, reader: Client) -> None:
    word = uuid4().hex[:8]
    ids = [await editor.publish(title=f"{letter} {word}") for letter in "AB"]
    first = fromstring(await export(reader, "atom", q=word, sort="title", limit=1))
    links = {
        link.get("rel"): link.get("href") or "" for link in first.iter(f"{ATOM}link") if link.get("rel") != "alternate"
    }
    cursor = links["next"].partition("cursor=")[2]
    then = fromstring(await export(reader, "atom", q=word, sort="title", limit=1, cursor=cursor))
    entries = [feed.findtext(f"{ATOM}entry/{ATOM}id") for feed in (first, then)]
    assert entries == [f"urn:uuid:{key}" for key in ids]
    assert first.findtext(f"{ATOM}id") == then.findtext(f"{ATOM}id")
    assert first.findtext(f"{ATOM}author/{ATOM}name")
    assert first.findtext(f"{ATOM}updated") == first.findtext(f"{ATOM}entry/{ATOM}updated")


async def test_what_has_not_changed_is_not_sent_again(editor: Client, reader: Client) -> None:
    first = await reader.call("GET", "/projects/export.csv")
    etag = first.headers["ETag"]
    assert (await reader.call("GET", "/projects/export.csv", headers={"If-None-Match": etag})).status == 304
    head = await reader.call("HEAD", "/projects/export.csv")
    assert (head.status, head.headers["ETag"]) == (200, etag)
    assert head.headers["Content-Disposition"].endswith('.csv"')
    await editor.publish()
    assert (await reader.call("GET", "/projects/export.csv", headers={"If-None-Match": etag})).status == 200


async def test_rows_from_before_there_were_cells_are_exported_the_same(
    editor: Client, reader: Client, pool: Pool
) -> None:
    title = new_title()
    await editor.publish(title=title, **RICH)
    before = await export(reader, "csv", q=word_of(title))
    await pool.execute(
        "UPDATE project_page SET cells_before = NULL, cells_after = NULL, topics = NULL, partners = NULL"
    )
    assert await export(reader, "csv", q=word_of(title)) == before
