"""`ikz up` starts, keeps running and ends a whole system, and survives what is done to it."""

import asyncio
import json
import os
import pty
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from shared.embedded.process import free_ports, identity
from tests.running import IKZ, START_SECONDS, RunningSystem, ikz, ikz_here, slowness, up

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]  # several whole systems, perhaps on a busy machine

STATUS_KEYS = {"gateway", "catalog", "events", "notify", "mailbox", "nats", "postgres", "tokens", "pids"}
CHILDREN = {"postgres", "nats", "mailbox", "catalog", "events", "notify", "gateway"}
PATIENCE = 60.0


def empty(folder: Path, port: int | None = None) -> AbstractAsyncContextManager[RunningSystem]:
    """A system without content."""
    return up(folder, "--empty", port=port)


async def eventually(condition: Callable[[], bool], within: float = PATIENCE) -> None:
    """Waits until `condition` holds."""
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.05)


def all_gone(pids: dict[str, int]) -> Callable[[], bool]:
    """Whether none of the processes lives any more."""
    identities = {pid: identity(pid) for pid in pids.values()}
    return lambda: all(who is None or identity(pid) != who for pid, who in identities.items())


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningSystem]:
    """A system without content, for those tests that leave it running."""
    async with empty(tmp_path_factory.mktemp("running")) as system:
        yield system


async def all_ready(system: RunningSystem) -> None:
    """Waits until every service of it is."""
    async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as client:
        for name in ("gateway", "catalog", "events", "notify"):
            while not await is_ready(client, system.status[name]):
                await asyncio.sleep(0.1)


async def is_ready(client: aiohttp.ClientSession, address: str) -> bool:
    try:
        async with client.get(f"{address}/health/ready") as answer:
            return answer.status == 200
    except aiohttp.ClientConnectionError:
        return False


async def test_it_tells_its_addresses(running: RunningSystem) -> None:
    assert running.status.keys() == STATUS_KEYS
    assert running.status["pids"].keys() == CHILDREN | {"up"}
    assert running.status["nats"].keys() == {"url", "user", "password"}
    code, status, _ = await ikz("status", "--json", "--data", str(running.folder))
    assert (code, json.loads(status)) == (0, running.status)
    code, token, _ = await ikz_here("token", "--data", str(running.folder))
    assert code == 0
    assert token.strip() == running.status["tokens"]["editor"]
    assert (running.folder / "secrets.json").stat().st_mode & 0o077 == 0
    async with aiohttp.ClientSession() as client:
        for name in ("gateway", "catalog", "events", "notify"):
            assert await is_ready(client, running.status[name])
    connection = await asyncpg.connect(running.status["postgres"])
    await connection.close()


async def test_children_that_die_come_back(running: RunningSystem) -> None:
    before = (await running.status_now())["pids"]
    for name in ("catalog", "nats", "postgres"):
        os.kill(before[name], signal.SIGKILL)

    async def is_back() -> bool:
        pids = (await running.status_now())["pids"]
        return all(pids[name] != before[name] for name in ("catalog", "nats", "postgres"))

    async with asyncio.timeout(PATIENCE):
        while not await is_back():
            await asyncio.sleep(0.1)
    await all_ready(running)


async def test_another_beside_it_is_killed_again_and_again_and_starts_at_once_with_its_data(
    running: RunningSystem, tmp_path: Path
) -> None:
    """A killed one leaves nothing, or the next start does not wait for what it left but ends it."""
    async with empty(tmp_path) as other:
        first = other.status
        assert running.status["gateway"] != first["gateway"]
        assert not set(running.status["pids"].values()) & set(first["pids"].values())
        assert running.status["nats"]["password"] != first["nats"]["password"]
        connection = await asyncpg.connect(first["postgres"])
        await connection.execute("CREATE TABLE public.kept AS SELECT 42 AS answer")
        await connection.close()
        gone = all_gone(first["pids"])
        other.process.kill()
        await other.process.wait()
        await eventually(gone)
    port = int(first["gateway"].rpartition(":")[2])
    async with killed_at_its_start(tmp_path, port) as left, empty(tmp_path, port=port) as other:
        assert left()
        for same in ("tokens", "nats", "gateway"):
            assert other.status[same] == first[same]
        connection = await asyncpg.connect(other.status["postgres"])
        assert await connection.fetchval("SELECT answer FROM public.kept") == 42
        await connection.close()
        gone = all_gone(other.status["pids"])
        assert await other.stop(signal.SIGINT) == 0
        assert gone()
    code, _, errors = await ikz_here("status", "--data", str(tmp_path))
    assert code == 1
    assert "No system runs" in errors
    await all_ready(running)


