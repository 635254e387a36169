"""What is being prepared, and how far is it? An organisation's undertakings, for it and for whom it shows them to."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints, TypeAdapter

from services.catalog import organisation_directory, topic_list
from services.catalog.naming import folded, sort_key, words
from services.catalog.organisation_directory import Named
from services.catalog.undertaking import UNDERTAKING
from services.catalog.undertaking_shown import UndertakingCard, UndertakingPage, card_of, page_of
from services.catalog.undertaking_state import Undertaking, evolve
from services.catalog.undertaking_step import StepFellDue
from services.catalog.vocabulary import UndertakingStatus
from shared.kernel.http import Page, Paging, decode_cursor, next_after
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded
from shared.kernel.texts import Id

READ = "SELECT id::text, entry FROM undertaking WHERE id = ANY($1::uuid[]) FOR UPDATE"
KEEP = """
INSERT INTO undertaking (id, version, organisation_id, readers, status, title_key, letters, changed_at, project_id,
                         entry)
SELECT r.id, r.version, r.organisation_id, r.readers, r.status, r.title_key, r.letters, r.changed_at, r.project_id,
       r.entry
FROM jsonb_to_recordset($1::jsonb) AS r(id uuid, version bigint, organisation_id uuid, readers uuid[], status text,
     title_key text, letters text, changed_at timestamptz, project_id uuid, entry jsonb)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, readers = excluded.readers, status = excluded.status,
    title_key = excluded.title_key, letters = excluded.letters, changed_at = excluded.changed_at,
    project_id = excluded.project_id, entry = excluded.entry
"""
FORGET_REMINDERS = "DELETE FROM undertaking_reminder WHERE undertaking_id = ANY($1::uuid[])"
KEEP_REMINDERS = """
INSERT INTO undertaking_reminder (undertaking_id, step_id, remind_on, due_on)
SELECT r.undertaking_id, r.step_id, r.remind_on, r.due_on
FROM jsonb_to_recordset($1::jsonb) AS r(undertaking_id uuid, step_id text, remind_on date, due_on date)
"""
# $1: whose eyes, by every id, null for an editor's; $4: the folded words that all have to occur.
LIST = """
WITH kept AS (
    SELECT id, version, changed_at, title_key, entry FROM undertaking
    WHERE ($1::uuid[] IS NULL OR organisation_id = ANY($1) OR readers && $1)
      AND ($2::text[] IS NULL OR status = ANY($2)) AND ($3::uuid[] IS NULL OR organisation_id = ANY($3))
      AND NOT EXISTS (SELECT FROM unnest($4::text[]) AS word WHERE position(word IN letters) = 0)
)
SELECT t.total, k.id::text, k.version, k.changed_at, k.title_key, k.entry
FROM (SELECT count(*) AS total FROM kept) t LEFT JOIN LATERAL (
    SELECT * FROM kept WHERE $5::text IS NULL OR (title_key, id) > ($5, $6::uuid) ORDER BY title_key, id LIMIT $7
) k ON true
ORDER BY k.title_key, k.id
"""
ONE = "SELECT entry FROM undertaking WHERE id = $1::uuid"
ORGANISATION_OF = "SELECT organisation_id::text FROM undertaking WHERE id = $1::uuid"
DUE = """
SELECT DISTINCT undertaking_id::text AS id FROM undertaking_reminder
WHERE daterange(remind_on, due_on, '[]') @> $1::date LIMIT 100
"""
UNDRAFTED = """
SELECT id::text FROM undertaking u WHERE status = 'finished' AND changed_at BETWEEN $1 AND $2
    AND NOT EXISTS (SELECT FROM project_page p WHERE p.id = u.project_id) LIMIT 100
"""

CURSOR: TypeAdapter[tuple[str, UUID]] = TypeAdapter(tuple[str, UUID])


@dataclass(frozen=True, slots=True)
class Entry:
    """An undertaking as the read model keeps it; `changed_at` is when somebody last changed something."""

    undertaking: Undertaking
    version: int
    changed_at: datetime


ENTRY = TypeAdapter(Entry)


class UndertakingQuery(Paging):
    """What the undertakings can be narrowed to."""

    status: tuple[UndertakingStatus, ...] | None = Field(default=None, description="How far it has come.")
    organisation: tuple[Id, ...] | None = Field(default=None, description="Ids of the organisations whose they are.")
    q: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] | None = Field(
        default=None, description="Words of title and summary, in any German spelling."
    )


async def project(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Folds the events into each undertaking's entry, and plans its reminders anew."""
    ours = [each for each in recorded if isinstance(each.event, UNDERTAKING.events)]
    if not ours:
        return
    ids = list({each.aggregate_id for each in ours})
    rows = await connection.fetch(READ, ids)
    entries: dict[str, Entry] = {row["id"]: ENTRY.validate_python(row["entry"]) for row in rows}
    for each in ours:
        before = entries.get(each.aggregate_id)
        after = evolve(before.undertaking if before else None, each.event)
        changed_at = before.changed_at if before and isinstance(each.event, StepFellDue) else each.event.at
        entries[each.aggregate_id] = Entry(after, each.version, changed_at)
    await connection.execute(KEEP, [_row(entry) for entry in entries.values()])
    await connection.execute(FORGET_REMINDERS, ids)
    reminders = [row for entry in entries.values() for row in _reminders(entry.undertaking)]
    await connection.execute(KEEP_REMINDERS, reminders)


