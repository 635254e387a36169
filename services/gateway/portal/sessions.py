"""Sessions and the way to register for one without a script."""

import datetime as dt
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from aiohttp import web
from yarl import URL

from services.gateway.guard import Untrusted, refuse_pages_of_others
from services.gateway.limits import network_asking
from services.gateway.portal import forms, own_questions, questions
from services.gateway.portal.forms import Form
from services.gateway.portal.portal import Portal, given, path_id, together
from services.gateway.portal.reading import ProjectLink, Series, SessionShort, Topic
from services.gateway.portal.rendering import Link
from services.gateway.portal.services import Missing, Refusal, refusal
from services.gateway.portal.session_reading import Material, Session
from services.gateway.portal.structured import event_of
from services.gateway.registrations import Answers, Wanted, checked
from shared.kernel.problems import Problem, sentence

PAGE = 20
MOST_PROJECTS = 12
FIELDS = ("name", "email", "organisation_name")
NOT_POSSIBLE = "Für diese Veranstaltung ist zurzeit keine Anmeldung möglich."


async def sessions(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Upcoming sessions, and the archive page by page; both may be narrowed to a series and a topic."""
    chosen, topic, cursor = (request.query.get(name, "") for name in ("reihe", "thema", "cursor"))
    narrowed = given(series=chosen, topic=topic)
    upcoming = {**narrowed, **given(period="upcoming", limit=100)}
    past = {**narrowed, **given(period="past", limit=PAGE, cursor=cursor)}
    coming, archive, series, topics = await together(
        portal.listed("events", "/api/v1/sessions", SessionShort, upcoming),
        portal.listed("events", "/api/v1/sessions", SessionShort, past),
        portal.listed("events", "/api/v1/series", Series),
        _topics(portal),
    )
    if archive is None or coming is None:
        raise Problem("unavailable")
    here = _list(chosen, topic)
    shown = archive.items if cursor else (*coming.items, *archive.items)
    present = {code for session in shown for code in session.topics} | ({topic} if topic else set())
    return portal.pages.respond(
        request,
        "veranstaltungen.html",
        keep=True,
        heading="Veranstaltungen",
        section="/veranstaltungen",
        canonical=str(here),
        coming=() if cursor else coming.items,
        archive=archive,
        series=series.items if series else (),
        chosen=chosen,
        topic=topic,
        of_series={each.slug: str(_list(each.slug, topic)) for each in series.items} if series else {},
        of_topics=[(code, str(_list(chosen, code)), label) for code, label in _labelled(present, topics)],
        everything={"series": str(_list("", topic)), "topics": str(_list(chosen, ""))},
        calendar=_calendar(chosen, topic, {each.slug for each in series.items} if series else ()),
        older=bool(cursor),
        first=str(here) if cursor else "",
        next=str(here.update_query(cursor=archive.next)) if archive.next else "",
    )


def _list(series: str, topic: str) -> URL:
    return URL.build(path="/veranstaltungen", query=given(reihe=series, thema=topic))


def _calendar(series: str, topic: str, known: Container[str]) -> str:
    """The address of the calendar with the sessions of the list; a series that is known has one of its own."""
    if series in known and not topic:
        return str(URL.build(path=f"/api/v1/series/{series}.ics"))
    return str(URL.build(path="/api/v1/sessions.ics", query=given(series=series, topic=topic)))


async def _topics(portal: Portal) -> Sequence[Topic]:
    try:
        return (await portal.listed("catalog", "/api/v1/topics", Topic, {"limit": 100})).items
    except (Missing, Problem):
        return ()


def _labelled(codes: Iterable[str], topics: Sequence[Topic] | None) -> list[tuple[str, str]]:
    """Topics with their words, in the order of these; codes alone while the catalogue is down."""
    labels = {code: topic.label for topic in topics or () for code in (*topic.former_codes, topic.code)}
    return sorted(((code, labels.get(code, code.replace("_", " "))) for code in codes), key=lambda each: each[1])


async def session(portal: Portal, request: web.Request) -> web.StreamResponse:
    """One session with everything, and the form to register."""
    return await _page(portal, request, None)


async def register(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Takes the form; on any error it comes back with what was typed."""
    refuse_pages_of_others(request.headers)
    session_id = path_id(request)
    typed = await forms.typed(request)
    values = {name: typed.get(name, "") for name in FIELDS} | own_questions.typed_of(typed)
    now = portal.clock.now()
    try:
        forms.trust(portal.guard, session_id, typed, now)
        await _register(portal, request, session_id, typed, now)
    except Untrusted as untrusted:
        return await _page(portal, request, Form("", values, notice=forms.MISTRUST[untrusted.code]))
    except Refusal as no:
        errors = own_questions.errors_of(no.errors)
        return await _page(portal, request, Form("", values, errors, "" if errors else no.detail or NOT_POSSIBLE))
    except Problem as problem:
        if problem.code == "session_full":
            return await _page(portal, request, Form("", values, notice=sentence(problem) or NOT_POSSIBLE))
        errors = forms.errors_of(problem)
        return await _page(portal, request, Form("", values, errors | await _of_answers(portal, session_id, typed)))
    raise web.HTTPSeeOther(f"/veranstaltungen/{session_id}/angemeldet")


async def back(_portal: Portal, request: web.Request) -> web.StreamResponse:
    """Whoever comes to the form's address by a link, or reloads it there, gets the page with the form."""
    raise web.HTTPSeeOther(f"/veranstaltungen/{path_id(request)}#anmeldung")


async def _register(
    portal: Portal, request: web.Request, session_id: str, typed: Mapping[str, str], now: dt.datetime
) -> None:
    portal.desk.admit(network_asking(request, portal.trusted_proxies))
    name, email, organisation = (typed.get(field, "")[:1000] for field in FIELDS)
    wanted = Wanted(email=email, name=name, organisation_name=organisation or None)
    registrant = replace(
        checked(wanted),
        organisation_id=await portal.directory.meant(organisation),
        answers=await _answers(portal, session_id, typed),
    )
    answer = await portal.desk.register(session_id, registrant, forms.context(now), forms.once(typed))
    if answer.status >= 400:
        raise refusal("events", answer)


async def _answers(portal: Portal, session_id: str, typed: Mapping[str, str]) -> Answers:
    shown = await portal.one("events", f"/api/v1/sessions/{session_id}", Session)
    return own_questions.answers_of(shown.registration_questions, typed)


async def _of_answers(portal: Portal, session_id: str, typed: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with the answers, beside what is wrong with the rest: all of it is told at once."""
    shown = await portal.one("events", f"/api/v1/sessions/{session_id}", Session)
    if not shown.registration_questions:
        return {}
    refused = await portal.desk.check(session_id, own_questions.answers_of(shown.registration_questions, typed))
    no = refusal("events", refused) if refused else None
    return own_questions.errors_of(no.errors) if isinstance(no, Refusal) else {}


async def _page(portal: Portal, request: web.Request, form: Form | None) -> web.StreamResponse:
    shown = await portal.one("events", f"/api/v1/sessions/{path_id(request)}", Session)
    about = shown.projects[:MOST_PROJECTS]
    materials, asked, topics, suggested, *projects = await together(
        materials_of(portal, shown.id),
        questions.of_session(portal, shown.id),
        _topics(portal) if shown.topics else _nothing(),
        portal.directory.names() if shown.takes_more else _nothing(),
        *(_project(portal, project_id) for project_id in about),
    )
    stamp = portal.guard.stamp(shown.id, portal.clock.now())
    form = Form(stamp) if form is None else Form(stamp, form.values, form.errors, form.notice)
    wrong = bool(form.errors or form.notice)
    return portal.pages.respond(
        request,
        "veranstaltung.html",
        status=422 if wrong else 200,
        heading=shown.title,
        section="/veranstaltungen",
        crumbs=(Link("/veranstaltungen", "Veranstaltungen"),),
        canonical=shown.href,
        description=shown.summary or "",
        session=shown,
        topics=_labelled(shown.topics, topics),
        projects=dict(zip(about, projects, strict=True)),
        papers=[material for material in materials or () if not material.photo],
        photos=shown.pictures(materials or ()),
        form=form,
        suggested=suggested or (),
        questions=asked,
        structured=event_of(shown, portal.pages.site.url),
    )


async def materials_of(portal: Portal, session_id: str) -> Sequence[Material]:
    """What can be downloaded; a page without it is still a page."""
    try:
        return (await portal.listed("events", f"/api/v1/sessions/{session_id}/materials", Material)).items
    except (Missing, Problem):
        return ()


async def _project(portal: Portal, project_id: str) -> str:
    """What a talk's project is called; empty for one that nobody may read."""
    try:
        return (await portal.services.read("catalog", f"/api/v1/projects/{project_id}", ProjectLink)).title
    except (Missing, Refusal):
        return ""


async def _nothing() -> Sequence[Any]:
    return ()


async def registered(portal: Portal, request: web.Request) -> web.StreamResponse:
    """„Bitte bestätigen Sie …“: the same for everyone who sent the form."""
    shown = await portal.one("events", f"/api/v1/sessions/{path_id(request)}", Session)
    return portal.pages.respond(
        request,
        "angemeldet.html",
        heading="Bitte bestätigen Sie Ihre Anmeldung",
        section="/veranstaltungen",
        crumbs=(Link("/veranstaltungen", "Veranstaltungen"), Link(shown.href, shown.title)),
        here="Bitte bestätigen",
        noindex=True,
        session=shown,
    )
