"""HTTP as every service speaks it, over a real socket: what gets in, what comes back, and what is never told."""

import asyncio
import gzip
import io
import json
import uuid
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import aiohttp
import asyncpg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from openapi_spec_validator import validate
from pydantic import BaseModel, Field
from structlog.testing import capture_logs
from yarl import URL

from shared.kernel import http as module
from shared.kernel.clock import Clock
from shared.kernel.codec import UnknownEvent
from shared.kernel.decider import NotThere, Refused
from shared.kernel.endpoint import Upload
from shared.kernel.health import Health
from shared.kernel.http import (
    Answer,
    Call,
    Committed,
    Endpoint,
    Page,
    Paging,
    Role,
    add_metrics,
    committed,
    make_app,
    page,
)
from shared.kernel.identity import ANONYMOUS, HEADER, Identity, Signer, Verifier, generate_keys
from shared.kernel.journal import PositionNotReached
from shared.kernel.problems import Problem
from shared.kernel.recorded import Conflict, IdempotencyKeyReused, Outcome, StaleVersion, Unavailable
from shared.kernel.vault import Erased

KEYS = generate_keys()
EDITOR = Identity("018f0000-0000-7000-8000-000000000001", frozenset({"reader", "editor"}), None, "session")
MEMBER = Identity("018f0000-0000-7000-8000-000000000002", frozenset({"reader", "member"}), None, "session")
PROJECT = "01a208f4-42bc-77c8-89b1-93b0aac683f3"
SECRET = "a-token-that-no-log-may-show"
LONGEST_FILE = 2 * module.MAX_BODY


class Draft(BaseModel):
    title: str = Field(max_length=10)
    seats: int = 0


class Desk:
    """Handlers that give back what they were called with."""

    FAULTS: ClassVar[dict[str, BaseException]] = {
        "refused": Refused("weekday_mismatch", weekday="Freitag"),
        "unknown": Refused("nobody_registered_this"),
        "not-there": NotThere(),
        "stale": StaleVersion(7),
        "reused": IdempotencyKeyReused(),
        "conflict": Conflict(),
        "unavailable": Unavailable(),
        "position": PositionNotReached(),
        "newer": UnknownEvent("account/Closed form 1"),
        "erased": Erased("018f"),
        "lost": asyncpg.ConnectionDoesNotExistError("gone"),
        "refused-connection": ConnectionRefusedError(),
        "slow": TimeoutError(),
        "too-big": asyncpg.NumericValueOutOfRangeError("integer out of range"),
        "bug": RuntimeError("the inside: postgresql://catalog:sesame@host/ikz"),
        "limit": Problem("too_many_requests", headers={"Retry-After": "17"}),
    }

    def __init__(self) -> None:
        self.cancelled = asyncio.Event()
        self.entered = asyncio.Event()

    async def draft(self, call: Call) -> Answer:
        context = call.context()
        outcome = Outcome(PROJECT, 1, 42, repeated=False)
        answer = committed(outcome, location=f"/api/v1/projects/{PROJECT}")
        seen = {
            "Seen-Command": str(context.command_id),
            "Seen-Fresh": str(context.fresh),
            "Seen-Actor": context.actor,
            "Seen-Print": (context.fingerprint or b"").hex(),
            "Seen-Trace": context.traceparent or "",
        }
        return Answer(answer.body, version=answer.version, headers={**answer.headers, **seen})

    async def revise(self, call: Call) -> Answer:
        return Answer({"id": call.path_id(), "expected": call.expected_version, "title": call.body.title})

    async def accept(self, call: Call) -> Answer:
        return Answer({"body": call.body})

    async def archive(self, _call: Call) -> Answer:
        return Answer(status=204)

    async def show(self, call: Call) -> Answer:
        return Answer({"id": call.path_id()}, version=3)

    async def list(self, call: Call) -> Answer:
        return page(Page(items=[{"id": PROJECT}], next="next-page", total=2), call)

    async def by_token(self, call: Call) -> Answer:
        return Answer({"known": call.request.match_info["token"] == SECRET})

    async def file(self, _call: Call) -> Answer:
        return Answer(b"a;b", headers={"Content-Type": "text/csv; charset=utf-8"})

    async def take(self, call: Call) -> Answer:
        return Answer({"length": len(call.raw)})

    async def fail(self, call: Call) -> Answer:
        raise self.FAULTS[call.request.match_info["how"]]

    async def wait(self, _call: Call) -> Answer:
        self.entered.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return Answer()

    async def stream(self, call: Call) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(call.request)
        await response.write(b"begun")
        raise RuntimeError("in the middle")


