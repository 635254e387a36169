"""What does the gateway itself keep about a person? Address, tokens made for it, and what was changed with these."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

import orjson

from services.gateway.people import People
from shared.contracts.rpc import AboutPersonAsked, KeptRecord
from shared.kernel.about_person import Source, detail

ADDRESS = """
SELECT person_id::text, address, created_at FROM person
WHERE person_id = $1 AND person_id::text > $2 LIMIT $3
"""
LINKS = """
SELECT link_id::text, expires_at FROM data_link
WHERE person_id = $1 AND link_id::text > $2 ORDER BY link_id::text LIMIT $3
"""
TOKENS = """
SELECT encode(digest, 'hex') AS place, label, role, organisation::text, created_at, revoked_at FROM token
WHERE lookup = $1 AND encode(digest, 'hex') > $2 ORDER BY place LIMIT $3
"""
ACTORS = "SELECT DISTINCT 'token:' || label AS actor FROM token WHERE lookup = $1"
CHANGES = """
SELECT number, at, actor, method, path, status FROM audit
WHERE actor = ANY($1) AND number > $2 ORDER BY number LIMIT $3
"""
ROLES = {"member": "Mitglied einer Stelle", "editor": "Redaktion", "operator": "Betrieb"}
CHANGES_STAY = (
    "Das Protokoll der Änderungen nennt den Namen des Zugangs und keine Person. Wer den Zugang hatte, ist nach dem "
    "Löschen nicht mehr festzustellen."
)
NUMBER_DIGITS = 20
NOBODY = str(UUID(int=0))
"""The id to ask with where no person was ever made."""
IS_KEPT = "SELECT EXISTS (SELECT FROM person WHERE person_id = $1)"

type Lookup = bytes | None
type Record = tuple[str, KeptRecord]


def sources(people: People, lookup: bytes | None) -> tuple[Source, ...]:
    """Everything with people in it; `lookup` finds the tokens made for the person's address."""
    return (
        Source(("person",), partial(_address, people)),
        Source(("data_link",), partial(_links, people)),
        Source(("token",), partial(_tokens, people, lookup)),
        Source(("audit",), partial(_changes, people, lookup)),
    )


async def _address(people: People, asked: AboutPersonAsked, after: str, limit: int) -> Sequence[Record]:
    rows = await people.pool.fetch(ADDRESS, UUID(asked.person_id), after, limit)
    opened = await people.vault.open_many([(row["person_id"], "address", row["address"]) for row in rows])
    return [
        (
            row["person_id"],
            KeptRecord(
                kind="person",
                label="E-Mail-Adresse",
                details=(
                    detail("person_id", "Kennung", row["person_id"]),
                    detail("email", "E-Mail-Adresse", orjson.loads(plain)["address"] if plain else None),
                    detail("created_at", "Gespeichert seit", row["created_at"]),
                ),
            ),
        )
        for row, plain in zip(rows, opened, strict=True)
    ]


async def _links(people: People, asked: AboutPersonAsked, after: str, limit: int) -> Sequence[Record]:
    rows = await people.pool.fetch(LINKS, UUID(asked.person_id), after, limit)
    return [
        (
            row["link_id"],
            KeptRecord(
                kind="data_link",
                label="Link zu Ihren Daten",
                details=(detail("expires_at", "Gilt bis", row["expires_at"]),),
            ),
        )
        for row in rows
    ]


async def _tokens(people: People, lookup: Lookup, _: AboutPersonAsked, after: str, limit: int) -> Sequence[Record]:
    rows = await people.pool.fetch(TOKENS, lookup, after, limit)
    return [
        (
            row["place"],
            KeptRecord(
                kind="token",
                label="Zugang",
                details=(
                    detail("label", "Name des Zugangs", row["label"]),
                    detail("role", "Rolle", row["role"], ROLES[row["role"]]),
                    detail("organisation_id", "Kennung der Stelle", row["organisation"]),
                    detail("created_at", "Ausgestellt", row["created_at"]),
                    detail("revoked_at", "Beendet", row["revoked_at"]),
                ),
            ),
        )
        for row in rows
    ]


async def _changes(people: People, lookup: Lookup, _: AboutPersonAsked, after: str, limit: int) -> Sequence[Record]:
    actors = [row["actor"] for row in await people.pool.fetch(ACTORS, lookup)]
    rows = await people.pool.fetch(CHANGES, actors, int(after or 0), limit) if actors else []
    return [
        (
            f"{row['number']:0{NUMBER_DIGITS}}",
            KeptRecord(
                kind="change",
                label="Änderung mit einem Zugang",
                details=(
                    detail("at", "Wann", row["at"]),
                    detail("actor", "Zugang", row["actor"]),
                    detail("method", "Art", row["method"]),
                    detail("path", "Wo", row["path"]),
                    detail("status", "Ergebnis", row["status"]),
                ),
                stays=CHANGES_STAY,
            ),
        )
        for row in rows
    ]
