"""An order of documents that changes little by little, and the first of any set of them without sorting the set."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator
from heapq import merge, nsmallest
from itertools import batched, islice

from pyroaring import BitMap

type Key = tuple[float, str, bytes]

BLOCK = 2048
SORTED_AS_SOON_AS = 12  # times that finding a document's place costs more than passing by one


class Order:
    """Documents by their keys, which are different for any two.

    They stand in blocks, each with the set of its documents: a block that holds nothing of what is looked for is passed
    by at once.
    """

    def __init__(self, key: Callable[[int], Key]) -> None:
        self.key = key
        self._size = 0
        self._blocks: list[list[int]] = []
        self._sets: list[BitMap] = []

    def fill(self, documents: Iterable[int]) -> None:
        """Takes many at once, in the place of those that were there."""
        for _ in self.filling(documents):
            pass

    def filling(self, documents: Iterable[int]) -> Iterator[None]:
        """The same in small steps: a million are sorted for many seconds, and others may work between."""
        runs: list[list[tuple[Key, int]]] = []
        for some in batched(documents, BLOCK):
            runs.append(sorted((self.key(each), each) for each in some))
            yield
        blocks: list[list[int]] = []
        sets: list[BitMap] = []
        for keyed in batched(merge(*runs), BLOCK):
            blocks.append([each for _, each in keyed])
            sets.append(BitMap(blocks[-1]))
            yield
        self._size, self._blocks, self._sets = sum(map(len, sets)), blocks, sets

    def add(self, document: int) -> None:
        """Takes one in; its key must not change as long as it is in."""
        self._size += 1
        if not self._blocks:
            self._blocks, self._sets = [[document]], [BitMap([document])]
            return
        at = self._block_of(self.key(document))
        block = self._blocks[at]
        insort(block, document, key=self.key)
        self._sets[at].add(document)
        if len(block) > 2 * BLOCK:
            halves = [block[:BLOCK], block[BLOCK:]]
            self._blocks[at : at + 1] = halves
            self._sets[at : at + 1] = [BitMap(half) for half in halves]

    def remove(self, document: int) -> None:
        """Takes one out."""
        self._size -= 1
        key = self.key(document)
        at = self._block_of(key)
        block = self._blocks[at]
        place = bisect_left(block, key, key=self.key)
        assert block[place] == document
        del block[place]
        self._sets[at].discard(document)
        if not block:
            del self._blocks[at], self._sets[at]

    def first(self, of: BitMap, most: int, after: Key | None = None) -> list[int]:
        """The first of a set, behind a key. Few are sorted; many are met by going through the order."""
        if SORTED_AS_SOON_AS * len(of) ** 2 < most * self._size:
            behind = of if after is None else (each for each in of if self.key(each) > after)
            return nsmallest(most, behind, key=self.key)
        found: list[int] = []
        start = 0 if after is None or not self._blocks else self._block_of(after)
        for at in range(start, len(self._blocks)):
            if self._sets[at].intersect(of):
                block = self._blocks[at]
                begin = bisect_right(block, after, key=self.key) if after is not None and at == start else 0
                here = (each for each in islice(block, begin, None) if each in of)
                found += islice(here, most - len(found))
                if len(found) == most:
                    break
        return found

    def behind(self, after: Key) -> Iterator[int]:
        """The documents behind a key, in order."""
        start = self._block_of(after) if self._blocks else 0
        for at in range(start, len(self._blocks)):
            block = self._blocks[at]
            begin = bisect_right(block, after, key=self.key) if at == start else 0
            yield from block[begin:]

    def all(self, of: BitMap) -> Iterator[int]:
        """A whole set in order, as it stands now however it changes while it is read."""
        if len(of) * SORTED_AS_SOON_AS < self._size:
            return iter(sorted(of, key=self.key))
        blocks = [block.copy() for block in self._blocks]
        return (each for block in blocks for each in block if each in of)

    def _block_of(self, key: Key) -> int:
        """The block that a key belongs to."""
        return max(0, bisect_right(self._blocks, key, key=lambda block: self.key(block[0])) - 1)
