"""Webhooks, from a contract to another organisation's system: told once it works, whatever that system does."""

import asyncio
import datetime as dt
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web
from standardwebhooks import Webhook as Signing

from services.notify import webhook_http, webhook_list, webhook_queue, webhook_upkeep
from services.notify.webhook_client import HookClient, open_client
from services.notify.webhook_list import WEBHOOKS
from services.notify.webhook_sender import WebhookSender
from services.notify.webhook_upkeep import WebhookUpkeep
from shared.contracts.catalog import TopicMerged, TopicRenamed
from shared.contracts.contract import Contract
from shared.kernel.identity import Identity
from shared.kernel.rebuild import rebuild
from shared.kernel.wakeup import Waiter
from tests.integration.notify.conftest import Notify, Reply, tls
from tests.integration.notify.receiver import Receiver, receiving
from tests.unit.notify.test_public_fact import received

OURS, THEIRS = str(uuid4()), str(uuid4())
MEMBER = Identity(None, frozenset({"reader", "member"}), OURS, "token:ours")
STRANGER = Identity(None, frozenset({"reader", "member"}), THEIRS, "token:theirs")
OPERATOR = Identity(None, frozenset({"reader", "operator"}), None, "token:operator")
EDITOR = Identity(None, frozenset({"reader", "editor"}), None, "token:editor")
PATH = "/api/v1/webhooks"
WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%webhook_line%'
"""
COUNTING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event = 'advisory' AND query LIKE '% webhooks %'
"""
TOPICS = ["ikz.catalog.topic.*"]
EXAMPLE = Path(__file__).parents[3] / "docs" / "subscribing" / "webhook_receiver.py"
renamed = TopicRenamed(topic="treasury", label="Kasse", previous_label="Gemeindekasse")


@dataclass
class Hooks:
    """A service with webhooks, and what sends to them."""

    notify: Notify
    number: int = 0

    def sender(self, client: HookClient | None = None) -> WebhookSender:
        disable = partial(webhook_upkeep.disable, self.notify.journal, self.notify.clock)
        told_by = client or self.notify.webhooks.client
        return WebhookSender(self.notify.pool, self.notify.vault, told_by, self.notify.clock, disable, Waiter())

    async def ask(self, method: str, path: str, body: Any = None, who: Identity = MEMBER, **headers: str) -> Reply:
        return await self.notify.ask(method, PATH + path, body, who, **headers)

    async def register(self, url: str, types: list[str] = TOPICS, who: Identity = MEMBER) -> tuple[str, str]:
        """Its id and its secret."""
        reply = await self.ask("POST", "", {"url": url, "types": types}, who)
        assert reply.code == "201", reply.body
        return reply.body["id"], reply.body["secret"]

    async def tell(self, *contracts: Contract) -> None:
        """Contracts, as the inbox takes them in."""
        for contract in contracts:
            self.number += 1
            async with self.notify.pool.acquire() as connection, connection.transaction():
                taken = received(contract, self.number, self.notify.clock.now())
                await webhook_queue.write(connection, [taken], self.notify.clock.now())

    async def send(self, sender: WebhookSender | None = None) -> None:
        """Everything that is due now."""
        sender = sender or self.sender()
        while True:
            async with asyncio.TaskGroup() as tasks:
                if not await sender.take(tasks):
                    return

    async def shown(self, webhook_id: str) -> Any:
        return (await self.ask("GET", f"/{webhook_id}")).body

    async def log(self, webhook_id: str) -> list[tuple[str, list[str]]]:
        """States and the outcomes of attempts, the oldest first."""
        items = (await self.ask("GET", f"/{webhook_id}/deliveries?limit=100")).body["items"]
        return [(each["state"], [attempt["outcome"] for attempt in each["attempts"]]) for each in reversed(items)]


@pytest.fixture
def hooks(notify: Notify) -> Hooks:
    return Hooks(notify)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as one:
        yield one


