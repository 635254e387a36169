"""The live stream, from what the notification service really keeps to a client that comes and goes."""

import asyncio
import datetime as dt
import json
import random
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from yarl import URL

from services.gateway import tokens
from services.gateway.addresses import lookup_key, parse_address
from services.gateway.live_hub import Item, Part, place_of
from services.gateway.people import People
from services.notify import live, live_http
from services.notify.live import Grown, Numbering
from services.notify.live_http import LiveDesk
from shared.contracts.catalog import TopicRenamed
from shared.kernel.health import Health
from shared.kernel.http import make_app
from shared.kernel.identity import Verifier
from shared.kernel.ids import new_id
from shared.kernel.migrations import migrate
from shared.kernel.postgres import Pool, connect_pool
from shared.kernel.recorded import Context
from shared.kernel.wakeup import Waiter
from tests.conftest import Database
from tests.integration.gateway.conftest import CLOCK, KEYS, NOW, Door, Open
from tests.unit.notify.test_public_fact import received

KEPT = dt.timedelta(hours=24)


@dataclass
class Notify:
    """The part of the notification service that the stream comes from."""

    pool: Pool
    url: str
    numbering: Numbering
    told: int = 0

    async def tell(self, number: int = 1) -> list[str]:
        """So many facts, in one transaction; gives their events' ids."""
        facts = []
        for _ in range(number):
            self.told += 1
            topic = TopicRenamed(topic="treasury", label="Kasse", previous_label="Alt")
            facts.append(received(topic, self.told, CLOCK.now()))
        async with self.pool.acquire() as connection, connection.transaction():
            await live.write(connection, facts, CLOCK.now())
            await asyncio.sleep(random.random() / 200)
        await self.numbering.step()
        return [fact.id for fact in facts]

    async def tell_person(self, person_id: str) -> None:
        """That there is a message."""
        async with self.pool.acquire() as connection:
            await connection.execute(
                "INSERT INTO live_item (mark, person_id, event_id, type, body, created_at) "
                "SELECT 'abcdef01', person_id, 'm', 'message', '{\"id\":\"m\"}', now() FROM live_listener "
                "WHERE person_id = $1",
                person_id,
            )
        await self.numbering.step()


@pytest.fixture(scope="module")
async def notify_pool(database: Database) -> AsyncIterator[Pool]:
    await migrate(database.dsn("notify"), "notify")
    async with await connect_pool(database.dsn("notify"), name="test") as pool:
        yield pool


@pytest.fixture
async def notify(notify_pool: Pool) -> AsyncIterator[Notify]:
    await notify_pool.execute("TRUNCATE live_item, live_listener; UPDATE live_counter SET last = 0")
    grown = Grown()
    app = make_app(
        "notify",
        live_http.endpoints(LiveDesk(notify_pool, grown, KEPT)),
        clock=CLOCK,
        health=Health(),
        verifier=Verifier(KEYS.public, "notify", CLOCK),
    )
    numbering = Numbering(notify_pool, CLOCK, (Waiter(),), Waiter(), lambda: None, grown, KEPT)
    async with TestServer(app) as server:
        yield Notify(notify_pool, str(server.make_url("")), numbering)


@dataclass
class Told:
    """What a client got."""

    events: list[tuple[str, str]] = field(default_factory=list)
    last_id: str = ""

    def take(self, block: str) -> None:
        """As a browser does: an id alone is kept, and nothing is told."""
        lines = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        self.last_id = lines.get("id", self.last_id)
        if "data" in lines:
            self.events.append((lines["event"], lines["data"]))

    @property
    def names(self) -> list[str]:
        return [event for event, _ in self.events]

    @property
    def ids(self) -> list[str]:
        return [data.split('"id":"')[1].split('"')[0] for event, data in self.events if event.startswith("ikz.")]


@dataclass
class Listener:
    """One open stream."""

    response: aiohttp.ClientResponse
    told: Told

    async def hear(self) -> None:
        """The next block; `ClientError` when the stream has ended."""
        block = await self.response.content.readuntil(b"\n\n")
        if not block.endswith(b"\n\n"):
            raise aiohttp.ClientConnectionError
        self.told.take(block.decode())

    async def until(self, number: int) -> Told:
        """Reads on until so many events have come in all."""
        async with asyncio.timeout(20):
            while len(self.told.events) < number:
                await self.hear()
        return self.told


@asynccontextmanager
async def listening(door: Door, told: Told | None = None, **headers: str) -> AsyncIterator[Listener]:
    told = told or Told()
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if told.last_id:
        sent["Last-Event-ID"] = told.last_id
    async with door.client.get(door.url.join(URL("/api/v1/stream")), headers=sent) as response:
        response.raise_for_status()
        yield Listener(response, told)


@pytest.fixture
async def live_door(open_door: Open, notify: Notify) -> AsyncIterator[Door]:
    door = await open_door(services_url=notify.url)
    async with reading(door):
        yield door


