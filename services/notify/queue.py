"""Messages that wait to be sent, are being sent, and what became of them.

One row for each recipient of a mailing and channel, written before anything is sent: the key on it is what makes a
message one. Messages of one lane (a person and a session) are sent in the order in which they were written, so that a
cancellation never overtakes the invitation it cancels; between lanes, single persons' messages come first, and what can
wait comes last.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha1
from typing import Any, Literal
from uuid import NAMESPACE_URL, UUID

import orjson

from services.notify.kind import Priority
from services.notify.matter import Claimed, Mailing, Row
from shared.kernel.postgres import Connection, Pool

# Rows have a class, for most of a mailing's are alike but for whom they are for. Columns come as JSON, which costs the
# client a tenth of what arrays do. Of whoever was erased here nothing is written any more. What is there already is
# looked up, one by one whatever statistics say: only who holds the mailing's row writes, so nothing comes in between,
# and ON CONFLICT makes each row a quarter dearer.
WRITE = """
WITH written AS (
    INSERT INTO message (id, mailing_id, kind, channel, person_id, session_id, registration_id, lane, priority,
                         calendar, source, standing, sealed_for, while_registered, ready_at, expires_at, created_at)
    SELECT r.id::uuid, c.mailing_id, c.kind, 'email', r.person_id, c.session_id, r.registration_id,
           coalesce(c.lane, c.line || '/' || r.person_id), c.priority, c.calendar, c.source, c.standing, c.sealed_for,
           c.while_registered, $6, c.expires_at, $6
    FROM ROWS FROM (jsonb_array_elements_text($1::jsonb), jsonb_array_elements_text($2::jsonb),
        jsonb_array_elements_text($3::jsonb), jsonb_array_elements_text($4::jsonb))
        WITH ORDINALITY AS r(id, person_id, registration_id, class, place)
    JOIN jsonb_to_recordset($5::jsonb) AS c(class int, mailing_id bigint, kind text, session_id text, lane text,
        line text, priority smallint, calendar text, source text, standing jsonb, sealed_for text,
        while_registered boolean, expires_at timestamptz) ON c.class = r.class::int
    WHERE NOT EXISTS (SELECT FROM vault v WHERE v.person_id = r.person_id AND v.erased_at IS NOT NULL)
      AND NOT EXISTS (SELECT FROM vault v WHERE v.person_id = c.sealed_for AND v.erased_at IS NOT NULL)
      AND r.id::uuid NOT IN (SELECT t.message_id FROM told_before t)
      AND (SELECT m.id FROM message m WHERE m.id = r.id::uuid LIMIT 1) IS NULL
    ORDER BY r.place
    RETURNING mailing_id
)
SELECT mailing_id, count(*) AS number FROM written GROUP BY mailing_id
"""
# Nobody's message must wait for what can wait longer: what is in its way in its own lane is raised with it.
LAST = "SELECT max(priority) FROM message WHERE state IN ('waiting', 'sending')"
RAISE = """
UPDATE message m SET priority = $2
FROM jsonb_array_elements_text($1::jsonb) AS raised(lane)
WHERE hashtextextended(m.lane, 0) = hashtextextended(raised.lane, 0) AND m.lane = raised.lane
  AND m.state IN ('waiting', 'sending') AND m.priority > $2
"""
VOID = """
UPDATE message m SET state = 'bounced', reason = 'expired', finished_at = $3, sealed = NULL
FROM unnest($1::text[], $2::text[]) AS ended(person_id, registration_id)
WHERE m.person_id = ended.person_id AND m.registration_id = ended.registration_id
  AND m.while_registered AND m.state IN ('waiting', 'held')
