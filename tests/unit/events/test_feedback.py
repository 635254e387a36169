"""When feedback is asked for, what may be answered, and of how many anything is told."""

import datetime as dt
from typing import Any

import pytest
from pydantic import ValidationError

from services.events.feedback import (
    DECIDER,
    CloseFeedback,
    FeedbackClosed,
    FeedbackEvent,
    FeedbackOpened,
    FeedbackTextRemoved,
    OpenFeedback,
    RemoveFeedbackText,
    Tally,
)
from services.events.feedback_list import figures
from services.events.feedback_questions import OF_THE_PORTAL, Answered, FeedbackOption, FeedbackQuestion, checked
from shared.kernel.problems import Problem
from shared.kernel.testing import given
from tests.unit.events.samples import NOW, SERIES, SESSION, content, hours

CLOSES = NOW + dt.timedelta(days=14)
ASKED: dict[str, Any] = {
    "session_id": SESSION,
    "series_id": SERIES,
    "title": "Digitale Sprechstunde",
    "questions": OF_THE_PORTAL,
    "invited": 8,
    "minimum": 5,
    "closes_at": CLOSES,
}
OPEN = FeedbackOpened(**ASKED, at=NOW)
TALLIES = (Tally(question="overall", value="4", number=5),)
CLOSED = FeedbackClosed(session_id=SESSION, given=5, tallies=TALLIES, at=CLOSES)
PAST: list[FeedbackEvent] = [OPEN, CLOSED]
FORMAT = FeedbackQuestion(
    key="format",
    label="Welches Format passt Ihnen?",
    kind="choice",
    options=(FeedbackOption(value="online", label="Online"), FeedbackOption(value="in_person", label="Vor Ort")),
)


def test_who_took_part_is_asked_once() -> None:
    given(DECIDER).when(OpenFeedback(**ASKED), at=NOW).then([OPEN])


@pytest.mark.parametrize("nothing", [{"invited": 0}, {"questions": ()}])
def test_nobody_to_ask_or_nothing_to_ask_for_is_no_feedback(nothing: dict[str, Any]) -> None:
    given(DECIDER).when(OpenFeedback(**ASKED | nothing), at=NOW).nothing()


def test_feedback_that_is_closed_does_not_open_again() -> None:
    given(DECIDER, PAST).when(OpenFeedback(**ASKED), at=CLOSES).nothing()


def test_feedback_closes_when_its_time_is_over_and_not_before() -> None:
    command = CloseFeedback(given=5, tallies=TALLIES)
    given(DECIDER, [OPEN]).when(command, at=CLOSES - hours(1)).nothing()
    given(DECIDER, [OPEN]).when(command, at=CLOSES).then([CLOSED])
    given(DECIDER).when(command, at=CLOSES).not_there()


def test_what_too_few_said_is_not_recorded() -> None:
    few = FeedbackClosed(session_id=SESSION, given=4, tallies=(), at=CLOSES)
    given(DECIDER, [OPEN]).when(CloseFeedback(given=4, tallies=TALLIES), at=CLOSES).then([few])


def test_a_text_goes_once_and_only_when_texts_are_there() -> None:
    command = RemoveFeedbackText(text_id="t-1", reason="nennt eine Person")
    given(DECIDER, [OPEN]).when(command).refused("feedback_open")
    removed = FeedbackTextRemoved(session_id=SESSION, text_id="t-1", reason="nennt eine Person", at=CLOSES)
    given(DECIDER, PAST).when(command, at=CLOSES).then([removed])


def test_answers_are_counted_as_they_are_meant() -> None:
    questions = (*OF_THE_PORTAL, FORMAT)
    said: dict[str, Any] = {
        "overall": 5,
        "recommend": False,
        "improve": " Mehr Zeit ",
        "format": "online",
        "useful": None,
    }
    assert checked(questions, said) == [
        Answered(question="overall", value="5", text=False),
        Answered(question="recommend", value="no", text=False),
        Answered(question="improve", value="Mehr Zeit", text=True),
        Answered(question="format", value="online", text=False),
    ]


@pytest.mark.parametrize(
    ("said", "field", "code"),
    [
        ({"overall": 0}, "/answers/overall", "unknown_option"),
        ({"overall": 6}, "/answers/overall", "unknown_option"),
        ({"overall": True}, "/answers/overall", "answer_of_other_kind"),
        ({"overall": "5"}, "/answers/overall", "answer_of_other_kind"),
        ({"recommend": 1}, "/answers/recommend", "answer_of_other_kind"),
        ({"improve": "x" * 2001}, "/answers/improve", "answer_too_long"),
        ({"improve": 3}, "/answers/improve", "answer_of_other_kind"),
        ({"format": "nirgends"}, "/answers/format", "unknown_option"),
        ({"weather": "gut", "overall": 4}, "/answers/weather", "unknown_question"),
        ({"improve": "  ", "overall": None}, "/answers", "nothing_answered"),
        ({}, "/answers", "nothing_answered"),
    ],
)
def test_a_wrong_answer_is_named(said: dict[str, Any], field: str, code: str) -> None:
    with pytest.raises(Problem) as refused:
        checked((*OF_THE_PORTAL, FORMAT), said)
    assert [(error.field, error.code) for error in refused.value.errors] == [(field, code)]


def test_a_figure_needs_enough_answers_to_its_own_question() -> None:
    overall, useful, recommend, improve = OF_THE_PORTAL
    tallies = [
        Tally(question="overall", value="5", number=4),
        Tally(question="overall", value="2", number=2),
        Tally(question="useful", value="1", number=4),
        Tally(question="recommend", value="yes", number=5),
    ]
    shown = figures(overall, tallies, 5)
    assert (shown.answers, shown.mean) == (6, 4.0)
    assert [bar.number for bar in shown.distribution or ()] == [0, 2, 0, 0, 4]
    few = figures(useful, tallies, 5)
    assert (few.answers, few.mean, few.distribution) == (4, None, None)
    yes = figures(recommend, tallies, 5)
    assert (yes.mean, [(bar.label, bar.number) for bar in yes.distribution or ()]) == (None, [("Ja", 5), ("Nein", 0)])
    assert figures(improve, tallies, 5).answers is None


@pytest.mark.parametrize(
    "wrong",
    [
        [{"key": "a", "label": "A", "kind": "choice"}],
        [{"key": "a", "label": "A", "kind": "choice", "options": [{"value": "x", "label": "X"}] * 2}],
        [{"key": "a", "label": "A", "kind": "rating", "options": [{"value": "x", "label": "X"}]}],
        [{"key": "a", "label": "A", "kind": "text"}] * 2,
        [{"key": f"a{n}", "label": "A", "kind": "text"} for n in range(6)],
    ],
)
def test_questions_that_nobody_could_answer_are_none(wrong: list[dict[str, Any]]) -> None:
    with pytest.raises(ValidationError):
        content(feedback=wrong)
