"""The words of every message, kept apart from what decides them: `texts.toml`, filled with plain text."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict

type Tone = Literal["info", "success", "warning", "danger"]

PLACEHOLDERS = frozenset(
    {
        "title",
        "session",
        "when",
        "when_short",
        "before",
        "confirm_by",
        "position",
        "standing",
        "access",
        "again",
        "calendar",
        "about",
        "answer_by",
        "unanswered",
        "owes",
        "unconfirmed",
        "message_subject",
        "files",
        "closes_at",
    }
)
_PLACEHOLDER = re.compile(r"\{(\w*)\}")


class UnknownPlaceholder(ValueError):
    """A text uses a placeholder that nothing fills."""


class Text(BaseModel):
    """One message's words. `button` is missing where the recipient's standing decides what can be done."""

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

    def lines(self) -> Sequence[str]:
        """Everything in it that may hold placeholders."""
        return (self.subject, self.heading, *self.opening, *self.closing)


def load_texts() -> dict[str, Text]:
    """All texts by name; one with an unknown placeholder stops the start."""
    raw = tomllib.loads((files("services.notify") / "texts.toml").read_text("utf-8"))
    texts = {name: Text.model_validate(text) for name, text in raw.items()}
    for name, text in texts.items():
        unknown = {found for line in text.lines() for found in _PLACEHOLDER.findall(line)} - PLACEHOLDERS
        if unknown:
            raise UnknownPlaceholder(f"{name}: {', '.join(sorted(unknown))}")
    return texts


def fill(line: str, values: Mapping[str, str | None]) -> str | None:
    """The line with its placeholders replaced once; None when one of them has no value."""
    if any(values.get(name) is None for name in _PLACEHOLDER.findall(line)):
        return None
    return _PLACEHOLDER.sub(lambda found: str(values[found[1]]), line)


def paragraphs(lines: Sequence[str], values: Mapping[str, str | None]) -> tuple[str, ...]:
    """The lines that can be filled."""
    return tuple(filled for line in lines if (filled := fill(line, values)) is not None)
