"""Resources over HTTP: files in versions, their downloads counted without anybody being known, an end with a reason."""

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.catalog import resource_list
from services.catalog.resource_list import RESOURCES
from services.catalog.stored_files import IN_USE
from shared.kernel.files import Files
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.rebuild import rebuild
from shared.kernel.unwanted_files import sweep
from tests.conftest import Database
from tests.integration.catalog.conftest import Client, Reply

PDF = "application/pdf"
NOBODY = "0" * 64


def paper(text: str) -> bytes:
    return b"%PDF-1.4\n%" + text.encode() + b"\n%%EOF\n"


def body(**fields: Any) -> dict[str, Any]:
    return {
        "kind": "template",
        "title": f"Mustervereinbarung {uuid4().hex[:6]}",
        "summary": "Ein Muster für die öffentlich-rechtliche Vereinbarung.",
        **fields,
    }


async def upload(client: Client, content: bytes, name: str = "Muster.pdf", media_type: str = PDF) -> Reply:
    return await client.call(
        "POST", "/resources/files", params={"filename": name}, data=content, headers={"Content-Type": media_type}
    )


async def uploaded(editor: Client, text: str) -> dict[str, Any]:
    reply = await upload(editor, paper(text))
    assert reply.status == 201, reply.body
    return reply.body  # type: ignore[no-any-return]


async def publish(editor: Client, **fields: Any) -> str:
    reply = await editor.post("/resources", body(**fields))
    assert reply.status == 201, reply.body
    assert reply.headers["Location"] == f"/api/v1/resources/{reply.body['id']}"
    return f"/resources/{reply.body['id']}"


async def download(client: Client, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes, Any]:
    signed = {"Ikz-Identity": client.signer.sign(client.identity, "catalog")}
    async with client.session.request(method, f"/api/v1{path}", headers=signed | headers) as answer:
        return answer.status, await answer.read(), answer.headers


async def test_a_resource_is_published_with_a_file_and_revised_in_versions(editor: Client, reader: Client) -> None:
    first, second = await uploaded(editor, "erste"), await uploaded(editor, "zweite")
    assert first["sha256"] == hashlib.sha256(paper("erste")).hexdigest()
    path = await publish(editor, file=first, topics=["waste"])
    tag = (await editor.get(path)).headers["ETag"].strip('"')
    changed = body(title="Mustervereinbarung, neu gefasst", file=second)
    assert (await editor.put(path, changed)).code == "precondition_required"
    assert (await editor.put(path, changed, version=tag)).status == 200
    assert (await editor.put(path, changed, version=tag)).code == "stale_version"
    shown = (await reader.get(path)).body
    assert (shown["version"], shown["title"], shown["file_note"]) == (2, changed["title"], None)
    assert [(each["version"], each["file"]["size"]) for each in shown["versions"]] == [
        (2, len(paper("zweite"))),
        (1, len(paper("erste"))),
    ]
    assert shown["file"]["type_label"] == "PDF"
    for version, text in ((None, "zweite"), (1, "erste"), (2, "zweite")):
        query = f"?version={version}" if version else ""
        status, content, headers = await download(reader, f"{path}/file{query}")
        assert (status, content) == (200, paper(text))
        assert headers["Content-Disposition"].startswith("attachment; ")
    assert (await reader.get(f"{path}/file", version=3)).code == "not_found"
    assert (await reader.get(f"{path}/file", version=0)).code == "invalid_query"


async def test_publishing_may_be_sent_twice_and_at_once(editor: Client, reader: Client) -> None:
    wanted, key = body(file=await uploaded(editor, "doppelt")), str(uuid4())
    both = await asyncio.gather(*(editor.post("/resources", wanted, key) for _ in range(2)))
    assert [reply.status for reply in both] == [201, 201]
    assert both[0].body == both[1].body
    assert (await reader.get("/resources", q=wanted["title"].split()[-1])).body["total"] == 1
    path = f"/resources/{both[0].body['id']}"
    reason, key = {"reason": "Überholt."}, str(uuid4())
    ends = await asyncio.gather(*(editor.post(f"{path}/retirements", reason, key) for _ in range(2)))
    assert ends[0].body == ends[1].body
    assert (await editor.post(f"{path}/retirements", reason)).body["version"] == ends[0].body["version"]


async def test_whole_downloads_are_counted_and_nothing_else(editor: Client, reader: Client, pool: Pool) -> None:
    path = await publish(editor, file=await uploaded(editor, "gezählt"))
    file = f"{path}/file"
    _, _, headers = await download(reader, file)
    assert (await download(reader, file, "HEAD"))[:2] == (200, b"")
    assert (await download(reader, file, **{"If-None-Match": headers["ETag"]}))[0] == 304
    assert (await download(reader, file, Range="bytes=0-3"))[:2] == (200, paper("gezählt"))
    told = (await editor.get(f"{path}/downloads")).body
    assert (told["total"], told["versions"]) == (2, [{"version": 1, "count": 2}])
    assert sum(day["count"] for day in told["days"]) == 2
    assert (await editor.get(f"{path}/downloads", last="2020-01-01")).body["days"] == []
    assert (await reader.get(f"{path}/downloads")).code == "unauthenticated"
    assert (await editor.get(f"/resources/{uuid4()}/downloads")).code == "not_found"
    await asyncio.gather(*(download(reader, file) for _ in range(11)))
    shown = (await reader.get(path)).body["downloads"]
    assert shown == {"at_least": 10, "label": "mindestens 10-mal heruntergeladen"}
    columns = await pool.fetch(
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'resource_download'"
    )
    assert {row["column_name"] for row in columns} == {"resource_id", "version", "day", "count"}


