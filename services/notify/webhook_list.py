"""Which webhooks are there, and how do they fare? As their owners, and those who tell them, see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg
from pydantic import BaseModel, Field, TypeAdapter

from services.notify.webhook import (
    Reason,
    Secret,
    WebhookDisabled,
    WebhookEnabled,
    WebhookEvent,
    WebhookRegistered,
    WebhookRemoved,
    WebhookRevised,
    WebhookSecretRotated,
)
from shared.kernel.paging import Page, Paging, decode_cursor, next_after
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

KEEP = """
INSERT INTO webhook (id, version, organisation_id, status, url, types, description, reason, note, created_at,
                     disabled_at, secrets)
SELECT w.id, w.version, w.organisation_id, w.status, w.url, w.types, w.description, w.reason, w.note, w.created_at,
       w.disabled_at, w.secrets
FROM jsonb_to_recordset($1::jsonb) AS w(id uuid, version bigint, organisation_id text, status text, url text,
    types text[], description text, reason text, note text, created_at timestamptz, disabled_at timestamptz,
    secrets jsonb)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, status = excluded.status, url = excluded.url,
    types = excluded.types, description = excluded.description, reason = excluded.reason, note = excluded.note,
    disabled_at = excluded.disabled_at, secrets = excluded.secrets
WHERE webhook.version < excluded.version
"""
KEPT = """
SELECT id::text, version, organisation_id, status, url, types, description, reason, note, created_at, disabled_at,
       secrets
FROM webhook WHERE id = ANY($1::uuid[])
"""
LIST = """
WITH mine AS (
    SELECT id, version, organisation_id, status, url, types, description, reason, note, created_at, disabled_at, secrets
    FROM webhook WHERE status <> 'removed' AND ($1 OR organisation_id = $2)
), page AS (
    SELECT * FROM mine WHERE $3::uuid IS NULL OR id < $3 ORDER BY id DESC LIMIT $4
)
SELECT t.total, p.id::text, p.version, p.organisation_id, p.status, p.url, p.types, p.description, p.reason, p.note,
       p.created_at, p.disabled_at, p.secrets, l.failures, l.failing_since, l.next_at, l.delivered_at,
       (SELECT count(*) FROM webhook_delivery d WHERE d.webhook_id = p.id AND d.state = 'waiting') AS waiting
FROM (SELECT count(*) AS total FROM mine) t LEFT JOIN page p ON true LEFT JOIN webhook_line l ON l.webhook_id = p.id
ORDER BY p.id DESC
"""
ONE = """
SELECT w.id::text, w.version, w.organisation_id, w.status, w.url, w.types, w.description, w.reason, w.note,
       w.created_at, w.disabled_at, w.secrets, l.failures, l.failing_since, l.next_at, l.delivered_at,
       (SELECT count(*) FROM webhook_delivery d WHERE d.webhook_id = w.id AND d.state = 'waiting') AS waiting
FROM webhook w LEFT JOIN webhook_line l ON l.webhook_id = w.id
WHERE w.id = $1 AND w.status <> 'removed'
"""
COUNT = "SELECT count(*) FROM webhook WHERE status <> 'removed' AND organisation_id IS NOT DISTINCT FROM $1"
ALONE = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' webhooks ' || coalesce($1, ''), 0))"
CURSOR: TypeAdapter[tuple[UUID]] = TypeAdapter(tuple[UUID])


class WebhookQuery(Paging):
    """A page of them."""


class ShownSecret(BaseModel):
    """That there is a secret; what it reads is shown once, to whoever makes it."""

    id: str
    made_at: datetime
    until: datetime | None


class ShownWebhook(BaseModel):
    """A webhook. `reason` says why one is disabled: `asked`, `gone` (the receiver answered 410) or `failing`."""

    id: str
    version: int
    organisation_id: str | None = Field(description="Whose it is; null: the operator's own.")
    url: str
    types: tuple[str, ...]
    description: str
    status: Literal["enabled", "disabled"]
    reason: Reason | None
    note: str | None
    created_at: datetime
    disabled_at: datetime | None
    secrets: tuple[ShownSecret, ...] = Field(description="The newest first; every one signs until it ends.")
    waiting: int = Field(description="How many deliveries are still to be made.")
    failures: int = Field(description="How many attempts have failed since the last that did not.")
    failing_since: datetime | None
    next_attempt_at: datetime | None = Field(description="While it fails: when it is tried again.")
    delivered_at: datetime | None = Field(description="When something last got through.")


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where to send, and what to sign with."""

    webhook_id: str
    url: str
    secrets: tuple[Secret, ...]


