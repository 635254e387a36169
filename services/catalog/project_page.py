"""What is known of one project? Its public version for everyone; drafts, proposals and history for editors."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, assert_never

from pydantic import BaseModel, ConfigDict, TypeAdapter

from services.catalog import organisation_directory, topic_list
from services.catalog.organisation_directory import Named
from services.catalog.project import (
    BESIDE_THE_LIVE_VERSION,
    PROJECT,
    BestPracticeAwarded,
    Project,
    ProjectArchived,
    ProjectDrafted,
    ProjectEdited,
    ProjectEvent,
    ProjectPublished,
    ProjectReturned,
    ProjectRevised,
    ProjectSubmitted,
    RevisionProposed,
    RevisionReturned,
    evolve,
)
from services.catalog.project_content import Contact, Content, Description, Document, Effect, Participation
from services.catalog.vocabulary import OrganisationType, ProjectStatus, Term
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

BASE_MISSING = "Bezugsgröße nicht angegeben"
FILE_MISSING = "Datei liegt nicht vor"
PARTICIPANTS_MISSING = "Beteiligte nicht genannt"
FURTHER_PARTICIPANTS_MISSING = "weitere Beteiligte nicht genannt"

READ = "SELECT id::text, entry FROM project_page WHERE id = ANY($1::uuid[]) FOR UPDATE"
KEEP = """
INSERT INTO project_page (id, version, public, predecessor, entry)
SELECT r.id, r.version, r.public, r.predecessor, r.entry
FROM jsonb_to_recordset($1::jsonb) AS r(id uuid, version bigint, public boolean, predecessor uuid, entry jsonb)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, public = excluded.public,
    predecessor = excluded.predecessor, entry = excluded.entry
"""
KEEP_STEPS = """
INSERT INTO project_step (project_id, version, step, at, actor, reason)
SELECT r.project_id, r.version, r.step, r.at, r.actor, r.reason
FROM jsonb_to_recordset($1::jsonb) AS r(project_id uuid, version bigint, step text, at timestamptz, actor text,
                                        reason text)
ON CONFLICT DO NOTHING
"""
ONE = "SELECT entry FROM project_page WHERE id = $1::uuid AND (public OR $2)"
STEPS = "SELECT version, step, at, actor, reason FROM project_step WHERE project_id = $1::uuid ORDER BY version"
PUBLIC_TITLE = "SELECT entry->'project'->'content'->>'title' FROM project_page WHERE id = $1::uuid AND public"
KNOWN = "SELECT EXISTS (SELECT FROM project_page WHERE id = $1::uuid)"
# The predecessors of a project, its own included; the depth bounds what a broken chain could cost.
PREDECESSORS = """
WITH RECURSIVE line (id, depth) AS (
    SELECT $1::uuid, 1
    UNION ALL
    SELECT p.predecessor, line.depth + 1 FROM line JOIN project_page p ON p.id = line.id
    WHERE p.predecessor IS NOT NULL AND line.depth < 100
)
SELECT id::text FROM line
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A project as the read model keeps it: the folded aggregate and the times that readers ask for.

    `changed_at` is when what readers see changed, or a draft that nobody sees yet.
    """

    project: Project
    version: int
    changed_at: datetime
    published_at: datetime | None = None


ENTRY = TypeAdapter(Entry)


class ParticipationShown(Participation):
    """A participation with the organisation's name as it is today."""

    name: str
    type: OrganisationType


class EffectShown(Effect):
    """An effect; `base_note` says so where a number has no stated base."""

    base_note: str | None


class DocumentShown(Document):
    """A document; `file_note` says so when its file is missing."""

    file_note: str | None


class ContactShown(Contact):
    """A contact; `office` is the name of the organisation to turn to."""

    office: str


class AwardShown(BaseModel):
    """A best-practice mark."""

    model_config = ConfigDict(frozen=True)

    occasion: str
    awarded_on: date


class RevisionShown(BaseModel):
    """For editors: the version proposed beside the live one. `returned` is the reason it was given back for."""

    model_config = ConfigDict(frozen=True)

    number: int
    returned: str | None
    content: Content


