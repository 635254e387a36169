"""What is needed to match saved searches with projects: the answers to `search_keys`, `project_keys` and `fits`.

A project is looked at as an event of its stream left it, and as it was public before: whoever asks twice is told the
same, whatever happened meanwhile, and a revision fits only who did not find the project already.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import batched
from typing import Any
from uuid import UUID

from multidict import MultiDict

from services.catalog import organisation_similar, percolation
from services.catalog.project import PROJECT
from services.catalog.project_state import Project, evolve
from services.catalog.search import said_in
from services.catalog.search_index import Entry, Index
from services.catalog.search_live import Live, entry_of
from services.catalog.search_shown import PUBLIC, ProjectFilter
from services.catalog.vocabulary import ProjectStatus
from shared.contracts.rpc import (
    FitsAnswered,
    FitsAsked,
    KeyGroup,
    ProjectKeys,
    ProjectKeysAnswered,
    ProjectKeysAsked,
    SearchKeys,
    SearchKeysAnswered,
    SearchKeysAsked,
    SearchProblem,
)
from shared.kernel.ids import parse_id
from shared.kernel.journal import Journal
from shared.kernel.parsing import parse_query, refuse_unreadable
from shared.kernel.problems import Problem

STREAM = """
SELECT position, stream, version, type, form, data, actor, command_id, correlation_id, causation_id, traceparent,
       history, aggregate, aggregate_version, recorded_at
