"""An organiser writes to a group of the people of a session.

The request stands in the session's own stream, since the contract is about the session; who is in the group follows
from the audience when somebody asks for the recipients.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from services.events.life import Life, OfSession
from services.events.registration import Status
from shared.contracts.events import SessionGroupMessageRequested
from shared.kernel.decider import Refused

CONTROL = r"^[^\x00-\x08\x0b-\x1f\x7f\u2028\u2029]*$"
MOST_TYPES = 30


def _lines(text: object) -> object:
    """Lines that end in one way; the shape is checked after."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if isinstance(text, str) else text


def _said(text: str) -> str:
    """What is written out of nothing but blanks and signs that nobody sees is no message."""
    if not any(sign.isprintable() and not sign.isspace() for sign in text):
        raise PydanticCustomError("text_missing", "Bitte schreiben Sie einen Text.")
    return text


type Subject = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f\u2028\u2029]*$"),
    AfterValidator(_said),
]
type MessageText = Annotated[
    str,
    BeforeValidator(_lines),
    StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000, pattern=CONTROL),
    AfterValidator(_said),
]
type Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,79}$")]


class Audience(BaseModel):
    """Who is written to: everybody whom all of it is true of. Without a status whoever has a seat or waits for one.

    `answered`: of those who were asked whether the latest new date suits, who said yes, or who has said nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Annotated[tuple[Status, ...], Field(min_length=1, max_length=5)] = ("received", "confirmed", "waitlisted")
    organisation_types: Annotated[tuple[Code, ...], Field(min_length=1, max_length=MOST_TYPES)] | None = None
    attended: bool | None = None
    answered: bool | None = None


class RequestGroupMessage(BaseModel):
    """These people are to get this."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    message_id: str
    audience: Audience
    subject: str
    text: str


class GroupMessageRequested(OfSession):
    """An organiser wrote to a group. What organisers write is no secret of anybody's."""

    message_id: str
    audience: Audience
    subject: str
    text: str


def request(
    command: RequestGroupMessage, life: Life, requested: frozenset[str], at: datetime
) -> Sequence[GroupMessageRequested]:
    """About every session that was ever public, also one that was cancelled or is over; each message once."""
    if command.message_id in requested:
        return []
    if life.stage == "drafted":
        raise Refused("session_not_announced")
    asked = GroupMessageRequested(
        session_id=life.session_id,
        series_id=life.content.series_id,
        title=life.content.title,
        sequence=life.sequence,
        when=life.when,
        at=at,
        **dict(command),
    )
    return [asked]


def publish(event: GroupMessageRequested) -> SessionGroupMessageRequested:
    """That there is something to tell; what, and to whom, is for who may ask."""
    return SessionGroupMessageRequested(
        session_id=event.session_id,
        series_id=event.series_id,
        title=event.title,
        sequence=event.sequence,
        message_id=event.message_id,
        **event.when.times().model_dump(),
    )