"""
IN_CALENDAR = """
SELECT DISTINCT ON (m.registration_id) m.registration_id, m.calendar
FROM unnest($1::text[], $2::text[]) AS asked(person_id, registration_id)
JOIN message m USING (person_id, registration_id)
WHERE m.calendar IS NOT NULL
ORDER BY m.registration_id, m.seq DESC
"""
# Of each priority those that may be sent by now, the first of each lane; what is put off or held is not looked at. They
# come in the order of an index, which ends at the limit. `mailing_id <> ALL` would be estimated to leave nobody where
# one large mailing is nearly all there is, and everything be read and sorted for each claim.
CLAIM = """
WITH halted AS MATERIALIZED (
    SELECT coalesce(array_agg(id), '{}') AS ids FROM mailing WHERE halt IN ('paused', 'stopping')
), due AS (
    SELECT m.id, m.priority, m.seq FROM generate_series(0, $3::int) AS p(priority) CROSS JOIN LATERAL (
        SELECT c.id, c.priority, c.seq FROM message c
        WHERE c.state IN ('waiting', 'sending') AND c.priority = p.priority AND c.ready_at <= $1
          AND (c.source IS NULL OR c.source <> ALL ($6::text[]))
          AND NOT (SELECT ids FROM halted)::bigint[] @> ARRAY[c.mailing_id]
          AND NOT EXISTS (
              SELECT FROM message o
              WHERE hashtextextended(o.lane, 0) = hashtextextended(c.lane, 0) AND o.lane = c.lane
                AND o.state IN ('waiting', 'sending', 'held') AND o.seq < c.seq
          )
        ORDER BY c.ready_at, c.seq LIMIT $4 FOR UPDATE SKIP LOCKED
    ) AS m
), first AS (
    SELECT id FROM due ORDER BY priority, seq LIMIT $4
)
UPDATE message m SET state = 'sending', ready_at = $2, attempts = m.attempts + 1, holder = $5,
    claimed_at = clock_timestamp()
FROM first WHERE m.id = first.id
RETURNING m.id, m.seq, m.priority, m.mailing_id, m.kind, m.person_id, m.session_id, m.registration_id, m.calendar,
          m.standing, m.sealed, m.sealed_for, m.attempts, m.created_at, m.expires_at,
          coalesce(m.held_until, m.created_at) AS dated_at
"""
# Records what became of messages, and tells which of others in hand may be sent: still ours, of nobody who was erased,
# of no mailing that was halted. What was stopped while it was on its way was delivered nevertheless. All are looked up
# by their ids: a state that stood beside those as a condition of its own would have the planner look through everything
# that waits, however much that has become since.
FINISH = """
WITH verdict AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS v(message_id uuid, number smallint, state text, at timestamptz,
        ready_at timestamptz, reason text, outcome text, code smallint, status text, took_ms int, address_mark uuid,
        host text)
), finished AS (
    UPDATE message m SET state = v.state, ready_at = coalesce(v.ready_at, m.ready_at), reason = v.reason,
        status = v.status, finished_at = CASE WHEN v.state = 'waiting' THEN NULL ELSE v.at END,
        sealed = CASE WHEN v.state IN ('waiting', 'failed') THEN m.sealed END,
        address_mark = coalesce(v.address_mark, m.address_mark)
    FROM verdict v
    WHERE m.id = ANY ($2::uuid[]) AND m.id = v.message_id
      AND CASE WHEN m.state IN ('waiting', 'sending') THEN m.attempts = v.number OR v.state = 'delivered'
               ELSE m.state IN ('held', 'withheld') AND v.state = 'delivered' END
    RETURNING m.id
), noted AS (
    INSERT INTO attempt (message_id, number, at, outcome, code, status, took_ms, host)
    SELECT v.message_id, v.number, v.at, v.outcome, v.code, v.status, v.took_ms, v.host
    FROM verdict v JOIN finished ON finished.id = v.message_id
    ON CONFLICT DO NOTHING
)
SELECT m.id FROM unnest($3::uuid[], $4::smallint[]) AS following(id, number)
JOIN message m ON m.id = following.id AND m.attempts = following.number
WHERE m.id = ANY ($3::uuid[]) AND CASE WHEN m.state = 'sending' THEN true ELSE false END
  AND NOT EXISTS (SELECT FROM vault v WHERE v.person_id = m.person_id AND v.erased_at IS NOT NULL)
  AND NOT EXISTS (SELECT FROM vault v WHERE v.person_id = m.sealed_for AND v.erased_at IS NOT NULL)
  AND NOT EXISTS (SELECT FROM mailing g WHERE g.id = m.mailing_id AND g.halt IS NOT NULL)
