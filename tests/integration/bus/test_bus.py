"""Connections end when they must, say why, and let nobody wait for ever."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.aio.msg import Msg

from shared.embedded.nats import EmbeddedNats
from shared.kernel import bus
from shared.kernel.bus import Bus, Connection, Denied, Lost, NoAnswer, NoResponders, connect, open_connection
from shared.kernel.nats_access import render_config
from tests.integration.bus.conftest import NATS_PASSWORDS


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[EmbeddedNats]:
    """A server that this test may stop."""
    async with EmbeddedNats(tmp_path, render_config, NATS_PASSWORDS) as server:
        yield server


def freeze(server: EmbeddedNats) -> None:
    """Stops the server; returns when it does not run any more."""
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGSTOP)
    state = Path(f"/proc/{server.process.pid}/stat")
    while state.read_text().rpartition(")")[2].split()[0] != "T":
        time.sleep(0.001)


def thaw(server: EmbeddedNats) -> None:
    """Lets it run again."""
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGCONT)


async def test_a_denied_publish_is_an_error_at_once(nats: EmbeddedNats) -> None:
    connection = await open_connection(nats.url("catalog"), "test")
    try:
        began = time.monotonic()
        with pytest.raises(Denied, match=r"ikz\.events\.session"):
            await connection.request("ikz.events.session.Announced.v1.x", timeout=5)
        assert time.monotonic() - began < 1
        assert not connection.lost.is_set()
    finally:
        await connection.close()


async def test_a_denied_subscription_ends_the_connection(nats: EmbeddedNats) -> None:
    connection = await open_connection(nats.url("catalog"), "test")

    async def hear(_message: Msg) -> None: ...

    try:
        await connection.subscribe("ikz.>", hear)
        async with asyncio.timeout(2):
            await connection.lost.wait()
        assert "may not subscribe to ikz.>" in connection.reason
    finally:
        await connection.close()


async def test_a_wrong_password_is_denied(nats: EmbeddedNats) -> None:
    with pytest.raises(Denied):
        await open_connection(f"nats://catalog:wrong@127.0.0.1:{nats.port}", "test")


async def test_nobody_listening_is_said_at_once(nats: EmbeddedNats) -> None:
    connection = await open_connection(nats.url("notify"), "test")
    try:
        with pytest.raises(NoResponders):
            await connection.request("rpc.events.recipients", timeout=5)
    finally:
        await connection.close()


async def test_a_killed_server_fails_what_waits(own: EmbeddedNats) -> None:
    connection = await open_connection(own.url("catalog"), "test")
    try:
        reply, answer = connection.expect()
        assert own.process is not None
        own.process.kill()
        began = time.monotonic()
        with pytest.raises(Lost):
            await connection.answer(reply, answer, 10)
        assert time.monotonic() - began < 2
        with pytest.raises(Lost):
            await connection.request("rpc.events.recipients")
    finally:
        await connection.close()


async def test_a_frozen_server_is_noticed_and_closing_does_not_hang(
    own: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus, "PULSE", 0.1)
    connection = await open_connection(own.url("catalog"), "test")
    monkeypatch.setattr(bus, "PULSE_ANSWER", 0.5)
    freeze(own)
    try:
        await connection.send(b"PUB ikz.catalog.x 1000000\r\n" + bytes(1_000_000) + b"\r\n")
        async with asyncio.timeout(3):
            await connection.lost.wait()
        assert "deaf" in connection.reason
        began = time.monotonic()
        await connection.close()
        assert time.monotonic() - began < 5
    finally:
        thaw(own)


async def test_a_late_pong_does_not_deafen(own: EmbeddedNats) -> None:
    connection = await open_connection(own.url("catalog"), "test")
    freeze(own)
    try:
        with pytest.raises(Exception, match=r"flush|timeout"):
            await connection.client.flush(timeout=1)
    finally:
        thaw(own)
    try:
        await connection.pulse()
        await connection.pulse()
    finally:
        await connection.close()


async def test_the_end_of_the_read_loop_is_the_end_of_the_connection(nats: EmbeddedNats) -> None:
    connection = await open_connection(nats.url("catalog"), "test")
    reading = connection.client._reading_task
    assert reading is not None
    reading.cancel()
    async with asyncio.timeout(2):
        await connection.lost.wait()
    assert connection.reason == "the read loop ended"
    await connection.close()


async def test_bodies_only_leaves_headers_but_not_statuses(nats: EmbeddedNats, operator: Connection) -> None:
    connection = await open_connection(nats.url("operator"), "test", bodies_only=True)
    try:
        with pytest.raises(NoResponders):
            await connection.request("$SRV.PING.nobody", timeout=5)
        reply, answer = connection.expect()
        head = b"NATS/1.0\r\nA: b\r\n\r\n"
        await connection.send(b"HPUB %s %d %d\r\n%sx\r\n" % (reply.encode(), len(head), len(head) + 1, head))
        message = await connection.answer(reply, answer, 2)
        assert (message.data, message.headers) == (b"x", None)
    finally:
        await connection.close()


async def test_a_bus_replaces_its_connection(own: EmbeddedNats) -> None:
    lost = asyncio.Event()
    standing = await connect(own.url("catalog"), "test", on_lost=lambda _: lost.set())
    running = asyncio.create_task(standing.run())
    try:
        assert await standing.check() is None
        await own.stop()
        async with asyncio.timeout(5):
            await lost.wait()
        assert await standing.check() is not None
        with pytest.raises(Lost):
            await standing.request("rpc.events.recipients", timeout=0.2)
        own._wanted = (own.port, own.monitor_port)
        await own.start()
        connection = await standing.connection(10)
        await connection.pulse()
        assert await standing.check() is None
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_no_server_is_lost_in_time() -> None:
    began = time.monotonic()
    with pytest.raises(Lost):
        await Bus("nats://u:p@127.0.0.1:9", "test").open()
    assert time.monotonic() - began < 6


async def test_no_answer_in_time(nats: EmbeddedNats) -> None:
    connection = await open_connection(nats.url("operator"), "test")
    try:
        reply, answer = connection.expect()
        with pytest.raises(NoAnswer):
            await connection.answer(reply, answer, 0.05)
        assert not connection._waiting
    finally:
        await connection.close()


async def test_a_cancelled_close_leaves_nothing_behind(own: EmbeddedNats) -> None:
    """The session of a consumer that is cancelled while it closes: no socket, no task of nats-py may live on."""
    before = asyncio.all_tasks()
    connection = await open_connection(own.url("catalog"), "test")
    freeze(own)
    try:
        closing = asyncio.create_task(connection.close())
        await asyncio.sleep(0.1)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        await asyncio.sleep(0.1)
        writer = getattr(connection.client._transport, "_io_writer", None)
        assert writer is not None
        assert writer.transport.is_closing()
        assert asyncio.all_tasks() <= before
    finally:
        thaw(own)
