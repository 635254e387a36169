"""German words for dates and places. Weekdays are computed, times are those of the clock on the wall in Berlin."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from babel.numbers import format_decimal

from shared.contracts.events import Mode, Place, Times

BERLIN = ZoneInfo("Europe/Berlin")
MAX_ENDING = 5
OPEN = "Der Termin steht noch nicht fest."


def moment(at: datetime) -> str:
    """„Donnerstag, 28. August 2025, 10:00 Uhr“."""
    local = at.astimezone(BERLIN)
    return f"{format_date(local, 'EEEE, d. MMMM y', locale='de')}, {_clock(local)}"


def short_moment(at: datetime) -> str:
    """„Do., 28.08.2025, 10:00 Uhr“, for subjects."""
    local = at.astimezone(BERLIN)
    return f"{format_date(local, 'EEE dd.MM.y', locale='de').replace(' ', ', ')}, {_clock(local)}"


def day(on: date) -> str:
    """„Freitag, 29. August 2025“."""
    return format_date(on, "EEEE, d. MMMM y", locale="de")


def short_day(on: date) -> str:
    """„Fr., 29.08.2025“, for subjects."""
    return format_date(on, "EEE dd.MM.y", locale="de").replace(" ", ", ")


def day_of(at: datetime) -> str:
    """„1. Juli 2024“, where the weekday tells nobody anything."""
    return format_date(at.astimezone(BERLIN), "d. MMMM y", locale="de")


def span(times: Times) -> str | None:
    """Begin and end, only the day, or None when neither is known."""
    if times.starts_at is None:
        return day(times.date) if times.date else None
    begin = moment(times.starts_at)
    if times.ends_at is None:
        return begin
    start, end = times.starts_at.astimezone(BERLIN), times.ends_at.astimezone(BERLIN)
    return f"{begin} bis {_clock(end) if start.date() == end.date() else moment(end)}"


def short(times: Times) -> str | None:
    """The begin in short, for subjects."""
    if times.starts_at is not None:
        return short_moment(times.starts_at)
    return short_day(times.date) if times.date else None


def place(mode: Mode, venue: Place | None) -> str:
    """Where a session is: „Online“, an address, or both."""
    address = None
    if venue is not None:
        city = venue.city if venue.city and venue.city not in (venue.address or "") else None
        address = ", ".join(part for part in (venue.name, venue.address, city) if part)
    match mode:
        case "online":
            return "Online"
        case "in_person":
            return address or "Der Ort wird noch bekannt gegeben."
        case "hybrid":
            return f"{address} und online" if address else "Vor Ort und online"


def _clock(local: datetime) -> str:
    return f"{format_time(local, 'HH:mm', locale='de')} Uhr"


def file(name: str, size: int) -> str:
    """Kind and size of a file, „PDF, 1,2 MB“."""
    ending = name.rpartition(".")[2]
    kind = ending.upper() if ending != name and len(ending) <= MAX_ENDING and ending.isalnum() else "Datei"
    return f"{kind}, {_size(size)}"


def number_of(count: int, one: str, many: str) -> str:
    """„eine Datei“, „3 Dateien“."""
    return one if count == 1 else f"{count} {many}"


def _size(size: int) -> str:
    """As the portal's pages say it: in KB or MB of a thousand, never „0 KB“."""
    if size < 1_000_000:
        return f"{max(1, round(size / 1000))}\N{NO-BREAK SPACE}KB"
    return f"{format_decimal(round(size / 1_000_000, 1), locale='de')}\N{NO-BREAK SPACE}MB"
