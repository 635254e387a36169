"""A project's life: drafted, submitted, returned or published, revised beside the live version, archived, restored."""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from pydantic import BaseModel, ConfigDict

from services.catalog.project_content import (
    Content,
    FieldReason,
    Presently,
    refuse_contradictions,
    refuse_unknown_fields,
    refuse_unpublishable,
    under_another_topic,
)
from services.catalog.project_events import (
    LifeEvent,
    ProjectArchived,
    ProjectDrafted,
    ProjectEdited,
    ProjectPublished,
    ProjectRestored,
    ProjectReturned,
    ProjectRevised,
    ProjectSubmitted,
    RevisionProposed,
    RevisionReturned,
    TopicReplaced,
)
from services.catalog.project_fields import changed
from services.catalog.project_state import Project
from services.catalog.vocabulary import ProjectStatus
from shared.kernel.decider import NotThere, Refused


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
    presently: Presently = Presently()


class SubmitProject(Command):
    """Hand a draft in for publication."""


class ReturnProject(Command):
    """Give a submission, or a proposed revision, back to be worked on; `reasons` are about single fields."""

    reason: str
    reasons: tuple[FieldReason, ...] = ()


class PublishProject(Command):
    """Make a submission public; on a published project: accept the proposed revision, if there is one."""

    presently: Presently = Presently()


class AcceptRevision(Command):
    """Make the proposed revision of this number the live version."""

    revision: int
    presently: Presently = Presently()


class ReviseProject(Command):
    """Replace the live version at once, by an editor's own authority; a proposal that was waiting is superseded."""

    content: Content
    presently: Presently = Presently()


class ReplaceTopic(Command):
    """A topic was split: where this project stood under one of `topics`, it stands under `by`."""

    topics: tuple[str, ...]
    by: str


class ArchiveProject(Command):
    """End a project's life in the catalogue; what was public stays readable under its address."""

    reason: str | None = None


class RestoreProject(Command):
    """Bring an archived project back to what it was."""

    reason: str
    presently: Presently = Presently()


type LifeCommand = (
    DraftProject
    | EditProject
    | SubmitProject
    | ReturnProject
    | PublishProject
    | AcceptRevision
    | ReviseProject
    | ReplaceTopic
    | ArchiveProject
    | RestoreProject
)


def decide_life(command: LifeCommand, project: Project | None, at: datetime) -> Sequence[LifeEvent]:
    """The facts that follow; an archived project can only be restored."""
    if isinstance(command, DraftProject):
        return _draft(command, project, at)
    if project is None:
        raise NotThere
    if isinstance(command, ArchiveProject):
        return _archive(command, project, at)
    if isinstance(command, RestoreProject):
        return _restore(command, project, at)
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
            return _publish(command.presently, project, at)
        case AcceptRevision():
            return _accept(command.revision, command.presently, project, at)
        case ReviseProject():
            return _revise(command, project, at)
        case ReplaceTopic():
            return _replace_topic(command, project, at)
    assert_never(command)


def _draft(command: DraftProject, project: Project | None, at: datetime) -> Sequence[LifeEvent]:
    if project is None:
        refuse_contradictions(command.content)
        return [ProjectDrafted(at=at, project_id=command.project_id, content=command.content)]
    if project == Project(command.project_id, command.content):
        return []
    raise Refused("project_exists")


def _edit(command: EditProject, project: Project, at: datetime) -> Sequence[LifeEvent]:
    """A submission under review keeps still; a published project gets a proposal beside it."""
    refuse_contradictions(command.content)
    newest = project.pending.content if project.pending else project.content
    given_back = project.revision and project.revision.returned
    if command.content in _words_for(newest, command.presently) and not given_back:
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


def _words_for(content: Content, presently: Presently) -> tuple[Content, Content]:
    """A content as it was written, and the same in today's words: neither is news."""
    return content, presently.said_in(content)


def _submit(project: Project, at: datetime) -> Sequence[LifeEvent]:
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


def _return(command: ReturnProject, project: Project, at: datetime) -> Sequence[LifeEvent]:
    title, why = project.content.title, {"reason": command.reason, "reasons": command.reasons}
    if project.status is ProjectStatus.SUBMITTED:
        refuse_unknown_fields(command.reasons, project.content)
        return [ProjectReturned(at=at, project_id=project.id, title=title, **why)]
    if project.pending:
        refuse_unknown_fields(command.reasons, project.pending.content)
        number = project.pending.number
        return [RevisionReturned(at=at, project_id=project.id, title=title, revision=number, **why)]
    given_back = project.revision or project
    if (command.reason, command.reasons) == (given_back.returned, given_back.reasons):
        return []
    raise Refused("no_pending_revision" if project.status is ProjectStatus.PUBLISHED else "project_not_submitted")


def _publish(presently: Presently, project: Project, at: datetime) -> Sequence[LifeEvent]:
    if project.status is ProjectStatus.SUBMITTED:
        content = presently.said_in(project.content)
        refuse_unpublishable(content)
        return [ProjectPublished(at=at, project_id=project.id, content=content)]
    if project.pending:
        return _accept(project.pending.number, presently, project, at)
    if project.status is ProjectStatus.PUBLISHED:
        return []
    raise Refused("project_not_submitted")


def _accept(number: int, presently: Presently, project: Project, at: datetime) -> Sequence[LifeEvent]:
    refuse_unpublished(project)
    if project.pending and project.pending.number == number:
        content = presently.said_in(project.pending.content)
        refuse_unpublishable(content)
        return [_revised(content, number, presently, project, at)]
    if number == project.revised > 0:
        return []
    raise Refused("no_pending_revision")


def _revise(command: ReviseProject, project: Project, at: datetime) -> Sequence[LifeEvent]:
    refuse_unpublished(project)
    if command.content in _words_for(project.content, command.presently) and project.revision is None:
        return []
    refuse_unpublishable(command.content)
    return [_revised(command.content, project.proposed + 1, command.presently, project, at)]


def _revised(content: Content, number: int, presently: Presently, project: Project, at: datetime) -> ProjectRevised:
    """What readers saw before is what the live version means today: to say that in today's words changes nothing."""
    differs = changed(presently.said_in(project.content), content)
    return ProjectRevised(at=at, project_id=project.id, revision=number, content=content, changed=differs)


def _replace_topic(command: ReplaceTopic, project: Project, at: datetime) -> Sequence[LifeEvent]:
    content = under_another_topic(project.content, command.topics, command.by)
    proposed = project.revision.content if project.revision else None
    proposal = under_another_topic(proposed, command.topics, command.by) if proposed else None
    if (content, proposal) == (project.content, proposed):
        return []
    return [
        TopicReplaced(
            at=at,
            project_id=project.id,
            by=command.by,
            published=project.published,
            content=content,
            proposal=proposal,
        )
    ]


def _archive(command: ArchiveProject, project: Project, at: datetime) -> Sequence[LifeEvent]:
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


def _restore(command: RestoreProject, project: Project, at: datetime) -> Sequence[LifeEvent]:
    """What had been public is public again; everything else is a draft."""
    if project.status is not ProjectStatus.ARCHIVED:
        return []
    return [
        ProjectRestored(
            at=at,
            project_id=project.id,
            was_published=project.published,
            reason=command.reason,
            content=command.presently.said_in(project.content),
        )
    ]


def refuse_unpublished(project: Project) -> None:
    """Some things are done to published projects only."""
    if not project.published:
        raise Refused("project_not_published")
