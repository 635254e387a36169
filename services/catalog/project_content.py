"""What a project says about itself: the fields an editor writes, as one immutable value, and the rules on it."""

import re
from collections.abc import Collection, Sequence
from datetime import date
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.catalog.vocabulary import (
    EffectKind,
    EffectUnit,
    LegalForm,
    Motive,
    Obstacle,
    ResourceKind,
    Role,
    Stage,
    SuccessFactor,
)
from shared.kernel.decider import Refused
from shared.kernel.texts import Id, Line, Text

MOST_TOPICS = 3
FEWEST_PARTICIPATIONS = 2
ADDRESS = re.compile(r"\S[@＠]\S+[.．]\w")
HIGHEST = 10**15  # every number up to it is exact in JSON's readers, too

type TopicCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,60}$")]
type Ags = Annotated[str, StringConstraints(pattern=r"^\d{5}(\d{3})?$")]
# Before the path no @: what looks like another host, or is somebody's password.
LINK = r"^https?://[^\s<>\"/?#@]+([/?#][^\s<>\"]*)?$"
type Link = Annotated[str, StringConstraints(strip_whitespace=True, pattern=LINK, max_length=2000)]
type Number = Annotated[int, Field(ge=-HIGHEST, le=HIGHEST)] | Annotated[float, Field(ge=-HIGHEST, le=HIGHEST)]
type Many[T] = Annotated[tuple[T, ...], Field(max_length=50)]


def _in_calendar(text: str) -> str:
    """A year, a month or a day that exists."""
    try:
        date.fromisoformat(text + "-01-01"[len(text) - 4 :])
    except ValueError as error:
        raise PydanticCustomError("no_such_day", "Diesen Tag gibt es nicht.") from error
    return text


type PartialDate = Annotated[
    str, StringConstraints(pattern=r"^(19|20)\d\d(-\d\d(-\d\d)?)?$"), AfterValidator(_in_calendar)
]


class Value(BaseModel):
    """A part of a project's content."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Participation(Value):
    """An organisation in the project. `ags` is the organisation's, when it has one; `task` says what it does there."""

    organisation_id: Id
    ags: Ags | None = None
    role: Role = Role.PARTICIPANT
    task: Line | None = None


class Effect(Value):
    """Something that changed. A value without `base` is shown with „Bezugsgröße nicht angegeben“."""

    kind: EffectKind
    text: Line | None = None
    value: Number | None = None
    unit: EffectUnit | None = None
    base: Line | None = None
    period: Line | None = None
    source: Line | None = None

    @model_validator(mode="after")
    def says_something(self) -> Self:
        """A number has a unit, a unit has a number, and one of text and number is there."""
        if (self.value is None) != (self.unit is None):
            raise PydanticCustomError("value_without_unit", "Zahl und Einheit gehören zusammen.")
        if self.value is None and self.text is None:
            raise PydanticCustomError("empty_effect", "Eine Wirkung braucht einen Text oder eine Zahl.")
        return self


class Method(Value):
    """How the work was organised."""

    name: Line
    duration_weeks: Annotated[int, Field(ge=1, le=5200)] | None = None
    scope: Line | None = None


class Milestone(Value):
    """A step that was reached, or is next."""

    text: Line
    on: PartialDate | None = None
    reached: bool = False


class Component(Value):
    """A part of the solution that can be looked at by itself."""

    name: Line
    text: Line | None = None
    link: Link | None = None


class Reuse(Value):
    """Whether and by whom the result can be used again (Nachnutzung)."""

    text: Line
    possible: bool | None = None


class Funding(Value):
    """Public money in the project."""

    programme: Line
    amount_eur: Annotated[int, Field(ge=0, le=HIGHEST)] | None = None
    approved_on: date | None = None


class Document(Value):
    """A paper of the project. Without `link` the file is missing, and the page says so."""

    title: Line
    kind: ResourceKind
    link: Link | None = None


class Contact(Value):
    """Whom to ask: an office, never a person and never an address. `note` says how sure that is."""

    function: Line | None = None
    organisation_id: Id | None = None
    organisation_name: Line | None = None
    note: Line | None = None

    @model_validator(mode="after")
    def names_an_organisation(self) -> Self:
        """One of id and name is there."""
        if (self.organisation_id is None) == (self.organisation_name is None):
            raise PydanticCustomError("contact_without_office", "Bitte nennen Sie genau eine Stelle.")
        return self

    @property
    def texts(self) -> dict[str, str | None]:
        """What people write in it, by field."""
        return {"function": self.function, "organisation_name": self.organisation_name, "note": self.note}


class FieldReason(Value):
    """Why a field (a JSON pointer into the content) is to be worked on."""

    field: Annotated[str, StringConstraints(pattern=r"^(/([^/~]|~[01])+)+$", max_length=200)]
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


