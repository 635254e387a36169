"""A bad network between services and servers loses nothing, doubles nothing, and is over when it is over."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from shared.embedded.nats import EmbeddedNats
from shared.kernel import intake, postgres
from shared.kernel.bootstrap import role_of
from shared.kernel.intake import Intake
from shared.kernel.postgres import OwnConnection, Pool, connect, connect_pool
from tests.conftest import PASSWORDS, Database
from tests.faults.network import HALLS, Network, networked
from tests.faults.proxy import Proxy, Weather, proxy
from tests.faults.storm import Storm
from tests.integration.bus.conftest import events, nats, operator, store, streams
from tests.integration.bus.rig import eventually, in_stream, published
from tests.integration.bus.seats import HEARD
from tests.integration.kernel.hall import BookSeat, OpenHall

__all__ = ["events", "nats", "operator", "store", "streams"]  # fixtures

BACK_WITHIN = 10.0
PAUSE = (0.1, 0.6)
COMMANDS = "SELECT id, stream, version, position FROM command"
VERSIONS = "SELECT aggregate, aggregate_version FROM journal WHERE aggregate_version IS NOT NULL"
EFFECTS = "SELECT 'seat/' || guest AS aggregate, version AS aggregate_version FROM heard ORDER BY ordinal"

SLEEP = "SELECT pg_sleep(60)"
HALF_READ = """
SELECT state = 'active' AND wait_event = 'ClientRead' AND state_change < clock_timestamp() - $2::interval
FROM pg_stat_activity WHERE pid = $1
"""
SILENT_FOR = """
SELECT current_setting('tcp_keepalives_idle')::int
       + current_setting('tcp_keepalives_interval')::int * current_setting('tcp_keepalives_count')::int
"""
LONG = timedelta(seconds=0.5)

type Versions = list[tuple[str, int]]


@pytest.fixture
async def notify(store: Database) -> AsyncIterator[OwnConnection]:
    connection = await connect(store.dsn("notify"), name="tests")
    await connection.execute(HEARD)
    yield connection
    await connection.close()


@pytest.fixture
async def network(store: Database, nats: EmbeddedNats, notify: OwnConnection, streams: None) -> AsyncIterator[Network]:
    async with networked(store, nats) as made:
        await made.command("first", OpenHall(seats=1))
        await made.command("first", BookSeat(guest="ada"))
        await eventually(lambda: effects(notify), [("seat/ada", 1)])
        yield made


async def effects(notify: OwnConnection) -> Versions:
    return [(row["aggregate"], row["aggregate_version"]) for row in await notify.fetch(EFFECTS)]


async def missing(events: OwnConnection, notify: OwnConnection) -> set[tuple[str, int]]:
    """What has had no effect yet."""
    found = {(row["aggregate"], row["aggregate_version"]) for row in await events.fetch(VERSIONS)}
    return found - set(await effects(notify))


async def test_a_storm_loses_and_doubles_nothing(
    network: Network, events: OwnConnection, notify: OwnConnection, nats: EmbeddedNats, storm: Storm
) -> None:
    """Latency, single bytes, narrow and held up links, links that swallow everything, resets."""
    dice = storm.dice
    async with asyncio.TaskGroup() as tasks:
        at_work = [tasks.create_task(network.keep_booking(dice, number)) for number in range(HALLS)]
        at_work.append(tasks.create_task(network.keep_asking(dice)))
        for _ in storm.rounds():
            await asyncio.sleep(dice.uniform(*PAUSE))
            dice.choice((network.postgres, network.nats)).blow(dice)
        for task in at_work:
            task.cancel()
    network.postgres.clear_up()
    network.nats.clear_up()
    await comes_back(network, events, notify)
    await assert_whole(network, events, notify, nats)


async def test_a_pool_uses_no_link_again_when_one_of_them_is_half_open(store: Database) -> None:
    async with proxy(store.postgres.port) as between, await pool_behind(between, store, timeout=2) as pool:
        await asyncio.gather(*(pool.fetchval("SELECT pg_sleep(0.2)") for _ in range(4)))
        assert len(between.swallow()) == 4
        with pytest.raises(TimeoutError):
            await pool.fetchval("SELECT 1")
        assert await asyncio.gather(*(pool.fetchval("SELECT 1") for _ in range(4))) == [1] * 4


async def test_a_pool_uses_no_link_again_when_a_new_one_cannot_be_had(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "CONNECTING", 0.3)
    async with proxy(store.postgres.port) as between, await pool_behind(between, store, timeout=5) as pool:
        async with pool.acquire() as one:
            old = one.get_server_pid()
            between.weather = Weather(latency=1)
            with pytest.raises(TimeoutError):
                await pool.fetchval("SELECT 1")
            between.clear_up()
        assert await pool.fetchval("SELECT pg_backend_pid()") != old


async def test_the_server_asks_within_seconds_whether_anybody_is_there(store: Database) -> None:
    dsn = store.postgres.tcp_dsn(role_of("events"), PASSWORDS["events"], store.name)
    alone = await connect(dsn, name="alone")
    async with await connect_pool(dsn, name="pool") as pool:
        for each in (alone, pool):
            assert 0 < await each.fetchval(SILENT_FOR) <= BACK_WITHIN
    await alone.close()


async def test_who_gives_up_a_statement_is_not_kept_by_a_half_open_link(store: Database) -> None:
    """Nor turned from its giving up: the rollback's own failure must not take the place of the cancellation."""
    async with proxy(store.postgres.port) as between, await pool_behind(between, store, timeout=60) as pool:

        async def work() -> None:
            async with pool.acquire() as connection, connection.transaction():
                await connection.fetchval(SLEEP)

        waiting = [asyncio.create_task(pool.fetchval(SLEEP)), asyncio.create_task(work())]
        await eventually(lambda: sessions(store, SLEEP), 2)
        between.swallow()
        for task in waiting:
            task.cancel()
        async with asyncio.timeout(BACK_WITHIN):
            await asyncio.wait(waiting)
        assert [task.cancelled() for task in waiting] == [True, True]
        assert await pool.fetchval("SELECT 1") == 1


