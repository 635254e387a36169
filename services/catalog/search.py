"""Which projects are there? Full text, filters, facets: the read model, its projection and its queries.

The read model holds what a list shows and what the index of every replica is made of (`search_live.py`): words, values
and orders are looked up in memory, the projects of a page in the database.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import batched
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from services.catalog import organisation_similar, search_cards
from services.catalog.naming import sort_key
from services.catalog.project import (
    BESIDE_THE_LIVE_VERSION,
    PROJECT,
    BestPracticeAwarded,
    BestPracticeWithdrawn,
    ContactConfirmed,
    ContactReviewDue,
    DocumentAttached,
    DocumentRemoved,
    ProjectArchived,
    ProjectDrafted,
    ProjectEdited,
    ProjectEvent,
    ProjectPublished,
    ProjectRestored,
    ProjectReturned,
    ProjectRevised,
    ProjectSubmitted,
    RevisionProposed,
    RevisionReturned,
    TopicReplaced,
    UpdatePosted,
    UpdateWithdrawn,
)
from services.catalog.project_content import Content
from services.catalog.search_cards import Wanted
from services.catalog.search_index import Index
from services.catalog.search_live import Live
from services.catalog.search_order import Key
from services.catalog.search_pages import Asked, ask
from services.catalog.search_phrases import phrases_in, steps
from services.catalog.search_shown import (
    PUBLIC,
    Facets,
    ProjectCard,
    ProjectFilter,
    ProjectQuery,
    ProjectsFound,
    Sort,
)
from services.catalog.similar import similar
from services.catalog.vocabulary import ProjectStatus
from shared.kernel.http import decode_cursor, encode_cursor
from shared.kernel.postgres import Connection, Pool
from shared.kernel.problems import FieldError, Problem
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded
from shared.kernel.tasks import begun

__all__ = ["SEARCH", "Facets", "ProjectCard", "ProjectFilter", "ProjectQuery", "Sort", "facets", "find", "ids", "like"]

KEEP_CONTENT = """
INSERT INTO search_project (id, version, changed_at, title, title_key, plain, topics, legal_form, stage, participants,
                            effect_kinds, effect, funded, reuse, card)
SELECT r.id, r.version, r.changed_at, r.title, r.title_key, r.plain, r.topics, r.legal_form, r.stage, r.participants,
       r.effect_kinds, r.effect, r.funded, r.reuse, r.card
FROM jsonb_to_recordset($1::jsonb) AS r(id uuid, version bigint, changed_at timestamptz, title text, title_key text,
     plain text[], topics text[], legal_form text, stage text, participants text[], effect_kinds text[], effect float8,
     funded boolean, reuse boolean, card jsonb)
ON CONFLICT (id) DO UPDATE SET title = excluded.title, title_key = excluded.title_key, plain = excluded.plain,
    topics = excluded.topics, legal_form = excluded.legal_form, stage = excluded.stage,
    participants = excluded.participants, effect_kinds = excluded.effect_kinds, effect = excluded.effect,
    funded = excluded.funded, reuse = excluded.reuse, card = excluded.card
"""
KEEP_FACTS = """
UPDATE search_project p SET version = r.version, changed_at = coalesce(r.changed_at, p.changed_at),
    status = coalesce(r.status, p.status), pending = coalesce(r.pending, p.pending),
    published_at = coalesce(p.published_at, r.published_at), best_practice = coalesce(r.best_practice, p.best_practice)
FROM jsonb_to_recordset($1::jsonb) AS r(id uuid, version bigint, changed_at timestamptz, status text, pending boolean,
                                        published_at timestamptz, best_practice boolean)
WHERE p.id = r.id
"""
CURSOR: TypeAdapter[tuple[str, str, float, str, UUID]] = TypeAdapter(tuple[str, str, float, str, UUID])
ON_CARD = {
    "title",
    "short_title",
    "summary",
    "topics",
    "legal_form",
    "stage",
    "start",
    "region",
    "participations",
    "participations_complete",
}


@dataclass(slots=True)
class Facts:
    """What a batch of events says of one project beside its content."""

    version: int = 0
    changed_at: datetime | None = None
    status: ProjectStatus | None = None
    pending: bool | None = None
    published_at: datetime | None = None
    best_practice: bool | None = None
    content: Content | None = None


@dataclass(frozen=True, slots=True)
class _Question:
    """A query, among the projects of some `bodies` if they are given, by whom and when."""

    query: ProjectQuery
    bodies: Sequence[str] | None
    editor: bool
    at: datetime
    with_facets: bool


async def project(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Brings contents and states up to date."""
    facts = _gathered(recorded)
    contents = [_content_row(key, fact, fact.content) for key, fact in facts.items() if fact.content is not None]
    if contents:
        await connection.execute(KEEP_CONTENT, contents)
    if facts:
        await connection.execute(KEEP_FACTS, [_facts_row(key, fact) for key, fact in facts.items()])


