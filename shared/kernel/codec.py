"""Stored JSON to events, through the upcasters, on every path that reads."""

from collections.abc import Iterable
from typing import Any

import asyncpg
import orjson

from shared.kernel.decider import Decider, Event, Upcaster
from shared.kernel.recorded import Recorded


class UnknownEvent(Exception):
    """A stored event of a type or form that this code does not know: it was written by newer code."""


class Codec:
    """Decodes what a service's journal holds, by category and type name."""

    def __init__(self, deciders: Iterable[Decider[Any, Any, Any]]) -> None:
        self._types: dict[tuple[str, str], type[Event]] = {}
        self._upcasters: dict[tuple[str, str, int], Upcaster] = {}
        for decider in deciders:
            self._types |= {(decider.category, cls.__name__): cls for cls in decider.events}
            self._upcasters |= {(decider.category, name, form): up for (name, form), up in decider.upcasters.items()}

    def decode(self, category: str, name: str, form: int, data: str | bytes) -> Event:
        """One event from its JSON in any form it ever had; fields that newer code has added to a form are left out."""
        cls = self._types.get((category, name))
        if cls is None or form > cls.form:
            raise UnknownEvent(f"{category}/{name} form {form}")
        if form == cls.form:
            return cls.model_validate_json(data, extra="ignore")
        fields = orjson.loads(data)
        for old in range(form, cls.form):
            fields = self._upcasters[category, name, old](fields)
        return cls.model_validate_json(orjson.dumps(fields), extra="ignore")

    def recorded(self, row: asyncpg.Record) -> Recorded[Any]:
        """One row of the table `journal`."""
        category = row["stream"].partition("-")[0]
        return Recorded(
            row["position"],
            row["stream"],
            row["version"],
            self.decode(category, row["type"], row["form"], row["data"]),
            row["actor"],
            row["command_id"],
            row["correlation_id"],
            row["causation_id"],
            row["traceparent"],
            row["history"],
            row["aggregate"],
            row["aggregate_version"],
            row["recorded_at"],
        )
