"""Whose registration is forgotten, and whose is not."""

from datetime import timedelta

import hypothesis
from hypothesis import strategies as st

from services.events.forgetting import ForgetRegistrations, RegistrationsForgotten
from services.events.life import SessionCancelled, SessionHeld, SessionPostponed
from services.events.registration_commands import EraseParticipant, WithdrawRegistration
from services.events.registration_events import RegistrationPromoted, RegistrationWithdrawn
from services.events.session import DECIDER, Command, LetTimePass, Session, SessionEvent, dump, load
from services.events.times import When
from shared.kernel.testing import given
from tests.unit.events.samples import (
    BEGIN,
    NOW,
    SESSION,
    attempt,
    fold,
    member,
    named,
    of,
    opened,
    register,
    waitlisted,
)

LATER = BEGIN + timedelta(days=90)
FULL = [*opened(), member("ada"), member("bert"), waitlisted("carl")]
HELD = SessionHeld(**named(at=BEGIN))
ALL = ForgetRegistrations(registration_ids=("r-ada", "r-bert", "r-carl", "r-nobody", "r-ada"))
WITHDRAWN = RegistrationWithdrawn(seat=True, cause="participant", **of("ada"))


def forgotten(*who: str, seats: int = 0, places: int = 0, **counts: int) -> RegistrationsForgotten:
    return RegistrationsForgotten(
        session_id=SESSION,
        registration_ids=tuple(f"r-{each}" for each in who),
        counts=counts,
        seats=seats,
        places=places,
        at=LATER,
    )


def test_all_of_a_session_that_was_held_are_forgotten_and_counted() -> None:
    gone = forgotten("ada", "bert", "carl", seats=2, places=1, confirmed=2, waitlisted=1)
    given(DECIDER, [*FULL, HELD]).when(ALL, at=LATER).then([gone])


def test_all_of_a_cancelled_session_are_forgotten() -> None:
    cancelled = SessionCancelled(reason="abgesagt", **named())
    gone = forgotten("ada", "bert", "carl", seats=2, places=1, confirmed=2, waitlisted=1)
    given(DECIDER, [*FULL, cancelled]).when(ALL, at=LATER).then([gone])


def test_who_waits_for_the_day_is_never_forgotten() -> None:
    given(DECIDER, FULL).when(ALL, at=NOW).nothing()


def test_who_withdrew_is_forgotten_before_the_day() -> None:
    at = NOW + timedelta(days=29)
    promoted = RegistrationPromoted(confirm_by=None, **of("carl"))
    past: list[SessionEvent] = [*FULL, WITHDRAWN, promoted]
    gone = forgotten("ada", withdrawn=1).model_copy(update={"at": at})
    later = given(DECIDER, past).when(ALL, at=at).then([gone])
    later.when(EraseParticipant(person_id="ada"), at=at).nothing()
    later.when(WithdrawRegistration(registration_id="r-ada"), at=at).not_there()


def test_a_seat_that_waited_too_long_for_a_date_goes_and_is_not_counted_any_more() -> None:
    postponed = SessionPostponed(
        previous=named()["when"], reason="Krankheit", registration_closes_at=None, **named(When(), 1)
    )
    gone = forgotten("ada", seats=1, confirmed=1)
    past = given(DECIDER, [*FULL, postponed]).when(ForgetRegistrations(registration_ids=("r-ada",)), at=LATER)
    after = past.then([gone, *past.decided[1:]])
    assert [type(event).__name__ for event in past.decided] == ["RegistrationsForgotten", "RegistrationPromoted"]
    assert after.state.roster.seated == 2


def test_a_snapshot_of_what_is_left_is_what_is_left() -> None:
    session = fold([*FULL, HELD, forgotten("ada", "carl", seats=1, places=1, confirmed=1, waitlisted=1)])
    assert load(dump(session)) == session
    assert (session.roster.seated, dict(session.roster.queue), set(session.roster.registrations)) == (1, {}, {"r-bert"})
    assert "ada" not in dump(session).decode()


def test_who_was_forgotten_may_come_again() -> None:
    session = [*FULL[:-1], WITHDRAWN, forgotten("ada", withdrawn=1)]
    decided = given(DECIDER, session).when(register("ada", member=True, registration="r-2"), at=NOW).decided
    assert [type(event).__name__ for event in decided] == ["MemberRegistered"]


@hypothesis.given(
    st.lists(st.tuples(st.sampled_from(["enter", "leave", "forget", "pass"]), st.integers(0, 5)), max_size=40),
    st.sampled_from([1, 2, 3]),
)
def test_no_order_of_forgetting_loses_a_place_or_takes_a_seat_twice(steps: list[tuple[str, int]], seats: int) -> None:
    session = fold(opened(capacity=seats))
    for number, (step, who) in enumerate(steps):
        session, _ = attempt(session, _command(step, who, number, session), NOW)
        roster = session.roster
        standing = [one for one in roster.registrations.values() if one.standing]
        assert roster.seated == sum(one.seated for one in standing) <= seats
        assert sorted(roster.queue.values()) == sorted(one.registration_id for one in standing if not one.seated)
        assert not roster.queue or roster.seated == seats
        assert len({one.person_id for one in standing}) == len(standing)
        assert load(dump(session)) == session


def _command(step: str, who: int, number: int, session: Session) -> Command:
    mine = session.roster.latest.get(f"p{who}", "r-none")
    match step:
        case "enter":
            return register(f"p{who}", member=True, registration=f"r-{number}")
        case "leave":
            return WithdrawRegistration(registration_id=mine)
        case "forget":
            return ForgetRegistrations(registration_ids=tuple(session.roster.registrations))
        case _:
            return LetTimePass(unconfirmed=(mine,))
