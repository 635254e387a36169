"""Who has done something like it already? Published projects by topic, and the organisations in them."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.catalog import organisation_directory
from services.catalog.cooperation_match import (
    Place,
    Reason,
    Score,
    Side,
    distance_km,
    near_reasons,
    topic_reasons,
    total,
)
from services.catalog.organisation_directory import Named
from services.catalog.project import ProjectArchived, ProjectPublished, ProjectRevised
from shared.kernel.postgres import Connection
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

KEEP = """
INSERT INTO experience (project_id, title, published_at, topics, organisation_ids)
SELECT r.project_id, r.title, r.published_at, r.topics, r.organisation_ids
FROM jsonb_to_recordset($1::jsonb) AS r(project_id uuid, title text, published_at timestamptz, topics text[],
                                        organisation_ids uuid[])
ON CONFLICT (project_id) DO UPDATE SET title = excluded.title, topics = excluded.topics,
    organisation_ids = excluded.organisation_ids
"""
DROP = "DELETE FROM experience WHERE project_id = ANY($1::uuid[])"
# Those that share most topics, the newest first; each with the nearest place of all who took part.
PROJECTS = """
SELECT e.project_id::text, e.title, e.topics, e.organisation_ids::text[] AS organisation_ids
FROM experience e WHERE e.topics && $1::text[]
ORDER BY cardinality(ARRAY(SELECT unnest(e.topics) INTERSECT SELECT unnest($1))) DESC, e.published_at DESC, e.project_id
LIMIT $2
"""
ORGANISATIONS = """
SELECT taken.id::text, count(*) AS projects
FROM experience e, unnest(e.organisation_ids) AS taken(id)
WHERE e.topics && $1::text[] AND taken.id <> $2::uuid
GROUP BY taken.id ORDER BY count(*) DESC, taken.id LIMIT $3
"""
PLACES = """
SELECT id::text, (profile->>'latitude')::float8 AS latitude, (profile->>'longitude')::float8 AS longitude
FROM organisation WHERE id = ANY($1::uuid[])
"""
LOOKED_AT = 200
SHOWN = 10
A_PROJECT = 5
MOST_PROJECTS = 4


class ProjectMatch(BaseModel):
    """A published project that does something like it."""

    model_config = ConfigDict(frozen=True)

    id: str
    title: str
    score: Score


class OrganisationMatch(BaseModel):
    """An organisation that took part in so many projects of these topics."""

    model_config = ConfigDict(frozen=True)

    organisation: Named
    projects: int
    score: Score


async def project(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Keeps what is published, as it reads now."""
    kept: dict[str, dict[str, Any] | None] = {}
    for each in recorded:
        match each.event:
            case ProjectPublished() | ProjectRevised() as event:
                kept[event.project_id] = {
                    "project_id": event.project_id,
                    "title": event.content.title,
                    "published_at": event.at,
                    "topics": event.content.topics,
                    "organisation_ids": event.content.organisation_ids,
                }
            case ProjectArchived() as event:
                kept[event.project_id] = None
            case _:  # of another aggregate, or nothing that readers see
                pass
    if gone := [project_id for project_id, row in kept.items() if row is None]:
        await connection.execute(DROP, gone)
    if rows := [row for row in kept.values() if row is not None]:
        await connection.execute(KEEP, rows)


EXPERIENCE = Projection("experience", ("experience",), project)


async def projects(connection: Connection, side: Side) -> list[ProjectMatch]:
    """Published projects on the same topics, those that fit best first."""
    topics = side.wish.topics
    rows = await connection.fetch(PROJECTS, topics, LOOKED_AT)
    places = await _places(connection, {key for row in rows for key in row["organisation_ids"]})
    found = []
    for row in rows:
        there = [places[key] for key in row["organisation_ids"] if key in places]
        ways = [way for way in (distance_km(side.place, place) for place in there) if way is not None]
        nearest = min(ways, default=None)
        reasons = [*topic_reasons(len(set(topics) & set(row["topics"]))), *near_reasons(nearest)]
        found.append(ProjectMatch(id=row["project_id"], title=row["title"], score=total(reasons, nearest)))
    return sorted(found, key=lambda match: (-match.score.points, match.title, match.id))[:SHOWN]


async def organisations(connection: Connection, side: Side) -> list[OrganisationMatch]:
    """Organisations that have done it, those with most projects and the shortest way first."""
    rows = await connection.fetch(ORGANISATIONS, side.wish.topics, side.organisation_id, LOOKED_AT)
    places = await _places(connection, {row["id"] for row in rows})
    named = await organisation_directory.named(connection, {row["id"] for row in rows})
    counts: Counter[str] = Counter()
    for row in rows:
        if row["id"] in named:  # several entries of the directory may have become one
            counts[named[row["id"]].id] += row["projects"]
    found = []
    for organisation in {each.id: each for each in named.values()}.values():
        distance = distance_km(side.place, places.get(organisation.id, Place()))
        count = counts[organisation.id]
        reasons = [*topic_reasons(1), *near_reasons(distance), _practice(count)]
        found.append(OrganisationMatch(organisation=organisation, projects=count, score=total(reasons, distance)))
    return sorted(found, key=lambda match: (-match.score.points, match.organisation.name))[:SHOWN]


def _practice(count: int) -> Reason:
    text = "Ein Projekt zu diesem Thema" if count == 1 else f"{count} Projekte zu diesen Themen"
    return Reason(code="experience", points=A_PROJECT * min(count, MOST_PROJECTS), text=text)


async def _places(connection: Connection, ids: set[str]) -> dict[str, Place]:
    rows = await connection.fetch(PLACES, list(ids))
    return {row["id"]: Place(row["latitude"], row["longitude"]) for row in rows}
