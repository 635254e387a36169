"""Who takes part in a session, and what does one registration look like? The read model, what fills it, its questions.

Names and addresses stay sealed in it; they are opened when somebody who may see them asks.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from services.events.forgetting import RegistrationsForgotten
from services.events.registration import Status
from services.events.registration_events import (
    MemberRegistered,
    ParticipantErased,
    RegistrationChanged,
    RegistrationConfirmed,
    RegistrationLapsed,
    RegistrationLinkRequested,
    RegistrationProlonged,
    RegistrationPromoted,
    RegistrationReceived,
    RegistrationReconfirmed,
    RegistrationWaitlisted,
    RegistrationWithdrawn,
    WaitlistingConfirmed,
)
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

CHANGE = """
UPDATE registration r SET
    status = c.status, confirm_by = c.confirm_by, promoted = r.promoted OR c.promoted, version = c.version
FROM jsonb_to_recordset($1::jsonb) AS c(
    registration_id text, status text, confirm_by timestamptz, promoted boolean, version bigint)
WHERE r.registration_id = c.registration_id AND r.version < c.version
"""
STATE = """
UPDATE registration r SET
    change = s.change, sealed = s.sealed, sealed_answers = s.sealed_answers, sealed_for_days = s.sealed_for_days,
    organisation_id = s.organisation_id, stated_version = s.version, version = greatest(r.version, s.version)
FROM jsonb_to_recordset($1::jsonb) AS s(
    registration_id text, change text, sealed text, sealed_answers text, sealed_for_days jsonb, organisation_id text,
    version bigint)
WHERE r.registration_id = s.registration_id AND r.stated_version < s.version
"""
ENTER = """
INSERT INTO registration (registration_id, session_id, person_id, version, received_version, received_at, status,
                          confirm_by, organisation_id, token_hash, sealed, sealed_answers, sealed_for_days,
                          promoted)
SELECT registration_id, session_id, person_id, version, received_version, received_at, status, confirm_by,
       organisation_id, token_hash, sealed, sealed_answers, sealed_for_days, promoted
FROM jsonb_to_recordset($1::jsonb) AS r(
    registration_id text, session_id text, person_id text, version bigint, received_version bigint,
    received_at timestamptz, status text, confirm_by timestamptz, organisation_id text, token_hash text, sealed text,
    sealed_answers text, sealed_for_days jsonb, promoted boolean)
ON CONFLICT (registration_id) DO NOTHING
"""
RECONFIRM = """
UPDATE registration r SET reconfirmed_at = c.reconfirmed_at, reconfirmed_version = c.version,
    version = greatest(r.version, c.version)
FROM jsonb_to_recordset($1::jsonb) AS c(registration_id text, reconfirmed_at timestamptz, version bigint)
WHERE r.registration_id = c.registration_id AND coalesce(r.reconfirmed_version, 0) < c.version
"""
ERASE = """
DELETE FROM registration r
USING jsonb_to_recordset($1::jsonb) AS e(session_id text, person_id text, version bigint)
WHERE r.session_id = e.session_id AND r.person_id = e.person_id AND r.received_version < e.version
"""
FORGET = "DELETE FROM registration WHERE registration_id = ANY($1::text[])"
COUNT = """
INSERT INTO session_seats AS p (session_id, version, seated, waiting)
SELECT session_id, version, seated, waiting
FROM jsonb_to_recordset($1::jsonb) AS d(session_id text, first bigint, version bigint, seated integer, waiting integer)
ON CONFLICT (session_id) DO UPDATE SET
    version = excluded.version, seated = p.seated + excluded.seated, waiting = p.waiting + excluded.waiting
WHERE p.version < excluded.version
"""

ONE = """
SELECT r.registration_id, r.session_id, r.person_id, r.version, r.status, r.confirm_by, r.received_at,
       r.organisation_id, r.sealed, r.sealed_answers, r.sealed_for_days, r.promoted, r.change,
       CASE WHEN r.status = 'waitlisted' THEN
           (SELECT count(*) FROM registration w
            WHERE w.session_id = r.session_id AND w.status = 'waitlisted' AND w.received_version <= r.received_version)
       END AS waiting_position,
       CASE WHEN r.reconfirmed_version > a.asked_version THEN r.reconfirmed_at END AS reconfirmed_at,
       a.open AND r.status NOT IN ('lapsed', 'withdrawn')
           AND greatest(r.received_version, r.reconfirmed_version) < a.asked_version AS owes_answer
