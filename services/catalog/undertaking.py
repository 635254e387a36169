"""An undertaking (Vorhaben): a municipality's own cooperation in preparation, led through a copy of the checklist."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import reduce
from typing import assert_never

from pydantic import BaseModel, ConfigDict

from services.catalog import undertaking_step
from services.catalog.german_time import german_day
from services.catalog.undertaking_plan import FIRST_DAY, LAST_DAY, MOST_STEPS, Plan, PlannedStep, refuse_contradictions
from services.catalog.undertaking_state import (
    SightGiven,
    SightTaken,
    StartMoved,
    StepAdded,
    Undertaking,
    UndertakingAbandoned,
    UndertakingBegun,
    UndertakingEdited,
    UndertakingEvent,
    UndertakingFinished,
    evolve,
)
from services.catalog.undertaking_step import (
    AssignStep,
    CompleteStep,
    DropStep,
    NoteOnStep,
    ReminderWithdrawn,
    ReopenStep,
    RestoreStep,
    RewordStep,
    SetDue,
    StepAssigned,
    StepCommand,
    StepCompleted,
    StepDropped,
    StepDueSet,
    StepFellDue,
    StepNoted,
    StepReopened,
    StepRestored,
    StepReworded,
)
from services.catalog.vocabulary import UndertakingStatus
from services.catalog.working_days import working_day_until
from shared.contracts import catalog as contracts
from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, NotThere, Refused

MOST_READERS = 50


class Command(BaseModel):
    """What can be asked of an undertaking."""

    model_config = ConfigDict(frozen=True)


class BeginUndertaking(Command):
    """Begin to prepare a cooperation with the steps of that version of the checklist."""

    undertaking_id: str
    organisation_id: str
    plan: Plan
    starts_on: date
    checklist: str
    steps: tuple[PlannedStep, ...]


class EditUndertaking(Command):
    """Say something else of it. `known_as` are further ids that mean its organisation, of entries that were merged."""

    plan: Plan
    known_as: frozenset[str] = frozenset()


class MoveStart(Command):
    """Plan another start: dates that follow the plan move with it, those set by hand only with `by_hand_too`."""

    starts_on: date
    by_hand_too: bool = False


class AddStep(Command):
    """Put a step of one's own beside those of the checklist."""

    step: PlannedStep


class GiveSight(Command):
    """Let another organisation read it. `known_as` are further ids that mean it, of entries that were merged."""

    organisation_id: str
    known_as: frozenset[str] = frozenset()


class TakeSight(Command):
    """End that, under whatever id it was given."""

    organisation_id: str
    known_as: frozenset[str] = frozenset()


class FinishUndertaking(Command):
    """The preparation is over; it goes on as the project of this id."""

    project_id: str


class AbandonUndertaking(Command):
    """Nothing comes of it, for a reason."""

    reason: str


class LetTimePass(Command):
    """Remind of what is due soon."""


type LaterCommand = (
    EditUndertaking
    | MoveStart
    | AddStep
    | GiveSight
    | TakeSight
    | FinishUndertaking
    | AbandonUndertaking
    | LetTimePass
    | StepCommand
)
type UndertakingCommand = BeginUndertaking | LaterCommand


def decide(command: UndertakingCommand, undertaking: Undertaking | None, at: datetime) -> Sequence[UndertakingEvent]:
    """The facts that follow from a command. What is over is only hidden again, and time passes it by."""
    if isinstance(command, BeginUndertaking):
        return _begin(command, undertaking, at)
    if undertaking is None:
        raise NotThere
    events = _decide(command, undertaking, at)
    return [*events, *_withdrawn(undertaking, reduce(evolve, events, undertaking), at)]


