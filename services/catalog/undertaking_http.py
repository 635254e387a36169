"""Undertakings over HTTP: for members of the organisation whose they are, whom it shows them to, and editors."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.catalog import organisation_directory, undertaking_page
from services.catalog.answers import API
from services.catalog.checklist import Checklist, checklists, valid_on
from services.catalog.german_time import german_day
from services.catalog.plain_text import PlainText
from services.catalog.undertaking import (
    UNDERTAKING,
    AbandonUndertaking,
    BeginUndertaking,
    EditUndertaking,
    FinishUndertaking,
    GiveSight,
    MoveStart,
    TakeSight,
    UndertakingCommand,
)
from services.catalog.undertaking_access import CONCERNED, Access
from services.catalog.undertaking_body import BeginBody, OrganisationKey, PlanBody, organisations, resolved
from services.catalog.undertaking_draft import draft, project_id_of
from services.catalog.undertaking_page import UndertakingQuery
from services.catalog.undertaking_plan import Day
from services.catalog.undertaking_print import printed
from services.catalog.undertaking_shown import UndertakingCard, UndertakingPage
from shared.kernel.http import Answer, Call, Committed, Endpoint, Handler, Page, committed, page
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem, of_fields

UNDERTAKING_PATH = f"{API}/undertakings/{{id}}"
AT_A_TIME = 2
TO_READ = ("not_found", "forbidden")
TO_CHANGE = (*TO_READ, "undertaking_finished", "undertaking_abandoned")
PLAN_CODES = ("unknown_topic", "unknown_organisation", "too_many_topics", "topic_twice", "partner_twice")


class MovingBody(BaseModel):
    """Another start."""

    model_config = ConfigDict(frozen=True)

    starts_on: Day
    by_hand_too: bool = Field(
        default=False,
        description="Whether dates that were set by hand move by as many days, to the working day there or before it; "
        "else they stay.",
    )


class AbandonmentBody(BaseModel):
    """Why nothing comes of it."""

    model_config = ConfigDict(frozen=True)

    reason: PlainText


class ChecklistQuery(BaseModel):
    """Which version."""

    version: Annotated[str, StringConstraints(max_length=40)] | None = Field(
        default=None, description="A version; the present one unless named."
    )


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the endpoints do."""

    journal: Journal
    pool: Pool
    access: Access
    printing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_A_TIME))

    async def checklist(self, call: Call) -> Answer:
        """A version of the checklist."""
        return Answer(_checklist(call, call.query.version))

    async def undertakings(self, call: Call) -> Answer:
        """One page of those that the asker may see."""
        seen_by = await self.access.seen_by(call)
        return page(await undertaking_page.listed(self.pool, call.query, seen_by), call)

    async def undertaking(self, call: Call) -> Answer:
        """A whole undertaking; its version is the ETag for those who may change it."""
        page = await self._page(call)
        return Answer(page, version=page.version if page.may_change else None)

    async def calendar(self, call: Call) -> Answer:
        """Its dates for a calendar."""
        # Not before somebody asks for one: icalendar takes 4 MB, and time at the start.
        from services.catalog.undertaking_calendar import calendar  # noqa: PLC0415

        page = await self._page(call)
        return _file(calendar(page), "text/calendar; charset=utf-8", f"vorhaben-{page.id}.ics")

    async def printed(self, call: Call) -> Answer:
        """It on paper, a few at a time."""
        page = await self._page(call)
        async with self.printing:
            paper = await printed(page, german_day(call.at))
        return _file(paper, "application/pdf", f"vorhaben-{page.id}.pdf")

    async def begin(self, call: Call) -> Answer:
        """A new undertaking under a new id, or the one that the same request made before."""
        context = call.context()
        outcome = await self.journal.outcome(context)
        if outcome is None:
            organisation_id = await self._owner(call)
            checklist = _checklist(call, call.body.checklist)
            async with self.pool.acquire() as connection:
                plan = await resolved(connection, call.body)
            undertaking_id = context.id_of_new("undertakings")
            command = BeginUndertaking(
                undertaking_id=undertaking_id,
                organisation_id=organisation_id,
                plan=plan,
                starts_on=call.body.starts_on,
                checklist=checklist.version,
                steps=checklist.steps,
            )
            outcome = await self.journal.transact(UNDERTAKING, undertaking_id, command, context)
        return committed(outcome, 201, f"{API}/undertakings/{outcome.aggregate_id}")

    async def edit(self, call: Call) -> Answer:
        """Other words, topics, partners."""
        undertaking = await self.access.to_change(call)
        if before := await self.journal.outcome(call.context()):
            return committed(before)
        async with self.pool.acquire() as connection:
            plan = await resolved(connection, call.body)
            own = await organisation_directory.ids_meaning(connection, undertaking.organisation_id)
        return await self._committed(call, EditUndertaking(plan=plan, known_as=own))

    async def move_start(self, call: Call) -> Answer:
        """Another start."""
        await self.access.to_change(call)
        command = MoveStart(starts_on=call.body.starts_on, by_hand_too=call.body.by_hand_too)
        return await self._committed(call, command)

    async def give_sight(self, call: Call) -> Answer:
        """Another organisation may read it."""
        await self.access.to_change(call)
        async with self.pool.acquire() as connection:
            (organisation_id,) = await organisations(connection, [call.body], [""])
            known_as = await organisation_directory.ids_meaning(connection, organisation_id)
        return await self._committed(call, GiveSight(organisation_id=organisation_id, known_as=known_as))

    async def take_sight(self, call: Call) -> Answer:
        """It may not any more."""
        await self.access.to_change(call)
        organisation_id = call.path_id("organisation_id")
        async with self.pool.acquire() as connection:
            known_as = await organisation_directory.ids_meaning(connection, organisation_id)
        return await self._committed(call, TakeSight(organisation_id=organisation_id, known_as=known_as))

    async def draft_project(self, call: Call) -> Answer:
        """The one project that it becomes."""
        undertaking = await self.access.to_change(call)
        context = call.context()
        finish = FinishUndertaking(project_id=project_id_of(undertaking.id))
        expected = await self.access.meant(call)
        await self.journal.transact(UNDERTAKING, undertaking.id, finish, context, expected_version=expected)
        outcome = await draft(self.journal, self.pool, undertaking.id, context)
        return committed(outcome, 201, f"{API}/projects/{outcome.aggregate_id}")

    async def abandon(self, call: Call) -> Answer:
        """Its end without a project."""
        await self.access.to_change(call)
        return await self._committed(call, AbandonUndertaking(reason=call.body.reason))

    async def _page(self, call: Call) -> UndertakingPage:
        undertaking, may_change = await self.access.to_read(call)
        page = await undertaking_page.one(self.pool, undertaking.id, may_change=may_change)
        if page is None:
            raise Problem("not_found")
        return page

    async def _owner(self, call: Call) -> str:
        """Whose a new undertaking is: the asker's organisation's, or for an editor the one that is named."""
        own, asked = await self.access.seen_by(call), call.body.organisation
        if own is None and asked is None:
            raise of_fields("unknown_organisation", ["/organisation"])
        async with self.pool.acquire() as connection:
            meant = await organisations(connection, [asked], ["/organisation"]) if asked else own or ()
            if own is not None and not own.issuperset(meant):
                raise Problem("forbidden", "Sie können nur Vorhaben Ihrer eigenen Stelle anlegen.")
            present = await organisation_directory.named(connection, meant)
        return next(iter(present.values())).id

    async def _committed(self, call: Call, command: UndertakingCommand) -> Answer:
        outcome = await self.journal.transact(
            UNDERTAKING, call.path_id(), command, call.context(), expected_version=await self.access.meant(call)
        )
        return committed(outcome)


