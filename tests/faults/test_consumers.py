"""Every effect once and in its aggregate's order, whatever happens to consumers, stream, server and sessions."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from shared.embedded.nats import EmbeddedNats
from shared.kernel import dead_letters, relay
from shared.kernel.bus import TROUBLE, ApiError, open_connection
from shared.kernel.dead_letters import NoDeadLetter, NotTheOldest
from shared.kernel.postgres import OwnConnection, connect
from shared.kernel.streams import bootstrap_streams
from tests.conftest import Database
from tests.faults.blows import Target, kill_backends
from tests.faults.consuming import DEAFEN, TABLES, Consuming, consuming
from tests.faults.forks import Troop, troop
from tests.faults.storm import Storm
from tests.integration.bus.conftest import nats, operator, store, streams
from tests.integration.bus.rig import eventually, in_stream, publishing
from tests.integration.bus.rig import published as journal_of
from tests.integration.bus.seats import SEATS, turns

__all__ = ["nats", "operator", "store", "streams"]  # fixtures

GUESTS = 12
PAUSE = (0.02, 0.2)
FROZEN = (0.2, 1.5)
NOTHING = "ikz.events.nothing.>"


@dataclass(slots=True)
class Scene:
    """What the storm rages over."""

    store: Database
    server: Target
    consumers: Troop
    superuser: OwnConnection
    events: OwnConnection
    notify: OwnConnection
    dice: Random
    given_up: set[str] = field(default_factory=set)

    def consuming(self, *, calm: bool = False) -> Consuming:
        """One replica of the notify service; half of them read whoever else leads."""
        dsn, url = self.store.dsn("notify"), self.server.nats.url("notify")
        elected = calm or self.dice.random() < 0.5
        return Consuming(dsn, url, self.dice.randrange(2**32), elected, careless=not calm)

    async def kill(self) -> None:
        await self.consumers.restart(self.dice.choice(self.consumers.places), self.consuming())

    async def freeze(self) -> None:
        self.dice.choice(self.consumers.places).freeze(self.dice.uniform(*FROZEN))

    async def deafen(self) -> None:
        self.dice.choice(self.consumers.places).signal(DEAFEN)

    async def lose_sessions(self) -> None:
        await kill_backends(self.superuser, "ikz_notify", self.dice)

    async def kill_server(self) -> None:
        await self.server.kill()

    async def freeze_server(self) -> None:
        self.server.freeze(self.dice.uniform(*FROZEN))

    async def restore_stream(self) -> None:
        """To what it was a while ago; the first time, that is made."""
        await self.server.restore()

    async def delete_stream(self) -> None:
        await self._order("STREAM.DELETE.IKZ_EVENTS")
        await bootstrap_streams(self.server.nats.url("operator"))

    async def purge_stream(self) -> None:
        await self._order("STREAM.PURGE.IKZ_EVENTS")

    async def delete_consumer(self) -> None:
        await self._order("CONSUMER.DELETE.IKZ_EVENTS.notify")

    async def change_consumer(self) -> None:
        now = (await self._order("CONSUMER.INFO.IKZ_EVENTS.notify")).get("config", {})
        changed = {"durable_name": "notify", "name": "notify", "filter_subject": NOTHING, "ack_policy": "explicit"}
        body = {"stream_name": "IKZ_EVENTS", "config": now | changed}
        await self._order(f"CONSUMER.CREATE.IKZ_EVENTS.notify.{NOTHING}", body)

    async def steal(self) -> None:
        """Messages go to somebody else, who acknowledges none."""
        operator = await open_connection(self.server.nats.url("operator"), "thief")
        for _ in range(5):
            subject, body = "$JS.API.CONSUMER.MSG.NEXT.IKZ_EVENTS.notify", b'{"batch": 3, "no_wait": true}'
            await operator.client.publish(subject, body, "_INBOX.nobody")
        await operator.close()

    async def curse(self) -> None:
        for guest in self.dice.sample(range(GUESTS), k=2):
            await self.notify.execute("INSERT INTO cursed VALUES ($1) ON CONFLICT DO NOTHING", f"g{guest}")

    async def lift(self) -> None:
        await self.notify.execute("DELETE FROM cursed WHERE guest = (SELECT min(guest) FROM cursed)")

    async def see_to_dead_letters(self) -> None:
        """A person has some tried again and gives some up; only the oldest of a line can be."""
        found = await dead_letters.find(self.notify, "notify")
        for letter in self.dice.sample(found, k=min(len(found), 4)):
            with suppress(NoDeadLetter, NotTheOldest):
                if self.dice.random() < 0.5:
                    await dead_letters.retry(self.notify, letter.id)
                else:
                    await dead_letters.discard(self.notify, letter.id, "a storm")
                    self.given_up.add(letter.event_id)

    async def _order(self, call: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """What an operator has the server do; it may refuse."""
        self.server.thaw()
        operator = await open_connection(self.server.nats.url("operator"), "operator")
        try:
            with suppress(ApiError):
                return await operator.api(call, body)
        finally:
            await operator.close()
        return {}

    def blows(self) -> list[Callable[[], Awaitable[None]]]:
        """One of each kind, in any order."""
        found: list[Callable[[], Awaitable[None]]] = [self.kill, self.freeze, self.deafen, self.lose_sessions]
        found += [self.kill_server, self.freeze_server]
        found += [self.restore_stream, self.delete_stream, self.purge_stream, self.delete_consumer]
        found += [self.change_consumer, self.steal, self.curse, self.lift, self.see_to_dead_letters]
        found += [self.kill, self.lose_sessions, self.restore_stream, self.curse, self.see_to_dead_letters]
        self.dice.shuffle(found)
        return found


@pytest.fixture
async def scene(store: Database, nats: EmbeddedNats, tmp_path: Path, storm: Storm) -> AsyncIterator[Scene]:
    superuser = await connect(store.operator_dsn, name="tests")
    events = await connect(store.dsn("events"), name="tests")
    notify = await connect(store.dsn("notify"), name="tests")
    await notify.execute(TABLES)
    async with troop(consuming, 2, tmp_path) as consumers:
        yield Scene(store, Target(nats), consumers, superuser, events, notify, storm.dice)
    for connection in (superuser, events, notify):
        await connection.close()


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The relay of this process sees to the stream often."""
    for name, value in {"RETRY_LAST": 0.3, "LOOK_EVERY": 0.2, "ACKNOWLEDGED_WITHIN": 2.0}.items():
        monkeypatch.setattr(relay, name, value)