async def test_a_webhook_is_told_what_it_asked_for_in_thin_signed_words(hooks: Hooks, receiver: Receiver) -> None:
    _, secret = await hooks.register(receiver.url, ["ikz.catalog.topic.renamed.v1", "ikz.catalog.topic.*.tax"])
    into_tax = TopicMerged(topic="tax", label="Steuer", into="treasury")
    await hooks.tell(renamed, TopicMerged(topic="other", label="Anderes", into="tax"), into_tax)
    await hooks.send()
    assert receiver.ids == ["topic-treasury@1", "topic-tax@3"]
    told = receiver.told[0]
    at = hooks.notify.clock.now()
    assert told.fact == {
        "type": "ikz.catalog.topic.renamed.v1",
        "id": "topic-treasury@1",
        "timestamp": "2025-07-01T08:00:00Z",
        "subject": "topic/treasury",
        "data": {"topic": "treasury"},
    }
    assert told.headers["content-type"] == "application/json"
    assert told.headers["webhook-timestamp"] == str(int(at.timestamp()))
    assert told.headers["webhook-signature"] == Signing(secret).sign(told.id, at, told.body)
    await hooks.tell(renamed)
    hooks.number -= 1
    await hooks.tell(renamed)
    await hooks.send()
    assert receiver.ids[2:] == ["topic-treasury@4"]


async def test_a_members_webhooks_are_the_own_organisations(hooks: Hooks, receiver: Receiver) -> None:
    webhook_id, secret = await hooks.register(receiver.url)
    shown = await hooks.ask("GET", f"/{webhook_id}")
    assert secret.startswith("whsec_")
    assert secret not in str(shown.body)
    assert (shown.body["organisation_id"], shown.body["status"], shown.body["waiting"]) == (OURS, "enabled", 0)
    for method, path, body in (
        ("GET", "", None),
        ("PUT", "", {"url": receiver.url, "types": TOPICS}),
        ("DELETE", "", None),
        ("POST", "/rotations", None),
        ("POST", "/activations", None),
        ("POST", "/deactivations", None),
        ("POST", "/tests", None),
        ("GET", "/deliveries", None),
        ("POST", "/deliveries/1/redeliveries", None),
    ):
        version = {"If_Match": '"1"'} if method in ("PUT", "DELETE") else {}
        foreign = await hooks.ask(method, f"/{webhook_id}{path}", body, STRANGER, **version)
        assert foreign.code == "404 not_found", (method, path)
        assert (await hooks.ask(method, f"/{webhook_id}{path}", body, EDITOR, **version)).code == "403 forbidden"
    assert [(await hooks.ask("GET", "", who=who)).body["total"] for who in (MEMBER, STRANGER, OPERATOR)] == [1, 0, 1]
    body = {"url": receiver.url, "types": TOPICS, "organisation_id": THEIRS}
    assert (await hooks.ask("POST", "", body)).code == "403 forbidden"
    assert (await hooks.ask("POST", "", body, OPERATOR)).status == 201
    assert (await hooks.ask("GET", "", who=STRANGER)).body["total"] == 1


async def test_a_webhook_is_changed_by_who_knows_its_version(hooks: Hooks, receiver: Receiver) -> None:
    webhook_id, _ = await hooks.register(receiver.url)
    body = {"url": f"{receiver.url}/neu", "types": TOPICS, "description": "Neu"}
    assert (await hooks.ask("PUT", f"/{webhook_id}", body)).code == "428 precondition_required"
    assert (await hooks.ask("PUT", f"/{webhook_id}", body, If_Match='"7"')).code == "412 stale_version"
    etag = (await hooks.ask("GET", f"/{webhook_id}")).headers["ETag"]
    assert (await hooks.ask("PUT", f"/{webhook_id}", body, If_Match=etag)).body["version"] == 2
    await hooks.tell(renamed)
    await hooks.send()
    assert [told.path for told in receiver.told] == ["/hook/neu"]


