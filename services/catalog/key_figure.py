"""A key figure: a number somebody published, which means nothing without its source, its date and its qualifier."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import assert_never

from pydantic import BaseModel, ConfigDict

from services.catalog.vocabulary import Qualifier
from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, Event, NotThere, Refused


class Reading(BaseModel):
    """A number as it was stated. `counts` says what is counted, `stated_on` when the source said so."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    value: int | float
    qualifier: Qualifier
    counts: str
    source: str
    stated_on: date
    as_of: date | None = None
    note: str | None = None


class Command(BaseModel):
    """What can be asked of a key figure."""

    model_config = ConfigDict(frozen=True)


class RecordKeyFigure(Command):
    """Take down a key figure, or a newer reading of it. What is `loaded` brings nothing back."""

    key_figure_id: str
    reading: Reading
    loaded: bool = False


class WithdrawKeyFigure(Command):
    """A figure was taken down by mistake, or its source took it back."""

    reason: str


type KeyFigureCommand = RecordKeyFigure | WithdrawKeyFigure


class KeyFigureRecorded(Event):
    """A key figure was taken down."""

    key_figure_id: str
    reading: Reading


class KeyFigureWithdrawn(Event):
    """A key figure is shown no more."""

    key_figure_id: str
    reason: str


type KeyFigureEvent = KeyFigureRecorded | KeyFigureWithdrawn


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """A key figure by its newest reading."""

    id: str
    reading: Reading
    withdrawn: bool = False


def evolve(figure: KeyFigure | None, event: KeyFigureEvent) -> KeyFigure:
    """The key figure after `event`."""
    match event:
        case KeyFigureRecorded():
            return KeyFigure(event.key_figure_id, event.reading)
        case KeyFigureWithdrawn():
            assert figure is not None
            return replace(figure, withdrawn=True)
    assert_never(event)


def decide(command: KeyFigureCommand, figure: KeyFigure | None, at: datetime) -> Sequence[KeyFigureEvent]:
    """The same reading is taken down once; what was withdrawn comes not back."""
    match command:
        case RecordKeyFigure():
            return _record(command, figure, at)
        case WithdrawKeyFigure():
            if figure is None:
                raise NotThere
            if figure.withdrawn:
                return []
            return [KeyFigureWithdrawn(at=at, key_figure_id=figure.id, reason=command.reason)]
    assert_never(command)


def _record(command: RecordKeyFigure, figure: KeyFigure | None, at: datetime) -> Sequence[KeyFigureEvent]:
    if figure and figure.withdrawn:
        if command.loaded:
            return []
        raise Refused("key_figure_withdrawn")
    if figure and figure.reading == command.reading:
        return []
    return [KeyFigureRecorded(at=at, key_figure_id=command.key_figure_id, reading=command.reading)]


def publish(_: KeyFigureEvent) -> Contract | None:
    """Nobody else needs it."""
    return None


KEY_FIGURE: Decider[KeyFigure | None, KeyFigureCommand, KeyFigureEvent] = Decider(
    category="key_figure",
    initial=None,
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(KeyFigureRecorded, KeyFigureWithdrawn),
)
