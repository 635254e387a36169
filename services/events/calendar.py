"""A calendar of sessions to subscribe to (RFC 5545).

It says no METHOD: it is what there is, not a message about it (RFC 5546, 3.2.1, wants an ORGANIZER in every published
entry, and programs would then show a person who can be answered). No personal links either, as calendars are shared;
who asked for a calendar of their own (`own_calendar.py`) finds theirs there.
"""

from collections.abc import Iterable

from services.events.calendar_entry import line, text
from services.events.times import BERLIN
from shared.kernel.vtimezone import BERLIN as CLOCKS

PRODUCT = "-//Interkommunal//Veranstaltungen//DE"
EVERY_HOUR = "PT1H"
RULES = CLOCKS.decode().replace("\n", "\r\n")


def calendar(entries: Iterable[str], name: str) -> bytes:
    """Finished entries under the name that programs show; asked for again every hour."""
    head = (
        "BEGIN:VCALENDAR\r\n",
        line("VERSION", "2.0"),
        line("PRODID", PRODUCT),
        line("CALSCALE", "GREGORIAN"),
        line("NAME", text(name)),
        line("X-WR-CALNAME", text(name)),
        line("X-WR-TIMEZONE", BERLIN.key),
        line("REFRESH-INTERVAL;VALUE=DURATION", EVERY_HOUR),
        line("X-PUBLISHED-TTL", EVERY_HOUR),
        RULES,
    )
    return "".join((*head, *entries, "END:VCALENDAR\r\n")).encode()
