"""What comes back, by mailbox and by report: it counts once, and nothing is sent any more where nothing arrives."""

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.notify import delivery_log, metrics, suppression_list
from services.notify.bounce_parts import rules_of
from services.notify.counting import GOOD_AFTER
from services.notify.delivery import MessageBounced
from services.notify.mailboxes import Trouble
from shared.contracts import notify as contracts
from shared.kernel.identity import ANONYMOUS, Identity
from tests.integration.notify.conftest import MARKS, REPORT_SECRET, Notify
from tests.integration.notify.mailbox_servers import MailServer, mailbox_server
from tests.integration.notify.office import Office, Owner, people
from tests.integration.notify.post import PERSON, Anything, Post, signed
from tests.integration.notify.sink import Sink, mail_server
from tests.unit.notify import samples
from tests.unit.notify.returns import ADDRESSES, DOMAIN, EXIM, MESSAGE, QMAIL, WHO, complaint, letter, report


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MailServer]:
    async with mailbox_server(tmp_path_factory.mktemp("mailbox")) as running:
        yield running


@pytest.fixture
def post(notify: Notify, server: MailServer) -> Post:
    server.empty()
    return Post(notify, server)


@pytest.mark.parametrize("protocol", ["pop3s", "imaps"])
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
    for _ in range(2):
        with pytest.raises(Trouble):
            await post.reader.look()
        await post.follow()
    assert len(post.server.mails) == 1
    post.server.trouble = ""
    await post.looks()
    assert (post.server.mails, post.server.encrypted > 0) == ({}, True)  # plain at first, and TLS is offered
    found = await suppression_list.one(post.notify.pool, MARKS.of(WHO), post.notify.clock.now())
    assert found is not None
    assert (found.status, found.soft, await post.said()) == ("counted", 1, ["failed"])
    assert await post.contracts(contracts.MessageBounced) == 1


async def test_twice_the_same_and_two_reports_of_one_message_count_once(post: Post) -> None:
    await post.sent()
    post.server.put(letter(QMAIL), letter(QMAIL), report(boundary="andere"), complaint())
    await asyncio.gather(post.reader.look(), post.reader.look())
    await post.follow()
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
    post.server.mails.clear()  # somebody has looked at it and taken it away
    await post.looks()
    assert (await post.notify.edit("GET", "/api/v1/messages")).body["bounce_mailbox"]["set_aside"] == 0


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


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with mail_server() as server:
        yield server


@pytest.fixture
def office(post: Post, sink: Sink) -> Office:
    """The sender with the rules that the service gives it."""
    office = Office(post.notify, Owner(samples.session(), people(2)), sink)
    rules = rules_of(post.notify.pool, post.notify.clock, MARKS, ADDRESSES)
    object.__setattr__(office.sender, "rules", rules)
    return office


async def test_what_a_server_refuses_for_good_is_not_tried_again_and_says_where(
    post: Post, office: Office, sink: Sink
) -> None:
    senders: dict[str, str | None] = {}

    def refuses_one(envelope: Any, stage: str) -> str | None:
        if stage != "RCPT":
            return None
        senders[envelope.rcpt_tos[-1]] = envelope.mail_from
        return "550 5.1.1 no such mailbox" if envelope.rcpt_tos[-1] == gone else None

    gone, there = (person.email for person in office.owner.people)
    sink.say = refuses_one
    await office.tell(samples.postponed())
    await post.follow()
    ids = {row["address_mark"]: row["id"] for row in await post.notify.pool.fetch("SELECT * FROM message")}
    assert {ADDRESSES.read(str(sender)) for sender in senders.values()} == {UUID(str(each)) for each in ids.values()}
    assert (await post.suppressed(gone), await post.suppressed(there)) == (True, False)
    await office.tell(samples.postponed(), version=8)
    assert len(sink.to(there)) == 2
    listed = (await post.notify.edit("GET", "/api/v1/messages")).body
    assert sorted((each["status"], each["reason"]) for each in listed["items"]) == [
        ("bounced", "refused"),
        ("delivered", None),
        ("delivered", None),
        ("withheld", "suppressed"),
    ]
    failure = listed["failures"][0]
    assert (failure["host"], failure["reply"], failure["code"], failure["count"]) == (
        "gemeinde.example",
        550,
        "5.1.1",
        1,
    )
    assert (listed["suppressed"], listed["rate"][0]["outcome"], listed["rate"][0]["last_minute"]) == (1, "delivered", 2)
    figures = (await metrics.exposition(post.notify.pool, post.notify.clock.now())).decode()
    assert "ikz_notify_suppressed_addresses 1.0" in figures
    assert 'ikz_notify_messages{kind="postponement",status="withheld"} 1.0' in figures


async def test_a_message_of_every_kind_can_come_back_and_none_is_sent_to_a_suppressed_address(
    post: Post, office: Office, sink: Sink
) -> None:
    everybody = Anything()
    object.__setattr__(office.sender, "desk", everybody)
    kinds = sorted(samples.TEXTS)
    first = [UUID(await post.sent(uuid4(), "waiting", kind=kind, address=None)) for kind in kinds]
    await office.send()
    assert {await post.end(each) for each in first} == {("delivered", None, None)}
    for each in first:
        await post.takes(report(to=ADDRESSES.of(each), message_id=each))
    await post.follow()
    assert {await post.end(each) for each in first} == {("bounced", "mailbox_unknown", "5.1.1")}
    second = [await post.sent(uuid4(), "waiting", kind=kind, address=None) for kind in kinds]
    await office.send()
    assert len(sink.mails) == len(kinds) > 20
    assert {await post.end(each) for each in second} == {("withheld", "suppressed", None)}
    shown = (await post.notify.edit("GET", "/api/v1/messages?status=withheld&limit=100")).body
    assert sorted(each["kind"] for each in shown["items"]) == kinds
    await post.follow()
    told = [each.event for each in await post.notify.journal.read(0, 1000)]
    ends = [event.reason for event in told if isinstance(event, MessageBounced)]
    assert (ends.count("mailbox_unknown"), ends.count("suppressed")) == (len(kinds), len(kinds))
    entries, _ = await delivery_log.of_person(post.notify.pool, PERSON, 1000)
    assert sorted(each.kind for each in entries) == sorted([*kinds, *kinds])


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
    kept = (await edit("GET", f"/api/v1/suppressions/{shown['id']}")).body
    assert (kept["status"], kept["note"]) == ("lifted", "Neu angemeldet.")
    async with post.notify.pool.acquire() as connection:
        await connection.execute("TRUNCATE suppression")
        await suppression_list.project(connection, await post.notify.journal.read(0, 100))
    assert (await edit("GET", f"/api/v1/suppressions/{shown['id']}")).body == kept
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
    assert await post.notify.pool.fetchval("SELECT count(*) FROM attempt") == 3
