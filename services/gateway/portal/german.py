"""German for people: dates, times, numbers. Weekdays are computed, times are those of the wall clock in Berlin.

A number stays on one line with what it counts.
"""

import datetime as dt
import re
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_decimal

BERLIN = ZoneInfo("Europe/Berlin")
DAY = "EEEE, d.\N{NO-BREAK SPACE}MMMM y"
SHORT_DAY = "d.\N{NO-BREAK SPACE}MMMM y"
EMPTY_LINES = re.compile(r"\n\s*\n")
OCLOCK = "\N{NO-BREAK SPACE}Uhr"


def day(value: dt.date | dt.datetime) -> str:
    """„Donnerstag, 28. August 2025“."""
    return format_date(_local(value), DAY, locale="de")


def short_day(value: dt.date | dt.datetime) -> str:
    """„28. August 2025“."""
    return format_date(_local(value), SHORT_DAY, locale="de")


def month(value: dt.date | dt.datetime) -> str:
    """„Aug.“ or „Mai“: the head of a calendar leaf."""
    return format_date(_local(value), "LLL", locale="de")


def clock(value: dt.datetime) -> str:
    """„10:00“ on the wall."""
    return f"{value.astimezone(BERLIN):%H:%M}"


def moment(value: dt.datetime) -> str:
    """„28. August 2025, 10:00 Uhr“."""
    return f"{short_day(value)}, {clock(value)}{OCLOCK}"


def span(starts_at: dt.datetime, ends_at: dt.datetime | None) -> str:
    """„10:00 bis 11:00 Uhr“; the end's day stands with it when it is another; „ab 10:00 Uhr“ without an end."""
    if ends_at is None:
        return f"ab {clock(starts_at)}{OCLOCK}"
    if _local(starts_at) == _local(ends_at):
        return f"{clock(starts_at)} bis {clock(ends_at)}{OCLOCK}"
    return f"{clock(starts_at)}{OCLOCK} bis {day(ends_at)}, {clock(ends_at)}{OCLOCK}"


def number(value: float) -> str:
    """„6.200“, „12,5“."""
    return format_decimal(value, locale="de")


def euro(value: float) -> str:
    """„175.000 Euro“."""
    return f"{number(value)}\N{NO-BREAK SPACE}Euro"


def file_size(size: int) -> str:
    """„1,2 MB“, „48 KB“."""
    amount, unit = (size / 1_000_000, "MB") if size >= 1_000_000 else (max(size / 1000, 1), "KB")
    return f"{number(round(amount, 1 if unit == 'MB' else None))}\N{NO-BREAK SPACE}{unit}"


def partial_date(value: str) -> str:
    """„2024“, „Mai 2024“ or „28. Mai 2024“, as exact as the ISO date is."""
    match [int(part) for part in value.split("-")]:
        case [year]:
            return str(year)
        case [year, in_month]:
            return format_date(dt.date(year, in_month, 1), "MMMM y", locale="de")
        case [year, in_month, on_day]:
            return short_day(dt.date(year, in_month, on_day))
        case _:
            raise ValueError(value)


def listed(words: Sequence[str]) -> str:
    """„A, B und C“."""
    return " und ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def paragraphs(text: str) -> list[list[str]]:
    """Plain text as paragraphs of lines."""
    return [block.splitlines() for block in EMPTY_LINES.split(text.replace("\r\n", "\n").strip()) if block]


def iso(value: dt.date | dt.datetime) -> str:
    """For `<time datetime>`: with the offset of Berlin where there is a time."""
    return value.astimezone(BERLIN).isoformat() if isinstance(value, dt.datetime) else value.isoformat()


def today(now: dt.datetime) -> dt.date:
    """The day it is in Berlin."""
    return _local(now)


def _local(value: dt.date | dt.datetime) -> dt.date:
    return value.astimezone(BERLIN).date() if isinstance(value, dt.datetime) else value
