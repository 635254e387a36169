"""Splitting a topic: which projects go where, and moving them one by one once that is recorded."""

from asyncio import gather
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import batched
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.catalog import search, topic_list
from services.catalog.due import by_itself, told
from services.catalog.findable import FindableLabel
from services.catalog.plain_text import PlainText
from services.catalog.project import PROJECT, ReplaceTopic
from services.catalog.project_content import TopicCode
from services.catalog.search import ProjectFilter
from services.catalog.search_live import Live
from services.catalog.topic import TOPIC, FinishSplit, Part
from services.catalog.vocabulary import ProjectStatus
from shared.kernel.decider import NotThere, Refused
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import of_fields
from shared.kernel.texts import Id

MOST_MOVED = 5_000
AT_ONCE = 100
LIVING = tuple(status for status in ProjectStatus if status is not ProjectStatus.ARCHIVED)

type Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,60}$")]
type Reason = PlainText


class PartBody(BaseModel):
    """What one topic gets: the projects named, and those that the filter of the search finds among the rest.

    A topic that is new is defined by `label` and `slug`; its group is that of the topic it comes from.
    """

    model_config = ConfigDict(frozen=True)

    topic: TopicCode
    label: FindableLabel | None = None
    slug: Slug | None = None
    projects: Annotated[tuple[Id, ...], Field(max_length=MOST_MOVED)] = ()
    filter: ProjectFilter | None = None


class SplitBody(BaseModel):
    """The parts, and why. A project that several filters find goes to the first; what nothing names stays."""

    model_config = ConfigDict(frozen=True)

    parts: Annotated[tuple[PartBody, ...], Field(min_length=1, max_length=20)]
    reason: Reason


async def given_away(live: Live, topics: Iterable[str], parts: Sequence[PartBody]) -> tuple[Part, ...]:
    """The parts with the ids of their projects, each a project that stands under one of `topics`."""
    under = ProjectFilter(topic=tuple(topics), status=LIVING)
    there = await _found(live, under)
    unknown = [
        f"/parts/{n}/projects/{place}"
        for n, part in enumerate(parts)
        for place, project in enumerate(part.projects)
        if project not in there
    ]
    if unknown:
        raise of_fields("project_not_under_topic", unknown)
    named = {project for part in parts for project in part.projects}
    found: list[Part] = []
    for part in parts:
        matching = await _found(live, _within(part.filter, under)) if part.filter else {}
        more = [project for project in matching if project not in named]
        named.update(more)
        found.append(Part(topic=part.topic, projects=(*part.projects, *more)))
    if len(named) > MOST_MOVED:
        raise Refused("split_too_large", most=MOST_MOVED)
    return tuple(found)


def _within(asked: ProjectFilter, under: ProjectFilter) -> ProjectFilter:
    return asked.model_copy(update={"topic": under.topic, "status": asked.status or under.status})


async def _found(live: Live, query: ProjectFilter) -> dict[str, None]:
    """The ids of what fits, in order."""
    return {project: None async for batch in search.ids(live, query) for project in batch}


async def move_projects(journal: Journal, pool: Pool, at: datetime) -> int:
    """A duty: moves the projects of every split that is recorded, and then says that it is done."""
    moved = 0
    for code in await topic_list.splitting(pool):
        topic = (await journal.load(TOPIC, code)).state
        if topic is None or not topic.moving:
            continue
        async with pool.acquire() as connection:
            codes = tuple(sorted(await topic_list.same_topics(connection, [code])))
        heard = [await _moved(journal, codes, part, at) for part in topic.split]
        if all(heard) and await told(journal, TOPIC, code, FinishSplit(), by_itself(at)):
            moved += 1
    return moved


async def _moved(journal: Journal, codes: tuple[str, ...], part: Part, at: datetime) -> bool:
    """Whether all projects of a part have heard that they belong to it."""
    command = ReplaceTopic(topics=codes, by=part.topic)
    heard = True
    for projects in batched(part.projects, AT_ONCE):
        heard &= all(await gather(*(_heard(journal, project, command, at) for project in projects)))
    return heard


async def _heard(journal: Journal, project: str, command: ReplaceTopic, at: datetime) -> bool:
    """An archived project stays where it was."""
    try:
        return await told(journal, PROJECT, project, command, by_itself(at))
    except (Refused, NotThere):
        return True
