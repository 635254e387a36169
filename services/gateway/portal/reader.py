"""News, resources and the operator's own texts."""

from aiohttp import web
from yarl import URL

from services.gateway.portal.portal import Portal, given, path_id
from services.gateway.portal.reading import Article, News, Resource
from services.gateway.portal.rendering import Link

PAGE = 20
TEXTS = {"impressum": "Impressum", "datenschutz": "Datenschutz", "barrierefreiheit": "Barrierefreiheit"}


async def news(portal: Portal, request: web.Request) -> web.StreamResponse:
    """The announcements, the newest first."""
    cursor = request.query.get("cursor", "")
    found = await portal.listed("notify", "/api/v1/announcements", News, given(limit=PAGE, cursor=cursor))
    return portal.pages.respond(
        request,
        "aktuelles.html",
        keep=True,
        heading="Aktuelles",
        section="/aktuelles",
        canonical="/aktuelles",
        found=found,
        first="/aktuelles" if cursor else "",
        next=str(URL.build(path="/aktuelles", query={"cursor": found.next})) if found.next else "",
    )


async def article(portal: Portal, request: web.Request) -> web.StreamResponse:
    """One announcement."""
    shown = await portal.one("notify", f"/api/v1/announcements/{path_id(request)}", Article)
    return portal.pages.respond(
        request,
        "meldung.html",
        keep=True,
        heading=shown.title,
        section="/aktuelles",
        crumbs=(Link("/aktuelles", "Aktuelles"),),
        canonical=f"/aktuelles/{shown.id}",
        description=shown.teaser,
        article=shown,
    )


async def resources(portal: Portal, request: web.Request) -> web.StreamResponse:
    """The Arbeitshilfen."""
    found = await portal.listed("catalog", "/api/v1/resources", Resource, {"limit": 100})
    return portal.pages.respond(
        request,
        "arbeitshilfen.html",
        keep=True,
        heading="Arbeitshilfen",
        section="/arbeitshilfen",
        canonical="/arbeitshilfen",
        found=found,
    )


async def text(portal: Portal, request: web.Request) -> web.StreamResponse:
    """A text of the operator's."""
    name = request.path.strip("/")
    return portal.pages.respond(request, f"{name}.html", keep=True, heading=TEXTS[name], canonical=f"/{name}")
