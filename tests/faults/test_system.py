"""A whole system at work while its processes, PostgreSQL and NATS are killed and frozen: what was promised holds."""

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from services.catalog.records import DECIDERS, PROJECTIONS
from services.catalog.topic import TOPIC as TOPICS
from services.catalog.topic import DefineTopic, Group
from shared.embedded.folder import DataFolder, environment_of, local_url
from shared.embedded.process import free_ports
from shared.embedded.supervisor import Program, keep
from shared.kernel.journal import Journal
from shared.kernel.postgres import connect_pool
from shared.kernel.recorded import Context
from shared.kernel.wakeup import Wakeup
from tests.conftest import UNLIMITED
from tests.faults.admission import walk
from tests.faults.checker import broken, message_id
from tests.faults.havoc import Havoc
from tests.faults.history import History
from tests.faults.load import TOPIC, Inbox, Load
from tests.faults.remains import SERVICES, Archive
from tests.faults.storm import Storm
from tests.running import up

BACK_WITHIN = 10.0
"""Seconds after the last fault in which everything works again, by itself."""
START = 8.0
"""Seconds in which an empty system starts on two cores with nothing else to do: the measure of all patience."""
PATIENCE = 60.0
WARM_UP = 1.0
REPLICAS_FROM = 20.0
"""How many seconds a storm has to rage for a second process of each of these services to be worth its start."""
REPLICAS = ("events", "notify", "gateway")


@pytest.mark.timeout(900)
async def test_what_was_promised_holds_whatever_is_killed(
    tmp_path: Path, storm: Storm, record_property: Callable[[str, object], None]
) -> None:
    history, archive, began = History(), Archive(tmp_path), time.monotonic()
    async with up(tmp_path, "--empty", environment=UNLIMITED) as system, AsyncExitStack() as stack:
        slowness = max(1.0, (time.monotonic() - began) / START)
        back_within = BACK_WITHIN * slowness
        await _define_topic(archive)
        replicas = await stack.enter_async_context(
            _replicas(tmp_path, REPLICAS if storm.seconds >= REPLICAS_FROM else ())
        )
        client = await stack.enter_async_context(aiohttp.ClientSession())
        bases = [system.base_url, *(each.url for name, each in replicas.items() if name == "gateway-2")]
        load = Load(client, bases, system.editor_token, Inbox(tmp_path / "mailbox"), history, random.Random(storm.seed))
        load.people, load.pace = int(8 + storm.seconds), slowness

        def pids() -> Mapping[str, int]:
            others = {name: each.pid for name, each in replicas.items()}
            return DataFolder(tmp_path).running().pids | others

        targets = (*SERVICES, "mailbox", "postgres", "nats", *replicas)
        havoc = Havoc(pids, targets, history, random.Random(storm.dice.random()), 6.0 if replicas else 1.0)
        urls = [*(str(system.status[name]) for name in SERVICES), *(each.url for each in replicas.values())]
        patient = replace(load, bases=[system.base_url], patient=True)
        await _all_ready(patient, urls, time.time() + PATIENCE)
        load.series = await patient.start_series()
        quiet = await replace(patient, series=load.series).open_session(1000)
        assert quiet is not None

        async def rage() -> None:
            await asyncio.sleep(WARM_UP)
            storm.begin()
            while storm.raging or havoc.spared:
                await havoc.gust(storm.dice.randint(1, 4) if replicas else len(targets))
                await _all_ready(patient, urls, history.last_fault() + back_within)
                await _works_again(patient, quiet, history.last_fault() + back_within)
                record_property("seconds until all was well", time.time() - history.last_fault())

        await load.run(rage)
        await load.settle(time.time() + PATIENCE)
        await _all_told(archive)
        remains = await archive.read()
        remains.different = await archive.rebuilt()
    found = "\n".join(broken(history, remains))
    assert not found, found
    _was_worth_it(history)


