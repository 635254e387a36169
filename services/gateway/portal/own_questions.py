"""The organiser's questions in a form: how each is named in it, what was typed, and which error belongs where."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from services.gateway.registrations import Answers

PREFIX = "frage_"
POINTER = "/answers/"
YES, NO = "ja", "nein"


class Option(BaseModel):
    """One of the answers to choose from."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    value: str
    label: str


class Answer(BaseModel):
    """An answer under the words it was given to."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str
    label: str
    value: str | bool | tuple[str, ...]
    labels: tuple[str, ...] = ()
    answer_label: str
    text: str | None = None
    text_version: str | None = None


class Question(BaseModel):
    """A question of the organiser's."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str
    label: str
    help: str | None = None
    kind: Literal["text", "choice", "yes_no", "consent"]
    options: tuple[Option, ...] = ()
    several: bool = False
    text: str | None = None
    text_version: str | None = None
    required: bool = False

    @property
    def field(self) -> str:
        """What it is called in the form."""
        return PREFIX + self.key

    def box(self, option: Option) -> str:
        """What the box of one of several answers is called in the form."""
        return f"{self.field}.{option.value}"

    def read(self, typed: Mapping[str, str]) -> str | bool | tuple[str, ...] | None:
        """What was answered in the form; None of nothing."""
        if self.several:
            return tuple(option.value for option in self.options if typed.get(self.box(option))) or None
        said = typed.get(self.field, "").strip()
        if self.kind == "yes_no":
            return {YES: True, NO: False}.get(said)
        return said or None

    def after(self, given: Answer | None) -> Self:
        """The question to somebody who registered before it was changed: nobody is asked more than then.

        A consent shows the words that were agreed to, a choice offers what was chosen.
        """
        if given is None:
            return self.model_copy(update={"required": False})
        if self.kind == "consent" and given.text_version:
            return self.model_copy(update={"text": given.text, "text_version": given.text_version})
        offered = {option.value for option in self.options}
        chosen = zip(given.value if isinstance(given.value, tuple) else (), given.labels, strict=False)
        gone = tuple(Option(value=value, label=label) for value, label in chosen if value not in offered)
        return self.model_copy(update={"options": (*self.options, *gone)})

    def typed(self, given: Answer) -> dict[str, str]:
        """The answer as the form has it."""
        value = given.value
        if self.several:
            chosen = value if isinstance(value, tuple) else ()
            return {self.box(option): "1" for option in self.options if option.value in chosen}
        if self.kind == "consent":
            return {self.field: given.text_version or ""}
        if isinstance(value, bool):
            return {self.field: YES if value else NO}
        return {self.field: value[0] if isinstance(value, tuple) else value}


def typed_of(fields: Mapping[str, str]) -> dict[str, str]:
    """What was typed to questions of any kind."""
    return {name: value for name, value in fields.items() if name.startswith(PREFIX)}


def answers_of(questions: Iterable[Question], typed: Mapping[str, str]) -> Answers:
    """The answers in a form that was sent."""
    read = ((question.key, question.read(typed)) for question in questions)
    return {key: value for key, value in read if value is not None}


def errors_of(errors: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """What a service has against a form, by the form's fields."""
    found = {}
    for error in errors:
        pointer = error.get("field", "")
        key = pointer.removeprefix(POINTER).split("/")[0]
        name = PREFIX + key if pointer.startswith(POINTER) else pointer.removeprefix("/")
        found["organisation_name" if name == "organisation_id" else name] = error.get("detail", "")
    return found
