"""What speaks against a date? Holidays, weekends, other sessions at the same time: told to editors, never refused."""

import datetime as dt
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter

from services.events.life import Life
from services.events.times import BERLIN, WEEKDAYS, When, refuse_past, when_label
from shared.kernel.decider import Refused
from shared.kernel.holidays import holidays
from shared.kernel.postgres import Pool

OVERLAPS = """
WITH near AS MATERIALIZED (
    SELECT s.session_id, s.stage, s.begins
    FROM session_view s
    WHERE s.begins IS NOT NULL AND tstzrange(s.begins, greatest(s.begins, s.over)) && tstzrange($1, $2)
      AND s.stage <> 'cancelled' AND s.session_id IS DISTINCT FROM $3
)
SELECT near.session_id, near.stage, page.life->'content'->>'title' AS title, page.life->'when' AS dated
FROM near
JOIN session_page page USING (session_id)
ORDER BY near.begins, near.session_id
LIMIT 20
"""
DAYS_LOOKED_AT = 31
SATURDAY = 5

_WHEN = TypeAdapter(When)


class DateWarning(BaseModel):
    """Something that speaks against a date, in German. `session_id` is the session at the same time."""

    model_config = ConfigDict(frozen=True)

    code: Literal["date_in_past", "public_holiday", "weekend", "overlap"]
    text: str
    date: dt.date | None = None
    session_id: str | None = None


async def warnings(pool: Pool, when: When, at: dt.datetime, session_id: str | None = None) -> tuple[DateWarning, ...]:
    """Everything that speaks against a date, for that session or for one that is not there yet."""
    return (*_past(when, at), *of_days(when), *await _overlaps(pool, when, session_id))


async def warnings_of(pool: Pool, life: Life, at: dt.datetime) -> tuple[DateWarning, ...]:
    """What speaks against the date of a session that is still to take place."""
    ahead = life.stage == "drafted" or life.obstacle(at) is None
    return await warnings(pool, life.when, at, life.session_id) if ahead else ()


def of_days(when: When) -> tuple[DateWarning, ...]:
    """Holidays in North Rhine-Westphalia and weekends among the days of a session."""
    return tuple(warning for day in islice(_days(when), DAYS_LOOKED_AT) for warning in _of_day(day))


def _days(when: When) -> Iterator[dt.date]:
    """From the first day to the last; an end at midnight belongs to the day before."""
    day = when.day
    if day is None:
        return
    yield day
    last = (when.ends_at - dt.timedelta(microseconds=1)).astimezone(BERLIN).date() if when.ends_at else day
    while day < last:
        day += dt.timedelta(days=1)
        yield day


def _of_day(day: dt.date) -> Iterator[DateWarning]:
    if holiday := holidays(day.year).get(day):
        text = f"{_named(day)} ist ein gesetzlicher Feiertag in Nordrhein-Westfalen: {holiday}."
        yield DateWarning(code="public_holiday", text=text, date=day)
    if day.weekday() >= SATURDAY:
        yield DateWarning(code="weekend", text=f"{_named(day)} liegt am Wochenende.", date=day)


def _named(day: dt.date) -> str:
    return f"{WEEKDAYS[day.weekday()]}, {day:%d.%m.%Y},"


def _past(when: When, at: dt.datetime) -> Sequence[DateWarning]:
    try:
        refuse_past(when, at)
    except Refused:
        return [DateWarning(code="date_in_past", text=f"{when_label(when)} ist vorbei.", date=when.day)]
    return []


async def _overlaps(pool: Pool, when: When, session_id: str | None) -> list[DateWarning]:
    if when.begins is None:
        return []
    rows = await pool.fetch(OVERLAPS, when.begins, when.over, session_id)
    return [_overlap(when, row["session_id"], row["stage"], row["title"], row["dated"]) for row in rows]


def _overlap(when: When, session_id: str, stage: str, title: str, dated: object) -> DateWarning:
    other = _WHEN.validate_python(dated, extra="ignore")
    exact = when.ends_at and other.ends_at
    kind = "der Entwurf" if stage == "drafted" else "die Veranstaltung"
    text = f"{'Zur selben Zeit' if exact else 'Am selben Tag'} ist {kind} „{title}“ ({when_label(other)})."
    return DateWarning(code="overlap", text=text, date=other.day, session_id=session_id)
