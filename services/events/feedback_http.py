"""Feedback over HTTP: by who was asked, through a link that names nobody, and the figures for organisers."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.events import feedback_box, feedback_list, feedback_token
from services.events.bodies import Body
from services.events.feedback import DECIDER, RemoveFeedbackText
from services.events.feedback_list import FeedbackRow, Figures
from services.events.feedback_questions import MOST_QUESTIONS, FeedbackQuestion, Said, checked
from services.events.feedback_token import Token
from services.events.own_registration_http import PRIVATE
from services.events.rights import EDITORS
from services.events.times import BERLIN
from shared.kernel.http import Answer, Call, Committed, Endpoint, committed
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.texts import Line
from shared.kernel.vault import Vault


class FeedbackBody(Body):
    """Answers by the keys of their questions; any may be left out, or be null."""

    answers: Annotated[Mapping[str, Said | None], Field(max_length=MOST_QUESTIONS * 2)]


class RemovalBody(Body):
    """Why a text must not stay."""

    reason: Line


class FeedbackForm(BaseModel):
    """What is asked, of what, and until when."""

    model_config = ConfigDict(frozen=True)

    title: str
    closes_at: dt.datetime
    questions: tuple[FeedbackQuestion, ...]


class FeedbackTaken(BaseModel):
    """Thanks. What was answered cannot be seen again, or changed: nobody knows whose it is."""

    model_config = ConfigDict(frozen=True)

    status: Literal["accepted"] = "accepted"
    detail: str = "Vielen Dank. Ihre Rückmeldung ist angekommen."


class FreeText(BaseModel):
    """What one person wrote, apart from everything else that person answered."""

    model_config = ConfigDict(frozen=True)

    id: str
    question: str
    text: str


class FeedbackAnswer(BaseModel):
    """What came of it. `answers` may be ahead of the figures: while feedback is open, several are counted together.

    Without `enough` answers there are no figures; free texts are there when it is closed.
    """

    model_config = ConfigDict(frozen=True)

    state: Literal["open", "closed"]
    opened_at: dt.datetime
    closes_at: dt.datetime
    invited: int
    answers: int
    share: float
    minimum: int
    enough: bool
    counted: int
    questions: tuple[Figures, ...]
    texts: tuple[FreeText, ...]


@dataclass(frozen=True, slots=True)
class Desk:
    """The handlers and what they work with."""

    journal: Journal
    pool: Pool
    vault: Vault

    async def show_form(self, call: Call) -> Answer:
        token, found = await self._open(call)
        if await feedback_box.is_spent(self.pool, token):
            raise Problem("feedback_given", headers=PRIVATE)
        form = FeedbackForm(title=found.title, closes_at=found.closes_at.astimezone(BERLIN), questions=found.questions)
        return Answer(form, headers=PRIVATE)

    async def give(self, call: Call) -> Answer:
        """Nothing of the call is recorded: neither who is signed in, nor its trace, nor the moment."""
        token, found = await self._open(call)
        answers = checked(found.questions, call.body.answers)
        attempt = feedback_box.attempt_of(_token(call), call.request.headers.get("Idempotency-Key"))
        match await feedback_box.put_in(self.pool, self.vault, token, answers, attempt):
            case "taken":
                return Answer(FeedbackTaken(), headers=PRIVATE)
            case "spent":
                raise Problem("feedback_given", headers=PRIVATE)
            case "closed":
                raise Problem("feedback_closed", headers=PRIVATE)

    async def _open(self, call: Call) -> tuple[Token, FeedbackRow]:
        """The token and what it asks; of what is closed no token can be told from another."""
        session_id = feedback_token.session_of(_token(call))
        found = await feedback_list.find(self.pool, session_id) if session_id else None
        if found is None:
            raise Problem("not_found", headers=PRIVATE)
        if found.closed or call.at >= found.closes_at:
            raise Problem("feedback_closed", headers=PRIVATE)
        token = await feedback_token.read(self.vault, _token(call))
        if token is None:
            raise Problem("not_found", headers=PRIVATE)
        return token, found

    async def show(self, call: Call) -> Answer:
        found = await feedback_list.find(self.pool, call.path_id())
        if found is None:
            raise Problem("not_found")
        if found.closed:
            given, counted, tallies = found.given, found.given, found.tallies
            texts = await self._texts(found)
        else:
            given, counted, tallies = await feedback_box.tallies(self.pool, found.session_id)
            texts = ()
        enough = counted >= found.minimum
        shown = [feedback_list.figures(question, tallies, found.minimum) for question in found.questions]
        body = FeedbackAnswer(
            state="closed" if found.closed else "open",
            opened_at=found.opened_at.astimezone(BERLIN),
            closes_at=found.closes_at.astimezone(BERLIN),
            invited=found.invited,
            answers=given,
            share=round(given / found.invited, 3) if found.invited else 0.0,
            minimum=found.minimum,
            enough=enough,
            counted=counted if enough else 0,
            questions=tuple(shown) if enough else (),
            texts=texts,
        )
        return Answer(body)

    async def _texts(self, found: FeedbackRow) -> tuple[FreeText, ...]:
        rows = await feedback_box.texts(self.pool, self.vault, found.session_id)
        return tuple(FreeText(id=text_id, question=question, text=text) for text_id, question, text in rows)

    async def remove_text(self, call: Call) -> Answer:
        session_id, text_id = call.path_id(), call.path_id("text_id")
        known = await self.journal.load(DECIDER, session_id)
        removed = known.state is not None and text_id in known.state.removed
        if not removed and not await feedback_box.is_text(self.pool, session_id, text_id):
            raise Problem("not_found")
        command = RemoveFeedbackText(text_id=text_id, reason=call.body.reason)
        return committed(await self.journal.transact(DECIDER, session_id, command, call.context()))


def _token(call: Call) -> str:
    return str(call.request.match_info["token"])


def endpoints(journal: Journal, pool: Pool, vault: Vault) -> list[Endpoint]:
    """Answering, and what was answered."""
    desk = Desk(journal, pool, vault)
    return [
        Endpoint(
            "GET",
            "/api/v1/feedback/{token}",
            desk.show_form,
            "What is asked after a session",
            answer=FeedbackForm,
            codes=("feedback_given", "feedback_closed"),
        ),
        Endpoint(
            "POST",
            "/api/v1/feedback/{token}",
            desk.give,
            "Says how a session was, once and without a name",
            body=FeedbackBody,
            answer=FeedbackTaken,
            status=202,
            codes=("feedback_given", "feedback_closed"),
        ),
        Endpoint(
            "GET",
            "/api/v1/sessions/{id}/feedback",
            desk.show,
            "What all together answered; nothing while too few did",
            answer=FeedbackAnswer,
            roles=EDITORS,
        ),
        Endpoint(
            "POST",
            "/api/v1/sessions/{id}/feedback/texts/{text_id}/removals",
            desk.remove_text,
            "Removes a free text for good",
            body=RemovalBody,
            answer=Committed,
            roles=EDITORS,
            codes=("feedback_open",),
        ),
    ]
