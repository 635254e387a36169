"""Feedback after a session: when it is asked for, and what it came to. Answers are no events: see ADR 0015.

An event has an order, a time and neighbours, and each of them could lead back to who answered. So answers go into a box
(`feedback_box.py`) that is counted, emptied and destroyed; the journal keeps what everybody's answers came to together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.events.feedback_questions import FeedbackQuestion
from shared.contracts import events as contracts
from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, Event, NotThere, Refused
from shared.kernel.texts import Line


class _Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Tally(BaseModel):
    """How many gave one answer to one question."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: str
    value: str
    number: int


class OpenFeedback(_Command):
    """Those who took part, `invited` of them, are asked until `closes_at`; of fewer than `minimum` nothing is shown."""

    session_id: str
    series_id: str
    title: str
    questions: tuple[FeedbackQuestion, ...]
    invited: int
    minimum: int
    closes_at: datetime


class CloseFeedback(_Command):
    """The time is over. `given` answered; `tallies` are what all of them said."""

    given: int
    tallies: tuple[Tally, ...]


class RemoveFeedbackText(_Command):
    """A free text must not stay: an insult, a name."""

    text_id: str
    reason: Line


type Command = OpenFeedback | CloseFeedback | RemoveFeedbackText


class FeedbackOpened(Event):
    """Who took part is asked how it was."""

    session_id: str
    series_id: str
    title: str
    questions: tuple[FeedbackQuestion, ...]
    invited: int
    minimum: int
    closes_at: AwareDatetime


class FeedbackClosed(Event):
    """Nobody can answer any more. Of fewer than the least number there are no tallies, only how many they were."""

    session_id: str
    given: int
    tallies: tuple[Tally, ...]


class FeedbackTextRemoved(Event):
    """A free text is gone; what it said is kept nowhere."""

    session_id: str
    text_id: str
    reason: str


type FeedbackEvent = FeedbackOpened | FeedbackClosed | FeedbackTextRemoved


@dataclass(frozen=True, slots=True)
class Feedback:
    """What is asked of those who took part in one session."""

    session_id: str
    minimum: int
    closes_at: datetime
    stage: Literal["open", "closed"] = "open"
    removed: frozenset[str] = frozenset()


def evolve(feedback: Feedback | None, event: FeedbackEvent) -> Feedback | None:
    """Records an event."""
    if isinstance(event, FeedbackOpened):
        return Feedback(event.session_id, event.minimum, event.closes_at)
    assert feedback is not None, "a stream begins with its opening"
    match event:
        case FeedbackClosed():
            return replace(feedback, stage="closed")
        case FeedbackTextRemoved():
            return replace(feedback, removed=feedback.removed | {event.text_id})


def decide(command: Command, feedback: Feedback | None, at: datetime) -> Sequence[FeedbackEvent]:
    """What becomes of a command."""
    if isinstance(command, OpenFeedback):
        return _open(command, feedback, at)
    if feedback is None:
        raise NotThere
    match command:
        case CloseFeedback():
            return _close(command, feedback, at)
        case RemoveFeedbackText():
            return _remove(command, feedback, at)


def _open(command: OpenFeedback, feedback: Feedback | None, at: datetime) -> list[FeedbackEvent]:
    """Once, if there is somebody to ask and something to ask for."""
    if feedback is not None or not command.questions or not command.invited:
        return []
    return [FeedbackOpened(**dict(command), at=at)]


def _close(command: CloseFeedback, feedback: Feedback, at: datetime) -> list[FeedbackEvent]:
    """When the time is over, not before; what fewer than the least number said is left out."""
    if feedback.stage == "closed" or at < feedback.closes_at:
        return []
    tallies = command.tallies if command.given >= feedback.minimum else ()
    return [FeedbackClosed(session_id=feedback.session_id, given=command.given, tallies=tallies, at=at)]


def _remove(command: RemoveFeedbackText, feedback: Feedback, at: datetime) -> list[FeedbackEvent]:
    """Texts are there when feedback is closed; each goes once."""
    if command.text_id in feedback.removed:
        return []
    if feedback.stage == "open":
        raise Refused("feedback_open")
    return [FeedbackTextRemoved(session_id=feedback.session_id, text_id=command.text_id, reason=command.reason, at=at)]


def publish(event: FeedbackEvent) -> Contract | None:
    """That feedback is asked for is everybody's business; what it came to is the organiser's."""
    match event:
        case FeedbackOpened():
            return contracts.FeedbackOpened(
                session_id=event.session_id, series_id=event.series_id, title=event.title, closes_at=event.closes_at
            )
        case FeedbackClosed() | FeedbackTextRemoved():
            return None


DECIDER: Decider[Feedback | None, Command, FeedbackEvent] = Decider(
    category="feedback",
    initial=None,
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(FeedbackOpened, FeedbackClosed, FeedbackTextRemoved),
)
