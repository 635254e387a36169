"""Whatever happens in whatever order: no seat is given twice, nobody is in twice, nobody loses a place in the queue."""

import datetime as dt
from collections.abc import Sequence

from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from services.events.answers_to_postponement import ReconfirmRegistration
from services.events.life_commands import (
    CancelSession,
    CloseRegistration,
    OpenRegistration,
    PostponeSession,
    ReinstateSession,
    ReviseSession,
)
from services.events.programme import WaitingList
from services.events.registration import Roster
from services.events.registration_commands import (
    ChangeRegistration,
    ConfirmRegistration,
    EraseParticipant,
    WithdrawRegistration,
)
from services.events.registration_events import (
    MemberRegistered,
    RegistrationLapsed,
    RegistrationPromoted,
    RegistrationReceived,
    RegistrationWaitlisted,
    RegistrationWithdrawn,
)
from services.events.session import DECIDER, Command, LetTimePass, Session, SessionEvent, dump, load
from services.events.times import When
from tests.unit.events.samples import BEGIN, NOW, THURSDAY, attempt, content, fold, hours, opened, register

PEOPLE = [f"p{number}" for number in range(5)]
REGISTRATIONS = [f"r{number}" for number in range(8)]

people = st.sampled_from(PEOPLE)
registrations = st.sampled_from(REGISTRATIONS)
waiting_lists: st.SearchStrategy[WaitingList] = st.sampled_from(["promote", "offer", "none"])
by_people: list[st.SearchStrategy[Command]] = [
    *[st.builds(register, people, member=st.booleans(), registration=registrations)] * 2,
    st.builds(ConfirmRegistration, registration_id=registrations),
    st.builds(WithdrawRegistration, registration_id=registrations),
    st.builds(EraseParticipant, person_id=people),
    st.builds(ReconfirmRegistration, registration_id=registrations),
    st.builds(ReconfirmRegistration, registration_id=registrations),
    st.builds(LetTimePass, unconfirmed=st.just(tuple(REGISTRATIONS)), unanswered=st.lists(registrations).map(tuple)),
    st.builds(
        lambda registration, change, seen: ChangeRegistration(
            registration_id=registration, change=change, seen=seen, sealed="other"
        ),
        registrations,
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["", "a", "b", "c"]),
    ),
]
of_rooms: st.SearchStrategy[Command] = st.builds(
    lambda seats, queue, hours: ReviseSession(
        content=content(capacity=seats, waiting_list=queue, offer_hours=hours), when=THURSDAY
    ),
    st.none() | st.integers(1, 4),
    waiting_lists,
    st.integers(1, 40),
)
commands: st.SearchStrategy[Command] = st.one_of(
    *by_people,
    of_rooms,
    st.builds(
        lambda opens, closes: ReviseSession(
            content=content(registration_opens_at=NOW + hours(opens), registration_closes_at=NOW + hours(closes)),
            when=THURSDAY,
        ),
        st.integers(0, 200),
        st.integers(0, 200),
    ),
    st.builds(
        lambda day: PostponeSession(when=When(starts_at=BEGIN + dt.timedelta(days=day)), reason="-"), st.integers(1, 40)
    ),
    st.just(PostponeSession(when=When(), reason="-")),
    st.builds(
        lambda day, before, unanswered: PostponeSession(
            when=When(starts_at=BEGIN + dt.timedelta(days=day)),
            reason="-",
            answer_by=BEGIN + dt.timedelta(days=day - before),
            unanswered=unanswered,
        ),
        st.integers(1, 40),
        st.integers(1, 40),
        st.sampled_from(["stay", "go"]),
    ),
    st.builds(
        lambda day: PostponeSession(
            when=When(starts_at=BEGIN + dt.timedelta(days=day)) if day else When(), reason="-", keep_asking=True
        ),
        st.integers(0, 60),
    ),
    st.just(CancelSession(reason="-")),
    st.just(ReinstateSession()),
    st.just(OpenRegistration()),
    st.just(CloseRegistration()),
)
journeys = st.lists(st.tuples(commands, st.floats(0, 30)), max_size=40)
crowds = st.lists(st.tuples(st.one_of(*by_people, *by_people, of_rooms), st.floats(0, 3)), min_size=10, max_size=40)


def queue(roster: Roster) -> list[str]:
    return [waiting.registration_id for waiting in roster.waiting()]


