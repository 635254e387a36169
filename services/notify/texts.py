"""The words of every message, kept apart from what decides them: `texts.toml`, filled with plain text."""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict

from services.notify.placeholders import PLACEHOLDERS

type Tone = Literal["info", "success", "warning", "danger"]

_PLACEHOLDER = re.compile(r"\{(\w*)\}")


class UnknownPlaceholder(ValueError):
    """A text uses a placeholder that nothing fills."""


class Words(BaseModel):
    """What editors may say differently in a message. `button` is null where the recipient's standing decides it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: str
    heading: str
    opening: tuple[str, ...]
    closing: tuple[str, ...]
    button: str | None = None


class Text(BaseModel):
    """One message's words. `button` is missing where the recipient's standing decides what can be done.

    `offers` are the placeholders that may be used in it, those that are used at least; `label` is what editors know it
    by, its heading unless that holds a placeholder.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tone: Tone
    tag: str
    subject: str
    heading: str
    opening: tuple[str, ...]
    closing: tuple[str, ...]
    calendar: str | None = None
    button: str | None = None
    leads_to: Literal["registration", "session", "materials", "feedback"] = "registration"
    label: str | None = None
    offers: tuple[str, ...] = ()

    def lines(self) -> Sequence[str]:
        """Everything in it that may hold placeholders."""
        return (self.subject, self.heading, *self.opening, *self.closing)

    def words(self) -> Words:
        """What of it editors may say differently."""
        return Words.model_validate({name: getattr(self, name) for name in Words.model_fields})

    def saying(self, words: Words) -> "Text":
        """The same message in other words."""
        return self.model_copy(update={name: getattr(words, name) for name in Words.model_fields})


def load_texts() -> dict[str, Text]:
    """All texts by name; one with an unknown placeholder stops the start."""
    raw = tomllib.loads((files("services.notify") / "texts.toml").read_text("utf-8"))
    return {name: _complete(name, Text.model_validate(text)) for name, text in raw.items()}


def _complete(name: str, text: Text) -> Text:
    used = placeholders_in(text.lines())
    offered = dict.fromkeys((*used, *text.offers))
    if unknown := set(offered) - set(PLACEHOLDERS):
        raise UnknownPlaceholder(f"{name}: {', '.join(sorted(unknown))}")
    label = text.label or (text.tag if placeholders_in([text.heading]) else text.heading)
    return text.model_copy(update={"offers": tuple(each for each in PLACEHOLDERS if each in offered), "label": label})


def placeholders_in(lines: Iterable[str]) -> list[str]:
    """The names of placeholders in their order, as often as they stand there."""
    return [found for line in lines for found in _PLACEHOLDER.findall(line)]


def without_placeholders(line: str) -> str:
    """What is left of a line; a brace in it is none of a placeholder."""
    return _PLACEHOLDER.sub("", line)


def fill(line: str, values: Mapping[str, str | None]) -> str | None:
    """The line with its placeholders replaced once; None when one of them has no value.

    What somebody wrote is put in without what cannot be seen.
    """
    if any(values.get(name) is None for name in _PLACEHOLDER.findall(line)):
        return None
    return _PLACEHOLDER.sub(lambda found: visible(str(values[found[1]])), line)


def paragraphs(lines: Sequence[str], values: Mapping[str, str | None]) -> tuple[str, ...]:
    """The lines that can be filled."""
    return tuple(filled for line in lines if (filled := fill(line, values)) is not None)


def visible(text: str) -> str:
    """One line without what a reader cannot see: control characters, marks that turn the direction of writing."""
    if text.isprintable():
        return text.strip()
    shown = (c for c in text if unicodedata.category(c) != "Cf")
    return "".join(" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in shown).strip()
