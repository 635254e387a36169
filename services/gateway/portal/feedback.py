"""How was it? The form behind a link that names nobody, and the thanks. Looking at it changes nothing."""

import re
import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

from aiohttp import web

from services.gateway.guard import refuse_pages_of_others
from services.gateway.portal import forms
from services.gateway.portal.forms import Form
from services.gateway.portal.personal import PRIVATE, token_of
from services.gateway.portal.portal import Portal
from services.gateway.portal.reading import FeedbackForm, FeedbackQuestion
from services.gateway.portal.services import Missing, Refusal

LONGEST_TEXT = 2000
SIGN = "-"
KINDS = frozenset({"rating", "yes_no", "choice", "text"})
ONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
ALL = "/answers"
NOT_POSSIBLE = "Diese Antworten können wir nicht annehmen. Bitte laden Sie die Seite neu."


class Choice(NamedTuple):
    """One answer to choose from."""

    value: str
    label: str


RATINGS = (
    Choice("5", "5 – sehr gut"),
    Choice("4", "4 – gut"),
    Choice("3", "3 – mittelmäßig"),
    Choice("2", "2 – weniger gut"),
    Choice("1", "1 – schlecht"),
)
YES_NO = (Choice("yes", "Ja"), Choice("no", "Nein"))


async def form(portal: Portal, request: web.Request) -> web.StreamResponse:
    """The questions, or why there are none to answer."""
    return await _form(portal, request, Form(""))


async def give(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Takes the answers; on any error the form comes back with what was chosen and typed.

    `once` is a number that the form brought along, and not made of what was answered: nothing may be.
    """
    refuse_pages_of_others(request.headers)
    token, fields = token_of(request), await forms.typed(request)
    body = {"answers": {name.partition(SIGN)[2]: _said(name, value) for name, value in _answers(fields).items()}}
    try:
        await portal.services.command("events", f"/api/v1/feedback/{token}", body, once=_once(fields))
    except Missing:
        return _unknown(portal, request)
    except Refusal as no:
        if no.code != "invalid_request":
            return _refused(portal, request, no)
        return await _form(portal, request, _wrong(_answers(fields), no))
    raise web.HTTPSeeOther("/feedback/danke", headers=PRIVATE)


async def thanks(portal: Portal, request: web.Request) -> web.StreamResponse:
    """The same for everyone; its address says nothing of who comes there."""
    return _private(portal.pages.respond(request, "rueckmeldung_danke.html", heading="Vielen Dank", noindex=True))


async def _form(portal: Portal, request: web.Request, filled: Form) -> web.StreamResponse:
    try:
        asked = await portal.services.read("events", f"/api/v1/feedback/{token_of(request)}", FeedbackForm)
    except Missing:
        return _unknown(portal, request)
    except Refusal as no:
        return _refused(portal, request, no)
    return _page(portal, request, asked, filled)


def _answers(fields: Mapping[str, str]) -> Mapping[str, str]:
    """The form's answers by the names of their fields, which say the kind of question, too."""
    return {name: value for name, value in fields.items() if name.partition(SIGN)[0] in KINDS}


def _once(fields: Mapping[str, str]) -> str | None:
    once = fields.get("once", "")
    return once if ONCE.fullmatch(once) else None


def _said(name: str, value: str) -> Any:
    """What was chosen, as the interface wants it; nothing where nothing was."""
    kind = name.partition(SIGN)[0]
    if not value.strip():
        return None
    if kind == "rating":
        return int(value) if value in {"1", "2", "3", "4", "5"} else value[:100]
    if kind == "yes_no":
        return {"yes": True, "no": False}.get(value, value[:100])
    return value.replace("\r\n", "\n")


def _wrong(answers: Mapping[str, str], no: Refusal) -> Form:
    errors = {str(error["field"]): str(error["detail"]) for error in no.errors}
    of_questions = {name: errors[at] for name in answers if (at := f"{ALL}/{name.partition(SIGN)[2]}") in errors}
    return Form("", answers, of_questions, notice=errors.get(ALL, "" if of_questions else NOT_POSSIBLE))


def choices(question: FeedbackQuestion) -> tuple[Choice, ...]:
    """What can be chosen; nothing for a free text."""
    match question.kind:
        case "rating":
            return RATINGS
        case "yes_no":
            return YES_NO
        case _:
            return tuple(Choice(option.value, option.label) for option in question.options)


def _page(portal: Portal, request: web.Request, asked: FeedbackForm, filled: Form) -> web.StreamResponse:
    wrong = bool(filled.errors or filled.notice)
    return _private(
        portal.pages.respond(
            request,
            "rueckmeldung.html",
            status=422 if wrong else 200,
            heading="Ihre Rückmeldung",
            noindex=True,
            asked=asked,
            questions=[(question, choices(question)) for question in asked.questions],
            form=filled,
            once=secrets.token_urlsafe(16),
            longest=LONGEST_TEXT,
            here_path=request.path,
        )
    )


def _refused(portal: Portal, request: web.Request, no: Refusal) -> web.StreamResponse:
    """Answered already, or too late."""
    heading = (
        "Ihre Rückmeldung ist schon da" if no.code == "feedback_given" else "Rückmeldungen sind nicht mehr möglich"
    )
    detail = no.detail or "Das ist zurzeit nicht möglich."
    return _private(
        portal.pages.respond(request, "rueckmeldung_zu.html", status=409, heading=heading, detail=detail, noindex=True)
    )


def _unknown(portal: Portal, request: web.Request) -> web.StreamResponse:
    page = portal.pages.respond(
        request,
        "rueckmeldung_zu.html",
        status=404,
        heading="Dieser Link gilt nicht",
        detail="Bitte öffnen Sie den Link genau so, wie er in der E-Mail steht.",
        noindex=True,
    )
    return _private(page)


def _private(response: web.StreamResponse) -> web.StreamResponse:
    response.headers.update(PRIVATE)
    return response
