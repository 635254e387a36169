"""Does the new date suit? Who is asked, who answers, and what becomes of the others, told in sentences."""

import datetime as dt
from typing import Any

import pytest

from services.events.answers_to_postponement import ReconfirmRegistration
from services.events.life import (
    AnswersEnded,
    RegistrationClosed,
    SessionCancelled,
    SessionHeld,
    SessionPostponed,
    SessionReinstated,
)
from services.events.life_commands import CancelSession, PostponeSession, ReinstateSession, Unanswered
from services.events.registration_commands import WithdrawRegistration
from services.events.registration_events import RegistrationPromoted, RegistrationReconfirmed, RegistrationWithdrawn
from services.events.session import DECIDER, LetTimePass, SessionEvent, dump, load
from services.events.times import BERLIN, When
from shared.contracts import events as contracts
from shared.kernel.decider import NotThere
from shared.kernel.testing import given
from tests.unit.events.samples import (
    NOW,
    SESSION,
    THURSDAY,
    fold,
    hours,
    member,
    named,
    of,
    opened,
    received,
    register,
    waitlisted,
)

AUGUST = When(
    starts_at=dt.datetime(2025, 8, 28, 10, tzinfo=BERLIN), ends_at=dt.datetime(2025, 8, 28, 11, tzinfo=BERLIN)
)
SEPTEMBER = When(
    starts_at=dt.datetime(2025, 9, 25, 10, tzinfo=BERLIN), ends_at=dt.datetime(2025, 9, 25, 11, tzinfo=BERLIN)
)
ANSWER_BY = dt.datetime(2025, 8, 20, 12, tzinfo=BERLIN)
ENDS = ANSWER_BY.astimezone(dt.UTC)
REASON = "organisatorische Gründe"
EVERYBODY = ("r-ada", "r-bob", "r-cem", "r-dea")


def asked(
    unanswered: Unanswered = "go",
    when: When = AUGUST,
    previous: When = THURSDAY,
    answer_by: dt.datetime | None = ANSWER_BY,
    sequence: int = 1,
) -> SessionPostponed:
    return SessionPostponed(
        previous=previous,
        reason=REASON,
        registration_closes_at=None,
        answer_by=answer_by,
        unanswered=unanswered if answer_by else None,
        **named(when, sequence=sequence),
    )


def ask(unanswered: Unanswered = "go", when: When = AUGUST, **more: Any) -> PostponeSession:
    return PostponeSession(when=when, reason=REASON, **({"answer_by": ANSWER_BY, "unanswered": unanswered} | more))


def full() -> list[SessionEvent]:
    """Ada and Bob have the two seats, Cem and Dea wait."""
    return [*opened(), member("ada"), member("bob"), waitlisted("cem"), waitlisted("dea")]


def yes(who: str, at: dt.datetime = NOW) -> RegistrationReconfirmed:
    return RegistrationReconfirmed(**of(who, at=at))


def gone(who: str, *, seat: bool, at: dt.datetime = ENDS) -> RegistrationWithdrawn:
    return RegistrationWithdrawn(seat=seat, cause="no_answer", **of(who, at=at))


def ended(at: dt.datetime = ENDS) -> AnswersEnded:
    return AnswersEnded(session_id=SESSION, at=at)


def coming(who: str) -> ReconfirmRegistration:
    return ReconfirmRegistration(registration_id=f"r-{who}")


def test_a_postponement_may_ask_whether_the_new_date_suits() -> None:
    given(DECIDER, full()).when(ask(), at=NOW).then([asked()])
    session = fold([*full(), asked()])
    assert (session.roster.owing, session.roster.asked) == (4, 1)


def test_others_hear_until_when_and_what_then() -> None:
    published = DECIDER.publish(asked())
    assert isinstance(published, contracts.SessionPostponed)
    assert (published.answer_by, published.unanswered) == (ANSWER_BY, "go")
    silent = DECIDER.publish(asked(answer_by=None))
    assert isinstance(silent, contracts.SessionPostponed)
    assert (silent.answer_by, silent.unanswered) == (None, None)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (ask(when=When()), "answer_by_without_date"),
        (ask(answer_by=NOW), "answer_by_in_past"),
        (ask(answer_by=AUGUST.starts_at), "answer_by_too_late"),
        (ask(when=When(date=AUGUST.day), answer_by=dt.datetime(2025, 8, 28, tzinfo=BERLIN)), "answer_by_too_late"),
    ],
)
def test_the_time_to_answer_lies_before_the_new_date(command: PostponeSession, code: str) -> None:
    given(DECIDER, full()).when(command, at=NOW).refused(code, field="/answer_by")


