"""Sessions and the way to register for one without a script."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

from aiohttp import web
from yarl import URL

from services.gateway.guard import Untrusted, refuse_pages_of_others
from services.gateway.limits import network_asking
from services.gateway.portal import forms, own_questions, questions
from services.gateway.portal.forms import Form
from services.gateway.portal.portal import Portal, given, path_id, together
from services.gateway.portal.reading import Material, Series, Session, SessionShort
from services.gateway.portal.rendering import Link
from services.gateway.portal.services import Missing, Refusal, refusal
from services.gateway.registrations import Answers, Wanted, checked
from shared.kernel.problems import Problem, sentence

PAGE = 20
FIELDS = ("name", "email", "organisation_name")
NOT_POSSIBLE = "Für diese Veranstaltung ist zurzeit keine Anmeldung möglich."


async def sessions(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Upcoming sessions, and the archive page by page; both may be narrowed to a series."""
    chosen, cursor = request.query.get("reihe", ""), request.query.get("cursor", "")
    upcoming = given(period="upcoming", limit=100, series=chosen)
    past = given(period="past", limit=PAGE, series=chosen, cursor=cursor)
    coming, archive, series = await together(
        portal.listed("events", "/api/v1/sessions", SessionShort, upcoming),
        portal.listed("events", "/api/v1/sessions", SessionShort, past),
        portal.listed("events", "/api/v1/series", Series),
    )
    if archive is None or coming is None:
        raise Problem("unavailable")
    here = URL.build(path="/veranstaltungen", query=given(reihe=chosen))
    return portal.pages.respond(
        request,
        "veranstaltungen.html",
        keep=True,
        heading="Veranstaltungen",
        section="/veranstaltungen",
        canonical=str(here),
        coming=() if cursor else coming.items,
        archive=archive,
        series=series.items if series else (),
        chosen=chosen,
        older=bool(cursor),
        first=str(here) if cursor else "",
        next=str(here.update_query(cursor=archive.next)) if archive.next else "",
    )


async def session(portal: Portal, request: web.Request) -> web.StreamResponse:
    """One session with everything, and the form to register."""
    return await _page(portal, request, None)


async def register(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Takes the form; on any error it comes back with what was typed."""
    refuse_pages_of_others(request.headers)
    session_id = path_id(request)
    typed = await forms.typed(request)
    values = {name: typed.get(name, "") for name in FIELDS} | own_questions.typed_of(typed)
    now = portal.clock.now()
    try:
        forms.trust(portal.guard, session_id, typed, now)
        await _register(portal, request, session_id, typed, now)
    except Untrusted as untrusted:
        return await _page(portal, request, Form("", values, notice=forms.MISTRUST[untrusted.code]))
    except Refusal as no:
        errors = own_questions.errors_of(no.errors)
        return await _page(portal, request, Form("", values, errors, "" if errors else no.detail or NOT_POSSIBLE))
    except Problem as problem:
        if problem.code == "session_full":
            return await _page(portal, request, Form("", values, notice=sentence(problem) or NOT_POSSIBLE))
        errors = forms.errors_of(problem)
        return await _page(portal, request, Form("", values, errors | await _of_answers(portal, session_id, typed)))
    raise web.HTTPSeeOther(f"/veranstaltungen/{session_id}/angemeldet")


async def back(_portal: Portal, request: web.Request) -> web.StreamResponse:
    """Whoever comes to the form's address by a link, or reloads it there, gets the page with the form."""
    raise web.HTTPSeeOther(f"/veranstaltungen/{path_id(request)}#anmeldung")


async def _register(
    portal: Portal, request: web.Request, session_id: str, typed: Mapping[str, str], now: dt.datetime
) -> None:
    portal.desk.admit(network_asking(request, portal.trusted_proxies))
    name, email, organisation = (typed.get(field, "")[:1000] for field in FIELDS)
    wanted = Wanted(email=email, name=name, organisation_name=organisation or None)
    registrant = replace(
        checked(wanted),
        organisation_id=await portal.directory.meant(organisation),
        answers=await _answers(portal, session_id, typed),
    )
    answer = await portal.desk.register(session_id, registrant, forms.context(now), forms.once(typed))
    if answer.status >= 400:
        raise refusal("events", answer)


async def _answers(portal: Portal, session_id: str, typed: Mapping[str, str]) -> Answers:
    shown = await portal.one("events", f"/api/v1/sessions/{session_id}", Session)
    return own_questions.answers_of(shown.registration_questions, typed)


async def _of_answers(portal: Portal, session_id: str, typed: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with the answers, beside what is wrong with the rest: all of it is told at once."""
    shown = await portal.one("events", f"/api/v1/sessions/{session_id}", Session)
    if not shown.registration_questions:
        return {}
    refused = await portal.desk.check(session_id, own_questions.answers_of(shown.registration_questions, typed))
    no = refusal("events", refused) if refused else None
    return own_questions.errors_of(no.errors) if isinstance(no, Refusal) else {}


async def _page(portal: Portal, request: web.Request, form: Form | None) -> web.StreamResponse:
    shown = await portal.one("events", f"/api/v1/sessions/{path_id(request)}", Session)
    materials = await _materials(portal, shown.id)
    stamp = portal.guard.stamp(shown.id, portal.clock.now())
    form = Form(stamp) if form is None else Form(stamp, form.values, form.errors, form.notice)
    wrong = bool(form.errors or form.notice)
    suggested = await portal.directory.names() if shown.takes_more else ()
    return portal.pages.respond(
        request,
        "veranstaltung.html",
        status=422 if wrong else 200,
        heading=shown.title,
        section="/veranstaltungen",
        crumbs=(Link("/veranstaltungen", "Veranstaltungen"),),
        canonical=shown.href,
        description=shown.summary or "",
        session=shown,
        materials=materials,
        form=form,
        suggested=suggested,
        questions=await questions.of_session(portal, shown.id),
    )


async def _materials(portal: Portal, session_id: str) -> tuple[Material, ...]:
    """What can be downloaded; a page without it is still a page."""
    try:
        (found,) = await together(portal.listed("events", f"/api/v1/sessions/{session_id}/materials", Material))
    except Missing:
        return ()
    return found.items if found else ()


async def registered(portal: Portal, request: web.Request) -> web.StreamResponse:
    """„Bitte bestätigen Sie …“: the same for everyone who sent the form."""
    shown = await portal.one("events", f"/api/v1/sessions/{path_id(request)}", Session)
    return portal.pages.respond(
        request,
        "angemeldet.html",
        heading="Bitte bestätigen Sie Ihre Anmeldung",
        section="/veranstaltungen",
        crumbs=(Link("/veranstaltungen", "Veranstaltungen"), Link(shown.href, shown.title)),
        here="Bitte bestätigen",
        noindex=True,
        session=shown,
    )
