"""Questions over HTTP for those who deal with them, and the published ones for everybody."""

import datetime as dt
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from services.events import question, question_inbox, question_list, question_order, question_sealing
from services.events.bodies import Body
from services.events.question import Question
from services.events.question_commands import (
    AcceptQuestion,
    AnswerQuestion,
    CarryOverQuestion,
    DeclineQuestion,
    MergeQuestion,
    PublishQuestion,
    QuestionCommand,
    TakeBackPublication,
)
from services.events.question_events import Way
from services.events.question_http import Written
from services.events.question_inbox import Inbox, InboxQuery
from services.events.question_list import ORDERED, SHOWN, After
from services.events.question_order import OrderQuestions
from services.events.question_postponements import postponements_of
from services.events.question_rights import moderates, require_moderator, visible_series
from services.events.question_sealing import Publication, Purpose
from services.events.question_shown import ModeratedQuestion, PublishedQuestion, public
from services.events.rights import EDITORS, edits
from services.events.session_list import session_row
from services.events.session_shown import SessionRow
from shared.kernel.http import Answer, Call, Committed, Endpoint, Page, Paging, decode_cursor, next_after, page
from shared.kernel.http import committed as answer_to
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.recorded import Conflict, StaleVersion
from shared.kernel.texts import Id
from shared.kernel.vault import Erased, Vault

RACES = 5
MOST_ORDERED = 5000
_PLACE: TypeAdapter[After] = TypeAdapter(tuple[Annotated[int, Field(ge=0, le=10**10)], dt.datetime, str])


class MergerBody(Body):
    """Which question it goes into."""

    into: Id


class DeclineBody(Body):
    """Why it will not be dealt with; the asker reads it."""

    reason: Written


class AnswerBody(Body):
    """How it was answered: with a text in writing, with or without one in the session."""

    way: Way
    answer: Written | None = None


class PublicationBody(Body):
    """How it reads for everybody. Without texts, as it was asked and answered; the organisation only if wanted."""

    text: Written | None = None
    answer: Written | None = None
    name_organisation: bool = False


class CarryOverBody(Body):
    """The session it is kept for."""

    session_id: Id


class OrderBody(Body):
    """All questions of the session that are accepted or answered, in their order."""

    question_ids: Annotated[tuple[Id, ...], Field(max_length=MOST_ORDERED)]


class OrderAnswer(Body):
    """The order as it is now."""

    question_ids: tuple[str, ...]


type SessionQuestion = PublishedQuestion | ModeratedQuestion
type Make = Callable[[Question], Awaitable[QuestionCommand]]


