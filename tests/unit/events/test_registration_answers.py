"""What people answer to an organiser's questions: what is kept, what is not taken, what stays when questions change."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.events.programme import Content
from services.events.registration_answers import SENTENCES, answered
from services.events.registration_questions import Given, RegistrationQuestion, Said
from shared.kernel.problems import Problem
from tests.unit.events.samples import content


def question(key: str, kind: str = "text", **more: Any) -> RegistrationQuestion:
    return RegistrationQuestion.model_validate({"key": key, "label": f"{key}?", "kind": kind} | more)


DIETS = [{"value": "vegan", "label": "Vegan"}, {"value": "all", "label": "Alles"}]
WISH = question("wish", required=True)
DIET = question("diet", "choice", options=DIETS)
DIETS_TOO = question("diets", "choice", options=DIETS, several=True)
TRAIN = question("train", "yes_no", keep_days=7)
PHOTOS = question("photos", "consent", text="Fotos dürfen gezeigt werden.", required=True)
ALL = (WISH, DIET, DIETS_TOO, TRAIN, PHOTOS)
GOOD: dict[str, Said] = {
    "wish": " Förderung ",
    "diet": "vegan",
    "diets": ("all", "vegan"),
    "train": False,
    "photos": True,
}


def wrong(questions: tuple[RegistrationQuestion, ...], said: dict[str, Said], before: Any = None) -> dict[str, str]:
    with pytest.raises(Problem) as refused:
        answered(questions, said, before)
    assert refused.value.code == "invalid_request"
    assert all(error.detail == SENTENCES[error.code] for error in refused.value.errors)
    return {error.field: error.code for error in refused.value.errors}


def test_answers_are_kept_with_the_words_they_were_given_to() -> None:
    kept = answered(ALL, GOOD)
    assert [(given.key, given.label, given.answer_label) for given in kept] == [
        ("wish", "wish?", "Förderung"),
        ("diet", "diet?", "Vegan"),
        ("diets", "diets?", "Vegan, Alles"),
        ("train", "train?", "Nein"),
        ("photos", "photos?", "Ja"),
    ]
    assert [given.keep_days for given in kept] == [None, None, None, 7, None]
    assert (kept[-1].text, kept[-1].text_version) == (PHOTOS.text, PHOTOS.text_version)


def test_what_nobody_has_to_answer_may_stay_open() -> None:
    said: dict[str, Said] = {"wish": "x", "photos": True, "diet": "", "diets": (), "train": ""}
    assert [given.key for given in answered(ALL, said)] == ["wish", "photos"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"wish": ""}, "answer_required"),
        ({"wish": " "}, "answer_required"),
        ({"wish": None}, "answer_required"),
        ({"wish": True}, "answer_of_other_kind"),
        ({"wish": ("x",)}, "answer_of_other_kind"),
        ({"wish": "x" * 2001}, "answer_too_long"),
        ({"diet": "meat"}, "unknown_option"),
        ({"diet": ("all", "vegan")}, "one_option"),
        ({"diet": True}, "answer_of_other_kind"),
        ({"diets": ("all", "meat")}, "unknown_option"),
        ({"train": "ja"}, "answer_of_other_kind"),
        ({"photos": False}, "consent_required"),
        ({"photos": None}, "consent_required"),
        ({"photos": ("x",)}, "answer_of_other_kind"),
        ({"photos": "0123456789abcdef"}, "consent_text_changed"),
        ({"other": "x"}, "unknown_question"),
    ],
)
def test_what_cannot_be_taken(changes: dict[str, Any], code: str) -> None:
    said = {key: value for key, value in (GOOD | changes).items() if value is not None}
    assert wrong(ALL, said) == {f"/answers/{next(iter(changes))}": code}


def test_everything_wrong_is_told_at_once() -> None:
    assert wrong(ALL, {"diet": "meat"}) == {
        "/answers/wish": "answer_required",
        "/answers/diet": "unknown_option",
        "/answers/photos": "consent_required",
    }


def test_a_consent_is_to_the_text_that_was_read() -> None:
    assert PHOTOS.text_version is not None
    other = question("photos", "consent", text="Fotos dürfen verkauft werden.", required=True)
    assert answered((PHOTOS,), {"photos": PHOTOS.text_version})[0].text == PHOTOS.text
    assert wrong((other,), {"photos": PHOTOS.text_version}) == {"/answers/photos": "consent_text_changed"}


def kept(**said: Said) -> tuple[Given, ...]:
    return answered(ALL, GOOD | said)


def test_what_is_said_again_stays_as_it_was_given() -> None:
    before = kept()
    revised = (
        question("wish", required=True, options=()).model_copy(update={"label": "Ihr Wunsch?"}),
        question("diet", "choice", options=[{"value": "all", "label": "Alles"}]),
        question("photos", "consent", text="Ein anderer Text.", required=True),
    )
    said: dict[str, Said] = {"wish": "Förderung", "diet": "vegan", "photos": True}
    after = {given.key: given for given in answered(revised, said, before)}
    assert after == {given.key: given for given in before}, "also what is asked no more"
    again = answered(revised, said | {"wish": "Anderes"}, before)
    assert (again[0].label, again[0].value) == ("Ihr Wunsch?", "Anderes")
    newly = answered(revised, said | {"photos": revised[2].text_version or ""}, before)
    assert next(given.text for given in newly if given.key == "photos") == "Ein anderer Text."


def test_a_new_required_question_locks_nobody_out() -> None:
    before = answered((DIET,), {"diet": "all"})
    new = (DIET, WISH, PHOTOS)
    assert answered(new, {"diet": "all"}, before) == before
    assert [given.key for given in answered(new, {"diet": "all", "wish": "doch"}, before)] == ["diet", "wish"]
    assert wrong(new, {"diet": "all"}) == {"/answers/wish": "answer_required", "/answers/photos": "consent_required"}


def test_what_had_to_be_answered_cannot_be_taken_back() -> None:
    assert wrong(ALL, {"wish": "", "photos": False}, kept()) == {
        "/answers/wish": "answer_required",
        "/answers/photos": "consent_required",
    }


def test_an_answer_to_a_question_that_is_gone_may_be_repeated_and_not_changed() -> None:
    before = kept()
    assert answered((), {"wish": "Förderung", "photos": True}, before) == before
    assert wrong((), {"wish": "Anderes"}, before) == {"/answers/wish": "unknown_question"}


@pytest.mark.parametrize(
    ("questions", "code"),
    [
        ([{"key": "a", "label": "A", "kind": "choice"}], "options_of_choice"),
        ([{"key": "a", "label": "A", "kind": "text", "options": DIETS}], "options_of_choice"),
        ([{"key": "a", "label": "A", "kind": "consent"}], "text_of_consent"),
        ([{"key": "a", "label": "A", "kind": "yes_no", "text": "x"}], "text_of_consent"),
        ([{"key": "a", "label": "A", "kind": "yes_no", "several": True}], "several_of_choice"),
        ([{"key": "a", "label": "A", "kind": "choice", "options": [DIETS[0], DIETS[0]]}], "option_twice"),
        ([{"key": "a", "label": "A", "kind": "text"}, {"key": "a", "label": "B", "kind": "text"}], "question_twice"),
        ([{"key": f"a{n}", "label": "A", "kind": "text"} for n in range(21)], "too_long"),
    ],
)
def test_questions_that_make_no_sense(questions: list[dict[str, Any]], code: str) -> None:
    with pytest.raises(ValidationError) as invalid:
        Content.model_validate(content().model_dump() | {"registration_questions": questions})
    assert [error["type"] for error in invalid.value.errors()] == [code]
