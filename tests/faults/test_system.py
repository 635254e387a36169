"""A whole system at work while its processes, PostgreSQL and NATS are killed and frozen: what was promised holds."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from services.catalog.records import DECIDERS, PROJECTIONS
from services.catalog.topic import TOPIC as TOPICS
from services.catalog.topic import DefineTopic, Group
from shared.embedded.folder import DataFolder
from shared.kernel.bootstrap import SERVICES
from shared.kernel.journal import Journal
from shared.kernel.postgres import connect_pool
from shared.kernel.recorded import Context
from shared.kernel.wakeup import Wakeup
from tests.conftest import UNLIMITED
from tests.faults import catalogue
from tests.faults.admission import walk
from tests.faults.beside import Replica, running_beside
from tests.faults.checker import broken, message_id
from tests.faults.desk import Desk
from tests.faults.havoc import Havoc
from tests.faults.history import History
from tests.faults.load import TOPIC, Inbox, Load
from tests.faults.remains import Archive, Remains
from tests.faults.storm import Storm
from tests.running import RunningSystem, slowness, up

BACK_WITHIN = 10.0
"""Seconds after the last fault in which everything works again, by itself."""
START = 8.0
"""Seconds in which an empty system starts on two cores with nothing else to do: the measure of all patience."""
PATIENCE = 60.0
"""Seconds after which, on such a machine, nothing is waited for any more."""
WARM_UP = 1.0
MOST_PEOPLE = 40
REPLICAS = ("catalog", "events", "notify", "gateway")
LONG = 20.0
"""How many seconds a storm has to rage for second processes to be worth their start."""


class NotWell(Exception):
    """The system does not come back."""


@dataclass(slots=True)
class Portal:
    """A running system with everybody who works with it. `quiet` is a session that only this test registers for.

    `slowness` is how many times longer everything takes because others are at work on this machine; `took` are the
    seconds from the last fault of each gust until everything worked again, `unwell` is what never did.
    """

    archive: Archive
    load: Load
    patient: Load
    desk: Desk
    replicas: Mapping[str, Replica]
    urls: list[str]
    slowness: float
    history: History
    quiet: str = ""
    took: list[float] = field(default_factory=list)
    unwell: list[str] = field(default_factory=list)

    def pids(self) -> Mapping[str, int]:
        """Everything that runs now."""
        others = {name: each.pid for name, each in self.replicas.items()}
        return DataFolder(self.archive.folder).running().pids | others

    async def open(self) -> None:
        """Makes what people need to begin."""
        await self.ready()
        await _define_topic(self.archive)
        self.load.series = self.patient.series = await self.patient.start_series()
        opened = await self.patient.open_session(1000)
        assert opened is not None
        self.quiet = opened
        await self.desk.open(self.patient)

    async def rage(self, storm: Storm, havoc: Havoc) -> None:
        """Gust after gust; after each, everything comes back by itself."""
        await asyncio.sleep(WARM_UP)
        storm.begin()
        while storm.raging or havoc.spared:
            await havoc.gust(storm.dice.randint(1, 4) if self.replicas else len(havoc.targets))
            try:
                await self.ready()
                await self.works()
            except NotWell as failed:
                self.unwell.append(str(failed))
                return
            self.took.append(time.time() - self.history.last_fault())

    async def ready(self) -> None:
        """Returns when every process says that it is ready."""
        until = time.monotonic() + PATIENCE * self.slowness
        waiting = dict.fromkeys(self.urls, "no answer yet")
        while waiting:
            for url in list(waiting):
                try:
                    async with self.load.client.get(f"{url}/health/ready", timeout=aiohttp.ClientTimeout(2)) as answer:
                        waiting[url] = await answer.text()
                        if answer.status == 200:
                            del waiting[url]
                except (aiohttp.ClientError, TimeoutError, OSError) as error:
                    waiting[url] = repr(error)
            if waiting and time.monotonic() > until:
                raise NotWell(f"not ready long after the last fault: {waiting}")
            await asyncio.sleep(0.05)

    async def works(self) -> None:
        """Returns when every service has taken something new, and who registered has the mail."""
        address = f"{uuid4().hex}@stadt.example"
        news = {"title": "Nach dem Sturm", "teaser": "Es ist still."}
        project = {"title": "Nach dem Sturm", "summary": "Es ist still.", "participations_complete": False}
        doing = "takes nothing new"
        try:
            async with asyncio.timeout(PATIENCE * self.slowness):
                done = [
                    await self.patient.command("draft_project", "catalog", "/projects", project),
                    await self.patient.command("draft_announcement", "notify", "/announcements", news),
                    await self.patient.insist(self.patient.registration(self.quiet, address)),
                ]
                doing = "sends no mail"
                inbox = Inbox(self.load.inbox.folder)
                while not any(entry.to == address for entry, _ in inbox.new()):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise NotWell(f"long after the last fault it {doing}") from None
        if not all(done):
            raise NotWell(f"after the last fault it refuses what is new: {done}")

    async def calm(self) -> None:
        """Returns when nobody waits for anything any more, and what should not come had time to come."""
        until = time.time() + PATIENCE * self.slowness
        await self.patient.settle(until)
        if not self.unwell:
            await self.desk.finish(self.patient)
        self.unwell += [f"{asked.kind} {asked.key} never got an answer" for asked in self.history.unanswered()]
        while _waits(await self.archive.databases()) and time.time() < until:
            await asyncio.sleep(0.2)
        await asyncio.sleep(1)
        self.slowness = max(self.slowness, slowness())

    async def remains(self) -> Remains:
        """Everything that is left; the read models are built anew last."""
        remains = await self.archive.read()
        attached = {a.asked.path.split("/")[2] for a in self.history.attempts if a.asked.kind == "attach"}
        remains.downloads = await self.desk.downloads(sorted(attached))
        remains.found = await self.desk.found()
        remains.different = await self.archive.rebuilt()
        return remains

    def late(self) -> list[str]:
        """Whenever it was not well again in time."""
        limit = BACK_WITHIN * self.slowness
        found = [f"all was well only {seconds:.1f} s after the last fault" for seconds in self.took if seconds > limit]
        return found + self.unwell


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_what_was_promised_holds_whatever_is_killed(
    tmp_path: Path, storm: Storm, record_property: Callable[[str, object], None]
) -> None:
    async with _portal(tmp_path, storm) as portal:
        targets = (*SERVICES, "mailbox", "postgres", "nats", *portal.replicas)
        longest_freeze = 6.0 if portal.replicas else 1.0
        dice = random.Random(storm.dice.random())
        havoc = Havoc(portal.pids, targets, portal.history, dice, longest_freeze)
        await portal.load.run(lambda: portal.rage(storm, havoc), *portal.desk.works)
        await portal.calm()
        remains = await portal.remains()
    record_property("seconds until all was well", portal.took)
    record_property("answered", dict(Counter(each.asked.kind for each in portal.history.attempts if each.done)))
    found = "\n".join([*broken(portal.history, remains), *portal.late()])
    assert not found, found
    _was_worth_it(portal.history)


@asynccontextmanager
async def _portal(folder: Path, storm: Storm) -> AsyncIterator[Portal]:
    """A whole system that nobody works with yet."""
    began = time.monotonic()
    async with (
        up(folder, "--empty", environment=UNLIMITED) as system,
        running_beside(folder, REPLICAS if storm.seconds >= LONG else ()) as replicas,
        aiohttp.ClientSession() as client,
    ):
        slower = max(1.0, (time.monotonic() - began) / START, slowness())
        load = _load(client, system, storm, slower)
        patient = replace(load, patient=True)
        load.bases = [system.base_url, *(each.url for name, each in replicas.items() if name == "gateway-2")]
        urls = [*(str(system.status[name]) for name in SERVICES), *(each.url for each in replicas.values())]
        portal = Portal(Archive(folder), load, patient, Desk(load), replicas, urls, slower, load.history)
        await portal.open()
        yield portal


def _load(client: aiohttp.ClientSession, system: RunningSystem, storm: Storm, slower: float) -> Load:
    inbox, dice = Inbox(system.folder / "mailbox"), random.Random(storm.dice.random())
    people = min(int(8 + storm.seconds), MOST_PEOPLE)
    return Load(client, [system.base_url], system.editor_token, inbox, History(), dice, people=people, pace=slower)


def _waits(remains: Remains) -> bool:
    """Whether a mail or anything else has still to come."""
    told = [*(told for each in walk(remains.journals["events"]) for told in each.told), *catalogue.told(remains)]
    missing = {message_id(each) for each in told if each.surely} - {mail.message_id for mail in remains.mails}
    return bool(missing) or any(catalogue.waits(remains))


def _was_worth_it(history: History) -> None:
    """A storm in which nothing was asked or nothing went wrong proves nothing."""
    done = {attempt.asked.kind for attempt in history.attempts if attempt.done}
    assert {"register", "draft_session", "draft_project"} <= done
    assert {"write", "confirm_text", "forget", "attach", "import", "merge_topic", "open_request"} <= done
    assert any(not attempt.final for attempt in history.attempts)


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
