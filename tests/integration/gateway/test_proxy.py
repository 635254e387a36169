"""The API in front of the services: what passes, what does not, and what happens when one is down."""

import asyncio
import gzip
import io
from typing import Any

import pytest
from aiohttp import web

from services.gateway import passing, proxy, tokens
from shared.kernel.identity import ANONYMOUS
from shared.kernel.postgres import Pool
from tests.integration.gateway.conftest import CLOCK


async def test_a_request_reaches_its_service_signed_and_unchanged(door: Any, services: Any) -> None:
    services.answers["/api/v1/projects"] = {"items": [], "next": None, "total": 0}
    async with door.get("/api/v1/projects?q=K%C3%B6ln%2FBonn&topic=a&topic=b") as answer:
        assert answer.status == 200
        assert await answer.json() == {"items": [], "next": None, "total": 0}
    (asked,) = services.asked
    assert asked.target == "/api/v1/projects?q=K%C3%B6ln%2FBonn&topic=a&topic=b"
    assert services.verified(asked, "catalog") == ANONYMOUS


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/api/v1/topics/x", "catalog"),
        ("/api/v1/sessions.ics", "events"),
        ("/api/v1/sessions/x/registrations", "events"),
        ("/api/v1/series", "events"),
        ("/api/v1/materials/x/file", "events"),
        ("/api/v1/announcements", "notify"),
        ("/api/v1/bounces", "notify"),
        ("/api/v1/suppressions/x", "notify"),
    ],
)
async def test_each_path_belongs_to_one_service(door: Any, services: Any, path: str, service: str) -> None:
    services.answers[path] = {}
    async with door.get(path) as answer:
        assert answer.status == 200
    services.verified(services.asked[0], service)


@pytest.mark.parametrize(
    "path",
    [
        "/internal/feed",
        "/api/v1/internal/feed",
        "/api/v1/projects/../internal/feed",
        "/api/v1/projects/%2e%2e/internal/feed",
        "/api/v1/projects/%2E%2E%2Finternal",
        "/api/v1/projects/..%5cinternal",
        "/api/v1/projects/a%00b",
        "/api/v1/projects/a%0d%0ab",
        "/api/v1/projects%2f..%2finternal",
        "/api/v1/messagesx",
        "/api/v1//internal/feed",
        "//internal/feed",
        "/openapi.json/../internal",
        "/metrics",
    ],
)
async def test_no_address_leads_inside(door: Any, services: Any, path: str) -> None:
    host, port = door.url.host, door.url.port
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    head = await asyncio.wait_for(reader.readline(), 5)
    writer.close()
    assert head.split()[1] == b"404", head
    assert services.asked == []


async def test_clients_cannot_speak_for_the_gateway(door: Any, services: Any) -> None:
    services.answers["/api/v1/projects"] = {}
    sent = {
        "Ikz-Identity": "forged",
        "ikz-anything": "x",
        "X-Forwarded-For": "1.2.3.4",
        "Forwarded": "for=1.2.3.4",
        "Cookie": "a=b",
        "Connection": "keep-alive, X-Secret",
        "X-Secret": "hop",
        "TE": "trailers",
        "Proxy-Authorization": "x",
        "If-None-Match": '"1"',
        "Accept-Language": "en",
    }
    async with door.get("/api/v1/projects", headers=sent) as answer:
        assert answer.status == 200
    got = {name.lower(): value for name, value in services.asked[0].headers.items()}
    assert services.verified(services.asked[0], "catalog") == ANONYMOUS
    assert got["if-none-match"] == '"1"'
    assert got["accept-language"] == "en"
    gone = {"ikz-anything", "x-forwarded-for", "forwarded", "cookie", "x-secret", "te", "proxy-authorization"}
    assert not gone & set(got)


