"""What is written down for each recipient of a mailing: the message, sealed, and what it does to a calendar."""

from collections.abc import Collection, Coroutine
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.notify import question_letter, queue, sealing
from services.notify.cause import ABOUT_CONTACTS, ABOUT_QUESTIONS
from services.notify.mailing import Mailing
from services.notify.queue import Note
from services.notify.scene import Scene, as_left_by, concerns, while_registered
from services.notify.session_calendar import calendar_method
from shared.contracts.rpc import (
    ContactAnswered,
    ContactLetter,
    QuestionLetter,
    QuestionLetterAnswered,
    Recipient,
    RecipientsAnswered,
)
from shared.kernel.vault import Erased, Vault

type Answered = RecipientsAnswered | ContactAnswered | QuestionLetterAnswered


@dataclass(frozen=True, slots=True)
class Notes:
    """Makes notes of answers. `in_calendar` names the registrations whose calendar has an entry, of those who go."""

    vault: Vault
    in_calendar: Collection[str]

    def of(self, asked: Mailing, answer: Answered) -> list[Coroutine[Any, Any, Note | None]]:
        """A note for each recipient; it becomes None for who was erased here before the other service knew of it."""
        match answer:
            case RecipientsAnswered():
                return [self._for_person(asked, answer, person) for person in answer.recipients if _told(asked, person)]
            case ContactAnswered():
                return [self._for_contact(asked, answer.letter)] if answer.letter else []
            case QuestionLetterAnswered():
                letter = answer.letter
                return [self._for_asker(asked, letter)] if letter and _asker_told(asked, letter) else []

    async def _for_person(self, asked: Mailing, answer: RecipientsAnswered, person: Recipient) -> Note | None:
        assert not isinstance(asked.what, ABOUT_CONTACTS + ABOUT_QUESTIONS)
        scene = Scene(
            asked.what,
            as_left_by(asked.what, asked.session or answer.session),
            person,
            portal="",
            stamp=asked.happened_at,
            now=asked.happened_at,
            in_calendar=person.registration_id in self.in_calendar,
        )
        try:
            sealed = await sealing.seal(self.vault, person.person_id, person)
        except Erased:
            return None
        return Note(
            id=_id(person.person_id, asked),
            mailing_id=asked.id,
            kind=asked.kind,
            person_id=person.person_id,
            session_id=asked.session_id,
            registration_id=person.registration_id,
            priority=asked.priority,
            calendar=calendar_method(scene),
            sealed=sealed,
            while_registered=while_registered(asked.what, person),
        )

    async def _for_asker(self, asked: Mailing, letter: QuestionLetter) -> Note | None:
        try:
            sealed = await sealing.seal(self.vault, letter.person_id, letter)
        except Erased:
            return None
        return Note(
            id=_id(letter.person_id, asked),
            mailing_id=asked.id,
            kind=asked.kind,
            person_id=letter.person_id,
            session_id=asked.session_id,
            registration_id=None,
            priority=asked.priority,
            calendar=None,
            sealed=sealed,
        )

    async def _for_contact(self, asked: Mailing, letter: ContactLetter) -> Note | None:
        """The one message about a contact request. It is gone when its recipient or its sender is erased."""
        try:
            sealed = await sealing.seal_letter(self.vault, letter)
        except Erased:
            return None
        return Note(
            id=_id(letter.person_id, asked),
            mailing_id=asked.id,
            kind=asked.kind,
            person_id=letter.person_id,
            session_id=None,
            registration_id=None,
            priority=asked.priority,
            calendar=None,
            sealed=sealed,
            sealed_for=letter.sender_id,
            contact_request_id=asked.contact_request_id,
        )


def _told(asked: Mailing, person: Recipient) -> bool:
    assert not isinstance(asked.what, ABOUT_CONTACTS + ABOUT_QUESTIONS)
    return concerns(asked.what, person)


def _asker_told(asked: Mailing, letter: QuestionLetter) -> bool:
    assert isinstance(asked.what, ABOUT_QUESTIONS)
    return question_letter.concerns(asked.what, letter)


def _id(person_id: str, asked: Mailing) -> UUID:
    return queue.message_id(person_id, asked.cause, asked.recorded_at, asked.kind)
