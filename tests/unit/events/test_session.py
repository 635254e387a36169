"""A session's life, told in sentences."""

import datetime as dt
from typing import Any

import pytest

from services.events.life import (
    AgendaPublished,
    RegistrationClosed,
    RegistrationOpened,
    SessionAnnounced,
    SessionCancelled,
    SessionDocumented,
    SessionDrafted,
    SessionHeld,
    SessionPostponed,
    SessionReinstated,
    SessionRelocated,
    SessionRevised,
    SessionScheduled,
)
from services.events.life_commands import (
    AnnounceSession,
    CancelSession,
    CloseRegistration,
    DocumentSession,
    DraftSession,
    OpenRegistration,
    PostponeSession,
    RecordHeld,
    ReinstateSession,
    ReviseSession,
)
from services.events.programme import Attendance, Content, Documentation, Talk, Venue
from services.events.session import DECIDER, Command, LetTimePass, SessionEvent
from services.events.times import BERLIN, When
from shared.contracts import events as contracts
from shared.kernel.decider import NotThere
from shared.kernel.testing import given
from tests.unit.events.samples import (
    BEGIN,
    NOW,
    SERIES,
    SESSION,
    THURSDAY,
    announced,
    content,
    drafted,
    fold,
    hours,
    named,
    opened,
    received,
)

AUGUST = When(
    starts_at=dt.datetime(2025, 8, 28, 10, tzinfo=BERLIN), ends_at=dt.datetime(2025, 8, 28, 11, tzinfo=BERLIN)
)
REASON = "organisatorische Gründe"
OVER = BEGIN + hours(1)
microsecond = dt.timedelta(microseconds=1)
HELD = [*announced(), SessionHeld(**named(at=OVER))]
CANCELLED = [*announced(), SessionCancelled(reason="krank", **named(sequence=1))]
TALKS = Documentation(talks=(Talk(title="Ein Vortrag"),), attendance=Attendance(number=70, qualifier="more_than"))


def postponed(when: When = AUGUST, previous: When = THURSDAY, sequence: int = 1) -> SessionPostponed:
    return SessionPostponed(
        previous=previous, reason=REASON, registration_closes_at=None, **named(when, sequence=sequence)
    )


def test_a_session_begins_as_a_draft() -> None:
    command = DraftSession(session_id=SESSION, content=content(), when=THURSDAY, weekday="Donnerstag")
    given(DECIDER, []).when(command, at=NOW).then([drafted()])


def test_a_draft_with_a_wrong_weekday_is_refused() -> None:
    command = DraftSession(session_id=SESSION, content=content(), when=THURSDAY, weekday="Mittwoch")
    given(DECIDER, []).when(command, at=NOW).refused("weekday_mismatch")


def test_registration_does_not_close_before_it_opens() -> None:
    window = content(registration_opens_at=NOW + hours(2), registration_closes_at=NOW + hours(2))
    draft = DraftSession(session_id=SESSION, content=window, when=THURSDAY)
    given(DECIDER, []).when(draft, at=NOW).refused("ends_before_start", field="/registration_closes_at")
    given(DECIDER, opened()).when(ReviseSession(content=window, when=THURSDAY), at=NOW).refused("ends_before_start")


def test_a_draft_may_be_anything_later() -> None:
    revised = content(title="Sprechstunde")
    given(DECIDER, [drafted()]).when(ReviseSession(content=revised, when=When()), at=NOW).then(
        [SessionRevised(session_id=SESSION, content=revised, when=When(), at=NOW)]
    )


def test_announcing_makes_a_draft_public() -> None:
    given(DECIDER, [drafted()]).when(AnnounceSession(), at=NOW).then([SessionAnnounced(content=content(), **named())])


def test_a_past_date_is_announced_as_history_only() -> None:
    given(DECIDER, [drafted()]).when(AnnounceSession(), at=OVER).refused("date_in_past")
    given(DECIDER, [drafted()]).when(AnnounceSession(history=True), at=OVER).then(
        [SessionAnnounced(content=content(), history=True, **named(at=OVER))]
    )


