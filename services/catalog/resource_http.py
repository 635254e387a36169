"""Resources (Arbeitshilfen) over HTTP."""

from dataclasses import dataclass

from services.catalog import resource_list
from services.catalog.answers import API, found, page_of
from services.catalog.resource_list import ResourceQuery, ResourceShown
from shared.kernel.http import Answer, Call, Endpoint, Page
from shared.kernel.postgres import Pool


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the endpoints do."""

    pool: Pool

    async def resources(self, call: Call) -> Answer:
        """One page of the resources."""
        return page_of(await resource_list.listed(self.pool, call.query), call)

    async def resource(self, call: Call) -> Answer:
        """A resource in its newest version."""
        return found(await resource_list.one(self.pool, call.path_id()))


def endpoints(pool: Pool) -> list[Endpoint]:
    """Everything about resources."""
    do = Handlers(pool)
    return [
        Endpoint(
            "GET", f"{API}/resources", do.resources, "List resources", query=ResourceQuery, answer=Page[ResourceShown]
        ),
        Endpoint(
            "GET",
            f"{API}/resources/{{id}}",
            do.resource,
            "Read a resource",
            answer=ResourceShown,
            codes=("not_found",),
        ),
    ]