def _checklist(call: Call, version: str | None) -> Checklist:
    if version is None:
        return valid_on(german_day(call.at))
    named = next((each for each in checklists() if each.version == version), None)
    if named is None:
        raise of_fields("unknown_checklist", ["/checklist" if call.body else "version"])
    return named


def _file(content: bytes, media_type: str, name: str) -> Answer:
    headers = {"Content-Type": media_type, "Content-Disposition": f'attachment; filename="{name}"'}
    return Answer(content, headers=headers)


def endpoints(journal: Journal, pool: Pool) -> list[Endpoint]:
    """Everything about undertakings but their steps. Fixed paths stand before those with an id in the same place."""
    do = Handlers(journal, pool, Access(journal, pool))
    return [*_readings(do), *_commands(do)]


def _readings(do: Handlers) -> list[Endpoint]:
    return [
        Endpoint(
            "GET",
            f"{API}/undertakings/checklist",
            do.checklist,
            "Read the checklist that undertakings take a copy of",
            query=ChecklistQuery,
            answer=Checklist,
            codes=("unknown_checklist",),
        ),
        Endpoint(
            "GET",
            f"{API}/undertakings",
            do.undertakings,
            "List the undertakings of one's organisation, and those it was shown",
            query=UndertakingQuery,
            answer=Page[UndertakingCard],
            roles=CONCERNED,
            codes=("forbidden",),
        ),
        Endpoint(
            "GET",
            f"{UNDERTAKING_PATH}.ics",
            do.calendar,
            "The dates of an undertaking for a calendar",
            media_type="text/calendar",
            roles=CONCERNED,
            codes=TO_READ,
        ),
        Endpoint(
            "GET",
            f"{UNDERTAKING_PATH}.pdf",
            do.printed,
            "An undertaking on paper (tagged PDF, PDF/UA-1)",
            media_type="application/pdf",
            roles=CONCERNED,
            codes=TO_READ,
        ),
        Endpoint(
            "GET",
            UNDERTAKING_PATH,
            do.undertaking,
            "Read an undertaking",
            answer=UndertakingPage,
            roles=CONCERNED,
            codes=TO_READ,
            description="To whoever may not see it there is none.",
        ),
    ]


