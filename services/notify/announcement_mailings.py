"""Which announcements go out by mail? The read model of what was ordered: each time one row, until it is stopped."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import asyncpg

from services.notify.announcement import ANNOUNCEMENT
from services.notify.announcement_content import MailPlan
from services.notify.announcement_events import (
    AnnouncementCorrected,
    AnnouncementDrafted,
    AnnouncementEvent,
    AnnouncementPublished,
    AnnouncementRevised,
    AnnouncementScheduled,
    AnnouncementWithdrawn,
    InvitedReminded,
    MailingPlanned,
    MailingStopped,
    ScheduleCancelled,
)
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

KEEP = """
INSERT INTO announcement_mailing (announcement_id, version, purpose, ordered_at, keyed_at, note, plan)
SELECT announcement_id, version, purpose, ordered_at, keyed_at, note, plan
FROM jsonb_to_recordset($1::jsonb) AS m(announcement_id uuid, version bigint, purpose text, ordered_at timestamptz,
    keyed_at timestamptz, note text, plan jsonb)
ON CONFLICT (announcement_id, version) DO NOTHING
"""
STOP = """
UPDATE announcement_mailing m SET stopped_at = s.at
FROM jsonb_to_recordset($1::jsonb) AS s(announcement_id uuid, version bigint, at timestamptz)
WHERE m.announcement_id = s.announcement_id AND m.version < s.version AND m.stopped_at IS NULL
"""
# What was ordered too long ago is not told any more, whatever has become of it. Followers are told of the same event by
# a mailing of their own: the event alone does not say that this one is under way.
ORDERED = """
SELECT a.announcement_id::text, a.version, a.purpose, a.ordered_at, a.keyed_at, a.note, n.kind
FROM announcement_mailing a JOIN news n ON n.id = a.announcement_id
WHERE a.stopped_at IS NULL AND a.ordered_at > $1 AND n.status = 'published'
  AND NOT EXISTS (
    SELECT FROM mailing g
    WHERE g.cause = 'announcement-' || a.announcement_id || '@' || a.version AND g.matter = 'announcements'
  )
ORDER BY a.ordered_at, a.announcement_id, a.version LIMIT $2
"""
OF_ONE = """
SELECT a.announcement_id::text, a.version, a.purpose, a.ordered_at, a.note, a.stopped_at, g.id AS mailing_id,
       g.state AS expansion, g.halt, g.problem,
       coalesce(m.waiting, 0) AS waiting, coalesce(m.delivered, 0) AS delivered, coalesce(m.other, 0) AS other
FROM announcement_mailing a
LEFT JOIN mailing g ON g.cause = 'announcement-' || a.announcement_id || '@' || a.version AND g.matter = 'announcements'
LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE state IN ('waiting', 'sending', 'held')) AS waiting,
           count(*) FILTER (WHERE state = 'delivered') AS delivered,
           count(*) FILTER (WHERE state NOT IN ('waiting', 'sending', 'held', 'delivered')) AS other
    FROM message WHERE mailing_id = g.id
) m ON true
WHERE a.announcement_id = $1::uuid ORDER BY a.version
"""
# Followers who have not been told by then are told no more, either.
TO_STOP = """
SELECT g.id FROM announcement_mailing a
JOIN mailing g ON g.cause = 'announcement-' || a.announcement_id || '@' || a.version
WHERE a.stopped_at > $1 AND g.state <> 'abandoned' AND (g.halt IS NULL OR g.halt = 'paused')
LIMIT $2
"""
TO_BEGIN = """
SELECT EXISTS (
    SELECT FROM announcement_mailing a JOIN news n ON n.id = a.announcement_id AND n.status = 'published'
    WHERE a.announcement_id = $1::uuid AND a.purpose = 'announcement' AND a.stopped_at IS NULL
      AND NOT EXISTS (
        SELECT FROM mailing g
        WHERE g.cause = 'announcement-' || a.announcement_id || '@' || a.version AND g.matter = 'announcements'
      )
)
"""
STOPPED = """
SELECT stopped_at IS NOT NULL FROM announcement_mailing WHERE announcement_id = $1::uuid AND version = $2
"""
MAILED = "SELECT plan FROM announcement_mailing WHERE announcement_id = $1::uuid AND purpose = 'announcement'"

type Purpose = Literal["announcement", "correction", "reminder"]


async def project(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Keeps what was ordered and what was stopped. Loaded history is mailed to nobody."""
    ours = [each for each in recorded if isinstance(each.event, ANNOUNCEMENT.events)]
    ordered = [row for each in ours if not each.history and (row := _ordered(each))]
    stopped = [
        {"announcement_id": each.aggregate_id, "version": each.version, "at": each.event.at}
        for each in ours
        if isinstance(each.event, MailingStopped | AnnouncementWithdrawn)
    ]
    if ordered:
        await connection.execute(KEEP, ordered)
    if stopped:
        await connection.execute(STOP, stopped)


