"""A project as it is shown: the shape of its page, and how the page follows from what is known."""

from collections.abc import Mapping
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

from services.catalog.german_time import german_day
from services.catalog.organisation_directory import Named
from services.catalog.project_content import (
    Contact,
    Content,
    Description,
    Document,
    Effect,
    FieldReason,
    Participation,
)
from services.catalog.project_state import CONFIRMED_FOR, Attached, Project
from services.catalog.supervision import SupervisionHint
from services.catalog.vocabulary import AwardCategory, OrganisationType, ProjectStatus, Term

BASE_MISSING = "Bezugsgröße nicht angegeben"
FILE_MISSING = "Datei liegt nicht vor"
PARTICIPANTS_MISSING = "Beteiligte nicht genannt"
FURTHER_PARTICIPANTS_MISSING = "weitere Beteiligte nicht genannt"
UNCONFIRMED = "Kontakt nicht bestätigt seit {:%d.%m.%Y}"


class ParticipationShown(Participation):
    """A participation with the organisation's name as it is today."""

    name: str
    type: OrganisationType


class EffectShown(Effect):
    """An effect; `base_note` says so where a number has no stated base."""

    base_note: str | None


class FileShown(BaseModel):
    """A file to download."""

    model_config = ConfigDict(frozen=True)

    name: str
    media_type: str
    size: int
    href: str


class DocumentShown(Document):
    """A document: somewhere else (`link`), as a `file` under its `id`, or neither, which `file_note` says."""

    id: str | None
    file: FileShown | None
    file_note: str | None


class ContactShown(Contact):
    """A contact; `office` is the name of the organisation to turn to."""

    office: str


class AwardShown(BaseModel):
    """A best-practice mark."""

    model_config = ConfigDict(frozen=True)

    occasion: str
    awarded_on: date
    category: AwardCategory | None


class UpdateShown(BaseModel):
    """What was new, as of a day."""

    model_config = ConfigDict(frozen=True)

    id: str
    text: str
    on: date


class ProjectLink(BaseModel):
    """Another project."""

    model_config = ConfigDict(frozen=True)

    id: str
    title: str


class VersionShown(BaseModel):
    """A step of the project's public life: `published`, `revised`, `archived` or `restored`.

    `changed` are the fields that read differently from then on; `labels.field` says what they are called.
    """

    model_config = ConfigDict(frozen=True)

    step: str
    at: datetime
    changed: tuple[str, ...] = ()


class RevisionShown(BaseModel):
    """For editors: the version proposed beside the live one. `returned` and `reasons` are why it was given back."""

    model_config = ConfigDict(frozen=True)

    number: int
    returned: str | None
    reasons: tuple[FieldReason, ...]
    content: Content


class StepShown(BaseModel):
    """For editors: something that was done to the project, by whom (a pseudonym) and why."""

    model_config = ConfigDict(frozen=True)

    version: int
    step: str
    at: datetime
    actor: str
    reason: str | None
    reasons: tuple[FieldReason, ...]


class ProjectPage(Description):
    """A project as it is shown. Fields of its content have the names and codes they are written with.

    `labels[field][code]` is the German label of every code in the answer. `contact_possible`: texts can be passed on to
    an address that is not shown. `contact_confirmed_on` is when its contact was last known to be right; `contact_note`
    says so when that is more than a year ago. `supervision_hint` is there where the legal form is. `returned`,
    `returned_reasons`, `revision` and `history` are for editors and null for everybody else.
    """

    id: str
    status: ProjectStatus
    version: int
    published_at: datetime | None
    changed_at: datetime
    legal_form_law: str | None
    participations: tuple[ParticipationShown, ...]
    participations_note: str | None
    effects: tuple[EffectShown, ...]
    documents: tuple[DocumentShown, ...]
    contacts: tuple[ContactShown, ...]
    contact_confirmed_on: date | None
    contact_note: str | None
    predecessor_title: str | None
    contact_possible: bool
    successors: tuple[ProjectLink, ...]
    best_practice: tuple[AwardShown, ...]
    updates: tuple[UpdateShown, ...]
    versions: tuple[VersionShown, ...]
    labels: dict[str, dict[str, str]]
    supervision_hint: SupervisionHint | None = None
    returned: str | None = None
    returned_reasons: tuple[FieldReason, ...] | None = None
    revision: RevisionShown | None = None
    history: tuple[StepShown, ...] | None = None


