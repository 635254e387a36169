"""Who has done something like it already? Published projects by topic, and the organisations in them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.catalog import organisation_directory, topic_list
from services.catalog.cooperation_match import (
    Place,
    Score,
    ScorePart,
    Side,
    distance_km,
    near_reasons,
    topic_reasons,
    total,
)
from services.catalog.organisation_directory import Named
from services.catalog.project import (
    ProjectArchived,
    ProjectPublished,
    ProjectRestored,
    ProjectRevised,
    TopicReplaced,
)
from services.catalog.project_content import Content
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
KEEP_TOPICS = """
INSERT INTO experience_topic (project_id, topic, published_at)
SELECT project_id, unnest(topics), published_at FROM experience WHERE project_id = ANY($1::uuid[])
"""
DROP = "DELETE FROM experience WHERE project_id = ANY($1::uuid[])"
DROP_TOPICS = "DELETE FROM experience_topic WHERE project_id = ANY($1::uuid[])"
# Of each topic the latest only: what was done long ago says little of who could help, and looking has an end.
PROJECTS = """
SELECT e.project_id::text, e.title, e.topics, e.organisation_ids::text[] AS organisation_ids
FROM (
    SELECT latest.project_id, count(*) AS shared
    FROM unnest($1::text[]) AS asked(topic) CROSS JOIN LATERAL (
        SELECT t.project_id FROM experience_topic t WHERE t.topic = asked.topic
        ORDER BY t.published_at DESC, t.project_id LIMIT $2
    ) latest GROUP BY latest.project_id
) found JOIN experience e USING (project_id)
ORDER BY found.shared DESC, e.published_at DESC, e.project_id
"""
# Of an entry that was merged, where the one is that stays.
PLACES = """
SELECT e.id::text, (o.profile->>'latitude')::float8 AS latitude, (o.profile->>'longitude')::float8 AS longitude
FROM organisation e JOIN organisation o ON o.id = coalesce(e.merged_into, e.id) WHERE e.id = ANY($1::uuid[])
"""
LATEST = 200
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
    """An organisation that took part in so many of the latest projects of these topics."""

    model_config = ConfigDict(frozen=True)

    organisation: Named
    projects: int
    score: Score


async def project(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Keeps what is published, as it reads now; `published_at` is when it became public, or was again."""
    kept: dict[str, dict[str, Any]] = {}
    gone: set[str] = set()
    for each in recorded:
        match each.event:
            case ProjectPublished() as event:
                kept[event.project_id] = _row(event.project_id, event.content, event.at)
            case ProjectRestored() as event if event.was_published:
                kept[event.project_id] = _row(event.project_id, event.content, event.at)
            case ProjectRevised() as event:
                _read_anew(kept, event.project_id, event.content, event.at)
            case TopicReplaced() as event if event.published:
                _read_anew(kept, event.project_id, event.content, event.at)
            case ProjectArchived() as event:
                gone.add(event.project_id)
                kept.pop(event.project_id, None)
            case _:  # of another aggregate, or nothing that readers see
                pass
    if not kept and not gone:
        return
    await connection.execute(DROP_TOPICS, [*gone, *kept])
    await connection.execute(DROP, list(gone))
    await connection.execute(KEEP, list(kept.values()))
    await connection.execute(KEEP_TOPICS, list(kept))


def _row(project_id: str, content: Content, published_at: datetime) -> dict[str, Any]:
    return {
        "project_id": project_id,
        "title": content.title,
        "published_at": published_at,
        "topics": content.topics,
        "organisation_ids": content.organisation_ids,
    }


def _read_anew(kept: dict[str, dict[str, Any]], project_id: str, content: Content, at: datetime) -> None:
    """Another content of what became public before; a row that is there keeps its time."""
    before = kept.get(project_id)
    kept[project_id] = _row(project_id, content, before["published_at"] if before else at)


EXPERIENCE = Projection("experience", ("experience", "experience_topic"), project)


@dataclass(frozen=True, slots=True)
class Experience:
    """What was done already on a request's topics, and who did it; those that fit best first."""

    projects: list[ProjectMatch]
    organisations: list[OrganisationMatch]


async def of_topics(connection: Connection, side: Side) -> Experience:
    """The latest published projects on the same topics, and the organisations that took part in them."""
    rows = await connection.fetch(PROJECTS, await topic_list.same_topics(connection, side.wish.topics), LATEST)
    present = await topic_list.present(connection, {code for row in rows for code in row["topics"]})
    ids = {key for row in rows for key in row["organisation_ids"]}
    known = await connection.fetch(PLACES, list(ids))
    ways = {row["id"]: distance_km(side.place, Place(row["latitude"], row["longitude"])) for row in known}
    named = await organisation_directory.named(connection, ids)
    others = {key: each for key, each in named.items() if each.id != side.organisation_id}
    counts = Counter(
        body for row in rows for body in {others[key].id for key in row["organisation_ids"] if key in others}
    )
    return Experience(_projects(side, rows, present, ways), _organisations(counts, others, ways))


def _projects(
    side: Side, rows: Sequence[Any], present: Mapping[str, str], ways: Mapping[str, float | None]
) -> list[ProjectMatch]:
    found = []
    for row in rows:
        near = [way for key in row["organisation_ids"] if (way := ways.get(key)) is not None]
        nearest = min(near, default=None)
        shared = set(side.wish.topics) & set(topic_list.meant(row["topics"], present))
        reasons = [*topic_reasons(len(shared)), *near_reasons(nearest)]
        found.append(ProjectMatch(id=row["project_id"], title=row["title"], score=total(reasons, nearest)))
    return sorted(found, key=lambda match: (-match.score.points, match.title, match.id))[:SHOWN]


def _organisations(
    counts: Mapping[str, int], named: Mapping[str, Named], ways: Mapping[str, float | None]
) -> list[OrganisationMatch]:
    """Each body once; several entries of the directory may have become one."""
    found = []
    for key, organisation in {each.id: (key, each) for key, each in named.items()}.values():
        distance, count = ways.get(key), counts[organisation.id]
        reasons = [*topic_reasons(1), *near_reasons(distance), _practice(count)]
        found.append(OrganisationMatch(organisation=organisation, projects=count, score=total(reasons, distance)))
    return sorted(found, key=lambda match: (-match.score.points, match.organisation.name))[:SHOWN]


def _practice(count: int) -> ScorePart:
    text = "Ein Projekt zu diesem Thema" if count == 1 else f"{count} Projekte zu diesen Themen"
    return ScorePart(code="experience", points=A_PROJECT * min(count, MOST_PROJECTS), text=text)
