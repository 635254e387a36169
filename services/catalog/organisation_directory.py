"""Which organisations are there, and which one is meant? The directory: found by name, alias, epithet, key, area."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from services.catalog.naming import name_keys, sort_key
from services.catalog.organisation import (
    DistrictAgs,
    MunicipalityAgs,
    OrganisationChanged,
    OrganisationRegistered,
    Profile,
    ServiceArea,
)
from services.catalog.vocabulary import OrganisationType
from shared.kernel.http import Page, Paging, decode_cursor, encode_cursor
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

KEEP = """
INSERT INTO organisation (id, ags, name, name_key, keys, type, district, service_districts, service_municipalities,
                          profile)
SELECT r.id, r.ags, r.name, r.name_key, r.keys, r.type, r.district, r.service_districts, r.service_municipalities,
       r.profile
FROM jsonb_to_recordset($1::jsonb) AS r(id uuid, ags text, name text, name_key text, keys text, type text,
     district text, service_districts text[], service_municipalities text[], profile jsonb)
ON CONFLICT (id) DO UPDATE SET ags = excluded.ags, name = excluded.name, name_key = excluded.name_key,
    keys = excluded.keys, type = excluded.type, district = excluded.district,
    service_districts = excluded.service_districts, service_municipalities = excluded.service_municipalities,
    profile = excluded.profile
"""

# A name is `|key|key|`: $1 is the key of what was asked, $2 the same without an epithet; both null lists everything.
# A name that is meant exactly comes first, then those that begin so, contain it, or resemble it where nothing fits.
FOUND = """
WITH named AS (
    SELECT id, CASE
        WHEN $1::text IS NULL THEN 0
        WHEN keys LIKE '%|' || $1 || '|%' THEN 5
        WHEN keys LIKE '%|' || $2 || '|%' THEN 4
        WHEN keys LIKE '%|' || $2 || '%' THEN 3
        WHEN keys LIKE '% ' || $2 || '%' THEN 2
        WHEN keys LIKE '%' || $2 || '%' THEN 1
    END - CASE WHEN $1 IS NOT NULL AND type = 'independent_city_district' THEN 0.5 ELSE 0 END AS fits,
    CASE WHEN $1 IS NOT NULL THEN word_similarity($2, keys) END AS resembles
    FROM organisation
), found AS (
    SELECT id, fits::float8 AS fits FROM named WHERE fits IS NOT NULL
    UNION ALL
    SELECT id, resembles - 1 FROM named
    WHERE resembles >= 0.5 AND NOT EXISTS (SELECT FROM named WHERE fits IS NOT NULL)
), kept AS (
    SELECT o.id, o.ags, o.name, o.name_key, o.type, o.district, o.profile, -f.fits AS number
    FROM found f JOIN organisation o USING (id)
    WHERE ($3::text[] IS NULL OR o.ags = ANY($3))
      AND ($4::text[] IS NULL OR o.type = ANY($4))
      AND ($5::int IS NULL OR length(o.ags) = $5)
      AND ($6::text[] IS NULL OR o.district = ANY($6))
      AND ($7::text IS NULL OR left($7, 5) = ANY(o.service_districts) OR $7 = ANY(o.service_municipalities))
)
SELECT t.total, k.id::text, k.ags, k.name, k.name_key, k.type, k.district, k.profile, k.number
FROM (SELECT count(*) AS total FROM kept) t LEFT JOIN LATERAL (
    SELECT * FROM kept
    WHERE $8::float8 IS NULL OR (number, name_key, id) > ($8, $9::text, $10::uuid)
    ORDER BY number, name_key, id LIMIT $11
) k ON true
"""
ONE = "SELECT id::text, ags, name, type, district, profile FROM organisation WHERE id::text = $1 OR ags = $1"
NAMED = "SELECT id::text, ags, name, type FROM organisation WHERE id = ANY($1::uuid[])"
BY_AGS = "SELECT ags, id::text FROM organisation WHERE ags = ANY($1::text[])"
NAMES_OF_KEYS = (
    "SELECT coalesce(ags, id::text) AS key, name FROM organisation WHERE ags = ANY($1) OR id::text = ANY($1)"
)
MUNICIPALITIES = "SELECT ags FROM organisation WHERE length(ags) = 8"

CURSOR: TypeAdapter[tuple[float, str, UUID]] = TypeAdapter(tuple[float, str, UUID])


class OrganisationQuery(Paging):
    """What the directory can be asked for."""

    q: Annotated[str, StringConstraints(max_length=200)] | None = Field(
        default=None, description="Name, alias or part of one; epithets (Stadt, Alte Hansestadt) and spelling aside."
    )
    ags: tuple[DistrictAgs | MunicipalityAgs, ...] | None = Field(default=None, description="Official keys.")
    type: tuple[OrganisationType, ...] | None = None
    level: Literal["municipality", "district"] | None = Field(
        default=None, description="The 396 municipalities or the 53 districts and cities of that rank."
    )
    district: tuple[DistrictAgs, ...] | None = Field(default=None, description="Municipalities of these districts.")
    serves: MunicipalityAgs | None = Field(default=None, description="Bodies whose service area covers this key.")


class ServiceAreaShown(ServiceArea):
    """A service area with the keys of all municipalities in it."""

    ags: tuple[str, ...]


class OrganisationShown(BaseModel):
    """An organisation as the directory answers it. `aliases` are further names it is found by."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    type: OrganisationType
    type_label: str
    ags: str | None
    district_ags: str | None
    regierungsbezirk: str | None
    aliases: tuple[str, ...]
    latitude: float | None
    longitude: float | None
    service_area: ServiceAreaShown | None
    members: tuple[str, ...]
    outside_nrw: bool
    note: str | None


