"""Forms that anyone may send without a script: what was typed, what is wrong with it, whether a person sent it."""

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from aiohttp import web

from services.gateway.guard import FormGuard, Untrusted
from services.gateway.proxy import read_body
from shared.kernel.ids import new_id
from shared.kernel.logs import current_trace
from shared.kernel.problems import Problem
from shared.kernel.recorded import Context

LONGEST_FORM = 64 * 1024
TRAP = "website"
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


def trust(guard: FormGuard, form: str, fields: Mapping[str, str], now: dt.datetime) -> None:
    """Raises `Untrusted` unless our form came back from somebody who did not see the trap, at a believable pace."""
    if fields.get(TRAP):
        raise Untrusted(TRAP)
    guard.check(form, fields.get("stamp", ""), now)


async def typed(request: web.Request) -> Mapping[str, str]:
    """The form's fields; in UTF-8, as our page asks for it, whatever else is said to be."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise Problem("unsupported_media_type")
    body = await read_body(request, LONGEST_FORM) or b""
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def once(fields: Mapping[str, str]) -> str:
    """Names what was sent, so that a form sent twice (a double click) is one request and one mail."""
    return hashlib.sha256(repr(sorted(fields.items())).encode()).hexdigest()


def context(now: dt.datetime) -> Context:
    """The circumstances of what somebody who did not sign in sends."""
    trace = current_trace()
    return Context(new_id(), "anonymous", now, correlation_id=trace.trace_id, traceparent=trace.traceparent, fresh=True)


def errors_of(problem: Problem) -> dict[str, str]:
    """What is wrong with which field; any other problem is raised again."""
    if problem.code != "invalid_request":
        raise problem
    return {error.field.removeprefix("/"): error.detail for error in problem.errors}
