"""Pages behind the personal link of a mail: they are nobody else's business, and kept nowhere."""

import re

from aiohttp import web

from services.gateway.guard import refuse_pages_of_others
from services.gateway.portal.portal import Portal
from services.gateway.portal.services import Missing, Refusal
from services.gateway.upstream import Service
from shared.kernel.problems import Problem

TOKEN = re.compile(r"[A-Za-z0-9_-]{16,64}")
PRIVATE = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow", "Cache-Control": "no-store"}


def token_of(request: web.Request) -> str:
    """The token in the path, or the page „nicht gefunden“."""
    token = request.match_info["token"]
    if not TOKEN.fullmatch(token):
        raise Problem("not_found")
    return token


def dead_link(portal: Portal, request: web.Request, template: str) -> web.StreamResponse:
    """The page of a link that leads nowhere, or nowhere any more."""
    response = portal.pages.respond(request, template, status=404, heading="Dieser Link gilt nicht mehr", noindex=True)
    response.headers.update(PRIVATE)
    return response


async def press(portal: Portal, request: web.Request, service: Service, path: str) -> Refusal | None:
    """Has done what the page's button is for, and gives the refusal if there is one; „nicht gefunden“ for a dead link.

    Only for the portal's own pages.
    """
    refuse_pages_of_others(request.headers)
    try:
        await portal.services.command(service, path)
    except Missing as missing:
        raise Problem("not_found") from missing
    except Refusal as refusal:
        return refusal
    return None