"""
RELEASE = """
UPDATE message m SET state = 'waiting', ready_at = given_back.ready_at, attempts = m.attempts - 1
FROM unnest($1::uuid[], $2::smallint[], $3::timestamptz[]) AS given_back(id, number, ready_at)
WHERE m.id = ANY ($1::uuid[]) AND m.id = given_back.id
  AND CASE WHEN m.state = 'sending' THEN m.attempts = given_back.number ELSE false END
"""
FORGO = """
UPDATE message SET state = 'waiting', ready_at = $2, holder = NULL
WHERE state = 'sending' AND holder = $1 AND NOT id = ANY($3::uuid[])
"""
EXPIRE = """
UPDATE message SET state = 'bounced', reason = 'expired', finished_at = $1, sealed = NULL
WHERE (state IN ('waiting', 'sending') AND ready_at <= $1 OR state IN ('held', 'failed')) AND created_at < $2
"""
GIVE_UP = """
UPDATE message SET state = 'bounced', reason = 'expired', finished_at = $2, sealed = NULL
WHERE id = $1 AND state IN ('waiting', 'sending')
"""
# Not sent on purpose, and nobody's bounce.
WITHHOLD = """
UPDATE message SET state = 'withheld', reason = $2, finished_at = $3, sealed = NULL
WHERE id = $1 AND state IN ('waiting', 'sending')
"""
UNREPORTED = """
SELECT m.id, m.seq, m.kind, m.person_id, m.session_id, m.registration_id, m.state, m.reason, m.status, m.finished_at,
       m.address_mark, a.code, g.cause, g.correlation_id
FROM message m JOIN mailing g ON g.id = m.mailing_id
LEFT JOIN attempt a ON a.message_id = m.id AND a.number = m.attempts
WHERE NOT m.reported
  AND (m.state IN ('delivered', 'bounced') OR m.state = 'withheld' AND m.reason = 'suppressed')
ORDER BY m.seq LIMIT $1
"""
REPORTED = "UPDATE message SET reported = true WHERE id = ANY($1::uuid[])"
FORGET = """
DELETE FROM message
WHERE person_id = ANY($1::text[])
   OR (sealed_for IS NOT NULL AND sealed_for = ANY($1) AND state IN ('waiting', 'sending', 'held', 'failed'))
"""
FORGET_ERASED = """
DELETE FROM message m USING vault v
WHERE m.id = $1 AND v.person_id IN (m.person_id, m.sealed_for) AND v.erased_at IS NOT NULL
"""
FORGET_ONE = "DELETE FROM message WHERE id = $1"

# The two bits of a UUID that say that it is one of RFC 9562, by the hexadecimal digit they stand in.
VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
FIRST_RETRY = timedelta(seconds=30)
SOON = timedelta(seconds=2)
LAST_RETRY = timedelta(hours=4)

VERDICT = (
    "message_id",
    "number",
    "state",
    "at",
    "outcome",
    "ready_at",
    "reason",
    "code",
    "status",
    "took_ms",
    "address_mark",
    "host",
)

type State = Literal["waiting", "sending", "held", "delivered", "bounced", "failed", "withheld"]
type Withheld = Literal["stopped", "suppressed", "outdated", "discarded"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an attempt ended and what becomes of the message. `ready_at` is when a waiting one is tried again.

    `address_mark` stands for the address it went to, `host` is the part of that behind the @ where it did not arrive.
    """

    message_id: UUID
    number: int
    state: State
    at: datetime
    outcome: Literal["delivered", "refused", "deferred", "lost", "failed"]
    ready_at: datetime | None = None
    reason: str | None = None
    code: int | None = None
    status: str | None = None
    took_ms: int = 0
    address_mark: UUID | None = None
    host: str | None = None


def message_ids(person_ids: Iterable[str], cause: str, recorded_at: datetime, kind: str) -> list[str]:
    """They follow from what makes a message one, so that a row written again after a restore has the same Message-ID.

    UUIDs of version 5 of `ikz:message:<person>:<cause>:<recorded at>:<kind>:email` in the namespace of URLs.
    """
    begin = NAMESPACE_URL.bytes + b"ikz:message:"
    rest = f":{cause}:{recorded_at.isoformat()}:{kind}:email".encode()
    hashes = [sha1(begin + person_id.encode() + rest, usedforsecurity=False).hexdigest() for person_id in person_ids]
    return [f"{each[:12]}5{each[13:16]}{VARIANT[each[16]]}{each[17:32]}" for each in hashes]


