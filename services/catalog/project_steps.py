"""What was done to a project, by whom and why? Every step, for editors. Part of the projection of project_page.py."""

from collections.abc import Sequence
from typing import Any, assert_never

from services.catalog.newer_code import left_to_newer_code
from services.catalog.project import (
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
from services.catalog.project_events import SurroundingEvent
from services.catalog.project_shown import StepShown
from shared.kernel.postgres import Connection
from shared.kernel.recorded import Recorded

KEEP = """
INSERT INTO project_step (project_id, version, step, at, actor, reason, reasons)
SELECT r.project_id, r.version, r.step, r.at, r.actor, r.reason, r.reasons
FROM jsonb_to_recordset($1::jsonb) AS r(project_id uuid, version bigint, step text, at timestamptz, actor text,
                                        reason text, reasons jsonb)
ON CONFLICT DO NOTHING
"""
STEPS = """
SELECT version, step, at, actor, reason, reasons FROM project_step WHERE project_id = $1::uuid ORDER BY version
"""


async def keep(connection: Connection, recorded: Sequence[Recorded[ProjectEvent]]) -> None:
    """Notes a step for every event."""
    await connection.execute(KEEP, [_step(each) for each in recorded])


async def told(connection: Connection, project_id: str) -> tuple[StepShown, ...]:
    """All steps, in the order in which they were done."""
    rows = await connection.fetch(STEPS, project_id)
    with left_to_newer_code(f"project {project_id}"):
        return tuple(StepShown(**dict(row)) for row in rows)


def _step(recorded: Recorded[ProjectEvent]) -> dict[str, Any]:
    event = recorded.event
    step, reason = _told(event)
    reasons = event.reasons if isinstance(event, ProjectReturned | RevisionReturned) else ()
    return {
        "project_id": recorded.aggregate_id,
        "version": recorded.version,
        "step": step,
        "at": event.at,
        "actor": recorded.actor,
        "reason": reason,
        "reasons": [each.model_dump(mode="json") for each in reasons],
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
        case TopicReplaced():
            return "topic_replaced", event.by
        case ProjectArchived():
            return "archived", event.reason
        case ProjectRestored():
            return "restored", event.reason
        case (
            BestPracticeAwarded()
            | BestPracticeWithdrawn()
            | UpdatePosted()
            | UpdateWithdrawn()
            | DocumentAttached()
            | DocumentRemoved()
            | ContactReviewDue()
            | ContactConfirmed()
        ):
            return _told_around(event)
    assert_never(event)


def _told_around(event: SurroundingEvent) -> tuple[str, str | None]:
    match event:
        case BestPracticeAwarded():
            return "best_practice_awarded", event.occasion
        case BestPracticeWithdrawn():
            return "best_practice_withdrawn", event.reason
        case UpdatePosted():
            return "update_posted", None
        case UpdateWithdrawn():
            return "update_withdrawn", None
        case DocumentAttached():
            return "document_attached", event.title
        case DocumentRemoved():
            return "document_removed", event.title
        case ContactReviewDue():
            return "contact_review_due", None
        case ContactConfirmed():
            return "contact_confirmed", None
    assert_never(event)
