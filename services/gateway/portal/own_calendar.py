"""The private calendar of one's own sessions: its address is asked for, and taken back, by a button each."""

from aiohttp import web

from services.gateway.guard import refuse_pages_of_others
from services.gateway.portal import registration
from services.gateway.portal.personal import token_of
from services.gateway.portal.portal import Portal
from services.gateway.portal.services import Missing, Refusal
from services.gateway.portal.session_reading import CalendarAddress
from shared.kernel.problems import Problem

REVOKED = "Ihre Kalender-Adresse gilt nicht mehr. Kalenderprogramme finden dort nichts mehr."


async def show(portal: Portal, request: web.Request) -> web.StreamResponse:
    """The registration's page with the address: the one there is, or a new one. It stands on this page alone."""
    refuse_pages_of_others(request.headers)
    try:
        given = await portal.services.make("events", _path(request), CalendarAddress)
    except Missing as missing:
        raise Problem("not_found") from missing
    except Refusal as no:
        return await registration.page(portal, request, no.detail or registration.NOT_POSSIBLE)
    return await registration.page(portal, request, calendar=given.address)


async def revoke(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Takes the address back."""
    refuse_pages_of_others(request.headers)
    try:
        await portal.services.remove("events", _path(request))
    except Missing as missing:
        raise Problem("not_found") from missing
    except Refusal as no:
        return await registration.page(portal, request, no.detail or registration.NOT_POSSIBLE)
    return await registration.page(portal, request, done=REVOKED)


def _path(request: web.Request) -> str:
    return f"/api/v1/registrations/{token_of(request)}/calendar-addresses"
