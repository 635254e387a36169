"""Subscribing on the portal: what is offered where somebody comes from, the form, and the link sent once more."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from aiohttp import web
from yarl import URL

from services.gateway.guard import Untrusted, refuse_pages_of_others
from services.gateway.limits import network_asking
from services.gateway.portal import forms, projects
from services.gateway.portal.forms import Form
from services.gateway.portal.portal import Portal
from services.gateway.portal.reading import Project, Topic
from services.gateway.portal.rendering import Link
from services.gateway.portal.services import Refusal, refusal
from services.gateway.portal.session_reading import Session
from services.gateway.portal.subscription_reading import Offer
from services.gateway.registrations import address_of
from services.gateway.subscriptions import NewSubscription, Rhythm
from services.gateway.upstream import Down
from shared.kernel.ids import parse_id
from shared.kernel.problems import Problem

PATH = "/abonnieren"
SIGN = "."
PLACE = "kommune"
AROUND, FAR = "umkreis_von", "umkreis"
NOTHING = "Bitte wählen Sie mindestens einen Inhalt aus."
TOO_MUCH = "Bitte wählen Sie höchstens 20 Inhalte auf einmal aus."
NO_SUCH_PLACE = "Diese Kommune kennen wir nicht. Bitte wählen Sie einen Namen aus der Liste."
NOT_POSSIBLE = "Das lässt sich zurzeit nicht abonnieren."
NOT_NOW = "Das geht im Augenblick nicht. Bitte senden Sie das Formular in ein paar Minuten noch einmal ab."
TOO_MANY = (
    "Aus Ihrem Netz oder für diese E-Mail-Adresse kamen sehr viele Anfragen. Bitte senden Sie das Formular später ab."
)
MOST = 20
PLACES: dict[int, Any] = {8: "municipality", 5: "district"}
"""What has a key of so many digits."""
HOME = Link("/", "Startseite")
DISTANCES = ("10", "20", "30", "50", "100")
RHYTHMS: dict[Rhythm, str] = {
    "immediate": "Sofort",
    "daily": "Täglich gesammelt",
    "weekly": "Wöchentlich gesammelt",
}


class Choice(NamedTuple):
    """Something to hear of: the name of its box in the form, and what it is called."""

    name: str
    label: str
    wish: NewSubscription


@dataclass(frozen=True, slots=True)
class Offered:
    """What can be subscribed to, in groups, and where somebody came from. `chosen` is what is ticked at first.

    `place`: any municipality or district, too; `around`: only what lies around a municipality.
    """

    groups: Sequence[tuple[str, Sequence[Choice]]]
    chosen: Mapping[str, str]
    query: str = ""
    back: Link = HOME
    place: bool = False
    around: bool = False

    @property
    def href(self) -> str:
        """Where the form is."""
        return f"{PATH}?{self.query}" if self.query else PATH

    @property
    def rhythm(self) -> Rhythm:
        """What is proposed: hits of a search are many."""
        return "daily" if any(choice.wish.subject == "search" for choice in self.choices) else "immediate"

    @property
    def choices(self) -> list[Choice]:
        """All of them."""
        return [choice for _, choices in self.groups for choice in choices]


def choice(subject: Any, key: str, label: str) -> Choice:
    """Something that has a key."""
    return Choice(f"{subject}{SIGN}{key}", label, NewSubscription(subject=subject, key=key))


async def form(portal: Portal, request: web.Request) -> web.StreamResponse:
    """What can be subscribed to, and the form."""
    offered = await _offered(portal, request)
    return await _page(portal, request, offered, Form("", offered.chosen))


async def subscribe(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Takes the form; on any error it comes back with what was chosen and typed."""
    refuse_pages_of_others(request.headers)
    offered, fields = await _offered(portal, request), await forms.typed(request)
    names = {"email", "rhythm", PLACE, AROUND, FAR, *(choice.name for choice in offered.choices)}
    filled = Form("", {name: fields[name] for name in names if name in fields})
    try:
        forms.trust(portal.guard, PATH, fields, portal.clock.now())
        wishes, errors = await _wishes(portal, offered, fields)
        if errors:
            return await _page(portal, request, offered, replace(filled, errors=errors | _email_errors(fields)))
        await _subscribe(portal, request, wishes, {**fields, "query": offered.query})
    except (Untrusted, Refusal, Down, Problem) as no:
        return await _no(portal, request, offered, filled, no)
    raise web.HTTPSeeOther(f"{PATH}/gesendet")


