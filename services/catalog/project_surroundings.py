"""Around a project's live version, at once and by an editor's word: marks, updates, documents, the contact's review."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import assert_never

from services.catalog.german_time import german_day
from services.catalog.project_events import (
    BestPracticeAwarded,
    BestPracticeWithdrawn,
    ContactConfirmed,
    ContactReviewDue,
    DocumentAttached,
    DocumentRemoved,
    SurroundingEvent,
    UpdatePosted,
    UpdateWithdrawn,
)
from services.catalog.project_life import Command, refuse_unpublished
from services.catalog.project_state import Attached, Project
from services.catalog.vocabulary import AwardCategory, ProjectStatus, ResourceKind
from shared.kernel.decider import NotThere, Refused
from shared.kernel.stored_file import StoredFile

MOST_UPDATES = 200
MOST_DOCUMENTS = 30


class AwardBestPractice(Command):
    """Mark a published project as best practice."""

    occasion: str
    awarded_on: date
    category: AwardCategory | None = None


class WithdrawBestPractice(Command):
    """Take back a mark that was given by mistake."""

    occasion: str
    awarded_on: date
    reason: str


class PostUpdate(Command):
    """Say what is new in a published project, in a few words, as of a day."""

    update_id: str
    text: str
    on: date


class WithdrawUpdate(Command):
    """Take an update off the page."""

    update_id: str


class AttachDocument(Command):
    """Put a file beside a project; its id follows from its content, so that the same file is there once."""

    document_id: str
    title: str
    kind: ResourceKind
    file: StoredFile


class RemoveDocument(Command):
    """Take a file away from a project."""

    document_id: str


class ConfirmContact(Command):
    """Say that a project's contact is still the right one: an editor does, or an organisation that takes part.

    `known_as` are the ids that mean the organisation, of entries that were merged.
    """

    organisation_id: str | None = None
    known_as: frozenset[str] = frozenset()


class LetTimePass(Command):
    """Say that a moment has come: whatever is due by then happens."""


type SurroundingCommand = (
    AwardBestPractice
    | WithdrawBestPractice
    | PostUpdate
    | WithdrawUpdate
    | AttachDocument
    | RemoveDocument
    | ConfirmContact
    | LetTimePass
)


def decide_around(command: SurroundingCommand, project: Project, at: datetime) -> Sequence[SurroundingEvent]:
    """The facts that follow; around an archived project nothing happens any more."""
    if isinstance(command, LetTimePass):
        return _let_time_pass(project, at)
    if isinstance(command, ConfirmContact) and command.organisation_id and not project.published:
        raise NotThere  # who is no editor learns nothing of drafts
    if project.status is ProjectStatus.ARCHIVED:
        raise Refused("project_archived")
    match command:
        case AwardBestPractice():
            return _award(command, project, at)
        case WithdrawBestPractice():
            return _withdraw_award(command, project, at)
        case PostUpdate():
            return _post_update(command, project, at)
        case WithdrawUpdate():
            return _withdraw_update(command.update_id, project, at)
        case AttachDocument():
            return _attach(command, project, at)
        case RemoveDocument():
            return _remove(command.document_id, project, at)
        case ConfirmContact():
            return _confirm(command, project, at)
    assert_never(command)


def _award(command: AwardBestPractice, project: Project, at: datetime) -> Sequence[SurroundingEvent]:
    refuse_unpublished(project)
    if any(mark.given_on(command.occasion, command.awarded_on) for mark in project.awards):
        return []
    return [
        BestPracticeAwarded(
            at=at,
            project_id=project.id,
            title=project.content.title,
            occasion=command.occasion,
            awarded_on=command.awarded_on,
            category=command.category,
        )
    ]


def _withdraw_award(command: WithdrawBestPractice, project: Project, at: datetime) -> Sequence[SurroundingEvent]:
    if any(mark.given_on(command.occasion, command.awarded_on) for mark in project.withdrawn_awards):
        return []
    if not any(mark.given_on(command.occasion, command.awarded_on) for mark in project.awards):
        raise Refused("no_such_award")
    return [
        BestPracticeWithdrawn(
            at=at,
            project_id=project.id,
            occasion=command.occasion,
            awarded_on=command.awarded_on,
            reason=command.reason,
            marks_left=len(project.awards) - 1,
        )
    ]


def _post_update(command: PostUpdate, project: Project, at: datetime) -> Sequence[SurroundingEvent]:
    """One update has one id; what was withdrawn stays withdrawn."""
    refuse_unpublished(project)
    if command.update_id in project.withdrawn_updates | {each.id for each in project.updates}:
        return []
    if command.on > german_day(at):
        raise Refused("update_in_future", field="/on")
    if len(project.updates) >= MOST_UPDATES:
        raise Refused("too_many_updates", most=MOST_UPDATES)
    return [
        UpdatePosted(at=at, project_id=project.id, update_id=command.update_id, text=command.text, on=command.on),
    ]


def _withdraw_update(update_id: str, project: Project, at: datetime) -> Sequence[SurroundingEvent]:
    if update_id in project.withdrawn_updates:
        return []
    if all(each.id != update_id for each in project.updates):
        raise NotThere
    return [UpdateWithdrawn(at=at, project_id=project.id, update_id=update_id)]


def _attach(command: AttachDocument, project: Project, at: datetime) -> Sequence[SurroundingEvent]:
    """Attached at once, as an editor's own word; a submission under review keeps still."""
    there = next((each for each in project.documents if each.id == command.document_id), None)
    if there == Attached(command.document_id, command.title, command.kind, command.file):
        return []
    if project.status is ProjectStatus.SUBMITTED:
        raise Refused("project_under_review")
    if there is not None:
        raise Refused("document_exists", title=there.title)
    if len(project.documents) >= MOST_DOCUMENTS:
        raise Refused("too_many_documents", most=MOST_DOCUMENTS)
    return [
        DocumentAttached(
            at=at,
            project_id=project.id,
            document_id=command.document_id,
            title=command.title,
            kind=command.kind,
            file=command.file,
        )
    ]


def _remove(document_id: str, project: Project, at: datetime) -> Sequence[SurroundingEvent]:
    if document_id in project.removed_documents:
        return []
    there = next((each for each in project.documents if each.id == document_id), None)
    if there is None:
        raise NotThere
    if project.status is ProjectStatus.SUBMITTED:
        raise Refused("project_under_review")
    return [DocumentRemoved(at=at, project_id=project.id, document_id=document_id, title=there.title)]


def _confirm(command: ConfirmContact, project: Project, at: datetime) -> Sequence[SurroundingEvent]:
    """Once a day is enough."""
    refuse_unpublished(project)
    if command.organisation_id is not None:
        ids = {command.organisation_id, *command.known_as}
        if ids.isdisjoint(project.content.organisation_ids):
            raise Refused("not_participating")
    if not project.review_due and project.confirmed_at and german_day(project.confirmed_at) == german_day(at):
        return []
    return [ContactConfirmed(at=at, project_id=project.id, organisation_id=command.organisation_id)]


def _let_time_pass(project: Project, at: datetime) -> Sequence[SurroundingEvent]:
    """A contact that nobody confirmed for a year is asked for once, however long ago that was."""
    due = project.contact_due_at
    if due is None or at < due or project.confirmed_at is None:
        return []
    return [ContactReviewDue(at=at, project_id=project.id, unconfirmed_since=project.confirmed_at)]
