"""One's own registration over HTTP, through the link in the mail: to see, change, confirm, take a seat, leave."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.events import attendance, attendance_list, certificate, participant, registration_list, session
from services.events.answers_to_postponement import ReconfirmRegistration
from services.events.asking import Asking, Questions
from services.events.bodies import ChangeBody
from services.events.life import Life
from services.events.life_commands import Unanswered
from services.events.participant import Contact
from services.events.registration import Status
from services.events.registration_answer import AnswerShown, QuestionShown, shown_answers, shown_questions
from services.events.registration_commands import ChangeRegistration, ConfirmRegistration, WithdrawRegistration
from services.events.registration_http import STATUS_LABELS, of_registration
from services.events.registration_questions import Given
from services.events.session import Command
from services.events.session_list import session_row
from services.events.session_shown import SessionRow, SessionSummary, summary
from services.events.times import BERLIN
from shared.kernel.decider import Refused
from shared.kernel.http import Answer, Call, Committed, Endpoint
from shared.kernel.ids import new_id
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.recorded import Context, Outcome
from shared.kernel.vault import Erased, Vault

PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
OFFERED = "Ein Platz ist für Sie reserviert"


class RegistrationAnswer(BaseModel):
    """One's own registration. The access link is there once it is confirmed; a waiting position counts from 1.

    `offered`: the seat came from the waiting list and is held until `confirm_by`. `can_change`: name, organisation and
    answers; the address never, for it is whose registration this is. `questions` are those that are asked now.
    `answer_by` is there while it is asked whether the new date suits; who is `unanswered` by then stays or goes.
    `can_check_in`: to say of oneself that one is there; `present_since` is when that became known. `certificate`: there
    is one to download.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    session: SessionSummary
    status: Status
    status_label: str
    name: str
    email: str
    organisation_id: str | None
    organisation_name: str | None
    answers: tuple[AnswerShown, ...]
    questions: tuple[QuestionShown, ...]
    received_at: dt.datetime
    confirm_by: dt.datetime | None
    offered: bool
    waiting_position: int | None
    access_link: str | None
    can_confirm: bool
    can_change: bool
    can_withdraw: bool
    answer_by: dt.datetime | None
    unanswered: Unanswered | None
    reconfirmed_at: dt.datetime | None
    can_reconfirm: bool
    can_check_in: bool
    present_since: dt.datetime | None
    certificate: bool
    version: int


@dataclass(frozen=True, slots=True)
class Desk:
    """The handlers and what they work with."""

    journal: Journal
    pool: Pool
    vault: Vault
    asking: Asking
    self_until: dt.timedelta

    async def show(self, call: Call) -> Answer:
        row = await self._row(call)
        found, contact, answers = await self._opened(row)
        shown = RegistrationAnswer(
            **_registration(row, found, contact, answers, call.at), **await self._presence(row, found.life, call.at)
        )
        return Answer(shown, version=row["version"], headers=PRIVATE)

    async def _presence(self, row: Any, life: Life, at: dt.datetime) -> dict[str, Any]:
        """Whether the person is known to have been there, may still say so, and has it in writing."""
        said = await attendance_list.present_since(self.pool, row["registration_id"], life)
        present = said is not None and said["present"]
        until = attendance_list.said_until(life, self.self_until)
        closed = attendance.obstacle(attendance_list.sitting_of(life), until, at)
        return {
            "can_check_in": row["status"] == "confirmed" and not present and closed is None,
            "present_since": said["recorded_at"].astimezone(BERLIN) if said is not None and present else None,
            "certificate": present and certificate.possible(life),
        }

    async def change(self, call: Call) -> Answer:
        context, row = call.context(), await self._row(call)
        outcome = await self.journal.outcome(context)
        if outcome is None:
            outcome = await self._change(call, context, row)
        return of_registration(row["registration_id"], outcome)

    async def _change(self, call: Call, context: Context, row: Any) -> Outcome:
        """Nothing, if everything is said already: whoever sends it twice is answered the same."""
        body: ChangeBody = call.body
        _, contact, before = await self._opened(row)
        stated = contact.model_copy(update={"name": body.name, "organisation_name": body.organisation_name})

        async def take(questions: Questions, answers: tuple[Given, ...]) -> Outcome:
            said = (stated, body.organisation_id, _by_key(answers))
            if said == (contact, row["organisation_id"], _by_key(before)):
                return Outcome(row["registration_id"], row["version"], await self.journal.head(), repeated=True)
            if call.expected_version not in (None, row["version"]):
                raise Refused("stale_version")
            command = await self._sealed(row, stated, body.organisation_id, questions, answers)
            return await self.journal.transact(session.DECIDER, row["session_id"], command, context)

        if body.organisation_id != row["organisation_id"]:
            await self.asking.organisations.refuse_unknown(body.organisation_id)
        try:
            return await self.asking.taken(row["session_id"], body.answers, take, before)
        except Erased as erased:
            raise Problem("not_found") from erased

    async def _sealed(
        self,
        row: Any,
        stated: Contact,
        organisation_id: str | None,
        questions: Questions,
        answers: tuple[Given, ...],
    ) -> ChangeRegistration:
        sealed = await participant.seal(
            self.vault,
            registration_id=row["registration_id"],
            person_id=row["person_id"],
            contact=stated,
            answers=answers,
        )
        return ChangeRegistration(
            registration_id=row["registration_id"],
            change=str(new_id()),
            seen=row["change"],
            organisation_id=organisation_id,
            questions=questions,
            **sealed.fields,
        )

    async def confirm(self, call: Call) -> Answer:
        row = await self._row(call)
        command = ConfirmRegistration(registration_id=row["registration_id"])
        return of_registration(row["registration_id"], await self._transact(call, row, command))

    async def reconfirm(self, call: Call) -> Answer:
        row = await self._row(call)
        command = ReconfirmRegistration(registration_id=row["registration_id"])
        return of_registration(row["registration_id"], await self._transact(call, row, command))

    async def withdraw(self, call: Call) -> Answer:
        row = await self._row(call)
        command = WithdrawRegistration(registration_id=row["registration_id"])
        return of_registration(row["registration_id"], await self._transact(call, row, command))

    async def _row(self, call: Call) -> Any:
        row = await registration_list.by_token_hash(self.pool, participant.token_hash(call.request.match_info["token"]))
        if row is None:
            raise Problem("not_found")
        return row

    async def _opened(self, row: Any) -> tuple[SessionRow, Contact, tuple[Given, ...]]:
        found = await session_row(self.pool, row["session_id"])
        (contact,) = await participant.open_contacts(self.vault, [row])
        (answers,) = await participant.open_answers(self.vault, [row])
        if found is None or contact is None:
            raise Problem("not_found")
        return found, contact, answers

    async def _transact(self, call: Call, row: Any, command: Command) -> Outcome:
        return await self.journal.transact(session.DECIDER, row["session_id"], command, call.context())


