"""What the journal publishes reaches the stream once and in order, whatever happens to the stream or the journal."""

import asyncio
import os
import random
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.contract import Contract
from shared.embedded.nats import EmbeddedNats
from shared.kernel import leader as leader_module
from shared.kernel import relay as relay_module
from shared.kernel import streams as streams_module
from shared.kernel.bus import Connection, Lost, NoAnswer, open_connection
from shared.kernel.nats_access import render_config
from shared.kernel.postgres import OwnConnection
from shared.kernel.reconcile import request_republishing
from shared.kernel.streams import Limits, bootstrap_streams
from tests.conftest import Database
from tests.integration.bus.conftest import NATS_PASSWORDS
from tests.integration.bus.rig import eventually, in_stream, published, publishing, record
from tests.integration.kernel import hall
from tests.integration.kernel.hall import HALL, BookSeat, OpenHall, SeatTaken, context

pytestmark = pytest.mark.usefixtures("streams")


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[EmbeddedNats]:
    """A server that this test may stop, freeze and rob of its files."""
    async with EmbeddedNats(tmp_path / "nats", render_config, NATS_PASSWORDS) as server:
        await bootstrap_streams(server.url("operator"))
        server._wanted = (server.port, server.monitor_port)
        yield server


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between attempts that suit a test."""
    monkeypatch.setattr(relay_module, "LOOK_AGAIN", 0.2)
    monkeypatch.setattr(relay_module, "RETRY_LAST", 0.3)
    monkeypatch.setattr(relay_module, "LOOK_EVERY", 0.1)
    monkeypatch.setattr(relay_module, "ACKNOWLEDGED_WITHIN", 4.0)
    monkeypatch.setattr(leader_module, "STAND_BACK", 0.7)


async def ids(nats: EmbeddedNats) -> list[tuple[int, str]]:
    return [(message["position"], message["id"]) for message in await in_stream(nats)]


def last_of(nats: EmbeddedNats) -> Callable[[], Awaitable[int | None]]:
    """How many messages there are, as the operator sees it."""

    async def look() -> int | None:
        try:
            operator = await open_connection(nats.url("operator"), "test")
            try:
                state = await streams_module.stream_state(operator, "catalog")
                return state.messages
            finally:
                await operator.close()
        except (Lost, NoAnswer):  # of a server that has just been hit
            return None

    return look


async def test_everything_once_and_in_order(store: Database, nats: EmbeddedNats, sql: OwnConnection) -> None:
    await record(sql, 2500)
    async with publishing(store, nats) as catalog:
        await eventually(catalog.reached, 2250)
        await record(sql, 1)
        await eventually(catalog.reached, 2251)
    assert await ids(nats) == await published(sql)


async def test_a_command_is_a_cloud_event(store: Database, nats: EmbeddedNats, sql: OwnConnection) -> None:
    async with publishing(store, nats) as catalog:
        await catalog.journal.transact(HALL, "h1", OpenHall(seats=5), context())
        await catalog.journal.transact(HALL, "h1", BookSeat(guest="ada"), context())
        await eventually(catalog.reached, 1)
        await catalog.journal.transact(HALL, "h1", BookSeat(guest="bob"), context())
        await eventually(catalog.reached, 2)
    ada, bob = await in_stream(nats)
    store_id = str(await sql.fetchval("SELECT store_id FROM journal_counter"))
    recorded = await sql.fetchval("SELECT recorded_at FROM journal WHERE position = 2")
    headers = ada.pop("headers")
    assert ada == {
        "specversion": "1.0",
        "id": "hall-h1@2",
        "source": "/ikz/catalog",
        "type": "ikz.catalog.seat.taken.v1",
        "subject": "seat/ada",
        "time": "2026-03-01T09:00:00Z",
        "recordedtime": recorded.isoformat(),
        "datacontenttype": "application/json",
        "dataschema": "http://127.0.0.1:8080/api/v1/schemas/ikz.catalog.seat.taken.v1.json",
        "position": 2,
        "prevposition": 0,
        "aggregateversion": 1,
        "partitionkey": "hall-h1",
        "storeid": store_id,
        "correlationid": "correlation",
        "data": {"hall": "h", "guest": "ada"},
    }
    assert headers | {"Ikz-Digest": ""} == {
        "Content-Type": "application/cloudevents+json",
        "Ikz-Position": "2",
        "Ikz-Prev-Position": "0",
        "Ikz-Store-Id": store_id,
        "Ikz-Digest": "",
        "ce-id": "hall-h1@2",
        "ce-type": "ikz.catalog.seat.taken.v1",
        "Nats-Expected-Stream": "IKZ_CATALOG",
        "Nats-Expected-Last-Sequence": "0",
    }
    assert (bob["position"], bob["prevposition"]) == (3, 2)


async def test_messages_are_chained(store: Database, nats: EmbeddedNats, sql: OwnConnection) -> None:
    await record(sql, 1234)
    async with publishing(store, nats) as catalog:
        await eventually(catalog.reached, 1111)
    messages = await in_stream(nats)
    assert [message["prevposition"] for message in messages] == [0, *(message["position"] for message in messages)][:-1]
    assert {message["traceparent"] for message in messages} == {
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    }
    assert "history" not in messages[0]


async def test_history_is_marked(store: Database, nats: EmbeddedNats, sql: OwnConnection) -> None:
    await record(sql, 2)
    await sql.execute("UPDATE journal SET history = true, causation_id = 'cause' WHERE position = 2")
    async with publishing(store, nats) as catalog:
        await eventually(catalog.reached, 2)
    first, second = await in_stream(nats)
    assert ("history" in first, second["history"], second["causationid"]) == (False, True, "cause")


async def test_large_events_make_smaller_batches(
    store: Database, nats: EmbeddedNats, sql: OwnConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "BATCH_BYTES", 5_000)
    monkeypatch.setattr(relay_module, "FEW", 1)
    monkeypatch.setattr(relay_module, "WINDOW", 50)
    await record(sql, 300)
    async with publishing(store, nats) as catalog:
        await eventually(catalog.reached, 270)
    messages = await in_stream(nats)
    assert [(message["position"], message["id"]) for message in messages] == await published(sql)
    assert len({message["headers"]["Nats-Batch-Id"] for message in messages}) > 20


async def test_long_private_stretches_are_walked_through(
    store: Database, nats: EmbeddedNats, sql: OwnConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "WINDOW", 7)
    await record(sql, 200)
    await sql.execute("UPDATE journal SET aggregate = NULL, aggregate_version = NULL WHERE position BETWEEN 20 AND 180")
    async with publishing(store, nats) as catalog:
        await eventually(catalog.reached, 36)
        await record(sql, 1)
        await eventually(catalog.reached, 37)
    assert await ids(nats) == await published(sql)


@pytest.mark.usefixtures("impatient")
async def test_two_leaders_that_die_and_come_back_publish_everything_once(
    store: Database, nats: EmbeddedNats, sql: OwnConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No election at all: both publish at once and are cancelled at random moments. Only the sequence protects."""

    async def no_election(_dsn: str, _name: str, work: Callable[[], Awaitable[None]], **_: Any) -> None:
        await work()

    monkeypatch.setattr(relay_module, "lead", no_election)
    monkeypatch.setattr(relay_module, "BATCH", 40)
    dice = random.Random(7)

    async def come_and_go() -> None:
        for _ in range(12):
            async with publishing(store, nats):
                await asyncio.sleep(dice.uniform(0.02, 0.25))

    async def write() -> None:
        for _ in range(60):
            await record(sql, dice.randint(1, 120))
            await asyncio.sleep(0.01)

    await asyncio.gather(write(), come_and_go(), come_and_go())
    async with publishing(store, nats):
        await eventually(last_of(nats), len(await published(sql)))
    assert await ids(nats) == await published(sql)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("blow", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.long)])
