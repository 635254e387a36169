"""Working days in North Rhine-Westphalia: neither weekend nor statutory holiday."""

import datetime as dt

from shared.kernel.holidays import holidays

SATURDAY = 5


def is_working_day(day: dt.date) -> bool:
    """Monday to Friday, and no holiday."""
    return day.weekday() < SATURDAY and day not in holidays(day.year)


def working_day_until(day: dt.date) -> dt.date:
    """`day` itself, or the last working day before it: whoever plans with it is early, never late."""
    while not is_working_day(day):
        day -= dt.timedelta(days=1)
    return day
