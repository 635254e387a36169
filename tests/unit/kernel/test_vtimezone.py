"""What calendar programs are told of Germany's clocks is what the clocks show."""

import datetime as dt
import io
from zoneinfo import ZoneInfo

import pytest
from dateutil.tz import tzical  # type: ignore[import-untyped]

from shared.kernel.vtimezone import BERLIN

READ_BY_ANOTHER_LIBRARY = tzical(io.StringIO(BERLIN.decode())).get()
HOURS = [dt.timedelta(minutes=30 * half) for half in range(-6, 7)]


def last_sunday(year: int, month: int) -> dt.datetime:
    """The moment the clocks change everywhere in the Union: at one, UTC."""
    last = dt.datetime(year, month, 31, 1, tzinfo=dt.UTC)
    return last - dt.timedelta(days=last.isoweekday() % 7)


@pytest.mark.parametrize("year", [1997, 2024, 2025, 2026, 2027, 2038, 2100])
@pytest.mark.parametrize(("month", "before", "after"), [(3, 1, 2), (10, 2, 1)])
def test_the_clocks_change_at_the_right_moment(year: int, month: int, before: int, after: int) -> None:
    change = last_sunday(year, month)
    for away in HOURS:
        offset = dt.timedelta(hours=before if away < dt.timedelta() else after)
        for zone in (READ_BY_ANOTHER_LIBRARY, ZoneInfo("Europe/Berlin")):
            assert (change + away).astimezone(zone).utcoffset() == offset, (zone, change + away)
