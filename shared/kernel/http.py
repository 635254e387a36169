"""HTTP as every service speaks it: one place where requests are read and one where errors are answered.

An `Endpoint` says what it takes and who may call it; its handler gets a `Call` that is already checked and gives an
`Answer`. Everything that goes wrong on the way is an exception and becomes problem+json in `boundary`.
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import cache
from typing import Any

import asyncpg
import orjson
import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import MultiDict
from pydantic import BaseModel

from shared.kernel import headers, openapi
from shared.kernel.clock import Clock
from shared.kernel.codec import UnknownEvent
from shared.kernel.decider import NotThere, Refused
from shared.kernel.endpoint import Answer, Call, Committed, Endpoint, Handler, Upload, committed, page
from shared.kernel.files import FileMissing
from shared.kernel.health import Health
from shared.kernel.identity import ANONYMOUS, ANYONE, HEADER, Identity, Role, Unverified, Verifier
from shared.kernel.journal import Journal, PositionNotReached
from shared.kernel.logs import begin_trace, current_trace
from shared.kernel.paging import Page, Paging, decode_cursor, encode_cursor, next_after
from shared.kernel.parsing import parse_body, parse_query, storable
from shared.kernel.postgres import CONNECTION_LOST
from shared.kernel.problems import FieldError, Problem, from_refusal, known, meaning_of, render
from shared.kernel.recorded import Conflict, IdempotencyKeyReused, StaleVersion, Unavailable
from shared.kernel.vault import Erased

__all__ = [
    "ANYONE",
    "Answer",
    "Call",
    "Committed",
    "Endpoint",
    "Handler",
    "Identify",
    "Page",
    "Paging",
    "Role",
    "boundary",
    "committed",
    "decode_cursor",
    "encode_cursor",
    "make_app",
    "next_after",
    "page",
    "problem_of",
    "problem_response",
    "require",
]

log = structlog.get_logger()

MAX_BODY = 1024 * 1024
BODY_TIMEOUT = 30.0
BIGGEST = 2**63 - 1
READ_CACHING = "private, no-cache"
ENCODINGS = ("gzip", "deflate")
METRICS_TYPE = "text/plain; version=1.0.0; charset=utf-8"
CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large", 415: "unsupported_media_type"}
BY_KIND: dict[type[Exception], str] = {
    NotThere: "not_found",
    IdempotencyKeyReused: "idempotency_key_reused",
    Conflict: "conflict",
    Unavailable: "unavailable",
    PositionNotReached: "position_not_reached",
    UnknownEvent: "unavailable",  # written by newer code: a replica that runs it will know
    Unverified: "unauthenticated",
    Erased: "person_erased",
    FileMissing: "file_missing",
    web.RequestPayloadError: "bad_request",
    HttpProcessingError: "bad_request",
}

type Identify = Callable[[web.Request], Awaitable[Identity]]
type Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(
    service: str,
    endpoints: Iterable[Endpoint],
    *,
    clock: Clock,
    health: Health,
    verifier: Verifier | None = None,
    identify: Identify | None = None,
    journal: Journal | None = None,
    max_body: int = MAX_BODY,
    fingerprint_key: bytes = b"",
) -> web.Application:
    """An application of `endpoints`, `/health/*` and `/openapi.json`.

    Callers are known by the gateway's signature (`verifier`), or as `identify` finds out (the gateway itself).
    `fingerprint_key` (at most 64 bytes) keeps the stored fingerprints of requests from being guessed. Routes that are
    added later get error answers and log lines like all others, but check their callers themselves.
    """
    described = list(endpoints)
    whole = (endpoint.upload for endpoint in described if endpoint.upload and not endpoint.upload.streamed)
    longest = max([max_body, *(upload.most for upload in whole)])
    app = web.Application(middlewares=[boundary], client_max_size=longest)
    app.on_response_prepare.append(_name_server)
    add_health(app, health)
    app.router.add_get("/openapi.json", _description(service, described))
    known_by = identify or _by_signature(verifier)
    for endpoint in described:
        handler = _handler(endpoint, known_by, clock, journal, max_body=max_body, fingerprint_key=fingerprint_key)
        app.router.add_route(endpoint.method, endpoint.path, handler)
        if endpoint.method == "GET":
            app.router.add_route("HEAD", endpoint.path, handler)
    return app


def starting_app(health: Health) -> web.Application:
    """What answers while a service still waits for what it needs: its health, and 503 for everything else."""

    async def not_yet(_request: web.Request) -> web.StreamResponse:
        raise Problem("unavailable")

    app = web.Application(middlewares=[boundary])
    app.on_response_prepare.append(_name_server)
    add_health(app, health)
    app.router.add_route("*", "/{anything:.*}", not_yet)
    return app


def add_health(app: web.Application, health: Health) -> None:
    """`/health/live` (200 as long as it can answer) and `/health/ready` (503 with the reasons)."""

    async def live(_request: web.Request) -> web.Response:
        return _json({"live": True})

    async def ready(_request: web.Request) -> web.Response:
        report = await health.report()
        return _json(report.body(), 200 if report.ready else 503)

    app.router.add_get("/health/live", live)
    app.router.add_get("/health/ready", ready)


def add_metrics(app: web.Application, figures: Callable[[], Awaitable[bytes]]) -> None:
    """`/metrics` in Prometheus' text format: figures only, for whoever may reach the port, like its health."""

    async def metrics(_request: web.Request) -> web.Response:
        response = web.Response(body=await figures())
        response.headers.update({"Content-Type": METRICS_TYPE, "Cache-Control": "no-store"})
        return response

    app.router.add_get("/metrics", metrics)