def test_a_window_that_has_begun_opens_registration_with_the_announcement() -> None:
    window: dict[str, Any] = {"registration_opens_at": NOW - hours(1), "registration_closes_at": BEGIN - hours(24)}
    given(DECIDER, [drafted(**window)]).when(AnnounceSession(), at=NOW).then(
        [
            SessionAnnounced(content=content(**window), **named()),
            RegistrationOpened(closes_at=BEGIN - hours(24), capacity=2, **named()),
        ]
    )


def test_time_opens_and_closes_the_window() -> None:
    opens_at, closes_at = NOW + hours(1), NOW + hours(5)
    window: dict[str, Any] = {"registration_opens_at": opens_at, "registration_closes_at": closes_at}
    events = announced(**window)
    given(DECIDER, events).when(LetTimePass(), at=opens_at - hours(0.1)).then([])
    opening = RegistrationOpened(closes_at=closes_at, capacity=2, **named(at=opens_at))
    given(DECIDER, events).when(LetTimePass(), at=opens_at).then([opening])
    given(DECIDER, [*events, opening]).when(LetTimePass(), at=closes_at).then(
        [RegistrationClosed(cause="window", **named(at=closes_at))]
    )


def test_a_window_that_passed_unseen_is_closed_without_having_been_open() -> None:
    events = announced(registration_opens_at=NOW + hours(1), registration_closes_at=NOW + hours(5))
    late = NOW + hours(6)
    given(DECIDER, events).when(LetTimePass(), at=late).then([RegistrationClosed(cause="window", **named(at=late))])


def test_a_window_after_one_that_ended_opens_in_its_turn() -> None:
    over = NOW + hours(5)
    window: dict[str, Any] = {"registration_opens_at": NOW, "registration_closes_at": over}
    ended = RegistrationClosed(cause="window", **named(at=over))
    again = content(registration_opens_at=NOW + hours(50), registration_closes_at=NOW + hours(90))
    revised = SessionRevised(session_id=SESSION, content=again, when=THURSDAY, at=over)
    waiting = given(DECIDER, [*opened(**window), ended]).when(ReviseSession(content=again, when=THURSDAY), at=over)
    life = fold(waiting.then([revised]).events).life
    assert life is not None
    assert life.due == NOW + hours(50)
    begun = given(DECIDER, [*opened(**window), ended, revised])
    begun.when(LetTimePass(), at=NOW + hours(50) - microsecond).then([])
    opening = RegistrationOpened(closes_at=NOW + hours(90), capacity=2, **named(at=NOW + hours(50)))
    begun.when(LetTimePass(), at=NOW + hours(50)).then([opening])
    late = NOW + hours(90)
    missed = begun.when(LetTimePass(), at=late).then([RegistrationClosed(cause="window", **named(at=late))])
    assert missed.state.life is not None
    assert missed.state.life.due == THURSDAY.over, "the window is not due for ever"


def test_a_longer_window_opens_at_once_what_had_ended() -> None:
    over = NOW + hours(5)
    window: dict[str, Any] = {"registration_opens_at": NOW, "registration_closes_at": over}
    longer = content(registration_opens_at=NOW, registration_closes_at=over + hours(1))
    events = [*opened(**window), RegistrationClosed(cause="window", **named(at=over))]
    decided = given(DECIDER, events).when(ReviseSession(content=longer, when=THURSDAY), at=over).decided
    assert [type(event) for event in decided] == [SessionRevised, RegistrationOpened]


def test_the_begin_closes_registration_and_the_end_makes_it_held() -> None:
    closed = RegistrationClosed(cause="session_begins", **named(at=BEGIN))
    given(DECIDER, opened()).when(LetTimePass(), at=BEGIN).then([closed])
    given(DECIDER, [*opened(), closed]).when(LetTimePass(), at=OVER).then([SessionHeld(**named(at=OVER))])


def test_nothing_is_said_to_have_been_held_that_was_loaded_as_history() -> None:
    events: list[SessionEvent] = [drafted(), SessionAnnounced(content=content(), history=True, **named(at=OVER))]
    given(DECIDER, events).when(LetTimePass(), at=OVER + hours(99)).then([])


