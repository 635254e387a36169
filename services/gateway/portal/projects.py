"""The catalogue: search with filters, one project's Steckbrief, the map of places."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

from aiohttp import web
from multidict import MultiMapping
from yarl import URL

from services.gateway.portal import map as nrw
from services.gateway.portal.portal import UNREADABLE_QUERY, Portal, path_id, together
from services.gateway.portal.reading import Facets, FacetValue, Organisation, Project, ProjectCard, SessionShort, Topic
from services.gateway.portal.rendering import Link
from services.gateway.portal.services import Missing, Refusal
from shared.kernel.problems import Problem

FACETS = {
    "group": "Gruppe von Themengebieten",
    "topic": "Themengebiet",
    "stage": "Stand",
    "legal_form": "Rechtsform",
    "district": "Kreis oder kreisfreie Stadt",
    "regierungsbezirk": "Regierungsbezirk",
    "organisation": "Beteiligte Stelle",
    "size_class": "Größe der Kommunen",
    "effect_kind": "Wirkung",
    "funded": "Förderung",
    "reuse": "Nachnutzung",
    "best_practice": "Auszeichnung",
}
EXPORTS = {"csv": "CSV", "xlsx": "Excel", "json": "JSON", "geojson": "GeoJSON", "atom": "Atom-Feed"}
SORTS = {
    "": "Beste Treffer oder neueste zuerst",
    "date": "Neueste zuerst",
    "effect": "Größte genannte Wirkung zuerst",
    "title": "Titel von A bis Z",
}
PAGE = 12
SIMILAR = 3
MOST_SESSIONS = 20
MOST_OFFERED = 12  # of hundreds of organisations those with most projects, and those that are chosen
MOST_LOOKED_UP = 3
ORGANISATION = re.compile(r"\d{5}(\d{3})?|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
WORD = re.compile(r"[^\W_]+")
LONGEST_QUERY, MOST_WORDS = 300, 24

type FacetValues = Mapping[str, Sequence[FacetValue]]


@dataclass(frozen=True, slots=True)
class Search:
    """What a reader looks for, as the address says it."""

    q: str
    chosen: Mapping[str, tuple[str, ...]]
    sort: str
    cursor: str

    @property
    def filters(self) -> dict[str, str | Sequence[str]]:
        """As the catalogue wants it, without paging."""
        return {"q": self.q} | dict(self.chosen) if self.q else dict(self.chosen)

    @property
    def query(self) -> dict[str, str | int | Sequence[str]]:
        """As the catalogue wants it: a page, and the facets beside it."""
        extra = {name: value for name, value in (("sort", self.sort), ("cursor", self.cursor)) if value}
        return {**self.filters, **extra, "limit": PAGE, "facets": "true"}

    def address(self, *, without: tuple[str, str] | None = None, cursor: str = "", q: str | None = None) -> str:
        """The address of this search with one value less, at another page, or with another `q`."""
        q = self.q if q is None else q
        pairs = [("q", q)] if q else []
        pairs += [(facet, value) for facet, values in self.chosen.items() for value in values]
        pairs = [pair for pair in pairs if pair != without]
        pairs += [(name, value) for name, value in (("sort", self.sort), ("cursor", cursor)) if value]
        return str(URL.build(path="/projekte", query=pairs))

    def without(self, values: Collection[tuple[str, str]]) -> Self:
        """This search without these values of facets, from its first page."""
        kept = {
            facet: tuple(value for value in chosen if (facet, value) not in values)
            for facet, chosen in self.chosen.items()
        }
        return replace(self, chosen={facet: chosen for facet, chosen in kept.items() if chosen}, cursor="")

    @property
    def subscription(self) -> str:
        """Where one can have new projects told that this search would find."""
        query = [("suche", "1"), *URL(replace(self, sort="", cursor="").address()).query.items()]
        return str(URL.build(path="/abonnieren", query=query))

    @property
    def exports(self) -> list[Link]:
        """Everything that is found, as files."""
        query = self.filters | ({"sort": self.sort} if self.sort else {})
        return [
            Link(str(URL.build(path=f"/api/v1/projects/export.{form}", query=query)), label)
            for form, label in EXPORTS.items()
        ]


def search_of(query: MultiMapping[str]) -> Search:
    """The search in an address; what it does not know is left out."""
    chosen = {facet: tuple(dict.fromkeys(filter(None, query.getall(facet, [])))) for facet in FACETS}
    sort = query.get("sort", "")
    return Search(
        q=_few_words(" ".join(query.get("q", "").replace("\0", "")[:LONGEST_QUERY].split())),
        chosen={facet: values for facet, values in chosen.items() if values},
        sort=sort if sort in SORTS else "",
        cursor=query.get("cursor", ""),
    )


def _few_words(text: str) -> str:
    """As much of a question as the catalogue takes."""
    ends = [word.end() for word in WORD.finditer(text)]
    return text if len(ends) <= MOST_WORDS else text[: ends[MOST_WORDS - 1]]


async def projects(portal: Portal, request: web.Request) -> web.StreamResponse:
    """The projects that fit, with filters beside them."""
    search = search_of(request.query)
    try:
        found = await portal.listed("catalog", "/api/v1/projects", ProjectCard, search.query)
    except Problem as problem:
        if problem.code != "not_found":
            raise
        return await _astray(portal, request, search)
    facets = found.facets or {}
    meant = await _meant(portal, search, _labels(facets))
    if meant != search:
        raise web.HTTPFound(meant.address())
    return portal.pages.respond(
        request,
        "projekte.html",
        keep=True,
        canonical=search.address(),
        found=found,
        first=search.address() if search.cursor else "",
        next=search.address(cursor=found.next) if found.next else "",
        **_beside(search, facets),
    )


async def _counts(portal: Portal, search: Search) -> tuple[FacetValues, set[tuple[str, str]]]:
    """The values of every facet; and what was asked of facets that the catalogue cannot follow, left out for it."""
    wrong: set[tuple[str, str]] = set()
    while True:
        rest = search.without(wrong)
        try:
            counted = await portal.services.read("catalog", "/api/v1/projects/facets", Facets, rest.filters)
        except Refusal as refusal:
            if refusal.code not in UNREADABLE_QUERY:
                raise Problem("unavailable") from refusal
            facets = {error["field"] for error in refusal.errors} & rest.chosen.keys()
            if not facets:
                raise Problem("not_found") from refusal
            wrong |= {(facet, value) for facet in facets for value in rest.chosen[facet]}
        else:
            return counted.facets, wrong


async def _astray(portal: Portal, request: web.Request, search: Search) -> web.StreamResponse:
    """Which values of filters there are none of, and the way on without them; „nicht gefunden“ if it is not they."""
    facets, wrong = await _counts(portal, search)
    if not wrong:
        raise Problem("not_found")
    unknown = wrong - _labels(facets).keys() or wrong
    return portal.pages.respond(
        request,
        "projekte.html",
        status=422,
        noindex=True,
        found=None,
        unknown=sorted((FACETS[facet], value) for facet, value in unknown),
        onward=search.without(unknown).address(),
        **_beside(search, facets),
    )


def _beside(search: Search, facets: FacetValues) -> dict[str, Any]:
    """What stands around the list."""
    return {
        "heading": "Projekte",
        "section": "/projekte",
        "search": search,
        "facets": [(name, title, _offered(search, name, facets)) for name, title in FACETS.items()],
        "chips": _chips(search, facets),
        "sorts": SORTS,
    }


async def _meant(portal: Portal, search: Search, labels: Mapping[tuple[str, str], str]) -> Search:
    """The search as it is written today, where it names a topic or an organisation as it was, or in German."""
    topics, bodies = search.chosen.get("topic", ()), search.chosen.get("organisation", ())
    meant: dict[str, str] = {}
    if any(("topic", code) not in labels for code in topics):
        known = await portal.listed("catalog", "/api/v1/topics", Topic, {"limit": 100})
        meant = {code: topic.code for code in topics for topic in known.items if topic.goes_by(code)}
    former = [key for key in bodies if ("organisation", key) not in labels and ORGANISATION.fullmatch(key)]
    for key in former[:MOST_LOOKED_UP]:
        try:
            meant[key] = (await portal.services.read("catalog", f"/api/v1/organisations/{key}", Organisation)).key
        except Missing:
            continue
    return replace(
        search,
        chosen={
            name: tuple(dict.fromkeys(meant.get(value, value) for value in values))
            for name, values in search.chosen.items()
        },
    )


def _offered(search: Search, name: str, facets: FacetValues) -> Sequence[FacetValue]:
    """The values of a facet that a reader may choose."""
    values = facets.get(name, ())
    if name != "organisation":
        return values
    chosen = search.chosen.get(name, ())
    return [value for place, value in enumerate(values) if place < MOST_OFFERED or value.value in chosen]


def _labels(facets: FacetValues) -> dict[tuple[str, str], str]:
    return {(name, value.value): value.label for name, values in facets.items() for value in values}


def _chips(search: Search, facets: FacetValues) -> list[Link]:
    """One for each part of the search; its link takes that part away."""
    labels = _labels(facets)
    chips = [Link(search.address(q=""), f"„{search.q}“")] if search.q else []
    for facet, values in search.chosen.items():
        chips += [Link(search.address(without=(facet, value)), labels.get((facet, value), value)) for value in values]
    return chips


class Part(NamedTuple):
    """A part of a search: the facet (`q` of words), its value, and what that is called."""

    facet: str
    value: str
    label: str


async def parts_of(portal: Portal, search: Search) -> list[Part]:
    """What a search asks for; „nicht gefunden“ for one that the catalogue cannot follow."""
    try:
        found = await portal.services.read("catalog", "/api/v1/projects/facets", Facets, search.filters)
    except Refusal as refusal:
        raise Problem("not_found") from refusal
    labels = _labels(found.facets)
    words = [Part("q", search.q, f"„{search.q}“")] if search.q else []
    chosen = ((facet, value) for facet, values in search.chosen.items() for value in values)
    return [*words, *(Part(facet, value, labels.get((facet, value), value)) for facet, value in chosen)]


async def project(portal: Portal, request: web.Request) -> web.StreamResponse:
    """A project's Steckbrief."""
    shown = await portal.one("catalog", f"/api/v1/projects/{path_id(request)}", Project)
    similar, sessions = await together(_similar(portal, shown), _sessions_about(portal, shown.id))
    return portal.pages.respond(
        request,
        "projekt.html",
        keep=True,
        heading=shown.title,
        section="/projekte",
        crumbs=(Link("/projekte", "Projekte"),),
        canonical=shown.href,
        description=shown.summary or "",
        project=shown,
        similar=similar or (),
        sessions=sessions or (),
    )


