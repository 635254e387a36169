"""What is known of one project? Its public version for everyone; drafts, proposals and history for editors.

Drafts are also read by members of the organisations that take part in them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from services.catalog import (
    contact_list,
    organisation_directory,
    project_files,
    project_steps,
    supervision,
    supervision_http,
    topic_list,
)
from services.catalog.export_cells import kept_cells
from services.catalog.newer_code import left_to_newer_code
from services.catalog.presently import presently
from services.catalog.project import (
    BESIDE_THE_LIVE_VERSION,
    PROJECT,
    Project,
    ProjectArchived,
    ProjectEvent,
    ProjectPublished,
    ProjectRestored,
    ProjectRevised,
    evolve,
)
from services.catalog.project_content import Content, Description
from services.catalog.project_fields import FIELD_LABELS, changed
from services.catalog.project_shown import (
    ProjectLink,
    ProjectPage,
    RevisionShown,
    VersionShown,
    labels_of,
    participations_note,
    parts_of,
)
from services.catalog.supervision import SupervisionHint
from services.catalog.vocabulary import Role
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

MEMBERS = frozenset({Role.LEAD, Role.DELEGATING, Role.PERFORMING, Role.PARTICIPANT})
"""Whose part makes them members of the cooperation: who pays, serves or looks on does not count for its supervision."""

READ = "SELECT id::text, entry FROM project_page WHERE id = ANY($1::uuid[]) FOR UPDATE"
KEEP = """
INSERT INTO project_page (id, version, public, predecessor, confirmed_at, contact_due_at, entry, cells_before,
                          cells_after, topics, partners)
SELECT r.id, r.version, r.public, r.predecessor, r.confirmed_at, r.contact_due_at, r.entry, r.cells_before,
       r.cells_after, r.topics, r.partners
FROM jsonb_to_recordset($1::jsonb) AS r(id uuid, version bigint, public boolean, predecessor uuid,
                                        confirmed_at timestamptz, contact_due_at timestamptz, entry jsonb,
                                        cells_before text, cells_after text, topics text, partners text)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, public = excluded.public,
    predecessor = excluded.predecessor, confirmed_at = excluded.confirmed_at,
    contact_due_at = excluded.contact_due_at, entry = excluded.entry, cells_before = excluded.cells_before,
    cells_after = excluded.cells_after, topics = excluded.topics, partners = excluded.partners
"""
ONE = """
SELECT entry FROM project_page
WHERE id = $1::uuid
  AND (public OR $2
       OR jsonb_path_query_array(entry, '$.project.content.participations[*].organisation_id') ?| $3::text[])
"""
PUBLIC_TITLE = "SELECT entry->'project'->'content'->>'title' FROM project_page WHERE id = $1::uuid AND public"
PUBLIC_TITLES = """
SELECT id::text, entry->'project'->'content'->>'title' AS title FROM project_page
WHERE id = ANY($1::uuid[]) AND public
"""
PUBLIC = "SELECT id::text FROM project_page WHERE id = ANY($1::uuid[]) AND public"
SUCCESSORS = """
SELECT id::text, entry->'project'->'content'->>'title' AS title FROM project_page
WHERE predecessor = $1::uuid AND (public OR $2) ORDER BY entry->>'published_at', id LIMIT 100
"""
CONFIRMED_AT = "(SELECT confirmed_at FROM project_page WHERE id = {id})"  # when a contact was last known to be right
CONTACTS_DUE = """
SELECT id::text, (entry->>'of_history')::boolean AS of_history FROM project_page
WHERE contact_due_at <= $1 ORDER BY contact_due_at LIMIT 100
"""
KNOWN = "SELECT EXISTS (SELECT FROM project_page WHERE id = $1::uuid)"
LIVE = """
SELECT EXISTS (SELECT FROM project_page WHERE id = $1::uuid AND public AND entry->'project'->>'status' = 'published')
"""
LINES = """
SELECT id::text, cells_before, topics, partners, cells_after FROM project_page
WHERE id = ANY($1::uuid[]) AND cells_before IS NOT NULL
"""
ENTRIES = "SELECT id::text, entry FROM project_page WHERE id = ANY($1::uuid[])"
# What each of several projects and all before them came after.
CAME_AFTER = """
WITH RECURSIVE line (id) AS (
    SELECT id FROM unnest($1::uuid[]) AS id
    UNION
    SELECT p.predecessor FROM line JOIN project_page p ON p.id = line.id WHERE p.predecessor IS NOT NULL
)
SELECT DISTINCT p.id::text, p.predecessor::text FROM line JOIN project_page p ON p.id = line.id
"""
ARCHIVED = """
SELECT EXISTS (SELECT FROM project_page WHERE id = $1::uuid AND entry->'project'->>'status' = 'archived')
"""
# The predecessors of a project, its own included. Each is looked at once, so that even a circle has an end.
PREDECESSORS = """
WITH RECURSIVE line (id) AS (
    SELECT $1::uuid
    UNION
    SELECT p.predecessor FROM line JOIN project_page p ON p.id = line.id WHERE p.predecessor IS NOT NULL
)
SELECT id::text FROM line
"""


@dataclass(frozen=True, slots=True)
class Version:
    """A step of the project's public life, and the fields that read differently from then on."""

    step: str
    at: datetime
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A project as the read model keeps it: the folded aggregate and the times that readers ask for.

    `changed_at` is when what readers see changed, or a draft that nobody sees yet. `of_history`: its contact was last
    known to be right by loaded history, so that nobody is to be told when that grows old.
    """

    project: Project
    version: int
    changed_at: datetime
    published_at: datetime | None = None
    versions: tuple[Version, ...] = ()
    of_history: bool = False


ENTRY = TypeAdapter(Entry)


async def project(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Folds the events into each project's entry and notes every step."""
    ours = [each for each in recorded if isinstance(each.event, PROJECT.events)]
    if not ours:
        return
    rows = await connection.fetch(READ, list({each.aggregate_id for each in ours}))
    entries = {row["id"]: _kept(row["id"], row["entry"]) for row in rows}
    for each in ours:
        entries[each.aggregate_id] = advanced(entries.get(each.aggregate_id), each)
    await connection.execute(KEEP, [_row(entry) for entry in entries.values()])
    await project_steps.keep(connection, ours)
    await project_files.keep(connection, [each.event for each in ours])


