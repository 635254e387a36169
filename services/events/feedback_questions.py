"""What is asked after a session, what may be answered, and how answers are counted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from shared.kernel.problems import FieldError, Problem
from shared.kernel.texts import Line

type FeedbackKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
type FeedbackKind = Literal["rating", "yes_no", "choice", "text"]
type Said = int | bool | str

MOST_QUESTIONS = 5
MOST_OPTIONS = 20
LONGEST_TEXT = 2000
RATINGS = ("1", "2", "3", "4", "5")
SENTENCES = {
    "unknown_question": "Diese Frage wird nicht gestellt.",
    "answer_of_other_kind": "Diese Antwort passt nicht zur Art der Frage.",
    "unknown_option": "Diese Antwort steht nicht zur Auswahl.",
    "answer_too_long": f"Bitte kürzen Sie den Text auf höchstens {LONGEST_TEXT} Zeichen.",
    "nothing_answered": "Bitte beantworten Sie mindestens eine Frage.",
}


class FeedbackOption(BaseModel):
    """One of the answers to choose from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: FeedbackKey
    label: Line


class FeedbackQuestion(BaseModel):
    """A question: a rating from 1 to 5 (5 is best), yes or no, one of some options, or a free text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: FeedbackKey
    label: Line
    kind: FeedbackKind
    options: Annotated[tuple[FeedbackOption, ...], Field(max_length=MOST_OPTIONS)] = ()

    @property
    def values(self) -> dict[str, str]:
        """What may be answered, with its label; empty for a free text."""
        match self.kind:
            case "rating":
                return dict(zip(RATINGS, RATINGS, strict=True))
            case "yes_no":
                return {"yes": "Ja", "no": "Nein"}
            case "choice":
                return {option.value: option.label for option in self.options}
            case "text":
                return {}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(self.options) < 2 if self.kind == "choice" else self.options:
            raise PydanticCustomError(
                "options_of_choice", "Zur Auswahl gehören mindestens zwei Antworten, zu anderen Arten keine."
            )
        if len({option.value for option in self.options}) < len(self.options):
            raise PydanticCustomError("option_twice", "Jede Antwort braucht einen eigenen Wert.")
        return self


def _each_once(questions: tuple[FeedbackQuestion, ...]) -> tuple[FeedbackQuestion, ...]:
    if any(times > 1 for times in Counter(question.key for question in questions).values()):
        raise PydanticCustomError("question_twice", "Jede Frage braucht einen eigenen Schlüssel (key).")
    return questions


type FeedbackQuestions = Annotated[
    tuple[FeedbackQuestion, ...], Field(max_length=MOST_QUESTIONS), AfterValidator(_each_once)
]

OF_THE_PORTAL: tuple[FeedbackQuestion, ...] = (
    FeedbackQuestion(key="overall", label="Wie zufrieden sind Sie mit der Veranstaltung insgesamt?", kind="rating"),
    FeedbackQuestion(key="useful", label="Wie hilfreich war sie für Ihre Arbeit?", kind="rating"),
    FeedbackQuestion(key="recommend", label="Würden Sie sie weiterempfehlen?", kind="yes_no"),
    FeedbackQuestion(key="improve", label="Was sollen wir beim nächsten Mal anders machen?", kind="text"),
)
"""What is asked where an editor said nothing."""


class Answered(BaseModel):
    """One answer as it is counted: `text` is a free one, and stands for itself."""

    model_config = ConfigDict(frozen=True)

    question: str
    value: str
    text: bool


def checked(questions: Sequence[FeedbackQuestion], said: Mapping[str, Said | None]) -> list[Answered]:
    """The answers as they are counted, those left open left out; else `invalid_request` names each that is wrong."""
    asked = {question.key: question for question in questions}
    kept: list[Answered] = []
    wrong = {key: "unknown_question" for key in said if key not in asked}
    for key, question in asked.items():
        value = said.get(key)
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        code, plain = _checked(question, value)
        if code:
            wrong[key] = code
        else:
            kept.append(Answered(question=key, value=plain, text=question.kind == "text"))
    if wrong:
        errors = [FieldError(f"/answers/{key}", code, SENTENCES[code]) for key, code in wrong.items()]
        raise Problem("invalid_request", errors=errors)
    if not kept:
        raise Problem(
            "invalid_request", errors=[FieldError("/answers", "nothing_answered", SENTENCES["nothing_answered"])]
        )
    return kept


def _checked(question: FeedbackQuestion, said: Said) -> tuple[str, str]:
    """The code of what is wrong with it, or the answer as it is counted."""
    fits = {
        "rating": isinstance(said, int) and not isinstance(said, bool),
        "yes_no": isinstance(said, bool),
        "choice": isinstance(said, str),
        "text": isinstance(said, str),
    }
    if not fits[question.kind]:
        return "answer_of_other_kind", ""
    if question.kind == "text":
        text = str(said).strip()
        return ("answer_too_long", "") if len(text) > LONGEST_TEXT else ("", text)
    value = {True: "yes", False: "no"}[said] if isinstance(said, bool) else str(said)
    return ("", value) if value in question.values else ("unknown_option", "")
