"""nats-py as its documentation uses it: what any program does with NATS, and the limit of what ours can.

Its arguments are the server's address and the prefix of this user's inboxes. Requests: {"do": "listen"} forgets what
was heard so far; {"do": "tell", "count"} waits until so many messages were heard and says how long each took from the
time its account's name begins with; {"do": "publish", "count"} publishes one message after the other; {"do": "consume",
"count"} pulls the stream from its beginning and acknowledges.
"""

import asyncio
import json
import sys
import time
from typing import Any

import nats
import uvloop
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

STREAM, SUBJECTS = "IKZ_EVENTS", "ikz.events.>"
BODY = b"x" * 650
BATCH = 500
PATIENCE = 60.0


class Plain:
    """A connection, and what is heard on it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._js = client.jetstream()
        self._took: list[int] = []
        self._last = 0
        self._listening = False

    async def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """What a request comes to."""
        match request:
            case {"do": "listen"}:
                return await self._listen()
            case {"do": "tell", "count": count}:
                return await self._tell(count)
            case {"do": "publish", "count": count}:
                return await self._publish(count)
            case {"do": "consume", "count": count}:
                return await self._consume(count)
            case _:
                raise ValueError(request)

    async def _listen(self) -> dict[str, Any]:
        if not self._listening:
            config = ConsumerConfig(deliver_policy=DeliverPolicy.NEW, ack_policy=AckPolicy.NONE)
            await self._js.subscribe(SUBJECTS, stream=STREAM, cb=self._hear, config=config)
            self._listening = True
        self._took.clear()
        return {}

    async def _hear(self, message: Msg) -> None:
        self._last = time.monotonic_ns()
        due = message.subject.rpartition(".")[2].partition("-")[0]
        self._took.append(self._last - int(due))

    async def _tell(self, count: int) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            while len(self._took) < count:  # noqa: ASYNC110 -- an event for each message would cost more
                await asyncio.sleep(0.01)
        ordered = sorted(self._took)
        p50, p99 = (ordered[len(ordered) * part // 100] / 1e6 for part in (50, 99))
        return {"p50 ms": p50, "p99 ms": p99, "last": self._last}

    async def _publish(self, count: int) -> dict[str, float]:
        started = time.perf_counter()
        for number in range(count):
            await self._js.publish(f"ikz.events.account.deposited.v1.{number}", BODY)
        return {"1/s": count / (time.perf_counter() - started)}

    async def _consume(self, count: int) -> dict[str, float]:
        started = time.perf_counter()
        config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.EXPLICIT, max_ack_pending=10_000)
        pull = await self._js.pull_subscribe(SUBJECTS, stream=STREAM, config=config)
        done = 0
        while done < count:
            for message in await pull.fetch(BATCH, timeout=PATIENCE):
                await message.ack()
                done += 1
        await self._client.flush()
        took = time.perf_counter() - started
        await pull.unsubscribe()
        return {"1/s": done / took}


async def main(url: str, inbox_prefix: str) -> None:
    """Serves requests until there are no more."""
    client = await nats.connect(url, inbox_prefix=inbox_prefix)
    plain = Plain(client)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await plain.answer(json.loads(line))), flush=True)
    await client.close()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
