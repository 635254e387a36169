"""Materials over HTTP: from the upload to the download that is resumed, and all that can go wrong on the way."""

import asyncio
import base64
import datetime as dt
import hashlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from services.events import material_list
from shared.kernel import spooling, unwanted_files
from shared.kernel.bus import Bus
from shared.kernel.file_kinds import OFFICE
from shared.kernel.files import CHUNK, Files
from shared.kernel.identity import ANONYMOUS, HEADER, Identity
from shared.kernel.rebuild import rebuild
from shared.kernel.streams import bootstrap_streams
from tests.conftest import Servers
from tests.integration.events.conftest import EDITOR, Events, Reply

PDF, PNG, PPTX = "application/pdf", "image/png", f"{OFFICE}presentationml.presentation"
PICTURE = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(40)
PROGRAMME = [{"title": "Gemeinsam planen"}, {"title": "Aus der Praxis"}]


def paper(size: int = 100) -> bytes:
    """Another PDF each time."""
    return b"%PDF-1.7\n%" + uuid4().bytes * (size // 16)


def digest(content: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


@pytest.fixture(scope="module")
async def files(servers: Servers, bus: Bus) -> Files:
    await bootstrap_streams(servers.nats.url("operator"))
    return Files(bus, "events")


@pytest.fixture
async def session_id(events: Events, files: Files) -> str:
    session_id = await events.draft(agenda=PROGRAMME)
    await events.done("POST", f"/api/v1/sessions/{session_id}/announcements")
    return session_id


async def upload(events: Events, session_id: str, content: bytes = b"", **more: Any) -> Reply:
    headers = {name: more.pop(name) for name in ("Content_Digest", "Idempotency_Key") if name in more}
    media_type, who = more.pop("media_type", PDF), more.pop("who", EDITOR)
    query = {"filename": "Folien.pdf", "kind": "slides", "title": "Folien"} | more
    query = {name: value for name, value in query.items() if value is not None}
    path = f"/api/v1/sessions/{session_id}/materials?{urlencode(query)}"
    return await events.ask("POST", path, content or paper(), who=who, Content_Type=media_type, **headers)


async def drafted(events: Events, session_id: str, content: bytes = b"", **more: Any) -> str:
    reply = await upload(events, session_id, content, **more)
    assert reply.status == 201, reply
    assert reply.headers["Location"] == f"/api/v1/materials/{reply.body['id']}"
    return str(reply.body["id"])


async def release(events: Events, session_id: str, *ids: str, **headers: str) -> Reply:
    path = f"/api/v1/sessions/{session_id}/material-releases"
    return await events.edit("POST", path, {"material_ids": ids} if ids else None, **headers)


async def released(events: Events, session_id: str, content: bytes = b"", **more: Any) -> str:
    material_id = await drafted(events, session_id, content, **more)
    assert (await release(events, session_id, material_id)).status == 201
    return material_id


async def listed(events: Events, session_id: str, who: Identity = ANONYMOUS) -> dict[str, dict[str, Any]]:
    found = await events.get(f"/api/v1/sessions/{session_id}/materials", who)
    assert found["next"] is None
    assert found["total"] == len(found["items"])
    return {each["id"]: each for each in found["items"]}


def file(material_id: str) -> str:
    return f"/api/v1/materials/{material_id}/file"


async def test_from_a_draft_to_a_download(events: Events, session_id: str) -> None:
    content = paper(3 * CHUNK)
    material_id = await drafted(events, session_id, content, filename="../../Über Öl.txt", talk=2)
    assert await listed(events, session_id) == {}
    for address in (file(material_id), f"/api/v1/materials/{material_id}"):
        assert (await events.ask("GET", address)).code == "404 not_found"
    draft = (await listed(events, session_id, EDITOR))[material_id]
    assert (draft["status"], draft["talk"]["title"], draft["downloads"]) == ("draft", "Aus der Praxis", 0)
    assert (await events.ask("GET", file(material_id), who=EDITOR)).body == content
    await release(events, session_id)
    shown = (await listed(events, session_id))[material_id]
    assert (shown["status"], shown["downloads"], shown["href"]) == ("released", None, file(material_id))
    assert (shown["file"]["name"], shown["file"]["size"]) == ("Über Öl.pdf", len(content))
    assert await events.get(f"/api/v1/materials/{material_id}") == shown
    got = await events.ask("GET", file(material_id))
    assert (got.status, got.body) == (200, content)
    assert got.headers["Content-Type"] == PDF
    assert got.headers["Content-Digest"] == got.headers["Repr-Digest"] == digest(content)
    assert got.headers["Content-Disposition"].startswith('inline; filename="Ueber Oel.pdf"')
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert (await listed(events, session_id, EDITOR))[material_id]["downloads"] == 1, "an editor's look was none"


async def test_a_talk_has_its_slides_as_soon_as_they_are_released(events: Events, session_id: str) -> None:
    path = f"/api/v1/sessions/{session_id}"
    material_id = await drafted(events, session_id, talk=1)
    await drafted(events, session_id, kind="handout", talk=2)
    assert [talk["file"] for talk in (await events.get(path))["agenda"]["planned"]] == [None, None]
    await release(events, session_id)
    planned = (await events.get(path))["agenda"]["planned"]
    assert [(talk["file"], talk["slides"]) for talk in planned] == [(file(material_id), "published"), (None, None)]
    events.clock.forward(days=60)
    await events.done("POST", f"{path}/documentations", {"talks": [{"title": "Nachtrag"}, PROGRAMME[0]]})
    held = (await events.get(f"{path}/agenda"))["held"]
    assert [talk["file"] for talk in held] == [None, file(material_id)]
    assert [talk["file_label"] for talk in held] == ["Keine Datei veröffentlicht", None]


async def test_a_release_is_told_once_with_all_its_files(events: Events, session_id: str) -> None:
    ids = [await drafted(events, session_id, title=f"Teil {n}", position=9 - n) for n in range(3)]
    replies = await asyncio.gather(*(release(events, session_id, *ids[:2], Idempotency_Key="r1") for _ in range(4)))
    assert {(reply.status, reply.body["id"]) for reply in replies} == {(201, replies[0].body["id"])}
    assert (await release(events, session_id)).status == 201
    assert (await release(events, session_id)).code == "409 nothing_to_release"
    rows = await events.pool.fetch(
        "SELECT aggregate, aggregate_version, data FROM journal WHERE stream = $1 AND aggregate IS NOT NULL ORDER BY 1",
        f"material-{session_id}",
    )
    told = {row["aggregate"]: [item["title"] for item in json.loads(row["data"])["items"]] for row in rows}
    assert sorted(told.values()) == [["Teil 1", "Teil 0"], ["Teil 2"]]
    assert f"material/{replies[0].body['id']}" in told
    assert [row["aggregate_version"] for row in rows] == [1, 1]


async def test_a_draft_deleted_while_it_is_released_is_one_or_the_other(events: Events, session_id: str) -> None:
    for _ in range(3):
        material_id = await drafted(events, session_id)
        path = f"/api/v1/sessions/{session_id}/materials/{material_id}"
        gone, seen = await asyncio.gather(events.edit("DELETE", path), release(events, session_id, material_id))
        assert (gone.code, seen.code) in [("200", "409 unknown_material"), ("409 material_released", "201")]
        assert (material_id in await listed(events, session_id)) == (seen.status == 201)


async def test_nothing_is_released_of_a_session_that_is_a_draft(events: Events, files: Files) -> None:
    session_id = await events.draft()
    await drafted(events, session_id)
    assert (await release(events, session_id)).code == "409 session_not_announced"
    assert (await events.ask("GET", f"/api/v1/sessions/{session_id}/materials")).code == "404 not_found"


async def test_the_address_stays_when_file_title_and_date_change(events: Events, session_id: str) -> None:
    first, second = paper(), paper()
    material_id = await released(events, session_id, first)
    path = f"/api/v1/sessions/{session_id}/materials/{material_id}"
    tag = (await events.ask("GET", file(material_id))).headers["ETag"]
    replaced = await events.edit("POST", f"{path}/files?filename=neu.pdf", second, Content_Type=PDF)
    assert replaced.status == 200, replaced
    assert (await events.edit("PUT", path, {"kind": "slides", "title": "Neu"})).code == "428 precondition_required"
    stale = await events.edit("PUT", path, {"kind": "slides", "title": "Neu"}, If_Match='"1"')
    assert stale.code == "412 stale_version"
    shown = await events.ask("GET", f"/api/v1/materials/{material_id}", who=EDITOR)
    await events.done("PUT", path, {"kind": "slides", "title": "Neu"}, If_Match=shown.headers["ETag"])
    await events.done(
        "POST", f"/api/v1/sessions/{session_id}/postponements", {"starts_at": None, "reason": "Krankheit"}
    )
    got = await events.ask("GET", file(material_id), If_None_Match=tag)
    assert (got.status, got.body, got.headers["Cache-Control"]) == (200, second, "private, no-cache")
    assert (await events.ask("GET", file(material_id), If_None_Match=got.headers["ETag"])).status == 304
    old = await events.ask("GET", f"{file(material_id)}?version=1")
    assert (old.body, old.headers["Cache-Control"]) == (first, "private, max-age=31536000, immutable")
    assert (await events.ask("GET", f"{file(material_id)}?version=3")).code == "404 not_found"
    assert [
        (each["version"], each["name"]) for each in (await listed(events, session_id))[material_id]["versions"]
    ] == [
        (2, "neu.pdf"),
        (1, "Folien.pdf"),
    ]


async def test_what_is_taken_back_says_so_and_its_bytes_go(events: Events, session_id: str, files: Files) -> None:
    content = paper()
    material_id = await released(events, session_id, content, talk=1)
    path = f"/api/v1/sessions/{session_id}/materials/{material_id}"
    await events.done("POST", f"{path}/withdrawals", {"reason": "Die Rechte am Bild auf Folie 3 fehlen."})
    for address in (file(material_id), f"{file(material_id)}?version=1", f"/api/v1/materials/{material_id}"):
        gone = await events.ask("GET", address)
        assert gone.code == "410 material_gone"
        assert "Grund: Die Rechte am Bild auf Folie 3 fehlen." in gone.body["detail"]
    assert await listed(events, session_id) == {}
    planned = (await events.get(f"/api/v1/sessions/{session_id}"))["agenda"]["planned"]
    assert planned[0]["file"] is None
    kept = (await listed(events, session_id, EDITOR))[material_id]
    assert (kept["status"], kept["file"], kept["withdrawn_for"][:11]) == ("withdrawn", None, "Die Rechte ")
    for hours in (0, 25):
        at = events.clock.now() + dt.timedelta(hours=hours)
        await unwanted_files.sweep(files, events.pool, at, (material_list.in_use,))
    assert hashlib.sha256(content).hexdigest() not in await files.known()
    await events.edit("POST", f"{path}/files?filename=neu.pdf", paper(), Content_Type=PDF)
    assert (await events.ask("GET", file(material_id))).code == "404 not_found"
    await release(events, session_id)
    assert (await events.ask("GET", file(material_id))).status == 200


class TestResuming:
    @pytest.fixture
    async def long(self, events: Events, session_id: str) -> tuple[str, bytes]:
        content = paper(3 * CHUNK + 500)
        return await released(events, session_id, content), content

    @pytest.mark.parametrize(
        ("asked", "start", "end"),
        [
            ("bytes=0-", 0, None),
            ("bytes=5-9", 5, 10),
            (f"bytes={CHUNK - 1}-{CHUNK}", CHUNK - 1, CHUNK + 1),
            (f"bytes={2 * CHUNK}-", 2 * CHUNK, None),
            ("bytes=-7", -7, None),
            ("bytes=0-999999999", 0, None),
        ],
    )
    async def test_a_part(
        self, events: Events, long: tuple[str, bytes], asked: str, start: int, end: int | None
    ) -> None:
        material_id, content = long
        got = await events.ask("GET", file(material_id), Range=asked)
        wanted, begin = content[start:end], start % len(content)
        assert (got.status, got.body == wanted) == (206, True)
        assert got.headers["Content-Range"] == f"bytes {begin}-{begin + len(wanted) - 1}/{len(content)}"
        assert got.headers["Repr-Digest"] == digest(content)
        assert "Content-Digest" not in got.headers

    @pytest.mark.parametrize("asked", ["bytes=1-0", "bytes=-", "bytes=0-1,5-9", "lines=1-2", "bytes=a-b", "bytes 1-2"])
    async def test_what_is_no_range_is_the_whole(self, events: Events, long: tuple[str, bytes], asked: str) -> None:
        got = await events.ask("GET", file(long[0]), Range=asked)
        assert (got.status, got.body == long[1], got.headers["Accept-Ranges"]) == (200, True, "bytes")

    async def test_behind_the_end(self, events: Events, long: tuple[str, bytes]) -> None:
        for asked in (f"bytes={len(long[1])}-", "bytes=-0"):
            got = await events.ask("GET", file(long[0]), Range=asked)
            assert (got.status, got.headers["Content-Range"]) == (416, f"bytes */{len(long[1])}")

    async def test_only_of_the_same_file(self, events: Events, session_id: str, long: tuple[str, bytes]) -> None:
        material_id, content = long
        tag = (await events.ask("HEAD", file(material_id))).headers["ETag"]
        part = await events.ask("GET", file(material_id), Range="bytes=9-", If_Range=tag)
        assert (part.status, part.body == content[9:]) == (206, True)
        path = f"/api/v1/sessions/{session_id}/materials/{material_id}/files?filename=neu.pdf"
        other = paper()
        await events.edit("POST", path, other, Content_Type=PDF)
        for condition in (tag, f"W/{tag}", "Wed, 21 Oct 2015 07:28:00 GMT"):
            got = await events.ask("GET", file(material_id), Range="bytes=9-", If_Range=condition)
            assert (got.status, got.body) == (200, other)

    async def test_several_clients_at_once_and_each_download_counts_once(
        self, events: Events, session_id: str, long: tuple[str, bytes]
    ) -> None:
        material_id, content = long
        cuts = [(0, CHUNK), (CHUNK, 2 * CHUNK + 7), (2 * CHUNK + 7, len(content))]

        async def resumed() -> bytes:
            parts = [
                await events.ask("GET", file(material_id), Range=f"bytes={start}-{end - 1}") for start, end in cuts
            ]
            return b"".join(part.body for part in parts)

        assert await asyncio.gather(*(resumed() for _ in range(4))) == [content] * 4
        await events.ask("GET", file(material_id), Range="bytes=0-1")
        await events.ask("HEAD", file(material_id))
        await events.ask("GET", file(material_id), If_None_Match=f'"{hashlib.sha256(content).hexdigest()}"')
        told = await events.get(f"/api/v1/sessions/{session_id}/materials/downloads", EDITOR)
        assert told["total"] == 4
        assert told["versions"] == [{"material_id": material_id, "version": 1, "count": 4}]
        assert told["days"][0]["day"] == "2025-07-01"
        assert (await events.ask("GET", f"/api/v1/sessions/{session_id}/materials/downloads")).status == 401


ONE_PHOTO: dict[str, Any] = {"kind": "photo", "filename": "Podium.png", "media_type": PNG, "content": PICTURE}


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"content": b"<html><script>alert(1)</script></html>"}, "415 file_type_not_allowed"),
        ({"content": b"<svg onload='alert(1)'/>", "media_type": "image/svg+xml"}, "415 unsupported_media_type"),
        ({"content": b"<svg onload='alert(1)'/>", "media_type": PNG}, "415 file_type_not_allowed"),
        ({"media_type": PPTX}, "415 file_type_mismatch"),
        ({"content": b"PK\x03\x04" + bytes(500), "media_type": PPTX}, "422 file_unreadable"),
        ({"filename": "a" * 301}, "422 invalid_query"),
        ({"title": ""}, "422 invalid_query"),
        ({"title": "a\u202eb"}, "422 invalid_query"),
        ({"kind": "malware"}, "422 invalid_query"),
        ({"talk": 3}, "409 unknown_talk"),
        ({"talk_id": str(uuid4())}, "409 unknown_talk"),
        ({"kind": "photo"}, "409 photo_needs_alt"),
        (ONE_PHOTO | {"alt": "Podium"}, "409 photo_needs_credit"),
        ({"kind": "photo", "alt": "Podium", "credit": "Stadt"}, "409 photo_is_no_image"),
        ({"Content_Digest": digest(b"anderes")}, "422 digest_mismatch"),
        ({"Content_Digest": "sha-256=:nonsense:"}, "400 bad_request"),
        ({"who": ANONYMOUS}, "401 unauthenticated"),
        ({"who": Identity(None, frozenset({"reader"}), None, "token:reader")}, "403 forbidden"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_bad_uploads_are_refused_and_leave_nothing(
    events: Events, session_id: str, files: Files, sent: dict[str, Any], code: str
) -> None:
    before = await files.known()
    reply = await upload(events, session_id, **sent)
    assert reply.code == code
    assert await listed(events, session_id, EDITOR) == {}
    assert await files.known() == before


async def test_an_empty_file_and_one_that_is_too_long(
    events: Events, session_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/api/v1/sessions/{session_id}/materials?filename=a.pdf&kind=other&title=a"
    assert (await events.edit("POST", path, b"", Content_Type=PDF)).code == "422 file_empty"
    too_long = {"Content-Length": str(2**40), "Content-Type": PDF, HEADER: events.signer.sign(EDITOR, "events")}
    assert (await raw(events, path, too_long, b"%PDF"))[0] == 413
    monkeypatch.setattr(spooling, "_taken", spooling.AT_ONCE)
    busy = await events.edit("POST", path, paper(), Content_Type=PDF)
    assert (busy.code, busy.headers["Retry-After"]) == ("503 too_many_uploads", "1")


async def test_an_upload_that_breaks_off_leaves_nothing(events: Events, session_id: str, files: Files) -> None:
    before = await files.known()
    path = f"/api/v1/sessions/{session_id}/materials?filename=a.pdf&kind=other&title=a"
    headers = {"Content-Length": "1000", "Content-Type": PDF, HEADER: events.signer.sign(EDITOR, "events")}
    assert (await raw(events, path, headers, paper()[:100], hang_up=True))[0] is None
    assert spooling._taken == 0
    assert await listed(events, session_id, EDITOR) == {}
    assert await files.known() == before


async def raw(
    events: Events, path: str, headers: dict[str, str], body: bytes, *, hang_up: bool = False
) -> tuple[int | None, bytes]:
    """A request as it is written, whatever it says of itself."""
    host, port = events.base.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode() + body)
    await writer.drain()
    if hang_up:
        writer.write_eof()
    answer = await asyncio.wait_for(reader.read(20_000), 10)
    writer.close()
    return (int(answer.split()[1]) if answer.startswith(b"HTTP") and not hang_up else None), answer


async def test_the_same_upload_at_once_is_one_material(events: Events, session_id: str) -> None:
    content = paper(2 * CHUNK)
    stated = {"Idempotency_Key": "twice", "Content_Digest": digest(content)}
    replies = await asyncio.gather(*(upload(events, session_id, content, **stated) for _ in range(3)))
    assert {(reply.status, reply.body["id"]) for reply in replies} == {(201, replies[0].body["id"])}
    assert len(await listed(events, session_id, EDITOR)) == 1
    other = await upload(events, session_id, paper(), Idempotency_Key="twice")
    assert other.code == "422 idempotency_key_reused"


async def test_an_upload_sent_again_answers_the_same_whatever_became_of_it(events: Events, session_id: str) -> None:
    content, other = paper(), paper()
    first = await upload(events, session_id, content, talk=2, Idempotency_Key="again")
    material_id = first.body["id"]
    files = f"/api/v1/sessions/{session_id}/materials/{material_id}/files?filename=neu.pdf"
    second = await events.edit("POST", files, other, Content_Type=PDF, Idempotency_Key="again, too")
    assert (await events.revise(session_id, agenda=[])).status == 200
    await events.done("DELETE", f"/api/v1/sessions/{session_id}/materials/{material_id}")
    again = await upload(events, session_id, content, talk=2, Idempotency_Key="again")
    assert (again.status, again.body) == (201, first.body)
    again = await events.edit("POST", files, other, Content_Type=PDF, Idempotency_Key="again, too")
    assert (again.status, again.body) == (200, second.body)
    assert (await upload(events, session_id, content, talk=2)).code == "409 unknown_talk"
    assert (await events.edit("POST", files, other, Content_Type=PDF, Idempotency_Key="new")).code == "404 not_found"


async def test_two_at_once_are_two(events: Events, session_id: str) -> None:
    one, two = await asyncio.gather(drafted(events, session_id), drafted(events, session_id, position=1))
    assert list(await listed(events, session_id, EDITOR)) == [two, one]


async def test_a_photo_is_shown_with_its_words(events: Events, session_id: str) -> None:
    material_id = await released(events, session_id, **ONE_PHOTO, alt="Drei Personen am Tisch", credit="Stadt Beispiel")
    shown = (await listed(events, session_id))[material_id]
    assert (shown["kind_label"], shown["alt"], shown["credit"]) == ("Foto", "Drei Personen am Tisch", "Stadt Beispiel")
    got = await events.ask("GET", file(material_id), Sec_Fetch_Dest="image")
    assert (await listed(events, session_id, EDITOR))[material_id]["downloads"] == 0, "a page showed it"
    assert got.headers["Content-Disposition"].startswith("inline;")
    assert got.headers["Content-Security-Policy"].endswith("; sandbox")


async def test_a_talk_that_the_programme_lost_stays_where_it_is_not_touched(events: Events, session_id: str) -> None:
    material_id = await drafted(events, session_id, talk=2)
    assert (await events.revise(session_id, agenda=PROGRAMME[:1])).status == 200
    shown = await events.ask("GET", f"/api/v1/materials/{material_id}", who=EDITOR)
    body = {"kind": "slides", "title": "Anders", "talk": shown.body["talk"]}
    path = f"/api/v1/sessions/{session_id}/materials/{material_id}"
    await events.done("PUT", path, body, If_Match=shown.headers["ETag"])
    changed = await events.edit("PUT", path, body | {"talk": {"title": "Gibt es nicht"}}, If_Match="*")
    assert (changed.code, changed.body["errors"][0]["field"]) == ("409 unknown_talk", "/talk")


@pytest.mark.parametrize("path", ["materials/{}", "materials/{}/file", "sessions/{}/materials"])
async def test_what_is_not_there(events: Events, path: str) -> None:
    for key in (str(uuid4()), "nichts"):
        assert (await events.ask("GET", f"/api/v1/{path.format(key)}", who=EDITOR)).code == "404 not_found"


async def test_the_read_model_built_anew_is_the_same(events: Events, session_id: str) -> None:
    keep, gone, back = [await drafted(events, session_id) for _ in range(3)]
    path = f"/api/v1/sessions/{session_id}/materials"
    await events.done("DELETE", f"{path}/{gone}")
    await release(events, session_id)
    await events.edit("POST", f"{path}/{keep}/files?filename=neu.pdf", paper(), Content_Type=PDF)
    await events.done("POST", f"{path}/{back}/withdrawals", {"reason": "weg"})
    before = await listed(events, session_id, EDITOR)
    rebuilt = await rebuild(events.dsn, events.journal, material_list.PROJECTION)
    assert rebuilt.different == ()
    assert rebuilt.events > 5
    assert await listed(events, session_id, EDITOR) == before
    assert set(before) == {keep, back}


@pytest.fixture(autouse=True)
def nothing_is_left(events: Events) -> Iterator[None]:
    yield
    assert spooling._taken in (0, spooling.AT_ONCE)
