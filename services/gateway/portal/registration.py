"""The page behind the personal link of a mail. Looking at it changes nothing; each change is a button."""

from collections.abc import Mapping, Sequence

from aiohttp import web

from services.gateway.guard import refuse_pages_of_others
from services.gateway.portal import forms, own_questions, questions
from services.gateway.portal.forms import Form
from services.gateway.portal.own_questions import Question
from services.gateway.portal.personal import PRIVATE, dead_link, press, token_of
from services.gateway.portal.portal import Portal, together
from services.gateway.portal.services import Missing, Refusal
from services.gateway.portal.session_reading import Registration
from services.gateway.portal.sessions import materials_of
from services.gateway.registrations import stated
from shared.kernel.problems import Problem

FIELDS = ("name", "organisation_name")
UNKNOWN = "link_unbekannt.html"
NOT_POSSIBLE = "Das ist zurzeit nicht möglich."
COMMANDS = {
    "bestaetigen": "confirmations",
    "zusagen": "reconfirmations",
    "abmelden": "withdrawals",
    "ich-bin-da": "check-ins",
}


async def registration(portal: Portal, request: web.Request) -> web.StreamResponse:
    """How the registration stands, with the buttons that make sense."""
    return await page(portal, request)


async def change(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Does what one of the buttons is for, and shows how the registration stands then."""
    token, command = token_of(request), COMMANDS[request.match_info["change"]]
    if no := await press(portal, request, "events", f"/api/v1/registrations/{token}/{command}"):
        return await page(portal, request, no.detail or NOT_POSSIBLE)
    raise web.HTTPSeeOther(f"/anmeldung/{token}", headers=PRIVATE)


async def back(_portal: Portal, request: web.Request) -> web.StreamResponse:
    """Whoever comes to a button's address by a link gets the page with the buttons."""
    raise web.HTTPSeeOther(f"/anmeldung/{token_of(request)}", headers=PRIVATE)


async def form(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Name, organisation and answers as they are, to be changed."""
    return await _form_page(portal, request, None)


async def write(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Takes the form; on any error it comes back with what was typed."""
    refuse_pages_of_others(request.headers)
    token, typed = token_of(request), await forms.typed(request)
    values = {name: typed.get(name, "") for name in FIELDS} | own_questions.typed_of(typed)
    try:
        await _write(portal, token, typed)
    except Missing as missing:
        raise Problem("not_found") from missing
    except Problem as problem:
        return await _form_page(portal, request, Form("", values, forms.errors_of(problem)))
    except Refusal as no:
        errors = own_questions.errors_of(no.errors)
        return await _form_page(portal, request, Form("", values, errors, "" if errors else no.detail or NOT_POSSIBLE))
    raise web.HTTPSeeOther(f"/anmeldung/{token}", headers=PRIVATE)


async def _write(portal: Portal, token: str, typed: Mapping[str, str]) -> None:
    name, organisation = (typed.get(field, "").strip()[:1000] for field in FIELDS)
    stated(name, organisation)
    path = f"/api/v1/registrations/{token}"
    shown = await portal.services.read("events", path, Registration)
    answers = dict(own_questions.answers_of(_questions(shown), typed))
    asked = {question.key for question in shown.questions}
    body = {
        "name": name,
        "organisation_id": await _organisation(portal, shown, organisation),
        "organisation_name": organisation or None,
        "answers": answers | {given.key: given.value for given in shown.answers if given.key not in asked},
    }
    version = typed.get("version", "")
    await portal.services.replace("events", path, body, version if version.isascii() and version.isdigit() else "0")


async def _organisation(portal: Portal, shown: Registration, name: str) -> str | None:
    """That of the directory with this name; whoever leaves the name alone leaves the organisation alone."""
    if name == (shown.organisation_name or ""):
        return shown.organisation_id
    return await portal.directory.meant(name)


def _questions(shown: Registration) -> Sequence[Question]:
    given = {answer.key: answer for answer in shown.answers}
    return [question.after(given.get(question.key)) for question in shown.questions]


def _present(shown: Registration, questions: Sequence[Question]) -> Mapping[str, str]:
    """What the form says before anybody changed it."""
    given = {answer.key: answer for answer in shown.answers}
    values = {"name": shown.name, "organisation_name": shown.organisation_name or ""}
    for question in questions:
        if question.key in given:
            values |= question.typed(given[question.key])
    return values


async def _form_page(portal: Portal, request: web.Request, filled: Form | None) -> web.StreamResponse:
    token = token_of(request)
    try:
        shown = await portal.services.read("events", f"/api/v1/registrations/{token}", Registration)
    except Missing:
        return dead_link(portal, request, UNKNOWN)
    if not shown.can_change:
        raise web.HTTPSeeOther(f"/anmeldung/{token}", headers=PRIVATE)
    own = _questions(shown)
    filled = filled or Form("", _present(shown, own))
    asked = {question.key for question in shown.questions}
    response = portal.pages.respond(
        request,
        "anmeldung_aendern.html",
        status=422 if filled.errors or filled.notice else 200,
        heading="Angaben ändern",
        noindex=True,
        registration=shown,
        session=shown.session,
        questions=own,
        kept=[answer for answer in shown.answers if answer.key not in asked],
        suggested=await portal.directory.names(),
        here_path=f"/anmeldung/{token}",
        form=filled,
    )
    response.headers.update(PRIVATE)
    return response


async def page(
    portal: Portal, request: web.Request, notice: str = "", *, done: str = "", calendar: str = ""
) -> web.StreamResponse:
    """The page. `notice`: why something was refused; `done`: what was done; `calendar`: the address asked for."""
    token = token_of(request)
    try:
        shown = await portal.services.read("events", f"/api/v1/registrations/{token}", Registration)
    except Missing:
        return dead_link(portal, request, UNKNOWN)
    materials, asking = await together(
        materials_of(portal, shown.session.id), questions.about_session(portal, shown.session.id)
    )
    response = portal.pages.respond(
        request,
        "anmeldung.html",
        status=409 if notice else 200,
        heading="Ihre Anmeldung",
        noindex=True,
        registration=shown,
        session=shown.session,
        papers=[material for material in materials or () if not material.photo],
        takes_questions=bool(asking and asking.open) and shown.stands,
        here_path=f"/anmeldung/{token}",
        code_path=f"/api/v1/registrations/{token}/check-in.svg" if shown.has_code(portal.clock.now()) else "",
        certificate_path=f"/api/v1/registrations/{token}/certificate.pdf" if shown.certificate else "",
        calendar=calendar,
        done=done,
        notice=notice,
    )
    response.headers.update(PRIVATE)
    return response
