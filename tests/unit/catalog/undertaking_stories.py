"""Pieces of an undertaking's life that tests begin from."""

from datetime import UTC, date, datetime
from typing import Any

from services.catalog.undertaking import BeginUndertaking
from services.catalog.undertaking_plan import Plan, PlannedStep
from services.catalog.undertaking_state import UndertakingBegun, UndertakingEvent

ID = "0199d2c4-1b7e-7a3c-9c55-2f6d1f0a4b11"
LEMGO = "00000000-0000-5000-8000-000000000001"
BAD_SALZUFLEN = "00000000-0000-5000-8000-000000000002"
DETMOLD = "00000000-0000-5000-8000-000000000003"
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
TODAY = date(2026, 3, 2)
START = date(2027, 1, 4)
PLAN = Plan(title="Gemeinsames Standesamt", topics=("civil_registry",), partners=(BAD_SALZUFLEN,))


def step(step_id: str, offset_days: int | None = None, **fields: Any) -> PlannedStep:
    """A step of the second stage."""
    return PlannedStep(
        **{"step_id": step_id, "stage": "scheduling", "title": step_id.title(), "offset_days": offset_days, **fields}
    )


STEPS = (step("idea", -210), step("council", -100), step("start", 0), step("evaluation", 365))


def begin(steps: tuple[PlannedStep, ...] = STEPS, plan: Plan = PLAN, starts_on: date = START) -> BeginUndertaking:
    return BeginUndertaking(
        undertaking_id=ID, organisation_id=LEMGO, plan=plan, starts_on=starts_on, checklist="2026-11", steps=steps
    )


def begun(steps: tuple[PlannedStep, ...] = STEPS, plan: Plan = PLAN, starts_on: date = START) -> list[UndertakingEvent]:
    days = {each.step_id: each.day(starts_on) for each in steps}
    return [
        UndertakingBegun(
            at=AT,
            undertaking_id=ID,
            organisation_id=LEMGO,
            plan=plan,
            starts_on=starts_on,
            checklist="2026-11",
            steps=steps,
            dues={step_id: day for step_id, day in days.items() if day},
        )
    ]
