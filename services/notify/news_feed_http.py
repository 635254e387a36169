"""The news as feeds, over HTTP."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

import orjson
from aiohttp import web

from services.notify.layout import Layout
from services.notify.news_feed import ATOM_TYPE, JSON_TYPE, FeedQuery, Found, Place, atom, find, json_feed
from shared.kernel.http import Answer, Call, Endpoint
from shared.kernel.postgres import Pool

PATH = "/api/v1/announcements"


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the endpoints do. `portal` is the portal's address, `layout` knows what it is called."""

    pool: Pool
    portal: str
    layout: Layout

    async def atom(self, call: Call) -> Answer | web.StreamResponse:
        """A page as Atom."""
        found = await find(self.pool, call.query)
        return _since(call, found) or _answer(call, found, atom(found, self._place(call, "atom")), ATOM_TYPE)

    async def json(self, call: Call) -> Answer | web.StreamResponse:
        """A page as JSON Feed."""
        found = await find(self.pool, call.query)
        content = orjson.dumps(json_feed(found, self._place(call, "json")))
        return _since(call, found) or _answer(call, found, content, JSON_TYPE)

    def _place(self, call: Call, ending: str) -> Place:
        return Place(self.portal, self.layout.name, f"{PATH}.{ending}", call.request.rel_url)


def _answer(call: Call, found: Found, content: bytes, media_type: str) -> Answer:
    return Answer(content, headers={**_modified(call, found), "Content-Type": f"{media_type}; charset=utf-8"})


def _modified(call: Call, found: Found) -> dict[str, str]:
    """When it was; not within a second of that, for what else changes in it would have the same date."""
    if call.at - found.changed_at < timedelta(seconds=1):
        return {}
    return {"Last-Modified": format_datetime(found.changed_at.astimezone(UTC), usegmt=True)}


def _since(call: Call, found: Found) -> web.Response | None:
    """304 for who names no tag and has what was there then (RFC 9110)."""
    asked = call.request.headers
    since = _moment(asked.get("If-Modified-Since"))
    if since is None or "If-None-Match" in asked or found.changed_at.replace(microsecond=0) > since:
        return None
    return web.Response(status=304, headers=_modified(call, found))


def _moment(text: str | None) -> datetime | None:
    """A date of HTTP; None for what is none."""
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def endpoints(pool: Pool, portal: str, layout: Layout) -> list[Endpoint]:
    """The feeds."""
    do = Handlers(pool, portal, layout)
    return [
        Endpoint(
            "GET",
            f"{PATH}.atom",
            do.atom,
            "The news as Atom, in pages",
            query=FeedQuery,
            media_type=ATOM_TYPE,
            description="With `kind`, repeated for several, only these kinds. What was withdrawn is a deleted entry.",
        ),
        Endpoint(
            "GET",
            f"{PATH}.json",
            do.json,
            "The news as JSON Feed, in pages",
            query=FeedQuery,
            media_type=JSON_TYPE,
        ),
    ]