async def _name_server(_request: web.Request, response: web.StreamResponse) -> None:
    """On every answer, streamed ones too: who serves is nobody's business in detail."""
    response.headers["Server"] = "ikz"


def _by_signature(verifier: Verifier | None) -> Identify:
    if verifier is None:
        raise ValueError("an application needs to know its callers: a verifier, or identify")

    async def identify(request: web.Request) -> Identity:
        return verifier.verify(request.headers.get(HEADER, ""))

    return identify


def _handler(
    endpoint: Endpoint,
    identify: Identify,
    clock: Clock,
    journal: Journal | None,
    *,
    max_body: int,
    fingerprint_key: bytes,
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        at = clock.now()
        identity = await identify(request)
        require(endpoint.roles, identity)
        if not all(map(storable, request.match_info.values())):
            raise Problem("not_found")
        min_position, query = _read_query(endpoint, request)
        expected = headers.expected_version(request.headers.get("If-Match"), required=endpoint.if_match)
        raw, body = await _read_body(endpoint, request, max_body)
        if min_position and journal is not None:
            await journal.wait_for(min_position, endpoint.projection)
        trace = current_trace()
        call = Call(
            request,
            identity,
            at,
            trace,
            body=body,
            query=query,
            expected_version=expected,
            raw=raw,
            fingerprint_key=fingerprint_key,
        )
        answer = await endpoint.handler(call)
        return _respond(answer, endpoint, request) if isinstance(answer, Answer) else answer

    return handle


def require(roles: frozenset[Role], identity: Identity) -> None:
    """One of the roles, if any is named: else 401 for whoever has not signed in, 403 for whoever has."""
    if roles and not roles & identity.roles:
        raise Problem("unauthenticated" if identity.label == ANONYMOUS.label else "forbidden")


def _read_query(endpoint: Endpoint, request: web.Request) -> tuple[int, Any]:
    if endpoint.query is None and not request.query_string:
        return 0, None
    query = MultiDict(request.query)
    wanted = query.popall("min_position", []) if endpoint.method == "GET" else []
    value = parse_query(endpoint.query or _NoQuery, query)
    return _min_position(wanted), value if endpoint.query else None


class _NoQuery(BaseModel):
    pass


def _min_position(wanted: list[str]) -> int:
    if not wanted:
        return 0
    text = wanted[0]
    if len(wanted) > 1 or not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= BIGGEST):
        wrong = FieldError("min_position", "int_parsing", "Erwartet wird eine ganze Zahl ab 0.")
        raise Problem("invalid_query", errors=[wrong])
    return int(text)


