"""Reading through a pull consumer: a message comes when it is stored, whatever runs out meanwhile."""

import asyncio
import time
from typing import Any

import pytest

from shared.embedded.nats import EmbeddedNats
from shared.kernel import pull as pull_module
from shared.kernel.bus import open_connection
from shared.kernel.pull import Doubt, Pull

pytestmark = pytest.mark.usefixtures("streams")

PATIENCE = 5.0


async def test_a_request_that_runs_out_is_renewed_at_once(nats: EmbeddedNats, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pull_module, "EXPIRES", 1.0)
    monkeypatch.setattr(pull_module, "HEARTBEAT", 0.4)
    events = await open_connection(nats.url("events"), "test events")
    notify = await open_connection(nats.url("notify"), "test notify")
    try:
        pull = Pull(notify, "events", "notify", 10)
        await pull.start(1)
        reading = asyncio.create_task(pull.batch(PATIENCE))
        await asyncio.sleep(1.5)
        stored = time.monotonic()
        await events.request("ikz.events.session.announced.v1.x", b"{}")

        (message,) = await reading

        assert message.data == b"{}"
        assert time.monotonic() - stored < 1
    finally:
        await events.close()
        await notify.close()


async def test_a_message_on_its_way_is_not_held_back(nats: EmbeddedNats, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was stored when the server counted, and had not been sent yet."""
    monkeypatch.setattr(pull_module, "HEARTBEAT", 0.5)
    monkeypatch.setattr(pull_module, "SILENCE", 30.0)
    events = await open_connection(nats.url("events"), "test events")
    notify = await open_connection(nats.url("notify"), "test notify")
    real = notify.api

    async def counted_before(call: str, *more: Any) -> dict[str, Any]:
        answer = await real(call, *more)
        return answer | {"num_pending": 1} if call.startswith("CONSUMER.INFO") else answer

    try:
        pull = Pull(notify, "events", "notify", 10)
        await pull.start(1)
        assert await pull.batch(0.1) == []
        monkeypatch.setattr(notify, "api", counted_before)
        with pytest.raises(Doubt, match="holds back 1 messages"):
            await pull.check()
        monkeypatch.setattr(pull_module, "HEARTBEAT", PATIENCE)
        checking = asyncio.create_task(pull.check())
        await asyncio.sleep(0.1)
        await events.request("ikz.events.session.announced.v1.x", b"{}")
        await checking
        (message,) = await pull.batch(PATIENCE)
        assert message.data == b"{}"
    finally:
        await events.close()
        await notify.close()
