"""Questions about a session without a script: the form, the published ones, one's own behind the link in the mail."""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from services.gateway.guard import Untrusted, refuse_pages_of_others
from services.gateway.limits import network_asking
from services.gateway.portal import forms
from services.gateway.portal.forms import Form
from services.gateway.portal.personal import PRIVATE, dead_link, press, token_of
from services.gateway.portal.portal import Portal, path_id
from services.gateway.portal.question_reading import OwnQuestion, PublishedQuestion, QuestionForm
from services.gateway.portal.rendering import Link
from services.gateway.portal.services import Missing, Refusal, refusal
from services.gateway.questions import Asking, checked, checked_text
from services.gateway.upstream import Down
from shared.kernel.problems import FieldError, Problem

FORM = "frage/"
FIELDS = ("name", "email", "organisation_name", "text", "may_publish", "may_name_organisation")
COMMANDS = {"bestaetigen": "confirmations", "zurueckziehen": "withdrawals"}
MOST_SHOWN = 100
NOT_POSSIBLE = "Für diese Veranstaltung werden zurzeit keine Fragen angenommen."
TOO_MANY = (
    "Aus Ihrem Netz oder für diese E-Mail-Adresse kamen sehr viele Fragen. Ihr Text steht noch hier: Bitte senden Sie "
    "ihn später ab."
)
NOT_NOW = (
    "Das geht im Augenblick nicht. Ihr Text steht noch hier: Bitte senden Sie ihn in ein paar Minuten noch einmal."
)
STALE = "Ihre Frage wurde inzwischen an anderer Stelle geändert. Bitte prüfen Sie, was jetzt hier steht."


@dataclass(frozen=True, slots=True)
class Part:
    """The questions of a session on its page."""

    about: QuestionForm
    published: tuple[PublishedQuestion, ...]
    form: Form


async def of_session(portal: Portal, session_id: str) -> Part | None:
    """What the session's page shows; None where no questions are taken, or where nobody answers."""
    about = await about_session(portal, session_id)
    if about is None or not (about.takes_questions or about.published):
        return None
    published: tuple[PublishedQuestion, ...] = ()
    try:
        if about.published:
            path, most = f"/api/v1/sessions/{session_id}/questions", {"limit": MOST_SHOWN}
            published = tuple((await portal.listed("events", path, PublishedQuestion, most)).items)
    except (Down, Missing, Refusal, Problem):
        return None
    return Part(about, published, Form(_stamp(portal, session_id)))


async def about_session(portal: Portal, session_id: str) -> QuestionForm | None:
    """Whether a session takes questions; None where nobody answers."""
    try:
        return await portal.services.read("events", f"/api/v1/sessions/{session_id}/question-form", QuestionForm)
    except (Down, Missing, Refusal):
        return None


async def form(portal: Portal, request: web.Request) -> web.StreamResponse:
    """The form on a page of its own."""
    return await _form(portal, request, await _about(portal, request), None)