async def _all_ready(load: Load, urls: list[str], until: float) -> None:
    waiting = dict.fromkeys(urls, "no answer yet")
    while waiting:
        for url in list(waiting):
            try:
                async with load.client.get(f"{url}/health/ready", timeout=aiohttp.ClientTimeout(2)) as answer:
                    waiting[url] = await answer.text()
                    if answer.status == 200:
                        del waiting[url]
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                waiting[url] = repr(error)
        assert not waiting or time.time() < until, f"not ready long after the last fault: {waiting}"
        await asyncio.sleep(0.05)


async def _works_again(load: Load, session: str, until: float) -> None:
    """Every service takes something new, and who registers gets the mail."""
    address = f"{uuid4().hex}@stadt.example"
    news = {"title": "Nach dem Sturm", "teaser": "Es ist still."}
    project = {"title": "Nach dem Sturm", "summary": "Es ist still.", "participations_complete": False}
    async with asyncio.timeout(until - time.time()):
        assert await load.command("draft_project", "catalog", "/projects", project)
        assert await load.command("draft_announcement", "notify", "/announcements", news)
        assert await load.insist(load.registration(session, address))
    inbox = Inbox(load.inbox.folder)
    while not any(entry.to == address for entry, _ in inbox.new()):
        assert time.time() < until, "no mail long after the last fault"
        await asyncio.sleep(0.05)


async def _all_told(archive: Archive) -> None:
    """Waits until every mail that must come has come, and for what else may come."""
    until = time.time() + PATIENCE
    expected = {message_id(told) for each in walk(await archive.journal("events")) for told in each.told if told.surely}
    while expected - {mail.message_id for mail in archive.mails()} and time.time() < until:
        await asyncio.sleep(0.2)
    await asyncio.sleep(1)


def _was_worth_it(history: History) -> None:
    """A storm in which nothing was asked or nothing went wrong proves nothing."""
    done = [attempt.asked.kind for attempt in history.attempts if attempt.done]
    lost = [attempt for attempt in history.attempts if not attempt.final]
    assert {"register", "confirmations", "publications", "draft_session"} <= set(done)
    assert lost


@dataclass(slots=True)
class Replica:
    """A second process of a service, which nobody but this test runs."""

    program: Program
    url: str

    @property
    def pid(self) -> int:
        """The process that runs now."""
        assert self.program.process is not None
        return self.program.process.pid


@asynccontextmanager
async def _replicas(path: Path, services: tuple[str, ...]) -> AsyncIterator[dict[str, Replica]]:
    """Second processes, kept running; the gateway's second one asks the second one of events."""
    folder = DataFolder(path)
    running, kept = folder.running(), folder.secrets()
    ports = dict(zip(services, free_ports(len(services)), strict=True))
    replicas: dict[str, Replica] = {}
    for service, port in ports.items():
        name = f"{service}-2"
        environment = environment_of(service, running, kept, folder) | {"IKZ_PORT": str(port)}
        if service == "gateway":
            environment["IKZ_EVENTS_URL"] = local_url(ports["events"])
        program = Program(
            [sys.executable, "-m", f"services.{service}"],
            environment | UNLIMITED,
            record=path / "processes" / f"{name}.json",
            log=path / "logs" / f"{name}.log",
        )
        replicas[name] = Replica(program, local_url(port))
    async with asyncio.TaskGroup() as tasks:
        for replica in replicas.values():
            await replica.program.start()
        keepers = [tasks.create_task(keep(each.program, _nothing, _nothing)) for each in replicas.values()]
        try:
            yield replicas
        finally:
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*(each.program.stop() for each in replicas.values()))


def _nothing(*_: str) -> None:
    """Nobody has to be told."""


async def _define_topic(archive: Archive) -> None:
    """Projects need one, and editors make none by HTTP."""
    dsn = archive.dsn("catalog")
    group = Group(code="weather", slug="wetter", label="Wetter")
    command = DefineTopic(topic=TOPIC, slug="stuerme", label="Stürme", group=group)
    async with (
        await connect_pool(dsn, name="tests", size=2) as pool,
        Journal(dsn, pool, DECIDERS, PROJECTIONS, wakeup=Wakeup()).running() as journal,
    ):
        await journal.transact(TOPICS, TOPIC, command, Context(uuid4(), "tests", datetime.now(UTC), uuid4().hex))
