"""What has to be written about a contact request, and to whom? The answer to `rpc.catalog.contact`."""

from datetime import datetime

import asyncpg

from services.catalog import contact_list, contact_sealing, cooperation_list, project_page
from services.catalog.contact_request import About
from services.catalog.contact_sealing import Address, Letter
from shared.contracts.rpc import ContactAnswered, ContactAsked, ContactLetter, ContactMessage
from shared.kernel.clock import Clock
from shared.kernel.ids import parse_id
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.vault import Vault


async def contact_letter(pool: Pool, vault: Vault, clock: Clock, asked: ContactAsked) -> ContactAnswered:
    """The link for the sender, or the text for the contact; `not_found` without the request."""
    row = await contact_list.by_id(pool, asked.contact_request_id) if parse_id(asked.contact_request_id) else None
    if row is None:
        raise Problem("not_found")
    written = await _written(vault, row)
    title = await title_of(pool, row["about"], row["about_id"])
    if written is None or title is None:
        return ContactAnswered()
    if asked.confirmed:
        return await _for_contact(pool, vault, row, written, title)
    return _for_sender(row, written, title, clock.now())


async def title_of(pool: Pool, about: About, about_id: str) -> str | None:
    """What everybody may read of what a request is about."""
    async with pool.acquire() as connection:
        if about == "project":
            return await project_page.public_title(connection, about_id)
        return await cooperation_list.title(connection, about_id)


async def _written(vault: Vault, row: asyncpg.Record) -> Letter | None:
    return await contact_sealing.opened(vault, row["person_id"], row["vault_subject"], row["sealed"], Letter)


def _for_sender(row: asyncpg.Record, written: Letter, title: str, at: datetime) -> ContactAnswered:
    """The link alone: no word of a form goes to an address that nobody has confirmed."""
    if row["status"] != "received" or row["confirm_by"] <= at:
        return ContactAnswered()
    return ContactAnswered(
        letter=ContactLetter(
            person_id=row["person_id"],
            sender_id=row["person_id"],
            email=written.email,
            about_kind=row["about"],
            about_id=row["about_id"],
            about=title,
            token=written.token,
            confirm_by=row["confirm_by"],
        )
    )


async def _for_contact(pool: Pool, vault: Vault, row: asyncpg.Record, written: Letter, title: str) -> ContactAnswered:
    kept = await contact_list.address_of(pool, row["about"], row["about_id"])
    if row["status"] == "received" or kept is None:
        return ContactAnswered()
    address = await contact_sealing.opened(vault, kept["person_id"], kept["vault_subject"], kept["sealed"], Address)
    if address is None:
        return ContactAnswered()
    return ContactAnswered(
        letter=ContactLetter(
            person_id=kept["person_id"],
            sender_id=row["person_id"],
            email=address.email,
            about_kind=row["about"],
            about_id=row["about_id"],
            about=title,
            message=ContactMessage(
                name=written.name,
                email=written.email,
                organisation_name=written.organisation_name,
                subject=written.subject,
                text=written.text,
            ),
        )
    )
