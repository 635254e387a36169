"""Where is a person's own calendar, and what stands in it? The read model of addresses, what fills it, its questions.

Registrations that stand are in it, sure places as CONFIRMED and all others as TENTATIVE. Who withdrew, or let a
registration lapse, knows and finds it gone.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
from pydantic import BaseModel, ConfigDict

from services.events.calendar_address import CalendarAddressGiven, CalendarAddressRevoked
from services.events.calendar_entry import Own, entry, finished
from services.events.life import Life
from services.events.life_kept import read_life
from services.events.registration_list import STANDING
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded
from shared.kernel.vault import Vault

GIVE = """
INSERT INTO calendar_address (person_id, version, token_hash, sealed) VALUES ($1, $2, $3, $4)
ON CONFLICT (person_id) DO UPDATE SET
    version = excluded.version, token_hash = excluded.token_hash, sealed = excluded.sealed
WHERE calendar_address.version < excluded.version
"""
REVOKE = "DELETE FROM calendar_address WHERE person_id = $1 AND version < $2"
OF_PERSON = "SELECT person_id, sealed FROM calendar_address WHERE person_id = $1"
BY_HASH = "SELECT person_id, sealed FROM calendar_address WHERE token_hash = $1"
SESSIONS = """
SELECT r.session_id, r.status, r.received_at, page.life, page.changed_at, v.title AS series
FROM registration r
JOIN session_view s USING (session_id)
JOIN session_page page USING (session_id)
LEFT JOIN series_view v USING (series_id)
WHERE r.person_id = $1 AND r.status = ANY($2)
ORDER BY s.begins, s.session_id
"""
NOT_SURE: Mapping[str, str] = {
    "received": "Ihre Anmeldung ist noch nicht bestätigt.",
    "waitlisted": "Sie stehen auf der Warteliste.",
}
OTHERWISE = "Ihr Platz ist noch nicht sicher."


class Token(BaseModel):
    """What an address is known by, as it is sealed."""

    model_config = ConfigDict(frozen=True)

    token: str


async def project(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
    """Keeps the address that stands of each person."""
    for recorded in events:
        match recorded.event:
            case CalendarAddressGiven() as given:
                await connection.execute(GIVE, given.person_id, recorded.version, given.token_hash, given.sealed)
            case CalendarAddressRevoked() as revoked:
                await connection.execute(REVOKE, revoked.person_id, recorded.version)
            case _:  # of another aggregate
                pass


PROJECTION = Projection("calendar_addresses", ("calendar_address",), project)


async def seal(vault: Vault, person_id: str, token: str) -> str:
    """The token as it is kept, so that who asks again is told the same address."""
    return await vault.seal(person_id, _purpose(person_id), Token(token=token))


async def token_of(pool: Pool, vault: Vault, person_id: str) -> str | None:
    """The token of the address that the person has now; None without one, and of the erased."""
    return await _opened(vault, await pool.fetchrow(OF_PERSON, person_id))


async def owner(pool: Pool, vault: Vault, token_hash: str) -> str | None:
    """Whose address this is. Nobody's once the person is erased, even while a read model still names them."""
    row = await pool.fetchrow(BY_HASH, token_hash)
    return None if row is None or await _opened(vault, row) is None else row["person_id"]


async def entries(pool: Pool, person_id: str, public_url: str) -> list[str]:
    """The person's sessions by date, with the way into those where the place is sure."""
    rows = await pool.fetch(SESSIONS, person_id, STANDING)
    return [text for row in rows if (text := _entry(row, public_url)) is not None]


def _entry(row: asyncpg.Record, public_url: str) -> str | None:
    life = read_life(row["life"])
    begun = entry(life, row["changed_at"], _own(row["status"], life, row["received_at"]))
    return None if begun is None else finished(begun, row["session_id"], row["series"], public_url)


def _own(status: str, life: Life, received_at: dt.datetime) -> Own:
    """What the entry says to this person only. Nobody needs the way into what does not take place."""
    if status != "confirmed":
        return Own(certain=False, lines=(NOT_SURE.get(status, OTHERWISE),), changed_at=received_at)
    link = life.content.access_link if life.when.day and life.stage != "cancelled" else None
    return Own(certain=True, lines=(f"Zugang: {link}",) if link else (), changed_at=received_at)


async def _opened(vault: Vault, row: asyncpg.Record | None) -> str | None:
    plain = row and await vault.open(row["person_id"], _purpose(row["person_id"]), row["sealed"])
    return Token.model_validate_json(plain).token if plain else None


def _purpose(person_id: str) -> str:
    return f"calendar_address/{person_id}"