@dataclass(frozen=True, slots=True)
class Desk:
    """The handlers and what they work with."""

    journal: Journal
    pool: Pool
    vault: Vault

    async def list_inbox(self, call: Call) -> Answer:
        visible = await visible_series(self.pool, call)
        return page(
            await question_inbox.find(self.pool, self.vault, call.query, visible, for_editors=edits(call)), call
        )

    async def list_of_session(self, call: Call) -> Answer:
        """Published ones for everybody, all of them for those who deal with them; in the session's order."""
        found, query = await self._session(call.path_id(), call), call.query
        all_of_them = moderates(call, found)
        after = _after(query.cursor)
        questions, rows, total = await question_list.of_session(
            self.pool,
            call.path_id(),
            statuses=SHOWN if all_of_them else ("answered",),
            published=not all_of_them,
            after=after,
            limit=query.limit + 1,
        )
        shown = questions[: query.limit]
        items = await self._moderated(shown, call) if all_of_them else await self._published(shown)
        more = next_after(rows, query.limit, "place", "asked_at", "question_id")
        return page(Page(items=items, next=more, total=total), call)

    async def show(self, call: Call) -> Answer:
        found = await self._question(call)
        (shown,) = await self._moderated([found], call)
        return Answer(shown, version=found.version)

    async def show_order(self, call: Call) -> Answer:
        """The order that nobody has made yet counts as the first version."""
        await self._moderated_session(call)
        version = (await self.journal.load(question_order.DECIDER, call.path_id())).version
        return Answer(OrderAnswer(question_ids=await self._present(call.path_id())), version=version + 1)

    async def order(self, call: Call) -> Answer:
        await self._moderated_session(call)
        session_id, body = call.path_id(), call.body
        present = frozenset(await self._present(session_id))
        command = OrderQuestions(session_id=session_id, question_ids=body.question_ids, present=present)
        seen = call.expected_version
        outcome = await self.journal.transact(
            question_order.DECIDER,
            session_id,
            command,
            call.context(),
            expected_version=None if seen is None else seen - 1,
        )
        body = Committed(id=outcome.aggregate_id, version=outcome.version + 1, position=outcome.position)
        return Answer(body, version=body.version)

    async def accept(self, call: Call) -> Answer:
        async def make(_found: Question) -> QuestionCommand:
            return AcceptQuestion()

        return await self._change(call, make)

    async def merge(self, call: Call) -> Answer:
        async def make(_found: Question) -> QuestionCommand:
            into = (await self.journal.load(question.DECIDER, call.body.into)).state
            if into is None or into.status not in SHOWN:
                raise Problem("question_not_mergeable")
            return MergeQuestion(into=into.question_id, into_session_id=into.session_id, into_status=into.status)

        return await self._change(call, make)

    async def decline(self, call: Call) -> Answer:
        async def make(found: Question) -> QuestionCommand:
            return DeclineQuestion(
                sealed_reason=await self._sealed(found, "reason", call.body.reason, found.sealed_reason)
            )

        return await self._change(call, make)

    async def answer(self, call: Call) -> Answer:
        body: AnswerBody = call.body
        if body.way == "in_writing" and body.answer is None:
            raise Problem("answer_missing")

        async def make(found: Question) -> QuestionCommand:
            sealed = body.answer and await self._sealed(found, "answer", body.answer, found.sealed_answer)
            at_session = await self._session(found.session_id, call)
            begins = at_session.life.when.begins
            begun = at_session.life.stage in {"held", "documented"} or (begins is not None and begins <= call.at)
            return AnswerQuestion(way=body.way, sealed_answer=sealed, begun=begun)

        return await self._change(call, make)

    async def publish(self, call: Call) -> Answer:
        body: PublicationBody = call.body

        async def make(found: Question) -> QuestionCommand:
            (opened,) = await question_sealing.opened(self.vault, [found])
            text = body.text or opened.text
            if text is None or opened.asker is None:
                raise Problem("not_found")
            organisation = opened.asker.organisation_name if body.name_organisation else None
            wanted = Publication(text=text, answer=body.answer or opened.answer, organisation=organisation)
            sealed = found.sealed_publication if opened.publication == wanted else None
            if sealed is None:
                sealed = await question_sealing.seal(
                    self.vault, found.person_id, found.question_id, "publication", wanted
                )
            return PublishQuestion(sealed_publication=sealed, names=body.name_organisation)

        return await self._change(call, make)

    async def take_back(self, call: Call) -> Answer:
        async def make(_found: Question) -> QuestionCommand:
            return TakeBackPublication()

        return await self._change(call, make)

    async def carry_over(self, call: Call) -> Answer:
        """To a session of the same series that takes place."""
        target: str = call.body.session_id

        async def make(found: Question) -> QuestionCommand:
            there, here = await self._session(target, call), await self._session(found.session_id, call)
            if there.life.content.series_id != here.life.content.series_id:
                raise Problem("session_of_other_series")
            if target != found.session_id and (code := there.life.obstacle(call.at)):
                raise Problem(code)
            return CarryOverQuestion(session_id=target, postponements=await postponements_of(self.pool, target))

        return await self._change(call, make, also_in=target)

    async def _change(self, call: Call, make: Make, *, also_in: str | None = None) -> Answer:
        """Decides a command on what the question is now: what others have said meanwhile is seen, not said twice."""
        if before := await self.journal.outcome(call.context()):
            return answer_to(before)
        for _ in range(RACES):
            found = await self._question(call, also_in)
            try:
                return answer_to(
                    await self.journal.transact(
                        question.DECIDER,
                        found.question_id,
                        await make(found),
                        call.context(),
                        expected_version=found.version,
                    )
                )
            except StaleVersion:
                continue
            except Erased as gone:
                raise Problem("not_found") from gone
        raise Conflict

    async def _question(self, call: Call, also_in: str | None = None) -> Question:
        """The question of the path, for those who deal with it; to everybody else there is none unless they could."""
        question_id = call.path_id("question_id")
        await self._moderated_session(call)
        found = (await self.journal.load(question.DECIDER, question_id)).state
        if found is None or found.erased or found.session_id not in {call.path_id(), also_in}:
            raise Problem("not_found")
        if found.status in {"received", "lapsed"}:
            raise Problem("not_found")
        return found

    async def _moderated_session(self, call: Call) -> SessionRow:
        found = await self._session(call.path_id(), call)
        require_moderator(call, found)
        return found

    async def _session(self, session_id: str, call: Call) -> SessionRow:
        found = await session_row(self.pool, session_id, drafts=edits(call))
        if found is None:
            raise Problem("not_found")
        return found

    async def _sealed(self, found: Question, purpose: Purpose, text: str, present: str | None) -> str:
        return await question_sealing.sealed_words(self.vault, found, purpose, text, present)

    async def _present(self, session_id: str) -> tuple[str, ...]:
        questions, _, _ = await question_list.of_session(
            self.pool, session_id, statuses=ORDERED, published=False, after=None, limit=MOST_ORDERED
        )
        return tuple(one.question_id for one in questions)

    async def _moderated(self, questions: list[Question], call: Call) -> list[ModeratedQuestion]:
        return await question_inbox.as_moderated(self.pool, self.vault, questions, for_editors=edits(call))

    async def _published(self, questions: list[Question]) -> list[PublishedQuestion]:
        plain = await question_sealing.publications(self.vault, questions)
        shown = (public(one, publication) for one, publication in zip(questions, plain, strict=True))
        return [one for one in shown if one is not None]


