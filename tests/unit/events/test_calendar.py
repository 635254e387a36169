"""What calendar programs are told."""

import datetime as dt
import re
from typing import Any

import icalendar
from hypothesis import given, settings
from hypothesis import strategies as st

from services.events.calendar import calendar
from services.events.calendar_entry import Own, entry, finished
from services.events.life import Life, Postponement
from services.events.programme import Venue
from services.events.times import BERLIN, When
from shared.kernel.vtimezone import berlin
from tests.unit.events.samples import NOW, SESSION, THURSDAY, content

URL = "https://portal.example"


def text(*lives: Life, own: Own | None = None) -> bytes:
    begun = ((life, entry(life, NOW, own)) for life in lives)
    return calendar([finished(one, life.session_id, "Reihe, zwei", URL) for life, one in begun if one], "Name")


def read(raw: bytes, kind: str = "VEVENT") -> Any:
    (found,) = icalendar.Calendar.from_ical(raw).walk(kind)
    return found


def test_an_entry_says_when_and_where_and_links_to_the_page() -> None:
    venue = Venue(name="Stadthalle; großer Saal", address="Markt 1, Eingang B", city="Unna")
    shown = read(text(Life(SESSION, content(mode="hybrid", venue=venue, topics=("health", "a_b")), THURSDAY)))
    assert shown["UID"] == f"session-{SESSION}@interkommunal"
    assert shown["URL"] == f"{URL}/veranstaltungen/{SESSION}"
    assert shown["LOCATION"] == "Stadthalle; großer Saal, Markt 1, Eingang B, Unna"
    assert shown["DTSTART"].dt == dt.datetime(2025, 7, 31, 10, tzinfo=BERLIN)
    assert shown["DTSTAMP"].dt == NOW
    assert shown["CATEGORIES"].to_ical() == b"Reihe\\, zwei", "and no codes of topics: they are no words for readers"


def test_text_cannot_break_out_of_its_line() -> None:
    evil = "Zeile 1\nATTENDEE:mailto:x@example.org\r\nEND:VEVENT\x00\x07, mit; Zeichen\\n"
    life = Life(SESSION, content(summary=evil), THURSDAY)
    raw = text(life)
    assert raw.count(b"END:VEVENT") == 2, "once as text, once as the end"
    assert b"\r\nATTENDEE" not in raw
    shown = read(raw)
    assert "ATTENDEE" not in shown
    assert "\x07" not in shown["DESCRIPTION"]
    assert max(len(line) for line in raw.split(b"\r\n")) <= 75


def test_a_postponed_session_says_what_it_was_moved_from() -> None:
    life = Life(
        SESSION, content(), THURSDAY, "postponed", earlier=(Postponement(THURSDAY, "Krankheit", NOW),), sequence=3
    )
    shown = read(text(life))
    assert shown["SEQUENCE"] == 3
    assert "Verschoben vom Donnerstag, 31.07.2025, 10:00–11:00 Uhr (Krankheit)." in shown["DESCRIPTION"]


def test_a_day_without_a_time_takes_the_whole_day() -> None:
    shown = read(text(Life(SESSION, content(), When(date=dt.date(2025, 12, 31)))))
    assert (shown["DTSTART"].dt, shown["DTEND"].dt) == (dt.date(2025, 12, 31), dt.date(2026, 1, 1))


def test_a_day_without_a_time_keeps_nobody_busy() -> None:
    assert read(text(Life(SESSION, content(), When(date=dt.date(2025, 12, 31)))))["TRANSP"] == "TRANSPARENT"
    assert "TRANSP" not in read(text(Life(SESSION, content(), THURSDAY)))


def test_a_session_without_an_end_has_none() -> None:
    shown = read(text(Life(SESSION, content(), When(starts_at=THURSDAY.starts_at))))
    assert "DTEND" not in shown
    assert "DURATION" not in shown


