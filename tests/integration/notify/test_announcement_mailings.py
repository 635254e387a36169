"""Announcements by mail, whole: planned, counted, at their moment, once, corrected, stopped; invitations answered."""

import asyncio
import datetime as dt
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from services.notify import announcement_matter, delivery_log, effects, german, halts, queue, sender
from services.notify.announcement_clock import AnnouncementClock
from services.notify.halts import Halts
from services.notify.kind import Priority
from services.notify.load_content import CONTENT, load
from services.notify.records import PROJECTIONS
from services.notify.sender import Rules
from services.notify.smtp import Connection
from shared.contracts.gateway import PersonErased
from shared.kernel.inbox import Received
from shared.kernel.rebuild import rebuild
from tests.integration.notify.conftest import EDITOR, Notify, Reply
from tests.integration.notify.following import town_of
from tests.integration.notify.known_people import SERIES
from tests.integration.notify.office import Office, Owner
from tests.integration.notify.sink import Mail, Sink, mail_server
from tests.unit.notify import samples

NEWS = "/api/v1/announcements"
ORGANISATION = "0198f0a2-0000-7000-8000-00000000aaaa"
BODY: dict[str, Any] = {
    "kind": "session_announcement",
    "title": "Neue Reihe",
    "teaser": "Kommen Sie!",
    "body": "Mehr dazu.",
    "session_id": samples.SESSION,
}
DAY = dt.timedelta(days=1)


def person(notify: Notify, name: str, *, reached: bool = True) -> str:
    """Somebody, with an address unless nobody reaches them."""
    person_id = str(uuid4())
    if reached:
        notify.people.addresses[person_id] = f"{name}@gemeinde.example"
    return person_id


SUBSCRIBE = """
INSERT INTO subscription (id, person_id, version, subject, key, state, text_version, requested_at)
VALUES ($1, $2, 1, $3, $4, $5, '1', now())
"""
PREFER = "INSERT INTO preference (person_id, kind, channel, rhythm) VALUES ($1, $2, 'email', 'off')"
PAUSE = "INSERT INTO subscriber (person_id, version, paused_until) VALUES ($1, 1, 'infinity')"


async def subscribe(notify: Notify, person_id: str, subject: str, key: str, state: str = "confirmed") -> None:
    await notify.pool.execute(SUBSCRIBE, uuid4(), person_id, subject, key, state)


def text_of(mail: Mail) -> str:
    """Its plain text in one line."""
    plain = mail.parsed.get_body(("plain",))
    assert plain is not None
    return " ".join(plain.get_content().split())


class Desk:
    """An editor, and the parts of the service that send."""

    def __init__(self, notify: Notify, sink: Sink) -> None:
        self.notify, self.sink = notify, sink
        self.office = Office(notify, Owner(samples.session()), sink)
        notify.people.registered[samples.SESSION] = []

    def clock(self) -> AnnouncementClock:
        """A replica's worker."""
        return AnnouncementClock(
            self.notify.journal,
            self.notify.pool,
            self.notify.announcements,
            self.notify.clock,
            dt.timedelta(days=7),
            lambda: None,
            Halts(self.notify.pool),
        )

    async def work(self) -> None:
        """Everything that is due is done, and sent."""
        while await self.clock().step():
            pass
        await halts.follow(self.notify.pool, self.notify.clock.now())
        await self.office.expand()
        await self.office.send()

    async def draft(self, **changes: Any) -> str:
        reply = await self.notify.edit("POST", NEWS, BODY | changes)
        assert reply.status == 201, reply
        return str(reply.body["id"])

    async def put(self, announcement_id: str, what: str, body: Any) -> Reply:
        page = f"{NEWS}/{announcement_id}"
        etag = (await self.notify.edit("GET", page)).headers["ETag"]
        method = "DELETE" if body is None else "PUT"
        return await self.notify.edit(method, f"{page}/{what}", body, If_Match=etag)

    async def planned(self, audience: dict[str, Any], words: dict[str, Any] | None = None, **changes: Any) -> str:
        announcement_id = await self.draft(**changes)
        reply = await self.put(announcement_id, "mailing", {"audience": audience, **(words or {})})
        assert reply.status == 200, reply
        return announcement_id

    async def count(self, announcement_id: str, body: Any = None) -> dict[str, Any]:
        reply = await self.notify.edit("POST", f"{NEWS}/{announcement_id}/audience-counts", body)
        assert reply.status == 200, reply
        return dict(reply.body)

    async def post(self, announcement_id: str, what: str, body: Any = None, **headers: str) -> Reply:
        return await self.notify.edit("POST", f"{NEWS}/{announcement_id}/{what}", body, **headers)

    async def publish(self, announcement_id: str) -> dict[str, Any]:
        counted = await self.count(announcement_id)
        reply = await self.post(announcement_id, "publications", {"recipients": counted["total"]})
        assert reply.status == 200, reply
        return counted

    async def mailed(self, audience: dict[str, Any], **changes: Any) -> str:
        announcement_id = await self.planned(audience, **changes)
        await self.publish(announcement_id)
        await self.work()
        return announcement_id

    async def shown(self, announcement_id: str) -> dict[str, Any]:
        return dict((await self.notify.edit("GET", f"{NEWS}/{announcement_id}/mailing")).body)

    def recipients(self) -> list[str]:
        return sorted(mail.recipient for mail in self.sink.mails)


