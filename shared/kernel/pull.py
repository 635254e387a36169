"""Reading a stream in order through one durable JetStream consumer, with nobody else reading through it.

The consumer is made anew for every session, behind the point the session goes on from: what an earlier session took
without acknowledging would otherwise come late and out of order, and after the server lost the end of a stream an old
consumer skips everything up to where it once was. A pull request stays open and is renewed, so a message comes as soon
as it is stored. nats-py's own `fetch` hides a deleted consumer behind timeouts; here any status but a plain expiry, and
silence, ends the session.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from typing import Any

import orjson
from nats.aio.msg import Msg

from shared.kernel.bus import ApiError, Connection, Lost
from shared.kernel.streams import differences, stream_of, subjects_of

HEARTBEAT = 2.0
SILENCE = 3 * HEARTBEAT
EXPIRES = 30.0
ACK_WAIT = 30.0
NANOSECONDS = 1_000_000_000
NO_SUCH_CONSUMER = 10014
PLAIN = {"100", "404", "408"}  # a heartbeat, no messages, a request that ran out


class Doubt(Exception):
    """The messages may not be what follows: the session ends, and the next one begins at the checkpoint."""


class Pull:
    """One session's reading. `start` once, then `batch` and `acknowledge` in turn."""

    def __init__(self, connection: Connection, source: str, consumer: str, size: int) -> None:
        self._connection = connection
        self._stream = stream_of(source)
        self._subjects = subjects_of(source)
        self._consumer = consumer
        self._size = size
        self._inbox = f"{connection.inbox}.pull.{consumer}"
        self._config: dict[str, Any] = {}
        self._created = ""
        self._waiting: deque[Msg] = deque()
        self._asked = 0  # messages the server may still send
        self._ended: str | None = None
        self._heard = 0.0
        self._arrived = asyncio.Event()

    async def start(self, first_seq: int) -> None:
        """Makes the consumer, whose first message is `first_seq` or the next there is."""
        self._config = {
            "name": self._consumer,
            "durable_name": self._consumer,
            "filter_subject": self._subjects,
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": first_seq,
            "ack_policy": "explicit",
            "ack_wait": int(ACK_WAIT * NANOSECONDS),
            "max_deliver": -1,
            "max_ack_pending": 8 * self._size,
            "replay_policy": "instant",
        }
        await self._connection.subscribe(self._inbox, self._hear)
        try:
            await self._connection.api(f"CONSUMER.DELETE.{self._stream}.{self._consumer}")
        except ApiError as error:
            if error.err_code != NO_SUCH_CONSUMER:
                raise
        made = await self._connection.api(
            f"CONSUMER.CREATE.{self._stream}.{self._consumer}.{self._subjects}",
            {"stream_name": self._stream, "config": self._config, "action": "create"},
        )
        self._created = made["created"]
        self._compare(made["config"])
        self._heard = self._now()

    async def batch(self, patience: float) -> list[Msg]:
        """What has arrived, in order; waits for the first message, but no longer than `patience` seconds."""
        await self._some(self._now() + patience)
        if self._connection.lost.is_set():
            raise Lost(self._connection.reason)
        if self._ended is not None:
            raise Doubt(f"the consumer {self._consumer} ended: {self._ended}")
        if not self._waiting and self._now() - self._heard > SILENCE:
            raise Doubt(f"the consumer {self._consumer} is silent")
        return [self._waiting.popleft() for _ in range(min(self._size, len(self._waiting)))]

    async def _some(self, until: float) -> None:
        """Waits for a message or the session's end. A request that runs out meanwhile is made again."""
        while True:
            self._arrived.clear()
            await self._ask()
            if self._waiting or self._ended is not None or self._connection.lost.is_set() or self._now() >= until:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await self._arrived.wait()

    async def acknowledge(self, messages: Sequence[Msg]) -> None:
        """Tells the server that these are done with. An acknowledgement that gets lost does no harm."""
        await self._connection.send(b"".join(f"PUB {message.reply} 0\r\n\r\n".encode() for message in messages))

    async def check(self) -> None:
        """Raises `Doubt` unless the consumer is the one that `start` made, and has nothing for us while we wait."""
        try:
            found = await self._connection.api(f"CONSUMER.INFO.{self._stream}.{self._consumer}")
        except ApiError as error:
            if error.err_code == NO_SUCH_CONSUMER:
                raise Doubt(f"the consumer {self._consumer} is gone") from error
            raise
        if found["created"] != self._created:
            raise Doubt(f"somebody else has made the consumer {self._consumer} anew")
        self._compare(found["config"])
        if found["num_pending"] and self._asked > 0:
            await self._some(self._now() + HEARTBEAT)  # what was stored just now is on its way
            if not self._waiting:
                raise Doubt(f"the consumer {self._consumer} holds back {found['num_pending']} messages")

    def _compare(self, echoed: dict[str, Any]) -> None:
        if found := differences(self._config, echoed):
            raise Doubt(f"the consumer {self._consumer} is not as it was asked for: {'; '.join(found)}")

    async def _ask(self) -> None:
        """Keeps requests open for more than one batch, so that the next one arrives while this one is worked on."""
        missing = 2 * self._size - self._asked - len(self._waiting)
        if missing < self._size:
            return
        request = {
            "batch": missing,
            "expires": int(EXPIRES * NANOSECONDS),
            "idle_heartbeat": int(HEARTBEAT * NANOSECONDS),
        }
        self._asked += missing
        body = orjson.dumps(request)
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._consumer}"
        await self._connection.send(
            b"PUB %s %s %d\r\n%s\r\n" % (subject.encode(), self._inbox.encode(), len(body), body)
        )

    async def _hear(self, message: Msg) -> None:
        self._heard = self._now()
        if message.headers is None:  # the connection leaves all headers unread but those of a status
            self._asked -= 1
            self._waiting.append(message)
        elif message.headers.get("Status") in PLAIN:
            self._asked -= int(message.headers.get("Nats-Pending-Messages", 0))
        else:
            # nats-py takes the first header of a status without words (503) for its description
            words = message.headers.get("Description", "").partition("\n")[0]
            self._ended = words.strip() or message.headers.get("Status")
        self._arrived.set()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def sequence_of(message: Msg) -> int:
    """A delivered message's place in its stream, from its reply subject (which may name domain and account)."""
    tokens = message.reply.split(".")
    return int(tokens[5] if len(tokens) == 9 else tokens[7])
