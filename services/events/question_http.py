"""Questions over HTTP for those who ask: the form, and one's own question by the link in the mail."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import StringConstraints

from services.events import participant, question, question_list, question_sealing, registration_list
from services.events.bodies import Body, Email, Name
from services.events.due import by_itself
from services.events.known_organisations import Organisations
from services.events.question import Question
from services.events.question_commands import (
    AskQuestion,
    ConfirmQuestion,
    ForgetQuestion,
    QuestionCommand,
    ReviseQuestion,
    WithdrawQuestion,
)
from services.events.question_form import LONGEST, QuestionForm, obstacle, question_form
from services.events.question_postponements import postponements_of
from services.events.question_sealing import Asker, Words
from services.events.question_shown import OwnQuestion, own
from services.events.registration_http import Accepted
from services.events.session_list import session_row, session_rows
from services.events.session_shown import SessionRow
from shared.kernel.http import Answer, Call, Committed, Endpoint, Page
from shared.kernel.http import committed as answer_to
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.texts import Id, Line
from shared.kernel.vault import Erased, Vault

PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
MOST = 20
"""So many questions one person may have in a session."""

type Written = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST)]


class _Asking(Body):
    text: Written
    may_publish: bool = False
    may_name_organisation: bool = False

    @property
    def names(self) -> bool:
        """Whether a publication may name the organisation: not without being agreed to itself."""
        return self.may_publish and self.may_name_organisation


class QuestionBody(_Asking):
    """Somebody asks; the gateway knows who that is."""

    person_id: Id
    email: Email
    name: Name
    organisation_id: Id | None = None
    organisation_name: Line | None = None
    member: bool


class AskerBody(Body):
    """What can be looked at before anything is kept of a person."""

    organisation_id: Id | None = None


class OwnQuestionBody(_Asking):
    """A question of somebody whom we know, or as it is to read now."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The handlers and what they work with."""

    journal: Journal
    pool: Pool
    vault: Vault
    organisations: Organisations

    async def show_form(self, call: Call) -> Answer:
        found = await self._session(call.path_id())
        return Answer(question_form(found, await question_list.count_published(self.pool, call.path_id()), call.at))

    async def check(self, call: Call) -> Answer:
        body: AskerBody = call.body
        await self._refuse_closed(call.path_id(), call)
        await self.organisations.refuse_unknown(body.organisation_id)
        return Answer(Accepted())

    async def ask(self, call: Call) -> Answer:
        """Whoever has asked enough already, or is forgotten, is answered like everybody else."""
        body: QuestionBody = call.body
        asker = Asker(
            email=body.email,
            name=body.name,
            organisation_name=body.organisation_name,
            token=participant.new_token(),
        )
        if await self.journal.outcome(call.context()) is None:
            await self._refuse_closed(call.path_id(), call)
            await self.organisations.refuse_unknown(body.organisation_id)
            if await question_list.asked_by(self.pool, call.path_id(), body.person_id) < MOST:
                with suppress(Erased):
                    await self._ask(
                        call, call.path_id(), body.person_id, asker, body.organisation_id, proven=body.member
                    )
        return Answer(Accepted())

    async def ask_as_participant(self, call: Call) -> Answer:
        """By the link of a registration: that proves the address."""
        if before := await self.journal.outcome(call.context()):
            return answer_to(before, 201)
        row = await registration_list.by_token_hash(self.pool, participant.token_hash(call.request.match_info["token"]))
        (contact,) = await participant.open_contacts(self.vault, [row]) if row else [None]
        if row is None or contact is None:
            raise Problem("not_found")
        session_id, person_id = row["session_id"], row["person_id"]
        await self._refuse_closed(session_id, call)
        if await question_list.asked_by(self.pool, session_id, person_id) >= MOST:
            raise Problem("too_many_questions")
        asker = Asker(
            email=contact.email,
            name=contact.name,
            organisation_name=contact.organisation_name,
            token=participant.new_token(),
        )
        return await self._ask(call, session_id, person_id, asker, row["organisation_id"], proven=True)

    async def show(self, call: Call) -> Answer:
        found = await self._question(call)
        at_session = await self._session(found.session_id)
        (opened,) = await question_sealing.opened(self.vault, [found])
        return Answer(own(found, at_session, opened, call.at), version=found.version, headers=PRIVATE)

    async def revise(self, call: Call) -> Answer:
        body: OwnQuestionBody = call.body
        if before := await self.journal.outcome(call.context()):
            return answer_to(before)
        found = await self._question(call)
        try:
            text = await question_sealing.sealed_words(self.vault, found, "text", body.text, found.sealed_text)
        except Erased as gone:
            raise Problem("question_withdrawn") from gone
        command = ReviseQuestion(sealed_text=text, may_publish=body.may_publish, may_name_organisation=body.names)
        return await self._of_question(call, found, command)

    async def confirm(self, call: Call) -> Answer:
        found = await self._question(call)
        seen = await postponements_of(self.pool, found.session_id)
        return await self._of_question(call, found, ConfirmQuestion(postponements=seen))

    async def withdraw(self, call: Call) -> Answer:
        return await self._of_question(call, await self._question(call), WithdrawQuestion())

    async def everything_of_person(self, call: Call) -> Answer:
        """For the person alone: everything that is kept of their questions."""
        person_id = call.path_id()
        if call.identity.person_id != person_id:
            raise Problem("forbidden")
        asked = await question_list.of_person(self.pool, person_id)
        opened = await question_sealing.opened(self.vault, asked)
        sessions = await session_rows(self.pool, list({one.session_id for one in asked}))
        at = {found.life.session_id: found for found in sessions}
        items = [own(one, at[one.session_id], plain, call.at) for one, plain in zip(asked, opened, strict=True)]
        return Answer(Page(items=items, next=None, total=len(items)), headers=PRIVATE)

    async def _ask(
        self, call: Call, session_id: str, person_id: str, asker: Asker, organisation_id: str | None, *, proven: bool
    ) -> Answer:
        body: _Asking = call.body
        context = call.context()
        question_id = context.id_of_new("question")
        await question_sealing.make_keys(self.vault, person_id, question_id)
        words = Words(text=body.text)
        command = AskQuestion(
            question_id=question_id,
            session_id=session_id,
            person_id=person_id,
            proven=proven,
            token_hash=participant.token_hash(asker.token),
            sealed=await question_sealing.seal(self.vault, person_id, question_id, "asker", asker),
            sealed_text=await question_sealing.seal(self.vault, person_id, question_id, "text", words),
            organisation_id=organisation_id,
            may_publish=body.may_publish,
            may_name_organisation=body.names,
            postponements=await postponements_of(self.pool, session_id),
        )
        outcome = await self.journal.transact(question.DECIDER, question_id, command, context)
        await self._forget_erased(question_id, call)
        return answer_to(outcome, 201)

    async def _forget_erased(self, question_id: str, call: Call) -> None:
        """Nothing is left of who was erased while the question was taken: that erasure looked for it too early."""
        found = await question_list.by_id(self.pool, question_id)
        if found is not None and (await question_sealing.texts(self.vault, [found]))[0] is None:
            gone = ForgetQuestion(cause="erasure")
            await self.journal.transact(question.DECIDER, question_id, gone, by_itself(call.at))

    async def _refuse_closed(self, session_id: str, call: Call) -> None:
        found = await self._session(session_id)
        if code := obstacle(found.life, found.series, call.at):
            raise Problem(code)

    async def _session(self, session_id: str) -> SessionRow:
        found = await session_row(self.pool, session_id)
        if found is None:
            raise Problem("not_found")
        return found

    async def _question(self, call: Call) -> Question:
        token_hash = participant.token_hash(call.request.match_info["token"])
        found = await question_list.by_token_hash(self.pool, token_hash)
        if found is None:
            raise Problem("not_found")
        return found

    async def _of_question(self, call: Call, found: Question, command: QuestionCommand) -> Answer:
        return answer_to(
            await self.journal.transact(
                question.DECIDER, found.question_id, command, call.context(), expected_version=call.expected_version
            )
        )