@pytest.fixture
async def desk(notify: Notify) -> AsyncIterator[Desk]:
    async with mail_server() as sink:
        yield Desk(notify, sink)


async def everybody(desk: Desk) -> dict[str, Any]:
    """An audience of all parts; whom it reaches is called so."""
    notify = desk.notify
    by_topic, by_place, twice = person(notify, "topic"), person(notify, "place"), person(notify, "twice")
    guest, came, member = person(notify, "guest"), person(notify, "came"), person(notify, "member")
    await subscribe(notify, by_topic, "topic", "treasury")
    await subscribe(notify, twice, "topic", "treasury")
    await subscribe(notify, twice, "series", SERIES)
    await subscribe(notify, by_place, "municipality", "05334002")
    await subscribe(notify, person(notify, "no-topic"), "topic", "works_depot")
    await subscribe(notify, person(notify, "no-confirmation"), "topic", "treasury", "requested")
    silent, paused = person(notify, "no-mails"), person(notify, "no-pause")
    broken, gone = person(notify, "no-mailbox"), person(notify, "no-address", reached=False)
    for each in (silent, paused, broken, gone):
        await subscribe(notify, each, "kind", "session_announcement")
    await notify.pool.execute(PREFER, silent, "announcement")
    await notify.pool.execute(PAUSE, paused)
    notify.people.suppressed.add("no-mailbox@gemeinde.example")
    notify.people.registered[samples.SESSION] = [guest, twice]
    notify.people.attended[samples.SESSION] = [came, twice]
    notify.people.organisations["district"] = [ORGANISATION]
    notify.people.members[ORGANISATION] = [member, twice]
    return {
        "kinds": ["session_announcement"],
        "topics": ["treasury"],
        "series": [SERIES],
        "municipalities": ["05334002"],
        "registrants": [samples.SESSION],
        "attendees": [samples.SESSION],
        "organisation_types": ["district"],
    }


async def test_who_is_counted_is_who_gets_it_once(desk: Desk) -> None:
    announcement_id = await desk.planned(await everybody(desk))
    counted = await desk.publish(announcement_id)
    assert {each["part"]: each["count"] for each in counted["parts"]} == {
        "kinds": 4, "topics": 2, "series": 1, "municipalities": 1, "registrants": 2, "attendees": 2,
        "organisation_types": 2,
    }  # fmt: skip
    assert counted["excluded"] == {"unsubscribed": 1, "paused": 1, "suppressed": 1, "unreachable": 1}
    assert (counted["found"], counted["total"]) == (10, 6)
    desk.office.sender = replace(desk.office.sender, rules=Rules(suppressed=desk.notify.people.owners.suppressed))
    await desk.work()
    await desk.work()
    expected = ["came", "guest", "member", "place", "topic", "twice"]
    assert desk.recipients() == [f"{name}@gemeinde.example" for name in expected]
    (mailing,) = (await desk.shown(announcement_id))["mailings"]
    assert (mailing["state"], mailing["delivered"], mailing["waiting"]) == ("done", 6, 0)


async def test_who_subscribed_to_what_was_merged_is_in_the_audience_of_what_it_went_into(desk: Desk) -> None:
    notify = desk.notify
    await subscribe(notify, person(notify, "before"), "topic", "cash_office")
    await subscribe(notify, person(notify, "long-before"), "topic", "till")
    merged = "INSERT INTO merged_topic (topic, into_topic) VALUES ('cash_office', 'treasury'), ('till', 'cash_office')"
    await notify.pool.execute(merged)
    announcement_id = await desk.planned({"topics": ["treasury"]})
    counted = await desk.publish(announcement_id)
    await desk.work()
    assert (counted["parts"][0]["count"], counted["total"]) == (2, 2)
    assert desk.recipients() == ["before@gemeinde.example", "long-before@gemeinde.example"]


