"""The page behind the personal link of an invitation. Looking at it changes nothing; each answer is a button."""

from collections.abc import Mapping

from aiohttp import web

from services.gateway.guard import refuse_pages_of_others
from services.gateway.invitations import Accepting, Invitation
from services.gateway.limits import network_asking
from services.gateway.portal import forms, own_questions
from services.gateway.portal.forms import Form
from services.gateway.portal.personal import PRIVATE, dead_link, token_of
from services.gateway.portal.portal import Portal
from services.gateway.portal.services import Refusal, refusal
from services.gateway.portal.session_reading import Session
from shared.kernel.problems import Problem, sentence

UNKNOWN = "einladung_unbekannt.html"
FIELDS = ("name", "organisation_name")
NOT_POSSIBLE = "Für diese Veranstaltung ist zurzeit keine Anmeldung möglich."


async def invitation(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Whom it is for and to what, with both buttons."""
    return await _page(portal, request, None)


async def accept(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Registers who was invited; on any error the form comes back with what was typed."""
    refuse_pages_of_others(request.headers)
    token, typed = token_of(request), await forms.typed(request)
    values = {name: typed.get(name, "") for name in FIELDS} | own_questions.typed_of(typed)
    try:
        await _accept(portal, request, token, typed)
    except Refusal as no:
        errors = own_questions.errors_of(no.errors)
        return await _page(portal, request, Form("", values, errors, "" if errors else no.detail or NOT_POSSIBLE))
    except Problem as problem:
        if problem.code == "not_found":
            return dead_link(portal, request, UNKNOWN)
        if problem.code == "invalid_request":
            return await _page(portal, request, Form("", values, forms.errors_of(problem)))
        return await _page(portal, request, Form("", values, notice=sentence(problem) or NOT_POSSIBLE))
    raise web.HTTPSeeOther(f"/einladung/{token}", headers=PRIVATE)


async def decline(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Keeps that somebody will not come."""
    refuse_pages_of_others(request.headers)
    token = token_of(request)
    try:
        answer = await portal.invitation_desk.decline(token)
        if answer.status >= 400:
            raise refusal("notify", answer)
    except Refusal as no:
        return await _page(portal, request, Form("", notice=no.detail or NOT_POSSIBLE))
    except Problem as problem:
        if problem.code == "not_found":
            return dead_link(portal, request, UNKNOWN)
        return await _page(portal, request, Form("", notice=sentence(problem) or NOT_POSSIBLE))
    raise web.HTTPSeeOther(f"/einladung/{token}", headers=PRIVATE)


async def back(_portal: Portal, request: web.Request) -> web.StreamResponse:
    """Whoever comes to a button's address by a link gets the page with the buttons."""
    raise web.HTTPSeeOther(f"/einladung/{token_of(request)}", headers=PRIVATE)


async def _accept(portal: Portal, request: web.Request, token: str, typed: Mapping[str, str]) -> None:
    portal.desk.admit(network_asking(request, portal.trusted_proxies))
    found = await portal.invitation_desk.look(token)
    session = await portal.one("events", f"/api/v1/sessions/{found.invited.session_id}", Session)
    said = (await _who(portal, found, typed)).model_copy(
        update={"answers": own_questions.answers_of(session.registration_questions, typed)}
    )
    once = forms.once({**typed, "token": token})
    answer = await portal.invitation_desk.accept(token, said, forms.context(portal.clock.now()), once)
    if answer.status >= 400:
        raise refusal("events", answer)


async def _who(portal: Portal, found: Invitation, typed: Mapping[str, str]) -> Accepting:
    """How somebody calls themselves; who left the organisation alone keeps it."""
    name, organisation = (typed[field][:1000] if field in typed else None for field in FIELDS)
    if organisation is None or organisation.strip() == (found.known.organisation_name or ""):
        return Accepting(name=name)
    return Accepting(
        name=name, organisation_id=await portal.directory.meant(organisation), organisation_name=organisation
    )


async def _page(portal: Portal, request: web.Request, filled: Form | None) -> web.StreamResponse:
    token = token_of(request)
    try:
        found = await portal.invitation_desk.look(token)
    except Problem as problem:
        if problem.code != "not_found":
            raise
        return dead_link(portal, request, UNKNOWN)
    session = await portal.one("events", f"/api/v1/sessions/{found.invited.session_id}", Session)
    open_ = session.takes_more and not found.registered
    known = {"name": found.known.name or "", "organisation_name": found.known.organisation_name or ""}
    form = filled or Form("", known)
    asks = not found.known.name or bool(session.registration_questions) or bool(form.errors)
    response = portal.pages.respond(
        request,
        "einladung.html",
        status=422 if form.errors else 409 if form.notice else 200,
        heading="Ihre Einladung",
        noindex=True,
        invited=found.invited,
        known=found.known,
        email=found.address.mailbox,
        registered=found.registered,
        session=session,
        can_accept=open_,
        asks=asks,
        questions=session.registration_questions,
        suggested=await portal.directory.names() if open_ and asks else (),
        here_path=f"/einladung/{token}",
        form=form,
    )
    response.headers.update(PRIVATE)
    return response
