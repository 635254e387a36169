"""An organisation that takes part in projects: municipality, district, association, provider, museum …"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Self, assert_never

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.catalog.vocabulary import OrganisationType
from shared.contracts import catalog as contracts
from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, Event, NotThere

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


class Profile(Value):
    """What the directory says of an organisation. Municipalities and districts carry their official key (AGS)."""

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

    @model_validator(mode="after")
    def key_fits_type(self) -> Self:
        """Five digits for a district, eight for a municipality, none for any other body."""
        digits = 5 if self.type in DISTRICT_TYPES else 8 if self.type in MUNICIPALITY_TYPES else 0
        if len(self.ags or "") != digits:
            raise ValueError(f"an organisation of type {self.type} has a key of {digits} digits")
        return self


class Command(BaseModel):
    """What can be asked of an organisation."""

    model_config = ConfigDict(frozen=True)


class RegisterOrganisation(Command):
    """Take an organisation into the directory."""

    organisation_id: str
    profile: Profile


class ChangeOrganisation(Command):
    """What the directory says of an organisation is different now."""

    profile: Profile


type OrganisationCommand = RegisterOrganisation | ChangeOrganisation


class OrganisationRegistered(Event):
    """An organisation is in the directory."""

    organisation_id: str
    profile: Profile


class OrganisationChanged(Event):
    """An organisation's entry was replaced by this one."""

    organisation_id: str
    profile: Profile


type OrganisationEvent = OrganisationRegistered | OrganisationChanged


@dataclass(frozen=True, slots=True)
class Organisation:
    """An entry of the directory."""

    id: str
    profile: Profile


def evolve(organisation: Organisation | None, event: OrganisationEvent) -> Organisation:
    """The organisation after `event`."""
    match event:
        case OrganisationRegistered():
            return Organisation(event.organisation_id, event.profile)
        case OrganisationChanged():
            assert organisation is not None
            return replace(organisation, profile=event.profile)
    assert_never(event)


def decide(
    command: OrganisationCommand, organisation: Organisation | None, at: datetime
) -> Sequence[OrganisationEvent]:
    """Registering what is there is a change. Names an organisation had keep finding it: they become aliases."""
    match command:
        case RegisterOrganisation():
            if organisation is None:
                return [OrganisationRegistered(at=at, organisation_id=command.organisation_id, profile=command.profile)]
            return _change(command.profile, organisation, at)
        case ChangeOrganisation():
            if organisation is None:
                raise NotThere
            return _change(command.profile, organisation, at)
    assert_never(command)


def _change(profile: Profile, organisation: Organisation, at: datetime) -> Sequence[OrganisationEvent]:
    now = organisation.profile
    names = dict.fromkeys((*profile.aliases, *now.aliases, now.name))
    kept = profile.model_copy(update={"aliases": tuple(name for name in names if name != profile.name)})
    if kept == now:
        return []
    return [OrganisationChanged(at=at, organisation_id=organisation.id, profile=kept)]


def publish(event: OrganisationEvent) -> Contract:
    """Others get the whole entry each time."""
    return contracts.OrganisationChanged(
        organisation_id=event.organisation_id,
        name=event.profile.name,
        organisation_type=event.profile.type,
        ags=event.profile.ags,
        aliases=event.profile.aliases,
    )


ORGANISATION: Decider[Organisation | None, OrganisationCommand, OrganisationEvent] = Decider(
    category="organisation",
    initial=None,
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(OrganisationRegistered, OrganisationChanged),
)
