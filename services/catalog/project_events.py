"""What happens to a project: facts of its life, and of what lies around its live version."""

from datetime import date, datetime

from services.catalog.project_content import Content, FieldReason
from services.catalog.vocabulary import AwardCategory, ResourceKind
from shared.kernel.decider import Event
from shared.kernel.stored_file import StoredFile


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
    reasons: tuple[FieldReason, ...] = ()


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
    reasons: tuple[FieldReason, ...] = ()


class ProjectRevised(Event):
    """The live version was replaced. `changed` are the fields that read differently; None: nobody had compared them."""

    project_id: str
    revision: int
    content: Content
    changed: tuple[str, ...] | None = None


class ProjectArchived(Event):
    """A project left the catalogue's lists."""

    project_id: str
    title: str
    was_published: bool
    reason: str | None


class ProjectRestored(Event):
    """An archived project is what it was before; `was_published`: public again, as it reads here."""

    project_id: str
    was_published: bool
    reason: str
    content: Content


class TopicReplaced(Event):
    """A project stands under another topic; so does the version proposed beside it (`proposal`), if there is one."""

    project_id: str
    by: str
    published: bool
    content: Content
    proposal: Content | None = None


class BestPracticeAwarded(Event):
    """A project was marked as best practice."""

    project_id: str
    title: str
    occasion: str
    awarded_on: date
    category: AwardCategory | None = None


class BestPracticeWithdrawn(Event):
    """A mark had been given by mistake; so many others stay."""

    project_id: str
    occasion: str
    awarded_on: date
    reason: str
    marks_left: int


class UpdatePosted(Event):
    """There is something new in a project."""

    project_id: str
    update_id: str
    text: str
    on: date


class UpdateWithdrawn(Event):
    """An update left the page."""

    project_id: str
    update_id: str


class DocumentAttached(Event):
    """A file lies beside a project."""

    project_id: str
    document_id: str
    title: str
    kind: ResourceKind
    file: StoredFile


class DocumentRemoved(Event):
    """A file was taken away from a project."""

    project_id: str
    document_id: str
    title: str


class ContactReviewDue(Event):
    """Nobody has confirmed a project's contact for a year."""

    project_id: str
    unconfirmed_since: datetime


class ContactConfirmed(Event):
    """A project's contact is still the right one; `organisation_id` is whose word that is, None an editor's."""

    project_id: str
    organisation_id: str | None


BESIDE_THE_LIVE_VERSION = (RevisionProposed, RevisionReturned, ContactReviewDue, ContactConfirmed)
"""What changes nothing that the project says."""

type LifeEvent = (
    ProjectDrafted
    | ProjectEdited
    | ProjectSubmitted
    | ProjectReturned
    | ProjectPublished
    | RevisionProposed
    | RevisionReturned
    | ProjectRevised
    | TopicReplaced
    | ProjectArchived
    | ProjectRestored
)
type SurroundingEvent = (
    BestPracticeAwarded
    | BestPracticeWithdrawn
    | UpdatePosted
    | UpdateWithdrawn
    | DocumentAttached
    | DocumentRemoved
    | ContactReviewDue
    | ContactConfirmed
)
type ProjectEvent = LifeEvent | SurroundingEvent
