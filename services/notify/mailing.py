"""What is to be told: one mailing for each cause, remembered with the message that brought it.

A mailing is turned into messages page by page (see `expansion.py`), and some keep their order:

- what is told of a session: what concerns everybody waits for all that came before, what concerns one person for what
  concerns everybody or that person, who may have withdrawn and registered again;
- what is told of one question; of a session's files; that its people are asked how it was. None of these waits for
  another one, and nothing that is told of the session waits for them (`line`);
- files, and a question that is kept for another date, come after the session's earlier news for everybody, such as that
  it was postponed (`behind`).

Mailings about contact requests wait for nobody.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import asyncpg

from services.notify.kind import AnyCause, Priority
from services.notify.matter import Mailing, Matter, Matters, Page, Told
from shared.contracts.rpc import GroupMessage, SessionCard
from shared.kernel.inbox import Received
from shared.kernel.postgres import Connection, Pool

REMEMBER = """
INSERT INTO mailing (cause, recorded_at, kind, matter, type, data, session_id, registration_id, question_id,
                     contact_request_id, person_id, line, behind, as_of_version, priority, happened_at, correlation_id,
                     created_at, ready_at)
SELECT m.cause, m.recorded_at, m.kind, m.matter, m.type, m.data, m.session_id, m.registration_id, m.question_id,
       m.contact_request_id, m.person_id, m.line, m.behind, m.as_of_version, m.priority, m.happened_at,
       m.correlation_id, $2, $2
FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (cause text, recorded_at timestamptz, kind text, matter text,
    type text, data jsonb, session_id text, registration_id text, question_id text, contact_request_id text,
    person_id text, line text, behind text, as_of_version bigint, priority smallint, happened_at timestamptz,
    correlation_id text))
    WITH ORDINALITY AS m(cause, recorded_at, kind, matter, type, data, session_id, registration_id, question_id,
    contact_request_id, person_id, line, behind, as_of_version, priority, happened_at, correlation_id, place)
