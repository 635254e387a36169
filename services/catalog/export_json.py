"""A result list as JSON, and as places on a map (GeoJSON, RFC 7946)."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field

from services.catalog import project_page
from services.catalog.export_tables import Ids, names_now
from services.catalog.lookup import Lookup
from services.catalog.project_content import Description, Participation
from services.catalog.project_page import Entry
from services.catalog.site import Site
from services.catalog.vocabulary import ProjectStatus
from shared.kernel.postgres import Pool

DECIMALS = 5  # about a metre


class ParticipationExported(Participation):
    """A participation with the organisation's name as it is today."""

    name: str


class ProjectExported(Description):
    """A project's whole content, with what it is called and where it stands."""

    id: str
    status: ProjectStatus
    published_at: datetime | None
    changed_at: datetime
    participations: tuple[ParticipationExported, ...]
    topic_labels: dict[str, str]
    best_practice: tuple[str, ...] = Field(description="The occasions on which it was marked.")
    page: str = Field(description="Its page for people.")


class Exported(BaseModel):
    """A result list, whole and in its order."""

    model_config = ConfigDict(frozen=True)

    items: list[ProjectExported]


def json(pool: Pool, ids: Ids, site: Site) -> AsyncGenerator[bytes]:
    """`{"items": […]}` of these projects, some at a time."""
    return _list_of(b'{"items":[', exported, pool, ids, site)


def geojson(pool: Pool, ids: Ids, site: Site) -> AsyncGenerator[bytes]:
    """A feature for each of these projects, where its participants are; one of which that is unknown has no place."""
    return _list_of(b'{"type":"FeatureCollection","features":[', feature, pool, ids, site)


async def _list_of(
    opening: bytes, shown: Callable[[Entry, Lookup, Site], dict[str, Any]], pool: Pool, ids: Ids, site: Site
) -> AsyncGenerator[bytes]:
    lookup = (await names_now(pool)).lookup
    yield opening
    comma = b""
    async for entries in entries_of(pool, ids):
        if entries:
            yield comma + b",".join(orjson.dumps(shown(entry, lookup, site)) for entry in entries)
            comma = b","
    yield b"]}"


async def entries_of(pool: Pool, ids: Ids) -> AsyncIterator[list[Entry]]:
    """What is kept of these projects, in their order, some at a time."""
    async for some in ids:
        async with pool.acquire() as connection:
            found = await project_page.entries(connection, some)
        yield [found[key] for key in some if key in found]


def exported(entry: Entry, lookup: Lookup, site: Site) -> dict[str, Any]:
    """A project as JSON; `ProjectExported` describes it."""
    project = entry.project
    today = lookup.presently.said_in(project.content)
    content = today.model_dump(mode="json")
    for participation in content["participations"]:
        participation["name"] = _name(participation["organisation_id"], lookup)
    awards = sorted(project.awards, key=lambda award: (award.awarded_on, award.occasion))
    return {
        "id": project.id,
        "status": project.status,
        "published_at": entry.published_at,
        "changed_at": entry.changed_at,
        **content,
        "topic_labels": {code: lookup.topics.label_of(code) for code in today.topics},
        "best_practice": [award.occasion for award in awards],
        "page": site.page_of(project.id),
    }


def feature(entry: Entry, lookup: Lookup, site: Site) -> dict[str, Any]:
    """A project as a feature."""
    content = lookup.presently.said_in(entry.project.content)
    properties: Mapping[str, Any] = {
        "title": content.title,
        "summary": content.summary,
        "topics": [lookup.topics.label_of(code) for code in content.topics],
        "legal_form": content.legal_form and content.legal_form.label,
        "stage": content.stage and content.stage.label,
        "start": content.start,
        "participants": [_name(key, lookup) for key in content.organisation_ids],
        "page": site.page_of(entry.project.id),
    }
    return {"type": "Feature", "id": entry.project.id, "geometry": geometry(content.organisation_ids, lookup)} | {
        "properties": properties
    }


def geometry(organisation_ids: Sequence[str], lookup: Lookup) -> dict[str, Any] | None:
    """One point, several, or none: longitude before latitude."""
    bodies = [body for key in organisation_ids if (body := lookup.organisations.by_id.get(key))]
    points = [
        [round(body.longitude, DECIMALS), round(body.latitude, DECIMALS)]
        for body in bodies
        if body.longitude is not None and body.latitude is not None
    ]
    if not points:
        return None
    return (
        {"type": "Point", "coordinates": points[0]}
        if len(points) == 1
        else {"type": "MultiPoint", "coordinates": points}
    )


def _name(organisation_id: str, lookup: Lookup) -> str:
    body = lookup.organisations.by_id.get(organisation_id)
    return body.name if body else organisation_id
