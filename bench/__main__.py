"""`make bench`: how fast it is, beside its peers and its reach, in one run. See README.md."""

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import uvloop

from bench.machine import load, machine
from bench.part import Bench, Part
from bench.parts import PARTS
from bench.peer import versions
from bench.report import Measured, Report
from bench.servers import servers
from shared.kernel import garbage

RESULTS = Path(__file__).parent / "results"
ROUNDS, QUICK_ROUNDS = 5, 2


def main() -> None:
    """Measures what was asked for, shows the table, writes it down."""
    asked = _arguments()
    rounds = asked.rounds or (QUICK_ROUNDS if asked.quick else ROUNDS)
    chosen = [part for part in PARTS if part.large == asked.large and (not asked.only or part.name in asked.only)]
    report = uvloop.run(run(chosen, rounds, quick=asked.quick))
    print(report.text())
    whole = not (asked.quick or asked.only)
    report.write(RESULTS if whole else RESULTS / "partial", "large" if asked.large else "bench")


async def run(parts: Sequence[Part], rounds: int, *, quick: bool) -> Report:
    """Part after part on the same servers."""
    at = datetime.now(UTC)
    described = machine(await versions())
    async with servers() as running:
        measured = [await _measured(part, Bench(rounds, quick, running, partial(_tell, part.name))) for part in parts]
    return Report(at, rounds, described, measured)


async def _measured(part: Part, bench: Bench) -> Measured:
    garbage.settle()  # as a service does when it is ready
    before, started = load(), time.perf_counter()
    rows = await part.measure(bench)
    return Measured(part.name, tuple(rows), time.perf_counter() - started, before, load())


def _tell(part: str, progress: str) -> None:
    print(f"{part}: {progress}", file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, help=f"how often each contender has its turn ({ROUNDS})")
    parser.add_argument("--quick", action="store_true", help="a look: few rounds, small amounts")
    parser.add_argument("--only", nargs="+", metavar="PART", choices=[part.name for part in PARTS], help="these parts")
    parser.add_argument("--large", action="store_true", help="the parts that fill a large journal first")
    return parser.parse_args()


if __name__ == "__main__":
    main()
