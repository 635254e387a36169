"""Which municipalities are like mine? By kind, size, distance and region, each with the points it gives and why."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt
from typing import Annotated, Any

import asyncpg
from pydantic import BaseModel, ConfigDict, Field

from services.catalog.answers import API
from services.catalog.organisation import DISTRICT_TYPES, MUNICIPALITY_TYPES
from services.catalog.size_class import SizeClass, classes_apart, size_class_of
from services.catalog.vocabulary import OrganisationType
from shared.kernel.postgres import Connection, Pool

# Districts have no place of their own: theirs is the middle of their municipalities.
COMPARABLE = """
SELECT o.id::text, o.ags, o.name, o.name_key, o.type, o.district, o.profile->>'regierungsbezirk' AS regierungsbezirk,
       (o.profile->>'population')::int AS population,
       coalesce((o.profile->>'latitude')::float8, middle.latitude) AS latitude,
       coalesce((o.profile->>'longitude')::float8, middle.longitude) AS longitude
FROM organisation o LEFT JOIN (
    SELECT district, avg((profile->>'latitude')::float8) AS latitude, avg((profile->>'longitude')::float8) AS longitude
    FROM organisation WHERE length(ags) = 8 GROUP BY district
) middle ON length(o.ags) = 5 AND middle.district = o.ags
WHERE o.merged_into IS NULL AND o.profile->>'dissolved_on' IS NULL AND o.type = ANY($1::text[])
"""
KIND = """
SELECT o.id::text, o.type FROM organisation e JOIN organisation o ON o.id = coalesce(e.merged_into, e.id)
WHERE e.id::text = $1 OR e.ags = $1
"""
EARTH_KM = 6371.0
MOST_LIKE = 20
SAME_TYPE, SAME_SIZE, NEXT_SIZE, SAME_DISTRICT, SAME_REGION = 2, 4, 2, 1, 1
NEAR: tuple[tuple[int, int], ...] = ((25, 3), (50, 2), (100, 1))
"""Up to so many kilometres away, so many points."""
ALIKE_COUNT: tuple[tuple[float, int], ...] = ((1.25, 4), (1.6, 2))
"""Of districts: the larger has at most so many times the people, so many points."""


class SimilarOrganisationsQuery(BaseModel):
    """How many."""

    model_config = ConfigDict(frozen=True)

    limit: Annotated[int, Field(ge=1, le=100, description="The most items to answer.")] = MOST_LIKE


@dataclass(frozen=True, slots=True)
class Compared:
    """What an organisation is compared by."""

    id: str
    ags: str | None
    name: str
    name_key: str
    type: OrganisationType
    district: str | None = None
    regierungsbezirk: str | None = None
    population: int | None = None
    latitude: float | None = None
    longitude: float | None = None

    @property
    def size_class(self) -> SizeClass | None:
        """Of municipalities alone."""
        return size_class_of(self.population) if self.type in MUNICIPALITY_TYPES else None


class Point(BaseModel):
    """What two have in common, and how much that counts."""

    model_config = ConfigDict(frozen=True)

    text: str
    points: int


class SimilarOrganisation(BaseModel):
    """Another body; `score` is the sum of the points of its `reasons`."""

    model_config = ConfigDict(frozen=True)

    id: str
    ags: str | None
    name: str
    type: OrganisationType
    type_label: str
    population: int | None
    size_class: SizeClass | None
    distance_km: float | None
    score: int
    reasons: tuple[Point, ...]


class SimilarOrganisations(BaseModel):
    """The bodies most like one, the most alike first; `projects` is the search for what they take part in."""

    model_config = ConfigDict(frozen=True)

    items: tuple[SimilarOrganisation, ...]
    projects: str
    note: str | None


NO_COUNT = "Die Zahl der Einwohnerinnen und Einwohner ist nicht bekannt; die Größe zählt hier nicht mit."


async def like(pool: Pool, key: str, most: int) -> SimilarOrganisations | None:
    """The bodies most like one of its id or official key; None when there is no such body."""
    async with pool.acquire() as connection:
        return await _like(connection, key, most)


async def ids_like(connection: Connection, key: str) -> list[str] | None:
    """The ids of the bodies most like one, for the search of their projects; None when there is no such body."""
    found = await _like(connection, key, MOST_LIKE)
    return [each.id for each in found.items] if found else None


async def _like(connection: Connection, key: str, most: int) -> SimilarOrganisations | None:
    asked = await connection.fetchrow(KIND, key)
    if asked is None:
        return None
    rows = await connection.fetch(COMPARABLE, sorted(level_of(OrganisationType(asked["type"]))))
    bodies = [_compared(row) for row in rows]
    own = next((body for body in bodies if body.id == asked["id"]), None)
    if own is None:
        return SimilarOrganisations(items=(), projects=projects_url(key), note=None)
    countless = own.population is None and own.ags is not None
    return SimilarOrganisations(
        items=tuple(ranked(own, bodies)[:most]),
        projects=projects_url(own.ags or own.id),
        note=NO_COUNT if countless else None,
    )


def projects_url(key: str) -> str:
    """The search for the projects of bodies like this one."""
    return f"{API}/projects?like={key}"


def level_of(kind: OrganisationType) -> frozenset[OrganisationType]:
    """The types that a type is compared with: municipalities with municipalities, districts with districts."""
    for level in (MUNICIPALITY_TYPES, DISTRICT_TYPES - {OrganisationType.INDEPENDENT_CITY_DISTRICT}):
        if kind in level:
            return level
    return frozenset({kind})


def _compared(row: asyncpg.Record) -> Compared:
    fields: dict[str, Any] = dict(row)
    return Compared(**fields | {"type": OrganisationType(row["type"])})


def ranked(own: Compared, others: Iterable[Compared]) -> list[SimilarOrganisation]:
    """The others, those with most points first, then the nearest."""
    scored = [(compared(own, other), other.name_key) for other in others if other.id != own.id]
    scored.sort(
        key=lambda each: (-each[0].score, each[0].distance_km is None, each[0].distance_km or 0, each[1], each[0].id)
    )
    return [each for each, _ in scored]


def compared(own: Compared, other: Compared) -> SimilarOrganisation:
    """Another body with what it has in common with one's own."""
    far = kilometres(own, other)
    reasons = tuple(point for point in (*_kind(own, other), *_size(own, other), *_place(own, other, far)))
    return SimilarOrganisation(
        id=other.id,
        ags=other.ags,
        name=other.name,
        type=other.type,
        type_label=other.type.label,
        population=other.population,
        size_class=other.size_class,
        distance_km=None if far is None else round(far, 1),
        score=sum(point.points for point in reasons),
        reasons=reasons,
    )


