"""Quiet hours: what can wait is not sent to people in hours and on weekends in which they want to be left alone.

They are those of the clock on the wall in Berlin. These do not wait: what one person did or waits for, a session of the
next two days that is postponed, cancelled, moved or takes place after all (for its registrants), what says when it is
sent by itself (reminders, digests), and what would be pointless by then. What waits is sent earlier when something is
written that does not wait and must not overtake it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from services.notify.german import BERLIN
from services.notify.kind import Priority
from services.notify.matter import Mailing
from shared.contracts.events import SessionCancelled, SessionPostponed, SessionReinstated, SessionRelocated
from shared.kernel.postgres import Connection

# Of those who have just been written to. Messages are looked up by person, whatever statistics say: there may have been
# none a second ago, and a look at all of a mailing for each of its pages takes as long as all pages together.
QUIET = """
SELECT person_id, quiet_from, quiet_until, quiet_weekends FROM subscriber
WHERE (quiet_from IS NOT NULL OR quiet_weekends) AND person_id IN (SELECT jsonb_array_elements_text($1::jsonb))
"""
DISTURBED = """
SELECT m.id, m.person_id, m.expires_at
FROM unnest($3::text[]) AS quiet(person_id) CROSS JOIN LATERAL (
    SELECT id, person_id, expires_at FROM message
    WHERE person_id = quiet.person_id AND mailing_id = ANY($1::bigint[])
      AND state = 'waiting' AND attempts = 0 AND held_until IS NULL AND ready_at <= $2
    OFFSET 0
) AS m
"""
HOLD = """
UPDATE message m SET ready_at = h.until, held_until = h.until
FROM unnest($1::uuid[], $2::timestamptz[]) AS h (id, until) WHERE m.id = h.id
"""
LET_GO = """
UPDATE message o SET ready_at = $2, held_until = NULL
FROM jsonb_array_elements_text($3::jsonb) AS told(person_id) CROSS JOIN LATERAL (
    SELECT lane, seq FROM message
    WHERE person_id = told.person_id AND mailing_id = ANY($1::bigint[]) AND state = 'waiting' AND held_until IS NULL
    OFFSET 0
) AS m
WHERE o.lane = m.lane AND o.seq < m.seq AND o.held_until IS NOT NULL AND o.state = 'waiting'
"""
ANYBODY_WAITS = "SELECT EXISTS (SELECT FROM message WHERE held_until IS NOT NULL AND state = 'waiting')"

WEEKEND = frozenset({6, 7})
SOON = timedelta(hours=48)
TIMED = frozenset({"digest", "reminder", "subscription_confirm", "subscription_link"})
URGENT = (SessionPostponed, SessionCancelled, SessionRelocated, SessionReinstated)
MOST_MOVES = 4


@dataclass(frozen=True, slots=True)
class Quiet:
    """When somebody wants to be left alone, by the clock on the wall; over midnight where it ends before it begins."""

    begins: time | None = None
    ends: time | None = None
    weekends: bool = False


def over(quiet: Quiet, at: datetime) -> datetime:
    """The first moment from `at` on that is not quiet."""
    local = at.astimezone(BERLIN)
    for _ in range(MOST_MOVES):
        later = _moved(quiet, local)
        if later is None:
            break
        local = later
    return max(at, local.astimezone(at.tzinfo))


def _moved(quiet: Quiet, local: datetime) -> datetime | None:
    """The end of what is quiet at a moment; None when nothing is."""
    if quiet.weekends and local.isoweekday() in WEEKEND:
        return _on_the_wall(local, time(0), days=8 - local.isoweekday())
    begins, ends = quiet.begins, quiet.ends
    if begins is None or ends is None or begins == ends:
        return None
    now = local.time()
    if begins < ends:
        return _on_the_wall(local, ends) if begins <= now < ends else None
    if now >= begins:
        return _on_the_wall(local, ends, days=1)
    return _on_the_wall(local, ends) if now < ends else None


def _on_the_wall(local: datetime, clock: time, days: int = 0) -> datetime:
    """A time of a day; one that the clock leaves out in spring is that much later."""
    at = datetime.combine(local.date() + timedelta(days=days), clock, BERLIN)
    return at.astimezone(UTC).astimezone(BERLIN)


def waits(mailing: Mailing, now: datetime) -> bool:
    """Whether what is told may wait until somebody's quiet hours are over."""
    if mailing.priority is Priority.PERSONAL or mailing.kind in TIMED:
        return False
    return not (mailing.matter == "sessions" and _urgent(mailing.what, now))


def _urgent(cause: Any, now: datetime) -> bool:
    if not isinstance(cause, URGENT):
        return False
    begins = [cause.starts_at]
    if isinstance(cause, SessionPostponed):
        begins.append(cause.previous.starts_at)
    return any(begin is not None and begin - now < SOON for begin in begins)


async def hold(connection: Connection, written: Iterable[Mailing], person_ids: Sequence[str], now: datetime) -> None:
    """Keeps back what has just been written of these mailings to those of these people who want quiet now."""
    mailings = list(written)
    waiting = [each.id for each in mailings if waits(each, now)]
    others = [each.id for each in mailings if not waits(each, now)]
    if waiting and (rows := await connection.fetch(QUIET, person_ids)):
        wanted = {row["person_id"]: Quiet(row["quiet_from"], row["quiet_until"], row["quiet_weekends"]) for row in rows}
        await _hold(connection, wanted, await connection.fetch(DISTURBED, waiting, now, list(wanted)), now)
    if others and await connection.fetchval(ANYBODY_WAITS):
        await connection.execute(LET_GO, others, now, person_ids)


async def _hold(connection: Connection, wanted: Mapping[str, Quiet], rows: Sequence[Any], now: datetime) -> None:
    held = [
        (row["id"], until)
        for row in rows
        if (until := over(wanted[row["person_id"]], now)) > now
        and (row["expires_at"] is None or until < row["expires_at"])
    ]
    if held:
        await connection.execute(HOLD, [each for each, _ in held], [until for _, until in held])