def _after(cursor: str | None) -> After | None:
    if cursor is None:
        return None
    found = decode_cursor(cursor, _PLACE)
    if found[1].tzinfo is None or found[1].year < 1900:
        raise Problem("invalid_query")
    return found


def endpoints(journal: Journal, pool: Pool, vault: Vault) -> list[Endpoint]:
    """Moderation, and what of it everybody may read."""
    desk = Desk(journal, pool, vault)
    return [*_reading(desk), *_moderating(desk)]


def _reading(desk: Desk) -> list[Endpoint]:
    return [
        Endpoint(
            "GET",
            "/api/v1/questions",
            desk.list_inbox,
            "Questions of every session that one deals with, oldest first",
            query=InboxQuery,
            answer=Inbox,
            codes=("unauthenticated", "forbidden", "too_many_to_search"),
        ),
        Endpoint(
            "GET",
            "/api/v1/sessions/{id}/questions",
            desk.list_of_session,
            "A session's published questions; all of them for those who deal with them",
            query=Paging,
            answer=Page[SessionQuestion],
        ),
        Endpoint(
            "GET",
            "/api/v1/sessions/{id}/questions/order",
            desk.show_order,
            "In which order the questions of a session are dealt with",
            answer=OrderAnswer,
            codes=("unauthenticated", "forbidden"),
        ),
        Endpoint(
            "GET",
            "/api/v1/sessions/{id}/questions/{question_id}",
            desk.show,
            "A question, for those who deal with it",
            answer=ModeratedQuestion,
            codes=("unauthenticated", "forbidden"),
        ),
    ]


def _moderating(desk: Desk) -> list[Endpoint]:
    rights = ("unauthenticated", "forbidden")
    gone = ("question_withdrawn", "question_answered", "question_declined", "question_merged")

    def action(name: str, handler: Any, summary: str, *codes: str, body: type[Body] | None = None) -> Endpoint:
        path = f"/api/v1/sessions/{{id}}/questions/{{question_id}}/{name}"
        return Endpoint("POST", path, handler, summary, body=body, answer=Committed, codes=(*rights, *codes))

    def editing(name: str, handler: Any, summary: str, *codes: str, body: type[Body] | None = None) -> Endpoint:
        path = f"/api/v1/sessions/{{id}}/questions/{{question_id}}/{name}"
        return Endpoint("POST", path, handler, summary, body=body, answer=Committed, roles=EDITORS, codes=codes)

    return [
        Endpoint(
            "PUT",
            "/api/v1/sessions/{id}/questions/order",
            desk.order,
            "Orders the accepted and answered questions of a session, all at once",
            body=OrderBody,
            answer=Committed,
            codes=(*rights, "questions_changed"),
            if_match=True,
        ),
        action("acceptances", desk.accept, "Accepts a question", *gone),
        action(
            "mergers",
            desk.merge,
            "Has a question dealt with together with another one",
            *gone,
            "question_not_mergeable",
            "question_of_other_session",
            body=MergerBody,
        ),
        action("declines", desk.decline, "Declines a question with a reason", *gone, body=DeclineBody),
        action(
            "answers",
            desk.answer,
            "Says how a question was answered, and those that were merged into it",
            *gone,
            "answer_missing",
            "session_not_begun",
            body=AnswerBody,
        ),
        action(
            "carry-overs",
            desk.carry_over,
            "Keeps a question for another session of the series",
            *gone,
            "session_of_other_series",
            "session_cancelled",
            "session_over",
            body=CarryOverBody,
        ),
        editing(
            "publications",
            desk.publish,
            "Lets everybody read a question that was answered, if its asker agrees",
            "question_not_answered",
            "publication_not_agreed",
            body=PublicationBody,
        ),
        editing("publication-withdrawals", desk.take_back, "Takes a publication back"),
    ]
