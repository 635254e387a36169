"""What the catalogue promises to others. Codes are those of `GET /api/v1/vocabularies` and `GET /api/v1/topics`."""

from datetime import date
from typing import ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.contracts.contract import Contract


class Participation(BaseModel):
    """An organisation in a project. `ags` is its official key, if any: eight digits a municipality, five a district."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    organisation_id: str
    ags: str | None = None
    role: str


class ProjectSubmitted(Contract):
    """A project waits for an editor's decision. What it says is not public yet."""

    type: ClassVar[str] = "ikz.catalog.project.submitted.v1"
    key: ClassVar[str] = "project_id"

    project_id: str


class ProjectReturned(Contract):
    """A submission was given back; with `revision`, a revision that was proposed for a published project."""

    type: ClassVar[str] = "ikz.catalog.project.returned.v1"
    key: ClassVar[str] = "project_id"

    project_id: str
    revision: int | None = None


class ProjectPublished(Contract):
    """A project became public: for the first time, or again after it had been archived."""

    type: ClassVar[str] = "ikz.catalog.project.published.v1"
    key: ClassVar[str] = "project_id"

    project_id: str
    title: str
    summary: str
    topics: tuple[str, ...]
    legal_form: str | None = None
    stage: str | None = None
    participations: tuple[Participation, ...] = ()
    participations_complete: bool = True


class ProjectRevised(Contract):
    """What is public of a project reads differently now; `revision` counts its versions."""

    type: ClassVar[str] = "ikz.catalog.project.revised.v1"
    key: ClassVar[str] = "project_id"

    project_id: str
    revision: int
    title: str
    summary: str
    topics: tuple[str, ...]
    legal_form: str | None = None
    stage: str | None = None
    participations: tuple[Participation, ...] = ()
    participations_complete: bool = True


class ProjectTopicsChanged(Contract):
    """A published project stands under other topics since one was split; its text is the same."""

    type: ClassVar[str] = "ikz.catalog.project.topics_changed.v1"
    key: ClassVar[str] = "project_id"

    project_id: str
    topics: tuple[str, ...]


class ProjectArchived(Contract):
    """A project left the catalogue's lists; `title` is told of a project that had been public (`was_published`)."""

    type: ClassVar[str] = "ikz.catalog.project.archived.v1"
    key: ClassVar[str] = "project_id"

    project_id: str
    title: str | None = None
    was_published: bool


class BestPracticeAwarded(Contract):
    """A project was marked as best practice."""

    type: ClassVar[str] = "ikz.catalog.project.best_practice_awarded.v1"
    key: ClassVar[str] = "project_id"

    project_id: str
    title: str
    occasion: str
    awarded_on: date
    category: str | None = None


class BestPracticeWithdrawn(Contract):
    """A mark had been given by mistake: whoever told of it should correct that."""

    type: ClassVar[str] = "ikz.catalog.project.best_practice_withdrawn.v1"
    key: ClassVar[str] = "project_id"

    project_id: str
    occasion: str
    awarded_on: date


class ContactReviewDue(Contract):
    """Nobody has confirmed for a year that a project's contact is still the right one. It is said once, until somebody
    does; of loaded history, too, and then marked as history.
    """

    type: ClassVar[str] = "ikz.catalog.project.contact_review_due.v1"
    key: ClassVar[str] = "project_id"

    project_id: str


class OrganisationChanged(Contract):
    """What the catalogue knows of an organisation, new or changed: always the whole.

    With `merged_into` the entry is another's from now on: whatever refers to it means that one. `size_class` is told of
    municipalities whose population (of `population_as_of`) is known.
    """

    type: ClassVar[str] = "ikz.catalog.organisation.changed.v1"
    key: ClassVar[str] = "organisation_id"

    organisation_id: str
    name: str
    organisation_type: str
    ags: str | None = None
    aliases: tuple[str, ...] = ()
    population: int | None = None
    population_as_of: date | None = None
    size_class: str | None = None
    dissolved_on: date | None = None
    merged_into: str | None = None


class TopicRenamed(Contract):
    """A topic has another label; its code stays."""

    type: ClassVar[str] = "ikz.catalog.topic.renamed.v1"
    key: ClassVar[str] = "topic"

    topic: str
    label: str
    previous_label: str


