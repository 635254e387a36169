"""Finding projects over HTTP."""

from dataclasses import dataclass, replace
from uuid import UUID

from services.catalog import contact_review, search, suggest
from services.catalog.answers import API, SEE_DRAFTS
from services.catalog.contact_review import ProjectListed
from services.catalog.search_live import Live
from services.catalog.search_shown import Facets, ProjectCard, ProjectFilter, ProjectQuery, ProjectsFound
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
        found = await search.find(self.live, call.query, editor=sees_drafts(call))
        items = await contact_review.listed(self.live.pool, found.items, call.at)
        answer = page(items, found.next, found.total, call)
        more = {"did_you_mean": found.did_you_mean, "all_words": found.all_words}
        return replace(answer, body=answer.body | more)

    async def facets(self, call: Call) -> Answer:
        """What the search could be narrowed to."""
        _require_sight(call)
        return Answer(await search.facets(self.live, call.query))

    async def suggestions(self, call: Call) -> Answer:
        """What could be meant."""
        return Answer(await suggest.suggest(self.live, call.query))

    async def similar(self, call: Call) -> Answer:
        """Projects like one that is published."""
        found = await search.like(self.live, UUID(call.path_id()), call.query.limit)
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
            query=ProjectQuery,
            answer=ProjectsFound[ProjectListed],
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
