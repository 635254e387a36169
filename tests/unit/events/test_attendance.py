"""Who came: from when on, until when, once, and corrected."""

import datetime as dt
from collections.abc import Sequence
from functools import reduce
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.events.attendance import DECIDER, Attendance, AttendanceRecorded, Mark, RecordAttendance, Sitting
from services.events.check_in import CODE_LENGTH, code_of, registration_of
from shared.kernel.decider import Refused
from tests.unit.events.samples import BEGIN, SESSION, hours

ANNOUNCED = Sitting(stage="announced", begins=BEGIN)
REGISTRATION = "0198c0de-0000-7000-8000-0000000000ff"


def mark(who: str, **more: Any) -> Mark:
    return Mark(registration_id=f"r-{who}", person_id=who, **more)


def record(*who: str, present: bool = True, sitting: Sitting = ANNOUNCED, **more: Any) -> RecordAttendance:
    said: dict[str, Any] = {"how": "list", "entry": "e"} | more
    return RecordAttendance(session_id=SESSION, sitting=sitting, marks=tuple(map(mark, who)), present=present, **said)


def recorded(*who: str, present: bool = True, at: dt.datetime = BEGIN) -> AttendanceRecorded:
    return AttendanceRecorded(
        session_id=SESSION, marks=tuple(map(mark, who)), present=present, how="list", entry="e", at=at
    )


def after(events: Sequence[AttendanceRecorded]) -> Attendance:
    return reduce(DECIDER.evolve, events, DECIDER.initial)


def decided(command: RecordAttendance, *events: AttendanceRecorded, at: dt.datetime = BEGIN) -> list[Any]:
    return list(DECIDER.decide(command, after(events), at))


def refusal(command: RecordAttendance, at: dt.datetime = BEGIN) -> str:
    with pytest.raises(Refused) as refused:
        decided(command, at=at)
    return refused.value.code


def test_who_is_there_is_recorded_once() -> None:
    assert decided(record("ada", "bob", "ada")) == [recorded("ada", "bob")]
    assert decided(record("ada", "bob"), recorded("ada", "bob")) == []


def test_only_what_is_new_is_recorded() -> None:
    assert decided(record("ada", "bob"), recorded("ada")) == [recorded("bob")]


def test_what_was_said_can_be_corrected_and_corrected_back() -> None:
    away = decided(record("ada", present=False), recorded("ada"))
    assert away == [recorded("ada", present=False)]
    assert decided(record("ada", present=False), recorded("ada"), *away) == []
    assert decided(record("ada"), recorded("ada"), *away) == [recorded("ada")]


def test_nobody_is_there_more_than_an_hour_before() -> None:
    assert refusal(record("ada"), BEGIN - hours(1.01)) == "attendance_too_early"
    assert decided(record("ada"), at=BEGIN - hours(1)) == [recorded("ada", at=BEGIN - hours(1))]


def test_editors_may_say_it_long_after() -> None:
    late = BEGIN + dt.timedelta(days=400)
    assert decided(record("ada", sitting=Sitting(stage="documented", begins=BEGIN)), at=late)


def test_of_themselves_people_say_it_for_a_while() -> None:
    own = record("ada", how="self", until=BEGIN + hours(3))
    assert decided(own, at=BEGIN + hours(3))
    assert refusal(own, BEGIN + hours(3.01)) == "attendance_closed"


@pytest.mark.parametrize(
    ("stage", "begins", "code"),
    [
        ("drafted", BEGIN, "session_not_announced"),
        ("cancelled", BEGIN, "session_cancelled"),
        ("postponed", None, "session_without_time"),
    ],
)
def test_nobody_comes_to_what_does_not_take_place(stage: Any, begins: dt.datetime | None, code: str) -> None:
    assert refusal(record("ada", sitting=Sitting(stage=stage, begins=begins))) == code


def test_who_came_to_a_date_that_was_given_up_has_not_come_to_the_new_one() -> None:
    new = BEGIN + dt.timedelta(days=56)
    sitting = Sitting(stage="postponed", begins=new)
    assert decided(record("ada", sitting=sitting), recorded("ada"), at=new) == [recorded("ada", at=new)]
    assert decided(record("ada", sitting=sitting), recorded("ada"), recorded("ada", at=new), at=new) == []


def test_attendance_is_published_to_nobody() -> None:
    assert DECIDER.publish(recorded("ada")) is None


WHO = st.sampled_from(["ada", "bob", "cem", "dora"])
SAID = st.tuples(st.sets(WHO, min_size=1), st.booleans(), st.integers(0, 48))


@settings(max_examples=60)
@given(st.lists(SAID, max_size=12))
def test_what_was_said_last_holds_and_a_repetition_says_nothing(said: list[tuple[set[str], bool, int]]) -> None:
    attendance, last = after([]), dict[str, bool]()
    for who, present, _ in said:
        command = record(*sorted(who), present=present)
        attendance = reduce(DECIDER.evolve, DECIDER.decide(command, attendance, BEGIN), attendance)
        last |= dict.fromkeys(who, present)
        assert DECIDER.decide(command, attendance, BEGIN) == []
    assert {key: value.present for key, value in attendance.said.items()} == {f"r-{w}": p for w, p in last.items()}


def test_a_code_leads_to_its_registration_and_nothing_else_does() -> None:
    code = code_of(REGISTRATION)
    assert len(code) == CODE_LENGTH
    assert registration_of(f" {code}\n") == REGISTRATION
    for wrong in ("", code[:-1], code + "A", "!" * CODE_LENGTH, "ä" * CODE_LENGTH, REGISTRATION):
        assert registration_of(wrong) is None, wrong
