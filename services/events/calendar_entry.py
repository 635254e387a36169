"""A session as the entry of a calendar (RFC 5545), as text.

Written by hand: icalendar takes a millisecond and more for each, and a calendar has hundreds. What is not the same for
everybody who serves it (the address of the page, the name of the series) is added when a calendar is made.

An entry never vanishes from calendars that follow us. While a new date is open it stays at the last known one as
CANCELLED, as invitations do: TENTATIVE would go on blocking a time at which nothing takes place. A new date brings it
back as CONFIRMED under the same UID with a higher SEQUENCE.

Where no end is known there is none (RFC 5545, 3.6.1: the entry ends when it begins); a length would be made up.
Whoever knows the day only is not busy all day.
"""

import datetime as dt
import re
from dataclasses import dataclass
from functools import lru_cache

from services.events.life import Life
from services.events.programme import Venue
from services.events.times import BERLIN, When, midnight_after, when_label

FORM = 1  # another one for every change of what an entry says: entries that were kept in an older form are made anew
LONGEST = 75
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
BREAKS = re.compile("\r\n|[\r\x85\u2028\u2029]")
ESCAPED = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})
END = "END:VEVENT\r\n"


@dataclass(frozen=True, slots=True)
class Own:
    """What an entry says to one person only: whether the place is sure, and lines that nobody else may read."""

    certain: bool
    lines: tuple[str, ...]
    changed_at: dt.datetime


def entry(life: Life, changed_at: dt.datetime, own: Own | None = None) -> str | None:
    """The entry up to what `finished` adds; None for a session that never had a date."""
    when = _shown(life)
    if when.day is None:
        return None
    changed = _utc(max(changed_at, own.changed_at) if own else changed_at)
    off = life.stage == "cancelled" or life.when.day is None
    status = "CANCELLED" if off else "CONFIRMED" if own is None or own.certain else "TENTATIVE"
    return "".join(
        (
            f"BEGIN:VEVENT\r\n{line('UID', uid(life.session_id))}DTSTAMP:{changed}\r\nLAST-MODIFIED:{changed}\r\n",
            f"SEQUENCE:{life.sequence}\r\nSTATUS:{status}\r\n",
            "TRANSP:TRANSPARENT\r\n" if off or when.starts_at is None else "",
            _times(when),
            line("SUMMARY", text(_title(life))),
            _location(life),
            line("DESCRIPTION", text("\n".join((*_description(life, when), *(own.lines if own else ()))))),
        )
    )


def finished(begun: str, session_id: str, series: str | None, public_url: str) -> str:
    """A whole entry: with the address of the session's page, and its series as the category."""
    return (
        f"{begun}{_category(series) if series else ''}{line('URL', f'{public_url}/veranstaltungen/{session_id}')}{END}"
    )


@lru_cache(maxsize=256)
def _category(series: str) -> str:
    return line("CATEGORIES", text(series))


def uid(session_id: str) -> str:
    """What calendars know a session by, whatever becomes of it."""
    return f"session-{session_id}@interkommunal"


def line(name: str, value: str) -> str:
    """One content line, folded after 75 octets at most and never inside a character."""
    octets = f"{name}:{value}".encode()
    if len(octets) <= LONGEST:
        return f"{name}:{value}\r\n"
    parts, start, room = [], 0, LONGEST
    while start < len(octets):
        end = min(start + room, len(octets))
        while end < len(octets) and octets[end] & 0xC0 == 0x80:
            end -= 1
        parts.append(octets[start:end].decode())
        start, room = end, LONGEST - 1
    return f"{'\r\n '.join(parts)}\r\n"


def text(value: str) -> str:
    """A value of the type TEXT: whatever was typed in stays inside its line."""
    return CONTROLS.sub("", BREAKS.sub("\n", value)).translate(ESCAPED)


def _shown(life: Life) -> When:
    """The date, or the last that was known while the new one is open."""
    return next((when for when in (life.when, *(one.when for one in reversed(life.earlier))) if when.day), life.when)


def _times(when: When) -> str:
    if when.starts_at:
        end = _moment("DTEND", when.ends_at) if when.ends_at else ""
        return f"{_moment('DTSTART', when.starts_at)}{end}"
    assert when.day is not None
    return f"DTSTART;VALUE=DATE:{when.day:%Y%m%d}\r\nDTEND;VALUE=DATE:{midnight_after(when.day).date():%Y%m%d}\r\n"


def _moment(name: str, time: dt.datetime) -> str:
    """On the wall; in UTC where it shows the same hour twice: some programs take the first, others the second."""
    wall = time.astimezone(BERLIN)
    if wall.replace(fold=0).utcoffset() != wall.replace(fold=1).utcoffset():
        return f"{name}:{_utc(time)}\r\n"
    return f"{name};TZID={BERLIN.key}:{wall:%Y%m%dT%H%M%S}\r\n"


def _utc(time: dt.datetime) -> str:
    return f"{time.astimezone(dt.UTC):%Y%m%dT%H%M%SZ}"


def _title(life: Life) -> str:
    """Many calendars show no status: the title says so, too."""
    if life.stage == "cancelled":
        return f"Abgesagt: {life.content.title}"
    return life.content.title if life.when.day else f"Verschoben: {life.content.title}"


def _location(life: Life) -> str:
    if life.content.venue:
        return line("LOCATION", text(_place(life.content.venue)))
    return "LOCATION:Online\r\n" if life.content.mode == "online" else ""


def _place(venue: Venue) -> str:
    return ", ".join(filter(None, (venue.name, venue.address, venue.city)))


def _description(life: Life, when: When) -> list[str]:
    lines = []
    if life.cancelled_for:
        lines.append(f"Abgesagt: {life.cancelled_for}")
    elif life.when.day is None:
        lines.append("Dieser Termin findet nicht statt. Neuer Termin offen.")
    elif when.starts_at is None:
        lines.append("Die Uhrzeit steht noch nicht fest.")
    lines += [f"Verschoben vom {when_label(one.when)} ({one.reason})." for one in life.earlier if one.when.day]
    return [*lines, *([life.content.summary] if life.content.summary else [])]
