"""Ids and the time."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.kernel.clock import Clock
from shared.kernel.ids import named_id, new_id, parse_id


def test_new_ids_sort_by_time() -> None:
    made = [new_id() for _ in range(1000)]
    assert made == sorted(made)
    assert {one.version for one in made} == {7}


def test_a_name_has_one_id() -> None:
    assert named_id("topic", "klima") == named_id("topic", "klima")
    assert str(named_id("topic", "klima")) == "0d9cc8fd-cfd7-5aec-875c-f6290c516850"
    assert named_id("topic", "klima") != named_id("series", "klima")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "../1",
        "{01a208f4-42bc-77c8-89b1-93b0aac683f3}",
        "urn:uuid:01a208f4-42bc-77c8-89b1-93b0aac683f3",
        "01a208f442bc77c889b193b0aac683f3",
        "01a208f4-42bc-77c8-89b1-93b0aac683f3\n",
        "٠1a208f4-42bc-77c8-89b1-93b0aac683f3",
    ],
)
def test_only_the_canonical_form_is_an_id(text: str) -> None:
    assert parse_id(text) is None


def test_an_id_may_be_written_in_capitals() -> None:
    assert str(parse_id("01A208F4-42BC-77C8-89B1-93B0AAC683F3")) == "01a208f4-42bc-77c8-89b1-93b0aac683f3"


def test_the_clock_can_be_moved() -> None:
    ahead = Clock(3600).now() - datetime.now(UTC)
    assert timedelta(minutes=59) < ahead <= timedelta(hours=1)
