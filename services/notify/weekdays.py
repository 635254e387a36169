"""Dates that a German text writes with their weekday, checked: „Mittwoch, 12.03.24“ was a Tuesday."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

WEEKDAYS = ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")
MONTHS = (
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
)
_DAY = (
    r"(?P<day>\d{1,2})\.\s*(?:(?P<month>\d{1,2})\.|(?P<name>" + "|".join(MONTHS) + r"))\s*(?P<year>\d{4}|\d{2})(?!\d)"
)
_WEEKDAY = r"\b(?P<weekday>" + "|".join(WEEKDAYS) + r"|Sonnabend)\b"
_BEFORE = re.compile(_WEEKDAY + r",?\s+(?:,?\s*(?:dem|den|der)\s+)?\(?" + _DAY, re.IGNORECASE)
# A weekday that is followed by a date belongs to that one: „Donnerstag, 31.07.2025, Mittwoch, 06.08.2025“.
_AFTER = re.compile(_DAY + r"[ \t,(]+" + _WEEKDAY + r"(?!,?\s+(?:(?:dem|den|der)\s+)?\(?\d{1,2}\.)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A weekday that its date does not fall on; `actual` is None for a date that is none (31.02.)."""

    stated: str
    written: str
    actual: str | None


def contradictions(text: str) -> Iterator[Contradiction]:
    """Every dated weekday of the text that is wrong."""
    for pattern in (_BEFORE, _AFTER):
        for found in pattern.finditer(text):
            stated = found["weekday"].capitalize().replace("Sonnabend", "Samstag")
            actual = _weekday(found)
            if actual != stated:
                yield Contradiction(found["weekday"], found[0], actual)


def _weekday(found: re.Match[str]) -> str | None:
    months = [name.lower() for name in MONTHS]
    month = int(found["month"]) if found["month"] else months.index(found["name"].lower()) + 1
    year = int(found["year"])
    try:
        return WEEKDAYS[date(year + 2000 if year < 100 else year, month, int(found["day"])).weekday()]
    except ValueError:
        return None
