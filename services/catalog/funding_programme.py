"""A funding programme: what a guideline promises to municipalities that work together, as data that editors keep."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated, Self, assert_never

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, Event, NotThere, Refused
from shared.kernel.texts import Line

MOST_EUR = 1_000_000_000

type Euro = Annotated[int, Field(ge=0, le=MOST_EUR)]
type Share = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]


class Terms(BaseModel):
    """What a guideline says. Money is in whole euros; null means that it does not say.

    For `base_partners` partners there is `base_amount_eur`, for each further one `per_further_partner_eur`, and never
    more than `cap_share` of the eligible cost. `cross_border_amount_eur` is for a single partner of North
    Rhine-Westphalia with others beyond its border. `valid_to` is null where no end is known; `valid_to_note` says more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Line
    authority: Line
    kind: Line | None = None
    dated: date
    valid_from: date
    valid_to: date | None = None
    valid_to_note: Line | None = None
    base_amount_eur: Euro
    base_partners: Annotated[int, Field(ge=2, le=100)] = 2
    per_further_partner_eur: Euro
    cap_share: Share
    cross_border_amount_eur: Euro | None = None
    min_duration_years: Annotated[int, Field(ge=1, le=100)] | None = None
    conditions: Annotated[tuple[Line, ...], Field(max_length=20)] = ()
    sources: Annotated[tuple[Line, ...], Field(min_length=1, max_length=20)]
    as_of: date

    @model_validator(mode="after")
    def ends_after_it_begins(self) -> Self:
        """A programme is valid for at least a day."""
        if self.valid_to and self.valid_to < self.valid_from:
            raise PydanticCustomError("ends_before_it_begins", "Das Ende liegt vor dem Beginn der Geltung.")
        return self


class Command(BaseModel):
    """What can be asked of a programme."""

    model_config = ConfigDict(frozen=True)


class RecordProgramme(Command):
    """Take down a programme, or what its guideline says now. What is `loaded` brings nothing back."""

    programme_id: str
    terms: Terms
    loaded: bool = False


class WithdrawProgramme(Command):
    """A programme was taken down by mistake."""

    reason: str


type ProgrammeCommand = RecordProgramme | WithdrawProgramme


class ProgrammeRecorded(Event):
    """A programme was taken down as it reads here."""

    programme_id: str
    terms: Terms


class ProgrammeWithdrawn(Event):
    """A programme is not counted with any more."""

    programme_id: str
    reason: str


type ProgrammeEvent = ProgrammeRecorded | ProgrammeWithdrawn


@dataclass(frozen=True, slots=True)
class Programme:
    """A programme by its newest terms."""

    id: str
    terms: Terms
    withdrawn: bool = False


def evolve(programme: Programme | None, event: ProgrammeEvent) -> Programme:
    """The programme after `event`."""
    match event:
        case ProgrammeRecorded():
            return Programme(event.programme_id, event.terms)
        case ProgrammeWithdrawn():
            assert programme is not None
            return replace(programme, withdrawn=True)
    assert_never(event)


def decide(command: ProgrammeCommand, programme: Programme | None, at: datetime) -> Sequence[ProgrammeEvent]:
    """The same terms are taken down once; what was withdrawn comes not back."""
    match command:
        case RecordProgramme():
            return _record(command, programme, at)
        case WithdrawProgramme():
            if programme is None:
                raise NotThere
            if programme.withdrawn:
                return []
            return [ProgrammeWithdrawn(at=at, programme_id=programme.id, reason=command.reason)]
    assert_never(command)


def _record(command: RecordProgramme, programme: Programme | None, at: datetime) -> Sequence[ProgrammeEvent]:
    if programme and programme.withdrawn:
        if command.loaded:
            return []
        raise Refused("programme_withdrawn")
    if programme and programme.terms == command.terms:
        return []
    return [ProgrammeRecorded(at=at, programme_id=command.programme_id, terms=command.terms)]


def publish(_: ProgrammeEvent) -> Contract | None:
    """Nobody else needs it."""
    return None


FUNDING_PROGRAMME: Decider[Programme | None, ProgrammeCommand, ProgrammeEvent] = Decider(
    category="funding_programme",
    initial=None,
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(ProgrammeRecorded, ProgrammeWithdrawn),
)
