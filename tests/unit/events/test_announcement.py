"""A draft that becomes public by itself, told in sentences."""

import datetime as dt
from typing import Any

import pytest

from services.events.life import (
    AnnouncementMissed,
    AnnouncementScheduled,
    RegistrationOpened,
    SessionAnnounced,
    SessionRevised,
)
from services.events.life_commands import AnnounceSession, CancelSession, ReviseSession, ScheduleAnnouncement
from services.events.session import DECIDER, LetTimePass, SessionEvent
from services.events.times import When
from shared.kernel.testing import given
from tests.unit.events.samples import BEGIN, NOW, SESSION, THURSDAY, announced, content, drafted, fold, hours, named

MORNING = NOW + hours(48)
SCHEDULED = AnnouncementScheduled(session_id=SESSION, announce_at=MORNING, at=NOW)
WAITING: list[SessionEvent] = [drafted(), SCHEDULED]
PAST = When(starts_at=MORNING - hours(1))


def test_a_draft_is_announced_when_its_time_comes() -> None:
    given(DECIDER, [drafted()]).when(ScheduleAnnouncement(announce_at=MORNING), at=NOW).then([SCHEDULED])
    waiting = given(DECIDER, WAITING)
    waiting.when(LetTimePass(), at=MORNING - hours(0.1)).then([])
    waiting.when(LetTimePass(), at=MORNING).then([SessionAnnounced(content=content(), **named(at=MORNING))])


def test_the_clock_looks_at_a_draft_that_waits_and_at_no_other() -> None:
    life = fold(WAITING).life
    assert life is not None
    assert life.due == MORNING
    draft = fold([drafted()]).life
    assert draft is not None
    assert draft.due is None


def test_its_window_opens_in_the_same_breath() -> None:
    window: dict[str, Any] = {"registration_opens_at": NOW, "registration_closes_at": BEGIN - hours(24)}
    decided = given(DECIDER, [drafted(**window), *WAITING[1:]]).when(LetTimePass(), at=MORNING).decided
    kinds: list[type[SessionEvent]] = [SessionAnnounced, RegistrationOpened]
    assert [type(event) for event in decided] == kinds


def test_the_time_is_to_come_and_before_the_session() -> None:
    draft = given(DECIDER, [drafted()])
    draft.when(ScheduleAnnouncement(announce_at=NOW), at=NOW).refused("announcement_in_past", field="/announce_at")
    draft.when(ScheduleAnnouncement(announce_at=BEGIN), at=NOW).refused("announcement_too_late", field="/announce_at")


@pytest.mark.parametrize("announce_at", [MORNING, None])
def test_what_is_public_is_not_announced_later(announce_at: dt.datetime | None) -> None:
    public = given(DECIDER, announced())
    public.when(ScheduleAnnouncement(announce_at=announce_at), at=NOW).refused("session_announced")


def test_it_can_be_taken_back_and_put_off() -> None:
    waiting = given(DECIDER, WAITING)
    back = AnnouncementScheduled(session_id=SESSION, announce_at=None, at=NOW)
    waiting.when(ScheduleAnnouncement(announce_at=None), at=NOW).then([back])
    given(DECIDER, [*WAITING, back]).when(LetTimePass(), at=MORNING).then([])
    given(DECIDER, [drafted()]).when(ScheduleAnnouncement(announce_at=None), at=NOW).then([])
    later = AnnouncementScheduled(session_id=SESSION, announce_at=MORNING + hours(1), at=NOW)
    waiting.when(ScheduleAnnouncement(announce_at=MORNING + hours(1)), at=NOW).then([later])


def test_an_editor_may_be_faster() -> None:
    public: list[SessionEvent] = [drafted(), SCHEDULED, SessionAnnounced(content=content(), **named())]
    given(DECIDER, WAITING).when(AnnounceSession(), at=NOW).then([public[2]])
    given(DECIDER, public).when(LetTimePass(), at=MORNING).then([])
    life = fold(public).life
    assert life is not None
    assert life.announce_at is None


def test_a_date_that_passed_keeps_the_draft_from_being_announced_until_an_editor_acts() -> None:
    revised = SessionRevised(session_id=SESSION, content=content(), when=PAST, at=NOW)
    missed = AnnouncementMissed(session_id=SESSION, obstacle="date_in_past", at=MORNING)
    late: list[SessionEvent] = [drafted(), SCHEDULED, revised]
    given(DECIDER, late).when(LetTimePass(), at=MORNING).then([missed])
    life = fold([*late, missed]).life
    assert life is not None
    assert (life.stage, life.announce_at, life.announcement_obstacle) == ("drafted", MORNING, "date_in_past")
    assert life.due is None
    same = given(DECIDER, [*late, missed]).when(ScheduleAnnouncement(announce_at=MORNING), at=MORNING)
    same.refused("announcement_in_past")
    mended = ReviseSession(content=content(), when=THURSDAY)
    decided = given(DECIDER, [*late, missed]).when(mended, at=MORNING + hours(1)).decided
    assert [type(event) for event in decided] == [SessionRevised], "nothing becomes public by saving it"
    again = AnnouncementScheduled(session_id=SESSION, announce_at=MORNING + hours(5), at=MORNING + hours(1))
    renewed = [*late, missed, *decided]
    given(DECIDER, renewed).when(ScheduleAnnouncement(announce_at=MORNING + hours(5)), at=MORNING + hours(1)).then(
        [again]
    )
    life = fold([*renewed, again]).life
    assert life is not None
    assert (life.announcement_obstacle, life.due) == (None, MORNING + hours(5))


def test_a_draft_that_waits_is_still_a_draft() -> None:
    given(DECIDER, WAITING).when(CancelSession(reason="-"), at=NOW).refused("session_not_announced")


def test_nobody_else_hears_of_it() -> None:
    assert DECIDER.publish(SCHEDULED) is None
    assert DECIDER.publish(AnnouncementMissed(session_id=SESSION, obstacle="date_in_past", at=NOW)) is None