def test_a_day_without_a_time_can_be_asked_about() -> None:
    day = When(date=AUGUST.day)
    given(DECIDER, full()).when(ask(when=day), at=NOW).then([asked(when=day)])


def test_i_come_to_the_new_date() -> None:
    waiting = given(DECIDER, [*full(), asked()])
    waiting.when(coming("ada"), at=NOW).then([yes("ada")])
    waiting.when(coming("cem"), at=NOW).then([yes("cem")])
    given(DECIDER, [*full(), asked(), yes("ada")]).when(coming("ada"), at=NOW).then([])
    assert fold([*full(), asked(), yes("ada"), yes("cem")]).roster.owing == 2
    published = DECIDER.publish(yes("ada"))
    assert isinstance(published, contracts.RegistrationReconfirmed)


def test_who_registers_after_the_postponement_owes_no_answer() -> None:
    events = [*opened(), member("ada"), asked(), member("bob")]
    given(DECIDER, events).when(coming("bob"), at=NOW).then([])
    going = given(DECIDER, events).when(LetTimePass(unanswered=EVERYBODY), at=ENDS)
    going.then([gone("ada", seat=True), ended()])


def test_an_answer_nobody_asks_for_is_refused() -> None:
    given(DECIDER, full()).when(coming("ada"), at=NOW).refused("answer_not_asked")
    given(DECIDER, [*full(), asked()]).when(coming("ada"), at=ENDS).refused("answer_not_asked")
    given(DECIDER, [*full(), asked("stay"), ended()]).when(coming("ada"), at=ENDS).refused("answer_not_asked")


def test_who_has_no_place_or_is_not_there_cannot_answer() -> None:
    left = RegistrationWithdrawn(seat=True, cause="participant", **of("ada"))
    given(DECIDER, [*full(), left, asked()]).when(coming("ada"), at=NOW).refused("registration_withdrawn")
    with pytest.raises(NotThere):
        DECIDER.decide(coming("eve"), fold([*full(), asked()]), NOW)


def test_i_cannot_is_giving_the_place_back() -> None:
    promoted = RegistrationPromoted(confirm_by=None, **of("cem"))
    left = RegistrationWithdrawn(seat=True, cause="participant", **of("ada"))
    given(DECIDER, [*full(), asked()]).when(WithdrawRegistration(registration_id="r-ada"), at=NOW).then(
        [left, promoted]
    )
    assert fold([*full(), asked(), left, promoted]).roster.owing == 3


def test_who_stays_silent_stays_if_the_organiser_said_so() -> None:
    waiting = given(DECIDER, [*full(), asked("stay"), yes("ada")])
    waiting.when(LetTimePass(unanswered=EVERYBODY), at=ENDS - hours(0.1)).then([])
    waiting.when(LetTimePass(unanswered=EVERYBODY), at=ENDS).then([ended()])


def test_who_stays_silent_goes_and_the_queue_moves_up() -> None:
    events = [*full(), asked(), yes("bob"), yes("dea")]
    given(DECIDER, events).when(LetTimePass(unanswered=EVERYBODY), at=ENDS).then(
        [
            gone("ada", seat=True),
            gone("cem", seat=False),
            RegistrationPromoted(confirm_by=None, **of("dea", at=ENDS)),
            ended(),
        ]
    )


def test_they_go_in_portions_and_nobody_is_promoted_to_go() -> None:
    events = [*full(), asked()]
    first: list[SessionEvent] = [gone("ada", seat=True)]
    given(DECIDER, events).when(LetTimePass(), at=ENDS).then([])
    given(DECIDER, events).when(LetTimePass(unanswered=("r-ada",)), at=ENDS).then(first)
    rest: list[SessionEvent] = [gone("bob", seat=True), gone("cem", seat=False), gone("dea", seat=False), ended()]
    given(DECIDER, [*events, *first]).when(LetTimePass(unanswered=EVERYBODY), at=ENDS).then(rest)
    assert fold([*events, *first, *rest]).roster.seated == 0