async def test_a_token_becomes_an_identity_and_stays_with_us(door: Any, services: Any, pool: Pool) -> None:
    services.answers["/api/v1/projects"] = {"id": "1"}
    token = await tokens.create(pool, "editor", "desk", door.gateway.clock.now())
    async with door.post("/api/v1/projects", json={"title": "x"}, headers={"Authorization": f"Bearer {token}"}) as done:
        assert done.status == 200
    (asked,) = services.asked
    assert "Authorization" not in asked.headers
    identity = services.verified(asked, "catalog")
    assert (identity.roles, identity.actor) == (frozenset({"reader", "editor"}), "token:desk")
    assert asked.body == b'{"title": "x"}'


@pytest.mark.parametrize("given", ["Bearer nonsense", "Bearer ", "Basic eDp5", "nonsense", "Bearer \u00e4"])
async def test_what_is_no_token_is_refused(door: Any, services: Any, given: str) -> None:
    async with door.get("/api/v1/projects", headers={"Authorization": given}) as answer:
        assert answer.status == 401
        assert (await answer.json(content_type=None))["code"] == "unauthenticated"
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert services.asked == []


async def test_a_revoked_token_opens_nothing(door: Any, services: Any, pool: Pool) -> None:
    services.answers["/api/v1/projects"] = {}
    now = door.gateway.clock.now()
    old = await tokens.create(pool, "editor", "rotated", now)
    new = await tokens.create(pool, "editor", "rotated", now)
    for token, status in [(old, 401), (new, 200)]:
        async with door.get("/api/v1/projects", headers={"Authorization": f"Bearer {token}"}) as answer:
            assert answer.status == status
    assert await tokens.revoke(pool, "rotated", now)
    assert not await tokens.revoke(pool, "rotated", now)
    async with door.get("/api/v1/projects", headers={"Authorization": f"Bearer {new}"}) as answer:
        assert answer.status == 401


async def test_changes_by_a_token_are_written_down(door: Any, services: Any, pool: Pool) -> None:
    services.answers["/api/v1/projects"] = lambda _: web.json_response({"code": "x"}, status=409)
    token = await tokens.create(pool, "editor", "audited", door.gateway.clock.now())
    bearer = {"Authorization": f"Bearer {token}"}
    async with door.post("/api/v1/projects", json={"title": "geheim"}, headers=bearer) as answer:
        assert answer.status == 409
    async with door.get("/api/v1/projects", headers=bearer):
        pass
    async with door.post("/api/v1/projects", json={}):
        pass
    async with door.post("/api/v1/nowhere", json={}, headers=bearer) as answer:
        assert answer.status == 404
    async with door.post("/api/v1/registrations/secrettoken/withdrawals", json={}, headers=bearer) as answer:
        assert answer.status == 404
    async with asyncio.timeout(20):  # how it ended is noted when the answer has gone out
        while await pool.fetchval("SELECT count(*) FROM audit WHERE actor = 'token:audited' AND status IS NULL"):
            await asyncio.sleep(0.02)
    rows = await pool.fetch(
        "SELECT actor, method, path, status FROM audit WHERE actor = 'token:audited' ORDER BY number"
    )
    assert [tuple(row) for row in rows] == [
        ("token:audited", "POST", "/api/v1/projects", 409),
        ("token:audited", "POST", "/api/v1/nowhere", 404),
        ("token:audited", "POST", "/api/v1/registrations/[hidden]/withdrawals", 404),
    ]


async def test_answers_keep_their_headers_and_lose_ours(door: Any, services: Any) -> None:
    headers = {
        "ETag": '"7"',
        "Link": '</api/v1/projects?cursor=x>; rel="next"',
        "Cache-Control": "private, no-cache",
        "Server": "inside",
        "Ikz-Secret": "x",
        "Keep-Alive": "timeout=5",
        "Content-Encoding": "gzip",
        "Content-Type": "application/json",
    }
    services.answers["/api/v1/projects"] = lambda _: web.Response(body=gzip.compress(b'{"a": 1}'), headers=headers)
    async with door.get("/api/v1/projects") as answer:
        assert await answer.json() == {"a": 1}
        for name in ("ETag", "Link", "Cache-Control"):
            assert answer.headers[name] == headers[name]
        assert answer.headers["Server"] != "inside"
        assert "Ikz-Secret" not in answer.headers
        assert "Keep-Alive" not in answer.headers


