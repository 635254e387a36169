"""What somebody who was invited to a session by an announcement answers. Not to answer is an answer of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, Event

type Answer = Literal["accepted", "declined"]


class AnswerInvitation(BaseModel):
    """Say whether one comes. Who accepts has been registered for the session before, who declines is not (any more)."""

    model_config = ConfigDict(frozen=True)

    announcement_id: str
    person_id: str
    answer: Answer


class InvitationAccepted(Event):
    """Somebody registered by the link of an invitation."""

    announcement_id: str
    person_id: str


class InvitationDeclined(Event):
    """Somebody will not come, and is not reminded any more."""

    announcement_id: str
    person_id: str


type InvitedEvent = InvitationAccepted | InvitationDeclined


@dataclass(frozen=True, slots=True)
class Invited:
    """What was answered last."""

    answer: Answer | None = None


def evolve(_invited: Invited, event: InvitedEvent) -> Invited:
    """Records an event."""
    match event:
        case InvitationAccepted():
            return Invited("accepted")
        case InvitationDeclined():
            return Invited("declined")


def decide(command: AnswerInvitation, invited: Invited, at: datetime) -> Sequence[InvitedEvent]:
    """Who declined may come after all, and who withdrew the registration may decline."""
    if invited.answer == command.answer:
        return []
    whose = {"announcement_id": command.announcement_id, "person_id": command.person_id}
    if command.answer == "accepted":
        return [InvitationAccepted(**whose, at=at)]
    return [InvitationDeclined(**whose, at=at)]


def publish(event: InvitedEvent) -> Contract | None:
    """Others hear of registrations from the service that keeps them, and of who stays away from nobody."""
    match event:
        case InvitationAccepted() | InvitationDeclined():
            return None


INVITED: Decider[Invited, AnswerInvitation, InvitedEvent] = Decider(
    category="invited",
    initial=Invited(),
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(InvitationAccepted, InvitationDeclined),
)
