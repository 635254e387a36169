"""An organisation that takes part in projects: municipality, district, association, provider, museum …"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated, Self, assert_never

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.catalog.size_class import Population, SizeClass, size_class_of
from services.catalog.vocabulary import OrganisationType
from shared.contracts import catalog as contracts
from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, Event, NotThere, Refused
from shared.kernel.texts import Id

type Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
type DistrictAgs = Annotated[str, StringConstraints(pattern=r"^\d{5}$")]
type MunicipalityAgs = Annotated[str, StringConstraints(pattern=r"^\d{8}$")]

DISTRICT_TYPES = frozenset(
    {OrganisationType.DISTRICT, OrganisationType.CITY_REGION, OrganisationType.INDEPENDENT_CITY_DISTRICT}
)
MUNICIPALITY_TYPES = frozenset(
    {OrganisationType.INDEPENDENT_CITY, OrganisationType.TOWN, OrganisationType.MUNICIPALITY}
)


class Value(BaseModel):
    """A part of an organisation."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ServiceArea(Value):
    """Where a body works: whole districts and single municipalities, as official keys."""

    districts: tuple[DistrictAgs, ...] = ()
    municipalities: tuple[MunicipalityAgs, ...] = ()

    def expanded(self, municipalities: Iterable[str]) -> frozenset[str]:
        """The keys of all municipalities served, given the keys of all that exist."""
        return frozenset(ags for ags in municipalities if ags[:5] in self.districts or ags in self.municipalities)


class Description(Value):
    """What is said of an organisation by itself. Municipalities and districts carry their official key (AGS)."""

    name: Name
    type: OrganisationType
    ags: DistrictAgs | MunicipalityAgs | None = None
    aliases: tuple[Name, ...] = ()
    regierungsbezirk: Name | None = None
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    service_area: ServiceArea | None = None
    members: tuple[Name, ...] = ()
    outside_nrw: bool = False
    note: Name | None = None
    dissolved_on: date | None = None

    @model_validator(mode="after")
    def key_fits_type(self) -> Self:
        """Five digits for a district, eight for a municipality, none for any other body."""
        digits = 5 if self.type in DISTRICT_TYPES else 8 if self.type in MUNICIPALITY_TYPES else 0
        if len(self.ags or "") != digits:
            raise PydanticCustomError(
                "key_does_not_fit",
                "Zur Art „{kind}“ gehört {key}.",
                {"kind": self.type.label, "key": f"ein Schlüssel mit {digits} Stellen" if digits else "kein Schlüssel"},
            )
        return self


class Profile(Description):
    """The entry of an organisation. One that was dissolved keeps it, and its key.

    `members` are names, `member_ids` and `successors` entries of the directory. `population` is that of one day.
    """

    population: Population | None = None
    population_as_of: date | None = None
    member_ids: tuple[Id, ...] = ()
    successors: tuple[Id, ...] = ()

    @property
    def size_class(self) -> SizeClass | None:
        """How large a municipality is; other bodies have no class, nor has one whose population is not known."""
        return size_class_of(self.population) if self.type in MUNICIPALITY_TYPES else None


class Command(BaseModel):
    """What can be asked of an organisation."""

    model_config = ConfigDict(frozen=True)


class RegisterOrganisation(Command):
    """Take an organisation into the directory."""

    organisation_id: str
    profile: Profile


class ChangeOrganisation(Command):
    """What the directory says of an organisation is different now. `forget` are names that no longer find it."""

    profile: Profile
    forget: tuple[Name, ...] = ()


class RecordPopulation(Command):
    """So many people live there, says an official file of that day."""

    population: Population
    as_of: date


class AdoptNames(Command):
    """An organisation is found by these names, too."""

    names: tuple[Name, ...]


class MergeOrganisation(Command):
    """This entry and another are one body: `into` stays."""

    into: str
    reason: str


type OrganisationCommand = RegisterOrganisation | ChangeOrganisation | RecordPopulation | AdoptNames | MergeOrganisation


class OrganisationRegistered(Event):
    """An organisation is in the directory."""

    organisation_id: str
    profile: Profile


class OrganisationChanged(Event):
    """An organisation's entry was replaced by this one."""

    organisation_id: str
    profile: Profile


class OrganisationMerged(Event):
    """An entry turned out to be another body's: whatever refers to it means that one."""

    organisation_id: str
    into: str
    reason: str
    profile: Profile


type OrganisationEvent = OrganisationRegistered | OrganisationChanged | OrganisationMerged


@dataclass(frozen=True, slots=True)
class Organisation:
    """An entry of the directory; with `merged_into` it only leads to another."""

    id: str
    profile: Profile
    merged_into: str | None = None


