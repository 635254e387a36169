"""What comes back, by mailbox and by report: it counts once, and nothing is sent any more where nothing arrives."""

import asyncio
import base64
import datetime as dt
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.notify import bounces, delivery_log, suppression_list
from services.notify.counting import GOOD_AFTER, Counting
from services.notify.mailbox_reader import MailboxReader
from services.notify.mailboxes import Account, Trouble
from services.notify.reports import Reports
from services.notify.returned_mail import Reader
from shared.contracts import notify as contracts
from shared.kernel.health import Health
from shared.kernel.identity import ANONYMOUS, Identity
from shared.kernel.wakeup import Waiter, Wakeup
from tests.integration.notify.conftest import MARKS, REPORT_SECRET, Notify
from tests.integration.notify.mailbox_servers import PASSWORD, USER, MailServer, mailbox_server
from tests.unit.notify.returns import ADDRESSES, DOMAIN, EXIM, MESSAGE, QMAIL, WHO, complaint, letter, report

MAILING = """
INSERT INTO mailing (cause, recorded_at, kind, type, data, priority, happened_at, correlation_id, created_at, state,
                     ready_at, session)
VALUES ($1, $2, 'postponement', 'ikz.events.session.postponed.v1', '{}', 1, $2, 'c', $2, 'expanded', $2, $3)
RETURNING id
"""
MESSAGE_ROW = """
INSERT INTO message (id, mailing_id, kind, channel, person_id, lane, priority, state, attempts, ready_at, created_at,
                     finished_at, address_mark, reported, calendar)
VALUES ($1, $2, 'postponement', 'email', $3, $4, 1, $5, 1, $6, $6, $7, $8, $9, $10)
"""
ATTEMPT = """
INSERT INTO attempt (message_id, number, at, outcome, code, status, took_ms, host) VALUES ($1, 1, $2, $3, $4, $5, 3, $6)
"""
WHEN = dt.timedelta(minutes=1)
PERSON = "0198f0a2-0000-7000-8000-0000000000e1"


class Post:
    """The part of the service that deals with what comes back."""

    def __init__(self, notify: Notify, server: MailServer) -> None:
        self.notify, self.server = notify, server
        self.reports = Reports(notify.pool, notify.journal, Waiter())
        self.counting = Counting(notify.pool, notify.journal, notify.clock, Waiter(), Wakeup())
        self.use("pop3")

    def use(self, protocol: str, **changes: Any) -> None:
        account = Account(
            protocol="pop3" if protocol.startswith("pop3") else "imap",
            security="tls" if protocol.endswith("s") else "offered",
            host="127.0.0.1",
            port=getattr(self.server, protocol),
            username=USER,
            password=PASSWORD,
            trusted=self.server.trusted,
        )
        self.reader = MailboxReader(
            pool=self.notify.pool,
            dsn=self.notify.dsn,
            mailbox=replace(account, **changes).mailbox,
            reader=Reader(DOMAIN, ADDRESSES),
            clock=self.notify.clock,
            health=Health(),
            every=60,
            taken=lambda: None,
        )

    async def sent(
        self,
        message_id: UUID = MESSAGE,
        state: str = "delivered",
        *,
        address: str = WHO,
        reported: bool = False,
        calendar: str | None = None,
        session: Any = None,
    ) -> str:
        """A message that was handed over a minute ago, or is on its way."""
        at = self.notify.clock.now() - WHEN
        pool = self.notify.pool
        mailing = await pool.fetchval(MAILING, f"session-{uuid4()}@1", at, session)
        finished = at if state in ("delivered", "bounced") else None
        mark = MARKS.of(address)
        await pool.execute(
            MESSAGE_ROW, message_id, mailing, PERSON, str(message_id), state, at, finished, mark, reported, calendar
        )
        await pool.execute(ATTEMPT, message_id, at, "delivered" if finished else "deferred", 250, "2.0.0", None)
        return str(message_id)

    async def looks(self) -> None:
        """The mailbox is read, and everything follows from it."""
        await self.reader.look()
        await self.follow()

    async def follow(self) -> None:
        await bounces.settle(self.notify.pool)
        while await self.reports.step():
            pass

    async def end(self, message_id: object = MESSAGE) -> tuple[str, str | None, str | None]:
        row = await self.notify.pool.fetchrow("SELECT state, reason, status FROM message WHERE id = $1", message_id)
        assert row is not None
        return row["state"], row["reason"], row["status"]

    async def suppressed(self, address: str = WHO) -> bool:
        mark = MARKS.of(address)
        return mark in await suppression_list.suppressed(self.notify.pool, [mark, uuid4()], self.notify.clock.now())

    async def said(self) -> list[str]:
        return [row["said"] for row in await self.notify.pool.fetch("SELECT said FROM bounce ORDER BY said")]

    async def contracts(self, kind: type[contracts.MessageBounced]) -> int:
        events = [each.event for each in await self.notify.journal.read(0, 1000)]
        return sum(type(event).__name__ == kind.__name__ for event in events)


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MailServer]:
    async with mailbox_server(tmp_path_factory.mktemp("mailbox")) as running:
        yield running


