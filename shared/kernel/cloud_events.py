"""Published events on the wire: CloudEvents 1.0 in structured mode, as frames for NATS and back.

The attributes beyond CloudEvents' own are plain lower-case extensions: `position` in the publisher's journal and
`prevposition` of the message published before (a chain that proves that nothing is missing), `aggregateversion` (counts
an aggregate's published events without holes), `recordedtime`, `partitionkey` (the journal's stream), `storeid`,
`correlationid`, `causationid`, `traceparent`, and `history` on loaded history only.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import asyncpg
import orjson

from shared.kernel.codec import Codec
from shared.kernel.decider import Decider
from shared.kernel.logs import TRACEPARENT
from shared.kernel.streams import stream_of

CONTENT_TYPE = "application/cloudevents+json"
# Frames are written by hand, so nothing that could end a line may get into them.
SAFE = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+ [!-~]+ [!-~]+")


class Unpublishable(Exception):
    """A stored event does not become the contract it was recorded with."""


class Outgoing(NamedTuple):
    """One message but for what depends on its place in a batch. `size`: about what the server will count."""

    position: int
    digest: str
    subject: str
    headers: str
    body: bytes
    size: int


def digest(row: asyncpg.Record) -> str:
    """What tells a stored event from any other that could stand at its position after a restore."""
    return _digest(row, row["recorded_at"].isoformat())


def _digest(row: asyncpg.Record, recorded: str) -> str:
    said = f"{row['stream']}@{row['version']} {row['type']} {row['form']} {recorded}\n{row['data']}"
    return hashlib.sha256(said.encode()).hexdigest()


class Publisher:
    """Turns rows of a journal into messages."""

    def __init__(
        self, service: str, codec: Codec, deciders: Sequence[Decider[Any, Any, Any]], public_url: str, store_id: str
    ) -> None:
        self._source = f"/ikz/{service}"
        self._stream = stream_of(service)
        self._codec = codec
        self._publish = {decider.category: decider.publish for decider in deciders}
        self._schemas = f"{public_url.rstrip('/')}/api/v1/schemas/"
        self.store_id = store_id

    def message(self, row: asyncpg.Record, previous: int) -> Outgoing:
        """The message of one row whose `aggregate_version` is not null; `previous` is the position published before."""
        stream, position = row["stream"], row["position"]
        category = stream.partition("-")[0]
        event = self._codec.decode(category, row["type"], row["form"], row["data"])
        contract = self._publish[category](event)
        aggregate = row["aggregate"]
        if contract is None or contract.aggregate != aggregate:
            raise Unpublishable(f"recorded as one of {aggregate}, it becomes {contract and contract.aggregate}")
        event_id, type_, recorded = f"{stream}@{row['version']}", contract.type, row["recorded_at"].isoformat()
        subject = f"{type_}.{aggregate.partition('/')[2]}"  # as `contract.subject`, in half the time
        if not SAFE.fullmatch(f"{subject} {event_id} {self.store_id}"):
            raise Unpublishable(f"{subject} is no good subject")
        envelope: dict[str, Any] = {
            "specversion": "1.0",
            "id": event_id,
            "source": self._source,
            "type": type_,
            "subject": aggregate,
            "time": event.at,
            "recordedtime": recorded,
            "datacontenttype": "application/json",
            "dataschema": f"{self._schemas}{type_}.json",
            "position": position,
            "prevposition": previous,
            "aggregateversion": row["aggregate_version"],
            "partitionkey": stream,
            "storeid": self.store_id,
            "correlationid": row["correlation_id"],
        }
        if row["causation_id"] is not None:
            envelope["causationid"] = row["causation_id"]
        traceparent = row["traceparent"]
        if traceparent is not None and TRACEPARENT.fullmatch(traceparent):
            envelope["traceparent"] = traceparent
            trace_line = f"traceparent: {traceparent}\r\n"
        else:
            trace_line = ""
        if row["history"]:
            envelope["history"] = True
        envelope["data"] = orjson.Fragment(contract.model_dump_json())
        fingerprint = _digest(row, recorded)
        headers = (
            f"Content-Type: {CONTENT_TYPE}\r\nIkz-Position: {position}\r\nIkz-Prev-Position: {previous}\r\n"
            f"Ikz-Store-Id: {self.store_id}\r\nIkz-Digest: {fingerprint}\r\nce-id: {event_id}\r\nce-type: {type_}\r\n"
            f"{trace_line}Nats-Expected-Stream: {self._stream}\r\n"
        )
        body = orjson.dumps(envelope, option=orjson.OPT_UTC_Z)
        return Outgoing(position, fingerprint, subject, headers, body, len(headers) + 128 + len(body))


def frames(messages: Sequence[Outgoing], last_seq: int, batch_id: str, reply: str) -> bytes:
    """What the socket gets: all of the messages or none reach the stream, and only if its last sequence is `last_seq`.

    Verified with nats-server 2.15: the expectation stands on the first message only (10164 on a later one), a stale one
    stores nothing (10071), the answer comes to the message that commits.
    """
    count = len(messages)
    parts: list[bytes] = []
    for number, message in enumerate(messages, 1):
        place = f"Nats-Expected-Last-Sequence: {last_seq}\r\n" if number == 1 else ""
        if count > 1:
            place += f"Nats-Batch-Id: {batch_id}\r\nNats-Batch-Sequence: {number}\r\n"
        if count > 1 and number == count:
            place += "Nats-Batch-Commit: 1\r\n"
        head = f"NATS/1.0\r\n{message.headers}{place}\r\n".encode()
        to = f"{message.subject} {reply}" if number == count else message.subject
        parts.append(f"HPUB {to} {len(head)} {len(head) + len(message.body)}\r\n".encode())
        parts += (head, message.body, b"\r\n")
    return b"".join(parts)


def header_lines(raw: bytes) -> Mapping[str, str]:
    """The headers of a stored message; names as they were written."""
    lines = (line.partition(":") for line in raw.decode("utf-8", "replace").split("\r\n")[1:])
    return {name.strip(): value.strip() for name, colon, value in lines if colon}
