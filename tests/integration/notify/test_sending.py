"""From causes to mails, on a real Postgres and a real SMTP server: one mail for each cause, whatever goes wrong."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from itertools import count, pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiosmtpd.smtp import Envelope
from structlog.testing import capture_logs

from services.notify import queue, smtp
from services.notify.contact_matter import ContactMatter
from services.notify.kind import Priority
from services.notify.matter import Claimed
from services.notify.rates import Rates
from services.notify.reports import Reports
from services.notify.sender import BUSY, Rules
from services.notify.smtp import Connection, Down
from shared.contracts.catalog import ContactRequestReceived, ProjectContactRequested
from shared.contracts.events import Times
from shared.contracts.rpc import Recipient, RegistrantsAnswered, RegistrantsAsked
from shared.kernel.postgres import Connection as Postgres
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.wakeup import Waiter
from tests.integration.notify.conftest import EDITOR, Notify
from tests.integration.notify.office import Office, Owner, alike, methods, of, people
from tests.integration.notify.sink import Sink, mail_server
from tests.unit.notify import samples
from tests.unit.notify.samples import postponed, session
from tests.unit.notify.test_contact import CARD, OFFICE, PASSED_ON, PROJECT, WRITER


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with mail_server(pipelining=True) as server:
        yield server


@pytest.fixture
def office(notify: Notify, sink: Sink) -> Office:
    return Office(notify, Owner(session(), people(3)), sink)


async def test_each_registrant_is_told_once_of_a_postponement(office: Office, sink: Sink) -> None:
    office.owner.page = 2
    await office.tell(postponed())
    assert sorted(mail.recipient for mail in sink.mails) == [person.email for person in office.owner.people]
    assert all("28. August 2025, 10:00 Uhr" in mail.parsed.get_body(("plain",)).get_content() for mail in sink.mails)  # type: ignore[union-attr]
    assert {asked.as_of_version for asked in office.owner.asked} == {7}
    assert await office.states() == ["delivered"] * 3


async def test_a_cause_that_comes_again_tells_nobody_again(office: Office, sink: Sink) -> None:
    at = office.notify.clock.now()
    for _ in range(3):
        await office.hear(postponed(), recorded_at=at)
        await office.expand()
        await office.send()
    assert len(sink.mails) == 3


async def test_after_a_restore_of_the_other_service_the_same_id_is_another_cause(office: Office, sink: Sink) -> None:
    at = office.notify.clock.now()
    await office.hear(postponed(), recorded_at=at)
    await office.hear(postponed(), recorded_at=at + dt.timedelta(seconds=1))
    await office.expand()
    await office.send()
    assert len(sink.mails) == 6
    assert len({mail.message_id for mail in sink.mails}) == 6


async def test_a_clock_that_jumps_tells_nobody_again(office: Office, sink: Sink) -> None:
    """A day back, then a week forward: what was told stays told, and what waited is sent once."""
    clock, at = office.notify.clock, office.notify.clock.now()
    late = office.owner.people[2].email
    sink.say = lambda mail, stage: "450 4.2.0 later" if stage == "RCPT" and late in mail.rcpt_tos else None
    await office.hear(postponed(), recorded_at=at)
    await office.expand()
    await office.send()
    assert await office.states() == ["delivered", "delivered", "waiting"]
    sink.say = lambda _, __: None
    for days in (-1, 7):
        clock.forward(days=days)
        await office.hear(postponed(), recorded_at=at)
        await office.expand()
        await queue.expire(office.notify.pool, clock.now(), dt.timedelta(days=7))
        await office.send()
        await office.send()
    assert await office.states() == ["delivered"] * 3
    assert sorted(mail.recipient for mail in sink.mails) == [person.email for person in office.owner.people]


async def test_a_text_for_a_contact_is_confirmed_and_passed_on_once(office: Office, sink: Sink) -> None:
    office.catalogue.letters = {False: CARD, True: PASSED_ON}
    received = ContactRequestReceived(
        contact_request_id=PROJECT, person_id="writer", confirm_by=office.notify.clock.now() + dt.timedelta(hours=24)
    )
    requested = ProjectContactRequested(contact_request_id=PROJECT, person_id="writer", project_id=PROJECT)
    at = office.notify.clock.now()
    for cause, version in ((received, 1), (requested, 2)):
        for _ in range(2):
            await office.hear(cause, version=version, recorded_at=at)
            await office.expand()
            await office.send()
    assert [(mail.recipient, mail.parsed["Reply-To"]) for mail in sink.mails] == [(WRITER, None), (OFFICE, WRITER)]
    await office.reports.step()
    told = [each.event for each in await office.notify.journal.read(0, 10)]
    assert [(event.message.kind, event.message.cause) for event in told] == [
        ("contact_confirmation", f"contact_request-{PROJECT}@1"),
        ("contact_passed_on", f"contact_request-{PROJECT}@2"),
    ]
    messages = (await office.notify.ask("GET", "/api/v1/messages", who=EDITOR)).body["items"]
    assert [(message["session_id"], message["status"]) for message in messages] == [(None, "delivered")] * 2


@pytest.mark.parametrize("erased", ["writer", "office"])
async def test_a_text_is_not_passed_on_once_either_side_is_erased(office: Office, sink: Sink, erased: str) -> None:
    office.catalogue.letters = {True: PASSED_ON}
    requested = ProjectContactRequested(contact_request_id=PROJECT, person_id="writer", project_id=PROJECT)
    await office.hear(requested)
    await office.expand()
    async with office.notify.pool.acquire() as connection:
        await queue.forget(connection, [erased])
    assert await office.states() == []
    await office.hear(requested, version=8)
    await office.expand()
    assert await office.states() == ["waiting"]
    await office.notify.vault.erase(erased)  # and what a restored database brings back cannot be read either
    await office.send()
    assert (sink.mails, await office.states()) == ([], [])
    await office.hear(requested, version=9)
    await office.expand()
    assert await office.states() == []


async def test_a_link_that_is_out_of_time_is_not_sent(office: Office, sink: Sink) -> None:
    office.catalogue.letters = {False: CARD}
    confirm_by = office.notify.clock.now() + dt.timedelta(hours=24)
    await office.hear(ContactRequestReceived(contact_request_id=PROJECT, person_id="writer", confirm_by=confirm_by))
    await office.expand()
    office.notify.clock.forward(hours=24)
    await office.send()
    assert (sink.mails, await office.states()) == ([], ["bounced"])
    office.catalogue.letters = {False: None}
    await office.hear(ContactRequestReceived(contact_request_id=PROJECT, person_id="writer", confirm_by=confirm_by))
    await office.expand()
    assert await office.states() == ["bounced"]


async def test_nothing_is_kept_of_a_person_but_ids_and_standing(office: Office) -> None:
    await office.hear(postponed())
    await office.expand()
    waiting = await office.notify.pool.fetchval("SELECT string_agg(m::text, '') FROM message m")
    await office.send()
    stored = await office.notify.pool.fetchval(
        "SELECT string_agg(g::text || m::text || a::text, '') "
        "FROM mailing g JOIN message m ON m.mailing_id = g.id JOIN attempt a ON a.message_id = m.id"
    )
    for person in office.owner.people:
        assert person.person_id in waiting
        for secret in (person.email, person.name, person.token):
            assert secret not in waiting + stored


@pytest.mark.parametrize("erased", [False, True])
async def test_what_an_earlier_version_has_sealed_is_still_sent(office: Office, sink: Sink, *, erased: bool) -> None:
    (person,) = office.owner.people = people(1)
    await office.hear(postponed())
    await office.expand()
    await office.notify.vault.ensure(person.person_id)
    sealed = await office.notify.vault.seal(person.person_id, "message", person)
    await office.notify.pool.execute("UPDATE mailing SET matter = NULL")
    await office.notify.pool.execute(
        "UPDATE message SET sealed = $1, source = NULL, standing = NULL, expires_at = NULL", sealed
    )
    if erased:
        await office.notify.vault.erase(person.person_id)
    await office.send()
    assert (len(sink.mails), len(office.owner.looked_up)) == (0 if erased else 1, 0)
    assert await office.states() == ([] if erased else ["delivered"])
    assert await office.notify.pool.fetchval("SELECT count(sealed) FROM message") == 0


async def test_an_earlier_version_beside_this_one_takes_nothing_that_it_cannot_write(office: Office) -> None:
    """What it claims has no address in it; it would take that for an erased person's and delete it."""
    await office.hear(postponed())
    await office.expand()
    claimed = await office.notify.pool.fetch(
        "UPDATE message SET state = 'sending', attempts = attempts + 1, holder = 9 RETURNING id"
    )
    assert (claimed, await office.states()) == ([], ["waiting"] * 3)
    await office.send()
    assert await office.states() == ["delivered"] * 3


