"""The HTTP server below the application: what cannot be read as a request at all is answered as a problem, too."""

from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import web
from aiohttp.http_exceptions import ContentEncodingError, HttpProcessingError, LineTooLong

from shared.kernel.http import of_aiohttp, problem_response, unsupported_encoding
from shared.kernel.problems import Problem

KEEP_ALIVE = 75.0
TOO_LONG = "Die Adresse oder eine Kopfzeile ist länger, als hier gelesen wird (etwa 8.000 Zeichen)."
UNREADABLE = (web.RequestPayloadError, HttpProcessingError)

log = structlog.get_logger()


class Connection(web.RequestHandler):
    """One connection. aiohttp itself would answer in plain text, echo the request, name itself and log a traceback."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what is no request; what failed after its answer began is left to aiohttp."""
        if status != HTTPStatus.BAD_REQUEST or request.writer.output_size:
            return super().handle_error(request, status, exc, message)
        log.info("request_unreadable", reason=type(exc).__name__)
        response = problem_response(_problem(exc), request)
        response.headers.update({"Server": "ikz", "X-Content-Type-Options": "nosniff"})
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """A body that breaks its own encoding is the client's fault and worth one line."""
        exc = kw.get("exc_info")
        if isinstance(exc, UNREADABLE):
            log.info("request_unreadable", reason=type(exc).__name__)
        else:
            super().log_exception(*args, **kw)


def _problem(exc: BaseException | None) -> Problem:
    if isinstance(exc, ContentEncodingError):  # one that the server could read with another library
        return unsupported_encoding()
    return Problem("bad_request", TOO_LONG if isinstance(exc, LineTooLong) else None)


class _Server(web.Server):
    def __init__(self, application: web.Server) -> None:
        super().__init__(
            _answered(application.request_handler),
            request_factory=application.request_factory,
            handler_cancellation=True,
            access_log=None,
            keepalive_timeout=KEEP_ALIVE,
        )

    def __call__(self) -> Connection:
        return Connection(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """Runs an application on such connections."""

    async def _make_server(self) -> web.Server:
        return _Server(await super()._make_server())


def _answered(handler: Any) -> Any:
    """What aiohttp refuses before it asks any middleware (`Expect`) is answered as a problem."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        try:
            response: web.StreamResponse = await handler(request)
        except web.HTTPException as error:
            if error.status < HTTPStatus.BAD_REQUEST:
                raise
            return problem_response(of_aiohttp(error), request)
        return response

    return handle