@pytest.fixture
def post(notify: Notify, server: MailServer) -> Post:
    server.empty()
    return Post(notify, server)


@pytest.mark.parametrize("protocol", ["pop3", "pop3s", "imap", "imaps"])
async def test_a_bounce_in_the_mailbox_ends_its_message_and_its_address(post: Post, protocol: str) -> None:
    post.use(protocol)
    await post.sent()
    await post.follow()
    post.server.put(report(), letter("Guten Tag,\r\n.\r\nich bin im Urlaub.", sender=WHO))
    await post.looks()
    assert await post.end() == ("bounced", "mailbox_unknown", "5.1.1")
    assert await post.suppressed()
    assert not await post.suppressed("anders@gemeinde.example")
    assert (post.server.mails, post.server.encrypted > 0, await post.said()) == ({}, True, ["failed", "nothing"])
    events = [type(each.event).__name__ for each in await post.notify.journal.read(0, 10)]
    assert events == ["MessageDelivered", "AddressSuppressed", "MessageBounced"]


@pytest.mark.parametrize("protocol", ["pop3", "imap"])
@pytest.mark.parametrize("dies", ["delete", "close"])
async def test_whoever_dies_between_taking_and_deleting_counts_it_once(post: Post, protocol: str, dies: str) -> None:
    post.use(protocol)
    await post.sent()
    post.server.put(report(status="5.2.2", words="smtp; 552 5.2.2 voll"))
    post.server.trouble = {"pop3delete": "DELE", "pop3close": "QUIT", "imapdelete": "STORE", "imapclose": "EXPUNGE"}[
        protocol + dies
    ]
    for _ in range(3):
        with pytest.raises(Trouble):
            await post.reader.look()
        await post.follow()
    assert len(post.server.mails) == 1
    post.server.trouble = ""
    await post.looks()
    assert post.server.mails == {}
    found = await suppression_list.one(post.notify.pool, MARKS.of(WHO), post.notify.clock.now())
    assert found is not None
    assert (found.status, found.soft, await post.said()) == ("counted", 1, ["failed"])
    assert await post.contracts(contracts.MessageBounced) == 1


async def test_twice_the_same_and_two_reports_of_one_message_count_once(post: Post) -> None:
    await post.sent()
    post.server.put(letter(QMAIL), letter(QMAIL), report(boundary="andere"), complaint())
    await post.looks()
    assert await post.end() == ("bounced", "mailbox_unknown", "5.1.1")
    assert await post.said() == ["complaint", "failed", "failed"]
    assert await post.contracts(contracts.MessageBounced) == 1


async def test_three_full_mailboxes_in_a_fortnight_are_a_rest_and_a_good_delivery_starts_anew(post: Post) -> None:
    messages = [uuid4() for _ in range(5)]

    async def full(message: UUID) -> None:
        await post.sent(message)
        post.server.put(letter(EXIM, to=ADDRESSES.of(message)))
        await post.looks()

    await full(messages[0])
    await full(messages[1])
    post.notify.clock.forward(hours=1)
    await post.sent(messages[2])  # taken over by the mail server: that alone says little
    await post.follow()
    await post.counting.clear()
    shown = await suppression_list.one(post.notify.pool, MARKS.of(WHO), post.notify.clock.now())
    assert shown is not None
    assert shown.soft == 2
    post.notify.clock.forward(seconds=GOOD_AFTER.total_seconds())
    await post.counting.clear()
    await post.counting.clear()
    await full(messages[3])
    assert not await post.suppressed()
    for _ in range(2):
        await full(uuid4())
    assert await post.suppressed()
    assert await post.end(messages[3]) == ("bounced", "returned", "5.2.2")
    post.notify.clock.forward(days=31)
    assert not await post.suppressed()