class Named(BaseModel):
    """An organisation by name."""

    model_config = ConfigDict(frozen=True)

    id: str
    ags: str | None
    name: str
    type: OrganisationType

    @property
    def key(self) -> str:
        """What names it in an address: the official key, or the id where there is none."""
        return self.ags or self.id


async def project(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Keeps the newest entry of every organisation."""
    newest = {
        each.aggregate_id: each.event.profile
        for each in recorded
        if isinstance(each.event, OrganisationRegistered | OrganisationChanged)
    }
    if newest:
        await connection.execute(KEEP, [_row(key, profile) for key, profile in newest.items()])


def keys_of(profile: Profile) -> str:
    """Every key an organisation is found by, as `|key|key|`."""
    keys = dict.fromkeys(key for name in (profile.name, *profile.aliases) for key in name_keys(name))
    return f"|{'|'.join(keys)}|"


def _row(organisation_id: str, profile: Profile) -> dict[str, Any]:
    area = profile.service_area or ServiceArea()
    return {
        "id": organisation_id,
        "ags": profile.ags,
        "name": profile.name,
        "name_key": sort_key(profile.name),
        "keys": keys_of(profile),
        "type": profile.type,
        "district": profile.ags[:5] if profile.ags else None,
        "service_districts": area.districts,
        "service_municipalities": area.municipalities,
        "profile": profile.model_dump(mode="json"),
    }


ORGANISATIONS = Projection("organisations", ("organisation",), project)


async def find(pool: Pool, query: OrganisationQuery) -> Page[OrganisationShown]:
    """One page of the organisations that fit, the best first, else by name."""
    after = decode_cursor(query.cursor, CURSOR) if query.cursor else (None, None, None)
    asked = name_keys(query.q) if query.q else []
    if query.q and not asked:
        return Page(items=[], next=None, total=0)
    level = {"municipality": 8, "district": 5, None: None}[query.level]
    async with pool.acquire() as connection:
        rows = await connection.fetch(
            FOUND,
            asked[0] if asked else None,
            asked[-1] if asked else None,
            query.ags,
            query.type,
            level,
            query.district,
            query.serves,
            *after,
            query.limit + 1,
        )
        found = [row for row in rows if row["id"] is not None]
        items = await _shown(connection, found[: query.limit])
    last = found[query.limit - 1] if len(found) > query.limit else None
    cursor = encode_cursor([last["number"], last["name_key"], last["id"]]) if last else None
    return Page(items=items, next=cursor, total=rows[0]["total"])


async def one(pool: Pool, key: str) -> OrganisationShown | None:
    """An organisation by its id or its official key."""
    async with pool.acquire() as connection:
        shown = await _shown(connection, await connection.fetch(ONE, key))
    return shown[0] if shown else None


async def named(connection: Connection, ids: Iterable[str]) -> dict[str, Named]:
    """Organisations by id; one that is unknown is missing."""
    rows = await connection.fetch(NAMED, list(ids))
    return {row["id"]: Named(id=row["id"], ags=row["ags"], name=row["name"], type=row["type"]) for row in rows}


async def ids_of(connection: Connection, ags: Iterable[str]) -> dict[str, str]:
    """The ids behind official keys; an unknown key is missing."""
    return {row["ags"]: row["id"] for row in await connection.fetch(BY_AGS, list(ags))}


async def names_of(connection: Connection, keys: Iterable[str]) -> dict[str, str]:
    """Names by official key, or by id where there is none."""
    return {row["key"]: row["name"] for row in await connection.fetch(NAMES_OF_KEYS, list(keys))}


async def _shown(connection: Connection, rows: Sequence[asyncpg.Record]) -> list[OrganisationShown]:
    profiles = [Profile.model_validate(row["profile"]) for row in rows]
    municipalities: list[str] = []
    if any(profile.service_area for profile in profiles):
        municipalities = [row["ags"] for row in await connection.fetch(MUNICIPALITIES)]
    return [_entry(row, profile, municipalities) for row, profile in zip(rows, profiles, strict=True)]


def _entry(row: asyncpg.Record, profile: Profile, municipalities: Sequence[str]) -> OrganisationShown:
    area = profile.service_area
    return OrganisationShown(
        id=row["id"],
        name=profile.name,
        type=profile.type,
        type_label=profile.type.label,
        ags=profile.ags,
        district_ags=row["district"],
        regierungsbezirk=profile.regierungsbezirk,
        aliases=profile.aliases,
        latitude=profile.latitude,
        longitude=profile.longitude,
        service_area=_area(area, municipalities) if area else None,
        members=profile.members,
        outside_nrw=profile.outside_nrw,
        note=profile.note,
    )


def _area(area: ServiceArea, municipalities: Sequence[str]) -> ServiceAreaShown:
    return ServiceAreaShown(
        districts=area.districts,
        municipalities=area.municipalities,
        ags=tuple(sorted(area.expanded(municipalities))),
    )