def evolve(organisation: Organisation | None, event: OrganisationEvent) -> Organisation:
    """The organisation after `event`."""
    match event:
        case OrganisationRegistered():
            return Organisation(event.organisation_id, event.profile)
        case OrganisationChanged():
            assert organisation is not None
            return replace(organisation, profile=event.profile)
        case OrganisationMerged():
            assert organisation is not None
            return replace(organisation, merged_into=event.into)
    assert_never(event)


def decide(
    command: OrganisationCommand, organisation: Organisation | None, at: datetime
) -> Sequence[OrganisationEvent]:
    """Registering what is there is a change. Names an organisation had keep finding it: they become aliases."""
    if isinstance(command, RegisterOrganisation):
        return _register(command, organisation, at)
    if organisation is None:
        raise NotThere
    if isinstance(command, MergeOrganisation):
        return _merge(command, organisation, at)
    if organisation.merged_into:
        raise Refused("organisation_merged")
    now = organisation.profile
    match command:
        case ChangeOrganisation():
            if command.profile.ags != now.ags:
                raise Refused("key_is_fixed", field="/ags")
            _refuse_itself(command.profile, organisation.id)
            return _changed(command.profile, organisation, at, command.forget)
        case RecordPopulation():
            return _count(command, organisation, at)
        case AdoptNames():
            return _changed(now.model_copy(update={"aliases": (*now.aliases, *command.names)}), organisation, at)
    assert_never(command)


def _register(
    command: RegisterOrganisation, organisation: Organisation | None, at: datetime
) -> Sequence[OrganisationEvent]:
    """Loaded content knows nothing of a merging: it brings no entry back."""
    _refuse_itself(command.profile, command.organisation_id)
    if organisation is None:
        return [OrganisationRegistered(at=at, organisation_id=command.organisation_id, profile=command.profile)]
    return [] if organisation.merged_into else _changed(command.profile, organisation, at)


def _refuse_itself(profile: Profile, organisation_id: str) -> None:
    """Nobody is a member or a successor of itself."""
    for field, ids in (("member_ids", profile.member_ids), ("successors", profile.successors)):
        if organisation_id in ids:
            raise Refused("refers_to_itself", field=f"/{field}/{ids.index(organisation_id)}")


def _count(command: RecordPopulation, organisation: Organisation, at: datetime) -> Sequence[OrganisationEvent]:
    """An older count replaces no newer one."""
    now = organisation.profile
    if now.population_as_of and command.as_of < now.population_as_of:
        return []
    counted = {"population": command.population, "population_as_of": command.as_of}
    return _changed(now.model_copy(update=counted), organisation, at)


def _merge(command: MergeOrganisation, organisation: Organisation, at: datetime) -> Sequence[OrganisationEvent]:
    """A body with an official key is its own for ever; if it was dissolved, its entry says so."""
    if organisation.merged_into == command.into:
        return []
    if organisation.merged_into:
        raise Refused("organisation_merged")
    if command.into == organisation.id:
        raise Refused("merged_into_itself", field="/into")
    if organisation.profile.ags:
        raise Refused("organisation_has_key")
    return [
        OrganisationMerged(
            at=at,
            organisation_id=organisation.id,
            into=command.into,
            reason=command.reason,
            profile=organisation.profile,
        )
    ]


def _changed(
    profile: Profile, organisation: Organisation, at: datetime, forget: tuple[Name, ...] = ()
) -> Sequence[OrganisationEvent]:
    """The new entry with the names it had, but for those to forget; a count that is not said again stays."""
    now = organisation.profile
    names = dict.fromkeys((*profile.aliases, *now.aliases, now.name))
    kept: dict[str, object] = {"aliases": tuple(name for name in names if name not in (profile.name, *forget))}
    if profile.population is None:
        kept |= {"population": now.population, "population_as_of": now.population_as_of}
    entry = profile.model_copy(update=kept)
    if entry == now:
        return []
    return [OrganisationChanged(at=at, organisation_id=organisation.id, profile=entry)]


def publish(event: OrganisationEvent) -> Contract:
    """Others get the whole entry each time."""
    profile = event.profile
    return contracts.OrganisationChanged(
        organisation_id=event.organisation_id,
        name=profile.name,
        organisation_type=profile.type,
        ags=profile.ags,
        aliases=profile.aliases,
        population=profile.population,
        population_as_of=profile.population_as_of,
        size_class=profile.size_class,
        dissolved_on=profile.dissolved_on,
        merged_into=event.into if isinstance(event, OrganisationMerged) else None,
    )


ORGANISATION: Decider[Organisation | None, OrganisationCommand, OrganisationEvent] = Decider(
    category="organisation",
    initial=None,
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(OrganisationRegistered, OrganisationChanged, OrganisationMerged),
)
