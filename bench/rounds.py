"""How things are measured: contenders in turn, callers in a closed loop, the time of each call."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

LEAST_ROUNDS = 3

type Figures = Mapping[str, float]
"""What one round of a contender came to: measure → figure."""
type Contender = Callable[[], Awaitable[Figures]]


@dataclass(frozen=True, slots=True)
class Found:
    """The figures of one contender, round by round."""

    figures: tuple[Figures, ...]

    def __getitem__(self, measure: str) -> tuple[float, ...]:
        return tuple(each[measure] for each in self.figures)


async def alternate(
    rounds: int,
    contenders: Mapping[str, Contender],
    told: Callable[[str], None] = lambda _progress: None,
    within: float = math.inf,
) -> dict[str, Found]:
    """Every contender once a round, in an order that turns by one each round; the first round warms up, uncounted.

    On a machine that is too slow for all rounds `within` so many seconds there are fewer, but never fewer than three.
    """
    found: dict[str, list[Figures]] = {name: [] for name in contenders}
    started = time.perf_counter()
    for number in range(rounds + 1):
        for name in _turned(list(contenders), number):
            figures = await contenders[name]()
            if number:
                found[name].append(figures)
        told(f"round {number} of {rounds}" if number else "warmed up")
        if number >= LEAST_ROUNDS and time.perf_counter() - started > within:
            break
    return {name: Found(tuple(figures)) for name, figures in found.items()}


def _turned(names: list[str], by: int) -> Iterator[str]:
    start = by % len(names)
    yield from names[start:]
    yield from names[:start]


async def drive(total: int, callers: int, call: Callable[[], Awaitable[object]], within: float = math.inf) -> Figures:
    """`total` calls by so many callers, each making the next when the last is answered: 1/s, p50 ms, p99 ms.

    No call begins after `within` seconds: a slow machine makes fewer.
    """
    took: list[float] = []
    left = iter(range(total))

    async def caller() -> None:
        for _ in left:
            began = time.perf_counter()
            if began - started > within:
                return
            await call()
            took.append(time.perf_counter() - began)

    started = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(callers):
            tasks.create_task(caller())
    return figures_of(len(took), time.perf_counter() - started, took)


def figures_of(count: int, seconds: float, took: Sequence[float]) -> dict[str, float]:
    """A rate, and percentiles of the times of calls (in seconds) as milliseconds."""
    return {"1/s": count / seconds, "p50 ms": percentile(took, 50) * 1000, "p99 ms": percentile(took, 99) * 1000}


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100).__trunc__() - 1)]
