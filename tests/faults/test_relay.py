"""The stream is the journal, whatever is killed, frozen or elected twice while both grow."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from shared.embedded.nats import EmbeddedNats
from shared.kernel.postgres import OwnConnection, connect
from tests.conftest import Database
from tests.faults.blows import Target, kill_backends
from tests.faults.forks import Troop, troop
from tests.faults.relaying import Relaying, relaying
from tests.faults.storm import Storm
from tests.integration.bus.conftest import nats, operator, sql, store, streams
from tests.integration.bus.rig import eventually, in_stream

__all__ = ["nats", "operator", "sql", "store", "streams"]  # fixtures

PUBLISHED = """
SELECT position, stream || '@' || version AS id, aggregate, aggregate_version, data->>'guest' AS guest
FROM journal WHERE aggregate_version IS NOT NULL ORDER BY position
"""
LAST = "SELECT max(position) FROM journal WHERE aggregate_version IS NOT NULL"
PAUSE = (0.02, 0.25)
FROZEN = (0.2, 2.0)
ENOUGH = 10


@dataclass(slots=True)
class Scene:
    """What the storm rages over."""

    store: Database
    server: Target
    replicas: Troop
    superuser: OwnConnection
    dice: Random

    def relaying(self) -> Relaying:
        """One replica of the catalog service; half of them publish whoever else leads."""
        seed, elected = self.dice.randrange(2**32), self.dice.random() < 0.5
        return Relaying(self.store.dsn("catalog"), self.server.nats.url("catalog"), seed, elected, writing=True)

    async def kill(self) -> None:
        await self.replicas.restart(self.dice.choice(self.replicas.places), self.relaying())

    async def freeze(self) -> None:
        self.dice.choice(self.replicas.places).freeze(self.dice.uniform(*FROZEN))

    async def lose_sessions(self) -> None:
        await kill_backends(self.superuser, "ikz_catalog", self.dice)

    async def kill_server(self) -> None:
        await self.server.kill()

    async def freeze_server(self) -> None:
        self.server.freeze(self.dice.uniform(*FROZEN) / 2)

    def blows(self) -> list[Callable[[], Awaitable[None]]]:
        """Each kind as often as it is likely to do harm, in any order."""
        often: list[Callable[[], Awaitable[None]]] = [self.kill, self.freeze, self.lose_sessions] * 3
        found = [*often, self.kill_server, self.freeze_server]
        self.dice.shuffle(found)
        return found


@pytest.fixture
async def scene(store: Database, nats: EmbeddedNats, tmp_path: Path, storm: Storm) -> AsyncIterator[Scene]:
    superuser = await connect(store.operator_dsn, name="tests")
    async with troop(relaying, 3, tmp_path) as replicas:
        yield Scene(store, Target(nats), replicas, superuser, storm.dice)
    await superuser.close()


@pytest.mark.usefixtures("streams")
async def test_a_storm_leaves_the_stream_as_the_journal(
    scene: Scene, nats: EmbeddedNats, sql: OwnConnection, storm: Storm
) -> None:
    """Replicas and the server are killed and frozen, sessions of the database ended; often several relays lead."""
    to_come: list[Callable[[], Awaitable[None]]] = []
    for place in scene.replicas.places:
        place.start(scene.relaying())
    for _ in storm.rounds():
        await asyncio.sleep(scene.dice.uniform(*PAUSE))
        to_come = to_come or scene.blows()
        await to_come.pop()()
    await eventually(lambda: wrote_enough(sql), wanted=True)
    await calm_down(scene)

    await eventually(lambda: caught_up(sql), wanted=True)

    await assert_identical(sql, nats)
    assert scene.replicas.said("relay_publishes") > 3


async def wrote_enough(sql: OwnConnection) -> bool:
    """A storm over next to nothing proves nothing: whoever is alive in the end has time to write."""
    return len(await sql.fetch(PUBLISHED)) > ENOUGH


async def calm_down(scene: Scene) -> None:
    """Nobody writes any more: one relay goes on from whatever is left."""
    await scene.replicas.disband()
    scene.server.thaw()
    dsn, url = scene.store.dsn("catalog"), scene.server.nats.url("catalog")
    scene.replicas.places[0].start(Relaying(dsn, url, 0, elected=True, writing=False))


async def caught_up(sql: OwnConnection) -> bool:
    """Whether the relay says that everything is in the stream."""
    return bool(await sql.fetchval("SELECT position = $1 FROM relay_state", await sql.fetchval(LAST)))


def told(message: dict[str, Any]) -> tuple[Any, ...]:
    return (*(message[name] for name in ("position", "id", "subject", "aggregateversion")), message["data"]["guest"])


async def assert_identical(sql: OwnConnection, nats: EmbeddedNats) -> None:
    """Each published event stands in the stream once, in order, as it was recorded, and the chains have no holes."""
    messages = await in_stream(nats)
    assert [told(message) for message in messages] == [tuple(row.values()) for row in await sql.fetch(PUBLISHED)]
    assert [message["prevposition"] for message in messages] == [0, *(message["position"] for message in messages)][:-1]
    versions: dict[str, list[int]] = defaultdict(list)
    for message in messages:
        versions[message["subject"]].append(message["aggregateversion"])
    assert all(found == list(range(1, len(found) + 1)) for found in versions.values())