class StepShown(BaseModel):
    """For editors: something that was done to the project, by whom (a pseudonym) and why."""

    model_config = ConfigDict(frozen=True)

    version: int
    step: str
    at: datetime
    actor: str
    reason: str | None


class ProjectPage(Description):
    """A project as it is shown. Fields of its content have the names and codes they are written with.

    `labels[field][code]` is the German label of every code in the answer. `returned`, `revision` and `history` are for
    editors and null for everybody else.
    """

    id: str
    status: ProjectStatus
    version: int
    published_at: datetime | None
    changed_at: datetime
    participations: tuple[ParticipationShown, ...]
    participations_note: str | None
    effects: tuple[EffectShown, ...]
    documents: tuple[DocumentShown, ...]
    contacts: tuple[ContactShown, ...]
    predecessor_title: str | None
    best_practice: tuple[AwardShown, ...]
    labels: dict[str, dict[str, str]]
    returned: str | None = None
    revision: RevisionShown | None = None
    history: tuple[StepShown, ...] | None = None


async def project(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Folds the events into each project's entry and notes every step."""
    ours = [each for each in recorded if isinstance(each.event, PROJECT.events)]
    if not ours:
        return
    rows = await connection.fetch(READ, list({each.aggregate_id for each in ours}))
    entries: dict[str, Entry] = {row["id"]: ENTRY.validate_python(row["entry"]) for row in rows}
    for each in ours:
        entries[each.aggregate_id] = advanced(entries.get(each.aggregate_id), each)
    await connection.execute(KEEP, [_row(entry) for entry in entries.values()])
    await connection.execute(KEEP_STEPS, [_step(each) for each in ours])


def advanced(entry: Entry | None, recorded: Recorded[ProjectEvent]) -> Entry:
    """The entry after one more event."""
    event = recorded.event
    after = evolve(entry.project if entry else None, event)
    assert after is not None
    published_at = entry.published_at if entry else None
    if isinstance(event, ProjectPublished):
        published_at = event.at
    changed_at = entry.changed_at if entry and isinstance(event, BESIDE_THE_LIVE_VERSION) else event.at
    return Entry(after, recorded.version, changed_at, published_at)


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.project.id,
        "version": entry.version,
        "public": entry.project.published,
        "predecessor": entry.project.content.predecessor,
        "entry": ENTRY.dump_python(entry, mode="json"),
    }


def _step(recorded: Recorded[ProjectEvent]) -> dict[str, Any]:
    step, reason = _told(recorded.event)
    return {
        "project_id": recorded.aggregate_id,
        "version": recorded.version,
        "step": step,
        "at": recorded.event.at,
        "actor": recorded.actor,
        "reason": reason,
    }


def _told(event: ProjectEvent) -> tuple[str, str | None]:
    """The word for a step, and the reason that was given."""
    match event:
        case ProjectDrafted():
            return "drafted", None
        case ProjectEdited():
            return "edited", None
        case ProjectSubmitted():
            return "submitted", None
        case ProjectReturned():
            return "returned", event.reason
        case ProjectPublished():
            return "published", None
        case RevisionProposed():
            return "revision_proposed", None
        case RevisionReturned():
            return "revision_returned", event.reason
        case ProjectRevised():
            return "revised", None
        case BestPracticeAwarded():
            return "best_practice_awarded", event.occasion
        case ProjectArchived():
            return "archived", event.reason
    assert_never(event)


PAGES = Projection("project_pages", ("project_page", "project_step"), project)


async def one(pool: Pool, project_id: str, *, editor: bool) -> ProjectPage | None:
    """A project's page. Whoever is no editor sees what was published, and an archived project only if it was."""
    async with pool.acquire() as connection:
        stored = await connection.fetchval(ONE, project_id, editor)
        if stored is None:
            return None
        entry = ENTRY.validate_python(stored)
        page = await _page(connection, entry)
        return await _for_editors(connection, page, entry) if editor else _for_readers(page)


async def known(connection: Connection, project_id: str) -> bool:
    """Whether there is such a project, public or not."""
    return bool(await connection.fetchval(KNOWN, project_id))