CLOSED = ("questions_closed", "session_cancelled", "session_over")


def endpoints(journal: Journal, pool: Pool, vault: Vault, organisations: Organisations) -> list[Endpoint]:
    """Asking, and one's own question."""
    desk = Desk(journal, pool, vault, organisations)
    return [*_asking(desk), *_owning(desk)]


def _asking(desk: Desk) -> list[Endpoint]:
    return [
        Endpoint(
            "GET",
            "/api/v1/sessions/{id}/question-form",
            desk.show_form,
            "Whether a session takes questions, and under which keyword",
            answer=QuestionForm,
        ),
        Endpoint(
            "POST",
            "/internal/sessions/{id}/question-checks",
            desk.check,
            "Whether anybody of this organisation could ask; nothing is kept, and nothing is asked of a person",
            body=AskerBody,
            answer=Accepted,
            codes=(*CLOSED, "unknown_organisation"),
        ),
        Endpoint(
            "POST",
            "/internal/sessions/{id}/questions",
            desk.ask,
            "Takes a question of a person whom the gateway knows; the answer tells nothing",
            body=QuestionBody,
            answer=Accepted,
            status=202,
            codes=(*CLOSED, "unknown_organisation"),
        ),
        Endpoint(
            "POST",
            "/api/v1/registrations/{token}/questions",
            desk.ask_as_participant,
            "Takes a question of somebody who is registered",
            body=OwnQuestionBody,
            answer=Committed,
            status=201,
            codes=(*CLOSED, "too_many_questions"),
        ),
        Endpoint(
            "GET",
            "/internal/people/{id}/questions",
            desk.everything_of_person,
            "Everything that is kept of a person's questions, for that person",
            answer=Page[OwnQuestion],
        ),
    ]


def _owning(desk: Desk) -> list[Endpoint]:
    def action(name: str, handler: Any, summary: str, *codes: str) -> Endpoint:
        path = f"/api/v1/questions/{{token}}/{name}"
        return Endpoint("POST", path, handler, summary, answer=Committed, codes=codes)

    return [
        Endpoint("GET", "/api/v1/questions/{token}", desk.show, "One's own question", answer=OwnQuestion),
        Endpoint(
            "PUT",
            "/api/v1/questions/{token}",
            desk.revise,
            "Changes one's own question while nobody has dealt with it, and at any time what may be published",
            body=OwnQuestionBody,
            answer=Committed,
            codes=("question_dealt_with", "question_lapsed", "question_withdrawn"),
            if_match=True,
        ),
        action("confirmations", desk.confirm, "Confirms one's own question", "question_lapsed", "question_withdrawn"),
        action("withdrawals", desk.withdraw, "Takes one's own question back", "question_lapsed", "question_answered"),
    ]
