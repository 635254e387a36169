"""Two services as they run, with a proxy before everything that they reach: Postgres, and NATS."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any
from uuid import UUID

import uuid_utils.compat as uuids
from pydantic import BaseModel

from shared.embedded.nats import EmbeddedNats
from shared.kernel.bootstrap import role_of
from shared.kernel.bus import Bus, connect
from shared.kernel.health import Health
from shared.kernel.inbox import Consumer, Effect, Received
from shared.kernel.journal import Journal, Outcome
from shared.kernel.postgres import Connection, Pool, connect_pool
from shared.kernel.problems import Problem
from shared.kernel.recorded import Conflict, Context, Unavailable
from shared.kernel.relay import Relay
from shared.kernel.rpc import RpcEndpoint, ask, serve_rpc
from shared.kernel.wakeup import Waiter, Wakeup
from tests.conftest import PASSWORDS, Database
from tests.faults.proxy import Link, Proxy, proxy
from tests.integration.bus.seats import HEAR, SEATS, Freed, Taken
from tests.integration.kernel.hall import AT, BookSeat, Command, GiveBack, OpenHall

ASKED = "rpc.events.recipients"
HALLS, GUESTS = 4, 40
NAME = re.compile(rb"(?:application_name\0|\"name\": ?\")([^\0\"]*)")


class Question(BaseModel):
    word: str


class Reply(BaseModel):
    word: str


@dataclass(slots=True)
class Network:
    """`events` twice, once as the replica that decides and once as the one that relays; `notify` that consumes.

    `answered`: what commands came to, by their ids.
    """

    postgres: Proxy
    nats: Proxy
    journal: Journal
    wakeup: Wakeup
    heard: Waiter
    asking: Bus
    health: Health
    answered: dict[UUID, Outcome] = field(default_factory=dict)

    async def command(self, hall: str, command: Command) -> Outcome:
        """Sends a command until there is an answer, with the same id, as clients do."""
        command_id = uuids.uuid7()
        context = Context(command_id, "tester", AT, "correlation", fresh=False)
        while True:
            with suppress(Unavailable, Conflict):
                self.answered[command_id] = outcome = await self.journal.transact(SEATS, hall, command, context)
                return outcome

    async def keep_booking(self, dice: Random, number: int) -> None:
        """Commands one after the other in a hall of one's own."""
        hall = f"h{number}"
        await self.command(hall, OpenHall(seats=GUESTS))
        while True:
            guest = f"{hall}g{dice.randrange(GUESTS)}"
            await self.command(hall, dice.choice((BookSeat(guest=guest), GiveBack(guest=guest))))
            await asyncio.sleep(dice.uniform(0, 0.03))

    def without_successor(self, gone: Sequence[Link]) -> list[bytes]:
        """The names of half-open links in whose place there is none that works; a pool makes one when it is needed."""
        alive = [link for proxy in (self.postgres, self.nats) for link in proxy.links if not link.swallowing]
        names = Counter(name_of(link) for link in alive)
        return [
            name for name, count in Counter(map(name_of, gone)).items() if names[name] < count and name != b"ikz pool"
        ]

    async def keep_asking(self, dice: Random) -> None:
        """Questions one after the other; each is answered, or refused in time."""
        while True:
            await self.ask()
            await asyncio.sleep(dice.uniform(0, 0.1))

    async def ask(self) -> bool:
        """Whether a question to the other service is answered; if not, that is said in time."""
        try:
            async with asyncio.timeout(3):
                return (await ask(self.asking, ASKED, Question(word="ahoy"), Reply)).word == "ahoy"
        except Problem as problem:
            if problem.code != "unavailable":
                raise
            return False


def name_of(link: Link) -> bytes:
    """What a client calls itself when it connects."""
    found = NAME.search(link.greeting)
    return found[1] if found else b""


async def echo(question: Question) -> Reply:
    return Reply(word=question.word)


async def hear(connection: Connection, received: Sequence[Received[Any]]) -> None:
    guests = [one.data.guest for one in received]
    versions = [str(one.aggregate_version) for one in received]
    await connection.execute(HEAR, guests, versions, [str(one.live) for one in received])


@asynccontextmanager
async def networked(store: Database, nats: EmbeddedNats) -> AsyncIterator[Network]:
    """Everything at work."""
    async with AsyncExitStack() as stack:
        postgres_proxy = await stack.enter_async_context(proxy(store.postgres.port))
        nats_proxy = await stack.enter_async_context(proxy(nats.port))

        def dsn(service: str) -> str:
            return postgres_proxy.redirected(store.postgres.tcp_dsn(role_of(service), PASSWORDS[service], store.name))

        def url(service: str) -> str:
            return nats_proxy.redirected(nats.url(service))

        async def pool(service: str) -> Pool:
            made = await connect_pool(dsn(service), name="pool")
            stack.callback(made.terminate)
            return made

        async def bus(service: str) -> Bus:
            made = await connect(url(service), f"ikz {service}")
            stack.push_async_callback(made.close)
            return made

        health = Health()
        deciding, relaying = Wakeup(dsn("events")), Wakeup(dsn("events"))
        journal = Journal(dsn("events"), await pool("events"), [SEATS], [], wakeup=deciding)
        relayed = Journal(dsn("events"), await pool("events"), [SEATS], [], wakeup=relaying)
        serving, asking = await bus("events"), await bus("notify")
        relay = Relay(
            service="events",
            dsn=dsn("events"),
            nats_url=url("events"),
            journal=relayed,
            wakeup=relaying,
            public_url="http://127.0.0.1:8080",
            health=health,
        )
        consumer = Consumer(
            name="notify",
            source="events",
            effects=[Effect(Taken, hear), Effect(Freed, hear)],
            dsn=dsn("notify"),
            pool=await pool("notify"),
            nats_url=url("notify"),
            health=health,
        )
        serve = partial(serve_rpc, serving, "events", [RpcEndpoint(ASKED, Question, echo)])
        async with asyncio.TaskGroup() as tasks:
            parts = (journal.run, deciding.run, relaying.run, relay.run, consumer.run, serving.run, asking.run, serve)
            running = [tasks.create_task(part()) for part in parts]
            yield Network(postgres_proxy, nats_proxy, journal, deciding, relaying.waiter(), asking, health)
            for task in running:
                task.cancel()
