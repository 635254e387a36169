"""The gateway's application: the API in front of the services, the portal, and what every answer carries."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache, partial
from urllib.parse import unquote

import orjson
import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from services.gateway import api, documents, proxy, tokens
from services.gateway.audit import Attempt, Audit
from services.gateway.documents import Documents
from services.gateway.live_hub import Hub
from services.gateway.portal import routes
from services.gateway.portal.portal import Portal
from services.gateway.portal.rendering import Pages, Static, site_of
from services.gateway.settings import GatewaySettings
from services.gateway.tokens import Holders
from services.gateway.upstream import Down
from shared.kernel import openapi
from shared.kernel.clock import Clock
from shared.kernel.health import Health
from shared.kernel.http import make_app, starting_app
from shared.kernel.identity import ANONYMOUS, Identity, Role
from shared.kernel.logs import current_trace
from shared.kernel.postgres import CONNECTION_LOST
from shared.kernel.problems import Problem, meaning_of

API = "/api/v1"
READING = frozenset({"GET", "HEAD", "OPTIONS"})
PROBLEM = "application/problem+json"
BY_TOKEN = frozenset(
    {
        "registrations",
        "contact-requests",
        "questions",
        "calendars",
        "feedback",
        "subscriptions",
        "invitations",
        "data-requests",
    }
)
IDENTITY = web.RequestKey("identity", Identity)
AUDITED = web.RequestKey("audited", int)

SECURITY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self' data:; "
    "script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), interest-cohort=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
TWO_YEARS = "max-age=63072000; includeSubDomains"
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag, Link, Location, RateLimit, RateLimit-Policy, Retry-After",
}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "Accept, Accept-Language, If-None-Match, traceparent",
    "Access-Control-Max-Age": "86400",
}

log = structlog.get_logger()

type Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Gateway:
    """What the application is made of."""

    own: api.Api
    portal: Portal
    holders: Holders
    audit: Audit
    clock: Clock
    health: Health
    max_body: int
    max_upload: int
    max_material: int
    fingerprint_key: bytes
    https: bool

    async def identify(self, request: web.Request) -> Identity:
        """Who asks: the holder of a bearer token, or nobody in particular; a token that is none is refused."""
        known = request.get(IDENTITY)
        if known is None:
            request[IDENTITY] = known = await self._holder(request)
        return known

    async def _holder(self, request: web.Request) -> Identity:
        token = tokens.borne_by(request.headers)
        if token is None:
            return ANONYMOUS
        holder = await self.holders.of(token) if token else None
        if holder is None:
            raise Problem("unauthenticated")
        request[tokens.HOLDER] = holder
        label = f"token:{holder.label}"
        roles: frozenset[Role] = frozenset({"reader", holder.role})
        return Identity(person_id=None, roles=roles, organisation_id=holder.organisation, label=label)


def build(gateway: Gateway) -> web.Application:
    """The application."""
    described = Documents(gateway.own.upstream)
    own = [*api.endpoints(gateway.own), *documents.endpoints(described)]
    described.own = cache(partial(openapi.describe, "gateway", own))
    app = make_app(
        "gateway",
        own,
        clock=gateway.clock,
        health=gateway.health,
        identify=gateway.identify,
        max_body=gateway.max_body,
        fingerprint_key=gateway.fingerprint_key,
    )
    _add_services(app, gateway)
    app.router.add_route("OPTIONS", API + "/{anything:.*}", preflight)
    app.router.add_route("*", API + "/{anything:.*}", nothing)
    routes.add_routes(app, gateway.portal)
    app.middlewares[:0] = [_readable(gateway.portal.pages), _finishing(gateway)]
    app.middlewares.append(_beginning(gateway))
    app.on_response_prepare.append(_headers(https=gateway.https))
    app.on_shutdown.append(_end_streams(gateway.own.live.hub))
    return app


def _end_streams(hub: Hub) -> Callable[[web.Application], Awaitable[None]]:
    """Whoever listens comes back to another process; the others are waited for until they are answered."""

    async def end(_app: web.Application) -> None:
        hub.close()

    return end


def starting(settings: GatewaySettings, health: Health) -> web.Application:
    """What answers until the gateway is ready: that it is not, to people as a page."""
    static = Static()
    pages = Pages(site_of(settings), static, Clock(settings.clock_offset))
    app = starting_app(health)
    routes.add_static(app, static)
    app.middlewares.insert(0, _readable(pages))
    app.on_response_prepare.append(_headers(https=settings.https))
    return app


def _add_services(app: web.Application, gateway: Gateway) -> None:
    async def relay(request: web.Request) -> web.StreamResponse:
        identity = await gateway.identify(request)
        return await proxy.relay(request, gateway.own.upstream, identity, longest(gateway, request, identity))

    for first in proxy.ROUTES:
        for path in (f"{API}/{first}", f"{API}/{first}/{{rest:.*}}"):
            for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
                app.router.add_route(method, path, relay)


def longest(gateway: Gateway, request: web.Request, identity: Identity) -> int:
    """The most bytes that somebody may send there."""
    if proxy.is_long_file(request, identity):
        return gateway.max_material
    return gateway.max_upload if proxy.is_file(request, identity) else gateway.max_body


async def preflight(_request: web.Request) -> web.StreamResponse:
    """Any page may read; changing something from a page of somebody else's is not offered."""
    return web.Response(status=204, headers=PREFLIGHT)