def retry_at(now: datetime, number: int, jitter: float, first: timedelta = FIRST_RETRY) -> datetime:
    """When attempt `number + 1` may be made: four times as long each time, moved by `jitter` (0 to 1)."""
    times: int = 4 ** min(number - 1, 10)
    return now + min(first * times, LAST_RETRY) * (0.8 + 0.4 * jitter)


@dataclass(frozen=True, slots=True)
class Columns:
    """Rows of one mailing as columns, each with the number of what it has in common with others."""

    ids: Sequence[str]
    people: Sequence[str]
    registrations: Sequence[str | None]
    class_of: Sequence[int]
    classes: Sequence[Mapping[str, Any]]

    def lanes(self, priority: Priority) -> list[str]:
        """Those of the rows that have this priority."""
        rows = [(self.classes[number], person) for number, person in zip(self.class_of, self.people, strict=True)]
        return [each["lane"] or f"{each['line']}/{person}" for each, person in rows if each["priority"] == priority]


def columns(asked: Mailing, rows: Iterable[Row]) -> Columns:
    """What `write` takes: one message for each person, the first that is said of one."""
    found: dict[str, Row] = {}
    for row in rows:
        found.setdefault(row.person_id, row)
    numbers: dict[tuple[Any, ...], int] = {}
    classes: list[dict[str, Any]] = []
    class_of = []
    for row in found.values():
        key = _class_key(row)
        if key not in numbers:
            numbers[key] = len(classes)
            classes.append(_class(asked, row))
        class_of.append(numbers[key])
    ids = message_ids(found, asked.cause, asked.recorded_at, asked.kind)
    return Columns(ids, list(found), [row.registration_id for row in found.values()], class_of, classes)


def _class_key(row: Row) -> tuple[Any, ...]:
    return (
        row.session_id,
        row.lane,
        row.calendar,
        row.sealed_for,
        row.while_registered,
        row.expires_at,
        None if row.standing is None else orjson.dumps(row.standing),
    )


def _class(asked: Mailing, row: Row) -> dict[str, Any]:
    return {
        "mailing_id": asked.id,
        "kind": asked.kind,
        "session_id": row.session_id,
        "lane": row.lane,
        "line": row.session_id or asked.session_id or asked.cause,
        "priority": asked.priority,
        "calendar": row.calendar,
        "source": asked.matter,
        "standing": row.standing,
        "sealed_for": row.sealed_for,
        "while_registered": row.while_registered,
        "expires_at": row.expires_at,
    }


async def write(connection: Connection, pages: Sequence[Columns], at: datetime) -> dict[int, int]:
    """Writes messages that are not there yet; gives how many of each mailing were new.

    In the transaction in which their mailings advance, and after that.
    """
    ids: list[str] = []
    people: list[str] = []
    registrations: list[str | None] = []
    class_of: list[int] = []
    classes: list[dict[str, Any]] = []
    for page in pages:
        class_of += [number + len(classes) for number in page.class_of]
        classes += [{**each, "class": number} for number, each in enumerate(page.classes, len(classes))]
        ids += page.ids
        people += page.people
        registrations += page.registrations
    if not ids:
        return {}
    found = await connection.fetch(WRITE, ids, people, registrations, class_of, classes, at)
    last = await connection.fetchval(LAST)
    for priority in (Priority.PERSONAL, Priority.MANY):
        if (
            last is not None
            and last > priority
            and (urgent := [lane for page in pages for lane in page.lanes(priority)])
        ):
            await connection.execute(RAISE, urgent, priority)
    return {row["mailing_id"]: row["number"] for row in found}


async def in_calendar(pool: Pool, registrations: Sequence[tuple[str, str]]) -> set[str]:
    """The registrations, given as (person, registration), whose last calendar part was an invitation."""
    rows = await pool.fetch(IN_CALENDAR, *_columns(registrations))
    return {row["registration_id"] for row in rows if row["calendar"] == "REQUEST"}


