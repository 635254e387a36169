"""Frames as the server expects them."""

import re

from shared.kernel.cloud_events import Outgoing, frames, header_lines

FRAME = re.compile(rb"HPUB (\S+) (?:(\S+) )?(\d+) (\d+)\r\n")


def outgoing(number: int) -> Outgoing:
    return Outgoing(number, "digest", f"ikz.x.{number}", f"Ikz-Position: {number}\r\n", b"body" * number, 0)


def taken_apart(raw: bytes) -> list[tuple[str, str | None, dict[str, str], bytes]]:
    """Subject, reply, headers and body of each frame; the lengths must be right."""
    found = []
    while raw:
        match = FRAME.match(raw)
        assert match is not None, raw[:80]
        subject, reply, head, whole = match.groups()
        content = raw[match.end() : match.end() + int(whole)]
        raw = raw[match.end() + int(whole) :]
        assert raw.startswith(b"\r\n")
        raw = raw[2:]
        headers, body = content[: int(head)], content[int(head) :]
        assert headers.startswith(b"NATS/1.0\r\n")
        assert headers.endswith(b"\r\n\r\n")
        found.append((subject.decode(), reply.decode() if reply else None, dict(header_lines(headers)), body))
    return found


def test_one_message_is_a_plain_publish() -> None:
    ((subject, reply, headers, body),) = taken_apart(frames([outgoing(1)], 7, "batch", "inbox"))
    assert (subject, reply, body) == ("ikz.x.1", "inbox", b"body")
    assert headers == {"Ikz-Position": "1", "Nats-Expected-Last-Sequence": "7"}


def test_several_are_one_atomic_batch() -> None:
    first, second, third = taken_apart(frames([outgoing(n) for n in (1, 2, 3)], 7, "batch", "inbox"))
    batch = {"Nats-Batch-Id": "batch"}
    assert first[2] == batch | {"Ikz-Position": "1", "Nats-Expected-Last-Sequence": "7", "Nats-Batch-Sequence": "1"}
    assert second[2] == batch | {"Ikz-Position": "2", "Nats-Batch-Sequence": "2"}
    assert third[2] == batch | {"Ikz-Position": "3", "Nats-Batch-Sequence": "3", "Nats-Batch-Commit": "1"}
    assert [first[1], second[1], third[1]] == [None, None, "inbox"]
