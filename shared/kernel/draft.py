"""What a group of commands comes to in memory, before it is written: rows, new states, answers."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from shared.kernel.decider import Decider, Event
from shared.kernel.folding import Folded, counted
from shared.kernel.recorded import Outcome, Recorded, StaleVersion

if TYPE_CHECKING:
    from shared.kernel.writer import Order


class Draft:
    """Decides orders one after the other, each on the state the ones before it leave."""

    def __init__(self, folded: dict[str, Folded[Any]], at: datetime) -> None:
        self.at = at
        self._heads = {stream: state.version for stream, state in folded.items()}
        self._folded = dict(folded)
        self._deciders: dict[str, Decider[Any, Any, Any]] = {}
        self._forms: list[int] = []
        self._data: list[str] = []
        self._ordinals: dict[str, int] = {}
        self._answers: list[tuple[Order, Outcome | Exception | int]] = []
        self.recorded: list[Recorded[Any]] = []
        self.commands: list[tuple[UUID, bytes | None, str, int, int, int]] = []

    def add(self, order: "Order") -> None:
        """Decides one order; whatever its decider raises is its answer alone."""
        before = self._folded[order.stream]
        try:
            after, events = self._decided(order, before)
        except Exception as refusal:  # noqa: BLE001 -- a rule's refusal or a defect: the caller's to deal with
            self._answers.append((order, refusal))
            return
        self._folded[order.stream] = after
        self._deciders[order.stream] = order.decider
        for recorded in events:
            self.recorded.append(recorded)
            self._forms.append(recorded.event.form)
            self._data.append(recorded.event.model_dump_json())
        if events:
            self._ordinals[order.stream] = len(self.recorded)
        ordinal = self._ordinals.get(order.stream, 0)
        context = order.context
        self.commands.append(
            (context.command_id, context.fingerprint, order.stream, after.version, after.position, ordinal)
        )
        self._answers.append((order, len(self.commands) - 1))

    def repeat(self, order: "Order", answer: Outcome | Exception) -> None:
        """Notes the answer of an order that was served before."""
        self._answers.append((order, answer))

    def answers(self, base: int) -> Iterator[tuple["Order", Outcome | Exception]]:
        """Every order's answer, now that the group's events stand behind position `base`."""
        for order, answer in self._answers:
            if isinstance(answer, int):
                _, _, _, version, position, ordinal = self.commands[answer]
                at = base + ordinal if ordinal else position
                yield order, Outcome(order.aggregate_id, version, at, repeated=False)
            else:
                yield order, answer

    def settled(self, base: int) -> Iterator[tuple[str, Decider[Any, Any, Any], Folded[Any]]]:
        """The streams that have grown and their states, with positions."""
        for stream, ordinal in self._ordinals.items():
            yield stream, self._deciders[stream], self._folded[stream].at(base + ordinal)

    def event_columns(self) -> list[Sequence[Any]]:
        """The group's events as the thirteen columns of the append."""
        rows = self.recorded
        return [
            [row.stream for row in rows],
            [row.version for row in rows],
            [type(row.event).__name__ for row in rows],
            self._forms,
            self._data,
            [row.actor for row in rows],
            [row.command_id for row in rows],
            [row.correlation_id for row in rows],
            [row.causation_id for row in rows],
            [row.traceparent for row in rows],
            [row.history for row in rows],
            [row.aggregate for row in rows],
            [row.aggregate_version for row in rows],
        ]

    def command_columns(self) -> list[Sequence[Any]]:
        """The group's commands as the six columns of their results."""
        return [[command[column] for command in self.commands] for column in range(6)]

    def head_columns(self) -> list[Sequence[Any]]:
        """The versions that the group builds upon."""
        heads = [(stream, self._heads[stream]) for stream in self._ordinals if self._heads[stream] > 0]
        return [[stream for stream, _ in heads], [version for _, version in heads]]

    def _decided(self, order: "Order", before: Folded[Any]) -> tuple[Folded[Any], list[Recorded[Any]]]:
        if order.expected_version is not None and order.expected_version != before.version:
            raise StaleVersion(before.version)
        decider, context, after = order.decider, order.context, before
        events: list[Recorded[Any]] = []
        for event in decider.decide(order.command, before.state, context.at):
            after = _grown(decider, after, event)
            aggregate = after.last_aggregate
            events.append(
                Recorded(
                    None,
                    order.stream,
                    after.version,
                    event,
                    context.actor,
                    context.command_id,
                    context.correlation_id,
                    context.causation_id,
                    context.traceparent,
                    context.history,
                    aggregate,
                    after.published[aggregate] if aggregate else None,
                    self.at,
                )
            )
        return after, events


def _grown(decider: Decider[Any, Any, Any], before: Folded[Any], event: Event) -> Folded[Any]:
    contract = decider.publish(event)
    aggregate = contract.aggregate if contract else None
    return Folded(
        decider.evolve(before.state, event),
        before.version + 1,
        before.position,
        counted(before.published, aggregate),
        before.snapshot_version,
        aggregate,
    )
