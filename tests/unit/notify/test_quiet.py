"""When people are left alone, by the clock on the wall in Berlin."""

import datetime as dt

import pytest

from services.notify.german import BERLIN
from services.notify.kind import Priority
from services.notify.matter import Mailing
from services.notify.quiet import Quiet, over, waits
from shared.contracts.events import SessionCancelled, SessionPostponed, Times
from tests.unit.notify.samples import postponed

NIGHT = Quiet(dt.time(20), dt.time(7))
LUNCH = Quiet(dt.time(12), dt.time(13, 30))
WEEKENDS = Quiet(weekends=True)
BOTH = Quiet(dt.time(20), dt.time(7), weekends=True)
NOW = dt.datetime(2025, 7, 1, 8, tzinfo=dt.UTC)


def berlin(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(dt.UTC)


@pytest.mark.parametrize(
    ("quiet", "at", "until"),
    [
        (Quiet(), "2027-03-01T03:00", "2027-03-01T03:00"),
        (NIGHT, "2027-03-01T19:59:59", "2027-03-01T19:59:59"),
        (NIGHT, "2027-03-01T20:00", "2027-03-02T07:00"),
        (NIGHT, "2027-03-02T06:59:59", "2027-03-02T07:00"),
        (NIGHT, "2027-03-02T07:00", "2027-03-02T07:00"),
        (LUNCH, "2027-03-01T12:00", "2027-03-01T13:30"),
        (LUNCH, "2027-03-01T13:30", "2027-03-01T13:30"),
        (Quiet(dt.time(9), dt.time(9)), "2027-03-01T09:00", "2027-03-01T09:00"),
        (WEEKENDS, "2027-03-05T23:59", "2027-03-05T23:59"),
        (WEEKENDS, "2027-03-06T00:00", "2027-03-08T00:00"),
        (WEEKENDS, "2027-03-07T23:59", "2027-03-08T00:00"),
        (BOTH, "2027-03-05T22:00", "2027-03-08T07:00"),
        (BOTH, "2027-03-07T10:00", "2027-03-08T07:00"),
        # When the clock goes from two to three, half past two is half past three.
        (NIGHT, "2027-03-27T23:00", "2027-03-28T07:00"),
        (Quiet(dt.time(22), dt.time(2, 30)), "2027-03-27T23:00", "2027-03-28T03:30"),
        (NIGHT, "2027-10-30T23:00", "2027-10-31T07:00"),
        (WEEKENDS, "2027-03-27T12:00", "2027-03-29T00:00"),
    ],
)
def test_what_can_wait_waits_until_nothing_is_quiet(quiet: Quiet, at: str, until: str) -> None:
    assert over(quiet, berlin(at)) == berlin(until)
    assert over(quiet, berlin(until)) == berlin(until)


def test_nights_have_their_real_length() -> None:
    assert over(NIGHT, berlin("2027-03-27T20:00")) - berlin("2027-03-27T20:00") == dt.timedelta(hours=10)
    assert over(NIGHT, berlin("2027-10-30T20:00")) - berlin("2027-10-30T20:00") == dt.timedelta(hours=12)


def mailing(cause: object, *, matter: str = "sessions", kind: str = "postponement", priority: Priority) -> Mailing:
    return Mailing(1, matter, "c@1", NOW, kind, cause, None, None, None, None, None, priority, NOW, None, None)


def moved(before: dt.timedelta | None, after: dt.timedelta | None) -> SessionPostponed:
    was, becomes = (None if each is None else NOW + each for each in (before, after))
    return postponed().model_copy(update={"previous": Times(starts_at=was), "starts_at": becomes})


@pytest.mark.parametrize(
    ("before", "after", "can_wait"),
    [
        (dt.timedelta(hours=47), dt.timedelta(days=90), False),
        (dt.timedelta(days=90), dt.timedelta(hours=47), False),
        (dt.timedelta(hours=49), dt.timedelta(days=90), True),
        (dt.timedelta(days=30), None, True),
        (dt.timedelta(hours=-3), None, False),
    ],
)
def test_who_is_registered_hears_of_a_session_of_the_next_two_days_at_once(
    before: dt.timedelta,
    after: dt.timedelta | None,
    can_wait: bool,  # noqa: FBT001 -- a case
) -> None:
    cause = moved(before, after)
    assert waits(mailing(cause, priority=Priority.MANY), NOW) is can_wait
    assert waits(mailing(cause, matter="followers", kind="session_postponed", priority=Priority.MANY), NOW)


def test_what_somebody_waits_for_or_is_timed_by_itself_never_waits() -> None:
    cause = SessionCancelled(
        session_id="s", series_id="r", title="T", sequence=1, reason="R", starts_at=NOW + dt.timedelta(days=9)
    )
    assert waits(mailing(cause, kind="cancellation", priority=Priority.MANY), NOW)
    assert not waits(mailing(cause, priority=Priority.PERSONAL), NOW)
    assert not waits(mailing(cause, kind="digest", priority=Priority.LATER), NOW)
    assert not waits(mailing(cause, kind="reminder", priority=Priority.MANY), NOW)