async def test_a_mail_can_be_unsubscribed_and_says_why_it_came(desk: Desk) -> None:
    guest = person(desk.notify, "guest")
    desk.notify.people.registered[samples.SESSION] = [guest]
    await desk.mailed({"registrants": [samples.SESSION]})
    (mail,) = desk.sink.mails
    assert mail.subject == BODY["title"]
    assert mail.parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = f"{samples.PORTAL}/abbestellen/"
    assert link in mail.parsed["List-Unsubscribe"]
    said = text_of(mail)
    assert "weil Sie für eine Veranstaltung angemeldet sind" in said
    assert samples.TITLE in said
    assert not [part for part in mail.parsed.walk() if part.get_content_type() == "text/calendar"]


async def test_nothing_is_published_before_it_was_counted_or_when_it_changed(desk: Desk) -> None:
    people = [person(desk.notify, f"p{number}") for number in range(20)]
    desk.notify.people.registered[samples.SESSION] = people[:4]
    announcement_id = await desk.planned({"registrants": [samples.SESSION]})
    assert (await desk.post(announcement_id, "publications")).code == "409 recipients_not_counted"
    desk.notify.people.registered[samples.SESSION] = people
    changed = await desk.post(announcement_id, "publications", {"recipients": 4})
    assert changed.code == "409 audience_changed"
    assert "20 statt 4" in changed.body["detail"]
    desk.notify.people.down = True
    assert (await desk.post(announcement_id, "publications", {"recipients": 20})).code == "503 unavailable"
    desk.notify.people.down = False
    key = {"Idempotency_Key": "once"}
    first = await desk.post(announcement_id, "publications", {"recipients": 20}, **key)
    desk.notify.people.registered[samples.SESSION] = []
    again = await desk.post(announcement_id, "publications", {"recipients": 20}, **key)
    assert (first.status, first.body) == (200, again.body)


async def test_a_draft_without_a_plan_is_mailed_to_nobody(desk: Desk) -> None:
    announcement_id = await desk.draft()
    assert (await desk.post(announcement_id, "publications")).status == 200
    await desk.work()
    assert desk.sink.mails == []
    assert (await desk.shown(announcement_id))["mailings"] == []


async def test_several_replicas_at_the_moment_publish_and_mail_once(desk: Desk) -> None:
    notify, guest = desk.notify, person(desk.notify, "guest")
    notify.people.registered[samples.SESSION] = [guest]
    announcement_id = await desk.planned({"registrants": [samples.SESSION]})
    moment = notify.clock.now() + DAY
    body = {"publish_at": moment.isoformat(), "recipients": 1}
    assert (await desk.put(announcement_id, "schedule", body)).status == 200
    plan = {"audience": {"topics": ["treasury"]}}
    assert (await desk.put(announcement_id, "mailing", plan)).code == "409 announcement_scheduled"
    await desk.work()
    assert (await notify.edit("GET", f"{NEWS}/{announcement_id}")).body["status"] == "drafted"

    notify.clock.forward(days=1)
    await asyncio.gather(*(desk.clock().step() for _ in range(4)))
    await asyncio.gather(*(desk.clock().step() for _ in range(4)))
    shown = (await notify.ask("GET", f"{NEWS}/{announcement_id}")).body
    assert (shown["published_on"], shown["publish_at"]) == ("2025-07-02", None)
    assert await notify.pool.fetchval("SELECT count(*) FROM journal WHERE type = 'AnnouncementPublished'") == 1
    assert await notify.pool.fetchval("SELECT count(*) FROM mailing") == 1
    await desk.work()
    assert desk.recipients() == ["guest@gemeinde.example"]
    (row,) = await notify.pool.fetch("SELECT m.id, g.cause FROM message m JOIN mailing g ON g.id = m.mailing_id")
    (again,) = queue.message_ids([guest], row["cause"], moment, "announcement")
    assert row["id"].hex == again, "a restored database that does it again writes the same message"


async def test_a_moment_is_moved_and_given_up(desk: Desk) -> None:
    notify = desk.notify
    announcement_id = await desk.draft()
    page = f"{NEWS}/{announcement_id}"
    for day, clock, code in (("2025-06-01", "08:00", "schedule_in_past"), ("2027-03-28", "02:30", "no_such_time")):
        assert (await desk.put(announcement_id, "schedule", {"day": day, "time": clock})).code == f"409 {code}"
    for body in ({}, {"day": "2027-03-29"}, {"publish_at": "2027-03-29T08:00:00"}, {"day": "x", "time": "08:00"}):
        assert (await desk.put(announcement_id, "schedule", body)).code == "422 invalid_request", body
    for day, moment in (("2025-07-02", "2025-07-02T06:00:00Z"), ("2025-12-01", "2025-12-01T07:00:00Z")):
        assert (await desk.put(announcement_id, "schedule", {"day": day, "time": "08:00"})).status == 200
        assert (await notify.edit("GET", page)).body["publish_at"] == moment
    notify.clock.forward(days=30)
    await desk.work()
    assert (await notify.edit("GET", page)).body["status"] == "drafted"
    assert (await desk.put(announcement_id, "schedule", None)).status == 200
    notify.clock.forward(days=200)
    await desk.work()
    assert (await notify.edit("GET", page)).body["status"] == "drafted"


