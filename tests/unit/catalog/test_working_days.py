"""Working days in North Rhine-Westphalia."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.working_days import is_working_day, working_day_until
from shared.kernel.holidays import easter, holidays


@pytest.mark.parametrize(
    "day",
    [date(2000, 4, 23), date(2008, 3, 23), date(2011, 4, 24), date(2019, 4, 21), date(2025, 4, 20), date(2038, 4, 25)],
)
def test_easter_is_where_calendars_have_it(day: date) -> None:
    assert easter(day.year) == day


def test_the_eleven_holidays_of_a_year() -> None:
    assert sorted(holidays(2026)) == [
        date(2026, 1, 1),
        date(2026, 4, 3),
        date(2026, 4, 6),
        date(2026, 5, 1),
        date(2026, 5, 14),
        date(2026, 5, 25),
        date(2026, 6, 4),
        date(2026, 10, 3),
        date(2026, 11, 1),
        date(2026, 12, 25),
        date(2026, 12, 26),
    ]
    assert date(2017, 10, 31) in holidays(2017)
    assert date(2018, 10, 31) not in holidays(2018)


def test_around_the_new_year_the_last_working_day_is_in_the_old_one() -> None:
    assert working_day_until(date(2027, 1, 1)) == date(2026, 12, 31)
    assert working_day_until(date(2026, 12, 27)) == date(2026, 12, 24)
    assert working_day_until(date(2026, 4, 6)) == date(2026, 4, 2)  # Easter Monday: the Thursday before


@given(st.dates(date(1995, 1, 1), date(2150, 12, 31)))
def test_it_is_a_working_day_never_later_and_the_nearest(day: date) -> None:
    found = working_day_until(day)
    assert is_working_day(found)
    assert found <= day
    assert not any(is_working_day(found + timedelta(days=n)) for n in range(1, (day - found).days + 1))
