"""What follows a checkpoint, and what becomes of each message."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from shared.kernel.intake import BEHIND, TAKE, Checkpoint, Message, Sorting, back_off, follow, parse
from shared.kernel.pull import sequence_of

AT = datetime(2026, 3, 1, tzinfo=UTC)


def message(position: int, previous: int, seq: int | None = None, **more: Any) -> Message:
    usual: dict[str, Any] = {
        "raw": b"",
        "seq": position if seq is None else seq,
        "store_id": "store",
        "id": f"hall-h@{position}",
        "type": "taken",
        "aggregate": "seat/a",
        "aggregate_version": position,
        "position": position,
        "previous": previous,
        "recorded_at": AT,
        "attributes": {},
    }
    return Message(**(usual | more))


def chain(*positions: int, offset: int = 0, store_id: str = "store") -> list[Message]:
    """Messages linked to each other; the first follows position 0."""
    previous = (0, *positions)
    return [
        message(position, before, position + offset, store_id=store_id)
        for position, before in zip(positions, previous, strict=False)
    ]


def checkpoint(position: int = 0, seq: int = 0, store_id: str | None = "store") -> Checkpoint:
    return Checkpoint(store_id, position, "stream", seq, AT)


NEW = Checkpoint(None, 0, None, 0, AT)


def positions(messages: list[Message]) -> list[int]:
    return [one.position for one in messages]


def test_what_follows_is_taken_and_what_was_before_is_not() -> None:
    taken, after, gap = follow(chain(2, 4, 7, 9), checkpoint(4, 4), "stream", 1)
    assert (positions(taken), after, gap) == ([7, 9], checkpoint(9, 9), None)


def test_a_gap_stops_what_lies_behind_it() -> None:
    taken, after, gap = follow(chain(2, 4, 7, 9)[2:], checkpoint(2, 2), "stream", 1)
    assert (positions(taken), after) == ([], checkpoint(2, 2))
    assert gap is not None
    assert gap.position == 7


def test_a_gap_closes_when_the_missing_comes_later() -> None:
    late = [*chain(2, 4, 7, 9)[2:], *chain(2, 4, 7, 9, offset=100)]
    taken, after, gap = follow(late, checkpoint(2, 2), "stream", 1)
    assert (positions(taken), after, gap) == ([4, 7, 9], checkpoint(9, 109), None)


def test_a_repeated_message_is_taken_once() -> None:
    twice = [one for one in chain(1, 2, 3) for _ in range(2)]
    taken, after, _ = follow(twice, checkpoint(), "stream", 1)
    assert (positions(taken), after.position) == ([1, 2, 3], 3)


def test_a_new_consumer_begins_with_the_streams_first_message_only() -> None:
    late = chain(2, 4, 7)[1:]
    taken, after, gap = follow(late, NEW, "stream", first_seq=4)
    assert (positions(taken), after.position, after.store_id, gap) == ([4, 7], 7, "store", None)
    taken, after, gap = follow(late, NEW, "stream", first_seq=2)
    assert (positions(taken), after.position, after.store_id) == ([], 0, None)
    assert gap is not None
    taken, *_ = follow(chain(2, 4), NEW, "stream", first_seq=1)
    assert positions(taken) == [2, 4]


def test_another_store_begins_a_new_chain_behind_the_checkpoint() -> None:
    other = chain(1, 3, offset=50, store_id="other")
    taken, after, gap = follow(other, checkpoint(40, 40), "stream", 1)
    assert (positions(taken), after.store_id, after.position, gap) == ([1, 3], "other", 3, None)


def test_another_store_before_the_checkpoint_is_the_past() -> None:
    old = chain(1, 3, store_id="old")
    taken, after, gap = follow(old, checkpoint(40, 40), "stream", 1)
    assert (positions(taken), after, gap) == ([], checkpoint(40, 40), None)


def test_another_store_must_be_read_from_its_beginning() -> None:
    taken, after, gap = follow(chain(1, 3, offset=50, store_id="other")[1:], checkpoint(40, 40), "stream", 1)
    assert (positions(taken), after.store_id, after.position) == ([], "store", 40)
    assert gap is not None


def test_a_new_stream_counts_from_its_own_beginning() -> None:
    taken, after, _ = follow(chain(1, 2, 3), checkpoint(2, 900), "new stream", 1)
    assert (positions(taken), after.stream_created, after.stream_seq) == ([3], "new stream", 3)


def sorting(**more: Any) -> Sorting:
    usual: dict[str, Any] = {"wanted": {"taken"}, "new": set(), "versions": {}, "blocked": set()}
    return Sorting(**(usual | more))


def test_versions_must_follow_each_other() -> None:
    three = [message(n, n - 1, aggregate_version=version) for n, version in ((1, 4), (2, 5), (3, 7), (4, 8))]
    found = sorting(new={one.id for one in three}, versions={"seat/a": 3})
    verdicts = [one.verdict for one in found.sort(three)]
    assert verdicts == [TAKE, TAKE, "version 7 of seat/a follows version 5", BEHIND]
    assert found.versions == {"seat/a": 8}


def test_an_older_version_is_held_for_a_person() -> None:
    (one,) = sorting(new={"hall-h@1"}, versions={"seat/a": 9}).sort([message(1, 0)])
    assert one.verdict == "version 1 of seat/a follows version 9"


def test_what_was_taken_before_is_left_out_but_counts() -> None:
    found = sorting(versions={})
    assert list(found.sort([message(1, 0), message(2, 1)])) == []
    assert found.versions == {"seat/a": 2}


def test_what_nobody_wants_counts_and_is_held_up_by_nothing() -> None:
    found = sorting(blocked={"seat/a"}, new={"hall-h@1"})
    assert list(found.sort([message(1, 0, type="freed")])) == []
    assert found.versions == {"seat/a": 1}


def test_an_aggregate_that_becomes_blocked_blocks_what_comes() -> None:
    messages = [message(1, 0), message(2, 1), message(3, 2, aggregate="seat/b", aggregate_version=1)]
    found = sorting(new={one.id for one in messages})
    verdicts = []
    for one in found.sort(messages):
        verdicts.append(one.verdict)
        found.blocked.add("seat/a")
    assert verdicts == [TAKE, BEHIND, TAKE]


def test_the_same_message_twice_in_one_batch_is_taken_once() -> None:
    found = sorting(new={"hall-h@1"})
    assert len(list(found.sort([message(1, 0), message(1, 0)]))) == 1


@pytest.mark.parametrize(("attempts", "seconds"), [(0, 1), (1, 2), (5, 32), (11, 2048), (12, 3600), (10_000, 3600)])
def test_attempts_come_at_growing_intervals(attempts: int, seconds: int) -> None:
    assert back_off(attempts) == timedelta(seconds=seconds)


@pytest.mark.parametrize("raw", [b"", b"nonsense", b"[]", b"1", b'{"storeid": "x"}', b'{"position": null}'])
def test_what_is_no_message_of_ours(raw: bytes) -> None:
    assert parse(raw, 1) is None


@pytest.mark.parametrize(
    "reply",
    [
        "$JS.ACK.IKZ_EVENTS.notify.1.4711.3.1795447142578121963.0",
        "$JS.ACK._.hash.IKZ_EVENTS.notify.1.4711.3.1795447142578121963.0",
        "$JS.ACK.domain.hash.IKZ_EVENTS.notify.1.4711.3.1795447142578121963.0.random",
    ],
)
def test_a_messages_place_in_its_stream(reply: str) -> None:
    assert sequence_of(Msg(_client=Client(), subject="x", reply=reply, data=b"")) == 4711
