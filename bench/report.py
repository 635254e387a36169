"""The report of a run: one table as text, everything as JSON, and a chart."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.chart import chart
from bench.machine import Machine
from bench.row import Row

WIDTH = 150


@dataclass(frozen=True, slots=True)
class Measured:
    """A part that was measured: its rows, how long it took, the machine's load before and after."""

    part: str
    rows: tuple[Row, ...]
    seconds: float
    load_before: float
    load_after: float

    def as_json(self) -> dict[str, Any]:
        """Everything."""
        return {
            "part": self.part,
            "seconds": round(self.seconds, 1),
            "load": {"before": self.load_before, "after": self.load_after},
            "rows": [row.as_json() for row in self.rows],
        }


@dataclass(frozen=True, slots=True)
class Report:
    """All of a run."""

    at: datetime
    rounds: int
    machine: Machine
    parts: Sequence[Measured]

    def text(self) -> str:
        """The table, and under it the machine."""
        output = io.StringIO()
        console = Console(file=output, width=WIDTH, color_system=None)
        console.print(self._table())
        for line in self._circumstances():
            console.print(line, soft_wrap=True, highlight=False)
        return "\n".join(line.rstrip() for line in output.getvalue().splitlines()) + "\n"

    def as_json(self) -> dict[str, Any]:
        """Everything, each round included."""
        return {
            "at": self.at.isoformat(timespec="seconds"),
            "rounds": self.rounds,
            "machine": self.machine.as_json(),
            "parts": [part.as_json() for part in self.parts],
        }

    def write(self, folder: Path, name: str) -> None:
        """`name`.txt, .json and .svg in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.txt").write_text(self.text())
        (folder / f"{name}.json").write_text(json.dumps(self.as_json(), indent=1, ensure_ascii=False) + "\n")
        (folder / f"{name}.svg").write_text(chart([row for part in self.parts for row in part.rows]))

    def _table(self) -> Table:
        table = Table(title=f"Medians of {self._rounds()} rounds, lowest and highest in brackets", title_justify="left")
        table.add_column("what", ratio=4)
        table.add_column("ours", justify="right", ratio=3)
        table.add_column("compared with", ratio=3)
        table.add_column("theirs", justify="right", ratio=3)
        table.add_column("ratio", justify="right")
        table.add_column("reach", justify="right")
        table.add_column("reached")
        for part in self.parts:
            for row in part.rows:
                table.add_row(*_cells(row), end_section=row is part.rows[-1])
        return table

    def _rounds(self) -> str:
        done = {len(row.values) for part in self.parts for row in part.rows}
        return " to ".join(dict.fromkeys(str(count) for count in (min(done), max(done))))

    def _circumstances(self) -> list[str]:
        machine = self.machine
        loads = ", ".join(f"{part.part} {part.load_before} → {part.load_after}" for part in self.parts)
        hardware = f"{machine.cores} cores {machine.processor}, {machine.memory_gib} GiB, {machine.system}"
        servers = f"Python {machine.python}, PostgreSQL {machine.postgres}, NATS {machine.nats}"
        return [
            f"{self.at:%Y-%m-%d %H:%M} UTC · {hardware} · {servers}",
            " · ".join(f"{name} {number}" for name, number in (machine.libraries | machine.peers).items()),
            f"load before → after each part, what is measured included: {loads}",
        ]


def _cells(row: Row) -> list[str]:
    theirs = ["", ""] if row.peer is None else [row.peer.name, f"{spread(row.peer.values)} {row.unit}"]
    ratio = "" if row.ratio is None else f"{row.ratio:.2f} ×"
    reached = {True: "yes", False: "NO", None: ""}[row.reached]
    return [row.what, f"{spread(row.values)} {row.unit}", *theirs, ratio, reach_of(row), reached]


def reach_of(row: Row) -> str:
    """What was asked, in words."""
    if row.reach is None:
        return ""
    sign = "≥" if row.reach.kind == "at least" else "≤"
    return f"{sign} {number(row.reach.bound)} {'×' if row.peer else row.unit}"


def spread(values: Sequence[float]) -> str:
    """Median, lowest and highest."""
    ordered = sorted(values)
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    return f"{number(middle)} ({number(ordered[0])} – {number(ordered[-1])})"


def number(value: float) -> str:
    """Three digits that say something."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
