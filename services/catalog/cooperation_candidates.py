"""Which requests may fit another one? Each as a side of a pair, under the topics and the organisation meant today."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from services.catalog import organisation_directory, topic_list
from services.catalog.cooperation_list import ENTRY, wish_today
from services.catalog.cooperation_match import Place, Side
from services.catalog.cooperation_request import CooperationRequest, Kind
from services.catalog.organisation import MUNICIPALITY_TYPES
from services.catalog.size_class import size_class_of
from shared.kernel.postgres import Connection

MINE = "SELECT entry FROM cooperation_request WHERE id = $1::uuid"
# Of an entry that was merged, the one that stays.
ORGANISATIONS = """
SELECT e.id::text AS asked, o.id::text, o.type, (o.profile->>'latitude')::float8 AS latitude,
       (o.profile->>'longitude')::float8 AS longitude, (o.profile->>'population')::int AS population
FROM organisation e JOIN organisation o ON o.id = coalesce(e.merged_into, e.id) WHERE e.id = ANY($1::uuid[])
"""
# The requests that share most of the topics ($1: every code that means one), the newest first: enough to choose from.
CANDIDATES = """
SELECT id::text, entry FROM cooperation_request
WHERE open AND topics && $1::text[] AND kind = ANY($2::text[]) AND organisation_id <> ALL($3::uuid[])
ORDER BY (SELECT count(*) FROM unnest(topics) AS topic WHERE topic = ANY($1)) DESC, opened_at DESC, id
LIMIT $4
"""
MOST_CANDIDATES = 200


@dataclass(frozen=True, slots=True)
class Candidate:
    """A request that may fit another one."""

    request: CooperationRequest
    side: Side


async def candidate(connection: Connection, request_id: str) -> Candidate | None:
    """A request as a side of a pair; None when there is no such request."""
    stored = await connection.fetchval(MINE, request_id)
    return None if stored is None else (await _sides(connection, [ENTRY.validate_python(stored)]))[0]


async def candidates(connection: Connection, of: CooperationRequest, kinds: Iterable[Kind]) -> list[Candidate]:
    """Open requests of other organisations that share a topic with this one."""
    topics = await topic_list.same_topics(connection, of.wish.topics)
    own = await organisation_directory.ids_meaning(connection, of.organisation_id)
    rows = await connection.fetch(CANDIDATES, list(topics), list(kinds), list(own), MOST_CANDIDATES)
    return await _sides(connection, [ENTRY.validate_python(row["entry"]) for row in rows])


async def _sides(connection: Connection, requests: Sequence[CooperationRequest]) -> list[Candidate]:
    """Each with the topics and the organisation that are meant today."""
    rows = await connection.fetch(ORGANISATIONS, list({each.organisation_id for each in requests}))
    known = {row["asked"]: row for row in rows}
    present = await topic_list.present(connection, {code for each in requests for code in each.wish.topics})
    return [Candidate(each, _side(each, known.get(each.organisation_id), present)) for each in requests]


def _side(request: CooperationRequest, row: asyncpg.Record | None, present: Mapping[str, str]) -> Side:
    wish = wish_today(request.wish, present)
    if row is None:
        return Side(request.kind, request.organisation_id, wish, Place(), None)
    size = size_class_of(row["population"]) if row["type"] in MUNICIPALITY_TYPES else None
    return Side(request.kind, row["id"], wish, Place(row["latitude"], row["longitude"]), size)
