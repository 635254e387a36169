"""Reading the streams as any third party does: with a reader's rights, through consumers of its own."""

import asyncio
import json
import secrets
from collections.abc import Callable
from typing import Any

from shared.kernel.bus import ApiError, Connection, Denied, Lost, NoAnswer, NoResponders, open_connection
from shared.kernel.streams import stream_of

WAIT = 20.0
IDLE = 60
RECONNECT = 1.0


class Enough(Exception):
    """Raised by `show` to end the reading."""


class Unreadable(Exception):
    """NATS cannot be reached or refuses; the message says why."""


async def follow(
    url: str, filters: dict[str, str], show: Callable[[dict[str, Any]], None], *, everything: bool
) -> None:
    """Hands every event to `show` until it raises `Enough`; `filters` gives the wanted subject for each service.

    A lost connection is made anew and goes on behind what was shown. Raises `Unreadable` if there was none at first.
    """
    after: dict[str, int | None] = dict.fromkeys(filters, 0 if everything else None)
    first = True
    while True:
        try:
            connection = await open_connection(url, "ikz tail")
            first = False
            try:
                async with asyncio.TaskGroup() as tasks:
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
            if rest := group.split((Lost, NoAnswer, NoResponders, ApiError))[1]:
                raise rest.exceptions[0] from None
        await asyncio.sleep(RECONNECT)


async def _follow(
    connection: Connection,
    service: str,
    chosen: str,
    after: dict[str, int | None],
    show: Callable[[dict[str, Any]], None],
) -> None:
    """Shows what one stream holds behind `after[service]` (None: only what comes), and moves that on."""
    stream, name = stream_of(service), f"tail-{secrets.token_hex(6)}"
    if after[service] is None:
        after[service] = int((await connection.api(f"STREAM.INFO.{stream}"))["state"]["last_seq"])
    config = {
        "name": name,
        "deliver_policy": "by_start_sequence",
        "opt_start_seq": (after[service] or 0) + 1,
        "ack_policy": "none",
        "filter_subject": chosen,
        "inactive_threshold": IDLE * 1_000_000_000,
        "mem_storage": True,
    }
    await connection.api(f"CONSUMER.CREATE.{stream}.{name}.{chosen}", {"stream_name": stream, "config": config})
    ask = json.dumps({"batch": 1, "expires": int(WAIT * 1_000_000_000)}).encode()
    while True:
        message = await connection.request(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}", ask, timeout=WAIT + 5)
        status = (message.headers or {}).get("Status")
        if status in {"404", "408"}:
            continue
        if status is not None:
            raise Lost(f"the consumer is gone ({status})")
        after[service] = message.metadata.sequence.stream
        show(json.loads(message.data))