def test_an_editor_opens_and_closes_registration() -> None:
    opening = RegistrationOpened(closes_at=None, capacity=2, **named())
    given(DECIDER, announced()).when(OpenRegistration(), at=NOW).then([opening])
    given(DECIDER, [*announced(), opening]).when(CloseRegistration(), at=NOW).then(
        [RegistrationClosed(cause="organiser", **named())]
    )


def test_without_a_time_registration_stays_closed() -> None:
    for when in (When(), When(date=THURSDAY.day)):
        given(DECIDER, announced(when)).when(OpenRegistration(), at=NOW).refused("session_without_time")


def test_registration_does_not_open_behind_its_window() -> None:
    events = announced(registration_closes_at=NOW)
    given(DECIDER, events).when(OpenRegistration(), at=NOW).refused("registration_window_over")


def test_postponing_keeps_the_old_date_and_counts_the_sequence() -> None:
    command = PostponeSession(when=AUGUST, reason=REASON, weekday="Donnerstag")
    given(DECIDER, opened()).when(command, at=NOW).then([postponed()])
    life = fold([*opened(), received("ada"), postponed()]).life
    assert life is not None
    assert [earlier.when for earlier in life.earlier] == [THURSDAY]
    assert (life.when, life.sequence, life.stage) == (AUGUST, 1, "postponed")


def test_registrations_and_an_open_registration_survive_a_postponement() -> None:
    session = fold([*opened(), received("ada"), postponed()])
    assert session.roster.of("ada") is not None
    assert session.life is not None
    assert session.life.registration_obstacle(NOW) is None


def test_postponing_goes_on_as_often_as_needed() -> None:
    september = When(starts_at=dt.datetime(2025, 9, 25, 10, tzinfo=BERLIN))
    given(DECIDER, [*opened(), postponed()]).when(PostponeSession(when=september, reason=REASON), at=NOW).then(
        [postponed(september, AUGUST, 2)]
    )


def test_a_new_date_may_stay_open_and_be_found_later() -> None:
    given(DECIDER, opened()).when(PostponeSession(when=When(), reason=REASON), at=NOW).then([postponed(When())])
    waiting = [*opened(), postponed(When())]
    life = fold(waiting).life
    assert life is not None
    assert life.registration_obstacle(NOW) == "session_without_time"
    given(DECIDER, waiting).when(LetTimePass(), at=NOW + hours(5000)).then([])
    given(DECIDER, waiting).when(PostponeSession(when=AUGUST, reason=REASON), at=NOW).then(
        [postponed(AUGUST, When(), 2)]
    )


def test_the_consultation_hour_was_postponed_from_a_day_without_a_time() -> None:
    first = When(date=dt.date(2025, 7, 31))
    ten = When(starts_at=dt.datetime(2025, 8, 28, 10, tzinfo=BERLIN))
    command = PostponeSession(when=ten, reason=REASON, weekday="Donnerstag")
    given(DECIDER, announced(first)).when(command, at=NOW).then([postponed(ten, first)])


def test_an_end_keeps_its_distance_on_the_wall() -> None:
    winter = When(starts_at=dt.datetime(2025, 12, 4, 14, tzinfo=BERLIN))
    command = PostponeSession(when=winter, reason=REASON, keep_length=True)
    moved = winter.model_copy(update={"ends_at": dt.datetime(2025, 12, 4, 15, tzinfo=BERLIN)})
    given(DECIDER, announced()).when(command, at=NOW).then([postponed(moved)])


def test_the_end_of_registration_moves_along() -> None:
    closes_at = dt.datetime(2025, 7, 29, 12, tzinfo=BERLIN)
    decided = DECIDER.decide(
        PostponeSession(when=AUGUST, reason=REASON), fold(opened(registration_closes_at=closes_at)), NOW
    )
    assert isinstance(decided[0], SessionPostponed)
    assert decided[0].registration_closes_at == dt.datetime(2025, 8, 26, 12, tzinfo=BERLIN)