async def test_the_same_registration_twice_is_one_with_one_secret(hooks: Hooks, receiver: Receiver) -> None:
    body, key = {"url": receiver.url, "types": TOPICS}, str(uuid4())
    replies = await asyncio.gather(*(hooks.ask("POST", "", body, Idempotency_Key=key) for _ in range(3)))
    assert len({(reply.status, reply.body["id"], reply.body["secret"]) for reply in replies}) == 1
    assert (await hooks.ask("GET", "")).body["total"] == 1
    rotation = f"/{replies[0].body['id']}/rotations"
    rotations = await asyncio.gather(*(hooks.ask("POST", rotation, Idempotency_Key=key + "r") for _ in range(2)))
    assert len({reply.body["secret"] for reply in rotations}) == 1
    assert len((await hooks.shown(replies[0].body["id"]))["secrets"]) == 2


async def test_an_organisation_has_a_limit(hooks: Hooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_http, "MOST", 3)
    for _ in range(3):
        await hooks.register(receiver.url)
    reply = await hooks.ask("POST", "", {"url": receiver.url, "types": TOPICS})
    assert reply.code == "409 webhook_limit"
    assert reply.body["detail"] == "Eine Organisation kann höchstens 3 Webhooks haben."
    first = (await hooks.ask("GET", "?limit=2")).body
    second = (await hooks.ask("GET", f"?limit=2&cursor={first['next']}")).body
    assert ([len(page["items"]) for page in (first, second)], first["total"], second["next"]) == ([2, 1], 3, None)
    assert len({item["id"] for page in (first, second) for item in page["items"]}) == 3


async def test_the_limit_holds_however_many_are_registered_at_once(
    hooks: Hooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_http, "MOST", 3)
    body = {"url": receiver.url, "types": TOPICS}
    replies = await asyncio.gather(*(hooks.ask("POST", "", body) for _ in range(12)))
    assert sorted(reply.code for reply in replies) == ["201"] * 3 + ["409 webhook_limit"] * 9
    assert (await hooks.ask("GET", "")).body["total"] == 3
    assert await hooks.notify.pool.fetchval("SELECT count(*) FROM vault WHERE person_id LIKE 'webhook/%'") == 3


async def test_two_processes_count_an_organisations_webhooks_one_after_the_other(hooks: Hooks) -> None:
    pool = hooks.notify.pool

    async def count(owner: str) -> int:
        async with pool.acquire() as connection, connection.transaction():
            return await webhook_list.count(connection, owner)

    async with pool.acquire() as first, first.transaction():
        await webhook_list.count(first, OURS)
        second = asyncio.create_task(count(OURS))
        async with asyncio.timeout(5):
            while not await pool.fetchval(COUNTING):
                await asyncio.sleep(0.01)
        assert await count(THEIRS) == 0
        assert not second.done()
    assert await second == 0


async def test_what_is_wrong_is_named(hooks: Hooks) -> None:
    for change, field, code in (
        ({"url": "http://10.0.0.1/"}, "/url", "webhook_url_not_public"),
        ({"url": "https://a:b@stadt.example/"}, "/url", "webhook_url_with_credentials"),
        ({"url": "x" * 2001}, "/url", "string_too_long"),
        ({"types": ["ikz.catalog.topic.*", "ikz.events.registration.*"]}, "/types/1", "webhook_type_unknown"),
        ({"types": []}, "/types", "too_short"),
        ({"description": "a\nb"}, "/description", "string_pattern_mismatch"),
        ({"secret": "whsec_x"}, "/secret", "extra_forbidden"),
    ):
        reply = await hooks.ask("POST", "", {"url": "https://stadt.example/", "types": TOPICS} | change)
        assert reply.code == "422 invalid_request"
        assert [(error["field"], error["code"]) for error in reply.body["errors"]] == [(field, code)]