async def _read_body(endpoint: Endpoint, request: web.Request, max_body: int) -> tuple[bytes, Any]:
    if endpoint.method in ("GET", "HEAD"):
        return b"", None
    most = endpoint.upload.most if endpoint.upload else max_body
    if (request.content_length or 0) > most:
        raise Problem("body_too_large")
    if endpoint.upload is not None and endpoint.upload.streamed:
        _refuse_other_files(endpoint.upload, request)
        return b"", None
    raw = await _received(request)
    if len(raw) > most:
        raise Problem("body_too_large")
    if endpoint.upload is not None:
        _refuse_other_files(endpoint.upload, request)
        return raw, None
    if endpoint.body is None:
        _refuse_content(raw)
        return raw, None
    if not raw and not endpoint.body_required:
        return raw, None
    if request.content_type != "application/json" or (request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise Problem("unsupported_media_type")
    return raw, parse_body(endpoint.body, raw)


def _refuse_other_files(upload: Upload, request: web.Request) -> None:
    if request.content_type not in upload.media_types:
        raise Problem("unsupported_media_type", f"Erwartet wird eine Datei: {', '.join(upload.media_types)}.")


async def _received(request: web.Request) -> bytes:
    if request.content.is_eof():
        return await request.read()
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            return await request.read()
    except TimeoutError as late:
        raise Problem("request_timeout") from late


def _refuse_content(raw: bytes) -> None:
    """Nothing, or an empty object, is taken where no body belongs."""
    if raw.strip() not in (b"", b"{}"):
        wrong = FieldError("", "extra_forbidden", "Hier wird kein Inhalt erwartet.")
        raise Problem("invalid_request", errors=[wrong])


def _respond(answer: Answer, endpoint: Endpoint, request: web.Request) -> web.Response:
    content = answer.body if isinstance(answer.body, bytes) else _encoded(answer.body)
    response = web.Response(body=content, status=answer.status or endpoint.status)
    if content and not isinstance(answer.body, bytes):
        response.headers["Content-Type"] = "application/json"
    reading = endpoint.method == "GET"
    response.headers["Cache-Control"] = READ_CACHING if reading else "no-store"
    etag = _etag(answer.version, content, reading=reading)
    if etag is not None:
        response.headers["ETag"] = etag
    response.headers.update(answer.headers)
    if (
        reading
        and response.status == 200
        and headers.matches(request.headers.get("If-None-Match"), response.headers["ETag"])
    ):
        return _unchanged(response)
    return response


def _etag(version: int | None, content: bytes, *, reading: bool) -> str | None:
    """Of a read another one as soon as anything shown is another, be it a name that made no new version."""
    if version is None:
        return _digest(content) if reading else None
    return f'"{headers.tag_of(version, content) if reading else version}"'


def _unchanged(response: web.Response) -> web.Response:
    kept = {name: value for name, value in response.headers.items() if name not in ("Content-Type", "Content-Length")}
    return web.Response(status=304, headers=kept)


def _encoded(body: object) -> bytes:
    if body is None:
        return b""
    if isinstance(body, BaseModel):
        return body.model_dump_json(by_alias=True).encode()
    return orjson.dumps(body, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} is no JSON")


def _digest(content: bytes) -> str:
    return f'W/"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'


def _json(body: object, status: int = 200) -> web.Response:
    response = web.Response(body=orjson.dumps(body), status=status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def _description(service: str, endpoints: list[Endpoint]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Answers with the OpenAPI document. It is made for the first who asks, aside: it takes long, and few ask."""

    @cache
    def described() -> tuple[bytes, str]:
        document = orjson.dumps(openapi.describe(service, endpoints))
        return document, _digest(document)

    async def handle(request: web.Request) -> web.StreamResponse:
        document, etag = await asyncio.to_thread(described)
        response = web.Response(body=document, content_type="application/json")
        response.headers.update({"ETag": etag, "Cache-Control": "no-cache"})
        return _unchanged(response) if headers.matches(request.headers.get("If-None-Match"), etag) else response

    return handle


@web.middleware
async def boundary(request: web.Request, handler: Next) -> web.StreamResponse:
    """Begins the trace, turns every exception into its problem, and writes the request's one log line.

    The line names the route's template, never the path: paths hold tokens.
    """
    started = time.perf_counter()
    trace = begin_trace(request.headers.get("traceparent"))
    code: str | None = None
    status = 499
    try:
        _refuse_encoding(request.headers.get("Content-Encoding", ""))
        response = await handler(request)
        status = response.status
    except web.HTTPException as error:
        if error.status < 400:
            status = error.status
            raise
        response, code, status = _answered(of_aiohttp(error), request)
    except Exception as error:  # the one place where errors become answers; unknown ones are logged whole
        if request.writer.output_size:
            raise
        response, code, status = _answered(problem_of(error), request)
    finally:
        _canonical_line(request, status, code, time.perf_counter() - started)
    if not response.prepared:
        response.headers["traceparent"] = trace.traceparent
    return response


def _refuse_encoding(name: str) -> None:
    """The server decodes what it can and passes on the rest as it is, which no handler expects."""
    if name.lower() not in ("", "identity", *ENCODINGS):
        raise unsupported_encoding()


def unsupported_encoding() -> Problem:
    """Content in an encoding that is not read here."""
    detail = f"Der Inhalt darf unkomprimiert sein oder mit {' oder '.join(ENCODINGS)} komprimiert."
    return Problem("unsupported_media_type", detail, headers={"Accept-Encoding": ", ".join(ENCODINGS)})


def _canonical_line(request: web.Request, status: int, code: str | None, took: float) -> None:
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else None
    write = log.debug if route is not None and route.startswith("/health/") else log.info
    more = {"code": code} if code else {}
    write("request", method=request.method, route=route, status=status, took_ms=round(took * 1000, 1), **more)


def _answered(problem: Problem, request: web.Request) -> tuple[web.StreamResponse, str, int]:
    response = problem_response(problem, request)
    return response, problem.code, response.status


def problem_of(error: Exception) -> Problem:
    """The problem that any exception is for the client."""
    match error:
        case Problem():
            return error
        case Refused():
            return _of_refusal(error)
        case StaleVersion():
            return Problem("stale_version", details={"version": error.version})
        case _:
            code = next((code for kind, code in BY_KIND.items() if isinstance(error, kind)), None)
            return Problem(code) if code else _of_fault(error)


def _of_refusal(refused: Refused) -> Problem:
    if not known(refused.code):
        log.error("unknown_problem_code", code=refused.code)
    return from_refusal(refused)


def _of_fault(error: Exception) -> Problem:
    """What is no answer by design: logged whole, shown as little."""
    if isinstance(error, asyncpg.DataError | asyncpg.InterfaceError) and isinstance(
        error, asyncpg.DataError | ValueError
    ):
        log.error("value_not_storable", exc_info=error)
        return Problem("invalid_request")
    if isinstance(error, CONNECTION_LOST):
        log.warning("dependency_unavailable", exc_info=error)
        return Problem("unavailable")
    log.error("request_failed", exc_info=error)
    return Problem("internal")


def of_aiohttp(error: web.HTTPException) -> Problem:
    """The problem that an answer of aiohttp's own is."""
    kept = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    return Problem(CODES.get(error.status, "internal" if error.status >= 500 else "bad_request"), headers=kept)


def problem_response(problem: Problem, request: web.BaseRequest) -> web.Response:
    """The problem as `application/problem+json`, titled in the reader's language."""
    language = headers.language(request.headers.get("Accept-Language"))
    status = meaning_of(problem.code).status
    response = web.Response(
        body=orjson.dumps(render(problem, language)), status=status, content_type="application/problem+json"
    )
    response.headers.update({"Cache-Control": "no-store", "Content-Language": language, "Vary": "Accept-Language"})
    if status in (429, 503):
        response.headers["Retry-After"] = "1"
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    response.headers.update(problem.headers)
    return response