def _kept(project_id: str, stored: object) -> Entry:
    with left_to_newer_code(f"project {project_id}"):
        return ENTRY.validate_python(stored)


def advanced(entry: Entry | None, recorded: Recorded[ProjectEvent]) -> Entry:
    """The entry after one more event."""
    event = recorded.event
    after = evolve(entry.project if entry else None, event)
    assert after is not None
    if entry is None:
        return Entry(after, recorded.version, event.at)
    return Entry(
        after,
        recorded.version,
        entry.changed_at if isinstance(event, BESIDE_THE_LIVE_VERSION) else event.at,
        event.at if isinstance(event, ProjectPublished) else entry.published_at,
        entry.versions + _public_step(entry.project, event),
        recorded.history if after.confirmed_at != entry.project.confirmed_at else entry.of_history,
    )


def _public_step(before: Project, event: ProjectEvent) -> tuple[Version, ...]:
    match event:
        case ProjectPublished():
            return (Version("published", event.at),)
        case ProjectRevised():
            differs = changed(before.content, event.content) if event.changed is None else event.changed
            return (Version("revised", event.at, differs),)
        case ProjectArchived() if event.was_published:
            return (Version("archived", event.at),)
        case ProjectRestored() if event.was_published:
            return (Version("restored", event.at),)
    return ()


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.project.id,
        "version": entry.version,
        "public": entry.project.published,
        "predecessor": entry.project.content.predecessor,
        "confirmed_at": entry.project.confirmed_at,
        "contact_due_at": entry.project.contact_due_at,
        "entry": ENTRY.dump_python(entry, mode="json"),
        **kept_cells(entry.project.content, entry.project.status, entry.published_at, entry.changed_at),
    }


PAGES = Projection("project_pages", ("project_page", "project_step", "project_document"), project)


async def one(
    pool: Pool, project_id: str, at: datetime, *, editor: bool, own: frozenset[str] = frozenset()
) -> ProjectPage | None:
    """A project's page. Whoever is no editor sees what was published, and an archived project only if it was.

    Those of the organisation that goes by these `own` ids also see what it takes part in.
    """
    async with pool.acquire() as connection:
        stored = await connection.fetchval(ONE, project_id, editor, list(own))
        if stored is None:
            return None
        entry = await _today(connection, _kept(project_id, stored))
        page = await _page(connection, entry, at, editor=editor)
        return await _for_editors(connection, page, entry) if editor else _for_readers(page)


async def contacts_due(pool: Pool, at: datetime) -> dict[str, bool]:
    """Projects whose contact has to be asked for, the longest due first; True where only history says that it is."""
    return {row["id"]: bool(row["of_history"]) for row in await pool.fetch(CONTACTS_DUE, at)}


async def known(connection: Connection, project_id: str) -> bool:
    """Whether there is such a project, public or not."""
    return bool(await connection.fetchval(KNOWN, project_id))


async def public_title(connection: Connection, project_id: str) -> str | None:
    """What everybody may read as the project's title, if anything."""
    title: str | None = await connection.fetchval(PUBLIC_TITLE, project_id)
    return title


async def public_ones(connection: Connection, project_ids: Sequence[str]) -> set[str]:
    """Those of the projects that everybody may read."""
    return {row["id"] for row in await connection.fetch(PUBLIC, project_ids)} if project_ids else set()


async def public_titles(connection: Connection, project_ids: Sequence[str]) -> dict[str, str]:
    """The titles of those of the projects that everybody may read."""
    rows = await connection.fetch(PUBLIC_TITLES, project_ids) if project_ids else []
    return {row["id"]: row["title"] for row in rows}


async def contact_possible(connection: Connection, project_id: str) -> bool:
    """Whether texts can be passed on to the project's contact: while it is published, and there is an address."""
    reachable = await contact_list.possible(connection, [project_id])
    return bool(reachable) and bool(await connection.fetchval(LIVE, project_id))


