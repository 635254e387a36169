"""The public API in front of the services: each first segment under /api/v1 belongs to one of them.

Requests are read whole, within the limit, before anything is sent on: a service never sees half a body, and a client
that dribbles occupies nobody but us. Long files are the exception (`passing.py`). Answers are streamed.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

import aiohttp
import structlog
from aiohttp import hdrs, web
from multidict import CIMultiDict
from yarl import URL

from services.gateway.passing import Passing, takes_long_files
from services.gateway.upstream import Down, Service, Upstream
from shared.kernel.identity import ANONYMOUS, Identity
from shared.kernel.problems import Problem
from shared.kernel.sending import send

log = structlog.get_logger()

PREFIX: Final = "/api/v1/"
ROUTES: Final[Mapping[str, Service]] = {
    "projects": "catalog",
    "organisations": "catalog",
    "topics": "catalog",
    "funding-estimate": "catalog",
    "funding-programmes": "catalog",
    "cooperation-requests": "catalog",
    "contact-requests": "catalog",
    "key-figures": "catalog",
    "resources": "catalog",
    "supervision-hint": "catalog",
    "undertakings": "catalog",
    "vocabularies": "catalog",
    "series": "events",
    "sessions": "events",
    "sessions.ics": "events",
    "registrations": "events",
    "questions": "events",
    "materials": "events",
    "calendars": "events",
    "feedback": "events",
    "announcements": "notify",
    "announcements.atom": "notify",
    "announcements.json": "notify",
    "messages": "notify",
    "subscriptions": "notify",
    "subscription-kinds": "notify",
    "mail-texts": "notify",
    "bounces": "notify",
    "suppressions": "notify",
    "webhooks": "notify",
    "mailings": "notify",
}
SERVICE_NAMES: Final[Mapping[Service, str]] = {
    "catalog": "Der Projektkatalog",
    "events": "Der Veranstaltungsdienst",
    "notify": "Der Nachrichtendienst",
}
RETRY_AFTER: Final = "5"
SECONDS_FOR_BODY: Final = 20
SECONDS_FOR_FILE: Final = 60.0  # what a service may take to look through a file before it answers
PART: Final = 64 * 1024
HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
NO_FILES: Final = frozenset({"application/json", "application/octet-stream"})  # the second: what none is said of
OURS: Final = frozenset(
    {
        "host",
        "content-length",
        "content-encoding",
        "accept-encoding",
        "authorization",
        "cookie",
        "forwarded",
        "expect",
    }
)


def service_of(raw_path: str) -> Service:
    """The service that answers a path under /api/v1; no path reaches anything else, dressed up as it may be."""
    first, *rest = raw_path.removeprefix(PREFIX).split("/")
    segments = [URL(segment, encoded=True).path for segment in (first, *rest)]
    service = ROUTES.get(first)
    if service is None or any(_unsafe(segment) for segment in segments):
        raise Problem("not_found")
    return service


def _unsafe(segment: str) -> bool:
    return segment in {".", ".."} or not segment.isprintable() or any(mark in segment for mark in "/\\%?#")


def is_file(request: web.Request, identity: Identity) -> bool:
    """Whether somebody whom we know sends a file: it may be longer than what others send."""
    return identity != ANONYMOUS and request.can_read_body and request.content_type not in NO_FILES


async def read_body(request: web.Request, most: int) -> bytes | None:
    """The request's body; None when it has none, `body_too_large` as soon as it is longer than `most` bytes."""
    if not request.can_read_body:
        return None
    if (request.content_length or 0) > most:
        raise Problem("body_too_large")
    body = bytearray()
    try:
        async with asyncio.timeout(SECONDS_FOR_BODY):
            async for part in request.content.iter_chunked(PART):
                body += part
                if len(body) > most:
                    raise Problem("body_too_large")
    except TimeoutError as slow:
        raise Problem("request_timeout") from slow
    return bytes(body)


def is_long_file(request: web.Request, identity: Identity) -> bool:
    """Whether such a file goes where files are passed on as they come."""
    return is_file(request, identity) and takes_long_files(request)


async def relay(request: web.Request, upstream: Upstream, identity: Identity, most: int) -> web.StreamResponse:
    """The answer of the service that the request's path belongs to, as it arrives."""
    service = service_of(request.rel_url.raw_path)
    patience = SECONDS_FOR_FILE if is_file(request, identity) else None
    passing = Passing(request, most) if is_long_file(request, identity) else None
    headers = forwarded(request.headers)
    if passing is not None:
        headers.update(passing.headers())
    body = passing.parts() if passing is not None else await read_body(request, most)
    try:
        async with upstream.request(
            service,
            request.method,
            request.rel_url.raw_path_qs,
            identity=identity,
            headers=headers,
            body=body,
            patience=patience,
        ) as answer:
            return await _stream(request, answer)
    except Down as down:
        raise (passing and passing.problem) or unavailable(down) from down


async def _stream(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    """Passes the answer on part by part. One that breaks off breaks off for the client, too, and never looks whole.

    A client that takes nothing for long holds no connection to a service.
    """
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=returned(answer.headers))
    await response.prepare(request)
    try:
        if request.method == hdrs.METH_HEAD:
            await response.write_eof()
        else:
            await send(request, response, answer.content.iter_any())
    except (aiohttp.ClientError, TimeoutError):
        log.warning("answer_broke_off", status=answer.status)
        if request.transport is not None:
            request.transport.abort()
    return response


def unavailable(down: Down) -> Problem:
    """What a client is told when a service is down; the others go on."""
    return Problem(
        "unavailable",
        f"{SERVICE_NAMES[down.service]} ist zurzeit nicht erreichbar. Bitte versuchen Sie es in Kürze erneut.",
        headers={"Retry-After": RETRY_AFTER},
    )


def forwarded(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """The client's headers that a service may see: nothing of one hop, no credentials, no identity but ours."""
    own = OURS | _of_one_hop(headers)
    kept = ((name, value) for name, value in headers.items() if name.lower() not in own)
    return CIMultiDict((name, value) for name, value in kept if not name.lower().startswith(("ikz-", "x-forwarded-")))


def returned(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """A service's headers that the client may see."""
    own = {"server", "date"} | _of_one_hop(headers)
    kept = ((name, value) for name, value in headers.items() if name.lower() not in own)
    return CIMultiDict((name, value) for name, value in kept if not name.lower().startswith("ikz-"))


def _of_one_hop(headers: Mapping[str, str]) -> frozenset[str]:
    named = {name.strip().lower() for name in headers.get(hdrs.CONNECTION, "").split(",")}
    return HOP_BY_HOP | named
