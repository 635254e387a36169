"""The page behind the personal link of a mail. Looking at it changes nothing; each change is a button."""

from aiohttp import web

from services.gateway.portal.personal import PRIVATE, press, token_of
from services.gateway.portal.portal import Portal
from services.gateway.portal.reading import Registration
from services.gateway.portal.services import Missing

COMMANDS = {"bestaetigen": "confirmations", "abmelden": "withdrawals"}


async def registration(portal: Portal, request: web.Request) -> web.StreamResponse:
    """How the registration stands, with the buttons that make sense."""
    return await _page(portal, request, "")


async def change(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Confirms or withdraws, and shows how the registration stands then."""
    token, command = token_of(request), COMMANDS[request.match_info["change"]]
    if no := await press(portal, request, "events", f"/api/v1/registrations/{token}/{command}"):
        return await _page(portal, request, no.detail or "Das ist zurzeit nicht möglich.")
    raise web.HTTPSeeOther(f"/anmeldung/{token}", headers=PRIVATE)


async def back(_portal: Portal, request: web.Request) -> web.StreamResponse:
    """Whoever comes to a button's address by a link gets the page with the buttons."""
    raise web.HTTPSeeOther(f"/anmeldung/{token_of(request)}", headers=PRIVATE)


async def _page(portal: Portal, request: web.Request, notice: str) -> web.StreamResponse:
    token = token_of(request)
    try:
        shown = await portal.services.read("events", f"/api/v1/registrations/{token}", Registration)
    except Missing:
        response = portal.pages.respond(
            request, "link_unbekannt.html", status=404, heading="Dieser Link gilt nicht mehr", noindex=True
        )
    else:
        response = portal.pages.respond(
            request,
            "anmeldung.html",
            status=409 if notice else 200,
            heading="Ihre Anmeldung",
            noindex=True,
            registration=shown,
            session=shown.session,
            here_path=f"/anmeldung/{token}",
            notice=notice,
        )
    response.headers.update(PRIVATE)
    return response