@pytest.mark.usefixtures("streams")
async def test_a_storm_leaves_every_effect_once_and_in_order(scene: Scene, nats: EmbeddedNats, storm: Storm) -> None:
    """Poison among the messages; a stream that is purged, deleted, cut back and filled again; consumers in trouble."""
    to_come: list[Callable[[], Awaitable[None]]] = []
    for place in scene.consumers.places:
        place.start(scene.consuming())
    async with publishing(scene.store, nats, "events", SEATS):
        for _ in storm.rounds():
            scene.consumers.revive(scene.consuming)
            await turns(scene.events, GUESTS, 2)
            await asyncio.sleep(scene.dice.uniform(*PAUSE))
            to_come = to_come or scene.blows()
            with suppress(*TROUBLE):  # of the server that was hit before
                await to_come.pop()()
        await calm_down(scene)

        await eventually(lambda: missing(scene), set())

        await eventually(lambda: open_letters(scene), [])
        assert await heard(scene) == expected(await all_versions(scene))
        everything = await journal_of(scene.events)
        in_the_end = [(message["position"], message["id"]) for message in await in_stream(nats, "events")]
        assert in_the_end[-len(everything) :] == everything


async def calm_down(scene: Scene) -> None:
    """Nothing is cursed, frozen or careless any more: one consumer goes on from whatever is left."""
    await scene.consumers.disband()
    scene.server.thaw()
    await scene.notify.execute("DELETE FROM cursed")
    scene.consumers.places[0].start(scene.consuming(calm=True))


async def all_versions(scene: Scene) -> set[tuple[str, int]]:
    """What must have had its effect: everything in the journal but what was given up."""
    found = await scene.events.fetch("SELECT stream || '@' || version AS id, aggregate, aggregate_version FROM journal")
    return {
        (row["aggregate"].removeprefix("seat/"), row["aggregate_version"])
        for row in found
        if row["id"] not in scene.given_up
    }


def expected(versions: set[tuple[str, int]]) -> dict[str, list[int]]:
    """By guest, in order."""
    return {guest: sorted(n for one, n in versions if one == guest) for guest in {guest for guest, _ in versions}}


async def heard(scene: Scene) -> dict[str, list[int]]:
    """By guest, in the order in which it took effect."""
    found: dict[str, list[int]] = {}
    for row in await scene.notify.fetch("SELECT guest, version FROM heard ORDER BY ordinal"):
        found.setdefault(row["guest"], []).append(row["version"])
    return found


async def missing(scene: Scene) -> set[tuple[str, int]]:
    """What has had no effect yet."""
    found = await heard(scene)
    return await all_versions(scene) - {(guest, version) for guest, versions in found.items() for version in versions}


async def open_letters(scene: Scene) -> list[str]:
    """Dead letters that still wait."""
    return [letter.event_id for letter in await dead_letters.find(scene.notify, "notify")]