def endpoints(desk: Desk) -> list[Endpoint]:
    editors: frozenset[Role] = frozenset({"editor"})
    projects = "/api/v1/projects"
    return [
        Endpoint("GET", projects, desk.list, "Projects", query=Paging, answer=Page[Draft]),
        Endpoint("POST", projects, desk.draft, "Draft", body=Draft, answer=Committed, status=201),
        Endpoint("GET", projects + "/{id}", desk.show, "A project"),
        Endpoint("PUT", projects + "/{id}", desk.revise, "Revise", body=Draft, roles=editors, if_match=True),
        Endpoint("DELETE", projects + "/{id}", desk.archive, "Archive"),
        Endpoint("POST", projects + "/{id}/revisions", desk.accept, "Accept", body=Draft, body_required=False),
        Endpoint("POST", projects + "/{id}/submissions", desk.accept, "Submit"),
        Endpoint("GET", "/api/v1/registrations/{token}", desk.by_token, "A registration"),
        Endpoint("GET", "/api/v1/projects.csv", desk.file, "A table", media_type="text/csv"),
        Endpoint("POST", "/api/v1/files", desk.take, "A file", upload=Upload(("application/pdf",), LONGEST_FILE)),
        Endpoint("GET", "/api/v1/failures/{how}", desk.fail, "A failure"),
        Endpoint("GET", "/api/v1/patience", desk.wait, "Waits"),
        Endpoint("GET", "/api/v1/stream", desk.stream, "Breaks off"),
    ]


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def health() -> Health:
    return Health()


@asynccontextmanager
async def served(desk: Desk, health: Health, fingerprint_key: bytes = b"") -> AsyncIterator[str]:
    """The address of the application on a socket."""
    clock = Clock()
    app = make_app(
        "catalog",
        endpoints(desk),
        clock=clock,
        health=health,
        verifier=Verifier(KEYS.public, "catalog", clock),
        fingerprint_key=fingerprint_key,
    )
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def address(desk: Desk, health: Health) -> AsyncIterator[str]:
    async with served(desk, health) as found:
        yield found


@pytest.fixture
async def client(address: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(address, headers=signed(ANONYMOUS)) as session:
        yield session


def signed(identity: Identity, audience: str = "catalog") -> dict[str, str]:
    return {HEADER: Signer(KEYS.private, Clock()).sign(identity, audience)}


async def problem(answer: aiohttp.ClientResponse, status: int, code: str) -> dict[str, Any]:
    """The body of an answer that must be this problem."""
    body: dict[str, Any] = await answer.json(content_type="application/problem+json")
    assert (answer.status, body["status"], body["code"]) == (status, status, code)
    assert body.keys() - {"details"} == {"type", "title", "status", "detail", "code", "errors"}
    assert answer.headers["Cache-Control"] == "no-store"
    return body


# Who may call


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {HEADER: ""},
        {HEADER: "nonsense"},
        signed(EDITOR, "events"),
        {HEADER: Signer(generate_keys().private, Clock()).sign(EDITOR, "catalog")},
    ],
)
async def test_what_the_gateway_did_not_sign_is_refused(address: str, headers: dict[str, str]) -> None:
    async with aiohttp.ClientSession(address) as stranger:
        for method, path in (
            ("GET", "/api/v1/projects"),
            ("POST", "/api/v1/projects"),
            ("GET", f"/api/v1/projects/{PROJECT}"),
        ):
            async with stranger.request(method, path, headers=headers) as answer:
                await problem(answer, 401, "unauthenticated")
                assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("identity", "status", "code"), [(ANONYMOUS, 401, "unauthenticated"), (MEMBER, 403, "forbidden")]
)
async def test_a_role_is_needed_before_anything_is_read(
    client: aiohttp.ClientSession, identity: Identity, status: int, code: str
) -> None:
    async with client.put(f"/api/v1/projects/{PROJECT}", data=b"{", headers=signed(identity)) as answer:
        await problem(answer, status, code)


