"""Registrations over HTTP: by the people themselves, through the link in their mail, and by organisers."""

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from services.events import participant, registration_list, session
from services.events.answers_to_postponement import ReconfirmRegistration
from services.events.bodies import RegistrationBody
from services.events.life_commands import Unanswered
from services.events.participant import Answers, Contact
from services.events.registration import (
    ConfirmRegistration,
    RegisterParticipant,
    Status,
    WithdrawRegistration,
)
from services.events.rights import EDITORS
from services.events.session import Command
from services.events.session_list import session_row
from services.events.session_shown import SessionRow, SessionSummary, summary
from services.events.times import BERLIN
from shared.kernel.http import Answer, Call, Committed, Endpoint, Page, Paging, decode_cursor, encode_cursor, page
from shared.kernel.ids import new_id
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.recorded import Outcome
from shared.kernel.vault import Erased, Vault

ERASED = "gelöscht"
PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
STATUS_LABELS: dict[Status, str] = {
    "received": "Eingegangen, noch nicht bestätigt",
    "confirmed": "Bestätigt",
    "waitlisted": "Auf der Warteliste",
    "lapsed": "Verfallen",
    "withdrawn": "Abgemeldet",
}
_VERSION = TypeAdapter(tuple[Annotated[int, Field(ge=0, le=2**62)]])


class ParticipantQuery(Paging):
    """The parameters of the organiser's list."""

    status: list[Status] | None = None


class RegistrationAnswer(BaseModel):
    """One's own registration. The access link is there once it is confirmed; a waiting position counts from 1.

    `answer_by` is there while it is asked whether the new date suits; who is `unanswered` by then stays or goes.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    session: SessionSummary
    status: Status
    status_label: str
    name: str
    email: str
    organisation_name: str | None
    received_at: dt.datetime
    confirm_by: dt.datetime | None
    waiting_position: int | None
    access_link: str | None
    can_confirm: bool
    can_withdraw: bool
    answer_by: dt.datetime | None
    unanswered: Unanswered | None
    reconfirmed_at: dt.datetime | None
    can_reconfirm: bool


class ParticipantAnswer(BaseModel):
    """A registration as organisers see it. Who was erased shows as such.

    `reconfirmed_at` is when the person said that the latest new date suits, `owes_answer` whether that is still asked.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    person_id: str
    status: Status
    status_label: str
    name: str
    email: str | None
    organisation_id: str | None
    organisation_name: str | None
    answers: Answers
    received_at: dt.datetime
    confirm_by: dt.datetime | None
    waiting_position: int | None
    reconfirmed_at: dt.datetime | None
    owes_answer: bool


class Accepted(BaseModel):
    """What everybody is answered who asks for a place: the mail says the rest."""

    model_config = ConfigDict(frozen=True)

    status: Literal["accepted"] = "accepted"
    detail: str = "Wir haben eine E-Mail an die angegebene Adresse gesendet. Bitte folgen Sie dem Link darin."


@dataclass(frozen=True, slots=True)
class Desk:
    """The handlers and what they work with."""

    journal: Journal
    pool: Pool
    vault: Vault

    async def list_participants(self, call: Call) -> Answer:
        session_id, query = call.path_id(), call.query
        if await session_row(self.pool, session_id, drafts=True) is None:
            raise Problem("not_found")
        after = decode_cursor(query.cursor, _VERSION)[0] if query.cursor else 0
        rows = await registration_list.of_session(
            self.pool, session_id, after=after, limit=query.limit + 1, statuses=query.status
        )
        shown = rows[: query.limit]
        contacts = await participant.open_contacts(self.vault, shown)
        answers = await participant.open_answers(self.vault, shown)
        items = list(map(_participant, shown, contacts, answers))
        more = encode_cursor((shown[-1]["received_version"],)) if len(rows) > query.limit else None
        total = await registration_list.count_of_session(self.pool, session_id, query.status)
        return page(Page(items=items, next=more, total=total), call)

    async def withdraw_participant(self, call: Call) -> Answer:
        registration_id = call.path_id("registration_id")
        command = WithdrawRegistration(registration_id=registration_id, cause="organiser")
        return _of(registration_id, await self._transact(call, command))

    async def register(self, call: Call) -> Answer:
        body: RegistrationBody = call.body
        try:
            command = await self._sealed(body)
        except Erased:  # whoever is forgotten is answered like everybody else
            return Answer(Accepted())
        await self._transact(call, command)
        return Answer(Accepted())

    async def _sealed(self, body: RegistrationBody) -> RegisterParticipant:
        return await participant.seal(
            self.vault,
            registration_id=str(new_id()),
            person_id=body.person_id,
            member=body.member,
            organisation_id=body.organisation_id,
            contact=Contact(
                email=body.email,
                name=body.name,
                organisation_name=body.organisation_name,
                token=participant.new_token(),
            ),
            answers=body.given,
        )

    async def show_registration(self, call: Call) -> Answer:
        row = await self._registration(call)
        found = await session_row(self.pool, row["session_id"])
        (contact,) = await participant.open_contacts(self.vault, [row])
        if found is None or contact is None:
            raise Problem("not_found")
        return Answer(_registration(row, found, contact, call.at), headers=PRIVATE)

    async def confirm(self, call: Call) -> Answer:
        row = await self._registration(call)
        return await self._of_registration(call, row, ConfirmRegistration(registration_id=row["registration_id"]))

    async def reconfirm(self, call: Call) -> Answer:
        row = await self._registration(call)
        return await self._of_registration(call, row, ReconfirmRegistration(registration_id=row["registration_id"]))

    async def withdraw(self, call: Call) -> Answer:
        row = await self._registration(call)
        return await self._of_registration(call, row, WithdrawRegistration(registration_id=row["registration_id"]))

    async def _transact(self, call: Call, command: Command) -> Outcome:
        return await self.journal.transact(session.DECIDER, call.path_id(), command, call.context())

    async def _registration(self, call: Call) -> Any:
        row = await registration_list.by_token_hash(self.pool, participant.token_hash(call.request.match_info["token"]))
        if row is None:
            raise Problem("not_found")
        return row

    async def _of_registration(self, call: Call, row: Any, command: Command) -> Answer:
        outcome = await self.journal.transact(session.DECIDER, row["session_id"], command, call.context())
        return _of(row["registration_id"], outcome)