FROM registration r LEFT JOIN session_asking a USING (session_id)
WHERE r.token_hash = $1
"""
OF_SESSION = """
WITH page AS (
    SELECT registration_id, session_id, person_id, version, received_version, status, confirm_by, received_at,
           organisation_id, sealed, sealed_answers, sealed_for_days, reconfirmed_at, reconfirmed_version
    FROM registration
    WHERE session_id = $1 AND ($2::text[] IS NULL OR status = ANY($2)) AND received_version > $3
      AND ($4::bigint IS NULL OR received_version < $4) AND ($5::text IS NULL OR registration_id = $5)
    ORDER BY received_version
    LIMIT $6
)
SELECT registration_id, session_id, person_id, version, received_version, status, confirm_by, received_at,
       organisation_id, sealed, sealed_answers, sealed_for_days,
       CASE WHEN reconfirmed_version > a.asked_version THEN reconfirmed_at END AS reconfirmed_at,
       a.open AND status NOT IN ('lapsed', 'withdrawn')
           AND greatest(received_version, reconfirmed_version) < a.asked_version AS owes_answer,
       CASE WHEN status = 'waitlisted' THEN
           (SELECT count(*) FROM registration w
            WHERE w.session_id = $1 AND w.status = 'waitlisted'
              AND w.received_version < (SELECT min(received_version) FROM page))
           + count(*) FILTER (WHERE status = 'waitlisted') OVER (ORDER BY received_version)
       END AS waiting_position
FROM page LEFT JOIN session_asking a USING (session_id)
ORDER BY received_version
"""
# The same as JSON text, without what only readers of lists need. $7: by when whoever owes an answer has to answer, $8:
# what becomes of who does not. $9: those who stand alike together; of thousands nothing is said then but who they are.
STANDING_OF_SESSION = """
WITH page AS (
    SELECT registration_id, person_id, received_version, status, confirm_by, reconfirmed_version
    FROM registration
    WHERE session_id = $1 AND ($2::text[] IS NULL OR status = ANY($2)) AND received_version > $3
      AND ($4::bigint IS NULL OR received_version < $4) AND ($5::text IS NULL OR registration_id = $5)
    ORDER BY received_version
    LIMIT $6
), asking AS (
    SELECT asked_version, $7::timestamptz AS answer_by, $8::text AS unanswered FROM session_asking
    WHERE session_id = $1 AND open AND $7 IS NOT NULL
), queue AS (
    SELECT min(received_version) AS first FROM page WHERE status = 'waitlisted'
), before AS (
    SELECT count(*) AS places FROM registration w, queue
    WHERE w.session_id = $1 AND w.status = 'waitlisted' AND w.received_version < queue.first
), standing AS (
    SELECT p.registration_id, p.person_id, p.status, p.confirm_by,
           CASE WHEN p.status = 'waitlisted' THEN
               before.places + count(*) FILTER (WHERE p.status = 'waitlisted') OVER (ORDER BY p.received_version)
           END AS waiting_position,
           a.answer_by, a.unanswered
    FROM page p CROSS JOIN before
    LEFT JOIN asking a ON p.status NOT IN ('lapsed', 'withdrawn')
        AND greatest(p.received_version, p.reconfirmed_version) < a.asked_version
), alike AS (
    SELECT status, confirm_by, waiting_position, answer_by, unanswered,
           json_agg(registration_id) AS registration_ids, json_agg(person_id) AS person_ids
    FROM standing GROUP BY status, confirm_by, waiting_position, answer_by, unanswered
)
SELECT CASE WHEN $9 THEN (SELECT coalesce(json_agg(row_to_json(alike)), '[]') FROM alike)
            ELSE (SELECT coalesce(json_agg(json_strip_nulls(row_to_json(standing))), '[]') FROM standing)
       END::text AS registrants,
       (SELECT max(received_version) FROM page) AS last, (SELECT count(*) FROM page) AS number
