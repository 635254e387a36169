"""Letters about a question: no word of it to an unproven address, and nothing that is no longer so."""

import pytest

from services.notify import question_letter
from services.notify.cause import QUESTION_KINDS, OfQuestion
from services.notify.letter import Fact, Letter, Quote
from shared.contracts.events import (
    QuestionAccepted,
    QuestionAnswered,
    QuestionCarriedOver,
    QuestionDeclined,
    QuestionMerged,
    QuestionReceived,
    QuestionSubmitted,
)
from shared.contracts.rpc import QuestionLetter
from tests.unit.notify import samples
from tests.unit.notify.samples import NEW, OLD, OPEN, PORTAL, TEXTS, TOKEN, mail_for, session
from tests.unit.notify.test_mail import parsed, part, visible, words

QUESTION = "0198f0a2-0000-7000-8000-0000000000aa"
ASKED = "Dürfen zwei Kommunen\nsich <b>eine</b> Stelle teilen?\r\n\r\nSiehe https://frage.example\u202e"
OF_QUESTION = {"question_id": QUESTION, "session_id": samples.SESSION, "person_id": samples.person().person_id}
RECEIVED = QuestionReceived.model_validate({**OF_QUESTION, "confirm_by": samples.CONFIRM_BY})
CARRIED_OVER = QuestionCarriedOver.model_validate({**OF_QUESTION, "from_session_id": samples.SESSION})
CARRIED_ELSEWHERE = QuestionCarriedOver.model_validate({**OF_QUESTION, "from_session_id": "another"})


def card(status: str, **changes: object) -> QuestionLetter:
    fields: dict[str, object] = {
        "question_id": QUESTION,
        "person_id": OF_QUESTION["person_id"],
        "email": "erika@gemeinde.example",
        "name": "Erika Mustermann",
        "token": TOKEN,
        "status": status,
        "question": ASKED,
        "session": session(**samples.dated(NEW), previous=OLD),
        **changes,
    }
    return QuestionLetter.model_validate(fields)


QUESTIONS: dict[str, tuple[OfQuestion, QuestionLetter]] = {
    "question received": (RECEIVED, card("received", question=None, confirm_by=samples.CONFIRM_BY)),
    "question submitted": (QuestionSubmitted.model_validate(OF_QUESTION), card("submitted")),
    "question accepted": (QuestionAccepted.model_validate(OF_QUESTION), card("accepted")),
    "question merged": (QuestionMerged.model_validate({**OF_QUESTION, "into": "other"}), card("merged")),
    "question declined": (
        QuestionDeclined.model_validate(OF_QUESTION),
        card("declined", reason="Das ist eine Frage der Rechtsberatung."),
    ),
    "question answered in the session": (
        QuestionAnswered.model_validate({**OF_QUESTION, "way": "in_session"}),
        card("answered"),
    ),
    "question published": (
        QuestionAnswered.model_validate({**OF_QUESTION, "way": "in_session", "published": True}),
        card("answered", published=True, answer="Ja."),
    ),
    "question answered in writing": (
        QuestionAnswered.model_validate({**OF_QUESTION, "way": "in_writing"}),
        card("answered", answer="Ja.\n\nDas regelt § 1 GkG NRW."),
    ),
    "question carried over": (CARRIED_OVER, card("accepted")),
    "question carried elsewhere": (CARRIED_ELSEWHERE, card("accepted")),
}


def letter_for(name: str) -> Letter:
    return question_letter.compose(*QUESTIONS[name], TEXTS, PORTAL)


def test_every_cause_is_among_the_samples() -> None:
    assert {type(cause) for cause, _ in QUESTIONS.values()} == set(QUESTION_KINDS)


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_letter_is_whole_in_text_and_html(name: str) -> None:
    letter = letter_for(name)
    mail = parsed(mail_for(letter))
    text, html = words(part(mail, "text/plain").get_content()), words(" ".join(visible(mail).text))
    assert letter.button.url == f"{PORTAL}/fragen/{TOKEN}"
    assert samples.TITLE in letter.subject
    for said in (letter.greeting, *letter.opening, *letter.closing, letter.button.url, letter.footnote):
        assert "{" not in said
        assert words(said) in text
        assert words(said) in html
    for quote in letter.quotes:
        assert quote.of in text
        assert all(f"> {line}".rstrip() in text and line in html for line in quote.lines)


