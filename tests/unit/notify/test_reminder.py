"""When people are reminded, and what reminders and letters to askers say."""

from datetime import datetime, timedelta

import pytest

from services.notify import asker_letter
from services.notify.reminder import due_at, occurred
from services.notify.scene import concerns, while_registered
from services.notify.session_calendar import calendar_method
from shared.contracts.events import SessionCancelled, SessionReinstated
from tests.unit.notify import samples
from tests.unit.notify.samples import BERLIN, OLD, PORTAL, REMINDER, SESSION, letter_for, person, scene, session
from tests.unit.notify.test_question_letter import card

OF_SESSION = {"session_id": SESSION, "series_id": "series", "title": samples.TITLE, "sequence": 1}
CANCELLED = SessionCancelled.model_validate({**OF_SESSION, **samples.dated(OLD), "reason": "Erkrankung"})
REINSTATED = SessionReinstated.model_validate({**OF_SESSION, **samples.dated(OLD)})


@pytest.mark.parametrize(
    ("begin", "hours"),
    [
        (datetime(2027, 3, 28, 10, tzinfo=BERLIN), 23),
        (datetime(2027, 10, 31, 10, tzinfo=BERLIN), 25),
        (datetime(2027, 7, 1, 10, tzinfo=BERLIN), 24),
    ],
)
def test_a_day_before_is_the_same_time_on_the_wall_also_when_clocks_change(begin: datetime, hours: int) -> None:
    due = due_at("day", begin)
    assert due.astimezone(BERLIN).time() == begin.time()
    assert (begin.timestamp() - due.timestamp()) / 3600 == hours
    assert begin - due_at("hour", begin) == timedelta(hours=1)


def test_session_lead_and_begin_make_a_reminder_one_whoever_writes_it_when() -> None:
    first, again = occurred(REMINDER, samples.STAMP), occurred(REMINDER, samples.STAMP + timedelta(days=1))
    assert (first.id, first.recorded_at, first.correlation_id) == (again.id, again.recorded_at, again.correlation_id)
    others = {
        occurred(REMINDER.model_copy(update=change), samples.STAMP).id
        for change in ({"lead": "hour"}, {"session_id": "other"}, {"starts_at": samples.NEW.starts_at})
    }
    assert len(others | {first.id}) == 4


def test_who_has_a_place_is_reminded_with_the_way_in_and_no_calendar_part() -> None:
    letter = letter_for(REMINDER, person(access_link="https://meet.example/raum"))
    assert letter.subject == f"Erinnerung: {samples.TITLE}, Do., 31.07.2025, 10:00 Uhr"
    assert "Donnerstag, 31. Juli 2025, 10:00 Uhr" in letter.opening[0]
    assert "https://meet.example/raum" in {fact.url for fact in letter.facts}
    assert letter.button.url == f"{PORTAL}/anmeldung/{samples.TOKEN}"
    assert calendar_method(scene(REMINDER)) is None
    assert {
        status for status in ("received", "waitlisted", "lapsed", "withdrawn") if concerns(REMINDER, person(status))
    } == set()
    assert while_registered(REMINDER, person())


@pytest.mark.parametrize(
    ("cause", "status", "says"),
    [
        (CANCELLED, "cancelled", "findet leider nicht statt"),
        (REINSTATED, "registration_open", "anders als zuletzt mitgeteilt"),
    ],
)
def test_an_asker_is_told_of_the_session_as_long_as_that_is_so(
    cause: asker_letter.Cause, status: str, says: str
) -> None:
    waiting = card("accepted", session=session(status=status))
    letter = asker_letter.compose(cause, waiting, samples.TEXTS, PORTAL)
    assert says in letter.opening[0]
    assert samples.TITLE in letter.subject
    assert letter.button.url == f"{PORTAL}/fragen/{samples.TOKEN}"
    assert letter.invitation is None
    assert asker_letter.concerns(cause, waiting)
    assert not asker_letter.concerns(cause, card("answered", session=session(status=status)))
    assert not asker_letter.concerns(cause, card("accepted", session=session(status=status, session_id="other")))
    other = "registration_open" if status == "cancelled" else "cancelled"
    assert not asker_letter.concerns(cause, card("accepted", session=session(status=other)))


def test_the_reason_and_the_date_that_is_off_are_stated() -> None:
    told = asker_letter.compose(CANCELLED, card("accepted"), samples.TEXTS, PORTAL)
    assert [(fact.label, fact.outdated) for fact in told.facts] == [("Abgesagter Termin", True), ("Grund", False)]
