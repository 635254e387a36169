"""A personal invitation, for the gateway: it knows the people, and registers them."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from services.notify import invited_list
from services.notify.invited import INVITED, AnswerInvitation
from services.notify.invited import Answer as Answered
from services.notify.invited_list import Found
from shared.kernel.http import Answer, Call, Committed, Endpoint, committed
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem

PATH = "/internal/invitations/{link}"


class InvitationAnswer(BaseModel):
    """Whom a link is for, to which session, and what was answered."""

    model_config = ConfigDict(frozen=True)

    announcement_id: str
    title: str
    teaser: str
    session_id: str
    person_id: str
    answer: Literal["accepted", "declined"] | None


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the endpoints do."""

    journal: Journal
    pool: Pool

    async def look(self, call: Call) -> Answer:
        """The invitation; nothing changes."""
        found = await self._found(call)
        return Answer(
            InvitationAnswer(
                announcement_id=found.announcement_id,
                title=found.content["title"],
                teaser=found.content["teaser"],
                session_id=found.content["session_id"],
                person_id=found.person_id,
                answer=found.answer,
            )
        )

    async def accept(self, call: Call) -> Answer:
        """Keeps that somebody has registered."""
        return await self._answer(call, "accepted")

    async def decline(self, call: Call) -> Answer:
        """Keeps that somebody will not come."""
        return await self._answer(call, "declined")

    async def _answer(self, call: Call, answer: Answered) -> Answer:
        found = await self._found(call)
        command = AnswerInvitation(announcement_id=found.announcement_id, person_id=found.person_id, answer=answer)
        return committed(await self.journal.transact(INVITED, str(found.id), command, call.context()))

    async def _found(self, call: Call) -> Found:
        found = await invited_list.by_token(self.pool, call.request.match_info["link"])
        if found is None or found.content["session_id"] is None:
            raise Problem("not_found")
        return found


def endpoints(journal: Journal, pool: Pool) -> list[Endpoint]:
    """By the token of the link."""
    do = Handlers(journal, pool)
    return [
        Endpoint("GET", PATH, do.look, "Whom an invitation is for", answer=InvitationAnswer, codes=("not_found",)),
        Endpoint("POST", f"{PATH}/acceptances", do.accept, "Somebody comes", answer=Committed, codes=("not_found",)),
        Endpoint(
            "POST", f"{PATH}/declines", do.decline, "Somebody does not come", answer=Committed, codes=("not_found",)
        ),
    ]