async def test_a_correction_goes_to_those_who_got_it_and_only_by_choice(desk: Desk) -> None:
    notify = desk.notify
    notify.people.registered[samples.SESSION] = [person(notify, "guest")]
    announcement_id = await desk.mailed({"registrants": [samples.SESSION]})
    late = person(notify, "late")
    notify.people.registered[samples.SESSION].append(late)
    silent = BODY | {"title": "Neuer Titel", "note": "Der Titel war falsch."}
    assert (await desk.post(announcement_id, "corrections", silent)).status == 200
    await desk.work()
    assert len(desk.sink.mails) == 1
    loud = BODY | {"title": "Letzter Titel", "note": "Der Ort war falsch.", "mail": True}
    assert (await desk.post(announcement_id, "corrections", loud)).status == 200
    await desk.work()
    assert [(mail.recipient, mail.subject) for mail in desk.sink.mails[1:]] == [
        ("guest@gemeinde.example", "Berichtigung: Letzter Titel")
    ]
    assert [each["purpose"] for each in (await desk.shown(announcement_id))["mailings"]] == [
        "announcement",
        "correction",
    ]
    other = await desk.draft()
    await desk.post(other, "publications")
    assert (await desk.post(other, "corrections", loud)).code == "409 announcement_not_mailed"


@pytest.mark.parametrize("what", ["mailing-stops", "withdrawals"])
async def test_what_is_stopped_in_the_middle_goes_to_nobody_more(
    desk: Desk, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "BATCH", 20)
    notify = desk.notify
    notify.people.registered[samples.SESSION] = [person(notify, f"p{number:02}") for number in range(60)]
    announcement_id = await desk.planned({"registrants": [samples.SESSION]})
    await desk.publish(announcement_id)
    while await desk.clock().step():
        pass
    await desk.office.expand()
    connection = Connection(desk.office.sender.host)
    await desk.office.sender.batch(connection, max(Priority))
    sent = len(desk.sink.mails)
    assert 0 < sent < 60
    assert (await desk.post(announcement_id, what, {"reason": "Falscher Text"})).status == 200
    await desk.office.sender.batch(connection, max(Priority))  # before the worker has come to it
    await connection.quit()
    await desk.work()
    assert len(desk.sink.mails) == sent
    (mailing,) = (await desk.shown(announcement_id))["mailings"]
    assert (mailing["state"], mailing["delivered"], mailing["waiting"]) == ("stopped", sent, 0)
    assert mailing["not_delivered"] == 60 - sent


async def test_what_is_withdrawn_before_it_goes_out_is_never_sent(desk: Desk) -> None:
    notify = desk.notify
    notify.people.registered[samples.SESSION] = [person(notify, "guest")]
    announcement_id = await desk.planned({"registrants": [samples.SESSION]})
    await desk.publish(announcement_id)
    await desk.post(announcement_id, "withdrawals", {"reason": "doppelt"})
    await desk.work()
    assert desk.sink.mails == []
    assert await notify.pool.fetchval("SELECT count(*) FROM mailing") == 0


async def test_previews_show_the_mail_and_a_test_goes_to_the_editor_alone(desk: Desk) -> None:
    notify = desk.notify
    editor = person(notify, "editor")
    words = {"subject": "<b>Ein</b> Betreff", "text": "<script>alert(1)</script>"}
    announcement_id = await desk.planned({"topics": ["treasury"]}, words)
    preview = (await desk.post(announcement_id, "previews")).body
    assert preview["subject"] == words["subject"]
    assert words["text"] in preview["text"]
    assert "&lt;script&gt;" in preview["html"]
    page = await notify.edit("GET", f"{NEWS}/{announcement_id}/mail.html")
    assert page.body.decode() == preview["html"]
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]

    assert (await desk.post(announcement_id, "test-mails")).code == "409 own_address_unknown"
    notify.people.signed_in[EDITOR.actor] = editor
    for _ in range(2):
        assert (await desk.post(announcement_id, "test-mails", Idempotency_Key="t")).status == 202
    await desk.work()
    assert [(mail.recipient, mail.subject) for mail in desk.sink.mails] == [
        ("editor@gemeinde.example", f"Probe: {words['subject']}")
    ]
    assert samples.TITLE in text_of(desk.sink.mails[0])
    assert (await notify.ask("POST", f"{NEWS}/{announcement_id}/test-mails")).code == "401 unauthenticated"


