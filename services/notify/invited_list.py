"""Who was invited by an announcement, by which link, and what was answered? The rows, the read model of answers.

The link's token follows from announcement and person by a key of the announcement's own, so it is the same however
often a mail is sent; here only its SHA-256 is kept.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid5

import asyncpg

from services.notify.invited import InvitationAccepted, InvitationDeclined
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded
from shared.kernel.vault import Vault

BYTES = 18

INVITE = """
INSERT INTO invited (announcement_id, person_id, token_digest, invited_at)
SELECT $1::uuid, person_id, token_digest, $4 FROM unnest($2::text[], $3::bytea[]) AS i(person_id, token_digest)
ON CONFLICT DO NOTHING
"""
OF_LINK = """
SELECT i.announcement_id::text, i.person_id, n.content, a.answer
FROM invited i JOIN news n ON n.id = i.announcement_id AND n.status = 'published'
LEFT JOIN invited_answer a USING (announcement_id, person_id)
WHERE i.token_digest = $1
"""
ANSWER = """
INSERT INTO invited_answer (id, announcement_id, person_id, version, answer, answered_at)
SELECT id, announcement_id, person_id, version, answer, answered_at
FROM jsonb_to_recordset($1::jsonb) AS a(id uuid, announcement_id uuid, person_id text, version bigint, answer text,
    answered_at timestamptz)
WHERE NOT EXISTS (SELECT FROM vault v WHERE v.person_id = a.person_id AND v.erased_at IS NOT NULL)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, answer = excluded.answer, answered_at = excluded.answered_at
WHERE invited_answer.version < excluded.version
"""
# Whose mail was stopped, or not sent for another reason, was not invited.
COUNT = """
SELECT (SELECT count(*) FROM invited WHERE announcement_id = $1::uuid) - (
           SELECT count(*) FROM message m JOIN mailing g ON g.id = m.mailing_id AND m.state = 'withheld'
           WHERE g.matter = 'announcements' AND g.cause = ANY(
               SELECT 'announcement-' || a.announcement_id || '@' || a.version FROM announcement_mailing a
               WHERE a.announcement_id = $1::uuid AND a.purpose = 'announcement'
           )
       ) AS invited,
       (SELECT count(*) FROM invited_answer WHERE announcement_id = $1::uuid AND answer = 'accepted') AS accepted,
       (SELECT count(*) FROM invited_answer WHERE announcement_id = $1::uuid AND answer = 'declined') AS declined
"""
OPEN = """
SELECT i.person_id FROM invited i
WHERE i.announcement_id = $1::uuid AND i.person_id > $2
  AND NOT EXISTS (
    SELECT FROM invited_answer a WHERE a.announcement_id = i.announcement_id AND a.person_id = i.person_id
  )
ORDER BY i.person_id LIMIT $3
"""
ANSWERED = """
SELECT person_id FROM invited_answer WHERE announcement_id = $1::uuid AND person_id = ANY($2::text[])
"""
FORGET = "DELETE FROM invited WHERE person_id = ANY($1::text[])"
FORGET_ANSWERS = "DELETE FROM invited_answer WHERE person_id = ANY($1::text[])"


@dataclass(frozen=True, slots=True)
class Found:
    """An invitation that is still open to its recipient."""

    announcement_id: str
    person_id: str
    content: dict[str, Any]
    answer: Literal["accepted", "declined"] | None

    @property
    def id(self) -> UUID:
        """What its answers are kept under; it follows from what makes it one."""
        return uuid5(UUID(self.announcement_id), self.person_id)


async def project(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Keeps what everybody answered last."""
    answers: dict[str, dict[str, Any]] = {}
    for each in recorded:
        if isinstance(each.event, InvitationAccepted | InvitationDeclined):
            answers[each.aggregate_id] = {
                "id": each.aggregate_id,
                "announcement_id": each.event.announcement_id,
                "person_id": each.event.person_id,
                "version": each.version,
                "answer": "accepted" if isinstance(each.event, InvitationAccepted) else "declined",
                "answered_at": each.event.at,
            }
    if answers:
        await connection.execute(ANSWER, list(answers.values()))


ANSWERS = Projection("answers to invitations", ("invited_answer",), project)


def key_of(announcement_id: str) -> str:
    """The key of an announcement's links, by its name in the vault."""
    return f"announcement/{announcement_id}/links"


async def tokens(vault: Vault, announcement_id: str, person_ids: Sequence[str]) -> list[str] | None:
    """The token of each person's link, the same each time; None when there is no key."""
    mark = await vault.marker(key_of(announcement_id))
    if mark is None:
        return None
    return [base64.urlsafe_b64encode(mark(person_id)[:BYTES]).decode() for person_id in person_ids]


def digest(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


async def invite(pool: Pool, vault: Vault, announcement_id: str, person_ids: Sequence[str], at: datetime) -> None:
    """Writes down who gets a link; who has one keeps it."""
    await vault.ensure(key_of(announcement_id))
    given = await tokens(vault, announcement_id, person_ids) or []
    await pool.execute(INVITE, announcement_id, list(person_ids), list(map(digest, given)), at)


async def by_token(pool: Pool, token: str) -> Found | None:
    """The invitation that a link leads to; none once its announcement is withdrawn."""
    row = await pool.fetchrow(OF_LINK, digest(token))
    return Found(**row) if row else None


async def count(pool: Pool, announcement_id: str) -> asyncpg.Record:
    """How many were invited, come, and do not."""
    row = await pool.fetchrow(COUNT, announcement_id)
    assert row is not None
    return row


async def still_open(pool: Pool, announcement_id: str, after: str, limit: int) -> list[str]:
    """Those who were invited and have not answered, in the order of ids."""
    return [row["person_id"] for row in await pool.fetch(OPEN, announcement_id, after, limit)]


async def answered(pool: Pool, announcement_id: str, person_ids: Sequence[str]) -> set[str]:
    """Which of these people have answered."""
    return {row["person_id"] for row in await pool.fetch(ANSWERED, announcement_id, list(person_ids))}


async def forget(connection: Connection, person_ids: Sequence[str]) -> None:
    """Deletes the links and answers of these people."""
    await connection.execute(FORGET, person_ids)
    await connection.execute(FORGET_ANSWERS, person_ids)
