"""Each effect once and in each aggregate's order, whatever happens to stream, consumer, database and process."""

import asyncio
import os
import random
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.embedded.nats import EmbeddedNats
from shared.kernel import forgetting, inbox, postgres, relay
from shared.kernel import pull as pull_module
from shared.kernel.bus import ApiError, Connection, open_connection
from shared.kernel.intake import Intake, Overtaken
from shared.kernel.nats_access import render_config
from shared.kernel.postgres import OwnConnection, connect, connect_pool
from shared.kernel.streams import bootstrap_streams
from tests.conftest import Database
from tests.integration.bus.conftest import NATS_PASSWORDS
from tests.integration.bus.rig import DEADLINE, eventually, publishing
from tests.integration.bus.seats import SEATS, hearing, turns

pytestmark = pytest.mark.usefixtures("streams", "impatient")


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
    monkeypatch.setattr(inbox, "RETRY_LAST", 0.3)
    monkeypatch.setattr(inbox, "PATIENCE", 0.3)
    monkeypatch.setattr(inbox, "DEAD_LETTERS_EVERY", 0.1)
    monkeypatch.setattr(pull_module, "HEARTBEAT", 0.5)
    monkeypatch.setattr(pull_module, "SILENCE", 4.0)
    monkeypatch.setattr(relay, "LOOK_EVERY", 0.1)
    monkeypatch.setattr(relay, "LOOK_AGAIN", 0.2)
    monkeypatch.setattr(relay, "RETRY_LAST", 0.3)
    monkeypatch.setattr(relay, "ACKNOWLEDGED_WITHIN", 4.0)


def all_of(guests: int, rounds: int) -> dict[str, list[int]]:
    return {f"g{n}": list(range(1, rounds + 1)) for n in range(guests)}


async def test_every_effect_once_and_in_order(store: Database, nats: EmbeddedNats, events: OwnConnection) -> None:
    await turns(events, 300, 4)
    async with publishing(store, nats, "events", SEATS), hearing(store, nats) as notify:
        await eventually(notify.count, 1200)
        await turns(events, 300, 1)
        await eventually(notify.count, 1500)
        assert await notify.heard() == all_of(300, 5)
        assert max(notify.runs) > 100, "runs of one type must come as one list"
        assert sum(size for _, size in notify.counted) == 900
        assert all(notify.runs[behind - 1] == size for behind, size in notify.counted)
        assert await notify.why() is None


async def test_who_is_told(store: Database, nats: EmbeddedNats, events: OwnConnection) -> None:
    """Nobody, of loaded history, of what was there before this service was, and of what is read too late."""
    await turns(events, 4, 1)
    await events.execute("UPDATE journal SET history = true WHERE position = 1")
    await events.execute("UPDATE journal SET recorded_at = recorded_at - interval '1 hour' WHERE position = 2")
    await events.execute("UPDATE journal SET recorded_at = recorded_at - interval '8 days' WHERE position = 3")
    notify_schema = await connect(store.dsn("notify"), name="tests")
    await notify_schema.execute("UPDATE journal_counter SET created_at = now() - interval '30 minutes'")
    async with publishing(store, nats, "events", SEATS), hearing(store, nats) as notify:
        await eventually(notify.count, 4)
        live = await notify.pool.fetch("SELECT live FROM heard ORDER BY ordinal")
        assert [row["live"] for row in live] == [False, False, False, True]
    await notify_schema.execute("UPDATE inbox_consumer SET installed_at = now() - interval '30 days'")
    await notify_schema.close()
    async with publishing(store, nats, "events", SEATS), hearing(store, nats, max_age=timedelta(0)) as notify:
        await turns(events, 1, 1)
        await eventually(notify.count, 5)
        assert await notify.pool.fetchval("SELECT live FROM heard ORDER BY ordinal DESC LIMIT 1") is False


