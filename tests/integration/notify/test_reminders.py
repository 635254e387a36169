"""Reminders move with the session and come once; askers without a place are told when a session is off."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.notify import reminder
from services.notify.reminder import OfSession, Reminders
from shared.contracts.events import SessionAnnounced, SessionCancelled, SessionPostponed, SessionReinstated
from tests.integration.notify.conftest import Notify
from tests.integration.notify.office import Office, Owner, people
from tests.integration.notify.sink import Sink, mail_server
from tests.unit.notify import samples
from tests.unit.notify.samples import NEW, OLD, SESSION, session
from tests.unit.notify.test_question_letter import card

BASE = {"session_id": SESSION, "series_id": "series", "title": samples.TITLE, "sequence": 0}
ANNOUNCED = SessionAnnounced.model_validate({**BASE, **samples.dated(OLD), "mode": "online"})
CANCELLED = SessionCancelled.model_validate({**BASE, **samples.dated(OLD), "reason": "Erkrankung"})
REINSTATED = SessionReinstated.model_validate({**BASE, **samples.dated(OLD)})
assert OLD.starts_at
assert NEW.starts_at
BEGIN, LATER = OLD.starts_at, NEW.starts_at
DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)


def postponed(when: Any) -> SessionPostponed:
    return SessionPostponed.model_validate(
        {**BASE, **samples.dated(when), "previous": OLD.model_dump(), "reason": "Erkrankung"}
    )


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with mail_server() as server:
        yield server


@pytest.fixture
def office(notify: Notify, sink: Sink) -> Office:
    return Office(notify, Owner(session(), people(2)), sink)


async def hear(office: Office, *told: OfSession) -> None:
    async with office.notify.pool.acquire() as connection, connection.transaction():
        await reminder.plan(connection, told, office.notify.clock.now())


async def at(office: Office, now: dt.datetime) -> list[str]:
    """The clock shows this; the subjects of what is sent."""
    office.notify.clock.time = now
    matter, before = office.matters.named("sessions", ""), len(office.sink.mails)
    working = Reminders(office.notify.pool, office.notify.clock, matter, lambda: None)
    while await working.step():
        pass
    await office.expand()
    await office.send()
    return [str(mail.parsed["Subject"]).split(":")[0] for mail in office.sink.mails[before:]]


async def test_a_day_and_an_hour_before_and_each_once(office: Office) -> None:
    await hear(office, ANNOUNCED)
    assert await at(office, BEGIN - DAY - HOUR) == []
    assert await at(office, BEGIN - DAY) == ["Erinnerung"] * 2
    await hear(office, ANNOUNCED)
    assert await at(office, BEGIN - DAY + HOUR) == []
    assert await at(office, BEGIN - HOUR) == ["Beginnt gleich"] * 2
    assert await at(office, BEGIN) == []


async def test_a_clock_that_jumps_reminds_nobody_twice_and_of_nothing_that_is_over(office: Office) -> None:
    await hear(office, ANNOUNCED)
    assert await at(office, BEGIN + 7 * DAY) == []
    assert await at(office, BEGIN - DAY) == ["Erinnerung"] * 2
    assert await at(office, BEGIN - 2 * DAY) == []
    await office.notify.pool.execute("UPDATE reminder SET told_at = NULL")
    assert await at(office, BEGIN - DAY) == []


async def test_after_a_night_without_power_the_later_one_is_enough(office: Office) -> None:
    await hear(office, ANNOUNCED)
    assert await at(office, BEGIN - HOUR / 2) == ["Beginnt gleich"] * 2


async def test_a_postponed_session_takes_its_reminders_along(office: Office) -> None:
    await hear(office, ANNOUNCED)
    assert await at(office, BEGIN - DAY) == ["Erinnerung"] * 2
    await hear(office, postponed(NEW))
    office.owner.session = session(**samples.dated(NEW))
    assert await at(office, BEGIN - HOUR) == []
    assert await at(office, LATER - DAY) == ["Erinnerung"] * 2


@pytest.mark.parametrize("state", ["waiting", "held", "failed"])
async def test_what_waits_to_be_sent_for_the_old_date_is_taken_back(office: Office, sink: Sink, state: str) -> None:
    await hear(office, ANNOUNCED)
    office.notify.clock.time = BEGIN - DAY
    working = Reminders(office.notify.pool, office.notify.clock, office.matters.named("sessions", ""), lambda: None)
    assert await working.step()
    await office.expand()
    assert await office.states() == ["waiting"] * 2
    await office.notify.pool.execute("UPDATE message SET state = $1", state)
    await hear(office, postponed(samples.OPEN))
    await office.notify.pool.execute("UPDATE message SET state = 'waiting' WHERE state IN ('held', 'failed')")
    await office.send()
    assert sink.mails == []
    assert await at(office, BEGIN - HOUR) == []


async def test_a_session_that_moved_before_its_people_were_looked_up_reminds_nobody(office: Office, sink: Sink) -> None:
    await hear(office, ANNOUNCED)
    office.owner.session = session(**samples.dated(NEW))
    assert await at(office, BEGIN - DAY) == []


async def test_a_cancelled_session_reminds_nobody_until_it_takes_place_after_all(office: Office) -> None:
    await hear(office, ANNOUNCED, CANCELLED)
    assert await at(office, BEGIN - DAY) == []
    await hear(office, REINSTATED)
    assert await at(office, BEGIN - DAY + HOUR) == [], "the day before is over"
    assert await at(office, BEGIN - HOUR) == ["Beginnt gleich"] * 2


async def test_who_wants_no_reminders_gets_none_and_every_one_has_the_link_for_that(office: Office, sink: Sink) -> None:
    first, second = office.owner.people
    await office.notify.pool.execute(
        "INSERT INTO preference (person_id, kind, channel, rhythm) VALUES ($1, 'reminder', 'email', 'off')",
        first.person_id,
    )
    await hear(office, ANNOUNCED)
    assert await at(office, BEGIN - DAY) == ["Erinnerung"]
    (mail,) = sink.mails
    assert mail.recipient == second.email
    link = f"{samples.PORTAL}/abbestellen/reminder-{second.person_id}"
    assert (mail.parsed["List-Unsubscribe"], mail.parsed["List-Unsubscribe-Post"]) == (
        f"<{link}>",
        "List-Unsubscribe=One-Click",
    )


async def test_history_plans_nothing(office: Office) -> None:
    office.notify.clock.time = BEGIN + DAY
    await hear(office, ANNOUNCED)
    assert await office.notify.pool.fetchval("SELECT count(*) FROM reminder") == 0


async def test_who_waits_for_an_answer_is_told_beside_who_has_a_place(office: Office, sink: Sink) -> None:
    asker = card("accepted", email="asker@gemeinde.example", session=session(status="cancelled"))
    office.owner.questions = {asker.question_id: asker}
    await office.tell(CANCELLED)
    assert len(sink.mails) == 3
    (mail,) = sink.to("asker@gemeinde.example")
    said = mail.parsed.get_body(("plain",))
    assert said
    assert "Sie haben dazu eine Frage gestellt" in " ".join(str(said.get_content()).split())
    await office.hear(CANCELLED)
    await office.expand()
    await office.send()
    assert len(sink.mails) == 3
