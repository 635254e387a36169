"""What is compared, and with what result."""

from typing import Any

import pytest

from shared.kernel.streams import StreamState, differences, unfitness

DAY = 86_400 * 10**9


@pytest.mark.parametrize(
    ("version", "sync", "complaints"),
    [
        ("2.15.1", True, 0),
        ("2.12.0-RC.3", True, 0),
        ("3.0.0", True, 0),
        ("2.11.9", True, 1),
        ("2.9.10", False, 2),
        ("", True, 1),
    ],
)
def test_a_server_is_judged_by_its_own_words(version: str, *, sync: bool, complaints: int) -> None:
    server = {"version": version, "jetstream": {"config": {"sync_always": sync}}}
    assert len(unfitness(server)) == complaints


def test_a_server_without_jetstream() -> None:
    assert unfitness({"version": "2.15.1", "jetstream": {}}) == ["JetStream is off"]


@pytest.mark.parametrize(
    ("wanted", "echoed", "count"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, 0),
        ({"a": 1}, {"a": 2}, 1),
        ({"a": True}, {}, 1),
        ({"a": False, "b": None}, {}, 0),
        ({"a": False}, {"a": True}, 1),
        ({"a": None}, {"a": {"name": "x"}}, 1),
        ({"a": -1}, {}, 1),
    ],
)
def test_absent_is_off(wanted: dict[str, Any], echoed: dict[str, Any], count: int) -> None:
    assert len(differences(wanted, echoed)) == count


def stream(**more: Any) -> StreamState:
    """A stream on the tenth of March that keeps thirty days and a thousand bytes; its messages are 51 … 100."""
    usual: dict[str, Any] = {
        "created": "x",
        "at": "2026-03-10T00:00:00Z",
        "messages": 50,
        "first_seq": 51,
        "first_at": "2026-03-05T00:00:00.123456789Z",
        "last_seq": 100,
        "last_at": "2026-03-09T00:00:00Z",
        "size": 500,
        "largest": 100,
        "max_age": 30 * DAY,
        "max_bytes": 1000,
    }
    return StreamState(**(usual | more))


def test_a_purged_beginning_is_noticed() -> None:
    assert stream().lost_its_beginning(1, "2026-03-01T00:00:00Z")
    assert stream(max_age=0).lost_its_beginning(1, "2020-03-01T00:00:00Z")


def test_what_age_size_or_nothing_explains_is_no_purge() -> None:
    assert not stream().lost_its_beginning(51, "2026-03-05T00:00:00Z")
    assert not stream().lost_its_beginning(1, "2026-02-01T00:00:00Z")
    assert not stream(size=950).lost_its_beginning(1, "2026-03-01T00:00:00Z")


def test_an_empty_stream_has_aged_out_only_when_its_last_message_is_old() -> None:
    empty = {"messages": 0, "first_seq": 101}
    assert stream(**empty, last_at="2026-02-01T00:00:00Z").aged_out
    assert not stream(**empty).aged_out
    assert not stream(**empty, last_at="2026-02-01T00:00:00Z", max_age=0).aged_out
    assert not stream(messages=0, last_seq=0, last_at="0001-01-01T00:00:00Z").aged_out