async def test_a_retired_resource_leaves_the_list_and_stays_readable(editor: Client, reader: Client) -> None:
    wanted = body(file=await uploaded(editor, "alt"))
    path = await publish(editor, **wanted)
    word = wanted["title"].split()[-1]
    await editor.post(f"{path}/retirements", {"reason": "Durch die neue Richtlinie überholt."})
    assert (await reader.get("/resources", q=word)).body["total"] == 0
    assert (await reader.get("/resources", q=word, retired="true")).body["total"] == 1
    shown = (await reader.get(path)).body
    assert shown["retired"] == "Durch die neue Richtlinie überholt."
    assert (await download(reader, f"{path}/file"))[1] == paper("alt")
    tag = (await editor.get(path)).headers["ETag"].strip('"')
    assert (await editor.post(f"{path}/retirements", {"reason": "Anders."})).code == "resource_retired"
    assert (await editor.put(path, wanted, version=tag)).status == 200
    again = (await reader.get(path)).body
    assert (again["retired"], again["version"]) == (None, 2)


@pytest.mark.parametrize("q", ["Oeffentlich rechtliche", "öffentlich-rechtliche", "VEREINBARUNG muster", "offentlich"])
async def test_resources_are_found_in_any_german_spelling(editor: Client, reader: Client, q: str) -> None:
    path = await publish(editor)
    found = (await reader.get("/resources", q=q, limit=100)).body["items"]
    assert path.rpartition("/")[2] in {each["id"] for each in found}
    assert (await reader.get("/resources", q=f"{q} Raumfahrt")).body["total"] == 0
    assert (await reader.get("/resources", q="?!")).body["total"] == 0


async def test_bad_files_and_references_are_refused(editor: Client, reader: Client) -> None:
    good = await uploaded(editor, "gut")
    assert (await upload(reader, paper("x"))).code == "unauthenticated"
    assert (await upload(editor, b"<svg onload='x'/>", media_type="image/svg+xml")).code == "unsupported_media_type"
    assert (await upload(editor, b"<html>")).code == "file_type_not_allowed"
    assert (await upload(editor, b"")).code == "file_empty"
    tries: list[tuple[dict[str, Any], str, str | None]] = [
        ({"file": good | {"sha256": NOBODY}}, "unknown_file", "/file"),
        ({"file": good | {"sha256": "../secret"}}, "invalid_request", "/file/sha256"),
        ({"file": good | {"media_type": "text/html"}}, "unknown_file", "/file/media_type"),
        ({"file": good | {"media_type": "image/png"}}, "file_type_mismatch", None),
        ({"topics": ["astrology"]}, "unknown_topic", "/topics/0"),
        ({"link": "javascript:alert(1)"}, "invalid_request", "/link"),
        ({"title": "x" * 100_000}, "invalid_request", "/title"),
        ({"kind": "song"}, "invalid_request", "/kind"),
    ]
    for fields, code, field in tries:
        reply = await editor.post("/resources", body(**fields))
        assert reply.code == code, reply.body
        assert field is None or reply.body["errors"][0]["field"] == field
    assert (await reader.post("/resources", body())).code == "unauthenticated"
    assert (await editor.put(f"/resources/{uuid4()}", body(), version=1)).code == "not_found"
    assert (await editor.post(f"/resources/{uuid4()}/retirements", {"reason": "x"})).code == "not_found"


async def test_what_is_said_of_a_file_is_taken_from_its_content(editor: Client, reader: Client) -> None:
    good = await uploaded(editor, "wahr")
    path = await publish(editor, file=good | {"size": 1, "name": "..\\..\\Böse.exe"})
    file = (await reader.get(path)).body["file"]
    assert (file["size"], file["name"]) == (good["size"], "Böse.pdf")
    without = await publish(editor)
    assert (await reader.get(f"{without}/file")).code == "file_missing"


async def test_files_of_every_version_are_kept_and_what_nobody_named_is_deleted(
    editor: Client, reader: Client, pool: Pool, files: Files
) -> None:
    first, second, orphan = [await uploaded(editor, f"{each} {uuid4()}") for each in ("alt", "neu", "übrig")]
    wanted = body(file=first)
    path = await publish(editor, **wanted)
    await editor.put(path, wanted | {"file": second}, version=1)
    await editor.post(f"{path}/retirements", {"reason": "Ende"})
    for days in (2, 4):  # noticed, and deleted a day later
        await sweep(files, pool, datetime.now(UTC) + timedelta(days=days), IN_USE)
    for version in (1, 2):
        assert (await download(reader, f"{path}/file?version={version}"))[0] == 200
    assert (await editor.post("/resources", body(file=orphan))).code == "unknown_file"


async def test_files_in_use_are_known_and_the_rebuilt_read_model_is_the_live_one(
    editor: Client, pool: Pool, journal: Journal, database: Database
) -> None:
    first, second = await uploaded(editor, "eins"), await uploaded(editor, "zwei")
    path = await publish(editor, file=first)
    await editor.put(path, body(file=second), version=1)
    await editor.post(f"{path}/retirements", {"reason": "Ende"})
    digests = [first["sha256"], second["sha256"]]
    assert await resource_list.files_in_use(pool, [*digests, NOBODY]) == set(digests)
    assert (await rebuild(database.dsn("catalog"), journal, RESOURCES)).different == ()
