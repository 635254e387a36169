"""Letters about a text for a contact: the link for who wrote it, and the text itself for who is written to.

The first goes to an address that nobody has confirmed and repeats no word that was typed. The second shows somebody
else's words as such: plain, quoted, under a line that says whose they are.
"""

import unicodedata
from collections.abc import Mapping

from services.notify import german
from services.notify.letter import Button, Fact, Letter, Quote
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
        "title": f"„{card.about.replace('„', '‚').replace('“', '‘')}“",
    }
    page = f"{portal}/{PAGES[card.about_kind]}/{card.about_id}"
    what = WHAT[card.about_kind]
    return Letter(
        subject=" ".join((fill(text.subject, values) or text.tag).split()),
        tone=text.tone,
        tag=text.tag,
        heading=text.heading,
        greeting="Guten Tag,",
        opening=paragraphs(text.opening, values),
        facts=(Fact(what, card.about, main=True), *(_who(card.message) if card.message else ())),
        closing=paragraphs(text.closing, values),
        button=Button(text.button or f"{what} ansehen", page if card.message else f"{portal}/kontakt/{card.token}"),
        footnote=WHY_CONTACT if card.message else WHY_SENDER,
        quote=_quote(card.message) if card.message else None,
    )


def _who(message: ContactMessage) -> tuple[Fact, ...]:
    said = (("Von", message.name), ("Stelle", message.organisation_name), ("Antwort geht an", message.email))
    facts = [*said, ("Betreff", message.subject)]
    return tuple(Fact(label, _visible(value)) for label, value in facts if value)


def _quote(message: ContactMessage) -> Quote:
    lines = message.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return Quote(f"Wortlaut der Nachricht von {_visible(message.name)}:", tuple(map(_visible, lines)))


def _visible(text: str) -> str:
    """One line without what a reader cannot see: control characters, marks that turn the direction of writing."""
    shown = (c for c in text if unicodedata.category(c) != "Cf")
    return "".join(" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in shown).strip()
