"""Keeps children running: one that ends is started again, after a while that grows as long as it does not stay up."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from shared.embedded.process import StartFailed, end, end_leftover, spawn

FIRST_DELAY = 0.2
LONGEST_DELAY = 3.0  # whatever was killed how often before, all is well again ten seconds after the last time
STEADY_AFTER = 10.0


class Child(Protocol):
    """Something with a process. `start` returns when it is up, or raises `StartFailed`."""

    process: asyncio.subprocess.Process | None

    async def start(self) -> None:
        """Starts it at the same addresses as before."""

    async def stop(self) -> None:
        """Ends it and waits for that."""


class Program:
    """A child that is just a program; it is up when it began."""

    def __init__(
        self, command: Sequence[str | Path], environment: Mapping[str, str], *, record: Path, log: Path
    ) -> None:
        self.log = log
        self.process: asyncio.subprocess.Process | None = None
        self._command = command
        self._environment = environment
        self._record = record

    async def start(self) -> None:
        """Starts the program; what an earlier run left of it is ended first."""
        await end_leftover(self._record)
        self.process = await spawn(self._command, record=self._record, log=self.log, environment=self._environment)

    async def stop(self) -> None:
        """Asks it to end, waits, kills."""
        if self.process is not None:
            await end(self.process)
            self.process = None
            self._record.unlink(missing_ok=True)


async def keep(child: Child, noticed: Callable[[str], None], restarted: Callable[[], None]) -> None:
    """Starts `child` again whenever it ends, for ever; `noticed` is told why, `restarted` after each start.

    A start that fails is tried again as well: a full disk may have room later.
    """
    loop = asyncio.get_running_loop()
    delay = FIRST_DELAY
    while True:
        began = loop.time()
        code = await child.process.wait() if child.process else None
        if loop.time() - began > STEADY_AFTER:
            delay = FIRST_DELAY
        noticed(f"ended with code {code}, is started again in {delay:g} s")
        await asyncio.sleep(delay)
        delay = min(2 * delay, LONGEST_DELAY)
        try:
            await child.start()
            restarted()
        except (StartFailed, OSError) as error:
            noticed(str(error))
