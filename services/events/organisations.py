"""What kind of body is an organisation of the directory, and where? What the catalogue tells, kept for counting.

Regions follow from the official key (AGS): two digits for the state, one for the Regierungsbezirk, two for the
district. The rest is heard by the contract `organisation.changed`, which always tells the whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.contracts.catalog import OrganisationChanged
from shared.kernel.inbox import Effect, Received
from shared.kernel.postgres import Connection, Pool

KEEP = """
INSERT INTO organisation_known (organisation_id, name, organisation_type, ags, size_class, merged_into)
SELECT organisation_id, name, organisation_type, ags, size_class, merged_into
FROM jsonb_to_recordset($1::jsonb) AS o(
    organisation_id text, name text, organisation_type text, ags text, size_class text, merged_into text)
ON CONFLICT (organisation_id) DO UPDATE SET
    name = excluded.name, organisation_type = excluded.organisation_type, ags = excluded.ags,
    size_class = excluded.size_class, merged_into = excluded.merged_into
"""
# Who was merged is whom it was merged into, step by step; nobody goes in circles for ever.
KNOWN = """
WITH RECURSIVE meant AS (
    SELECT asked.id AS asked, asked.id AS organisation_id, 0 AS steps FROM unnest($1::text[]) AS asked(id)
    UNION ALL
    SELECT m.asked, o.merged_into, m.steps + 1
    FROM meant m JOIN organisation_known o USING (organisation_id)
    WHERE o.merged_into IS NOT NULL AND m.steps < 10
)
SELECT DISTINCT ON (m.asked) m.asked, o.organisation_id, o.name, o.organisation_type, o.ags, o.size_class
FROM meant m JOIN organisation_known o USING (organisation_id)
ORDER BY m.asked, m.steps DESC
"""
DISTRICTS = """
SELECT ags, name FROM organisation_known
WHERE ags = ANY($1::text[]) OR (length(ags) = 8 AND ags = ANY(SELECT key || '000' FROM unnest($1::text[]) AS key))
"""

NRW = "05"
REGIONS: Mapping[str, str] = {
    "051": "Regierungsbezirk Düsseldorf",
    "053": "Regierungsbezirk Köln",
    "055": "Regierungsbezirk Münster",
    "057": "Regierungsbezirk Detmold",
    "059": "Regierungsbezirk Arnsberg",
}
TYPES: Mapping[str, str] = {
    "independent_city": "Kreisfreie Stadt",
    "independent_city_district": "Kreisebene einer kreisfreien Stadt",
    "district": "Kreis",
    "city_region": "Städteregion Aachen",
    "town": "Kreisangehörige Stadt",
    "municipality": "Kreisangehörige Gemeinde",
    "regional_association": "Landschaftsverband (LVR, LWL)",
    "ruhr_regional_association": "Regionalverband Ruhr",
    "special_purpose_association": "Zweckverband",
    "municipal_enterprise": "Kommunales Unternehmen / AöR",
    "it_service_provider": "Kommunaler IT-Dienstleister",
    "municipal_association": "Kommunaler Spitzenverband",
    "district_government": "Bezirksregierung",
    "ministry": "Ministerium",
    "leader_region": "LEADER-Region",
    "hospital": "Krankenhaus / Klinikum",
    "cultural_institution": "Museum / Kultureinrichtung",
    "university": "Hochschule / Forschung",
    "audit_institution": "Gemeindeprüfungsanstalt",
    "municipality_outside_nrw": "Kommune außerhalb von NRW",
    "federal_agency": "Bundesbehörde",
    "private_body": "Private / Verein / Unternehmen",
}
SIZE_CLASSES: Mapping[str, str] = {
    "rural_municipality": "Landgemeinde (unter 5.000)",
    "smaller_small_town": "Kleine Kleinstadt (5.000 bis unter 10.000)",
    "larger_small_town": "Größere Kleinstadt (10.000 bis unter 20.000)",
    "smaller_medium_town": "Kleine Mittelstadt (20.000 bis unter 50.000)",
    "larger_medium_town": "Große Mittelstadt (50.000 bis unter 100.000)",
    "smaller_city": "Kleinere Großstadt (100.000 bis unter 500.000)",
    "larger_city": "Große Großstadt (ab 500.000)",
}


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation of the directory, as much as counting needs. `ags` has five digits or eight."""

    organisation_id: str
    name: str
    organisation_type: str
    ags: str | None = None
    size_class: str | None = None

    @property
    def outside(self) -> bool:
        """Whether it is known to lie outside North Rhine-Westphalia."""
        return self.organisation_type == "municipality_outside_nrw" or bool(self.ags and self.ags[:2] != NRW)

    @property
    def district(self) -> str | None:
        """The district's five-digit key."""
        return None if self.outside or not self.ags else self.ags[:5]

    @property
    def region(self) -> str | None:
        """The key of the Regierungsbezirk."""
        return None if self.outside or not self.ags else self.ags[:3]


def effect() -> Effect:
    """What this service does when an organisation is new or another: it remembers what it is told."""

    async def remember(connection: Connection, changed: Sequence[Received[OrganisationChanged]]) -> None:
        newest = {received.data.organisation_id: _row(received.data) for received in changed}
        await connection.execute(KEEP, list(newest.values()))

    return Effect(OrganisationChanged, remember)


def _row(told: OrganisationChanged) -> dict[str, Any]:
    return told.model_dump(include={"organisation_id", "name", "organisation_type", "ags", "size_class", "merged_into"})


async def known(pool: Pool, organisation_ids: Sequence[str]) -> dict[str, Organisation]:
    """Those of the organisations that are known, by the ids they were asked for; a merged one is what it went into."""
    rows = await pool.fetch(KNOWN, list(organisation_ids)) if organisation_ids else []
    return {
        row["asked"]: Organisation(
            row["organisation_id"], row["name"], row["organisation_type"], row["ags"], row["size_class"]
        )
        for row in rows
    }


async def district_names(pool: Pool, keys: Sequence[str]) -> dict[str, str]:
    """The names of districts by their five-digit keys; of an independent city the city's own."""
    rows = await pool.fetch(DISTRICTS, list(keys)) if keys else []
    return {row["ags"][:5]: row["name"] for row in sorted(rows, key=lambda row: len(row["ags"]))}
