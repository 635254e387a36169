"""Which saved searches does a project fit? Without running them.

A search is taken apart into groups of keys: a project that it finds has a key of every group. A project's own keys are
looked up among those, which leaves the searches that may fit; where words are asked for, the search itself is made on
an index of that one project. Keys of words hold for any vocabulary, and a project has the keys of everything that was
merged into what it names: searches stay right while the catalogue grows and its topics and organisations change.

A project fits when it has all that is asked for, as if signs said that just this is meant: nobody is told of a likely
slip, or of a project that has some of the words.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.resources import files

import Stemmer
from pyroaring import BitMap

from services.catalog.german import LINKS, PARTS, SHORTEST_PART, STOP, stem, told_apart
from services.catalog.naming import bare
from services.catalog.search_facets import chosen, label_in, visible
from services.catalog.search_index import FACETS, FLAGS, Entry, Index
from services.catalog.search_match import match
from services.catalog.search_names import MUNICIPALITY_DIGITS, Names, kilometres
from services.catalog.search_pages import in_reach
from services.catalog.search_query import BEFORE_EPITHETS, EPITHET, asked
from services.catalog.search_shown import ProjectFilter
from services.catalog.search_words import (
    SHORTEST_BEGINNING,
    SHORTEST_END,
    SHORTEST_HEAD,
    SHORTEST_KNOWN,
    Words,
    holds,
)
from shared.contracts.rpc import KeyGroup
from shared.kernel.problems import Problem

FORM = 4
"""What keys are made by; another number where that changes."""
SHORTEST_PREFIX, LONGEST_PREFIX, LONGEST_END = 2, 12, 9
SHORTEST_COMPOUND = 2 * SHORTEST_PART
LONGEST_LABEL = 60

RULES = hashlib.blake2b(
    f"{FORM} {Stemmer.version()} ".encode() + (files("services.catalog") / "german.toml").read_bytes(), digest_size=6
).hexdigest()
"""Keys made by other rules cannot be compared."""


def alone(index: Index, entry: Entry) -> Index:
    """An index of one project, with the names of another, that takes compounds apart as that does."""
    one = Index()
    one.words, one.names = Words(among=index.words), index.names
    one.put(entry)
    having = _values(one)
    holders: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
    for number, pairs in index.names.holders.items():
        if here := [pair for pair in pairs if pair in having]:
            for own in one.words.numbers(index.words[number].written):
                holders[own] += here
    one.names = replace(index.names, holders=dict(holders))
    return one


def keys_of(one: Index, *, of_words: bool = True) -> set[str]:
    """The keys of the project of an index of one; without those `of_words` if they are not wanted."""
    having = _values(one)
    return {
        *(f"{facet}:{value}" for facet, value in having),
        *(f"{facet}:{value}" for facet, value in _merged_into(one.names, having)),
        *(f"{flag}:false" for flag in FLAGS if (flag, "true") not in having),
        *(_word_keys(one) if of_words else ()),
    }


def reach_of(one: Index) -> dict[str, float]:
    """How far the project is from every municipality: of its participants, the nearest."""
    names = one.names
    bodies = (names.bodies.get(value) for value, documents in one.facets["organisation"].items() if documents)
    places = {body.place for body in bodies if body and body.place}
    if not places:
        return {}
    return {
        ags: min(kilometres(centre.place, place) for place in places)
        for ags, centre in names.by_ags.items()
        if centre.place and len(ags) == MUNICIPALITY_DIGITS
    }


def groups_of(query: ProjectFilter) -> list[KeyGroup]:
    """The groups of keys of a search. One that finds nothing has a group without keys."""
    groups = [
        KeyGroup(sure=tuple(f"{facet}:{_text(value)}" for value in ([values] if facet in FLAGS else values)))
        for facet in FACETS
        if (values := getattr(query, facet)) is not None
    ]
    return [*groups, *_groups_of_words(query.q)]


def needs_proof(query: ProjectFilter) -> bool:
    """Whether no keys say that a project fits: it must not have some words, or have them together, or be named so."""
    words = asked(query.q or "")
    return query.like is not None or words.strict or any(map(_may_be_left_out, words.words))


def fits(one: Index, query: ProjectFilter, bodies: Iterable[str] | None = None) -> bool:
    """Whether the search finds the project of an index of one, among those of some `bodies` if they are given."""
    hits = _found_by_words(one, query)
    try:
        found = in_reach(one, query, hits, bodies)
    except Problem:  # the municipality that it counts from is known no more
        return False
    return bool(found.intersection(*chosen(one, query).values()))


def _found_by_words(one: Index, query: ProjectFilter) -> BitMap:
    """The project if the words find it. Many searches have the same ones, and the first that is not there tells."""
    words = asked(query.q or "", one.names.places)
    if words.empty or words.strict:
        return _found(one, query, query.q)
    return next((hits for each in words.words if not (hits := _found(one, query, each))), visible(one, query))


def _found(one: Index, query: ProjectFilter, q: str | None) -> BitMap:
    if (q,) not in one.found:
        one.found[q,] = match(one, q, visible(one, query), strict=True)
    return one.found[q,].hits


def described(index: Index, query: ProjectFilter) -> str:
    """What a search asks for, in German words."""
    parts = [f"„{query.q}“"] if query.q else []
    for facet in FACETS:
        values = getattr(query, facet)
        if facet in FLAGS and values is not None:
            label = label_in(index, facet, "true")
            parts.append(f"{'' if values else 'nicht: '}{label.text if label else facet}")
        elif values is not None:
            parts.append(" oder ".join(_label(index, facet, _text(value)) for value in values))
    if query.like is not None:
        parts.append(f"Stellen wie {_label(index, 'organisation', query.like)}")
    if query.near is not None:
        parts.append(f"höchstens {query.within_km:g} km von {_label(index, 'organisation', query.near)}")
    return ", ".join(parts) or "alle Projekte"


def _label(index: Index, facet: str, value: str) -> str:
    body = index.names.body(value) if facet == "organisation" else None
    label = label_in(index, facet, body.id if body else index.names.present(facet, value))
    return (label.text if label else value)[:LONGEST_LABEL]


def _merged_into(names: Names, having: set[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """What else means one of these values: what was merged into it, and official keys."""
    yield from ((facet, was) for (facet, was), stays in names.stays.items() if (facet, stays) in having)
    for ags, body in names.by_ags.items():
        if ("organisation", names.present("organisation", body.id)) in having:
            yield "organisation", ags


def _values(one: Index) -> set[tuple[str, str]]:
    return {(facet, value) for facet in FACETS for value, documents in one.facets[facet].items() if documents}


def _word_keys(one: Index) -> Iterator[str]:
    """Of its texts, and of the names of its topics and bodies."""
    for number in range(1, len(one.words)):
        word = one.words[number]
        yield f"={word.bare}"
        yield f"~{word.stem}"
        yield from (f"^{word.bare[:length]}" for length in range(SHORTEST_PREFIX, LONGEST_PREFIX + 1))
        yield from (f"%{key}" for part in one.words.within(word) if holds(word, key := stem(part)))
        for length in range(SHORTEST_END, min(LONGEST_END, len(word.stem) - SHORTEST_HEAD) + 1):
            end = word.stem[-length:]
            if length == LONGEST_END or holds(word, end):
                yield f"${end}"


def _groups_of_words(q: str | None) -> Iterator[KeyGroup]:
    """Of what the search may do without there is none."""
    if q is None or not q.strip():
        return
    query = asked(q)
    if query.empty:
        yield KeyGroup()
    for word in query.words:
        if word in STOP:
            yield KeyGroup(likely=(f"={bare(word)}",))
        elif len(query.words) == 1 or not _may_be_left_out(word):
            yield from _found_by(word)
    for phrase in query.phrases:
        yield from (KeyGroup(likely=(f"={bare(word)}", f"~{stem(word)}")) for word in phrase if word not in STOP)


def _may_be_left_out(word: str) -> bool:
    """Whether a word is, or may become some day, the epithet of a place."""
    return word in BEFORE_EPITHETS or EPITHET.fullmatch(word) is not None


def _found_by(word: str) -> Iterator[KeyGroup]:
    """A key for each way in which a project can have a word: itself, a form, a beginning, a compound of it.

    Or its parts: of a compound the first and the last one, in a group each.
    """
    plain, key = bare(word), stem(word)
    whole = {f"~{key}", f"={plain}", *_within(key)}
    if len(word) >= SHORTEST_BEGINNING:
        whole.add(f"^{plain[:LONGEST_PREFIX]}")
    sure = {f"~{key}"} if told_apart(word) else {each for each in whole if not _is_cut(each)}
    for parts in (_first_parts(word), _last_parts(word)) if len(word) >= SHORTEST_COMPOUND else ((),):
        of_parts = {found for part in parts for found in _of_part(part)}
        likely = (whole | of_parts) - sure
        yield KeyGroup(sure=tuple(sorted(sure)), likely=tuple(sorted(likely)))


def _of_part(part: str) -> Iterator[str]:
    """A part is found itself, in any form, or in other compounds."""
    yield f"={bare(part)}"
    yield f"~{stem(part)}"
    yield from _within(stem(part))


def _within(key: str) -> Iterator[str]:
    """By which compounds that hold a stem are found."""
    yield f"%{key}"
    if len(key) >= SHORTEST_END:
        yield f"${key[-LONGEST_END:]}"


def _is_cut(key: str) -> bool:
    """Whether there may be more of a beginning or an ending than the key has."""
    return len(key) > {"^": LONGEST_PREFIX, "$": LONGEST_END}.get(key[0], len(key))


def _first_parts(word: str) -> Iterator[str]:
    """Everything that may be the first part of a compound, whatever words become known."""
    for end in range(SHORTEST_PART, len(word)):
        part = word[:end]
        if len(part) >= SHORTEST_KNOWN or part in PARTS or word[end:] in PARTS:
            yield part


def _last_parts(word: str) -> Iterator[str]:
    """Everything that may be the last part, before an ending that links words."""
    for link in LINKS:
        if word.endswith(link):
            whole = word[: len(word) - len(link)]
            for start in range(SHORTEST_PART, len(whole) - SHORTEST_PART + 1):
                part = whole[start:]
                if len(part) >= SHORTEST_KNOWN or part in PARTS:
                    yield part


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def unknown_in(query: ProjectFilter, names: Names) -> Sequence[str]:
    """The parameters that name what there is not: such a search would never find anything."""
    found = [name for name, there in (("topic", names.topics),) if any(each not in there for each in query.topic or ())]
    if any(names.body(each) is None for each in query.organisation or ()):
        found.append("organisation")
    if query.near is not None and not names.distances(query.near):
        found.append("near")
    return found
