"""A question of somebody who is registered: the link of the registration says who asks."""

from aiohttp import web

from services.gateway.guard import refuse_pages_of_others
from services.gateway.portal import forms, registration
from services.gateway.portal.forms import Form
from services.gateway.portal.personal import PRIVATE, dead_link, token_of
from services.gateway.portal.portal import Portal
from services.gateway.portal.questions import NOT_POSSIBLE, about_session
from services.gateway.portal.services import Missing, Refusal
from services.gateway.portal.session_reading import Registration
from services.gateway.questions import checked_text
from shared.kernel.problems import FieldError, Problem

ASKED = "Ihre Frage ist eingegangen. Sie erhalten dazu eine E-Mail mit einem eigenen Link."
FIELDS = ("text", "may_publish", "may_name_organisation")


async def form(portal: Portal, request: web.Request) -> web.StreamResponse:
    """The form, while questions are taken; else the registration's page."""
    return await _page(portal, request, Form(""))


async def ask(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Takes the form; on any error it comes back with what was typed. Sent twice, it is asked once."""
    refuse_pages_of_others(request.headers)
    token, fields = token_of(request), await forms.typed(request)
    values = {name: fields.get(f"frage_{name}", "") for name in FIELDS}
    errors: list[FieldError] = []
    text = checked_text(values["text"][:50_000], errors)
    if errors:
        return await _page(portal, request, Form("", values, {"frage_text": errors[0].detail}))
    body = {name: bool(values[name]) for name in FIELDS[1:]} | {"text": text}
    once = forms.once({**values, "token": token})
    try:
        await portal.services.command("events", f"/api/v1/registrations/{token}/questions", body, once=once)
    except Missing as missing:
        raise Problem("not_found") from missing
    except Refusal as no:
        return await _page(portal, request, Form("", values, notice=no.detail or NOT_POSSIBLE))
    raise web.HTTPSeeOther(f"/anmeldung/{token}/frage-gesendet", headers=PRIVATE)


async def asked(portal: Portal, request: web.Request) -> web.StreamResponse:
    """The registration's page, which says that the question came in."""
    return await registration.page(portal, request, done=ASKED)


async def _page(portal: Portal, request: web.Request, filled: Form) -> web.StreamResponse:
    token = token_of(request)
    try:
        shown = await portal.services.read("events", f"/api/v1/registrations/{token}", Registration)
    except Missing:
        return dead_link(portal, request, registration.UNKNOWN)
    about = await about_session(portal, shown.session.id)
    wrong = bool(filled.errors or filled.notice)
    if not wrong and not (about and about.open and shown.stands):
        raise web.HTTPSeeOther(f"/anmeldung/{token}", headers=PRIVATE)
    response = portal.pages.respond(
        request,
        "frage_zur_anmeldung.html",
        status=422 if wrong else 200,
        heading="Frage stellen",
        noindex=True,
        session=shown.session,
        about=about,
        form=filled,
        here_path=f"/anmeldung/{token}",
    )
    response.headers.update(PRIVATE)
    return response