def test_a_place_that_becomes_free_meanwhile_goes_to_nobody_who_has_to_go() -> None:
    left = RegistrationWithdrawn(seat=True, cause="participant", **of("ada", at=ENDS))
    given(DECIDER, [*full(), asked(), yes("dea")]).when(WithdrawRegistration(registration_id="r-ada"), at=ENDS).then(
        [left, RegistrationPromoted(confirm_by=None, **of("dea", at=ENDS))]
    )


def test_only_those_who_owe_an_answer_and_are_named_go() -> None:
    events = [*opened(), member("ada"), asked(), yes("ada"), member("bob")]
    given(DECIDER, events).when(LetTimePass(unanswered=(*EVERYBODY, "r-eve")), at=ENDS).then([ended()])


def test_an_unproven_address_is_asked_like_the_others() -> None:
    events = [*opened(), received("ada"), asked()]
    given(DECIDER, events).when(coming("ada"), at=NOW).then([yes("ada")])
    given(DECIDER, events).when(LetTimePass(unanswered=EVERYBODY), at=ENDS).then([gone("ada", seat=True), ended()])


def test_another_postponement_asks_anew() -> None:
    later = dt.datetime(2025, 9, 17, 12, tzinfo=BERLIN)
    again = asked(when=SEPTEMBER, previous=AUGUST, answer_by=later, sequence=2)
    events = [*full(), asked(), yes("ada")]
    given(DECIDER, events).when(ask(when=SEPTEMBER, answer_by=later), at=NOW).then([again])
    given(DECIDER, [*events, again]).when(coming("ada"), at=NOW).then([yes("ada")])
    assert fold([*events, again]).roster.owing == 4


def test_the_time_to_answer_moves_with_the_date() -> None:
    moving = PostponeSession(when=SEPTEMBER, reason=REASON, keep_asking=True)
    later = dt.datetime(2025, 9, 17, 12, tzinfo=BERLIN)
    given(DECIDER, [*full(), asked(), yes("ada")]).when(moving, at=NOW).then(
        [asked(when=SEPTEMBER, previous=AUGUST, answer_by=later, sequence=2)]
    )


def test_a_time_to_answer_that_would_move_into_the_past_has_to_be_named() -> None:
    early = When(starts_at=NOW + hours(48), ends_at=NOW + hours(49))
    moving = PostponeSession(when=early, reason=REASON, keep_asking=True)
    given(DECIDER, [*full(), asked()]).when(moving, at=NOW).refused("answer_by_in_past", field="/answer_by")


def test_a_postponement_that_asks_nobody_ends_the_question() -> None:
    events = [*full(), asked(), asked(when=SEPTEMBER, previous=AUGUST, answer_by=None, sequence=2)]
    given(DECIDER, events).when(coming("ada"), at=NOW).refused("answer_not_asked")
    given(DECIDER, events).when(LetTimePass(unanswered=EVERYBODY), at=ENDS).then([])


def test_while_the_date_is_open_nobody_is_asked_and_then_all_are_asked_anew() -> None:
    open_date = asked(when=When(), previous=AUGUST, answer_by=None, sequence=2)
    events = [*full(), asked(), yes("ada")]
    putting_off = PostponeSession(when=When(), reason=REASON, keep_asking=True)
    given(DECIDER, events).when(putting_off, at=NOW).then([open_date])
    events.append(open_date)
    given(DECIDER, events).when(coming("bob"), at=NOW).refused("answer_not_asked")
    given(DECIDER, events).when(LetTimePass(unanswered=EVERYBODY), at=ENDS + hours(99)).then([])
    found = PostponeSession(when=SEPTEMBER, reason=REASON, keep_asking=True)
    later = dt.datetime(2025, 9, 17, 12, tzinfo=BERLIN)
    again = asked(when=SEPTEMBER, previous=When(), answer_by=later, sequence=3)
    given(DECIDER, events).when(found, at=NOW).then([again])
    assert fold([*events, again]).roster.owing == 4


def test_an_open_date_may_end_the_question_for_good() -> None:
    open_date = asked(when=When(), previous=AUGUST, answer_by=None, sequence=2)
    given(DECIDER, [*full(), asked()]).when(PostponeSession(when=When(), reason=REASON), at=NOW).then(
        [open_date, ended(NOW)]
    )