async def test_forged_ones_do_nothing_and_unreadable_ones_stay_and_are_shown(post: Post) -> None:
    await post.sent()
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(60))
    post.server.put(report(to=f"bounces+aaaa.bbbb@{DOMAIN}"), b"From: <>\n" + nested, report(to=f"bounces@{DOMAIN}"))
    await post.looks()
    assert (list(post.server.mails), await post.said()) == ([2], ["failed", "forged", "unreadable"])
    signed_in = post.server.sign_ins
    await post.looks()
    assert (len(post.server.mails), post.server.sign_ins) == (1, signed_in + 1)
    listed = (await post.notify.edit("GET", "/api/v1/bounces?said=unreadable")).body["items"]
    assert [(each["place"], each["problem"].split(" ")[0]) for each in listed] == [("id-2", "TooManyParts")]
    numbers = (await post.notify.edit("GET", "/api/v1/messages")).body
    assert (numbers["bounce_mailbox"]["set_aside"], numbers["bounce_mailbox"]["problem"]) == (1, None)
    again = f"/api/v1/bounces/{listed[0]['id']}/retries"
    assert [(await post.notify.edit("POST", again)).status for _ in range(2)] == [202, 202]
    await post.looks()
    assert (len(post.server.mails), await post.said()) == (1, ["failed", "forged", "unreadable"])


async def test_a_mail_with_an_endless_line_keeps_no_other_from_being_read(post: Post) -> None:
    await post.sent()
    post.server.put(b"Subject: " + b"x" * 5000, report())
    with pytest.raises(Trouble):
        await post.looks()
    await post.looks()
    assert (list(post.server.mails), await post.end()) == ([1], ("bounced", "mailbox_unknown", "5.1.1"))


async def test_a_mailbox_that_cannot_be_opened_says_why_without_any_secret(post: Post) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"password": "falsch"}, "the server refuses the sign-in"),
        ({"port": 1}, "ConnectionRefusedError"),
        ({"folder": "Keiner", "protocol": "imap"}, "there is no such folder"),
        ({"protocol": "pop3s", "trusted": None}, "SSLCertVerificationError"),
        ({"protocol": "imaps", "trusted": None}, "SSLCertVerificationError"),
    ]
    for changes, why in wrong:
        post.use(**{"protocol": "pop3", **changes})
        reading = asyncio.create_task(post.reader._keep_reading())
        async with asyncio.timeout(10):
            while "bounces" not in (await post.reader.health.report()).checks:
                await asyncio.sleep(0.01)
            while not await post.notify.pool.fetchval("SELECT problem = $1 FROM bounce_mailbox", why):
                await asyncio.sleep(0.01)
        reading.cancel()
        assert (await post.reader.health.report()).checks["bounces"] == why


async def test_a_bounce_that_is_faster_than_the_record_waits_for_it(post: Post) -> None:
    await post.sent(state="sending")
    post.server.put(report())
    await post.looks()
    assert await post.end() == ("sending", None, None)
    await post.notify.pool.execute("UPDATE message SET state = 'delivered', finished_at = now() WHERE id = $1", MESSAGE)
    await post.follow()
    assert await post.end() == ("bounced", "mailbox_unknown", "5.1.1")


def signed(body: bytes, at: dt.datetime, message_id: str = "msg_1", key: bytes = b"s" * 32) -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    mac = base64.b64encode(hmac.digest(key, f"{message_id}.{stamp}.".encode() + body, "sha256")).decode()
    return {"Webhook_Id": message_id, "Webhook_Timestamp": stamp, "Webhook_Signature": f"v1,AAAA v1,{mac}"}


