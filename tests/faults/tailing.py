"""Readers that go through a journal by position, and what is wrong with what they have seen."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from shared.kernel.journal import Journal
from shared.kernel.postgres import CONNECTION_LOST, Connection
from tests.faults.storm import Storm

TRUTH = "SELECT position, stream, version FROM journal ORDER BY position"
LARGEST = 40
PAUSE = 0.06


class Fact(NamedTuple):
    """One event as the readers compare it."""

    position: int
    stream: str
    version: int


@dataclass(frozen=True, slots=True)
class Findings:
    """How many events a reader missed, saw again, or saw behind a later one of the same stream; missing positions."""

    missed: int = 0
    doubled: int = 0
    disordered: int = 0
    holes: int = 0


type Cursor = tuple[int, ...]
type Read = Callable[[Cursor, int], Awaitable[Sequence[tuple[Cursor, Fact]]]]


@dataclass(slots=True)
class Tail:
    """Follows a journal as a projection or a relay does: from where it is, so many at once, and on from there."""

    read: Read
    cursor: Cursor = (0,)
    seen: list[Fact] = field(default_factory=list)

    async def look(self, limit: int = LARGEST) -> list[Fact]:
        """What is new to this reader."""
        found = await self.read(self.cursor, limit)
        if found:
            self.cursor = found[-1][0]
        self.seen += [fact for _, fact in found]
        return [fact for _, fact in found]

    async def follow(self, storm: Storm) -> None:
        """Looks on and on, for ever; a lost connection only takes time."""
        while True:
            try:
                if not await self.look(storm.dice.randint(1, LARGEST)):
                    await asyncio.sleep(storm.dice.random() * PAUSE)
            except CONNECTION_LOST:
                await asyncio.sleep(PAUSE)


def of_journal(journal: Journal) -> Read:
    """The reader that every part of a service uses."""

    async def read(cursor: Cursor, limit: int) -> list[tuple[Cursor, Fact]]:
        found = await journal.read(cursor[0], limit)
        return [((one.position or 0,), Fact(one.position or 0, one.stream, one.version)) for one in found]

    return read


async def truth(connection: Connection) -> list[Fact]:
    """What stands in the journal in the end."""
    return [Fact(*row) for row in await connection.fetch(TRUTH)]


def compare(seen: Sequence[Fact], recorded: Sequence[Fact]) -> Findings:
    """What is wrong with what a reader saw of all that was recorded."""
    times = Counter(seen)
    return Findings(
        missed=sum(fact not in times for fact in recorded),
        doubled=len(seen) - len(times),
        disordered=_disordered(dict.fromkeys(seen)),
        holes=max((fact.position for fact in recorded), default=0) - len(recorded),
    )


def _disordered(seen: Iterable[Fact]) -> int:
    newest: dict[str, int] = {}
    late = 0
    for fact in seen:
        late += fact.version < newest.get(fact.stream, 0)
        newest[fact.stream] = max(fact.version, newest.get(fact.stream, 0))
    return late
