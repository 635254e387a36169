"""The steps of undertakings over HTTP."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from services.catalog.plain_text import PlainLabel, PlainLine, PlainText
from services.catalog.undertaking import UNDERTAKING, AddStep, UndertakingCommand
from services.catalog.undertaking_access import CONCERNED, Access
from services.catalog.undertaking_body import StepBody, WordingBody, refuse_unknown_resources
from services.catalog.undertaking_http import TO_CHANGE, UNDERTAKING_PATH, change
from services.catalog.undertaking_plan import Day, PlannedStep
from services.catalog.undertaking_step import (
    AssignStep,
    CompleteStep,
    DropStep,
    NoteOnStep,
    ReopenStep,
    RestoreStep,
    RewordStep,
    SetDue,
)
from shared.kernel.http import Answer, Call, Committed, Endpoint, committed
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool

STEP = f"{UNDERTAKING_PATH}/steps/{{step_id}}"


class Body(BaseModel):
    """Something about a step."""

    model_config = ConfigDict(frozen=True)


class DueBody(Body):
    """A date set by hand, on whatever day; null gives way to the plan's."""

    due_on: Day | None


class OwnerBody(Body):
    """Who takes care of the step; null: nobody."""

    owner: PlainLabel | None = Field(description="A function or an office (Hauptamt, Kämmerei), never a person's name.")


class NoteBody(Body):
    """A note; null takes it away."""

    note: PlainText | None = Field(description="What whoever works on it needs to know. No personal data.")


class CompletionBody(Body):
    """The day on which the step was done; today unless named."""

    done_on: Day | None = None


class DropBody(Body):
    """Why the step is not needed."""

    reason: PlainLine


class CommittedStep(Committed):
    """What adding a step answers: `id` is the undertaking's."""

    step_id: str


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the endpoints do."""

    journal: Journal
    pool: Pool
    access: Access

    async def add(self, call: Call) -> Answer:
        """A step of one's own."""
        undertaking = await self.access.to_change(call)
        context = call.context()
        step_id = context.id_of_new("undertaking step")
        outcome = await self.journal.outcome(context)
        if outcome is None:
            async with self.pool.acquire() as connection:
                await refuse_unknown_resources(connection, call.body.links)
            planned = _planned(step_id, call.body)
            outcome = await self.journal.transact(
                UNDERTAKING,
                undertaking.id,
                AddStep(step=planned),
                context,
                expected_version=await self.access.meant(call),
            )
        answer = committed(outcome, 201)
        body = CommittedStep(
            id=outcome.aggregate_id, version=outcome.version, position=outcome.position, step_id=step_id
        )
        return Answer(body, answer.status, answer.version)

    async def reword(self, call: Call) -> Answer:
        """Other words."""
        step = (await self.access.to_change(call)).steps.get(_step(call))
        async with self.pool.acquire() as connection:
            await refuse_unknown_resources(connection, call.body.links, step.planned.links if step else ())
        return await self._committed(call, RewordStep(step_id=_step(call), wording=call.body.wording))

    async def set_due(self, call: Call) -> Answer:
        """A date."""
        return await self._committed(call, SetDue(step_id=_step(call), due_on=call.body.due_on))

    async def assign(self, call: Call) -> Answer:
        """An owner."""
        return await self._committed(call, AssignStep(step_id=_step(call), owner=call.body.owner))

    async def note(self, call: Call) -> Answer:
        """A note."""
        return await self._committed(call, NoteOnStep(step_id=_step(call), note=call.body.note))

    async def complete(self, call: Call) -> Answer:
        """Done."""
        done_on = call.body.done_on if call.body else None
        return await self._committed(call, CompleteStep(step_id=_step(call), done_on=done_on))

    async def reopen(self, call: Call) -> Answer:
        """Not done after all."""
        return await self._committed(call, ReopenStep(step_id=_step(call)))

    async def drop(self, call: Call) -> Answer:
        """Not needed."""
        return await self._committed(call, DropStep(step_id=_step(call), reason=call.body.reason))

    async def restore(self, call: Call) -> Answer:
        """Needed after all."""
        return await self._committed(call, RestoreStep(step_id=_step(call)))

    async def _committed(self, call: Call, command: UndertakingCommand) -> Answer:
        undertaking = await self.access.to_change(call)
        outcome = await self.journal.transact(
            UNDERTAKING, undertaking.id, command, call.context(), expected_version=await self.access.meant(call)
        )
        return committed(outcome)


def _planned(step_id: str, body: StepBody) -> PlannedStep:
    where = {"stage": body.stage, "offset_days": body.offset_days, "due_on": body.due_on}
    return PlannedStep(step_id=step_id, **where, **dict(body.wording))


def _step(call: Call) -> str:
    return call.request.match_info["step_id"]


def endpoints(journal: Journal, pool: Pool) -> list[Endpoint]:
    """Everything about the steps of undertakings."""
    do = Handlers(journal, pool, Access(journal, pool))
    return [
        Endpoint(
            "POST",
            f"{UNDERTAKING_PATH}/steps",
            do.add,
            "Add a step of one's own",
            body=StepBody,
            answer=CommittedStep,
            status=201,
            roles=CONCERNED,
            codes=(*TO_CHANGE, "unknown_resource", "too_many_steps"),
        ),
        change(
            f"{STEP}/wordings",
            do.reword,
            "Say something else in a step",
            body=WordingBody,
            codes=("unknown_resource",),
        ),
        change(
            f"{STEP}/dates",
            do.set_due,
            "Set a step's date by hand, or let it follow the plan again",
            body=DueBody,
            codes=("step_done", "step_dropped"),
        ),
        change(f"{STEP}/owners", do.assign, "Say which function takes care of a step", body=OwnerBody),
        change(f"{STEP}/notes", do.note, "Keep a note on a step", body=NoteBody),
        Endpoint(
            "POST",
            f"{STEP}/completions",
            do.complete,
            "Mark a step as done",
            body=CompletionBody,
            body_required=False,
            answer=Committed,
            roles=CONCERNED,
            codes=(*TO_CHANGE, "step_dropped", "done_in_future"),
        ),
        change(f"{STEP}/reopenings", do.reopen, "Mark a step as not done after all"),
        change(f"{STEP}/drops", do.drop, "Drop a step that is not needed", body=DropBody, codes=("step_done",)),
        change(f"{STEP}/restorations", do.restore, "Take up a dropped step again"),
    ]