async def nothing(_request: web.Request) -> web.StreamResponse:
    """An address of the API that leads nowhere."""
    raise Problem("not_found")


def _beginning(gateway: Gateway) -> Middleware:
    """Nearest to the handlers: a change with a token is noted before it is made; a service that is down is a 503."""

    @web.middleware
    async def begin(request: web.Request, handler: Next) -> web.StreamResponse:
        if request.method not in READING and of_machines(request.path):
            identity = await gateway.identify(request)
            if identity != ANONYMOUS:
                path, trace = audited_path(request.rel_url.raw_path), current_trace().trace_id
                attempt = Attempt(gateway.clock.now(), identity.actor, request.method, path, trace)
                request[AUDITED] = await gateway.audit.begin(attempt)
        try:
            return await handler(request)
        except Down as down:
            raise proxy.unavailable(down) from down

    return begin


def _finishing(gateway: Gateway) -> Middleware:
    """Around the handlers: how an audited change ended."""

    @web.middleware
    async def finish(request: web.Request, handler: Next) -> web.StreamResponse:
        response = await handler(request)
        if AUDITED in request:
            await _note_end(gateway.audit, request[AUDITED], response.status)
        return response

    return finish


async def _note_end(audit: Audit, number: int, status: int) -> None:
    try:
        await audit.end(number, status)
    except CONNECTION_LOST as error:
        log.warning("audit_end_missing", number=number, status=status, reason=type(error).__name__)


def _readable(pages: Pages) -> Middleware:
    """Farthest from the handlers: problems on the portal's addresses are pages."""

    @web.middleware
    async def show(request: web.Request, handler: Next) -> web.StreamResponse:
        response = await handler(request)
        if isinstance(response, web.Response) and response.content_type == PROBLEM and not of_machines(request.path):
            return _page_for(pages, request, response)
        return response

    return show


ERRORS = {
    404: ("Diese Seite gibt es nicht", "Vielleicht wurde sie verschoben, oder die Adresse ist nicht vollständig."),
    405: (
        "Das ist hier nicht möglich",
        "Unter dieser Adresse können Sie nichts absenden. Bitte gehen Sie eine Seite zurück.",
    ),
    408: (
        "Das hat zu lange gedauert",
        "Ihre Angaben kamen nicht vollständig bei uns an. Bitte senden Sie sie noch einmal ab.",
    ),
    413: ("Das war zu viel auf einmal", "Ihre Angaben sind länger, als wir annehmen können. Bitte kürzen Sie sie."),
    415: (
        "Das konnten wir nicht lesen",
        "Bitte gehen Sie eine Seite zurück, laden Sie sie neu und senden Sie das Formular noch einmal ab.",
    ),
    429: (
        "Einen Augenblick bitte",
        (
            "Aus Ihrem Netz oder für diese E-Mail-Adresse kamen sehr viele Anmeldungen oder Nachrichten. "
            "Bitte versuchen Sie es später."
        ),
    ),
    500: ("Das hat leider nicht geklappt", "Der Fehler wurde aufgezeichnet. Bitte versuchen Sie es noch einmal."),
}
OTHERWISE = "Bitte gehen Sie eine Seite zurück und versuchen Sie es noch einmal."
NOT_THERE = "Diese Seite ist gerade nicht erreichbar"


def _page_for(pages: Pages, request: web.Request, response: web.Response) -> web.StreamResponse:
    """The page that says what a problem says, in German whatever the browser prefers."""
    assert isinstance(response.body, bytes)
    problem = orjson.loads(response.body)
    itself = NOT_THERE if response.status == 503 else meaning_of(problem["code"]).german
    heading, text = ERRORS.get(response.status, (itself, problem["detail"] or OTHERWISE))
    page = pages.respond(
        request,
        "error.html",
        status=response.status,
        heading=heading,
        text=text,
        noindex=True,
        trace=current_trace().trace_id if response.status == 500 else "",
    )
    kept = ("Retry-After", "Allow", "traceparent")
    page.headers.update({name: response.headers[name] for name in kept if name in response.headers})
    return page


def audited_path(path: str) -> str:
    """The path as the audit log keeps it: without the token of somebody's own page, however the path is written."""
    segments = path.split("/")
    named = [place for place, segment in enumerate(segments) if unquote(segment) not in ("", ".")]
    words = [unquote(segments[place]) for place in named]
    owner = 3 if words[2:3] == ["me"] else 2
    if len(named) > owner + 1 and words[owner] in BY_TOKEN:
        segments[named[owner + 1]] = "[hidden]"
    return "/".join(segments)


def of_machines(path: str) -> bool:
    """Whether an address answers programs, not people."""
    return path.startswith(("/api/", "/health/")) or path == "/openapi.json"


def _headers(*, https: bool) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    async def add(request: web.Request, response: web.StreamResponse) -> None:
        for name, value in SECURITY.items():
            response.headers.setdefault(name, value)
        if https:
            response.headers["Strict-Transport-Security"] = TWO_YEARS
        if request.path.startswith(f"{API}/") and request.method in READING:
            response.headers.update(CORS)

    return add