def _withdrawn(before: Undertaking, after: Undertaking, at: datetime) -> Sequence[UndertakingEvent]:
    """Who was reminded of a date that is still to come learns that it holds no more."""
    if after is before:
        return []
    today = german_day(at)
    over = after.status is not UndertakingStatus.PREPARING
    return [
        ReminderWithdrawn(at=at, undertaking_id=before.id, step_id=step_id, due_on=due)
        for step_id, step in before.steps.items()
        if (due := step.told_of(today)) and (over or after.steps[step_id].told_of(today) != due)
    ]


def _decide(command: LaterCommand, undertaking: Undertaking, at: datetime) -> Sequence[UndertakingEvent]:
    if isinstance(command, FinishUndertaking):
        return _finish(command, undertaking, at)
    if isinstance(command, AbandonUndertaking):
        return _abandon(command, undertaking, at)
    if isinstance(command, LetTimePass):
        return _remind(undertaking, at)
    if isinstance(command, TakeSight):  # also of what is over: nobody has to show it for ever
        ids = {command.organisation_id, *command.known_as}
        return [SightTaken(at=at, organisation_id=each) for each in undertaking.readers if each in ids]
    _refuse_over(undertaking)
    match command:
        case EditUndertaking():
            refuse_contradictions(command.plan, {undertaking.organisation_id, *command.known_as})
            return [UndertakingEdited(at=at, plan=command.plan)] if command.plan != undertaking.plan else []
        case MoveStart():
            return _move_start(command, undertaking, at)
        case AddStep():
            return _add_step(command.step, undertaking, at)
        case GiveSight():
            return _give_sight(command, undertaking, at)
        case (
            SetDue()
            | AssignStep()
            | NoteOnStep()
            | CompleteStep()
            | ReopenStep()
            | DropStep()
            | RestoreStep()
            | RewordStep()
        ):
            step = undertaking.steps.get(command.step_id)
            if step is None:
                raise NotThere
            return undertaking_step.decide(command, step, undertaking.starts_on, at)
    assert_never(command)


def _begin(command: BeginUndertaking, undertaking: Undertaking | None, at: datetime) -> Sequence[UndertakingEvent]:
    refuse_contradictions(command.plan, {command.organisation_id})
    days = {each.step_id: each.day(command.starts_on) for each in command.steps}
    begun = UndertakingBegun(
        at=at,
        undertaking_id=command.undertaking_id,
        organisation_id=command.organisation_id,
        plan=command.plan,
        starts_on=command.starts_on,
        checklist=command.checklist,
        steps=command.steps,
        dues={step_id: day for step_id, day in days.items() if day},
    )
    if undertaking is None:
        return [begun]
    if undertaking == evolve(None, begun):
        return []
    raise Refused("undertaking_exists")


def _move_start(command: MoveStart, undertaking: Undertaking, at: datetime) -> Sequence[UndertakingEvent]:
    """What is done or dropped stays. A date set by hand that moves along is still one's own, but on a working day."""
    if command.starts_on == undertaking.starts_on:
        return []
    by = command.starts_on - undertaking.starts_on
    dues: dict[str, date] = {}
    for step_id, step in undertaking.steps.items():
        if not step.open:
            continue
        due = step.due_with(command.starts_on)
        if step.by_hand and command.by_hand_too and step.due_on:
            due = _moved(step.due_on, by)
        if due and due != step.due_on:
            dues[step_id] = due
    return [StartMoved(at=at, starts_on=command.starts_on, dues=dues)]


def _moved(day: date, by: timedelta) -> date:
    """To the working day there, unless nobody could set that by hand."""
    if not FIRST_DAY - day <= by <= LAST_DAY - day:
        raise Refused("date_too_far", field="/starts_on", first=f"{FIRST_DAY:%d.%m.%Y}", last=f"{LAST_DAY:%d.%m.%Y}")
    return working_day_until(day + by)


