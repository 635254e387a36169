"""The letter with the link to sign in. It goes to an address that nobody has confirmed and names nobody."""

from collections.abc import Mapping
from datetime import datetime

from services.notify import german
from services.notify.letter import Button, Fact, Letter, subject
from services.notify.texts import Text, fill, paragraphs

WHY = "Sie erhalten diese Nachricht, weil mit dieser E-Mail-Adresse ein Link zum Anmelden angefordert wurde."


def compose(token: str, valid_until: datetime, texts: Mapping[str, Text], portal: str) -> Letter:
    """What the link is for and how long it can be used."""
    text = texts["sign_in_link"]
    values = {"valid_until": german.moment(valid_until)}
    return Letter(
        subject=subject(text, values),
        tone=text.tone,
        tag=text.tag,
        heading=fill(text.heading, values) or text.tag,
        greeting="Guten Tag,",
        opening=paragraphs(text.opening, values),
        facts=(Fact("Der Link gilt bis", german.moment(valid_until), main=True),),
        closing=paragraphs(text.closing, values),
        button=Button(text.button or text.tag, f"{portal}/anmelden/{token}"),
        footnote=WHY,
    )
