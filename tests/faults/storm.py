"""How long a fault test rages and by which dice."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Storm:
    """`dice` is seeded, so that the same seed asks for the same faults; what the machine makes of them is its own."""

    seconds: float
    seed: int
    dice: random.Random = field(init=False)
    _ends: float = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self._ends = time.monotonic() + self.seconds

    @property
    def raging(self) -> bool:
        """Whether there is time left."""
        return time.monotonic() < self._ends

    def begin(self) -> None:
        """The time starts now: what was made ready before does not count."""
        self._ends = time.monotonic() + self.seconds

    def rounds(self) -> Iterator[int]:
        """0, 1, 2 … while there is time, at least one."""
        number = 0
        self.begin()
        while self.raging or not number:
            yield number
            number += 1
