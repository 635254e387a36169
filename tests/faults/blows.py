"""What hits the servers in a storm."""

import asyncio
import os
import shutil
import signal
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from shared.embedded.nats import EmbeddedNats
from shared.kernel.postgres import OwnConnection

BACKENDS = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND usename = $1 AND application_name <> 'ikz tests' ORDER BY pid
"""
KILL = "SELECT pg_terminate_backend($1)"


@dataclass(slots=True)
class Target:
    """A NATS server that does not survive its test unharmed."""

    nats: EmbeddedNats
    _copied: bool = False
    _thaw: asyncio.TimerHandle | None = None

    async def kill(self) -> None:
        """SIGKILL, and a new one at the same address."""
        await self._kill()
        await self.nats.start()

    async def restore(self) -> None:
        """SIGKILL, and a new one with the files of some time ago; the first time they are copied."""
        await self._kill()
        files, copy = self.nats.folder / "jetstream", self.nats.folder / "copy"
        if self._copied:
            shutil.rmtree(files)
            copy.rename(files)
        else:
            shutil.copytree(files, copy)
        self._copied = not self._copied
        await self.nats.start()

    async def _kill(self) -> None:
        if self._thaw is not None:
            self._thaw.cancel()
        assert self.nats.process is not None
        self.nats.process.kill()
        await self.nats.process.wait()  # until then it may have the ports

    def freeze(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT later: what it was sent meanwhile it does then."""
        if self._thaw is not None:
            self._thaw.cancel()
        self._signal(signal.SIGSTOP)
        self._thaw = asyncio.get_running_loop().call_later(seconds, self._signal, signal.SIGCONT)

    def thaw(self) -> None:
        """SIGCONT now."""
        if self._thaw is not None:
            self._thaw.cancel()
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self.nats.process is not None
        with suppress(ProcessLookupError):
            os.kill(self.nats.process.pid, number)


async def kill_backends(superuser: OwnConnection, role: str, dice: Random) -> None:
    """Ends one to three of a role's database sessions."""
    found = [row["pid"] for row in await superuser.fetch(BACKENDS, role)]
    for pid in dice.sample(found, k=min(len(found), dice.randint(1, 3))):
        await superuser.execute(KILL, pid)