@pytest.mark.parametrize("status", [204, 304])
async def test_answers_without_a_body_pass(door: Any, services: Any, status: int) -> None:
    services.answers["/api/v1/projects"] = lambda _: web.Response(status=status, headers={"ETag": '"7"'})
    async with door.get("/api/v1/projects") as answer:
        assert (answer.status, await answer.read()) == (status, b"")
    async with door.send("HEAD", "/api/v1/projects") as answer:
        assert (answer.status, await answer.read()) == (status, b"")


async def test_long_answers_are_streamed(door: Any, services: Any) -> None:
    async def slowly(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first")
        await gate.wait()
        await response.write(b"second")
        return response

    gate = asyncio.Event()
    services.answers["/api/v1/projects"] = slowly
    async with door.get("/api/v1/projects") as answer:
        assert await asyncio.wait_for(answer.content.readany(), 5) == b"first"
        gate.set()
        assert await asyncio.wait_for(answer.content.read(), 5) == b"second"


async def test_an_answer_that_keeps_coming_may_take_longer_than_a_service_has_to_begin_one(
    open_door: Any, services: Any
) -> None:
    deadline, parts = 0.3, 6

    async def at_length(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(parts):
            await response.write(b"part")
            await asyncio.sleep(deadline / 3)
        return response

    services.answers["/api/v1/projects/export.csv"] = at_length
    door = await open_door(deadline=deadline)
    async with door.get("/api/v1/projects/export.csv") as answer:
        assert await answer.read() == b"part" * parts


async def test_a_file_may_be_looked_through_for_longer_than_other_answers_take(
    open_door: Any, services: Any, pool: Pool
) -> None:
    services.answers["/api/v1/projects/imports"] = lambda _: asyncio.sleep(0.9, web.json_response({"new": 1}))
    door = await open_door(deadline=0.3)
    token = await tokens.create(pool, "editor", "files", door.gateway.clock.now())
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/csv"}
    async with door.post("/api/v1/projects/imports", data=b"Titel", headers=headers) as answer:
        assert (answer.status, await answer.json()) == (200, {"new": 1})
    async with door.post(
        "/api/v1/projects/imports", json={}, headers={"Authorization": headers["Authorization"]}
    ) as slow:
        assert slow.status == 503


async def test_an_answer_that_breaks_off_never_looks_whole(door: Any, services: Any) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return response

    services.answers["/api/v1/projects"] = broken
    with pytest.raises(Exception, match=r"payload|disconnected|closed|reset"):
        async with door.get("/api/v1/projects") as answer:
            await answer.read()


async def test_a_service_that_is_down_costs_its_own_parts_only(open_door: Any, services: Any) -> None:
    services.answers["/api/v1/announcements"] = {"items": []}
    door = await open_door(deadline=0.3)
    services.answers["/api/v1/projects"] = lambda _: asyncio.sleep(2)
    async with door.get("/api/v1/projects") as slow:
        assert slow.status == 503
        assert int(slow.headers["Retry-After"]) > 0
        assert slow.content_type == "application/problem+json"
        assert (await slow.json(content_type=None))["code"] == "unavailable"
    async with door.get("/api/v1/announcements") as fine:
        assert fine.status == 200
    gone = await open_door(services_url="http://127.0.0.1:9")
    async with gone.get("/api/v1/projects") as refused:
        assert refused.status == 503
    async with gone.get("/health/live") as live:
        assert live.status == 200


async def test_a_body_of_fifty_megabytes_is_refused_unread(door: Any, services: Any) -> None:
    async with door.post("/api/v1/projects", data=io.BytesIO(b"x" * 50_000_000)) as answer:
        assert answer.status == 413
        assert (await answer.json(content_type=None))["code"] == "body_too_large"
    assert services.asked == []


async def test_a_body_that_hides_its_length_is_refused_in_time(open_door: Any, services: Any) -> None:
    async def endless() -> Any:
        for _ in range(64):
            yield b"x" * 65536

    door = await open_door(max_body=100_000)
    async with door.post("/api/v1/projects", data=endless()) as answer:
        assert answer.status == 413
    assert services.asked == []


async def test_bodies_up_to_the_limit_pass_whole(open_door: Any, services: Any) -> None:
    services.answers["/api/v1/projects"] = {}
    door = await open_door(max_body=100_000)
    async with door.post("/api/v1/projects", data=b"y" * 100_000) as answer:
        assert answer.status == 200
    assert services.asked[0].body == b"y" * 100_000


async def test_only_whom_we_know_may_send_a_file_longer_than_other_bodies(
    open_door: Any, services: Any, pool: Pool
) -> None:
    services.answers["/api/v1/projects"] = {}
    door = await open_door(max_body=100_000, max_upload=200_000)
    token = await tokens.create(pool, "editor", "files", door.gateway.clock.now())
    known, pdf = {"Authorization": f"Bearer {token}"}, {"Content-Type": "application/pdf"}
    for headers, length, status in [
        (known | pdf, 200_000, 200),
        (known | pdf, 200_001, 413),
        (known | {"Content-Type": "application/json"}, 100_001, 413),
        (known, 100_001, 413),
        (pdf, 100_001, 413),
    ]:
        async with door.post("/api/v1/projects", data=io.BytesIO(b"y" * length), headers=headers) as answer:
            assert answer.status == status, (headers, length)
    assert [len(asked.body) for asked in services.asked] == [200_000]


MATERIALS = "/api/v1/sessions/01900000-0000-7000-8000-000000000001/materials"


class TestLongFiles:
    @pytest.fixture
    async def known(self, pool: Pool) -> dict[str, str]:
        token = await tokens.create(pool, "editor", "files", CLOCK.now())
        return {"Authorization": f"Bearer {token}", "Content-Type": "application/pdf"}

    async def test_they_are_passed_on_as_they_come(self, open_door: Any, services: Any, known: dict[str, str]) -> None:
        came, gate = asyncio.Event(), asyncio.Event()

        async def parts() -> Any:
            yield b"first"
            await came.wait()
            yield b"second" * 20_000

        async def take(request: web.Request) -> web.Response:
            assert await request.content.readany() == b"first"
            came.set()
            assert await request.content.read() == b"second" * 20_000
            gate.set()
            return web.json_response({"id": 1}, status=201)

        services.streamed[MATERIALS] = take
        door = await open_door(max_body=1000, max_upload=1000, max_material=200_000)
        async with door.post(f"{MATERIALS}?filename=a", data=parts(), headers=known) as answer:
            assert (answer.status, await answer.json()) == (201, {"id": 1})
        assert gate.is_set()

    async def test_their_length_is_limited(self, open_door: Any, services: Any, known: dict[str, str]) -> None:
        services.answers[MATERIALS] = {}
        door = await open_door(max_body=100, max_upload=1000, max_material=5000)

        async def hidden(length: int) -> Any:
            for _ in range(length // 100):
                yield b"x" * 100

        for data, headers, status in [
            (b"x" * 5000, known, 200),
            (hidden(5000), known, 200),
            (b"x" * 5001, known, 413),
            (hidden(5100), known, 413),
            (b"x" * 101, {"Content-Type": "application/pdf"}, 413),
            (b"x" * 101, known | {"Content-Type": "application/json"}, 413),
            (gzip.compress(b"x"), known | {"Content-Encoding": "gzip"}, 415),
        ]:
            async with door.post(MATERIALS, data=data, headers=headers) as answer:
                assert answer.status == status, headers
        async with door.post(f"{MATERIALS}/downloads", data=b"x" * 1001, headers=known) as answer:
            assert answer.status == 413
        assert [len(asked.body) for asked in services.asked] == [5000, 5000]
        assert services.asked[0].headers["Content-Length"] == "5000"

    async def test_who_dribbles_is_told_and_the_service_keeps_nothing(
        self, open_door: Any, services: Any, known: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(passing, "STALLED", 0.1)
        broke_off = asyncio.Event()

        async def take(request: web.Request) -> web.Response:
            try:
                await request.content.read()
            except Exception:
                broke_off.set()
                raise
            raise AssertionError("half a file looked whole")

        async def dribble() -> Any:
            yield b"%PDF"
            await broke_off.wait()

        services.streamed[MATERIALS] = take
        door = await open_door()
        async with door.post(MATERIALS, data=dribble(), headers=known) as answer:
            assert (answer.status, (await answer.json(content_type=None))["code"]) == (408, "request_timeout")
        await asyncio.wait_for(broke_off.wait(), 5)

    async def test_a_slow_line_is_no_reason_to_give_up(
        self, open_door: Any, services: Any, known: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A service may take long to answer once it has everything, and no longer."""
        monkeypatch.setattr(proxy, "SECONDS_FOR_FILE", 0.3)

        async def slowly() -> Any:
            for _ in range(5):
                yield b"x"
                await asyncio.sleep(0.15)

        services.answers[MATERIALS] = {}
        door = await open_door(deadline=0.3)
        async with door.post(MATERIALS, data=slowly(), headers=known) as answer:
            assert answer.status == 200
        services.answers[MATERIALS] = lambda _: asyncio.sleep(0.8, web.json_response({}))
        async with door.post(MATERIALS, data=b"x", headers=known) as answer:
            assert answer.status == 503

    async def test_a_service_may_refuse_one_before_it_has_read_it(
        self, open_door: Any, services: Any, known: dict[str, str]
    ) -> None:
        async def refuse(_request: web.Request) -> web.Response:
            return web.json_response({"code": "forbidden"}, status=403)

        services.streamed[MATERIALS] = refuse
        door = await open_door()
        async with door.post(MATERIALS, data=io.BytesIO(bytes(2_000_000)), headers=known) as answer:
            assert answer.status == 403


async def test_smuggled_requests_find_no_second_reader(door: Any, services: Any) -> None:
    services.answers["/api/v1/projects"] = {}
    host, port = door.url.host, door.url.port
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(
        f"POST /api/v1/projects HTTP/1.1\r\nHost: {host}\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n"
        "0\r\n\r\nGET /internal/feed HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    )
    await asyncio.wait_for(reader.readline(), 5)
    writer.close()
    assert all("/internal" not in asked.target for asked in services.asked)


async def test_reading_is_open_to_pages_of_others_and_changing_is_not(door: Any, services: Any) -> None:
    services.answers["/api/v1/projects"] = {}
    async with door.get("/api/v1/projects", headers={"Origin": "https://stadt.example"}) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers
    async with door.send("OPTIONS", "/api/v1/projects", headers={"Origin": "https://stadt.example"}) as preflight:
        assert preflight.status == 204
        assert preflight.headers["Access-Control-Allow-Methods"] == "GET, HEAD"
    async with door.post("/api/v1/projects", json={}, headers={"Origin": "https://stadt.example"}) as answer:
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/api/v1/projects", "/api/v1/nowhere", "/impressum", "/gibt-es-nicht", "/health/live"]
)
async def test_every_answer_carries_the_security_headers(door: Any, services: Any, path: str) -> None:
    services.answers["/api/v1/projects"] = {}
    async with door.get(path) as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
        assert "geolocation=()" in answer.headers["Permissions-Policy"]
        assert "Strict-Transport-Security" not in answer.headers
        assert "Set-Cookie" not in answer.headers


async def test_https_is_insisted_on_where_the_portal_has_it(open_door: Any) -> None:
    door = await open_door(public_url="https://portal.example")
    async with door.get("/impressum") as answer:
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=63072000")
