"""Kills and freezes the processes of a running system by their numbers, one after the other and in no order."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from tests.faults.history import Fault, History, What

PAUSES = (0.1, 0.9)
SHORTEST_FREEZE = 0.3
# PostgreSQL's own name for SIGQUIT is "immediate": no checkpoint, no goodbye. SIGKILL leaves its children to find out.
POSTGRES = (signal.SIGQUIT, signal.SIGQUIT, signal.SIGKILL)
AT_ONCE = 0.2
FROZEN = ("catalog", "events", "notify", "gateway", "nats")

type Pids = Callable[[], Mapping[str, int]]


@dataclass(slots=True)
class Havoc:
    """`pids` names the processes that run now; every target is killed once before one is killed again."""

    pids: Pids
    targets: tuple[str, ...]
    history: History
    dice: random.Random
    longest_freeze: float
    _deck: list[str] = field(default_factory=list)
    _struck: set[int] = field(default_factory=set)

    async def gust(self, strikes: int) -> None:
        """Kills so many, with a freeze here and there; when it is over, everything that was frozen is thawed."""
        async with asyncio.TaskGroup() as freezes:
            for _ in range(strikes):
                self._deck = self._deck or self.dice.sample(self.targets, len(self.targets))
                await self._kill(self._deck.pop())
                if self.dice.random() < 0.4:
                    frozen = self.dice.choice([name for name in self.targets if name.partition("-")[0] in FROZEN])
                    seconds = self.dice.uniform(SHORTEST_FREEZE, self.longest_freeze)
                    freezes.create_task(self._freeze(frozen, seconds))
                if self.dice.random() > AT_ONCE:
                    await asyncio.sleep(self.dice.uniform(*PAUSES))

    @property
    def spared(self) -> set[str]:
        """Who was not killed yet."""
        return set(self.targets) - {fault.target for fault in self.history.faults if fault.what == "killed"}

    async def _kill(self, target: str) -> None:
        """Kills the process that runs as `target`; waits a while for one that is just being started again."""
        number = self.dice.choice(POSTGRES) if target == "postgres" else signal.SIGKILL
        for _ in range(100):
            pid = self.pids().get(target)
            if pid is not None and pid not in self._struck:
                self._struck.add(pid)
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
                    self._note("killed", target, time.time())
                    return
            await asyncio.sleep(0.05)

    async def _freeze(self, target: str, seconds: float) -> None:
        pid = self.pids().get(target)
        if pid is None or pid in self._struck:
            return
        began = time.time()
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            try:
                await asyncio.sleep(seconds)
            finally:
                os.kill(pid, signal.SIGCONT)
                self._note("frozen", target, began)

    def _note(self, what: What, target: str, at: float) -> None:
        self.history.faults.append(Fault(what, target, at, time.time()))
