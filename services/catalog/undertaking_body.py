"""An undertaking as a client sends it, and how what it refers to is looked up before anything is decided."""

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.catalog import organisation_directory, resource_list, topic_list
from services.catalog.plain_text import PlainLine, PlainNote, PlainText
from services.catalog.project_content import Ags, TopicCode, Value
from services.catalog.undertaking_plan import USUAL_LEAD_DAYS, Day, Plan, Pointer, StepText, Wording
from shared.kernel.postgres import Connection
from shared.kernel.problems import of_fields
from shared.kernel.texts import Id


class OrganisationKey(Value):
    """An organisation named by its id or its official key (AGS)."""

    organisation_id: Id | None = None
    ags: Ags | None = None

    @model_validator(mode="after")
    def names_an_organisation(self) -> Self:
        """One of id and key is there, not both."""
        if (self.organisation_id is None) == (self.ags is None):
            raise PydanticCustomError("organisation_missing", "Bitte nennen Sie die Stelle: Kennung oder AGS.")
        return self


class PlanBody(Value):
    """What an undertaking says of itself."""

    title: PlainLine
    summary: PlainNote | None = None
    topics: Annotated[tuple[TopicCode, ...], Field(max_length=20)] = ()
    partners: Annotated[tuple[OrganisationKey, ...], Field(max_length=50)] = ()
    partners_wanted: bool = Field(default=False, description="Whether (more) partners are wanted.")
    lead_days: Annotated[int, Field(ge=1, le=90)] = Field(
        default=USUAL_LEAD_DAYS, description="How many days before a date its reminder comes."
    )


class BeginBody(PlanBody):
    """A new undertaking. A member's is always their organisation's; an editor names whose it is."""

    organisation: OrganisationKey | None = None
    starts_on: Day = Field(description="The day on which the cooperation is to start.")
    checklist: Annotated[str, StringConstraints(max_length=40)] | None = Field(
        default=None, description="A version of the checklist; the present one unless named."
    )


class PointerBody(Pointer):
    """Where to read more."""

    title: PlainLine


class WordingBody(Wording):
    """What a step says."""

    title: PlainLine
    hint: PlainText | None = None
    links: Annotated[tuple[PointerBody, ...], Field(max_length=10)] = ()

    @property
    def wording(self) -> Wording:
        """As the undertaking keeps it."""
        links = tuple(Pointer(title=each.title, link=each.link, resource_id=each.resource_id) for each in self.links)
        return Wording(title=self.title, hint=self.hint, links=links)


class StepBody(WordingBody, StepText):
    """A step of one's own."""


async def resolved(connection: Connection, body: PlanBody) -> Plan:
    """The plan with every reference looked up; a problem names what is unknown, field by field."""
    present = await topic_list.present(connection, body.topics)
    unknown = [f"/topics/{n}" for n, code in enumerate(body.topics) if code not in present]
    if unknown:
        raise of_fields("unknown_topic", unknown)
    twice = len(set(body.topics)) < len(body.topics)  # stays so, and is refused
    partners = await organisations(connection, body.partners, [f"/partners/{n}" for n in range(len(body.partners))])
    return Plan(
        title=body.title,
        summary=body.summary,
        topics=body.topics if twice else topic_list.meant(body.topics, present),
        partners=tuple(partners),
        partners_wanted=body.partners_wanted,
        lead_days=body.lead_days,
    )


async def organisations(connection: Connection, asked: Sequence[OrganisationKey], fields: Sequence[str]) -> list[str]:
    """The present ids of the organisations that are meant; `fields` are where each stands in the body."""
    by_key = await organisation_directory.ids_of(connection, {each.ags for each in asked if each.ags})
    ids = [each.organisation_id or by_key.get(each.ags or "", "") for each in asked]
    known = await organisation_directory.named(connection, {each for each in ids if each})
    unknown = [field for field, each in zip(fields, ids, strict=True) if each not in known]
    if unknown:
        raise of_fields("unknown_organisation", unknown)
    return [known[each].id for each in ids]


async def refuse_unknown_resources(
    connection: Connection, links: Sequence[Pointer], before: Sequence[Pointer] = ()
) -> None:
    """Every resource that is pointed to is there, or was pointed to before."""
    known = await resource_list.known(connection, {each.resource_id for each in links if each.resource_id})
    known |= {each.resource_id for each in before if each.resource_id}
    unknown = [
        f"/links/{n}/resource_id" for n, each in enumerate(links) if each.resource_id and each.resource_id not in known
    ]
    if unknown:
        raise of_fields("unknown_resource", unknown)
