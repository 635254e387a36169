"""Where to write to about registrations? The answer to `rpc.events.addresses`, asked when a message is sent."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from services.events import feedback_token, registration_list
from services.events.participant import Contact, open_contacts
from services.events.session_list import session_row
from shared.contracts.rpc import AddressesAnswered, AddressesAsked, RegistrantAddress
from shared.kernel.postgres import Pool
from shared.kernel.vault import Vault


async def addresses(pool: Pool, vault: Vault, asked: AddressesAsked) -> AddressesAnswered:
    """The present contact of each registration that is known, and how it stands now."""
    rows = await registration_list.by_ids(pool, asked.registration_ids)
    contacts = await open_contacts(vault, rows)
    of_session: dict[str, list[tuple[Any, Contact]]] = defaultdict(list)
    for row, contact in zip(rows, contacts, strict=True):
        if contact is not None:
            of_session[row["session_id"]].append((row, contact))
    found = [
        address
        for session_id, people in of_session.items()
        for address in await _of_session(pool, vault, session_id, people, feedback=asked.feedback)
    ]
    return AddressesAnswered(addresses=tuple(found))


async def _of_session(
    pool: Pool, vault: Vault, session_id: str, people: Sequence[tuple[Any, Contact]], *, feedback: bool
) -> list[RegistrantAddress]:
    found = await session_row(pool, session_id)
    link = found.life.content.access_link if found else None
    ids = [row["registration_id"] for row, _ in people]
    tokens = await feedback_token.tokens(vault, session_id, ids) if feedback else None
    return [
        RegistrantAddress(
            registration_id=row["registration_id"],
            person_id=row["person_id"],
            email=contact.email,
            name=contact.name,
            token=contact.token,
            status=row["status"],
            access_link=link if row["status"] == "confirmed" else None,
            feedback_token=tokens[number] if tokens else None,
        )
        for number, (row, contact) in enumerate(people)
    ]
