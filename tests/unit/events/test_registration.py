"""Who gets a seat, who waits, who comes next."""

from datetime import datetime, timedelta

import pytest

from services.events.life import RegistrationClosed, SessionCancelled, SessionReinstated, SessionRevised
from services.events.life_commands import CancelSession, PostponeSession, ReinstateSession, ReviseSession
from services.events.registration_commands import (
    ChangeRegistration,
    ConfirmRegistration,
    EraseParticipant,
    WithdrawRegistration,
)
from services.events.registration_events import (
    MemberRegistered,
    ParticipantErased,
    RegistrationChanged,
    RegistrationConfirmed,
    RegistrationLapsed,
    RegistrationLinkRequested,
    RegistrationProlonged,
    RegistrationPromoted,
    RegistrationReceived,
    RegistrationWaitlisted,
    RegistrationWithdrawn,
    WaitlistingConfirmed,
)
from services.events.registration_questions import RegistrationQuestion
from services.events.session import DECIDER, Command, LetTimePass, SessionEvent
from services.events.times import When
from shared.kernel.decider import NotThere
from shared.kernel.testing import given
from tests.unit.events.samples import (
    BEGIN,
    NOW,
    SESSION,
    THURSDAY,
    announced,
    asked,
    content,
    drafted,
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

DAY_LATER = NOW + hours(24)
FULL = [*opened(), member("ada"), member("bert")]


def test_a_guest_holds_a_seat_for_a_day() -> None:
    given(DECIDER, opened()).when(register("ada"), at=NOW).then([received("ada")])


def test_a_seat_is_held_no_longer_than_until_the_session_begins() -> None:
    soon = BEGIN - hours(2)
    guest = received("ada", soon).model_copy(update={"confirm_by": BEGIN})
    given(DECIDER, opened()).when(register("ada"), at=soon).then([guest])


def test_a_member_has_a_seat_at_once() -> None:
    given(DECIDER, opened()).when(register("ada", member=True), at=NOW).then([member("ada")])


def test_a_full_session_waitlists() -> None:
    given(DECIDER, FULL).when(register("cleo", member=True), at=NOW).then([waitlisted("cleo")])
    given(DECIDER, FULL).when(register("cleo"), at=NOW).then([waitlisted("cleo", DAY_LATER)])


def test_nobody_overtakes_the_queue() -> None:
    """Even where a seat is free that nobody was promoted to."""
    events = [*FULL, waitlisted("cleo"), RegistrationWithdrawn(seat=True, cause="participant", **of("ada"))]
    given(DECIDER, events).when(register("dora", member=True), at=NOW).then([waitlisted("dora")])


def test_a_queue_is_not_searched_from_its_beginning_for_ever() -> None:
    gone = [RegistrationWithdrawn(seat=False, cause="participant", **of(who)) for who in ("dora", "cleo")]
    roster = fold([*FULL, waitlisted("cleo"), waitlisted("dora"), waitlisted("emil"), *gone]).roster
    assert [waiting.person_id for waiting in roster.waiting()] == ["emil"]
    assert roster.first == 3


def test_without_a_capacity_everybody_has_a_seat() -> None:
    events = [*opened(capacity=None), *(member(str(n)) for n in range(50))]
    given(DECIDER, events).when(register("ada", member=True), at=NOW).then([member("ada")])


def test_the_same_person_again_gets_the_link_and_no_second_seat() -> None:
    again = register("ada", registration="another")
    wanted = RegistrationLinkRequested(request="another", **of("ada"))
    given(DECIDER, [*opened(), received("ada")]).when(again, at=NOW).then([wanted])


def test_the_link_is_sent_three_times_an_hour_at_most() -> None:
    links = [RegistrationLinkRequested(request=f"q{n}", **of("ada", at=NOW + hours(n / 10))) for n in range(3)]
    asked_often = given(DECIDER, [*opened(), received("ada"), *links])
    asked_often.when(register("ada", registration="q3"), at=NOW + hours(0.5)).then([])
    later = NOW + hours(1.05)
    asked_often.when(register("ada", registration="q3"), at=later).then(
        [RegistrationLinkRequested(request="q3", **of("ada", at=later))]
    )


def test_who_withdrew_may_come_again() -> None:
    events = [*opened(), received("ada"), RegistrationWithdrawn(seat=True, cause="participant", **of("ada"))]
    again = received("ada").model_copy(update=asked("ada", "second"))
    given(DECIDER, events).when(register("ada", registration="second"), at=NOW).then([again])


@pytest.mark.parametrize(
    ("events", "at", "code"),
    [
        (announced(), NOW, "registration_closed"),
        ([*opened(), RegistrationClosed(cause="organiser", **named())], NOW, "registration_closed"),
        (opened(registration_closes_at=NOW + hours(1)), NOW + hours(1), "registration_closed"),
        (opened(), BEGIN, "session_over"),
        (opened(When(date=THURSDAY.day)), NOW, "session_without_time"),
        (opened(When()), NOW, "session_without_time"),
        ([*opened(), SessionCancelled(reason="krank", **named(sequence=1))], NOW, "session_cancelled"),
    ],
)
def test_nobody_registers_when(events: list[SessionEvent], at: datetime, code: str) -> None:
    given(DECIDER, events).when(register("ada"), at=at).refused(code)


def test_who_is_registered_is_not_told_apart_once_registration_is_closed() -> None:
    events = [*opened(), received("ada"), RegistrationClosed(cause="organiser", **named())]
    given(DECIDER, events).when(register("ada", registration="again"), at=NOW).refused("registration_closed")


def test_a_draft_is_nobodys_business() -> None:
    with pytest.raises(NotThere):
        DECIDER.decide(register("ada"), fold([drafted()]), NOW)


def test_the_link_confirms() -> None:
    given(DECIDER, [*opened(), received("ada")]).when(ConfirmRegistration(registration_id="r-ada"), at=NOW).then(
        [RegistrationConfirmed(**of("ada"))]
    )


def test_a_place_in_the_queue_is_confirmed_too() -> None:
    events = [*FULL, waitlisted("cleo", DAY_LATER)]
    given(DECIDER, events).when(ConfirmRegistration(registration_id="r-cleo"), at=NOW).then(
        [WaitlistingConfirmed(**of("cleo"))]
    )


def test_what_is_lapsed_or_withdrawn_cannot_be_confirmed() -> None:
    confirm = ConfirmRegistration(registration_id="r-ada")
    lapsed = [*opened(), received("ada"), RegistrationLapsed(seat=True, **of("ada"))]
    given(DECIDER, lapsed).when(confirm, at=NOW).refused("registration_lapsed")
    withdrawn = [*opened(), received("ada"), RegistrationWithdrawn(seat=True, cause="participant", **of("ada"))]
    given(DECIDER, withdrawn).when(confirm, at=NOW).refused("registration_withdrawn")


def test_nothing_is_confirmed_for_a_cancelled_session() -> None:
    events = [*opened(), received("ada"), SessionCancelled(reason="krank", **named(sequence=1))]
    given(DECIDER, events).when(ConfirmRegistration(registration_id="r-ada"), at=NOW).refused("session_cancelled")


def test_a_withdrawal_promotes_the_first_in_the_queue() -> None:
    events = [*FULL, waitlisted("cleo"), waitlisted("dora")]
    given(DECIDER, events).when(WithdrawRegistration(registration_id="r-ada"), at=NOW).then(
        [
            RegistrationWithdrawn(seat=True, cause="participant", **of("ada")),
            RegistrationPromoted(confirm_by=None, **of("cleo")),
        ]
    )


def test_an_unproven_guest_is_promoted_to_a_seat_that_is_held() -> None:
    events = [*FULL, waitlisted("cleo", DAY_LATER)]
    later = NOW + hours(3)
    given(DECIDER, events).when(WithdrawRegistration(registration_id="r-ada"), at=later).then(
        [
            RegistrationWithdrawn(seat=True, cause="participant", **of("ada", at=later)),
            RegistrationPromoted(confirm_by=later + hours(24), **of("cleo", at=later)),
        ]
    )


def test_a_confirmed_guest_in_the_queue_is_promoted_for_good() -> None:
    events = [*FULL, waitlisted("cleo", DAY_LATER), WaitlistingConfirmed(**of("cleo"))]
    given(DECIDER, events).when(WithdrawRegistration(registration_id="r-ada"), at=NOW).then(
        [
            RegistrationWithdrawn(seat=True, cause="participant", **of("ada")),
            RegistrationPromoted(confirm_by=None, **of("cleo")),
        ]
    )


def test_leaving_the_queue_promotes_nobody() -> None:
    events = [*FULL, waitlisted("cleo"), waitlisted("dora")]
    given(DECIDER, events).when(WithdrawRegistration(registration_id="r-cleo"), at=NOW).then(
        [RegistrationWithdrawn(seat=False, cause="participant", **of("cleo"))]
    )


def test_a_bigger_room_promotes_in_order() -> None:
    events = [*FULL, waitlisted("cleo"), waitlisted("dora"), waitlisted("emil")]
    bigger = content(capacity=4)
    given(DECIDER, events).when(ReviseSession(content=bigger, when=THURSDAY), at=NOW).then(
        [
            SessionRevised(session_id=SESSION, content=bigger, when=THURSDAY, at=NOW),
            RegistrationPromoted(confirm_by=None, **of("cleo")),
            RegistrationPromoted(confirm_by=None, **of("dora")),
        ]
    )


def test_a_smaller_room_keeps_who_is_in() -> None:
    smaller = content(capacity=1)
    given(DECIDER, FULL).when(ReviseSession(content=smaller, when=THURSDAY), at=NOW).then(
        [SessionRevised(session_id=SESSION, content=smaller, when=THURSDAY, at=NOW)]
    )


def test_an_unconfirmed_seat_lapses_after_a_day_and_the_next_one_is_promoted() -> None:
    events = [*opened(), received("ada"), member("bert"), waitlisted("cleo")]
    passing = LetTimePass(unconfirmed=("r-ada",))
    given(DECIDER, events).when(passing, at=DAY_LATER - hours(0.01)).then([])
    given(DECIDER, events).when(passing, at=DAY_LATER).then(
        [
            RegistrationLapsed(seat=True, **of("ada", at=DAY_LATER)),
            RegistrationPromoted(confirm_by=None, **of("cleo", at=DAY_LATER)),
        ]
    )


def test_until_it_lapses_a_seat_can_be_confirmed_and_only_one_of_both_happens() -> None:
    events, confirm = [*opened(), received("ada")], ConfirmRegistration(registration_id="r-ada")
    passing = LetTimePass(unconfirmed=("r-ada",))
    for moment in (DAY_LATER, DAY_LATER + hours(0.01)):
        confirmed = (
            given(DECIDER, events).when(confirm, at=moment).then([RegistrationConfirmed(**of("ada", at=moment))])
        )
        confirmed.when(passing, at=moment).then([])
        lapsed = given(DECIDER, events).when(passing, at=moment)
        lapsed.then([RegistrationLapsed(seat=True, **of("ada", at=moment))]).when(confirm, at=moment).refused(
            "registration_lapsed"
        )


def test_who_lapsed_may_come_again_and_the_old_link_leads_nowhere() -> None:
    events = [*opened(), received("ada"), RegistrationLapsed(seat=True, **of("ada"))]
    again = received("ada").model_copy(update=asked("ada", "second"))
    after = given(DECIDER, events).when(register("ada", registration="second"), at=NOW).then([again])
    after.when(ConfirmRegistration(registration_id="r-ada"), at=NOW).refused("registration_lapsed")
    after.when(WithdrawRegistration(registration_id="r-ada"), at=NOW).then([])


def test_registration_closes_exactly_at_its_end_and_is_open_just_before() -> None:
    closes_at = NOW + hours(1)
    events = opened(registration_closes_at=closes_at)
    last = closes_at - timedelta(microseconds=1)
    given(DECIDER, events).when(register("ada"), at=last).then([received("ada", last)])
    given(DECIDER, events).when(register("ada"), at=closes_at).refused("registration_closed")
    given(DECIDER, opened()).when(register("ada", member=True), at=BEGIN - timedelta(microseconds=1)).then(
        [member("ada").model_copy(update={"at": BEGIN - timedelta(microseconds=1)})]
    )
    given(DECIDER, opened()).when(register("ada", member=True), at=BEGIN).refused("session_over")


def test_a_confirmation_counts_until_the_session_begins() -> None:
    soon = BEGIN - hours(1)
    events = [*opened(), received("ada", soon).model_copy(update={"confirm_by": BEGIN})]
    confirm, last = ConfirmRegistration(registration_id="r-ada"), BEGIN - timedelta(microseconds=1)
    given(DECIDER, events).when(confirm, at=last).then([RegistrationConfirmed(**of("ada", at=last))])
    given(DECIDER, events).when(confirm, at=BEGIN).refused("session_over")


def test_the_hour_of_links_ends_exactly_after_an_hour() -> None:
    links = [RegistrationLinkRequested(request=f"q{n}", **of("ada")) for n in range(3)]
    asked_often = given(DECIDER, [*opened(), received("ada"), *links])
    asked_often.when(register("ada", registration="q3"), at=NOW + hours(1) - timedelta(microseconds=1)).then([])
    later = NOW + hours(1)
    asked_often.when(register("ada", registration="q3"), at=later).then(
        [RegistrationLinkRequested(request="q3", **of("ada", at=later))]
    )


def test_confirmed_seats_never_lapse() -> None:
    events = [*opened(), received("ada"), RegistrationConfirmed(**of("ada"))]
    given(DECIDER, events).when(LetTimePass(unconfirmed=("r-ada", "r-nobody")), at=DAY_LATER).then([])


def test_after_the_begin_nobody_is_promoted() -> None:
    events = [*FULL, waitlisted("cleo"), RegistrationClosed(cause="session_begins", **named())]
    late = BEGIN + hours(0.5)
    given(DECIDER, events).when(WithdrawRegistration(registration_id="r-ada"), at=late).then(
        [RegistrationWithdrawn(seat=True, cause="participant", **of("ada", at=late))]
    )


def test_a_postponed_session_promotes_who_could_not_be_promoted_before() -> None:
    events = [
        *FULL,
        waitlisted("cleo"),
        RegistrationWithdrawn(seat=True, cause="participant", **of("ada")),
    ]
    late = BEGIN + hours(0.2)
    session = fold(events)
    autumn = When(starts_at=BEGIN + hours(24 * 60))
    decided = DECIDER.decide(PostponeSession(when=autumn, reason="Krankheit"), session, late)
    assert [type(event).__name__ for event in decided] == ["SessionPostponed", "RegistrationPromoted"]


def test_a_cancelled_session_keeps_registrations_and_promotes_nobody() -> None:
    events = [*FULL, waitlisted("cleo")]
    given(DECIDER, events).when(CancelSession(reason="Krankheit"), at=NOW).then(
        [SessionCancelled(reason="Krankheit", **named(sequence=1))]
    )
    cancelled = [*events, SessionCancelled(reason="Krankheit", **named(sequence=1))]
    given(DECIDER, cancelled).when(WithdrawRegistration(registration_id="r-ada"), at=NOW).then(
        [RegistrationWithdrawn(seat=True, cause="participant", **of("ada"))]
    )


def test_nothing_lapses_while_a_session_is_cancelled() -> None:
    events = [*opened(), received("ada"), SessionCancelled(reason="krank", **named(sequence=1))]
    given(DECIDER, events).when(LetTimePass(unconfirmed=("r-ada",)), at=DAY_LATER + hours(99)).then([])


def test_a_reinstated_session_leaves_a_day_again_to_confirm() -> None:
    cancelled = SessionCancelled(reason="krank", **named(sequence=1))
    waiting, proven = (waitlisted(who, DAY_LATER) for who in ("cleo", "dora")), WaitlistingConfirmed(**of("dora"))
    events = [*opened(), received("ada"), member("bert"), *waiting, proven, cancelled]
    later = NOW + hours(72)
    prolonged = given(DECIDER, events).when(ReinstateSession(), at=later)
    after = prolonged.then(
        [
            SessionReinstated(**named(sequence=2, at=later)),
            RegistrationProlonged(seat=True, confirm_by=later + hours(24), **of("ada", at=later)),
            RegistrationProlonged(seat=False, confirm_by=later + hours(24), **of("cleo", at=later)),
        ]
    )
    everybody = LetTimePass(unconfirmed=("r-ada", "r-bert", "r-cleo", "r-dora"))
    after.when(everybody, at=later + hours(23.9)).then([])
    after.when(ConfirmRegistration(registration_id="r-ada"), at=later).then(
        [RegistrationConfirmed(**of("ada", at=later))]
    )


def test_who_withdrew_during_a_cancellation_makes_room_when_it_ends() -> None:
    events = [
        *FULL,
        waitlisted("cleo", DAY_LATER),
        SessionCancelled(reason="krank", **named(sequence=1)),
        RegistrationWithdrawn(seat=True, cause="participant", **of("ada")),
    ]
    later = BEGIN - hours(2)
    given(DECIDER, events).when(ReinstateSession(), at=later).then(
        [
            SessionReinstated(**named(sequence=2, at=later)),
            RegistrationProlonged(seat=False, confirm_by=BEGIN, **of("cleo", at=later)),
            RegistrationPromoted(confirm_by=BEGIN, **of("cleo", at=later)),
        ]
    )


def test_an_erased_person_frees_the_seat() -> None:
    events = [*FULL, waitlisted("cleo")]
    given(DECIDER, events).when(EraseParticipant(person_id="ada"), at=NOW).then(
        [
            RegistrationWithdrawn(seat=True, cause="erasure", **of("ada")),
            ParticipantErased(session_id=SESSION, person_id="ada", at=NOW),
            RegistrationPromoted(confirm_by=None, **of("cleo")),
        ]
    )


def test_an_erased_person_who_had_left_is_forgotten_all_the_same() -> None:
    events = [*opened(), received("ada"), RegistrationWithdrawn(seat=True, cause="participant", **of("ada"))]
    given(DECIDER, events).when(EraseParticipant(person_id="ada"), at=NOW).then(
        [ParticipantErased(session_id=SESSION, person_id="ada", at=NOW)]
    )


@pytest.mark.parametrize(
    "command", [ConfirmRegistration(registration_id="r-nobody"), WithdrawRegistration(registration_id="r-nobody")]
)
def test_an_unknown_registration_is_not_there(command: Command) -> None:
    with pytest.raises(NotThere):
        DECIDER.decide(command, fold(opened()), NOW)


@pytest.mark.parametrize(
    ("before", "becomes"),
    [(opened(), RegistrationReceived), (opened(), MemberRegistered), (FULL, RegistrationWaitlisted)],
)
def test_whatever_a_registration_asks_for_is_recorded(before: list[SessionEvent], becomes: type[SessionEvent]) -> None:
    command = register("ada" if before != FULL else "cleo", member=becomes is MemberRegistered)
    [event] = given(DECIDER, before).when(command, at=NOW).decided
    assert type(event) is becomes
    asked_for = command.model_dump(exclude={"member", "questions"})
    assert {name: getattr(event, name) for name in asked_for} == asked_for


OFFERS = [*opened(waiting_list="offer", offer_hours=6), member("ada"), member("bert")]
NO_QUEUE = [*opened(waiting_list="none"), member("ada"), received("bert")]


def test_a_free_seat_is_offered_even_to_members() -> None:
    events = [*OFFERS, waitlisted("cleo"), waitlisted("dora", DAY_LATER)]
    given(DECIDER, events).when(WithdrawRegistration(registration_id="r-ada"), at=NOW).then(
        [
            RegistrationWithdrawn(seat=True, cause="participant", **of("ada")),
            RegistrationPromoted(confirm_by=NOW + hours(6), **of("cleo")),
        ]
    )


def test_an_offer_is_held_no_longer_than_until_the_session_begins() -> None:
    soon = BEGIN - hours(2)
    given(DECIDER, [*OFFERS, waitlisted("cleo")]).when(WithdrawRegistration(registration_id="r-ada"), at=soon).then(
        [
            RegistrationWithdrawn(seat=True, cause="participant", **of("ada", at=soon)),
            RegistrationPromoted(confirm_by=BEGIN, **of("cleo", at=soon)),
        ]
    )


def test_an_offer_is_taken_lapses_or_is_declined_and_the_next_one_is_asked() -> None:
    offered = [
        *OFFERS,
        waitlisted("cleo"),
        waitlisted("dora"),
        RegistrationWithdrawn(seat=True, cause="participant", **of("ada")),
        RegistrationPromoted(confirm_by=NOW + hours(6), **of("cleo")),
    ]
    given(DECIDER, offered).when(ConfirmRegistration(registration_id="r-cleo"), at=NOW).then(
        [RegistrationConfirmed(**of("cleo"))]
    )
    late = NOW + hours(6)
    passing = LetTimePass(unconfirmed=("r-cleo",))
    given(DECIDER, offered).when(passing, at=late - hours(0.01)).then([])
    given(DECIDER, offered).when(passing, at=late).then(
        [
            RegistrationLapsed(seat=True, **of("cleo", at=late)),
            RegistrationPromoted(confirm_by=late + hours(6), **of("dora", at=late)),
        ]
    )
    given(DECIDER, offered).when(WithdrawRegistration(registration_id="r-cleo"), at=NOW).then(
        [
            RegistrationWithdrawn(seat=True, cause="participant", **of("cleo")),
            RegistrationPromoted(confirm_by=NOW + hours(6), **of("dora")),
        ]
    )


def test_who_comes_again_after_a_lapsed_offer_waits_behind_the_others() -> None:
    events = [
        *OFFERS,
        waitlisted("cleo"),
        waitlisted("dora"),
        RegistrationWithdrawn(seat=True, cause="participant", **of("ada")),
        RegistrationPromoted(confirm_by=NOW + hours(6), **of("cleo")),
        RegistrationLapsed(seat=True, **of("cleo")),
        RegistrationPromoted(confirm_by=NOW + hours(6), **of("dora")),
        waitlisted("emil"),
    ]
    again = waitlisted("cleo").model_copy(update=asked("cleo", "again"))
    roster = (
        given(DECIDER, events)
        .when(register("cleo", member=True, registration="again"), at=NOW)
        .then([again])
        .state.roster
    )
    assert [waiting.registration_id for waiting in roster.waiting()] == ["r-emil", "again"]


def test_without_a_waiting_list_full_is_full_for_everybody() -> None:
    """Also for who is registered: the answer must not tell."""
    for who in ("ada", "bert", "cleo"):
        given(DECIDER, NO_QUEUE).when(register(who, registration="new"), at=NOW).refused("session_full")
    given(DECIDER, NO_QUEUE).when(register("ada", member=True), at=NOW).then([])


def test_who_waits_when_the_list_is_closed_still_gets_a_seat() -> None:
    shut = content(waiting_list="none")
    events = [*FULL, waitlisted("cleo"), SessionRevised(session_id=SESSION, content=shut, when=THURSDAY, at=NOW)]
    given(DECIDER, events).when(WithdrawRegistration(registration_id="r-ada"), at=NOW).then(
        [
            RegistrationWithdrawn(seat=True, cause="participant", **of("ada")),
            RegistrationPromoted(confirm_by=None, **of("cleo")),
        ]
    )


QUESTION = RegistrationQuestion(key="diet", label="Was essen Sie?", kind="text")


def change(who: str, *, seen: str = "", **more: object) -> ChangeRegistration:
    said = {"registration_id": f"r-{who}", "change": "c1", "seen": seen, "sealed": "other", "organisation_id": "o"}
    return ChangeRegistration.model_validate(said | more)


def changed(who: str, at: datetime = NOW) -> RegistrationChanged:
    return RegistrationChanged(change="c1", sealed="other", organisation_id="o", **of(who, at=at))


@pytest.mark.parametrize("before", [received("ada"), member("ada"), waitlisted("ada")])
def test_who_has_a_place_may_say_something_else(before: SessionEvent) -> None:
    given(DECIDER, [*opened(), before]).when(change("ada"), at=NOW).then([changed("ada")])


def test_of_two_who_saw_the_same_one_changes_it() -> None:
    events = [*opened(), received("ada"), changed("ada")]
    given(DECIDER, events).when(change("ada", change="c2"), at=NOW).refused("stale_version")
    given(DECIDER, events).when(change("ada", change="c2", seen="c1"), at=NOW).then(
        [changed("ada").model_copy(update={"change": "c2"})]
    )


def test_nothing_is_changed_once_a_session_began_or_a_place_was_given_up() -> None:
    given(DECIDER, [*opened(), member("ada")]).when(change("ada"), at=BEGIN).refused("session_over")
    gone = [*opened(), member("ada"), RegistrationWithdrawn(seat=True, cause="participant", **of("ada"))]
    given(DECIDER, gone).when(change("ada"), at=NOW).refused("registration_withdrawn")
    cancelled = [*opened(), member("ada"), SessionCancelled(reason="krank", **named(sequence=1))]
    given(DECIDER, cancelled).when(change("ada"), at=NOW).refused("session_cancelled")


def test_answers_are_to_the_questions_as_they_are() -> None:
    events = opened(registration_questions=(QUESTION,))
    given(DECIDER, events).when(register("ada"), at=NOW).refused("registration_questions_changed")
    said = register("ada").model_copy(update={"questions": (QUESTION,)})
    given(DECIDER, events).when(said, at=NOW).then([received("ada")])
    known = [*events, received("ada")]
    given(DECIDER, known).when(change("ada"), at=NOW).refused("registration_questions_changed")
    given(DECIDER, known).when(change("ada", questions=(QUESTION,)), at=NOW).then([changed("ada")])
