"""Which projects are there? Full text, filters, facets: the read model, its projection and its queries.

The read model holds what a list shows and what the index of every replica is made of (`search_live.py`): words, values
and orders are looked up in memory, the projects of a page in the database.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import batched
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from services.catalog import organisation_similar
from services.catalog.highlight import highlights
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
from services.catalog.project_page import participations_note
from services.catalog.search_facets import counted
from services.catalog.search_index import NONE, Found, Index
from services.catalog.search_live import Live
from services.catalog.search_names import Body
from services.catalog.search_order import Key
from services.catalog.search_pages import ask, found_by, in_reach
from services.catalog.search_phrases import phrases_in, steps
from services.catalog.search_shown import (
    PUBLIC,
    Facets,
    Highlights,
    ProjectCard,
    ProjectFilter,
    ProjectQuery,
    ProjectsFound,
    Sort,
)
from services.catalog.similar import similar
from services.catalog.vocabulary import LegalForm, ProjectStatus, Role, Stage
from shared.kernel.codec import UnknownEvent
from shared.kernel.http import decode_cursor, encode_cursor
from shared.kernel.postgres import Connection, Pool
from shared.kernel.problems import FieldError, Problem
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

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
SHOWN = """
SELECT id, status, version, pending, card, best_practice, published_at, changed_at, plain[array_upper(plain, 1)] AS rest
FROM search_project WHERE id = ANY($1::uuid[]) AND status = ANY($2::text[])
"""

LABELS = {
    name: {str(term): term.label for term in terms}
    for name, terms in (("status", ProjectStatus), ("legal_form", LegalForm), ("stage", Stage), ("role", Role))
}
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


async def find(live: Live, query: ProjectQuery, *, editor: bool) -> ProjectsFound[ProjectCard]:
    """One page of the projects that fit, in the order asked for."""
    index = await _index(live, query.q)
    asked = ask(index, query, query.sort, await _bodies_like(live.pool, query.like))
    page = asked.page(query.limit + 1, _after(query, asked.sort))
    shown = page[: query.limit]
    wanted = [index.id_of(document) for _, document in shown]
    kilometres = {str(index.id_of(each)): far for each, far in asked.distances(each for _, each in shown).items()}
    last = shown[-1] if len(page) > query.limit else None
    cursor = last and encode_cursor([_digest(query), asked.sort, *_place(index, *last)])
    found, total = asked.found, len(asked.kept)
    items = await _cards(live, index, query, found, wanted, editor=editor)
    return ProjectsFound(
        items=[card.model_copy(update={"distance_km": kilometres.get(card.id)}) for card in items]
        if kilometres
        else items,
        next=cursor,
        total=total,
        did_you_mean=found.corrected,
        all_words=found.all_words,
    )


async def like(live: Live, project_id: UUID, most: int) -> list[ProjectCard] | None:
    """Published projects like one of them, the most alike first; None when that one is not published."""
    index = await live.current()
    alike = similar(index, project_id, most)
    if alike is None:
        return None
    return await _cards(live, index, ProjectFilter(), Found(NONE), alike, editor=False)


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
    bodies = await _bodies_like(live.pool, query.like)
    hits = found_by(index, query).hits
    return Facets.model_construct(facets=counted(index, query, in_reach(index, query, hits, bodies)))


async def _index(live: Live, q: str | None) -> Index:
    """The index, where the phrases of a query were looked for while others had their turn."""
    index = await live.current()
    for phrase in phrases_in(index, q):
        for _ in steps(index, phrase):
            await asyncio.sleep(0)
    return index


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
    told = query.model_dump_json(exclude={"cursor", "limit"})
    return hashlib.blake2b(told.encode(), digest_size=6).hexdigest()


def _after(query: ProjectQuery, sort: Sort) -> Key | None:
    if query.cursor is None:
        return None
    digest, sorted_by, number, title_key, last = decode_cursor(query.cursor, CURSOR)
    if (digest, sorted_by) != (_digest(query), sort):
        wrong = FieldError("cursor", "invalid_cursor", "Diese Angabe stammt nicht aus einer vorigen Seite.")
        raise Problem("invalid_query", errors=[wrong])
    return number, title_key, last.bytes


def _place(index: Index, number: float, document: int) -> tuple[float, str, str]:
    """Where a document stands, for a cursor."""
    _, title_key, _ = index.by_title.key(document)
    return number, title_key, str(index.id_of(document))


async def _cards(
    live: Live, index: Index, query: ProjectFilter, found: Found, wanted: Sequence[UUID], *, editor: bool
) -> list[ProjectCard]:
    rows = await live.pool.fetch(SHOWN, wanted, query.status or PUBLIC)
    by_id = {row["id"].bytes: row for row in rows}
    kept = [by_id[each.bytes] for each in wanted if each.bytes in by_id]
    bodies = _bodies(index, kept)
    if not all(bodies.values()):
        index = await live.current()  # the rows are newer than the names
        bodies = _bodies(index, kept)
    return [_card(index, row, bodies, found, editor=editor) for row in kept]


def _bodies(index: Index, rows: Iterable[asyncpg.Record]) -> dict[str, Body | None]:
    """Who takes part in some projects."""
    ids = {each["organisation_id"] for row in rows for each in row["card"]["participations"]}
    return {each: index.names.body(each) for each in ids}


def _card(
    index: Index, row: asyncpg.Record, bodies: Mapping[str, Body | None], found: Found, *, editor: bool
) -> ProjectCard:
    status = row["status"]
    card: dict[str, Any] = row["card"]
    participants = [_participant(bodies, each) for each in card["participations"]]
    names = index.names
    topics = tuple(dict.fromkeys(names.present("topic", code) for code in card["topics"]))
    labels = {
        "status": {status: LABELS["status"][status]},
        "topics": {code: names.topics[code].label if code in names.topics else code for code in topics},
        **{name: {card[name]: LABELS[name][card[name]]} if card[name] else {} for name in ("legal_form", "stage")},
        "role": {each["role"]: LABELS["role"][each["role"]] for each in participants},
    }
    return ProjectCard(
        **(card | {"participations": participants, "topics": topics}),
        id=str(row["id"]),
        status=status,
        version=row["version"],
        revision_pending=row["pending"] if editor else None,
        participations_note=participations_note(card["participations_complete"], len(participants)),
        best_practice=row["best_practice"],
        published_at=row["published_at"],
        changed_at=row["changed_at"],
        labels=labels,
        highlights=_highlights(index, row, found) if found.words else None,
    )


def _highlights(index: Index, row: asyncpg.Record, found: Found) -> Highlights | None:
    document = index.number_of(row["id"])
    if document is None:
        return None
    card, having = row["card"], found.words.intersection(index.tokens(document))
    return highlights(index.words, having, card["title"], card["summary"], row["rest"])


def _participant(bodies: Mapping[str, Body | None], said: dict[str, Any]) -> dict[str, Any]:
    if (body := bodies[said["organisation_id"]]) is None:
        raise UnknownEvent(said["organisation_id"])
    return {"organisation_id": body.id, "ags": body.ags, "name": body.name, "type": body.type, "role": said["role"]}
