"""Letters to who asked a question: the link that confirms it, and what became of it.

The first goes to an address that nobody has confirmed and repeats no word of the question.
"""

from collections.abc import Mapping

from services.notify import german
from services.notify.cause import QUESTION_KINDS, OfQuestion
from services.notify.letter import Button, Fact, Letter, greeting, quote, subject, titled
from services.notify.texts import Text, fill, paragraphs
from shared.contracts.contract import Contract
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

WHY = "Sie erhalten diese Nachricht, weil Sie mit dieser E-Mail-Adresse eine Frage gestellt haben."
WHY_UNCONFIRMED = "Sie erhalten diese Nachricht, weil diese E-Mail-Adresse bei einer Frage angegeben wurde."
# What may have become of a question while a letter about it still says what is so.
STANDS: dict[type[Contract], set[str]] = {
    QuestionReceived: {"received"},
    QuestionSubmitted: {"submitted", "accepted", "merged", "declined", "answered"},
    QuestionAccepted: {"accepted", "merged", "answered"},
    QuestionMerged: {"merged", "answered"},
    QuestionDeclined: {"declined"},
    QuestionAnswered: {"answered"},
    QuestionCarriedOver: {"submitted", "accepted", "merged"},
}


def concerns(cause: OfQuestion, card: QuestionLetter) -> bool:
    """Whether the asker still has to be told: what came since is told by what came.

    Nobody is told that everybody can read what was taken back, nor that a question is kept for a session that was
    cancelled since or that it was carried on from.
    """
    if card.status not in STANDS[type(cause)]:
        return False
    if isinstance(cause, QuestionCarriedOver):
        return card.session.session_id == cause.session_id and card.session.status != "cancelled"
    return card.published or not (isinstance(cause, QuestionAnswered) and cause.published)


def holds(cause: OfQuestion, card: QuestionLetter) -> bool:
    """Whether a letter that was to be written still says what is so, though more may have happened meanwhile.

    Who was asked for a click and has clicked may still read that; who took the question back may not.
    """
    if isinstance(cause, QuestionReceived):
        return card.status not in {"withdrawn", "lapsed"}
    return concerns(cause, card)


def compose(cause: OfQuestion, card: QuestionLetter, texts: Mapping[str, Text], portal: str) -> Letter:
    """The letter that tells the asker of this cause."""
    text = texts[text_for(cause)]
    proven = not isinstance(cause, QuestionReceived)
    values = {
        "title": titled(card.session.title),
        "session": card.session.title,
        "confirm_by": german.moment(cause.confirm_by) if isinstance(cause, QuestionReceived) else None,
    }
    quotes = (("Ihre Frage:", card.question), *_said(cause, card)) if proven else ()
    return Letter(
        subject=subject(text, values),
        tone=text.tone,
        tag=text.tag,
        heading=fill(text.heading, values) or text.tag,
        greeting=greeting(card.name) if proven else "Guten Tag,",
        opening=paragraphs(text.opening, values),
        facts=tuple(_facts(cause, card)),
        closing=paragraphs(text.closing, values),
        button=Button(text.button or "Frage ansehen", f"{portal}/fragen/{card.token}"),
        footnote=WHY if proven else WHY_UNCONFIRMED,
        quotes=tuple(quote(of, words) for of, words in quotes if words),
    )


def text_for(cause: OfQuestion) -> str:
    """The name of the text for a cause and its circumstances."""
    kind = QUESTION_KINDS[type(cause)].name
    match cause:
        case QuestionAnswered():
            return "question_published" if cause.published else f"{kind}_{cause.way}"
        case QuestionCarriedOver():
            return kind if cause.session_id == cause.from_session_id else f"{kind}_elsewhere"
        case QuestionReceived() | QuestionSubmitted() | QuestionAccepted() | QuestionMerged() | QuestionDeclined():
            return kind


def _said(cause: OfQuestion, card: QuestionLetter) -> tuple[tuple[str, str | None], ...]:
    """What was said about the question, under whose words they are."""
    match cause:
        case QuestionDeclined():
            return (("Begründung:", card.reason),)
        case QuestionAnswered():
            return (("Antwort:", card.answer),)
        case QuestionReceived() | QuestionSubmitted() | QuestionAccepted() | QuestionMerged() | QuestionCarriedOver():
            return ()


def _facts(cause: OfQuestion, card: QuestionLetter) -> list[Fact]:
    session = card.session
    when = german.span(session) or german.OPEN
    keyword = [Fact("Stichwort", card.keyword)] if card.keyword else []
    if isinstance(cause, QuestionCarriedOver) and cause.session_id == cause.from_session_id:
        before = german.span(session.previous) if session.previous else None
        old = [Fact("Bisheriger Termin", before, outdated=True)] if before else []
        return [*old, Fact("Neuer Termin", when, main=True), *keyword]
    return [Fact("Veranstaltung", session.title, main=True), Fact("Termin", when), *keyword]
