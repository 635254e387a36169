"""Cursors come back as they were made; anything else is an invalid query."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AwareDatetime, TypeAdapter

from shared.kernel.paging import decode_cursor, encode_cursor, next_after
from shared.kernel.problems import Problem

SHAPE = TypeAdapter(tuple[str, int, float | None, bool])
TIMES = TypeAdapter(tuple[AwareDatetime, str])
DAYS = TypeAdapter(tuple[date, str])
ROWS = [{"id": "a", "on": date(2026, 3, 2)}, {"id": "b", "on": date(2026, 3, 1)}]


@given(
    st.text().filter(lambda text: "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)),
    st.integers(-(2**63), 2**63 - 1),
    st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)),
    st.booleans(),
)
def test_a_cursor_comes_back(text: str, number: int, real: float | None, flag: bool) -> None:  # noqa: FBT001
    assert decode_cursor(encode_cursor((text, number, real, flag)), SHAPE) == (text, number, real, flag)


def test_times_come_back() -> None:
    at = datetime(2025, 8, 28, 8, 0, 0, 123456, tzinfo=UTC)
    assert decode_cursor(encode_cursor((at, "x")), TIMES) == (at, "x")


def test_the_next_page_comes_after_the_last_row_shown() -> None:
    cursor = next_after(ROWS, 1, "on", "id")
    assert cursor is not None
    assert decode_cursor(cursor, DAYS) == (date(2026, 3, 2), "a")


def test_after_the_last_page_there_is_none() -> None:
    assert next_after(ROWS, 2, "on", "id") is None
    assert next_after([], 2, "on", "id") is None


@given(st.text())
def test_any_other_text_is_an_invalid_query(text: str) -> None:
    with pytest.raises(Problem, match="invalid_query"):
        decode_cursor(text, TIMES)


@pytest.mark.parametrize(
    "cursor",
    [encode_cursor(("a",)), encode_cursor(("a", 1, 1.0, True, 1)), encode_cursor(("a\0", 1, None, True)), "AA=="],
)
def test_a_cursor_of_another_list_is_an_invalid_query(cursor: str) -> None:
    with pytest.raises(Problem, match="invalid_query"):
        decode_cursor(cursor, SHAPE)
