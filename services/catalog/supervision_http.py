"""The hint at the supervising authority over HTTP, and who takes part as the directory knows them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import asyncpg
from pydantic import BaseModel, ConfigDict, Field

from services.catalog import supervision
from services.catalog.answers import API
from services.catalog.project_content import Ags
from services.catalog.supervision import OUR_LAND, RANK_OF_TYPE, Participant, Place, Rank, SupervisionHint
from services.catalog.vocabulary import LegalForm, OrganisationType
from shared.kernel.http import Answer, Call, Endpoint
from shared.kernel.postgres import Connection, Pool
from shared.kernel.problems import FieldError, Problem
from shared.kernel.texts import Id

PARTICIPANTS = """
SELECT asked.key, o.ags, o.name, o.type, o.profile->>'regierungsbezirk' AS regierungsbezirk, d.name AS district,
    ARRAY(
        SELECT m.type FROM organisation said JOIN organisation m ON m.id = coalesce(said.merged_into, said.id)
        WHERE said.id::text IN (SELECT jsonb_array_elements_text(coalesce(o.profile->'member_ids', '[]')))
        ORDER BY m.type
    ) AS members
FROM unnest($1::text[]) AS asked(key)
JOIN organisation e ON e.id::text = asked.key OR e.ags = asked.key
JOIN organisation o ON o.id = coalesce(e.merged_into, e.id)
LEFT JOIN organisation d ON d.ags = left(o.ags, 5) AND d.type <> 'independent_city_district'
"""
LANDS: dict[str, str] = {
    "01": "Schleswig-Holstein",
    "02": "Hamburg",
    "03": "Niedersachsen",
    "04": "Bremen",
    "06": "Hessen",
    "07": "Rheinland-Pfalz",
    "08": "Baden-Württemberg",
    "09": "Bayern",
    "10": "dem Saarland",
    "11": "Berlin",
    "12": "Brandenburg",
    "13": "Mecklenburg-Vorpommern",
    "14": "Sachsen",
    "15": "Sachsen-Anhalt",
    "16": "Thüringen",
}


class SupervisionQuery(BaseModel):
    """Who wants to cooperate, and how."""

    model_config = ConfigDict(frozen=True)

    ags: Annotated[tuple[Ags, ...], Field(max_length=100)] = Field(default=(), description="Official keys.")
    organisation: Annotated[tuple[Id, ...], Field(max_length=100)] = Field(
        default=(), description="Ids of bodies that have no official key."
    )
    legal_form: LegalForm | None = Field(default=None, description="The law the cooperation is to stand on.")
    seat: Ags | None = Field(default=None, description="The municipality where the new body has its seat.")
    performing: Ags | Id | None = Field(default=None, description="The participant that does the task for the others.")


async def known_of(connection: Connection, keys: Iterable[str]) -> dict[str, Participant]:
    """Participants by id or official key, as the directory knows them; an unknown one is missing."""
    return {row["key"]: _participant(row) for row in await connection.fetch(PARTICIPANTS, list(keys))}


def _participant(row: asyncpg.Record) -> Participant:
    region, district = row["regierungsbezirk"], row["district"]
    return Participant(
        name=row["name"],
        type=OrganisationType(row["type"]),
        ags=row["ags"],
        place=Place(row["name"], district, region) if region or district else None,
        members=tuple(RANK_OF_TYPE.get(OrganisationType(kind), Rank.OTHER) for kind in row["members"]),
    )


def _abroad(ags: str) -> Participant | None:
    """A participant of another state, of which the directory knows nothing but the state."""
    land = LANDS.get(ags[:2])
    return Participant(name=f"Kommune in {land} ({ags})", type=None, ags=ags) if land else None


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the endpoint does."""

    pool: Pool

    async def hint(self, call: Call) -> Answer:
        """The hint for those who are named."""
        query: SupervisionQuery = call.query
        named: list[str] = [*query.ags, *query.organisation]
        more = [key for key in (query.seat, query.performing) if key]
        if not named:
            raise _wrong("ags", "missing", "Bitte nennen Sie mindestens eine Beteiligte.")
        async with self.pool.acquire() as connection:
            known = await known_of(connection, {*named, *more})
        participants = [_one(known, key, "ags" if key in query.ags else "organisation") for key in dict.fromkeys(named)]
        if query.performing and query.performing not in named:
            raise _wrong("performing", "not_a_participant", "Wer die Aufgabe übernimmt, muss beteiligt sein.")
        told = _performing(participants, known.get(query.performing or ""))
        seat = _one(known, query.seat, "seat").place if query.seat else None
        if query.seat and seat is None:
            raise _wrong("seat", "outside_nrw", "Der Sitz muss in Nordrhein-Westfalen liegen.")
        return Answer(supervision.hint(told, query.legal_form, seat))


def _one(known: Mapping[str, Participant], key: str, parameter: str) -> Participant:
    found = known.get(key) or (None if key.startswith(OUR_LAND) else _abroad(key))
    if found is None:
        raise _wrong(parameter, "unknown_organisation", f"Diese Stelle ist nicht im Verzeichnis: {key}.")
    return found


def _performing(participants: Sequence[Participant], who: Participant | None) -> list[Participant]:
    return [replace(each, performs=True) if each == who else each for each in participants]


def _wrong(parameter: str, code: str, detail: str) -> Problem:
    return Problem("invalid_query", errors=[FieldError(parameter, code, detail)])


def endpoints(pool: Pool) -> list[Endpoint]:
    """The one hint."""
    do = Handlers(pool)
    return [
        Endpoint(
            "GET",
            f"{API}/supervision-hint",
            do.hint,
            "Read which authority probably supervises a cooperation (§ 29 GkG NRW), as a hint",
            query=SupervisionQuery,
            answer=SupervisionHint,
            description="A hint from the law's text and the participants; it is no legal advice.",
        ),
    ]
