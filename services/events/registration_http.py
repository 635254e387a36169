"""Registrations over HTTP: who asks for a place, and who takes part as organisers see it."""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from services.events import participant, session
from services.events.asking import Asking, Questions
from services.events.bodies import RegistrationBody, StatedBody
from services.events.participant import Contact
from services.events.registration import RegisterParticipant, Status, WithdrawRegistration
from services.events.registration_answer import AnswerShown
from services.events.registration_questions import Given
from services.events.rights import EDITORS
from services.events.session import Command
from services.events.times import BERLIN
from shared.kernel.decider import Refused
from shared.kernel.http import Answer, Call, Committed, Endpoint
from shared.kernel.ids import new_id
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.recorded import Outcome
from shared.kernel.vault import Erased, Vault

ERASED = "gelöscht"
STATUS_LABELS: dict[Status, str] = {
    "received": "Eingegangen, noch nicht bestätigt",
    "confirmed": "Bestätigt",
    "waitlisted": "Auf der Warteliste",
    "lapsed": "Verfallen",
    "withdrawn": "Abgemeldet",
}


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
    answers: tuple[AnswerShown, ...]
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
    asking: Asking

    async def withdraw_participant(self, call: Call) -> Answer:
        registration_id = call.path_id("registration_id")
        command = WithdrawRegistration(registration_id=registration_id, cause="organiser")
        return of_registration(registration_id, await self._transact(call, command))

    async def check(self, call: Call) -> Answer:
        body: StatedBody = call.body
        await self.asking.check(call.path_id(), body.organisation_id, body.answers)
        return Answer(Accepted())

    async def register(self, call: Call) -> Answer:
        try:
            await self._register(call)
        except Erased:  # whoever is forgotten is answered like everybody else
            pass
        except (Problem, Refused):
            if await self.journal.outcome(call.context()) is None:
                raise
        return Answer(Accepted())

    async def _register(self, call: Call) -> None:
        body: RegistrationBody = call.body

        async def take(questions: Questions, answers: tuple[Given, ...]) -> Outcome:
            return await self._transact(call, await self._sealed(body, questions, answers))

        await self.asking.organisations.refuse_unknown(body.organisation_id)
        await self.asking.taken(call.path_id(), body.answers, take)

    async def _sealed(
        self, body: RegistrationBody, questions: Questions, answers: tuple[Given, ...]
    ) -> RegisterParticipant:
        registration_id, token = str(new_id()), participant.new_token()
        contact = Contact(email=body.email, name=body.name, organisation_name=body.organisation_name, token=token)
        sealed = await participant.seal(
            self.vault, registration_id=registration_id, person_id=body.person_id, contact=contact, answers=answers
        )
        return RegisterParticipant(
            registration_id=registration_id,
            person_id=body.person_id,
            member=body.member,
            organisation_id=body.organisation_id,
            token_hash=participant.token_hash(token),
            questions=questions,
            **sealed.fields,
        )

    async def _transact(self, call: Call, command: Command) -> Outcome:
        return await self.journal.transact(session.DECIDER, call.path_id(), command, call.context())


def of_registration(registration_id: str, outcome: Outcome) -> Answer:
    """The answer to a command about one registration: its id, and the version of its session."""
    body = Committed(id=registration_id, version=outcome.version, position=outcome.position)
    return Answer(body, version=outcome.version)


def participant_answer(row: Any, contact: Contact | None, answers: tuple[AnswerShown, ...]) -> ParticipantAnswer:
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


def endpoints(journal: Journal, pool: Pool, vault: Vault, asking: Asking) -> list[Endpoint]:
    """Registering, and the organiser's list."""
    desk = Desk(journal, pool, vault, asking)
    return [*_organising(desk), *_registering(desk)]


def _registering(desk: Desk) -> list[Endpoint]:
    return [
        Endpoint(
            "POST",
            "/internal/sessions/{id}/registration-checks",
            desk.check,
            "Whether anybody could register with these answers; nothing is kept, and nothing is asked of a person",
            body=StatedBody,
            answer=Accepted,
            codes=("unknown_organisation",),
        ),
        Endpoint(
            "POST",
            "/internal/sessions/{id}/registrations",
            desk.register,
            "Registers a person whom the gateway knows; the answer tells nothing",
            body=RegistrationBody,
            answer=Accepted,
            status=202,
            codes=(
                "registration_closed",
                "registration_questions_changed",
                "session_cancelled",
                "session_full",
                "session_over",
                "session_without_time",
                "unknown_organisation",
            ),
        ),
    ]


def _organising(desk: Desk) -> list[Endpoint]:
    return [
        Endpoint(
            "POST",
            "/api/v1/sessions/{id}/registrations/{registration_id}/withdrawals",
            desk.withdraw_participant,
            "Gives a participant's place back",
            answer=Committed,
            roles=EDITORS,
        ),
    ]