async def project(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Keeps every webhook as its last event left it; of a removed one nothing but that it was there."""
    ours = [each for each in recorded if each.stream.startswith("webhook-")]
    known = {row["id"]: dict(row) for row in await connection.fetch(KEPT, [each.aggregate_id for each in ours])}
    for each in ours:
        row = known.get(each.aggregate_id, {})
        if each.version > row.get("version", 0):
            known[each.aggregate_id] = row | _change(each.event) | {"id": each.aggregate_id, "version": each.version}
    if ours:
        await connection.execute(KEEP, list(known.values()))


def _change(event: WebhookEvent) -> dict[str, Any]:
    match event:
        case WebhookRegistered():
            owner = {"organisation_id": event.organisation_id, "created_at": event.at}
            return owner | _enabled() | event.wanted.model_dump() | {"secrets": _plain([event.secret])}
        case WebhookRevised():
            return event.wanted.model_dump()
        case WebhookSecretRotated():
            return {"secrets": _plain(event.secrets)}
        case WebhookEnabled():
            return _enabled()
        case WebhookDisabled():
            return {"status": "disabled", "reason": event.reason, "note": event.note, "disabled_at": event.at}
        case WebhookRemoved():
            return {"status": "removed", "url": "", "types": [], "description": "", "note": None, "secrets": []}


def _enabled() -> dict[str, Any]:
    return {"status": "enabled", "reason": None, "note": None, "disabled_at": None}


def _plain(secrets: Sequence[Secret]) -> list[dict[str, Any]]:
    return [secret.model_dump(mode="json") for secret in secrets]


WEBHOOKS = Projection("webhooks", ("webhook",), project)


async def listed(pool: Pool, query: WebhookQuery, organisation_id: str | None) -> Page[ShownWebhook]:
    """The newest first: those of an organisation, or everybody's when none is named."""
    (after,) = decode_cursor(query.cursor, CURSOR) if query.cursor else (None,)
    rows = await pool.fetch(LIST, organisation_id is None, organisation_id, after, query.limit + 1)
    found = [row for row in rows if row["id"] is not None]
    return Page(
        items=[_shown(row) for row in found[: query.limit]],
        next=next_after(found, query.limit, "id"),
        total=rows[0]["total"],
    )


async def one(pool: Pool, webhook_id: str) -> ShownWebhook | None:
    """A webhook that was not removed."""
    row = await pool.fetchrow(ONE, webhook_id)
    return _shown(row) if row else None


async def receivers(pool: Pool, webhook_ids: Sequence[str]) -> dict[str, Receiver]:
    """Those of these that are there, by id."""
    rows = await pool.fetch(KEPT, webhook_ids)
    return {
        row["id"]: Receiver(row["id"], row["url"], tuple(map(Secret.model_validate, row["secrets"])))
        for row in rows
        if row["status"] != "removed"
    }


async def count(connection: Connection, organisation_id: str | None) -> int:
    """How many an organisation has, or the operator. Nobody else counts them until the transaction ends."""
    await connection.execute(ALONE, organisation_id)
    found: int = await connection.fetchval(COUNT, organisation_id)
    return found


def _shown(row: asyncpg.Record) -> ShownWebhook:
    values = dict(row)
    secrets = [Secret.model_validate(secret) for secret in values.pop("secrets")]
    next_at = values.pop("next_at")
    return ShownWebhook.model_validate(
        values
        | {
            "secrets": [{"id": each.secret_id, "made_at": each.made_at, "until": each.until} for each in secrets],
            "failures": values["failures"] or 0,
            "next_attempt_at": next_at if values["failures"] else None,
        }
    )
