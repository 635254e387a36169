"""Who takes part in a session, as its organisers choose and sort them? The question, and the rows it finds.

Names and addresses are sealed. Looking for one opens the contacts of whom the other filters leave, a page at a time, up
to `SEARCHED`; nothing that was opened stays. An index of keyed names beside the table would answer faster, but it would
have to be filled from outside the projection (which has no keys), would tell equal names of different people apart from
others to whoever holds the database, and an erasure would have to reach it, too. Sessions have some hundred people.
"""

import unicodedata
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Annotated, Any, Literal

import asyncpg
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from services.events import attendance_list, participant
from services.events.life import Life
from services.events.participant import Contact
from services.events.registration import Status
from shared.kernel.http import Paging, decode_cursor, encode_cursor
from shared.kernel.postgres import Connection, Pool
from shared.kernel.problems import FieldError, Problem
from shared.kernel.texts import Id
from shared.kernel.vault import Vault

SEARCHED = 5_000
OPENED_TOGETHER = 250

# $1 session, $2 when the doors of the present date open, $3 statuses, $4 organisation, $5 attended, $6 behind which
# version, $7 how many, $8 whether they answered if the latest new date suits (who was not asked did neither). A place
# in the queue is counted from the first waiting one of the page on.
PAGE = """
WITH page AS (
    SELECT r.registration_id, r.session_id, r.person_id, r.version, r.received_version, r.status, r.confirm_by,
           r.received_at, r.organisation_id, r.sealed, r.sealed_answers, r.sealed_for_days,
           CASE WHEN r.reconfirmed_version > q.asked_version THEN r.reconfirmed_at END AS reconfirmed_at,
           q.open AND r.status IN ('received', 'confirmed', 'waitlisted')
               AND greatest(r.received_version, r.reconfirmed_version) < q.asked_version AS owes_answer,
           a.present, a.walk_in, a.how, a.recorded_at
    FROM registration r
    LEFT JOIN attendance a ON a.registration_id = r.registration_id AND a.recorded_at >= $2
    LEFT JOIN session_asking q ON q.session_id = r.session_id
    WHERE r.session_id = $1 AND ($3::text[] IS NULL OR r.status = ANY($3))
      AND ($4::text IS NULL OR r.organisation_id = $4) AND ($5::boolean IS NULL OR coalesce(a.present, false) = $5)
      AND r.received_version > $6
      AND ($8::boolean IS NULL OR r.received_version < q.asked_version
           AND (coalesce(r.reconfirmed_version, 0) > q.asked_version) = $8)
    ORDER BY r.received_version
    LIMIT $7
), waiting AS (
    SELECT min(received_version) AS first, max(received_version) AS last FROM page WHERE status = 'waitlisted'
), place AS (
    SELECT w.registration_id,
           (SELECT count(*) FROM registration b
            WHERE b.session_id = $1 AND b.status = 'waitlisted' AND b.received_version < waiting.first)
           + row_number() OVER (ORDER BY w.received_version) AS waiting_position
    FROM waiting
    JOIN registration w ON w.session_id = $1 AND w.status = 'waitlisted'
        AND w.received_version BETWEEN waiting.first AND waiting.last
)
SELECT page.registration_id, session_id, person_id, version, received_version, status, confirm_by, received_at,
       organisation_id, sealed, sealed_answers, sealed_for_days, reconfirmed_at, owes_answer, present, walk_in, how,
       recorded_at, place.waiting_position
FROM page LEFT JOIN place USING (registration_id)
ORDER BY received_version
"""
# Without a limit, and row by row: nothing is gathered before the first one is sent.
ALL = """
SELECT r.registration_id, r.session_id, r.person_id, r.version, r.received_version, r.status, r.confirm_by,
       r.received_at, r.organisation_id, r.sealed, r.sealed_answers, r.sealed_for_days,
       CASE WHEN r.reconfirmed_version > q.asked_version THEN r.reconfirmed_at END AS reconfirmed_at,
       q.open AND r.status IN ('received', 'confirmed', 'waitlisted')
           AND greatest(r.received_version, r.reconfirmed_version) < q.asked_version AS owes_answer,
       a.present, a.walk_in, a.how, a.recorded_at,
       CASE WHEN r.status = 'waitlisted' THEN r.waiting END AS waiting_position
FROM (
    SELECT registration_id, session_id, person_id, version, received_version, status, confirm_by, received_at,
           organisation_id, sealed, sealed_answers, sealed_for_days, reconfirmed_at, reconfirmed_version,
           count(*) FILTER (WHERE status = 'waitlisted') OVER (ORDER BY received_version) AS waiting
    FROM registration WHERE session_id = $1
) AS r
LEFT JOIN attendance a ON a.registration_id = r.registration_id AND a.recorded_at >= $2
LEFT JOIN session_asking q ON q.session_id = r.session_id
WHERE ($3::text[] IS NULL OR r.status = ANY($3))
  AND ($4::text IS NULL OR r.organisation_id = $4) AND ($5::boolean IS NULL OR coalesce(a.present, false) = $5)
  AND ($6::boolean IS NULL OR r.received_version < q.asked_version
       AND (coalesce(r.reconfirmed_version, 0) > q.asked_version) = $6)
ORDER BY r.received_version
"""
CONTACTS = """
SELECT r.registration_id, r.person_id, r.received_version, r.sealed
FROM registration r
LEFT JOIN attendance a ON a.registration_id = r.registration_id AND a.recorded_at >= $2
LEFT JOIN session_asking q ON q.session_id = r.session_id
WHERE r.session_id = $1 AND ($3::text[] IS NULL OR r.status = ANY($3))
  AND ($4::text IS NULL OR r.organisation_id = $4) AND ($5::boolean IS NULL OR coalesce(a.present, false) = $5)
  AND ($7::boolean IS NULL OR r.received_version < q.asked_version
       AND (coalesce(r.reconfirmed_version, 0) > q.asked_version) = $7)
ORDER BY r.received_version
LIMIT $6
"""
COUNT = """
SELECT count(*)
FROM registration r
LEFT JOIN attendance a ON a.registration_id = r.registration_id AND a.recorded_at >= $2
LEFT JOIN session_asking q ON q.session_id = r.session_id
WHERE r.session_id = $1 AND ($3::text[] IS NULL OR r.status = ANY($3))
  AND ($4::text IS NULL OR r.organisation_id = $4) AND ($5::boolean IS NULL OR coalesce(a.present, false) = $5)
  AND ($6::boolean IS NULL OR r.received_version < q.asked_version
       AND (coalesce(r.reconfirmed_version, 0) > q.asked_version) = $6)
"""
CHOSEN = """
SELECT r.registration_id, r.session_id, r.person_id, r.version, r.received_version, r.status, r.confirm_by,
       r.received_at, r.organisation_id, r.sealed, r.sealed_answers, r.sealed_for_days,
       CASE WHEN r.reconfirmed_version > q.asked_version THEN r.reconfirmed_at END AS reconfirmed_at,
       q.open AND r.status IN ('received', 'confirmed', 'waitlisted')
           AND greatest(r.received_version, r.reconfirmed_version) < q.asked_version AS owes_answer,
       a.present, a.walk_in, a.how, a.recorded_at,
       CASE WHEN r.status = 'waitlisted' THEN
           (SELECT count(*) FROM registration w
            WHERE w.session_id = r.session_id AND w.status = 'waitlisted' AND w.received_version <= r.received_version)
       END AS waiting_position
FROM registration r
LEFT JOIN attendance a ON a.registration_id = r.registration_id AND a.recorded_at >= $2
LEFT JOIN session_asking q ON q.session_id = r.session_id
WHERE r.registration_id = ANY($1::text[])
"""
OF_PERSON = """
SELECT registration_id, person_id, status FROM registration WHERE session_id = $1 AND person_id = $2
ORDER BY received_version DESC LIMIT 1
"""
ONE = """
SELECT registration_id, session_id, person_id, status, sealed FROM registration WHERE registration_id = $1
"""
MARKED = """
SELECT registration_id, person_id, status FROM registration WHERE session_id = $1 AND registration_id = ANY($2::text[])
"""