async def test_an_audience_of_what_there_is_not_is_refused_by_field(desk: Desk) -> None:
    announcement_id = await desk.draft()
    for audience, code, pointer in (
        ({"topics": ["treasury", "astrology"]}, "unknown_topic", "/audience/topics/1"),
        ({"kinds": ["saved_search_digest"]}, "unknown_kind", "/audience/kinds/0"),
        ({"municipalities": ["05999999"]}, "unknown_municipality", "/audience/municipalities/0"),
        ({"districts": ["05999"]}, "unknown_district", "/audience/districts/0"),
        ({"series": [str(uuid4())]}, "unknown_series", "/audience/series/0"),
        ({"attendees": [str(uuid4())]}, "unknown_session", "/audience/attendees/0"),
        ({"organisation_types": ["castle"]}, "unknown_organisation_type", "/audience/organisation_types/0"),
        ({}, "audience_missing", "/audience"),
    ):
        reply = await desk.put(announcement_id, "mailing", {"audience": audience})
        assert reply.code == f"409 {code}", reply
        assert reply.body["errors"][0]["field"] == pointer
    shapes: list[Any] = [{"topics": "treasury"}, {"people": []}, {"municipalities": ["5"]}, {"topics": ["a"] * 51}]
    for shape in shapes:
        assert (await desk.put(announcement_id, "mailing", {"audience": shape})).status == 422
    wrong = {"audience": {"topics": ["treasury"]}, "subject": "Zwei\nZeilen"}
    assert (await desk.put(announcement_id, "mailing", wrong)).body["errors"][0]["field"] == "/subject"


def link_of(mail: Mail) -> str:
    found = re.search(rf"{samples.PORTAL}/einladung/([A-Za-z0-9_-]+)", text_of(mail))
    assert found is not None
    return found[1]


async def test_an_invitation_has_a_link_for_each_and_reminds_only_who_has_not_answered(desk: Desk) -> None:
    notify = desk.notify
    comes, declines, waits = (person(notify, name) for name in ("comes", "declines", "waits"))
    for each in (comes, declines, waits):
        await subscribe(notify, each, "topic", "treasury")
    announcement_id = await desk.mailed({"topics": ["treasury"]}, kind="invitation")
    tokens = {mail.recipient.split("@")[0]: link_of(mail) for mail in desk.sink.mails}
    assert len(set(tokens.values())) == 3
    assert await notify.pool.fetchval("SELECT bool_and(expires_at = $1) FROM message", samples.OLD.starts_at)
    kept = await notify.pool.fetch("SELECT row_to_json(i)::text AS row FROM invited i")
    assert not [token for token in tokens.values() for row in kept if token in row["row"]]

    path = f"/internal/invitations/{tokens['comes']}"
    shown = (await notify.ask("GET", path)).body
    assert (shown["person_id"], shown["session_id"], shown["answer"]) == (comes, samples.SESSION, None)
    assert await notify.pool.fetchval("SELECT count(*) FROM invited_answer") == 0
    for _ in range(2):
        assert (await notify.ask("POST", f"{path}/acceptances")).status == 200
    assert (await notify.ask("POST", f"/internal/invitations/{tokens['declines']}/declines")).status == 200
    assert (await notify.ask("GET", f"/internal/invitations/{'x' * 24}")).code == "404 not_found"
    counts = (await desk.shown(announcement_id))["invitations"]
    assert counts == {"invited": 3, "accepted": 1, "declined": 1}

    notify.clock.forward(days=2)
    for _ in range(2):
        assert (await desk.post(announcement_id, "reminders")).status == 200
    await desk.work()
    (reminder,) = desk.sink.mails[3:]
    assert (reminder.recipient, reminder.subject) == ("waits@gemeinde.example", "Erinnerung: Neue Reihe")
    assert link_of(reminder) == tokens["waits"]
    await desk.post(announcement_id, "withdrawals", {"reason": "x"})
    assert (await notify.ask("GET", f"/internal/invitations/{tokens['waits']}")).code == "404 not_found"


async def test_reminders_and_corrections_say_why_the_first_mail_came(desk: Desk) -> None:
    notify = desk.notify
    notify.people.organisations["association"], notify.people.members[ORGANISATION] = [ORGANISATION], []
    notify.people.members[ORGANISATION].append(person(notify, "member"))
    announcement_id = await desk.mailed({"organisation_types": ["association"]}, kind="invitation")
    await desk.post(announcement_id, "reminders")
    loud = BODY | {"kind": "invitation", "title": "Neuer Titel", "note": "Der Titel war falsch.", "mail": True}
    assert (await desk.post(announcement_id, "corrections", loud)).status == 200
    await desk.work()
    assert [mail.subject.split(":")[0] for mail in desk.sink.mails[1:]] == ["Erinnerung", "Berichtigung"]
    assert ["weil Ihre Stelle am Portal beteiligt ist" in text_of(mail) for mail in desk.sink.mails] == [True] * 3


