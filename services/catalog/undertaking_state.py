"""What happens to an undertaking, and how it stands then."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import assert_never

from services.catalog import undertaking_step
from services.catalog.undertaking_plan import Plan, PlannedStep
from services.catalog.undertaking_step import (
    ReminderWithdrawn,
    Step,
    StepAssigned,
    StepCompleted,
    StepDropped,
    StepDueSet,
    StepEvent,
    StepFellDue,
    StepNoted,
    StepReopened,
    StepRestored,
    StepReworded,
    called_off,
    planned,
    redated,
)
from services.catalog.vocabulary import UndertakingStatus
from shared.kernel.decider import Event


class UndertakingBegun(Event):
    """A cooperation is being prepared; `dues` are the days its steps fall on."""

    undertaking_id: str
    organisation_id: str
    plan: Plan
    starts_on: date
    checklist: str
    steps: tuple[PlannedStep, ...]
    dues: dict[str, date]


class UndertakingEdited(Event):
    """It reads differently now."""

    plan: Plan


class StartMoved(Event):
    """Another start is planned; `dues` are the days of the steps that moved with it."""

    starts_on: date
    dues: dict[str, date]


class StepAdded(Event):
    """A step of one's own was put beside the others; it falls on this day."""

    step: PlannedStep
    due_on: date | None


class SightGiven(Event):
    """Another organisation may read it."""

    organisation_id: str


class SightTaken(Event):
    """It may not any more."""

    organisation_id: str


class UndertakingFinished(Event):
    """The preparation is over; it goes on as this project."""

    project_id: str


class UndertakingAbandoned(Event):
    """Nothing comes of it."""

    reason: str


type LaterEvent = (
    UndertakingEdited
    | StartMoved
    | StepAdded
    | SightGiven
    | SightTaken
    | UndertakingFinished
    | UndertakingAbandoned
    | StepEvent
)
type UndertakingEvent = UndertakingBegun | LaterEvent


@dataclass(frozen=True, slots=True)
class Undertaking:
    """An undertaking as it stands; `readers` are organisations that may see it beside the one whose it is.

    `reminders`: how many came since somebody last changed something.
    """

    id: str
    organisation_id: str
    plan: Plan
    starts_on: date
    checklist: str
    steps: Mapping[str, Step]
    readers: tuple[str, ...] = ()
    status: UndertakingStatus = UndertakingStatus.PREPARING
    project_id: str | None = None
    abandoned: str | None = None
    reminders: int = 0


def evolve(undertaking: Undertaking | None, event: UndertakingEvent) -> Undertaking:
    """The undertaking after `event`."""
    if isinstance(event, UndertakingBegun):
        return _begun(event)
    assert undertaking is not None
    reminders = undertaking.reminders + 1 if isinstance(event, StepFellDue) else 0
    return replace(_evolved(undertaking, event), reminders=reminders)


def _evolved(undertaking: Undertaking, event: LaterEvent) -> Undertaking:
    match event:
        case UndertakingEdited():
            return replace(undertaking, plan=event.plan)
        case StartMoved():
            moved = {step_id: redated(undertaking.steps[step_id], due) for step_id, due in event.dues.items()}
            return replace(undertaking, starts_on=event.starts_on, steps={**undertaking.steps, **moved})
        case StepAdded():
            added = planned(event.step, event.due_on, own=True)
            return replace(undertaking, steps={**undertaking.steps, event.step.step_id: added})
        case SightGiven():
            return replace(undertaking, readers=(*undertaking.readers, event.organisation_id))
        case SightTaken():
            left = tuple(each for each in undertaking.readers if each != event.organisation_id)
            return replace(undertaking, readers=left)
        case UndertakingFinished():
            return replace(undertaking, status=UndertakingStatus.FINISHED, project_id=event.project_id)
        case UndertakingAbandoned():
            steps = {step_id: called_off(step) for step_id, step in undertaking.steps.items()}
            return replace(undertaking, status=UndertakingStatus.ABANDONED, abandoned=event.reason, steps=steps)
        case (
            StepDueSet()
            | StepAssigned()
            | StepNoted()
            | StepCompleted()
            | StepReopened()
            | StepDropped()
            | StepRestored()
            | StepReworded()
            | StepFellDue()
            | ReminderWithdrawn()
        ):
            step = undertaking_step.evolve(undertaking.steps[event.step_id], event)
            return replace(undertaking, steps={**undertaking.steps, event.step_id: step})
    assert_never(event)


def _begun(event: UndertakingBegun) -> Undertaking:
    return Undertaking(
        id=event.undertaking_id,
        organisation_id=event.organisation_id,
        plan=event.plan,
        starts_on=event.starts_on,
        checklist=event.checklist,
        steps={each.step_id: planned(each, event.dues.get(each.step_id)) for each in event.steps},
    )
