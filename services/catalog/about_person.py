"""What is kept here about a person? The answer to `rpc.catalog.about_person`: nothing in it is of anybody else.

Projects, cooperation requests and undertakings name organisations and functions, and nobody by an id.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from services.catalog import contact_sealing
from services.catalog.contact_letter import title_of
from services.catalog.contact_sealing import Address, Letter
from shared.contracts.rpc import AboutPersonAsked, Detail, KeptRecord
from shared.kernel.about_person import Source, detail, details_of
from shared.kernel.postgres import Pool
from shared.kernel.vault import Vault

REQUESTS = """
SELECT id::text, about, about_id::text, person_id, vault_subject, sealed, status, confirm_by, kept_since
FROM contact_request WHERE person_id = $1 AND id::text > $2 ORDER BY id::text LIMIT $3
"""
ADDRESSES = """
SELECT about_id::text, about, person_id, vault_subject, sealed, unused_since
FROM contact_address WHERE person_id = $1 AND about_id::text > $2 ORDER BY about_id::text LIMIT $3
"""
PENDING = "SELECT person_id FROM contact_erasure WHERE person_id = $1 AND person_id > $2 LIMIT $3"
ABOUT = {"project": "Projekt", "cooperation_request": "Kooperationsgesuch"}
STATUS_LABELS = {
    "received": "Eingegangen, noch nicht bestätigt",
    "confirmed": "Bestätigt, wird weitergeleitet",
    "passed_on": "Weitergeleitet",
    "undeliverable": "Nicht zustellbar",
    "lapsed": "Verfallen",
}

type Record = tuple[str, KeptRecord]


def sources(pool: Pool, vault: Vault) -> tuple[Source, ...]:
    """Everything with people in it, in the order in which it is told."""
    return (
        Source(("contact_request",), partial(_requests, pool, vault)),
        Source(("contact_address",), partial(_addresses, pool, vault)),
        Source(("contact_erasure",), partial(_pending, pool)),
    )


async def _requests(pool: Pool, vault: Vault, asked: AboutPersonAsked, after: str, limit: int) -> Sequence[Record]:
    rows = await pool.fetch(REQUESTS, asked.person_id, after, limit)
    return [(row["id"], await _request(pool, vault, row)) for row in rows]


async def _request(pool: Pool, vault: Vault, row: Any) -> KeptRecord:
    letter = await contact_sealing.opened(vault, row["person_id"], row["vault_subject"], row["sealed"], Letter)
    return KeptRecord(
        kind="contact_request",
        label="Nachricht an eine Ansprechstelle",
        details=(
            *await _about(pool, row),
            detail("status", "Stand", row["status"], STATUS_LABELS[row["status"]]),
            detail("since", "Seit", row["kept_since"]),
            *details_of(letter, name="Name", email="E-Mail-Adresse", organisation_name="Stelle"),
            *details_of(letter, subject="Betreff", text="Ihre Nachricht"),
        ),
    )


async def _addresses(pool: Pool, vault: Vault, asked: AboutPersonAsked, after: str, limit: int) -> Sequence[Record]:
    rows = await pool.fetch(ADDRESSES, asked.person_id, after, limit)
    return [(row["about_id"], await _address(pool, vault, row)) for row in rows]


async def _address(pool: Pool, vault: Vault, row: Any) -> KeptRecord:
    address = await contact_sealing.opened(vault, row["person_id"], row["vault_subject"], row["sealed"], Address)
    return KeptRecord(
        kind="contact_address",
        label="Adresse für Nachrichten",
        details=(
            *await _about(pool, row),
            *details_of(address, email="E-Mail-Adresse"),
            detail("unused_since", "Nicht mehr gebraucht seit", row["unused_since"]),
        ),
    )


async def _about(pool: Pool, row: Any) -> tuple[Detail, ...]:
    label, title = ABOUT[row["about"]], await title_of(pool, row["about"], row["about_id"])
    return (
        detail("about_kind", "Art", row["about"], label),
        detail("about_id", "Kennung", row["about_id"]),
        detail("about", label, title, None if title else "nicht öffentlich"),
    )


async def _pending(pool: Pool, asked: AboutPersonAsked, after: str, limit: int) -> Sequence[Record]:
    rows = await pool.fetch(PENDING, asked.person_id, after, limit)
    return [(row["person_id"], KeptRecord(kind="erasure", label="Wird gerade gelöscht")) for row in rows]
