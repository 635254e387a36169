"""Logs: one line a fact, JSON unless a terminal reads it, with the trace it belongs to, and never a secret.

Use `structlog.get_logger()` anywhere; `configure` is called once, by the process. Lines go to standard error: standard
output belongs to programs that answer on it.
"""

import json
import logging
import re
import secrets
import sys
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
SECRET_KEYS = frozenset(
    {"authorization", "body", "cookie", "database_url", "dsn", "email", "idempotency_key", "nats_url", "password"}
    | {"private_key", "secret", "token", "vault_key"}
)
URL_PASSWORD = re.compile(r"(://[^/\s:@]*:)[^/\s@]+@")
MAIL_ADDRESS = re.compile(r"[\w.+%-]+@[\w-]+(\.[\w-]+)+")
HIDDEN = "[hidden]"


@dataclass(frozen=True, slots=True)
class Trace:
    """A place in a W3C trace: what comes in as `traceparent`, with a span of our own."""

    trace_id: str
    span_id: str
    flags: str = "01"

    @property
    def traceparent(self) -> str:
        """What we send on."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


_trace: ContextVar[Trace | None] = ContextVar("trace", default=None)


def begin_trace(traceparent: str | None = None) -> Trace:
    """Goes on with the caller's trace, or begins a new one; from here on log lines of this task carry its id."""
    trace = (followed(traceparent) if traceparent else None) or _new_trace()
    _trace.set(trace)
    return trace


def current_trace() -> Trace:
    """The trace this task works in; a new one when there is none."""
    return _trace.get() or begin_trace()


def _new_trace() -> Trace:
    random = secrets.token_hex(24)
    return Trace(random[:32], random[32:])


def followed(traceparent: str) -> Trace | None:
    """A place in the trace that `traceparent` names, with a span of our own; None when it names none."""
    match = TRACEPARENT.fullmatch(traceparent.strip())
    if match is None:
        return None
    version, trace_id, parent_id, flags, more = match.groups()
    if version == "ff" or (version == "00" and more) or not trace_id.strip("0") or not parent_id.strip("0"):
        return None
    return Trace(trace_id, secrets.token_hex(8), flags)


def configure(service: str, level: str = "info", style: Literal["json", "console", "auto"] = "auto") -> None:
    """Sends our own lines and those of the libraries the same way."""
    people = style == "console" or (style == "auto" and sys.stderr.isatty())
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _name_service(service),
        _name_trace,
        structlog.processors.format_exc_info,
        hide_secrets,
    ]
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        if people
        else structlog.processors.JSONRenderer(_json)
    )
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*before, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    _take_over_logging(before, renderer, number)


def _json(line: object, **_: object) -> str:
    """The fast way, and a slow one for what it cannot write: huge numbers, halves of surrogate pairs."""
    try:
        return orjson.dumps(line, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:
        return json.dumps(line, default=repr)


def _take_over_logging(before: list[Processor], renderer: Processor, level: int) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*before[:2], structlog.stdlib.add_logger_name, *before[2:]],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(max(level, logging.WARNING))


def hide_secrets(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """Blanks values whose key says that they are secret or personal, and passwords and mail addresses in any text."""
    for key, value in line.items():
        if key in SECRET_KEYS:
            line[key] = HIDDEN
        elif isinstance(value, str):
            line[key] = hidden(value)
    return line


def hidden(text: str) -> str:
    """`text` without passwords in addresses and without mail addresses."""
    if "@" not in text:
        return text
    return MAIL_ADDRESS.sub(HIDDEN, URL_PASSWORD.sub(rf"\1{HIDDEN}@", text))


def _name_service(service: str) -> Processor:
    def add(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
        line.setdefault("service", service)
        return line

    return add


def _name_trace(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    trace = _trace.get()
    if trace is not None:
        line.setdefault("trace_id", trace.trace_id)
    return line
