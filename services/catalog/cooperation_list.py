"""Which cooperation requests are there? The read model: by topic, kind, organisation, and near a place."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from services.catalog import contact_list, organisation_directory, project_page, topic_list
from services.catalog.cooperation_match import Place
from services.catalog.cooperation_request import (
    COOPERATION_REQUEST,
    CooperationRequest,
    CooperationRequestEdited,
    CooperationRequestExpiring,
    CooperationRequestMatched,
    CooperationRequestOpened,
    Kind,
    Outcome,
    Wish,
    due_at,
    evolve,
)
from services.catalog.organisation_directory import Named
from services.catalog.project_content import Ags, TopicCode
from services.catalog.topic import TopicMerged
from services.catalog.vocabulary import Term
from shared.kernel.http import Page, Paging, decode_cursor, next_after
from shared.kernel.postgres import Connection, Pool
from shared.kernel.problems import FieldError, Problem
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded
from shared.kernel.texts import Id

READ = """
SELECT id::text, opened_at, changed_at, changed_version, entry FROM cooperation_request
WHERE id = ANY($1::uuid[]) FOR UPDATE
"""
KEEP = """
INSERT INTO cooperation_request (id, version, changed_version, kind, organisation_id, topics, open, opened_at,
                                 changed_at, due_at, entry)
SELECT r.id, r.version, r.changed_version, r.kind, r.organisation_id, r.topics, r.open, r.opened_at, r.changed_at,
       r.due_at, r.entry
FROM jsonb_to_recordset($1::jsonb) AS r(id uuid, version bigint, changed_version bigint, kind text,
     organisation_id uuid, topics text[], open boolean, opened_at timestamptz, changed_at timestamptz,
     due_at timestamptz, entry jsonb)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, changed_version = excluded.changed_version,
    kind = excluded.kind,
    organisation_id = excluded.organisation_id, topics = excluded.topics, open = excluded.open,
    opened_at = excluded.opened_at, changed_at = excluded.changed_at, due_at = excluded.due_at, entry = excluded.entry
