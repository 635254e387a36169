"""A project of the catalogue: drafted, submitted, returned or published, revised beside the live version, archived."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, assert_never

from pydantic import BaseModel, ConfigDict

from services.catalog.project_content import Content, refuse_contradictions, refuse_unpublishable
from services.catalog.vocabulary import ProjectStatus
from shared.contracts import catalog as contracts
from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, Event, NotThere, Refused


class Command(BaseModel):
    """What can be asked of a project."""

    model_config = ConfigDict(frozen=True)


class DraftProject(Command):
    """Begin a project; nothing of it is public yet."""

    project_id: str
    content: Content


class EditProject(Command):
    """Change a draft, or propose a revision of what is published."""

    content: Content


class SubmitProject(Command):
    """Hand a draft in for publication."""


class ReturnProject(Command):
    """Give a submission, or a proposed revision, back to be worked on."""

    reason: str


class PublishProject(Command):
    """Make a submission public; on a published project: accept the proposed revision, if there is one."""


class AcceptRevision(Command):
    """Make the proposed revision of this number the live version."""

    revision: int


class ReviseProject(Command):
    """Replace the live version at once, by an editor's own authority; a proposal that was waiting is superseded."""

    content: Content


class AwardBestPractice(Command):
    """Mark a published project as best practice."""

    occasion: str
    awarded_on: date


class ArchiveProject(Command):
    """End a project's life in the catalogue; what was public stays readable under its address."""

    reason: str | None = None


type ProjectCommand = (
    DraftProject
    | EditProject
    | SubmitProject
    | ReturnProject
    | PublishProject
    | AcceptRevision
    | ReviseProject
    | AwardBestPractice
    | ArchiveProject
)


class ProjectDrafted(Event):
    """A project was begun."""

    project_id: str
    content: Content


class ProjectEdited(Event):
    """A draft reads differently now."""

    project_id: str
    content: Content


class ProjectSubmitted(Event):
    """A draft waits for an editor's decision."""

    project_id: str
    title: str
    topics: tuple[str, ...]


class ProjectReturned(Event):
    """A submission was given back."""

    project_id: str
    title: str
    reason: str


class ProjectPublished(Event):
    """A project became public as it reads here."""

    project_id: str
    content: Content


class RevisionProposed(Event):
    """A new version waits beside the live one."""

    project_id: str
    revision: int
    content: Content


class RevisionReturned(Event):
    """A proposed version was given back; the live one is untouched."""

    project_id: str
    title: str
    revision: int
    reason: str


class ProjectRevised(Event):
    """The live version was replaced."""

    project_id: str
    revision: int
    content: Content


class BestPracticeAwarded(Event):
    """A project was marked as best practice."""

    project_id: str
    title: str
    occasion: str
    awarded_on: date


class ProjectArchived(Event):
    """A project left the catalogue's lists."""

    project_id: str
    title: str
    was_published: bool
    reason: str | None


BESIDE_THE_LIVE_VERSION = (RevisionProposed, RevisionReturned)  # readers see nothing of these

type ProjectEvent = (
    ProjectDrafted
    | ProjectEdited
    | ProjectSubmitted
    | ProjectReturned
    | ProjectPublished
    | RevisionProposed
    | RevisionReturned
    | ProjectRevised
    | BestPracticeAwarded
    | ProjectArchived
)


@dataclass(frozen=True, slots=True)
class Award:
    """A best-practice mark."""

    occasion: str
    awarded_on: date


@dataclass(frozen=True, slots=True)
class Revision:
    """A version proposed beside the live one; `returned` is the reason it was given back for."""

    number: int
    content: Content
    returned: str | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """`content` is the draft, and from publication on the live version. `revised` numbers the version accepted last."""

    id: str
    content: Content
    status: ProjectStatus = ProjectStatus.DRAFTED
    published: bool = False
    returned: str | None = None
    revision: Revision | None = None
    proposed: int = 0
    revised: int = 0
    awards: frozenset[Award] = frozenset()

    @property
    def pending(self) -> Revision | None:
        """The revision that waits for a decision."""
        return self.revision if self.revision and self.revision.returned is None else None


def evolve(project: Project | None, event: ProjectEvent) -> Project | None:
    """The project after `event`."""
    if isinstance(event, ProjectDrafted):
        return Project(event.project_id, event.content)
    assert project is not None
    match event:
        case ProjectEdited():
            return replace(project, content=event.content)
        case ProjectSubmitted():
            return replace(project, status=ProjectStatus.SUBMITTED, returned=None)
        case ProjectReturned():
            return replace(project, status=ProjectStatus.RETURNED, returned=event.reason)
        case ProjectPublished():
            return replace(project, status=ProjectStatus.PUBLISHED, published=True, content=event.content)
        case RevisionProposed():
            return replace(project, proposed=event.revision, revision=Revision(event.revision, event.content))
        case RevisionReturned():
            assert project.revision is not None
            return replace(project, revision=replace(project.revision, returned=event.reason))
        case ProjectRevised():
            number = event.revision
            return replace(project, content=event.content, revision=None, proposed=number, revised=number)
        case BestPracticeAwarded():
            return replace(project, awards=project.awards | {Award(event.occasion, event.awarded_on)})
        case ProjectArchived():
            return replace(project, status=ProjectStatus.ARCHIVED, revision=None)
    assert_never(event)