async def test_while_secrets_rotate_both_sign_for_a_day(hooks: Hooks, receiver: Receiver) -> None:
    webhook_id, before = await hooks.register(receiver.url)
    after = (await hooks.ask("POST", f"/{webhook_id}/rotations")).body["secret"]
    for forward in (dt.timedelta(), dt.timedelta(hours=23), dt.timedelta(hours=1)):
        hooks.notify.clock.time += forward
        await hooks.tell(renamed)
        await hooks.send()
    signatures = [told.headers["webhook-signature"].split() for told in receiver.told]
    assert [len(each) for each in signatures] == [2, 2, 1]
    at = hooks.notify.clock.now()
    last = receiver.told[-1]
    assert signatures[-1] == [Signing(after).sign(last.id, at, last.body)]
    assert Signing(before).sign(last.id, at, last.body) not in signatures[-1]


async def test_one_that_hangs_holds_up_nobody(hooks: Hooks, receiver: Receiver) -> None:
    released = asyncio.Event()

    async def hang(_request: web.Request) -> web.Response:
        await released.wait()
        return web.Response(status=204)

    async with receiving(answer=hang) as slow:
        slow_id, _ = await hooks.register(slow.url)
        await hooks.register(receiver.url)
        await hooks.tell(*[renamed] * 5)
        sending = asyncio.create_task(hooks.sender().run())
        await slow.heard(1)
        await receiver.heard(5)
        assert len(slow.told) == 1
        released.set()
        while [state for state, _ in await hooks.log(slow_id)] != ["delivered"] * 5:
            await asyncio.sleep(0.02)
        sending.cancel()
        await asyncio.wait([sending])
        assert slow.ids == receiver.ids
        released.clear()
        impatient = open_client({443}, loopback=True, patience=0.1, tls=tls())
        await hooks.tell(renamed)
        await hooks.send(hooks.sender(impatient))
        await impatient.close()
        assert (await hooks.log(slow_id))[-1] == ("waiting", ["timeout"])


