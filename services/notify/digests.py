"""Digests: what somebody wants to hear of once a day or a week, in one mail of everything.

A window ends at the person's hour, by the clock on the wall in Berlin, of every day or of the person's day of the week.
When it has ended, what was found before belongs to the digest of that day: one row a person and day, so that there is
never a second one, whatever becomes of clocks, settings and processes, and none that is empty. Any replica may close
windows, several at once, too: rows and the mailing that sends them are written together.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar

import asyncpg
import structlog

from services.notify.followed import ENDING
from services.notify.german import BERLIN
from services.notify.kind import Occasion
from services.notify.mailing import Occurred, note
from services.notify.matter import Matter
from services.notify.quiet import WEEKEND
from shared.kernel.clock import Clock
from shared.kernel.ids import named_id
from shared.kernel.leader import lead
from shared.kernel.postgres import CONNECTION_LOST, Connection, Pool

# What is about something that is gone by now makes no digest, unless it says just that. A pause that ends waits for the
# next window: it ends at midnight. Whoever had the digest of a day is left out, so that others come under the limit.
CLOSE = """
WITH closed AS (
    SELECT * FROM unnest($1::smallint[], $2::smallint[], $3::date[], $4::timestamptz[], $5::timestamptz[])
        AS c (hour, weekday, day, daily, weekly)
), due AS (
    SELECT f.mailing_id, f.person_id, c.day, c.hour, coalesce(t.gone, false) = (f.kind = ANY($7::text[])) AS shown
    FROM finding f
    JOIN subscriber s USING (person_id)
    JOIN closed c ON c.hour = s.digest_hour AND c.weekday = s.digest_weekday
    LEFT JOIN published_thing t ON t.kind = f.thing_kind AND t.id = f.thing_id
    WHERE f.digest_day IS NULL AND f.rhythm <> 'immediate'
      AND (f.found_at < CASE f.rhythm WHEN 'daily' THEN c.daily ELSE c.weekly END
           OR f.found_at > $6::timestamptz + interval '1 day')
      AND (s.paused_until IS NULL OR s.paused_until <= c.daily)
      AND NOT (s.quiet_weekends AND (extract(isodow FROM c.day) IN (6, 7) OR $9))
      AND NOT EXISTS (SELECT FROM digest d WHERE d.person_id = f.person_id AND d.day = c.day)
), people AS (
    SELECT person_id, day, hour FROM due WHERE shown GROUP BY person_id, day, hour ORDER BY person_id LIMIT $8
), made AS (
    INSERT INTO digest (person_id, day, hour, closed_at) SELECT person_id, day, hour, $6 FROM people
    ON CONFLICT DO NOTHING
    RETURNING person_id, day, hour
), taken AS (
    UPDATE finding f SET digest_day = made.day
    FROM due JOIN made USING (person_id)
    WHERE f.mailing_id = due.mailing_id AND f.person_id = due.person_id
)
SELECT day, hour, count(*) AS people FROM made GROUP BY day, hour
"""
# Whoever was added to a digest's mailing when it had been through, or behind the page it was at.
GO_ON = """
UPDATE mailing g SET state = 'open', after = NULL, ready_at = $1, holder = NULL
WHERE g.kind = 'digest' AND g.state = 'expanded' AND g.created_at > $1::timestamptz - interval '2 days' AND EXISTS (
    SELECT FROM digest d
    WHERE d.day = (g.data->>'day')::date AND d.hour = (g.data->>'hour')::smallint
      AND d.closed_at > $1::timestamptz - interval '15 minutes'
      AND NOT EXISTS (SELECT FROM message m WHERE m.mailing_id = g.id AND m.person_id = d.person_id)
      AND NOT EXISTS (SELECT FROM vault v WHERE v.person_id = d.person_id AND v.erased_at IS NOT NULL)
)
"""
# Whoever paused until some day before a digest was sent hears of it in the one after.
PUT_BACK = """
UPDATE finding f SET digest_day = NULL
FROM unnest($1::text[], $2::date[]) AS d (person_id, day) JOIN subscriber s USING (person_id)
WHERE f.person_id = d.person_id AND f.digest_day = d.day AND s.paused_until > $3 AND s.paused_until < 'infinity'
"""
FORGET_FINDINGS = """
DELETE FROM finding WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM finding WHERE found_at < $1 ORDER BY found_at LIMIT $2))
"""
FORGET_DIGESTS = """
DELETE FROM digest WHERE ctid = ANY(ARRAY(SELECT ctid FROM digest WHERE closed_at < $1 ORDER BY closed_at LIMIT $2))
"""
AT_ONCE = 5000
TICK, TROUBLE = 5.0, 10.0
WEEK = 7

log = structlog.get_logger()


class DigestClosed(Occasion):
    """The digests of a day for everybody with the same hour are to be sent."""

    type: ClassVar[str] = "ikz.notify.digest.closed.v1"
    day: date
    hour: int


@dataclass(frozen=True, slots=True)
class Window:
    """For people of an hour and a day of the week: the last `day` that their hour was reached on, when that was
    (`daily`), and when it last was on their day of the week (`weekly`).
    """

    hour: int
    weekday: int
    day: date
    daily: datetime
    weekly: datetime


def closed(now: datetime) -> Iterator[Window]:
    """Every person's windows that ended last."""
    today = now.astimezone(BERLIN).date()
    for hour in range(24):
        day = today if ends(today, hour) <= now else today - timedelta(days=1)
        for weekday in range(1, WEEK + 1):
            last = day - timedelta(days=(day.isoweekday() - weekday) % WEEK)
            yield Window(hour, weekday, day, ends(day, hour), ends(last, hour))


