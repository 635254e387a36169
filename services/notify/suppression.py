"""Whether mail is still sent to an address: it is known by its mark alone, so this outlives who had it.

What does not exist gets nothing more, nor does who complains. What comes back three times within a fortnight rests for
a month. An operator lifts it, with a reason; nothing else does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.notify.bounce_codes import Weight
from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, Event, NotThere, Refused

MOST_SOFT = 3
WINDOW = timedelta(days=14)
REST = timedelta(days=30)

type SuppressionCause = Literal["hard", "soft", "complaint", "operator"]


class CountReturn(BaseModel):
    """A message to it came back. Each message counts once."""

    model_config = ConfigDict(frozen=True)
    message_id: str
    weight: Weight
    status: str | None = None


class RecordArrival(BaseModel):
    """A message to it has arrived since."""

    model_config = ConfigDict(frozen=True)


class SuppressAddress(BaseModel):
    """An operator wants nothing sent to it, for good or for a time."""

    model_config = ConfigDict(frozen=True)
    note: str
    until: AwareDatetime | None = None


class LiftSuppression(BaseModel):
    """An operator wants mail sent to it again."""

    model_config = ConfigDict(frozen=True)
    note: str


type Command = CountReturn | RecordArrival | SuppressAddress | LiftSuppression


class SoftBounceCounted(Event):
    """A message came back, and another one may arrive."""

    message_id: str
    status: str | None = None


class SoftBouncesForgotten(Event):
    """A message arrived, so what came back before says nothing any more."""


class AddressSuppressed(Event):
    """Nothing is sent to it, without end where `until` is missing."""

    cause: SuppressionCause
    until: AwareDatetime | None = None
    message_id: str | None = None
    status: str | None = None
    note: str | None = None


class SuppressionLifted(Event):
    """Mail is sent to it again, and counting begins anew."""

    note: str


type SuppressionEvent = SoftBounceCounted | SoftBouncesForgotten | AddressSuppressed | SuppressionLifted


@dataclass(frozen=True, slots=True)
class Suppression:
    """`soft` says when messages came back that may yet arrive, `counted` which ones ever did."""

    known: bool = False
    suppressed: bool = False
    until: datetime | None = None
    soft: tuple[datetime, ...] = ()
    counted: frozenset[str] = frozenset()

    def holds(self, at: datetime) -> bool:
        """Whether nothing is sent to it now."""
        return self.suppressed and (self.until is None or self.until > at)


def evolve(suppression: Suppression, event: SuppressionEvent) -> Suppression:
    """Records an event."""
    match event:
        case SoftBounceCounted():
            counted = suppression.counted | {event.message_id}
            return replace(suppression, known=True, soft=(*suppression.soft, event.at), counted=counted)
        case SoftBouncesForgotten():
            return replace(suppression, soft=())
        case AddressSuppressed():
            counted = suppression.counted | ({event.message_id} if event.message_id else set())
            return Suppression(known=True, suppressed=True, until=event.until, counted=counted)
        case SuppressionLifted():
            return Suppression(known=True, counted=suppression.counted)


def decide(command: Command, suppression: Suppression, at: datetime) -> Sequence[SuppressionEvent]:
    """The rules; the same command twice changes nothing."""
    match command:
        case CountReturn():
            return _count(command, suppression, at)
        case RecordArrival():
            return [SoftBouncesForgotten(at=at)] if suppression.soft else []
        case SuppressAddress():
            if command.until is not None and command.until <= at:
                raise Refused("until_in_past")
            if suppression.holds(at) and suppression.until in (None, command.until):
                return []
            return [AddressSuppressed(cause="operator", until=command.until, note=command.note, at=at)]
        case LiftSuppression():
            if not suppression.known:
                raise NotThere
            return [SuppressionLifted(note=command.note, at=at)] if suppression.suppressed else []


def _count(command: CountReturn, suppression: Suppression, at: datetime) -> Sequence[SuppressionEvent]:
    """What rests already may still turn out not to exist; what was counted before says nothing new."""
    if command.message_id in suppression.counted:
        return []
    if suppression.holds(at) and (suppression.until is None or command.weight == "soft"):
        return []
    said = {"message_id": command.message_id, "status": command.status}
    if command.weight != "soft":
        return [AddressSuppressed(cause=command.weight, at=at, **said)]
    recent = [each for each in suppression.soft if each > at - WINDOW]
    if len(recent) + 1 < MOST_SOFT:
        return [SoftBounceCounted(at=at, **said)]
    return [AddressSuppressed(cause="soft", until=at + REST, at=at, **said)]


def publish(_event: SuppressionEvent) -> Contract | None:
    """Nobody else is told: what became of a message is (`delivery.py`)."""
    return None


SUPPRESSION: Decider[Suppression, Command, SuppressionEvent] = Decider(
    category="suppression",
    initial=Suppression(),
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(SoftBounceCounted, SoftBouncesForgotten, AddressSuppressed, SuppressionLifted),
)