async def pool_behind(between: Proxy, store: Database, timeout: float) -> Pool:
    dsn = store.postgres.tcp_dsn(role_of("events"), PASSWORDS["events"], store.name)
    return await connect_pool(between.redirected(dsn), name="pool", size=4, timeout=timeout)


async def sessions(store: Database, query: str) -> int:
    """How many sessions are in the middle of a query."""
    superuser = await connect(store.operator_dsn, name="tests")
    try:
        return int(await superuser.fetchval("SELECT count(*) FROM pg_stat_activity WHERE query = $1", query))
    finally:
        await superuser.close()


async def test_a_request_that_is_never_read_to_its_end_holds_no_checkpoint(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session waits for the rest of it, which is not being idle, and would hold what it has locked for ever."""
    monkeypatch.setattr(intake, "HALF_READ_FOR", timedelta(seconds=0.2))
    reading = Intake("notify", "events", [], timedelta(days=7))
    superuser = await connect(store.operator_dsn, name="tests")
    async with proxy(store.postgres.port) as between, await connect_pool(store.dsn("notify"), name="pool") as pool:
        dsn = store.postgres.tcp_dsn(role_of("notify"), PASSWORDS["notify"], store.name)
        lost = await connect(between.redirected(dsn), name="lost", timeout=60)
        await lost.transaction().start()
        before = await reading.checkpoint(lost)
        between.weather = Weather(rate=25, trickling=True)
        asking = asyncio.create_task(lost.fetchval("SELECT $1::int + 41", 1))
        await eventually(lambda: superuser.fetchval(HALF_READ, lost.get_server_pid(), timedelta()), wanted=True)
        between.swallow()
        await eventually(lambda: superuser.fetchval(HALF_READ, lost.get_server_pid(), LONG), wanted=True)
        async with pool.acquire() as connection, connection.transaction():
            assert await reading.checkpoint(connection) == before
        asking.cancel()
        lost.terminate()
    await superuser.close()


WHICH = {
    "those that wait": ["ikz wakeup", "ikz leader relay", "ikz leader inbox notify events"],
    "all": ["ikz "],
}


@pytest.mark.long
@pytest.mark.parametrize("names", WHICH.values(), ids=WHICH)
async def test_half_open_links_are_found_and_replaced(
    network: Network, events: OwnConnection, notify: OwnConnection, nats: EmbeddedNats, names: list[str]
) -> None:
    """As when a firewall has forgotten them: nothing arrives, nobody is told. All of it is at work again in seconds."""
    for number in range(20):
        await network.command(f"h{number}", OpenHall(seats=1))
        await network.command(f"h{number}", BookSeat(guest=f"g{number}"))
    wanted = [name.encode() for name in names]
    gone = [
        link
        for between in (network.postgres, network.nats)
        for link in between.swallow(lambda link: any(name in link.greeting for name in wanted))
    ]
    assert len(gone) >= 4
    async with asyncio.timeout(BACK_WITHIN):
        await comes_back(network, events, notify)
        while network.without_successor(gone):
            await asyncio.sleep(0.02)
        await hears_of_commands(network)
    await assert_whole(network, events, notify, nats)


async def hears_of_commands(network: Network) -> None:
    """The replica that relays is told when the other one has written."""
    await network.heard.wait(0)
    await network.command("heard", OpenHall(seats=1))
    assert await network.heard.wait(BACK_WITHIN)


async def comes_back(network: Network, events: OwnConnection, notify: OwnConnection) -> None:
    """A new command is answered, published and has its effect, and questions are answered, whoever gets them."""
    async with asyncio.timeout(BACK_WITHIN):
        await network.command("last", OpenHall(seats=1))
        await network.command("last", BookSeat(guest="eve"))
        while await missing(events, notify):
            await asyncio.sleep(0.02)
        while not all(await asyncio.gather(*(network.ask() for _ in range(12)))):
            await asyncio.sleep(0.02)


async def assert_whole(network: Network, events: OwnConnection, notify: OwnConnection, nats: EmbeddedNats) -> None:
    """What was answered is in the journal, the stream is the journal, and each effect happened once and in order."""
    stored = {row["id"]: tuple(row.values())[1:] for row in await events.fetch(COMMANDS)}
    for command_id, outcome in network.answered.items():
        assert stored[command_id] == (f"hall-{outcome.aggregate_id}", outcome.version, outcome.position)
    assert [(one["position"], one["id"]) for one in await in_stream(nats, "events")] == await published(events)
    by_aggregate: dict[str, list[int]] = {}
    for aggregate, version in await effects(notify):
        by_aggregate.setdefault(aggregate, []).append(version)
    assert all(found == list(range(1, len(found) + 1)) for found in by_aggregate.values())
    assert sum(map(len, by_aggregate.values())) == len(await published(events)) > 5
