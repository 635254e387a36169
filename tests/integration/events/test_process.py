"""The events service as a process of its own, between Postgres and NATS."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from aiohttp import ClientSession

from services.catalog.topic import TOPIC, DefineTopic, Group, MergeTopic, RenameTopic
from services.gateway.person import PERSON, ErasePerson, RegisterPerson
from shared.contracts.rpc import (
    QuestionLetterAnswered,
    QuestionLetterAsked,
    RecipientsAnswered,
    RecipientsAsked,
)
from shared.embedded.nats import EmbeddedNats
from shared.kernel.bus import Bus
from shared.kernel.clock import Clock
from shared.kernel.decider import Decider
from shared.kernel.health import Health
from shared.kernel.identity import HEADER, KeyPair, Signer, generate_keys
from shared.kernel.ids import new_id
from shared.kernel.journal import Journal
from shared.kernel.migrations import migrate
from shared.kernel.nats_access import USERS, render_config
from shared.kernel.postgres import connect_pool
from shared.kernel.recorded import Context
from shared.kernel.relay import Relay
from shared.kernel.rpc import ask
from shared.kernel.streams import bootstrap_streams
from shared.kernel.wakeup import Wakeup
from tests.conftest import Database
from tests.integration.bus.rig import eventually
from tests.integration.events.catalogue import Catalogue, answering
from tests.integration.events.conftest import EDITOR, entering

STARTING = 60.0  # importing everything takes long where many do so at once
PATIENCE = 20.0
GROUP = Group(code="administration", slug="verwaltung", label="Verwaltung")
NEXT_YEAR = f"{Clock().now().year + 1}-07-01T10:00:00+02:00"
LATER = f"{Clock().now().year + 1}-07-08T10:00:00+02:00"
CARRIED = "SELECT count(*) FROM journal WHERE stream = 'question-' || $1 AND type = 'QuestionCarriedOver'"


@pytest.fixture(scope="module")
async def nats(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedNats]:
    """A server with the streams and rights of the real system."""
    passwords = {user: f"password-of-{user}" for user in USERS}
    async with EmbeddedNats(tmp_path_factory.mktemp("nats"), render_config, passwords) as server:
        await bootstrap_streams(server.url("operator"))
        yield server


@asynccontextmanager
async def process_of(database: Database, nats: EmbeddedNats, keys: KeyPair) -> AsyncIterator[tuple[Process, str]]:
    """The process and its address."""
    environment = os.environ | {
        "IKZ_DATABASE_URL": database.dsn("events"),
        "IKZ_NATS_URL": nats.url("events"),
        "IKZ_VAULT_KEY": "A" * 43,
        "IKZ_IDENTITY_PUBLIC_KEY": keys.public,
        "IKZ_PORT": "0",
        "IKZ_LOG_FORMAT": "json",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.events", env=environment, stdout=DEVNULL, stderr=PIPE
    )
    assert process.stderr is not None
    try:
        started = json.loads(await asyncio.wait_for(process.stderr.readline(), STARTING))
        drain = asyncio.create_task(process.stderr.read())
        yield process, f"http://127.0.0.1:{started['port']}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    log = await drain
    assert b"Traceback" not in log, log.decode()
    assert b"ada@stadt.example" not in log
    assert b"Ada Beispiel" not in log


@asynccontextmanager
async def publisher(
    database: Database, nats: EmbeddedNats, service: str, decider: Decider[Any, Any, Any]
) -> AsyncIterator[Callable[..., Any]]:
    """What gives commands to aggregates of another service, whose contracts reach the stream as in the real system."""
    dsn, wakeup = database.dsn(service), Wakeup()
    await migrate(dsn, service)
    async with await connect_pool(dsn, name=f"test {service}") as pool:
        journal = Journal(dsn, pool, [decider], [], wakeup=wakeup)
        relay = Relay(
            service=service,
            dsn=dsn,
            nats_url=nats.url(service),
            journal=journal,
            wakeup=wakeup,
            public_url="http://127.0.0.1:8080",
            health=Health(),
        )

        async def give(aggregate: str, *commands: object) -> None:
            for command in commands:
                context = Context(command_id=new_id(), actor="t", at=Clock().now(), correlation_id="c", fresh=True)
                await journal.transact(decider, aggregate, command, context)

        async with journal.running():
            task = asyncio.create_task(relay.run())
            yield give
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def carried_over(database: Database, question_id: str) -> int:
    async with await connect_pool(database.dsn("events"), name="test looking") as pool:
        return int(await pool.fetchval(CARRIED, question_id))


async def test_registering_telling_forgetting(database: Database, nats: EmbeddedNats) -> None:
    keys, person = generate_keys(), str(new_id())
    signer = Signer(keys.private, Clock())
    bus, asking = Bus(nats.url("notify"), "test notify"), Bus(nats.url("events"), "test events")
    await bus.open()
    await asking.open()
    async with (
        process_of(database, nats, keys) as (process, address),
        ClientSession(address) as http,
        publisher(database, nats, "gateway", PERSON) as to_person,
        publisher(database, nats, "catalog", TOPIC) as to_topic,
        answering(nats, Catalogue(), asking),
    ):

        async def ready() -> bool:
            async with http.get("/health/ready") as answer:
                return bool((await answer.json())["ready"])

        async def call(method: str, path: str, body: Any = None) -> Any:
            async with http.request(method, path, json=body, headers={HEADER: signer.sign(EDITOR, "events")}) as answer:
                assert answer.status < 300, await answer.text()
                return await answer.json()

        async def participants() -> int:
            return int((await call("GET", f"/api/v1/sessions/{session_id}/registrations"))["total"])

        async def told() -> list[str]:
            asked = RecipientsAsked(session_id=session_id)
            answer = await ask(bus, RecipientsAsked.subject, asked, RecipientsAnswered)
            return [recipient.email for recipient in answer.recipients]

        await eventually(ready, wanted=True)
        series = {"slug": "reihe", "title": "Reihe", "format": "workshop"}
        series_id = (await call("POST", "/api/v1/series", series))["id"]
        session = {"series_id": series_id, "title": "Termin", "mode": "online", "starts_at": NEXT_YEAR, "capacity": 1}
        session |= {"topics": ["treasury"], "questions_open": True}
        session_id = (await call("POST", "/api/v1/sessions", session))["id"]
        await call("POST", f"/api/v1/sessions/{session_id}/announcements")
        await call("POST", f"/api/v1/sessions/{session_id}/registration-openings")
        body = {"person_id": person, "email": "ada@stadt.example", "name": "Ada Beispiel", "member": True}
        await call("POST", "/internal/registrations", {"registrations": [entering(session_id, body)]})
        assert await told() == ["ada@stadt.example"]
        await call("POST", f"/internal/sessions/{session_id}/questions", body | {"text": "Wie teilt man Kosten?"})
        question_id = (await call("GET", "/api/v1/questions"))["items"][0]["id"]

        async def question_says() -> str | None:
            asked = QuestionLetterAsked(question_id=question_id)
            letter = (await ask(bus, QuestionLetterAsked.subject, asked, QuestionLetterAnswered)).letter
            return f"{letter.email} {letter.question} {letter.session.reason}" if letter else None

        assert await question_says() == "ada@stadt.example Wie teilt man Kosten? None"
        await call("POST", f"/api/v1/sessions/{session_id}/postponements", {"starts_at": LATER, "reason": "Krankheit"})
        await eventually(partial(carried_over, database, question_id), wanted=1)
        await to_person(person, RegisterPerson(), ErasePerson(person_id=person))
        await eventually(participants, wanted=0)

        async def seats_left() -> int:
            return int((await call("GET", f"/api/v1/sessions/{session_id}"))["seats_left"])

        await eventually(seats_left, wanted=1)
        assert await told() == []
        assert await question_says() is None

        async def found_by(topic: str) -> int:
            return int((await call("GET", f"/api/v1/sessions?topic={topic}"))["total"])

        for topic, into in (("cash_desk", "treasury"), ("treasury", "finance")):
            defined = DefineTopic(topic=topic, slug=topic, label=topic, group=GROUP)
            await to_topic(topic, defined, RenameTopic(label="Kasse"), MergeTopic(into=into, reason="doppelt"))
        for topic in ("finance", "cash_desk", "treasury"):
            await eventually(partial(found_by, topic), wanted=1)
        assert await found_by("health") == 0
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
    await bus.close()
    await asking.close()