async def test_who_is_registered_by_another_way_is_not_reminded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcement_matter, "REGISTRANTS", 2)
    notify = desk.notify
    people = {name: person(notify, name) for name in ("waits", "comes", "came")}
    for each in people.values():
        await subscribe(notify, each, "topic", "treasury")
    announcement_id = await desk.mailed({"topics": ["treasury"]}, kind="invitation")
    others = [person(notify, f"other{number}") for number in range(5)]
    notify.people.registered[samples.SESSION] = [people["comes"], people["came"], *others]
    await desk.post(announcement_id, "reminders")
    await desk.work()
    assert [mail.recipient for mail in desk.sink.mails[3:]] == ["waits@gemeinde.example"]


async def test_who_was_not_invited_because_it_was_stopped_is_not_reminded(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "BATCH", 1)
    notify = desk.notify
    for name in ("first", "second", "third"):
        await subscribe(notify, person(notify, name), "topic", "treasury")
    announcement_id = await desk.planned({"topics": ["treasury"]}, kind="invitation")
    await desk.publish(announcement_id)
    while await desk.clock().step():
        pass
    await desk.office.expand()
    connection = Connection(desk.office.sender.host)
    await desk.office.sender.batch(connection, max(Priority))
    await connection.quit()
    (invited,) = desk.recipients()
    await desk.post(announcement_id, "mailing-stops", {"reason": "Falscher Text"})
    await desk.work()
    assert (await desk.shown(announcement_id))["invitations"]["invited"] == 1
    loud = BODY | {"kind": "invitation", "title": "Richtiger Titel", "note": "Der Text war falsch.", "mail": True}
    assert (await desk.post(announcement_id, "corrections", loud)).status == 200
    assert (await desk.post(announcement_id, "reminders")).status == 200
    await desk.work()
    assert [(mail.recipient, mail.subject.split(":")[0]) for mail in desk.sink.mails[1:]] == [
        (invited, "Berichtigung"),
        (invited, "Erinnerung"),
    ]


@pytest.mark.parametrize("status", ["cancelled", "held", "drafted"])
async def test_nobody_is_invited_to_what_will_not_take_place(desk: Desk, status: str) -> None:
    notify = desk.notify
    for name in ("one", "two"):
        await subscribe(notify, person(notify, name), "topic", "treasury")
    announcement_id = await desk.planned({"topics": ["treasury"]}, kind="invitation")
    await desk.publish(announcement_id)
    while await desk.clock().step():
        pass
    await desk.office.expand()
    notify.people.sessions[samples.SESSION] = samples.session(status=status)
    await desk.office.send()
    await desk.post(announcement_id, "reminders")
    await desk.work()
    assert desk.sink.mails == []
    first, reminder = (await desk.shown(announcement_id))["mailings"]
    assert (first["state"], first["not_delivered"], reminder["state"]) == ("done", 2, "done")


async def test_a_mail_that_waited_says_when_the_session_is_by_now(desk: Desk) -> None:
    notify = desk.notify
    notify.people.registered[samples.SESSION] = [person(notify, "guest")]
    announcement_id = await desk.planned({"registrants": [samples.SESSION]})
    await desk.publish(announcement_id)
    while await desk.clock().step():
        pass
    await desk.office.expand()
    notify.people.sessions[samples.SESSION] = moved = samples.session(**samples.dated(samples.NEW))
    await desk.office.send()
    (mail,) = desk.sink.mails
    assert f"Termin: {german.span(moved)}" in text_of(mail)


async def test_nobody_is_invited_to_a_session_that_there_is_not(desk: Desk) -> None:
    announcement_id = await desk.draft(kind="invitation", session_id=str(uuid4()))
    reply = await desk.put(announcement_id, "mailing", {"audience": {"topics": ["treasury"]}})
    assert (reply.code, reply.body["errors"][0]["field"]) == ("409 unknown_session", "/session_id")


@pytest.mark.parametrize("body", [
    {"publish_at": "9999-12-31T23:59:59-14:00"}, {"publish_at": "0001-01-01T00:00:00+14:00"},
    {"day": "0001-01-01", "time": "00:00"}, {"day": "9999-12-31", "time": "23:59"},
])  # fmt: skip
async def test_a_moment_beyond_all_calendars_is_none(desk: Desk, body: dict[str, str]) -> None:
    assert (await desk.put(await desk.draft(), "schedule", body)).code == "422 invalid_request"


