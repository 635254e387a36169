"""Which organisations are there, and which one is meant? The directory: found by name, alias, epithet, key, area."""

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import islice
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from services.catalog.findable import LONGEST_KEY
from services.catalog.naming import name_keys, sort_key
from services.catalog.newer_code import left_to_newer_code
from services.catalog.organisation import (
    DistrictAgs,
    MunicipalityAgs,
    OrganisationChanged,
    OrganisationMerged,
    OrganisationRegistered,
    Profile,
    ServiceArea,
)
from services.catalog.size_class import SizeClass
from services.catalog.vocabulary import OrganisationType
from shared.kernel.http import Page, Paging, decode_cursor, next_after
from shared.kernel.ids import parse_id
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

KEEP = """
INSERT INTO organisation (id, version, ags, name, name_key, keys, type, district, service_districts,
                          service_municipalities, profile)
SELECT r.id, r.version, r.ags, r.name, r.name_key, r.keys, r.type, r.district, r.service_districts,
       r.service_municipalities, r.profile
FROM jsonb_to_recordset($1::jsonb) AS r(id uuid, version bigint, ags text, name text, name_key text, keys text,
     type text, district text, service_districts text[], service_municipalities text[], profile jsonb)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, ags = excluded.ags, name = excluded.name,
    name_key = excluded.name_key, keys = excluded.keys, type = excluded.type, district = excluded.district,
    service_districts = excluded.service_districts, service_municipalities = excluded.service_municipalities,
    profile = excluded.profile
"""
# Whatever led to the entry that goes leads to the one that stays: one step always finds it.
MERGE = """
UPDATE organisation SET merged_into = $2::uuid, version = CASE WHEN id = $1::uuid THEN $3 ELSE version END
WHERE id = $1::uuid OR merged_into = $1::uuid
"""

# A name is `|key|key|`: $1 is the key of what was asked, $2 the same without an epithet; both null lists everything.
# A name that is meant exactly comes first, then those that begin so, contain it, or resemble it where nothing fits.
# Names of an entry that was merged find the one that stays.
FOUND = """
WITH named AS (
    SELECT coalesce(merged_into, id) AS id, CASE
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
    SELECT id, max(fits)::float8 AS fits FROM named WHERE fits IS NOT NULL GROUP BY id
    UNION ALL
    SELECT id, max(resembles) - 1 FROM named
    WHERE resembles >= 0.5 AND NOT EXISTS (SELECT FROM named WHERE fits IS NOT NULL) GROUP BY id
), kept AS (
    SELECT o.id, o.version, o.ags, o.name, o.name_key, o.type, o.district, o.profile, -f.fits AS number
    FROM found f JOIN organisation o USING (id)
    WHERE ($3::text[] IS NULL OR o.ags = ANY($3))
      AND ($4::text[] IS NULL OR o.type = ANY($4))
      AND ($5::int IS NULL OR length(o.ags) = $5)
      AND ($6::text[] IS NULL OR o.district = ANY($6))
      AND ($7::text IS NULL OR left($7, 5) = ANY(o.service_districts) OR $7 = ANY(o.service_municipalities))
)
SELECT t.total, k.id::text, k.version, k.ags, k.name, k.name_key, k.type, k.district, k.profile, k.number
FROM (SELECT count(*) AS total FROM kept) t LEFT JOIN LATERAL (
    SELECT * FROM kept
    WHERE $8::float8 IS NULL OR (number, name_key, id) > ($8, $9::text, $10::uuid)
    ORDER BY number, name_key, id LIMIT $11
) k ON true
"""
# What was merged answers as the entry that stays.
ONE = """
SELECT o.id::text, o.version, o.ags, o.name, o.type, o.district, o.profile, asked.id <> o.id AS led_here
FROM organisation asked JOIN organisation o ON o.id = coalesce(asked.merged_into, asked.id)
WHERE asked.id::text = $1 OR asked.ags = $1
"""
NAMED = """
SELECT asked.id::text AS asked, o.id::text, o.ags, o.name, o.type
FROM organisation asked JOIN organisation o ON o.id = coalesce(asked.merged_into, asked.id)
WHERE asked.id = ANY($1::uuid[])
"""
BY_KEY = """
SELECT asked.key, o.id::text FROM unnest($1::text[]) AS asked(key)
JOIN organisation e ON e.id::text = asked.key OR e.ags = asked.key
JOIN organisation o ON o.id = coalesce(e.merged_into, e.id)
"""
BY_AGS = "SELECT ags, id::text FROM organisation WHERE ags = ANY($1::text[])"
NAMES_OF_KEYS = """
SELECT asked.key, o.name FROM unnest($1::text[]) AS asked(key)
JOIN organisation e ON e.id::text = asked.key OR e.ags = asked.key
JOIN organisation o ON o.id = coalesce(e.merged_into, e.id)
"""
SAME_BODIES = """
SELECT DISTINCT key FROM organisation e
JOIN organisation o ON coalesce(o.merged_into, o.id) = coalesce(e.merged_into, e.id)
CROSS JOIN LATERAL unnest(ARRAY[o.id::text, o.ags]) AS key
WHERE (e.id::text = ANY($1::text[]) OR e.ags = ANY($1::text[])) AND key IS NOT NULL
"""
# Entries with a name that is one of $1, or nearly; the same one without its epithet is the same.
ALIKE = """
SELECT o.id::text, o.ags, o.name, o.type, max(similarity(kept.key, asked.key)) AS alike
FROM organisation e
JOIN organisation o ON o.id = coalesce(e.merged_into, e.id)
CROSS JOIN LATERAL unnest(string_to_array(btrim(e.keys, '|'), '|')) AS kept(key)
CROSS JOIN unnest($1::text[]) AS asked(key)
WHERE similarity(kept.key, asked.key) >= 0.6
GROUP BY o.id ORDER BY alike DESC, o.name_key, o.id LIMIT 5
"""
MOST_COMPARED = 10
# Every entry with whom it means now: of those that were merged, the one that stays.
EVERYTHING = """
SELECT e.id::text AS entry_id, e.ags AS entry_ags, e.keys, o.id::text, o.ags, o.name, o.type,
       (o.profile->>'latitude')::float8 AS latitude, (o.profile->>'longitude')::float8 AS longitude
FROM organisation e JOIN organisation o ON o.id = coalesce(e.merged_into, e.id)
ORDER BY e.id
"""
MUNICIPALITIES = "SELECT ags FROM organisation WHERE length(ags) = 8 AND profile->>'dissolved_on' IS NULL"

