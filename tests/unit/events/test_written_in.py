"""Whom organisers write in: at once or with a mail, before and at the door, never above the capacity."""

import datetime as dt
from typing import Any

import pytest

from services.events.group_message import Audience, GroupMessageRequested, RequestGroupMessage
from services.events.life import RegistrationClosed, SessionCancelled
from services.events.life_commands import CancelSession, CloseRegistration
from services.events.registration_commands import RegisterParticipant
from services.events.registration_events import MemberRegistered, RegistrationReceived, RegistrationWaitlisted
from services.events.session import DECIDER, SessionEvent, dump, load
from services.events.times import When
from shared.kernel.decider import Refused
from tests.unit.events.samples import (
    BEGIN,
    NOW,
    SESSION,
    announced,
    asked,
    drafted,
    fold,
    hours,
    member,
    named,
    opened,
    waitlisted,
)


def write_in(who: str, entry: Any = "organiser", *, confirm: bool = False) -> RegisterParticipant:
    return RegisterParticipant(**asked(who), member=not confirm, entry=entry)


def decided(history: list[Any], command: Any, at: dt.datetime = NOW) -> list[SessionEvent]:
    """What comes of it; and nothing comes of it the second time."""
    events = list(DECIDER.decide(command, fold(history), at))
    assert DECIDER.decide(command, fold([*history, *events]), at) == []
    return events


def refusal(history: list[Any], command: Any, at: dt.datetime = NOW) -> str:
    with pytest.raises(Refused) as refused:
        DECIDER.decide(command, fold(history), at)
    return refused.value.code


def seated(who: str, entry: Any = "organiser", at: dt.datetime = NOW) -> MemberRegistered:
    return MemberRegistered(session_id=SESSION, at=at, entry=entry, **asked(who))


def test_an_organiser_vouches_for_whom_they_write_in() -> None:
    assert decided(opened(), write_in("ada")) == [seated("ada")]


def test_or_leaves_it_to_the_person_to_confirm() -> None:
    (event,) = decided(opened(), write_in("ada", confirm=True))
    assert isinstance(event, RegistrationReceived)
    assert event.confirm_by == NOW + hours(24)


@pytest.mark.parametrize("history", [announced(), [*opened(), RegistrationClosed(cause="organiser", **named())]])
def test_registration_need_not_be_open_for_it(history: list[Any]) -> None:
    assert decided(history, write_in("ada")) == [seated("ada")]


def test_a_full_session_has_a_place_in_the_queue() -> None:
    full = [*opened(), member("bob"), member("cem")]
    (event,) = decided(full, write_in("ada"))
    assert isinstance(event, RegistrationWaitlisted)
    assert event.confirm_by is None
    waits = [*full, waitlisted("dora")]
    (behind,) = decided(waits, write_in("ada"))
    assert isinstance(behind, RegistrationWaitlisted)


def test_who_is_registered_stays_so_and_is_sent_nothing() -> None:
    again = write_in("bob").model_copy(update={"registration_id": "another"})
    assert decided([*opened(), member("bob")], again) == []


@pytest.mark.parametrize(
    ("history", "at", "code"),
    [
        ([drafted()], NOW, "session_not_announced"),
        ([*opened(), SessionCancelled(reason="krank", **named(sequence=1))], NOW, "session_cancelled"),
        (opened(), BEGIN, "session_over"),
        (announced(When(date=BEGIN.date())), NOW, "session_without_time"),
    ],
)
def test_nobody_is_written_in_where_nothing_is_ahead(history: list[Any], at: dt.datetime, code: str) -> None:
    assert refusal(history, write_in("ada"), at) == code


def test_at_the_door_people_come_in_while_it_goes_on_and_are_written_in_later() -> None:
    assert refusal(opened(), write_in("ada", "door"), BEGIN - hours(1.1)) == "attendance_too_early"
    for at in (BEGIN - hours(1), BEGIN, BEGIN + hours(100)):
        assert decided(opened(), write_in("ada", "door"), at) == [seated("ada", "door", at)]
    cancelled = [*opened(), SessionCancelled(reason="krank", **named(sequence=1))]
    assert refusal(cancelled, write_in("ada", "door"), BEGIN) == "session_cancelled"


def test_at_the_door_no_seat_is_made() -> None:
    (event,) = decided([*opened(), member("bob"), member("cem")], write_in("ada", "door"), BEGIN)
    assert isinstance(event, RegistrationWaitlisted)


def test_who_stands_at_the_door_is_not_written_to() -> None:
    assert DECIDER.publish(seated("ada", "door")) is None
    assert DECIDER.publish(waitlisted("ada").model_copy(update={"entry": "door"})) is None
    confirmed = DECIDER.publish(seated("ada"))
    assert confirmed is not None
    assert confirmed.type == "ikz.events.registration.confirmed.v1"


MESSAGE = RequestGroupMessage(message_id="m-1", audience=Audience(), subject="Raum", text="Wir treffen uns in Raum 2.")


def test_an_organiser_writes_to_a_group_once() -> None:
    (event,) = decided(opened(), MESSAGE)
    assert isinstance(event, GroupMessageRequested)
    contract = DECIDER.publish(event)
    assert contract is not None
    assert contract.model_dump()["message_id"] == "m-1"
    assert "Raum" not in contract.model_dump_json()


def test_a_draft_has_nobody_to_write_to_and_a_cancelled_session_has() -> None:
    assert refusal([drafted()], MESSAGE) == "session_not_announced"
    assert decided([*opened(), SessionCancelled(reason="krank", **named(sequence=1))], MESSAGE)


def test_a_message_makes_no_editor_start_again_and_is_remembered_by_a_snapshot() -> None:
    session = fold([*opened(), *decided(opened(), MESSAGE)])
    assert session.edited == session.version - 1
    assert load(dump(session)) == session
    assert DECIDER.decide(MESSAGE, load(dump(session)), NOW) == []


def test_closing_and_cancelling_still_follow_a_message() -> None:
    session = fold([*opened(), *decided(opened(), MESSAGE)])
    assert DECIDER.decide(CloseRegistration(), session, NOW)
    assert DECIDER.decide(CancelSession(reason="krank"), session, NOW)
