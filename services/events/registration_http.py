"""Registrations over HTTP as organisers see them, and what all answers about them share."""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from services.events import session
from services.events.participant import Contact
from services.events.registration import Status
from services.events.registration_answer import AnswerShown
from services.events.registration_commands import WithdrawRegistration
from services.events.rights import EDITORS
from services.events.times import BERLIN
from shared.kernel.http import Answer, Call, Committed, Endpoint
from shared.kernel.journal import Journal
from shared.kernel.recorded import Outcome

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
    detail: str = "Wir haben eine E-Mail an die angegebene Adresse gesendet. Darin steht, wie es weitergeht."


@dataclass(frozen=True, slots=True)
class Desk:
    """The handlers and what they work with."""

    journal: Journal

    async def withdraw_participant(self, call: Call) -> Answer:
        registration_id = call.path_id("registration_id")
        command = WithdrawRegistration(registration_id=registration_id, cause="organiser")
        outcome = await self.journal.transact(session.DECIDER, call.path_id(), command, call.context())
        return of_registration(registration_id, outcome)


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


def endpoints(journal: Journal) -> list[Endpoint]:
    """What an organiser may do with one registration."""
    desk = Desk(journal)
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