def test_what_the_clock_closed_opens_again_with_a_new_date() -> None:
    events = [*opened(), RegistrationClosed(cause="session_begins", **named(at=BEGIN))]
    decided = DECIDER.decide(PostponeSession(when=AUGUST, reason=REASON), fold(events), BEGIN)
    assert [type(event) for event in decided] == [SessionPostponed, RegistrationOpened]


def test_what_an_organiser_closed_stays_closed() -> None:
    events = [*opened(), RegistrationClosed(cause="organiser", **named())]
    given(DECIDER, events).when(PostponeSession(when=AUGUST, reason=REASON), at=NOW).then([postponed()])


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (PostponeSession(when=THURSDAY, reason=REASON), "date_unchanged"),
        (PostponeSession(when=AUGUST, reason=REASON, weekday="Mittwoch"), "weekday_mismatch"),
        (PostponeSession(when=When(starts_at=NOW), reason=REASON), "date_in_past"),
        (PostponeSession(when=When(date=dt.date(2025, 6, 30)), reason=REASON), "date_in_past"),
        (
            PostponeSession(when=When(starts_at=AUGUST.starts_at, ends_at=THURSDAY.ends_at), reason=REASON),
            "ends_before_start",
        ),
    ],
)
def test_a_new_date_is_refused(command: Command, code: str) -> None:
    given(DECIDER, announced()).when(command, at=NOW).refused(code)


def test_history_may_be_postponed_into_the_past() -> None:
    command = PostponeSession(when=AUGUST, reason=REASON, history=True)
    late = NOW + hours(24 * 365)
    given(DECIDER, announced()).when(command, at=late).then(
        [postponed().model_copy(update={"history": True, "at": late})]
    )


def test_cancelling_and_reinstating() -> None:
    cancelled = SessionCancelled(reason="krank", **named(sequence=1))
    given(DECIDER, announced()).when(CancelSession(reason="krank"), at=NOW).then([cancelled])
    given(DECIDER, [*announced(), cancelled]).when(ReinstateSession(), at=NOW).then(
        [SessionReinstated(**named(sequence=2))]
    )


def test_a_reinstated_session_is_postponed_if_it_was() -> None:
    events = [*announced(), postponed(), SessionCancelled(reason="krank", **named(AUGUST, sequence=2))]
    life = fold([*events, SessionReinstated(**named(AUGUST, sequence=3))]).life
    assert life is not None
    assert life.stage == "postponed"
    given(DECIDER, events).when(ReinstateSession(), at=NOW + hours(24 * 99)).refused("date_in_past")


def test_the_last_moment_counts_and_the_next_one_does_not() -> None:
    closed = RegistrationClosed(cause="session_begins", **named(at=BEGIN))
    given(DECIDER, opened()).when(LetTimePass(), at=BEGIN - microsecond).then([])
    given(DECIDER, [*opened(), closed]).when(LetTimePass(), at=OVER - microsecond).then([])
    last = SessionReinstated(**named(sequence=2, at=BEGIN - microsecond))
    given(DECIDER, CANCELLED).when(ReinstateSession(), at=BEGIN - microsecond).then([last])
    given(DECIDER, CANCELLED).when(ReinstateSession(), at=BEGIN).refused("date_in_past")
    soon = When(starts_at=NOW + microsecond)
    given(DECIDER, announced()).when(PostponeSession(when=soon, reason=REASON), at=NOW).then([postponed(soon)])


ON_A_DRAFT: list[Command] = [
    OpenRegistration(),
    CloseRegistration(),
    PostponeSession(when=AUGUST, reason=REASON),
    CancelSession(reason="krank"),
    ReinstateSession(),
    RecordHeld(),
    DocumentSession(documentation=TALKS),
]


@pytest.mark.parametrize("command", ON_A_DRAFT)
def test_a_draft_must_be_announced_first(command: Command) -> None:
    given(DECIDER, [drafted()]).when(command, at=NOW).refused("session_not_announced")


@pytest.mark.parametrize(
    "command",
    [
        AnnounceSession(),
        OpenRegistration(),
        CloseRegistration(),
        PostponeSession(when=AUGUST, reason=REASON),
        RecordHeld(),
        DocumentSession(documentation=TALKS),
        ReviseSession(content=content(title="Anderes"), when=THURSDAY),
    ],
)
def test_a_cancelled_session_refuses(command: Command) -> None:
    given(DECIDER, CANCELLED).when(command, at=NOW).refused("session_cancelled")


