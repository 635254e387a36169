"""The service as a process of its own, from contracts in a stream to mails; around it, others stand in."""

import asyncio
import base64
import datetime as dt
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
import structlog
from aiohttp import ClientSession

from services.notify.__main__ import build
from services.notify.cause import OfRegistration, OfSession
from services.notify.reports import Reports
from services.notify.sender import BUSY, Sender
from services.notify.settings import NotifySettings
from shared.contracts.gateway import PersonErased
from shared.contracts.rpc import (
    AddressesAsked,
    AskersAsked,
    PeopleAsked,
    QuestionLetterAsked,
    RegistrantsAsked,
    SignInAnswered,
    SignInAsked,
)
from shared.embedded.nats import EmbeddedNats
from shared.kernel.bus import ApiError, Bus, Connection, open_connection
from shared.kernel.clock import Clock
from shared.kernel.health import Health
from shared.kernel.identity import HEADER, Identity, KeyPair, Signer, Verifier, generate_keys
from shared.kernel.nats_access import USERS, render_config
from shared.kernel.postgres import Pool, connect_pool
from shared.kernel.rpc import RpcEndpoint, ask, serve_rpc
from shared.kernel.service import Runtime
from shared.kernel.streams import bootstrap_streams, stream_of
from shared.kernel.vault import Vault
from shared.kernel.wakeup import Wakeup
from tests.conftest import Servers, fresh_database
from tests.integration.notify.conftest import EDITOR, AddressBook, with_its_tables
from tests.integration.notify.mailbox_servers import PASSWORD, USER, MailServer, mailbox_server
from tests.integration.notify.office import Owner, methods, of, people
from tests.integration.notify.receiver import receiving
from tests.integration.notify.sink import Sink, mail_server
from tests.integration.notify.stand_in import Publisher
from tests.unit.notify import returns, samples
from tests.unit.notify.samples import postponed, session
from tests.unit.notify.test_question_letter import QUESTIONS

PATIENCE = 30.0
BOTH = Identity(None, frozenset({"reader", "editor", "operator"}), None, "token:test")
SESSION_STREAM = f"session-{samples.SESSION}"


@dataclass
class World:
    """Everything around the service."""

    dsn: str
    pool: Pool
    nats: EmbeddedNats
    operator: Connection
    events: Publisher
    gateway: Publisher
    owner: Owner
    sink: Sink
    keys: KeyPair
    book: AddressBook
    gateways: Bus

    async def happens(self, *causes: OfRegistration | OfSession, **how: Any) -> None:
        for cause in causes:
            await self.events.publish(cause, SESSION_STREAM, **how)

    async def settles(self) -> None:
        """Returns when everything that was published has been delivered, taken in, acknowledged and told."""
        await until(self._settled)

    async def _settled(self) -> bool:
        """Nothing more can come: JetStream has nothing to deliver, and what was taken in is done with."""
        try:
            consumer = await self.operator.api(f"CONSUMER.INFO.{stream_of('events')}.notify")
        except ApiError:  # it was deleted and is not made anew yet
            return False
        reached = await self.pool.fetchval("SELECT position FROM inbox_consumer WHERE source = 'events'")
        open_ = await self.pool.fetchval(
            "SELECT (SELECT count(*) FROM mailing WHERE state = 'open') + "
            "(SELECT count(*) FROM message WHERE state IN ('waiting', 'sending'))"
        )
        undelivered = consumer["num_pending"] + consumer["num_ack_pending"]
        return bool(undelivered == 0 and reached == self.events.position and open_ == 0)

    @asynccontextmanager
    async def service(self, **environment: str) -> AsyncIterator[Process]:
        """The process; killed at the end of the block if it still runs."""
        set_here = {
            "IKZ_DATABASE_URL": self.dsn,
            "IKZ_NATS_URL": self.nats.url("notify"),
            "IKZ_VAULT_KEY": "A" * 43,
            "IKZ_IDENTITY_PUBLIC_KEY": self.keys.public,
            "IKZ_PUBLIC_URL": samples.PORTAL,
            "IKZ_SMTP_URL": f"smtp://127.0.0.1:{self.sink.port}",
            "IKZ_PORT": "0",
            "IKZ_LOG_FORMAT": "json",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.notify",
            env=os.environ | set_here | environment,
            stdout=DEVNULL,
            stderr=PIPE,
        )
        assert process.stderr is not None
        lines: list[bytes] = []
        drain = asyncio.create_task(_drain(process.stderr, lines))
        try:
            await until(lambda: bool(lines))
            self.address = f"http://127.0.0.1:{json.loads(lines[0])['port']}"
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await drain
            self.log = b"".join(lines).decode()