def test_while_the_new_date_is_open_the_entry_stays_at_the_old_one() -> None:
    given_up = (Postponement(THURSDAY, "Krankheit", NOW), Postponement(When(), "Sturm", NOW))
    shown = read(text(Life(SESSION, content(), When(), "postponed", earlier=given_up, sequence=2)))
    assert (shown["STATUS"], shown["TRANSP"], shown["SEQUENCE"]) == ("CANCELLED", "TRANSPARENT", 2)
    assert shown["DTSTART"].dt == THURSDAY.starts_at
    assert shown["SUMMARY"] == "Verschoben: Digitale Sprechstunde"
    assert shown["DESCRIPTION"].startswith("Dieser Termin findet nicht statt. Neuer Termin offen.\nVerschoben vom ")


def test_a_cancelled_session_says_so_and_why() -> None:
    shown = read(text(Life(SESSION, content(), THURSDAY, "cancelled", cancelled_for="Krankheit", sequence=1)))
    assert (shown["STATUS"], shown["SUMMARY"]) == ("CANCELLED", "Abgesagt: Digitale Sprechstunde")
    assert shown["DESCRIPTION"] == "Abgesagt: Krankheit"


def test_a_session_that_never_had_a_date_is_in_no_calendar() -> None:
    assert entry(Life(SESSION, content(), When()), NOW) is None
    assert entry(Life(SESSION, content(), When(), "cancelled", cancelled_for="Krankheit"), NOW) is None


def test_two_equal_hours_are_told_apart() -> None:
    for fold, instant in ((0, "00:30"), (1, "01:30")):
        begin = dt.datetime(2025, 10, 26, 2, 30, tzinfo=BERLIN, fold=fold)
        shown = read(text(Life(SESSION, content(), When(starts_at=begin))))
        assert f"{shown['DTSTART'].dt:%H:%M %Z}" == f"{instant} UTC", (
            "what the wall shows twice, programs take differently"
        )


def test_only_a_sure_place_is_confirmed_in_ones_own_calendar() -> None:
    life = Life(SESSION, content(), THURSDAY)
    later = NOW + dt.timedelta(days=1)
    waiting = read(text(life, own=Own(certain=False, lines=("Auf der Warteliste",), changed_at=later)))
    assert (waiting["STATUS"], waiting["DESCRIPTION"]) == ("TENTATIVE", "Auf der Warteliste")
    assert waiting["LAST-MODIFIED"].dt == waiting["DTSTAMP"].dt == later
    assert read(text(life, own=Own(certain=True, lines=(), changed_at=NOW)))["STATUS"] == "CONFIRMED"


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_any_text_comes_back_as_it_was_but_for_controls_and_breaks(typed: str) -> None:
    raw = text(Life(SESSION, content(summary=f"x{typed}x"), THURSDAY))
    assert max(map(len, raw.split(b"\r\n"))) <= 75
    assert not set(raw.replace(b"\r\n", b"")) & set(range(9))
    plain = "".join(
        c for c in re.sub("\r\n|[\r\x85\u2028\u2029]", "\n", f"x{typed}x") if c in "\t\n" or c.isprintable()
    )
    shown = "".join(c for c in read(raw)["DESCRIPTION"] if c in "\t\n" or c.isprintable())
    assert shown == plain.strip()


def test_the_rules_of_the_time_zone_come_along() -> None:
    """Also where no session is: a calendar holds one component at least."""
    for raw in (text(), text(Life(SESSION, content(), THURSDAY))):
        assert read(raw, "VTIMEZONE").to_ical() == berlin().to_ical()


def test_times_on_both_sides_of_a_change_of_the_clocks() -> None:
    for day, offset in ((dt.date(2025, 10, 23), 2), (dt.date(2025, 10, 30), 1)):
        shown = read(text(Life(SESSION, content(), When(starts_at=dt.datetime.combine(day, dt.time(10), BERLIN)))))
        begin = shown["DTSTART"].dt
        assert (begin.hour, begin.utcoffset()) == (10, dt.timedelta(hours=offset))


def test_the_access_link_is_in_no_calendar() -> None:
    assert b"geheim" not in text(Life(SESSION, content(access_link="https://video.example/geheim"), THURSDAY))
