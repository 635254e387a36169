"""What calendar programs are told."""

import datetime as dt
from typing import Any

import icalendar

from services.events.calendar import calendar
from services.events.life import Life, Postponement
from services.events.programme import Venue
from services.events.times import BERLIN, When
from shared.kernel.vtimezone import berlin
from tests.unit.events.samples import NOW, SESSION, THURSDAY, content

URL = "https://portal.example"


def text(*lives: Life) -> bytes:
    return calendar([(life, NOW) for life in lives], "Name", URL)


def read(raw: bytes, kind: str = "VEVENT") -> Any:
    (found,) = icalendar.Calendar.from_ical(raw).walk(kind)
    return found


def test_an_entry_says_when_and_where_and_links_to_the_page() -> None:
    venue = Venue(name="Stadthalle; großer Saal", address="Markt 1, Eingang B", city="Unna")
    entry = read(text(Life(SESSION, content(mode="hybrid", venue=venue, topics=("health", "a_b")), THURSDAY)))
    assert entry["UID"] == f"session-{SESSION}@interkommunal"
    assert entry["URL"] == f"{URL}/veranstaltungen/{SESSION}"
    assert entry["LOCATION"] == "Stadthalle; großer Saal, Markt 1, Eingang B, Unna"
    assert entry["DTSTART"].dt == dt.datetime(2025, 7, 31, 10, tzinfo=BERLIN)
    assert entry["DTSTAMP"].dt == NOW
    assert "CATEGORIES" not in entry, "codes are no words for readers"


def test_text_cannot_break_out_of_its_line() -> None:
    evil = "Zeile 1\nATTENDEE:mailto:x@example.org\r\nEND:VEVENT\x00\x07, mit; Zeichen\\n"
    life = Life(SESSION, content(summary=evil), THURSDAY)
    raw = text(life)
    assert raw.count(b"END:VEVENT") == 2, "once as text, once as the end"
    assert b"\r\nATTENDEE" not in raw
    entry = read(raw)
    assert "ATTENDEE" not in entry
    assert "\x07" not in entry["DESCRIPTION"]
    assert max(len(line) for line in raw.split(b"\r\n")) <= 75


def test_a_postponed_session_says_what_it_was_moved_from() -> None:
    life = Life(
        SESSION, content(), THURSDAY, "postponed", earlier=(Postponement(THURSDAY, "Krankheit", NOW),), sequence=3
    )
    entry = read(text(life))
    assert entry["SEQUENCE"] == 3
    assert "Verschoben vom Donnerstag, 31.07.2025, 10:00–11:00 Uhr (Krankheit)." in entry["DESCRIPTION"]


def test_a_day_without_a_time_takes_the_whole_day() -> None:
    entry = read(text(Life(SESSION, content(), When(date=dt.date(2025, 12, 31)))))
    assert (entry["DTSTART"].dt, entry["DTEND"].dt) == (dt.date(2025, 12, 31), dt.date(2026, 1, 1))


def test_the_rules_of_the_time_zone_come_along() -> None:
    """Also where no session is: a calendar holds one component at least."""
    for raw in (text(), text(Life(SESSION, content(), THURSDAY))):
        assert berlin().to_ical() in raw


def test_times_on_both_sides_of_a_change_of_the_clocks() -> None:
    for day, offset in ((dt.date(2025, 10, 23), 2), (dt.date(2025, 10, 30), 1)):
        entry = read(text(Life(SESSION, content(), When(starts_at=dt.datetime.combine(day, dt.time(10), BERLIN)))))
        begin = entry["DTSTART"].dt
        assert (begin.hour, begin.utcoffset()) == (10, dt.timedelta(hours=offset))


def test_the_access_link_is_in_no_calendar() -> None:
    assert b"geheim" not in text(Life(SESSION, content(access_link="https://video.example/geheim"), THURSDAY))