class TestLookingUp:
    """Who is written to is asked when a message is sent, and what was told of how they stood stays."""

    async def test_who_moved_gets_the_mail_at_the_new_address_as_the_cause_found_them(
        self, office: Office, sink: Sink
    ) -> None:
        (before,) = office.owner.people = people(1)
        await office.hear(postponed())
        await office.expand()
        office.owner.people = [before.model_copy(update={"email": "new@gemeinde.example", "status": "withdrawn"})]
        await office.send()
        (mail,) = sink.mails
        assert mail.recipient == "new@gemeinde.example"
        assert "Ihre Anmeldung bleibt bestehen" in mail.parsed.get_body(("plain",)).get_content()  # type: ignore[union-attr]

    async def test_who_is_not_known_any_more_gets_none_and_that_is_seen(self, office: Office, sink: Sink) -> None:
        await office.hear(postponed())
        await office.expand()
        office.owner.people.pop()
        await office.send()
        assert len(sink.mails) == 2
        assert await office.states() == ["delivered", "delivered", "withheld"]
        assert await office.notify.pool.fetchval("SELECT reason FROM message WHERE state = 'withheld'") == "outdated"

    async def test_a_place_that_was_taken_meanwhile_is_offered_to_nobody(self, office: Office, sink: Sink) -> None:
        offered = samples.person("received", confirm_by=samples.CONFIRM_BY)
        office.owner.people = [offered]
        await office.hear(of(offered, samples.PROMOTED_GUEST))
        await office.expand()
        office.owner.people = [offered.model_copy(update={"status": "confirmed"})]
        await office.send()
        assert (sink.mails, await office.states()) == ([], ["withheld"])

    async def test_an_owner_that_is_away_costs_no_attempt_and_delays_no_other_matter(
        self, office: Office, sink: Sink
    ) -> None:
        office.catalogue.letters = {True: PASSED_ON}
        await office.hear(postponed())
        await office.expand()
        await office.hear(ProjectContactRequested(contact_request_id=PROJECT, person_id="writer", project_id=PROJECT))
        await office.expand()
        office.owner.down = True
        await office.send()
        assert [mail.recipient for mail in sink.mails] == [OFFICE]
        assert await office.notify.pool.fetchval("SELECT max(attempts) FROM message WHERE state = 'waiting'") == 0
        office.owner.down = False
        await office.send()
        assert len(sink.mails) == 1, "it is left alone for a moment"
        office.sender.away.clear()
        await office.send()
        assert len(sink.mails) == 4

    async def test_a_message_without_its_mailing_stops_nobody(self, office: Office, sink: Sink) -> None:
        await office.hear(postponed())
        await office.expand()
        await office.notify.pool.execute("UPDATE message SET mailing_id = 0 WHERE seq = (SELECT min(seq) FROM message)")
        await office.send()
        assert (await office.states(), len(sink.mails)) == (["failed", "delivered", "delivered"], 2)

    async def test_a_matter_with_a_defect_stops_nobody(
        self, office: Office, sink: Sink, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def defective(*_: object) -> object:
            raise TypeError

        office.catalogue.letters = {True: PASSED_ON}
        passed_on = ProjectContactRequested(contact_request_id=PROJECT, person_id="writer", project_id=PROJECT)
        await office.hear(postponed(), passed_on)
        await office.expand()
        with monkeypatch.context() as patched:
            patched.setattr(ContactMatter, "cards", defective)
            await office.send()
        assert sorted(await office.states()) == ["delivered"] * 3 + ["failed"]
        with monkeypatch.context() as patched:
            patched.setattr(ContactMatter, "recipients", defective)
            await office.hear(passed_on, samples.CANCELLED, version=9)
            await office.expand()
        await office.send()
        assert len(sink.mails) == 6

    async def test_one_that_its_owner_fails_at_delays_no_other_and_is_tried_again(
        self, office: Office, sink: Sink
    ) -> None:
        bad = office.owner.people[0].registration_id
        office.owner.fails_at = bad
        await office.tell(postponed())
        assert await office.states() == ["waiting", "delivered", "delivered"]
        office.owner.fails_at = None
        office.notify.clock.forward(minutes=1)
        await office.send()
        assert await office.states() == ["delivered"] * 3
        assert len(sink.mails) == 3


async def test_nothing_is_sent_to_a_suppressed_address_and_that_is_seen(office: Office, sink: Sink) -> None:
    first, second, third = (person.email for person in office.owner.people)

    async def suppressed(addresses: Sequence[str]) -> set[str]:
        return {first} & set(addresses)

    rules = Rules(suppressed, lambda message: f"bounces+{message}@interkommunal.example")
    object.__setattr__(office.sender, "rules", rules)
    senders = []

    def say(envelope: Envelope, stage: str) -> str | None:
        senders.append(envelope.mail_from)
        return "550 5.1.1 unknown" if stage == "RCPT" and envelope.rcpt_tos == [second] else None

    sink.say = say
    await office.tell(postponed())
    assert await office.states() == ["withheld", "bounced", "delivered"]
    assert [mail.recipient for mail in sink.mails] == [third]
    ids = await office.notify.pool.fetch("SELECT id FROM message WHERE state <> 'withheld'")
    assert set(senders) == {f"bounces+{row['id']}@interkommunal.example" for row in ids}


class TestOrder:
    """One person's messages about one session arrive in the order of their causes."""

    async def test_a_cancellation_never_overtakes_its_invitation(self, office: Office, sink: Sink) -> None:
        cancelled = samples.CANCELLED.model_copy(update={"sequence": 2})
        await office.hear(postponed(), cancelled)
        refusing = {office.owner.people[0].email}
        sink.say = lambda envelope, stage: (
            "450 4.2.0 greylisted" if stage == "RCPT" and envelope.rcpt_tos[-1] in refusing else None
        )
        await office.expand()
        await office.send()
        assert methods(sink, office.owner.people[0].email) == []
        assert methods(sink, office.owner.people[1].email) == ["REQUEST", "CANCEL"]
        refusing.clear()
        await office.send()
        assert methods(sink, office.owner.people[0].email) == []
        office.notify.clock.forward(minutes=1)
        await office.send()
        assert methods(sink, office.owner.people[0].email) == ["REQUEST", "CANCEL"]

    async def test_two_senders_at_once_keep_it(self, office: Office, sink: Sink) -> None:
        office.owner.people = people(20)
        steps = [postponed(sequence=number) for number in range(1, 6)]
        await office.hear(*steps)
        await office.expand()
        await asyncio.gather(*(office.send() for _ in range(4)))
        await office.send()
        assert len(sink.mails) == 100
        assert len({mail.message_id for mail in sink.mails}) == 100
        for person in office.owner.people:
            bodies = [mail.raw.decode() for mail in sink.to(person.email)]
            sequences = [body.split("SEQUENCE:")[1].split("\r\n")[0] for body in bodies]
            assert sequences == ["1", "2", "3", "4", "5"]

    async def test_a_mailing_waits_for_what_came_before_it(self, office: Office) -> None:
        person = office.owner.people[0]
        office.owner.down = True
        await office.hear(of(person, samples.CONFIRMED), postponed(), of(person, samples.WITHDRAWN))
        await office.expansion.step()
        assert [asked.registration_id for asked in office.owner.asked] == [person.registration_id]
        office.owner.down = False
        office.notify.clock.forward(minutes=1)
        await office.expand()
        kinds = await office.notify.pool.fetch(
            "SELECT kind FROM message WHERE person_id = $1 ORDER BY seq", person.person_id
        )
        assert [row["kind"] for row in kinds] == ["registration_confirmed", "postponement", "registration_withdrawn"]

    async def test_mailings_of_different_people_do_not_wait_for_each_other(self, office: Office) -> None:
        await office.hear(*(of(person, samples.CONFIRMED) for person in office.owner.people))
        await office.expansion.step()
        assert len(office.owner.asked) == 3


async def test_who_withdrew_and_comes_again_is_told_in_this_order(office: Office) -> None:
    """A withdrawal told at last would take the new entry out of the calendar."""
    before = office.owner.people[0].model_copy(update={"status": "withdrawn"})
    again = before.model_copy(update={"registration_id": "again", "status": "confirmed"})
    office.owner.people = [before, again]
    office.owner.down = True
    await office.hear(of(before, samples.WITHDRAWN))
    await office.expansion.step()
    office.owner.down = False
    await office.hear(of(again, samples.CONFIRMED), version=8)
    await office.expand()
    assert await office.states() == []
    office.notify.clock.forward(minutes=1)
    await office.expand()
    kinds = await office.notify.pool.fetch("SELECT kind FROM message ORDER BY seq")
    assert [row["kind"] for row in kinds] == ["registration_withdrawn", "registration_confirmed"]


async def test_what_was_claimed_when_the_database_went_away_is_sent_when_it_is_back(
    office: Office, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim counts, but its answer was lost: nobody works on it, and its holder lives."""
    real, lost = queue.claim, [True]

    async def claim(*arguments: Any, **named: Any) -> list[Claimed]:
        found = await real(*arguments, **named)
        if found and lost and lost.pop():
            raise ConnectionResetError
        return found

    monkeypatch.setattr(queue, "claim", claim)
    await office.hear(postponed())
    await office.expand()
    running = asyncio.create_task(office.sender.run())
    try:
        async with asyncio.timeout(20):
            while await office.states() != ["delivered"] * 3:
                await asyncio.sleep(0.05)
    finally:
        running.cancel()
        await asyncio.wait([running])
    assert len(sink.mails) == 3


async def test_nobody_takes_a_message_while_what_is_in_nobodys_hand_is_freed(
    office: Office, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who frees looks at what is in hand first: what was taken after that look would be freed, and sent twice."""
    real, looked, go_on = queue.forgo, asyncio.Event(), asyncio.Event()

    async def forgo(pool: Pool, holder: int, in_hand: Collection[UUID], at: dt.datetime) -> None:
        there = list(in_hand)
        looked.set()
        await go_on.wait()
        await real(pool, holder, there, at)

    monkeypatch.setattr(queue, "forgo", forgo)
    await office.hear(postponed())
    await office.expand()
    office.sender.lost.set()
    connection = Connection(office.sender.host)
    await connection.ready()
    freeing = asyncio.create_task(office.sender._forgo())
    await asyncio.wait_for(looked.wait(), 10)
    taking = asyncio.create_task(office.sender.batch(connection, Priority.MANY))
    await asyncio.sleep(0.3)
    assert await office.states() == ["waiting"] * 3
    go_on.set()
    await asyncio.gather(freeing, taking)
    await connection.quit()
    assert await office.states() == ["delivered"] * 3
    assert len(sink.mails) == 3


async def test_what_is_lost_while_other_is_freed_is_freed_next_and_so_is_what_could_not_be(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, looks = queue.forgo, 0

    async def forgo(pool: Pool, holder: int, in_hand: Collection[UUID], at: dt.datetime) -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise ConnectionResetError
        await real(pool, holder, in_hand, at)
        if looks == 2:
            office.sender.lost.set()  # another worker, whose messages were in hand a moment ago

    monkeypatch.setattr(queue, "forgo", forgo)
    office.sender.lost.set()
    with pytest.raises(ConnectionResetError):
        await office.sender._forgo()
    for _ in range(3):
        await office.sender._forgo()
    assert looks == 3
    assert not office.sender.lost.is_set()


async def test_what_could_not_be_given_back_is_sent_when_the_database_is_back(
    office: Office, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mail server and the database went away together."""
    monkeypatch.setattr("services.notify.sender.RETRY", 0.05)
    real, failed = queue.release, list[bool]()

    async def release(*arguments: Any) -> None:
        if arguments[1] and not failed:
            failed.append(True)
            raise ConnectionResetError
        await real(*arguments)

    async def hang_up(*_: Any, **__: Any) -> None:
        raise Down("gone")

    send = Connection.send
    monkeypatch.setattr(queue, "release", release)
    monkeypatch.setattr(Connection, "send", hang_up)
    await office.hear(postponed())
    await office.expand()
    running = asyncio.create_task(office.sender.run())
    try:
        await until(lambda: bool(failed))
        monkeypatch.setattr(Connection, "send", send)
        await until(lambda: len(sink.mails) == 3)
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_a_persons_own_message_goes_before_a_mailing(office: Office, sink: Sink) -> None:
    office.owner.people = people(50)
    await office.hear(postponed())
    await office.expand()
    late = samples.person("received", person_id="late", registration_id="late", email="late@gemeinde.example")
    office.owner.people.append(late)
    await office.hear(of(late, samples.RECEIVED), version=8)
    await office.expand()
    await office.send()
    assert sink.mails[0].recipient == "late@gemeinde.example"


async def test_what_stands_in_the_way_of_a_persons_own_message_goes_with_it(office: Office, sink: Sink) -> None:
    office.owner.people = people(50)
    last = office.owner.people[-1]
    await office.hear(postponed())
    await office.expand()
    await office.hear(of(last, samples.WITHDRAWN), version=8)
    await office.expand()
    await office.sender.batch(Connection(office.sender.host), Priority.PERSONAL)
    await office.sender.batch(Connection(office.sender.host), Priority.PERSONAL)
    assert methods(sink, last.email) == ["REQUEST", "CANCEL"]
    assert len(sink.mails) == 2


class TestCalendars:
    """Only calendars that have an entry get it removed."""

    async def test_who_was_confirmed_and_withdraws(self, office: Office, sink: Sink) -> None:
        person = office.owner.people[0]
        await office.tell(of(person, samples.CONFIRMED))
        office.owner.people[0] = person.model_copy(update={"status": "withdrawn"})
        await office.tell(of(person, samples.WITHDRAWN), version=8)
        assert methods(sink, person.email) == ["REQUEST", "CANCEL"]

    async def test_who_only_waited_and_withdraws(self, office: Office, sink: Sink) -> None:
        person = samples.person("withdrawn", registration_id="w", person_id="w")
        office.owner.people.append(person)
        await office.tell(of(person, samples.WAITLISTED), of(person, samples.WITHDRAWN))
        assert len(sink.to(person.email)) == 2
        assert methods(sink, person.email) == []

    async def test_who_withdraws_after_a_postponement_to_an_open_date(self, office: Office, sink: Sink) -> None:
        person = office.owner.people[0]
        office.owner.people = [person]
        await office.tell(of(person, samples.CONFIRMED), postponed(to=Times()), of(person, samples.WITHDRAWN))
        assert methods(sink, person.email) == ["REQUEST", "CANCEL"]
        assert len(sink.to(person.email)) == 3


class TestMailServer:
    """What the mail server says, and what becomes of the messages."""

    async def test_a_permanent_no_ends_it(self, office: Office, sink: Sink) -> None:
        sink.say = lambda _, stage: "550 5.1.1 <person0@gemeinde.example> unknown" if stage == "RCPT" else None
        await office.tell(postponed())
        assert await office.states() == ["bounced"] * 3
        rows = await office.notify.pool.fetch("SELECT reason, status, sealed FROM message")
        assert {tuple(row) for row in rows} == {("refused", "5.1.1", None)}
        attempts = await office.notify.pool.fetch("SELECT number, outcome, code FROM attempt")
        assert {tuple(row) for row in attempts} == {(1, "refused", 550)}

    async def test_a_passing_no_is_tried_again_later_and_later(self, office: Office, sink: Sink) -> None:
        office.owner.people = people(1)
        sink.say = lambda _, stage: "451 4.3.0 later" if stage == "DATA" else None
        await office.tell(postponed())
        waits = []
        for _ in range(4):
            ready_at = await office.notify.pool.fetchval("SELECT ready_at FROM message")
            waits.append((ready_at - office.notify.clock.now()).total_seconds())
            office.notify.clock.time = ready_at
            await office.send()
        assert 24 <= waits[0] <= 36
        assert all(later > before * 2 for before, later in pairwise(waits))
        sink.say = lambda _, __: None
        office.notify.clock.forward(days=1)
        await office.send()
        assert await office.states() == ["delivered"]
        assert len(sink.mails) == 1
        outcomes = await office.notify.pool.fetch("SELECT outcome FROM attempt ORDER BY number")
        assert [row["outcome"] for row in outcomes] == ["deferred"] * 5 + ["delivered"]

    async def test_a_connection_lost_in_the_middle_sends_the_same_message_again(
        self, office: Office, sink: Sink
    ) -> None:
        office.owner.people = people(1)
        answers = iter(["keep, then hang up"])
        sink.say = lambda _, stage: next(answers, None) if stage == "DATA" else None
        await office.tell(postponed())
        assert await office.states() == ["waiting"]
        office.notify.clock.forward(seconds=3)  # a server that went away may be back
        await office.send()
        assert await office.states() == ["delivered"]
        assert len(sink.mails) == 2
        assert len({mail.message_id for mail in sink.mails}) == 1

    async def test_a_server_that_is_down_costs_no_attempt(self, office: Office, sink: Sink) -> None:
        await office.hear(postponed())
        await office.expand()
        await sink.close()
        with pytest.raises(smtp.Down):
            await office.send()
        assert await office.notify.pool.fetchval("SELECT max(attempts) FROM message") == 0
        assert await office.states() == ["waiting"] * 3
        await sink.open()
        await office.send()
        assert await office.states() == ["delivered"] * 3

    async def test_a_recipient_at_whose_name_the_server_hangs_up_keeps_no_other_waiting(
        self, office: Office, sink: Sink
    ) -> None:
        bad = office.owner.people[0].email
        sink.say = lambda envelope, stage: "hang up" if stage == "RCPT" and bad in envelope.rcpt_tos else None
        await office.tell(postponed())
        assert await office.states() == ["waiting", "delivered", "delivered"]
        assert await office.notify.pool.fetchval("SELECT attempts FROM message WHERE state = 'waiting'") == 1

    async def test_a_server_that_refuses_us_bounces_nobody(self, office: Office, sink: Sink) -> None:
        sink.say = lambda _, stage: "530 5.7.0 authentication required" if stage == "MAIL" else None
        await office.hear(postponed())
        await office.expand()
        with pytest.raises(smtp.Down):
            await office.send()
        assert await office.states() == ["waiting"] * 3
        assert await office.notify.pool.fetchval("SELECT max(attempts) FROM message") == 0

    async def test_what_is_too_old_is_given_up(self, office: Office, sink: Sink) -> None:
        await office.hear(postponed())
        await office.expand()
        office.notify.clock.forward(days=8)
        await queue.expire(office.notify.pool, office.notify.clock.now(), dt.timedelta(days=7))
        await office.send()
        assert await office.states() == ["bounced"] * 3
        assert not sink.mails

    async def test_what_became_too_old_while_nobody_looked_is_not_sent(self, office: Office, sink: Sink) -> None:
        """The sender comes back after a week, before the queue was tidied up."""
        await office.hear(postponed())
        await office.expand()
        office.notify.clock.forward(days=8)
        await office.send()
        assert await office.states() == ["bounced"] * 3
        assert not sink.mails

    @pytest.mark.parametrize("sample", [samples.RECEIVED, samples.WAITLISTED_GUEST, samples.PROMOTED_GUEST])
    async def test_nobody_is_asked_to_confirm_when_the_time_for_it_is_over(
        self, office: Office, sink: Sink, sample: Any
    ) -> None:
        person = samples.person("received", confirm_by=samples.CONFIRM_BY)
        office.owner.people = [person]
        await office.hear(of(person, sample))
        await office.expand()
        office.notify.clock.time = samples.CONFIRM_BY
        await office.tell(of(person, samples.LAPSED), version=8)
        assert await office.states() == ["bounced", "delivered"]
        assert [mail.subject.split(":")[0] for mail in sink.mails] == ["Ihre Anmeldung ist verfallen"]
        rows = await office.notify.pool.fetch("SELECT reason, sealed FROM message WHERE state = 'bounced'")
        assert [tuple(row) for row in rows] == [("expired", None)]

    async def test_an_address_that_is_none_bounces_without_a_mail(self, office: Office, sink: Sink) -> None:
        office.owner.people = [samples.person(email="a@b.example\r\nBcc: c@d.example")]
        await office.tell(postponed())
        assert await office.states() == ["bounced"]
        assert await office.notify.pool.fetchval("SELECT status FROM message") == "5.1.3"
        assert not sink.mails


class TestBadServers:
    """Whatever a mail server does: nothing is lost, nothing doubled, everything seen."""

    async def outcomes(self, office: Office) -> list[str]:
        rows = await office.notify.pool.fetch(
            "SELECT m.state, string_agg(a.outcome || coalesce(' ' || a.code, ''), ', ' ORDER BY a.number) AS attempts "
            "FROM message m LEFT JOIN attempt a ON a.message_id = m.id GROUP BY m.id, m.state, m.seq ORDER BY m.seq"
        )
        return [f"{row['state']}: {row['attempts']}" for row in rows]

    async def test_one_that_greylists_everybody(self, office: Office, sink: Sink) -> None:
        seen: set[str] = set()

        def greylist(envelope: Envelope, stage: str) -> str | None:
            new = stage == "RCPT" and envelope.rcpt_tos[-1] not in seen
            seen.update(envelope.rcpt_tos)
            return "450 4.2.0 greylisted" if new else None

        sink.say = greylist
        await office.tell(postponed())
        assert (sink.mails, await office.states()) == ([], ["waiting"] * 3)
        office.notify.clock.forward(minutes=1)
        await office.send()
        assert await self.outcomes(office) == ["delivered: deferred 450, delivered 250"] * 3
        assert len(sink.mails) == 3

    @pytest.mark.parametrize("said", ["421 4.3.2 shutting down", "452 4.3.1 no space", "hang up"])
    async def test_one_that_says_no_behind_every_second_mail(self, office: Office, sink: Sink, said: str) -> None:
        office.owner.people = people(9)
        mails = count()
        sink.say = lambda _, stage: said if stage == "DATA" and next(mails) % 2 else None
        await office.tell(postponed())
        for _ in range(12):
            office.notify.clock.forward(minutes=10)
            await office.send()
        sink.say = lambda _, __: None
        office.notify.clock.forward(hours=5)
        await office.send()
        assert await office.states() == ["delivered"] * 9
        assert len({mail.message_id for mail in sink.mails}) == len(sink.mails) == 9

    async def test_one_that_takes_a_few_mails_a_conversation(self, office: Office, sink: Sink) -> None:
        office.owner.people = people(9)
        mails = count(1)
        sink.say = lambda _, stage: "421 4.7.0 enough" if stage == "MAIL" and not next(mails) % 4 else None
        await office.hear(postponed())
        await office.expand()
        for _ in range(9):
            with suppress(Down):
                await office.send()
        assert await self.outcomes(office) == ["delivered: delivered 250"] * 9
        assert len(sink.mails) == 9

    async def test_a_host_that_is_to_get_few_mails_a_minute_keeps_nobody_else_waiting(
        self, office: Office, sink: Sink
    ) -> None:
        elsewhere = [person.model_copy(update={"email": f"{person.name[-1]}@other.example"}) for person in people(3)]
        office.owner.people += elsewhere
        object.__setattr__(office.sender, "rates", Rates({"gemeinde.example": 60}))
        await office.tell(postponed())
        assert sorted(mail.recipient.partition("@")[2] for mail in sink.mails) == [
            "gemeinde.example",
            *["other.example"] * 3,
        ]
        assert await office.notify.pool.fetchval("SELECT max(attempts) FROM message WHERE state = 'waiting'") == 0
        for seconds in (1, 2):
            office.notify.clock.forward(seconds=1)
            await office.send()
            assert len(sink.mails) == 4 + seconds
        assert await office.states() == ["delivered"] * 6

    async def test_one_that_is_down_for_hours(self, office: Office, sink: Sink) -> None:
        await office.hear(postponed())
        await office.expand()
        await sink.close()
        for _ in range(30):
            with pytest.raises(Down):
                await office.send()
            office.notify.clock.forward(hours=1)
        assert await office.states() == ["waiting"] * 3
        await sink.open()
        await office.send()
        assert await self.outcomes(office) == ["delivered: delivered 250"] * 3


class Crashed(BaseException):
    """A process that dies asks nobody whether that is handled."""


class TestCrashes:
    """A process that dies between any two steps."""

    async def test_between_pages(self, office: Office, sink: Sink) -> None:
        async def answer(asked: RegistrantsAsked) -> RegistrantsAnswered:
            if asked.after == "2":
                raise Crashed
            return await office.owner.answer(asked)

        office.owner.page = 1
        dying = Office(office.notify, office.owner, sink)
        dying.ask_instead(answer)
        await dying.hear(postponed())
        with pytest.raises(BaseExceptionGroup) as died:
            await dying.expansion.step()
        assert died.group_contains(Crashed)
        assert await office.notify.pool.fetchval("SELECT after FROM mailing") == "1"
        await office.expand()
        assert await office.states() == ["waiting"], "it is nobody else's yet"
        office.notify.clock.forward(seconds=31)
        await office.expand()
        await office.send()
        assert len(sink.mails) == 3
        assert await office.notify.pool.fetchval("SELECT messages FROM mailing") == 3

    async def test_between_the_answer_and_the_writing_of_a_page(
        self, office: Office, sink: Sink, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def crash(*_: object) -> None:
            raise SystemError("crashed")

        await office.hear(postponed())
        with monkeypatch.context() as patched:
            patched.setattr("services.notify.mailing.advance", crash)
            with pytest.raises(ExceptionGroup):
                await office.expansion.step()
        assert await office.states() == []
        await office.expand()
        assert await office.states() == []
        office.notify.clock.forward(seconds=31)
        await office.expand()
        await office.send()
        assert len(sink.mails) == 3

    async def test_a_page_that_two_processes_write_is_written_once(self, office: Office, sink: Sink) -> None:
        """The first one is slow: its claim runs out while it waits for the answer."""
        other = Office(office.notify, office.owner, sink)

        async def slow(asked: RegistrantsAsked) -> RegistrantsAnswered:
            answer = await office.owner.answer(asked)
            office.notify.clock.forward(seconds=31)
            await other.expand()
            return answer

        office.ask_instead(slow)
        await office.hear(postponed())
        await office.expansion.step()
        await office.send()
        assert len(sink.mails) == 3
        assert await office.notify.pool.fetchval("SELECT messages FROM mailing") == 3

    async def test_whom_pages_name_several_times_is_written_to_once(self, office: Office, sink: Sink) -> None:
        first, second, third = office.owner.people
        pages: dict[str | None, tuple[list[Recipient], str | None]]
        pages = {None: ([first, first, second], "1"), "1": ([second, third], None)}

        async def answer(asked: RegistrantsAsked) -> RegistrantsAnswered:
            people, following = pages[asked.after]
            return RegistrantsAnswered(session=office.owner.session, alike=alike(people), next=following)

        office.ask_instead(answer)
        await office.hear(postponed())
        await office.expand()
        await office.send()
        assert sorted(mail.recipient for mail in sink.mails) == sorted(each.email for each in office.owner.people)
        assert await office.notify.pool.fetchval("SELECT messages FROM mailing") == 3

    async def test_an_answer_that_came_too_late_tells_nobody_who_has_gone_since(
        self, office: Office, sink: Sink
    ) -> None:
        """While a process waits for the answer its claim runs out; another one tells everybody, and somebody leaves."""
        first = office.owner.people[0]
        other = Office(office.notify, office.owner, sink)

        async def slow(asked: RegistrantsAsked) -> RegistrantsAnswered:
            answer = await office.owner.answer(asked)
            office.owner.people[0] = first.model_copy(update={"status": "withdrawn"})
            office.notify.clock.forward(seconds=31)
            await other.expand()
            return answer

        office.ask_instead(slow)
        await office.hear(postponed(), of(first, samples.WITHDRAWN))
        await office.expansion.step()
        await office.send()
        assert [mail.subject.split(":")[0] for mail in sink.to(first.email)] == ["Abmeldung bestätigt"]
        assert len(sink.mails) == 3
        assert await office.notify.pool.fetchval("SELECT sum(messages) FROM mailing") == 3

    async def test_after_a_restore_of_our_own_database_the_message_is_the_same(
        self, office: Office, sink: Sink
    ) -> None:
        office.owner.people = people(1)
        await office.tell(postponed())
        await office.notify.pool.execute("DELETE FROM message; UPDATE mailing SET state = 'open'")
        await office.expand()
        await office.send()
        first, second = sink.mails
        assert first.message_id == second.message_id

    async def test_between_the_claim_and_the_mail(self, office: Office, sink: Sink) -> None:
        await office.hear(postponed())
        await office.expand()
        now = office.notify.clock.now()
        assert (
            len(await queue.claim(office.notify.pool, now, now + dt.timedelta(minutes=5), Priority.MANY, 20, holder=1))
            == 3
        )
        await office.send()
        assert not sink.mails
        office.notify.clock.forward(minutes=5)
        await office.send()
        assert len(sink.mails) == 3

    async def test_between_the_mail_and_its_record(
        self, office: Office, sink: Sink, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def crash(*_: object) -> None:
            raise SystemError("crashed")

        office.owner.people = people(1)
        await office.hear(postponed())
        await office.expand()
        with monkeypatch.context() as patched:
            patched.setattr("services.notify.sender.Sender._record", crash)
            patched.setattr("services.notify.queue.put_off", crash)
            with pytest.raises(SystemError):
                await office.send()
        assert len(sink.mails) == 1
        await office.send()
        assert len(sink.mails) == 1
        office.notify.clock.forward(minutes=5)
        await office.send()
        assert await office.states() == ["delivered"]
        assert len(sink.mails) == 2
        assert len({mail.message_id for mail in sink.mails}) == 1

    async def test_a_slow_sender_whose_claim_ran_out_does_not_undo_a_delivery(self, office: Office) -> None:
        office.owner.people = people(1)
        await office.hear(postponed())
        await office.expand()
        now = office.notify.clock.now()
        (old,) = await queue.claim(office.notify.pool, now, now, Priority.MANY, 1, holder=1)
        await office.send()
        assert await office.states() == ["delivered"]
        late = queue.Verdict(old.id, old.number, "waiting", now, "deferred", ready_at=now)
        await queue.finish(office.notify.pool, [late])
        await queue.release(office.notify.pool, [old], now)
        assert await office.states() == ["delivered"]

    async def test_a_late_verdict_on_a_claim_that_ran_out_counts_only_if_it_delivered(self, office: Office) -> None:
        office.owner.people = people(1)
        await office.hear(postponed())
        await office.expand()
        pool, now = office.notify.pool, office.notify.clock.now()
        (first,) = await queue.claim(pool, now, now, Priority.MANY, 1, holder=1)
        (second,) = await queue.claim(pool, now, now + dt.timedelta(minutes=5), Priority.MANY, 1, holder=1)
        assert (first.number, second.number) == (1, 2)
        await queue.finish(pool, [queue.Verdict(first.id, 1, "waiting", now, "deferred", ready_at=now)])
        assert await office.states() == ["sending"]
        await queue.finish(pool, [queue.Verdict(first.id, 1, "delivered", now, "delivered")])
        assert await office.states() == ["delivered"]

    async def test_what_was_given_up_stays_so(self, office: Office) -> None:
        office.owner.people = people(1)
        await office.hear(postponed())
        await office.expand()
        pool, now = office.notify.pool, office.notify.clock.now()
        (claimed,) = await queue.claim(pool, now, now, Priority.MANY, 1, holder=1)
        await queue.expire(pool, now + dt.timedelta(days=8), dt.timedelta(days=7))
        await queue.finish(pool, [queue.Verdict(claimed.id, 1, "delivered", now, "delivered")])
        assert await office.states() == ["bounced"]

    async def test_who_is_stopped_finishes_the_mail_in_hand_and_gives_back_the_rest(
        self, office: Office, sink: Sink
    ) -> None:
        office.owner.people = people(10)
        await office.hear(postponed())
        await office.expand()
        running = asyncio.ensure_future(office.sender.run())
        async with asyncio.timeout(10):
            while not sink.mails:
                await asyncio.sleep(0.001)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        states = await office.states()
        assert states.count("delivered") == len(sink.mails)
        assert states.count("sending") == 0
        await office.send()
        assert len(sink.mails) == 10
        assert len({mail.message_id for mail in sink.mails}) == 10


async def spoil_the_first(office: Office) -> None:
    """Its recipient has a key, and what was sealed is not what it was."""
    sql = "UPDATE message SET sealed = 'AAAA' WHERE seq = (SELECT min(seq) FROM message) RETURNING person_id"
    await office.notify.vault.ensure(await office.notify.pool.fetchval(sql))


class TestPoison:
    """One message or mailing that cannot be understood keeps no other from its reader."""

    async def test_a_payload_that_cannot_be_read(self, office: Office, sink: Sink) -> None:
        await office.hear(postponed())
        await office.expand()
        await spoil_the_first(office)
        await office.send()
        assert sorted(await office.states()) == ["delivered", "delivered", "failed"]
        assert len(sink.mails) == 2

    async def test_what_is_known_of_a_person_is_kept_no_longer_than_of_use(self, office: Office) -> None:
        await office.hear(postponed())
        await office.expand()
        pool = office.notify.pool
        await spoil_the_first(office)
        await office.send()
        office.notify.clock.forward(days=8)
        await queue.expire(pool, office.notify.clock.now(), dt.timedelta(days=7))
        assert sorted(await office.states()) == ["bounced", "delivered", "delivered"]
        assert await pool.fetchval("SELECT count(sealed) FROM message") == 0

    async def test_a_defect_on_the_other_side_loses_no_message(self, office: Office, sink: Sink) -> None:
        async def broken(_: object) -> Any:
            raise Problem("internal")

        broke = Office(office.notify, office.owner, office.sink)
        broke.ask_instead(broken)
        await broke.hear(postponed())
        for _ in range(20):
            await broke.expand()
            office.notify.clock.forward(minutes=1)
        await office.expand()
        await office.send()
        assert len(sink.mails) == 3

    async def test_a_mailing_that_cannot_be_read(self, office: Office, sink: Sink) -> None:
        other = postponed().model_copy(update={"session_id": "other"})
        await office.hear(postponed(), other)
        await office.notify.pool.execute("UPDATE mailing SET data = '{}' WHERE session_id <> 'other'")
        for _ in range(9):
            await office.expand()
            office.notify.clock.forward(minutes=1)
        await office.send()
        assert len(sink.mails) == 3
        states = await office.notify.pool.fetch("SELECT state, problem FROM mailing ORDER BY id")
        assert [tuple(row) for row in states] == [("abandoned", "not_understood"), ("expanded", None)]

    async def test_a_session_that_its_owner_does_not_know(self, office: Office) -> None:
        async def unknown(_: object) -> Any:
            raise Problem("not_found")

        stuck = Office(office.notify, office.owner, office.sink)
        stuck.ask_instead(unknown)
        await stuck.hear(postponed())
        for _ in range(9):
            await stuck.expand()
            office.notify.clock.forward(minutes=1)
        assert await office.notify.pool.fetchval("SELECT problem FROM mailing WHERE state = 'abandoned'") == "not_found"


async def test_the_sender_waits_for_the_mail_server_and_goes_on_by_itself(
    office: Office, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.notify.sender.RETRY", 0.05)
    await office.hear(postponed())
    await office.expand()
    await sink.close()
    running = asyncio.ensure_future(office.sender.run())
    try:
        await until(lambda: is_down(office))
        await sink.open()
        await until(lambda: len(sink.mails) == 3)
        assert not await is_down(office)
        assert sink.sessions <= office.connections
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def is_down(office: Office) -> bool:
    return (await office.health.report()).checks.get("smtp") == "SMTPConnectError"


async def until(true: Callable[[], bool | Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while True:
            now = true()
            if now if isinstance(now, bool) else await now:
                return
            await asyncio.sleep(0.01)


async def test_an_owner_that_is_away_is_asked_again(office: Office, sink: Sink) -> None:
    office.owner.down = True
    await office.hear(postponed())
    for _ in range(20):
        await office.expand()
        office.notify.clock.forward(minutes=1)
    assert await office.states() == []
    office.owner.down = False
    await office.expand()
    await office.send()
    assert len(sink.mails) == 3


async def test_an_erased_person_is_told_nothing_more(office: Office, sink: Sink) -> None:
    first, second, third = office.owner.people
    await office.hear(postponed())
    await office.expand()
    await office.notify.vault.erase(first.person_id)
    async with office.notify.pool.acquire() as connection:
        await queue.forget(connection, [second.person_id])
    await office.send()
    assert [mail.recipient for mail in sink.mails] == [third.email]
    await office.tell(samples.CANCELLED, version=8)
    assert [mail.recipient for mail in sink.mails[1:]] == [second.email, third.email]
    assert await office.notify.pool.fetchval("SELECT count(*) FROM message WHERE person_id = $1", first.person_id) == 0


async def test_who_is_erased_while_others_are_written_to_gets_no_mail(office: Office, sink: Sink) -> None:
    *_, last = office.owner.people
    await office.hear(postponed())
    await office.expand()
    erased: list[asyncio.Task[None]] = []

    def erase(_: object, stage: str) -> None:
        if stage == "MAIL" and not erased:
            erased.append(asyncio.ensure_future(office.notify.vault.erase(last.person_id)))

    async def slowly(*arguments: Any) -> set[UUID]:
        await asyncio.gather(*erased)
        return await finish(*arguments)

    finish, sink.say = queue.finish, erase
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("services.notify.queue.finish", slowly)
        await office.send()
    assert len(sink.mails) == 2
    assert not sink.to(last.email)


async def test_ends_are_reported_once(office: Office, sink: Sink) -> None:
    bad = office.owner.people[0].email
    sink.say = lambda envelope, stage: "550 5.1.1 no" if stage == "RCPT" and bad in envelope.rcpt_tos else None
    await office.tell(postponed())
    assert await office.reports.step()
    await office.notify.pool.execute("UPDATE message SET reported = false")
    assert await office.reports.step()
    assert not await office.reports.step()
    rows = await office.notify.pool.fetch("SELECT stream, type, data::text, causation_id FROM journal")
    assert sorted(row["type"] for row in rows) == ["MessageBounced", "MessageDelivered", "MessageDelivered"]
    assert {row["causation_id"] for row in rows} == {f"session-{samples.SESSION}@7"}
    assert all(person.email not in row["data"] for row in rows for person in office.owner.people)


async def test_reports_wait_after_a_batch_while_a_large_mailing_is_sent(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.notify.reports.BATCH", 1)
    await office.tell(postponed())
    office.sender.in_hand.update(uuid4() for _ in range(BUSY + 1))
    reported = list[bool]()

    def busy() -> bool:
        running.cancel()  # it takes effect where it waits next, or at the next batch, if there is one
        reported.append(office.sender.busy())
        return reported[-1]

    running = asyncio.create_task(Reports(office.notify.pool, office.notify.journal, Waiter(), busy).run())
    async with asyncio.timeout(10):
        await asyncio.wait([running])
    assert reported == [True]
    assert await office.notify.pool.fetchval("SELECT count(*) FROM message WHERE reported") == 1
    office.sender.in_hand.clear()
    assert not office.sender.busy()


async def test_a_verdict_costs_the_same_however_much_waits(office: Office) -> None:
    """What is recorded and given back is found by its id, not among all that waits."""
    office.owner.people = people(1500)
    await office.hear(postponed())
    await office.expand()
    pool, now = office.notify.pool, office.notify.clock.now()
    claimed = await queue.claim(pool, now, now + dt.timedelta(minutes=5), Priority.MANY, 8, holder=1)
    ids, numbers = [each.id for each in claimed], [each.number for each in claimed]
    asked: dict[str, tuple[Any, ...]] = {
        queue.FINISH: ([], ids, ids, numbers),
        queue.RELEASE: (ids, numbers, [now] * len(ids)),
    }
    for statement, arguments in asked.items():
        plan = [row[0] for row in await pool.fetch(f"EXPLAIN {statement}", *arguments)]
        reads = [line for line in plan if "Scan" in line and "on message" in line and "Bitmap Heap" not in line]
        assert reads
        assert all("message_pkey" in line for line in reads), reads


async def test_of_a_mailing_only_what_was_not_taken_is_named_in_the_log(office: Office, sink: Sink) -> None:
    bad = office.owner.people[0].email
    sink.say = lambda envelope, stage: "550 5.1.1 no" if stage == "RCPT" and bad in envelope.rcpt_tos else None
    await office.hear(postponed())
    await office.expand()
    with capture_logs() as lines:
        await office.send()
    told = {"message_attempted": ("outcome", "code"), "messages_delivered": ("kind", "messages")}
    assert [tuple(line[name] for name in told[line["event"]]) for line in lines if line["event"] in told] == [
        ("refused", 550),
        ("postponement", 2),
    ]


async def test_editors_see_the_queue_without_addresses(office: Office, sink: Sink) -> None:
    sink.say = lambda _, stage: "450 4.2.0 later" if stage == "RCPT" else None
    await office.tell(postponed())
    reply = await office.notify.ask("GET", "/api/v1/messages?limit=2", who=EDITOR)
    assert reply.status == 200
    assert reply.body["total"] == 3
    assert reply.body["counts"] == [{"kind": "postponement", "status": "waiting", "count": 3}]
    assert reply.body["items"][0]["attempts"] == 1
    assert reply.body["oldest_unsent_at"] is not None
    assert reply.body["open_mailings"] == 0
    assert UUID(reply.body["items"][0]["id"]).version == 5
    assert all(
        person.email not in str(reply.body) and person.name not in str(reply.body) for person in office.owner.people
    )
    rest = await office.notify.ask("GET", f"/api/v1/messages?limit=2&cursor={reply.body['next']}", who=EDITOR)
    assert len(rest.body["items"]) == 1
    none = await office.notify.ask("GET", "/api/v1/messages?status=delivered&kind=postponement", who=EDITOR)
    assert none.body["total"] == 0
    for session_id, total in ((samples.SESSION, 3), ("other", 0)):
        found = await office.notify.ask("GET", f"/api/v1/messages?session_id={session_id}", who=EDITOR)
        assert (found.body["total"], len(found.body["items"])) == (total, total)


async def test_a_long_log_is_not_counted_and_what_ended_long_ago_is_no_part_of_the_numbers(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.tell(postponed())
    delivered = [{"kind": "postponement", "status": "delivered", "count": 3}]
    monkeypatch.setattr("services.notify.messages.COUNTED", 2)
    seen = (await office.notify.ask("GET", "/api/v1/messages?limit=3", who=EDITOR)).body
    assert (seen["total"], len(seen["items"]), seen["counts"]) == (2, 3, delivered)
    office.notify.clock.forward(hours=25)
    seen = (await office.notify.ask("GET", "/api/v1/messages", who=EDITOR)).body
    assert (len(seen["items"]), seen["counts"]) == (3, [])


async def test_the_key_on_a_message_is_the_databases_own(office: Office) -> None:
    await office.hear(postponed())
    await office.expand()
    double = """
    INSERT INTO message (id, mailing_id, kind, channel, person_id, session_id, registration_id, lane, priority, sealed,
                         ready_at, created_at)
    SELECT gen_random_uuid(), mailing_id, kind, channel, person_id, session_id, registration_id, lane, priority, 'x',
           ready_at, created_at FROM message
    """
    connection: Postgres
    async with office.notify.pool.acquire() as connection:
        with pytest.raises(Exception, match="message_once"):
            await connection.execute(double)


async def test_a_claim_reads_in_the_order_of_an_index_while_one_mailing_is_nearly_everything(office: Office) -> None:
    """Statistics that know one mailing only say that nothing is of any other; a claim must not read everything then."""
    now = office.notify.clock.now()
    many = """
    INSERT INTO message (id, mailing_id, kind, channel, person_id, session_id, registration_id, lane, priority, source,
                         ready_at, created_at)
    SELECT gen_random_uuid(), 1, 'postponement', 'email', n::text, 's', n::text, 's/' || n, 1, 'sessions', $1, $1
    FROM generate_series(1, 5000) AS n
    """
    connection: Postgres
    async with office.notify.pool.acquire() as connection:
        await connection.execute(many, now)
        await connection.execute("ANALYZE message")
        plan = await connection.fetch("EXPLAIN " + queue.CLAIM, now, now, Priority.MANY, 100, 1, [])
    assert any("Index Scan using message_unsent" in row[0] for row in plan)