async def _similar(portal: Portal, shown: Project) -> Sequence[ProjectCard]:
    """Projects like one that is public."""
    if shown.status != "published":
        return ()
    try:
        found = await portal.listed("catalog", f"/api/v1/projects/{shown.id}/similar", ProjectCard, {"limit": SIMILAR})
    except (Missing, Problem):
        return ()
    return found.items


async def _sessions_about(portal: Portal, project_id: str) -> Sequence[SessionShort]:
    """The sessions with a talk about it, the latest first."""
    query: dict[str, str | int] = {"project": project_id, "limit": MOST_SESSIONS}
    try:
        return (await portal.listed("events", "/api/v1/sessions", SessionShort, query)).items
    except (Missing, Problem):
        return ()


async def places(portal: Portal, request: web.Request) -> web.StreamResponse:
    """The map with a dot for each place that takes part in a project; without dots while the catalogue is down."""
    (found,) = await together(portal.listed("catalog", "/api/v1/projects", ProjectCard, {"limit": 100}))
    taking_part = [each.ags for card in (found.items if found else ()) for each in card.participations if each.ags]
    scheme: nrw.Scheme = "dark" if "dunkel" in request.query else "light"
    image = web.Response(text=nrw.draw(taking_part, scheme), content_type="image/svg+xml")
    image.headers["Cache-Control"] = "public, max-age=600"
    image.enable_compression()
    return image