def _of(registration_id: str, outcome: Outcome) -> Answer:
    """The answer to a command about one registration: its id, and the version of its session."""
    body = Committed(id=registration_id, version=outcome.version, position=outcome.position)
    return Answer(body, version=outcome.version)


def _participant(row: Any, contact: Contact | None, answers: Answers) -> ParticipantAnswer:
    return ParticipantAnswer(
        id=row["registration_id"],
        person_id=row["person_id"],
        status=row["status"],
        status_label=STATUS_LABELS[row["status"]],
        name=contact.name if contact else ERASED,
        email=contact.email if contact else None,
        organisation_id=row["organisation_id"],
        organisation_name=contact.organisation_name if contact else None,
        answers=answers,
        received_at=row["received_at"].astimezone(BERLIN),
        confirm_by=row["confirm_by"] and row["confirm_by"].astimezone(BERLIN),
        waiting_position=row["waiting_position"],
        reconfirmed_at=row["reconfirmed_at"] and row["reconfirmed_at"].astimezone(BERLIN),
        owes_answer=bool(row["owes_answer"]),
    )


def _registration(row: Any, of: SessionRow, contact: Contact, at: dt.datetime) -> RegistrationAnswer:
    status: Status = row["status"]
    standing = status in registration_list.STANDING
    answer_by = of.life.answers_end if row["owes_answer"] else None
    return RegistrationAnswer(
        id=row["registration_id"],
        session=summary(of, at),
        status=status,
        status_label=STATUS_LABELS[status],
        name=contact.name,
        email=contact.email,
        organisation_name=contact.organisation_name,
        received_at=row["received_at"].astimezone(BERLIN),
        confirm_by=row["confirm_by"] and row["confirm_by"].astimezone(BERLIN),
        waiting_position=row["waiting_position"] if status == "waitlisted" else None,
        access_link=of.life.content.access_link if status == "confirmed" else None,
        can_confirm=standing and row["confirm_by"] is not None and of.life.obstacle(at) is None,
        can_withdraw=standing,
        answer_by=answer_by,
        unanswered=of.life.asking.unanswered if of.life.asking and answer_by else None,
        reconfirmed_at=row["reconfirmed_at"] and row["reconfirmed_at"].astimezone(BERLIN),
        can_reconfirm=answer_by is not None and at < answer_by and of.life.obstacle(at) is None,
    )


def endpoints(journal: Journal, pool: Pool, vault: Vault) -> list[Endpoint]:
    """Registering, one's own registration, and the organiser's list."""
    desk = Desk(journal, pool, vault)
    return [*_organising(desk), *_registering(desk)]


def _registering(desk: Desk) -> list[Endpoint]:
    return [
        Endpoint(
            "POST",
            "/internal/sessions/{id}/registrations",
            desk.register,
            "Registers a person whom the gateway knows; the answer tells nothing",
            body=RegistrationBody,
            answer=Accepted,
            status=202,
            codes=("registration_closed", "session_without_time", "session_cancelled", "session_over"),
        ),
        Endpoint(
            "GET",
            "/api/v1/registrations/{token}",
            desk.show_registration,
            "One's own registration",
            answer=RegistrationAnswer,
        ),
        Endpoint(
            "POST",
            "/api/v1/registrations/{token}/confirmations",
            desk.confirm,
            "Confirms one's own registration",
            answer=Committed,
            codes=("registration_lapsed", "registration_withdrawn", "session_cancelled", "session_over"),
        ),
        Endpoint(
            "POST",
            "/api/v1/registrations/{token}/reconfirmations",
            desk.reconfirm,
            "Says that the new date of a postponed session suits",
            answer=Committed,
            codes=(
                "answer_not_asked",
                "registration_lapsed",
                "registration_withdrawn",
                "session_cancelled",
                "session_over",
            ),
        ),
        Endpoint(
            "POST",
            "/api/v1/registrations/{token}/withdrawals",
            desk.withdraw,
            "Gives one's own place back",
            answer=Committed,
        ),
    ]


def _organising(desk: Desk) -> list[Endpoint]:
    return [
        Endpoint(
            "GET",
            "/api/v1/sessions/{id}/registrations",
            desk.list_participants,
            "Who takes part, in the order of registering",
            query=ParticipantQuery,
            answer=Page[ParticipantAnswer],
            roles=EDITORS,
        ),
        Endpoint(
            "POST",
            "/api/v1/sessions/{id}/registrations/{registration_id}/withdrawals",
            desk.withdraw_participant,
            "Gives a participant's place back",
            answer=Committed,
            roles=EDITORS,
        ),
    ]
