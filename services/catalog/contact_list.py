"""What waits for contacts, and where are they reached? Read models of contact requests and addresses, all sealed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from services.catalog.contact_address import ContactAddressRemoved, ContactAddressSet
from services.catalog.contact_request import (
    ContactRequestConfirmed,
    ContactRequestLapsed,
    ContactRequestPassedOn,
    ContactRequestReceived,
    ContactRequestUndeliverable,
    ContactTextForgotten,
)
from services.catalog.cooperation_request import CooperationRequestClosed
from services.catalog.project import ProjectArchived
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

ENTER = """
INSERT INTO contact_request (id, about, about_id, person_id, token_hash, vault_subject, sealed, status, confirm_by,
                             kept_since)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'received', $8, $9)
ON CONFLICT (id) DO NOTHING
"""
STEP = "UPDATE contact_request SET status = $2, kept_since = $3 WHERE id = $1::uuid"
LAPSE = "UPDATE contact_request SET status = 'lapsed', sealed = NULL, person_id = NULL WHERE id = $1::uuid"
FORGET = "UPDATE contact_request SET sealed = NULL, person_id = NULL WHERE id = $1::uuid"
REMOVE = "DELETE FROM contact_request WHERE id = $1::uuid"
SET_ADDRESS = """
INSERT INTO contact_address (about_id, about, person_id, vault_subject, sealed) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (about_id) DO UPDATE SET about = excluded.about, person_id = excluded.person_id,
    vault_subject = excluded.vault_subject, sealed = excluded.sealed
"""
REMOVE_ADDRESS = "DELETE FROM contact_address WHERE about_id = $1::uuid"
NO_USE = "UPDATE contact_address SET unused_since = $2 WHERE about_id = $1::uuid"
LEAVE = "INSERT INTO vault_leftover (vault_subject) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING"

BY_LINK = """
SELECT id::text, about, about_id::text, person_id, vault_subject, sealed, status, confirm_by
FROM contact_request WHERE token_hash = $1
"""
BY_ID = """
SELECT id::text, about, about_id::text, person_id, vault_subject, sealed, status, confirm_by
FROM contact_request WHERE id = $1::uuid
"""
ADDRESS = "SELECT person_id, vault_subject, sealed FROM contact_address WHERE about_id = $1::uuid AND about = $2"
POSSIBLE = "SELECT about_id::text FROM contact_address WHERE about_id = ANY($1::uuid[])"
LAPSED = """
SELECT id::text FROM contact_request
WHERE status = 'received' AND sealed IS NOT NULL AND confirm_by <= $1 ORDER BY confirm_by LIMIT $2
"""
KEPT_LONG_ENOUGH = """
SELECT id::text FROM contact_request
WHERE sealed IS NOT NULL AND status <> 'received' AND kept_since <= $1
  AND (status <> 'confirmed' OR kept_since <= $1 - $3::interval)
ORDER BY kept_since LIMIT $2
"""
OF_PERSON = "SELECT id::text FROM contact_request WHERE person_id = $1 AND sealed IS NOT NULL LIMIT $2"
UNUSED = """
SELECT about_id::text FROM contact_address WHERE unused_since <= $1 ORDER BY unused_since LIMIT $2
"""
ADDRESSES_OF = "SELECT about_id::text FROM contact_address WHERE person_id = $1 LIMIT $2"

ON_ITS_WAY = timedelta(days=14)
"""For so long more a confirmed text is kept of which nobody has said whether it arrived."""

STATUS_AFTER = {
    ContactRequestConfirmed: "confirmed",
    ContactRequestPassedOn: "passed_on",
    ContactRequestUndeliverable: "undeliverable",
}


async def project_requests(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Keeps every contact request but those of erased people; keys of what is forgotten are left to be destroyed."""
    leftovers: list[str] = []
    for each in recorded:
        match each.event:
            case ContactRequestReceived() as event:
                await connection.execute(ENTER, *_entry(event))
            case ContactRequestConfirmed() | ContactRequestPassedOn() | ContactRequestUndeliverable() as event:
                await connection.execute(STEP, event.contact_request_id, STATUS_AFTER[type(event)], event.at)
            case ContactRequestLapsed() as event:
                await connection.execute(LAPSE, event.contact_request_id)
                leftovers.append(event.vault_subject)
            case ContactTextForgotten() as event:
                await connection.execute(REMOVE if event.cause == "erasure" else FORGET, event.contact_request_id)
                leftovers.append(event.vault_subject)
            case _:  # of another aggregate, or a link that was asked for again
                pass
    if leftovers:
        await connection.execute(LEAVE, leftovers)