@pytest.mark.parametrize(
    "command",
    [
        AnnounceSession(),
        OpenRegistration(),
        CloseRegistration(),
        PostponeSession(when=AUGUST, reason=REASON),
        CancelSession(reason="krank"),
        ReinstateSession(),
        ReviseSession(content=content(title="Anderes"), when=THURSDAY),
    ],
)
def test_a_held_session_refuses(command: Command) -> None:
    given(DECIDER, HELD).when(command, at=OVER).refused("session_over")


@pytest.mark.parametrize("command", [AnnounceSession(), *ON_A_DRAFT])
def test_nothing_happens_to_a_session_that_is_not_there(command: Command) -> None:
    with pytest.raises(NotThere):
        DECIDER.decide(command, DECIDER.initial, NOW)


def test_the_date_of_an_announced_session_changes_by_postponing_only() -> None:
    given(DECIDER, announced()).when(ReviseSession(content=content(), when=AUGUST), at=NOW).refused(
        "postponement_required"
    )
    waiting = [*announced(), postponed(When())]
    given(DECIDER, waiting).when(ReviseSession(content=content(), when=AUGUST), at=NOW).refused("postponement_required")


def test_a_time_that_was_not_known_is_added() -> None:
    day = When(date=THURSDAY.day)
    given(DECIDER, announced(day)).when(ReviseSession(content=content(), when=THURSDAY), at=NOW).then(
        [
            SessionRevised(session_id=SESSION, content=content(), when=day, at=NOW),
            SessionScheduled(previous=day, **named(sequence=1)),
        ]
    )


def test_one_revision_may_bring_time_place_and_agenda() -> None:
    day = When(date=THURSDAY.day)
    new = content(mode="hybrid", venue=Venue(name="Bürgerhaus", city="Unna"), agenda=(Talk(title="Digitalisierung"),))
    events: list[SessionEvent] = [
        SessionRevised(session_id=SESSION, content=new, when=day, at=NOW),
        SessionScheduled(previous=day, **named(sequence=1)),
        SessionRelocated(content=new, previous=content(), **named(sequence=2)),
        AgendaPublished(agenda_version=2, content=new, **named(sequence=2)),
    ]
    given(DECIDER, announced(day)).when(ReviseSession(content=new, when=THURSDAY), at=NOW).then(events)
    life = fold([*announced(day), *events]).life
    assert life
    assert (life.when, life.sequence) == (THURSDAY, 2)


def test_another_link_or_place_is_a_relocation() -> None:
    hall = Venue(name="Bürgerhaus", city="Unna", ags="05978036")
    moved = content(mode="hybrid", venue=hall)
    given(DECIDER, announced()).when(ReviseSession(content=moved, when=THURSDAY), at=NOW).then(
        [
            SessionRevised(session_id=SESSION, content=moved, when=THURSDAY, at=NOW),
            SessionRelocated(content=moved, previous=content(), **named(sequence=1)),
        ]
    )


def test_the_access_link_leaks_into_no_contract() -> None:
    secret = "https://video.example/geheim"
    events: list[SessionEvent] = [
        *announced(access_link=secret),
        SessionRelocated(content=content(access_link=secret), previous=content(), **named(sequence=1)),
    ]
    published = [contract for event in events if (contract := DECIDER.publish(event))]
    assert len(published) == 2
    assert not any("geheim" in contract.model_dump_json() for contract in published)
    assert isinstance(published[1], contracts.SessionRelocated)
    assert published[1].access_link_changed


def test_a_new_agenda_has_a_new_version() -> None:
    planned = content(agenda=(Talk(title="Digitalisierung"),))
    given(DECIDER, announced()).when(ReviseSession(content=planned, when=THURSDAY), at=NOW).then(
        [
            SessionRevised(session_id=SESSION, content=planned, when=THURSDAY, at=NOW),
            AgendaPublished(agenda_version=2, content=planned, **named()),
        ]
    )


