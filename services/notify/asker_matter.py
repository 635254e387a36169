"""Messages to who waits for an answer at a session without a place: it was cancelled, or takes place after all."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.notify import asker_letter
from services.notify.kind import AnyCause, Kind, Priority
from services.notify.matter import About, Claimed, Draft, Mailing, Page, Row, Told
from services.notify.texts import Text
from shared.contracts.events import SessionCancelled, SessionReinstated
from shared.contracts.rpc import (
    AskersAnswered,
    AskersAsked,
    QuestionLetter,
    QuestionLetterAnswered,
    QuestionLetterAsked,
)
from shared.kernel.problems import Problem

KINDS: Mapping[type[AnyCause], Kind] = {
    SessionCancelled: Kind("question_session_cancelled", Priority.MANY),
    SessionReinstated: Kind("question_session_reinstated", Priority.MANY),
}
LARGEST = 1000


@dataclass(frozen=True, slots=True)
class AskerMatter:
    """What askers are told of a session that is told to registered people by `SessionMatter`."""

    texts: Mapping[str, Text]
    portal: str
    askers: Callable[[AskersAsked], Awaitable[AskersAnswered]]
    question: Callable[[QuestionLetterAsked], Awaitable[QuestionLetterAnswered]]
    name: str = "askers"
    kinds: Mapping[type[AnyCause], Kind] = field(default_factory=lambda: KINDS)

    def kind(self, cause: asker_letter.Cause) -> Kind:
        """As its type is."""
        return KINDS[type(cause)]

    def about(self, cause: asker_letter.Cause, _cause_id: str) -> About:
        """Everybody who waits for an answer at the session."""
        return About(session_id=cause.session_id, line=f"askers/{cause.session_id}")

    async def recipients(self, mailing: Mailing, limit: int) -> Page:
        """As the events service answers: each once, whatever number of questions."""
        asked = AskersAsked(session_id=mailing.what.session_id, after=mailing.after, limit=min(limit, LARGEST))
        answer = await self.askers(asked)
        rows = [Row(each.person_id, {"question_id": each.question_id}, mailing.session_id) for each in answer.askers]
        return Page(rows, answer.next)

    async def cards(self, messages: Sequence[tuple[Claimed, Told]]) -> list[QuestionLetter | None]:
        """How each question stands now."""
        return await asyncio.gather(*(self._card(claimed, told.cause) for claimed, told in messages))

    def letter(self, _claimed: Claimed, told: Told, card: QuestionLetter, _now: datetime) -> Draft:
        """The letter that the cause asks for."""
        return Draft(asker_letter.compose(told.cause, card, self.texts, self.portal))

    async def _card(self, claimed: Claimed, cause: asker_letter.Cause) -> QuestionLetter | None:
        question_id = str((claimed.standing or {}).get("question_id", ""))
        try:
            letter = (await self.question(QuestionLetterAsked(question_id=question_id))).letter
        except Problem as problem:
            if problem.code == "not_found":
                return None
            raise
        told = letter is not None and letter.person_id == claimed.person_id
        return letter if letter and told and asker_letter.concerns(cause, letter) else None
