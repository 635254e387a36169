"""Pieces of a project's life that tests begin from."""

from datetime import UTC, datetime
from typing import Any

from services.catalog.project import (
    ProjectArchived,
    ProjectDrafted,
    ProjectEvent,
    ProjectPublished,
    ProjectReturned,
    ProjectRevised,
    ProjectSubmitted,
    RevisionProposed,
    RevisionReturned,
)
from services.catalog.project_content import Content, FieldReason, Participation
from services.catalog.project_fields import changed

ID = "0199d2c4-1b7e-7a3c-9c55-2f6d1f0a4b11"
ENSE = "00000000-0000-5000-8000-000000000001"
WELVER = "00000000-0000-5000-8000-000000000002"
AT = datetime(2025, 5, 27, 10, tzinfo=UTC)


def content(**fields: Any) -> Content:
    """A content that may be published."""
    return Content(
        **{
            "title": "Interkommunales Sozialamt",
            "summary": "Vier Kommunen teilen sich Fachwissen.",
            "topics": ("social_services",),
            "participations": (Participation(organisation_id=ENSE), Participation(organisation_id=WELVER)),
            **fields,
        }
    )


def drafted(of: Content | None = None) -> list[ProjectEvent]:
    return [ProjectDrafted(at=AT, project_id=ID, content=of or content())]


def submitted(of: Content | None = None) -> list[ProjectEvent]:
    of = of or content()
    return [*drafted(of), ProjectSubmitted(at=AT, project_id=ID, title=of.title, topics=of.topics)]


def returned(reason: str = "Bitte kürzen.", reasons: tuple[FieldReason, ...] = ()) -> list[ProjectEvent]:
    back = ProjectReturned(at=AT, project_id=ID, title=content().title, reason=reason, reasons=reasons)
    return [*submitted(), back]


def published() -> list[ProjectEvent]:
    return [*submitted(), ProjectPublished(at=AT, project_id=ID, content=content())]


def proposed(of: Content, revision: int = 1) -> list[ProjectEvent]:
    return [*published(), RevisionProposed(at=AT, project_id=ID, revision=revision, content=of)]


def proposal_returned(of: Content, reason: str) -> list[ProjectEvent]:
    returned = RevisionReturned(at=AT, project_id=ID, title=content().title, revision=1, reason=reason)
    return [*proposed(of), returned]


def revised(of: Content, revision: int = 1) -> ProjectEvent:
    return ProjectRevised(at=AT, project_id=ID, revision=revision, content=of, changed=changed(content(), of))


def archived() -> list[ProjectEvent]:
    return [
        *published(),
        ProjectArchived(at=AT, project_id=ID, title=content().title, was_published=True, reason=None),
    ]
