"""The statutory holidays of North Rhine-Westphalia (§ 2 Feiertagsgesetz NW)."""

import datetime as dt
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

FIXED = {
    (1, 1): "Neujahr",
    (5, 1): "Tag der Arbeit",
    (10, 3): "Tag der Deutschen Einheit",
    (11, 1): "Allerheiligen",
    (12, 25): "1. Weihnachtstag",
    (12, 26): "2. Weihnachtstag",
}
BY_EASTER = {
    -2: "Karfreitag",
    1: "Ostermontag",
    39: "Christi Himmelfahrt",
    50: "Pfingstmontag",
    60: "Fronleichnam",
}
ONCE = {dt.date(2017, 10, 31): "Reformationstag"}  # 500 years of Reformation


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
def holidays(year: int) -> Mapping[dt.date, str]:
    """The holidays of a year from 1995 on that can fall on a working day, with their names; Sundays are none anyway."""
    fixed = {dt.date(year, month, day): name for (month, day), name in FIXED.items()}
    moving = {easter(year) + dt.timedelta(days=days): name for days, name in BY_EASTER.items()}
    once = {day: name for day, name in ONCE.items() if day.year == year}
    return MappingProxyType(dict(sorted((fixed | moving | once).items())))
