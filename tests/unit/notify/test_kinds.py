"""Everything that people are to be told of has its words: the vocabulary's kinds, and those of sessions beside them."""

import pytest

from services.notify.previews import letters
from tests.unit.notify.samples import PORTAL, TEXTS

# What the vocabulary of kinds calls it, and the text that says it. Where it says event or slides, our words stand.
SAID_BY = {
    "event_announcement": "session_announcement",
    "invitation": "invitation",
    "registration_received": "registration_received",
    "registration_confirmed": "registration_confirmed",
    "registration_cancelled": "registration_withdrawn",
    "waitlist_promoted": "waitlist_promoted",
    "reminder": "reminder_day",
    "postponement": "postponement",
    "cancellation": "cancellation",
    "slides_available": "material_published",
    "event_recap": "session_recap",
    "question_received": "question_received",
    "question_answered": "question_answered_in_writing",
    "project_portrait": "project_portrait",
    "project_published": "project_published",
    "project_returned": "project_returned",
    "project_review_due": "project_review_due",
    "contact_request": "contact_passed_on",
    "partner_match": "partner_match",
    "resource_available": "resource_available",
    "saved_search_digest": "saved_search_digest",
    "subscription_confirm": "subscription_confirm",
    "checklist_due": "checklist_due",
}
BESIDE = (
    "registration_waitlisted",
    "reinstatement",
    "relocation",
    "feedback",
    "reminder_hour",
    "question_session_cancelled",
    "question_session_reinstated",
    "group_message",
    "question_declined",
    "question_carried_over",
    "announcement",
    "sign_in_link",
)


@pytest.mark.parametrize("name", [*SAID_BY.values(), *BESIDE])
def test_every_kind_has_its_words_and_can_be_looked_at(name: str) -> None:
    for standing, letter in letters(name, TEXTS, PORTAL):
        assert standing
        assert letter.subject
        assert letter.opening
        assert "{" not in " ".join((letter.subject, letter.heading, *letter.opening, *letter.closing))


@pytest.mark.parametrize("name", TEXTS)
def test_every_text_has_a_sample_and_fills_what_it_offers_wherever_an_editor_puts_it(name: str) -> None:
    everything = " ".join(f"{{{each}}}" for each in TEXTS[name].offers)
    for said in (everything, *(f"{{{each}}}" for each in TEXTS[name].offers), "ohne"):
        words = {"subject": said, "heading": said, "opening": (said,), "closing": (said,)}
        texts = {**TEXTS, name: TEXTS[name].model_copy(update=words)}
        found = list(letters(name, texts, PORTAL))
        assert found
        for _, letter in found:
            written = (letter.subject, letter.heading, *letter.opening, *letter.closing)
            assert not any("{" in each for each in written)


def test_the_vocabulary_has_twenty_three_kinds() -> None:
    assert len(SAID_BY) == len(set(SAID_BY.values())) == 23
