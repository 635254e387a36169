"""A step of an undertaking: when it is due, who takes care of it, whether it is done. Decided for its undertaking."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import assert_never

from pydantic import BaseModel, ConfigDict

from services.catalog.german_time import german_day
from services.catalog.undertaking_plan import PlannedStep, Wording
from shared.kernel.decider import Event, Refused


class ForStep(BaseModel):
    """Something about one step."""

    model_config = ConfigDict(frozen=True)

    step_id: str


class SetDue(ForStep):
    """Set a step's date by hand; without one it follows the plan again, or has none."""

    due_on: date | None


class AssignStep(ForStep):
    """Say which function takes care of a step; None: nobody does."""

    owner: str | None


class NoteOnStep(ForStep):
    """Keep a note on a step; None takes it away."""

    note: str | None


class CompleteStep(ForStep):
    """A step is done, today unless another day is named."""

    done_on: date | None = None


class ReopenStep(ForStep):
    """A step is not done after all."""


class DropStep(ForStep):
    """A step is not needed, for a reason."""

    reason: str


class RestoreStep(ForStep):
    """A dropped step is needed after all."""


class RewordStep(ForStep):
    """Say something else in a step; the undertaking's copy of the checklist is its own."""

    wording: Wording


type StepCommand = RewordStep | SetDue | AssignStep | NoteOnStep | CompleteStep | ReopenStep | DropStep | RestoreStep


class AboutStep(Event):
    """A fact about one step."""

    step_id: str


class StepDueSet(AboutStep):
    """A step has another date, or none."""

    due_on: date | None
    by_hand: bool


class StepAssigned(AboutStep):
    """Another function takes care of a step, or none."""

    owner: str | None


class StepNoted(AboutStep):
    """A step has another note, or none."""

    note: str | None


class StepCompleted(AboutStep):
    """A step is done."""

    done_on: date


class StepReopened(AboutStep):
    """A step has to be done again, on this day."""

    due_on: date | None


class StepDropped(AboutStep):
    """A step is not needed."""

    reason: str


class StepRestored(AboutStep):
    """A dropped step is needed after all, on this day."""

    due_on: date | None


class StepReworded(AboutStep):
    """A step says something else."""

    wording: Wording


class StepFellDue(AboutStep):
    """A step's date is near."""

    undertaking_id: str
    due_on: date


class ReminderWithdrawn(AboutStep):
    """A date that was told to be near holds no more: the step has moved, is done, or is not to be done."""

    undertaking_id: str
    due_on: date


type StepEvent = (
    StepDueSet
    | StepAssigned
    | StepNoted
    | StepCompleted
    | StepReopened
    | StepDropped
    | StepRestored
    | StepReworded
    | StepFellDue
    | ReminderWithdrawn
)


@dataclass(frozen=True, slots=True)
class Step:
    """A step as it stands. `sequence` counts what calendars have to learn; `told_for` are the dates reminded of.

    A date that was taken back after it was told is none of those: should it hold again, it is told again.
    """

    planned: PlannedStep
    due_on: date | None
    by_hand: bool = False
    own: bool = False
    owner: str | None = None
    note: str | None = None
    done_on: date | None = None
    dropped: str | None = None
    told_for: tuple[date, ...] = ()
    sequence: int = 0

    @property
    def open(self) -> bool:
        """Still to be done."""
        return self.done_on is None and self.dropped is None

    def due_with(self, starts_on: date) -> date | None:
        """Its date with this start: what was set by hand stays."""
        return self.due_on if self.by_hand else self.planned.planned_day(starts_on)

    def remind_from(self, lead_days: int) -> date | None:
        """The day its reminder comes; None when none is to come."""
        if self.due_on is None or not self.open or self.due_on in self.told_for:
            return None
        return self.due_on - timedelta(days=lead_days)

    def told_of(self, today: date) -> date | None:
        """The date that people were reminded of and that is still to come."""
        due = self.due_on
        return due if due and self.open and due >= today and due in self.told_for else None

    def fell_due(self, today: date, lead_days: int) -> date | None:
        """The date to remind of today: one that is near, never one that is past."""
        begins = self.remind_from(lead_days)
        return self.due_on if begins and self.due_on and begins <= today <= self.due_on else None


@dataclass(frozen=True, slots=True)
class Progress:
    """How many steps are done, of those that were not dropped."""

    done: int
    total: int

    @property
    def percent(self) -> int:
        """Whole percent, rounded down: 100 means that everything is done."""
        return 100 * self.done // self.total if self.total else 100