async def _drain(stream: asyncio.StreamReader, lines: list[bytes]) -> None:
    while line := await stream.readline():
        lines.append(line)


async def until(true: Callable[[], bool | Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            now = true()
            if now if isinstance(now, bool) else await now:
                return
            await asyncio.sleep(0.02)


@pytest.fixture
async def world(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A database, streams, an events service that answers, a mail server; nothing published yet."""
    passwords = {user: f"password-of-{user}" for user in USERS}
    owner, book = Owner(session(), people(3)), AddressBook()
    async with (
        EmbeddedNats(tmp_path_factory.mktemp("nats"), render_config, passwords) as nats,
        mail_server() as sink,
        fresh_database(servers, with_its_tables) as database,
        await connect_pool(dsn := database.dsn("notify"), name="test") as pool,
    ):
        await bootstrap_streams(nats.url("operator"))
        operator = await open_connection(nats.url("operator"), "test operator")
        events = await open_connection(nats.url("events"), "test events")
        gateway = await open_connection(nats.url("gateway"), "test gateway")
        bus = Bus(nats.url("events"), "test answers")
        await bus.open()
        endpoints: list[RpcEndpoint[Any]] = [
            RpcEndpoint(RegistrantsAsked.subject, RegistrantsAsked, owner.answer),
            RpcEndpoint(AddressesAsked.subject, AddressesAsked, owner.addresses),
            RpcEndpoint(AskersAsked.subject, AskersAsked, owner.askers),
            RpcEndpoint(QuestionLetterAsked.subject, QuestionLetterAsked, owner.answer_question),
        ]
        gateways = Bus(nats.url("gateway"), "test gateway answers")
        await gateways.open()
        reached = RpcEndpoint(PeopleAsked.subject, PeopleAsked, book.answer)
        serving = [
            asyncio.create_task(serve_rpc(bus, "events", endpoints)),
            asyncio.create_task(serve_rpc(gateways, "gateway", [reached])),
            asyncio.create_task(bus.run()),
            asyncio.create_task(gateways.run()),
        ]
        yield World(
            dsn,
            pool,
            nats,
            operator,
            Publisher("events", events),
            Publisher("gateway", gateway),
            owner,
            sink,
            generate_keys(),
            book,
            gateways,
        )
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        await bus.close()
        await gateways.close()
        for connection in (operator, events, gateway):
            await connection.close()


async def test_a_registration_from_beginning_to_end(world: World, tmp_path: Path) -> None:
    """Received, confirmed, moved, withdrawn: each told once, the calendar kept right, everything reported.

    The last one comes back.
    """
    person = world.owner.people[0]
    in_time = {"confirm_by": dt.datetime.now(dt.UTC) + dt.timedelta(days=1)}
    world.owner.people = [person.model_copy(update={"status": "received", **in_time})]
    async with (
        receiving() as receiver,
        mailbox_server(tmp_path) as mailbox,
        world.service(IKZ_WEBHOOK_LOOPBACK="true", **returns_to(mailbox, tmp_path)) as process,
    ):
        programs = Programs(world, person.person_id)
        await programs.begin(receiver.url)
        await world.happens(of(person, samples.RECEIVED.model_copy(update=in_time)))
        await until(lambda: len(world.sink.mails) == 1)
        world.owner.people = [person]
        await world.happens(of(person, samples.CONFIRMED))
        await until(lambda: len(world.sink.mails) == 2)
        world.owner.session = session(**samples.dated(samples.NEW), previous=samples.OLD, sequence=1)
        await world.happens(postponed())
        await until(lambda: len(world.sink.mails) == 3)
        world.owner.people = [person.model_copy(update={"status": "withdrawn"})]
        await world.happens(of(person, samples.WITHDRAWN))
        await world.settles()
        assert [mail.subject.split(":")[0] for mail in world.sink.mails] == [
            "Bitte bestätigen Sie Ihre Anmeldung",
            "Anmeldung bestätigt",
            "Verschoben",
            "Abmeldung bestätigt",
        ]
        assert methods(world.sink, person.email) == ["REQUEST", "REQUEST", "CANCEL"]
        links = [f"{samples.PORTAL}/anmeldung/{person.token}".encode() in mail.raw for mail in world.sink.mails]
        assert links == [True, True, True, False]
        delivered = await reports(world, 4)
        assert {report["type"] for report in delivered} == {"ikz.notify.message.delivered.v1"}
        assert [report["data"]["kind"] for report in delivered] == [
            "registration_received",
            "registration_confirmed",
            "postponement",
            "registration_withdrawn",
        ]
        assert delivered[2]["causationid"] == delivered[2]["data"]["cause"] == f"{SESSION_STREAM}@3"
        link = SignInAsked(
            request_id=str(uuid4()),
            person_id=world.book.add("wer.sich@anmeldet.example"),
            token="anmelden-mit-diesem-link",
            valid_until=dt.datetime.now(dt.UTC) + dt.timedelta(minutes=15),
        )
        assert (await ask(world.gateways, SignInAsked.subject, link, SignInAnswered)).accepted
        await until(lambda: len(world.sink.to("wer.sich@anmeldet.example")) == 1)
        await programs.announce()
        await receiver.heard(2)
        assert [told.id for told in receiver.told] == [f"{SESSION_STREAM}@3", f"announcement-{programs.announced}@2"]
        assert (await programs.heard(6)).count("message") == 4
        last = delivered[3]["data"]["message_id"]
        mailbox.put(returns.report(to=world.sink.senders[3], message_id=UUID(last)))
        bounced = "ikz.notify.message.bounced.v1"
        (came_back,) = [report for report in await reports(world, 7) if report["type"] == bounced]
        assert (came_back["data"]["message_id"], came_back["data"]["reason"]) == (last, "mailbox_unknown")
        async with ClientSession() as http, http.get(f"{world.address}/metrics") as answer:
            figures = await answer.text()
        assert 'ikz_notify_messages{kind="registration_withdrawn",status="bounced"} 1.0' in figures
        assert {"ikz_notify_suppressed_addresses 1.0", "ikz_notify_bounce_mailbox_up 1.0"} <= set(figures.split("\n"))
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
    assert all(envelope.startswith("bounces+") for envelope in world.sink.senders)
    for secret in (person.email, person.name, person.token, link.token, "wer.sich"):
        assert secret not in world.log
        assert not [told for told in receiver.told if secret in told.body]
        assert secret not in json.dumps(delivered)


@dataclass
class Programs:
    """What programs hear beside the people: a webhook, and the live stream of one person."""

    world: World
    person_id: str
    announced: str = ""

    async def begin(self, url: str) -> None:
        """Listens and registers, as soon as the service is ready."""
        async with ClientSession() as http:

            async def ready() -> bool:
                async with http.get(f"{self.world.address}/health/ready") as answer:
                    return answer.status == 200

            await until(ready)
        await self.ask("GET", f"/internal/live?person={self.person_id}")
        types = ["ikz.events.session.*", "ikz.notify.announcement.*"]
        await self.ask("POST", "/api/v1/webhooks", {"url": url, "types": types})

    async def announce(self) -> None:
        """A news item, which this service takes in from its own stream."""
        content = {"title": "Neues Projekt", "teaser": "Ein Projekt ist neu."}
        self.announced = (await self.ask("POST", "/api/v1/announcements", content))["id"]
        await self.ask("POST", f"/api/v1/announcements/{self.announced}/publications")

    async def heard(self, number: int) -> list[str]:
        """The types of what the person is told, once it is that much."""
        items: list[Any] = []
        while len(items) < number:
            query = f"after=0-00000000&person={self.person_id}&wait=1"
            items = (await self.ask("GET", f"/internal/live?{query}"))["items"]
        return [item["type"] for item in items]

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        identity = Signer(self.world.keys.private, Clock()).sign(BOTH, "notify")
        async with (
            ClientSession() as http,
            http.request(method, self.world.address + path, json=body, headers={HEADER: identity}) as answer,
        ):
            assert answer.status < 300, await answer.text()
            return await answer.json()


def returns_to(mailbox: MailServer, folder: Path) -> dict[str, str]:
    """The settings with which bounces are read from a mailbox."""
    return {
        "IKZ_BOUNCE_ADDRESS": f"bounces@{returns.DOMAIN}",
        "IKZ_BOUNCE_MAILBOX_URL": f"imaps://{USER}:{quote(PASSWORD)}@127.0.0.1:{mailbox.imaps}",
        "IKZ_BOUNCE_POLL_SECONDS": "1",
        "SSL_CERT_FILE": str(folder / "server.pem"),
    }


async def reports(world: World, number: int) -> list[dict[str, Any]]:
    """What the service has published, once it is that much."""
    stream = stream_of("notify")

    async def enough() -> bool:
        return bool((await world.operator.api(f"STREAM.INFO.{stream}"))["state"]["messages"] >= number)

    await until(enough)
    found = [await world.operator.api(f"STREAM.MSG.GET.{stream}", {"seq": seq}) for seq in range(1, number + 1)]
    return [json.loads(base64.b64decode(each["message"]["data"])) for each in found]


async def test_whatever_is_delivered_again_tells_nobody_again(world: World) -> None:
    """JetStream's consumer is lost; the stream is lost and filled again; at last our own inbox is emptied."""
    accepted, asked = QUESTIONS["question accepted"]
    world.owner.questions = {asked.question_id: asked}
    async with world.service():
        await world.happens(of(world.owner.people[0], samples.CONFIRMED), postponed())
        await world.events.publish(samples.MATERIAL, f"release-{samples.MATERIAL.release_id}")
        await world.events.publish(accepted, f"question-{asked.question_id}")
        await world.settles()
        assert len(world.sink.mails) == 8
        await world.operator.api(f"CONSUMER.DELETE.{stream_of('events')}.notify")
        await world.happens(samples.REINSTATED)
        await world.settles()
        assert len(world.sink.mails) == 12, "the people of the session, and who asked"
        await world.operator.api(f"STREAM.DELETE.{stream_of('events')}")
        await bootstrap_streams(world.nats.url("operator"))
        await world.events.again()
        await world.happens(samples.CANCELLED)
        await world.settles()
        assert len(world.sink.mails) == 15
    await world.pool.execute("TRUNCATE inbox, inbox_consumer, inbox_aggregate")
    async with world.service():
        await world.settles()
    assert len(world.sink.mails) == 15
    assert len({mail.message_id for mail in world.sink.mails}) == 15


OLDER = """
TRUNCATE mailing, message, attempt, journal, command, snapshot, projection, inbox, inbox_aggregate, relay_state CASCADE;
UPDATE journal_counter SET position = 0;
UPDATE inbox_consumer SET position = 0, stream_seq = 0
"""
"""The database as it was when the service had been installed, and nothing had happened."""


async def test_a_database_that_is_restored_to_an_older_state_tells_nobody_again(world: World) -> None:
    """The causes are read once more; the service's own stream knows who was told of them."""
    refused = world.owner.people[2].email
    world.sink.say = lambda envelope, stage: (
        "554 5.7.1 no" if stage == "RCPT" and refused in envelope.rcpt_tos else None
    )
    async with world.service():
        await world.happens(of(world.owner.people[0], samples.CONFIRMED), postponed())
        await world.settles()
        await reports(world, 4)
    assert len(world.sink.mails) == 3
    await world.pool.execute(OLDER)
    world.sink.say = lambda _, __: None
    async with world.service():
        await world.happens(samples.CANCELLED)
        await world.settles()
    assert "database_was_restored" in world.log
    assert [mail.subject.split(":")[0] for mail in world.sink.mails[3:]] == ["Abgesagt"] * 3
    assert len({mail.message_id for mail in world.sink.mails}) == 6


async def test_history_and_what_is_old_tell_nobody(world: World) -> None:
    long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=8)
    just_before_us = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=5)
    await world.happens(postponed(), history=True)
    await world.happens(postponed(sequence=2), recorded_at=long_ago)
    await world.happens(postponed(sequence=3), recorded_at=just_before_us)
    async with world.service():
        await world.settles()
        assert not world.sink.mails
        assert await world.pool.fetchval("SELECT count(*) FROM mailing") == 0
        await world.happens(postponed(sequence=4))
        await world.settles()
    assert len(world.sink.mails) == 3


@pytest.mark.long
async def test_killed_again_and_again_it_tells_everybody(world: World) -> None:
    """What SMTP may have got twice has the same Message-ID; nothing is lost and nothing else is doubled."""
    world.owner.people = people(60)
    world.owner.page = 7
    await world.happens(of(world.owner.people[0], samples.CONFIRMED), postponed(), samples.CANCELLED)
    for kill_after in (1, 40, 90):
        async with world.service() as process:
            await until(lambda: len(world.sink.mails) >= kill_after)  # noqa: B023 -- called within this turn
            process.kill()
            await process.wait()
        await world.pool.execute("UPDATE message SET ready_at = now() WHERE state IN ('waiting', 'sending')")
        await world.pool.execute("UPDATE mailing SET ready_at = now() WHERE state = 'open'")
    async with world.service():
        await world.settles()
    ids = [mail.message_id for mail in world.sink.mails]
    assert len(set(ids)) == 121
    assert len(ids) <= 121 + 3 * 4, "more than what was in hand when it was killed came twice"
    for person in world.owner.people:
        kinds = [mail.subject.split(":")[0] for mail in world.sink.to(person.email)]
        assert kinds.index("Verschoben") < kinds.index("Abgesagt")


@pytest.mark.long
async def test_what_a_killed_process_had_claimed_is_told_soon(world: World) -> None:
    world.owner.people = people(60)
    await world.happens(postponed())
    async with world.service() as process:
        await until(lambda: bool(world.sink.mails))
        process.kill()
        await process.wait()
    assert await world.pool.fetchval("SELECT count(*) FROM message WHERE state = 'sending'")
    async with world.service():
        await world.settles()
    assert len({mail.message_id for mail in world.sink.mails}) == 60


async def test_an_erased_person_is_forgotten(world: World) -> None:
    first, *others = world.owner.people
    world.sink.say = lambda _, stage: "450 4.2.0 later" if stage == "RCPT" else None
    async with world.service():
        await world.happens(postponed())

        async def tried() -> bool:
            return bool(await world.pool.fetchval("SELECT count(*) = 3 FROM attempt"))

        await until(tried)
        await world.gateway.publish(PersonErased(person_id=first.person_id), f"person-{first.person_id}")

        async def forgotten() -> bool:
            return bool(await world.pool.fetchval("SELECT count(*) = 2 FROM message"))

        await until(forgotten)
        world.sink.say = lambda _, __: None
        await world.pool.execute("UPDATE message SET ready_at = now()")
        await world.happens(samples.CANCELLED)
        await world.settles()
    assert sorted({mail.recipient for mail in world.sink.mails}) == sorted(person.email for person in others)
    assert len(world.sink.mails) == 4


async def test_reports_ask_the_sender_whether_a_large_mailing_is_sent(world: World) -> None:
    given: dict[str, Any] = {
        "database_url": world.dsn,
        "nats_url": world.nats.url("notify"),
        "vault_key": "A" * 43,
        "identity_public_key": world.keys.public,
        "public_url": samples.PORTAL,
        "smtp_url": f"smtp://127.0.0.1:{world.sink.port}",
    }
    settings = NotifySettings(**given)
    bus = Bus(settings.nats_url, "test notify")
    await bus.open()
    parts = await build(
        Runtime(
            settings=settings,
            clock=Clock(),
            health=Health(),
            pool=world.pool,
            bus=bus,
            wakeup=Wakeup(),
            verifier=Verifier(world.keys.public, "notify", Clock()),
            vault=Vault(world.pool, settings.vault_key),
            log=structlog.get_logger(),
        )
    )
    try:
        owners = [getattr(task, "__self__", None) for task in parts.tasks]
        (sender,) = [each for each in owners if isinstance(each, Sender)]
        (reports,) = [each for each in owners if isinstance(each, Reports)]
        assert not reports.busy()
        sender.in_hand.update(uuid4() for _ in range(BUSY + 1))
        assert reports.busy()
    finally:
        for close in parts.closing:
            await close()
        await bus.close()


@pytest.mark.long
async def test_it_waits_for_the_mail_server_and_the_events_service(world: World) -> None:
    world.owner.down = True
    await world.sink.close()
    async with world.service(), ClientSession() as http:
        await world.happens(postponed())
        await until(lambda: len(world.owner.asked) >= 2)
        world.owner.down = False

        async def written() -> bool:
            return bool(await world.pool.fetchval("SELECT count(*) = 3 FROM message WHERE state = 'waiting'"))

        await until(written)

        async def told_why() -> bool:
            async with http.get(f"{world.address}/health/ready") as answer:
                report = await answer.json()
                return report["ready"] is True and report["checks"]["smtp"]["ok"] is False

        await until(told_why)
        await world.sink.open()
        await world.settles()
        signer = Signer(world.keys.private, Clock())
        seen = {HEADER: signer.sign(EDITOR, "notify")}
        async with http.get(f"{world.address}/api/v1/messages", headers=seen) as answer:
            assert (await answer.json())["counts"] == [{"kind": "postponement", "status": "delivered", "count": 3}]
    assert len(world.sink.mails) == 3