def _commands(do: Handlers) -> list[Endpoint]:
    return [
        Endpoint(
            "POST",
            f"{API}/undertakings",
            do.begin,
            "Begin an undertaking with a copy of the checklist",
            body=BeginBody,
            answer=Committed,
            status=201,
            roles=CONCERNED,
            codes=("forbidden", "unknown_checklist", *PLAN_CODES),
        ),
        Endpoint(
            "PUT",
            UNDERTAKING_PATH,
            do.edit,
            "Change what an undertaking says of itself",
            body=PlanBody,
            answer=Committed,
            roles=CONCERNED,
            codes=(*TO_CHANGE, *PLAN_CODES),
            if_match=True,
        ),
        change(
            f"{UNDERTAKING_PATH}/start-movings",
            do.move_start,
            "Move the start, and with it every date that follows the plan",
            body=MovingBody,
            codes=("date_too_far",),
        ),
        change(
            f"{UNDERTAKING_PATH}/readers",
            do.give_sight,
            "Let another organisation read it",
            body=OrganisationKey,
            codes=("unknown_organisation", "too_many_readers"),
        ),
        Endpoint(
            "DELETE",
            f"{UNDERTAKING_PATH}/readers/{{organisation_id}}",
            do.take_sight,
            "End another organisation's sight, also of what is over",
            answer=Committed,
            roles=CONCERNED,
            codes=TO_READ,
            if_match=True,
        ),
        Endpoint(
            "POST",
            f"{UNDERTAKING_PATH}/project-drafts",
            do.draft_project,
            "Finish an undertaking: it becomes one project draft",
            answer=Committed,
            status=201,
            roles=CONCERNED,
            codes=TO_CHANGE,
            description="Asked again it answers the same draft. Drafts are with the editors: members read one once it "
            "is published.",
        ),
        change(f"{UNDERTAKING_PATH}/abandonments", do.abandon, "Give an undertaking up", body=AbandonmentBody),
    ]


def change(
    path: str, handler: Handler, summary: str, *, body: type[BaseModel] | None = None, codes: tuple[str, ...] = ()
) -> Endpoint:
    """A change that those whose undertaking it is may make; `codes` are what only this one is refused with."""
    codes = (*TO_CHANGE, *codes)
    return Endpoint("POST", path, handler, summary, body=body, answer=Committed, roles=CONCERNED, codes=codes)