class Description(Value):
    """A project's content but for those who take part."""

    title: Line
    short_title: Line | None = None
    summary: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)] | None = None
    description: Text | None = None
    topics: Annotated[tuple[TopicCode, ...], Field(max_length=20)] = ()
    keywords: Many[Line] = ()
    participations_complete: bool = True
    region: Line | None = None
    legal_form: LegalForm | None = None
    stage: Stage | None = None
    start: PartialDate | None = None
    motives: Many[Motive] = ()
    goals: Many[Line] = ()
    measures: Many[Line] = ()
    effects: Many[Effect] = ()
    success_factors: Many[SuccessFactor] = ()
    obstacles: Many[Obstacle] = ()
    method: Method | None = None
    milestones: Many[Milestone] = ()
    components: Many[Component] = ()
    reuse: Reuse | None = None
    funding: Many[Funding] = ()
    documents: Many[Document] = ()
    contacts: Many[Contact] = ()
    predecessor: Id | None = None


class Content(Description):
    """A project's whole content; every topic, organisation and project it refers to was known when it was written."""

    participations: Annotated[tuple[Participation, ...], Field(max_length=500)] = ()

    @property
    def organisation_ids(self) -> tuple[str, ...]:
        """Who takes part, each once, in the order given."""
        return tuple(dict.fromkeys(each.organisation_id for each in self.participations))


class Body(Value):
    """An organisation by its id and, when it has one, its official key."""

    organisation_id: Id
    ags: Ags | None = None


class Presently(Value):
    """Where topics and organisations that were merged lead today, by the codes and ids that a content still has."""

    topics: dict[str, str] = {}
    organisations: dict[str, Body] = {}

    def said_in(self, content: Content) -> Content:
        """The content with what is meant today; what thereby stands twice stands once."""
        topics = dict.fromkeys(self.topics.get(code, code) for code in content.topics)
        participations = {
            (each.organisation_id, each.role): each for each in reversed([*map(self._today, content.participations)])
        }
        contacts = tuple(self._asked_today(each) for each in content.contacts)
        return content.model_copy(
            update={
                "topics": tuple(topics),
                "participations": tuple(reversed(participations.values())),
                "contacts": contacts,
            }
        )

    def _today(self, participation: Participation) -> Participation:
        body = self.organisations.get(participation.organisation_id)
        return participation.model_copy(update=body.model_dump()) if body else participation

    def _asked_today(self, contact: Contact) -> Contact:
        body = self.organisations.get(contact.organisation_id or "")
        return contact.model_copy(update={"organisation_id": body.organisation_id}) if body else contact


def under_another_topic(content: Content, topics: Collection[str], by: str) -> Content:
    """The content with one topic in the place of others; the same content when it has none of them."""
    if not set(topics) & set(content.topics):
        return content
    codes = dict.fromkeys(by if code in topics else code for code in content.topics)
    return content.model_copy(update={"topics": tuple(codes)})


def refuse_contradictions(content: Content) -> None:
    """At most three topics, each once; nobody takes part twice in the same role; no contact shows an address."""
    refuse_bad_topics(content.topics)
    twice = repeated([(each.organisation_id, each.role) for each in content.participations])
    if twice is not None:
        raise Refused("participation_twice", field=f"/participations/{twice}")
    for number, contact in enumerate(content.contacts):
        for field, text in contact.texts.items():
            if text and ADDRESS.search(text):
                raise Refused("address_in_contact", field=f"/contacts/{number}/{field}")


def refuse_bad_topics(topics: Sequence[str]) -> None:
    """At most three, each once."""
    if len(topics) > MOST_TOPICS:
        raise Refused("too_many_topics", field="/topics", most=MOST_TOPICS)
    twice = repeated(topics)
    if twice is not None:
        raise Refused("topic_twice", field=f"/topics/{twice}")


def repeated(things: Sequence[object]) -> int | None:
    """Where the first thing stands that stood before."""
    return next((n for n, thing in enumerate(things) if thing in things[:n]), None)


def refuse_unpublishable(content: Content) -> None:
    """A published project has a summary, a topic, and two participants unless it says that not all are named."""
    refuse_contradictions(content)
    if not content.summary:
        raise Refused("summary_missing", field="/summary")
    if not content.topics:
        raise Refused("topic_missing", field="/topics")
    if content.participations_complete and len(content.organisation_ids) < FEWEST_PARTICIPATIONS:
        raise Refused("participations_missing", field="/participations", fewest=FEWEST_PARTICIPATIONS)


def refuse_unknown_fields(reasons: Sequence[FieldReason], content: Content) -> None:
    """Reasons are about fields that the content has, filled or not."""
    if not reasons:
        return
    plain = content.model_dump(mode="json")
    for number, each in enumerate(reasons):
        if not _has(plain, each.field):
            raise Refused("unknown_field", field=f"/reasons/{number}/field")


def _has(value: object, pointer: str) -> bool:
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        match value:
            case dict() if name in value:
                value = value[name]
            case list() if name.isdecimal() and name.isascii() and len(name) < 4 and int(name) < len(value):
                value = value[int(name)]
            case _:
                return False
    return True