async def test_health_and_description_are_open(address: str, health: Health) -> None:
    health.expect("postgres")
    async with aiohttp.ClientSession(address) as stranger:
        async with stranger.get("/health/live") as answer:
            assert (answer.status, await answer.json()) == (200, {"live": True})
        async with stranger.get("/health/ready") as answer:
            assert answer.status == 503
            assert await answer.json() == {"ready": False, "checks": {"postgres": {"ok": False, "why": "starting"}}}
        health.up("postgres")
        async with stranger.get("/health/ready") as answer:
            assert (answer.status, (await answer.json())["ready"]) == (200, True)
        async with stranger.get("/openapi.json") as answer:
            validate(await answer.json())
            etag = answer.headers["ETag"]
        async with stranger.get("/openapi.json", headers={"If-None-Match": etag}) as answer:
            assert answer.status == 304


# Commands


async def test_figures_are_open_like_health(health: Health) -> None:
    async def figures() -> bytes:
        return b"ikz_answers 42.0\n"

    app = make_app("desk", [], clock=Clock(), health=health, identify=lambda _request: asyncio.sleep(0, ANONYMOUS))
    add_metrics(app, figures)
    async with (
        TestServer(app) as server,
        aiohttp.ClientSession() as http,
        http.get(server.make_url("/metrics")) as answer,
    ):
        assert (answer.status, await answer.read()) == (200, b"ikz_answers 42.0\n")
        assert answer.headers["Content-Type"].startswith("text/plain; version=")


async def test_a_command_answers_with_id_version_position_and_etag(client: aiohttp.ClientSession) -> None:
    async with client.post("/api/v1/projects", json={"title": "IKZ"}, headers=signed(EDITOR)) as answer:
        assert (answer.status, await answer.json()) == (201, {"id": PROJECT, "version": 1, "position": 42})
        assert answer.headers["ETag"] == '"1"'
        assert answer.headers["Location"] == f"/api/v1/projects/{PROJECT}"
        assert answer.headers["Seen-Actor"] == EDITOR.person_id
        assert answer.headers["Seen-Fresh"] == "True"
        assert uuid.UUID(answer.headers["Seen-Command"]).version == 7


async def seen(client: aiohttp.ClientSession, key: str, body: bytes, identity: Identity = EDITOR) -> tuple[str, str]:
    headers = {**signed(identity), "Idempotency-Key": key, "Content-Type": "application/json"}
    async with client.post("/api/v1/projects", data=body, headers=headers) as answer:
        assert (answer.status, answer.headers["Seen-Fresh"]) == (201, "False")
        return answer.headers["Seen-Command"], answer.headers["Seen-Print"]


async def test_an_idempotency_key_names_the_command_and_its_whole_request(client: aiohttp.ClientSession) -> None:
    key, body = str(uuid.uuid4()), b'{"title": "IKZ"}'
    first = await seen(client, key, body)
    assert first[0] == key
    assert await seen(client, key, body) == first
    assert (await seen(client, key, b'{"title": "Other"}'))[1] != first[1]
    assert (await seen(client, key, body, MEMBER))[1] != first[1]
    assert (await seen(client, "order 1", body))[0] != (await seen(client, "order 1", body, MEMBER))[0]


async def test_a_stored_fingerprint_cannot_be_found_again_without_the_key(desk: Desk, health: Health) -> None:
    key, body, prints = str(uuid.uuid4()), b'{"title": "IKZ"}', set()
    for secret in (bytes(32), bytes([1]) * 32):
        async with served(desk, health, secret) as address, aiohttp.ClientSession(address) as client:
            prints.add((await seen(client, key, body))[1])
    assert len(prints) == 2


@pytest.mark.parametrize("key", ["", "a" * 256])
async def test_an_idempotency_key_that_is_none_is_refused(client: aiohttp.ClientSession, key: str) -> None:
    async with client.post("/api/v1/projects", json={"title": "IKZ"}, headers={"Idempotency-Key": key}) as answer:
        body = await problem(answer, 422, "invalid_request")
        assert body["errors"][0]["field"] == "Idempotency-Key"