class TopicMerged(Contract):
    """A topic is gone: whatever refers to its code means `into` from now on. `label` is what it was called."""

    type: ClassVar[str] = "ikz.catalog.topic.merged.v1"
    key: ClassVar[str] = "topic"

    topic: str
    label: str
    into: str


class TopicSplit(Contract):
    """Some of a topic's projects are moved to the topics in `parts`; each tells so itself. The topic stays."""

    type: ClassVar[str] = "ikz.catalog.topic.split.v1"
    key: ClassVar[str] = "topic"

    topic: str
    label: str
    parts: tuple[str, ...]


class ResourcePublished(Contract):
    """A resource, or a new version of it, is available."""

    type: ClassVar[str] = "ikz.catalog.resource.published.v1"
    key: ClassVar[str] = "resource_id"

    resource_id: str
    kind: str
    title: str
    version: int
    topics: tuple[str, ...] = ()


class StepDue(Contract):
    """A step of an undertaking is due soon, told once for each date, as many days before as its owners chose.

    A date that holds no more is taken back by `step_due_withdrawn`. What is prepared, and by whom, is theirs: who may
    know asks `rpc.catalog.step`.
    """

    type: ClassVar[str] = "ikz.catalog.undertaking.step_due.v1"
    key: ClassVar[str] = "undertaking_id"

    undertaking_id: str
    step_id: str
    due_on: date


class StepDueWithdrawn(Contract):
    """A date that was told as due soon holds no more: the step has moved, is done, or is not to be done. Whoever keeps
    a reminder for later drops it; a date that comes to hold again is told again.
    """

    type: ClassVar[str] = "ikz.catalog.undertaking.step_due_withdrawn.v1"
    key: ClassVar[str] = "undertaking_id"

    undertaking_id: str
    step_id: str
    due_on: date


class _AboutContact(Contract):
    """The subject ends with the contact request's id, and its events count for themselves: nobody's order but its own.

    Who wrote what to whom is told by `rpc.catalog.contact` alone.
    """

    key: ClassVar[str] = "contact_request_id"

    contact_request_id: str
    person_id: str

    @property
    def aggregate(self) -> str:
        """The contact request, whatever it is about."""
        return f"contact_request/{self.contact_request_id}"


class ContactRequestReceived(_AboutContact):
    """Somebody (`person_id`) wants to write to a contact and has to confirm the own address until `confirm_by`.

    Published again when the same person sends the same text again: send the link again.
    """

    type: ClassVar[str] = "ikz.catalog.contact_request.received.v1"

    confirm_by: AwareDatetime


class ProjectContactRequested(_AboutContact):
    """Somebody who has confirmed the own address wrote to a project's contact: pass the text on."""

    type: ClassVar[str] = "ikz.catalog.project.contact_requested.v1"

    project_id: str


class CooperationRequestContactRequested(_AboutContact):
    """Somebody who has confirmed the own address wrote to who opened a cooperation request: pass the text on."""

    type: ClassVar[str] = "ikz.catalog.cooperation_request.contact_requested.v1"

    cooperation_request_id: str


class _OfCooperationRequest(Contract):
    key: ClassVar[str] = "cooperation_request_id"

    cooperation_request_id: str


class CooperationRequestOpened(_OfCooperationRequest):
    """An organisation seeks partners, offers something, or wants to share a specialist."""

    type: ClassVar[str] = "ikz.catalog.cooperation_request.opened.v1"

    kind: str
    title: str
    topics: tuple[str, ...]
    organisation_id: str
    expires_on: date


class CooperationRequestMatched(_OfCooperationRequest):
    """Two requests fit each other: `matched_request_id` is the other one. Each pair is told once, from one side."""

    type: ClassVar[str] = "ikz.catalog.cooperation_request.matched.v1"

    matched_request_id: str
    score: int


class CooperationRequestExpiring(_OfCooperationRequest):
    """A request closes by itself after `expires_on`, unless it is extended."""

    type: ClassVar[str] = "ikz.catalog.cooperation_request.expiring.v1"

    title: str
    organisation_id: str
    expires_on: date


class CooperationRequestClosed(_OfCooperationRequest):
    """A request is no longer open; where a partner was found, `project_id` or `undertaking_id` may say in what."""

    type: ClassVar[str] = "ikz.catalog.cooperation_request.closed.v1"

    title: str
    organisation_id: str
    outcome: Literal["partner_found", "withdrawn", "expired"]
    project_id: str | None = None
    undertaking_id: str | None = None
