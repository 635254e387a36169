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

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from services.notify.cause import (
    ABOUT_CONTACTS,
    ABOUT_QUESTIONS,
    OFFERED,
    AnyCause,
    Priority,
    behind,
    in_line,
    kind_of,
    read_cause,
    registered,
)
from services.notify.scene import as_left_by
from shared.contracts.rpc import GroupMessage, SessionCard
from shared.kernel.inbox import Received
from shared.kernel.postgres import Connection, Pool

REMEMBER = """
INSERT INTO mailing (cause, recorded_at, kind, type, data, session_id, registration_id, question_id,
                     contact_request_id, person_id, line, behind, as_of_version, priority, happened_at, correlation_id,
                     created_at, ready_at)
SELECT m.cause, m.recorded_at, m.kind, m.type, m.data, m.session_id, m.registration_id, m.question_id,
       m.contact_request_id, m.person_id, m.line, m.behind, m.as_of_version, m.priority, m.happened_at,
       m.correlation_id, $2, $2
FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (cause text, recorded_at timestamptz, kind text, type text, data jsonb,
    session_id text, registration_id text, question_id text, contact_request_id text, person_id text, line text,
    behind text, as_of_version bigint, priority smallint, happened_at timestamptz, correlation_id text))
    WITH ORDINALITY AS m(cause, recorded_at, kind, type, data, session_id, registration_id, question_id,
    contact_request_id, person_id, line, behind, as_of_version, priority, happened_at, correlation_id, place)
ORDER BY m.place
ON CONFLICT ON CONSTRAINT mailing_once DO NOTHING
"""
CLAIM = """
WITH due AS (
    SELECT m.id FROM mailing m
    WHERE m.state = 'open' AND m.ready_at <= $1 AND NOT EXISTS (
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
RETURNING m.id, m.cause, m.recorded_at, m.kind, m.type, m.data, m.session_id, m.registration_id, m.question_id,
          m.contact_request_id, m.as_of_version, m.priority, m.happened_at, m.created_at, m.session, m.after, m.failures
"""
ADVANCE = """
UPDATE mailing m SET session = coalesce(m.session, p.session),
    group_message = coalesce(m.group_message, p.group_message), after = p.after, failures = 0, ready_at = $2,
    problem = NULL, holder = NULL, state = CASE WHEN p.after IS NULL THEN 'expanded' ELSE 'open' END
FROM jsonb_to_recordset($1::jsonb) AS p(id bigint, session jsonb, group_message jsonb, began text, after text)
WHERE m.id = p.id AND m.state = 'open' AND m.after IS NOT DISTINCT FROM p.began
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
TOLD = "SELECT id, type, data, session, group_message, happened_at FROM mailing WHERE id = ANY($1::bigint[])"
# What an organiser wrote is no longer needed once nobody waits for it.
FORGET_WORDS = """
UPDATE mailing g SET group_message = NULL
WHERE g.group_message IS NOT NULL AND g.state <> 'open'
  AND NOT EXISTS (SELECT FROM message m WHERE m.mailing_id = g.id AND m.sealed IS NOT NULL)
