"""Messages to groups over HTTP: whom one would reach, asking for one, and what was asked for."""

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from services.events import group_message_list, organisations, session
from services.events.bodies import Body
from services.events.group_message import MOST_TYPES, Audience, Code, MessageText, RequestGroupMessage, Subject
from services.events.life import Life
from services.events.registration import Status
from services.events.registration_http import STATUS_LABELS
from services.events.rights import EDITORS
from services.events.session_list import session_row
from services.events.times import BERLIN
from shared.kernel.http import Answer, Call, Endpoint, Page, Paging, decode_cursor, encode_cursor, page
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem

_VERSION = TypeAdapter(tuple[Annotated[int, Field(ge=0, le=2**62)]])


class MessageBody(Body):
    """What to write, and to whom."""

    audience: Audience
    subject: Subject
    text: MessageText


class AudienceQuery(BaseModel):
    """An audience as parameters; a repeated one means one or the other."""

    model_config = ConfigDict(frozen=True)

    status: list[Status] | None = Field(default=None, min_length=1, max_length=5)
    organisation_type: list[Code] | None = Field(default=None, min_length=1, max_length=MOST_TYPES)
    attended: bool | None = None
    answered: bool | None = None

    @property
    def audience(self) -> Audience:
        """The audience they make."""
        types = self.organisation_type
        named = {"status": tuple(self.status)} if self.status else {}
        return Audience(
            organisation_types=tuple(types) if types else None, attended=self.attended, answered=self.answered, **named
        )


class Preview(BaseModel):
    """How many people a message would reach now, and who they are in words."""

    model_config = ConfigDict(frozen=True)

    recipients: int
    audience_label: str


class MessageAsked(BaseModel):
    """The message that goes out. `recipients` is how many it was for when it was asked for."""

    model_config = ConfigDict(frozen=True)

    id: str
    recipients: int
    version: int
    position: int


class MessageShown(BaseModel):
    """A message that was asked for, by whom (as the audit log names people) and when."""

    model_config = ConfigDict(frozen=True)

    id: str
    requested_at: dt.datetime
    requested_by: str
    audience: Audience
    audience_label: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Desk:
    """The handlers and what they work with."""

    journal: Journal
    pool: Pool

    async def preview(self, call: Call) -> Answer:
        audience: Audience = call.query.audience
        count = await group_message_list.count_reached(self.pool, await self._life(call), audience)
        return Answer(Preview(recipients=count, audience_label=label(audience)))

    async def request(self, call: Call) -> Answer:
        """Nothing is asked for that would reach nobody. Repeated, it is the same message."""
        body: MessageBody = call.body
        life, context = await self._life(call), call.context()
        count = await group_message_list.count_reached(self.pool, life, body.audience)
        message_id = context.id_of_new("group message")
        if not count and await self.journal.outcome(context) is None:
            raise Problem("audience_empty")
        command = RequestGroupMessage(
            message_id=message_id, audience=body.audience, subject=body.subject, text=body.text
        )
        outcome = await self.journal.transact(session.DECIDER, life.session_id, command, context)
        asked = MessageAsked(id=message_id, recipients=count, version=outcome.version, position=outcome.position)
        return Answer(asked)

    async def listed(self, call: Call) -> Answer:
        life, query = await self._life(call), call.query
        before = decode_cursor(query.cursor, _VERSION)[0] if query.cursor else None
        rows, total = await group_message_list.listed(self.pool, life.session_id, before, query.limit + 1)
        shown = rows[: query.limit]
        more = encode_cursor((shown[-1]["version"],)) if len(rows) > query.limit else None
        return page(Page(items=[_shown(row) for row in shown], next=more, total=total), call)

    async def _life(self, call: Call) -> Life:
        found = await session_row(self.pool, call.path_id(), drafts=True)
        if found is None:
            raise Problem("not_found")
        return found.life


def _shown(row: Any) -> MessageShown:
    audience = Audience.model_validate(row["audience"])
    return MessageShown(
        id=row["message_id"],
        requested_at=row["requested_at"].astimezone(BERLIN),
        requested_by=row["requested_by"],
        audience=audience,
        audience_label=label(audience),
        subject=row["subject"],
        text=row["text"],
    )


def label(audience: Audience) -> str:
    """The audience in words."""
    said = ["Stand: " + " oder ".join(f"„{STATUS_LABELS[status]}“" for status in audience.status)]
    if audience.organisation_types is not None:
        types = (organisations.TYPES.get(code, code) for code in audience.organisation_types)
        said.append("Art der Stelle: " + " oder ".join(f"„{name}“" for name in types))
    if audience.attended is not None:
        said.append("war anwesend" if audience.attended else "nicht als anwesend erfasst")
    if audience.answered is not None:
        said.append("kommt zum neuen Termin" if audience.answered else "hat zum neuen Termin nicht geantwortet")
    return "; ".join(said)


def endpoints(journal: Journal, pool: Pool) -> list[Endpoint]:
    """Writing to a session's people, for its organisers."""
    desk = Desk(journal, pool)
    here = "/api/v1/sessions/{id}/messages"
    return [
        Endpoint(
            "GET",
            f"{here}/preview",
            desk.preview,
            "How many people a message would reach",
            query=AudienceQuery,
            answer=Preview,
            roles=EDITORS,
        ),
        Endpoint(
            "GET",
            here,
            desk.listed,
            "Messages that were sent to people of the session",
            query=Paging,
            answer=Page[MessageShown],
            roles=EDITORS,
        ),
        Endpoint(
            "POST",
            here,
            desk.request,
            "Writes to a group of the session's people",
            body=MessageBody,
            answer=MessageAsked,
            status=202,
            roles=EDITORS,
            codes=("audience_empty", "session_not_announced"),
        ),
    ]
