"""Processes of a service that a storm may kill, freeze and run side by side.

They are forked from a server that has everything loaded, so that a new one is at work within
some hundredths of a second.
"""

import asyncio
import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import ModuleType
from typing import Any

from shared.kernel import inbox, leader, relay

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.faults.relaying", "tests.faults.consuming"])
GONE_WITHIN = 10.0
PARENT_DEATH = 1  # PR_SET_PDEATHSIG

type Work = Callable[[Any], Awaitable[None]]
type Patches = Mapping[ModuleType, Mapping[str, Any]]


async def no_election(_dsn: str, _name: str, work: Callable[[], Awaitable[None]], **_: Any) -> None:
    """In place of `lead`: this process works whoever else does."""
    await work()


def disarm_election() -> None:
    """From now on this process asks nobody whether it may relay or consume."""
    for module in (relay, inbox):
        vars(module)["lead"] = no_election


def hurry(patches: Patches) -> None:
    """Waits that suit a storm of seconds."""
    vars(leader).update(SILENCE="700ms", BEAT=0.1, RETRY=0.1)
    for module, values in patches.items():
        vars(module).update(values)


def _live(work: Work, setup: Any, log: Path) -> None:
    """The whole life of a replica; what it says goes to `log`. It dies with the server that it was forked from."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PARENT_DEATH, signal.SIGKILL)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    asyncio.run(_for_ever(work, setup))


async def _for_ever(work: Work, setup: Any) -> None:
    await work(setup)
    raise AssertionError("a replica's work has no end")


@dataclass(slots=True)
class Replica:
    """One place where a process of the service runs."""

    work: Work
    log: Path
    process: ForkServerProcess | None = None
    _thaw: asyncio.TimerHandle | None = None

    def start(self, setup: Any) -> None:
        """Runs a process there."""
        self.process = FORKS.Process(target=_live, args=(self.work, setup, self.log), daemon=True)
        self.process.start()

    async def kill(self) -> None:
        """SIGKILL, and waits until it is gone."""
        if self._thaw is not None:
            self._thaw.cancel()
        if self.process is not None:
            self.process.kill()
            await asyncio.to_thread(self.process.join, GONE_WITHIN)
            assert self.process.exitcode == -signal.SIGKILL, f"it had ended by itself:\n{self.log.read_text()[-3000:]}"
            self.process = None

    def freeze(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after so many seconds."""
        assert self.process is not None
        if self._thaw is not None:
            self._thaw.cancel()
        self.signal(signal.SIGSTOP)
        self._thaw = asyncio.get_running_loop().call_later(seconds, self.signal, signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        """Any signal, if there is a process."""
        if self.process is not None and self.process.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, number)


@dataclass(slots=True)
class Troop:
    """The replicas of a service."""

    places: list[Replica] = field(default_factory=list)

    def revive(self, setup: Callable[[], Any]) -> None:
        """Starts a process wherever one has killed itself."""
        for place in self.places:
            if place.process is not None and not place.process.is_alive():
                place.start(setup())

    async def restart(self, place: Replica, setup: Any) -> None:
        """Kills what runs there and starts another."""
        await place.kill()
        place.start(setup)

    async def disband(self) -> None:
        """Kills all."""
        for place in self.places:
            await place.kill()

    def said(self, word: str) -> int:
        """How often a word stands in their logs."""
        return sum(place.log.read_text().count(word) for place in self.places if place.log.exists())


@asynccontextmanager
async def troop(work: Work, count: int, folder: Path) -> AsyncIterator[Troop]:
    """So many places, none of them running; none is when this is left."""
    gathered = Troop([Replica(work, folder / f"replica-{number}.log") for number in range(count)])
    try:
        yield gathered
    finally:
        for place in gathered.places:
            if place.process is not None:
                place.process.kill()
                await asyncio.to_thread(place.process.join, GONE_WITHIN)
