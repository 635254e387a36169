"""A mail text as editors want it: what is said differently from the words the portal comes with, and the way back.

What a text does without editing is no part of it: the standard is handed over with every change, so that a better one
comes with a newer version of the portal, and what was never edited changes with it.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from pydantic import BaseModel, ConfigDict

from services.notify.placeholders import PLACEHOLDERS
from services.notify.texts import Text, Words, placeholders_in, without_placeholders
from services.notify.weekdays import contradictions
from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, Event, Refused

LONGEST = {"subject": 150, "heading": 150, "opening": 1000, "closing": 1000, "button": 60}
MOST_PARAGRAPHS = 12
INVISIBLE = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}


class Command(BaseModel):
    """What can be asked of a mail text. `standard` is the text as the portal comes with it."""

    model_config = ConfigDict(frozen=True)

    name: str
    standard: Text


class ChangeMailText(Command):
    """Say it like this from now on."""

    words: Words


class ResetMailText(Command):
    """Say it as the portal does by itself."""


type MailTextCommand = ChangeMailText | ResetMailText


class MailTextChanged(Event):
    """A mail says something differently from now on."""

    name: str
    words: Words


class MailTextReset(Event):
    """A mail says again what the portal comes with."""

    name: str


type MailTextEvent = MailTextChanged | MailTextReset


@dataclass(frozen=True, slots=True)
class MailText:
    """The words that an editor chose; None while the standard is said."""

    words: Words | None = None


def evolve(_: MailText, event: MailTextEvent) -> MailText:
    """The text after `event`."""
    match event:
        case MailTextChanged():
            return MailText(event.words)
        case MailTextReset():
            return MailText()
    assert_never(event)


def decide(command: MailTextCommand, text: MailText, at: datetime) -> Sequence[MailTextEvent]:
    """Only words that can be sent are taken; saying what the standard says is going back to it."""
    match command:
        case ChangeMailText() if command.words != command.standard.words():
            for fault in faults(command.words, command.standard):
                raise Refused("mail_text_unfit", field=fault.field)
            _check_days(command.words)
            same = text.words == command.words
            return [] if same else [MailTextChanged(name=command.name, words=command.words, at=at)]
        case ChangeMailText() | ResetMailText():
            return [] if text.words is None else [MailTextReset(name=command.name, at=at)]
    assert_never(command)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a field (a JSON pointer): a stable code, and a German sentence."""

    field: str
    code: str
    detail: str


def faults(words: Words, standard: Text) -> list[Fault]:
    """Everything that keeps these words from being sent as this text, in the order of the form."""
    found = list(_of_line("/subject", words.subject, standard, LONGEST["subject"]))
    found += _of_line("/heading", words.heading, standard, LONGEST["heading"])
    found += _of_paragraphs("/opening", words.opening, standard, at_least=1)
    found += _of_paragraphs("/closing", words.closing, standard, at_least=0)
    found += _of_button(words.button, standard)
    return found


def _of_paragraphs(field: str, lines: Sequence[str], standard: Text, at_least: int) -> Iterator[Fault]:
    if len(lines) < at_least:
        yield Fault(field, "text_empty", "Bitte schreiben Sie mindestens einen Absatz.")
    if len(lines) > MOST_PARAGRAPHS:
        yield Fault(field, "too_many_paragraphs", f"Bitte schreiben Sie höchstens {MOST_PARAGRAPHS} Absätze.")
        return
    for place, line in enumerate(lines):
        yield from _of_line(f"{field}/{place}", line, standard, LONGEST[field[1:]])


def _of_line(field: str, line: str, standard: Text, longest: int) -> Iterator[Fault]:
    if not line.strip():
        yield Fault(field, "text_empty", "Bitte schreiben Sie hier etwas.")
    elif len(line) > longest:
        yield Fault(field, "text_too_long", f"Bitte kürzen Sie den Text auf höchstens {longest} Zeichen.")
    elif any(unicodedata.category(c) in INVISIBLE for c in line):
        yield Fault(
            field,
            "text_not_plain",
            "Der Text enthält Zeilenumbrüche oder unsichtbare Zeichen. Bitte geben Sie ihn neu ein.",
        )
    else:
        yield from _of_placeholders(field, line, standard)


def _of_placeholders(field: str, line: str, standard: Text) -> Iterator[Fault]:
    if set("{}") & set(without_placeholders(line)):
        detail = "Ein Platzhalter ist ein Name in geschweiften Klammern, zum Beispiel {title}; andere gibt es nicht."
        yield Fault(field, "placeholder_malformed", detail)
    for name in dict.fromkeys(placeholders_in([line])):
        if name not in PLACEHOLDERS:
            yield Fault(field, "unknown_placeholder", f"Den Platzhalter {{{name}}} gibt es nicht.")
        elif name not in standard.offers:
            yield Fault(field, "placeholder_not_offered", f"Den Platzhalter {{{name}}} gibt es in diesem Text nicht.")


def _of_button(button: str | None, standard: Text) -> Iterator[Fault]:
    if standard.button is None:
        if button is not None:
            detail = "Was auf der Schaltfläche steht, hängt von der Person ab. Bitte lassen Sie es leer."
            yield Fault("/button", "button_not_changeable", detail)
    elif button is None:
        yield Fault("/button", "text_empty", "Bitte schreiben Sie, was auf der Schaltfläche steht.")
    else:
        yield from _of_line("/button", button, standard.model_copy(update={"offers": ()}), LONGEST["button"])


def _check_days(words: Words) -> None:
    """A weekday that contradicts its date is refused wherever it stands: readers would come on the wrong day."""
    lines = {"/subject": words.subject, "/heading": words.heading}
    lines |= {f"/opening/{place}": line for place, line in enumerate(words.opening)}
    lines |= {f"/closing/{place}": line for place, line in enumerate(words.closing)}
    for field, line in lines.items():
        for wrong in contradictions(line):
            if wrong.actual is None:
                raise Refused("no_such_day", field=field, written=wrong.written)
            raise Refused("weekday_mismatch", field=field, written=wrong.written, weekday=wrong.actual)


def publish(_: MailTextEvent) -> Contract | None:
    """It is nobody else's concern."""
    return None


MAIL_TEXT: Decider[MailText, MailTextCommand, MailTextEvent] = Decider(
    category="mail_text",
    initial=MailText(),
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(MailTextChanged, MailTextReset),
)
