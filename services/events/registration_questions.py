"""What an organiser asks of everybody who registers: questions as they are put, answers as they were given."""

import hashlib
from collections import Counter
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from shared.kernel.texts import Line

type QuestionKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,79}$")]
type QuestionKind = Literal["text", "choice", "yes_no", "consent"]
type Hint = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
type ConsentText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
type Said = str | bool | tuple[str, ...]

MOST_QUESTIONS = 20
MOST_OPTIONS = 50
VERSION_SIGNS = 16


class Option(BaseModel):
    """One of the answers to choose from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: QuestionKey
    label: Line


class RegistrationQuestion(BaseModel):
    """A question of the organiser's. `text` is what a consent agrees to, word for word.

    `keep_days` is how long after the session an answer is kept; null as long as the registration.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: QuestionKey
    label: Line
    help: Hint | None = None
    kind: QuestionKind
    options: Annotated[tuple[Option, ...], Field(max_length=MOST_OPTIONS)] = ()
    several: bool = False
    text: ConsentText | None = None
    required: bool = False
    keep_days: Annotated[int, Field(ge=0, le=3650)] | None = None

    @property
    def text_version(self) -> str | None:
        """Follows from the text alone: another word is another version, the same text is the same for ever."""
        return self.text and hashlib.sha256(self.text.encode()).hexdigest()[:VERSION_SIGNS]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.kind == "choice") != bool(self.options):
            raise PydanticCustomError("options_of_choice", "Zur Auswahl gehören Antworten, zu anderen Arten keine.")
        if (self.kind == "consent") != (self.text is not None):
            raise PydanticCustomError("text_of_consent", "Zur Einwilligung gehört ihr Text, zu anderen Arten keiner.")
        if self.several and self.kind != "choice":
            raise PydanticCustomError("several_of_choice", "Mehrere Antworten gibt es nur bei einer Auswahl.")
        if len({option.value for option in self.options}) < len(self.options):
            raise PydanticCustomError("option_twice", "Jede Antwort braucht einen eigenen Wert.")
        return self


def _each_once(questions: tuple[RegistrationQuestion, ...]) -> tuple[RegistrationQuestion, ...]:
    if any(times > 1 for times in Counter(question.key for question in questions).values()):
        raise PydanticCustomError("question_twice", "Jede Frage braucht einen eigenen Schlüssel (key).")
    return questions


type RegistrationQuestions = Annotated[
    tuple[RegistrationQuestion, ...], Field(max_length=MOST_QUESTIONS), AfterValidator(_each_once)
]


class Given(BaseModel):
    """An answer, with everything that says what it was an answer to: the question may be another one by now.

    `labels` are those of the options that were chosen; `text` and `text_version` what was agreed to.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str
    label: str
    kind: QuestionKind
    value: Said
    labels: tuple[str, ...] = ()
    text: str | None = None
    text_version: str | None = None
    keep_days: int | None = None

    @property
    def answer_label(self) -> str:
        """The answer as people read it."""
        if isinstance(self.value, bool):
            return "Ja" if self.value else "Nein"
        return ", ".join(self.labels) if self.labels else str(self.value)
