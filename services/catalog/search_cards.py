"""Projects as lists show them: read from the database, their names and marks taken from the index."""

from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from services.catalog import project_page
from services.catalog.highlight import highlights
from services.catalog.project_shown import confirmed_on, contact_note, participations_note
from services.catalog.search_index import Index
from services.catalog.search_live import Live
from services.catalog.search_names import Body, Names
from services.catalog.search_shown import PUBLIC, Highlights, ParticipantShown, ProjectCard
from services.catalog.vocabulary import LegalForm, ProjectStatus, Role, Stage
from shared.kernel.codec import UnknownEvent

SHOWN = (
    """
SELECT id, status, version, pending, card, best_practice, published_at, changed_at,
       CASE WHEN $3 THEN plain[array_upper(plain, 1)] END AS rest, """
    + project_page.CONFIRMED_AT.format(id="p.id")
    + """ AS confirmed_at
FROM search_project p WHERE id = ANY($1::uuid[]) AND status = ANY($2::text[])
"""
)
STATUSES = {str(term): term for term in ProjectStatus}
LEGAL_FORMS = {str(term): term for term in LegalForm}
STAGES = {str(term): term for term in Stage}
ROLES = {str(term): term for term in Role}

log = structlog.get_logger()

type Row = asyncpg.Record
type Rows = Sequence[Row]
type Read = Callable[..., Coroutine[Any, Any, Rows | None]]
"""Runs a statement with its arguments; None where what it finds is not to be shown with what is in the index."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Projects to be shown in this order, if they have one of some states: marks for `words`, kilometres by id."""

    projects: Sequence[UUID]
    editor: bool
    at: datetime
    statuses: Collection[str] = PUBLIC
    words: frozenset[int] = frozenset()
    distances: Mapping[UUID, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is said of all projects of a page."""

    index: Index
    bodies: Mapping[str, Body | None]
    wanted: Wanted


async def read(reading: Read, wanted: Wanted) -> Rows | None:
    """What the cards are made of; None where `reading` gives none. Only marks need the rest of a text: it is long."""
    return await reading(SHOWN, wanted.projects, wanted.statuses, bool(wanted.words))


async def cards(live: Live, index: Index, rows: Rows, wanted: Wanted) -> list[ProjectCard]:
    """Those of the wanted projects of which there are rows."""
    by_id = {row["id"]: row for row in rows}
    kept = [by_id[each] for each in wanted.projects if each in by_id]
    bodies = _bodies(index, kept)
    if not all(bodies.values()):
        index = await live.current()  # the rows are newer than the names
        bodies = _bodies(index, kept)
    return list(_understood(_Known(index, bodies, wanted), kept))


def _understood(known: _Known, rows: Rows) -> Iterator[ProjectCard]:
    """What newer code wrote so that it cannot be shown here is left to replicas that run it."""
    for row in rows:
        try:
            yield _card(known, row)
        except UnknownEvent:
            log.warning("search_row_of_newer_code", id=str(row["id"]))


def _bodies(index: Index, rows: Iterable[Row]) -> dict[str, Body | None]:
    """Who takes part in some projects."""
    ids = {each["organisation_id"] for row in rows for each in row["card"]["participations"]}
    return {each: index.names.body(each) for each in ids}


def _card(known: _Known, row: Row) -> ProjectCard:
    card: dict[str, Any] = row["card"]
    wanted, status, confirmed_at = known.wanted, _term(STATUSES, row["status"]), row["confirmed_at"]
    legal_form = _term(LEGAL_FORMS, card["legal_form"]) if card["legal_form"] else None
    stage = _term(STAGES, card["stage"]) if card["stage"] else None
    participations = _participants(known, card["participations"])
    topics = _topics(known.index.names, card["topics"])
    return ProjectCard(
        id=str(row["id"]),
        status=status,
        version=row["version"],
        revision_pending=row["pending"] if wanted.editor else None,
        title=card["title"],
        short_title=card["short_title"],
        summary=card["summary"],
        topics=tuple(topics),
        legal_form=legal_form,
        stage=stage,
        start=card["start"],
        region=card["region"],
        participations=participations,
        participations_complete=card["participations_complete"],
        participations_note=participations_note(card["participations_complete"], len(participations)),
        best_practice=row["best_practice"],
        published_at=row["published_at"],
        changed_at=row["changed_at"],
        labels={
            "status": {status: status.label},
            "topics": topics,
            "legal_form": {legal_form: legal_form.label} if legal_form else {},
            "stage": {stage: stage.label} if stage else {},
            "role": {each.role: each.role.label for each in participations},
        },
        contact_confirmed_on=confirmed_at and confirmed_on(confirmed_at),
        contact_note=contact_note(status, confirmed_at, wanted.at),
        highlights=_highlights(known, row) if wanted.words else None,
        distance_km=wanted.distances.get(row["id"]),
    )


def _term[T](terms: Mapping[str, T], code: str) -> T:
    if (term := terms.get(code)) is None:
        raise UnknownEvent(code)
    return term


def _topics(names: Names, codes: Iterable[str]) -> dict[str, str]:
    """Codes as they are today, with what they are called."""
    today = (names.present("topic", code) for code in codes)
    return {code: names.topics[code].label if code in names.topics else code for code in today}


def _participants(known: _Known, said: Iterable[dict[str, Any]]) -> tuple[ParticipantShown, ...]:
    return tuple(_participant(known.bodies[each["organisation_id"]], each) for each in said)


def _participant(body: Body | None, said: dict[str, Any]) -> ParticipantShown:
    if body is None:
        raise UnknownEvent(said["organisation_id"])
    return ParticipantShown(body.id, body.ags, body.name, body.type, _term(ROLES, said["role"]))


def _highlights(known: _Known, row: Row) -> Highlights | None:
    document = known.index.number_of(row["id"])
    if document is None:
        return None
    having = known.wanted.words.intersection(known.index.tokens(document))
    return highlights(known.index.words, having, row["card"]["title"], row["card"]["summary"], row["rest"])