def _kind(own: Compared, other: Compared) -> Sequence[Point]:
    return [Point(text=f"Gleiche Art: {own.type.label}", points=SAME_TYPE)] if own.type == other.type else []


def _size(own: Compared, other: Compared) -> Sequence[Point]:
    """Of municipalities by their classes, of districts by how many times larger one is."""
    if own.size_class and other.size_class:
        apart = classes_apart(own.size_class, other.size_class)
        if apart == 0:
            return [Point(text=f"Gleiche Größenklasse: {own.size_class.label}", points=SAME_SIZE)]
        return (
            [Point(text=f"Benachbarte Größenklasse: {other.size_class.label}", points=NEXT_SIZE)] if apart == 1 else []
        )
    if own.type in MUNICIPALITY_TYPES or not own.population or not other.population:
        return []
    times = max(own.population, other.population) / min(own.population, other.population)
    points = next((points for most, points in ALIKE_COUNT if times <= most), 0)
    return [Point(text="Ähnlich viele Einwohnerinnen und Einwohner", points=points)] if points else []


def _place(own: Compared, other: Compared, far: float | None) -> Sequence[Point]:
    found: list[Point] = []
    if own.regierungsbezirk and own.regierungsbezirk == other.regierungsbezirk:
        found.append(Point(text=f"Gleicher Regierungsbezirk: {own.regierungsbezirk}", points=SAME_REGION))
    if own.district and own.district == other.district:
        found.append(Point(text="Gleicher Kreis", points=SAME_DISTRICT))
    if far is not None:
        near = next(((most, points) for most, points in NEAR if far <= most), None)
        if near:
            found.append(Point(text=f"Höchstens {near[0]} km entfernt", points=near[1]))
    return found


def kilometres(one: Compared, other: Compared) -> float | None:
    """The distance as the crow flies, where both places are known."""
    if one.latitude is None or one.longitude is None or other.latitude is None or other.longitude is None:
        return None
    south, west, north, east = map(radians, (one.latitude, one.longitude, other.latitude, other.longitude))
    half = sin((north - south) / 2) ** 2 + cos(south) * cos(north) * sin((east - west) / 2) ** 2
    return 2 * EARTH_KM * asin(sqrt(half))