_PLACE = TypeAdapter(tuple[Annotated[int, Field(ge=0, le=2**62)], Annotated[int, Field(ge=0, le=SEARCHED)]])


class ParticipantFilter(BaseModel):
    """Which participants. `attended` false: everybody who was not recorded as there.

    `answered`: of those who were asked whether the latest new date suits, who said yes, or who has said nothing.
    """

    model_config = ConfigDict(frozen=True)

    status: list[Status] | None = None
    organisation_id: Id | None = None
    attended: bool | None = None
    answered: bool | None = None
    q: str | None = Field(default=None, max_length=200, description="Words in name, address or organisation.")


class ParticipantQuery(ParticipantFilter, Paging):
    """The parameters of the organiser's list."""

    sort: Literal["received", "name"] = "received"


@dataclass(frozen=True, slots=True)
class Found:
    """One page: rows with their contacts, where the next one begins, and how many there are in all."""

    rows: list[asyncpg.Record]
    next: str | None
    total: int


def _asked(life: Life, wanted: ParticipantFilter) -> tuple[Any, ...]:
    doors = attendance_list.doors_open_at(life)
    return life.session_id, doors, wanted.status, wanted.organisation_id, wanted.attended


async def find(pool: Pool, vault: Vault, life: Life, query: ParticipantQuery) -> Found:
    """One page of participants; `invalid_query` for a search among too many."""
    last, seen = decode_cursor(query.cursor, _PLACE) if query.cursor else (0, 0)
    total = await count(pool, life, query)
    if not words(query.q) and query.sort == "received":
        rows = await pool.fetch(PAGE, *_asked(life, query), last, query.limit + 1, query.answered)
        shown = rows[: query.limit]
        more = encode_cursor((shown[-1]["received_version"], 0)) if len(rows) > query.limit else None
        return Found(shown, more, total)
    keys = await _matching(pool, vault, life, query, total)
    begin = next((n + 1 for n, key in enumerate(keys) if key[1] == last), seen)
    page = keys[begin : begin + query.limit]
    found = {row["registration_id"]: row for row in await _chosen(pool, life, [key[2] for key in page])}
    more = encode_cursor((page[-1][1], begin + len(page))) if begin + len(page) < len(keys) else None
    return Found([found[key[2]] for key in page if key[2] in found], more, len(keys))