FROM journal WHERE stream = $1 ORDER BY version
"""
AT_ONCE = 20
OF_LISTS = frozenset({"sort", "limit", "cursor", "facets"})
LONGEST_AGO = datetime(1970, 1, 1, tzinfo=UTC)
NOT_PUBLIC = SearchProblem(
    field="status", code="not_public", detail="Merken lässt sich nur eine Suche in veröffentlichten Projekten."
)
UNKNOWN = {
    "topic": ("unknown_topic", "Dieses Themengebiet gibt es nicht."),
    "organisation": ("unknown_organisation", "Diese Stelle ist nicht im Verzeichnis."),
    "near": ("unknown_municipality", "Diese Kommune ist nicht bekannt."),
    "like": ("unknown_organisation", "Diese Stelle ist nicht im Verzeichnis."),
}
ASKS_NOTHING = SearchProblem(field="q", code="asks_nothing", detail="Bitte nennen Sie mindestens ein Wort.")

type Search = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Versions:
    """A project as an event left it, and as it was public before; None where it was not, or is not any more."""

    now: Index | None = None
    before: Index | None = None


@dataclass(frozen=True, slots=True)
class Matcher:
    """Answers what saved searches are matched by."""

    journal: Journal
    live: Live

    async def search_keys(self, asked: SearchKeysAsked) -> SearchKeysAnswered:
        """What each of some searches is made of."""
        index = await self.live.current()
        searches: list[SearchKeys] = []
        for search in asked.searches:
            searches.append(await self._taken_apart(index, search))
            await asyncio.sleep(0)
        return SearchKeysAnswered(searches=tuple(searches), rules=percolation.RULES)

    async def project_keys(self, asked: ProjectKeysAsked) -> ProjectKeysAnswered:
        """What a project is found by."""
        versions = await self._versions(asked.project_id, asked.version)
        return ProjectKeysAnswered(
            project=_keys(versions.now),
            before=_keys(versions.before, of_words=False),
            rules=percolation.RULES,
        )

    async def fits(self, asked: FitsAsked) -> FitsAnswered:
        """The searches that find it and did not before, while others have their turn."""
        versions = await self._versions(asked.project_id, asked.version)
        fitting: list[int] = []
        for some in batched(enumerate(asked.searches), AT_ONCE):
            for place, search in some:
                if await self._newly_fits(versions, search):
                    fitting.append(place)
            await asyncio.sleep(0)
        return FitsAnswered(fitting=tuple(fitting))

    async def _newly_fits(self, versions: Versions, search: Search) -> bool:
        if versions.now is None:
            return False
        try:
            query = filter_of(search)
            bodies = await self._bodies_like(query.like)
        except Problem:  # saved when other values were allowed, or like a body that is gone
            return False
        if not percolation.fits(versions.now, query, bodies):
            return False
        return versions.before is None or not percolation.fits(versions.before, query, bodies)

    async def _taken_apart(self, index: Index, search: Search) -> SearchKeys:
        try:
            query = filter_of(search)
        except Problem as problem:
            return SearchKeys(
                problems=tuple(
                    SearchProblem(field=each.field, code=each.code, detail=each.detail) for each in problem.errors
                )
            )
        groups = percolation.groups_of(query)
        if problems := await self._problems(index, query, groups):
            return SearchKeys(problems=tuple(problems))
        return SearchKeys(
            search=canonical(query),
            label=percolation.described(index, query),
            groups=tuple(groups),
            needs_proof=percolation.needs_proof(query),
            near=query.near,
            within_km=query.within_km,
        )

    async def _problems(self, index: Index, query: ProjectFilter, groups: Sequence[KeyGroup]) -> list[SearchProblem]:
        unknown = [*percolation.unknown_in(query, index.names)]
        try:
            await self._bodies_like(query.like)
        except Problem:
            unknown.append("like")
        found = [
            SearchProblem(field=name, code=code, detail=detail)
            for name, (code, detail) in UNKNOWN.items()
            if name in unknown
        ]
        if query.beyond_public:
            found.append(NOT_PUBLIC)
        return found if all(group.sure or group.likely for group in groups) else [*found, ASKS_NOTHING]

    async def _bodies_like(self, key: str | None) -> Sequence[str] | None:
        if key is None:
            return None
        async with self.live.pool.acquire() as connection:
            found = await organisation_similar.ids_like(connection, key)
        if found is None:
            raise Problem("not_found")
        return found

    async def _versions(self, project_id: str, version: int) -> Versions:
        """A stream that newer code has written to is left to a replica that runs it."""
        if parse_id(project_id) is None:
            return Versions()
        index = await self.live.current()
        rows = await self.live.pool.fetch(STREAM, PROJECT.stream(project_id))
        project: Project | None = None
        then: Project | None = None
        before: Project | None = None
        for recorded in map(self.journal.codec.recorded, rows):
            if recorded.version <= version and _public(project):
                before = project
            project = evolve(project, recorded.event)
            if recorded.version == version:
                then = project
        if not (_public(then) and _public(project)):
            return Versions()
        return Versions(_alone(index, then), _alone(index, before))


def filter_of(search: Search) -> ProjectFilter:
    """The filter that a list's parameters stand for; `invalid_query` when they are none."""
    refuse_unreadable({name: list(values) for name, values in search.items()})
    told = [(name, value) for name, values in search.items() if name not in OF_LISTS for value in values]
    found = parse_query(ProjectFilter, MultiDict(told))
    return found.model_copy(
        update={
            "q": " ".join(found.q.split()) or None if found.q is not None else None,
            "near": None if found.within_km is None else found.near,
            "status": None if found.status == PUBLIC else found.status,
        }
    )


def canonical(query: ProjectFilter) -> dict[str, tuple[str, ...]]:
    """The parameters of a filter, the same for every way to write them down."""
    said = query.model_dump(mode="json", exclude_none=True)
    return {
        name: tuple(sorted({_text(each) for each in (value if isinstance(value, list) else [value])}))
        for name, value in said.items()
    }


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _public(project: Project | None) -> bool:
    return project is not None and project.status is ProjectStatus.PUBLISHED


def _alone(index: Index, project: Project | None) -> Index | None:
    return None if project is None else percolation.alone(index, _entry(project))


def _entry(project: Project) -> Entry:
    row = said_in(project.content) | {
        "id": UUID(project.id),
        "status": project.status,
        "moment": LONGEST_AGO,
        "best_practice": bool(project.awards),
    }
    return entry_of(row)


def _keys(one: Index | None, *, of_words: bool = True) -> ProjectKeys | None:
    if one is None:
        return None
    keys = percolation.keys_of(one, of_words=of_words)
    return ProjectKeys(keys=tuple(sorted(keys)), reach=percolation.reach_of(one))
