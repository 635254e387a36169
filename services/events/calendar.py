"""Sessions as iCalendar (RFC 5545): one entry for each that has a day, none while the date is open."""

import datetime as dt
import re
from collections.abc import Sequence
from functools import lru_cache

from icalendar import Calendar, Event

from services.events.life import Life
from services.events.programme import Venue
from services.events.session_shown import when_label
from services.events.times import BERLIN, When, midnight_after
from shared.kernel.vtimezone import berlin

PRODUCT = "-//Interkommunal//Veranstaltungen//DE"
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
EVERY_HOUR = dt.timedelta(hours=1)
END = b"END:VCALENDAR\r\n"
REMEMBERED = 2048


def calendar(sessions: Sequence[tuple[Life, dt.datetime]], name: str, public_url: str) -> bytes:
    """A feed of sessions with the time each was last changed; no personal links, as calendars are shared."""
    feed = Calendar()
    feed.add("prodid", PRODUCT)
    feed.add("version", "2.0")
    feed.add("calscale", "GREGORIAN")
    feed.add("method", "PUBLISH")
    feed.add("x-wr-calname", _text(name))
    feed.add("x-wr-timezone", BERLIN.key)
    feed.add("refresh-interval", EVERY_HOUR, parameters={"VALUE": "DURATION"})
    feed.add_component(berlin())
    head: bytes = feed.to_ical()
    entries = (_entry(life, changed_at, public_url) for life, changed_at in sessions if life.when.day is not None)
    return b"".join((head.removesuffix(END), *entries, END))


def uid(session_id: str) -> str:
    """What calendars know a session by, whatever becomes of it."""
    return f"session-{session_id}@interkommunal"


@lru_cache(maxsize=REMEMBERED)
def _entry(life: Life, changed_at: dt.datetime, public_url: str) -> bytes:
    content, entry = life.content, Event()
    entry.add("uid", uid(life.session_id))
    entry.add("dtstamp", changed_at.astimezone(dt.UTC))
    entry.add("last-modified", changed_at.astimezone(dt.UTC))
    entry.add("sequence", life.sequence)
    entry.add("status", "CANCELLED" if life.stage == "cancelled" else "CONFIRMED")
    entry.add("summary", _text(content.title))
    entry.add("description", _text(_description(life)))
    entry.add("url", f"{public_url}/veranstaltungen/{life.session_id}")
    if content.venue:
        entry.add("location", _text(_place(content.venue)))
    elif content.mode == "online":
        entry.add("location", "Online")
    _add_times(entry, life.when)
    text: bytes = entry.to_ical()
    return text


def _add_times(entry: Event, when: When) -> None:
    if when.starts_at:
        entry.add("dtstart", when.starts_at)
        if when.ends_at:
            entry.add("dtend", when.ends_at)
    elif when.day:
        entry.add("dtstart", when.day)
        entry.add("dtend", midnight_after(when.day).date())


def _description(life: Life) -> str:
    lines = [life.content.summary]
    lines += [f"Verschoben vom {when_label(one.when)} ({one.reason})." for one in life.earlier if one.when.day]
    if life.cancelled_for:
        lines.append(f"Abgesagt: {life.cancelled_for}")
    return "\n".join(filter(None, lines))


def _place(venue: Venue) -> str:
    return ", ".join(filter(None, (venue.name, venue.address, venue.city)))


def _text(text: str) -> str:
    return CONTROLS.sub("", text)