def _row(entry: Entry) -> dict[str, Any]:
    undertaking = entry.undertaking
    plan = undertaking.plan
    return {
        "id": undertaking.id,
        "version": entry.version,
        "organisation_id": undertaking.organisation_id,
        "readers": undertaking.readers,
        "status": undertaking.status,
        "title_key": sort_key(plan.title),
        "letters": folded(f"{plan.title} {plan.summary or ''}"),
        "changed_at": entry.changed_at,
        "project_id": undertaking.project_id,
        "entry": ENTRY.dump_python(entry, mode="json"),
    }


def _reminders(undertaking: Undertaking) -> list[dict[str, Any]]:
    if undertaking.status is not UndertakingStatus.PREPARING:
        return []
    planned = {step_id: step.remind_from(undertaking.plan.lead_days) for step_id, step in undertaking.steps.items()}
    return [
        {
            "undertaking_id": undertaking.id,
            "step_id": step_id,
            "remind_on": remind_on,
            "due_on": undertaking.steps[step_id].due_on,
        }
        for step_id, remind_on in planned.items()
        if remind_on
    ]


UNDERTAKINGS = Projection("undertakings", ("undertaking", "undertaking_reminder"), project)


async def listed(pool: Pool, query: UndertakingQuery, seen_by: Collection[str] | None) -> Page[UndertakingCard]:
    """By title, what an organisation sees under its ids; everything for `None`, an editor."""
    after = decode_cursor(query.cursor, CURSOR) if query.cursor else (None, None)
    asked = words(query.q) if query.q else []
    if query.q and not asked:
        return Page(items=[], next=None, total=0)
    async with pool.acquire() as connection:
        theirs = query.organisation and await organisation_directory.ids_meaning(connection, *query.organisation)
        rows = await connection.fetch(LIST, seen_by, query.status, theirs, asked, *after, query.limit + 1)
        found = [row for row in rows if row["id"] is not None]
        entries = [ENTRY.validate_python(row["entry"]) for row in found[: query.limit]]
        names = await _names(connection, entries)
        topics = await _topics(connection, entries)
    return Page(
        items=[
            UndertakingCard(
                **card_of(entry.undertaking, names, topics), version=entry.version, changed_at=entry.changed_at
            )
            for entry in entries
        ],
        next=next_after(found, query.limit, "title_key", "id"),
        total=rows[0]["total"],
    )


async def one(pool: Pool, undertaking_id: str, *, may_change: bool) -> UndertakingPage | None:
    """A whole undertaking, for somebody who may see it."""
    async with pool.acquire() as connection:
        stored = await connection.fetchval(ONE, undertaking_id)
        if stored is None:
            return None
        entry = ENTRY.validate_python(stored)
        names = await _names(connection, [entry])
        topics = await _topics(connection, [entry])
    return UndertakingPage(
        **page_of(entry.undertaking, names, topics),
        version=entry.version,
        changed_at=entry.changed_at,
        may_change=may_change,
    )


async def organisation_of(connection: Connection, undertaking_id: str) -> str | None:
    """Whose undertaking it is, by the id it began under; None when there is none."""
    found: str | None = await connection.fetchval(ORGANISATION_OF, undertaking_id)
    return found


async def kept(connection: Connection, undertaking_id: str) -> Undertaking | None:
    """An undertaking as it stands; None when there is none."""
    stored = await connection.fetchval(ONE, undertaking_id)
    return None if stored is None else ENTRY.validate_python(stored).undertaking


async def due(pool: Pool, today: date) -> list[str]:
    """Undertakings with a step to remind of."""
    return [row["id"] for row in await pool.fetch(DUE, today)]


async def undrafted(pool: Pool, first: datetime, last: datetime) -> list[str]:
    """Undertakings finished between the two that are no project yet."""
    return [row["id"] for row in await pool.fetch(UNDRAFTED, first, last)]


async def _names(connection: Connection, entries: Iterable[Entry]) -> dict[str, Named]:
    undertakings = [entry.undertaking for entry in entries]
    ids = {key for each in undertakings for key in (each.organisation_id, *each.plan.partners, *each.readers)}
    return await organisation_directory.named(connection, ids)


async def _topics(connection: Connection, entries: Iterable[Entry]) -> dict[str, tuple[str, str]]:
    """Of each topic's code the one that stands for it now, and its label."""
    codes = {code for entry in entries for code in entry.undertaking.plan.topics}
    if not codes:
        return {}
    present, labels = await topic_list.present(connection, codes), await topic_list.labels(connection, codes)
    return {code: (present[code], labels[code]) for code in present}
