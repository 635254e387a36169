"""What cannot be read as a request at all is answered like everything else: as a problem that names no software."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from shared.kernel.connections import Runner
from shared.kernel.health import Health
from shared.kernel.http import starting_app
from shared.kernel.service import Door

HOST = b"Host: test\r\n"
UNREADABLE = {
    "method": b"BREW /health/live HTTP/1.1\r\n" + HOST + b"\r\n",
    "character": b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n",
    "long_address": b"GET /?q=" + b"a" * 64_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "long_header": b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 64_000 + b"\r\n\r\n",
    "no_host": b"GET /health/live HTTP/1.1\r\n\r\n",
    "two_lengths": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "expectation": b"GET /health/live HTTP/1.1\r\n" + HOST + b"Connection: close\r\nExpect: miracles\r\n\r\n",
}


@pytest.fixture
async def port() -> AsyncIterator[int]:
    runner = Runner(starting_app(Health()), shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def answer_to(port: int, request: bytes) -> tuple[bytes, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(5):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return head, body


@pytest.mark.parametrize("request_bytes", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_unreadable_requests_get_a_problem(
    port: int, request_bytes: bytes, request: pytest.FixtureRequest
) -> None:
    head, body = await answer_to(port, request_bytes)

    assert b" 400 " in head.splitlines()[0]
    assert b"Content-Type: application/problem+json" in head
    assert b"aiohttp" not in head
    assert json.loads(body)["code"] == "bad_request"
    assert ("ist länger" in (json.loads(body)["detail"] or "")) == ("long_" in request.node.name)


@pytest.mark.parametrize("encoding", [b"br", b"zstd", b"snappy"])
async def test_an_encoding_that_the_server_could_read_with_more_libraries_is_refused_like_all_others(
    port: int, encoding: bytes
) -> None:
    head, body = await answer_to(
        port,
        b"POST / HTTP/1.1\r\n" + HOST + b"Connection: close\r\n"
        b"Content-Length: 2\r\nContent-Encoding: " + encoding + b"\r\n\r\n{}",
    )

    assert b" 415 " in head.splitlines()[0]
    assert b"Accept-Encoding: gzip, deflate" in head
    assert json.loads(body)["code"] == "unsupported_media_type"


async def test_answers_name_no_software(port: int) -> None:
    head, body = await answer_to(port, b"GET /health/live HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")

    assert b" 200 " in head.splitlines()[0]
    assert b"Server: ikz" in head
    assert json.loads(body) == {"live": True}


async def test_a_door_that_is_closed_while_somebody_enters_stays_closed() -> None:
    """As when SIGTERM comes in the moment a service gets ready."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def start(_app: web.Application) -> None:
        begun.set()
        await go_on.wait()

    door = Door(socket.create_server(("127.0.0.1", 0)), patience=1)
    port = door.port
    await door.admit(starting_app(Health()))
    app = starting_app(Health())
    app.on_startup.append(start)
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(door.admit(app))
        await begun.wait()
        tasks.create_task(door.close())
        await asyncio.sleep(0)
        go_on.set()
    await door.admit(starting_app(Health()))
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
