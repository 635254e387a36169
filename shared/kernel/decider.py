"""The shape of an aggregate: pure functions over commands, events and state.

After Chassaing, "Functional Event Sourcing Decider". An aggregate's module names its unions and hands them over in one
`Decider`; what does I/O takes it from there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from shared.contracts.contract import Contract

type Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


class Refused(Exception):
    """A rule of the domain says no. `code` is stable and reaches the client (409); `details` are safe to show."""

    def __init__(self, code: str, **details: str | int) -> None:
        super().__init__(code)
        self.code = code
        self.details = details


class NotThere(Exception):
    """A command addresses an aggregate that does not exist (404)."""


class Event(BaseModel):
    """A fact in a journal. `at` is when it happened in the domain (UTC); loaded history was recorded long after it.

    `form` counts the shapes its JSON has had; a class whose form is n has upcasters for 1 … n-1 in its decider.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    form: ClassVar[int] = 1

    at: datetime


@dataclass(frozen=True, slots=True)
class Snapshots[State]:
    """How a long stream's state is kept beside it: every `every` events, as bytes, valid for one `form` only."""

    every: int
    form: int
    dump: Callable[[State], bytes]
    load: Callable[[bytes], State]


@dataclass(frozen=True, slots=True)
class Decider[State, Command, E: Event]:
    """An aggregate as values.

    `decide(command, state, at)` is total, pure and idempotent (the same command twice yields nothing the second time);
    `evolve(state, event)` only records; `publish(event)` gives the contract an event becomes, or None.
    `upcasters[type name, n]` turns the JSON of form n into that of form n + 1.
    """

    category: str
    initial: State
    decide: Callable[[Command, State, datetime], Sequence[E]]
    evolve: Callable[[State, E], State]
    publish: Callable[[E], Contract | None]
    events: tuple[type[E], ...]
    upcasters: Mapping[tuple[str, int], Upcaster] = field(default_factory=dict)
    snapshots: Snapshots[State] | None = None

    def stream(self, aggregate_id: object) -> str:
        """The stream of one aggregate: `category-id`."""
        return f"{self.category}-{aggregate_id}"
