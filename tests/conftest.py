"""Real servers for tests: own folder, own ports, ended with the run."""

import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import hypothesis
import pytest

from shared.embedded.nats import EmbeddedNats
from shared.embedded.postgres import EmbeddedPostgres
from shared.kernel.bootstrap import SERVICES, bootstrap_database, create_database, role_of
from shared.kernel.nats_access import USERS, render_config
from tests.running import RunningSystem, up

hypothesis.settings.register_profile("patient", deadline=None)  # a deadline measures the machine, not the code
hypothesis.settings.load_profile("patient")

UNLIMITED = {"IKZ_RATE_LIMITS": "false"}
PASSWORDS = {service: f"password of {service}" for service in SERVICES}
NATS_PASSWORDS = {user: f"password-of-{user}" for user in USERS}


def pytest_addoption(parser: pytest.Parser) -> None:
    """How the tests in `faults/` rage; see their README."""
    parser.addoption("--storm-seconds", type=float, default=5.0, help="how long each fault test rages")
    parser.addoption("--storm-seed", default="1", help="a number, or `random`")


def pytest_configure(config: pytest.Config) -> None:
    """A random seed is chosen once, so that every worker of a run has the same."""
    if config.option.storm_seed == "random":
        config.option.storm_seed = str(secrets.randbelow(2**32))


def pytest_report_header(config: pytest.Config) -> str:
    """Says how to have the same storms again."""
    return f"storms: --storm-seed {config.option.storm_seed} --storm-seconds {config.option.storm_seconds:g}"


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers of this test run; they end with it."""

    postgres: EmbeddedPostgres
    nats: EmbeddedNats


@dataclass(frozen=True, slots=True)
class Database:
    """A database of its own with the roles and schemas of all services, not migrated."""

    name: str
    postgres: EmbeddedPostgres

    @property
    def operator_dsn(self) -> str:
        """The superuser's address of this database."""
        return self.postgres.superuser_dsn_for(self.name)

    def dsn(self, service: str) -> str:
        """A service's own address of this database."""
        return self.postgres.dsn(role_of(service), PASSWORDS[service], self.name)


@pytest.fixture(scope="session")
async def servers() -> AsyncIterator[Servers]:
    folder = Path(tempfile.mkdtemp(prefix="ikz-tests-"))
    try:
        async with (
            EmbeddedPostgres(folder / "postgres", durable=False) as postgres,
            EmbeddedNats(folder / "nats", render_config, NATS_PASSWORDS) as nats,
        ):
            yield Servers(postgres, nats)
            assert await databases_left(postgres) == [], "whoever makes a database drops it"
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
async def database(servers: Servers) -> AsyncIterator[Database]:
    async with fresh_database(servers) as made:
        yield made


@pytest.fixture(scope="module")
async def nats(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedNats]:
    """A NATS server with no streams, of this module alone."""
    async with EmbeddedNats(tmp_path_factory.mktemp("nats"), render_config, NATS_PASSWORDS) as server:
        yield server


@pytest.fixture(scope="session")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningSystem]:
    """A whole system with its content, shared by all tests; the limits against floods are lifted."""
    async with up(tmp_path_factory.mktemp("system"), environment=UNLIMITED) as running:
        yield running


@pytest.fixture
async def system_at(tmp_path: Path) -> AsyncIterator[Callable[[float], Awaitable[RunningSystem]]]:
    """Makes systems with content whose clock is moved by so many seconds, for one test."""
    async with AsyncExitStack() as systems:

        async def make(clock_offset: float) -> RunningSystem:
            environment = UNLIMITED | {"IKZ_CLOCK_OFFSET": str(clock_offset)}
            return await systems.enter_async_context(up(tmp_path / str(clock_offset), environment=environment))

        yield make


@asynccontextmanager
async def fresh_database(servers: Servers) -> AsyncIterator[Database]:
    """Another database on the servers of this run, as long as it is needed.

    Hundreds of them would be fifty thousand files to remove at the end of a run.
    """
    made = Database(f"ikz_{secrets.token_hex(6)}", servers.postgres)
    await create_database(servers.postgres.superuser_dsn, made.name)
    try:
        await bootstrap_database(made.operator_dsn, PASSWORDS)
        yield made
    finally:
        await drop_database(made)


async def databases_left(postgres: EmbeddedPostgres) -> list[str]:
    """Those of tests that are still there."""
    connection = await asyncpg.connect(postgres.superuser_dsn)
    try:
        found = await connection.fetch("SELECT datname FROM pg_database WHERE datname LIKE 'ikz%'")
        return [row["datname"] for row in found]
    finally:
        await connection.close()


async def drop_database(database: Database) -> None:
    """Takes a database away, whoever is still connected."""
    connection = await asyncpg.connect(database.postgres.superuser_dsn)
    try:
        await connection.execute(
            await connection.fetchval("SELECT format('DROP DATABASE %I WITH (FORCE)', $1::text)", database.name)
        )
    finally:
        await connection.close()
