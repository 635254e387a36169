"""Dates and places as they are written."""

from datetime import UTC, datetime

import pytest

from services.notify import german
from shared.contracts.events import Mode, Place, Times
from tests.unit.notify.samples import BERLIN, NEW, VENUE


def test_a_moment_is_told_on_the_clock_of_berlin_with_its_weekday() -> None:
    assert german.moment(datetime(2025, 8, 28, 8, tzinfo=UTC)) == "Donnerstag, 28. August 2025, 10:00 Uhr"
    assert german.moment(datetime(2026, 1, 5, 8, tzinfo=UTC)) == "Montag, 5. Januar 2026, 09:00 Uhr"
    assert german.short_moment(datetime(2024, 3, 12, 9, tzinfo=UTC)) == "Di., 12.03.2024, 10:00 Uhr"


def test_a_span_says_what_is_known() -> None:
    over_night = Times(starts_at=NEW.starts_at, ends_at=datetime(2025, 8, 29, 12, tzinfo=BERLIN), date=NEW.date)
    assert german.span(over_night) == ("Donnerstag, 28. August 2025, 10:00 Uhr bis Freitag, 29. August 2025, 12:00 Uhr")
    assert german.span(Times(date=NEW.date)) == "Donnerstag, 28. August 2025"
    assert german.short(Times(date=NEW.date)) == "Do., 28.08.2025"
    assert german.span(Times()) is None
    assert german.short(Times()) is None


@pytest.mark.parametrize(
    ("mode", "venue", "place"),
    [
        ("online", None, "Online"),
        ("in_person", None, "Der Ort wird noch bekannt gegeben."),
        ("in_person", VENUE, "Rathaus, Markt 1, 59423 Unna"),
        ("in_person", Place(name="Ringhotel Katharinen Hof", city="Unna"), "Ringhotel Katharinen Hof, Unna"),
        ("hybrid", VENUE, "Rathaus, Markt 1, 59423 Unna und online"),
        ("hybrid", None, "Vor Ort und online"),
    ],
)
def test_a_place_is_where_people_meet(mode: Mode, venue: Place | None, place: str) -> None:
    assert german.place(mode, venue) == place