def _gathered(recorded: Iterable[Recorded[Any]]) -> dict[str, Facts]:
    """What the batch says of each project, the later word over the earlier."""
    facts: dict[str, Facts] = {}
    for each in recorded:
        if isinstance(each.event, PROJECT.events):
            fact = facts.setdefault(each.aggregate_id, Facts())
            fact.version = each.version
            if not isinstance(each.event, BESIDE_THE_LIVE_VERSION):
                fact.changed_at = each.event.at
            _note(fact, each.event)
    return facts


def _note(fact: Facts, event: ProjectEvent) -> None:
    match event:
        case ProjectDrafted():
            fact.content, fact.status = event.content, ProjectStatus.DRAFTED
        case ProjectEdited() | TopicReplaced():
            fact.content = event.content
        case ProjectSubmitted():
            fact.status = ProjectStatus.SUBMITTED
        case ProjectReturned():
            fact.status = ProjectStatus.RETURNED
        case ProjectPublished():
            fact.content, fact.status, fact.published_at = event.content, ProjectStatus.PUBLISHED, event.at
        case ProjectRevised():
            fact.content, fact.pending = event.content, False
        case RevisionProposed():
            fact.pending = True
        case RevisionReturned():
            fact.pending = False
        case BestPracticeAwarded() | BestPracticeWithdrawn():
            fact.best_practice = isinstance(event, BestPracticeAwarded) or event.marks_left > 0
        case ProjectArchived():
            fact.status, fact.pending = ProjectStatus.ARCHIVED, False
        case ProjectRestored():
            fact.status = ProjectStatus.PUBLISHED if event.was_published else ProjectStatus.DRAFTED
        case (
            UpdatePosted()
            | UpdateWithdrawn()
            | DocumentAttached()
            | DocumentRemoved()
            | ContactReviewDue()
            | ContactConfirmed()
        ):
            pass


def _content_row(project_id: str, fact: Facts, content: Content) -> dict[str, Any]:
    return {"id": project_id, "version": fact.version, "changed_at": fact.changed_at, **said_in(content)}


def said_in(content: Content) -> dict[str, Any]:
    """What the read model keeps of a project's content."""
    return {
        "title": content.title,
        "title_key": sort_key(content.title),
        "plain": _texts(content),
        "topics": content.topics,
        "legal_form": content.legal_form,
        "stage": content.stage,
        "participants": list(
            dict.fromkeys(key for each in content.participations for key in (each.organisation_id, each.ags) if key)
        ),
        "effect_kinds": sorted({each.kind for each in content.effects}),
        "effect": max((each.value for each in content.effects if each.value is not None), default=None),
        "funded": bool(content.funding),
        "reuse": content.reuse is not None and content.reuse.possible is not False,
        "card": content.model_dump(mode="json", include=ON_CARD),
    }


def _texts(content: Content) -> list[str]:
    """What the project says: its title; what sums it up; the rest."""
    return [
        _text(content.title, content.short_title),
        _text(content.summary, content.region, *content.keywords),
        _text(
            content.description,
            *content.goals,
            *content.measures,
            *(each.text for each in content.effects),
            *(part for each in content.components for part in (each.name, each.text)),
            *(each.text for each in content.milestones),
            content.reuse.text if content.reuse else None,
            content.method.name if content.method else None,
        ),
    ]


def _facts_row(project_id: str, fact: Facts) -> dict[str, Any]:
    return {
        "id": project_id,
        "version": fact.version,
        "changed_at": fact.changed_at,
        "status": fact.status,
        "pending": fact.pending,
        "published_at": fact.published_at,
        "best_practice": fact.best_practice,
    }


def _text(*parts: str | None) -> str:
    """What there is of it, one part after the other."""
    return "\n".join(part for part in parts if part)


SEARCH = Projection("search", ("search_project",), project)


async def find(
    live: Live, query: ProjectQuery, *, editor: bool, at: datetime, with_facets: bool = False
) -> ProjectsFound:
    """One page of the projects that fit, in the order asked for; its facets are those of the same moment.

    What is at hand is looked through first; only what was committed since makes it look again.
    """
    question = _Question(query, await _bodies_like(live.pool, query.like), editor, at, with_facets)
    have = live.at_hand()
    found = await _found(live, have.index, partial(live.found_with, have), question)
    while found is None:
        found = await _found(live, await live.current(), live.pool.fetch, question)
    return found


