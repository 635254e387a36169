"""What a part of the benchmark finds: rows of the one table, each with the figures of every round."""

import math
import statistics
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a row must come: at least (or, of times and sizes, at most) `bound`."""

    bound: float
    kind: Literal["at least", "at most"] = "at least"

    def holds(self, value: float) -> bool:
        """Whether that is far enough."""
        return value >= self.bound if self.kind == "at least" else value <= self.bound

    def share(self, value: float) -> float:
        """How far it came, 1 being enough and more being better, whichever way the bound points."""
        if self.kind == "at least":
            return value / self.bound
        return self.bound / value if value > 0 else math.inf


@dataclass(frozen=True, slots=True)
class Peer:
    """What a row is compared with: measured in the same rounds, in turn."""

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One line: our figure in each round, in `unit`, beside a peer's if it is compared with one.

    The reach is one of the ratio ours ÷ peer's where there is a peer, else of our figure itself. A row without a reach
    is there to be read.
    """

    what: str
    unit: str
    values: tuple[float, ...]
    peer: Peer | None = None
    reach: Reach | None = None

    @property
    def median(self) -> float:
        """Our figure."""
        return statistics.median(self.values)

    @property
    def ratio(self) -> float | None:
        """The median of the ratios of paired rounds, so that a slow minute of the machine slows both."""
        if self.peer is None:
            return None
        return statistics.median(own / other for own, other in zip(self.values, self.peer.values, strict=True))

    @property
    def judged(self) -> float:
        """What the reach is one of."""
        return self.median if self.ratio is None else self.ratio

    @property
    def reached(self) -> bool | None:
        """Whether it came as far as it must; None where nothing is asked."""
        return None if self.reach is None else self.reach.holds(self.judged)

    def as_json(self) -> dict[str, Any]:
        """Everything, each round included."""
        return {
            "what": self.what,
            "unit": self.unit,
            "values": list(self.values),
            "median": self.median,
            "peer": self.peer and {"name": self.peer.name, "values": list(self.peer.values)},
            "ratio": self.ratio,
            "reach": self.reach and {self.reach.kind: self.reach.bound},
            "reached": self.reached,
        }


def at_least(bound: float) -> Reach:
    """A floor."""
    return Reach(bound)


def at_most(bound: float) -> Reach:
    """A ceiling, for times and sizes."""
    return Reach(bound, "at most")