def decide(command: ProjectCommand, project: Project | None, at: datetime) -> Sequence[ProjectEvent]:
    """The facts that follow from a command; an archived project takes no more of them."""
    if isinstance(command, DraftProject):
        return _draft(command, project, at)
    if project is None:
        raise NotThere
    if isinstance(command, ArchiveProject):
        return _archive(command, project, at)
    if project.status is ProjectStatus.ARCHIVED:
        raise Refused("project_archived")
    match command:
        case EditProject():
            return _edit(command, project, at)
        case SubmitProject():
            return _submit(project, at)
        case ReturnProject():
            return _return(command, project, at)
        case PublishProject():
            return _publish(project, at)
        case AcceptRevision():
            return _accept(command.revision, project, at)
        case ReviseProject():
            return _revise(command, project, at)
        case AwardBestPractice():
            return _award(command, project, at)
    assert_never(command)


def _draft(command: DraftProject, project: Project | None, at: datetime) -> Sequence[ProjectEvent]:
    if project is None:
        refuse_contradictions(command.content)
        return [ProjectDrafted(at=at, project_id=command.project_id, content=command.content)]
    if project == Project(command.project_id, command.content):
        return []
    raise Refused("project_exists")


def _edit(command: EditProject, project: Project, at: datetime) -> Sequence[ProjectEvent]:
    """A submission under review keeps still; a published project gets a proposal beside it."""
    refuse_contradictions(command.content)
    newest = project.pending.content if project.pending else project.content
    if command.content == newest and not (project.revision and project.revision.returned):
        return []
    match project.status:
        case ProjectStatus.DRAFTED | ProjectStatus.RETURNED:
            return [ProjectEdited(at=at, project_id=project.id, content=command.content)]
        case ProjectStatus.SUBMITTED:
            raise Refused("project_under_review")
        case ProjectStatus.PUBLISHED:
            number = project.proposed + 1
            return [RevisionProposed(at=at, project_id=project.id, revision=number, content=command.content)]
        case ProjectStatus.ARCHIVED:
            raise Refused("project_archived")
    assert_never(project.status)


def _submit(project: Project, at: datetime) -> Sequence[ProjectEvent]:
    match project.status:
        case ProjectStatus.DRAFTED | ProjectStatus.RETURNED:
            return [
                ProjectSubmitted(
                    at=at, project_id=project.id, title=project.content.title, topics=project.content.topics
                )
            ]
        case ProjectStatus.SUBMITTED:
            return []
        case ProjectStatus.PUBLISHED:
            raise Refused("project_published")
        case ProjectStatus.ARCHIVED:
            raise Refused("project_archived")
    assert_never(project.status)


def _return(command: ReturnProject, project: Project, at: datetime) -> Sequence[ProjectEvent]:
    title = project.content.title
    if project.status is ProjectStatus.SUBMITTED:
        return [ProjectReturned(at=at, project_id=project.id, title=title, reason=command.reason)]
    if project.pending:
        number = project.pending.number
        return [
            RevisionReturned(at=at, project_id=project.id, title=title, revision=number, reason=command.reason),
        ]
    if command.reason == (project.revision.returned if project.revision else project.returned):
        return []
    raise Refused("no_pending_revision" if project.status is ProjectStatus.PUBLISHED else "project_not_submitted")


def _publish(project: Project, at: datetime) -> Sequence[ProjectEvent]:
    if project.status is ProjectStatus.SUBMITTED:
        refuse_unpublishable(project.content)
        return [ProjectPublished(at=at, project_id=project.id, content=project.content)]
    if project.pending:
        return _accept(project.pending.number, project, at)
    if project.status is ProjectStatus.PUBLISHED:
        return []
    raise Refused("project_not_submitted")


def _accept(number: int, project: Project, at: datetime) -> Sequence[ProjectEvent]:
    if not project.published:
        raise Refused("project_not_published")
    if project.pending and project.pending.number == number:
        refuse_unpublishable(project.pending.content)
        return [ProjectRevised(at=at, project_id=project.id, revision=number, content=project.pending.content)]
    if number == project.revised > 0:
        return []
    raise Refused("no_pending_revision")


def _revise(command: ReviseProject, project: Project, at: datetime) -> Sequence[ProjectEvent]:
    if not project.published:
        raise Refused("project_not_published")
    if command.content == project.content and project.revision is None:
        return []
    refuse_unpublishable(command.content)
    return [
        ProjectRevised(at=at, project_id=project.id, revision=project.proposed + 1, content=command.content),
    ]


def _award(command: AwardBestPractice, project: Project, at: datetime) -> Sequence[ProjectEvent]:
    if not project.published:
        raise Refused("project_not_published")
    if Award(command.occasion, command.awarded_on) in project.awards:
        return []
    return [
        BestPracticeAwarded(
            at=at,
            project_id=project.id,
            title=project.content.title,
            occasion=command.occasion,
            awarded_on=command.awarded_on,
        )
    ]


def _archive(command: ArchiveProject, project: Project, at: datetime) -> Sequence[ProjectEvent]:
    if project.status is ProjectStatus.ARCHIVED:
        return []
    return [
        ProjectArchived(
            at=at,
            project_id=project.id,
            title=project.content.title,
            was_published=project.published,
            reason=command.reason,
        )
    ]


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
        case BestPracticeAwarded():
            return contracts.BestPracticeAwarded(
                project_id=event.project_id, title=event.title, occasion=event.occasion, awarded_on=event.awarded_on
            )
        case ProjectArchived():
            title = event.title if event.was_published else None
            return contracts.ProjectArchived(
                project_id=event.project_id, title=title, was_published=event.was_published
            )
        case ProjectDrafted() | ProjectEdited() | RevisionProposed():
            return None
    assert_never(event)


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
        BestPracticeAwarded,
        ProjectArchived,
    ),
)