async def test_what_the_log_does_not_reach_any_more_does_not_look_as_if_it_were_still_to_come(desk: Desk) -> None:
    notify = desk.notify
    notify.people.registered[samples.SESSION] = [person(notify, "guest")]
    announcement_id = await desk.mailed({"registrants": [samples.SESSION]})
    notify.clock.forward(days=100)
    await notify.pool.execute("UPDATE message SET reported = true")
    await delivery_log.forget(notify.pool, notify.clock.now() - 90 * DAY, 1000)
    await desk.work()
    assert [each["state"] for each in (await desk.shown(announcement_id))["mailings"]] == ["past"]
    assert len(desk.sink.mails) == 1


async def test_that_it_is_mailed_once_more_does_not_change_an_announcement(desk: Desk) -> None:
    notify = desk.notify
    await subscribe(notify, person(notify, "waits"), "topic", "treasury")
    announcement_id = await desk.mailed({"topics": ["treasury"]}, kind="invitation")
    before = (await notify.ask("GET", f"{NEWS}.json")).body["items"]
    notify.clock.forward(hours=1)
    assert (await desk.post(announcement_id, "reminders")).status == 200
    assert (await desk.post(announcement_id, "mailing-stops", {"reason": "x"})).status == 200
    assert (await notify.ask("GET", f"{NEWS}.json")).body["items"] == before


async def test_who_answers_while_a_reminder_waits_is_not_reminded(desk: Desk) -> None:
    notify = desk.notify
    await subscribe(notify, person(notify, "waits"), "topic", "treasury")
    announcement_id = await desk.mailed({"topics": ["treasury"]}, kind="invitation")
    await desk.post(announcement_id, "reminders")
    while await desk.clock().step():
        pass
    await desk.office.expand()
    await notify.ask("POST", f"/internal/invitations/{link_of(desk.sink.mails[0])}/declines")
    await desk.office.send()
    assert len(desk.sink.mails) == 1


async def test_who_unsubscribes_while_a_mail_waits_does_not_get_it(desk: Desk) -> None:
    notify = desk.notify
    stays, goes = person(notify, "stays"), person(notify, "goes")
    notify.people.registered[samples.SESSION] = [stays, goes]
    announcement_id = await desk.planned({"registrants": [samples.SESSION]})
    counted = await desk.count(announcement_id)
    publishing = [desk.post(announcement_id, "publications", {"recipients": counted["total"]}) for _ in range(4)]
    assert [reply.status for reply in await asyncio.gather(*publishing)] == [200] * 4
    while await desk.clock().step():
        pass
    await desk.office.expand()
    await notify.pool.execute(PREFER, goes, "announcement")
    await desk.work()
    assert desk.recipients() == ["stays@gemeinde.example"]
    reasons = await notify.pool.fetch("SELECT reason FROM message WHERE state = 'withheld'")
    assert [row["reason"] for row in reasons] == ["outdated"]


async def test_an_erased_person_is_no_longer_invited(desk: Desk) -> None:
    notify = desk.notify
    waits = person(notify, "waits")
    await subscribe(notify, waits, "topic", "treasury")
    await desk.mailed({"topics": ["treasury"]}, kind="invitation")
    token = link_of(desk.sink.mails[0])
    await notify.ask("POST", f"/internal/invitations/{token}/declines")
    (effect,) = effects.of_gateway(notify.vault)
    gone = Received(
        data=PersonErased(person_id=waits), id="person-x@2", type=PersonErased.type, aggregate="person/x",
        aggregate_version=1, position=1, time=notify.clock.now(), recorded_at=notify.clock.now(), history=False,
        live=True, correlation_id="c" * 32, traceparent=None,
    )  # fmt: skip
    async with notify.pool.acquire() as connection, connection.transaction():
        await effect.apply(connection, [gone])
    for projection in PROJECTIONS:
        await rebuild(notify.dsn, notify.journal, projection)
    for table in ("invited", "invited_answer", "message"):
        rows = await notify.pool.fetch(f"SELECT row_to_json(t)::text AS row FROM {table} t")
        assert not [row for row in rows if waits in row["row"]], table
    assert (await notify.ask("GET", f"/internal/invitations/{token}")).code == "404 not_found"


async def test_neither_history_nor_a_rebuild_nor_a_jump_of_the_clock_mails_anybody(desk: Desk) -> None:
    notify = desk.notify
    await load(notify.journal, CONTENT, notify.clock.now(), lambda _: None)
    notify.people.registered[samples.SESSION] = [person(notify, "guest")]
    await desk.mailed({"registrants": [samples.SESSION]})
    before = [dict(row) for row in await notify.pool.fetch("SELECT * FROM announcement_mailing")]
    for projection in PROJECTIONS:
        await rebuild(notify.dsn, notify.journal, projection)
    assert [dict(row) for row in await notify.pool.fetch("SELECT * FROM announcement_mailing")] == before
    for days in (0, -1, 8):
        notify.clock.forward(days=days)
        await desk.work()
    assert desk.recipients() == ["guest@gemeinde.example"]


