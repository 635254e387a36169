"""From a claimed message to the mail: what is known of its recipient, put into the letter that its cause asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from services.notify import contact, question_letter, session_letter
from services.notify.cause import ABOUT_CONTACTS, ABOUT_QUESTIONS, of_use_until
from services.notify.letter import Letter
from services.notify.mail import Composer, Envelope
from services.notify.mailing import Told
from services.notify.queue import Claimed
from services.notify.scene import Scene
from services.notify.texts import Text
from shared.contracts.rpc import ContactLetter, QuestionLetter, Recipient


class TooLate(Exception):
    """The message has become pointless while it waited."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What a letter is written with."""

    composer: Composer
    texts: Mapping[str, Text]
    portal: str


def write(desk: Desk, claimed: Claimed, told: Told, known: bytes, now: datetime) -> tuple[str, bytes]:
    """The recipient's address and the mail; `known` is the JSON that was sealed for the recipient."""
    until = of_use_until(told.cause)
    if until is not None and until <= now:
        raise TooLate
    letter, address, answer_to = _letter(desk, claimed, told, known, now)
    return address, desk.composer.compose(letter, Envelope(claimed.id, address, claimed.created_at, answer_to))


def _letter(desk: Desk, claimed: Claimed, told: Told, known: bytes, now: datetime) -> tuple[Letter, str, str | None]:
    """The letter, to whom, and who gets the answer."""
    cause = told.cause
    if isinstance(cause, ABOUT_CONTACTS):
        card = ContactLetter.model_validate_json(known)
        return contact.compose(card, desk.texts, desk.portal), card.email, card.message.email if card.message else None
    if isinstance(cause, ABOUT_QUESTIONS):
        asker = QuestionLetter.model_validate_json(known)
        return question_letter.compose(cause, asker, desk.texts, desk.portal), asker.email, None
    assert told.session is not None
    person = Recipient.model_validate_json(known)
    scene = Scene(
        cause,
        told.session,
        person,
        desk.portal,
        told.happened_at,
        now,
        in_calendar=claimed.calendar == "CANCEL",
        group_message=told.group_message,
    )
    return session_letter.compose(scene, desk.texts), person.email, None
