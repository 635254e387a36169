"""Messages to who asked a question: what became of it, as the events service knows it when the message is sent."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.notify import question_letter
from services.notify.cause import QUESTION_KINDS, OfQuestion, behind, in_line
from services.notify.kind import Kind
from services.notify.matter import About, Claimed, Draft, Mailing, Page, Row, Told
from services.notify.texts import Text
from shared.contracts.rpc import QuestionLetter, QuestionLetterAnswered, QuestionLetterAsked
from shared.kernel.problems import Problem


@dataclass(frozen=True, slots=True)
class QuestionMatter:
    """What is told of questions."""

    texts: Mapping[str, Text]
    portal: str
    question: Callable[[QuestionLetterAsked], Awaitable[QuestionLetterAnswered]]
    name: str = "questions"
    kinds: Mapping[type[Any], Kind] = field(default_factory=lambda: QUESTION_KINDS)

    def kind(self, cause: OfQuestion) -> Kind:
        """As its type is."""
        return QUESTION_KINDS[type(cause)]

    def about(self, cause: OfQuestion, _cause_id: str) -> About:
        """One question, whose asker is told in order."""
        return About(
            session_id=cause.session_id,
            question_id=cause.question_id,
            person_id=cause.person_id,
            line=in_line(cause),
            behind=behind(cause),
        )

    async def recipients(self, mailing: Mailing, _limit: int) -> Page:
        """The asker, unless what came since is told by what came."""
        assert mailing.question_id is not None
        letter = (await self.question(QuestionLetterAsked(question_id=mailing.question_id))).letter
        if letter is None or not question_letter.concerns(mailing.what, letter):
            return Page(())
        return Page((Row(person_id=letter.person_id, session_id=mailing.session_id),))

    async def cards(self, messages: Sequence[tuple[Claimed, Told]]) -> list[QuestionLetter | None]:
        """How each question stands now."""
        return await asyncio.gather(*(self._card(claimed, told.cause) for claimed, told in messages))

    def letter(self, _claimed: Claimed, told: Told, card: QuestionLetter, _now: datetime) -> Draft:
        """The letter that the cause asks for."""
        return Draft(question_letter.compose(told.cause, card, self.texts, self.portal))

    async def _card(self, claimed: Claimed, cause: OfQuestion) -> QuestionLetter | None:
        try:
            letter = (await self.question(QuestionLetterAsked(question_id=cause.question_id))).letter
        except Problem as problem:
            if problem.code == "not_found":
                return None
            raise
        told = letter is not None and letter.person_id == claimed.person_id
        return letter if letter and told and question_letter.holds(cause, letter) else None