"""
COMPARE = """
INSERT INTO cooperation_comparison AS c (id, version)
SELECT id, version FROM unnest($1::uuid[], $2::bigint[]) AS n(id, version) ORDER BY id
ON CONFLICT (id) DO UPDATE SET version = excluded.version, waits = true WHERE c.version < excluded.version
"""
# Ordered by distance where a place is named, else the newest first; what lies nowhere known comes last.
LIST = """
WITH kept AS (
    SELECT r.id, d.km,
           CASE WHEN $5::float8 IS NULL THEN -extract(epoch FROM r.opened_at)::float8
                ELSE coalesce(d.km, 1e9) END AS number
    FROM cooperation_request r
    LEFT JOIN organisation e ON e.id = r.organisation_id AND $5::float8 IS NOT NULL
    LEFT JOIN organisation o ON o.id = coalesce(e.merged_into, e.id)
    LEFT JOIN LATERAL (
        SELECT 2 * 6371 * asin(least(1, sqrt(
            power(sin(radians((o.profile->>'latitude')::float8 - $5) / 2), 2)
            + cos(radians($5)) * cos(radians((o.profile->>'latitude')::float8))
            * power(sin(radians((o.profile->>'longitude')::float8 - $6::float8) / 2), 2)))) AS km
    ) d ON $5 IS NOT NULL
    WHERE ($1::text[] IS NULL OR r.topics && $1) AND ($2::text[] IS NULL OR r.kind = ANY($2))
      AND ($3::boolean IS NULL OR r.open = $3) AND ($4::uuid[] IS NULL OR r.organisation_id = ANY($4))
      AND ($7::float8 IS NULL OR d.km <= $7)
)
SELECT t.total, r.id::text, r.version, r.opened_at, r.changed_at, r.entry, k.km, k.number
FROM (SELECT count(*) AS total FROM kept) t LEFT JOIN LATERAL (
    SELECT * FROM kept WHERE $8::float8 IS NULL OR (number, id) > ($8, $9::uuid) ORDER BY number, id LIMIT $10
) k ON true LEFT JOIN cooperation_request r ON r.id = k.id
ORDER BY k.number, k.id
"""
SOME = """
SELECT id::text, version, opened_at, changed_at, entry, NULL::float8 AS km FROM cooperation_request
WHERE id = ANY($1::uuid[])
"""
STANDING = "SELECT version, changed_version FROM cooperation_request WHERE id = $1::uuid"
ORGANISATION_OF = "SELECT organisation_id::text FROM cooperation_request WHERE id = $1::uuid"
TITLE = "SELECT entry->'wish'->>'title' FROM cooperation_request WHERE id = $1::uuid"
OPEN = "SELECT EXISTS (SELECT FROM cooperation_request WHERE id = $1::uuid AND open)"
PLACE = """
SELECT (o.profile->>'latitude')::float8 AS latitude, (o.profile->>'longitude')::float8 AS longitude
FROM organisation e JOIN organisation o ON o.id = coalesce(e.merged_into, e.id)
WHERE e.ags = $1 OR e.id::text = $1
"""
# Requests that a merging of topics may have brought together.
COMPARE_AGAIN = """
UPDATE cooperation_comparison c SET waits = true FROM cooperation_request r
WHERE r.id = c.id AND r.open AND r.topics && ARRAY(
    SELECT o.code FROM topic asked
    JOIN topic o ON coalesce(o.merged_into, o.code) = coalesce(asked.merged_into, asked.code)
    WHERE asked.code = $1
)
"""

ENTRY = TypeAdapter(CooperationRequest)
CURSOR: TypeAdapter[tuple[float, UUID]] = TypeAdapter(tuple[float, UUID])
CONTENT = (CooperationRequestOpened, CooperationRequestEdited)
BY_ITSELF = (CooperationRequestMatched, CooperationRequestExpiring)


class CooperationQuery(Paging):
    """What the list can be narrowed to; several values of one parameter are alternatives."""

    topic: tuple[TopicCode, ...] | None = Field(default=None, description="Codes of topics.")
    kind: tuple[Kind, ...] | None = Field(default=None, description="What its organisation is after.")
    status: Literal["open", "closed", "all"] = Field(default="open", description="Whether it still seeks or offers.")
    organisation: Ags | Id | None = Field(default=None, description="An organisation's id or official key (AGS).")
    near: Ags | Id | None = Field(
        default=None, description="Nearest first, from this municipality or other body: official key (AGS) or id."
    )
    within_km: Annotated[float, Field(gt=0, le=1000)] | None = Field(
        default=None, description="Only with `near`: no further away than this."
    )


class CooperationRequestShown(BaseModel):
    """A request as everybody sees it. `labels[field][code]` is the German label of every code in it.

    `project_id`: the project that came of it, once everybody may read that.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    version: int
    kind: Kind
    organisation: Named
    title: str
    text: str
    topics: tuple[str, ...]
    sought: tuple[str, ...]
    offered: tuple[str, ...]
    size_classes: tuple[str, ...]
    radius_km: int | None
    legal_forms: tuple[str, ...]
    status: Literal["open", "closed"]
    opened_at: dt.datetime
    changed_at: dt.datetime
    expires_on: dt.date
    outcome: Outcome | None
    project_id: str | None
    undertaking_id: str | None
    note: str | None
    contact_possible: bool
    distance_km: float | None
    labels: dict[str, dict[str, str]]


