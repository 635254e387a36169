"""A NATS server with the users and streams of the real system, and one way to break it."""

import shutil
from collections.abc import AsyncIterator

import pytest

from shared.embedded.nats import EmbeddedNats
from shared.kernel.bus import ApiError, Connection, open_connection
from shared.kernel.migrations import apply, migrations_of
from shared.kernel.nats_access import USERS, render_config
from shared.kernel.postgres import OwnConnection, connect
from shared.kernel.streams import NO_SUCH_STREAM, PUBLISHERS, Unfit, bootstrap_streams, stream_of
from tests.conftest import Database, Servers, fresh_database

NATS_PASSWORDS = {user: f"password/of {user}" for user in USERS}


@pytest.fixture(scope="module")
async def nats(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedNats]:
    """A server of this module alone, with the streams made."""
    async with EmbeddedNats(tmp_path_factory.mktemp("nats"), render_config, NATS_PASSWORDS) as server:
        await bootstrap_streams(server.url("operator"), monitor_url=server.monitor_url)
        yield server


@pytest.fixture
async def operator(nats: EmbeddedNats) -> AsyncIterator[Connection]:
    """One for each test: a connection has one life, and losing it must not fail all tests that follow."""
    connection = await open_connection(nats.url("operator"), "test operator")
    yield connection
    await connection.close()


@pytest.fixture
async def streams(nats: EmbeddedNats, operator: Connection) -> None:
    """Every stream as new: those are that are as they must be, and that nobody ever published to or reads."""
    clear_away(nats)
    for service in PUBLISHERS:
        if await is_used(operator, stream_of(service)):
            await operator.api(f"STREAM.DELETE.{stream_of(service)}")
    clear_away(nats)
    try:
        await bootstrap_streams(nats.url("operator"))
    except Unfit:
        for service in PUBLISHERS:
            await operator.api(f"STREAM.DELETE.{stream_of(service)}")
        clear_away(nats)
        await bootstrap_streams(nats.url("operator"))


async def is_used(operator: Connection, stream: str) -> bool:
    """Whether it is there and was used."""
    try:
        state = (await operator.api(f"STREAM.INFO.{stream}"))["state"]
    except ApiError as error:
        if error.err_code != NO_SUCH_STREAM:
            raise
        return False
    return bool(state["last_seq"] or state["consumer_count"])


def clear_away(nats: EmbeddedNats) -> None:
    """Removes what is left of deleted streams, as the server does when it finds the time.

    It deletes a stream by moving its folder aside. On a busy disk the folder of an earlier one is still there, and then
    the stream stays where it is, unseen, and the next of that name has all its messages.
    """
    place = nats.folder / "jetstream" / "jetstream" / "IKZ" / "streams"
    while left := list(place.glob(".IKZ_*")):
        for folder in left:
            shutil.rmtree(folder, ignore_errors=True)


async def with_the_kernels_tables(database: Database) -> None:
    """Three services have them, and nothing else."""
    for service in ("catalog", "events", "notify"):
        connection = await connect(database.dsn(service), name="tests")
        await apply(connection, [one for one in migrations_of(service) if one.label.startswith("kernel/")])
        await connection.close()


@pytest.fixture
async def store(servers: Servers) -> AsyncIterator[Database]:
    """A database with the kernel's tables."""
    async with fresh_database(servers, with_the_kernels_tables) as database:
        yield database


@pytest.fixture
async def sql(store: Database) -> AsyncIterator[OwnConnection]:
    """The catalog's own access to its schema."""
    connection = await connect(store.dsn("catalog"), name="tests")
    yield connection
    await connection.close()


@pytest.fixture
async def events(store: Database) -> AsyncIterator[OwnConnection]:
    """The events service's own access to its schema."""
    connection = await connect(store.dsn("events"), name="tests")
    yield connection
    await connection.close()
