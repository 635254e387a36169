"""Whether what somebody answers to the organiser's questions can be taken, and what is kept of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.events.registration_questions import Given, RegistrationQuestion, Said
from shared.kernel.problems import FieldError, Problem

LONGEST_ANSWER = 2000
SENTENCES = {
    "answer_required": "Bitte beantworten Sie diese Frage.",
    "consent_required": "Ohne diese Einwilligung ist eine Anmeldung nicht möglich.",
    "consent_text_changed": "Der Text der Einwilligung wurde inzwischen geändert. Bitte lesen Sie ihn noch einmal.",
    "unknown_question": "Diese Frage wird nicht gestellt.",
    "unknown_option": "Diese Antwort steht nicht zur Auswahl.",
    "one_option": "Bitte wählen Sie nur eine Antwort.",
    "answer_too_long": f"Bitte kürzen Sie die Antwort auf höchstens {LONGEST_ANSWER} Zeichen.",
    "answer_of_other_kind": "Diese Antwort passt nicht zur Art der Frage.",
}


@dataclass
class _Wrong(Exception):
    code: str


def answered(
    questions: Sequence[RegistrationQuestion], said: Mapping[str, Said], before: Sequence[Given] | None = None
) -> tuple[Given, ...]:
    """The answers to keep, in the order of the questions; else `invalid_request` names every one that is wrong.

    With `before` somebody changes answers: what is said as it was stays as it was given, whatever has become of the
    question, and nobody must answer a question that was not asked when they registered.
    """
    earlier = {given.key: given for given in before or ()}
    wrong = dict.fromkeys(_unknown(questions, said, earlier), "unknown_question")
    kept = []
    for question in questions:
        obliged = question.required and (before is None or question.key in earlier)
        try:
            given = _given(question, said.get(question.key), earlier.get(question.key))
        except _Wrong as no:
            wrong[question.key] = no.code
        else:
            if given is not None:
                kept.append(given)
            elif obliged:
                wrong[question.key] = "consent_required" if question.kind == "consent" else "answer_required"
    if wrong:
        errors = [FieldError(f"/answers/{key}", code, SENTENCES[code]) for key, code in wrong.items()]
        raise Problem("invalid_request", errors=errors)
    asked = {question.key for question in questions}
    return (*kept, *(given for given in earlier.values() if given.key not in asked))


def _unknown(
    questions: Sequence[RegistrationQuestion], said: Mapping[str, Said], earlier: Mapping[str, Given]
) -> Iterator[str]:
    """Keys that no question has; an answer to a question that is gone may be repeated, and nothing else."""
    asked = {question.key for question in questions}
    for key, value in said.items():
        if key not in asked and not (key in earlier and _same(earlier[key], value)):
            yield key


def _given(question: RegistrationQuestion, said: Said | None, earlier: Given | None) -> Given | None:
    if earlier is not None and said is not None and earlier.kind == question.kind and _same(earlier, said):
        return earlier
    match question.kind:
        case "text":
            return _text(question, said)
        case "choice":
            return _choice(question, said)
        case "yes_no":
            return _yes_no(question, said)
        case "consent":
            return _consent(question, said)


def _same(given: Given, said: Said) -> bool:
    """Whether this says what was given before; a consent is repeated by `true` or the version that was agreed to."""
    value = given.value
    if given.kind == "consent":
        return said is True or (said == given.text_version and said is not None)
    one = value[0] if isinstance(value, tuple) and len(value) == 1 else value
    return said in (value, one) or said == (value,)


def _text(question: RegistrationQuestion, said: Said | None) -> Given | None:
    if said is not None and not isinstance(said, str):
        raise _Wrong("answer_of_other_kind")
    text = (said or "").strip()
    if len(text) > LONGEST_ANSWER:
        raise _Wrong("answer_too_long")
    return _kept(question, text) if text else None


def _choice(question: RegistrationQuestion, said: Said | None) -> Given | None:
    if isinstance(said, bool):
        raise _Wrong("answer_of_other_kind")
    chosen = set(filter(None, (said,) if isinstance(said, str) else said or ()))
    labels = {option.value: option.label for option in question.options}
    if chosen - labels.keys():
        raise _Wrong("unknown_option")
    if len(chosen) > 1 and not question.several:
        raise _Wrong("one_option")
    in_order = tuple(value for value in labels if value in chosen)
    return _kept(question, in_order, labels=tuple(labels[value] for value in in_order)) if chosen else None


def _yes_no(question: RegistrationQuestion, said: Said | None) -> Given | None:
    if said is None or said == "":
        return None
    if not isinstance(said, bool):
        raise _Wrong("answer_of_other_kind")
    return _kept(question, said)


def _consent(question: RegistrationQuestion, said: Said | None) -> Given | None:
    """Given to the text that was read: by its version, or by `true` to the present one."""
    if isinstance(said, tuple):
        raise _Wrong("answer_of_other_kind")
    if not said:
        return None
    if said is not True and said != question.text_version:
        raise _Wrong("consent_text_changed")
    return _kept(question, True, text=question.text)  # noqa: FBT003 -- it is the answer


def _kept(
    question: RegistrationQuestion, value: Said, *, labels: tuple[str, ...] = (), text: str | None = None
) -> Given:
    return Given(
        key=question.key,
        label=question.label,
        kind=question.kind,
        value=value,
        labels=labels,
        text=text,
        text_version=question.text_version if text else None,
        keep_days=question.keep_days,
    )