CURSOR: TypeAdapter[tuple[float, str, UUID]] = TypeAdapter(tuple[float, str, UUID])


class OrganisationQuery(Paging):
    """What the directory can be asked for."""

    q: Annotated[str, StringConstraints(max_length=200)] | None = Field(
        default=None, description="Name, alias or part of one; epithets (Stadt, Alte Hansestadt) and spelling aside."
    )
    ags: tuple[DistrictAgs | MunicipalityAgs, ...] | None = Field(default=None, description="Official keys.")
    type: tuple[OrganisationType, ...] | None = Field(default=None, description="What kind of body it is.")
    level: Literal["municipality", "district"] | None = Field(
        default=None, description="The 396 municipalities or the 53 districts and cities of that rank."
    )
    district: tuple[DistrictAgs, ...] | None = Field(default=None, description="Municipalities of these districts.")
    serves: MunicipalityAgs | None = Field(default=None, description="Bodies whose service area covers this key.")


class ServiceAreaShown(ServiceArea):
    """A service area with the keys of all municipalities in it."""

    ags: tuple[str, ...]


class OrganisationShown(BaseModel):
    """An organisation as the directory answers it. `aliases` are further names it is found by.

    `size_class` and `population` are known of municipalities where an official file was imported. `merged_into` is this
    entry's id where what was asked for is another that was merged into it.
    """

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
    population: int | None
    population_as_of: date | None
    size_class: SizeClass | None
    size_class_label: str | None
    member_ids: tuple[str, ...]
    dissolved_on: date | None
    successors: tuple[str, ...]
    version: int
    merged_into: str | None = None


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


class Meant(Named):
    """An organisation that a name or a key means, and where it lies."""

    latitude: float | None
    longitude: float | None


