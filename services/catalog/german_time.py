"""What time it is in Germany: the clock on the wall, and the day it shows."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")


def german_day(at: datetime) -> date:
    """The day on which something happens in Germany."""
    return at.astimezone(BERLIN).date()