def check(before: Session, after: Session, events: Sequence[SessionEvent], at: dt.datetime) -> None:
    roster, life = after.roster, after.life
    assert life is not None
    standing = [one for one in roster.registrations.values() if one.standing]
    assert len({one.person_id for one in standing}) == len(standing), "nobody twice"
    assert roster.seated == sum(one.seated for one in standing)
    grew = roster.seated > before.roster.seated
    assert not grew or life.capacity is None or roster.seated <= life.capacity, "no overbooking"
    promoted = [event.registration_id for event in events if isinstance(event, RegistrationPromoted)]
    assert len(set(promoted)) == len(promoted), "nobody promoted twice"
    stayed = [waiting for waiting in queue(before.roster) if waiting in queue(roster)]
    assert queue(roster)[: len(stayed)] == stayed, "new ones wait behind"
    waited = queue(before.roster)
    assert promoted == [one for one in waited if one in promoted], "promoted in order"
    left = {one.registration_id for one in roster.registrations.values() if one.status in {"lapsed", "withdrawn"}}
    owing = {one.registration_id for one in roster.registrations.values() if one.owes_answer(roster.asked)}
    left |= owing if life.unanswered_go(at) else set()
    assert not promoted or all(one in promoted or one in left for one in waited[: waited.index(promoted[-1])]), (
        "nobody is passed over"
    )
    entered = [event for event in events if isinstance(event, MemberRegistered | RegistrationReceived)]
    assert not (entered and waited), "nobody comes in past the queue"
    joined = [event for event in events if isinstance(event, RegistrationWaitlisted)]
    assert not joined or before.life is None or before.life.content.waiting_list != "none", "nobody waits for nothing"
    offers = life.content.waiting_list == "offer"
    assert not offers or all(event.confirm_by for event in events if isinstance(event, RegistrationPromoted)), (
        "an offer has an end"
    )
    lapsed = any(isinstance(event, RegistrationLapsed) for event in events)
    assert not (lapsed and life.stage == "cancelled"), "nobody hears of a deadline after hearing of a cancellation"
    free = life.capacity is None or roster.seated < life.capacity
    going = {one.registration_id for one in standing if life.unanswered_go(at) and one.owes_answer(roster.asked)}
    assert set(queue(roster)) <= going or not free or life.obstacle(at), "no seat stays free while somebody waits"
    assert not going & set(promoted), "nobody is promoted to go"
    assert roster.owing == sum(one.owes_answer(roster.asked) for one in standing)
    silent = [event for event in events if isinstance(event, RegistrationWithdrawn) and event.cause == "no_answer"]
    assert all(before.roster.registrations[event.registration_id].owes_answer(roster.asked) for event in silent)
    assert not silent or (before.life is not None and before.life.unanswered_go(at)), "nobody goes before time"


def live(session: Session, journey: list[tuple[Command, float]]) -> None:
    """Everything that is asked for, one after another; each time nobody may have been wronged."""
    at, promoted = NOW, set[str]()
    for command, later in journey:
        at += dt.timedelta(hours=later)
        after, events = attempt(session, command, at)
        check(session, after, events, at)
        now = {event.registration_id for event in events if isinstance(event, RegistrationPromoted)}
        assert not now & promoted, "nobody is promoted once more later"
        promoted |= now
        again, repeated = attempt(after, command, at)
        assert not repeated, "the same command twice yields nothing"
        assert again is after
        session = after
        passed = attempt(session, LetTimePass(unanswered=tuple(session.roster.registrations)), at)[0].life
        assert passed is not None
        assert passed.due is None or passed.due > at, "nothing stays due"
    assert load(dump(session)) == session, "a snapshot keeps everything"


@settings(max_examples=300, deadline=None)
@forall(journeys)
def test_no_order_of_commands_is_unfair(journey: list[tuple[Command, float]]) -> None:
    live(fold(opened()), journey)


@settings(max_examples=150, deadline=None)
@forall(crowds, waiting_lists, st.integers(1, 2))
def test_no_crowd_is_treated_unfairly(
    crowd: list[tuple[Command, float]], waiting_list: WaitingList, seats: int
) -> None:
    live(fold(opened(waiting_list=waiting_list, capacity=seats)), crowd)


@settings(max_examples=50, deadline=None)
@forall(journeys)
def test_every_event_reads_back_as_it_was_written(journey: list[tuple[Command, float]]) -> None:
    session, at = fold(opened()), NOW
    for command, later in journey:
        at += dt.timedelta(hours=later)
        session, events = attempt(session, command, at)
        for event in events:
            assert type(event).model_validate_json(event.model_dump_json()) == event
    assert session.version >= len(opened())


def test_all_events_are_known_to_the_decider() -> None:
    assert {event.__name__ for event in DECIDER.events} >= {type(event).__name__ for event in opened()}
