"""An undertaking as it is shown: the shape of its card and page, and how they follow from what is known."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.catalog.organisation_directory import Named
from services.catalog.undertaking_plan import Pointer
from services.catalog.undertaking_state import Undertaking
from services.catalog.undertaking_step import Step, progress
from services.catalog.vocabulary import ChecklistStage, UndertakingStatus

DATE_RULE = (
    "Termine nach Plan liegen nie auf einem Wochenende oder einem gesetzlichen Feiertag in Nordrhein-Westfalen: "
    "Es gilt der letzte Arbeitstag davor. Von Hand gesetzte Termine bleiben, wie sie gesetzt wurden."
)


class Shown(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True)


class OrganisationNamed(Shown):
    """An organisation by name."""

    id: str
    ags: str | None
    name: str


class ProgressShown(Shown):
    """How many steps are done, of those that were not dropped; `percent` is rounded down."""

    done: int
    total: int
    percent: int


class NextStep(Shown):
    """The open step whose date comes first."""

    step_id: str
    title: str
    due_on: date


class UndertakingStep(Shown):
    """A step. `by_hand` says that its date was set by hand; `dropped` is why it is not needed."""

    step_id: str
    title: str
    hint: str | None
    links: tuple[Pointer, ...]
    offset_days: int | None
    due_on: date | None
    by_hand: bool
    own: bool
    owner: str | None
    note: str | None
    done_on: date | None
    dropped: str | None
    sequence: int


class UndertakingStage(Shown):
    """A part of the checklist with its steps in the order of their dates."""

    stage: ChecklistStage
    label: str
    progress: ProgressShown
    steps: tuple[UndertakingStep, ...]


class UndertakingCard(Shown):
    """An undertaking in a list."""

    id: str
    version: int
    changed_at: datetime
    organisation: OrganisationNamed
    title: str
    summary: str | None
    topics: tuple[str, ...]
    starts_on: date
    status: UndertakingStatus
    status_label: str
    progress: ProgressShown
    next_step: NextStep | None
    labels: dict[str, dict[str, str]]


class UndertakingPage(UndertakingCard):
    """A whole undertaking. `may_change`: whether the asker may; `date_rule` says in German how dates are planned."""

    partners: tuple[OrganisationNamed, ...]
    partners_wanted: bool
    lead_days: int
    checklist: str
    stages: tuple[UndertakingStage, ...]
    readers: tuple[OrganisationNamed, ...]
    project_id: str | None
    abandoned: str | None
    date_rule: str
    may_change: bool


def card_of(
    undertaking: Undertaking, names: Mapping[str, Named], topics: Mapping[str, tuple[str, str]]
) -> dict[str, Any]:
    """The card's fields that follow from the undertaking and from what organisations and topics are called.

    `topics`: of each code the one that stands for it now, and its label.
    """
    plan = undertaking.plan
    labels = dict(topics.get(code, (code, code)) for code in plan.topics)
    return {
        "id": undertaking.id,
        "organisation": _named(names, undertaking.organisation_id),
        "title": plan.title,
        "summary": plan.summary,
        "topics": tuple(labels),
        "starts_on": undertaking.starts_on,
        "status": undertaking.status,
        "status_label": undertaking.status.label,
        "progress": _progress(undertaking.steps.values()),
        "next_step": _next_step(undertaking),
        "labels": {"topics": labels},
    }


def page_of(
    undertaking: Undertaking, names: Mapping[str, Named], topics: Mapping[str, tuple[str, str]]
) -> dict[str, Any]:
    """The page's fields that follow from the same."""
    plan = undertaking.plan
    return {
        **card_of(undertaking, names, topics),
        "partners": _all_named(names, plan.partners),
        "partners_wanted": plan.partners_wanted,
        "lead_days": plan.lead_days,
        "checklist": undertaking.checklist,
        "stages": tuple(_stage(stage, undertaking) for stage in ChecklistStage),
        "readers": _all_named(names, undertaking.readers),
        "project_id": undertaking.project_id,
        "abandoned": undertaking.abandoned,
        "date_rule": DATE_RULE,
    }


def _all_named(names: Mapping[str, Named], ids: Iterable[str]) -> tuple[OrganisationNamed, ...]:
    """Each body once: several of the ids may mean the same one by now."""
    return tuple(dict.fromkeys(_named(names, each) for each in ids))


def _named(names: Mapping[str, Named], organisation_id: str) -> OrganisationNamed:
    found = names[organisation_id]
    return OrganisationNamed(id=found.id, ags=found.ags, name=found.name)


def _progress(steps: Iterable[Step]) -> ProgressShown:
    found = progress(steps)
    return ProgressShown(done=found.done, total=found.total, percent=found.percent)


def _next_step(undertaking: Undertaking) -> NextStep | None:
    if undertaking.status is not UndertakingStatus.PREPARING:
        return None
    dated = [(step.due_on, step.planned) for step in undertaking.steps.values() if step.open and step.due_on]
    if not dated:
        return None
    due_on, planned = min(dated, key=lambda each: (each[0], each[1].step_id))
    return NextStep(step_id=planned.step_id, title=planned.title, due_on=due_on)


def _stage(stage: ChecklistStage, undertaking: Undertaking) -> UndertakingStage:
    steps = sorted((step for step in undertaking.steps.values() if step.planned.stage is stage), key=_order)
    return UndertakingStage(
        stage=stage, label=stage.label, progress=_progress(steps), steps=tuple(_step(step) for step in steps)
    )


def _order(step: Step) -> tuple[date, int, str]:
    """By date, those without one last."""
    return step.due_on or date.max, step.planned.offset_days or 0, step.planned.step_id


def _step(step: Step) -> UndertakingStep:
    return UndertakingStep(
        step_id=step.planned.step_id,
        title=step.planned.title,
        hint=step.planned.hint,
        links=step.planned.links,
        offset_days=step.planned.offset_days,
        due_on=step.due_on,
        by_hand=step.by_hand,
        own=step.own,
        owner=step.owner,
        note=step.note,
        done_on=step.done_on,
        dropped=step.dropped,
        sequence=step.sequence,
    )
