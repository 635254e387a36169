"""The partner search: requests and offers, and one of them with what fits it."""

from aiohttp import web
from yarl import URL

from services.gateway.portal.portal import Portal, given, path_id, together
from services.gateway.portal.reading import CooperationRequest, Matches, Topic
from services.gateway.portal.rendering import Link

PAGE = 20
KINDS = {
    "seek_partners": "Gesuche: Partner gesucht",
    "offer": "Angebote",
    "share_specialist": "Spezialisten-Sharing",
}


async def requests(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Open requests and offers, the newest first, by topic and kind."""
    kind, topic = request.query.get("art", ""), request.query.get("thema", "")
    (topics,) = await together(portal.listed("catalog", "/api/v1/topics", Topic, {"limit": 100}))
    topic = next((each.code for each in (topics.items if topics else ()) if each.goes_by(topic)), topic)
    query = given(kind=kind, topic=topic, limit=PAGE, cursor=request.query.get("cursor", ""))
    found = await portal.listed("catalog", "/api/v1/cooperation-requests", CooperationRequest, query)
    here = URL.build(path="/partnersuche", query=given(art=kind, thema=topic))
    return portal.pages.respond(
        request,
        "partnersuche.html",
        keep=True,
        heading="Partnersuche",
        section="/partnersuche",
        canonical=str(here),
        found=found,
        topics=topics.items if topics else (),
        kinds=KINDS,
        kind=kind,
        topic=topic,
        first=str(here) if "cursor" in request.query else "",
        next=str(here.update_query(cursor=found.next)) if found.next else "",
    )


async def wish(portal: Portal, request: web.Request) -> web.StreamResponse:
    """One request or offer; what fits it is left out while it cannot be found out."""
    path = f"/api/v1/cooperation-requests/{path_id(request)}"
    shown = await portal.one("catalog", path, CooperationRequest)
    (matches,) = await together(portal.one("catalog", f"{path}/matches", Matches))
    return portal.pages.respond(
        request,
        "gesuch.html",
        keep=True,
        heading=shown.title,
        section="/partnersuche",
        crumbs=(Link("/partnersuche", "Partnersuche"),),
        canonical=shown.href,
        wish=shown,
        matches=matches or Matches(),
    )
