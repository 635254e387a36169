"""A project as its events leave it."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import assert_never

from services.catalog.project_content import Content, FieldReason
from services.catalog.project_events import (
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
    SurroundingEvent,
    TopicReplaced,
    UpdatePosted,
    UpdateWithdrawn,
)
from services.catalog.vocabulary import AwardCategory, ProjectStatus, ResourceKind
from shared.kernel.stored_file import StoredFile

CONFIRMED_FOR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Award:
    """A best-practice mark."""

    occasion: str
    awarded_on: date
    category: AwardCategory | None = None

    def given_on(self, occasion: str, day: date) -> bool:
        """Whether it is the mark of this occasion and day, which there is only one of."""
        return (self.occasion, self.awarded_on) == (occasion, day)


@dataclass(frozen=True, slots=True)
class Update:
    """What was new, as of a day."""

    id: str
    text: str
    on: date


@dataclass(frozen=True, slots=True)
class Attached:
    """A file beside the project."""

    id: str
    title: str
    kind: ResourceKind
    file: StoredFile


@dataclass(frozen=True, slots=True)
class Revision:
    """A version proposed beside the live one; `returned` and `reasons` are why it was given back."""

    number: int
    content: Content
    returned: str | None = None
    reasons: tuple[FieldReason, ...] = ()


@dataclass(frozen=True, slots=True)
class Project:
    """`content` is the draft, and from publication on the live version. `revised` numbers the version accepted last.

    What was withdrawn or removed is remembered: asking for it twice is asking for it once. `confirmed_at` is when the
    contact was known to be right, or named anew; `review_due`: that was found to be too long ago. `reminded`: nobody
    has done anything since that was said.
    """

    id: str
    content: Content
    status: ProjectStatus = ProjectStatus.DRAFTED
    published: bool = False
    returned: str | None = None
    reasons: tuple[FieldReason, ...] = ()
    revision: Revision | None = None
    proposed: int = 0
    revised: int = 0
    awards: frozenset[Award] = frozenset()
    withdrawn_awards: frozenset[Award] = frozenset()
    updates: tuple[Update, ...] = ()
    withdrawn_updates: frozenset[str] = frozenset()
    documents: tuple[Attached, ...] = ()
    removed_documents: frozenset[str] = frozenset()
    confirmed_at: datetime | None = None
    review_due: bool = False
    reminded: bool = False

    @property
    def pending(self) -> Revision | None:
        """The revision that waits for a decision."""
        return self.revision if self.revision and self.revision.returned is None else None

    @property
    def contact_due_at(self) -> datetime | None:
        """When its contact will have to be confirmed; None while that is no question, or has been asked."""
        if self.status is not ProjectStatus.PUBLISHED or self.review_due or self.confirmed_at is None:
            return None
        return self.confirmed_at + CONFIRMED_FOR


def evolve(project: Project | None, event: ProjectEvent) -> Project | None:
    """The project after `event`."""
    after = _evolved(project, event)
    reminded = isinstance(event, ContactReviewDue)
    return after if after.reminded == reminded else replace(after, reminded=reminded)


def _evolved(project: Project | None, event: ProjectEvent) -> Project:
    if isinstance(event, ProjectDrafted):
        return Project(event.project_id, event.content)
    assert project is not None
    match event:
        case ProjectEdited():
            return replace(project, content=event.content)
        case ProjectSubmitted():
            return replace(project, status=ProjectStatus.SUBMITTED, returned=None, reasons=())
        case ProjectReturned():
            return replace(project, status=ProjectStatus.RETURNED, returned=event.reason, reasons=event.reasons)
        case ProjectPublished():
            public = replace(project, status=ProjectStatus.PUBLISHED, published=True, content=event.content)
            return replace(public, confirmed_at=event.at)
        case RevisionProposed():
            return replace(project, proposed=event.revision, revision=Revision(event.revision, event.content))
        case RevisionReturned():
            assert project.revision is not None
            returned = replace(project.revision, returned=event.reason, reasons=event.reasons)
            return replace(project, revision=returned)
        case ProjectRevised():
            number = event.revision
            live = replace(project, content=event.content, revision=None, proposed=number, revised=number)
            return replace(live, confirmed_at=event.at, review_due=False) if _asks_others(event, project) else live
        case TopicReplaced():
            proposal = event.proposal
            revision = replace(project.revision, content=proposal) if project.revision and proposal else None
            return replace(project, content=event.content, revision=revision)
        case ProjectArchived():
            return replace(project, status=ProjectStatus.ARCHIVED, revision=None)
        case ProjectRestored():
            status = ProjectStatus.PUBLISHED if event.was_published else ProjectStatus.DRAFTED
            return replace(project, status=status, content=event.content)
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
            return _around(project, event)
    assert_never(event)


def _asks_others(event: ProjectRevised, before: Project) -> bool:
    """Whether a revision names another contact: another entry of the same body is none."""
    if event.changed is not None:
        return "contacts" in event.changed
    return event.content.contacts != before.content.contacts


def _around(project: Project, event: SurroundingEvent) -> Project:
    match event:
        case BestPracticeAwarded():
            award = Award(event.occasion, event.awarded_on, event.category)
            return replace(
                project,
                awards=project.awards | {award},
                withdrawn_awards=_marks_without(project.withdrawn_awards, event),
            )
        case BestPracticeWithdrawn():
            mark = Award(event.occasion, event.awarded_on)
            return replace(
                project,
                awards=_marks_without(project.awards, event),
                withdrawn_awards=project.withdrawn_awards | {mark},
            )
        case UpdatePosted():
            return replace(project, updates=(*project.updates, Update(event.update_id, event.text, event.on)))
        case UpdateWithdrawn():
            left = tuple(each for each in project.updates if each.id != event.update_id)
            return replace(project, updates=left, withdrawn_updates=project.withdrawn_updates | {event.update_id})
        case DocumentAttached():
            attached = Attached(event.document_id, event.title, event.kind, event.file)
            removed = project.removed_documents - {event.document_id}
            return replace(project, documents=(*project.documents, attached), removed_documents=removed)
        case DocumentRemoved():
            kept = tuple(each for each in project.documents if each.id != event.document_id)
            return replace(project, documents=kept, removed_documents=project.removed_documents | {event.document_id})
        case ContactReviewDue():
            return replace(project, review_due=True)
        case ContactConfirmed():
            return replace(project, confirmed_at=event.at, review_due=False)
    assert_never(event)


def _marks_without(marks: frozenset[Award], event: BestPracticeAwarded | BestPracticeWithdrawn) -> frozenset[Award]:
    return frozenset(mark for mark in marks if not mark.given_on(event.occasion, event.awarded_on))
