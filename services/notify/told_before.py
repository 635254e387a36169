"""What was told before this database was restored to an older state: nobody is told it again.

A restored database does not know the last messages it sent, and reads their causes once more. But the ids of messages
follow from their causes, and this service's own stream, which is further on than the journal then, names every message
that was handed over or given up. They are noted at the start, before anything is read, and never written again
(`queue.WRITE`). Only what was handed over in the last moment before the crash, and not yet reported, is sent again:
with the same Message-ID.
"""

import asyncio
import base64
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
import structlog

from shared.contracts.notify import MessageBounced, MessageDelivered
from shared.kernel.bus import ApiError, Connection
from shared.kernel.cloud_events import header_lines
from shared.kernel.postgres import Pool
from shared.kernel.streams import NO_SUCH_MESSAGE, last_message, stream_of

SERVICE = "notify"
HEAD = "SELECT position FROM journal_counter"
NOTE = "INSERT INTO told_before (message_id) SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING"
AT_ONCE = 64
ENDS = {MessageDelivered.type, MessageBounced.type}

log = structlog.get_logger()


async def learn(pool: Pool, nats: Connection) -> int:
    """Notes what the stream tells beyond the journal; gives how many messages that names, 0 in a sound system.

    Doing it again changes nothing.
    """
    head: int = await pool.fetchval(HEAD)
    last = await last_message(nats, SERVICE)
    if last is None or _position(last) <= head:
        return 0
    found: list[UUID] = []
    newest = last["seq"]
    while True:
        oldest = max(newest - AT_ONCE, 0)
        part = await asyncio.gather(*(_message(nats, seq) for seq in range(newest, oldest, -1)))
        beyond = [message for message in part if message is not None and _position(message) > head]
        found += _ended(beyond)
        if len(beyond) < sum(message is not None for message in part) or not oldest:
            break
        newest = oldest
    await pool.execute(NOTE, found)
    log.warning("database_was_restored", position=head, published=_position(last), told_before=len(found))
    return len(found)


async def _message(nats: Connection, seq: int) -> dict[str, Any] | None:
    """A message of the stream, unless it is gone by age."""
    try:
        return dict((await nats.api(f"STREAM.MSG.GET.{stream_of(SERVICE)}", {"seq": seq}))["message"])
    except ApiError as error:
        if error.err_code == NO_SUCH_MESSAGE:
            return None
        raise


def _position(message: dict[str, Any]) -> int:
    position = header_lines(base64.b64decode(message.get("hdrs", ""))).get("Ikz-Position", "")
    return int(position) if position.isdigit() else 0


def _ended(messages: Sequence[dict[str, Any]]) -> list[UUID]:
    events = [orjson.loads(base64.b64decode(message["data"])) for message in messages]
    return [UUID(event["data"]["message_id"]) for event in events if event["type"] in ENDS]
