"""Which saved searches does a project fit? Without running them.

A search is taken apart into groups of keys: a project that it finds has a key of every group. A project's own keys are
looked up among those, which leaves the searches that may fit; where words are asked for, the search itself is made on
an index of that one project. Keys of words hold for any vocabulary, and a project has the keys of everything that was
merged into what it names: searches stay right while the catalogue grows and its topics and organisations change.

A project fits when it has all that is asked for, as if signs said that just this is meant: nobody is told of a likely
slip, or of a project that has some of the words.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files

import Stemmer

from services.catalog.german import PARTS, STOP, stem
from services.catalog.naming import bare
from services.catalog.search_facets import chosen, label_in, visible
from services.catalog.search_index import FACETS, FLAGS, Entry, Index
from services.catalog.search_match import match
from services.catalog.search_names import MUNICIPALITY_DIGITS, Names, kilometres
from services.catalog.search_pages import in_reach
from services.catalog.search_query import BEFORE_EPITHETS, EPITHET, asked
from services.catalog.search_shown import ProjectFilter
from services.catalog.search_words import GAP, SHORTEST_BEGINNING, SHORTEST_END, SHORTEST_HEAD, SHORTEST_KNOWN
from shared.kernel.problems import Problem

FORM = 1
"""What keys are made by; another number where that changes."""
SHORTEST_PREFIX, LONGEST_PREFIX = 2, 6
SHORTEST_FIRST_PART, SHORTEST_COMPOUND = 3, 6
LONGEST_LABEL = 60

RULES = hashlib.blake2b(
    f"{FORM} {Stemmer.version()} ".encode() + (files("services.catalog") / "german.toml").read_bytes(), digest_size=6
).hexdigest()
"""Keys made by other rules cannot be compared."""


def alone(index: Index, entry: Entry) -> Index:
    """An index of one project that knows the words and names of another."""
    one = Index()
    one.words, one.names = index.words, index.names
    one.put(entry)
    return one


def keys_of(one: Index, *, of_words: bool = True) -> set[str]:
    """The keys of the project of an index of one; without those `of_words` if they are not wanted."""
    having = {(facet, value) for facet in FACETS for value, documents in one.facets[facet].items() if documents}
    return {
        *(f"{facet}:{value}" for facet, value in having),
        *(f"{facet}:{value}" for facet, value in _merged_into(one.names, having)),
        *(f"{flag}:false" for flag in FLAGS if (flag, "true") not in having),
        *(_word_keys(one, having) if of_words else ()),
    }


def reach_of(one: Index) -> dict[str, float]:
    """How far the project is from every municipality: of its participants, the nearest."""
    names = one.names
    bodies = [names.bodies[value] for value, documents in one.facets["organisation"].items() if documents]
    places = {body.place for body in bodies if body.place}
    if not places:
        return {}
    return {
        ags: min(kilometres(centre.place, place) for place in places)
        for ags, centre in names.by_ags.items()
        if centre.place and len(ags) == MUNICIPALITY_DIGITS
    }


def groups_of(query: ProjectFilter) -> list[list[str]]:
    """The groups of keys of a search. One that finds nothing has a group without keys."""
    groups = [
        [f"{facet}:{_text(value)}" for value in ([values] if facet in FLAGS else values)]
        for facet in FACETS
        if (values := getattr(query, facet)) is not None
    ]
    return [*groups, *_groups_of_words(query.q)]


def needs_proof(query: ProjectFilter) -> bool:
    """Whether keys alone do not say that a project fits."""
    return bool(query.q) or query.like is not None


def fits(one: Index, query: ProjectFilter, bodies: Iterable[str] | None = None) -> bool:
    """Whether the search finds the project of an index of one, among those of some `bodies` if they are given."""
    try:
        found = in_reach(one, query, match(one, query.q, visible(one, query), strict=True).hits, bodies)
    except Problem:  # the municipality that it counts from is known no more
        return False
    return bool(found.intersection(*chosen(one, query).values()))


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


def _word_keys(one: Index, having: set[tuple[str, str]]) -> Iterator[str]:
    numbers = {number for document in one.all for number in one.tokens(document)} - {GAP}
    numbers |= {number for number, pairs in one.names.holders.items() if any(pair in having for pair in pairs)}
    for number in numbers:
        word = one.words[number]
        yield f"={word.bare}"
        yield f"~{word.stem}"
        yield from (f"^{word.bare[:length]}" for length in range(SHORTEST_PREFIX, LONGEST_PREFIX + 1))
        yield from (f"~{stem(part)}" for part in one.words.within(number))
        if len(word.stem) >= SHORTEST_END + SHORTEST_HEAD:
            yield f"${word.stem[-SHORTEST_END:]}"


def _groups_of_words(q: str | None) -> Iterator[list[str]]:
    """Of what may be an epithet of a place, now or some day, there is none: the search may do without it."""
    if q is None or not q.strip():
        return
    query = asked(q)
    if query.empty:
        yield []
    for word in query.words:
        if len(query.words) > 1 and (EPITHET.fullmatch(word) or word in BEFORE_EPITHETS):
            continue
        yield sorted({f"={bare(word)}"} if word in STOP else _found_by(word))
    for phrase in query.phrases:
        yield from ([f"={bare(word)}", f"~{stem(word)}"] for word in phrase if word not in STOP)


def _found_by(word: str) -> set[str]:
    """A key for each way in which a project can have a word: itself, a form, a beginning, a compound, its parts."""
    keys = {key for part in (word, *_first_parts(word)) for key in _within_another(part)}
    if len(word) >= SHORTEST_BEGINNING:
        keys.add(f"^{bare(word)[:LONGEST_PREFIX]}")
    return keys


def _within_another(word: str) -> Iterator[str]:
    key = stem(word)
    yield f"={bare(word)}"
    yield f"~{key}"
    if len(key) >= SHORTEST_END:
        yield f"${key[-SHORTEST_END:]}"


def _first_parts(word: str) -> Iterator[str]:
    """Everything that may be the first part of a compound, whatever words become known."""
    if len(word) < SHORTEST_COMPOUND:
        return
    for end in range(SHORTEST_FIRST_PART, len(word)):
        part = word[:end]
        if len(part) >= SHORTEST_KNOWN or part in PARTS or word[end:] in PARTS:
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