async def project(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Keeps every request; what reads differently, or stands under a topic with others now, has to be compared."""
    if ours := [each for each in recorded if isinstance(each.event, COOPERATION_REQUEST.events)]:
        await _keep(connection, ours)
    for each in recorded:
        if isinstance(each.event, TopicMerged) and each.position is None:  # it happens now, and is not read again
            await connection.execute(COMPARE_AGAIN, each.event.topic)


async def _keep(connection: Connection, ours: Sequence[Recorded[Any]]) -> None:
    rows = await connection.fetch(READ, list({each.aggregate_id for each in ours}))
    entries = {row["id"]: ENTRY.validate_python(row["entry"]) for row in rows}
    opened = {row["id"]: row["opened_at"] for row in rows}
    changed = {row["id"]: (row["changed_at"], row["changed_version"]) for row in rows}
    kept: dict[str, dict[str, Any]] = {}
    for each in ours:
        key = each.aggregate_id
        entries[key] = evolve(entries.get(key), each.event)
        opened.setdefault(key, each.event.at)
        if not isinstance(each.event, BY_ITSELF):
            changed[key] = (each.event.at, each.version)
        kept[key] = _row(entries[key], each, opened[key], *changed[key])
    await connection.execute(KEEP, list(kept.values()))
    if written := {each.aggregate_id: each.version for each in ours if isinstance(each.event, CONTENT)}:
        await connection.execute(COMPARE, list(written), list(written.values()))


def _row(
    request: CooperationRequest,
    recorded: Recorded[Any],
    opened_at: dt.datetime,
    changed_at: dt.datetime,
    changed_version: int,
) -> dict[str, Any]:
    return {
        "id": request.id,
        "version": recorded.version,
        "changed_version": changed_version,
        "kind": request.kind,
        "organisation_id": request.organisation_id,
        "topics": request.wish.topics,
        "open": request.open,
        "opened_at": opened_at,
        "changed_at": changed_at,
        "due_at": due_at(request),
        "entry": ENTRY.dump_python(request, mode="json"),
    }


COOPERATION_REQUESTS = Projection("cooperation_requests", ("cooperation_request",), project)


async def listed(pool: Pool, query: CooperationQuery) -> Page[CooperationRequestShown]:
    """The requests that fit: the newest first, or the nearest."""
    after = decode_cursor(query.cursor, CURSOR) if query.cursor else (None, None)
    if query.within_km and query.near is None:
        raise _wrong("within_km", "near_missing", "„within_km“ braucht „near“: von wo aus gemessen wird.")
    only_open = {"open": True, "closed": False, "all": None}[query.status]
    async with pool.acquire() as connection:
        place = await place_of(connection, query.near) if query.near else Place()
        theirs = await _bodies(connection, query.organisation) if query.organisation else None
        topics = await topic_list.same_topics(connection, query.topic) if query.topic else None
        rows = await connection.fetch(
            LIST,
            topics,
            query.kind,
            only_open,
            theirs,
            place.latitude,
            place.longitude,
            query.within_km,
            *after,
            query.limit + 1,
        )
        found = [row for row in rows if row["id"] is not None]
        items = await _shown(connection, found[: query.limit])
    return Page(items=items, next=next_after(found, query.limit, "number", "id"), total=rows[0]["total"])


async def one(connection: Connection, request_id: str) -> CooperationRequestShown | None:
    """One request."""
    shown = await _shown(connection, await connection.fetch(SOME, [request_id]))
    return shown[0] if shown else None


async def some(connection: Connection, request_ids: Sequence[str]) -> dict[str, CooperationRequestShown]:
    """Several requests by id."""
    rows = await connection.fetch(SOME, request_ids)
    return {shown.id: shown for shown in await _shown(connection, rows)}


async def standing(connection: Connection, request_id: str) -> tuple[int, int]:
    """A request's version, and the one since which nobody changed it: what came after came by itself."""
    row = await connection.fetchrow(STANDING, request_id)
    return (row["version"], row["changed_version"]) if row else (0, 0)


async def organisation_of(connection: Connection, request_id: str) -> str | None:
    """The organisation that opened a request."""
    found: str | None = await connection.fetchval(ORGANISATION_OF, request_id)
    return found


async def title(connection: Connection, request_id: str) -> str | None:
    """What a request is called."""
    found: str | None = await connection.fetchval(TITLE, request_id)
    return found


async def contact_possible(connection: Connection, request_id: str) -> bool:
    """Whether texts can be passed on to who opened it: while it is open, and there is an address."""
    reachable = await contact_list.possible(connection, [request_id])
    return bool(reachable) and await is_open(connection, request_id)


async def is_open(connection: Connection, request_id: str) -> bool:
    """Whether others may still answer."""
    return bool(await connection.fetchval(OPEN, request_id))


async def place_of(connection: Connection, key: str) -> Place:
    """Where an organisation is; `invalid_query` when there is none, or nobody knows where."""
    row = await connection.fetchrow(PLACE, key)
    if row is None or row["latitude"] is None or row["longitude"] is None:
        raise _wrong("near", "unknown_place", "Zu dieser Stelle ist kein Ort bekannt.")
    return Place(row["latitude"], row["longitude"])


def wish_today(wish: Wish, present: Mapping[str, str]) -> Wish:
    """The wish under the topics that are meant now."""
    return wish.model_copy(update={"topics": topic_list.meant(wish.topics, present)})


async def _bodies(connection: Connection, key: str) -> list[str]:
    """Every id that means an organisation; `invalid_query` for an official key that nobody has."""
    found = await organisation_directory.ids_meaning(connection, key)
    if not found:
        raise _wrong("organisation", "unknown_organisation", "Diese Stelle ist nicht im Verzeichnis.")
    return list(found)


def _wrong(field: str, code: str, detail: str) -> Problem:
    return Problem("invalid_query", errors=[FieldError(field, code, detail)])


async def _shown(connection: Connection, rows: Sequence[asyncpg.Record]) -> list[CooperationRequestShown]:
    requests: list[CooperationRequest] = [ENTRY.validate_python(row["entry"]) for row in rows]
    organisations = await organisation_directory.named(connection, {each.organisation_id for each in requests})
    said = {code for each in requests for code in each.wish.topics}
    present = await topic_list.present(connection, said)
    topics = await topic_list.labels(connection, present.values())
    reachable = await contact_list.possible(connection, [each.id for each in requests])
    wishes = [wish_today(each.wish, present) for each in requests]
    public = await project_page.public_ones(connection, [each.project_id for each in requests if each.project_id])
    requests = [each if each.project_id in public else replace(each, project_id=None) for each in requests]
    return [
        _answer(row, request, wish, organisations[request.organisation_id], topics, reachable=request.id in reachable)
        for row, request, wish in zip(rows, requests, wishes, strict=True)
    ]


def _answer(
    row: asyncpg.Record,
    request: CooperationRequest,
    wish: Wish,
    organisation: Named,
    topics: dict[str, str],
    *,
    reachable: bool,
) -> CooperationRequestShown:
    return CooperationRequestShown(
        **wish.model_dump(),
        id=request.id,
        version=row["version"],
        kind=request.kind,
        organisation=organisation,
        status="open" if request.open else "closed",
        opened_at=row["opened_at"],
        changed_at=row["changed_at"],
        expires_on=request.expires_on,
        outcome=request.outcome,
        project_id=request.project_id,
        undertaking_id=request.undertaking_id,
        note=request.note,
        contact_possible=reachable and request.open,
        distance_km=None if row["km"] is None else round(row["km"], 1),
        labels=_labels(request, wish, topics),
    )


def _labels(request: CooperationRequest, wish: Wish, topics: dict[str, str]) -> dict[str, dict[str, str]]:
    terms: dict[str, Sequence[Term]] = {
        "kind": [request.kind],
        "outcome": [request.outcome] if request.outcome else [],
        "size_classes": wish.size_classes,
        "legal_forms": wish.legal_forms,
    }
    found = {field: {str(term): term.label for term in used} for field, used in terms.items() if used}
    return {"topics": {code: topics.get(code, code) for code in wish.topics}, **found}
