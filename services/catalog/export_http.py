"""Result lists as files: the same filters as the search, in seven formats, sent while they are read."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from aiohttp import hdrs, web
from pydantic import Field

from services.catalog import export_atom, export_dcat, export_json, export_tables, search
from services.catalog.answers import API, SEE_DRAFTS
from services.catalog.search import ProjectQuery
from services.catalog.search_live import Live
from services.catalog.search_shown import ProjectList
from services.catalog.site import Site
from shared.kernel import headers
from shared.kernel.http import Answer, Call, Endpoint, require
from shared.kernel.postgres import Pool
from shared.kernel.sending import send

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
READ_CACHING = "private, no-cache"
AT_A_TIME = 50  # projects that are read whole together: others must not wait for long
LINES_AT_A_TIME = 500


class CsvQuery(ProjectList):
    """What narrows the projects, their order, and how the file begins."""

    bom: bool = Field(default=True, description="Whether a byte order mark tells spreadsheets that it is UTF-8.")


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the endpoints do."""

    pool: Pool
    live: Live
    site: Site

    async def csv(self, call: Call) -> web.StreamResponse:
        """Lines of CSV, semicolons between the cells."""
        query: CsvQuery = call.query
        parts = export_tables.csv(self.pool, self._ids(query, LINES_AT_A_TIME), self.site, bom=query.bom)
        return await self._sent(call, "csv", "text/csv; charset=utf-8; header=present", parts)

    async def xlsx(self, call: Call) -> web.StreamResponse:
        """A workbook."""
        return await self._sent(call, "xlsx", XLSX, export_tables.xlsx(self.pool, self._ids(call.query), self.site))

    async def json(self, call: Call) -> web.StreamResponse:
        """Everything, whole."""
        parts = export_json.json(self.pool, self._ids(call.query), self.site)
        return await self._sent(call, "json", "application/json", parts)

    async def geojson(self, call: Call) -> web.StreamResponse:
        """Places on a map."""
        parts = export_json.geojson(self.pool, self._ids(call.query), self.site)
        return await self._sent(call, "geojson", "application/geo+json", parts)

    async def ttl(self, call: Call) -> web.StreamResponse:
        """DCAT-AP.de as Turtle."""
        parts = export_dcat.ttl(self.pool, self._ids(call.query), self.site, _asked(call))
        return await self._sent(call, "ttl", "text/turtle; charset=utf-8", parts)

    async def jsonld(self, call: Call) -> web.StreamResponse:
        """DCAT-AP.de as JSON-LD."""
        parts = export_dcat.jsonld(self.pool, self._ids(call.query), self.site, _asked(call))
        return await self._sent(call, "jsonld", "application/ld+json", parts)

    async def atom(self, call: Call) -> Answer:
        """A page of a feed."""
        _require_sight(call)
        found = await search.find(self.live, call.query, editor=bool(SEE_DRAFTS & call.identity.roles), at=call.at)
        place = export_atom.place_of(self.site, call.request.rel_url, found.next)
        content = export_atom.feed(found, place, self.site, call.at)
        return Answer(content, headers={"Content-Type": f"{export_atom.MEDIA_TYPE}; charset=utf-8"})

    def _ids(self, query: ProjectList, batch: int = AT_A_TIME) -> AsyncIterator[Sequence[str]]:
        return search.ids(self.live, query, query.sort, batch=batch)

    async def _sent(
        self,
        call: Call,
        ending: str,
        media_type: str,
        parts: AsyncGenerator[bytes],
    ) -> web.StreamResponse:
        """The parts as they come. What was sent before, and nothing was recorded since, is not sent again.

        A client that goes away, or takes nothing for long, ends it; an error on the way breaks the answer off, so that
        it never looks whole. No connection to the database is held while a client takes its time.
        """
        _require_sight(call)
        etag = await self._etag(call, ending)
        about = {"ETag": etag, "Cache-Control": READ_CACHING}
        if headers.matches(call.request.headers.get("If-None-Match"), etag):
            return web.Response(status=304, headers=about)
        name = f"projekte-{call.at:%Y-%m-%d}.{ending}"
        about |= {"Content-Type": media_type, "Content-Disposition": f'attachment; filename="{name}"'}
        response = web.StreamResponse(headers=about)
        if call.request.method == hdrs.METH_HEAD:
            await response.prepare(call.request)
            return response
        async with aclosing(parts):
            begin = await anext(parts) + await anext(parts, b"")
            await response.prepare(call.request)  # what cannot be answered at all was a problem, and is not half a file
            await send(call.request, response, parts, begin)
        return response

    async def _etag(self, call: Call, ending: str) -> str:
        """What everything that is answered follows from: what would be found now, the question, who asks, the day.

        The day is in the file's name; and nothing is kept for longer than it where other code would write it otherwise.
        """
        who = "editor" if bool(SEE_DRAFTS & call.identity.roles) else "reader"
        said = f"{await self.live.mark()} {ending} {who} {call.at:%Y-%m-%d} {call.query.model_dump_json()}"
        return f'W/"{hashlib.blake2b(said.encode(), digest_size=12).hexdigest()}"'


def _require_sight(call: Call) -> None:
    """What is not public is for those who may see it."""
    if call.query.beyond_public:
        require(SEE_DRAFTS, call.identity)


def _asked(call: Call) -> str:
    """The question as it stands in the address, so that other formats are asked the same."""
    query = call.request.rel_url.without_query_params("min_position").raw_query_string
    return f"?{query}" if query else ""


def endpoints(pool: Pool, live: Live, site: Site) -> list[Endpoint]:
    """Their paths stand before those of single projects."""
    do = Handlers(pool, live, site)
    about: dict[str, tuple[Callable[[Call], Any], str, str]] = {
        "xlsx": (do.xlsx, XLSX, "Export projects as a workbook"),
        "geojson": (do.geojson, "application/geo+json", "Export projects as GeoJSON (RFC 7946)"),
        "ttl": (do.ttl, "text/turtle", "Export projects as DCAT-AP.de in Turtle"),
        "jsonld": (do.jsonld, "application/ld+json", "Export projects as DCAT-AP.de in JSON-LD"),
    }
    return [
        Endpoint(
            "GET",
            f"{API}/projects/export.csv",
            do.csv,
            "Export projects as CSV",
            query=CsvQuery,
            codes=("forbidden",),
            media_type="text/csv",
            description="UTF-8, semicolons, formula-safe; an import takes the file back.",
        ),
        Endpoint(
            "GET",
            f"{API}/projects/export.json",
            do.json,
            "Export projects as JSON",
            query=ProjectList,
            answer=export_json.Exported,
            codes=("forbidden",),
        ),
        Endpoint(
            "GET",
            f"{API}/projects/export.atom",
            do.atom,
            "Follow projects as an Atom feed",
            query=ProjectQuery,
            codes=("forbidden",),
            media_type=export_atom.MEDIA_TYPE,
        ),
        *(
            Endpoint(
                "GET",
                f"{API}/projects/export.{name}",
                handler,
                summary,
                query=ProjectList,
                codes=("forbidden", "too_many_rows") if name == "xlsx" else ("forbidden",),
                media_type=media_type,
            )
            for name, (handler, media_type, summary) in about.items()
        ),
    ]