async def predecessors(connection: Connection, project_id: str) -> set[str]:
    """A project and all that came before it."""
    return {row["id"] for row in await connection.fetch(PREDECESSORS, project_id)}


async def _page(connection: Connection, entry: Entry) -> ProjectPage:
    content, project = entry.project.content, entry.project
    offices = [each.organisation_id for each in content.contacts if each.organisation_id]
    organisations = await organisation_directory.named(connection, {*content.organisation_ids, *offices})
    topics = await topic_list.labels(connection, content.topics)
    predecessor = content.predecessor and await connection.fetchval(PUBLIC_TITLE, content.predecessor)
    return ProjectPage(
        **{name: getattr(content, name) for name in Description.model_fields if name not in _SHOWN_OTHERWISE},
        id=project.id,
        status=project.status,
        version=entry.version,
        published_at=entry.published_at,
        changed_at=entry.changed_at,
        participations=tuple(_participation(each, organisations) for each in content.participations),
        participations_note=participations_note(content.participations_complete, len(content.participations)),
        effects=tuple(_effect(each) for each in content.effects),
        documents=tuple(_document(each) for each in content.documents),
        contacts=tuple(_contact(each, organisations) for each in content.contacts),
        predecessor_title=predecessor,
        best_practice=tuple(
            AwardShown(occasion=award.occasion, awarded_on=award.awarded_on)
            for award in sorted(project.awards, key=lambda award: (award.awarded_on, award.occasion))
        ),
        labels=labels_of(project.status, content, topics),
    )


_SHOWN_OTHERWISE = frozenset({"effects", "documents", "contacts"})


async def _for_editors(connection: Connection, page: ProjectPage, entry: Entry) -> ProjectPage:
    revision = entry.project.revision
    rows = await connection.fetch(STEPS, entry.project.id)
    shown = revision and RevisionShown(number=revision.number, returned=revision.returned, content=revision.content)
    return page.model_copy(
        update={
            "returned": entry.project.returned,
            "revision": shown,
            "history": tuple(StepShown(**dict(row)) for row in rows),
        }
    )


def _for_readers(page: ProjectPage) -> ProjectPage:
    """Without the id of a predecessor that is not public, or not yet."""
    return page if page.predecessor_title else page.model_copy(update={"predecessor": None})


def participations_note(complete: bool, named: int) -> str | None:  # noqa: FBT001 -- a field's value
    """What is said where not everybody is named."""
    if complete:
        return None
    return FURTHER_PARTICIPANTS_MISSING if named else PARTICIPANTS_MISSING


def _participation(participation: Participation, organisations: dict[str, Named]) -> ParticipationShown:
    organisation = organisations[participation.organisation_id]
    return ParticipationShown(**participation.model_dump(), name=organisation.name, type=organisation.type)


def _effect(effect: Effect) -> EffectShown:
    baseless = effect.value is not None and effect.base is None
    return EffectShown(**effect.model_dump(), base_note=BASE_MISSING if baseless else None)


def _document(document: Document) -> DocumentShown:
    return DocumentShown(**document.model_dump(), file_note=None if document.link else FILE_MISSING)


def _contact(contact: Contact, organisations: dict[str, Named]) -> ContactShown:
    named = organisations[contact.organisation_id].name if contact.organisation_id else contact.organisation_name
    return ContactShown(**contact.model_dump(), office=named or "")


def labels_of(status: ProjectStatus, content: Content, topics: dict[str, str]) -> dict[str, dict[str, str]]:
    """The German label of every code in a project, by field."""
    terms: dict[str, list[Term]] = {
        "status": [status],
        "legal_form": [content.legal_form] if content.legal_form else [],
        "stage": [content.stage] if content.stage else [],
        "motives": list(content.motives),
        "success_factors": list(content.success_factors),
        "obstacles": list(content.obstacles),
        "role": [each.role for each in content.participations],
        "effect_kind": [each.kind for each in content.effects],
        "effect_unit": [each.unit for each in content.effects if each.unit],
        "document_kind": [each.kind for each in content.documents],
    }
    found = {field: {str(term): term.label for term in used} for field, used in terms.items() if used}
    return {"topics": {code: topics.get(code, code) for code in content.topics}, **found}
