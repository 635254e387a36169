"""An order of documents that changes little by little, and the first of any set of them without sorting the set."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator
from heapq import nsmallest
from itertools import islice
from operator import itemgetter

from pyroaring import BitMap

type Key = tuple[float, str, bytes]


class Order:
    """Documents by their keys, which are different for any two."""

    def __init__(self, key: Callable[[int], Key]) -> None:
        self.key = key
        self._documents: list[int] = []

    def fill(self, documents: Iterable[int]) -> None:
        """Takes many at once, in the place of those that were there."""
        keyed = sorted(((self.key(each), each) for each in documents), key=itemgetter(0))
        self._documents = [each for _, each in keyed]

    def add(self, document: int) -> None:
        """Takes one in; its key must not change as long as it is in."""
        insort(self._documents, document, key=self.key)

    def remove(self, document: int) -> None:
        """Takes one out."""
        at = bisect_left(self._documents, self.key(document), key=self.key)
        assert self._documents[at] == document
        del self._documents[at]

    def first(self, of: BitMap, most: int, after: Key | None = None) -> list[int]:
        """The first of a set, behind a key.

        Few are sorted; of many, those in front are met soon when all documents are gone through in order.
        """
        if len(of) ** 2 < most * len(self._documents):
            behind = of if after is None else (each for each in of if self.key(each) > after)
            return nsmallest(most, behind, key=self.key)
        start = 0 if after is None else bisect_right(self._documents, after, key=self.key)
        return list(islice(filter(of.__contains__, islice(self._documents, start, None)), most))

    def behind(self, after: Key) -> Iterator[int]:
        """The documents behind a key, in order."""
        return islice(self._documents, bisect_right(self._documents, after, key=self.key), None)

    def all(self, of: BitMap) -> Iterator[int]:
        """A whole set in order, as it stands now however it changes while it is read."""
        if len(of) * 8 < len(self._documents):
            return iter(sorted(of, key=self.key))
        return filter(of.__contains__, self._documents.copy())
