"""Working days in North Rhine-Westphalia: neither weekend nor statutory holiday (§ 2 Feiertagsgesetz NW)."""

import datetime as dt
from functools import lru_cache

SATURDAY = 5
FIXED = ((1, 1), (5, 1), (10, 3), (11, 1), (12, 25), (12, 26))
GOOD_FRIDAY, EASTER_MONDAY, ASCENSION, WHIT_MONDAY, CORPUS_CHRISTI = -2, 1, 39, 50, 60
BY_EASTER = (GOOD_FRIDAY, EASTER_MONDAY, ASCENSION, WHIT_MONDAY, CORPUS_CHRISTI)
ONCE = {2017: dt.date(2017, 10, 31)}  # 500 years of Reformation


def easter(year: int) -> dt.date:
    """Easter Sunday of the Gregorian calendar, by the rule of Lilius and Clavius as Gauss and Lichtenberg put it."""
    century = year // 100
    moon = 15 + (3 * century + 3) // 4 - (8 * century + 13) // 25
    sun = 2 - (3 * century + 3) // 4
    cycle = year % 19
    seed = (19 * cycle + moon) % 30
    full_moon = 21 + seed - (seed + cycle // 11) // 29
    sunday = 7 - (year + year // 4 + sun) % 7
    return dt.date(year, 3, 1) + dt.timedelta(days=full_moon + 7 - (full_moon - sunday) % 7 - 1)


@lru_cache(maxsize=256)
def holidays(year: int) -> frozenset[dt.date]:
    """The statutory holidays of a year from 1995 on that can fall on a working day; Sundays are none anyway."""
    fixed = {dt.date(year, month, day) for month, day in FIXED}
    moving = {easter(year) + dt.timedelta(days=days) for days in BY_EASTER}
    return frozenset(fixed | moving | ({ONCE[year]} if year in ONCE else set()))


def is_working_day(day: dt.date) -> bool:
    """Monday to Friday, and no holiday."""
    return day.weekday() < SATURDAY and day not in holidays(day.year)


def working_day_until(day: dt.date) -> dt.date:
    """`day` itself, or the last working day before it: whoever plans with it is early, never late."""
    while not is_working_day(day):
        day -= dt.timedelta(days=1)
    return day
