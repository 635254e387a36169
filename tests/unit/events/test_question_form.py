"""Which sessions take questions, until when; and in which order they are dealt with."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from services.events.life import Life, SessionPostponed, Stage
from services.events.life_commands import PostponeSession
from services.events.question_form import obstacle, takes_questions
from services.events.question_order import DECIDER, OrderQuestions, QuestionsOrdered
from services.events.series import SeriesContent
from services.events.session import DECIDER as SESSIONS
from services.events.times import BERLIN, When
from shared.kernel.testing import given
from tests.unit.events.samples import BEGIN, NOW, SESSION, THURSDAY, announced, content

HOUR = timedelta(hours=1)


def series(**changes: Any) -> SeriesContent:
    return SeriesContent(**({"title": "Reihe", "slug": "reihe", "format": "consultation_hour"} | changes))


def life(stage: Stage = "announced", when: When = THURSDAY, **changes: Any) -> Life:
    return Life(SESSION, content(**changes), when, stage=stage)


@pytest.mark.parametrize(
    ("of_session", "of_series", "taken"),
    [
        ({}, {}, True),
        ({}, {"format": "workshop"}, False),
        ({}, {"format": "workshop", "questions_open": True}, True),
        ({}, {"questions_open": False}, False),
        ({"questions_open": True}, {"format": "workshop", "questions_open": False}, True),
        ({"questions_open": False}, {"questions_open": True}, False),
    ],
    ids=str,
)
def test_the_session_says_whether_questions_are_taken_else_its_series_else_its_format(
    of_session: dict[str, Any], of_series: dict[str, Any], *, taken: bool
) -> None:
    assert takes_questions(life(**of_session), series(**of_series)) is taken


def test_without_a_series_nothing_is_taken() -> None:
    assert not takes_questions(life(), None)


@pytest.mark.parametrize(
    ("of", "at", "code"),
    [
        (life(), NOW, None),
        (life(), BEGIN, None),
        (life(), BEGIN + HOUR, "session_over"),
        (life("held"), NOW, "session_over"),
        (life("documented"), NOW, "session_over"),
        (life("postponed", When()), NOW, None),
        (life("cancelled"), NOW, "session_cancelled"),
        (life("drafted"), NOW, "session_not_announced"),
        (life(questions_open=False), NOW, "questions_closed"),
        (life(questions_close_at=NOW + HOUR), NOW, None),
        (life(questions_close_at=NOW), NOW, "questions_closed"),
    ],
    ids=str,
)
def test_questions_are_taken_until_the_session_is_held_or_their_time_is_over(
    of: Life, at: datetime, code: str | None
) -> None:
    assert obstacle(of, series(), at) == code


def test_the_end_of_questions_moves_with_the_session() -> None:
    closes_at = datetime(2025, 7, 28, 12, tzinfo=BERLIN)
    later = When(starts_at=datetime(2025, 11, 27, 10, tzinfo=BERLIN), ends_at=datetime(2025, 11, 27, 11, tzinfo=BERLIN))
    postpone = PostponeSession(when=later, reason="Erkrankung")
    (event, *_) = given(SESSIONS, announced(questions_close_at=closes_at)).when(postpone, at=NOW).decided
    assert isinstance(event, SessionPostponed)
    assert event.questions_close_at == datetime(2025, 11, 24, 12, tzinfo=BERLIN)


def order(*question_ids: str, present: str = "abc") -> OrderQuestions:
    return OrderQuestions(session_id=SESSION, question_ids=question_ids, present=frozenset(present))


def test_the_whole_order_is_said_at_once() -> None:
    first = QuestionsOrdered(session_id=SESSION, question_ids=("b", "a", "c"), at=NOW)
    second = QuestionsOrdered(session_id=SESSION, question_ids=("c", "a", "b"), at=NOW)
    after = given(DECIDER).when(order("b", "a", "c"), at=NOW).then([first])
    after.when(order("c", "a", "b"), at=NOW).then([second])


@pytest.mark.parametrize("said", ["ab", "abcd", "abca", ""])
def test_no_question_is_left_out_or_named_twice(said: str) -> None:
    given(DECIDER).when(order(*said), at=NOW).refused("questions_changed")
