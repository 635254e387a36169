"""Germany's clocks as calendar programs are told of them (RFC 5545, 3.6.5).

Written out, because `icalendar` derives a component from zoneinfo with the onset of summer time an hour late: an onset
is in the local time before it, which a clock that jumps never shows. And by yearly rules, since Outlook reads no single
dates (RDATE) in a zone and would show sessions in summer an hour late.
"""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from icalendar import Component

BERLIN = b"""\
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:DAYLIGHT
DTSTART:19960331T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
TZNAME:CEST
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
BEGIN:STANDARD
DTSTART:19961027T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZNAME:CET
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
END:VTIMEZONE
"""


@cache
def berlin() -> "Component":
    """`Europe/Berlin` with the rule that has held since 1996."""
    # Not before somebody asks for it: icalendar takes 4 MB, and who writes calendars as text needs none.
    from icalendar import Timezone  # noqa: PLC0415

    return Timezone.from_ical(BERLIN)