async def test_a_server_that_dies_or_freezes_in_the_middle(
    store: Database, own: EmbeddedNats, sql: OwnConnection, monkeypatch: pytest.MonkeyPatch, blow: signal.Signals
) -> None:
    monkeypatch.setattr(relay_module, "BATCH", 50)
    monkeypatch.setattr(relay_module, "ACKNOWLEDGED_WITHIN", 1.0)
    await record(sql, 5000)
    async with publishing(store, own) as catalog:
        for _ in range(2):
            before = catalog.relay.published
            while catalog.relay.published < min(before + 200, 4500):
                await asyncio.sleep(0.005)
            assert own.process is not None
            os.kill(own.process.pid, blow)
            if blow == signal.SIGKILL:
                await own.process.wait()  # until then it may have the ports
                await own.start()
            else:
                await asyncio.sleep(1.5)
                os.kill(own.process.pid, signal.SIGCONT)
        await eventually(last_of(own), 4500)
    assert await ids(own) == await published(sql)


@pytest.mark.usefixtures("impatient")
async def test_a_deleted_stream_is_waited_for_and_filled_again(
    store: Database, nats: EmbeddedNats, sql: OwnConnection, operator: Connection
) -> None:
    await record(sql, 100)
    async with publishing(store, nats) as catalog:
        await eventually(catalog.reached, 90)
        await operator.api("STREAM.DELETE.IKZ_CATALOG")
        await record(sql, 1)
        await eventually(catalog.why, "NoStream: the stream IKZ_CATALOG is missing")
        await bootstrap_streams(nats.url("operator"))
        await eventually(last_of(nats), 91)
        await eventually(catalog.why, None)
    assert await ids(nats) == await published(sql)


