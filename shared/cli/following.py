"""Reading the streams as any third party does: with a reader's rights, through consumers of its own."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Any

from nats.aio.msg import Msg

from shared.kernel import logs
from shared.kernel.bus import ApiError, Connection, Denied, Lost, NoAnswer, NoResponders, open_connection
from shared.kernel.streams import stream_of

WAIT = 20.0
BATCH = 100
IDLE = 60
RECONNECT = 1.0


class Enough(Exception):
    """Raised by `show` to end the reading."""


class Unreadable(Exception):
    """NATS cannot be reached or refuses; the message says why."""


async def follow(
    url: str,
    filters: dict[str, str],
    show: Callable[[dict[str, Any]], None],
    told: Callable[[str], None],
    *,
    everything: bool,
) -> None:
    """Hands every event to `show` until it raises `Enough`; `filters` gives the wanted subject for each service.

    A lost connection is made anew and goes on behind what was shown; `told` hears why.
    Raises `Unreadable` if there was none at first.
    """
    logs.configure("ikz tail", "error", "console")
    after: dict[str, int | None] = dict.fromkeys(filters, 0 if everything else None)
    first = True
    while True:
        try:
            connection = await open_connection(url, "ikz tail")
            first = False
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(_watch(connection))
                    for service, chosen in filters.items():
                        tasks.create_task(_follow(connection, service, chosen, after, show))
            finally:
                await connection.close()
        except (Denied, Lost) as error:
            if first:
                raise Unreadable(str(error)) from error
        except BaseExceptionGroup as group:
            if group.subgroup(Enough):
                return
            lost, rest = group.split((Lost, NoAnswer, NoResponders, ApiError))
            if rest is not None or lost is None:
                raise
            told(str(lost.exceptions[0]))
        await asyncio.sleep(RECONNECT)


async def _follow(
    connection: Connection,
    service: str,
    chosen: str,
    after: dict[str, int | None],
    show: Callable[[dict[str, Any]], None],
) -> None:
    """Shows what one stream holds behind `after[service]` (None: only what comes), and moves that on.

    A stream that ends before that was made anew, and is shown from its beginning.
    """
    stream, name = stream_of(service), f"tail-{secrets.token_hex(6)}"
    last, known = int((await connection.api(f"STREAM.INFO.{stream}"))["state"]["last_seq"]), after[service]
    start = last if known is None else known if known <= last else 0
    after[service] = start
    config = {
        "name": name,
        "deliver_policy": "by_start_sequence",
        "opt_start_seq": start + 1,
        "ack_policy": "none",
        "filter_subject": chosen,
        "inactive_threshold": IDLE * 1_000_000_000,
        "mem_storage": True,
    }
    await connection.api(f"CONSUMER.CREATE.{stream}.{name}.{chosen}", {"stream_name": stream, "config": config})
    inbox = f"{connection.inbox}.{service}.next"
    messages: asyncio.Queue[Msg] = asyncio.Queue()
    await connection.subscribe(inbox, messages.put)
    body = json.dumps({"batch": BATCH, "expires": int(WAIT * 1_000_000_000)})
    subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}"
    pull = f"PUB {subject} {inbox} {len(body)}\r\n{body}\r\n".encode()
    while True:
        await connection.send(pull)
        async for message in _batch(messages):
            after[service] = message.metadata.sequence.stream
            show(json.loads(message.data))


async def _batch(messages: asyncio.Queue[Msg]) -> AsyncIterator[Msg]:
    """What one pull brings, until it is used up or its time is over."""
    for _ in range(BATCH):
        try:
            message = await asyncio.wait_for(messages.get(), WAIT + 5)
        except TimeoutError:
            raise Lost("the server does not answer") from None
        status = (message.headers or {}).get("Status")
        if status in {"404", "408"}:
            return
        if status is not None:
            raise Lost(f"the consumer is gone ({status})")
        yield message


async def _watch(connection: Connection) -> None:
    await connection.lost.wait()
    raise Lost(connection.reason)
