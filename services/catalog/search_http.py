"""Finding projects over HTTP."""

from dataclasses import dataclass
from uuid import UUID

from services.catalog import search, suggest
from services.catalog.answers import API, SEE_DRAFTS
from services.catalog.search_live import Live
from services.catalog.search_shown import Facets, ProjectCard, ProjectFilter, ProjectSearch, ProjectsFound
from services.catalog.similar import SimilarQuery
from services.catalog.suggest import Suggestion, SuggestQuery
from shared.kernel.http import Answer, Call, Endpoint, Page, page, require
from shared.kernel.problems import Problem


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the endpoints do."""

    live: Live

    async def projects(self, call: Call) -> Answer:
        """One page of the search."""
        _require_sight(call)
        query: ProjectSearch = call.query
        editor = sees_drafts(call)
        found = await search.find(self.live, query, editor=editor, at=call.at, with_facets=query.facets)
        return page(found, call)

    async def facets(self, call: Call) -> Answer:
        """What the search could be narrowed to."""
        _require_sight(call)
        return Answer(await search.facets(self.live, call.query))

    async def suggestions(self, call: Call) -> Answer:
        """What could be meant."""
        return Answer(await suggest.suggest(self.live, call.query))

    async def similar(self, call: Call) -> Answer:
        """Projects like one that is published."""
        found = await search.like(self.live, UUID(call.path_id()), call.query.limit, call.at)
        if found is None:
            raise Problem("not_found")
        return Answer(Page(items=found, next=None, total=len(found)))


def sees_drafts(call: Call) -> bool:
    """Whether the caller may see what is not public."""
    return bool(SEE_DRAFTS & call.identity.roles)


def _require_sight(call: Call) -> None:
    """What is not public is for those who may see it."""
    if call.query.beyond_public:
        require(SEE_DRAFTS, call.identity)


def endpoints(live: Live) -> list[Endpoint]:
    """Everything about finding projects."""
    do = Handlers(live)
    return [
        Endpoint(
            "GET",
            f"{API}/projects",
            do.projects,
            "Search projects",
            query=ProjectSearch,
            answer=ProjectsFound,
            codes=("forbidden",),
        ),
        Endpoint(
            "GET",
            f"{API}/projects/facets",
            do.facets,
            "Count projects by every facet's values",
            query=ProjectFilter,
            answer=Facets,
            codes=("forbidden",),
        ),
        Endpoint(
            "GET",
            f"{API}/projects/suggest",
            do.suggestions,
            "Suggest projects, topics and organisations while typing",
            query=SuggestQuery,
            answer=Page[Suggestion],
            description="Where nothing begins so: what holds it within a word; else what begins almost so.",
        ),
        Endpoint(
            "GET",
            f"{API}/projects/{{id}}/similar",
            do.similar,
            "List projects like a published one",
            query=SimilarQuery,
            answer=Page[ProjectCard],
            codes=("not_found",),
        ),
    ]
