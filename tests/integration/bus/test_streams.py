"""Streams are made as asked for or not at all, and nobody works on others."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from shared.embedded.nats import EmbeddedNats
from shared.kernel import streams
from shared.kernel.bus import ApiError, Connection, Denied, open_connection
from shared.kernel.nats_access import render_config
from shared.kernel.streams import (
    FILE_KEEPERS,
    PUBLISHERS,
    Limits,
    NoStream,
    Unfit,
    bootstrap_streams,
    bucket_stream_of,
    stream_of,
    stream_state,
)
from tests.integration.bus.conftest import NATS_PASSWORDS

ALL = [stream_of(service) for service in PUBLISHERS]
STORES = [bucket_stream_of(service) for service in FILE_KEEPERS]


async def config(operator: Connection, name: str = "IKZ_EVENTS") -> dict[str, Any]:
    found: dict[str, Any] = (await operator.api(f"STREAM.INFO.{name}"))["config"]
    return found


@pytest.mark.usefixtures("streams")
async def test_making_them_again_changes_nothing(nats: EmbeddedNats, operator: Connection) -> None:
    before = [await config(operator, name) for name in (*ALL, *STORES)]
    assert await bootstrap_streams(nats.url("operator"), monitor_url=nats.monitor_url) == []
    assert [await config(operator, name) for name in (*ALL, *STORES)] == before


@pytest.mark.usefixtures("streams")
async def test_what_they_are(operator: Connection) -> None:
    found = await config(operator)
    assert found["subjects"] == ["ikz.events.>"]
    assert (found["storage"], found["retention"], found["discard"]) == ("file", "limits", "old")
    assert found["allow_atomic"] is True
    assert (found["max_age"], found["max_bytes"]) == (90 * 86400 * 10**9, 1024**3)
    assert (found["max_msg_size"], found["num_replicas"]) == (256 * 1024, 1)


@pytest.mark.usefixtures("streams")
async def test_other_limits_are_brought_in(nats: EmbeddedNats, operator: Connection) -> None:
    wide = Limits(max_bytes=2 * 1024**3)
    assert await bootstrap_streams(nats.url("operator"), limits=wide) == ALL
    assert (await config(operator))["max_bytes"] == 2 * 1024**3


@pytest.mark.usefixtures("streams")
async def test_where_files_are_kept_nothing_ends_by_itself(nats: EmbeddedNats, operator: Connection) -> None:
    found = await config(operator, STORES[0])
    assert (found["storage"], found["discard"], found["max_age"]) == ("file", "new", 0)
    assert (found["max_bytes"], found["num_replicas"]) == (4 * 1024**3, 1)
    assert await bootstrap_streams(nats.url("operator"), limits=Limits(max_file_bytes=1024**3)) == STORES
    assert await bootstrap_streams(nats.url("operator")) == STORES


@pytest.mark.usefixtures("streams")
async def test_messages_survive_a_new_configuration(nats: EmbeddedNats, operator: Connection) -> None:
    events = await open_connection(nats.url("events"), "test")
    await events.request("ikz.events.x.y.v1.z", b"kept")
    await bootstrap_streams(nats.url("operator"), limits=Limits(max_bytes=2 * 1024**3))
    assert (await stream_state(events, "events")).messages == 1
    await events.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"allow_atomic": False}, "allow_atomic is None instead of True"),
        ({"max_msgs": 5}, "max_msgs is 5 instead of -1"),
        ({"subjects": ["ikz.events.>", "ikz.else.>"]}, "subjects is ['ikz.events.>', 'ikz.else.>'] instead of"),
        ({"discard": "new"}, "discard is 'new' instead of 'old'"),
        ({"no_ack": True, "allow_atomic": False}, "no_ack is True instead of False"),
        ({"storage": "memory", "max_bytes": 1024**2}, "storage is 'memory' instead of 'file'"),
        ({"retention": "interest"}, "retention is 'interest' instead of 'limits'"),
        ({"allow_rollup_hdrs": True}, "allow_rollup_hdrs is True instead of False"),
    ],
)
@pytest.mark.usefixtures("streams")
async def test_a_stream_that_is_not_as_it_must_be(
    nats: EmbeddedNats, operator: Connection, change: dict[str, Any], said: str
) -> None:
    await operator.api("STREAM.DELETE.IKZ_EVENTS")
    await operator.api("STREAM.CREATE.IKZ_EVENTS", streams.configuration("events", 1, Limits()) | change)
    with pytest.raises(Unfit) as caught:
        await stream_state(operator, "events")
    assert said in str(caught.value)
    assert "ikz bootstrap" in str(caught.value)


@pytest.mark.usefixtures("streams")
async def test_a_missing_stream(operator: Connection) -> None:
    await operator.api("STREAM.DELETE.IKZ_EVENTS")
    with pytest.raises(NoStream, match="IKZ_EVENTS"):
        await stream_state(operator, "events")


@pytest.mark.usefixtures("streams")
async def test_what_cannot_be_changed_is_said(nats: EmbeddedNats, operator: Connection) -> None:
    await operator.api("STREAM.DELETE.IKZ_EVENTS")
    memory = streams.configuration("events", 1, Limits(max_bytes=1024**2)) | {"storage": "memory"}
    await operator.api("STREAM.CREATE.IKZ_EVENTS", memory)
    with pytest.raises(Unfit, match="refuses the stream IKZ_EVENTS"):
        await bootstrap_streams(nats.url("operator"))


@pytest.mark.usefixtures("streams")
async def test_what_the_server_drops_is_noticed(
    nats: EmbeddedNats, operator: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an older server drops `allow_atomic`: silently."""
    real = Connection.api

    async def forgetful(self: Connection, call: str, body: Any = None, **more: Any) -> dict[str, Any]:
        answer = await real(self, call, body, **more)
        if "config" in answer:
            answer["config"].pop("allow_atomic", None)
        return answer

    monkeypatch.setattr(Connection, "api", forgetful)
    with pytest.raises(Unfit, match="allow_atomic is None instead of True"):
        await bootstrap_streams(nats.url("operator"))