async def is_archived(connection: Connection, project_id: str) -> bool:
    """Whether a project has come to its end."""
    return bool(await connection.fetchval(ARCHIVED, project_id))


async def predecessors(connection: Connection, project_id: str) -> set[str]:
    """A project and all that came before it."""
    return {row["id"] for row in await connection.fetch(PREDECESSORS, project_id)}


async def states(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[Project, int]]:
    """The present state of those projects that exist, public or not, and their versions."""
    return {key: (entry.project, entry.version) for key, entry in (await entries(connection, ids)).items()}


async def entries(connection: Connection, ids: Sequence[str]) -> dict[str, Entry]:
    """What is kept of those projects that exist, public or not."""
    rows = await connection.fetch(ENTRIES, ids)
    return {row["id"]: _kept(row["id"], row["entry"]) for row in rows}


async def lines(connection: Connection, ids: Sequence[str]) -> dict[str, Sequence[str]]:
    """Projects as they are exported: their own cells in front, codes of topics, who takes part, their other cells."""
    found: dict[str, Sequence[str]] = {row[0]: row[1:] for row in await connection.fetch(LINES, ids)}
    if len(found) < len(ids):  # from before there were any
        missing = await entries(connection, [each for each in ids if each not in found])
        for key, entry in missing.items():
            cells = kept_cells(entry.project.content, entry.project.status, entry.published_at, entry.changed_at)
            found[key] = [cells["cells_before"], cells["topics"], cells["partners"], cells["cells_after"]]
    return found


async def predecessors_of(connection: Connection, ids: Sequence[str]) -> dict[str, str | None]:
    """Those of the projects that exist and all that came before them, each with its predecessor."""
    return {row["id"]: row["predecessor"] for row in await connection.fetch(CAME_AFTER, ids)}


async def _today(connection: Connection, entry: Entry) -> Entry:
    """The entry with the topics and organisations that are meant today, in the live version and in a proposed one."""
    project, revision = entry.project, entry.project.revision
    meant = await presently(connection, [project.content, *([revision.content] if revision else [])])
    proposed = revision and replace(revision, content=meant.said_in(revision.content))
    return replace(entry, project=replace(project, content=meant.said_in(project.content), revision=proposed))


async def _page(connection: Connection, entry: Entry, at: datetime, *, editor: bool) -> ProjectPage:
    project, content = entry.project, entry.project.content
    offices = [each.organisation_id for each in content.contacts if each.organisation_id]
    organisations = await organisation_directory.named(connection, {*content.organisation_ids, *offices})
    topics = await topic_list.labels(connection, content.topics)
    predecessor = content.predecessor and await connection.fetchval(PUBLIC_TITLE, content.predecessor)
    successors = await connection.fetch(SUCCESSORS, project.id, editor)
    fields = {name: getattr(content, name) for name in Description.model_fields}
    return ProjectPage(
        **fields | parts_of(project, organisations, at),
        version=entry.version,
        published_at=entry.published_at,
        changed_at=entry.changed_at,
        participations_note=participations_note(content.participations_complete, len(content.participations)),
        contact_possible=await contact_possible(connection, project.id),
        predecessor_title=predecessor,
        successors=tuple(ProjectLink(**dict(row)) for row in successors),
        versions=tuple(VersionShown(step=each.step, at=each.at, changed=each.changed) for each in entry.versions),
        labels=labels_of(project, topics) | _field_labels(entry.versions),
        supervision_hint=await _supervision(connection, content),
    )


async def _supervision(connection: Connection, content: Content) -> SupervisionHint | None:
    """A hint where the legal form is known; whoever alone takes a task over counts as the one that performs it."""
    members = [each for each in content.participations if each.role in MEMBERS]
    if content.legal_form is None or not members:
        return None
    ids = dict.fromkeys(each.organisation_id for each in members)
    known = await supervision_http.known_of(connection, ids)
    performing = {each.organisation_id for each in members if each.role is Role.PERFORMING}
    participants = [replace(known[key], performs=performing == {key}) for key in ids if key in known]
    return supervision.hint(participants, content.legal_form)


def _field_labels(versions: Sequence[Version]) -> dict[str, dict[str, str]]:
    names = {name: FIELD_LABELS[name] for each in versions for name in each.changed}
    return {"field": names} if names else {}


async def _for_editors(connection: Connection, page: ProjectPage, entry: Entry) -> ProjectPage:
    project, revision = entry.project, entry.project.revision
    shown = revision and RevisionShown(
        number=revision.number, returned=revision.returned, reasons=revision.reasons, content=revision.content
    )
    return page.model_copy(
        update={
            "returned": project.returned,
            "returned_reasons": project.reasons,
            "revision": shown,
            "history": await project_steps.told(connection, project.id),
        }
    )


def _for_readers(page: ProjectPage) -> ProjectPage:
    """Without the id of a predecessor that is not public, or not yet."""
    return page if page.predecessor_title else page.model_copy(update={"predecessor": None})
