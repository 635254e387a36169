"""A project's content as a client sends it, and how what it refers to is looked up before anything is decided."""

from typing import Annotated, Self

import orjson
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from services.catalog import organisation_directory, project_page, topic_list
from services.catalog.organisation_directory import Named
from services.catalog.plain_text import readable_everywhere
from services.catalog.project_content import Ags, Contact, Content, Description, Participation, Value
from services.catalog.vocabulary import Role
from shared.kernel.parsing import parse_body
from shared.kernel.postgres import Connection
from shared.kernel.problems import of_fields
from shared.kernel.texts import Id, Line

ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' predecessors', 0))"
TEXTS = frozenset({"summary", "description"})
"""Fields that may have more than one line."""


class ParticipationBody(Value):
    """An organisation named by its id or its official key (AGS)."""

    organisation_id: Id | None = None
    ags: Ags | None = None
    role: Role = Role.PARTICIPANT
    task: Line | None = None

    @model_validator(mode="after")
    def names_an_organisation(self) -> Self:
        """One of id and key is there."""
        if self.organisation_id is None and self.ags is None:
            raise PydanticCustomError("organisation_missing", "Bitte nennen Sie die Stelle: Kennung oder AGS.")
        return self


class ProjectBody(Description):
    """What a client says of a project: its whole content."""

    participations: Annotated[tuple[ParticipationBody, ...], Field(max_length=500)] = ()


async def resolved(connection: Connection, sent: ProjectBody, project_id: str) -> Content:
    """The content without HTML and with every reference looked up; a problem names what is unknown, field by field."""
    body = without_html(sent)
    topics = await _topics(connection, body)
    await _refuse_bad_predecessor(connection, body, project_id)
    by_key = await organisation_directory.ids_of(connection, {each.ags for each in body.participations if each.ags})
    ids = {each.organisation_id for each in body.participations} | {each.organisation_id for each in body.contacts}
    by_id = await organisation_directory.named(connection, {each for each in (*ids, *by_key.values()) if each})
    participations = [_participation(each, by_key, by_id) for each in body.participations]
    unknown = [f"/participations/{n}" for n, each in enumerate(participations) if each is None]
    unknown += [
        f"/contacts/{n}/organisation_id"
        for n, each in enumerate(body.contacts)
        if each.organisation_id and each.organisation_id not in by_id
    ]
    if unknown:
        raise of_fields("unknown_organisation", unknown)
    contacts = tuple(_contact(each, by_id) for each in body.contacts)
    said = {name: getattr(body, name) for name in Description.model_fields}
    fields = said | {"topics": topics, "contacts": contacts}
    return Content(**fields, participations=tuple(each for each in participations if each))


def without_html(body: ProjectBody) -> ProjectBody:
    """The same in plain texts; `invalid_request` where nothing is left of one."""
    sent = body.model_dump(mode="json")
    plain = readable_everywhere(sent, TEXTS)
    return body if plain == sent else parse_body(ProjectBody, orjson.dumps(plain))


def _participation(asked: ParticipationBody, by_key: dict[str, str], by_id: dict[str, Named]) -> Participation | None:
    """The participation of whom id or key names; None when nobody is meant, or each names another."""
    organisation = by_id.get(asked.organisation_id or by_key.get(asked.ags or "", ""))
    if organisation is None or asked.ags not in (None, organisation.ags):
        return None
    return Participation(organisation_id=organisation.id, ags=organisation.ags, role=asked.role, task=asked.task)


def _contact(asked: Contact, by_id: dict[str, Named]) -> Contact:
    """The contact by its present entry in the directory."""
    if asked.organisation_id is None:
        return asked
    return asked.model_copy(update={"organisation_id": by_id[asked.organisation_id].id})


async def _topics(connection: Connection, body: ProjectBody) -> tuple[str, ...]:
    """The topics that the codes mean today. What a merging made the same stands once; what was sent twice stays so."""
    meant = await topic_list.present(connection, body.topics)
    unknown = [f"/topics/{n}" for n, code in enumerate(body.topics) if code not in meant]
    if unknown:
        raise of_fields("unknown_topic", unknown)
    if len(set(body.topics)) < len(body.topics):
        return body.topics
    return tuple(dict.fromkeys(meant[code] for code in body.topics))


async def _refuse_bad_predecessor(connection: Connection, body: ProjectBody, project_id: str) -> None:
    if body.predecessor is None:
        return
    if not await project_page.known(connection, body.predecessor):
        raise of_fields("unknown_predecessor", ["/predecessor"])
    await refuse_circle(connection, body.predecessor, project_id)


async def refuse_circle(connection: Connection, predecessor: str, project_id: str) -> None:
    """Refuses a predecessor that comes after the project itself.

    The lock holds until the transaction's end: of two that would close a circle together, one sees the other.
    """
    await connection.execute(ONE_AT_A_TIME)
    if project_id in await project_page.predecessors(connection, predecessor):
        raise of_fields("circular_predecessor", ["/predecessor"])