def ends(day: date, hour: int) -> datetime:
    """When an hour is reached: once a day, in spring an hour later where the clock leaves it out."""
    return datetime.combine(day, time(hour), BERLIN).astimezone(UTC)


async def put_back(pool: Pool, people: Iterable[tuple[str, date]], now: datetime) -> None:
    """Lets what is in the digests of days, of whom paused meanwhile, wait for others."""
    asked = list(people)
    await pool.execute(PUT_BACK, [person for person, _ in asked], [day for _, day in asked], now)


@dataclass(frozen=True, slots=True)
class Digests:
    """Closes windows. `noted` is called when there is something to send; findings are `kept` so long."""

    pool: Pool
    matter: Matter[Any]
    clock: Clock
    kept: timedelta
    noted: Callable[[], None]

    async def run(self, dsn: str) -> None:
        """Again and again, for ever, in one process; more of them do no harm."""
        await lead(dsn, "digests", self._work)

    async def _work(self) -> None:
        while True:
            pause = TICK
            try:
                while await self.step():
                    pass
                await self.go_on()
                await self._forget(self.clock.now())
            except (*CONNECTION_LOST, asyncpg.PostgresError) as error:
                log.warning("digests_wait", reason=type(error).__name__)
                pause = TROUBLE
            await asyncio.sleep(pause)

    async def step(self) -> int:
        """Closes what has ended for some people; gives for how many."""
        now = self.clock.now()
        async with self.pool.acquire() as connection, connection.transaction():
            rows = await self._close(connection, now)
            for row in rows:
                await self._send(connection, row["day"], row["hour"], now)
        people: int = sum(row["people"] for row in rows)
        if people:
            self.noted()
            log.info("digests_closed", people=people)
        return people

    async def go_on(self) -> None:
        """Whoever was added to a mailing that had been through gets their digest, too."""
        await self.pool.execute(GO_ON, self.clock.now())

    async def _close(self, connection: Connection, now: datetime) -> list[asyncpg.Record]:
        windows = list(closed(now))
        return await connection.fetch(
            CLOSE,
            [each.hour for each in windows],
            [each.weekday for each in windows],
            [each.day for each in windows],
            [each.daily for each in windows],
            [each.weekly for each in windows],
            now,
            list(ENDING),
            AT_ONCE,
            now.astimezone(BERLIN).isoweekday() in WEEKEND,
        )

    async def _send(self, connection: Connection, day: date, hour: int, now: datetime) -> None:
        occasion, name = DigestClosed(day=day, hour=hour), f"digest-{day}-{hour}@1"
        at = ends(day, hour)
        await note(connection, self.matter, [Occurred(occasion, name, at, at, named_id("digest", name).hex)], now)

    async def _forget(self, now: datetime) -> None:
        for statement in (FORGET_FINDINGS, FORGET_DIGESTS):
            await self.pool.execute(statement, now - self.kept, AT_ONCE)
