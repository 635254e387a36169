"""Letters about a text for a contact: the link for who wrote it, and the text itself for who is written to.

The first goes to an address that nobody has confirmed and repeats no word that was typed. The second shows somebody
else's words as such: plain, quoted, under a line that says whose they are.
"""

from collections.abc import Mapping

from services.notify import german
from services.notify.letter import Button, Fact, Letter, quote, subject, titled, visible
from services.notify.texts import Text, fill, paragraphs
from shared.contracts.rpc import ContactLetter, ContactMessage

WHAT = {"project": "Projekt", "cooperation_request": "Gesuch oder Angebot"}
PAGES = {"project": "projekte", "cooperation_request": "partnersuche"}
WHY_SENDER = "Sie erhalten diese Nachricht, weil diese E-Mail-Adresse bei einer Nachricht angegeben wurde."
WHY_CONTACT = (
    "Sie erhalten diese Nachricht, weil diese E-Mail-Adresse hier als Kontakt hinterlegt ist. "
    "Wenn das nicht mehr stimmt, wenden Sie sich bitte an die Redaktion des Portals."
)


def compose(card: ContactLetter, texts: Mapping[str, Text], portal: str) -> Letter:
    """The letter that a card asks for."""
    text = texts["contact_confirmation" if card.message is None else "contact_passed_on"]
    values: dict[str, str | None] = {
        "about": card.about,
        "confirm_by": german.moment(card.confirm_by) if card.confirm_by else None,
        "title": titled(card.about),
    }
    page = f"{portal}/{PAGES[card.about_kind]}/{card.about_id}"
    what = WHAT[card.about_kind]
    return Letter(
        subject=subject(text, values),
        tone=text.tone,
        tag=text.tag,
        heading=fill(text.heading, values) or text.tag,
        greeting="Guten Tag,",
        opening=paragraphs(text.opening, values),
        facts=(Fact(what, card.about, main=True), *(_who(card.message) if card.message else ())),
        closing=paragraphs(text.closing, values),
        button=Button(text.button or f"{what} ansehen", page if card.message else f"{portal}/kontakt/{card.token}"),
        footnote=WHY_CONTACT if card.message else WHY_SENDER,
        quotes=(quote(f"Wortlaut der Nachricht von {visible(card.message.name)}:", card.message.text),)
        if card.message
        else (),
    )


def _who(message: ContactMessage) -> tuple[Fact, ...]:
    said = (("Von", message.name), ("Stelle", message.organisation_name), ("Antwort geht an", message.email))
    facts = [*said, ("Betreff", message.subject)]
    return tuple(Fact(label, visible(value)) for label, value in facts if value)
