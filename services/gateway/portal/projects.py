"""The catalogue: search with filters, one project's Steckbrief, the map of places."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web
from multidict import MultiMapping
from yarl import URL

from services.gateway.portal import map as nrw
from services.gateway.portal.portal import Portal, path_id, together
from services.gateway.portal.reading import Facets, FacetValue, Project, ProjectCard
from services.gateway.portal.rendering import Link

FACETS = {
    "topic": "Themengebiet",
    "stage": "Stand",
    "legal_form": "Rechtsform",
    "district": "Kreis oder kreisfreie Stadt",
    "regierungsbezirk": "Regierungsbezirk",
    "size_class": "Größe der Kommunen",
    "effect_kind": "Wirkung",
    "funded": "Förderung",
    "reuse": "Nachnutzung",
    "best_practice": "Auszeichnung",
}
SORTS = {"": "Beste Treffer oder neueste zuerst", "date": "Neueste zuerst", "title": "Titel von A bis Z"}
PAGE = 12
LONGEST_QUERY, MOST_WORDS = 300, 24


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
        """As the catalogue wants it."""
        extra = {name: value for name, value in (("sort", self.sort), ("cursor", self.cursor)) if value}
        return {**self.filters, **extra, "limit": PAGE}

    def address(self, *, without: tuple[str, str] | None = None, cursor: str = "", q: str | None = None) -> str:
        """The address of this search with one value less, at another page, or with another `q`."""
        q = self.q if q is None else q
        pairs = [("q", q)] if q else []
        pairs += [(facet, value) for facet, values in self.chosen.items() for value in values]
        pairs = [pair for pair in pairs if pair != without]
        pairs += [(name, value) for name, value in (("sort", self.sort), ("cursor", cursor)) if value]
        return str(URL.build(path="/projekte", query=pairs))


def search_of(query: MultiMapping[str]) -> Search:
    """The search in an address; what it does not know is left out."""
    chosen = {facet: tuple(dict.fromkeys(filter(None, query.getall(facet, [])))) for facet in FACETS}
    sort = query.get("sort", "")
    return Search(
        q=" ".join(query.get("q", "").replace("\0", "")[:LONGEST_QUERY].split()[:MOST_WORDS]),
        chosen={facet: values for facet, values in chosen.items() if values},
        sort=sort if sort in SORTS else "",
        cursor=query.get("cursor", ""),
    )


async def projects(portal: Portal, request: web.Request) -> web.StreamResponse:
    """The projects that fit, with filters beside them."""
    search = search_of(request.query)
    found = await portal.listed("catalog", "/api/v1/projects", ProjectCard, search.query)
    facets = await portal.services.read("catalog", "/api/v1/projects/facets", Facets, search.filters)
    return portal.pages.respond(
        request,
        "projekte.html",
        keep=True,
        heading="Projekte",
        section="/projekte",
        crumbs=(),
        canonical=search.address(),
        search=search,
        found=found,
        facets=[(name, title, facets.facets.get(name, ())) for name, title in FACETS.items()],
        chips=_chips(search, facets),
        sorts=SORTS,
        first=search.address() if search.cursor else "",
        next=search.address(cursor=found.next) if found.next else "",
    )


def _chips(search: Search, facets: Facets) -> list[Link]:
    """One for each part of the search; its link takes that part away."""
    labels = {(name, value.value): value.label for name, values in facets.facets.items() for value in values}
    chips = [Link(search.address(q=""), f"„{search.q}“")] if search.q else []
    for facet, values in search.chosen.items():
        chips += [Link(search.address(without=(facet, value)), labels.get((facet, value), value)) for value in values]
    return chips


def checked(search: Search, facet: str, value: FacetValue) -> bool:
    """Whether a reader chose the value."""
    return value.value in search.chosen.get(facet, ())


async def project(portal: Portal, request: web.Request) -> web.StreamResponse:
    """A project's Steckbrief."""
    shown = await portal.one("catalog", f"/api/v1/projects/{path_id(request)}", Project)
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
    )


async def places(portal: Portal, request: web.Request) -> web.StreamResponse:
    """The map with a dot for each place that takes part in a project; without dots while the catalogue is down."""
    (found,) = await together(portal.listed("catalog", "/api/v1/projects", ProjectCard, {"limit": 100}))
    taking_part = [each.ags for card in (found.items if found else ()) for each in card.participations if each.ags]
    scheme: nrw.Scheme = "dark" if "dunkel" in request.query else "light"
    image = web.Response(text=nrw.draw(taking_part, scheme), content_type="image/svg+xml")
    image.headers["Cache-Control"] = "public, max-age=600"
    image.enable_compression()
    return image
