"""How questions and the answers to them are shown to those who may see them."""

from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict

from services.events.registration_questions import Given, Option, QuestionKind, RegistrationQuestion, Said


class QuestionShown(BaseModel):
    """A question as it is put. To a consent one answers `true`, or the `text_version` that was read."""

    model_config = ConfigDict(frozen=True)

    key: str
    label: str
    help: str | None
    kind: QuestionKind
    options: tuple[Option, ...]
    several: bool
    text: str | None
    text_version: str | None
    required: bool
    keep_days: int | None


class AnswerShown(BaseModel):
    """An answer under the words it was given to. `text` is what was agreed to, `labels` those of the
    options that were chosen, `answer_label` what people read."""

    model_config = ConfigDict(frozen=True)

    key: str
    label: str
    kind: QuestionKind
    value: Said
    labels: tuple[str, ...]
    answer_label: str
    text: str | None
    text_version: str | None


def shown_questions(questions: Iterable[RegistrationQuestion]) -> tuple[QuestionShown, ...]:
    """All of them, in their order."""
    return tuple(QuestionShown(**dict(question), text_version=question.text_version) for question in questions)


def shown_answers(answers: Sequence[Given], questions: Sequence[RegistrationQuestion]) -> tuple[AnswerShown, ...]:
    """All of them, in the order of the questions; those to questions that are gone come last."""
    place = {question.key: number for number, question in enumerate(questions)}
    return tuple(
        AnswerShown(
            key=given.key,
            label=given.label,
            kind=given.kind,
            value=given.value,
            labels=given.labels,
            answer_label=given.answer_label,
            text=given.text,
            text_version=given.text_version,
        )
        for given in sorted(answers, key=lambda given: place.get(given.key, len(place)))
    )
