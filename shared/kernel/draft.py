"""What a group of commands comes to in memory, before it is written: rows, new states, answers."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from shared.kernel.decider import Decider, Event
from shared.kernel.folding import Folded, counted
from shared.kernel.orders import Order
from shared.kernel.recorded import Outcome, Recorded, StaleVersion


class Draft:
    """Decides orders one after the other, each on the state the ones before it leave.

    `rows` are of the SQL type `appended_event`; `recorded` is for inline projections. A draft may build upon one that
    is still being written: `stands_on` tells it where the events of that one came to stand.
    """

    def __init__(self) -> None:
        self.at = datetime.now(UTC)
        self.orders: list[Order] = []
        self.ids: set[UUID] = set()
        self._heads: dict[str, int] = {}
        self._grown: dict[str, Folded[Any]] = {}
        self._deciders: dict[str, Decider[Any, Any, Any]] = {}
        self._ordinals: dict[str, int] = {}
        self._answers: list[tuple[Order, Outcome | Exception | int]] = []
        self._commands: list[tuple[Order, int, int, int]] = []
        self.recorded: list[Recorded[Any]] = []
        self.rows: list[tuple[Any, ...]] = []

    def grown(self, stream: str) -> Folded[Any] | None:
        """The new state of a stream that this draft has added to; its position is not known yet."""
        return self._grown.get(stream)

    def add(self, order: Order, before: Folded[Any], *, sure: bool = True) -> bool:
        """Decides one order on the state `before`; whatever its decider raises is its answer alone.

        A state that may be old is good enough for what adds to the stream: then the journal would refuse it. What comes
        to nothing on one is left out: False.
        """
        self.at = datetime.now(UTC)
        try:
            after, events = self._decided(order, before)
            rows = [_row(len(self.recorded) + number, recorded) for number, recorded in enumerate(events, 1)]
        except Exception as refusal:  # noqa: BLE001 -- a rule's refusal or a defect: the caller's to deal with
            if sure:
                self._enter(order)
                self._answers.append((order, refusal))
            return sure
        if not events and not sure:
            return False
        self._enter(order)
        stream = order.stream
        if events:
            self._heads.setdefault(stream, before.version)
            self._grown[stream], self._deciders[stream] = after, order.decider
            self.recorded += events
            self.rows += rows
            self._ordinals[stream] = len(self.recorded)
        self._answers.append((order, len(self._commands)))
        self._commands.append((order, after.version, after.position, self._ordinals.get(stream, 0)))
        return True

    def refusal(self) -> Exception | None:
        """The first of its answers that is none."""
        return next((answer for _, answer in self._answers if isinstance(answer, Exception)), None)

    def repeat(self, order: Order, answer: Outcome | Exception) -> None:
        """Notes the answer of an order that was served before."""
        self._enter(order)
        self._answers.append((order, answer))

    def stands_on(self, landed: Mapping[str, Folded[Any]]) -> None:
        """The draft before this one is written, and this is where the streams stand that it had added to.

        What came to nothing on one of them is told its position now; what comes later has it from the state.
        """
        for place, (order, version, _, ordinal) in enumerate(self._commands):
            if not ordinal and order.stream in landed:
                self._commands[place] = (order, version, landed[order.stream].position, 0)
        for stream, folded in landed.items():
            if stream in self._grown:
                self._grown[stream] = self._grown[stream]._replace(snapshot_version=folded.snapshot_version)

    def commands(self) -> list[tuple[UUID, bytes | None, str, int, int, int, datetime]]:
        """What to remember of each command, in the order of the SQL type `remembered_command`."""
        return [
            (
                order.context.command_id,
                order.context.fingerprint,
                order.stream,
                version,
                position,
                ordinal,
                self.at,
            )
            for order, version, position, ordinal in self._commands
        ]

    def answers(self, base: int) -> Iterator[tuple[Order, Outcome | Exception]]:
        """Every order's answer, now that the group's events stand behind position `base`."""
        for order, answer in self._answers:
            if isinstance(answer, int):
                _, version, position, ordinal = self._commands[answer]
                at = base + ordinal if ordinal else position
                yield order, Outcome(order.aggregate_id, version, at, repeated=False)
            else:
                yield order, answer

    def settled(self, base: int) -> Iterator[tuple[str, Decider[Any, Any, Any], Folded[Any]]]:
        """The streams that have grown and their states, with positions."""
        for stream, ordinal in self._ordinals.items():
            yield stream, self._deciders[stream], self._grown[stream].at(base + ordinal)

    def heads(self) -> tuple[list[str], list[int]]:
        """The streams and versions that the group builds upon."""
        heads = [(stream, version) for stream, version in self._heads.items() if version]
        return [stream for stream, _ in heads], [version for _, version in heads]

    def foundations(self) -> tuple[list[str], list[int], list[UUID]]:
        """The streams that grow, the versions they are built upon, and the command ids that are new."""
        ids = [order.context.command_id for order, *_ in self._commands]
        return list(self._heads), list(self._heads.values()), ids

    def _enter(self, order: Order) -> None:
        self.orders.append(order)
        if order.may_be_known:
            self.ids.add(order.context.command_id)

    def _decided(self, order: Order, before: Folded[Any]) -> tuple[Folded[Any], list[Recorded[Any]]]:
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
