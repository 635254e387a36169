"""Which documents stand on a page of a search, and in which order do all come? Looked up in the index alone."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from pyroaring import BitMap

from services.catalog.search_facets import chosen, counted, visible
from services.catalog.search_index import NONE, Found, Index
from services.catalog.search_match import match
from services.catalog.search_order import Key, Order
from services.catalog.search_shown import FacetValue, ProjectFilter, Sort
from shared.kernel.problems import FieldError, Problem

MOST_REMEMBERED = 64
NOWHERE = 1e9  # kilometres to a project none of whose participants has a place

type Classes = Iterator[tuple[float, BitMap]]
"""Sets of documents one after the other; those of a set are alike, and have its number."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A search at one moment, perhaps among the projects of some bodies only.

    What its words find, what of that is in reach, and what of that all facets leave.
    """

    index: Index
    query: ProjectFilter
    sort: Sort
    bodies: frozenset[str] | None
    found: Found
    reached: BitMap
    kept: BitMap

    def page(self, most: int, after: Key | None) -> list[tuple[float, int]]:
        """The first documents behind a place, each with its number in the order."""
        order, own_number = _order(self.index, self.sort), self.sort in ("date", "effect")
        page: list[tuple[float, int]] = []
        for number, documents in self._classes():
            behind = after
            if after is not None and not own_number:
                if number < after[0]:
                    continue
                behind = (0.0, *after[1:]) if number == after[0] else None
            page += [(number, each) for each in order.first(documents, most - len(page), behind)]
            if len(page) == most:
                break
        return [(order.key(each)[0], each) for _, each in page] if own_number else page

    def everything(self) -> Iterator[int]:
        """All documents in order, as they stand now however they change while they are taken."""
        order = _order(self.index, self.sort)
        parts = [order.all(documents) for _, documents in self._classes()]
        return chain.from_iterable(parts)

    def distances(self, documents: Iterable[int]) -> dict[int, float]:
        """How far the nearest participant of each of these is, where the search is made from somewhere."""
        if self.query.near is None:
            return {}
        left, having = BitMap(list(documents)), self.index.facets["organisation"]
        found: dict[int, float] = {}
        for kilometres, body_id in self.index.names.distances(self.query.near):
            here = left & having.get(body_id, NONE)
            found |= {document: round(kilometres, 1) for document in here}
            left = left - here
            if not left:
                break
        return found

    def facets(self) -> dict[str, list[FacetValue]]:
        """Every facet's values among what was found and is in reach, with their counts."""
        key = (self.bodies, *(getattr(self.query, name) for name in ProjectFilter.model_fields))
        return _remembered(self.index.counted, key, lambda: counted(self.index, self.query, self.reached))

    def _classes(self) -> Classes:
        """What fits in sets, the first ones first."""
        if self.sort == "distance" and self.query.near is not None:
            return _by_distance(self.index, self.query.near, self.kept)
        if self.sort == "relevance" and self.found.levels is not None:
            return ((-float(score), documents & self.kept) for score, documents in self.found.levels.items())
        return iter([(0.0, self.kept)])


def ask(index: Index, query: ProjectFilter, sort: Sort | None = None, bodies: Iterable[str] | None = None) -> Asked:
    """Looks everything up, among the projects of some `bodies` if they are given.

    Without an order: by relevance where something is asked for, else the newest first.
    """
    found = _found_by(index, query)
    among = None if bodies is None else frozenset(bodies)
    reached = in_reach(index, query, found.hits, among)
    kept = BitMap.intersection(reached, *chosen(index, query).values())
    order = sort or ("relevance" if query.q and query.q.strip() else "date")
    return Asked(index, query, order, among, found, reached, kept)


def _found_by(index: Index, query: ProjectFilter) -> Found:
    """What the words of a search find."""
    key = query.q, query.status
    return _remembered(index.found, key, lambda: match(index, query.q, visible(index, query)))


def _remembered[Key, Made](lately: dict[Key, Made], key: Key, make: Callable[[], Made]) -> Made:
    """What was made lately is at hand until a project changes: many ask the same, and for the next page of it."""
    lately[key] = made = lately.pop(key) if key in lately else make()
    if len(lately) > MOST_REMEMBERED:
        del lately[next(iter(lately))]
    return made


def in_reach(index: Index, query: ProjectFilter, documents: BitMap, bodies: Iterable[str] | None = None) -> BitMap:
    """Those with a participant within the distance asked for, and with one of some bodies."""
    if bodies is not None:
        having = index.facets["organisation"]
        documents = BitMap.union(NONE, *(having.get(each, NONE) for each in bodies)) & documents
    if query.near is None:
        return documents
    distances = _from(index, query.near)
    if query.within_km is None:
        return documents
    having = index.facets["organisation"]
    near = [having[body_id] for kilometres, body_id in distances if kilometres <= query.within_km and body_id in having]
    return BitMap.union(NONE, *near) & documents


def _from(index: Index, ags: str) -> list[tuple[float, str]]:
    distances = index.names.distances(ags)
    if not distances:
        wrong = FieldError("near", "unknown_municipality", "Diese Kommune ist nicht bekannt.")
        raise Problem("invalid_query", errors=[wrong])
    return distances


def _order(index: Index, sort: Sort) -> Order:
    """The order within a set of documents that are alike."""
    match sort:
        case "date":
            return index.by_date
        case "effect":
            return index.by_effect
        case "relevance" | "title" | "distance":
            return index.by_title


def _by_distance(index: Index, near: str, kept: BitMap) -> Classes:
    having, left = index.facets["organisation"], kept
    for kilometres, body_id in _from(index, near):
        here = left & having.get(body_id, NONE)
        if here:
            yield kilometres, here
            left = left - here
    yield NOWHERE, left
