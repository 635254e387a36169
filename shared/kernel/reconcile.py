"""Where a relay goes on: what the stream holds, compared with the journal and with what is remembered of the stream."""

import base64
from dataclasses import dataclass
from typing import Any

import asyncpg
import structlog

from shared.kernel.bus import Connection
from shared.kernel.cloud_events import digest, header_lines
from shared.kernel.postgres import Connection as PostgresConnection
from shared.kernel.postgres import OwnConnection
from shared.kernel.streams import StreamState, last_message, stream_of

# One snapshot: where the journal stands, the event published last (is it still the same?), and the next published ones.
# Parameters: position of the last one; behind which position, up to which one, and how many to look for.
READ = """
SELECT counter.position AS head, counter.store_id, j.*
FROM journal_counter AS counter LEFT JOIN LATERAL (
    SELECT position, stream, version, type, form, data, correlation_id, causation_id, traceparent, history,
           aggregate, aggregate_version, recorded_at
    FROM journal WHERE position = $1
    UNION ALL
    (SELECT position, stream, version, type, form, data, correlation_id, causation_id, traceparent, history,
            aggregate, aggregate_version, recorded_at
     FROM journal WHERE position > $2 AND position <= $3 AND aggregate_version IS NOT NULL ORDER BY position LIMIT $4)
) AS j ON true
ORDER BY j.position
"""
REMEMBERED = "SELECT stream_created, first_seq, first_at, last_seq, position, republish FROM relay_state"
REMEMBER = """
INSERT INTO relay_state (stream_created, first_seq, first_at, last_seq, position, saved_at)
VALUES ($1, $2, $3, $4, $5, clock_timestamp())
ON CONFLICT (one) DO UPDATE SET stream_created = excluded.stream_created, first_seq = excluded.first_seq,
    first_at = excluded.first_at, last_seq = excluded.last_seq, position = excluded.position,
    saved_at = excluded.saved_at
"""
REPUBLISH = "UPDATE relay_state SET republish = true"
REPUBLISHING = "UPDATE relay_state SET republish = false"

log = structlog.get_logger()


class Halted(Exception):
    """Publishing on would be wrong; the message says why. It needs a person."""


@dataclass(frozen=True, slots=True)
class Point:
    """Up to where everything is published: a position, the digest of its event, and the stream's last sequence.

    Position 0: nothing is, or nothing of it is left. `again`: the wish to publish everything again is noted, and to be
    crossed out once that has begun.
    """

    position: int
    digest: str | None
    seq: int
    again: bool = False


async def reconcile(postgres: OwnConnection, nats: Connection, service: str, state: StreamState) -> Point:
    """Where to go on. Raises `Halted` when the stream holds what the journal does not."""
    stream = stream_of(service)
    remembered = await postgres.fetchrow(REMEMBERED)
    if remembered and (remembered["stream_created"] != state.created or remembered["last_seq"] > state.last_seq):
        log.error("stream_lost_messages", stream=stream, had=remembered["last_seq"], has=state.last_seq)
    last = await last_message(nats, service)
    if last is None:
        return await _without_last_message(postgres, stream, state, remembered)
    if last["seq"] < state.last_seq:
        log.error("stream_lost_messages", stream=stream, had=state.last_seq, has=last["seq"])
    point = await _behind(postgres, stream, state, last)
    if remembered and must_be_filled(remembered, state):
        await postgres.execute(REPUBLISH)  # so that a crash before the first message does not forget it
        return _from_the_beginning(stream, state, again=True)
    return point


def must_be_filled(remembered: asyncpg.Record, state: StreamState) -> bool:
    """Whether everything has to be published again: it was purged wholly or from its beginning, or somebody asks."""
    if remembered["stream_created"] != state.created:
        return False
    emptied = not state.messages and state.last_seq > 0 and not state.aged_out
    cut = state.lost_its_beginning(remembered["first_seq"], remembered["first_at"])
    return emptied or cut or bool(remembered["republish"])


async def remember(postgres: OwnConnection, state: StreamState, point: Point, timeout: float | None = None) -> None:
    """Notes how the stream looked, to tell later whether it lost something. `timeout` in seconds, if not as usual."""
    await postgres.execute(
        REMEMBER, state.created, state.first_seq, state.first_at, point.seq, point.position, timeout=timeout
    )


async def begun(postgres: OwnConnection) -> None:
    """What had to be published again is on its way: the stream's last message remembers how far."""
    await postgres.execute(REPUBLISHING)


async def request_republishing(postgres: PostgresConnection) -> bool:
    """Has the relay publish everything again, with the same ids; False when it never ran."""
    return (await postgres.execute(REPUBLISH)) == "UPDATE 1"


def unchanged(rows: list[asyncpg.Record], point: Point, store_id: str) -> None:
    """The rows of `READ` begin with the event published last, as it was published; else the journal went back."""
    first = rows[0]
    if str(first["store_id"]) != store_id:
        raise Halted(f"the stream holds the events of another journal ({store_id})")
    if point.position and first["position"] != point.position:
        raise Halted(f"the journal went back: position {point.position} was published, now it ends at {first['head']}")
    if point.position and digest(first) != point.digest:
        raise Halted(f"the journal went back: position {point.position} was published and is another event now")


async def _behind(postgres: OwnConnection, stream: str, state: StreamState, last: dict[str, Any]) -> Point:
    """The point of the stream's last message."""
    headers = header_lines(base64.b64decode(last.get("hdrs", "")))
    position = headers.get("Ikz-Position", "")
    if not position.isdigit():
        raise Halted(f"message {last['seq']}, the last one of {stream}, is not from a relay")
    point = Point(int(position), headers.get("Ikz-Digest"), state.last_seq)
    unchanged(await postgres.fetch(READ, point.position, 0, 0, 0), point, headers.get("Ikz-Store-Id", ""))
    return point


async def _without_last_message(
    postgres: OwnConnection, stream: str, state: StreamState, remembered: asyncpg.Record | None
) -> Point:
    """An empty stream: new, or aged out while nothing happened (then go on), or purged (then fill it again)."""
    position = remembered["position"] if remembered else 0
    known = remembered and (remembered["stream_created"], remembered["last_seq"]) == (state.created, state.last_seq)
    if position and known and state.aged_out:
        row = (await postgres.fetch(READ, position, 0, 0, 0))[0]
        if row["position"] is None:
            raise Halted(f"the journal went back: position {position} was published, now it ends at {row['head']}")
        return Point(position, digest(row), state.last_seq)
    if not position and not state.last_seq:
        return Point(0, None, 0)
    return _from_the_beginning(stream, state, again=bool(remembered and remembered["republish"]))


def _from_the_beginning(stream: str, state: StreamState, *, again: bool) -> Point:
    """What follows in the stream has ids that were there before."""
    log.error("stream_is_filled_again", stream=stream, seq=state.last_seq)
    return Point(0, None, state.last_seq, again)