async def ask(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Takes the form; on any error it comes back with what was typed."""
    refuse_pages_of_others(request.headers)
    about = await _about(portal, request)
    fields = await forms.typed(request)
    values = {name: fields.get(f"frage_{name}", "") for name in FIELDS}
    try:
        forms.trust(portal.guard, FORM + about.session_id, fields, portal.clock.now())
        await _ask(portal, request, about, values, forms.once({**fields, "about": about.session_id}))
    except Untrusted as untrusted:
        return await _form(portal, request, about, Form("", values, notice=forms.MISTRUST[untrusted.code]))
    except Refusal as no:
        return await _form(portal, request, about, Form("", values, notice=no.detail or NOT_POSSIBLE))
    except Down:
        return await _form(portal, request, about, Form("", values, notice=NOT_NOW), 503)
    except Problem as problem:
        if problem.code == "too_many_requests":
            page = await _form(portal, request, about, Form("", values, notice=TOO_MANY), 429)
            page.headers.update(problem.headers)
            return page
        if problem.code == "invalid_request":
            errors = {f"frage_{name}": sentence for name, sentence in forms.errors_of(problem).items()}
            return await _form(portal, request, about, Form("", values, errors))
        return await _form(portal, request, about, Form("", values, notice=problem.detail or NOT_POSSIBLE))
    raise web.HTTPSeeOther(f"{about.href}/frage-gesendet")


async def asked(portal: Portal, request: web.Request) -> web.StreamResponse:
    """„Bitte bestätigen Sie …“: the same for everyone who sent the form."""
    about = await _about(portal, request)
    return portal.pages.respond(
        request,
        "frage_gesendet.html",
        heading="Bitte bestätigen Sie Ihre Frage",
        section="/veranstaltungen",
        crumbs=(Link("/veranstaltungen", "Veranstaltungen"), Link(about.href, about.title)),
        here="Bitte bestätigen",
        noindex=True,
        about=about,
    )


async def question(portal: Portal, request: web.Request) -> web.StreamResponse:
    """How one's own question stands, with the buttons that make sense. Looking at it changes nothing."""
    return await _page(portal, request, "")


async def change(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Confirms it or takes it back, and shows how it stands then."""
    token, command = token_of(request), COMMANDS[request.match_info["change"]]
    if no := await press(portal, request, "events", f"/api/v1/questions/{token}/{command}"):
        return await _page(portal, request, no.detail or "Das ist zurzeit nicht möglich.")
    raise web.HTTPSeeOther(f"/fragen/{token}", headers=PRIVATE)


async def revise(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Another text, or another mind about publication; what somebody else has changed meanwhile is not overwritten."""
    refuse_pages_of_others(request.headers)
    token = token_of(request)
    fields = await forms.typed(request)
    values = {name: fields.get(f"frage_{name}", "") for name in FIELDS}
    try:
        shown = await portal.services.read("events", f"/api/v1/questions/{token}", OwnQuestion)
    except Missing as missing:
        raise Problem("not_found") from missing
    errors: list[FieldError] = []
    text = checked_text(values["text"][:50_000], errors) if shown.can_change else shown.text
    if errors:
        return await _page(portal, request, "", Form("", values, {"frage_text": errors[0].detail}))
    body = {
        "text": text,
        "may_publish": bool(values["may_publish"]),
        "may_name_organisation": bool(values["may_name_organisation"]),
    }
    seen = fields.get("version", "")
    try:
        await portal.services.replace(
            "events", f"/api/v1/questions/{token}", body, seen if seen.isascii() and seen.isdecimal() else "0"
        )
    except Refusal as no:
        return await _page(portal, request, STALE if no.code == "stale_version" else no.detail or STALE)
    raise web.HTTPSeeOther(f"/fragen/{token}", headers=PRIVATE)


async def back(_portal: Portal, request: web.Request) -> web.StreamResponse:
    """Whoever comes to a button's address by a link gets the page with the buttons."""
    raise web.HTTPSeeOther(f"/fragen/{token_of(request)}", headers=PRIVATE)


async def _about(portal: Portal, request: web.Request) -> QuestionForm:
    """The form of a session that takes questions, or the page „nicht gefunden“."""
    about = await portal.one("events", f"/api/v1/sessions/{path_id(request)}/question-form", QuestionForm)
    if not about.takes_questions:
        raise Problem("not_found")
    return about


async def _ask(portal: Portal, request: web.Request, about: QuestionForm, values: Mapping[str, str], once: str) -> None:
    portal.question_desk.admit(network_asking(request, portal.trusted_proxies))
    name, email, organisation = (values[field][:1000] for field in FIELDS[:3])
    asking = Asking(
        email=email,
        name=name,
        organisation_name=organisation or None,
        text=values["text"][:50_000],
        may_publish=bool(values["may_publish"]),
        may_name_organisation=bool(values["may_name_organisation"]),
    )
    context = forms.context(portal.clock.now())
    answer = await portal.question_desk.ask(about.session_id, checked(asking), context, once)
    if answer.status >= 400:
        raise refusal("events", answer)


def _stamp(portal: Portal, session_id: str) -> str:
    return portal.guard.stamp(FORM + session_id, portal.clock.now())


async def _form(
    portal: Portal, request: web.Request, about: QuestionForm, filled: Form | None, status: int = 422
) -> web.StreamResponse:
    stamp = _stamp(portal, about.session_id)
    shown = Form(stamp) if filled is None else Form(stamp, filled.values, filled.errors, filled.notice)
    wrong = bool(shown.errors or shown.notice)
    return portal.pages.respond(
        request,
        "frage.html",
        status=status if wrong else 200,
        heading="Frage stellen",
        section="/veranstaltungen",
        crumbs=(Link("/veranstaltungen", "Veranstaltungen"), Link(about.href, about.title)),
        noindex=True,
        questions=Part(about, (), shown),
    )


async def _page(portal: Portal, request: web.Request, notice: str, filled: Form | None = None) -> web.StreamResponse:
    token = token_of(request)
    try:
        shown = await portal.services.read("events", f"/api/v1/questions/{token}", OwnQuestion)
    except Missing:
        response = dead_link(portal, request, "frage_unbekannt.html")
    else:
        status = 422 if filled else 409 if notice else 200
        response = portal.pages.respond(
            request,
            "eigene_frage.html",
            status=status,
            heading="Ihre Frage",
            noindex=True,
            question=shown,
            session=shown.session,
            form=filled or Form("", _values(shown)),
            here_path=f"/fragen/{token}",
            notice=notice,
        )
    response.headers.update(PRIVATE)
    return response


def _values(shown: OwnQuestion) -> dict[str, str]:
    return {
        "text": shown.text or "",
        "may_publish": "ja" if shown.may_publish else "",
        "may_name_organisation": "ja" if shown.may_name_organisation else "",
    }