def progress(steps: Iterable[Step]) -> Progress:
    """Of these steps."""
    kept = [step for step in steps if step.dropped is None]
    return Progress(sum(step.done_on is not None for step in kept), len(kept))


def evolve(step: Step, event: StepEvent) -> Step:
    """The step after `event`."""
    match event:
        case StepDueSet():
            return replace(redated(step, event.due_on), by_hand=event.by_hand)
        case StepAssigned():
            return replace(step, owner=event.owner)
        case StepNoted():
            return replace(step, note=event.note)
        case StepCompleted():
            return replace(step, done_on=event.done_on, sequence=step.sequence + 1)
        case StepReopened():
            return replace(step, done_on=None, due_on=event.due_on, sequence=step.sequence + 1)
        case StepDropped():
            return replace(step, dropped=event.reason, sequence=step.sequence + 1)
        case StepRestored():
            return replace(step, dropped=None, due_on=event.due_on, sequence=step.sequence + 1)
        case StepReworded():
            planned = step.planned.model_copy(update=dict(event.wording))
            return replace(step, planned=planned, sequence=step.sequence + 1)
        case StepFellDue():
            return replace(step, told_for=(*step.told_for, event.due_on))
        case ReminderWithdrawn():
            return replace(step, told_for=tuple(day for day in step.told_for if day != event.due_on))
    assert_never(event)


def planned(step: PlannedStep, due_on: date | None, *, own: bool = False) -> Step:
    """A new step; a day that it came with is one set by hand."""
    return Step(step, due_on, by_hand=step.due_on is not None, own=own)


def redated(step: Step, due_on: date | None) -> Step:
    """The step on another day, which calendars have to learn; the same day is nothing new to them."""
    return step if due_on == step.due_on else replace(step, due_on=due_on, sequence=step.sequence + 1)


def called_off(step: Step) -> Step:
    """The step of an undertaking that comes to nothing, which calendars have to learn."""
    return replace(step, sequence=step.sequence + 1)


def decide(command: StepCommand, step: Step, starts_on: date, at: datetime) -> Sequence[StepEvent]:
    """The facts that follow from a command to one step."""
    step_id = command.step_id
    match command:
        case RewordStep():
            same = step.planned.model_copy(update=dict(command.wording)) == step.planned
            return [] if same else [StepReworded(at=at, step_id=step_id, wording=command.wording)]
        case SetDue():
            return _set_due(command, step, starts_on, at)
        case AssignStep():
            changed = command.owner != step.owner
            return [StepAssigned(at=at, step_id=step_id, owner=command.owner)] if changed else []
        case NoteOnStep():
            changed = command.note != step.note
            return [StepNoted(at=at, step_id=step_id, note=command.note)] if changed else []
        case CompleteStep():
            return _complete(command, step, at)
        case ReopenStep():
            due = step.due_with(starts_on)
            return [StepReopened(at=at, step_id=step_id, due_on=due)] if step.done_on else []
        case DropStep():
            return _drop(command, step, at)
        case RestoreStep():
            due = step.due_with(starts_on)
            return [StepRestored(at=at, step_id=step_id, due_on=due)] if step.dropped else []
    assert_never(command)


def _set_due(command: SetDue, step: Step, starts_on: date, at: datetime) -> Sequence[StepEvent]:
    """A step that is done or dropped keeps its date. A date taken back gives way to the plan's, if it has one."""
    _refuse_closed(step)
    by_hand = command.due_on is not None
    due = command.due_on or step.planned.planned_day(starts_on)
    if (due, by_hand) == (step.due_on, step.by_hand):
        return []
    return [StepDueSet(at=at, step_id=command.step_id, due_on=due, by_hand=by_hand)]


def _complete(command: CompleteStep, step: Step, at: datetime) -> Sequence[StepEvent]:
    """A done step gets another day only when one is named."""
    if step.dropped is not None:
        raise Refused("step_dropped")
    today = german_day(at)
    done_on = command.done_on or step.done_on or today
    if done_on > today:
        raise Refused("done_in_future", field="/done_on")
    return [] if done_on == step.done_on else [StepCompleted(at=at, step_id=command.step_id, done_on=done_on)]


def _drop(command: DropStep, step: Step, at: datetime) -> Sequence[StepEvent]:
    if step.done_on is not None:
        raise Refused("step_done")
    if step.dropped == command.reason:
        return []
    return [StepDropped(at=at, step_id=command.step_id, reason=command.reason)]


def _refuse_closed(step: Step) -> None:
    if step.done_on is not None:
        raise Refused("step_done")
    if step.dropped is not None:
        raise Refused("step_dropped")