def test_no_word_of_a_form_goes_to_an_unproven_address() -> None:
    told = QUESTIONS["question received"][1].model_copy(update={"question": ASKED, "name": "Sie haben gewonnen"})
    letter = question_letter.compose(RECEIVED, told, TEXTS, PORTAL)
    assert (letter.greeting, letter.quotes) == ("Guten Tag,", ())
    assert "Stelle teilen" not in str(letter)
    assert "gewonnen" not in str(letter)
    assert "bis Donnerstag, 3. Juli 2025, 14:05 Uhr" in " ".join(letter.opening)


def test_somebodys_own_words_are_quoted_and_stay_plain() -> None:
    letter = letter_for("question accepted")
    assert letter.greeting == "Guten Tag Erika Mustermann,"
    lines = ("Dürfen zwei Kommunen", "sich <b>eine</b> Stelle teilen?", "", "Siehe https://frage.example")
    assert letter.quotes == (Quote("Ihre Frage:", lines),)
    reader = visible(parsed(mail_for(letter)))
    assert not {"b", "script"} & set(reader.tags)
    assert all(address.startswith(PORTAL) for address in reader.addresses)


def test_a_declined_question_says_why_and_an_answered_one_what() -> None:
    assert letter_for("question declined").quotes[1] == Quote(
        "Begründung:", ("Das ist eine Frage der Rechtsberatung.",)
    )
    assert letter_for("question answered in writing").quotes[1] == Quote(
        "Antwort:", ("Ja.", "", "Das regelt § 1 GkG NRW.")
    )
    without = card("declined", reason=None)
    assert len(question_letter.compose(QUESTIONS["question declined"][0], without, TEXTS, PORTAL).quotes) == 1


def test_nobody_is_told_that_everybody_can_read_what_was_taken_back() -> None:
    cause, told = QUESTIONS["question published"]
    assert "können jetzt alle" in letter_for("question published").opening[0]
    assert question_letter.concerns(cause, told)
    assert not question_letter.concerns(cause, told.model_copy(update={"published": False}))
    answered, _ = QUESTIONS["question answered in the session"]
    assert question_letter.concerns(answered, told.model_copy(update={"published": False}))


def test_what_questions_of_a_series_are_sent_under_is_named() -> None:
    named = card("accepted", keyword="Digitale Sprechstunde")
    for cause in (RECEIVED, CARRIED_OVER, QUESTIONS["question accepted"][0]):
        facts = question_letter.compose(cause, named, TEXTS, PORTAL).facts
        assert facts[-1] == Fact("Stichwort", "Digitale Sprechstunde")


def test_a_question_kept_for_another_date_names_the_old_and_the_new_one() -> None:
    assert letter_for("question carried over").facts == (
        Fact("Bisheriger Termin", "Donnerstag, 31. Juli 2025, 10:00 Uhr", outdated=True),
        Fact("Neuer Termin", "Donnerstag, 28. August 2025, 10:00 Uhr", main=True),
    )
    open_ = card("accepted", session=session(**samples.dated(OPEN), previous=OLD))
    facts = question_letter.compose(CARRIED_OVER, open_, TEXTS, PORTAL).facts
    assert facts[1] == Fact("Neuer Termin", "Der Termin steht noch nicht fest.", main=True)
    elsewhere = letter_for("question carried elsewhere").facts
    assert [fact.label for fact in elsewhere] == ["Veranstaltung", "Termin"]


@pytest.mark.parametrize(
    ("name", "since"),
    [
        ("question received", ("submitted", "accepted")),
        ("question accepted", ("declined",)),
        ("question merged", ("submitted", "accepted", "declined")),
        ("question declined", ("accepted", "answered")),
        ("question answered in writing", ("accepted",)),
        ("question carried over", ("declined", "answered")),
    ],
)
def test_nobody_is_told_what_is_no_longer_so(name: str, since: tuple[str, ...]) -> None:
    cause, told = QUESTIONS[name]
    assert question_letter.concerns(cause, told)
    for status in (*since, "withdrawn", "lapsed"):
        assert not question_letter.concerns(cause, told.model_copy(update={"status": status})), status


@pytest.mark.parametrize(("name", "since"), [("question submitted", "declined"), ("question merged", "answered")])
def test_every_step_is_told_though_the_next_one_was_taken(name: str, since: str) -> None:
    cause, told = QUESTIONS[name]
    assert question_letter.concerns(cause, told.model_copy(update={"status": since}))


def test_no_question_is_kept_for_a_session_that_was_cancelled_since_or_that_it_left() -> None:
    assert not question_letter.concerns(CARRIED_OVER, card("accepted", session=session(status="cancelled")))
    assert not question_letter.concerns(CARRIED_OVER, card("accepted", session=session(session_id="next")))
