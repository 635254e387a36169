"""Stored JSON to events, through the upcasters, on every path that reads."""

from collections.abc import Callable, Iterable
from typing import Any

import asyncpg
import orjson
from pydantic import TypeAdapter, ValidationError

from shared.kernel.decider import Decider, Event, Upcaster
from shared.kernel.recorded import Recorded


class UnknownEvent(Exception):
    """A stored event of a type or form that this code does not know: it was written by newer code."""


class Codec:
    """Decodes what a service's journal holds, by category and type name."""

    def __init__(self, deciders: Iterable[Decider[Any, Any, Any]]) -> None:
        self._types: dict[tuple[str, str], type[Event]] = {}
        self._present: dict[tuple[str, str, int], Callable[..., Event]] = {}
        self._upcasters: dict[tuple[str, str, int], Upcaster] = {}
        for decider in deciders:
            for cls in decider.events:
                self._types[decider.category, cls.__name__] = cls
                self._present[decider.category, cls.__name__, cls.form] = TypeAdapter(cls).validator.validate_json
            self._upcasters |= {(decider.category, name, form): up for (name, form), up in decider.upcasters.items()}

    def decode(self, category: str, name: str, form: int, data: str | bytes) -> Event:
        """One event from its JSON in any form it ever had; fields that newer code has added to a form are left out."""
        present = self._present.get((category, name, form))
        if present is None:
            return self._upcast(category, name, form, data)
        try:
            return present(data)
        except ValidationError:  # seldom, and looking for it every time would cost as much as the rest
            return present(data, extra="ignore")

    def recorded(self, row: asyncpg.Record) -> Recorded[Any]:
        """One row of the table `journal`."""
        position, stream, version, name, form, data, *circumstances = row
        event = self.decode(stream.partition("-")[0], name, form, data)
        return Recorded(position, stream, version, event, *circumstances)

    def _upcast(self, category: str, name: str, form: int, data: str | bytes) -> Event:
        cls = self._types.get((category, name))
        if cls is None or form > cls.form:
            raise UnknownEvent(f"{category}/{name} form {form}")
        fields = orjson.loads(data)
        for old in range(form, cls.form):
            fields = self._upcasters[category, name, old](fields)
        return cls.model_validate_json(orjson.dumps(fields), extra="ignore")