@pytest.mark.long
async def test_consumers_without_election_that_come_and_go(
    store: Database, nats: EmbeddedNats, events: OwnConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two read at once and are cancelled at random moments; only the checkpoint protects."""

    async def no_election(_dsn: str, _name: str, work: Callable[[], Awaitable[None]], **_: Any) -> None:
        await work()

    monkeypatch.setattr(inbox, "lead", no_election)
    monkeypatch.setattr(inbox, "BATCH", 40)
    dice = random.Random(3)
    done = False

    async def come_and_go() -> None:
        while not done:
            async with hearing(store, nats):
                await asyncio.sleep(dice.uniform(0.05, 0.5))

    async def write() -> None:
        nonlocal done
        for _ in range(40):
            await turns(events, 50, 1)
            await asyncio.sleep(0.05)
        done = True

    async with publishing(store, nats, "events", SEATS):
        await asyncio.gather(write(), come_and_go(), come_and_go())
        async with hearing(store, nats) as notify:
            await eventually(notify.count, 2000)
            assert await notify.heard() == all_of(50, 40)


async def test_who_was_overtaken_changes_nothing(store: Database, nats: EmbeddedNats, events: OwnConnection) -> None:
    await turns(events, 10, 1)
    async with publishing(store, nats, "events", SEATS), hearing(store, nats) as notify:
        await eventually(notify.count, 10)
        other = Intake("notify", "events", [], timedelta(days=7))
        async with notify.pool.acquire() as connection:
            now = await other.checkpoint(connection)
            stale = replace(now, position=now.position - 1)
            with pytest.raises(Overtaken, match="the checkpoint is at 10 instead of 9"):
                await other.take(connection, [], stale, stale)
            with pytest.raises(Overtaken):
                await other.take_carefully(connection, [], replace(now, store_id="another"), stale)
            assert await other.checkpoint(connection) == now


async def test_who_froze_in_the_middle_holds_nobody_up(
    store: Database, nats: EmbeddedNats, events: OwnConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a stopped process does, it holds the checkpoint's row and says nothing: the server ends its session."""
    monkeypatch.setattr(postgres, "IDLE_IN_TRANSACTION", "500ms")
    async with publishing(store, nats, "events", SEATS), hearing(store, nats) as notify:
        await turns(events, 10, 1)
        await eventually(notify.count, 10)
        frozen = await connect_pool(store.dsn("notify"), name="frozen")
        connection = await frozen.acquire()
        await connection.transaction().start()
        await Intake("notify", "events", [], timedelta(days=7)).lock(connection)
        await turns(events, 10, 1)
        await eventually(notify.count, 20)
        frozen.terminate()


async def test_old_ids_are_forgotten_and_count_as_known(
    store: Database, nats: EmbeddedNats, events: OwnConnection, operator: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even when another store id has everything read once more."""
    monkeypatch.setattr(forgetting, "EVERY", 0.05)
    monkeypatch.setattr(forgetting, "AT_ONCE", 2)
    await turns(events, 10, 1)
    await events.execute("UPDATE journal SET recorded_at = recorded_at - interval '91 days' WHERE position <= 7")
    await events.execute("UPDATE journal SET recorded_at = recorded_at + interval '1 year' WHERE position = 8")

    async with publishing(store, nats, "events", SEATS) as publisher, hearing(store, nats) as notify:

        async def remembered() -> int:
            found: int = await notify.pool.fetchval("SELECT count(*) FROM inbox")
            return found

        await eventually(notify.count, 10)
        await eventually(remembered, 3)
        await events.execute("UPDATE journal_counter SET store_id = gen_random_uuid()")
        await operator.api("STREAM.PURGE.IKZ_EVENTS")
        await eventually(publisher.reached, 20)
        await turns(events, 10, 1)
        await eventually(notify.count, 20)
        assert await notify.heard() == all_of(10, 2)
        assert await remembered() == 13


@pytest.mark.parametrize("blow", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.long)])
async def test_a_server_that_dies_or_freezes_in_the_middle(
    store: Database, own: EmbeddedNats, events: OwnConnection, monkeypatch: pytest.MonkeyPatch, blow: signal.Signals
) -> None:
    monkeypatch.setattr(inbox, "BATCH", 20)
    monkeypatch.setattr(pull_module, "SILENCE", 1.0)
    await turns(events, 500, 10)
    async with publishing(store, own, "events", SEATS), hearing(store, own) as notify:
        for _ in range(2):
            before = notify.consumer.taken
            while notify.consumer.taken < min(before + 200, 4000):
                await asyncio.sleep(0.005)
            assert own.process is not None
            os.kill(own.process.pid, blow)
            if blow == signal.SIGKILL:
                await own.process.wait()  # until then it may have the ports
                await own.start()
            else:
                await asyncio.sleep(1.5)
                os.kill(own.process.pid, signal.SIGCONT)
        await eventually(notify.count, 5000)
        assert await notify.heard() == all_of(500, 10)


async def test_lost_database_connections_repeat_and_lose_nothing(
    store: Database, nats: EmbeddedNats, events: OwnConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "BATCH", 20)
    await turns(events, 500, 6)
    killer = await connect(store.operator_dsn, name="killer")
    async with publishing(store, nats, "events", SEATS), hearing(store, nats) as notify:
        for _ in range(15):
            await asyncio.sleep(0.07)
            await killer.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ikz_notify' "
                "AND datname = current_database()"
            )
        async with asyncio.timeout(DEADLINE):
            while notify.consumer.taken < 1 or await notify.why() is not None:
                await asyncio.sleep(0.05)
    await killer.close()
    async with publishing(store, nats, "events", SEATS), hearing(store, nats) as notify:
        await eventually(notify.count, 3000)
        assert await notify.heard() == all_of(500, 6)


CHANGES = {
    "deleted": ("CONSUMER.DELETE.IKZ_EVENTS.notify", None),
    "another filter": (
        "CONSUMER.CREATE.IKZ_EVENTS.notify.ikz.events.nothing.>",
        {
            "stream_name": "IKZ_EVENTS",
            "config": {"durable_name": "notify", "name": "notify", "filter_subject": "ikz.events.nothing.>"},
        },
    ),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_deleted_or_changed_consumer_is_made_anew(
    store: Database, nats: EmbeddedNats, events: OwnConnection, operator: Connection, change: str
) -> None:
    await turns(events, 10, 1)
    async with publishing(store, nats, "events", SEATS), hearing(store, nats) as notify:
        await eventually(notify.count, 10)
        call, body = CHANGES[change]
        if body:
            now = (await operator.api("CONSUMER.INFO.IKZ_EVENTS.notify"))["config"]
            body = body | {"config": now | body["config"], "action": "update"}
        await operator.api(call, body)
        await turns(events, 10, 1)
        await eventually(notify.count, 20)
        assert await notify.heard() == all_of(10, 2)


async def test_messages_that_went_to_somebody_else_are_read_again(
    store: Database, nats: EmbeddedNats, events: OwnConnection, operator: Connection
) -> None:
    """An operator fetches through the service's own consumer while that is at work: the chain shows it."""
    async with publishing(store, nats, "events", SEATS) as publisher, hearing(store, nats) as notify:
        for round_ in range(1, 11):
            for _ in range(20):
                await operator.client.publish(
                    "$JS.API.CONSUMER.MSG.NEXT.IKZ_EVENTS.notify", b'{"batch": 3, "no_wait": true}', "_INBOX.nobody"
                )
            await turns(events, 10, 1)
            await eventually(publisher.reached, 10 * round_)
        await eventually(notify.count, 100)
        assert await notify.heard() == all_of(10, 10)


async def test_a_new_consumer_misses_nothing_when_its_first_message_goes_astray(
    store: Database, nats: EmbeddedNats, events: OwnConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await turns(events, 10, 1)
    real = inbox.Consumer._parsed
    strayed: list[Any] = []

    def without_the_first(self: inbox.Consumer, arrived: Any) -> Any:
        found = real(self, arrived)
        if not strayed:
            strayed.append(found.pop(0))
        return found

    monkeypatch.setattr(inbox.Consumer, "_parsed", without_the_first)
    async with publishing(store, nats, "events", SEATS), hearing(store, nats) as notify:
        await eventually(notify.count, 10)
    assert strayed


async def test_a_new_consumer_of_an_old_stream_begins_where_it_begins(
    store: Database, nats: EmbeddedNats, events: OwnConnection, operator: Connection
) -> None:
    await turns(events, 10, 2)
    async with publishing(store, nats, "events", SEATS) as publisher:
        await eventually(publisher.reached, 20)
    await operator.api("STREAM.PURGE.IKZ_EVENTS", {"keep": 15})
    async with hearing(store, nats) as notify:
        await eventually(notify.count, 15)
        await eventually(notify.why, None)


@pytest.mark.parametrize("running", [True, False], ids=["while it reads", "while it is away"])
@pytest.mark.parametrize("loss", ["DELETE", "PURGE", "PURGE DELETE"])
async def test_a_lost_stream_that_is_filled_again(
    store: Database, nats: EmbeddedNats, events: OwnConnection, operator: Connection, loss: str, *, running: bool
) -> None:
    async def lose() -> None:
        await operator.api(f"STREAM.{loss.rsplit(maxsplit=1)[-1]}.IKZ_EVENTS")
        await bootstrap_streams(nats.url("operator"))
        await turns(events, 20, 2)
        await eventually(lambda: messages(operator), 80)

    await turns(events, 20, 2)
    async with publishing(store, nats, "events", SEATS):
        async with hearing(store, nats) as notify:
            await eventually(notify.count, 40)
            if loss.startswith("PURGE "):  # sequences run 40 ahead of those in the next stream
                await operator.api("STREAM.PURGE.IKZ_EVENTS")
                await eventually(lambda: acknowledged(operator), 80)
            if running:
                await lose()
                await eventually(notify.count, 80)
        if not running:
            await lose()
        async with hearing(store, nats) as notify:
            await eventually(notify.count, 80)
            await asyncio.sleep(0.5)
            assert await notify.heard() == all_of(20, 4)


async def messages(operator: Connection) -> int:
    try:
        info = await operator.api("STREAM.INFO.IKZ_EVENTS")
    except ApiError:
        return 0
    count: int = info["state"]["messages"]
    return count


async def test_a_stream_cut_back_to_an_older_copy(
    store: Database, own: EmbeddedNats, events: OwnConnection, tmp_path: Path
) -> None:
    """The consumer is beyond the stream's end: what the relay publishes again and what is new must all come."""
    async with publishing(store, own, "events", SEATS), hearing(store, own) as notify:
        await turns(events, 20, 1)
        await eventually(notify.count, 20)
        await own.stop()
        shutil.copytree(own.folder / "jetstream", tmp_path / "copy")
        await own.start()
        await turns(events, 20, 2)
        await eventually(notify.count, 60)
        await own.stop()
        shutil.rmtree(own.folder / "jetstream")
        shutil.copytree(tmp_path / "copy", own.folder / "jetstream")
        await own.start()
        await turns(events, 20, 1)
        await eventually(notify.count, 80)
        await asyncio.sleep(0.5)
        assert await notify.heard() == all_of(20, 4)


async def test_a_checkpoint_beyond_the_streams_end_waits_for_nothing(
    store: Database, nats: EmbeddedNats, events: OwnConnection
) -> None:
    """As after a restored stream whose sequences run differently from those of the lost one."""
    await turns(events, 10, 1)
    async with publishing(store, nats, "events", SEATS):
        async with hearing(store, nats) as notify:
            await eventually(notify.count, 10)
            await notify.pool.execute("UPDATE inbox_consumer SET stream_seq = 1000")
        async with hearing(store, nats) as notify:
            await turns(events, 10, 1)
            await eventually(notify.count, 20)
            assert await notify.heard() == all_of(10, 2)


async def test_what_lies_before_the_checkpoint_and_was_never_taken_is_searched_for(
    store: Database, nats: EmbeddedNats, events: OwnConnection
) -> None:
    """As after a restored stream that has grown beyond its old end again, with other sequences."""
    async with publishing(store, nats, "events", SEATS) as publisher:
        async with hearing(store, nats) as notify:
            await turns(events, 10, 1)
            await eventually(notify.count, 10)
        notify_schema = await connect(store.dsn("notify"), name="tests")
        await notify_schema.execute("UPDATE inbox_consumer SET stream_seq = 15")
        await notify_schema.close()
        await turns(events, 10, 1)
        await eventually(publisher.reached, 20)
        async with hearing(store, nats) as notify:
            await eventually(notify.count, 20)
            assert await notify.heard() == all_of(10, 2)


async def test_what_was_purged_unread_is_waited_for(
    store: Database, nats: EmbeddedNats, events: OwnConnection, operator: Connection
) -> None:
    async with publishing(store, nats, "events", SEATS) as publisher:
        async with hearing(store, nats) as notify:
            await turns(events, 10, 1)
            await eventually(notify.count, 10)
        await turns(events, 10, 2)
        await eventually(publisher.reached, 30)
    await operator.api("STREAM.PURGE.IKZ_EVENTS", {"keep": 5})
    async with hearing(store, nats) as notify:
        await eventually(notify.why, "positions behind 10 up to 25 are missing: run `ikz republish events`")
        assert await notify.count() == 10
        async with publishing(store, nats, "events", SEATS):
            await eventually(notify.count, 30)
            await eventually(notify.why, None)
            assert await notify.heard() == all_of(10, 3)


async def test_a_database_restored_to_an_older_state_reads_again(
    store: Database, nats: EmbeddedNats, events: OwnConnection
) -> None:
    """JetStream has all acknowledgements; the consumer's own checkpoint decides."""
    async with publishing(store, nats, "events", SEATS), hearing(store, nats) as notify:
        await turns(events, 10, 1)
        await eventually(notify.count, 10)
        tables = ("heard", "inbox_consumer", "inbox", "inbox_aggregate")
        for table in tables:
            await notify.pool.execute(f"CREATE TABLE saved_{table} AS TABLE {table}")
        await turns(events, 10, 2)
        await eventually(notify.count, 30)
        async with notify.pool.acquire() as connection, connection.transaction():
            for table in tables:
                await connection.execute(f"TRUNCATE {table}")
                await connection.execute(f"INSERT INTO {table} TABLE saved_{table}")
        await turns(events, 10, 1)
        await eventually(notify.count, 40)
        assert await notify.heard() == all_of(10, 4)


async def test_another_journal_behind_the_stream(
    store: Database, nats: EmbeddedNats, events: OwnConnection, operator: Connection
) -> None:
    """The journal went back and a person gave it a new store id: what is the same has no effect again, the rest has."""
    async with publishing(store, nats, "events", SEATS), hearing(store, nats) as notify:
        await turns(events, 10, 2)
        await eventually(notify.count, 20)
        await events.execute(
            "WITH gone AS (DELETE FROM journal WHERE position > 10) "
            "UPDATE journal_counter SET position = 10, store_id = gen_random_uuid()"
        )
        await operator.api("STREAM.PURGE.IKZ_EVENTS")
        await turns(events, 10, 2)
        await eventually(notify.count, 40)
        await asyncio.sleep(0.5)
        assert await notify.heard() == {f"g{n}": [1, 2, 2, 3] for n in range(10)}
        await turns(events, 10, 1)
        await eventually(notify.count, 50)


async def test_messages_of_nobody_are_passed_over(
    store: Database, nats: EmbeddedNats, events: OwnConnection, operator: Connection
) -> None:
    intruder = await open_connection(nats.url("events"), "test")
    await intruder.request("ikz.events.seat.taken.v1.x", b"nonsense")
    await intruder.request("ikz.events.seat.taken.v1.x", b'{"storeid": "x", "position": "many"}')
    await intruder.close()
    async with hearing(store, nats) as notify:
        await eventually(lambda: acknowledged(operator), 2)
        await operator.api("STREAM.PURGE.IKZ_EVENTS")
        await turns(events, 5, 1)
        async with publishing(store, nats, "events", SEATS):
            await eventually(notify.count, 5)


async def acknowledged(operator: Connection) -> int:
    try:
        info = await operator.api("CONSUMER.INFO.IKZ_EVENTS.notify")
    except ApiError:
        return 0
    seq: int = info["ack_floor"]["stream_seq"]
    return seq