async def test_a_signed_report_counts_once_and_others_not_at_all(post: Post) -> None:
    await post.sent()
    notify, now = post.notify, post.notify.clock.now()
    body = json.dumps({"type": "hard", "message_id": f"<{MESSAGE}@{DOMAIN}>", "status": "5.1.1"}).encode()
    kind = {"Content_Type": "application/json"}

    async def sends(**headers: str) -> str:
        return (await notify.ask("POST", "/api/v1/bounces", body, ANONYMOUS, **headers, **kind)).code

    unproven = "401 report_not_proven"
    assert await sends() == unproven
    assert await sends(**signed(body, now, key=b"x" * 32)) == unproven
    assert await sends(**signed(body + b" ", now)) == unproven
    assert await sends(**signed(body, now - dt.timedelta(minutes=6))) == unproven
    assert await sends(**{**signed(body, now), "Webhook_Timestamp": "9" * 40}) == unproven
    assert await sends(Webhook_Secret="falsch") == unproven
    await post.follow()
    assert await post.end() == ("delivered", None, None)
    assert [await sends(**signed(body, now)) for _ in range(2)] == ["202", "202"]
    assert await sends(Webhook_Secret=REPORT_SECRET) == "202"
    await post.follow()
    assert await post.end() == ("bounced", "mailbox_unknown", "5.1.1")
    assert await post.suppressed()
    assert await post.contracts(contracts.MessageBounced) == 1


async def test_a_report_that_knows_only_the_address_counts_against_that(post: Post) -> None:
    unknown = str(uuid4())

    async def reported(number: int, **what: Any) -> str:
        headers = {"Webhook_Secret": REPORT_SECRET, "Webhook_Id": f"m{number}"}
        return (await post.notify.ask("POST", "/api/v1/bounces", what, ANONYMOUS, **headers)).code

    for number in (1, 2, 2, 2):
        assert await reported(number, type="soft", recipient="Erika@gemeinde.example", message_id=unknown) == "202"
    assert not await post.suppressed()
    assert await reported(3, type="complaint", recipient=WHO) == "202"
    assert await post.suppressed()
    assert await reported(4, type="hard") == "422 invalid_request"
    assert await reported(5, type="hard", recipient="kein Postfach") == "422 invalid_request"
    assert await reported(6, type="laut", recipient=WHO) == "422 invalid_request"
    assert await reported(7, type="hard", message_id=str(uuid4())) == "202"


async def test_a_mail_may_be_handed_in_as_it_is(post: Post) -> None:
    await post.sent()
    headers = {"Webhook_Secret": REPORT_SECRET, "Content_Type": "message/rfc822"}
    raw = report().replace(b"Die Nachricht", b"Die N\xe4chricht")
    for _ in range(2):
        assert (await post.notify.ask("POST", "/api/v1/bounces/mails", raw, ANONYMOUS, **headers)).code == "202"
    by_signature = signed(raw, post.notify.clock.now()) | {"Content_Type": "message/rfc822"}
    assert (await post.notify.ask("POST", "/api/v1/bounces/mails", raw, ANONYMOUS, **by_signature)).code == "202"
    await post.follow()
    assert (await post.end(), await post.said()) == (("bounced", "mailbox_unknown", "5.1.1"), ["failed"])


async def test_an_operator_suppresses_looks_up_and_lifts(post: Post) -> None:
    edit = post.notify.edit
    body = {"email": "Erika@Gemeinde.example", "reason": "Auf Wunsch der Stelle."}
    made = [await edit("POST", "/api/v1/suppressions", body, Idempotency_Key="eins") for _ in range(2)]
    assert [each.status for each in made] == [201, 201]
    assert await post.suppressed()
    shown = (await edit("POST", "/api/v1/suppressions/lookups", {"email": WHO})).body
    assert (shown["status"], shown["cause"], shown["note"], shown["id"]) == (
        "suppressed",
        "operator",
        "Auf Wunsch der Stelle.",
        made[0].body["id"],
    )
    listed = (await edit("GET", "/api/v1/suppressions?status=suppressed")).body
    assert (listed["total"], listed["items"]) == (1, [shown])
    lifting = f"/api/v1/suppressions/{shown['id']}/liftings"
    lifted = [await edit("POST", lifting, {"reason": "Neu angemeldet."}, Idempotency_Key="zwei") for _ in range(2)]
    assert [each.status for each in lifted] == [200, 200]
    assert not await post.suppressed()
    assert (await edit("GET", f"/api/v1/suppressions/{shown['id']}")).body["status"] == "lifted"
    assert (await edit("POST", f"/api/v1/suppressions/{uuid4()}/liftings", {"reason": "x"})).status == 404
    past = body | {"until": "2025-06-01T00:00:00Z"}
    assert (await edit("POST", "/api/v1/suppressions", past)).code == "409 until_in_past"
    assert (await edit("POST", "/api/v1/suppressions/lookups", {"email": "nie@da.example"})).status == 404
    member = Identity(PERSON, frozenset({"reader", "member"}), None, "person")
    assert (await post.notify.ask("GET", "/api/v1/suppressions", who=member)).status == 403


