"""Organisations over HTTP."""

import asyncio
from dataclasses import dataclass, replace
from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from services.catalog import history, organisation_directory, organisation_similar, population_import
from services.catalog.answers import API, EDITORS, SEE_DRAFTS, found, found_in_version
from services.catalog.german_time import german_day
from services.catalog.history import History
from services.catalog.in_turn import in_turn
from services.catalog.organisation import (
    ORGANISATION,
    AdoptNames,
    ChangeOrganisation,
    MergeOrganisation,
    RegisterOrganisation,
)
from services.catalog.organisation_body import Key, OrganisationBody, refuse_duplicates, resolved
from services.catalog.organisation_directory import OrganisationQuery, OrganisationShown
from services.catalog.organisation_similar import SimilarOrganisations, SimilarOrganisationsQuery
from services.catalog.plain_text import PlainText
from services.catalog.population_file import Unreadable, read
from services.catalog.population_import import PopulationReport, WrongLine
from shared.kernel.decider import Refused
from shared.kernel.endpoint import Upload
from shared.kernel.http import Answer, Call, Committed, Endpoint, Page, committed, page
from shared.kernel.ids import named_id
from shared.kernel.journal import Context, Journal, Outcome
from shared.kernel.postgres import Pool
from shared.kernel.problems import FieldError, Problem, of_fields

TABLES = Upload(("text/csv", "text/plain"), 8 * 1024 * 1024)

type Reason = PlainText


class MergerBody(BaseModel):
    """The entry that stays, by id or official key, and how it is known that both are one body."""

    model_config = ConfigDict(frozen=True)

    into: Key
    reason: Reason


