"""When a session is: the time on the wall in Germany, which stays the same whatever the offset becomes."""

import datetime as dt
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict

from shared.contracts.events import Times
from shared.kernel.decider import Refused

BERLIN = ZoneInfo("Europe/Berlin")
type Weekday = Literal["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday.__value__)
_GERMAN_OFFSETS = (dt.timedelta(hours=1), dt.timedelta(hours=2))


def berlin(time: dt.datetime) -> dt.datetime:
    """An instant as the clock on the wall shows it."""
    return time.astimezone(BERLIN)


def _on_the_wall(time: dt.datetime) -> dt.datetime:
    """A stored time with its zone: a German offset is a reading of the wall, which counts even if the law moves it."""
    if time.tzinfo is BERLIN or time.utcoffset() not in _GERMAN_OFFSETS:
        return berlin(time)
    wall = time.replace(tzinfo=BERLIN, fold=0)
    again = wall.replace(fold=1)
    return again if again.utcoffset() == time.utcoffset() != wall.utcoffset() else wall


type WallTime = Annotated[AwareDatetime, AfterValidator(_on_the_wall)]


class When(BaseModel):
    """A begin with or without an end, only a day, or neither (the date is open)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    starts_at: WallTime | None = None
    ends_at: WallTime | None = None
    date: dt.date | None = None

    @property
    def day(self) -> dt.date | None:
        """The day, however exactly the session is dated."""
        return self.starts_at.date() if self.starts_at else self.date

    @property
    def weekday(self) -> Weekday | None:
        """The day's name, computed."""
        return WEEKDAYS[self.day.weekday()] if self.day else None

    @property
    def begins(self) -> dt.datetime | None:
        """The begin, or the first moment of the day; None while the date is open."""
        return self.starts_at or (dt.datetime.combine(self.date, dt.time(), BERLIN) if self.date else None)

    @property
    def over(self) -> dt.datetime | None:
        """When the session is over: its end, or that of its day where no end is known."""
        return self.ends_at or (midnight_after(self.day) if self.day else None)

    def refines(self, known: "When") -> bool:
        """Whether this says more than was known and contradicts none of it."""
        same_day = known.day is None or known.day == self.day
        same_begin = known.starts_at is None or known.starts_at == self.starts_at
        return same_day and same_begin and (known.ends_at is None or known.ends_at == self.ends_at)

    def times(self) -> Times:
        """As contracts say it."""
        return Times(starts_at=self.starts_at, ends_at=self.ends_at, date=self.day)


def when_label(when: When) -> str:
    """Donnerstag, 28.08.2025, 10:00 Uhr; empty while the date is open."""
    if when.day is None:
        return ""
    parts = [str(when.weekday), f"{when.day:%d.%m.%Y}"]
    if when.starts_at:
        same_day = when.ends_at is not None and when.ends_at.date() == when.day
        end = f"–{when.ends_at:%H:%M}" if when.ends_at and same_day else ""
        parts.append(f"{when.starts_at:%H:%M}{end} Uhr")
        if when.ends_at and not same_day:
            parts[-1] += f" bis {when.ends_at:%d.%m.%Y, %H:%M} Uhr"
    return ", ".join(parts)


def midnight_after(day: dt.date) -> dt.datetime:
    """The first moment of the next day."""
    return dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), BERLIN)


def moved(time: dt.datetime | None, old: dt.datetime | None, new: dt.datetime | None) -> dt.datetime | None:
    """`time` moved as far on the wall as `old` was moved to `new`; as it is where one of them is not known."""
    return berlin(time) + (berlin(new) - berlin(old)) if time and old and new else time


def later_by(time: dt.datetime | None, old: When, new: When) -> dt.datetime | None:
    """`time` moved on the wall as the begin was, or as the day was where a begin is not known; else as it is."""
    if old.starts_at and new.starts_at:
        return moved(time, old.starts_at, new.starts_at)
    return berlin(time) + (new.day - old.day) if time and old.day and new.day else time


def check(when: When, weekday: Weekday | None) -> None:
    """Refuses a weekday that is not the date's, and an end that does not follow a begin."""
    if weekday is not None and weekday != when.weekday:
        computed = {"date": str(when.day), "weekday": when.weekday} if when.weekday else {}
        raise Refused("weekday_mismatch", stated=weekday, **computed)
    if when.ends_at and (not when.starts_at or when.ends_at.astimezone(dt.UTC) <= when.starts_at.astimezone(dt.UTC)):
        raise Refused("ends_before_start")


def refuse_past(when: When, at: dt.datetime) -> None:
    """Refuses a date that has passed; today without a time of day has not."""
    last = when.starts_at or when.over
    if last and last <= at:
        raise Refused("date_in_past", date=f"{when.day:%d.%m.%Y}")
