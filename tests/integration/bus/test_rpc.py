"""Services ask each other: typed, in time, with codes instead of surprises."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from pydantic import BaseModel

from shared.embedded.nats import EmbeddedNats
from shared.kernel.bus import Bus, Connection, connect
from shared.kernel.decider import Refused
from shared.kernel.problems import Problem
from shared.kernel.rpc import AT_ONCE, RpcEndpoint, ask, serve_rpc
from tests.integration.bus.rig import DEADLINE

SUBJECT = "rpc.events.recipients"


class Asked(BaseModel):
    word: str


class Answered(BaseModel):
    word: str
    length: int


class Otherwise(BaseModel):
    something_else: int


released = asyncio.Event()
"""Until then the answer to `slow` does not come."""


async def answer(asked: Asked) -> Answered:
    match asked.word:
        case "slow":
            await released.wait()
        case "unknown":
            raise Problem("not_found", "Davon ist nichts bekannt.")
        case "refused":
            raise Refused("hall_full")
        case "broken":
            raise KeyError("inside")
        case _:
            pass
    return Answered(word=asked.word, length=len(asked.word))


@pytest.fixture
async def events(nats: EmbeddedNats) -> AsyncIterator[Bus]:
    """The events service, answering."""
    released.clear()
    bus = await connect(nats.url("events"), "events")
    tasks = [
        asyncio.create_task(bus.run()),
        asyncio.create_task(serve_rpc(bus, "events", [RpcEndpoint(SUBJECT, Asked, answer)])),
    ]
    yield bus
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def notify(nats: EmbeddedNats, events: Bus) -> AsyncIterator[Bus]:
    """The notify service, asking, once there is somebody to answer."""
    bus = await connect(nats.url("notify"), "notify")
    async with asyncio.timeout(DEADLINE):
        while await code(bus, "ready?", timeout=0.2) == "unavailable":
            await asyncio.sleep(0.02)
    yield bus
    await bus.close()


async def code(bus: Bus, word: str, timeout: float = 2.0) -> str | None:
    """The code of the problem a question ends in."""
    try:
        await ask(bus, SUBJECT, Asked(word=word), Answered, timeout)
    except Problem as problem:
        return problem.code
    return None


async def test_an_answer(notify: Bus) -> None:
    assert await ask(notify, SUBJECT, Asked(word="hello"), Answered) == Answered(word="hello", length=5)


@pytest.mark.parametrize(
    ("word", "expected"), [("unknown", "not_found"), ("refused", "hall_full"), ("broken", "internal")]
)
async def test_a_problem_comes_back_as_the_same_problem(notify: Bus, word: str, expected: str) -> None:
    assert await code(notify, word) == expected


async def test_the_detail_comes_along_in_german(notify: Bus) -> None:
    with pytest.raises(Problem) as caught:
        await ask(notify, SUBJECT, Asked(word="unknown"), Answered)
    assert caught.value.detail == "Davon ist nichts bekannt."


async def test_a_wrong_question_and_a_wrong_answer(notify: Bus) -> None:
    with pytest.raises(Problem, match="invalid_request"):
        await ask(notify, SUBJECT, Otherwise(something_else=1), Answered)
    with pytest.raises(Problem, match="internal"):
        await ask(notify, SUBJECT, Asked(word="hello"), Otherwise)


async def test_too_late_is_unavailable_in_time(notify: Bus) -> None:
    async with asyncio.timeout(DEADLINE):
        assert await code(notify, "slow", timeout=0.2) == "unavailable"


async def test_slow_answers_hold_up_no_other(notify: Bus) -> None:
    slow = [asyncio.create_task(code(notify, "slow", timeout=DEADLINE)) for _ in range(AT_ONCE - 1)]
    await asyncio.sleep(0.05)
    assert await code(notify, "quick", timeout=DEADLINE) is None
    assert not any(one.done() for one in slow)
    released.set()
    assert set(await asyncio.gather(*slow)) == {None}


async def test_nobody_there_is_unavailable_at_once(nats: EmbeddedNats) -> None:
    bus = await connect(nats.url("notify"), "notify")
    began = time.monotonic()
    assert await code(bus, "hello", timeout=5) == "unavailable"
    assert time.monotonic() - began < 1
    await bus.close()


async def test_who_may_not_ask_is_told_so(nats: EmbeddedNats, events: Bus) -> None:
    bus = await connect(nats.url("catalog"), "catalog")
    began = time.monotonic()
    assert await code(bus, "hello", timeout=5) == "forbidden"
    assert time.monotonic() - began < 1
    await bus.close()


async def test_serving_goes_on_after_a_lost_connection(events: Bus, notify: Bus) -> None:
    for _ in range(3):
        (await events.connection()).lose("a test")
        async with asyncio.timeout(DEADLINE):
            while await code(notify, "hello", timeout=0.5) is not None:
                await asyncio.sleep(0.05)


async def test_the_operator_sees_who_serves(operator: Connection, notify: Bus) -> None:
    pong = await operator.request("$SRV.PING.events")
    assert b'"name": "events"' in pong.data
