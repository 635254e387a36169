"""What is kept here about a person? The answer to `rpc.notify.about_person`: nothing in it is of anybody else."""

from collections.abc import Mapping, Sequence
from functools import partial

import asyncpg

from services.notify import about_notices, about_subscriber
from services.notify.address_mark import AddressMarks
from services.notify.texts import Text
from shared.contracts.rpc import AboutPersonAsked, KeptRecord
from shared.kernel.about_person import Source, detail, readable
from shared.kernel.postgres import Pool
from shared.kernel.vault import Vault

MESSAGES = """
SELECT m.id, m.kind, m.channel, m.state, m.created_at, m.finished_at, m.reason, m.session_id, m.registration_id,
       array(SELECT a.at FROM attempt a WHERE a.message_id = m.id ORDER BY a.number) AS tried,
       array(SELECT a.outcome FROM attempt a WHERE a.message_id = m.id ORDER BY a.number) AS outcomes
FROM message m
WHERE m.person_id = $1 AND m.id > coalesce(nullif($2, '')::uuid, '00000000-0000-0000-0000-000000000000')
ORDER BY m.id LIMIT $3
"""
STATES = {
    "waiting": "wartet",
    "sending": "wird gesendet",
    "delivered": "zugestellt",
    "bounced": "nicht zugestellt",
    "failed": "fehlgeschlagen",
    "withheld": "nicht gesendet",
}
OUTCOMES = {
    "delivered": "zugestellt",
    "refused": "abgelehnt",
    "deferred": "aufgeschoben",
    "lost": "Verbindung abgebrochen",
    "failed": "fehlgeschlagen",
}
CHANNELS = {"email": "E-Mail", "portal": "Portal"}


def sources(pool: Pool, vault: Vault, texts: Mapping[str, Text], marks: AddressMarks) -> tuple[Source, ...]:
    """Everything with people in it, in the order in which it is told."""
    return (
        *about_subscriber.sources(pool, vault),
        Source(("message", "attempt"), partial(_messages, pool, texts)),
        *about_notices.sources(pool, marks),
    )


async def _messages(
    pool: Pool, texts: Mapping[str, Text], asked: AboutPersonAsked, after: str, limit: int
) -> Sequence[tuple[str, KeptRecord]]:
    rows = await pool.fetch(MESSAGES, asked.person_id, after, limit)
    return [(str(row["id"]), _message(row, texts)) for row in rows]


def _message(row: asyncpg.Record, texts: Mapping[str, Text]) -> KeptRecord:
    text = texts.get(row["kind"])
    return KeptRecord(
        kind="message",
        label="Nachricht an Sie",
        details=(
            detail("message_id", "Kennung", str(row["id"])),
            detail("kind", "Anlass", row["kind"], text.label if text else None),
            detail("channel", "Weg", row["channel"], CHANNELS.get(row["channel"])),
            detail("state", "Stand", row["state"], STATES.get(row["state"])),
            detail("created_at", "Geschrieben", row["created_at"]),
            detail("finished_at", "Erledigt", row["finished_at"]),
            detail("reason", "Grund", row["reason"]),
            detail("session_id", "Kennung der Veranstaltung", row["session_id"]),
            detail("registration_id", "Kennung der Anmeldung", row["registration_id"]),
            *(
                detail(
                    f"attempts/{number}", f"{number}. Versuch", at, f"{readable(at)}: {OUTCOMES.get(outcome, outcome)}"
                )
                for number, (at, outcome) in enumerate(zip(row["tried"], row["outcomes"], strict=True), 1)
            ),
        ),
    )
