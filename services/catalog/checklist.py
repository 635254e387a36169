"""The checklist „Vom Förderantrag bis zur Umsetzung“, in dated versions; an undertaking takes a copy of one."""

from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

from services.catalog.undertaking_plan import PlannedStep
from shared.kernel.ids import named_id

FOLDER = Path(__file__).with_name("checklists")
LOADED = "@"


class Checklist(BaseModel):
    """One version of the checklist, valid from a day on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    valid_from: date
    title: str
    steps: tuple[PlannedStep, ...]

    @field_validator("steps", mode="before")
    @classmethod
    def names_resources(cls, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """A resource of the portal's own content stands in the file by its key, after an `@`."""
        return [step | {"links": list(_pointers(step))} for step in steps]


def _pointers(step: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for pointer in step.get("links", ()):
        key = pointer.get("resource_id") or ""
        known = str(named_id("resource", key.removeprefix(LOADED))) if key.startswith(LOADED) else key or None
        yield pointer | {"resource_id": known}


@cache
def checklists() -> tuple[Checklist, ...]:
    """Every version, the oldest first."""
    found = (Checklist.model_validate_json(file.read_bytes()) for file in FOLDER.glob("*.json"))
    return tuple(sorted(found, key=lambda checklist: checklist.valid_from))


def valid_on(day: date) -> Checklist:
    """The version of a day; before the first one, the first."""
    versions = checklists()
    return next((each for each in reversed(versions) if each.valid_from <= day), versions[0])
