"""Which values could a search be narrowed to, and how many projects would each give? OR inside a facet, AND between."""

from collections.abc import Mapping

from pyroaring import BitMap

from services.catalog.search_index import FACETS, FLAGS, NONE, Index
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
    return {facet: _values(index, query, facet, found, sets) for facet in FACETS}


def _values(
    index: Index, query: ProjectFilter, facet: str, found: BitMap, sets: Mapping[str, BitMap]
) -> list[FacetValue]:
    others = [documents for name, documents in sets.items() if name != facet]
    left = BitMap.intersection(found, *others) if others else found
    counts = _counts(index, facet, left)
    if others:
        having = index.facets[facet]
        counts |= {value: 0 for value in having.keys() - counts.keys() if having[value].intersect(found)}
    labels = _labels(index, facet, counts)
    for value in () if facet in FLAGS else getattr(query, facet) or ():
        key = key_of(index, facet, str(value))
        if key not in counts and (label := label_in(index, facet, key)):
            counts[key], labels[key] = 0, label
    keys = sorted(counts, key=lambda key: (-counts[key], labels[key].key, key))
    if facet == "organisation":
        bodies = index.names.bodies
        return [FacetValue(bodies[key].key, labels[key].text, counts[key]) for key in keys if key in bodies]
    return [FacetValue(key, labels[key].text, counts[key]) for key in keys]


def _counts(index: Index, facet: str, left: BitMap) -> dict[str, int]:
    """How many of these documents have each value, of those that any has. Of all that is published it is kept."""
    everything = index.statuses.get(PUBLIC[0], NONE)
    if len(left) < len(everything) or left != everything:
        return _counted(index, facet, left)
    if facet not in index.counts:
        index.counts[facet] = _counted(index, facet, left)
    return index.counts[facet].copy()


def _counted(index: Index, facet: str, left: BitMap) -> dict[str, int]:
    count = left.intersection_cardinality
    return {value: n for value, documents in index.facets[facet].items() if (n := count(documents))}


def _labels(index: Index, facet: str, values: Mapping[str, int]) -> dict[str, Label]:
    return {value: label_in(index, facet, value) or label_of(value) for value in values}


def label_in(index: Index, facet: str, value: str) -> Label | None:
    """What a value is called; None of one that does not exist."""
    if facet in FIXED:
        return FIXED[facet].get(value)
    return index.names.labels[facet].get(value)
