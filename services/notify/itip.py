"""The calendar part of a mail: an iTIP object (RFC 5546) that a reader's calendar takes over by itself.

One entry lives under one UID through everything that happens to its session:

- a place in it: `REQUEST` with the session's present SEQUENCE;
- a new time or place, or a cancelled session that takes place after all: `REQUEST` with a higher SEQUENCE;
- a session that is cancelled: `CANCEL` with a higher SEQUENCE;
- a place given back: `CANCEL` to this one person, without a STATUS since the session goes on, and with the present
  SEQUENCE, so that the `REQUEST` for a place taken again later is not older than what the calendar knows;
- a session postponed to an open date: `CANCEL` with a higher SEQUENCE. An update to `STATUS:TENTATIVE` would have to
  keep the old time, and calendars would go on blocking it and reminding of it; the `REQUEST` that follows with the new
  date has a higher SEQUENCE again and brings the entry back.

There is no link to a registration in the entry: calendars are shared with colleagues.
"""

import unicodedata
from datetime import UTC, date, datetime, timedelta

from icalendar import Calendar, Event, vCalAddress

from services.notify.german import BERLIN
from services.notify.invitation import Invitation
from shared.contracts.events import Times
from shared.kernel.vtimezone import berlin

PRODUCT = "-//Interkommunales.NRW//Portal//DE"


def render(invitation: Invitation, *, organiser: str, organiser_name: str, attendee: str) -> bytes:
    """The object as it goes into the mail. `organiser` and `attendee` are bare addresses; a day must be known."""
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", invitation.method)
    begin = _begin(invitation.times)
    if isinstance(begin, datetime):
        calendar.add_component(berlin())
    calendar.add_component(_entry(invitation, begin, _caller(organiser, organiser_name), attendee))
    rendered: bytes = calendar.to_ical()
    return rendered


def _entry(invitation: Invitation, begin: date, host: vCalAddress, attendee: str) -> Event:
    entry = Event()
    entry.add("uid", f"session-{invitation.session_id}@interkommunal")
    entry.add("dtstamp", invitation.stamp.astimezone(UTC))
    entry.add("sequence", invitation.sequence)
    if invitation.method == "REQUEST":
        entry.add("status", "CONFIRMED")
    elif not invitation.takes_place:  # RFC 5546, 3.2.5: not for whoever is taken out of what goes on
        entry.add("status", "CANCELLED")
    entry.add("dtstart", begin)
    if isinstance(begin, datetime) and invitation.times.ends_at is not None:
        entry.add("dtend", _on_the_wall(invitation.times.ends_at))
    elif not isinstance(begin, datetime):
        entry.add("dtend", begin + timedelta(days=1))
        entry.add("transp", "TRANSPARENT")  # who knows the day only is not busy all day
    entry.add("summary", _plain(invitation.title))
    entry.add("location", _plain(invitation.location))
    entry.add("description", _plain(invitation.description))
    entry.add("organizer", host)
    guest = vCalAddress(f"mailto:{attendee}")
    guest.params.update({"CUTYPE": "INDIVIDUAL", "ROLE": "REQ-PARTICIPANT", "PARTSTAT": "ACCEPTED", "RSVP": "FALSE"})
    entry.add("attendee", guest)
    return entry


def _caller(address: str, name: str) -> vCalAddress:
    host = vCalAddress(f"mailto:{address}")
    host.params["CN"] = name
    return host


def _begin(times: Times) -> date:
    """The begin on the wall clock of Berlin, or the whole day."""
    if times.starts_at is not None:
        return _on_the_wall(times.starts_at)
    if times.date is None:
        raise ValueError("an invitation needs a day")
    return times.date


def _on_the_wall(time: datetime) -> datetime:
    """In Berlin; in UTC where the wall shows the same hour twice: some programs take the first, others the second."""
    wall = time.astimezone(BERLIN)
    once = wall.replace(fold=0).utcoffset() == wall.replace(fold=1).utcoffset()
    return wall if once else time.astimezone(UTC)


def _plain(text: str) -> str:
    """Without control characters, line breaks excepted."""
    return "".join(c for c in text if c == "\n" or unicodedata.category(c) not in {"Cc", "Cf"})