def _by_key(answers: Sequence[Given]) -> dict[str, Given]:
    return {given.key: given for given in answers}


def _registration(
    row: Any, of: SessionRow, contact: Contact, answers: Sequence[Given], at: dt.datetime
) -> dict[str, Any]:
    status: Status = row["status"]
    answer_by = of.life.answers_end if row["owes_answer"] else None
    standing, questions = status in registration_list.STANDING, of.life.content.registration_questions
    takes_place = of.life.obstacle(at) is None
    offered = status == "received" and row["promoted"]
    return {
        "id": row["registration_id"],
        "session": summary(of, at),
        "status": status,
        "status_label": OFFERED if offered else STATUS_LABELS[status],
        "name": contact.name,
        "email": contact.email,
        "organisation_id": row["organisation_id"],
        "organisation_name": contact.organisation_name,
        "answers": shown_answers(answers, questions),
        "questions": shown_questions(questions),
        "received_at": row["received_at"].astimezone(BERLIN),
        "confirm_by": row["confirm_by"] and row["confirm_by"].astimezone(BERLIN),
        "offered": offered,
        "waiting_position": row["waiting_position"] if status == "waitlisted" else None,
        "access_link": of.life.content.access_link if status == "confirmed" else None,
        "can_confirm": standing and row["confirm_by"] is not None and takes_place,
        "can_change": standing and takes_place,
        "can_withdraw": standing,
        "answer_by": answer_by,
        "unanswered": of.life.asking.unanswered if of.life.asking and answer_by else None,
        "reconfirmed_at": row["reconfirmed_at"] and row["reconfirmed_at"].astimezone(BERLIN),
        "can_reconfirm": answer_by is not None and at < answer_by and takes_place,
        "version": row["version"],
    }


def endpoints(
    journal: Journal,
    pool: Pool,
    vault: Vault,
    asking: Asking,
    self_until: dt.timedelta = attendance_list.SELF_UNTIL,
) -> list[Endpoint]:
    """What the bearer of a registration's link may do."""
    desk = Desk(journal, pool, vault, asking, self_until)
    over = ("registration_lapsed", "registration_withdrawn", "session_cancelled", "session_over")
    own = "/api/v1/registrations/{token}"
    return [
        Endpoint("GET", own, desk.show, "One's own registration", answer=RegistrationAnswer),
        Endpoint(
            "PUT",
            own,
            desk.change,
            "Changes one's own name, organisation and answers; the address stays what it is",
            body=ChangeBody,
            answer=Committed,
            codes=(*over, "registration_questions_changed", "unknown_organisation"),
            if_match=True,
        ),
        Endpoint(
            "POST",
            f"{own}/confirmations",
            desk.confirm,
            "Confirms one's own registration, or takes a seat that is offered",
            answer=Committed,
            codes=over,
        ),
        Endpoint(
            "POST",
            f"{own}/reconfirmations",
            desk.reconfirm,
            "Says that the new date of a postponed session suits",
            answer=Committed,
            codes=("answer_not_asked", *over),
        ),
        Endpoint(
            "POST",
            f"{own}/withdrawals",
            desk.withdraw,
            "Gives one's own place back, or leaves the waiting list",
            answer=Committed,
        ),
    ]
