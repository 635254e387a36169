"""Services as they run: processes with a database and a NATS server of their own, set up as `ikz up` does it."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.servers import Database, Servers
from shared.embedded.folder import DATABASE, DataFolder, Running, Secrets, environment_of
from shared.embedded.nats import EmbeddedNats
from shared.embedded.probe import ask
from shared.embedded.process import end, free_ports, spawn, tail
from shared.kernel.bootstrap import SERVICES
from shared.kernel.migrations import migrate

PATIENCE = 60.0
LOOK_EVERY = 0.005
UNLIMITED = {"IKZ_RATE_LIMITS": "false"}
OTHER_PORTS = ("mailbox", "smtp", "postgres", "nats", "nats_monitor")


class NotReady(Exception):
    """A service ended, or did not become ready; the message holds its log."""


@dataclass(frozen=True, slots=True)
class Service:
    """A process that is ready, and the seconds from its start until it said so."""

    name: str
    pid: int
    port: int
    took: float


@dataclass(frozen=True, slots=True)
class Site:
    """What services need, ready for them: every service's tables, every stream, an address for each."""

    servers: Servers
    database: Database
    nats: EmbeddedNats
    running: Running

    @property
    def ports(self) -> dict[str, int]:
        """Where each service listens once it runs."""
        return self.running.ports

    @property
    def kept(self) -> Secrets:
        """Passwords and keys."""
        return self.servers.kept

    @asynccontextmanager
    async def service(self, name: str) -> AsyncIterator[Service]:
        """`python -m services.<name>`, ready; ended when left."""
        settings = environment_of(name, self.running, self.kept, DataFolder(self.servers.folder)) | UNLIMITED
        started = time.perf_counter()
        process = await self.servers.supervision.do(_start(name, self.servers.folder, settings))
        try:
            took = await _until_ready(process, self.ports[name], started, _log(self.servers.folder, name))
            yield Service(name, process.pid, self.ports[name], took)
        finally:
            await self.servers.supervision.do(end(process))


@asynccontextmanager
async def site(servers: Servers) -> AsyncIterator[Site]:
    """An empty system in which no service runs yet."""
    (servers.folder / "erasures").mkdir(exist_ok=True)
    async with servers.empty_database(DATABASE) as database, servers.nats() as nats:
        for name in SERVICES:
            await migrate(database.dsn(name), name, contract=True)
        names = (*SERVICES, *OTHER_PORTS)
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        ports |= {"postgres": servers.postgres.port, "nats": nats.port, "nats_monitor": nats.monitor_port}
        running = Running(
            pid=os.getpid(),
            identity=None,
            since=datetime.now(UTC),
            ready=True,
            public_url=f"http://127.0.0.1:{ports['gateway']}",
            ports=ports,
            socket_dir=servers.postgres.socket_dir,
            superuser_dsn=database.operator_dsn,
            pids={},
        )
        yield Site(servers, database, nats, running)


@asynccontextmanager
async def services(servers: Servers, *names: str) -> AsyncIterator[Site]:
    """A system in which these services run."""
    async with site(servers) as made, AsyncExitStack() as running:
        for name in names:
            await running.enter_async_context(made.service(name))
        yield made


async def _start(name: str, folder: Path, settings: dict[str, str]) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", f"services.{name}"]
    return await spawn(command, record=folder / f"{name}.json", log=_log(folder, name), environment=settings)


async def _until_ready(process: asyncio.subprocess.Process, port: int, started: float, log: Path) -> float:
    while (await ask(port, "/health/ready"))[0] != 200:
        took = time.perf_counter() - started
        if process.returncode is not None or took > PATIENCE:
            raise NotReady(f"not ready after {took:.1f} s:\n{tail(log)}")
        await asyncio.sleep(LOOK_EVERY)
    return time.perf_counter() - started


def _log(folder: Path, name: str) -> Path:
    return folder / "logs" / f"{name}.log"
