"""What a group of commands comes to in memory, before it is written: rows, new states, answers."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from shared.kernel.decider import Decider, Event
from shared.kernel.folding import Folded, counted
from shared.kernel.recorded import Outcome, Recorded, StaleVersion

if TYPE_CHECKING:
    from shared.kernel.writer import Order


class Draft:
    """Decides orders one after the other, each on the state the ones before it leave.

    `rows` and `commands` are those of the SQL types `appended_event` and `remembered_command`; `recorded` is for
    inline projections.
    """

    def __init__(self, folded: dict[str, Folded[Any]], at: datetime) -> None:
        self.at = at
        self._heads = {stream: state.version for stream, state in folded.items()}
        self._folded = dict(folded)
        self._deciders: dict[str, Decider[Any, Any, Any]] = {}
        self._ordinals: dict[str, int] = {}
        self._answers: list[tuple[Order, Outcome | Exception | int]] = []
        self.recorded: list[Recorded[Any]] = []
        self.rows: list[tuple[Any, ...]] = []
        self.commands: list[tuple[UUID, bytes | None, str, int, int, int, datetime]] = []

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
            self.rows.append(_row(len(self.recorded), recorded))
        if events:
            self._ordinals[order.stream] = len(self.recorded)
        ordinal = self._ordinals.get(order.stream, 0)
        context = order.context
        self.commands.append(
            (context.command_id, context.fingerprint, order.stream, after.version, after.position, ordinal, self.at)
        )
        self._answers.append((order, len(self.commands) - 1))

    def repeat(self, order: "Order", answer: Outcome | Exception) -> None:
        """Notes the answer of an order that was served before."""
        self._answers.append((order, answer))

    def answers(self, base: int) -> Iterator[tuple["Order", Outcome | Exception]]:
        """Every order's answer, now that the group's events stand behind position `base`."""
        for order, answer in self._answers:
            if isinstance(answer, int):
                _, _, _, version, position, ordinal, _ = self.commands[answer]
                at = base + ordinal if ordinal else position
                yield order, Outcome(order.aggregate_id, version, at, repeated=False)
            else:
                yield order, answer

    def settled(self, base: int) -> Iterator[tuple[str, Decider[Any, Any, Any], Folded[Any]]]:
        """The streams that have grown and their states, with positions."""
        for stream, ordinal in self._ordinals.items():
            yield stream, self._deciders[stream], self._folded[stream].at(base + ordinal)

    def heads(self) -> tuple[list[str], list[int]]:
        """The streams and versions that the group builds upon."""
        heads = [(stream, self._heads[stream]) for stream in self._ordinals if self._heads[stream] > 0]
        return [stream for stream, _ in heads], [version for _, version in heads]

    def foundations(self) -> tuple[list[str], list[int], list[UUID]]:
        """The streams that grow, the versions they are built upon, and the command ids that are new."""
        versions = [self._heads[stream] for stream in self._ordinals]
        return list(self._ordinals), versions, [row[0] for row in self.commands]

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


def _row(ordinal: int, recorded: Recorded[Any]) -> tuple[Any, ...]:
    """One event in the order of the SQL type `appended_event`."""
    event = recorded.event
    return (
        ordinal,
        recorded.stream,
        recorded.version,
        type(event).__name__,
        event.form,
        event.model_dump_json(),
        recorded.actor,
        recorded.command_id,
        recorded.correlation_id,
        recorded.causation_id,
        recorded.traceparent,
        recorded.history,
        recorded.aggregate,
        recorded.aggregate_version,
        recorded.recorded_at,
    )


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
