"""What becomes of a command is the same for whoever asks, at any replica, however the first attempt ended."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
import pytest

from shared.kernel.postgres import OwnConnection, connect
from tests.conftest import Database
from tests.faults.replicas import Replica, Reply, break_off, replica, request_bytes, send
from tests.faults.storm import Storm
from tests.integration.kernel.test_journal import sql, store

__all__ = ["sql", "store"]  # fixtures

CLIENTS = 12
HOT, SMALL, ROOMY = 5, 3, 1_000_000
NO_OUTCOME = {"503 unavailable", "409 conflict"}
REFUSED = "409 hall_full"
KILL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = $1 AND application_name IN ('ikz journal', 'ikz journal reads', 'ikz replica') AND random() < 0.3
"""
JOURNAL = "SELECT position, stream, version, type, data, command_id FROM journal ORDER BY position"
RESULTS = "SELECT id, stream, version, position FROM command"
BOOKED = "SELECT 'hall-' || hall AS stream, array_agg(guest ORDER BY guest) AS guests FROM booking GROUP BY hall"

type Outcome = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Hall:
    id: str
    seats: int


@dataclass(slots=True)
class Command:
    """A request with its id, and every answer that somebody got to it."""

    id: UUID
    method: str
    hall: Hall
    guest: str
    replies: list[Reply] = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"/api/v1/halls/{self.hall.id}/bookings"

    @property
    def request(self) -> bytes:
        return request_bytes(self.method, self.path, {"guest": self.guest}, str(self.id))

    @property
    def other_request(self) -> bytes:
        return request_bytes(self.method, self.path, {"guest": f"not {self.guest}"}, str(self.id))

    @property
    def outcomes(self) -> set[Outcome]:
        return {outcome(reply) for reply in self.replies if reply.status == 200}


def outcome(reply: Reply) -> Outcome:
    return reply.body["id"], reply.body["version"], reply.body["position"]


def said(reply: Reply) -> str:
    return "done" if reply.status == 200 else f"{reply.status} {reply.code}"


@dataclass(slots=True)
class Crowd:
    """Clients who book and give back, send again, use an id twice, and go away in the middle."""

    replicas: Sequence[Replica]
    halls: list[Hall]
    storm: Storm
    commands: list[Command] = field(default_factory=list)
    misuses: list[str] = field(default_factory=list)
    silence: bool = False

    async def client(self, dice: random.Random) -> None:
        while self.storm.raging and not self.silence:
            await self._last_seat(dice)
            command = self._new(dice)
            self.commands.append(command)
            for _ in range(dice.randint(1, 3)):
                await asyncio.gather(*(self._attempt(command, dice) for _ in range(dice.choice((1, 1, 2)))))
            again = dice.choice(self.commands)
            await self._attempt(again, dice)
            if again.outcomes:
                self.misuses.append(said(await self._send(dice.choice(self.replicas).port, again.other_request)))

    async def _last_seat(self, dice: random.Random) -> None:
        """Two guests who want the only seat of a new hall at the same time, each from another replica."""
        hall = await opened(dice.choice(self.replicas), 1, dice)
        self.halls.append(hall)
        both = [Command(new_id(dice), "POST", hall, guest) for guest in "ab"]
        self.commands += both
        replies = await asyncio.gather(
            *(self._send(one.port, command.request) for one, command in zip(self.replicas, both, strict=True))
        )
        for command, reply in zip(both, replies, strict=True):
            command.replies.append(reply)

    async def _attempt(self, command: Command, dice: random.Random) -> None:
        if self.silence:
            return
        port = dice.choice(self.replicas).port
        if dice.random() < 0.4:
            await break_off(port, command.request, dice)
        else:
            command.replies.append(await self._send(port, command.request))

    async def _send(self, port: int, request: bytes) -> Reply:
        """Once somebody gets no answer, nobody needs to go on."""
        reply = await send(port, request)
        self.silence |= reply.status == 0
        return reply

    def _new(self, dice: random.Random) -> Command:
        hall = self.halls[0] if dice.random() < 0.5 else dice.choice(self.halls[:32])
        guest = f"g{dice.randrange(40 if hall.seats > SMALL else 6)}"
        method = "POST" if dice.random() < 0.75 else "DELETE"
        return Command(new_id(dice), method, hall, guest)


def new_id(dice: random.Random) -> UUID:
    return UUID(int=dice.getrandbits(128), version=4)


async def opened(replica: Replica, seats: int, dice: random.Random) -> Hall:
    """A new hall; whoever opens it asks until it is."""
    hall = Hall(str(new_id(dice)), seats)
    request = request_bytes("PUT", f"/api/v1/halls/{hall.id}", {"seats": seats}, str(new_id(dice)))
    while (reply := await send(replica.port, request)).status != 200:
        assert said(reply) in NO_OUTCOME, reply
    return hall


@pytest.fixture
async def replicas(store: Database) -> AsyncIterator[list[Replica]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(replica(store.dsn("catalog"))) for _ in range(2)]