async def test_a_version_must_be_named_where_that_is_said(client: aiohttp.ClientSession) -> None:
    path = f"/api/v1/projects/{PROJECT.upper()}"
    async with client.put(path, json={"title": "IKZ"}, headers=signed(EDITOR)) as answer:
        await problem(answer, 428, "precondition_required")
    for sent, expected in (('"3"', 3), ('W/"3"', 3), ("3", 3), ("*", None)):
        headers = {**signed(EDITOR), "If-Match": sent}
        async with client.put(path, json={"title": "IKZ"}, headers=headers) as answer:
            assert (await answer.json()) == {"id": PROJECT, "expected": expected, "title": "IKZ"}
    for sent, status, code in (('"x"', 412, "stale_version"), ('"1", "2"', 400, "bad_request")):
        async with client.put(path, json={"title": "IKZ"}, headers={**signed(EDITOR), "If-Match": sent}) as answer:
            await problem(answer, status, code)


async def test_a_body_may_be_left_out_where_that_is_said(client: aiohttp.ClientSession) -> None:
    path = f"/api/v1/projects/{PROJECT}/revisions"
    async with client.post(path) as answer:
        assert await answer.json() == {"body": None}
    async with client.post(path, json={"title": "IKZ"}) as answer:
        assert await answer.json() == {"body": {"title": "IKZ", "seats": 0}}
    async with client.post(path, json={}) as answer:
        await problem(answer, 422, "invalid_request")


async def test_where_no_body_belongs_only_nothing_is_taken(client: aiohttp.ClientSession) -> None:
    path = f"/api/v1/projects/{PROJECT}/submissions"
    for nothing in (b"", b"{}", b" "):
        async with client.post(path, data=nothing) as answer:
            assert answer.status == 200
    async with client.post(path, data=b'{"title": 1}') as answer:
        await problem(answer, 422, "invalid_request")


async def test_an_answer_may_have_no_content(client: aiohttp.ClientSession) -> None:
    async with client.delete(f"/api/v1/projects/{PROJECT}") as answer:
        assert (answer.status, await answer.read()) == (204, b"")


# Bad input


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed_json"),
        (b"{", 400, "malformed_json"),
        (b"\xff\xfe", 400, "malformed_json"),
        (b"[" * 100_000, 400, "malformed_json"),
        (b'{"title": NaN}', 400, "malformed_json"),
        (b"{}", 422, "invalid_request"),
        (b'{"title": "a\\u0000"}', 422, "invalid_request"),
        (b'{"title": "a", "owner": "me"}', 422, "invalid_request"),
        (b'{"title": "longer than ten"}', 422, "invalid_request"),
        (b'{"title": "a", "seats": "1"}', 422, "invalid_request"),
    ],
)
async def test_a_bad_body_is_a_problem(client: aiohttp.ClientSession, body: bytes, status: int, code: str) -> None:
    headers = {"Content-Type": "application/json"}
    async with client.post("/api/v1/projects", data=body, headers=headers) as answer:
        await problem(answer, status, code)


async def test_each_bad_field_is_named_in_german(client: aiohttp.ClientSession) -> None:
    async with client.post("/api/v1/projects", json={"seats": 1.5, "owner": 1}) as answer:
        body = await problem(answer, 422, "invalid_request")
        assert body["errors"] == [
            {"field": "/title", "code": "missing", "detail": "Diese Angabe fehlt."},
            {"field": "/seats", "code": "int_type", "detail": "Erwartet wird eine ganze Zahl."},
            {"field": "/owner", "code": "extra_forbidden", "detail": "Dieses Feld ist unbekannt."},
        ]


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", "multipart/form-data", ""],
)
async def test_another_format_is_refused(client: aiohttp.ClientSession, content_type: str) -> None:
    headers = {"Content-Type": content_type}
    async with client.post("/api/v1/projects", data=b'{"title": "a"}', headers=headers) as answer:
        await problem(answer, 415, "unsupported_media_type")


async def test_a_charset_may_be_named(client: aiohttp.ClientSession) -> None:
    headers = {"Content-Type": 'application/json; charset="UTF-8"'}
    async with client.post("/api/v1/projects", data=b'{"title": "a"}', headers=headers) as answer:
        assert answer.status == 201


