"""The index of projects that a replica keeps in memory: which documents hold a word, which have a value.

A document is a small number. Sets of them are Roaring bitmaps, so that a facet's values are counted by intersecting.
Nothing here waits: whoever reads sees a whole state.
"""

import struct
import sys
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from pyroaring import BitMap

from services.catalog.search_names import DISTRICT_DIGITS, REGION_DIGITS, Body, Names
from services.catalog.search_order import Order
from services.catalog.search_shown import FacetValue
from services.catalog.search_words import GAP, Words

TIERS = 3
WIDTH = array("I").itemsize
FACETS = (
    "topic",
    "group",
    "legal_form",
    "stage",
    "organisation",
    "district",
    "regierungsbezirk",
    "size_class",
    "effect_kind",
    "best_practice",
    "funded",
    "reuse",
)
FLAGS = ("best_practice", "funded", "reuse")
FROM_TOPICS = ("group",)
FROM_BODIES = ("district", "regierungsbezirk", "size_class")
NO_EFFECT = -sys.float_info.max  # less than any, and a number in JSON: cursors hold it
NONE = BitMap()

type Forms = frozenset[int]
"""The numbers of a word in all its forms."""
type Levels = dict[int, BitMap]
"""Score → the documents that have it, and no other."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A project as it is indexed. `texts`: title; summary, keywords and the like; the rest."""

    id: bytes
    status: str
    moment: float
    title_key: str
    texts: tuple[str, ...]
    effect: float | None
    values: Mapping[str, Iterable[str]]


