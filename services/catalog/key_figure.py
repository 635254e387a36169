"""A key figure: a number somebody published, which means nothing without its source, its date and its qualifier."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

from services.catalog.vocabulary import Qualifier
from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, Event


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


class RecordKeyFigure(BaseModel):
    """Take down a key figure, or a newer reading of it."""

    model_config = ConfigDict(frozen=True)

    key_figure_id: str
    reading: Reading


type KeyFigureCommand = RecordKeyFigure


class KeyFigureRecorded(Event):
    """A key figure was taken down."""

    key_figure_id: str
    reading: Reading


type KeyFigureEvent = KeyFigureRecorded


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """A key figure by its newest reading."""

    reading: Reading


def evolve(_: KeyFigure | None, event: KeyFigureEvent) -> KeyFigure:
    """The key figure after `event`."""
    return KeyFigure(event.reading)


def decide(command: KeyFigureCommand, figure: KeyFigure | None, at: datetime) -> Sequence[KeyFigureEvent]:
    """The same reading is taken down once."""
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
    events=(KeyFigureRecorded,),
)