async def test_a_file_may_be_longer_than_other_bodies(client: aiohttp.ClientSession) -> None:
    pdf = {"Content-Type": "application/pdf"}
    async with client.post("/api/v1/files", data=io.BytesIO(bytes(LONGEST_FILE)), headers=pdf) as answer:
        assert await answer.json() == {"length": LONGEST_FILE}
    async with client.post("/api/v1/files", data=io.BytesIO(bytes(LONGEST_FILE + 1)), headers=pdf) as answer:
        await problem(answer, 413, "body_too_large")
    async with client.post("/api/v1/files", data=b"x", headers={"Content-Type": "text/html"}) as answer:
        await problem(answer, 415, "unsupported_media_type")
    longer, as_json = io.BytesIO(bytes(module.MAX_BODY + 1)), {"Content-Type": "application/json"}
    async with client.post("/api/v1/projects", data=longer, headers=as_json) as answer:
        await problem(answer, 413, "body_too_large")


async def test_fifty_megabytes_are_too_much(client: aiohttp.ClientSession) -> None:
    headers = {"Content-Type": "application/json"}
    async with client.post("/api/v1/projects", data=io.BytesIO(bytes(50_000_000)), headers=headers) as answer:
        await problem(answer, 413, "body_too_large")


async def test_fifty_megabytes_without_a_length_are_too_much(client: aiohttp.ClientSession) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(800):
            sent += 65536
            yield bytes(65536)

    headers = {"Content-Type": "application/json"}
    async with client.post("/api/v1/projects", data=chunks(), headers=headers) as answer:
        await problem(answer, 413, "body_too_large")


async def test_a_length_is_believed_before_a_byte_is_read(address: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rsplit(":", 1)[1]))
    identity = signed(ANONYMOUS)[HEADER]
    head = f"POST /api/v1/projects HTTP/1.1\r\nHost: x\r\n{HEADER}: {identity}\r\nContent-Length: 50000000\r\n\r\n"
    writer.write(head.encode())
    async with asyncio.timeout(5):
        assert (await reader.readline()).startswith(b"HTTP/1.1 413")
    writer.close()


@pytest.mark.parametrize(
    "text", ["1", "%00", "{id}", "%F0%9F", PROJECT[:-1], PROJECT + "0", "a" * 3000, "urn:" + PROJECT]
)
async def test_an_id_that_is_none_is_not_found(client: aiohttp.ClientSession, text: str) -> None:
    async with client.get(URL(f"/api/v1/projects/{text}", encoded=True)) as answer:
        await problem(answer, 404, "not_found")


@pytest.mark.parametrize("token", ["%00", "a%00b"])
async def test_what_cannot_be_stored_is_never_looked_up(client: aiohttp.ClientSession, token: str) -> None:
    async with client.get(URL(f"/api/v1/registrations/{token}", encoded=True)) as answer:
        await problem(answer, 404, "not_found")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "limit=1&limit=2",
        "cursor=",
        "cursor=%00",
        "topic=a",
        "min_position=-1",
        "min_position=x",
        "min_position=99999999999999999999",
        "min_position=1&min_position=2",
        "=",
        "%00=1",
    ],
)
async def test_a_bad_query_is_a_problem(client: aiohttp.ClientSession, query: str) -> None:
    async with client.get(URL(f"/api/v1/projects?{query}", encoded=True)) as answer:
        body = await problem(answer, 422, "invalid_query")
        assert len(body["errors"]) == 1


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/api/v1/nothing"), ("POST", "/api/v1/projects/")])
async def test_an_unknown_path_is_not_found(client: aiohttp.ClientSession, method: str, path: str) -> None:
    async with client.request(method, path) as answer:
        await problem(answer, 404, "not_found")