def parts_of(project: Project, organisations: Mapping[str, Named], at: datetime) -> dict[str, object]:
    """The fields of the page that follow from the project alone and from what organisations are called."""
    content = project.content
    return {
        "id": project.id,
        "status": project.status,
        "legal_form_law": (content.legal_form and content.legal_form.law) or None,
        "participations": tuple(_participation(each, organisations) for each in content.participations),
        "effects": tuple(_effect(each) for each in content.effects),
        "documents": (
            *(_document(each) for each in content.documents),
            *(_attached(each, project.id) for each in project.documents),
        ),
        "contacts": tuple(_contact(each, organisations) for each in content.contacts),
        "contact_confirmed_on": project.confirmed_at and confirmed_on(project.confirmed_at),
        "contact_note": contact_note(project.status, project.confirmed_at, at),
        "best_practice": tuple(
            AwardShown(occasion=award.occasion, awarded_on=award.awarded_on, category=award.category)
            for award in sorted(project.awards, key=lambda award: (award.awarded_on, award.occasion))
        ),
        "updates": tuple(
            UpdateShown(id=each.id, text=each.text, on=each.on)
            for each in sorted(project.updates, key=lambda each: each.on)[::-1]
        ),
    }


def participations_note(complete: bool, named: int) -> str | None:  # noqa: FBT001 -- a field's value
    """What is said where not everybody is named."""
    if complete:
        return None
    return FURTHER_PARTICIPANTS_MISSING if named else PARTICIPANTS_MISSING


def confirmed_on(confirmed_at: datetime) -> date:
    """The day on which a contact was last known to be right, where it is."""
    return german_day(confirmed_at)


def contact_note(status: ProjectStatus, confirmed_at: datetime | None, at: datetime) -> str | None:
    """What is said of a published project's contact that nobody has confirmed for a year."""
    if status is not ProjectStatus.PUBLISHED or confirmed_at is None or at < confirmed_at + CONFIRMED_FOR:
        return None
    return UNCONFIRMED.format(confirmed_on(confirmed_at))


def _participation(participation: Participation, organisations: Mapping[str, Named]) -> ParticipationShown:
    organisation = organisations[participation.organisation_id]
    return ParticipationShown(**participation.model_dump(), name=organisation.name, type=organisation.type)


def _effect(effect: Effect) -> EffectShown:
    baseless = effect.value is not None and effect.base is None
    return EffectShown(**effect.model_dump(), base_note=BASE_MISSING if baseless else None)


def _document(document: Document) -> DocumentShown:
    return DocumentShown(**document.model_dump(), id=None, file=None, file_note=None if document.link else FILE_MISSING)


def _attached(attached: Attached, project_id: str) -> DocumentShown:
    href = f"/api/v1/projects/{project_id}/documents/{attached.id}"
    file = FileShown(**attached.file.model_dump(exclude={"sha256"}), href=href)
    return DocumentShown(id=attached.id, title=attached.title, kind=attached.kind, file=file, file_note=None)


def _contact(contact: Contact, organisations: Mapping[str, Named]) -> ContactShown:
    named = organisations[contact.organisation_id].name if contact.organisation_id else contact.organisation_name
    return ContactShown(**contact.model_dump(), office=named or "")


def labels_of(project: Project, topics: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The German label of every code in a project, by field."""
    content = project.content
    terms: dict[str, list[Term]] = {
        "status": [project.status],
        "legal_form": [content.legal_form] if content.legal_form else [],
        "stage": [content.stage] if content.stage else [],
        "motives": list(content.motives),
        "success_factors": list(content.success_factors),
        "obstacles": list(content.obstacles),
        "role": [each.role for each in content.participations],
        "effect_kind": [each.kind for each in content.effects],
        "effect_unit": [each.unit for each in content.effects if each.unit],
        "document_kind": [*(each.kind for each in content.documents), *(each.kind for each in project.documents)],
        "award_category": [award.category for award in project.awards if award.category],
    }
    found = {field: {str(term): term.label for term in used} for field, used in terms.items() if used}
    return {"topics": {code: topics.get(code, code) for code in content.topics}, **found}