"""
BY_IDS = """
SELECT registration_id, session_id, person_id, status, sealed FROM registration WHERE registration_id = ANY($1::text[])
"""
COUNT_OF_SESSION = """
SELECT count(*) FROM registration WHERE session_id = $1 AND ($2::text[] IS NULL OR status = ANY($2))
"""

STANDING: tuple[Status, ...] = ("received", "confirmed", "waitlisted")


@dataclass(slots=True)
class _Changes:
    """What a batch of events comes to: rows that are new, rows that change, people who go, seats that were taken."""

    entered: dict[str, dict[str, Any]] = field(default_factory=dict)
    changed: dict[str, dict[str, Any]] = field(default_factory=dict)
    stated: dict[str, dict[str, Any]] = field(default_factory=dict)
    erased: list[dict[str, Any]] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    seats: dict[str, dict[str, Any]] = field(default_factory=dict)

    def enter(self, recorded: Recorded[Any], status: Status, confirm_by: dt.datetime | None) -> None:
        event = recorded.event
        self.entered[event.registration_id] = {
            **event.model_dump(include=_KEPT),
            "version": recorded.version,
            "received_version": recorded.version,
            "received_at": event.at,
            "status": status,
            "confirm_by": confirm_by,
            "promoted": False,
        }

    def change(
        self, recorded: Recorded[Any], status: Status, confirm_by: dt.datetime | None = None, *, promoted: bool = False
    ) -> None:
        registration_id = recorded.event.registration_id
        rows = self.entered if registration_id in self.entered else self.changed
        row = rows.setdefault(registration_id, {"registration_id": registration_id, "promoted": False})
        row |= {"status": status, "confirm_by": confirm_by, "version": recorded.version}
        row["promoted"] = promoted or row["promoted"]

    def state(self, recorded: Recorded[RegistrationChanged]) -> None:
        stated = recorded.event.model_dump(include=_STATED)
        self.stated[recorded.event.registration_id] = {**stated, "version": recorded.version}

    def count(self, recorded: Recorded[Any], *, seated: int = 0, waiting: int = 0) -> None:
        session_id = recorded.event.session_id
        new = {"session_id": session_id, "seated": 0, "waiting": 0}
        row = self.seats.setdefault(session_id, new)
        row["version"] = recorded.version
        row["seated"] += seated
        row["waiting"] += waiting

    def forget(self, recorded: Recorded[RegistrationsForgotten]) -> None:
        event = recorded.event
        self.forgotten += event.registration_ids
        self.count(recorded, seated=-event.seats, waiting=-event.places)

    def leave(self, recorded: Recorded[RegistrationLapsed | RegistrationWithdrawn]) -> None:
        self.change(recorded, "lapsed" if isinstance(recorded.event, RegistrationLapsed) else "withdrawn")
        self.count(recorded, seated=-recorded.event.seat, waiting=recorded.event.seat - 1)


_KEPT = {
    "registration_id",
    "session_id",
    "person_id",
    "organisation_id",
    "token_hash",
    "sealed",
    "sealed_answers",
    "sealed_for_days",
}
_STATED = {"registration_id", "change", "sealed", "sealed_answers", "sealed_for_days", "organisation_id"}


async def project(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
    """Keeps every registration and how many seats and places in the queue are taken."""
    changes = _Changes()
    for recorded in events:
        if isinstance(recorded.event, RegistrationsForgotten):
            changes.forget(recorded)
        else:
            _gather(changes, recorded)
    if changes.changed:  # before the new rows: who withdrew and comes again has one place at a time
        await connection.execute(CHANGE, list(changes.changed.values()))
    if changes.entered:
        await connection.execute(ENTER, list(changes.entered.values()))
    if changes.stated:  # behind the new rows, of which one may be stated anew
        await connection.execute(STATE, list(changes.stated.values()))
    if answers := _answers(events):
        await connection.execute(RECONFIRM, answers)
    if changes.erased:
        await connection.execute(ERASE, changes.erased)
    if changes.forgotten:
        await connection.execute(FORGET, changes.forgotten)
    if changes.seats:
        await connection.execute(COUNT, list(changes.seats.values()))


PROJECTION = Projection("registrations", ("registration", "session_seats"), project)


def _answers(events: Sequence[Recorded[Any]]) -> list[dict[str, Any]]:
    """The last answer of each registration that the new date suits."""
    answers = {
        recorded.event.registration_id: {
            "registration_id": recorded.event.registration_id,
            "reconfirmed_at": recorded.event.at,
            "version": recorded.version,
        }
        for recorded in events
        if isinstance(recorded.event, RegistrationReconfirmed)
    }
    return list(answers.values())


def _gather(changes: _Changes, recorded: Recorded[Any]) -> None:
    match recorded.event:
        case RegistrationReceived() as event:
            changes.enter(recorded, "received", event.confirm_by)
            changes.count(recorded, seated=1)
        case MemberRegistered():
            changes.enter(recorded, "confirmed", None)
            changes.count(recorded, seated=1)
        case RegistrationWaitlisted() as event:
            changes.enter(recorded, "waitlisted", event.confirm_by)
            changes.count(recorded, waiting=1)
        case RegistrationChanged():
            changes.state(recorded)
            changes.count(recorded)
        case RegistrationConfirmed() | WaitlistingConfirmed() as event:
            changes.change(recorded, "confirmed" if isinstance(event, RegistrationConfirmed) else "waitlisted")
            changes.count(recorded)
        case RegistrationPromoted() as event:
            changes.change(recorded, "received" if event.confirm_by else "confirmed", event.confirm_by, promoted=True)
            changes.count(recorded, seated=1, waiting=-1)
        case RegistrationProlonged() as event:
            changes.change(recorded, "received" if event.seat else "waitlisted", event.confirm_by)
            changes.count(recorded)
        case RegistrationLapsed() | RegistrationWithdrawn():
            changes.leave(recorded)
        case RegistrationLinkRequested() | RegistrationReconfirmed():
            changes.count(recorded)
        case ParticipantErased() as event:
            changes.erased.append(
                {"session_id": event.session_id, "person_id": event.person_id, "version": recorded.version}
            )
            changes.count(recorded)
        case _:  # of a session's life or of a series
            pass


async def by_token_hash(pool: Pool, token_hash: str) -> asyncpg.Record | None:
    """The registration a link leads to."""
    return await pool.fetchrow(ONE, token_hash)


async def of_session(
    pool: Pool,
    session_id: str,
    *,
    after: int,
    limit: int,
    statuses: Sequence[Status] | None = None,
    before: int | None = None,
    registration_id: str | None = None,
) -> list[asyncpg.Record]:
    """A session's registrations in the order of their receipt: those behind `after` and before `before` (versions)."""
    return await pool.fetch(OF_SESSION, session_id, statuses, after, before, registration_id, limit)


async def standing_of_session(
    pool: Pool,
    session_id: str,
    *,
    after: int,
    limit: int,
    statuses: Sequence[Status] | None,
    before: int | None,
    registration_id: str | None,
    answer_by: dt.datetime | None,
    unanswered: str | None,
    alike: bool,
) -> tuple[str, int | None]:
    """The same people as ids and standing, a JSON list; and the version of the last one, if there may be more.

    With `alike` those who stand alike are one item, with their ids as lists.
    """
    row = await pool.fetchrow(
        STANDING_OF_SESSION, session_id, statuses, after, before, registration_id, limit, answer_by, unanswered, alike
    )
    assert row is not None
    return row["registrants"], row["last"] if row["number"] == limit else None


async def by_ids(pool: Pool, registration_ids: Sequence[str]) -> list[asyncpg.Record]:
    """Who these registrations are of, and how they stand; in no order."""
    return await pool.fetch(BY_IDS, registration_ids)


async def count_of_session(pool: Pool, session_id: str, statuses: Sequence[Status] | None) -> int:
    """How many registrations of a session have one of the statuses."""
    count: int = await pool.fetchval(COUNT_OF_SESSION, session_id, statuses)
    return count
