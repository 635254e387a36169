"""Letters about a text for a contact: no word of a form to an unproven address, somebody else's words shown as such."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from uuid import UUID

import pytest

from services.notify import contact
from services.notify.mail import BadAddress, Envelope
from shared.contracts.rpc import ContactLetter, ContactMessage
from tests.unit.notify.samples import COMPOSER, CONFIRM_BY, PORTAL, TEXTS, TOKEN

PROJECT = "0199d2c4-1b7e-7a3c-9c55-2f6d1f0a4b11"
WRITER, OFFICE = "otto.normal@stadt.example", "bauhof@gemeinde.example"
TEXT = "Guten Tag,\n\nwie haben Sie <b>geteilt</b>?\r\n> schon zitiert\u202e\nhttps://falsch.example " + "Wort " * 40
WRITTEN = ContactMessage(
    name="Otto Normal", email=WRITER, organisation_name="Stadt Musterstadt", subject="Kosten", text=TEXT
)
CARD = ContactLetter(
    person_id="writer",
    sender_id="writer",
    email=WRITER,
    about_kind="project",
    about_id=PROJECT,
    about="Gemeinsamer Bauhof",
    token=TOKEN,
    confirm_by=CONFIRM_BY,
)
PASSED_ON = CARD.model_copy(update={"person_id": "office", "email": OFFICE, "token": None, "message": WRITTEN})


def mail(card: ContactLetter) -> EmailMessage:
    letter = contact.compose(card, TEXTS, PORTAL)
    envelope = Envelope(
        UUID(int=1), card.email, datetime(2026, 3, 2, tzinfo=UTC), card.message.email if card.message else None
    )
    found = message_from_bytes(COMPOSER.compose(letter, envelope), policy=default)
    assert isinstance(found, EmailMessage)
    assert not found.defects
    return found


def part(of: EmailMessage, kind: str) -> str:
    found = of.get_body((kind,))
    assert found is not None
    return str(found.get_content())


def test_the_link_goes_to_the_sender() -> None:
    letter = contact.compose(CARD, TEXTS, PORTAL)
    assert letter.button.url == f"{PORTAL}/kontakt/{TOKEN}"
    found = mail(CARD)
    assert (found["Reply-To"], found["To"]) == (None, WRITER)
    for kind in ("plain", "html"):
        said = part(found, kind)
        assert f"{PORTAL}/kontakt/{TOKEN}" in said
        assert "Gemeinsamer Bauhof" in said
        assert "bis Donnerstag, 3. Juli 2025, 14:05 Uhr" in " ".join(said.split())


def test_the_contact_answers_the_sender_directly() -> None:
    found = mail(PASSED_ON)
    assert (found["To"], found["Reply-To"]) == (OFFICE, WRITER)
    assert "portal@interkommunal.example" in found["From"]
    assert "Otto" not in found["Subject"]
    assert "Kosten" not in found["Subject"]
    said = part(found, "plain")
    for known in ("Otto Normal", "Stadt Musterstadt", WRITER, "Kosten", f"{PORTAL}/projekte/{PROJECT}"):
        assert known in said
    assert OFFICE not in said + part(found, "html")


def test_somebody_elses_words_are_quoted_line_by_line_and_stay_plain() -> None:
    said = part(mail(PASSED_ON), "plain")
    quoted = said.split("Wortlaut der Nachricht von Otto Normal:")[1].split("Die Nachricht oben")[0].strip()
    assert quoted.splitlines()[:4] == ["> Guten Tag,", ">", "> wie haben Sie <b>geteilt</b>?", "> > schon zitiert"]
    assert all(line.startswith(">") and len(line) <= 76 for line in quoted.splitlines())
    html = part(mail(PASSED_ON), "html")
    assert "&lt;b&gt;geteilt&lt;/b&gt;" in html
    assert "<b>" not in html
    assert 'href="https://falsch.example' not in html
    assert "\u202e" not in said + html


def test_what_belongs_to_a_cooperation_request_leads_there() -> None:
    card = PASSED_ON.model_copy(update={"about_kind": "cooperation_request"})
    assert contact.compose(card, TEXTS, PORTAL).button.url == f"{PORTAL}/partnersuche/{PROJECT}"


@pytest.mark.parametrize(
    "address", ["otto@stadt.example\r\nBcc: alle@stadt.example", "otto@stadt.example, a@b.example"]
)
def test_an_answer_goes_to_one_address_or_the_mail_is_not_written(address: str) -> None:
    wrong = PASSED_ON.model_copy(update={"message": WRITTEN.model_copy(update={"email": address})})
    with pytest.raises(BadAddress):
        mail(wrong)


def test_a_name_that_is_no_name_cannot_begin_a_line() -> None:
    evil = WRITTEN.model_copy(update={"name": "Otto\r\nBetreff: Gewonnen", "subject": "a\nb"})
    lines = part(mail(PASSED_ON.model_copy(update={"message": evil})), "plain").splitlines()
    assert "Betreff: a b" in lines
    assert not any(line.startswith("Betreff: Gewonnen") for line in lines)
