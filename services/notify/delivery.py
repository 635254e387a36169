"""What became of a message, as a fact for the journal and for others: handed over, given up, or come back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from shared.contracts import notify as contracts
from shared.contracts.contract import Contract
from shared.contracts.notify import BounceReason
from shared.kernel.decider import Decider, Event


class Message(BaseModel):
    """Which message: ids only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    message_id: str
    kind: str
    channel: Literal["email"] = "email"
    cause: str
    person_id: str
    session_id: str | None = None
    registration_id: str | None = None


class RecordDelivery(BaseModel):
    """The recipient's server has taken it over."""

    model_config = ConfigDict(frozen=True)
    message: Message


class RecordBounce(BaseModel):
    """It is not tried again, or it came back."""

    model_config = ConfigDict(frozen=True)
    message: Message
    reason: BounceReason
    status: str | None = None


type Command = RecordDelivery | RecordBounce


class MessageDelivered(Event):
    """A message was handed over."""

    message: Message


class MessageBounced(Event):
    """A message was given up, or it came back."""

    message: Message
    reason: BounceReason
    status: str | None = None


type DeliveryEvent = MessageDelivered | MessageBounced


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is known of a message's end. A report of failure may follow a delivery, never the other way round."""

    delivered: bool = False
    bounced: bool = False


def evolve(delivery: Delivery, event: DeliveryEvent) -> Delivery:
    """Records an event."""
    match event:
        case MessageDelivered():
            return Delivery(delivered=True, bounced=delivery.bounced)
        case MessageBounced():
            return Delivery(delivered=delivery.delivered, bounced=True)


def decide(command: Command, delivery: Delivery, at: datetime) -> Sequence[DeliveryEvent]:
    """Each end is recorded once."""
    match command:
        case RecordDelivery():
            return [] if delivery.delivered or delivery.bounced else [MessageDelivered(message=command.message, at=at)]
        case RecordBounce():
            if delivery.bounced:
                return []
            return [MessageBounced(message=command.message, reason=command.reason, status=command.status, at=at)]


def publish(event: DeliveryEvent) -> Contract:
    """Both are told."""
    match event:
        case MessageDelivered():
            return contracts.MessageDelivered(**event.message.model_dump())
        case MessageBounced():
            return contracts.MessageBounced(**event.message.model_dump(), reason=event.reason, status=event.status)


DELIVERY: Decider[Delivery, Command, DeliveryEvent] = Decider(
    category="message",
    initial=Delivery(),
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(MessageDelivered, MessageBounced),
)
