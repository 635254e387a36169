"""What is known of somebody who is invited to a session: how they stand in it, and how they last called themselves."""

from typing import Any

import asyncpg
from pydantic import BaseModel, ConfigDict

from services.events.participant import open_contacts
from services.events.registration import Status
from services.events.registration_http import STATUS_LABELS
from shared.kernel.endpoint import Answer, Call, Endpoint
from shared.kernel.postgres import Pool
from shared.kernel.vault import Vault

# The last registration for this session, and the last of all: who withdrew and came again has several.
LAST = """
SELECT registration_id, session_id, person_id, status, organisation_id, sealed FROM (
    SELECT registration_id, session_id, person_id, status, organisation_id, sealed, received_at,
           row_number() OVER (PARTITION BY session_id = $2 ORDER BY received_at DESC, registration_id DESC) AS place
    FROM registration WHERE person_id = $1
) AS r
WHERE place = 1
ORDER BY received_at DESC
"""


class KnownPerson(BaseModel):
    """`status` is that of the registration for the session, if there is one; the rest is from the latest one."""

    model_config = ConfigDict(frozen=True)

    status: Status | None = None
    status_label: str | None = None
    name: str | None = None
    organisation_id: str | None = None
    organisation_name: str | None = None


async def known_person(pool: Pool, vault: Vault, session_id: str, person_id: str) -> KnownPerson:
    """What is known of a person; nothing of one who was erased or was never here."""
    rows: list[asyncpg.Record] = await pool.fetch(LAST, person_id, session_id)
    contacts = await open_contacts(vault, rows)
    known: dict[str, Any] = {}
    for row, contact in zip(rows, contacts, strict=True):
        if contact is None:
            continue
        if row["session_id"] == session_id:
            known |= {"status": row["status"], "status_label": STATUS_LABELS[row["status"]]}
        if "name" not in known:
            known |= {
                "name": contact.name,
                "organisation_id": row["organisation_id"],
                "organisation_name": contact.organisation_name,
            }
    return KnownPerson(**known)


def endpoints(pool: Pool, vault: Vault) -> list[Endpoint]:
    """For the gateway, which shows it to whoever holds the link that proves the address."""

    async def of_session(call: Call) -> Answer:
        return Answer(await known_person(pool, vault, call.path_id(), call.path_id("person_id")))

    return [
        Endpoint(
            "GET",
            "/internal/sessions/{id}/people/{person_id}",
            of_session,
            "What is known of somebody who is invited to a session",
            answer=KnownPerson,
        )
    ]