def _email_errors(fields: Mapping[str, str]) -> dict[str, str]:
    try:
        address_of(fields.get("email", "")[:1000])
    except Problem as problem:
        return forms.errors_of(problem)
    return {}


async def sent(portal: Portal, request: web.Request) -> web.StreamResponse:
    """„Bitte sehen Sie in Ihr Postfach“: the same for everyone who sent a form."""
    return portal.pages.respond(request, "abonnieren_gesendet.html", heading="Bitte bestätigen Sie", noindex=True)


async def link_form(portal: Portal, request: web.Request) -> web.StreamResponse:
    """The form that has the link to one's own page sent once more."""
    return _link_page(portal, request, Form(""))


async def send_link(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Has the link sent to whom it may concern; the answer is the same for everyone."""
    refuse_pages_of_others(request.headers)
    fields = await forms.typed(request)
    filled = Form("", {"email": fields.get("email", "")})
    try:
        forms.trust(portal.guard, "/abonnement", fields, portal.clock.now())
        portal.subscription_desk.admit(network_asking(request, portal.trusted_proxies))
        address = address_of(fields.get("email", "")[:1000])
        answer = await portal.subscription_desk.send_link(address, forms.once(fields))
        if answer.status >= 400:
            raise refusal("notify", answer)
    except (Untrusted, Refusal, Down, Problem) as no:
        wrong, status = _told(filled, no)
        page = _link_page(portal, request, wrong, status)
        page.headers.update(no.headers if isinstance(no, Problem) else {})
        return page
    raise web.HTTPSeeOther("/abonnement/gesendet")


async def link_sent(portal: Portal, request: web.Request) -> web.StreamResponse:
    """The same for everyone."""
    return portal.pages.respond(
        request, "abonnement_link_gesendet.html", heading="Bitte sehen Sie in Ihr Postfach", noindex=True
    )


def _link_page(portal: Portal, request: web.Request, filled: Form, status: int = 422) -> web.StreamResponse:
    stamp = portal.guard.stamp("/abonnement", portal.clock.now())
    return portal.pages.respond(
        request,
        "abonnement_link.html",
        status=status if filled.errors or filled.notice else 200,
        heading="Link zu Ihren Abonnements",
        noindex=True,
        form=replace(filled, stamp=stamp),
    )


def _told(filled: Form, no: Exception) -> tuple[Form, int]:
    """The form with what was wrong, and the status of the page; an unexpected problem is raised again."""
    match no:
        case Untrusted():
            return replace(filled, notice=forms.MISTRUST[no.code]), 422
        case Refusal():
            said = [error.get("detail", "") for error in no.errors]
            return replace(filled, notice=" ".join(filter(None, said)) or no.detail or NOT_POSSIBLE), 422
        case Down():
            return replace(filled, notice=NOT_NOW), 503
        case Problem(code="too_many_requests"):
            return replace(filled, notice=TOO_MANY), 429
        case Problem():
            return replace(filled, errors=forms.errors_of(no)), 422
        case _:
            raise no


async def _no(
    portal: Portal, request: web.Request, offered: Offered, filled: Form, no: Exception
) -> web.StreamResponse:
    wrong, status = _told(filled, no)
    page = await _page(portal, request, offered, wrong, status)
    page.headers.update(no.headers if isinstance(no, Problem) else {})
    return page


async def _page(
    portal: Portal, request: web.Request, offered: Offered, filled: Form, status: int = 422
) -> web.StreamResponse:
    stamp = portal.guard.stamp(PATH, portal.clock.now())
    offer = await portal.services.read("notify", "/api/v1/subscription-kinds", Offer)
    return portal.pages.respond(
        request,
        "abonnieren.html",
        status=status if filled.errors or filled.notice else 200,
        heading="Nachrichten abonnieren",
        crumbs=() if offered.back == HOME else (offered.back,),
        here="Abonnieren",
        noindex=bool(offered.query),
        canonical="" if offered.query else PATH,
        offered=offered,
        first=_first(offered),
        rhythms=RHYTHMS,
        consent=offer.text,
        distances=DISTANCES,
        suggested=await portal.directory.names() if offered.place or offered.around else (),
        form=replace(filled, stamp=stamp),
    )


def _first(offered: Offered) -> str:
    """Where somebody is led who chose nothing."""
    return offered.choices[0].name if offered.choices else PLACE


async def _wishes(
    portal: Portal, offered: Offered, fields: Mapping[str, str]
) -> tuple[list[NewSubscription], dict[str, str]]:
    """What was chosen, and what is wrong with it by field."""
    wishes = [choice.wish for choice in offered.choices if fields.get(choice.name)]
    errors: dict[str, str] = {}
    if offered.place and (place := fields.get(PLACE, "").strip()):
        if (key := await portal.directory.key_of(place)) is None or len(key) not in PLACES:
            return [], {PLACE: NO_SUCH_PLACE}
        wishes.append(NewSubscription(subject=PLACES[len(key)], key=key))
    if offered.around and (place := fields.get(AROUND, "").strip()):
        key = await portal.directory.key_of(place)
        if key is None or len(key) != 8:
            return [], {AROUND: NO_SUCH_PLACE}
        far = fields.get(FAR, "") if fields.get(FAR) in DISTANCES else DISTANCES[1]
        wishes = [_around(wish, key, far) for wish in wishes]
    if not wishes or len(wishes) > MOST:
        errors[_first(offered)] = TOO_MUCH if wishes else NOTHING
    said = next((rhythm for rhythm in RHYTHMS if rhythm == fields.get("rhythm")), offered.rhythm)
    return [wish.model_copy(update={"rhythm": _rhythm(wish, said)}) for wish in wishes], errors


def _rhythm(wish: NewSubscription, said: Rhythm) -> Rhythm | None:
    """What is wanted at once is told as the person prefers for its kind, which is at once unless they say otherwise."""
    return None if said == "immediate" and wish.subject != "search" else said


def _around(wish: NewSubscription, key: str, far: str) -> NewSubscription:
    """The same search, around a municipality."""
    if wish.query is None:
        return wish
    return wish.model_copy(update={"query": {**wish.query, "near": key, "within_km": far}})


async def _subscribe(
    portal: Portal, request: web.Request, wishes: Sequence[NewSubscription], fields: Mapping[str, str]
) -> None:
    portal.subscription_desk.admit(network_asking(request, portal.trusted_proxies))
    address = address_of(fields.get("email", "")[:1000])
    answer = await portal.subscription_desk.subscribe(
        address, wishes, forms.context(portal.clock.now()), forms.once(fields)
    )
    if answer.status >= 400:
        raise refusal("notify", answer)


async def _offered(portal: Portal, request: web.Request) -> Offered:
    """What somebody can subscribe to who comes from a project, a session, a list of projects, or from anywhere."""
    query = request.query
    if "projekt" in query:
        return await _of_project(portal, _id(query["projekt"]))
    if "veranstaltung" in query:
        return await _of_session(portal, _id(query["veranstaltung"]))
    if "suche" in query:
        return await _of_search(portal, request)
    return await _of_everything(portal)


def _id(text: str) -> str:
    found = parse_id(text)
    if found is None:
        raise Problem("not_found")
    return str(found)


async def _of_project(portal: Portal, project_id: str) -> Offered:
    shown = await portal.one("catalog", f"/api/v1/projects/{project_id}", Project)
    itself = choice("project", shown.id, f"Dieses Projekt: {shown.title}")
    topics = [choice("topic", code, label) for code, label in zip(shown.topics, shown.topic_labels, strict=True)]
    places = [
        choice(PLACES[len(each.ags)], each.ags, each.name)
        for each in shown.participations
        if each.ags and len(each.ags) in PLACES
    ]
    groups = [("Projekt", [itself]), ("Themengebiete", topics), ("Beteiligte Kommunen und Kreise", _once(places))]
    return Offered(_filled(groups), {itself.name: "1"}, f"projekt={shown.id}", Link(shown.href, shown.title))


async def _of_session(portal: Portal, session_id: str) -> Offered:
    shown = await portal.one("events", f"/api/v1/sessions/{session_id}", Session)
    series = [choice("series", shown.series.id, f"Die Reihe: {shown.series.title}")] if shown.series else []
    topics = [one for _, choices in await _topics(portal, shown.topics) for one in choices] if shown.topics else []
    groups = [("Veranstaltungsreihe", series), ("Themengebiete", topics)]
    chosen = {one.name: "1" for one in series}
    offered = Offered(_filled(groups), chosen, f"veranstaltung={shown.id}", Link(shown.href, shown.title))
    return offered if offered.groups else await _of_everything(portal)


async def _of_search(portal: Portal, request: web.Request) -> Offered:
    search = replace(projects.search_of(request.query), sort="", cursor="")
    parts = await projects.parts_of(portal, search)
    said = [part.label for part in parts]
    wish = NewSubscription(
        subject="search",
        query={name: [value] if isinstance(value, str) else list(value) for name, value in search.filters.items()},
    )
    one = Choice("search", f"Neue Projekte zu dieser Suche: {', '.join(said) or 'alle Projekte'}", wish)
    back = URL(search.address())
    query = URL.build(query=[("suche", "1"), *back.query.items()]).raw_query_string
    topics = [choice("topic", part.value, part.label) for part in parts if part.facet == "topic"]
    places = [
        choice(PLACES[len(part.value)], part.value, part.label)
        for part in parts
        if part.facet == "organisation" and part.value.isdecimal() and len(part.value) in PLACES
    ]
    groups = [("Suche", [one]), ("Themengebiete", topics), ("Kommunen und Kreise", places)]
    return Offered(_filled(groups), {one.name: "1"}, query, Link(str(back), "Projekte"), around=True)


async def _of_everything(portal: Portal) -> Offered:
    offer = await portal.services.read("notify", "/api/v1/subscription-kinds", Offer)
    kinds = [choice("kind", kind.kind, kind.label) for kind in offer.kinds if kind.by_itself]
    return Offered([("Alles von einer Art", kinds), *await _topics(portal)], {}, place=True)


async def _topics(portal: Portal, codes: Iterable[str] | None = None) -> list[tuple[str, list[Choice]]]:
    """The topics by their groups: all of them, or these."""
    known = await portal.listed("catalog", "/api/v1/topics", Topic, {"limit": 100})
    wanted = None if codes is None else set(codes)
    groups: dict[str, list[Choice]] = {}
    for topic in known.items:
        if wanted is None or wanted & {topic.code, *topic.former_codes}:
            groups.setdefault(topic.group.label, []).append(choice("topic", topic.code, topic.label))
    return list(groups.items())


def _once(choices: Sequence[Choice]) -> list[Choice]:
    return list({one.name: one for one in choices}.values())


def _filled(groups: Sequence[tuple[str, Sequence[Choice]]]) -> list[tuple[str, Sequence[Choice]]]:
    return [(title, choices) for title, choices in groups if choices]
