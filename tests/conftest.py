"""Real servers for tests: own folder, own ports, ended with the run."""

import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import hypothesis
import pytest

from shared.embedded.nats import EmbeddedNats
from shared.embedded.postgres import EmbeddedPostgres
from shared.kernel import garbage
from shared.kernel.bootstrap import SERVICES, bootstrap_database, create_database, role_of
from shared.kernel.nats_access import USERS, render_config
from tests import sharing_out
from tests.running import RunningSystem, up

hypothesis.settings.register_profile("patient", deadline=None)  # a deadline measures the machine, not the code
hypothesis.settings.load_profile("patient")

UNLIMITED = {"IKZ_RATE_LIMITS": "false"}
WITH_A_SYSTEM = 400
PASSWORDS = {service: f"password of {service}" for service in SERVICES}
NATS_PASSWORDS = {user: f"password-of-{user}" for user in USERS}

COPY = "CREATE DATABASE %I TEMPLATE %I"
# What belongs to a database but lies outside: who may connect, and what its roles find set there.
COPY_RIGHTS = """
UPDATE pg_database SET datacl = (SELECT datacl FROM pg_database WHERE datname = $2) WHERE datname = $1
"""
COPY_SETTINGS = """
INSERT INTO pg_db_role_setting (setdatabase, setrole, setconfig)
SELECT copy.oid, setrole, setconfig
FROM pg_db_role_setting JOIN pg_database AS pattern ON pattern.oid = setdatabase, pg_database AS copy
WHERE pattern.datname = $2 AND copy.datname = $1
"""
DROP = "DROP DATABASE IF EXISTS %I WITH (FORCE)"
NEW_JOURNALS = """
DO $$
DECLARE service text;
BEGIN
    FOR service IN SELECT schemaname FROM pg_tables WHERE tablename = 'journal_counter' LOOP
        EXECUTE format('UPDATE %I.journal_counter SET store_id = gen_random_uuid(), created_at = clock_timestamp()',
                       service);
    END LOOP;
END $$
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    """How the tests in `faults/` rage; see their README."""
    parser.addoption("--storm-seconds", type=float, default=3.0, help="how long each fault test rages")
    parser.addoption("--storm-seed", default="1", help="a number, or `random`")


def pytest_configure(config: pytest.Config) -> None:
    """A random seed is chosen once, so that every worker of a run has the same."""
    if config.option.storm_seed == "random":
        config.option.storm_seed = str(secrets.randbelow(2**32))


def pytest_report_header(config: pytest.Config) -> str:
    """Says how to have the same storms again."""
    return f"storms: --storm-seed {config.option.storm_seed} --storm-seconds {config.option.storm_seconds:g}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first; what needs a whole system waits for its start, perhaps on a busy machine."""
    sharing_out.longest_first(items)
    for item in items:
        if _needs_a_system(item) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(WITH_A_SYSTEM))


def _needs_a_system(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and not {"system", "system_at"}.isdisjoint(item.fixturenames)


def pytest_collection_finish() -> None:
    """What was collected stays: to look through it for garbage again and again takes a tenth of the time."""
    garbage.settle()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Where several workers share a run by module, they do it so that nobody is left alone at its end."""
    return sharing_out.shared_out(config, log) if config.option.dist == "loadfile" else None


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


type Prepare = Callable[[Database], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers of this test run; they end with it. `patterns` are databases that others are copies of."""

    postgres: EmbeddedPostgres
    nats: EmbeddedNats
    patterns: dict[Prepare, Database] = field(default_factory=dict)


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
    """Makes systems without content whose clock is moved by so many seconds, for one test."""
    async with AsyncExitStack() as systems:

        async def make(clock_offset: float) -> RunningSystem:
            environment = UNLIMITED | {"IKZ_CLOCK_OFFSET": str(clock_offset)}
            return await systems.enter_async_context(
                up(tmp_path / str(clock_offset), "--empty", environment=environment)
            )

        yield make


async def with_roles(database: Database) -> None:
    """No tables yet."""
    await bootstrap_database(database.operator_dsn, PASSWORDS)


@asynccontextmanager
async def fresh_database(servers: Servers, prepare: Prepare = with_roles) -> AsyncIterator[Database]:
    """Another database on the servers of this run, as long as it is needed, and as `prepare` makes it.

    It is made once; the others are copies of it, with a journal of their own each. They are not kept: hundreds of them
    would be fifty thousand files to remove at the end of a run.
    """
    pattern = servers.patterns.get(prepare)
    if pattern is None:
        pattern = servers.patterns[prepare] = await make_pattern(servers, prepare)
    made = Database(f"ikz_{secrets.token_hex(6)}", servers.postgres)
    try:
        async with operator(servers.postgres.superuser_dsn) as connection:
            await execute_with(connection, COPY, made.name, pattern.name)
            await connection.execute(COPY_RIGHTS, made.name, pattern.name)
            await connection.execute(COPY_SETTINGS, made.name, pattern.name)
        async with operator(made.operator_dsn) as connection:
            await connection.execute(NEW_JOURNALS)
        yield made
    finally:
        await drop_database(made)


async def make_pattern(servers: Servers, prepare: Prepare) -> Database:
    """A database that nobody works with."""
    made = Database(f"pattern_{len(servers.patterns)}", servers.postgres)
    await create_database(servers.postgres.superuser_dsn, made.name)
    await with_roles(made)
    await prepare(made)
    return made


async def databases_left(postgres: EmbeddedPostgres) -> list[str]:
    """Those of tests that are still there."""
    async with operator(postgres.superuser_dsn) as connection:
        found = await connection.fetch("SELECT datname FROM pg_database WHERE datname LIKE 'ikz%'")
        return [row["datname"] for row in found]


async def drop_database(database: Database) -> None:
    """Takes a database away, if it is there, whoever is still connected."""
    async with operator(database.postgres.superuser_dsn) as connection:
        await execute_with(connection, DROP, database.name)


@asynccontextmanager
async def operator(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection."""
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def execute_with(connection: asyncpg.Connection, statement: str, *names: str) -> None:
    """Executes what takes no parameters, with these names in it."""
    await connection.execute(await connection.fetchval("SELECT format($1, VARIADIC $2::text[])", statement, names))
