"""The letter to who waits for an answer at a session that was cancelled, or takes place after all."""

from collections.abc import Mapping

from services.notify import german
from services.notify.letter import Button, Fact, Letter, greeting, subject, titled
from services.notify.question_letter import WHY
from services.notify.texts import Text, fill, paragraphs
from shared.contracts.events import SessionCancelled, SessionReinstated
from shared.contracts.rpc import QuestionLetter

type Cause = SessionCancelled | SessionReinstated

WAITING = {"submitted", "accepted", "merged"}


def concerns(cause: Cause, card: QuestionLetter) -> bool:
    """Whether it is still so: the question waits at this session, and the session stands as the cause left it."""
    cancelled = card.session.status == "cancelled"
    waits = card.status in WAITING and card.session.session_id == cause.session_id
    return waits and cancelled is isinstance(cause, SessionCancelled)


def compose(cause: Cause, card: QuestionLetter, texts: Mapping[str, Text], portal: str) -> Letter:
    """The letter that tells the asker of this cause."""
    text = texts[text_for(cause)]
    values = {"title": titled(card.session.title), "session": card.session.title}
    return Letter(
        subject=subject(text, values),
        tone=text.tone,
        tag=text.tag,
        heading=fill(text.heading, values) or text.tag,
        greeting=greeting(card.name),
        opening=paragraphs(text.opening, values),
        facts=tuple(_facts(cause)),
        closing=paragraphs(text.closing, values),
        button=Button(text.button or "Frage ansehen", f"{portal}/fragen/{card.token}"),
        footnote=WHY,
    )


def text_for(cause: Cause) -> str:
    """The name of the text for a cause."""
    return "question_session_cancelled" if isinstance(cause, SessionCancelled) else "question_session_reinstated"


def _facts(cause: Cause) -> list[Fact]:
    when = german.span(cause)
    match cause:
        case SessionCancelled():
            planned = [Fact("Abgesagter Termin", when, outdated=True)] if when else []
            reason = [Fact("Grund", cause.reason)] if cause.reason else []
            return [*planned, *reason]
        case SessionReinstated():
            return [Fact("Termin", when or german.OPEN, main=True)]