@asynccontextmanager
async def killed_at_its_start(folder: Path, port: int) -> AsyncIterator[Callable[[], bool]]:
    """A system that was killed as soon as its catalogue was at work, and that one deaf to its parent's death.

    Gives whether the catalogue is gone. Stopped processes of a group that has nobody left outside are woken and hung up
    on by the kernel (setpgid(2)): so somebody stays in its group whose parent is here.
    """
    process = await asyncio.create_subprocess_exec(
        *(*IKZ, "up", "--empty", "--data", str(folder), "--port", str(port)), stdout=subprocess.DEVNULL
    )
    log = folder / "logs" / "catalog.log"
    begun = log.read_text().count("service_starting") + 1
    started = [process]
    try:
        await eventually(lambda: log.read_text().count("service_starting") == begun, START_SECONDS * slowness())
        pid = json.loads((folder / "processes" / "catalog.json").read_text())["pid"]
        gone = all_gone({"catalog": pid})
        started.append(await asyncio.create_subprocess_exec("sleep", "600", process_group=pid))
        os.kill(pid, signal.SIGSTOP)
        await eventually(lambda: is_stopped(pid))
        process.kill()
        await process.wait()
        assert not gone()
        yield gone
    finally:
        for each in started:
            if each.returncode is None:
                each.kill()
            await each.wait()


def is_stopped(pid: int) -> bool:
    """Whether a process does nothing until it is told to go on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("T")


async def test_a_folder_belongs_to_one_system(running: RunningSystem) -> None:
    code, _, errors = await ikz("up", "--empty", "--data", str(running.folder), "--port", str(free_ports(1)[0]))
    assert code == 1
    assert "already" in errors


async def test_a_taken_port_is_named_and_nothing_stays(tmp_path: Path) -> None:
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", free_ports(1)[0])
    port = server.sockets[0].getsockname()[1]
    try:
        code, _, errors = await ikz("up", "--empty", "--data", str(tmp_path), "--port", str(port))
    finally:
        server.close()
    assert code == 1
    assert f"Port {port}" in errors
    assert "Traceback" not in errors
    assert not list((tmp_path / "processes").glob("*"))


async def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, _, errors = await ikz("up", "--data", str(tmp_path / "file" / "data"), "--port", str(free_ports(1)[0]))
    assert code == 1
    assert "cannot be used (Not a directory)" in " ".join(errors.split())
    assert "Traceback" not in errors


async def test_stopped_while_it_starts_it_leaves_nothing(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *IKZ, "up", "--empty", "--data", str(tmp_path), "--port", str(free_ports(1)[0]), stdout=subprocess.DEVNULL
    )
    await eventually((tmp_path / "run.json").exists)
    pids = json.loads((tmp_path / "run.json").read_text())["pids"]
    process.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(process.wait(), 30) == 0
    assert all_gone(pids)()
    assert not list((tmp_path / "processes").glob("*"))


async def test_a_closed_terminal_ends_it_in_good_order(tmp_path: Path) -> None:
    ours, its = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(*IKZ, "up", "--empty", "--data", str(tmp_path), "--port", str(free_ports(1)[0])),
        stdin=its, stdout=its, stderr=its, start_new_session=True,
    )  # fmt: skip
    os.close(its)
    try:
        await eventually((tmp_path / "run.json").exists)
        gone = all_gone(json.loads((tmp_path / "run.json").read_text())["pids"])
        os.close(ours)  # what it prints from now on fails
        process.send_signal(signal.SIGHUP)
        assert await asyncio.wait_for(process.wait(), 30) == 0
        assert gone()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_commands_without_a_system_say_so(tmp_path: Path) -> None:
    for command in (("status", "--json"), ("token",), ("tail",), ("migrate",), ("bootstrap",)):
        code, output, errors = await ikz_here(*command, "--data", str(tmp_path))
        assert (code, output) == (1, "")
        assert "No system runs" in errors
    code, _, errors = await ikz("status", "--data", "/dev/null")
    assert (code, "No system runs" in errors, "Traceback" in errors) == (1, True, False)
