"""A series of sessions: what they have in common."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.events.programme import Value
from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, Event, NotThere
from shared.kernel.texts import Id, Line, Text

type Format = Literal["online_spotlight", "annual_conference", "consultation_hour", "award_ceremony", "workshop"]


class SeriesContent(Value):
    """What an editor writes. `keyword` is what questions to a consultation hour are sent under.

    `questions_open`: whether its sessions take questions; null leaves that to the format. `experts` may see and answer
    them: ids of people, and of organisations for their members.
    """

    title: Line
    slug: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]
    format: Format
    summary: Text | None = None
    description: Text | None = None
    keyword: Line | None = None
    questions_open: bool | None = None
    experts: Annotated[tuple[Id, ...], Field(max_length=50)] = ()


class StartSeries(BaseModel):
    """A new series."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    series_id: str
    content: SeriesContent


class ReviseSeries(BaseModel):
    """New content of a series."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    content: SeriesContent


type SeriesCommand = StartSeries | ReviseSeries


class SeriesStarted(Event):
    """A series exists."""

    series_id: str
    content: SeriesContent


class SeriesRevised(Event):
    """Its content is another."""

    series_id: str
    content: SeriesContent


type SeriesEvent = SeriesStarted | SeriesRevised


@dataclass(frozen=True, slots=True)
class Series:
    """A series as its decisions need it."""

    series_id: str
    content: SeriesContent


def evolve(series: Series | None, event: SeriesEvent) -> Series:  # noqa: ARG001 -- both events carry everything
    """Records an event."""
    match event:
        case SeriesStarted() | SeriesRevised():
            return Series(event.series_id, event.content)


def decide(command: SeriesCommand, series: Series | None, at: datetime) -> list[SeriesEvent]:
    """A series is there once started; the same content again changes nothing."""
    match command:
        case StartSeries():
            started = SeriesStarted(series_id=command.series_id, content=command.content, at=at)
            return [] if series else [started]
        case ReviseSeries():
            if series is None:
                raise NotThere
            revised = SeriesRevised(series_id=series.series_id, content=command.content, at=at)
            return [] if command.content == series.content else [revised]


def publish(event: SeriesEvent) -> Contract | None:
    """Nobody else needs to know of series yet; sessions name theirs."""
    match event:
        case SeriesStarted() | SeriesRevised():
            return None


DECIDER: Decider[Series | None, SeriesCommand, SeriesEvent] = Decider(
    category="series",
    initial=None,
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(SeriesStarted, SeriesRevised),
)