ORDER BY m.place
ON CONFLICT ON CONSTRAINT mailing_once DO NOTHING
"""
CLAIM = """
WITH due AS (
    SELECT m.id FROM mailing m
    WHERE m.state = 'open' AND m.halt IS NULL AND m.ready_at <= $1 AND m.priority BETWEEN $5 AND $6 AND NOT EXISTS (
        SELECT FROM mailing o
        WHERE o.state = 'open' AND coalesce(o.line, o.session_id) = coalesce(m.line, m.session_id) AND o.id < m.id
          AND (o.registration_id IS NULL OR m.registration_id IS NULL OR o.registration_id = m.registration_id
               OR o.person_id = m.person_id)
    ) AND NOT EXISTS (
        SELECT FROM mailing o
        WHERE o.state = 'open' AND coalesce(o.line, o.session_id) = m.behind AND o.id < m.id
          AND o.registration_id IS NULL
    )
    ORDER BY m.id LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE mailing m SET ready_at = $2, holder = $4 FROM due WHERE m.id = due.id
RETURNING m.id, m.cause, m.recorded_at, m.kind, m.matter, m.type, m.data, m.session_id, m.registration_id,
          m.question_id, m.contact_request_id, m.as_of_version, m.priority, m.happened_at, m.created_at, m.session,
          m.after, m.failures
"""
ADVANCE = """
UPDATE mailing m SET session = coalesce(m.session, p.session),
    group_message = coalesce(m.group_message, p.group_message), common = coalesce(m.common, p.common), after = p.after,
    failures = 0, ready_at = CASE WHEN p.after IS NULL THEN $2::timestamptz ELSE $3 END, problem = NULL,
    holder = CASE WHEN p.after IS NOT NULL THEN $4::integer END,
    state = CASE WHEN p.after IS NULL THEN 'expanded' ELSE 'open' END
FROM jsonb_to_recordset($1::jsonb) AS p(id bigint, session jsonb, group_message jsonb, common jsonb, began text,
    after text)
WHERE m.id = p.id AND m.state = 'open' AND m.halt IS NULL AND m.after IS NOT DISTINCT FROM p.began
RETURNING m.id
"""
COUNT = """
UPDATE mailing m SET messages = m.messages + c.added
FROM unnest($1::bigint[], $2::int[]) AS c(id, added) WHERE m.id = c.id
"""
DEFER = """
UPDATE mailing SET ready_at = $2, failures = failures + 1, problem = $3, holder = NULL WHERE id = $1 AND state = 'open'
"""
ABANDON = "UPDATE mailing SET state = 'abandoned', problem = $2 WHERE id = $1 AND state = 'open'"
FORGO = "UPDATE mailing SET ready_at = $2, holder = NULL WHERE state = 'open' AND holder = $1"
TOLD = """
SELECT id, cause, kind, matter, type, data, session, group_message, common, happened_at
FROM mailing WHERE id = ANY($1::bigint[])
"""
# What an organiser wrote is no longer needed once nobody waits for it.
FORGET_WORDS = """
UPDATE mailing g SET group_message = NULL
WHERE g.group_message IS NOT NULL AND g.state <> 'open'
  AND NOT EXISTS (
      SELECT FROM message m WHERE m.mailing_id = g.id AND m.state IN ('waiting', 'sending', 'held', 'failed')
  )
"""


@dataclass(frozen=True, slots=True)
class Occurred:
    """A cause as it is noted. Whatever happens here has an `id` of its own, `<stream>@<version>` like an event's, and
    `recorded_at` that stays the same however often it is noted: together with the kind they make it one.
    """

    cause: AnyCause
    id: str
    recorded_at: datetime
    happened_at: datetime
    correlation_id: str


async def remember(connection: Connection, matters: Matters, received: Sequence[Received[Any]], at: datetime) -> None:
    """Notes for every matter what it tells of these contracts, in order; what was noted before stays as it is."""
    told = matters.causes
    occurred = [Occurred(each.data, each.id, each.recorded_at, each.time, each.correlation_id) for each in received]
    await _note(connection, [(matter, each) for each in occurred for matter in told[type(each.cause)]], at)


async def note(connection: Connection, matter: Matter[Any], occurred: Sequence[Occurred], at: datetime) -> None:
    """Notes what happened here and is told by this matter, in the caller's transaction."""
    await _note(connection, [(matter, each) for each in occurred], at)


async def _note(connection: Connection, told: Iterable[tuple[Matter[Any], Occurred]], at: datetime) -> None:
    if rows := [_row(matter, each) for matter, each in told]:
        await connection.execute(REMEMBER, rows, at)


def _row(matter: Matter[Any], occurred: Occurred) -> dict[str, Any]:
    cause = occurred.cause
    kind = matter.kind(cause)
    return {
        **asdict(matter.about(cause, occurred.id)),
        "cause": occurred.id,
        "recorded_at": occurred.recorded_at,
        "kind": kind.name,
        "matter": matter.name,
        "type": cause.type,
        "data": cause.model_dump(mode="json"),
        "priority": kind.priority,
        "happened_at": occurred.happened_at,
        "correlation_id": occurred.correlation_id,
    }


async def claim(
    pool: Pool,
    now: datetime,
    until: datetime,
    limit: int,
    *,
    holder: int,
    between: tuple[Priority, Priority] = (min(Priority), max(Priority)),
) -> list[asyncpg.Record]:
    """Takes the mailings of these priorities whose turn it is, for this process alone until `until`."""
    return await pool.fetch(CLAIM, now, until, limit, holder, *between)


async def forgo(pool: Pool, holder: int, at: datetime) -> None:
    """Frees what a process has claimed and does not work on."""
    await pool.execute(FORGO, holder, at)


def read(matters: Matters, row: asyncpg.Record) -> tuple[Matter[Any], Mailing]:
    """A claimed mailing; raises if what is stored cannot be understood (by this version)."""
    matter, what = matters.read(row["matter"], row["type"], row["data"])
    return matter, Mailing(
        id=row["id"],
        matter=matter.name,
        cause=row["cause"],
        recorded_at=row["recorded_at"],
        kind=row["kind"],
        what=what,
        session_id=row["session_id"],
        registration_id=row["registration_id"],
        question_id=row["question_id"],
        contact_request_id=row["contact_request_id"],
        as_of_version=row["as_of_version"],
        priority=Priority(row["priority"]),
        happened_at=row["happened_at"],
        session=SessionCard.model_validate(row["session"]) if row["session"] else None,
        after=row["after"],
    )


async def advance(
    connection: Connection,
    pages: Sequence[tuple[Mailing, Page]],
    now: datetime,
    until: datetime,
    holder: int | None,
) -> set[int]:
    """Notes how far mailings have come; gives those that nobody else has advanced since the page was asked for.

    Those that have more pages stay with their holder until `until`, or may be taken from then on where there is none.
    """
    rows = [
        {
            "id": asked.id,
            "session": page.session and page.session.model_dump(mode="json"),
            "group_message": page.group_message and page.group_message.model_dump(mode="json"),
            "common": page.common,
            "began": asked.after,
            "after": page.next,
        }
        for asked, page in pages
    ]
    return {row["id"] for row in await connection.fetch(ADVANCE, rows, now, until, holder)}


async def count(connection: Connection, added: Mapping[int, int]) -> None:
    """Adds to the number of messages."""
    await connection.execute(COUNT, list(added), list(added.values()))


async def defer(pool: Pool, mailing_id: int, until: datetime, problem: str) -> None:
    """The next page is asked for later."""
    await pool.execute(DEFER, mailing_id, until, problem)


async def abandon(pool: Pool, mailing_id: int, problem: str) -> None:
    """Nobody more is told; operators see why."""
    await pool.execute(ABANDON, mailing_id, problem)


async def forget_words(pool: Pool) -> None:
    """What an organiser wrote goes when it has been sent to everybody, or given up."""
    await pool.execute(FORGET_WORDS)


async def told(pool: Pool, mailing_ids: Sequence[int]) -> dict[int, asyncpg.Record]:
    """What messages of these mailings are written from, to be read by `read_told`."""
    return {row["id"]: row for row in await pool.fetch(TOLD, mailing_ids)}


def read_told(matters: Matters, row: asyncpg.Record) -> tuple[Matter[Any], Told]:
    """Raises if what is stored cannot be understood (by this version)."""
    matter, cause = matters.read(row["matter"], row["type"], row["data"])
    return matter, Told(
        mailing_id=row["id"],
        matter=matter.name,
        kind=row["kind"],
        cause=cause,
        cause_id=row["cause"],
        happened_at=row["happened_at"],
        session=SessionCard.model_validate(row["session"]) if row["session"] else None,
        group_message=GroupMessage.model_validate(row["group_message"]) if row["group_message"] else None,
        common=row["common"],
    )
