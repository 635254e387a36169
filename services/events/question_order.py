"""In which order the questions of a session are dealt with: the whole order at once, over whatever was said before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, Event, Refused


class OrderQuestions(BaseModel):
    """The order as somebody wants it; `present` are the questions that there are to be ordered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    session_id: str
    question_ids: tuple[str, ...]
    present: frozenset[str]


class QuestionsOrdered(Event):
    """The order is another."""

    session_id: str
    question_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QuestionOrder:
    """The order that was said last."""

    question_ids: tuple[str, ...] = ()


def evolve(_order: QuestionOrder, event: QuestionsOrdered) -> QuestionOrder:
    """Records an event."""
    return QuestionOrder(event.question_ids)


def decide(command: OrderQuestions, order: QuestionOrder, at: datetime) -> Sequence[QuestionsOrdered]:
    """Each question once and none left out, else somebody has accepted or moved one meanwhile."""
    ids = command.question_ids
    if len(set(ids)) != len(ids) or set(ids) != command.present:
        raise Refused("questions_changed")
    if ids == order.question_ids:
        return []
    return [QuestionsOrdered(session_id=command.session_id, question_ids=ids, at=at)]


def publish(_event: QuestionsOrdered) -> Contract | None:
    """Nobody else needs to know."""
    return None


DECIDER: Decider[QuestionOrder, OrderQuestions, QuestionsOrdered] = Decider(
    category="question_order",
    initial=QuestionOrder(),
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(QuestionsOrdered,),
)
