"""What people's calendars are told by mail: every object as it arrived, read by icalendar and by ical.js.

After RFC 5545 and RFC 5546: 3.2.2 (REQUEST), 3.2.5 (CANCEL), 2.1.4 and 2.1.5 (SEQUENCE and DTSTAMP tell the newer).
"""

import datetime as dt
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from itertools import pairwise
from typing import Any

import pytest
from icalendar import Calendar

from services.notify.cause import Cause
from services.notify.scene import as_left_by
from shared.contracts.events import Times
from tests.ical_js import understood
from tests.integration.notify.conftest import Notify
from tests.integration.notify.office import Office, Owner, of, people
from tests.integration.notify.sink import Mail, Sink, mail_server
from tests.unit.notify import samples
from tests.unit.notify.samples import BERLIN, NEW, OLD, OPEN, postponed, relocated, session

WINTER = Times(
    starts_at=dt.datetime(2025, 11, 6, 10, tzinfo=BERLIN),
    ends_at=dt.datetime(2025, 11, 6, 11, 30, tzinfo=BERLIN),
    date=dt.date(2025, 11, 6),
)
ORGANISER = "mailto:portal@interkommunal.example"
REQUIRED = {"UID", "DTSTAMP", "DTSTART", "SUMMARY", "SEQUENCE", "ORGANIZER", "ATTENDEE"}


@dataclass(frozen=True, slots=True)
class Invited:
    """One object of a mail, by both libraries."""

    mail: Mail
    calendar: Any
    js: Any

    @property
    def event(self) -> Any:
        (event,) = self.calendar.events
        return event

    @property
    def told(self) -> tuple[str, int]:
        return str(self.calendar["METHOD"]), self.event["SEQUENCE"]


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with mail_server() as server:
        yield server


@pytest.fixture
def office(notify: Notify, sink: Sink) -> Office:
    return Office(notify, Owner(session(), people(2)), sink)


async def tell(office: Office, *causes: Cause, version: int) -> None:
    """Each cause is told while the session is as it left it, a minute after the one before."""
    for number, cause in enumerate(causes):
        office.owner.session = as_left_by(cause, office.owner.session)
        office.notify.clock.forward(minutes=1)
        await office.tell(cause, version=version + number)


async def invited(sink: Sink, recipient: str) -> list[Invited]:
    """Every object that came with this person's mails, in order."""
    mails = [mail for mail in sink.to(recipient) if _part(mail.parsed, "text/calendar")]
    texts = [_content(mail.parsed) for mail in mails]
    read = await understood(texts)
    return [Invited(mail, _read(text), js) for mail, text, js in zip(mails, texts, read, strict=True)]


def _read(text: bytes) -> Any:
    return Calendar.from_ical(text)


def _part(mail: EmailMessage, kind: str) -> EmailMessage | None:
    return next((part for part in mail.walk() if part.get_content_type() == kind), None)


def _content(mail: EmailMessage) -> bytes:
    part = _part(mail, "text/calendar")
    assert part is not None
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


def check(found: Sequence[Invited], recipient: str) -> None:
    """What holds for every object, and from each to the next."""
    for one in found:
        part = _part(one.mail.parsed, "text/calendar")
        assert part is not None
        method, event, (read,) = str(one.calendar["METHOD"]), one.event, one.js["events"]
        assert part.get_param("method") == method == one.js["method"]
        assert part.get_content_charset() == "utf-8"
        file = _part(one.mail.parsed, "application/ics")
        assert file is not None
        assert file.get_payload(decode=True) == _content(one.mail.parsed), "the file says the same"
        assert set(event) >= REQUIRED
        assert len(event.attendees) == 1
        assert (str(event["ATTENDEE"]), str(event["ORGANIZER"])) == (f"mailto:{recipient}", ORGANISER)
        assert (read["attendees"], read["organizer"]) == ([f"mailto:{recipient}"], ORGANISER)
        assert (read["uid"], read["sequence"]) == (f"session-{samples.SESSION}@interkommunal", event["SEQUENCE"])
        assert read["uid"] == str(event["UID"])
        assert read["begin"]["zone"] in one.js["zones"]
        begin, stamp = event["DTSTART"].dt, event["DTSTAMP"].dt
        assert dt.datetime.fromisoformat(read["begin"]["instant"]) == begin
        assert dt.datetime.fromisoformat(read["stamp"]) == stamp
        assert stamp.utcoffset() == dt.timedelta(0)
    for before, after in pairwise(found):
        newer = (after.event["SEQUENCE"], after.event["DTSTAMP"].dt)
        assert newer > (before.event["SEQUENCE"], before.event["DTSTAMP"].dt)