type _Key = tuple[tuple[str, str], int, str]
"""What a list by name is sorted by, the version of the receipt, the registration."""


async def _matching(pool: Pool, vault: Vault, life: Life, query: ParticipantQuery, total: int) -> list[_Key]:
    """Everybody whose contact has the words, in the order that is asked for."""
    if total > SEARCHED:
        field = "q" if query.q else "sort"
        detail = f"Das sind {total} Personen; gesucht und nach Namen sortiert wird bis {SEARCHED}. Bitte filtern Sie."
        raise Problem("invalid_query", errors=[FieldError(field, "too_many_to_search", detail)])
    rows = await pool.fetch(CONTACTS, *_asked(life, query), SEARCHED, query.answered)
    keys: list[_Key] = []
    for some in batched(rows, OPENED_TOGETHER):
        contacts = await participant.open_contacts(vault, some)
        keys += [
            (_sorted_by(contact), row["received_version"], row["registration_id"])
            for row, contact in zip(some, contacts, strict=True)
            if matches(contact, words(query.q))
        ]
    return sorted(keys) if query.sort == "name" else keys


async def _chosen(pool: Pool, life: Life, registration_ids: Sequence[str]) -> list[asyncpg.Record]:
    return await pool.fetch(CHOSEN, list(registration_ids), attendance_list.doors_open_at(life))


def words(text: str | None) -> tuple[str, ...]:
    """What has to be found, each somewhere."""
    return tuple(_folded(text).split()) if text else ()


def matches(contact: Contact | None, wanted: Sequence[str]) -> bool:
    """Whether all words stand in what somebody said about themselves; of who was erased nothing is left to find."""
    if not wanted:
        return True
    if contact is None:
        return False
    text = _folded(f"{contact.name} {contact.email} {contact.organisation_name or ''}")
    return all(word in text for word in wanted)


def _sorted_by(contact: Contact | None) -> tuple[str, str]:
    """The last word of the name first, as Germans sort people; the erased at the end."""
    if contact is None:
        return ("\uffff", "")
    name = _folded(contact.name)
    return (name.split()[-1] if name.split() else name, name)


def _folded(text: str) -> str:
    """Without case and accents, so that Müller and MULLER are found alike."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


async def count(pool: Pool, life: Life, wanted: ParticipantFilter) -> int:
    """How many there are, whatever words are looked for."""
    total: int = await pool.fetchval(COUNT, *_asked(life, wanted), wanted.answered)
    return total


async def all_of(
    connection: Connection, vault: Vault, life: Life, wanted: ParticipantFilter, batch: int
) -> AsyncIterator[list[tuple[asyncpg.Record, Contact | None]]]:
    """Everybody who is wanted in the order of receipt, some at a time, as they were when the transaction began."""
    cursor = await connection.cursor(ALL, *_asked(life, wanted), wanted.answered)
    while rows := await cursor.fetch(batch):
        contacts = await participant.open_contacts(vault, rows)
        yield [(row, contact) for row, contact in zip(rows, contacts, strict=True) if matches(contact, words(wanted.q))]


async def of_person(pool: Pool, session_id: str, person_id: str) -> asyncpg.Record | None:
    """Somebody's last registration for a session."""
    return await pool.fetchrow(OF_PERSON, session_id, person_id)


async def one(pool: Pool, registration_id: str) -> asyncpg.Record | None:
    """A registration, of whatever session."""
    return await pool.fetchrow(ONE, registration_id)


async def by_ids(pool: Pool, session_id: str, registration_ids: Sequence[str]) -> dict[str, asyncpg.Record]:
    """Those of the registrations that are of this session: whose they are, and their status."""
    rows = await pool.fetch(MARKED, session_id, list(registration_ids))
    return {row["registration_id"]: row for row in rows}
