"""Sample letters to who asked a question, to who writes to a contact, and to the contact."""

from collections.abc import Iterator, Mapping
from functools import partial

from services.notify import asker_letter, contact, question_letter
from services.notify.cause import OfQuestion
from services.notify.letter import Letter
from services.notify.sample import (
    ANY_ID,
    CONFIRM_BY,
    EMAIL,
    NAME,
    NEW,
    OLD,
    OTHER_PERSON,
    PERSON,
    TOKEN,
    Sample,
    session_card,
    times_of,
)
from services.notify.texts import Text
from shared.contracts.events import (
    QuestionAccepted,
    QuestionAnswered,
    QuestionCarriedOver,
    QuestionDeclined,
    QuestionMerged,
    QuestionReceived,
    QuestionSubmitted,
    SessionCancelled,
    SessionReinstated,
)
from shared.contracts.rpc import ContactLetter, ContactMessage, QuestionLetter

ASKED = {"question_id": ANY_ID, "session_id": ANY_ID, "person_id": PERSON}
QUESTION = "Wie verteilen wir die Kosten, wenn eine Gemeinde später dazukommt?"
ANSWER = "Vereinbaren Sie einen Schlüssel, der die Investitionen der ersten Jahre berücksichtigt."


def _card(status: str, **changes: object) -> QuestionLetter:
    known = {"question_id": ANY_ID, "person_id": PERSON, "email": EMAIL, "name": NAME, "token": TOKEN}
    asked = {"question": QUESTION, "session": session_card(previous=OLD)}
    return QuestionLetter.model_validate({**known, **asked, "status": status, **changes})


QUESTIONS: tuple[tuple[OfQuestion, QuestionLetter], ...] = (
    (QuestionReceived.model_validate({**ASKED, "confirm_by": CONFIRM_BY}), _card("received", question=None)),
    (QuestionSubmitted.model_validate(ASKED), _card("submitted")),
    (QuestionAccepted.model_validate(ASKED), _card("accepted")),
    (QuestionMerged.model_validate({**ASKED, "into": ANY_ID}), _card("merged")),
    (
        QuestionDeclined.model_validate(ASKED),
        _card("declined", reason="Das ist eine Frage der Rechtsberatung im Einzelfall."),
    ),
    (QuestionAnswered.model_validate({**ASKED, "way": "in_session"}), _card("answered")),
    (QuestionAnswered.model_validate({**ASKED, "way": "in_writing"}), _card("answered", answer=ANSWER)),
    (
        QuestionAnswered.model_validate({**ASKED, "way": "in_writing", "published": True}),
        _card("answered", answer=ANSWER, published=True),
    ),
    (QuestionCarriedOver.model_validate({**ASKED, "from_session_id": ANY_ID}), _card("accepted")),
    (QuestionCarriedOver.model_validate({**ASKED, "from_session_id": OTHER_PERSON}), _card("accepted")),
)


OF_SESSION = {"session_id": ANY_ID, "series_id": ANY_ID, "title": session_card().title, **times_of(NEW), "sequence": 2}
WAITING: tuple[asker_letter.Cause, ...] = (
    SessionCancelled.model_validate({**OF_SESSION, "reason": "Erkrankung"}),
    SessionReinstated.model_validate(OF_SESSION),
)


def _contact(**changes: object) -> ContactLetter:
    about = {"about_kind": "project", "about_id": ANY_ID, "about": "Gemeinsamer Bauhof"}
    return ContactLetter.model_validate(
        {"person_id": PERSON, "sender_id": OTHER_PERSON, "email": EMAIL, **about, **changes}
    )


MESSAGE = ContactMessage(
    name=NAME,
    email=EMAIL,
    organisation_name="Stadt Musterstadt",
    subject="Verteilung der Kosten",
    text="Guten Tag,\n\nwie haben Sie die Kosten verteilt?\n\nFreundliche Grüße",
)
CONTACTS = (
    ("contact_confirmation", "noch nicht bestätigt", _contact(token=TOKEN, confirm_by=CONFIRM_BY)),
    ("contact_passed_on", "Kontakt eines Projekts", _contact(message=MESSAGE)),
    ("contact_passed_on", "Kontakt eines Gesuchs", _contact(message=MESSAGE, about_kind="cooperation_request")),
)


def samples() -> Iterator[Sample]:
    """All of them."""
    for cause, card in QUESTIONS:
        standing = "noch nicht bestätigt" if card.status == "received" else "fragende Person"
        yield Sample(question_letter.text_for(cause), standing, partial(_question, cause, card))
    for told in WAITING:
        letter_of = partial(asker_letter.compose, told, _card("accepted"))
        yield Sample(asker_letter.text_for(told), "fragende Person ohne Anmeldung", letter_of)
    for text, standing, letter in CONTACTS:
        yield Sample(text, standing, partial(contact.compose, letter))


def _question(cause: OfQuestion, card: QuestionLetter, texts: Mapping[str, Text], portal: str) -> Letter:
    return question_letter.compose(cause, card, texts, portal)
