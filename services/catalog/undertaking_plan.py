"""What is planned for an undertaking: its own words, its steps, and the days these fall on.

A step that follows the plan lies a number of days from the start. Such a day never is a weekend or a holiday of North
Rhine-Westphalia: the last working day before it is taken. A day that somebody sets by hand stays as it was set.
"""

from collections.abc import Collection
from datetime import date, timedelta
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.catalog.project_content import Link, TopicCode, Value, refuse_bad_topics
from services.catalog.vocabulary import ChecklistStage
from services.catalog.working_days import working_day_until
from shared.kernel.decider import Refused
from shared.kernel.texts import Id, Line

FARTHEST = 3650
MOST_STEPS = 60
USUAL_LEAD_DAYS = 7

FIRST_DAY = date(2000, 1, 1)
LAST_DAY = date(2099, 12, 31)

type Day = Annotated[date, Field(ge=FIRST_DAY, le=LAST_DAY)]
type Offset = Annotated[int, Field(ge=-FARTHEST, le=FARTHEST)]
type Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
type StepId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class Pointer(Value):
    """Where to read more: a law by its name, a page, or a resource (Arbeitshilfe) of the catalogue."""

    title: Line
    link: Link | None = None
    resource_id: Id | None = None


class Wording(Value):
    """What a step says."""

    title: Line
    hint: Note | None = None
    links: Annotated[tuple[Pointer, ...], Field(max_length=10)] = ()


class StepText(Wording):
    """What a step is about. It lies `offset_days` from the start, or on `due_on`, or has no date yet."""

    stage: ChecklistStage
    offset_days: Offset | None = None
    due_on: Day | None = None

    @model_validator(mode="after")
    def follows_or_is_set(self) -> Self:
        """Offset and day exclude each other."""
        if self.offset_days is not None and self.due_on is not None:
            raise PydanticCustomError("offset_and_day", "Bitte nennen Sie entweder einen Abstand oder einen Tag.")
        return self


class PlannedStep(StepText):
    """A step with its name within the undertaking."""

    step_id: StepId

    def day(self, starts_on: date) -> date | None:
        """The day it falls on with this start, or that was set."""
        return self.due_on or self.planned_day(starts_on)

    def planned_day(self, starts_on: date) -> date | None:
        """The day that follows from this start; None when none does."""
        if self.offset_days is None:
            return None
        return working_day_until(starts_on + timedelta(days=self.offset_days))


class Plan(Value):
    """What an undertaking says of itself. `partners` are organisations besides the one whose it is.

    `lead_days`: how long before a date its reminder comes.
    """

    title: Line
    summary: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)] | None = None
    topics: Annotated[tuple[TopicCode, ...], Field(max_length=20)] = ()
    partners: Annotated[tuple[Id, ...], Field(max_length=50)] = ()
    partners_wanted: bool = False
    lead_days: Annotated[int, Field(ge=1, le=90)] = USUAL_LEAD_DAYS


def refuse_contradictions(plan: Plan, own: Collection[str]) -> None:
    """What a project could not say either: more than three topics, one of them twice, a partner twice or oneself.

    `own` are the ids that mean the organisation whose plan it is.
    """
    refuse_bad_topics(plan.topics)
    twice = next((n for n, each in enumerate(plan.partners) if each in own or each in plan.partners[:n]), None)
    if twice is not None:
        raise Refused("partner_twice", field=f"/partners/{twice}")