async def test_one_entry_lives_through_everything(office: Office, sink: Sink) -> None:
    ada, bob = office.owner.people
    there = relocated(**samples.dated(WINTER), sequence=4, mode="in_person", venue=samples.VENUE)
    off = samples.CANCELLED.model_copy(update={**samples.dated(WINTER), "sequence": 5})
    on = samples.REINSTATED.model_copy(update={**samples.dated(WINTER), "sequence": 6})
    await tell(office, of(ada, samples.CONFIRMED), version=7)
    await tell(
        office,
        postponed(),
        postponed(previous=NEW, to=OPEN, sequence=2),
        postponed(previous=OPEN, to=WINTER, sequence=3),
        there,
        off,
        on,
        version=8,
    )
    office.owner.people[0] = ada.model_copy(update={"status": "withdrawn"})
    await tell(office, of(ada, samples.WITHDRAWN), version=14)
    office.owner.people[0] = ada
    await tell(office, of(ada, samples.CONFIRMED), version=15)
    found, others = await invited(sink, ada.email), await invited(sink, bob.email)
    check(found, ada.email)
    check(others, bob.email)
    session_told = [("REQUEST", 1), ("CANCEL", 2), ("REQUEST", 3), ("REQUEST", 4), ("CANCEL", 5), ("REQUEST", 6)]
    assert [one.told for one in found] == [("REQUEST", 0), *session_told, ("CANCEL", 6), ("REQUEST", 6)]
    assert [one.told for one in others] == session_told, "whoever else withdraws is nobody's business"
    assert [one.event["DTSTART"].dt for one in found] == [
        *(OLD.starts_at, NEW.starts_at, NEW.starts_at),
        *[WINTER.starts_at] * 6,
    ]
    assert [str(one.event.get("STATUS")) for one in found] == [
        *("CONFIRMED", "CONFIRMED", "CANCELLED", "CONFIRMED", "CONFIRMED", "CANCELLED", "CONFIRMED"),
        *("None", "CONFIRMED"),
    ], "who alone leaves is taken out of a session that goes on"
    assert [one.js["events"][0]["status"] for one in found[-2:]] == [None, "CONFIRMED"]
    offsets = {one.event["DTSTART"].dt.utcoffset() for one in found[:3]}, found[3].event["DTSTART"].dt.utcoffset()
    assert offsets == ({dt.timedelta(hours=2)}, dt.timedelta(hours=1)), "ten o'clock in summer and in winter"
    assert [one.js["events"][0]["begin"]["wall"][11:] for one in found] == ["10:00:00"] * 9
    assert [one.js["events"][0]["end"] is None for one in found] == [True] * 3 + [False] * 6, "an end is not made up"
    assert found[4].js["events"][0]["location"].startswith("Rathaus")


async def test_who_is_promoted_is_invited_and_nobody_else(office: Office, sink: Sink) -> None:
    ada, bob = office.owner.people
    office.owner.people = [ada, bob.model_copy(update={"status": "waitlisted", "waiting_position": 1})]
    await tell(office, of(bob, samples.WAITLISTED), postponed(), version=7)
    assert await invited(sink, bob.email) == [], "who waits has no entry"
    office.owner.people[1] = bob
    await tell(office, of(bob, samples.PROMOTED), version=9)
    found = await invited(sink, bob.email)
    check(found, bob.email)
    assert [one.told for one in found] == [("REQUEST", 1)]
    assert [one.told for one in await invited(sink, ada.email)] == [("REQUEST", 1)]


async def test_what_is_told_late_is_told_as_it_was(office: Office, sink: Sink) -> None:
    """Two postponements are known before the mail of the registration is made: it comes first, and says the first."""
    ada, _ = office.owner.people
    office.owner.earlier[7] = office.owner.session
    office.owner.session = session(**samples.dated(WINTER), sequence=2, previous=NEW)
    causes = of(ada, samples.CONFIRMED), postponed(), postponed(previous=NEW, to=WINTER, sequence=2)
    await office.hear(causes[0], version=7)
    office.notify.clock.forward(minutes=1)
    await office.hear(*causes[1:], version=8)
    await office.expand()
    await office.send()
    by_sequence = {one.event["SEQUENCE"]: one for one in await invited(sink, ada.email)}
    assert {sequence: one.event["DTSTART"].dt for sequence, one in by_sequence.items()} == {
        0: OLD.starts_at,
        1: NEW.starts_at,
        2: WINTER.starts_at,
    }
    assert len(sink.to(ada.email)) == 3


CHANGES = [
    (dt.datetime(2025, 3, 30, 1, 30, tzinfo=BERLIN), "Europe/Berlin", "2025-03-30T01:30:00"),
    (dt.datetime(2025, 10, 26, 3, 30, tzinfo=BERLIN), "Europe/Berlin", "2025-10-26T03:30:00"),
    (dt.datetime(2026, 3, 29, 3, 30, tzinfo=BERLIN), "Europe/Berlin", "2026-03-29T03:30:00"),
    (dt.datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN), None, "2026-10-25T00:30:00Z"),
    (dt.datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1), None, "2026-10-25T01:30:00Z"),
    (dt.datetime(2027, 3, 28, 10, 0, tzinfo=BERLIN), "Europe/Berlin", "2027-03-28T10:00:00"),
    (dt.datetime(2027, 10, 31, 1, 30, tzinfo=BERLIN), "Europe/Berlin", "2027-10-31T01:30:00"),
]


async def test_both_read_the_same_instant_around_every_change_of_the_clocks() -> None:
    cards = [session(**samples.dated(Times(starts_at=begin, date=begin.date()))) for begin, _, _ in CHANGES]
    letters = (samples.letter_for(samples.CONFIRMED, card=card) for card in cards)
    texts = [_content(Mail("", samples.mail_for(letter)).parsed) for letter in letters]
    for (begin, zone, wall), text, read in zip(CHANGES, texts, await understood(texts), strict=True):
        told = read["events"][0]["begin"]
        assert (told["zone"], told["wall"]) == (zone, wall)
        assert dt.datetime.fromisoformat(told["instant"]) == begin.astimezone(dt.UTC)
        (event,) = _read(text).events
        assert event["DTSTART"].dt.astimezone(dt.UTC) == begin.astimezone(dt.UTC)