@pytest.mark.usefixtures("streams")
async def test_files_of_a_deleted_stream_are_waited_for(
    nats: EmbeddedNats, operator: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy disk the server says so for a moment."""
    monkeypatch.setattr(streams, "STORE_RETRY", 0.01)
    real = Connection.api
    refused: list[str] = []

    async def busy(self: Connection, call: str, body: Any = None, **more: Any) -> dict[str, Any]:
        if call.startswith("STREAM.CREATE") and len(refused) < 2:
            refused.append(call)
            raise ApiError(500, streams.NO_STORE, "error creating store for stream")
        return await real(self, call, body, **more)

    await operator.api("STREAM.DELETE.IKZ_EVENTS")
    monkeypatch.setattr(Connection, "api", busy)
    assert await bootstrap_streams(nats.url("operator")) == ["IKZ_EVENTS"]
    assert refused == ["STREAM.CREATE.IKZ_EVENTS"] * 2


async def test_a_service_cannot_make_streams(nats: EmbeddedNats) -> None:
    with pytest.raises(Denied):
        await bootstrap_streams(nats.url("catalog"))


async def test_a_server_that_does_not_sync(tmp_path: Path) -> None:
    def lazy(**values: Any) -> str:
        return render_config(**values).replace("sync_interval: always", "sync_interval: 1s")

    async with EmbeddedNats(tmp_path, lazy, NATS_PASSWORDS) as server:
        with pytest.raises(Unfit, match="sync_interval is not 'always'"):
            await bootstrap_streams(server.url("operator"), monitor_url=server.monitor_url)
        connection = await open_connection(server.url("operator"), "test")
        with pytest.raises(ApiError):
            await connection.api("STREAM.INFO.IKZ_EVENTS")
        await connection.close()


async def test_a_monitor_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MONITOR_RETRY", 0.01)
    with pytest.raises(Unfit, match="monitoring port does not answer"):
        await streams.verify_server("http://127.0.0.1:9")


async def test_a_monitor_that_answers_late_is_asked_again(nats: EmbeddedNats, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server under load may drop a request; a service must not end because of it."""
    monkeypatch.setattr(streams, "MONITOR_RETRY", 0.01)
    refused = 0

    async def pass_on(request: web.Request) -> web.Response:
        nonlocal refused
        if refused < 2:
            refused += 1
            return web.Response(status=503)
        async with aiohttp.ClientSession() as http, http.get(f"{nats.monitor_url}{request.path}") as answer:
            return web.json_response(await answer.json())

    app = web.Application()
    app.router.add_get("/varz", pass_on)
    async with TestServer(app) as monitor:
        await streams.verify_server(str(monitor.make_url("")))
    assert refused == 2