def test_an_id_for_a_talk_of_old_makes_no_new_version() -> None:
    talk = Talk(title="Digitalisierung")
    named_talk = talk.model_copy(update={"talk_id": SERIES})
    planned = content(agenda=(named_talk,))
    given(DECIDER, announced(agenda=(talk,))).when(ReviseSession(content=planned, when=THURSDAY), at=NOW).then(
        [SessionRevised(session_id=SESSION, content=planned, when=THURSDAY, at=NOW)]
    )


def test_the_held_programme_leaves_the_planned_one_alone() -> None:
    planned = content(agenda=(Talk(title="Bußgeldstelle"),))
    held = Documentation(talks=(Talk(title="Musikschule", slides="published"), Talk(title="Wasser-Risiko-Check")))
    life = fold([*announced(agenda=planned.agenda), SessionDocumented(documentation=held, **named(at=OVER))]).life
    assert life is not None
    assert [talk.title for talk in life.content.agenda] == ["Bußgeldstelle"]
    assert life.documentation == held


def test_documenting_a_session_that_is_over_says_that_it_was_held() -> None:
    command = DocumentSession(documentation=TALKS)
    given(DECIDER, announced()).when(command, at=BEGIN).refused("session_not_over")
    given(DECIDER, announced()).when(command, at=OVER).then(
        [SessionHeld(**named(at=OVER)), SessionDocumented(documentation=TALKS, **named(at=OVER))]
    )


def test_a_documentation_may_grow() -> None:
    more = TALKS.model_copy(update={"recap": "Ein Rückblick."})
    events = [*HELD, SessionDocumented(documentation=TALKS, **named(at=OVER))]
    given(DECIDER, events).when(DocumentSession(documentation=more), at=OVER).then(
        [SessionDocumented(documentation=more, **named(at=OVER))]
    )


def test_history_without_a_date_can_have_been_held() -> None:
    given(DECIDER, announced(When())).when(RecordHeld(documentation=TALKS), at=NOW).then(
        [SessionHeld(documentation=TALKS, **named(When()))]
    )


def test_an_editor_who_has_seen_something_older_is_told() -> None:
    session = [*announced(), SessionRevised(session_id=SESSION, content=content(title="Neu"), when=THURSDAY, at=NOW)]
    command = ReviseSession(content=content(title="Neuer"), when=THURSDAY, seen=2)
    given(DECIDER, session).when(command, at=NOW).refused("stale_version")
    given(DECIDER, session).when(command.model_copy(update={"seen": 4}), at=NOW).refused("stale_version")


def test_registrations_do_not_make_what_an_editor_saw_old() -> None:
    command = ReviseSession(content=content(title="Neu"), when=THURSDAY, seen=3)
    given(DECIDER, [*opened(), received("ada")]).when(command, at=NOW).then(
        [SessionRevised(session_id=SESSION, content=content(title="Neu"), when=THURSDAY, at=NOW)]
    )


def test_flags_that_nobody_stated_stay_unknown() -> None:
    assert content().free_of_charge is None
    published = DECIDER.publish(announced(registration_required=True)[1])
    assert isinstance(published, contracts.SessionAnnounced)
    assert (published.registration_required, published.free_of_charge) == (True, None)


def test_contracts_carry_german_wall_time_with_its_offset() -> None:
    published = DECIDER.publish(postponed())
    assert isinstance(published, contracts.SessionPostponed)
    document = published.model_dump(mode="json")
    assert document["starts_at"] == "2025-08-28T10:00:00+02:00"
    assert document["date"] == "2025-08-28"
    assert document["previous"]["starts_at"] == "2025-07-31T10:00:00+02:00"
    assert published.subject == f"ikz.events.session.postponed.v1.{SESSION}"


def test_a_draft_is_no_contract() -> None:
    assert DECIDER.publish(drafted()) is None
    assert (
        DECIDER.publish(
            SessionDrafted(
                session_id=SESSION, content=Content(series_id=SERIES, title="x", mode="online"), when=When(), at=NOW
            )
        )
        is None
    )