@asynccontextmanager
async def reading(door: Door) -> AsyncIterator[None]:
    """The gateway's reader at work."""
    task = asyncio.create_task(door.gateway.own.live.reader.run())
    while door.gateway.own.live.hub.floor is None:
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_everybody_hears_what_happens_from_now_on(live_door: Door, notify: Notify) -> None:
    await notify.tell()
    while live_door.gateway.own.live.hub.last.number < 1:
        await asyncio.sleep(0.01)
    async with listening(live_door) as one, listening(live_door) as other:
        assert one.response.headers["Content-Type"] == "text/event-stream"
        assert one.response.headers["Cache-Control"] == "no-store"
        assert (await one.until(1)).names == ["hello"]
        await other.until(1)
        told = await notify.tell(2)
        for each in (one, other):
            assert (await each.until(3)).ids == told
        name, data = one.told.events[-1]
        fact = json.loads(data)
        assert dt.datetime.fromisoformat(fact.pop("timestamp")).date() == NOW.date()
        assert (name, fact) == (
            "ikz.catalog.topic.renamed.v1",
            {"type": name, "id": told[-1], "subject": "topic/treasury", "data": {"topic": "treasury"}},
        )
    async with live_door.send("HEAD", "/api/v1/stream") as head:
        assert (head.status, head.headers["Content-Type"]) == (200, "text/event-stream")
    async with live_door.get("/api/v1/stream", headers={"Authorization": "Bearer nobody"}) as refused:
        assert refused.status == 401


async def test_nothing_is_lost_or_told_twice_whoever_dies_in_between(
    open_door: Open, notify: Notify, live_door: Door
) -> None:
    """Clients break off at any moment and come back, now to this gateway, now to another, of which one dies."""
    expected: list[str] = []
    done = asyncio.Event()

    async def write() -> None:
        for _ in range(16):
            written = await asyncio.gather(*(notify.tell(random.randint(1, 4)) for _ in range(2)))
            expected.extend(each for some in written for each in some)
            await asyncio.sleep(0.005)
        await notify.numbering.step()
        done.set()

    async def client(doors: list[Door]) -> Told:
        told = Told()
        while not done.is_set() or len(told.ids) < len(expected):
            with suppress(aiohttp.ClientError, TimeoutError):
                async with listening(random.choice(doors), told) as stream, asyncio.timeout(random.random() / 4):
                    while True:
                        await stream.hear()
        return told

    first = Told()
    async with listening(live_door, first) as stream:
        await stream.until(1)
    dying = await open_door(services_url=notify.url)
    doors = [live_door, dying]
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks, reading(dying):
        tasks.create_task(write())
        clients = [tasks.create_task(client(doors)) for _ in range(3)]
        await asyncio.sleep(0.15)
        doors.remove(dying)
        dying.gateway.own.live.hub.close()
        reborn = await open_door(services_url=notify.url)
        async with reading(reborn):
            doors.append(reborn)
            for each in clients:
                await each
    rows = await notify.pool.fetch("SELECT event_id FROM live_item ORDER BY position")
    in_order = [row["event_id"] for row in rows]
    assert sorted(in_order) == sorted(expected)
    for each in clients:
        told = each.result()
        assert told.ids == in_order
        assert told.names.count("hello") <= 1 + told.names.count("reset")


async def test_what_concerns_a_person_is_told_to_that_person_alone(
    live_door: Door, notify: Notify, people: People, pool: Pool
) -> None:
    address = parse_address("erika.muster@stadt.example")
    context = Context(new_id(), "test", NOW, correlation_id=secrets.token_hex(16), fresh=True)
    person_id = await people.find_or_make(address, context)
    token = await tokens.create(pool, "editor", "erika", NOW, lookup=lookup_key(address, people.key))
    bearer = {"Authorization": f"Bearer {token}"}
    async with listening(live_door, None, **bearer) as own, listening(live_door) as public:
        await own.until(1)
        await public.until(1)
        await notify.tell_person(person_id)
        told = await notify.tell()
        assert (await own.until(3)).names == ["hello", "message", "ikz.catalog.topic.renamed.v1"]
        assert (await public.until(2)).ids == told
    own.told.last_id = public.told.last_id = "0-00000000"
    async with listening(live_door, own.told, **bearer) as again, listening(live_door, public.told) as other:
        assert (await again.until(5)).names[3:] == ["message", "ikz.catalog.topic.renamed.v1"]
        assert (await other.until(3)).names[2:] == ["ikz.catalog.topic.renamed.v1"]