async def test_feeds_show_corrections_and_what_was_withdrawn_and_are_not_sent_twice(desk: Desk) -> None:
    notify = desk.notify
    stays, goes, dropped = [await desk.draft(title=title) for title in ("Bleibt", "Geht", "Nie gesehen")]
    for each in (stays, goes):
        await desk.post(each, "publications")
    at_once = await notify.ask("GET", f"{NEWS}.atom")
    assert "Last-Modified" not in at_once.headers, "what else changes in this second would have the same date"
    notify.clock.forward(seconds=1)
    first = await notify.ask("GET", f"{NEWS}.atom")
    assert first.headers["Content-Type"] == "application/atom+xml; charset=utf-8"
    since, tag = first.headers["Last-Modified"], first.headers["ETag"]
    assert (await notify.ask("GET", f"{NEWS}.atom", If_Modified_Since=since)).status == 304
    assert (await notify.ask("GET", f"{NEWS}.atom", If_None_Match=tag)).status == 304
    notify.clock.forward(hours=1)
    corrected = BODY | {"title": "Bleibt doch", "note": "Der Titel war falsch."}
    await desk.post(stays, "corrections", corrected)
    for each in (goes, dropped):
        await desk.post(each, "withdrawals", {"reason": "x"})
    assert (await notify.ask("GET", f"{NEWS}.atom", If_Modified_Since=since)).status == 200
    assert (await notify.ask("GET", f"{NEWS}.atom", If_None_Match=tag)).status == 200
    text = (await notify.ask("GET", f"{NEWS}.atom")).body.decode()
    assert "Der Titel war falsch." in text
    assert f'ref="urn:uuid:{goes}" when="2025-07-01T09:00:01+00:00"' in text
    assert dropped not in text
    feed = (await notify.ask("GET", f"{NEWS}.json?kind=session_announcement")).body
    assert [item["title"] for item in feed["items"]] == ["Bleibt doch"]
    assert (await notify.ask("GET", f"{NEWS}.json?kind=news")).body["items"] == []
    assert (await notify.ask("GET", f"{NEWS}.atom?kind=party")).code == "422 invalid_query"


async def test_who_wants_digests_reads_an_announcement_there_and_its_correction_afterwards(desk: Desk) -> None:
    async with town_of(desk.notify) as town:
        await desk.notify.pool.execute("INSERT INTO merged_topic VALUES ('taxes', 'treasury')")
        anna = await town.person("anna", "topic:taxes", "kind:announcement", rhythm="daily")
        bela = await town.person("bela", "topic:treasury")
        cora = await town.person("cora", "topic:treasury", rhythm="weekly")
        await town.subscribe(cora, f"series:{SERIES}", "immediate")
        for name, each in {"anna": anna, "bela": bela, "cora": cora}.items():
            desk.notify.people.addresses[each] = f"{name}@rathaus.example"
        desk.notify.people.registered[samples.SESSION] = [anna]
        audience = {"topics": ["treasury"], "series": [SERIES], "registrants": [samples.SESSION]}
        announcement_id = await desk.mailed(audience, session_id=None, kind="news")
        assert desk.recipients() == ["bela@rathaus.example", "cora@rathaus.example"]
        await town.heard()
        desk.notify.clock.forward(minutes=1)
        await town.office.expand()
        assert await town.told() == [], "nobody is told twice"
        desk.notify.clock.forward(days=1)
        assert await town.close() == ["anna"]
        assert "Meldung: Neue Reihe" in text_of(town.last())
        desk.sink.mails.clear()
        said = {"kind": "news", "session_id": None, "title": "Neuer Titel"}
        correction = BODY | said | {"note": "Der Titel war falsch.", "mail": True}
        assert (await desk.post(announcement_id, "corrections", correction)).status == 200
        await desk.work()
        assert desk.recipients() == ["anna@rathaus.example", "bela@rathaus.example", "cora@rathaus.example"]


async def test_what_is_stopped_or_withdrawn_is_in_no_digest(desk: Desk) -> None:
    async with town_of(desk.notify) as town:
        anna = await town.person("anna", "topic:treasury", rhythm="daily")
        desk.notify.people.addresses[anna] = "anna@rathaus.example"
        for ending in ("mailing-stops", "withdrawals"):
            announcement_id = await desk.mailed({"topics": ["treasury"]}, session_id=None, kind="news")
            assert (await desk.post(announcement_id, ending, {"reason": "Falsch"})).status == 200
        await desk.work()
        await town.heard()
        desk.notify.clock.forward(days=1)
        await town.office.expand()
        assert await town.close() == []
    assert desk.recipients() == []