async def test_a_redirect_is_not_followed(hooks: Hooks, receiver: Receiver) -> None:
    async def elsewhere(_request: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": receiver.url})

    async with receiving(answer=elsewhere) as redirecting:
        webhook_id, _ = await hooks.register(redirecting.url)
        await hooks.tell(renamed)
        await hooks.send()
        assert await hooks.log(webhook_id) == [("waiting", ["redirected"])]
    assert receiver.told == []


async def test_of_a_long_answer_little_is_read_and_nothing_kept(hooks: Hooks) -> None:
    taken = 0

    async def talk(request: web.Request) -> web.StreamResponse:
        nonlocal taken
        response = web.StreamResponse(headers={"Content-Length": str(10 * 1024 * 1024)})
        await response.prepare(request)
        for _ in range(160):
            await response.write(b"geheim! " * 8192)
            taken += 65536
        return response

    async with receiving(answer=talk) as talkative:
        webhook_id, _ = await hooks.register(talkative.url)
        await hooks.tell(renamed)
        await hooks.send()
        assert await hooks.log(webhook_id) == [("delivered", ["delivered"])]
    assert taken < 8 * 1024 * 1024
    assert not await hooks.notify.pool.fetchval("SELECT count(*) FROM webhook_attempt a WHERE a::text LIKE '%geheim%'")


async def test_preliminary_answers_without_end_are_cut_off(hooks: Hooks) -> None:
    """Parsing them keeps the loop busy: whatever else is done in this process would wait."""

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while True:
                writer.write(b"HTTP/1.1 102 Processing\r\n\r\n" * 500)
                await writer.drain()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as endless:
        url = f"http://127.0.0.1:{endless.sockets[0].getsockname()[1]}/"
        verdict = await hooks.notify.webhooks.client.tell(url, {}, "{}", patience=1.0)
    assert verdict.outcome == "unreachable"


async def test_whoever_is_gone_is_told_no_longer(hooks: Hooks, receiver: Receiver) -> None:
    receiver.status = 410
    webhook_id, _ = await hooks.register(receiver.url)
    await hooks.tell(renamed, renamed)
    await hooks.send()
    await hooks.tell(renamed)
    await hooks.send()
    shown = await hooks.shown(webhook_id)
    assert (shown["status"], shown["reason"], len(receiver.told)) == ("disabled", "gone", 1)
    assert (await hooks.ask("POST", f"/{webhook_id}/deliveries/1/redeliveries")).code == "409 webhook_disabled"
    receiver.status = 204
    assert (await hooks.ask("POST", f"/{webhook_id}/activations")).status == 200
    await hooks.send()
    assert receiver.ids == ["topic-treasury@1", "topic-treasury@1", "topic-treasury@2"]


async def test_after_three_days_of_failures_it_is_given_up(hooks: Hooks, receiver: Receiver) -> None:
    receiver.status = 500
    webhook_id, _ = await hooks.register(receiver.url)
    began = hooks.notify.clock.now()
    await hooks.tell(renamed)
    pool, sender = hooks.notify.pool, hooks.sender()
    while later := await pool.fetchval("SELECT ready_at FROM webhook_delivery WHERE state = 'waiting'"):
        hooks.notify.clock.time = max(hooks.notify.clock.now(), later)
        await hooks.send(sender)
    shown = await hooks.shown(webhook_id)
    assert (shown["reason"], shown["waiting"]) == ("failing", 0)
    assert hooks.notify.clock.now() - began > dt.timedelta(days=2, hours=18)
    ((state, outcomes),) = await hooks.log(webhook_id)
    assert (state, set(outcomes)) == ("failed", {"refused"})
    assert 15 < len(outcomes) < 40
    assert set(receiver.ids) == {"topic-treasury@1"}
    receiver.status = 204
    await hooks.ask("POST", f"/{webhook_id}/activations")
    key = str(uuid4())
    for _ in range(2):
        again = await hooks.ask("POST", f"/{webhook_id}/deliveries/1/redeliveries", Idempotency_Key=key)
        assert again.status == 202
        await hooks.send()
    assert len(receiver.told) == len(outcomes) + 1
    assert (await hooks.shown(webhook_id))["failures"] == 0


async def test_what_a_receiver_cannot_digest_lets_the_others_pass(hooks: Hooks) -> None:
    async def picky(request: web.Request) -> web.Response:
        return web.Response(status=500 if request.headers["webhook-id"].endswith("@2") else 204)

    async with receiving(answer=picky) as receiver:
        webhook_id, _ = await hooks.register(receiver.url)
        await hooks.tell(*[renamed] * 4)
        for _ in range(4):
            await hooks.send()
            hooks.notify.clock.forward(seconds=4)
        states = [state for state, _ in await hooks.log(webhook_id)]
        assert states == ["delivered", "waiting", "delivered", "delivered"]
        assert (await hooks.shown(webhook_id))["status"] == "enabled"


async def test_two_replicas_tell_each_fact_once_and_in_order(hooks: Hooks) -> None:
    async with receiving() as one, receiving() as other:
        for each in (one, other):
            await hooks.register(each.url)
        await hooks.tell(*[renamed] * 12)
        replicas = [asyncio.create_task(hooks.sender().run()) for _ in range(2)]
        await one.heard(12)
        await other.heard(12)
        for replica in replicas:
            replica.cancel()
        await asyncio.wait(replicas)
        assert one.ids == other.ids == [f"topic-treasury@{number}" for number in range(1, 13)]


async def test_what_a_crash_leaves_unrecorded_is_told_again_under_the_same_id(hooks: Hooks) -> None:
    dying: list[asyncio.Task[None]] = []

    async def answer(_request: web.Request) -> web.Response:
        if dying:
            dying.pop().cancel()
        return web.Response(status=204)

    async with receiving(answer=answer) as receiver:
        webhook_id, _ = await hooks.register(receiver.url)
        await hooks.tell(renamed)
        dying.append(task := asyncio.create_task(hooks.sender().run()))
        await asyncio.wait([task])
        assert await hooks.log(webhook_id) == [("waiting", [])]
        await hooks.send()
        assert receiver.ids == ["topic-treasury@1"] * 2
        assert await hooks.log(webhook_id) == [("delivered", ["delivered"])]


async def test_a_claim_of_who_froze_runs_out(hooks: Hooks, receiver: Receiver) -> None:
    await hooks.register(receiver.url)
    await hooks.tell(renamed)
    now, pool = hooks.notify.clock.now(), hooks.notify.pool
    frozen = uuid4()
    claimed = await webhook_queue.claim(pool, frozen, now, now + dt.timedelta(minutes=1), prompt=5, slow=5)
    assert len(claimed) == 1
    await hooks.send()
    assert receiver.told == []
    hooks.notify.clock.forward(minutes=1)
    await hooks.send()
    assert len(receiver.told) == 1
    assert await webhook_queue.following(pool, claimed[0], frozen, now) is None


async def test_each_line_is_served_by_one_and_slow_ones_have_places_of_their_own(
    hooks: Hooks, receiver: Receiver
) -> None:
    for _ in range(6):
        await hooks.register(receiver.url)
    await hooks.tell(renamed)
    pool, now = hooks.notify.pool, hooks.notify.clock.now()
    until = now + dt.timedelta(minutes=1)

    async def claim(prompt: int, slow: int = 0) -> list[str]:
        lines = await webhook_queue.claim(pool, uuid4(), now, until, prompt=prompt, slow=slow)
        return [line.webhook_id for line in lines]

    ours = [*await claim(1), *await claim(1)]
    unclaimed = await pool.fetchval("SELECT min(id::text)::uuid FROM webhook WHERE NOT id = ANY($1::uuid[])", ours)
    async with pool.acquire() as connection:
        held_up = connection.transaction()
        await held_up.start()
        await connection.execute("INSERT INTO webhook_line VALUES ($1, NULL, $2, $2)", unclaimed, now)
        claiming = [asyncio.create_task(claim(4)) for _ in range(4)]
        while await pool.fetchval(WAITING) < 4:
            await asyncio.sleep(0.01)
        await held_up.rollback()
    ours += [line for each in claiming for line in await each]
    assert (len(ours), len(set(ours))) == (6, 6)
    await pool.execute("UPDATE webhook_line SET leased_until = '-infinity'")
    await pool.execute("UPDATE webhook_line SET failures = 1 WHERE webhook_id = ANY($1::uuid[])", ours[:2])
    await pool.execute("UPDATE webhook_line SET slow = true WHERE webhook_id = $1", ours[2])
    await pool.execute("UPDATE webhook_line SET next_at = $2 WHERE webhook_id = $1", ours[3], until)
    await pool.execute("UPDATE webhook_line SET leased_until = $2 WHERE webhook_id = ANY($1::uuid[])", ours[4:], now)
    assert set(await claim(2)) == set(ours[4:])
    assert len(await claim(10, slow=2)) == 2
    assert len(await claim(10, slow=2)) == 1


async def test_no_name_leads_inside_however_it_resolves() -> None:
    """A name that is public when it is looked at may mean this machine, or one of the network, when it is used."""
    connections = 0

    async def count(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.close()

    async with await asyncio.start_server(count, "127.0.0.1", 0) as inside:
        port: int = inside.sockets[0].getsockname()[1]
        answers = iter([["127.0.0.1"], ["10.1.2.3", "127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["169.254.169.254"]])

        def look_up(_host: str, at: int, **_how: Any) -> list[Any]:
            return [(10, 1, 6, "", (ip, at, 0, 0)) if ":" in ip else (2, 1, 6, "", (ip, at)) for ip in next(answers)]

        for url in (*[f"https://stadt.example:{port}/"] * 5, f"https://127.0.0.1:{port}/", "https://stadt.example:22/"):
            client = open_client({port}, look_up=look_up, patience=2.0, tls=tls())
            assert (await client.tell(url, {}, "{}")).outcome == "not_public"
            await client.close()
        assert next(answers, None) is None
        assert connections == 0
        answers = iter([["127.0.0.1"]])
        allowed = open_client({port}, loopback=True, look_up=look_up, tls=tls())
        await allowed.tell(f"https://stadt.example:{port}/", {}, "{}")
        await allowed.close()
        assert connections == 1


async def test_failures_are_told_apart(receiver: Receiver) -> None:
    def unknown(*_name: object, **_how: object) -> list[Any]:
        raise OSError(-2, "Name or service not known")

    plain = receiver.url.replace("http://", "https://")
    client = open_client({443}, loopback=True, look_up=unknown, tls=tls())
    assert (await client.tell("https://gibt-es-nicht.example/", {}, "{}")).outcome == "unknown_host"
    assert (await client.tell(plain, {}, "{}")).outcome == "tls"
    async with receiving() as gone:
        away = gone.url
    assert (await client.tell(away, {}, "{}")).outcome == "unreachable"
    await client.close()


async def test_a_proxy_of_the_environment_is_not_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    client = open_client({443}, loopback=True, tls=tls())
    async with receiving() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert (await client.tell(receiver.url, {}, "{}")).outcome == "delivered"
        assert (len(receiver.told), proxy.told) == (1, [])
    await client.close()


async def test_a_test_is_sent_at_once_and_says_how_it_ended(hooks: Hooks, receiver: Receiver) -> None:
    webhook_id, secret = await hooks.register(receiver.url)
    key = str(uuid4())
    first, same = [await hooks.ask("POST", f"/{webhook_id}/tests", Idempotency_Key=key) for _ in range(2)]
    assert (first.body["delivered"], first.body["outcome"], first.body["status"]) == (True, "delivered", 204)
    assert first.body == same.body
    (told,) = receiver.told
    assert (told.fact["type"], told.id) == ("webhook.test", first.body["event_id"])
    assert told.headers["webhook-signature"] == Signing(secret).sign(told.id, hooks.notify.clock.now(), told.body)
    receiver.status = 500
    failed = await hooks.ask("POST", f"/{webhook_id}/tests")
    assert (failed.status, failed.body["delivered"], failed.body["outcome"]) == (200, False, "refused")
    await hooks.send()
    assert (len(receiver.told), (await hooks.shown(webhook_id))["failures"]) == (2, 0)
    assert await hooks.log(webhook_id) == [("delivered", ["delivered"]), ("failed", ["refused"])]
    log = f"/{webhook_id}/deliveries"
    newest = (await hooks.ask("GET", f"{log}?limit=1")).body
    oldest = (await hooks.ask("GET", f"{log}?limit=1&cursor={newest['next']}")).body
    assert [page["items"][0]["state"] for page in (newest, oldest)] == ["failed", "delivered"]
    assert (newest["total"], oldest["next"]) == (2, None)
    assert (await hooks.ask("GET", f"{log}?state=failed")).body["total"] == 1
    for _ in range(8):
        await hooks.ask("POST", f"/{webhook_id}/tests")
    assert (await hooks.ask("POST", f"/{webhook_id}/tests")).code == "429 too_many_requests"


async def test_of_a_removed_webhook_nothing_is_left(hooks: Hooks, receiver: Receiver) -> None:
    webhook_id, _ = await hooks.register(receiver.url)
    receiver.status = 500
    await hooks.tell(renamed)
    await hooks.send()
    key = {"If_Match": '"1"', "Idempotency_Key": str(uuid4())}
    assert [(await hooks.ask("DELETE", f"/{webhook_id}", None, MEMBER, **key)).status for _ in range(2)] == [200, 200]
    assert (await hooks.ask("GET", f"/{webhook_id}")).code == "404 not_found"
    hooks.notify.clock.forward(hours=1)
    await hooks.tell(renamed)
    await hooks.send()
    assert len(receiver.told) == 1
    pool = hooks.notify.pool
    upkeep = WebhookUpkeep(pool, hooks.notify.vault, hooks.notify.clock, dt.timedelta(days=30))
    await upkeep.step()
    for table in ("webhook_delivery", "webhook_attempt", "webhook_line", "vault"):
        assert await pool.fetchval(f"SELECT count(*) FROM {table}") == 0, table
    assert await pool.fetchval("SELECT url || description || secrets::text FROM webhook") == "[]"


async def test_the_list_is_rebuilt_from_the_journal(hooks: Hooks, receiver: Receiver) -> None:
    kept, other = [(await hooks.register(receiver.url))[0] for _ in range(2)]
    await hooks.ask("POST", f"/{kept}/rotations")
    await hooks.ask("POST", f"/{kept}/deactivations", {"note": "Umbau"})
    await hooks.ask("DELETE", f"/{other}", None, MEMBER, If_Match='"1"')
    before = await hooks.shown(kept)
    rebuilt = await rebuild(hooks.notify.dsn, hooks.notify.journal, WEBHOOKS)
    assert (rebuilt.events, rebuilt.different) == (5, ())
    assert await hooks.shown(kept) == before
    await hooks.ask("POST", f"/{kept}/activations")
    await hooks.tell(renamed)
    await hooks.send()
    assert len(receiver.told) == 1


async def test_the_log_is_kept_for_a_while_and_old_things_are_not_told(hooks: Hooks, receiver: Receiver) -> None:
    webhook_id, _ = await hooks.register(receiver.url)
    await hooks.tell(renamed)
    await hooks.send()
    await hooks.tell(renamed)
    await hooks.ask("POST", f"/{webhook_id}/deactivations", {"note": "Umbau"})
    upkeep = WebhookUpkeep(hooks.notify.pool, hooks.notify.vault, hooks.notify.clock, dt.timedelta(days=30))
    hooks.notify.clock.forward(days=4)
    await upkeep.step()
    await hooks.ask("POST", f"/{webhook_id}/activations")
    await hooks.send()
    assert [state for state, _ in await hooks.log(webhook_id)] == ["delivered", "failed"]
    assert await upkeep.forget(100) == 0
    hooks.notify.clock.forward(days=27)
    assert await upkeep.forget(1) == 1
    assert await upkeep.forget(100) == 1
    assert (len(receiver.told), await hooks.log(webhook_id)) == (1, [])


async def test_the_receiver_of_the_documentation_takes_what_is_signed_and_nothing_else(hooks: Hooks) -> None:
    hooks.notify.clock.time = dt.datetime.now(dt.UTC)
    environment = {"PATH": os.environ["PATH"]}
    port = await free_port()
    webhook_id, secret = await hooks.register(f"http://127.0.0.1:{port}/")
    example = await asyncio.create_subprocess_exec(
        sys.executable, str(EXAMPLE), str(port), env=environment | {"IKZ_WEBHOOK_SECRET": secret}, stdout=PIPE
    )
    try:
        assert example.stdout is not None
        assert b"listening" in await asyncio.wait_for(example.stdout.readline(), 20)
        await hooks.tell(renamed)
        await hooks.send()
        shown = await asyncio.wait_for(example.stdout.readline(), 20)
        assert shown.decode().split() == ["ikz.catalog.topic.renamed.v1", "topic/treasury"]
        assert await hooks.log(webhook_id) == [("delivered", ["delivered"])]
        client = hooks.notify.webhooks.client
        forged = await client.tell(f"http://127.0.0.1:{port}/", {"webhook-id": "x", "webhook-timestamp": "1"}, "{}")
        assert forged.status == 401
    finally:
        example.terminate()
        await example.wait()


async def free_port() -> int:
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port
