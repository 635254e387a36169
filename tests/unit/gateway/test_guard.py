"""A form's stamp says that we rendered it, for what, and when."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.guard import FormGuard, Untrusted, form_key

GUARD = FormGuard(form_key(b"secret"))
RENDERED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize("after", [timedelta(seconds=2), timedelta(minutes=5), timedelta(hours=24)])
def test_a_form_filled_by_a_person_passes(after: timedelta) -> None:
    GUARD.check("s1", GUARD.stamp("s1", RENDERED), RENDERED + after)


@pytest.mark.parametrize(
    ("after", "code"),
    [
        (timedelta(0), "form_too_fast"),
        (timedelta(seconds=1), "form_too_fast"),
        (timedelta(seconds=-60), "form_too_fast"),
        (timedelta(hours=24, seconds=1), "form_expired"),
    ],
)
def test_a_form_filled_too_fast_or_too_late_does_not(after: timedelta, code: str) -> None:
    with pytest.raises(Untrusted) as refused:
        GUARD.check("s1", GUARD.stamp("s1", RENDERED), RENDERED + after)
    assert refused.value.code == code


def test_a_stamp_serves_its_own_form_and_gateway_only() -> None:
    stamp = GUARD.stamp("s1", RENDERED)
    for guard, form in [(GUARD, "s2"), (FormGuard(form_key(b"other")), "s1")]:
        with pytest.raises(Untrusted, match="form_unknown"):
            guard.check(form, stamp, RENDERED + timedelta(minutes=1))


@given(st.text())
def test_no_other_text_is_a_stamp(text: str) -> None:
    with pytest.raises(Untrusted, match="form_unknown"):
        GUARD.check("s1", text, RENDERED)
