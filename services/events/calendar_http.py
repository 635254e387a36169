"""Sessions as calendars over HTTP."""

import hashlib
from dataclasses import dataclass

from services.events import series_list, session_entries, topics
from services.events.calendar import calendar
from services.events.calendar_entry import FORM
from services.events.session_entries import Wanted
from services.events.session_list import SessionFilter, session_row
from shared.kernel import headers
from shared.kernel.http import Answer, Call, Endpoint
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem

CALENDAR = "text/calendar; charset=utf-8"
ALL = "Veranstaltungen zur interkommunalen Zusammenarbeit"


@dataclass(frozen=True, slots=True)
class Desk:
    """The handlers and what they work with."""

    pool: Pool
    public_url: str

    async def feed(self, call: Call) -> Answer:
        wanted: SessionFilter = call.query
        series = await series_list.meant(self.pool, wanted.series)
        of = Wanted(series, await topics.meant(self.pool, wanted.topic))
        return await self._followed(call, of, ALL, "veranstaltungen.ics")

    async def series_calendar(self, call: Call) -> Answer:
        found = await series_list.named(self.pool, call.request.match_info["series"])
        if found is None:
            raise Problem("not_found")
        return await self._followed(call, Wanted(series=[found.id]), found.title, f"{found.slug}.ics")

    async def session_calendar(self, call: Call) -> Answer:
        session_id = call.path_id()
        found = await session_row(self.pool, session_id)
        if found is None:
            raise Problem("not_found")
        entries = await session_entries.entries(self.pool, Wanted(session_id=session_id), self.public_url)
        if not entries:
            raise Problem("session_without_date")
        return shown(calendar(entries, found.life.content.title), f"veranstaltung-{session_id}.ics")

    async def _followed(self, call: Call, of: Wanted, name: str, file: str) -> Answer:
        """Programs ask every hour, and mostly nothing has changed: that is told without looking at any entry."""
        state = await session_entries.state(self.pool, of)
        tag = _tag(*state, FORM, name, self.public_url)
        if headers.matches(call.request.headers.get("If-None-Match"), tag):
            return shown(b"", file, tag)
        return shown(calendar(await session_entries.entries(self.pool, of, self.public_url), name), file, tag)


def shown(content: bytes, name: str, tag: str | None = None) -> Answer:
    """A calendar as it is sent, under the tag it is known by; without one, under that of its content."""
    sent = {"Content-Type": CALENDAR, "Content-Disposition": f'inline; filename="{name}"'}
    return Answer(content, headers=sent if tag is None else {**sent, "ETag": tag})


def _tag(*parts: int | str) -> str:
    return f'W/"{hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()}"'


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
        Endpoint(  # before the ones that each would match, too
            "GET",
            "/api/v1/series/{series}.ics",
            desk.series_calendar,
            "The calendar of a series, by id or slug",
            media_type="text/calendar",
        ),
        Endpoint(
            "GET",
            "/api/v1/sessions/{id}.ics",
            desk.session_calendar,
            "The calendar entry of a session; while a new date is open, at the date it was postponed from",
            codes=("session_without_date",),
            media_type="text/calendar",
        ),
    ]
