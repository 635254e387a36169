"""Whether a process lives, whether it can do its work, and if not, why."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

type Probe = Callable[[], Awaitable[str | None]]

STARTING = "starting"
PROBE_TIMEOUT = 1.0


@dataclass(frozen=True, slots=True)
class Report:
    """`checks`: name → why it is not well, or None. Only `required` ones keep a service from being ready."""

    ready: bool
    checks: dict[str, str | None]

    def body(self) -> dict[str, object]:
        """What `/health/ready` answers: `{"ready": bool, "checks": {name: {"ok": bool, "why"?: text}}}`."""
        return {
            "ready": self.ready,
            "checks": {
                name: {"ok": True} if why is None else {"ok": False, "why": why} for name, why in self.checks.items()
            },
        }


class Health:
    """Named checks. What runs all the time reports its state; what is only looked at has a probe.

    Reasons are shown to anyone who may reach the port: say what is wrong, never an address or a secret.
    """

    def __init__(self) -> None:
        self._states: dict[str, str | None] = {}
        self._probes: dict[str, Probe] = {}
        self._optional: set[str] = set()

    def expect(self, name: str, *, required: bool = True) -> None:
        """Adds a check that is not well until somebody says `up`."""
        self._states.setdefault(name, STARTING)
        if not required:
            self._optional.add(name)

    def up(self, name: str) -> None:
        """All is well with `name`."""
        self._states[name] = None

    def down(self, name: str, why: str) -> None:
        """`name` does not work now, and why."""
        self._states[name] = why

    def probe(self, name: str, probe: Probe, *, required: bool = True) -> None:
        """Adds a check that is made whenever somebody asks: it gives a reason, or None when all is well."""
        self._probes[name] = probe
        self.expect(name, required=required)

    async def report(self) -> Report:
        """Asks every probe, at most a second each, and gives the whole picture."""
        names = list(self._probes)
        for name, why in zip(names, await asyncio.gather(*map(self._ask, names)), strict=True):
            self._states[name] = why
        checks = dict(sorted(self._states.items()))
        return Report(all(why is None or name in self._optional for name, why in checks.items()), checks)

    async def _ask(self, name: str) -> str | None:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT):
                return await self._probes[name]()
        except TimeoutError:
            return "no answer in time"