@pytest.fixture
async def halls(replicas: list[Replica], storm: Storm) -> list[Hall]:
    """A hot one, a roomy one, and many small ones, all open."""
    seats = [HOT, ROOMY] + [SMALL] * 30
    return [await opened(replicas[0], count, storm.dice) for count in seats]


async def test_commands_have_one_outcome_whoever_goes_away_or_is_killed(
    store: Database, sql: OwnConnection, replicas: list[Replica], halls: list[Hall], storm: Storm
) -> None:
    crowd = Crowd(replicas, halls, storm)
    storm.begin()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(kill_backends(store, storm))
        for _ in range(CLIENTS):
            tasks.create_task(crowd.client(random.Random(storm.dice.random())))
    for one in replicas:
        await one.journal.drain()
    check_replies(crowd)
    await check_results(crowd, sql)
    await check_halls(halls, sql)
    await check_again(crowd, sql)


async def kill_backends(store: Database, storm: Storm) -> None:
    operator = await connect(store.operator_dsn, name="killer")
    while storm.raging:
        await asyncio.sleep(storm.dice.random() * 0.8)
        await operator.execute(KILL, store.name)
    await operator.close()


def check_replies(crowd: Crowd) -> None:
    """Everybody was told the outcome, that there is none yet, or that the hall is full; and an id means one request."""
    answers = Counter(said(reply) for command in crowd.commands for reply in command.replies)
    assert answers["done"] > 20
    assert answers[REFUSED] > 0
    assert set(answers) <= {"done", REFUSED, *NO_OUTCOME}, answers
    assert set(crowd.misuses) - NO_OUTCOME == {"422 idempotency_key_reused"}, Counter(crowd.misuses)
    for command in crowd.commands:
        assert len(command.outcomes) <= 1, command
        replies = [said(reply) for reply in command.replies]
        assert command.hall.seats < ROOMY or REFUSED not in replies, command


async def check_results(crowd: Crowd, sql: OwnConnection) -> None:
    """By its id everybody finds what was answered, and the journal holds it once."""
    results = {row["id"]: (row["stream"], row["version"], row["position"]) for row in await sql.fetch(RESULTS)}
    rows = await sql.fetch(JOURNAL)
    events = Counter(row["command_id"] for row in rows)
    at = {row["position"]: row for row in rows}
    assert set(events) <= set(results)
    assert max(events.values()) == 1
    unheard = 0
    for command in crowd.commands:
        found = results.get(command.id)
        for answered in command.outcomes:
            assert found == (f"hall-{answered[0]}", *answered[1:]), command
        unheard += found is not None and not command.outcomes
        if found is not None:
            assert (at[found[2]]["stream"], at[found[2]]["version"]) == found[:2]
            assert events[command.id] == (at[found[2]]["command_id"] == command.id), command
    assert unheard > 0, "every command that was done was also answered: nobody went away in time"


async def check_halls(halls: Sequence[Hall], sql: OwnConnection) -> None:
    """No position, version, seat or guest twice, and the read model is what the journal folds to."""
    seats = {f"hall-{hall.id}": hall.seats for hall in halls}
    versions: Counter[str] = Counter()
    guests: dict[str, set[str]] = {stream: set() for stream in seats}
    rows = await sql.fetch(JOURNAL)
    assert [row["position"] for row in rows] == list(range(1, len(rows) + 1))
    for row in rows:
        stream, inside = row["stream"], guests[row["stream"]]
        versions[stream] += 1
        assert row["version"] == versions[stream]
        guest = guest_of(row)
        if row["type"] == "SeatBooked":
            assert guest not in inside
            inside.add(guest)
        elif row["type"] == "SeatGivenBack":
            inside.remove(guest)
        assert len(inside) <= seats[stream]
    booked = {row["stream"]: row["guests"] for row in await sql.fetch(BOOKED)}
    assert booked == {stream: sorted(inside) for stream, inside in guests.items() if inside}


def guest_of(row: Any) -> str:
    return str(orjson.loads(row["data"]).get("guest"))


async def check_again(crowd: Crowd, sql: OwnConnection) -> None:
    """Later, and at either replica, an id still means its outcome, and nothing else."""
    results = {row["id"]: (row["stream"], row["version"], row["position"]) for row in await sql.fetch(RESULTS)}
    head = await sql.fetchval("SELECT position FROM journal_counter")
    known = [command for command in crowd.commands if command.id in results]
    for command in crowd.storm.dice.sample(known, min(len(known), 60)):
        for one in crowd.replicas:
            reply = await send(one.port, command.request)
            assert reply.status == 200, reply
            stream, version, position = results[command.id]
            assert outcome(reply) == (stream.removeprefix("hall-"), version, position)
            assert said(await send(one.port, command.other_request)) == "422 idempotency_key_reused"
    assert await sql.fetchval("SELECT position FROM journal_counter") == head
