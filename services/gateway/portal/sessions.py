"""Sessions and the way to register for one without a script."""

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from aiohttp import web

from services.gateway.guard import Untrusted, refuse_pages_of_others
from services.gateway.limits import client_address, network_of
from services.gateway.portal.portal import Portal, given, path_id, together
from services.gateway.portal.reading import Series, Session, SessionShort
from services.gateway.portal.rendering import Link
from services.gateway.portal.services import Refusal, refusal
from services.gateway.proxy import read_body
from services.gateway.registrations import Wanted, checked
from shared.kernel.ids import new_id
from shared.kernel.logs import current_trace
from shared.kernel.problems import Problem
from shared.kernel.recorded import Context

PAGE = 20
FIELDS = ("name", "email", "organisation_name")
LONGEST_FORM = 64 * 1024
TRAP = "website"
NOT_POSSIBLE = "Für diese Veranstaltung ist zurzeit keine Anmeldung möglich."
MISTRUST = {
    "form_unknown": "Dieses Formular war nicht mehr gültig. Bitte senden Sie es noch einmal ab.",
    "form_expired": "Dieses Formular war länger als einen Tag geöffnet. Bitte senden Sie es noch einmal ab.",
    "form_too_fast": "Das Formular kam sehr schnell bei uns an. Bitte prüfen Sie Ihre Angaben und senden Sie es noch "
    "einmal ab.",
    TRAP: "Bitte lassen Sie das Feld „Internetseite“ leer und senden Sie das Formular noch einmal ab.",
}


@dataclass(frozen=True, slots=True)
class Form:
    """What was typed, what is wrong with it by field, and what is wrong with the form as a whole."""

    stamp: str
    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    notice: str = ""


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
    here = f"/veranstaltungen?reihe={chosen}&" if chosen else "/veranstaltungen?"
    return portal.pages.respond(
        request,
        "veranstaltungen.html",
        keep=True,
        heading="Veranstaltungen",
        section="/veranstaltungen",
        canonical=here[:-1],
        coming=() if cursor else coming.items,
        archive=archive,
        series=series.items if series else (),
        chosen=chosen,
        older=bool(cursor),
        first=here[:-1] if cursor else "",
        next=f"{here}cursor={archive.next}" if archive.next else "",
    )


async def session(portal: Portal, request: web.Request) -> web.StreamResponse:
    """One session with everything, and the form to register."""
    return await _page(portal, request, None)


async def register(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Takes the form; on any error it comes back with what was typed."""
    refuse_pages_of_others(request.headers)
    session_id = path_id(request)
    typed = await _typed(request)
    values = {name: typed.get(name, "") for name in FIELDS}
    now = portal.clock.now()
    try:
        _trust(portal, session_id, typed, now)
        await _register(portal, request, session_id, typed, now)
    except Untrusted as untrusted:
        return await _page(portal, request, Form("", values, notice=MISTRUST[untrusted.code]))
    except Refusal as no:
        return await _page(portal, request, Form("", values, notice=no.detail or NOT_POSSIBLE))
    except Problem as problem:
        if problem.code != "invalid_request":
            raise
        errors = {error.field.removeprefix("/"): error.detail for error in problem.errors}
        return await _page(portal, request, Form("", values, errors))
    raise web.HTTPSeeOther(f"/veranstaltungen/{session_id}/angemeldet")


def _trust(portal: Portal, session_id: str, typed: Mapping[str, str], now: dt.datetime) -> None:
    if typed.get(TRAP):
        raise Untrusted(TRAP)
    portal.guard.check(session_id, typed.get("stamp", ""), now)


async def back(_portal: Portal, request: web.Request) -> web.StreamResponse:
    """Whoever comes to the form's address by a link, or reloads it there, gets the page with the form."""
    raise web.HTTPSeeOther(f"/veranstaltungen/{path_id(request)}#anmeldung")


async def _typed(request: web.Request) -> Mapping[str, str]:
    """The form's fields; in UTF-8, as our page asks for it, whatever else is said to be."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise Problem("unsupported_media_type")
    body = await read_body(request, LONGEST_FORM) or b""
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _once(typed: Mapping[str, str]) -> str:
    """Names what was sent, so that a form sent twice (a double click) is one registration and one mail."""
    return hashlib.sha256(repr(sorted(typed.items())).encode()).hexdigest()


async def _register(
    portal: Portal, request: web.Request, session_id: str, typed: Mapping[str, str], now: dt.datetime
) -> None:
    forwarded = request.headers.getall("X-Forwarded-For", ())
    portal.desk.admit(network_of(client_address(request.remote, forwarded, portal.trusted_proxies)))
    name, email, organisation = (typed.get(field, "")[:1000] for field in FIELDS)
    wanted = Wanted(email=email, name=name, organisation_name=organisation or None)
    trace = current_trace()
    context = Context(
        new_id(), "anonymous", now, correlation_id=trace.trace_id, traceparent=trace.traceparent, fresh=True
    )
    answer = await portal.desk.register(session_id, checked(wanted), context, _once(typed))
    if answer.status >= 400:
        raise refusal("events", answer)


async def _page(portal: Portal, request: web.Request, form: Form | None) -> web.StreamResponse:
    shown = await portal.one("events", f"/api/v1/sessions/{path_id(request)}", Session)
    stamp = portal.guard.stamp(shown.id, portal.clock.now())
    form = Form(stamp) if form is None else Form(stamp, form.values, form.errors, form.notice)
    wrong = bool(form.errors or form.notice)
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
        form=form,
    )


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
