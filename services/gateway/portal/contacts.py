"""Writing to a contact without seeing the address: the form, and the page behind the link that confirms."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from services.gateway.contacts import Kind, Writing, checked
from services.gateway.guard import Untrusted, refuse_pages_of_others
from services.gateway.limits import network_asking
from services.gateway.portal import forms
from services.gateway.portal.forms import Form
from services.gateway.portal.personal import PRIVATE, dead_link, press, token_of
from services.gateway.portal.portal import Portal, path_id
from services.gateway.portal.reading import ContactRequest, CooperationRequest, Project
from services.gateway.portal.rendering import Link
from services.gateway.portal.services import Missing, Refusal, refusal
from services.gateway.upstream import Down
from shared.kernel.problems import Problem

FIELDS = ("name", "email", "organisation_name", "subject", "message")
NOT_POSSIBLE = "Hier ist zurzeit keine Nachricht möglich."
TOO_MANY = (
    "Aus Ihrem Netz oder für diese E-Mail-Adresse kamen sehr viele Nachrichten. Ihr Text steht noch hier: Bitte senden "
    "Sie ihn später ab."
)
NOT_NOW = (
    "Das geht im Augenblick nicht. Ihr Text steht noch hier: Bitte senden Sie ihn in ein paar Minuten noch einmal."
)


@dataclass(frozen=True, slots=True)
class About:
    """What somebody writes about, and where that is found."""

    kind: Kind
    id: str
    title: str
    section: Link
    office: str
    possible: bool

    @property
    def href(self) -> str:
        """Its page."""
        return f"{self.section.href}/{self.id}"


async def _about(portal: Portal, request: web.Request) -> About:
    """The project or cooperation request in the path."""
    about_id = path_id(request)
    if request.match_info["section"] == "projekte":
        project = await portal.one("catalog", f"/api/v1/projects/{about_id}", Project)
        offices = ", ".join(contact.office for contact in project.contacts if contact.office)
        return About(
            "projects", about_id, project.title, Link("/projekte", "Projekte"), offices, project.contact_possible
        )
    wish = await portal.one("catalog", f"/api/v1/cooperation-requests/{about_id}", CooperationRequest)
    section = Link("/partnersuche", "Partnersuche")
    return About("cooperation-requests", about_id, wish.title, section, wish.organisation.name, wish.contact_possible)


async def form(portal: Portal, request: web.Request) -> web.StreamResponse:
    """The form, or whom to turn to instead."""
    return await _page(portal, request, await _about(portal, request), None)


async def write(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Takes the form; on any error it comes back with what was typed."""
    refuse_pages_of_others(request.headers)
    about = await _about(portal, request)
    fields = await forms.typed(request)
    values = {name: fields.get(name, "") for name in FIELDS}
    now = portal.clock.now()
    try:
        forms.trust(portal.guard, about.id, fields, now)
        await _write(portal, request, about, fields, now)
    except Untrusted as untrusted:
        return await _page(portal, request, about, Form("", values, notice=forms.MISTRUST[untrusted.code]))
    except Refusal as no:
        return await _page(portal, request, about, Form("", values, notice=no.detail or NOT_POSSIBLE))
    except Down:
        return await _page(portal, request, about, Form("", values, notice=NOT_NOW), 503)
    except Problem as problem:
        if problem.code == "too_many_requests":
            page = await _page(portal, request, about, Form("", values, notice=TOO_MANY), 429)
            page.headers.update(problem.headers)
            return page
        if problem.code == "contact_not_possible":
            return await _page(portal, request, about, Form("", values, notice=problem.detail or NOT_POSSIBLE))
        return await _page(portal, request, about, Form("", values, forms.errors_of(problem)))
    raise web.HTTPSeeOther(f"{about.href}/kontakt-gesendet")


async def _write(
    portal: Portal, request: web.Request, about: About, fields: Mapping[str, str], now: dt.datetime
) -> None:
    portal.contact_desk.admit(network_asking(request, portal.trusted_proxies))
    name, email, organisation, subject = (fields.get(field, "")[:1000] for field in FIELDS[:-1])
    writing = Writing(
        email=email,
        name=name,
        organisation_name=organisation or None,
        subject=subject or None,
        message=fields.get("message", "")[:50_000],
    )
    once = forms.once({**fields, "about": about.id})
    answer = await portal.contact_desk.write(about.kind, about.id, checked(writing), forms.context(now), once)
    if answer.status >= 400:
        raise refusal("catalog", answer)


async def _page(
    portal: Portal, request: web.Request, about: About, filled: Form | None, status: int = 422
) -> web.StreamResponse:
    stamp = portal.guard.stamp(about.id, portal.clock.now())
    shown = Form(stamp) if filled is None else Form(stamp, filled.values, filled.errors, filled.notice)
    wrong = bool(shown.errors or shown.notice)
    return portal.pages.respond(
        request,
        "kontakt.html",
        status=status if wrong else 200,
        heading="Nachricht schreiben",
        section=about.section.href,
        crumbs=(about.section, Link(about.href, about.title)),
        noindex=True,
        about=about,
        form=shown,
    )


async def sent(portal: Portal, request: web.Request) -> web.StreamResponse:
    """„Bitte bestätigen Sie …“: the same for everyone who sent the form."""
    about = await _about(portal, request)
    return portal.pages.respond(
        request,
        "kontakt_gesendet.html",
        heading="Bitte bestätigen Sie Ihre Nachricht",
        section=about.section.href,
        crumbs=(about.section, Link(about.href, about.title)),
        here="Bitte bestätigen",
        noindex=True,
        about=about,
    )


async def confirmation(portal: Portal, request: web.Request) -> web.StreamResponse:
    """What was written, and the button that has it passed on. Looking at it changes nothing."""
    return await _confirmation(portal, request, "")


async def confirm(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Has the text passed on, and shows how it stands then."""
    token = token_of(request)
    if no := await press(portal, request, "catalog", f"/api/v1/contact-requests/{token}/confirmations"):
        return await _confirmation(portal, request, no.detail or NOT_POSSIBLE)
    raise web.HTTPSeeOther(f"/kontakt/{token}", headers=PRIVATE)


async def back(_portal: Portal, request: web.Request) -> web.StreamResponse:
    """Whoever comes to the button's address by a link gets the page with the button."""
    raise web.HTTPSeeOther(f"/kontakt/{token_of(request)}", headers=PRIVATE)


async def _confirmation(portal: Portal, request: web.Request, notice: str) -> web.StreamResponse:
    token = token_of(request)
    try:
        shown = await portal.services.read("catalog", f"/api/v1/contact-requests/{token}", ContactRequest)
    except Missing:
        return dead_link(portal, request, "kontakt_unbekannt.html")
    response = portal.pages.respond(
        request,
        "kontakt_bestaetigen.html",
        status=409 if notice else 200,
        heading="Ihre Nachricht",
        noindex=True,
        contact=shown,
        here_path=f"/kontakt/{token}",
        notice=notice,
    )
    response.headers.update(PRIVATE)
    return response
