"""What a part of the benchmark is, and what it is given."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.rounds import Contender, Found, alternate
from bench.row import Row
from bench.servers import Servers

PATIENCE = 45.0


@dataclass(frozen=True, slots=True)
class Bench:
    """A run: how often each contender has its turn, the servers, and who is told how it goes."""

    rounds: int
    quick: bool
    servers: Servers
    told: Callable[[str], None]

    def amount(self, full: int, quick: int) -> int:
        """How much is done in a round: less where only a look is wanted."""
        return quick if self.quick else full

    async def alternate(self, contenders: Mapping[str, Contender]) -> dict[str, Found]:
        """Contenders in turn, round after round: what is compared is always measured this way."""
        return await alternate(self.rounds, contenders, self.told, PATIENCE)


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows that are measured together; `large`: only by `make bench-large`."""

    name: str
    measure: Callable[[Bench], Awaitable[Sequence[Row]]]
    large: bool = False
