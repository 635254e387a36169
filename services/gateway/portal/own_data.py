"""One's own data without a script: asking for the link, seeing everything, having it erased, seeing how far that is."""

import datetime as dt
from collections.abc import Iterable, Mapping

import orjson
from aiohttp import web

from services.gateway.guard import Untrusted, refuse_pages_of_others
from services.gateway.limits import network_asking
from services.gateway.own_data import OwnData
from services.gateway.portal import forms
from services.gateway.portal.forms import Form
from services.gateway.portal.personal import PRIVATE, dead_link, token_of
from services.gateway.portal.portal import Portal, path_id
from services.gateway.portal.rendering import Link
from services.gateway.registrations import address_of
from shared.contracts.rpc import KeptRecord
from shared.kernel.problems import Problem

FORM = "meine-daten"
UNKNOWN = "meine_daten_unbekannt.html"
HERE = Link("/meine-daten", "Ihre Daten")
TOO_MANY = "Aus Ihrem Netz oder für diese E-Mail-Adresse kamen sehr viele Anfragen. Bitte versuchen Sie es später."


async def form(portal: Portal, request: web.Request) -> web.StreamResponse:
    """What the page is for, and the form."""
    return _form(portal, request, None)


async def ask(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Has the link mailed; on any error the form comes back with what was typed."""
    refuse_pages_of_others(request.headers)
    fields = await forms.typed(request)
    values = {"email": fields.get("email", "")}
    now = portal.clock.now()
    try:
        forms.trust(portal.guard, FORM, fields, now)
        await _ask(portal, request, fields, now)
    except Untrusted as untrusted:
        return _form(portal, request, Form("", values, notice=forms.MISTRUST[untrusted.code]))
    except Problem as problem:
        if problem.code == "too_many_requests":
            page = _form(portal, request, Form("", values, notice=TOO_MANY), 429)
            page.headers.update(problem.headers)
            return page
        return _form(portal, request, Form("", values, forms.errors_of(problem)))
    raise web.HTTPSeeOther("/meine-daten/angefordert")


async def _ask(portal: Portal, request: web.Request, fields: Mapping[str, str], now: dt.datetime) -> None:
    links = portal.own_data.links
    links.admit(network_asking(request, portal.trusted_proxies))
    await links.request(address_of(fields.get("email", "")[:1000]), forms.context(now))


def _form(portal: Portal, request: web.Request, filled: Form | None, status: int = 422) -> web.Response:
    stamp = portal.guard.stamp(FORM, portal.clock.now())
    shown = Form(stamp) if filled is None else Form(stamp, filled.values, filled.errors, filled.notice)
    wrong = bool(shown.errors or shown.notice)
    return portal.pages.respond(
        request,
        "meine_daten_anfordern.html",
        status=status if wrong else 200,
        heading="Ihre Daten einsehen oder löschen",
        minutes=portal.own_data.links.minutes,
        form=shown,
    )


async def asked(portal: Portal, request: web.Request) -> web.StreamResponse:
    """„Sehen Sie in Ihr Postfach“: the same for everyone who sent the form."""
    return portal.pages.respond(
        request,
        "meine_daten_angefordert.html",
        heading="Sehen Sie in Ihr Postfach",
        crumbs=(HERE,),
        noindex=True,
        minutes=portal.own_data.links.minutes,
    )


async def everything(portal: Portal, request: web.Request) -> web.StreamResponse:
    """All that is kept, by service and kind. Looking at it changes nothing."""
    data = await _data(portal, request)
    if data is None:
        return dead_link(portal, request, UNKNOWN)
    return _private(
        portal.pages.respond(
            request,
            "meine_daten.html",
            heading="Ihre Daten",
            noindex=True,
            data=data,
            parts=[(part, _by_kind(part.records)) for part in data.parts],
            here_path=f"/meine-daten/{token_of(request)}",
        )
    )


async def download(portal: Portal, request: web.Request) -> web.StreamResponse:
    """The same for programs. What is missing is named in it."""
    data = await _data(portal, request)
    if data is None:
        return dead_link(portal, request, UNKNOWN)
    response = web.Response(body=orjson.dumps(data.model_dump(mode="json"), option=orjson.OPT_INDENT_2))
    response.content_type = "application/json"
    response.headers["Content-Disposition"] = 'attachment; filename="meine-daten.json"'
    return _private(response)


async def before_erasing(portal: Portal, request: web.Request) -> web.StreamResponse:
    """What goes, what stays and why, and the button. Looking at it changes nothing."""
    data = await _data(portal, request)
    if data is None:
        return dead_link(portal, request, UNKNOWN)
    records = [record for part in data.parts for record in part.records]
    return _private(
        portal.pages.respond(
            request,
            "meine_daten_loeschen.html",
            heading="Alles löschen?",
            noindex=True,
            going=[(label, len(found)) for label, found in _by_kind(record for record in records if not record.stays)],
            staying=sorted({record.stays for record in records if record.stays}),
            here_path=f"/meine-daten/{token_of(request)}",
        )
    )


async def erase(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Forgets the person everywhere, and leads to how far that is."""
    refuse_pages_of_others(request.headers)
    person_id = await portal.own_data.erased(token_of(request), forms.context(portal.clock.now()))
    if person_id is None:
        return dead_link(portal, request, UNKNOWN)
    raise web.HTTPSeeOther(f"/meine-daten/geloescht/{person_id}", headers=PRIVATE)


async def erased(portal: Portal, request: web.Request) -> web.StreamResponse:
    """How far the erasure is, by service; the page looks again by itself until all is done."""
    erasure = await portal.own_data.desk.erasure(path_id(request))
    if erasure is None:
        raise Problem("not_found")
    heading = "Ihre Daten sind gelöscht" if erasure.done else "Ihre Daten werden gelöscht"
    response = portal.pages.respond(
        request, "meine_daten_geloescht.html", heading=heading, noindex=True, erasure=erasure
    )
    if not erasure.done:
        response.headers["Refresh"] = "3"
    return _private(response)


async def _data(portal: Portal, request: web.Request) -> OwnData | None:
    """What the link leads to, whole or with what is missing named; None where it leads to nobody."""
    now = portal.clock.now()
    person_id = await portal.own_data.links.person_of(token_of(request), now)
    return await portal.own_data.desk.everything(person_id, now) if person_id else None


def _private(response: web.Response) -> web.Response:
    response.headers.update(PRIVATE)
    return response


def _by_kind(records: Iterable[KeptRecord]) -> list[tuple[str, list[KeptRecord]]]:
    """The records of each label, in their order."""
    found: dict[str, list[KeptRecord]] = {}
    for record in records:
        found.setdefault(record.label, []).append(record)
    return list(found.items())