class PopulationQuery(BaseModel):
    """How an official file is taken."""

    model_config = ConfigDict(frozen=True)

    as_of: date | None = Field(default=None, description="The day of the count, unless a column of a table names it.")
    dry_run: bool = Field(default=False, description="Only report what would change.")


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the endpoints do."""

    journal: Journal
    pool: Pool

    async def organisations(self, call: Call) -> Answer:
        """One page of the directory."""
        return page(await organisation_directory.find(self.pool, call.query), call)

    async def organisation(self, call: Call) -> Answer:
        """An organisation by id or official key; its version is the ETag for those who may change it."""
        return found_in_version(await organisation_directory.one(self.pool, _key(call)), call)

    async def history(self, call: Call) -> Answer:
        """What was done to an entry; a merged one has its own."""
        key = _key(call)
        shown = await organisation_directory.one(self.pool, key)
        if shown is None:
            raise Problem("not_found")
        own = shown.id if key == shown.ags else key
        return Answer(await history.of(self.pool, ORGANISATION.category, own))

    async def similar(self, call: Call) -> Answer:
        """The bodies most like one, with the reasons, and where their projects are."""
        return found(await organisation_similar.like(self.pool, _key(call), call.query.limit))

    async def register(self, call: Call) -> Answer:
        """A new entry: with an official key always under the same id, else under a new one."""
        context, ags = call.context(), call.body.ags
        organisation_id = str(named_id("organisation", ags)) if ags else context.id_of_new("organisations")
        return committed(
            await self._registered(call, context, organisation_id), 201, f"{API}/organisations/{organisation_id}"
        )

    async def _registered(self, call: Call, context: Context, organisation_id: str) -> Outcome:
        if before := await self.journal.outcome(context):
            return before
        try:
            async with in_turn(self.pool) as connection:
                await refuse_duplicates(connection, call.body)
                profile = await resolved(connection, call.body)
                command = RegisterOrganisation(organisation_id=organisation_id, profile=profile)
                return await self.journal.transact(ORGANISATION, organisation_id, command, context)
        except Problem:
            if itself := await self.journal.outcome(context):  # sent at once with this one, and had its turn before
                return itself
            raise

    async def change(self, call: Call) -> Answer:
        """An entry that reads differently."""
        context = call.context()
        if before := await self.journal.outcome(context):
            return committed(before)
        async with in_turn(self.pool) as connection:
            profile = await resolved(connection, call.body)
            command = ChangeOrganisation(profile=profile, forget=call.body.forget)
            outcome = await self.journal.transact(
                ORGANISATION, call.path_id("key"), command, context, expected_version=call.expected_version
            )
        return committed(outcome)

    async def merge(self, call: Call) -> Answer:
        """Two entries of one body become one, which is found by the names of both."""
        context, gone = call.context(), call.path_id("key")
        if before := await self.journal.outcome(context):
            await self._adopt(gone, context)
            return committed(before)
        async with in_turn(self.pool) as connection:
            stays = await organisation_directory.ids_by_key(connection, [call.body.into])
            if not stays:
                raise of_fields("unknown_organisation", ["/into"])
            command = MergeOrganisation(into=stays[call.body.into], reason=call.body.reason)
            outcome = await self.journal.transact(
                ORGANISATION, gone, command, context, expected_version=call.expected_version
            )
        await self._adopt(gone, context)
        return committed(outcome)

    async def _adopt(self, gone_id: str, context: Context) -> None:
        """The names of the entry that went, on the one that stays; done again by whoever repeats the merging."""
        gone = (await self.journal.load(ORGANISATION, gone_id)).state
        if gone is None or gone.merged_into is None:
            return
        names = AdoptNames(names=(gone.profile.name, *gone.profile.aliases))
        follows = replace(
            context, command_id=named_id("command", f"{context.command_id}/names"), fingerprint=None, fresh=False
        )
        try:
            await self.journal.transact(ORGANISATION, gone.merged_into, names, follows)
        except Refused as refused:
            if refused.code != "organisation_merged":
                raise

    async def populations(self, call: Call) -> Answer:
        """The counts of an official file, all or none; which lines are wrong is reported."""
        context = call.context()
        try:
            file = await asyncio.to_thread(read, call.raw)
        except Unreadable as why:
            raise Problem("population_file_unreadable", str(why)) from why
        known = await population_import.directory(self.pool)
        before = await self.journal.reached(context, (entry.id for entry in known.values()))
        found = population_import.plan(file, call.query.as_of, german_day(call.at), known, before)
        if call.query.dry_run:
            return Answer(found.report)
        if found.report.wrong:
            wrong = [_wrong_line(each) for each in found.report.wrong_lines]
            raise Problem("population_lines_wrong", errors=wrong, details={"wrong": found.report.wrong})
        await population_import.record(self.journal, found.commands, context)
        return Answer(found.report.model_copy(update={"recorded": True}))


def _wrong_line(wrong: WrongLine) -> FieldError:
    return FieldError(f"/{wrong.line}", "wrong_line", f"Zeile {wrong.line}, {wrong.column}: {wrong.reason}")


def _key(call: Call) -> str:
    """The id or official key in the path."""
    return call.request.match_info["key"].lower()


def endpoints(journal: Journal, pool: Pool) -> list[Endpoint]:
    """Everything about organisations."""
    do = Handlers(journal, pool)
    organisation = f"{API}/organisations/{{key}}"
    referring = ("unknown_organisation",)
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
            organisation,
            do.organisation,
            "Read an organisation, by its id or its official key (AGS)",
            answer=OrganisationShown,
            codes=("not_found",),
            description="The id of an entry that was merged into another answers the other one.",
        ),
        Endpoint(
            "GET",
            f"{organisation}/similar",
            do.similar,
            "List the municipalities, districts or bodies most like one, with the reasons",
            query=SimilarOrganisationsQuery,
            answer=SimilarOrganisations,
            codes=("not_found",),
            description="By kind, size class, distance and region. `projects` is the search for their projects.",
        ),
        Endpoint(
            "GET",
            f"{organisation}/history",
            do.history,
            "Read what was done to an entry of the directory, by whom and why",
            answer=History,
            roles=SEE_DRAFTS,
            codes=("not_found",),
        ),
        Endpoint(
            "POST",
            f"{API}/organisations",
            do.register,
            "Take an organisation into the directory",
            body=OrganisationBody,
            answer=Committed,
            status=201,
            roles=EDITORS,
            codes=("organisation_exists", "possible_duplicates", "organisation_merged", "refers_to_itself", *referring),
        ),
        Endpoint(
            "POST",
            f"{API}/organisations/populations",
            do.populations,
            "Import populations from an official file: GV100AD or CSV, all lines or none",
            upload=TABLES,
            query=PopulationQuery,
            answer=PopulationReport,
            roles=EDITORS,
            codes=("population_file_unreadable", "population_lines_wrong"),
            description="Districts are the sum of their municipalities where the file counts all of them.",
        ),
        Endpoint(
            "PUT",
            organisation,
            do.change,
            "Change an organisation's entry; the names it had keep finding it",
            body=OrganisationBody,
            answer=Committed,
            roles=EDITORS,
            codes=("not_found", "organisation_merged", "key_is_fixed", "refers_to_itself", *referring),
            if_match=True,
        ),
        Endpoint(
            "POST",
            f"{organisation}/mergers",
            do.merge,
            "Merge an entry into another of the same body; its id and its names lead there",
            body=MergerBody,
            answer=Committed,
            roles=EDITORS,
            codes=("not_found", "organisation_merged", "merged_into_itself", "organisation_has_key", *referring),
        ),
    ]