def _add_step(wanted: PlannedStep, undertaking: Undertaking, at: datetime) -> Sequence[UndertakingEvent]:
    there = undertaking.steps.get(wanted.step_id)
    if there is not None:
        if there.own and there.planned == wanted:
            return []
        raise Refused("step_exists")
    if len(undertaking.steps) >= MOST_STEPS:
        raise Refused("too_many_steps", most=MOST_STEPS)
    return [StepAdded(at=at, step=wanted, due_on=wanted.day(undertaking.starts_on))]


def _give_sight(command: GiveSight, undertaking: Undertaking, at: datetime) -> Sequence[UndertakingEvent]:
    ids = {command.organisation_id, *command.known_as}
    if not ids.isdisjoint((undertaking.organisation_id, *undertaking.readers)):
        return []
    if len(undertaking.readers) >= MOST_READERS:
        raise Refused("too_many_readers", most=MOST_READERS)
    return [SightGiven(at=at, organisation_id=command.organisation_id)]


def _finish(command: FinishUndertaking, undertaking: Undertaking, at: datetime) -> Sequence[UndertakingEvent]:
    """Steps may be left open: some come long after the start."""
    if undertaking.project_id == command.project_id:
        return []
    _refuse_over(undertaking)
    return [UndertakingFinished(at=at, project_id=command.project_id)]


def _abandon(command: AbandonUndertaking, undertaking: Undertaking, at: datetime) -> Sequence[UndertakingEvent]:
    if undertaking.abandoned == command.reason:
        return []
    _refuse_over(undertaking)
    return [UndertakingAbandoned(at=at, reason=command.reason)]


def _remind(undertaking: Undertaking, at: datetime) -> Sequence[UndertakingEvent]:
    """Once for each step and date, in the days before it."""
    if undertaking.status is not UndertakingStatus.PREPARING:
        return []
    today, lead = german_day(at), undertaking.plan.lead_days
    dues = {step_id: step.fell_due(today, lead) for step_id, step in undertaking.steps.items()}
    return [
        StepFellDue(at=at, undertaking_id=undertaking.id, step_id=step_id, due_on=due)
        for step_id, due in dues.items()
        if due
    ]


def _refuse_over(undertaking: Undertaking) -> None:
    match undertaking.status:
        case UndertakingStatus.PREPARING:
            return
        case UndertakingStatus.FINISHED:
            raise Refused("undertaking_finished")
        case UndertakingStatus.ABANDONED:
            raise Refused("undertaking_abandoned")
    assert_never(undertaking.status)


def publish(event: UndertakingEvent) -> Contract | None:
    """Others learn that a date is near, or holds no more, and nothing of what is being prepared or by whom."""
    match event:
        case StepFellDue():
            return contracts.StepDue(undertaking_id=event.undertaking_id, step_id=event.step_id, due_on=event.due_on)
        case ReminderWithdrawn():
            return contracts.StepDueWithdrawn(
                undertaking_id=event.undertaking_id, step_id=event.step_id, due_on=event.due_on
            )
        case (
            UndertakingBegun()
            | UndertakingEdited()
            | StartMoved()
            | StepAdded()
            | SightGiven()
            | SightTaken()
            | UndertakingFinished()
            | UndertakingAbandoned()
            | StepDueSet()
            | StepAssigned()
            | StepNoted()
            | StepCompleted()
            | StepReopened()
            | StepDropped()
            | StepRestored()
            | StepReworded()
        ):
            return None
    assert_never(event)


UNDERTAKING: Decider[Undertaking | None, UndertakingCommand, UndertakingEvent] = Decider(
    category="undertaking",
    initial=None,
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(
        UndertakingBegun,
        UndertakingEdited,
        StartMoved,
        StepAdded,
        SightGiven,
        SightTaken,
        UndertakingFinished,
        UndertakingAbandoned,
        StepDueSet,
        StepAssigned,
        StepNoted,
        StepCompleted,
        StepReopened,
        StepDropped,
        StepRestored,
        StepReworded,
        StepFellDue,
        ReminderWithdrawn,
    ),
)
