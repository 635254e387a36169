"""An organisation as an editor sends it, and how what it refers to is looked up before anything is decided."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.catalog import organisation_directory
from services.catalog.findable import Findable
from services.catalog.organisation import Description, Profile
from services.catalog.organisation_directory import Named
from services.catalog.plain_text import PlainLine
from shared.kernel.postgres import Connection
from shared.kernel.problems import FieldError, Problem, of_fields
from shared.kernel.texts import Line

OUR_LAND = "05"

type Key = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=36)]


class OrganisationBody(Description):
    """What an editor says of an organisation. Members and successors are named by id or official key (AGS).

    `forget` are names that no longer find it: all others it ever had stay. `confirmed_new` says that it is none of the
    entries that look alike.
    """

    name: Findable
    aliases: Annotated[tuple[Findable, ...], Field(max_length=50)] = ()
    members: Annotated[tuple[PlainLine, ...], Field(max_length=500)] = ()
    note: PlainLine | None = None
    member_ids: Annotated[tuple[Key, ...], Field(max_length=500)] = ()
    successors: Annotated[tuple[Key, ...], Field(max_length=20)] = ()
    forget: Annotated[tuple[Line, ...], Field(max_length=50)] = ()
    confirmed_new: bool = False

    @model_validator(mode="after")
    def lies_where_its_key_says(self) -> Self:
        """Official keys are those of North Rhine-Westphalia; coordinates come in pairs, successors after an end."""
        if self.ags and not self.ags.startswith(OUR_LAND):
            raise PydanticCustomError(
                "key_outside_nrw",
                "Schlüssel von Kommunen in Nordrhein-Westfalen beginnen mit 05; für andere gibt es eine eigene Art.",
            )
        if self.ags and self.outside_nrw:
            raise PydanticCustomError("key_outside_nrw", "Eine Stelle mit Schlüssel liegt in Nordrhein-Westfalen.")
        if (self.latitude is None) != (self.longitude is None):
            raise PydanticCustomError("half_a_place", "Breite und Länge gehören zusammen.")
        if self.successors and self.dissolved_on is None:
            raise PydanticCustomError("successors_of_nothing", "Nachfolger hat nur eine aufgelöste Stelle.")
        return self


async def resolved(connection: Connection, body: OrganisationBody) -> Profile:
    """The profile with every reference looked up; a problem names what is unknown, field by field."""
    by_key = await organisation_directory.ids_by_key(connection, {*body.member_ids, *body.successors, *_area(body)})
    unknown = [
        f"/{field}/{n}" for field, keys in _referred(body).items() for n, key in enumerate(keys) if key not in by_key
    ]
    if unknown:
        raise of_fields("unknown_organisation", unknown)
    said = {name: getattr(body, name) for name in Description.model_fields}
    return Profile(
        **said,
        member_ids=tuple(by_key[key] for key in body.member_ids),
        successors=tuple(by_key[key] for key in body.successors),
    )


def _area(body: OrganisationBody) -> Sequence[str]:
    return (*body.service_area.districts, *body.service_area.municipalities) if body.service_area else ()


def _referred(body: OrganisationBody) -> dict[str, Sequence[str]]:
    referred: dict[str, Sequence[str]] = {"member_ids": body.member_ids, "successors": body.successors}
    if body.service_area:
        referred["service_area/districts"] = body.service_area.districts
        referred["service_area/municipalities"] = body.service_area.municipalities
    return referred


async def refuse_duplicates(connection: Connection, body: OrganisationBody) -> None:
    """One entry for each official key; one that looks like another only with a word that it is none."""
    if body.ags and await organisation_directory.ids_of(connection, [body.ags]):
        raise of_fields("organisation_exists", ["/ags"])
    if not body.confirmed_new and (found := await organisation_directory.alike(connection, (body.name, *body.aliases))):
        candidates = ", ".join(each.id for each in found)
        raise Problem("possible_duplicates", errors=list(_told(found)), details={"candidates": candidates})


def _told(found: Iterable[Named]) -> Iterable[FieldError]:
    for each in found:
        yield FieldError("/name", "possible_duplicates", f"{each.name} ({each.type.label}), Kennung {each.key}")