async def _found(live: Live, index: Index, reading: search_cards.Read, question: _Question) -> ProjectsFound | None:
    """The page as this index has it; None if what is read says that more was committed."""
    query = question.query
    await _phrases_looked_for(index, query.q)
    asked = ask(index, query, query.sort, question.bodies)
    page = asked.page(query.limit + 1, _after(query, asked.sort))
    wanted = _wanted(question, asked, [document for _, document in page[: query.limit]])
    cursor = _cursor(asked, *page[query.limit - 1]) if len(page) > query.limit else None
    reading_rows = begun(search_cards.read(reading, wanted))
    try:
        counts = asked.facets() if question.with_facets else None  # while the database looks
        rows = await reading_rows
    finally:
        reading_rows.cancel()  # it is done, unless something went wrong here
    if rows is None:
        return None
    return ProjectsFound.model_construct(
        items=await search_cards.cards(live, index, rows, wanted),
        next=cursor,
        total=len(asked.kept),
        did_you_mean=asked.found.corrected,
        all_words=asked.found.all_words,
        facets=counts,
    )


def _wanted(question: _Question, asked: Asked, documents: Sequence[int]) -> Wanted:
    ids = [asked.index.id_of(document) for document in documents]
    far = {asked.index.id_of(document): kilometres for document, kilometres in asked.distances(documents).items()}
    statuses = question.query.status or PUBLIC
    return Wanted(ids, question.editor, question.at, statuses, asked.found.words, far)


async def like(live: Live, project_id: UUID, most: int, at: datetime) -> list[ProjectCard] | None:
    """Published projects like one of them, the most alike first; None when that one is not published."""
    index = await live.current()
    alike = similar(index, project_id, most)
    if alike is None:
        return None
    wanted = Wanted(alike, editor=False, at=at)
    rows = await search_cards.read(live.pool.fetch, wanted)
    return await search_cards.cards(live, index, rows or (), wanted)


async def ids(
    live: Live, query: ProjectFilter, sort: Sort | None = None, *, batch: int = 1000
) -> AsyncIterator[Sequence[str]]:
    """The ids of all projects that fit, in the order asked for, in batches.

    They are those of one moment: none is missed and none comes twice while projects change. However slowly they are
    taken, no connection is held.
    """
    index = await _index(live, query.q)
    asked = ask(index, query, sort, await _bodies_like(live.pool, query.like))
    for some in batched(asked.everything(), batch):
        yield [str(index.id_of(document)) for document in some]


async def facets(live: Live, query: ProjectFilter) -> Facets:
    """Every facet's values with their counts, the most frequent first."""
    index = await _index(live, query.q)
    asked = ask(index, query, bodies=await _bodies_like(live.pool, query.like))
    return Facets.model_construct(facets=asked.facets())


async def _index(live: Live, q: str | None) -> Index:
    """The index, where the phrases of a query were looked for."""
    index = await live.current()
    await _phrases_looked_for(index, q)
    return index


async def _phrases_looked_for(index: Index, q: str | None) -> None:
    """While others have their turn."""
    for phrase in phrases_in(index, q):
        for _ in steps(index, phrase):
            await asyncio.sleep(0)


async def _bodies_like(pool: Pool, key: str | None) -> Sequence[str] | None:
    """The ids of the bodies most like one."""
    if key is None:
        return None
    async with pool.acquire() as connection:
        found = await organisation_similar.ids_like(connection, key)
    if found is None:
        wrong = FieldError("like", "unknown_organisation", "Diese Stelle ist nicht im Verzeichnis.")
        raise Problem("invalid_query", errors=[wrong])
    return found


def _digest(query: ProjectFilter) -> str:
    """What a cursor belongs to: the same filters, whatever the page."""
    told = query.model_dump_json(exclude={"cursor", "limit", "facets"})
    return hashlib.blake2b(told.encode(), digest_size=6).hexdigest()


def _after(query: ProjectQuery, sort: Sort) -> Key | None:
    if query.cursor is None:
        return None
    digest, sorted_by, number, title_key, last = decode_cursor(query.cursor, CURSOR)
    if (digest, sorted_by) != (_digest(query), sort):
        wrong = FieldError("cursor", "invalid_cursor", "Diese Angabe stammt nicht aus einer vorigen Seite.")
        raise Problem("invalid_query", errors=[wrong])
    return number, title_key, last.bytes


def _cursor(asked: Asked, number: float, document: int) -> str:
    """Where a document stands in a search."""
    _, title_key, _ = asked.index.by_title.key(document)
    return encode_cursor([_digest(asked.query), asked.sort, number, title_key, str(asked.index.id_of(document))])