async def test_another_method_is_not_allowed(client: aiohttp.ClientSession) -> None:
    async with client.patch("/api/v1/projects") as answer:
        await problem(answer, 405, "method_not_allowed")
        assert set(answer.headers["Allow"].replace(",", " ").split()) >= {"GET", "POST"}


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"GET /api/v1/projects HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /api/v1/projects HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"POST /api/v1/projects HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /api/v1/projects HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
async def test_what_is_no_http_is_no_fault_of_ours(address: str, raw: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rsplit(":", 1)[1]))
    writer.write(raw)
    async with asyncio.timeout(5):
        status = (await reader.readline()).split(b" ")[1]
    writer.close()
    assert status.startswith(b"4")


async def test_a_broken_encoding_of_the_body_is_a_bad_request(client: aiohttp.ClientSession) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    async with client.post("/api/v1/projects", data=b"not gzip at all", headers=headers) as answer:
        await problem(answer, 400, "bad_request")


@pytest.mark.parametrize("encoding", ["snappy", "gzip, gzip", "gzip, identity", "ä"])
async def test_an_encoding_of_the_body_that_nobody_reads_is_refused(
    client: aiohttp.ClientSession, encoding: str
) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    for path in ("/api/v1/projects", f"/api/v1/projects/{PROJECT}/submissions", "/api/v1/nowhere"):
        async with client.post(path, data=b'{"title": "IKZ"}', headers=headers) as answer:
            await problem(answer, 415, "unsupported_media_type")
            assert answer.headers["Accept-Encoding"] == "gzip, deflate"


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [("identity", bytes), ("gzip", gzip.compress), ("GZIP", gzip.compress), ("deflate", zlib.compress)],
)
async def test_a_body_may_be_compressed(
    client: aiohttp.ClientSession, encoding: str, encode: Callable[[bytes], bytes]
) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    async with client.post("/api/v1/projects", data=encode(b'{"title": "IKZ"}'), headers=headers) as answer:
        assert answer.status == 201


async def test_a_compressed_body_is_measured_as_it_is_read(client: aiohttp.ClientSession) -> None:
    bomb = gzip.compress(b" " * (50 * 1024 * 1024))
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    async with client.post("/api/v1/projects", data=bomb, headers=headers) as answer:
        await problem(answer, 413, "body_too_large")


async def test_a_body_that_does_not_come_is_not_waited_for(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BODY_TIMEOUT", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rsplit(":", 1)[1]))
    identity = signed(ANONYMOUS)[HEADER]
    head = f"POST /api/v1/projects HTTP/1.1\r\nHost: x\r\n{HEADER}: {identity}\r\nContent-Length: 5\r\n\r\n{{"
    writer.write(head.encode())
    async with asyncio.timeout(5):
        assert (await reader.readline()).startswith(b"HTTP/1.1 408")
    writer.close()


# Reads


async def test_a_page_has_links(client: aiohttp.ClientSession) -> None:
    async with client.get("/api/v1/projects?limit=1&cursor=abc") as answer:
        assert await answer.json() == {"items": [{"id": PROJECT}], "next": "next-page", "total": 2}
        links = {
            relation: str(link["url"]).removeprefix(str(answer.url.origin())) for relation, link in answer.links.items()
        }
        assert links == {
            "first": "/api/v1/projects?limit=1",
            "next": "/api/v1/projects?limit=1&cursor=next-page",
        }


@pytest.mark.parametrize(("path", "begins"), [(f"/api/v1/projects/{PROJECT}", '"3:'), ("/api/v1/projects", 'W/"')])
async def test_what_has_not_changed_is_not_sent_again(client: aiohttp.ClientSession, path: str, begins: str) -> None:
    async with client.get(path) as answer:
        tag = answer.headers["ETag"]
        assert tag.startswith(begins)
    async with client.get(path, headers={"If-None-Match": f'"x", {tag}'}) as answer:
        assert (answer.status, await answer.read(), answer.headers["ETag"]) == (304, b"", tag)
    async with client.get(path, headers={"If-None-Match": '"x"'}) as answer:
        assert answer.status == 200


async def test_head_answers_without_the_content(client: aiohttp.ClientSession) -> None:
    async with client.head("/api/v1/projects") as answer:
        assert (answer.status, await answer.read()) == (200, b"")


async def test_a_file_comes_as_it_is(client: aiohttp.ClientSession) -> None:
    async with client.get("/api/v1/projects.csv") as answer:
        assert (await answer.read(), answer.headers["Content-Type"]) == (b"a;b", "text/csv; charset=utf-8")


# Errors


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        ("refused", 409, "weekday_mismatch"),
        ("unknown", 409, "nobody_registered_this"),
        ("not-there", 404, "not_found"),
        ("stale", 412, "stale_version"),
        ("reused", 422, "idempotency_key_reused"),
        ("conflict", 409, "conflict"),
        ("unavailable", 503, "unavailable"),
        ("position", 503, "position_not_reached"),
        ("newer", 503, "unavailable"),
        ("erased", 410, "person_erased"),
        ("lost", 503, "unavailable"),
        ("refused-connection", 503, "unavailable"),
        ("slow", 503, "unavailable"),
        ("too-big", 422, "invalid_request"),
        ("bug", 500, "internal"),
        ("limit", 429, "too_many_requests"),
    ],
)
async def test_every_exception_is_a_problem(client: aiohttp.ClientSession, how: str, status: int, code: str) -> None:
    async with client.get(f"/api/v1/failures/{how}") as answer:
        body = await problem(answer, status, code)
        assert ("Retry-After" in answer.headers) == (status in (429, 503))
        assert "inside" not in json.dumps(body)
        if how == "limit":
            assert answer.headers["Retry-After"] == "17"
        if how == "refused":
            assert (body["title"], body["detail"]) == ("Wochentag passt nicht zum Datum", "Der Tag ist ein Freitag.")


