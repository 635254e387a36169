"""What is told about the days of a session."""

import datetime as dt

import pytest

from services.events.date_warnings import DAYS_LOOKED_AT, of_days
from services.events.times import BERLIN, When
from shared.kernel.holidays import holidays


def at(day: dt.date, hour: int = 10) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(hour), BERLIN)


@pytest.mark.parametrize(
    ("day", "codes"),
    [
        (dt.date(2025, 6, 19), ["public_holiday"]),
        (dt.date(2026, 10, 3), ["public_holiday", "weekend"]),
        (dt.date(2025, 8, 16), ["weekend"]),
        (dt.date(2025, 8, 17), ["weekend"]),
        (dt.date(2025, 8, 18), []),
        (dt.date(2025, 8, 15), []),
        (dt.date(2025, 12, 24), []),
    ],
)
def test_holidays_of_north_rhine_westphalia_and_weekends_are_told(day: dt.date, codes: list[str]) -> None:
    for when in (When(date=day), When(starts_at=at(day)), When(starts_at=at(day), ends_at=at(day, 12))):
        assert [warning.code for warning in of_days(when)] == codes
        assert all(warning.date == day for warning in of_days(when))


def test_a_holiday_is_told_by_its_name() -> None:
    (warning,) = of_days(When(date=dt.date(2025, 6, 19)))
    assert warning.text == (
        "Donnerstag, 19.06.2025, ist ein gesetzlicher Feiertag in Nordrhein-Westfalen: Fronleichnam."
    )
    assert list(holidays(2027).values()) == [
        "Neujahr",
        "Karfreitag",
        "Ostermontag",
        "Tag der Arbeit",
        "Christi Himmelfahrt",
        "Pfingstmontag",
        "Fronleichnam",
        "Tag der Deutschen Einheit",
        "Allerheiligen",
        "1. Weihnachtstag",
        "2. Weihnachtstag",
    ]


def test_every_day_of_a_long_session_counts_and_the_midnight_after_does_not() -> None:
    friday = dt.date(2025, 8, 15)
    over_the_weekend = When(starts_at=at(friday), ends_at=at(dt.date(2025, 8, 18)))
    assert [warning.date for warning in of_days(over_the_weekend)] == [dt.date(2025, 8, 16), dt.date(2025, 8, 17)]
    assert of_days(When(starts_at=at(friday), ends_at=at(dt.date(2025, 8, 16), 0))) == ()
    assert of_days(When()) == ()


def test_a_session_of_years_is_looked_at_for_a_month() -> None:
    told = of_days(When(starts_at=at(dt.date(2025, 8, 4)), ends_at=at(dt.date(2190, 1, 1))))
    assert {warning.code for warning in told} == {"weekend"}
    assert max(warning.date for warning in told if warning.date) < dt.date(2025, 8, 4) + dt.timedelta(DAYS_LOOKED_AT)