async def test_a_stream_made_anew_between_two_looks_is_filled_again(
    store: Database, nats: EmbeddedNats, sql: OwnConnection, operator: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The relay has nothing to publish meanwhile: only looking tells."""
    monkeypatch.setattr(relay_module, "LOOK_EVERY", 1000)
    await record(sql, 20)
    async with publishing(store, nats) as catalog:
        await eventually(catalog.reached, 18)
        await operator.api("STREAM.DELETE.IKZ_CATALOG")
        await bootstrap_streams(nats.url("operator"))
        monkeypatch.setattr(relay_module, "LOOK_EVERY", 0.1)
        await eventually(last_of(nats), 18)
    assert await ids(nats) == await published(sql)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("alive", [True, False], ids=["while it runs", "while it is away"])
async def test_a_purged_stream_is_filled_again(
    store: Database, nats: EmbeddedNats, sql: OwnConnection, operator: Connection, *, alive: bool
) -> None:
    await record(sql, 100)
    async with publishing(store, nats) as catalog:
        await eventually(catalog.reached, 90)
        if alive:
            await operator.api("STREAM.PURGE.IKZ_CATALOG")
            await eventually(last_of(nats), 90)
    if not alive:
        await operator.api("STREAM.PURGE.IKZ_CATALOG")
        async with publishing(store, nats):
            await eventually(last_of(nats), 90)
    assert await ids(nats) == await published(sql)
    assert (await streams_module.stream_state(operator, "catalog")).last_seq == 180


@pytest.mark.usefixtures("impatient")
async def test_a_purge_that_left_some_messages_is_made_good(
    store: Database, nats: EmbeddedNats, sql: OwnConnection, operator: Connection
) -> None:
    await record(sql, 20)
    async with publishing(store, nats) as catalog:
        await eventually(catalog.reached, 18)
        await operator.api("STREAM.PURGE.IKZ_CATALOG", {"keep": 5})
        await eventually(last_of(nats), 5 + 18)
        await asyncio.sleep(0.3)
        await record(sql, 1)
        await eventually(last_of(nats), 5 + 18 + 1)
    everything = await published(sql)
    assert await ids(nats) == everything[13:18] + everything


@pytest.mark.usefixtures("impatient")
async def test_everything_is_published_again_when_asked(
    store: Database, nats: EmbeddedNats, sql: OwnConnection
) -> None:
    await record(sql, 20)
    async with publishing(store, nats) as catalog:
        await eventually(catalog.reached, 18)
        assert await request_republishing(sql)
        await eventually(catalog.reached, 36)
        await asyncio.sleep(1)
    assert await ids(nats) == await published(sql) * 2


async def test_messages_that_aged_away_are_not_published_again(
    store: Database, nats: EmbeddedNats, sql: OwnConnection, operator: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "LOOK_EVERY", 0.1)
    await record(sql, 20)
    async with publishing(store, nats) as catalog:
        await eventually(catalog.reached, 18)
    config = (await operator.api("STREAM.INFO.IKZ_CATALOG"))["config"]
    await operator.api("STREAM.UPDATE.IKZ_CATALOG", config | {"max_age": 1_000_000_000, "duplicate_window": 10**9})
    await eventually(last_of(nats), 0)
    async with publishing(store, nats) as catalog:
        await record(sql, 1)
        await eventually(catalog.reached, 1)
    (only,) = await in_stream(nats)
    assert (only["position"], only["prevposition"]) == (21, 19)


@pytest.mark.usefixtures("impatient")
async def test_a_stream_cut_back_to_an_older_copy_gets_what_it_lacks(
    store: Database, own: EmbeddedNats, sql: OwnConnection, tmp_path: Path
) -> None:
    await record(sql, 100)
    async with publishing(store, own) as catalog:
        await eventually(catalog.reached, 90)
    await own.stop()
    shutil.copytree(own.folder / "jetstream", tmp_path / "copy")
    await own.start()
    async with publishing(store, own) as catalog:
        await record(sql, 100)
        await eventually(catalog.reached, 90)
        await own.stop()
        shutil.rmtree(own.folder / "jetstream")
        shutil.copytree(tmp_path / "copy", own.folder / "jetstream")
        await own.start()
        await eventually(last_of(own), 180)
    assert await ids(own) == await published(sql)


@pytest.mark.usefixtures("impatient")
async def test_a_deleted_last_message_is_not_published_again(
    store: Database, nats: EmbeddedNats, sql: OwnConnection, operator: Connection
) -> None:
    """It is published again: the one before it is the checkpoint then."""
    await record(sql, 9)
    async with publishing(store, nats) as catalog:
        await eventually(catalog.reached, 9)
    await operator.api("STREAM.MSG.DELETE.IKZ_CATALOG", {"seq": 9})
    async with publishing(store, nats) as catalog:
        await eventually(catalog.reached, 1)
    assert await ids(nats) == await published(sql)


GO_BACK = "WITH gone AS (DELETE FROM journal WHERE position > 15) UPDATE journal_counter SET position = 15"
OTHERWISE = "UPDATE journal SET data = json_build_object('at', '2026-03-01T09:00:01Z', 'hall', 'h', 'guest', 'g19')"
LOST = {
    GO_BACK: "the journal went back: position 19 was published, now it ends at 15",
    OTHERWISE + " WHERE position = 19": "the journal went back: position 19 was published and is another event now",
    "UPDATE journal_counter SET store_id = gen_random_uuid()": "the stream holds the events of another journal",
}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("alive", [True, False], ids=["while it runs", "while it is away"])
@pytest.mark.parametrize("statement", LOST)
async def test_a_journal_that_went_back_halts_the_relay(
    store: Database, nats: EmbeddedNats, sql: OwnConnection, statement: str, *, alive: bool
) -> None:
    await record(sql, 20)
    async with publishing(store, nats) as catalog:
        await eventually(catalog.reached, 18)
        if alive:
            await halts(catalog, sql, statement)
    if not alive:
        async with publishing(store, nats) as catalog:
            await halts(catalog, sql, statement)
    assert len(await in_stream(nats)) == 18


async def halts(catalog: Any, sql: OwnConnection, statement: str) -> None:
    await sql.execute(statement)

    async def says() -> bool:
        return str(await catalog.why()).startswith(LOST[statement])

    await eventually(says, wanted=True)
    await record(sql, 20)
    await asyncio.sleep(0.5)
    assert await says() or statement == GO_BACK
    outcome = await catalog.journal.transact(HALL, "other", OpenHall(seats=1), context())
    assert outcome.version == 1


@pytest.mark.usefixtures("impatient")
async def test_a_person_puts_it_right(
    store: Database, nats: EmbeddedNats, sql: OwnConnection, operator: Connection
) -> None:
    """After the journal went back: it gets a new store id, the stream is purged, and everything is published anew."""
    await record(sql, 20)
    async with publishing(store, nats) as catalog:
        await eventually(catalog.reached, 18)
        await halts(catalog, sql, GO_BACK)
        await sql.execute("UPDATE journal_counter SET store_id = gen_random_uuid()")
        await operator.api("STREAM.PURGE.IKZ_CATALOG")
        await eventually(last_of(nats), len(await published(sql)))
        await eventually(catalog.why, None)
    assert await ids(nats) == await published(sql)


@pytest.mark.usefixtures("impatient")
async def test_a_message_from_somebody_else_halts_the_relay(
    store: Database, nats: EmbeddedNats, sql: OwnConnection, operator: Connection
) -> None:
    intruder = await open_connection(nats.url("catalog"), "test")
    await intruder.request("ikz.catalog.seat.taken.v1.x", b"{}")
    await intruder.close()
    async with publishing(store, nats) as catalog:
        await record(sql, 1)
        await eventually(catalog.why, "message 1, the last one of IKZ_CATALOG, is not from a relay")
        await operator.api("STREAM.MSG.DELETE.IKZ_CATALOG", {"seq": 1})
        await eventually(catalog.reached, 1)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("type = 'FromTheFuture'", "hall-h@15 cannot be published: UnknownEvent: hall/FromTheFuture form 1"),
        ("data = '{}'", "hall-h@15 cannot be published: ValidationError: at: Field required; hall: Field required"),
        (
            """data = json_build_object('at', '2026-03-01T09:00:00Z', 'hall', repeat('x', 300000), 'guest', 'g15')""",
            "hall-h@15 is larger than the stream's max_msg_size",
        ),
        ("aggregate = 'seat/other'", "hall-h@15 cannot be published: Unpublishable: recorded as one of seat/other"),
        (
            "type = 'SeatGivenBack'",
            "hall-h@15 cannot be published: Unpublishable: recorded as one of seat/g15, it becomes None",
        ),
        (
            "aggregate = E'seat/x\\r\\ny', data = replace(data::text, 'g15', 'x\\r\\ny')::json",
            "hall-h@15 cannot be published: ",
        ),
    ],
)
async def test_an_event_that_cannot_be_published_stops_those_behind_it(
    store: Database, nats: EmbeddedNats, sql: OwnConnection, change: str, why: str
) -> None:
    await record(sql, 20)
    await sql.execute(f"UPDATE journal SET {change} WHERE position = 15")

    async with publishing(store, nats) as catalog:

        async def says() -> bool:
            return str(await catalog.why()).startswith(why)

        await eventually(says, wanted=True)
        assert catalog.relay.published == 13
    assert len(await in_stream(nats)) == 13


class SeatReserved(hall.SeatBooked):
    """What the next version of the hall records."""


def publish_newer(event: hall.HallEvent) -> Contract | None:
    return SeatTaken(hall=event.hall, guest=event.guest) if isinstance(event, SeatReserved) else HALL.publish(event)


NEWER = replace(HALL, events=(*HALL.events, SeatReserved), publish=publish_newer)
LEFT = "hall-h@15 cannot be published: UnknownEvent: hall/SeatReserved form 1; left to a newer replica, if there is one"


@pytest.mark.usefixtures("impatient")
async def test_an_old_replica_leaves_what_is_newer_to_a_new_one(
    store: Database, nats: EmbeddedNats, sql: OwnConnection
) -> None:
    """During a deploy both run, and the old one leads: the new one takes over where the old one stops."""
    await record(sql, 20)
    await sql.execute("UPDATE journal SET type = 'SeatReserved' WHERE position = 15")
    async with publishing(store, nats) as old:
        await eventually(old.why, LEFT)
        async with publishing(store, nats, decider=NEWER) as new:
            await eventually(new.reached, 5)
            await record(sql, 9)
            await eventually(new.reached, 5 + 9)
            assert (await new.why(), await old.why(), old.relay.published) == (None, LEFT, 13)
        await record(sql, 9)
        await eventually(old.reached, 13 + 9)
        assert await old.why() is None
    assert await ids(nats) == await published(sql)


@pytest.mark.usefixtures("impatient")
async def test_what_no_replica_can_publish_stays_to_be_seen(
    store: Database, nats: EmbeddedNats, sql: OwnConnection
) -> None:
    """They take turns in trying; at no moment does any of them say that all is well."""
    await record(sql, 20)
    await sql.execute("UPDATE journal SET type = 'SeatReserved' WHERE position = 15")
    async with publishing(store, nats) as one, publishing(store, nats) as other:
        await eventually(one.why, LEFT)
        await eventually(other.why, LEFT)
        said = set()
        for _ in range(100):
            said |= {await one.why(), await other.why()}
            await asyncio.sleep(0.01)
    assert said == {LEFT}


@pytest.mark.usefixtures("impatient")
async def test_a_lost_database_connection_loses_nothing(
    store: Database, nats: EmbeddedNats, sql: OwnConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "BATCH", 50)
    await record(sql, 4000)
    async with publishing(store, nats):
        for _ in range(4):
            await asyncio.sleep(0.1)
            await sql.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name IN ('ikz relay',"
                "'ikz leader relay') AND datname = current_database()"
            )
        await eventually(last_of(nats), 3600)
    assert await ids(nats) == await published(sql)


async def test_a_stream_with_another_configuration_is_not_used(
    store: Database, nats: EmbeddedNats, sql: OwnConnection, operator: Connection
) -> None:
    await operator.api("STREAM.DELETE.IKZ_CATALOG")
    config = streams_module.configuration("catalog", 1, Limits()) | {"allow_atomic": False}
    await operator.api("STREAM.CREATE.IKZ_CATALOG", config)
    async with publishing(store, nats) as catalog:
        await eventually(
            catalog.why,
            "Unfit: the stream IKZ_CATALOG is not as it must be: allow_atomic is None instead of True. "
            "Run `ikz bootstrap`",
        )
        await bootstrap_streams(nats.url("operator"))
        await record(sql, 3)
        await eventually(catalog.reached, 3)
