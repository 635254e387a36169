"""Which values could a search be narrowed to, and how many projects would each give? OR inside a facet, AND between."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter

from pyroaring import BitMap

from services.catalog.search_index import FACETS, FLAGS, NONE, Index, Value
from services.catalog.search_names import Label, label_of
from services.catalog.search_shown import PUBLIC, FacetValue, ProjectFilter
from services.catalog.size_class import SizeClass
from services.catalog.vocabulary import EffectKind, LegalForm, Stage, Term

TERMS: Mapping[str, type[Term]] = {
    "legal_form": LegalForm,
    "stage": Stage,
    "size_class": SizeClass,
    "effect_kind": EffectKind,
}
FLAG_LABELS = {
    "best_practice": "Als gutes Beispiel ausgezeichnet",
    "funded": "Mit Fördermitteln",
    "reuse": "Nachnutzung möglich",
}
FIXED = {
    **{name: {str(term): label_of(term.label) for term in terms} for name, terms in TERMS.items()},
    **{name: {"true": label_of(text)} for name, text in FLAG_LABELS.items()},
}


def visible(index: Index, query: ProjectFilter) -> BitMap:
    """The projects in the states that are asked for; those that are published, where nothing is."""
    return BitMap.union(*(index.statuses.get(status, NONE) for status in query.status or PUBLIC))


def chosen(index: Index, query: ProjectFilter) -> dict[str, BitMap]:
    """For every facet that is narrowed, the projects it leaves."""
    sets: dict[str, BitMap] = {}
    for facet in FACETS:
        values = getattr(query, facet)
        if values is None:
            continue
        having = index.facets[facet]
        if facet in FLAGS:
            sets[facet] = having.get("true", NONE) if values else index.all - having.get("true", NONE)
        else:
            keys = [key_of(index, facet, str(value)) for value in values]
            sets[facet] = BitMap.union(*(having.get(key, NONE) for key in keys), NONE)
    return sets


def key_of(index: Index, facet: str, value: str) -> str:
    """A value as the index has it: organisations may be named by official key, and what was merged by what it was."""
    body = index.names.body(value) if facet == "organisation" else None
    return body.id if body else index.names.present(facet, value)


def counted(index: Index, query: ProjectFilter, found: BitMap) -> dict[str, list[FacetValue]]:
    """Every facet's values among what was `found` by words and place, the most frequent first."""
    sets = chosen(index, query)
    kept = BitMap.intersection(found, *sets.values())
    facets: dict[str, list[FacetValue]] = {}
    for facet in FACETS:
        others = [documents for name, documents in sets.items() if name != facet]
        left = BitMap.intersection(found, *others) if facet in sets else kept
        shown = _counts(index, facet, left)
        facets[facet] = [*shown, *_without_any(index, query, facet, shown, found if others else NONE)]
    return facets


def _without_any(
    index: Index, query: ProjectFilter, facet: str, shown: Sequence[FacetValue], found: BitMap
) -> Iterator[FacetValue]:
    """The values that stay though nothing is left of them: what is chosen, and what was `found` before the others."""
    chosen_here = () if facet in FLAGS else getattr(query, facet) or ()
    if not (found or chosen_here):
        return
    seen = {value.value for value in shown}
    known = _known(index, facet) if found else ()
    none = {value.shown: value for documents, value in known if value.shown not in seen and documents.intersect(found)}
    none |= {each.shown: each for each in _chosen(index, facet, chosen_here) if each.shown not in seen}
    for value in sorted(none.values(), key=_place):
        yield FacetValue(value.shown, value.text, 0)


def _chosen(index: Index, facet: str, values: Iterable[object]) -> Iterator[Value]:
    """Those of some values that exist."""
    for key in (key_of(index, facet, str(value)) for value in values):
        value = _named(index, facet, key) if label_in(index, facet, key) else None
        if value:
            yield value


def _counts(index: Index, facet: str, left: BitMap) -> list[FacetValue]:
    """How many of these documents have each value, of those that any has. Of all that is published it is kept."""
    everything = index.statuses.get(PUBLIC[0], NONE)
    if len(left) < len(everything) or left != everything:
        return _counted(index, facet, left)
    if facet not in index.counts:
        index.counts[facet] = _counted(index, facet, left)
    return index.counts[facet]


def _counted(index: Index, facet: str, left: BitMap) -> list[FacetValue]:
    count = left.intersection_cardinality
    counts = [
        FacetValue(value.shown, value.text, n) for documents, value in _known(index, facet) if (n := count(documents))
    ]
    counts.sort(key=attrgetter("count"), reverse=True)
    return counts


def _known(index: Index, facet: str) -> list[tuple[BitMap, Value]]:
    """Every value that any project ever had, as they are called; put together anew when there are others."""
    having = index.facets[facet]
    many, known = index.known.get(facet, (0, []))
    if many != len(having):
        values = sorted((value for key in having if (value := _named(index, facet, key))), key=_place)
        known = [(having[value.key], value) for value in values]
        index.known[facet] = len(having), known
    return known


def _named(index: Index, facet: str, key: str) -> Value | None:
    """A value with what it is called, or its key where it has no name; None of a body that nobody knows."""
    if facet == "organisation" and key not in index.names.bodies:
        return None
    label = label_in(index, facet, key) or label_of(key)
    shown = index.names.bodies[key].key if facet == "organisation" else key
    return Value(key, shown, label.text, label.key)


def _place(value: Value) -> tuple[str, str]:
    return value.order, value.key


def label_in(index: Index, facet: str, value: str) -> Label | None:
    """What a value is called; None of one that does not exist."""
    if facet in FIXED:
        return FIXED[facet].get(value)
    return index.names.labels[facet].get(value)