@dataclass(frozen=True, slots=True)
class Value:
    """A facet's value: what stands for it in an answer, what it is called, and where that stands in order."""

    key: str
    shown: str
    text: str
    order: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a query finds. `levels` from the best score down; None where nothing was asked, so that all fit alike.

    `words` are the numbers of all words that count as found. `corrected`: the query as it may have been meant.
    `all_words` is false where no document has them all, and those are shown that have most.
    """

    hits: BitMap
    levels: Levels | None = None
    words: frozenset[int] = frozenset()
    corrected: str | None = None
    all_words: bool = True


@dataclass(slots=True)
class Phrase:
    """What is known of words that stand one after the other: the documents that have them so, and those yet unseen."""

    unseen: BitMap
    documents: BitMap = field(default_factory=BitMap)


class Index:
    """All projects, their words, their values and their orders."""

    def __init__(self) -> None:
        self.words = Words()
        self.names = Names()
        self.known: dict[str, tuple[int, list[tuple[BitMap, Value]]]] = {}
        """Facet → how many values it had when they were listed, and these in order, with their documents."""
        self.counts: dict[str, list[FacetValue]] = {}
        """Facet → how many published projects have its values, as far as anybody asked since the last change."""
        self.found: dict[tuple[object, ...], Found] = {}
        self.counted: dict[tuple[object, ...], dict[str, list[FacetValue]]] = {}
        """What was looked for and counted lately, since the last change (`search_pages.py`)."""
        self.phrases: dict[tuple[Forms, ...], Phrase] = {}
        """The phrases that were asked for last (`search_phrases.py`)."""
        self.all = BitMap()
        self.statuses: defaultdict[str, BitMap] = defaultdict(BitMap)
        self.facets: dict[str, defaultdict[str, BitMap]] = {name: defaultdict(BitMap) for name in FACETS}
        self.tiers: tuple[defaultdict[int, BitMap], ...] = tuple(defaultdict(BitMap) for _ in range(TIERS))
        self._numbers: dict[bytes, int] = {}
        self._ids = ids = list[bytes]()
        self._titles = titles = list[str]()
        self._moments = moments = array("d")
        self._effects = effects = array("d")
        # The orders know the columns and not the index: in a circle it would outlive the one that takes its place.
        self.by_title = Order(lambda document: (0.0, titles[document], ids[document]))
        self.by_date = Order(lambda document: (-moments[document], titles[document], ids[document]))
        self.by_effect = Order(lambda document: (-effects[document], titles[document], ids[document]))
        self._tokens: list[bytes] = []

    def __len__(self) -> int:
        return len(self._ids)

    def number_of(self, project_id: UUID) -> int | None:
        """A project's document."""
        return self._numbers.get(project_id.bytes)

    def id_of(self, document: int) -> UUID:
        """A document's project."""
        return UUID(bytes=self._ids[document])

    def tokens(self, document: int) -> array[int]:
        """The words of a document in order, with gaps between its texts."""
        return array("I", self._tokens[document])

    def packed(self, document: int) -> bytes:
        """The same as bytes, four a word in the machine's own order."""
        return self._tokens[document]

    def fill(self, entries: Iterable[Entry]) -> None:
        """Takes many at once that are all new; `settle` brings them into order."""
        for entry in entries:
            self._write(len(self._ids), entry)
        self._forget()

    def settle(self) -> None:
        """Orders everything, once it was filled."""
        for _ in self.settling():
            pass

    def settling(self) -> Iterator[None]:
        """The same in small steps."""
        for order in self._orders:
            yield from order.filling(self.all)
        self.derive()

    def put(self, entry: Entry) -> None:
        """Takes one in, in the place of what it was before."""
        document = self._numbers.get(entry.id, len(self._ids))
        if document < len(self._ids):
            self._take_out(document)
        self._write(document, entry)
        for order in self._orders:
            order.add(document)
        for phrase in self.phrases.values():
            phrase.unseen.add(document)
        self._forget()

    def rename(self, names: Names) -> None:
        """Other names, and what follows from them."""
        self.names = names
        for (facet, value), stays in names.stays.items():
            if documents := self.facets[facet].pop(value, NONE):
                self.facets[facet][stays] |= documents
        self.derive()
        self._forget()

    def derive(self) -> None:
        """The values that documents have by their topics and organisations, all anew."""
        self.known.clear()
        for derived in (*FROM_TOPICS, *FROM_BODIES):
            self.facets[derived].clear()
        for facet in ("topic", "organisation"):
            for value, documents in self.facets[facet].items():
                for derived, of_it in self._following(facet, value):
                    self.facets[derived][of_it] |= documents

    def _forget(self) -> None:
        """What was worked out is true no more."""
        self.counts.clear()
        self.found.clear()
        self.counted.clear()

    @property
    def _orders(self) -> tuple[Order, ...]:
        return (self.by_title, self.by_date, self.by_effect)

    def _write(self, document: int, entry: Entry) -> None:
        if document == len(self._ids):
            for column, empty in ((self._ids, b""), (self._titles, ""), (self._tokens, b"")):
                column.append(empty)  # type: ignore[arg-type]  # each its own
            self._moments.append(0.0)
            self._effects.append(0.0)
        self._numbers[entry.id] = document
        self._ids[document] = entry.id
        self._titles[document] = entry.title_key
        self._moments[document] = entry.moment
        self._effects[document] = NO_EFFECT if entry.effect is None else entry.effect
        texts = [self.words.numbers(text) for text in entry.texts]
        for tier, numbers in zip(self.tiers, texts, strict=True):
            for number in set(numbers):
                tier[number].add(document)
        self._tokens[document] = struct.pack("I", GAP).join(numbers.tobytes() for numbers in texts)
        self.all.add(document)
        self.statuses[entry.status].add(document)
        for facet, values in entry.values.items():
            for said in values:
                value = self.names.present(facet, said)
                self.facets[facet][value].add(document)
                for derived, of_it in self._following(facet, value):
                    self.facets[derived][of_it].add(document)

    def _take_out(self, document: int) -> None:
        for order in self._orders:
            order.remove(document)
        for number in set(self.tokens(document)) - {GAP}:
            for tier in self.tiers:
                if number in tier:
                    tier[number].discard(document)
        for values in (self.statuses, *self.facets.values()):
            for documents in values.values():
                documents.discard(document)

    def _following(self, facet: str, value: str) -> list[tuple[str, str]]:
        """The values that a document has because it has this one."""
        match facet:
            case "topic":
                topic = self.names.topics.get(value)
                return [("group", topic.group)] if topic else []
            case "organisation":
                body = self.names.bodies.get(value)
                return _of_body(body) if body else []
            case _:
                return []


def _of_body(body: Body) -> list[tuple[str, str]]:
    found = [("district", district[:DISTRICT_DIGITS]) for district in body.districts]
    found += [("regierungsbezirk", region) for region in {each[:REGION_DIGITS] for each in body.districts}]
    return [*found, ("size_class", body.size_class)] if body.size_class else found
