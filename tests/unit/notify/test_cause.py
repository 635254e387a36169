"""What keeps its order with what, who goes first, and until when a message is of use."""

import pytest

from services.notify.cause import Cause, behind, in_line, kind_of, of_use_until
from services.notify.kind import Priority
from services.notify.scene import concerns, while_registered
from services.notify.session_matter import outdated
from tests.unit.notify import samples
from tests.unit.notify.samples import CAUSES, SESSION, person, postponed
from tests.unit.notify.test_question_letter import CARRIED_ELSEWHERE, CARRIED_OVER, QUESTION, QUESTIONS, RECEIVED


def test_all_that_is_told_of_a_session_is_one_line_and_what_it_offers_is_none_of_it() -> None:
    lines = {name: in_line(cause) for name, (cause, _) in CAUSES.items()}
    assert lines.pop("material") == f"material_published/{SESSION}"
    assert lines.pop("feedback") == f"feedback/{SESSION}"
    reminders = {lines.pop("reminded a day before"), lines.pop("reminded an hour before")}
    assert reminders == {f"reminder/{SESSION}"}
    assert set(lines.values()) == {None}


def test_every_question_is_a_line_of_its_own() -> None:
    assert {in_line(cause) for cause, _ in QUESTIONS.values()} == {f"question/{QUESTION}"}


def test_files_reminders_and_a_question_kept_for_another_date_come_after_the_sessions_news() -> None:
    assert behind(samples.MATERIAL) == behind(samples.REMINDER) == SESSION
    assert behind(CARRIED_OVER) == SESSION
    assert behind(CARRIED_ELSEWHERE) == "another"
    assert {behind(cause) for cause in (samples.FEEDBACK, RECEIVED, samples.GROUP_MESSAGE, samples.LINK)} == {None}


def test_what_one_person_waits_for_goes_first_and_files_and_feedback_last() -> None:
    priority = {name: kind_of(cause).priority for name, (cause, _) in (CAUSES | QUESTIONS).items()}
    assert {name for name, first in priority.items() if first == Priority.LATER} == {"material", "feedback"}
    assert priority["question received"] == priority["reconfirmed"] == priority["withdrawn"] == Priority.PERSONAL
    assert priority["group message"] == priority["question carried over"] == Priority.MANY


def test_those_who_did_not_answer_are_many_and_of_the_same_kind() -> None:
    asked, silent = kind_of(samples.WITHDRAWN), kind_of(samples.WITHDRAWN_UNANSWERED)
    assert (silent.name, silent.priority) == (asked.name, Priority.MANY)


def test_a_link_is_of_use_until_its_time_is_over() -> None:
    assert of_use_until(RECEIVED) == of_use_until(samples.PROMOTED_GUEST) == samples.CONFIRM_BY
    assert of_use_until(samples.FEEDBACK) == samples.CLOSES_AT
    timeless = {name for name, (cause, _) in (CAUSES | QUESTIONS).items() if of_use_until(cause) is None}
    assert set(CAUSES | QUESTIONS) - timeless == {
        "received", "waitlisted guest", "promoted guest", "feedback", "question received",
        "reminded a day before", "reminded an hour before",
    }  # fmt: skip


STATUSES = ("received", "waitlisted", "confirmed", "lapsed", "withdrawn")


def test_files_are_for_who_had_a_place() -> None:
    assert [status for status in STATUSES if concerns(samples.MATERIAL, person(status))] == ["confirmed"]


def test_who_has_no_token_is_not_asked_how_it_was() -> None:
    assert not outdated(samples.FEEDBACK, person(), person(feedback_token="t"))
    assert outdated(samples.FEEDBACK, person(), person())


@pytest.mark.parametrize(
    ("cause", "then", "now", "wrong"),
    [
        (samples.PROMOTED_GUEST, "received", "confirmed", True),
        (samples.PROMOTED_GUEST, "received", "received", False),
        (samples.PROMOTED, "confirmed", "withdrawn", False),
        (samples.RECONFIRMED, "confirmed", "withdrawn", True),
        (samples.MATERIAL, "confirmed", "withdrawn", True),
        (samples.GROUP_MESSAGE, "waitlisted", "lapsed", True),
        (samples.GROUP_MESSAGE, "withdrawn", "withdrawn", False),
        (postponed(), "confirmed", "withdrawn", False),
        (samples.relocated(access_link_changed=True), "confirmed", "withdrawn", True),
    ],
)
def test_what_would_be_wrong_by_now_is_not_sent(cause: Cause, then: str, now: str, *, wrong: bool) -> None:
    assert outdated(cause, person(then), person(now)) is wrong


def test_nobody_is_offered_a_place_that_was_taken_or_given_back() -> None:
    offered = [status for status in STATUSES if concerns(samples.PROMOTED_GUEST, person(status))]
    assert offered == ["received", "waitlisted"]
    assert all(concerns(samples.PROMOTED, person(status)) for status in STATUSES)


def test_nobody_is_thanked_for_coming_after_having_withdrawn() -> None:
    assert concerns(samples.RECONFIRMED, person())
    assert not concerns(samples.RECONFIRMED, person("withdrawn"))


def test_an_organiser_may_write_to_anybody() -> None:
    assert all(concerns(samples.GROUP_MESSAGE, person(status)) for status in ("received", "waitlisted", "withdrawn"))


def test_what_a_session_offers_is_nothing_to_who_gives_the_place_back() -> None:
    for cause in (samples.GROUP_MESSAGE, samples.MATERIAL, samples.FEEDBACK):
        assert while_registered(cause, person())
    assert not while_registered(samples.GROUP_MESSAGE, person("withdrawn"))
    assert not while_registered(samples.CANCELLED, person())
    assert not while_registered(samples.postponed(), person())