async def test_a_persons_stream_ends_when_the_token_is_revoked_and_everybody_elses_goes_on(
    live_door: Door, notify: Notify, people: People, pool: Pool
) -> None:
    address = parse_address("ende@stadt.example")
    person_id = await people.find_or_make(address, Context(new_id(), "test", NOW, correlation_id="e" * 32, fresh=True))
    token = await tokens.create(pool, "editor", "ende", NOW, lookup=lookup_key(address, people.key))
    bearer = {"Authorization": f"Bearer {token}"}
    async with listening(live_door, None, **bearer) as own, listening(live_door) as public:
        await own.until(1)
        await public.until(1)
        await tokens.revoke(pool, "ende", NOW)
        async with asyncio.timeout(10):
            await own.response.content.read()
        await notify.tell_person(person_id)
        assert (await public.until(1 + len(await notify.tell()))).names == ["hello", "ikz.catalog.topic.renamed.v1"]
    assert own.told.names == ["hello"]
    async with live_door.get("/api/v1/stream", headers=bearer) as again:
        assert again.status == 401


async def test_who_was_away_too_long_is_told_to_begin_anew(live_door: Door, notify: Notify) -> None:
    """The clients, that is: the gateway itself had read everything before the oldest was removed."""
    await notify.tell(2)
    async with asyncio.timeout(20):
        while live_door.gateway.own.live.hub.last.number < 2:
            await asyncio.sleep(0.01)
    await notify.pool.execute("DELETE FROM live_item WHERE position = 1")
    for left in ("1-00000000", "nonsense", "99-00000000"):
        async with listening(live_door, Told(last_id=left)) as stream:
            assert (await stream.until(1)).names == ["reset"]
            told = await notify.tell()
            assert (await stream.until(2)).ids == told


async def test_an_idle_stream_keeps_its_place_fresh(live_door: Door, notify: Notify) -> None:
    async with listening(live_door) as stream:
        await stream.until(1)
        await notify.pool.execute(
            "INSERT INTO live_item (mark, person_id, event_id, type, body, created_at) "
            "VALUES ('abcdef01', 'somebody', 'm', 'message', '{}', now())"
        )
        await notify.numbering.step()
        async with asyncio.timeout(10):
            while stream.told.last_id != "1-abcdef01":
                await stream.hear()
        assert stream.told.names == ["hello"]


async def test_one_that_takes_nothing_is_cut_and_the_others_go_on(live_door: Door, notify: Notify) -> None:
    hub, streams = live_door.gateway.own.live.hub, live_door.gateway.own.live.open
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.setblocking(False)  # noqa: FBT003 -- its signature
        loop = asyncio.get_running_loop()
        await loop.sock_connect(slow, (live_door.url.host, live_door.url.port))
        await loop.sock_sendall(slow, b"GET /api/v1/stream HTTP/1.1\r\nHost: portal.example\r\n\r\n")
        async with listening(live_door) as quick:
            await quick.until(1)
            while streams.total < 2:
                await asyncio.sleep(0.01)
            for number in range(1, 101):
                place = place_of(f"{number}-00000000")
                frame = f"id: {place.id}\nevent: ikz.x\ndata: {'x' * 65536}\n\n".encode()
                hub.add(Part([Item(place, None, frame)], place, reset=False))
                await quick.until(number + 1)
            async with asyncio.timeout(20):
                while streams.total > 1:
                    await asyncio.sleep(0.02)
            assert len(quick.told.events) == 101


async def test_one_network_has_so_many_streams(open_door: Open, notify: Notify) -> None:
    door = await open_door(services_url=notify.url, streams_per_network=2)
    async with door.get("/api/v1/stream") as early:
        assert (early.status, (await early.json())["code"]) == (503, "unavailable")
    async with reading(door), listening(door):
        async with listening(door), door.get("/api/v1/stream") as third:
            assert (third.status, (await third.json())["code"]) == (429, "too_many_requests")
            assert third.headers["Retry-After"] == "60"
        async with asyncio.timeout(10):
            while door.gateway.own.live.open.total > 1:
                await asyncio.sleep(0.01)
        async with listening(door) as again:
            await again.until(1)


async def test_when_the_gateway_stops_streams_end_at_once_and_whole(open_door: Open, notify: Notify) -> None:
    door = await open_door(services_url=notify.url)
    async with reading(door), listening(door) as stream:
        await stream.until(1)
        door.gateway.own.live.hub.close()
        async with asyncio.timeout(10):
            assert await stream.response.content.read() == b""


async def test_what_happens_while_the_service_is_away_is_told_when_it_is_back(
    open_door: Open, notify: Notify, services: Any
) -> None:
    away = False

    async def passed_on(request: Any) -> Any:
        if away:
            return aiohttp.web.Response(status=503)
        async with (
            aiohttp.ClientSession() as client,
            client.get(
                URL(notify.url).join(request.rel_url), headers={"Ikz-Identity": request.headers["Ikz-Identity"]}
            ) as answer,
        ):
            return aiohttp.web.Response(body=await answer.read(), content_type="application/json")

    services.streamed["/internal/live"] = passed_on
    door = await open_door()
    async with reading(door), listening(door) as stream:
        await stream.until(1)
        away = True
        told = await notify.tell(3)
        async with listening(door) as late:
            assert (await late.until(1)).names == ["hello"]
        away = False
        assert (await stream.until(4)).ids == told
