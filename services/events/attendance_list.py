"""Who came to a session, and how many? The read model, what fills it, and its questions."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import asyncpg
from pydantic import BaseModel, ConfigDict

from services.events import statistics
from services.events.attendance import AttendanceRecorded, Sitting
from services.events.forgetting import RegistrationsForgotten
from services.events.life import Life
from services.events.registration_events import ParticipantErased
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

RECORD = """
INSERT INTO attendance AS a (registration_id, session_id, person_id, version, present, walk_in, how, entry, recorded_at,
                             recorded_by)
SELECT registration_id, session_id, person_id, version, present, walk_in, how, entry, recorded_at, recorded_by
FROM jsonb_to_recordset($1::jsonb) AS r(
    registration_id text, session_id text, person_id text, version bigint, present boolean, walk_in boolean, how text,
    entry text, recorded_at timestamptz, recorded_by text)
ON CONFLICT (registration_id) DO UPDATE SET
    version = excluded.version, present = excluded.present, walk_in = a.walk_in OR excluded.walk_in, how = excluded.how,
    entry = excluded.entry, recorded_at = excluded.recorded_at, recorded_by = excluded.recorded_by
WHERE a.version < excluded.version
"""
ERASE = """
DELETE FROM attendance a
USING jsonb_to_recordset($1::jsonb) AS e(session_id text, person_id text)
WHERE a.session_id = e.session_id AND a.person_id = e.person_id
"""
FORGET = "DELETE FROM attendance WHERE registration_id = ANY($1::text[])"
CAME = "SELECT registration_id FROM attendance WHERE session_id = $1 AND present AND recorded_at >= $2"
ONE = "SELECT present, entry, recorded_at FROM attendance WHERE registration_id = $1 AND recorded_at >= $2"
# $2: when the doors of the present date open
SUMMARY = """
SELECT count(*) AS people, count(*) FILTER (WHERE r.status IN ('received', 'confirmed', 'waitlisted')) AS registered,
       count(*) FILTER (WHERE r.status = 'confirmed') AS confirmed,
       count(*) FILTER (WHERE a.present) AS attended,
       count(*) FILTER (WHERE a.present AND a.walk_in) AS walk_ins,
       count(*) FILTER (WHERE r.status = 'confirmed' AND NOT a.present) AS absent,
       count(*) FILTER (WHERE r.status = 'confirmed' AND a.present IS NULL) AS not_recorded
FROM registration r
LEFT JOIN attendance a ON a.registration_id = r.registration_id AND a.recorded_at >= $2
WHERE r.session_id = $1
"""
SELF_UNTIL = dt.timedelta(hours=2)
"""How long after the end people can say of themselves that they were there, unless the settings say otherwise."""
NEVER = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)


class AttendanceSummary(BaseModel):
    """How many came. `absent` are those of whom somebody said so; `no_shows` all who were confirmed and did not come.

    `no_shows` is null until the session is over. `walk_ins` came without a seat of their own. `proposed` is the figure
    for the documentation that the list comes to, null while nobody was recorded; the documented one stays as it is.
    When people are forgotten, how many were registered, confirmed and there stays; the other figures are null.
    """

    model_config = ConfigDict(frozen=True)

    registered: int
    confirmed: int
    attended: int
    walk_ins: int | None
    absent: int | None
    no_shows: int | None
    proposed: int | None
    documented: int | None


def sitting_of(life: Life) -> Sitting:
    """The session as attendance knows it."""
    return Sitting(stage=life.stage, begins=life.starts_at)


def said_until(life: Life, longer: dt.timedelta) -> dt.datetime | None:
    """Until when people can say of themselves that they were there: so much longer than the session takes."""
    end = life.when.ends_at or life.when.over
    return end and end + longer


def doors_open_at(life: Life) -> dt.datetime:
    """From when on attendance counts for the present date; never without a time."""
    return sitting_of(life).doors_open_at or NEVER


async def project(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
    """Keeps what was said last of everybody, in the order in which it was said."""
    rows: dict[str, dict[str, Any]] = {}
    erased: list[dict[str, Any]] = []
    forgotten: list[str] = []
    for recorded in events:
        match recorded.event:
            case AttendanceRecorded() as event:
                rows |= {row["registration_id"]: row for row in _rows(recorded, event)}
            case ParticipantErased() as event:
                erased.append({"session_id": event.session_id, "person_id": event.person_id})
            case RegistrationsForgotten() as event:
                forgotten += event.registration_ids
            case _:  # of other aggregates, or of a session's life
                pass
    gone = {(each["session_id"], each["person_id"]) for each in erased}
    kept = [row for row in rows.values() if (row["session_id"], row["person_id"]) not in gone]
    if kept:
        await connection.execute(RECORD, kept)
    if erased:
        await connection.execute(ERASE, erased)
    if forgotten:
        await connection.execute(FORGET, forgotten)


PROJECTION = Projection("attendance", ("attendance",), project)


def _rows(recorded: Recorded[Any], event: AttendanceRecorded) -> list[dict[str, Any]]:
    return [
        {
            **mark.model_dump(),
            "session_id": event.session_id,
            "version": recorded.version,
            "present": event.present,
            "how": event.how,
            "entry": event.entry,
            "recorded_at": event.at,
            "recorded_by": recorded.actor,
        }
        for mark in event.marks
    ]


async def present_since(pool: Pool, registration_id: str, life: Life) -> asyncpg.Record | None:
    """What was said last of a registration on the present date."""
    return await pool.fetchrow(ONE, registration_id, doors_open_at(life))


async def who_came(pool: Pool, life: Life) -> frozenset[str]:
    """The registrations of those who were there on the present date; empty where nobody was recorded."""
    rows = await pool.fetch(CAME, life.session_id, doors_open_at(life))
    return frozenset(row["registration_id"] for row in rows)


async def summary(pool: Pool, life: Life, at: dt.datetime) -> AttendanceSummary:
    """How many came to a session."""
    documented = life.documentation.attendance if life.documentation else None
    number = documented.number if documented else None
    row = await pool.fetchrow(SUMMARY, life.session_id, doors_open_at(life))
    assert row is not None
    if not row["people"] and (kept := await statistics.frozen(pool, life.session_id)):
        return _of_counts(kept, number)
    over = life.stage in {"held", "documented"} or (life.when.over is not None and life.when.over <= at)
    return AttendanceSummary(
        registered=row["registered"],
        confirmed=row["confirmed"],
        attended=row["attended"],
        walk_ins=row["walk_ins"],
        absent=row["absent"],
        no_shows=row["absent"] + row["not_recorded"] if over else None,
        proposed=row["attended"] or None,
        documented=number,
    )


def _of_counts(kept: statistics.Counts, documented: int | None) -> AttendanceSummary:
    """What is known when nobody is any more."""
    attended = kept.get("attended", 0)
    return AttendanceSummary(
        registered=kept.get("registered", 0),
        confirmed=kept.get("confirmed", 0),
        attended=attended,
        walk_ins=None,
        absent=None,
        no_shows=None,
        proposed=attended or None,
        documented=documented,
    )