MAILINGS = Projection("announcement mailings", ("announcement_mailing",), project)


def _ordered(each: Recorded[AnnouncementEvent]) -> dict[str, Any] | None:
    """The row of what an event has mailed; None for what goes to nobody."""
    event_id = {"announcement_id": each.aggregate_id, "version": each.version}
    row = event_id | {"ordered_at": each.event.at, "keyed_at": each.event.at}
    match each.event:
        case AnnouncementPublished() as event:
            if event.mailing is None:
                return None
            keyed = {"keyed_at": event.scheduled_for} if event.scheduled_for else {}
            return row | keyed | {"purpose": "announcement", "plan": event.mailing.model_dump(mode="json")}
        case AnnouncementCorrected() as event:
            return row | {"purpose": "correction", "note": event.note} if event.mailed else None
        case InvitedReminded():
            return row | {"purpose": "reminder"}
        case AnnouncementDrafted() | AnnouncementRevised() | MailingPlanned() | AnnouncementScheduled():
            return None
        case ScheduleCancelled() | MailingStopped() | AnnouncementWithdrawn():
            return None


@dataclass(frozen=True, slots=True)
class Ordered:
    """Something that is to go out and is not under way yet."""

    announcement_id: str
    version: int
    purpose: Purpose
    ordered_at: datetime
    keyed_at: datetime
    note: str | None
    invitation: bool

    @property
    def cause(self) -> str:
        """The id of the event that ordered it."""
        return f"announcement-{self.announcement_id}@{self.version}"


async def ordered(connection: Connection, since: datetime, limit: int) -> list[Ordered]:
    """What is to go out and was ordered after `since`."""
    return [
        Ordered(
            row["announcement_id"],
            row["version"],
            row["purpose"],
            row["ordered_at"],
            row["keyed_at"],
            row["note"],
            row["kind"] == "invitation",
        )
        for row in await connection.fetch(ORDERED, since, limit)
    ]


async def to_stop(pool: Pool, since: datetime, limit: int) -> list[int]:
    """The mailings of what was stopped after `since`, as far as they are not halted for good."""
    return [row["id"] for row in await pool.fetch(TO_STOP, since, limit)]


async def is_to_begin(pool: Pool, announcement_id: str) -> bool:
    """Whether it is to be mailed, and nobody has begun with it."""
    found: bool = await pool.fetchval(TO_BEGIN, announcement_id)
    return found


async def is_stopped(pool: Pool, announcement_id: str, version: int) -> bool:
    """Whether nobody more gets what was ordered then."""
    stopped: bool | None = await pool.fetchval(STOPPED, announcement_id, version)
    return stopped is not False


async def of_one(pool: Pool, announcement_id: str) -> list[asyncpg.Record]:
    """Every time that an announcement went out, and how far that is."""
    return await pool.fetch(OF_ONE, announcement_id)


async def plan_of(pool: Pool, announcement_id: str) -> MailPlan | None:
    """How an announcement was mailed, if it was."""
    plan = await pool.fetchval(MAILED, announcement_id)
    return MailPlan.model_validate(plan) if plan else None