def test_asking_something_else_about_the_same_date_is_no_postponement() -> None:
    waiting = given(DECIDER, [*full(), asked()])
    waiting.when(ask("stay"), at=NOW).refused("date_unchanged")
    waiting.when(ask(), at=NOW).then([])
    waiting.when(PostponeSession(when=AUGUST, reason=REASON, keep_asking=True), at=NOW).then([])
    waiting.when(PostponeSession(when=AUGUST, reason=REASON), at=NOW).refused("date_unchanged")


def test_a_cancellation_lets_the_question_rest() -> None:
    cancelled = SessionCancelled(reason="krank", **named(AUGUST, sequence=2))
    events = [*full(), asked(), yes("ada")]
    given(DECIDER, events).when(CancelSession(reason="krank"), at=NOW).then([cancelled])
    resting = given(DECIDER, [*events, cancelled])
    resting.when(coming("bob"), at=NOW).refused("session_cancelled")
    resting.when(LetTimePass(unanswered=EVERYBODY), at=ENDS).then([])
    resting.when(ReinstateSession(), at=NOW).then([SessionReinstated(answer_by=ANSWER_BY, **named(AUGUST, sequence=3))])


@pytest.mark.parametrize(
    ("at", "answer_by"),
    [
        (ENDS + hours(5), ENDS + hours(29)),
        (dt.datetime(2025, 8, 28, 7, tzinfo=dt.UTC), dt.datetime(2025, 8, 28, 8, tzinfo=dt.UTC)),
    ],
)
def test_who_could_not_answer_while_it_was_cancelled_has_a_day_for_it(at: dt.datetime, answer_by: dt.datetime) -> None:
    cancelled = SessionCancelled(reason="krank", **named(AUGUST, sequence=2))
    reinstated = SessionReinstated(answer_by=answer_by, **named(AUGUST, sequence=3, at=at))
    events = [*full(), asked(), yes("ada"), cancelled]
    given(DECIDER, events).when(ReinstateSession(), at=at).then([reinstated])
    given(DECIDER, [*events, reinstated]).when(coming("bob"), at=at).then([yes("bob", at)])
    given(DECIDER, [*events, reinstated]).when(coming("ada"), at=at).then([])


def test_a_day_that_has_begun_lasts_long_enough_to_answer() -> None:
    day = When(date=AUGUST.day)
    cancelled = SessionCancelled(reason="krank", **named(day, sequence=2))
    noon = dt.datetime(2025, 8, 28, 10, tzinfo=dt.UTC)
    midnight = dt.datetime(2025, 8, 29, tzinfo=BERLIN)
    given(DECIDER, [*full(), asked(when=day), cancelled]).when(ReinstateSession(), at=noon).then(
        [SessionReinstated(answer_by=midnight, **named(day, sequence=3, at=noon))]
    )


def test_nobody_goes_once_the_session_has_begun() -> None:
    over = AUGUST.ends_at
    assert over is not None
    late = over.astimezone(dt.UTC)
    decided = given(DECIDER, [*full(), asked()]).when(LetTimePass(unanswered=EVERYBODY), at=late).decided
    assert [type(event) for event in decided] == [AnswersEnded, RegistrationClosed, SessionHeld]


def test_a_snapshot_keeps_who_owes_an_answer() -> None:
    session = fold([*full(), asked(), yes("ada")])
    assert load(dump(session)) == session
    assert load(dump(session)).roster.owing == 3


def test_what_was_stored_before_anybody_was_asked_is_read() -> None:
    stored = asked(answer_by=None).model_dump(exclude={"answer_by", "unanswered", "registration_opens_at"})
    assert SessionPostponed.model_validate(stored) == asked(answer_by=None)


def test_a_seat_taken_after_the_question_is_held_for_good() -> None:
    """A new registration takes the seat that a silent one gave up, and nobody asks it."""
    events = [*opened(), member("ada"), asked(), gone("ada", seat=True), ended()]
    decided = given(DECIDER, events).when(register("bob", member=True), at=ENDS).decided
    later = given(DECIDER, [*events, *decided]).when(LetTimePass(unanswered=EVERYBODY), at=ENDS + hours(1))
    later.then([])