def _entry(event: ContactRequestReceived) -> tuple[Any, ...]:
    return (
        event.contact_request_id,
        event.about,
        event.about_id,
        event.person_id,
        event.token_hash,
        event.vault_subject,
        event.sealed,
        event.confirm_by,
        event.at,
    )


async def project_addresses(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Keeps every contact's present address; keys of former ones are left to be destroyed."""
    leftovers: list[str] = []
    for each in recorded:
        match each.event:
            case ContactAddressSet() as event:
                await connection.execute(
                    SET_ADDRESS, event.about_id, event.about, event.person_id, event.vault_subject, event.sealed
                )
                leftovers += [event.replaces] if event.replaces else []
            case ContactAddressRemoved() as event:
                await connection.execute(REMOVE_ADDRESS, event.about_id)
                leftovers.append(event.vault_subject)
            case CooperationRequestClosed() as event:
                await connection.execute(NO_USE, event.cooperation_request_id, event.at)
            case ProjectArchived() as event:
                await connection.execute(NO_USE, event.project_id, event.at)
            case _:  # of another aggregate, or nothing that ends it
                pass
    if leftovers:
        await connection.execute(LEAVE, leftovers)


CONTACT_REQUESTS = Projection("contact_requests", ("contact_request",), project_requests)
CONTACT_ADDRESSES = Projection("contact_addresses", ("contact_address",), project_addresses)


async def by_token_hash(pool: Pool, token_hash: str) -> asyncpg.Record | None:
    """The contact request a link leads to."""
    return await pool.fetchrow(BY_LINK, token_hash)


async def by_id(pool: Pool, contact_request_id: str) -> asyncpg.Record | None:
    """One contact request."""
    return await pool.fetchrow(BY_ID, contact_request_id)


async def address_of(connection: Pool | Connection, about: str, about_id: str) -> asyncpg.Record | None:
    """The sealed address of a contact, if there is one."""
    return await connection.fetchrow(ADDRESS, about_id, about)


async def possible(connection: Pool | Connection, about_ids: Sequence[str]) -> set[str]:
    """Which of these have an address that texts can be passed on to."""
    return {row["about_id"] for row in await connection.fetch(POSSIBLE, about_ids)}


async def lapsed(pool: Pool, at: datetime, limit: int) -> list[str]:
    """The requests that nobody confirmed in time."""
    return [row["id"] for row in await pool.fetch(LAPSED, at, limit)]


async def kept_long_enough(pool: Pool, at: datetime, retention: timedelta, limit: int) -> list[str]:
    """The requests whose text is no longer needed."""
    return [row["id"] for row in await pool.fetch(KEPT_LONG_ENOUGH, at - retention, limit, ON_ITS_WAY)]


async def unused(pool: Pool, at: datetime, retention: timedelta, limit: int) -> list[str]:
    """What ended so long ago that nobody needs its contact's address."""
    return [row["about_id"] for row in await pool.fetch(UNUSED, at - retention, limit)]


async def of_person(pool: Pool, person_id: str, limit: int) -> tuple[list[str], list[str]]:
    """A person's requests that hold a text, and what their own address is kept for."""
    requests = await pool.fetch(OF_PERSON, person_id, limit)
    addresses = await pool.fetch(ADDRESSES_OF, person_id, limit)
    return [row["id"] for row in requests], [row["about_id"] for row in addresses]
