"""Which windows have ended? At everybody's hour, once a day, whatever the clock on the wall does."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notify.digests import Window, closed, ends
from services.notify.german import BERLIN

SPRING, AUTUMN = dt.date(2027, 3, 28), dt.date(2027, 10, 31)


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def window(now: dt.datetime, hour: int, weekday: int) -> Window:
    (found,) = [each for each in closed(now) if (each.hour, each.weekday) == (hour, weekday)]
    return found


@pytest.mark.parametrize(
    ("day", "hour", "moment"),
    [
        (dt.date(2027, 3, 27), 8, "2027-03-27T07:00"),
        (SPRING, 8, "2027-03-28T06:00"),
        (SPRING, 1, "2027-03-28T00:00"),
        (SPRING, 2, "2027-03-28T01:00"),  # the clock goes from two to three: it is three
        (SPRING, 3, "2027-03-28T01:00"),
        (AUTUMN, 8, "2027-10-31T07:00"),
        (AUTUMN, 2, "2027-10-31T00:00"),  # it is two twice: the first time counts
        (AUTUMN, 3, "2027-10-31T02:00"),
        (dt.date(2027, 11, 1), 8, "2027-11-01T07:00"),
    ],
)
def test_an_hour_is_reached_once_a_day(day: dt.date, hour: int, moment: str) -> None:
    assert ends(day, hour) == at(moment)


@pytest.mark.parametrize(
    ("now", "day"),
    [
        ("2027-03-28T05:59:59", dt.date(2027, 3, 27)),
        ("2027-03-28T06:00", SPRING),
        ("2027-10-31T06:59:59", dt.date(2027, 10, 30)),
        ("2027-10-31T07:00", AUTUMN),
    ],
)
def test_a_window_ends_at_the_persons_hour_when_the_clock_changes(now: str, day: dt.date) -> None:
    found = window(at(now), 8, 1)
    assert found.day == day
    assert found.daily == ends(day, 8)


def test_a_window_of_two_oclock_ends_once_when_it_is_two_twice() -> None:
    days = [window(at(now), 2, 1).day for now in ("2027-10-31T00:30", "2027-10-31T01:00", "2027-10-31T01:30")]
    assert days == [AUTUMN] * 3


def test_a_week_ends_on_the_persons_day() -> None:
    monday = window(at("2027-03-31T10:00"), 8, 1)
    assert (monday.day, monday.weekly) == (dt.date(2027, 3, 31), at("2027-03-29T06:00"))
    wednesday = window(at("2027-03-31T05:00"), 8, 3)
    assert wednesday.weekly == at("2027-03-24T07:00")


@settings(max_examples=50)
@given(st.integers(0, 3 * 365 * 24 * 60))
def test_what_ended_last_is_less_than_a_day_or_week_ago(minutes: int) -> None:
    now = at("2026-01-01T00:00") + dt.timedelta(minutes=minutes)
    windows = list(closed(now))
    assert len({(each.hour, each.weekday) for each in windows}) == 24 * 7
    for each in windows:
        assert each.weekly <= each.daily <= now
        assert now < ends(each.day + dt.timedelta(days=1), each.hour)
        assert each.weekly.astimezone(BERLIN).isoweekday() == each.weekday
        assert now - each.weekly <= dt.timedelta(days=7, hours=1)
