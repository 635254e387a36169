"""Tests of aggregates that read as sentences: `given(DECIDER, [...]).when(command).then([...])`.

Each sentence also proves what no single test would think of: that `evolve` changes nothing it was given, that the same
command twice yields nothing the second time, and that every event survives its way through JSON and tells `publish`
all it needs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared.kernel.decider import Decider, Event, NotThere, Refused

NOON = datetime(2025, 7, 1, 12, tzinfo=UTC)
"""When things happen in tests that do not care."""


def given[S, C, E: Event](decider: Decider[S, C, E], events: Sequence[E] = ()) -> "Given[S, C, E]":
    """What has happened so far."""
    return Given(decider, tuple(events))


@dataclass(frozen=True, slots=True)
class Given[S, C, E: Event]:
    """An aggregate's past."""

    decider: Decider[S, C, E]
    events: tuple[E, ...]

    @property
    def state(self) -> S:
        """The state that the past folds to."""
        return fold(self.decider, self.events)

    def when(self, command: C, *, at: datetime = NOON) -> "When[S, C, E]":
        """The command whose outcome is asserted next."""
        return When(self, command, at)


@dataclass(frozen=True, slots=True)
class When[S, C, E: Event]:
    """A command on an aggregate with a past."""

    given: Given[S, C, E]
    command: C
    at: datetime

    @property
    def decided(self) -> list[E]:
        """What the command yields, for tests that look at parts of it."""
        return list(self.given.decider.decide(self.command, self.given.state, self.at))

    def then(self, expected: Sequence[E]) -> "Given[S, C, E]":
        """The command yields exactly these events, and nothing when it comes again. Goes on with them as past."""
        decided = self.decided
        assert decided == list(expected), f"\n  decided  {decided}\n  expected {list(expected)}"
        assert self.decided == decided, "decide is not a function of its arguments"
        after = Given(self.given.decider, (*self.given.events, *decided))
        check_events(after.decider, after.events)
        again = list(after.decider.decide(self.command, after.state, self.at))
        assert again == [], f"the same command twice yields {again} the second time"
        return after

    def nothing(self) -> "Given[S, C, E]":
        """The command is fine and changes nothing."""
        return self.then([])

    def refused(self, code: str, **details: str | int) -> None:
        """A rule says no, with this code and, when named, these details."""
        refusal = self._refusal()
        assert refusal.code == code, f"refused with {refusal.code}, not {code}"
        found = {name: refusal.details.get(name) for name in details}
        assert found == details, f"refused with the details {refusal.details}"

    def not_there(self) -> None:
        """The command addresses an aggregate that does not exist."""
        try:
            decided = self.decided
        except NotThere:
            return
        raise AssertionError(f"decided on an aggregate that is not there: {decided}")

    def _refusal(self) -> Refused:
        try:
            decided = self.decided
        except Refused as refused:
            return refused
        raise AssertionError(f"not refused but decided: {decided}")


def fold[S, E: Event](decider: Decider[S, Any, E], events: Sequence[E]) -> S:
    """The state after `events`."""
    state = decider.initial
    for event in events:
        state = decider.evolve(state, event)
    return state


def check_events[S, E: Event](decider: Decider[S, Any, E], events: Sequence[E]) -> None:
    """Each event is one of the decider's, is the same after JSON, publishes the same, and evolves purely."""
    for event in events:
        assert type(event) in decider.events, f"{type(event).__name__} is not among the decider's events"
        parsed = type(event).model_validate_json(event.model_dump_json())
        assert parsed == event, f"JSON changes {event}"
        assert decider.publish(parsed) == decider.publish(event), f"{event} publishes something else after JSON"
    check_purity(decider, events)


def check_purity[S, E: Event](decider: Decider[S, Any, E], events: Sequence[E]) -> None:
    """`evolve` gives the same twice and leaves alone every state it was given, the initial one included."""
    state = decider.initial
    for event in events:
        name, before = type(event).__name__, repr(state)
        after = decider.evolve(state, event)
        assert repr(state) == before, f"evolve({name}) changed the state it was given"
        assert decider.evolve(state, event) == after, f"evolve({name}) is not a function of its arguments"
        state = after
