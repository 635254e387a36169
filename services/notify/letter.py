"""What a message says, as a value, before any layout; and what all letters have in common.

No letter to an address that nobody has confirmed repeats a word that was typed into a form: whoever enters someone
else's address can make the portal write to it, but not what.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.notify.invitation import Invitation
from services.notify.texts import Text, Tone, fill
from services.notify.texts import visible as visible  # noqa: PLC0414 -- letters take it from here

MAX_NAME = 100


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the box in a letter: the `main` one stands out, an `outdated` one is struck through.

    What cannot be seen is left out of it, whoever wrote it.
    """

    label: str
    value: str
    main: bool = False
    outdated: bool = False
    url: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", visible(self.label))
        object.__setattr__(self, "value", visible(self.value))


@dataclass(frozen=True, slots=True)
class Button:
    """The one thing a reader can do about a letter."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Quote:
    """Somebody's words, line by line, under a line that says whose they are."""

    of: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Letter:
    """A message before layout: the same words go into its plain text and its HTML.

    `message` is what somebody else than the portal says with it: paragraphs, each with its lines; `leads`: addresses in
    it are links. `unsubscribe` is where such mails can be ended, of those that nobody has to get.
    """

    subject: str
    tone: Tone
    tag: str
    heading: str
    greeting: str
    opening: tuple[str, ...]
    facts: tuple[Fact, ...]
    closing: tuple[str, ...]
    button: Button
    footnote: str
    invitation: Invitation | None = None
    quotes: tuple[Quote, ...] = ()
    message: tuple[tuple[str, ...], ...] = ()
    leads: bool = False
    unsubscribe: str | None = None


def subject(text: Text, values: Mapping[str, str | None]) -> str:
    """The subject in one line; the text's tag where a value is missing."""
    return " ".join((fill(text.subject, values) or text.tag).split())


def greeting(name: str) -> str:
    """With the name, unless it is more than a name."""
    called = plain_name(name)
    return f"Guten Tag {called}," if called else "Guten Tag,"


def plain_name(name: str) -> str:
    """A name that can stand in a letter; nothing if it is more than a name."""
    name = " ".join(name.split())
    plain = name.isprintable() and len(name) <= MAX_NAME and "://" not in name and "www." not in name.lower()
    return name if plain else ""


def titled(title: str) -> str:
    """A title within a sentence, in quotation marks; those of its own become single ones."""
    return f"„{title.replace('„', '‚').replace('“', '‘')}“"


def listed(names: Sequence[str]) -> str:
    """„A, B und C“; of none, nothing."""
    return " und ".join([*([", ".join(names[:-1])] if len(names) > 1 else []), *names[-1:]])


def quote(of: str, text: str) -> Quote:
    """Somebody's text as it was written."""
    return Quote(of, lines_of(text))


def lines_of(text: str) -> tuple[str, ...]:
    """The lines of a text that somebody wrote, each without what cannot be seen."""
    return tuple(map(visible, text.replace("\r\n", "\n").replace("\r", "\n").split("\n")))


def paragraphs_of(text: str) -> tuple[tuple[str, ...], ...]:
    """The paragraphs of a text that somebody wrote: lines between empty ones."""
    paragraphs: list[list[str]] = [[]]
    for line in lines_of(text):
        if line:
            paragraphs[-1].append(line)
        elif paragraphs[-1]:
            paragraphs.append([])
    return tuple(tuple(lines) for lines in paragraphs if lines)