async def test_a_bug_is_logged_whole_and_told_to_nobody(client: aiohttp.ClientSession) -> None:
    with capture_logs() as lines:
        async with client.get("/api/v1/failures/bug") as answer:
            assert "RuntimeError" not in await answer.text()
    failed, request = lines
    assert failed["event"] == "request_failed"
    assert isinstance(failed["exc_info"], RuntimeError)
    assert (request["status"], request["code"]) == (500, "internal")


async def test_english_is_spoken_to_those_who_prefer_it(client: aiohttp.ClientSession) -> None:
    async with client.get("/api/v1/nothing", headers={"Accept-Language": "en-GB, de;q=0.5"}) as answer:
        assert (await problem(answer, 404, "not_found"))["title"] == "Not found"
        assert answer.headers["Content-Language"] == "en"
    async with client.get("/api/v1/nothing") as answer:
        assert (await problem(answer, 404, "not_found"))["title"] == "Nicht gefunden"


async def test_an_answer_that_has_begun_breaks_off(client: aiohttp.ClientSession) -> None:
    with pytest.raises(aiohttp.ClientPayloadError):
        async with client.get("/api/v1/stream") as answer:
            await answer.read()


# Traces and logs


async def test_a_request_has_one_line_that_shows_no_token(client: aiohttp.ClientSession) -> None:
    with capture_logs() as lines:
        async with client.get(f"/api/v1/registrations/{SECRET}?min_position=0") as answer:
            assert await answer.json() == {"known": True}
    (line,) = lines
    assert line.pop("took_ms") < 1000
    assert line == {
        "event": "request",
        "log_level": "info",
        "method": "GET",
        "route": "/api/v1/registrations/{token}",
        "status": 200,
    }


async def test_a_trace_goes_through(client: aiohttp.ClientSession) -> None:
    sent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with client.post("/api/v1/projects", json={"title": "a"}, headers={"traceparent": sent}) as answer:
        assert answer.headers["traceparent"].split("-")[1] == "0af7651916cd43dd8448eb211c80319c"
        assert answer.headers["traceparent"] == answer.headers["Seen-Trace"]
        assert answer.headers["traceparent"] != sent
    async with client.get("/api/v1/nothing") as answer:
        assert answer.headers["Server"] == "ikz"
        assert len(answer.headers["traceparent"].split("-")[1]) == 32


async def test_a_client_that_goes_ends_its_request(client: aiohttp.ClientSession, desk: Desk) -> None:
    with capture_logs() as lines:
        waiting = asyncio.ensure_future(client.get("/api/v1/patience"))
        async with asyncio.timeout(5):
            await desk.entered.wait()
            waiting.cancel()
            await desk.cancelled.wait()
            while not lines:
                await asyncio.sleep(0.01)
    assert lines[0]["status"] == 499
