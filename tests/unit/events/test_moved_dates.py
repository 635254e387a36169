"""Whatever depends on a session's date moves with it on the wall, and nothing else does; told for every date."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, settings
from hypothesis import given as forall
from hypothesis import strategies as st

from services.events.calendar_entry import uid
from services.events.life import (
    OfSession,
    RegistrationClosed,
    SessionCancelled,
    SessionPostponed,
    SessionReinstated,
    SessionRelocated,
    SessionScheduled,
)
from services.events.life_commands import (
    AnnounceSession,
    CancelSession,
    CloseRegistration,
    DocumentSession,
    OpenRegistration,
    PostponeSession,
    RecordHeld,
    ReinstateSession,
    ReviseSession,
    ScheduleAnnouncement,
)
from services.events.programme import Documentation, Talk, Venue
from services.events.session import DECIDER, Command, LetTimePass, Session, SessionEvent
from services.events.times import BERLIN, When
from shared.kernel.testing import given
from tests.unit.events.samples import NOW, THURSDAY, announced, attempt, content, drafted, fold, hours, named, opened

REASON = "-"
CLOCKS_CHANGE = [
    dt.date(2025, 3, 30),
    dt.date(2025, 10, 26),
    dt.date(2026, 3, 29),
    dt.date(2026, 10, 25),
    dt.date(2027, 3, 28),
    dt.date(2027, 10, 31),
]
days = st.dates(dt.date(2025, 1, 2), dt.date(2027, 12, 31)) | st.builds(
    lambda change, distance: change + dt.timedelta(days=distance), st.sampled_from(CLOCKS_CHANGE), st.integers(-3, 3)
)
SUMMER, WINTER = dt.timedelta(hours=2), dt.timedelta(hours=1)


def wall(day: dt.date, hour: int, minute: int = 0) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(hour, minute), BERLIN)


def shown(time: dt.datetime | None) -> tuple[int, int]:
    assert time is not None
    assert time.tzinfo is BERLIN
    return time.hour, time.minute


def moved(events: Sequence[SessionEvent]) -> SessionPostponed:
    event = events[0]
    assert isinstance(event, SessionPostponed)
    return event


@settings(max_examples=100, deadline=None)
@forall(days, days)
@example(dt.date(2025, 3, 29), dt.date(2025, 3, 30))
@example(dt.date(2025, 10, 25), dt.date(2025, 10, 26))
@example(dt.date(2027, 10, 31), dt.date(2027, 10, 30))
def test_everything_keeps_its_distance_in_days_and_its_time_on_the_wall(old: dt.date, new: dt.date) -> None:
    at = dt.datetime(2024, 11, 1, tzinfo=dt.UTC)
    begin = When(starts_at=wall(old, 10), ends_at=wall(old, 11, 30))
    week, day = dt.timedelta(days=7), dt.timedelta(days=1)
    window: dict[str, Any] = {
        "registration_opens_at": wall(old - 3 * week, 9),
        "registration_closes_at": wall(old - day, 12),
    }
    first = PostponeSession(
        when=When(starts_at=wall(new, 14)), reason=REASON, keep_length=True, answer_by=wall(new - week, 8)
    )
    events = announced(begin, **window)
    there = moved(DECIDER.decide(first, fold(events), at))
    assert there.when == When(starts_at=wall(new, 14), ends_at=wall(new, 15, 30))
    assert there.registration_opens_at == wall(new - 3 * week, 13)
    assert there.registration_closes_at == wall(new - day, 16)
    back = PostponeSession(when=When(starts_at=begin.starts_at), reason=REASON, keep_length=True, keep_asking=True)
    here = moved(DECIDER.decide(back, fold([*events, there]), at))
    assert here.when == begin
    assert (here.registration_opens_at, here.registration_closes_at) == tuple(window.values())
    assert here.answer_by == wall(old - week, 4)
    for time in (there.when.starts_at, there.registration_opens_at, here.answer_by):
        assert time is not None
        assert time.utcoffset() in (SUMMER, WINTER)
    stored = SessionPostponed.model_validate_json(there.model_dump_json())
    assert stored == there
    assert shown(stored.registration_opens_at) == (13, 0)


def test_a_day_without_a_time_moves_the_window_by_days() -> None:
    window: dict[str, Any] = {
        "registration_opens_at": wall(dt.date(2025, 7, 10), 9),
        "registration_closes_at": wall(dt.date(2025, 7, 29), 12),
    }
    to_a_day = PostponeSession(when=When(date=dt.date(2025, 8, 28)), reason=REASON)
    event = moved(given(DECIDER, announced(**window)).when(to_a_day, at=NOW).decided)
    assert event.registration_opens_at == wall(dt.date(2025, 8, 7), 9)
    assert event.registration_closes_at == wall(dt.date(2025, 8, 26), 12)
    to_a_time = PostponeSession(when=When(starts_at=wall(dt.date(2025, 10, 30), 14)), reason=REASON)
    later = moved(given(DECIDER, [*announced(**window), event]).when(to_a_time, at=NOW).decided)
    assert later.registration_opens_at == wall(dt.date(2025, 10, 9), 9)


def test_an_open_date_moves_nothing_until_there_is_a_new_one() -> None:
    window: dict[str, Any] = {
        "registration_opens_at": wall(dt.date(2025, 7, 10), 9),
        "registration_closes_at": wall(dt.date(2025, 7, 29), 12),
    }
    events = announced(**window)
    event = moved(given(DECIDER, events).when(PostponeSession(when=When(), reason=REASON), at=NOW).decided)
    assert (event.registration_opens_at, event.registration_closes_at) == tuple(window.values())
    found = PostponeSession(when=When(starts_at=wall(dt.date(2025, 8, 28), 10)), reason=REASON)
    later = moved(given(DECIDER, [*events, event]).when(found, at=NOW).decided)
    assert later.registration_opens_at == wall(dt.date(2025, 8, 7), 9)
    assert later.registration_closes_at == wall(dt.date(2025, 8, 26), 12)


def test_what_is_open_already_does_not_wait_for_its_window_again() -> None:
    window: dict[str, Any] = {
        "registration_opens_at": wall(dt.date(2025, 6, 10), 9),
        "registration_closes_at": wall(dt.date(2025, 7, 29), 12),
    }
    november = PostponeSession(when=When(starts_at=wall(dt.date(2025, 11, 27), 10)), reason=REASON)
    event = moved(given(DECIDER, opened(**window)).when(november, at=NOW).decided)
    assert event.registration_opens_at == window["registration_opens_at"]
    assert event.registration_closes_at == wall(dt.date(2025, 11, 25), 12)


def test_a_window_that_had_ended_opens_again_in_its_new_place() -> None:
    window: dict[str, Any] = {
        "registration_opens_at": wall(dt.date(2025, 7, 10), 9),
        "registration_closes_at": wall(dt.date(2025, 7, 29), 12),
    }
    at = wall(dt.date(2025, 7, 30), 9).astimezone(dt.UTC)
    ended = RegistrationClosed(cause="window", **named(at=at))
    november = PostponeSession(when=When(starts_at=wall(dt.date(2025, 11, 27), 10)), reason=REASON)
    then = given(DECIDER, [*opened(**window), ended]).when(november, at=at)
    assert [type(event) for event in then.decided] == [SessionPostponed]
    life = fold([*opened(**window), ended, *then.decided]).life
    assert life is not None
    assert life.due == wall(dt.date(2025, 11, 6), 9)


def test_what_was_stored_before_windows_moved_leaves_their_begin_alone() -> None:
    opens_at = wall(dt.date(2025, 7, 10), 9)
    event = SessionPostponed(
        previous=THURSDAY,
        reason=REASON,
        registration_closes_at=None,
        **named(When(date=dt.date(2025, 8, 28)), sequence=1),
    )
    life = fold([*announced(registration_opens_at=opens_at), event]).life
    assert life is not None
    assert life.content.registration_opens_at == opens_at


VENUES = [None, Venue(name="Bürgerhaus"), Venue(name="Rathaus", city="Unna")]
whens = st.one_of(
    st.just(When()),
    st.integers(1, 60).map(lambda day: When(date=THURSDAY.day and THURSDAY.day + dt.timedelta(days=day))),
    st.integers(0, 60).map(lambda day: When(starts_at=wall(dt.date(2025, 7, 31) + dt.timedelta(days=day), 10))),
)
contents = st.builds(
    lambda title, venue, link, talk, opens, closes: content(
        title=title,
        venue=venue,
        access_link=link,
        agenda=(Talk(title=talk),),
        registration_opens_at=NOW + hours(opens) if opens else None,
        registration_closes_at=NOW + hours(closes) if closes else None,
    ),
    st.sampled_from(["Eins", "Zwei"]),
    st.sampled_from(VENUES),
    st.sampled_from([None, "https://video.example/1", "https://video.example/2"]),
    st.sampled_from(["Bauhof", "Musikschule"]),
    st.integers(0, 500),
    st.integers(0, 900),
)
lives: st.SearchStrategy[Command] = st.one_of(
    st.just(AnnounceSession()),
    st.builds(lambda later: ScheduleAnnouncement(announce_at=NOW + hours(later)), st.integers(0, 900)),
    st.builds(ReviseSession, content=contents, when=whens | st.just(THURSDAY)),
    st.builds(PostponeSession, when=whens, reason=st.just(REASON), keep_length=st.booleans()),
    st.just(OpenRegistration()),
    st.just(CloseRegistration()),
    st.just(CancelSession(reason=REASON)),
    st.just(ReinstateSession()),
    st.just(LetTimePass()),
    st.just(RecordHeld()),
    st.just(DocumentSession(documentation=Documentation(recap="Ein Rückblick."))),
)
CALENDAR = SessionScheduled | SessionPostponed | SessionRelocated | SessionCancelled | SessionReinstated


def check(before: Session, after: Session, events: Sequence[SessionEvent], at: dt.datetime) -> None:
    old, new = before.life, after.life
    assert old is not None
    assert new is not None
    assert uid(new.session_id) == uid(old.session_id)
    sequences = [event.sequence for event in events if isinstance(event, OfSession)]
    assert new.sequence == (sequences[-1] if sequences else old.sequence)
    expected = old.sequence
    for event in events:
        expected += isinstance(event, CALENDAR)
        assert not isinstance(event, OfSession) or event.sequence == expected, "one by one, for calendars alone"
    place = (old.content.venue, old.content.access_link, old.content.mode)
    public = old.stage != "drafted"
    different = old.when != new.when or place != (new.content.venue, new.content.access_link, new.content.mode)
    assert not (public and different) or new.sequence > old.sequence, "calendars hear of what they show"
    if new.registration_obstacle(at) is None:
        assert new.starts_at is not None, "nobody registers without a time"
        assert new.starts_at > at
        assert new.ahead
    assert new.stage != "drafted" or new.registration_obstacle(at) == "session_not_announced"


@pytest.mark.parametrize("begun", [[drafted()], announced()], ids=["draft", "public"])
@settings(max_examples=80, deadline=None)
@forall(journey=st.lists(st.tuples(lives, st.floats(0, 60)), max_size=30))
def test_no_order_of_commands_breaks_the_calendar_or_opens_a_session_without_a_time(
    begun: list[SessionEvent], journey: list[tuple[Command, float]]
) -> None:
    session, at = fold(begun), NOW
    for command, later in journey:
        at += dt.timedelta(hours=later)
        after, events = attempt(session, command, at)
        check(session, after, events, at)
        again, repeated = attempt(after, command, at)
        assert not repeated, "the same command twice yields nothing"
        assert again is after
        session = after
        passed = attempt(session, LetTimePass(), at)[0].life
        assert passed is not None
        assert passed.due is None or passed.due > at, "nothing stays due"