"""


@dataclass(frozen=True, slots=True)
class Mailing:
    """A claimed mailing, about a session, a question or a contact request.

    `after` is where its next page begins, `session` what the first page said.
    """

    id: int
    cause: str
    recorded_at: datetime
    kind: str
    what: AnyCause
    session_id: str | None
    registration_id: str | None
    question_id: str | None
    contact_request_id: str | None
    as_of_version: int | None
    priority: Priority
    happened_at: datetime
    session: SessionCard | None
    after: str | None

    @property
    def session_version(self) -> int | None:
        """That of the cause in the session's own stream; None where it is of another."""
        stream, _, version = self.cause.rpartition("@")
        return int(version) if stream == f"session-{self.session_id}" else None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a mailing: where it `began` and the next one begins; `after` is None when everybody has been told."""

    mailing_id: int
    began: str | None
    after: str | None
    session: SessionCard | None = None
    group_message: GroupMessage | None = None


async def remember(connection: Connection, received: Sequence[Received[AnyCause]], at: datetime) -> None:
    """Notes what is to be told, in order; what was noted before stays as it is."""
    if received:
        await connection.execute(REMEMBER, [_row(each) for each in received], at)


def _row(received: Received[AnyCause]) -> dict[str, Any]:
    cause, kind = received.data, kind_of(received.data)
    return {
        **_concerns(cause, received.id),
        "cause": received.id,
        "recorded_at": received.recorded_at,
        "kind": kind.name,
        "type": cause.type,
        "data": cause.model_dump(mode="json"),
        "priority": kind.priority,
        "happened_at": received.time,
        "correlation_id": received.correlation_id,
    }


def _concerns(cause: AnyCause, event_id: str) -> dict[str, str | int | None]:
    """What and whom a mailing is about."""
    if isinstance(cause, ABOUT_CONTACTS):
        return {"contact_request_id": cause.contact_request_id, "person_id": cause.person_id}
    about: dict[str, str | int | None] = {
        "session_id": cause.session_id,
        "line": in_line(cause),
        "behind": behind(cause),
    }
    if isinstance(cause, ABOUT_QUESTIONS):
        return {**about, "question_id": cause.question_id, "person_id": cause.person_id}
    if isinstance(cause, OFFERED):
        return about
    one = registered(cause)
    if one is not None:
        return {**about, "registration_id": one.registration_id, "person_id": one.person_id}
    return {**about, "as_of_version": int(event_id.rpartition("@")[2])}


async def claim(pool: Pool, now: datetime, until: datetime, limit: int, *, holder: int) -> list[asyncpg.Record]:
    """Takes the mailings whose turn it is, for this process alone until `until`."""
    return await pool.fetch(CLAIM, now, until, limit, holder)


async def forgo(pool: Pool, holder: int, at: datetime) -> None:
    """Frees what a process has claimed and does not work on."""
    await pool.execute(FORGO, holder, at)


def read(row: asyncpg.Record) -> Mailing:
    """A claimed mailing; raises if what is stored cannot be understood (by this version)."""
    return Mailing(
        id=row["id"],
        cause=row["cause"],
        recorded_at=row["recorded_at"],
        kind=row["kind"],
        what=read_cause(row["type"], row["data"]),
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


async def advance(connection: Connection, pages: Sequence[Page], now: datetime) -> set[int]:
    """Notes how far mailings have come; gives those that nobody else has advanced since the page was asked for."""
    rows = [
        {
            "id": page.mailing_id,
            "session": page.session and page.session.model_dump(mode="json"),
            "group_message": page.group_message and page.group_message.model_dump(mode="json"),
            "began": page.began,
            "after": page.after,
        }
        for page in pages
    ]
    return {row["id"] for row in await connection.fetch(ADVANCE, rows, now)}


async def count(connection: Connection, added: Sequence[int]) -> None:
    """Adds to the number of messages. `added` names the mailing of each new one."""
    counts = Counter(added)
    await connection.execute(COUNT, list(counts), list(counts.values()))


async def defer(pool: Pool, mailing_id: int, until: datetime, problem: str) -> None:
    """The next page is asked for later."""
    await pool.execute(DEFER, mailing_id, until, problem)


async def abandon(pool: Pool, mailing_id: int, problem: str) -> None:
    """Nobody more is told; operators see why."""
    await pool.execute(ABANDON, mailing_id, problem)


async def forget_words(pool: Pool) -> None:
    """What an organiser wrote goes when it has been sent to everybody, or given up."""
    await pool.execute(FORGET_WORDS)


@dataclass(frozen=True, slots=True)
class Told:
    """What all messages of a mailing have in common.

    `session` is the session as the cause left it, where all of them are about the same one.
    """

    cause: AnyCause
    happened_at: datetime
    session: SessionCard | None = None
    group_message: GroupMessage | None = None


async def told(pool: Pool, mailing_ids: Sequence[int]) -> dict[int, asyncpg.Record]:
    """What messages of these mailings are composed from, to be read by `read_told`."""
    return {row["id"]: row for row in await pool.fetch(TOLD, mailing_ids)}


def read_told(row: asyncpg.Record) -> Told:
    """Raises if what is stored cannot be understood (by this version)."""
    cause = read_cause(row["type"], row["data"])
    if isinstance(cause, ABOUT_CONTACTS + ABOUT_QUESTIONS):
        return Told(cause, row["happened_at"])
    return Told(
        cause,
        row["happened_at"],
        as_left_by(cause, SessionCard.model_validate(row["session"])),
        GroupMessage.model_validate(row["group_message"]) if row["group_message"] else None,
    )
