"""Organisations over HTTP."""

from dataclasses import dataclass

from services.catalog import organisation_directory
from services.catalog.answers import API, found, page_of
from services.catalog.organisation_directory import OrganisationQuery, OrganisationShown
from shared.kernel.http import Answer, Call, Endpoint, Page
from shared.kernel.postgres import Pool


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the endpoints do."""

    pool: Pool

    async def organisations(self, call: Call) -> Answer:
        """One page of the directory."""
        return page_of(await organisation_directory.find(self.pool, call.query), call)

    async def organisation(self, call: Call) -> Answer:
        """An organisation by id or official key."""
        return found(await organisation_directory.one(self.pool, call.request.match_info["id"].lower()))


def endpoints(pool: Pool) -> list[Endpoint]:
    """Everything about organisations."""
    do = Handlers(pool)
    return [
        Endpoint(
            "GET",
            f"{API}/organisations",
            do.organisations,
            "Find organisations",
            query=OrganisationQuery,
            answer=Page[OrganisationShown],
            description="Municipalities and districts: © GeoBasis-DE / BKG 2017 (Daten verändert).",
        ),
        Endpoint(
            "GET",
            f"{API}/organisations/{{id}}",
            do.organisation,
            "Read an organisation, by its id or its official key (AGS)",
            answer=OrganisationShown,
            codes=("not_found",),
        ),
    ]