async def project(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Keeps the newest entry of every organisation, and where those lead that were merged."""
    newest = {
        each.aggregate_id: each
        for each in recorded
        if isinstance(each.event, OrganisationRegistered | OrganisationChanged)
    }
    if newest:
        await connection.execute(KEEP, [_row(key, each.event.profile, each.version) for key, each in newest.items()])
    for each in recorded:
        if isinstance(each.event, OrganisationMerged):
            await connection.execute(MERGE, each.event.organisation_id, each.event.into, each.version)


def keys_of(profile: Profile) -> str:
    """Every key an organisation is found by, as `|key|key|`."""
    keys = dict.fromkeys(key for name in (profile.name, *profile.aliases) for key in name_keys(name))
    return f"|{'|'.join(keys)}|"


def _row(organisation_id: str, profile: Profile, version: int = 0) -> dict[str, Any]:
    area = profile.service_area or ServiceArea()
    return {
        "id": organisation_id,
        "version": version,
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
    asked = [key[:LONGEST_KEY] for key in name_keys(query.q)] if query.q else []
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
    return Page(items=items, next=next_after(found, query.limit, "number", "name_key", "id"), total=rows[0]["total"])


async def one(pool: Pool, key: str) -> OrganisationShown | None:
    """An organisation by its id or its official key; by the id of an entry that was merged, the one that stays."""
    async with pool.acquire() as connection:
        rows = await connection.fetch(ONE, key)
        shown = await _shown(connection, rows)
    if not shown:
        return None
    return shown[0].model_copy(update={"merged_into": shown[0].id}) if rows[0]["led_here"] else shown[0]


async def named(connection: Connection, ids: Iterable[str]) -> dict[str, Named]:
    """Organisations by id; the id of a merged entry gives the one that stays, and one that is unknown is missing."""
    rows = await connection.fetch(NAMED, list(ids))
    return {row["asked"]: _named(row) for row in rows}


async def everything(connection: Connection) -> list[tuple[str, str | None, str, Meant]]:
    """Every entry: its id, its official key, `|key|key|` of its names, and whom it means now."""
    rows = await connection.fetch(EVERYTHING)
    return [(row["entry_id"], row["entry_ags"], row["keys"], _meant(row)) for row in rows]


def _meant(row: asyncpg.Record) -> Meant:
    with left_to_newer_code(f"organisation {row['id']}"):
        return Meant(
            id=row["id"],
            ags=row["ags"],
            name=row["name"],
            type=row["type"],
            latitude=row["latitude"],
            longitude=row["longitude"],
        )


async def ids_by_key(connection: Connection, keys: Iterable[str]) -> dict[str, str]:
    """Present ids by id or official key; an unknown key is missing."""
    return {row["key"]: row["id"] for row in await connection.fetch(BY_KEY, list(keys))}


async def same_bodies(connection: Connection, keys: Iterable[str]) -> set[str]:
    """All ids and official keys that mean the bodies that these mean, whatever was merged; unknown ones stay."""
    asked = list(keys)
    return {*asked, *(row["key"] for row in await connection.fetch(SAME_BODIES, asked))}


async def ids_meaning(connection: Connection, *keys: str) -> frozenset[str]:
    """All ids that mean the bodies that these ids or official keys mean; an id that is unknown means itself."""
    return frozenset(filter(parse_id, await same_bodies(connection, keys)))


async def alike(connection: Connection, names: Iterable[str]) -> list[Named]:
    """The entries that one of these names may mean, the likeliest first; five at most. Ten names are looked at."""
    keys = list(dict.fromkeys(key for name in islice(names, MOST_COMPARED) for key in name_keys(name)))
    return [_named(row) for row in await connection.fetch(ALIKE, keys)]


def _named(row: asyncpg.Record) -> Named:
    with left_to_newer_code(f"organisation {row['id']}"):
        return Named(id=row["id"], ags=row["ags"], name=row["name"], type=row["type"])


async def ids_of(connection: Connection, ags: Iterable[str]) -> dict[str, str]:
    """The ids behind official keys; an unknown key is missing."""
    return {row["ags"]: row["id"] for row in await connection.fetch(BY_AGS, list(ags))}


async def names_of(connection: Connection, keys: Iterable[str]) -> dict[str, str]:
    """Names by official key, or by id where there is none."""
    return {row["key"]: row["name"] for row in await connection.fetch(NAMES_OF_KEYS, list(keys))}


async def _shown(connection: Connection, rows: Sequence[asyncpg.Record]) -> list[OrganisationShown]:
    profiles = [_profile(row) for row in rows]
    municipalities: list[str] = []
    if any(profile.service_area for profile in profiles):
        municipalities = [row["ags"] for row in await connection.fetch(MUNICIPALITIES)]
    return [_entry(row, profile, municipalities) for row, profile in zip(rows, profiles, strict=True)]


def _profile(row: asyncpg.Record) -> Profile:
    with left_to_newer_code(f"organisation {row['id']}"):
        return Profile.model_validate(row["profile"])


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
        population=profile.population,
        population_as_of=profile.population_as_of,
        size_class=profile.size_class,
        size_class_label=profile.size_class.label if profile.size_class else None,
        member_ids=profile.member_ids,
        dissolved_on=profile.dissolved_on,
        successors=profile.successors,
        version=row["version"],
    )


def _area(area: ServiceArea, municipalities: Sequence[str]) -> ServiceAreaShown:
    return ServiceAreaShown(
        districts=area.districts,
        municipalities=area.municipalities,
        ags=tuple(sorted(area.expanded(municipalities))),
    )
