"""How long is what people said kept, and what has been kept long enough? Read model, questions, and the clock's work.

Each kind of personal data has one line in `kinds`. Everything that is due is found by what is there, not by a list of
what is to do: it is found again after a crash, by another replica, and after a restore. Doing it twice changes nothing.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from services.events import session, session_statistics, statistics
from services.events.due import by_itself
from services.events.forgetting import ForgetRegistrations, RegistrationsForgotten
from services.events.life import SessionCancelled, SessionHeld, SessionReinstated
from services.events.registration_events import ParticipantErased, RegistrationLapsed, RegistrationWithdrawn
from services.events.statistics import FreezeStatistics
from shared.kernel.codec import UnknownEvent
from shared.kernel.decider import NotThere
from shared.kernel.journal import Journal
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded
from shared.kernel.vault import Vault

END = """
INSERT INTO session_ended AS e (session_id, version, ended_at)
SELECT session_id, version, ended_at
FROM jsonb_to_recordset($1::jsonb) AS s(session_id text, version bigint, ended_at timestamptz)
ON CONFLICT (session_id) DO UPDATE SET version = excluded.version, ended_at = excluded.ended_at
WHERE e.version < excluded.version
"""
LEAVE = """
INSERT INTO registration_left (registration_id, session_id, person_id, left_at)
SELECT registration_id, session_id, person_id, left_at
FROM jsonb_to_recordset($1::jsonb) AS l(registration_id text, session_id text, person_id text, left_at timestamptz)
ON CONFLICT (registration_id) DO NOTHING
"""
GONE = "DELETE FROM registration_left WHERE registration_id = ANY($1::text[])"
ERASED = """
DELETE FROM registration_left l
USING jsonb_to_recordset($1::jsonb) AS e(session_id text, person_id text)
WHERE l.session_id = e.session_id AND l.person_id = e.person_id
"""
COUNT = """
INSERT INTO registrations_forgotten AS f (session_id, status, version, number)
SELECT session_id, status, version, number
FROM jsonb_to_recordset($1::jsonb) AS c(session_id text, status text, version bigint, number bigint)
ON CONFLICT (session_id, status) DO UPDATE SET version = excluded.version, number = f.number + excluded.number
WHERE f.version < excluded.version
"""
LEFTOVER = "INSERT INTO registration_leftover (registration_id) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING"

OVER = """
SELECT r.session_id, r.registration_id
FROM session_ended e JOIN registration r USING (session_id)
WHERE e.ended_at <= $1 LIMIT $2
"""
LEFT = """
SELECT r.session_id, r.registration_id
FROM registration_left l JOIN registration r USING (registration_id)
WHERE l.left_at <= $1 AND r.status IN ('lapsed', 'withdrawn') ORDER BY l.left_at LIMIT $2
"""
UNDATED = """
SELECT r.session_id, r.registration_id
FROM session_view s JOIN registration r USING (session_id)
WHERE s.stage IN ('announced', 'postponed') AND s.begins IS NULL AND r.received_at <= $1 LIMIT $2
"""
LEFTOVERS = "SELECT registration_id FROM registration_leftover LIMIT $1"
DESTROYED = "DELETE FROM registration_leftover WHERE registration_id = ANY($1::text[])"
KEYS = """
SELECT v.person_id AS subject
FROM unnest($1::text[]) AS r(registration_id)
JOIN vault v ON v.person_id > 'registration/' || r.registration_id || '/'
            AND v.person_id < 'registration/' || r.registration_id || '0'
"""
TO_LOOK_AT = """
SELECT e.session_id, e.ended_at
FROM session_ended e
LEFT JOIN answers_looked_at l ON l.session_id = e.session_id AND l.ended_at = e.ended_at
                             AND l.kept IS NOT DISTINCT FROM $3
WHERE e.ended_at <= $1 AND (l.session_id IS NULL OR l.look_at <= $1) ORDER BY e.ended_at LIMIT $2
"""
ANSWER_KEYS = """
SELECT v.person_id AS subject
FROM registration r
JOIN vault v ON v.person_id >= 'registration/' || r.registration_id || '/answers'
            AND v.person_id < 'registration/' || r.registration_id || '/answers0'
