"""The page behind the personal link of a mail. Looking at it changes nothing; each change is a button."""

from aiohttp import web

from services.gateway.guard import refuse_pages_of_others
from services.gateway.portal.personal import PRIVATE, token_of
from services.gateway.portal.portal import Portal
from services.gateway.portal.reading import Registration
from services.gateway.portal.services import Missing, Refusal
from shared.kernel.problems import Problem

COMMANDS = {"bestaetigen": "confirmations", "abmelden": "withdrawals"}


async def registration(portal: Portal, request: web.Request) -> web.StreamResponse:
    """How the registration stands, with the buttons that make sense."""
    return await _page(portal, request, "")


async def change(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Confirms or withdraws, and shows how the registration stands then."""
    token = token_of(request)
    refuse_pages_of_others(request.headers)
    try:
        await portal.services.command(
            "events", f"/api/v1/registrations/{token}/{COMMANDS[request.match_info['change']]}"
        )
    except Missing as missing:
        raise Problem("not_found") from missing
    except Refusal as refusal:
        return await _page(portal, request, refusal.detail or "Das ist zurzeit nicht möglich.")
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