async def claim(
    pool: Pool,
    now: datetime,
    until: datetime,
    highest: Priority,
    limit: int,
    *,
    holder: int,
    without: Sequence[str] = (),
) -> list[Claimed]:
    """Takes the messages that come next, for this sender alone until `until`; at most the first of each lane.

    Those of the matters in `without` are left.
    """
    rows = await pool.fetch(CLAIM, now, until, highest, limit, holder, without)
    return [
        Claimed(
            id=UUID(bytes=row["id"].bytes),
            mailing_id=row["mailing_id"],
            kind=row["kind"],
            person_id=row["person_id"],
            session_id=row["session_id"],
            registration_id=row["registration_id"],
            calendar=row["calendar"],
            standing=row["standing"],
            sealed=row["sealed"],
            sealed_for=row["sealed_for"],
            priority=Priority(row["priority"]),
            number=row["attempts"],
            created_at=row["created_at"],
            dated_at=row["dated_at"],
            expires_at=row["expires_at"],
        )
        for row in sorted(rows, key=lambda row: (row["priority"], row["seq"]))
    ]


async def finish(pool: Pool, verdicts: Sequence[Verdict], following: Sequence[Claimed] = ()) -> set[UUID]:
    """Records attempts and what follows from them; gives which of `following` may be sent.

    A verdict on a claim that was lost counts only if it delivered. A claim that ran out, or was freed for want of a
    sign from us, may be another's by now; it does not hold for whoever was erased meanwhile.
    """
    rows = [{name: getattr(verdict, name) for name in VERDICT} for verdict in verdicts]
    done = [verdict.message_id for verdict in verdicts]
    found = await pool.fetch(FINISH, rows, done, [each.id for each in following], [each.number for each in following])
    return {UUID(bytes=row["id"].bytes) for row in found}


async def release(pool: Pool, claimed: Sequence[Claimed], at: datetime) -> None:
    """Gives messages back untried."""
    await put_off(pool, [(each, at) for each in claimed])


async def put_off(pool: Pool, claimed: Sequence[tuple[Claimed, datetime]]) -> None:
    """Gives messages back untried, each for a time of its own."""
    if claimed:
        ids, numbers = [each.id for each, _ in claimed], [each.number for each, _ in claimed]
        await pool.execute(RELEASE, ids, numbers, [at for _, at in claimed])


async def forgo(pool: Pool, holder: int, in_hand: Collection[UUID], at: datetime) -> None:
    """Frees what a process claimed without knowing: the database took the claim, or kept it, when it went away."""
    await pool.execute(FORGO, holder, at, list(in_hand))


async def expire(pool: Pool, now: datetime, max_age: timedelta) -> None:
    """Gives up what is too old to be of use to anybody."""
    await pool.execute(EXPIRE, now, now - max_age)


async def give_up(pool: Pool, message_id: UUID, now: datetime) -> None:
    """Gives up one message whose time is over."""
    await pool.execute(GIVE_UP, message_id, now)


async def withhold(pool: Pool, message_id: UUID, reason: Withheld, now: datetime) -> None:
    """Ends one message that is not to be sent."""
    await pool.execute(WITHHOLD, message_id, reason, now)


async def void(connection: Connection, registrations: Sequence[tuple[str, str]], now: datetime) -> None:
    """Gives up what people would have got only as long as they were registered: (person, registration)."""
    if registrations:
        await connection.execute(VOID, *_columns(registrations), now)


def _columns(pairs: Sequence[tuple[str, str]]) -> tuple[list[str], list[str]]:
    return [first for first, _ in pairs], [second for _, second in pairs]


async def forget(connection: Connection, person_ids: Sequence[str]) -> None:
    """Deletes everything about these people, sent or not."""
    await connection.execute(FORGET, person_ids)


async def drop_erased(pool: Pool, message_id: UUID) -> None:
    """Deletes a message if its recipient was erased here; else it is somebody else's, or gone."""
    await pool.execute(FORGET_ERASED, message_id)


async def drop(pool: Pool, message_id: UUID) -> None:
    """Deletes a message whose recipient was erased meanwhile."""
    await pool.execute(FORGET_ONE, message_id)