async def test_messages_are_retried_and_discarded_with_a_reason(post: Post) -> None:
    broken, waiting, delivered = [await post.sent(uuid4(), state) for state in ("failed", "waiting", "delivered")]
    edit = post.notify.edit
    reason = {"reason": "Die Vorlage ist berichtigt."}

    async def asks(message: str, what: str, key: str) -> str:
        answer = await edit("POST", f"/api/v1/messages/{message}/{what}", reason, Idempotency_Key=key)
        return str(answer.status) if answer.status < 400 else answer.code

    assert await asyncio.gather(*[asks(broken, "retries", "eins") for _ in range(3)]) == ["200"] * 3
    shown = (await edit("GET", f"/api/v1/messages/{broken}")).body
    assert (shown["status"], [each["decision"] for each in shown["decisions"]]) == ("waiting", ["retry"])
    assert shown["decisions"][0]["reason"] == reason["reason"]
    assert await asks(waiting, "retries", "eins") == "422 idempotency_key_reused"
    assert [await asks(waiting, "discards", "zwei") for _ in range(2)] == ["200", "200"]
    assert await post.end(waiting) == ("withheld", "discarded", None)
    assert await asks(waiting, "discards", "drei") == "200"
    assert await asks(waiting, "retries", "vier") == "409 message_ended"
    assert await asks(delivered, "discards", "acht") == "409 message_ended"
    assert await asks(delivered, "retries", "sechs") == "409 message_ended"
    on_its_way = await post.sent(uuid4(), "sending")
    assert await asks(on_its_way, "discards", "sieben") == "409 message_being_sent"
    assert await asks(str(uuid4()), "discards", "neun") == "404 not_found"


async def test_the_log_of_a_person_says_everything_but_the_address(post: Post) -> None:
    await post.sent()
    post.server.put(report())
    await post.looks()
    entries, more = await delivery_log.of_person(post.notify.pool, PERSON, 10)
    assert more is None
    assert [(each.kind, each.status, each.reason, each.code) for each in entries] == [
        ("postponement", "bounced", "mailbox_unknown", "5.1.1")
    ]
    assert [(each.number, each.outcome, each.reply) for each in entries[0].history] == [(1, "delivered", 250)]
    listed = await post.notify.edit("GET", f"/api/v1/messages?person_id={PERSON}")
    assert [each["cause"] for each in listed.body["items"]] == [entries[0].cause]
    assert (await post.notify.edit("GET", f"/api/v1/messages?person_id={uuid4()}")).body["items"] == []
    assert WHO not in json.dumps(listed.body) + entries[0].model_dump_json()


async def test_what_was_done_with_long_ago_is_forgotten_except_what_stands_in_a_calendar(post: Post) -> None:
    later = {"starts_at": "2026-01-15T09:00:00Z"}
    soon = {"starts_at": "2025-07-01T20:00:00Z"}
    in_calendar = await post.sent(uuid4(), reported=True, calendar="REQUEST", session=later)
    unreported = await post.sent(uuid4())
    unsent = await post.sent(uuid4(), "waiting")
    for _ in range(3):
        await post.sent(uuid4(), reported=True)
    await post.sent(uuid4(), reported=True, calendar="REQUEST", session=soon)
    post.notify.clock.forward(days=90)
    fresh = await post.sent(uuid4(), reported=True)
    until = post.notify.clock.now() - dt.timedelta(days=89)
    assert [await delivery_log.forget(post.notify.pool, until, 3) for _ in range(3)] == [3, 1, 0]
    left = [str(row["id"]) for row in await post.notify.pool.fetch("SELECT id FROM message ORDER BY seq")]
    assert left == [in_calendar, unreported, unsent, fresh]
    assert await post.notify.pool.fetchval("SELECT count(*) FROM mailing") == 4
    assert await post.notify.pool.fetchval("SELECT count(*) FROM attempt") == 4
