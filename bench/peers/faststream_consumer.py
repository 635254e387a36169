"""FastStream as its documentation uses it: a pull consumer that takes batches into pydantic models, without an inbox.

Its argument is the server's address. Requests: {"do": "consume", "count"} consumes so many messages of the stream from
its beginning.
"""

import asyncio
import json
import sys
import time
from typing import Any

import uvloop
from faststream.nats import JStream, NatsBroker, PullSub
from nats.js.api import DeliverPolicy
from pydantic import BaseModel

STREAM, SUBJECTS = "IKZ_EVENTS", "ikz.events.>"
BATCH = 500
PATIENCE = 120.0


class Deposit(BaseModel):
    """What is told of a deposit."""

    account: str
    amount: int


class Event(BaseModel):
    """What an effect needs of a message."""

    id: str
    type: str
    subject: str
    position: int
    time: str
    data: Deposit


async def consume(url: str, count: int) -> dict[str, float]:
    """A broker of its own, from its start to the last message."""
    broker, done, finished = NatsBroker(url, logger=None), 0, asyncio.Event()

    @broker.subscriber(
        SUBJECTS,
        stream=JStream(STREAM, declare=False),
        pull_sub=PullSub(batch_size=BATCH, batch=True),
        deliver_policy=DeliverPolicy.ALL,
    )
    async def handle(events: list[Event]) -> None:
        nonlocal done
        done += len(events)
        if done >= count:
            finished.set()

    started = time.perf_counter()
    async with broker:
        await broker.start()
        await asyncio.wait_for(finished.wait(), PATIENCE)
        took = time.perf_counter() - started
    return {"1/s": done / took}


async def main(url: str) -> None:
    """Serves requests until there are no more."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        request: dict[str, Any] = json.loads(line)
        print(json.dumps(await consume(url, request["count"])), flush=True)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
