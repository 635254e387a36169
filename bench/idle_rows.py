"""A service that does nothing: how soon it is ready, and how much memory it takes."""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bench.part import Bench
from bench.rounds import Contender, Figures
from bench.row import Row, at_most
from bench.services import Site, site
from shared.kernel.bootstrap import SERVICES

IDLE = 2.0
READY, RESIDENT, SHARE = "s", "RSS MB", "PSS MB"


async def measure(bench: Bench) -> Sequence[Row]:
    """Each service by itself: started, left alone for a while, ended."""
    async with site(bench.servers) as prepared:
        contenders: dict[str, Contender] = {name: partial(_start, prepared, name) for name in SERVICES}
        found = await bench.alternate(contenders)
    rows = [Row(f"start of {name} until it is ready", "s", found[name][READY], None, at_most(1.5)) for name in SERVICES]
    rows += [
        Row(f"memory of idle {name}, resident", "MB", found[name][RESIDENT], None, at_most(90)) for name in SERVICES
    ]
    rows += [Row(f"memory of idle {name}, its share", "MB", found[name][SHARE]) for name in SERVICES]
    return rows


async def _start(prepared: Site, name: str) -> Figures:
    async with prepared.service(name) as service:
        await asyncio.sleep(IDLE)
        return {READY: service.took, RESIDENT: memory(service.pid, "Rss"), SHARE: memory(service.pid, "Pss")}


def memory(pid: int, which: str) -> float:
    """What the kernel says of a process, in MB; `Pss` divides what is shared among those who share it."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    kib = next(int(line.split()[1]) for line in lines if line.startswith(f"{which}:"))
    return kib * 1024 / 1e6
