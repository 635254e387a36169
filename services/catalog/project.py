"""A project of the catalogue: drafted, submitted, returned or published, revised beside the live version, archived.

An archived project can be restored to what it was; nothing else happens to it. Everything about a project is imported
from here; its events, its state, its life and what lies around its live version have modules of their own.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, assert_never

from services.catalog.project_content import Content
from services.catalog.project_events import (
    BESIDE_THE_LIVE_VERSION,
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
from services.catalog.project_life import (
    AcceptRevision,
    ArchiveProject,
    DraftProject,
    EditProject,
    LifeCommand,
    PublishProject,
    ReplaceTopic,
    RestoreProject,
    ReturnProject,
    ReviseProject,
    SubmitProject,
    decide_life,
)
from services.catalog.project_state import Attached, Award, Project, Revision, Update, evolve
from services.catalog.project_surroundings import (
    AttachDocument,
    AwardBestPractice,
    ConfirmContact,
    LetTimePass,
    PostUpdate,
    RemoveDocument,
    SurroundingCommand,
    WithdrawBestPractice,
    WithdrawUpdate,
    decide_around,
)
from shared.contracts import catalog as contracts
from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, NotThere

__all__ = [
    "BESIDE_THE_LIVE_VERSION",
    "PROJECT",
    "AcceptRevision",
    "ArchiveProject",
    "AttachDocument",
    "Attached",
    "Award",
    "AwardBestPractice",
    "BestPracticeAwarded",
    "BestPracticeWithdrawn",
    "ConfirmContact",
    "ContactConfirmed",
    "ContactReviewDue",
    "DocumentAttached",
    "DocumentRemoved",
    "DraftProject",
    "EditProject",
    "LetTimePass",
    "PostUpdate",
    "Project",
    "ProjectArchived",
    "ProjectCommand",
    "ProjectDrafted",
    "ProjectEdited",
    "ProjectEvent",
    "ProjectPublished",
    "ProjectRestored",
    "ProjectReturned",
    "ProjectRevised",
    "ProjectSubmitted",
    "PublishProject",
    "RemoveDocument",
    "ReplaceTopic",
    "RestoreProject",
    "ReturnProject",
    "ReviseProject",
    "Revision",
    "RevisionProposed",
    "RevisionReturned",
    "SubmitProject",
    "TopicReplaced",
    "Update",
    "UpdatePosted",
    "UpdateWithdrawn",
    "WithdrawBestPractice",
    "WithdrawUpdate",
    "decide",
    "evolve",
    "publish",
]


type ProjectCommand = LifeCommand | SurroundingCommand


def decide(command: ProjectCommand, project: Project | None, at: datetime) -> Sequence[ProjectEvent]:
    """The facts that follow from a command."""
    match command:
        case (
            DraftProject()
            | EditProject()
            | SubmitProject()
            | ReturnProject()
            | PublishProject()
            | AcceptRevision()
            | ReviseProject()
            | ReplaceTopic()
            | ArchiveProject()
            | RestoreProject()
        ):
            return decide_life(command, project, at)
        case (
            AwardBestPractice()
            | WithdrawBestPractice()
            | PostUpdate()
            | WithdrawUpdate()
            | AttachDocument()
            | RemoveDocument()
            | ConfirmContact()
            | LetTimePass()
        ):
            if project is None:
                raise NotThere
            return decide_around(command, project, at)
    assert_never(command)


def publish(event: ProjectEvent) -> Contract | None:
    """What others learn. Editors' reasons and unpublished texts stay in the house."""
    match event:
        case ProjectSubmitted():
            return contracts.ProjectSubmitted(project_id=event.project_id)
        case ProjectReturned():
            return contracts.ProjectReturned(project_id=event.project_id)
        case RevisionReturned():
            return contracts.ProjectReturned(project_id=event.project_id, revision=event.revision)
        case ProjectPublished():
            return contracts.ProjectPublished(**_card(event.project_id, event.content))
        case ProjectRevised():
            return contracts.ProjectRevised(revision=event.revision, **_card(event.project_id, event.content))
        case TopicReplaced():
            return _moved(event)
        case BestPracticeAwarded():
            return contracts.BestPracticeAwarded(
                project_id=event.project_id,
                title=event.title,
                occasion=event.occasion,
                awarded_on=event.awarded_on,
                category=event.category,
            )
        case BestPracticeWithdrawn():
            return contracts.BestPracticeWithdrawn(
                project_id=event.project_id, occasion=event.occasion, awarded_on=event.awarded_on
            )
        case ContactReviewDue():
            return contracts.ContactReviewDue(project_id=event.project_id)
        case ProjectArchived():
            title = event.title if event.was_published else None
            return contracts.ProjectArchived(
                project_id=event.project_id, title=title, was_published=event.was_published
            )
        case ProjectRestored():
            public = event.was_published
            return contracts.ProjectPublished(**_card(event.project_id, event.content)) if public else None
        case (
            ProjectDrafted()
            | ProjectEdited()
            | RevisionProposed()
            | UpdatePosted()
            | UpdateWithdrawn()
            | DocumentAttached()
            | DocumentRemoved()
            | ContactConfirmed()
        ):
            return None
    assert_never(event)


def _moved(event: TopicReplaced) -> Contract | None:
    """Only of what is public."""
    if not event.published:
        return None
    return contracts.ProjectTopicsChanged(project_id=event.project_id, topics=event.content.topics)


def _card(project_id: str, content: Content) -> dict[str, Any]:
    """What the contracts of publication and revision say of a project."""
    return {
        "project_id": project_id,
        "title": content.title,
        "summary": content.summary,
        "topics": content.topics,
        "legal_form": content.legal_form,
        "stage": content.stage,
        "participations": tuple(
            contracts.Participation(organisation_id=each.organisation_id, ags=each.ags, role=each.role)
            for each in content.participations
        ),
        "participations_complete": content.participations_complete,
    }


PROJECT: Decider[Project | None, ProjectCommand, ProjectEvent] = Decider(
    category="project",
    initial=None,
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(
        ProjectDrafted,
        ProjectEdited,
        ProjectSubmitted,
        ProjectReturned,
        ProjectPublished,
        RevisionProposed,
        RevisionReturned,
        ProjectRevised,
        TopicReplaced,
        BestPracticeAwarded,
        BestPracticeWithdrawn,
        UpdatePosted,
        UpdateWithdrawn,
        DocumentAttached,
        DocumentRemoved,
        ContactReviewDue,
        ContactConfirmed,
        ProjectArchived,
        ProjectRestored,
    ),
)
