"""Sessions as calendars over HTTP."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from services.events.life import Life
from services.events.session_list import (
    SessionFilter,
    feed_rows,
    session_row,
)
from shared.kernel.http import Answer, Call, Endpoint
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem

CALENDAR = "text/calendar; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Desk:
    """The handlers and what they work with."""

    pool: Pool
    public_url: str

    async def feed(self, call: Call) -> Answer:
        wanted: SessionFilter = call.query
        found = await feed_rows(self.pool, wanted)
        text = self._calendar(found, "Veranstaltungen zur interkommunalen Zusammenarbeit")
        return _calendar(text, "veranstaltungen.ics")

    async def session_calendar(self, call: Call) -> Answer:
        found = await session_row(self.pool, call.path_id())
        if found is None:
            raise Problem("not_found")
        if found.life.when.day is None:
            raise Problem("session_without_date")
        text = self._calendar([(found.life, found.changed_at)], found.life.content.title)
        return _calendar(text, f"veranstaltung-{found.life.session_id}.ics")

    def _calendar(self, sessions: Sequence[tuple[Life, dt.datetime]], name: str) -> bytes:
        # Not before somebody asks for one: icalendar takes 4 MB, and time at the start.
        from services.events.calendar import calendar  # noqa: PLC0415

        return calendar(sessions, name, self.public_url)


def _calendar(text: bytes, name: str) -> Answer:
    headers = {"Content-Type": CALENDAR, "Content-Disposition": f'inline; filename="{name}"'}
    return Answer(text, headers=headers)


def endpoints(pool: Pool, public_url: str) -> list[Endpoint]:
    """Calendars to subscribe to or to keep."""
    desk = Desk(pool, public_url)
    return [
        Endpoint(
            "GET",
            "/api/v1/sessions.ics",
            desk.feed,
            "The calendar of all sessions, or of some series and topics",
            query=SessionFilter,
            media_type="text/calendar",
        ),
        Endpoint(  # before the one it would match, too
            "GET",
            "/api/v1/sessions/{id}.ics",
            desk.session_calendar,
            "The calendar entry of a session",
            codes=("session_without_date",),
            media_type="text/calendar",
        ),
    ]