WHERE r.session_id = $1
"""
LOOKED_AT = """
INSERT INTO answers_looked_at (session_id, ended_at, kept, look_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (session_id) DO UPDATE SET
    ended_at = excluded.ended_at, kept = excluded.kept, look_at = excluded.look_at
"""
# A key is made before what it seals is recorded, and stays alone when that was refused.
STRAY = """
SELECT v.person_id AS subject FROM vault v
WHERE v.person_id > 'registration/' AND v.person_id < 'registration0' AND v.created_at < now() - interval '1 day'
  AND NOT EXISTS (SELECT FROM registration r WHERE r.registration_id = split_part(v.person_id, '/', 2))
LIMIT $1
"""

PORTION = 200
EVERY = 60.0

log = structlog.get_logger()

type Forget = Callable[[datetime, datetime], Awaitable[int]]
"""Forgets now a portion of what was at an end before a moment; gives how much that was."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Personal data of one kind: how long it is kept after its end (None: for ever), and what forgets it."""

    name: str
    kept: timedelta | None
    forget: Forget


@dataclass(frozen=True, slots=True)
class Terms:
    """How long each kind is kept after its end; None for ever."""

    registrations: timedelta | None = timedelta(days=90)
    ended_registrations: timedelta | None = timedelta(days=30)
    undated_registrations: timedelta | None = timedelta(days=1095)
    answers: timedelta | None = timedelta(days=30)
    feedback_texts: timedelta | None = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Registrations:
    """Forgets registrations: their numbers are kept before, the session says so, and their keys go right after."""

    journal: Journal
    pool: Pool

    async def over(self, at: datetime, before: datetime) -> int:
        """Those in sessions that took place, or were cancelled, long enough ago."""
        return await self._forget(await self.pool.fetch(OVER, before, PORTION), at, freeze=True)

    async def left(self, at: datetime, before: datetime) -> int:
        """Those that lapsed or were withdrawn long enough ago."""
        return await self._forget(await self.pool.fetch(LEFT, before, PORTION), at, freeze=False)

    async def undated(self, at: datetime, before: datetime) -> int:
        """Those that have waited for a date for too long."""
        return await self._forget(await self.pool.fetch(UNDATED, before, PORTION), at, freeze=False)

    async def _forget(self, rows: Sequence[Any], at: datetime, *, freeze: bool) -> int:
        by_session: dict[str, list[str]] = {}
        for row in rows:
            by_session.setdefault(row["session_id"], []).append(row["registration_id"])
        return sum([await self._forget_of(each, ids, at, freeze=freeze) for each, ids in by_session.items()])

    async def _forget_of(self, session_id: str, registration_ids: Sequence[str], at: datetime, *, freeze: bool) -> int:
        command = ForgetRegistrations(registration_ids=tuple(registration_ids))
        try:
            if freeze and await statistics.frozen(self.pool, session_id) is None:
                counts = await session_statistics.counts(self.pool, session_id)
                freeze_them = FreezeStatistics(session_id=session_id, counts=counts)
                await self.journal.transact(statistics.DECIDER, session_id, freeze_them, by_itself(at))
            await self.journal.transact(session.DECIDER, session_id, command, by_itself(at))
        except NotThere:  # the journal may have been restored to a time before the session
            return 0
        except UnknownEvent as unknown:
            log.warning("session_of_newer_code", session_id=session_id, reason=str(unknown))
            return 0
        return len(registration_ids)


@dataclass(frozen=True, slots=True)
class AnswersKept:
    """Forgets answers to organisers' questions: the key of those that are kept equally long is destroyed.

    It is named `registration/<id>/answers`, or `…/answers/<days>` where a question has a time of its own.
    """

    pool: Pool
    vault: Vault
    kept: timedelta | None

    async def forget(self, at: datetime, _before: datetime) -> int:
        """Looks through a few sessions that are over, each again only when something in it is due."""
        rows = await self.pool.fetch(TO_LOOK_AT, at, PORTION, self.kept)
        return sum([await self._forget_of(row["session_id"], row["ended_at"], at) for row in rows])

    async def _forget_of(self, session_id: str, ended_at: datetime, at: datetime) -> int:
        keys = [row["subject"] for row in await self.pool.fetch(ANSWER_KEYS, session_id)]
        until = {key: ended_at + kept for key in keys if (kept := self._kept(key)) is not None}
        due = [key for key, moment in until.items() if moment <= at]
        for start in range(0, len(due), 1000):
            await self.vault.destroy(due[start : start + 1000])
        later = min((moment for moment in until.values() if moment > at), default=None)
        await self.pool.execute(LOOKED_AT, session_id, ended_at, self.kept, later)
        return len(due)

    def _kept(self, key: str) -> timedelta | None:
        days = key.partition("/answers/")[2]
        return timedelta(days=int(days)) if days.isdecimal() else self.kept


async def project(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
    """Keeps since when sessions are over and registrations at an end, and counts what is forgotten."""
    ended: dict[str, dict[str, Any]] = {}
    for recorded in events:
        match recorded.event:
            case SessionHeld() as event:
                ended[event.session_id] = _ended(recorded, event.when.over or event.at)
            case SessionCancelled() as event:
                ended[event.session_id] = _ended(recorded, event.at)
            case SessionReinstated() as event:
                ended[event.session_id] = _ended(recorded, None)
            case _:
                pass
    if ended:
        await connection.execute(END, list(ended.values()))
    await _project_leaving(connection, events)


def _ended(recorded: Recorded[Any], at: datetime | None) -> dict[str, Any]:
    return {"session_id": recorded.event.session_id, "version": recorded.version, "ended_at": at}


async def _project_leaving(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
    left: list[dict[str, Any]] = []
    erased: list[dict[str, Any]] = []
    for recorded in events:
        match recorded.event:
            case RegistrationLapsed() | RegistrationWithdrawn() as event:
                of = event.model_dump(include={"registration_id", "session_id", "person_id"})
                left.append(of | {"left_at": event.at})
            case ParticipantErased() as event:
                erased.append({"session_id": event.session_id, "person_id": event.person_id})
            case _:
                pass
    if left:
        await connection.execute(LEAVE, left)
    if erased:
        await connection.execute(ERASED, erased)
    for recorded in events:
        if isinstance(recorded.event, RegistrationsForgotten):
            await _project_forgotten(connection, recorded)


async def _project_forgotten(connection: Connection, recorded: Recorded[RegistrationsForgotten]) -> None:
    event = recorded.event
    counts = [
        {"session_id": event.session_id, "status": status, "version": recorded.version, "number": number}
        for status, number in event.counts.items()
    ]
    await connection.execute(COUNT, counts)
    await connection.execute(GONE, list(event.registration_ids))
    await connection.execute(LEFTOVER, list(event.registration_ids))


PROJECTION = Projection("retention", ("session_ended", "registration_left", "registrations_forgotten"), project)


async def destroy_keys(pool: Pool, vault: Vault) -> int:
    """Keys of registrations that are forgotten; doing it again changes nothing."""
    rows = [row["registration_id"] for row in await pool.fetch(LEFTOVERS, PORTION)]
    if rows:
        await vault.destroy([row["subject"] for row in await pool.fetch(KEYS, rows)])
        await pool.execute(DESTROYED, rows)
    return len(rows)


async def destroy_stray_keys(pool: Pool, vault: Vault, limit: int) -> int:
    """Keys of registrations that are not there: refused ones, and those that a restored vault has brought back."""
    subjects = [row["subject"] for row in await pool.fetch(STRAY, limit)]
    if subjects:
        await vault.destroy(subjects)
        log.info("stray_keys_destroyed", number=len(subjects))
    return len(subjects)


class Retention:
    """The clock's duty: every kind, in portions, now and then."""

    def __init__(self, kinds: Sequence[Kind], pool: Pool, vault: Vault, every: float = EVERY) -> None:
        self._kinds = kinds
        self._pool = pool
        self._vault = vault
        self._every = every
        self._rested_since: float | None = None

    async def __call__(self, at: datetime) -> int:
        """A portion of each kind; nothing for a while after there was nothing to do."""
        if self._rested_since is not None and time.monotonic() - self._rested_since < self._every:
            return 0
        done = await self.once(at)
        self._rested_since = None if done else time.monotonic()
        return done

    async def once(self, at: datetime) -> int:
        """A portion of each kind that is not kept for ever."""
        done = {kind.name: await kind.forget(at, at - kind.kept) for kind in self._kinds if kind.kept is not None}
        done["keys"] = await destroy_keys(self._pool, self._vault)
        if any(done.values()):
            log.info("kept_long_enough", **done)
        return sum(done.values())
