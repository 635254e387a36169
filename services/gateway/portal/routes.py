"""The portal's addresses."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from services.gateway.portal import (
    contacts,
    feedback,
    invitation,
    own_calendar,
    own_data,
    own_subscriptions,
    partners,
    projects,
    question_of_registrant,
    questions,
    reader,
    registration,
    sessions,
    start,
    subscribing,
)
from services.gateway.portal.portal import Portal
from services.gateway.portal.rendering import Static
from shared.kernel.problems import Problem

type Page = Callable[[Portal, web.Request], Awaitable[web.StreamResponse]]

BUTTONS = "{change:bestaetigen|beenden|wieder|haeufigkeit|pause|fortsetzen}"
PAGES: tuple[tuple[str, str, Page], ...] = (
    ("GET", "/", start.start),
    ("GET", "/projekte", projects.projects),
    ("GET", "/projekte/{id}", projects.project),
    ("GET", "/{section:projekte|partnersuche}/{id}/kontakt", contacts.form),
    ("POST", "/{section:projekte|partnersuche}/{id}/kontakt", contacts.write),
    ("GET", "/{section:projekte|partnersuche}/{id}/kontakt-gesendet", contacts.sent),
    ("GET", "/kontakt/{token}", contacts.confirmation),
    ("GET", "/kontakt/{token}/bestaetigen", contacts.back),
    ("POST", "/kontakt/{token}/bestaetigen", contacts.confirm),
    ("GET", "/partnersuche", partners.requests),
    ("GET", "/partnersuche/{id}", partners.wish),
    ("GET", "/karte.svg", projects.places),
    ("GET", "/veranstaltungen", sessions.sessions),
    ("GET", "/veranstaltungen/{id}", sessions.session),
    ("GET", "/veranstaltungen/{id}/anmeldung", sessions.back),
    ("POST", "/veranstaltungen/{id}/anmeldung", sessions.register),
    ("GET", "/veranstaltungen/{id}/angemeldet", sessions.registered),
    ("GET", "/anmeldung/{token}", registration.registration),
    ("GET", "/anmeldung/{token}/{change:bestaetigen|zusagen|abmelden|ich-bin-da}", registration.back),
    ("POST", "/anmeldung/{token}/{change:bestaetigen|zusagen|abmelden|ich-bin-da}", registration.change),
    ("GET", "/anmeldung/{token}/{change:kalender|kalender-aus}", registration.back),
    ("POST", "/anmeldung/{token}/kalender", own_calendar.show),
    ("POST", "/anmeldung/{token}/kalender-aus", own_calendar.revoke),
    ("GET", "/anmeldung/{token}/frage", question_of_registrant.form),
    ("POST", "/anmeldung/{token}/frage", question_of_registrant.ask),
    ("GET", "/anmeldung/{token}/frage-gesendet", question_of_registrant.asked),
    ("GET", "/anmeldung/{token}/aendern", registration.form),
    ("POST", "/anmeldung/{token}/aendern", registration.write),
    ("GET", "/veranstaltungen/{id}/frage", questions.form),
    ("POST", "/veranstaltungen/{id}/frage", questions.ask),
    ("GET", "/veranstaltungen/{id}/frage-gesendet", questions.asked),
    ("GET", "/fragen/{token}", questions.question),
    ("POST", "/fragen/{token}", questions.revise),
    ("GET", "/fragen/{token}/{change:bestaetigen|zurueckziehen}", questions.back),
    ("POST", "/fragen/{token}/{change:bestaetigen|zurueckziehen}", questions.change),
    ("GET", "/feedback/danke", feedback.thanks),
    ("GET", "/feedback/{token}", feedback.form),
    ("POST", "/feedback/{token}", feedback.give),
    ("GET", "/abonnieren", subscribing.form),
    ("POST", "/abonnieren", subscribing.subscribe),
    ("GET", "/abonnieren/gesendet", subscribing.sent),
    ("GET", "/abonnement", subscribing.link_form),
    ("POST", "/abonnement", subscribing.send_link),
    ("GET", "/abonnement/gesendet", subscribing.link_sent),
    ("GET", "/abonnement/{token}", own_subscriptions.page),
    ("GET", f"/abonnement/{{token}}/{BUTTONS}", own_subscriptions.back),
    ("POST", f"/abonnement/{{token}}/{BUTTONS}", own_subscriptions.change),
    ("GET", "/abonnement/{token}/einstellungen", own_subscriptions.back),
    ("POST", "/abonnement/{token}/einstellungen", own_subscriptions.prefer),
    ("GET", "/abbestellen/{token}", own_subscriptions.unsubscribing),
    ("POST", "/abbestellen/{token}", own_subscriptions.unsubscribe),
    ("GET", "/einladung/{token}", invitation.invitation),
    ("GET", "/einladung/{token}/{change:anmelden|absagen}", invitation.back),
    ("POST", "/einladung/{token}/anmelden", invitation.accept),
    ("POST", "/einladung/{token}/absagen", invitation.decline),
    ("GET", "/meine-daten", own_data.form),
    ("POST", "/meine-daten", own_data.ask),
    ("GET", "/meine-daten/angefordert", own_data.asked),
    ("GET", "/meine-daten/geloescht/{id}", own_data.erased),
    ("GET", "/meine-daten/{token}", own_data.everything),
    ("GET", "/meine-daten/{token}/daten.json", own_data.download),
    ("GET", "/meine-daten/{token}/loeschen", own_data.before_erasing),
    ("POST", "/meine-daten/{token}/loeschen", own_data.erase),
    ("GET", "/aktuelles", reader.news),
    ("GET", "/aktuelles/{id}", reader.article),
    ("GET", "/arbeitshilfen", reader.resources),
    *(("GET", f"/{name}", reader.text) for name in reader.TEXTS),
)
PRIVATE = (
    "/anmeldung/",
    "/kontakt/",
    "/fragen/",
    "/feedback/",
    "/abonnement/",
    "/abbestellen/",
    "/einladung/",
    "/meine-daten/",
    "/api/",
)
ROBOTS = "User-agent: *\n" + "".join(f"Disallow: {path}\n" for path in PRIVATE)


def add_routes(app: web.Application, portal: Portal) -> None:
    """Adds every page, the portal's files, and a friendly end for all other addresses."""
    for method, path, page in PAGES:
        handler = _bound(page, portal)
        app.router.add_route(method, path, handler)
        if method == "GET":
            app.router.add_route("HEAD", path, handler)

    add_static(app, portal.static)

    async def robots(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=ROBOTS)

    app.router.add_get("/robots.txt", robots)
    app.router.add_get("/{path:.*}", elsewhere)


def add_static(app: web.Application, files: Static) -> None:
    """Adds the files that pages are made of."""

    async def static(request: web.Request) -> web.StreamResponse:
        name, version = request.match_info["name"], request.match_info["version"]
        return files.respond(name, version, request.headers.get("Accept-Encoding", ""))

    async def icon(request: web.Request) -> web.StreamResponse:
        return files.respond("logo.svg", "", request.headers.get("Accept-Encoding", ""))

    app.router.add_get("/static/{version:[0-9a-f]+}/{name:.+}", static)
    app.router.add_get("/favicon.ico", icon)


def _bound(page: Page, portal: Portal) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await page(portal, request)

    return handle


async def elsewhere(request: web.Request) -> web.StreamResponse:
    """An address with a slash too many leads to the page without; all others lead nowhere."""
    path = request.rel_url.raw_path
    if path != "/" and path.endswith("/"):
        raise web.HTTPPermanentRedirect("/" + path.strip("/"))
    raise Problem("not_found")
