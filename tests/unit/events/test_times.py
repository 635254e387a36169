"""Weekdays are computed, and the clock on the wall stands still when the clocks change."""

import datetime as dt

import pytest
from hypothesis import example
from hypothesis import given as forall
from hypothesis import strategies as st

from services.events.times import BERLIN, When, berlin, check, moved, refuse_past
from shared.kernel.decider import Refused

DAY = dt.date(2025, 7, 31)
instants = st.integers(1_733_000_000, 1_830_000_000).map(lambda seconds: dt.datetime.fromtimestamp(seconds, dt.UTC))
TEN = dt.datetime(2025, 7, 31, 10, tzinfo=BERLIN)


def test_the_weekday_follows_from_the_date() -> None:
    assert When(starts_at=TEN).weekday == "Donnerstag"
    assert When(date=DAY).weekday == "Donnerstag"
    assert When().weekday is None


def test_12_march_2024_was_no_wednesday() -> None:
    with pytest.raises(Refused) as refused:
        check(When(date=dt.date(2024, 3, 12)), "Mittwoch")
    assert refused.value.code == "weekday_mismatch"
    assert refused.value.details["weekday"] == "Dienstag"
    check(When(date=dt.date(2024, 3, 12)), "Dienstag")


def test_a_weekday_without_a_date_contradicts_it() -> None:
    with pytest.raises(Refused, match="weekday_mismatch"):
        check(When(), "Mittwoch")


@pytest.mark.parametrize(
    "when",
    [
        When(starts_at=TEN, ends_at=TEN),
        When(starts_at=TEN, ends_at=TEN - dt.timedelta(minutes=1)),
        When(date=DAY, ends_at=TEN),
        When(ends_at=TEN),
    ],
)
def test_an_end_follows_a_begin(when: When) -> None:
    with pytest.raises(Refused, match="ends_before_start"):
        check(when, None)


def test_an_end_in_the_hour_that_comes_twice_follows_its_begin() -> None:
    begin = dt.datetime(2025, 10, 26, 2, 45, tzinfo=BERLIN)
    check(When(starts_at=begin, ends_at=begin.replace(minute=15, fold=1)), None)


def test_today_has_not_passed_while_no_time_is_known() -> None:
    noon = TEN.astimezone(dt.UTC) + dt.timedelta(hours=2)
    refuse_past(When(date=DAY), noon)
    refuse_past(When(), noon)
    with pytest.raises(Refused, match="date_in_past"):
        refuse_past(When(starts_at=TEN), noon)
    with pytest.raises(Refused, match="date_in_past"):
        refuse_past(When(date=DAY), noon + dt.timedelta(days=1))


def test_a_session_without_an_end_is_over_with_its_day() -> None:
    assert When(starts_at=TEN).over == dt.datetime(2025, 8, 1, tzinfo=BERLIN)
    assert When(date=DAY).over == dt.datetime(2025, 8, 1, tzinfo=BERLIN)
    assert When().over is None


@forall(instants)
@example(dt.datetime(2025, 10, 26, 0, 30, tzinfo=dt.UTC))
@example(dt.datetime(2025, 10, 26, 1, 30, tzinfo=dt.UTC))
@example(dt.datetime(2026, 3, 29, 1, 0, tzinfo=dt.UTC))
def test_a_time_survives_being_stored(instant: dt.datetime) -> None:
    when = When(starts_at=berlin(instant))
    again = When.model_validate_json(when.model_dump_json())
    assert again == when
    assert again.starts_at is not None
    assert again.starts_at.astimezone(dt.UTC) == instant
    assert again.starts_at.tzinfo is BERLIN


def test_a_stored_time_is_what_the_wall_shows_even_if_the_law_changes() -> None:
    written_when_summer_time_was_abolished = '{"starts_at": "2027-07-01T10:00:00+01:00"}'
    when = When.model_validate_json(written_when_summer_time_was_abolished)
    assert when.starts_at == dt.datetime(2027, 7, 1, 10, tzinfo=BERLIN)


@forall(
    instants.map(lambda instant: berlin(instant).replace(hour=10, fold=0)),
    st.integers(-300, 300),
)
def test_moving_keeps_the_time_on_the_wall(begin: dt.datetime, days: int) -> None:
    end = begin.replace(hour=11)
    new = (begin.replace(tzinfo=None) + dt.timedelta(days=days)).replace(tzinfo=BERLIN)
    assert moved(end, begin, new) == new.replace(hour=11)


def test_what_is_more_exact_refines_what_was_known() -> None:
    assert When(starts_at=TEN).refines(When())
    assert When(starts_at=TEN).refines(When(date=DAY))
    assert When(starts_at=TEN, ends_at=TEN.replace(hour=11)).refines(When(starts_at=TEN))
    assert not When(starts_at=TEN).refines(When(date=DAY + dt.timedelta(days=1)))
    assert not When(date=DAY).refines(When(starts_at=TEN))
    assert not When(starts_at=TEN.replace(hour=11)).refines(When(starts_at=TEN))
    assert not When().refines(When(date=DAY))
