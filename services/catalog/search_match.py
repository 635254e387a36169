"""Which projects does a query in words find, and how well? Sets of documents by score; nothing is guessed.

A word scores by where it stands and by how much it is the one asked for: the word itself, another form of it, a word
that begins so or a compound of it, a likely slip. The score of a document is the sum over the query's words: it hangs
on nothing but the document, so that pages fit together while others come and go.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from pyroaring import BitMap

from services.catalog.german import STOP
from services.catalog.search_index import NONE, Forms, Found, Index, Levels
from services.catalog.search_phrases import forms_of, in_texts, run, standing_together
from services.catalog.search_query import Asked, asked
from services.catalog.search_words import GAP

WEIGHTS, NAMES_WEIGHT = (6, 3, 1), 2
ITSELF, FORM, PART, SLIP = 4, 3, 2, 1
LITTLE = 2
MUCH_MORE = 10
IN_TEXT_TOO = 1  # more for a word of a topic's or an organisation's name that the project writes, too


@dataclass(frozen=True, slots=True)
class _Word:
    levels: Levels
    numbers: frozenset[int]
    instead: str | None = None

    @property
    def documents(self) -> BitMap:
        return _union(self.levels.values())


def match(index: Index, q: str | None, within: BitMap, *, strict: bool = False) -> Found:
    """What a query finds among some documents; with `strict` as if its signs said that just this is meant."""
    if q is None or not q.strip():
        return Found(within)
    query = asked(q, index.names.places)
    if query.empty:
        return Found(NONE, {})
    strict = strict or query.strict
    words = [_word(index, spelling, within, strict=strict) for spelling in query.words]
    phrases = [_phrase(index, phrase, within) for phrase in query.phrases]
    levels, complete = _together([each.levels for each in (*words, *phrases)], within, strict=strict)
    for sequence in query.without:
        levels = _less(levels, _documents_with(index, sequence, within))
    hits = _union(levels.values())
    return Found(
        hits,
        levels,
        frozenset(chain.from_iterable(each.numbers for each in (*words, *phrases))),
        None if strict else _corrected(index, query, words, hits, within),
        complete,
    )


def _word(index: Index, spelling: str, within: BitMap, *, strict: bool) -> _Word:
    words = index.words
    if spelling in STOP:
        return _graded(index, [(ITSELF, words.same(spelling))], within)
    itself, forms = words.same(spelling), words.forms(spelling)
    grades = [(ITSELF, itself), (FORM, forms), (PART, _related(index, spelling))]
    if (itself or forms) and not strict:
        grades.append((SLIP, words.slips(spelling)))
    found = _graded(index, grades, within, _of_parts(index, spelling, within))
    if found.levels or strict or any(number in index.names.holders for number in itself):
        return found
    return _mistyped(index, spelling, within)


def _mistyped(index: Index, spelling: str, within: BitMap) -> _Word:
    """The words that resemble one that nobody wrote; of those, the most alike that anybody did write.

    What has that name, though no project does, was not mistyped: Köln is no Kolonne.
    """
    best: list[int] = []
    fewest = 0
    for number, slips in index.words.resembling(spelling):
        if (not best or slips == fewest) and _anywhere(index, [number], within):
            best.append(number)
            fewest = slips
    if not best:
        best = index.words.beginning_like(spelling)
    meant = [index.words[number].spelling for number in best]
    near = chain.from_iterable((*index.words.forms(each), *_related(index, each)) for each in meant)
    found = _graded(index, [(PART, best), (SLIP, near)], within)
    have = {number: len(_anywhere(index, [number], within)) for number in best}
    most = max(have, key=have.__getitem__, default=GAP)
    return _Word(found.levels, found.numbers, index.words[most].written if have.get(most) else None)


def _related(index: Index, spelling: str) -> Iterator[int]:
    """Words that begin so, and compounds of it."""
    return chain(index.words.beginning(spelling), index.words.holding(spelling))


def _of_parts(index: Index, spelling: str, within: BitMap) -> BitMap:
    """Documents that have all parts of a compound, each for itself or in other compounds."""
    parts = index.words.parts(spelling)
    if not parts:
        return NONE
    words = index.words
    sets = [_anywhere(index, [*words.same(part), *words.forms(part), *words.holding(part)], within) for part in parts]
    return BitMap.intersection(*sets)


def _graded(
    index: Index, grades: Sequence[tuple[int, Iterable[int]]], within: BitMap, by_parts: BitMap = NONE
) -> _Word:
    sets: defaultdict[int, list[BitMap]] = defaultdict(list)
    seen: set[int] = set()
    for grade, numbers in grades:
        fresh = set(numbers) - seen
        seen |= fresh
        for tier, weight in zip(index.tiers, WEIGHTS, strict=True):
            sets[grade * weight] += [tier[number] for number in fresh if number in tier]
        if named := _named(index, fresh):
            sets[grade * NAMES_WEIGHT] += named
            sets[grade * NAMES_WEIGHT + IN_TEXT_TOO].append(_union(named) & in_texts(index, seen))
    sets[SLIP].append(by_parts)
    levels: Levels = {}
    before = NONE
    for score in sorted(sets, reverse=True):
        documents = (_union(sets[score]) & within) - before
        if documents:
            levels[score] = documents
            before = before | documents
    return _Word(levels, frozenset(seen))


def _named(index: Index, numbers: Iterable[int]) -> list[BitMap]:
    """Documents of topics and organisations whose names hold one of the words."""
    holders = index.names.holders
    return [index.facets[facet].get(value, NONE) for number in numbers for facet, value in holders.get(number, ())]


def _anywhere(index: Index, numbers: Sequence[int], within: BitMap) -> BitMap:
    texts = [tier[number] for number in numbers for tier in index.tiers if number in tier]
    return _union([*texts, *_named(index, numbers)]) & within


def _together(each: Sequence[Levels], within: BitMap, *, strict: bool) -> tuple[Levels, bool]:
    """Documents that have everything; where there are none, those that miss as few words as can be."""
    if not each:
        return {0: within}, True
    levels = _all(each)
    if levels or strict:
        return levels, True
    some = [one for one in each if one]
    levels = _all(some)
    if levels or len(some) < LITTLE:
        return levels, len(some) == len(each)
    return _most(some), False


def _all(each: Sequence[Levels]) -> Levels:
    """The documents in every one of them, by the sum of their scores."""
    if not each:
        return {}
    rarest_first = sorted(each, key=lambda levels: sum(map(len, levels.values())))
    sums = rarest_first[0]
    for levels in rarest_first[1:]:
        sums = _sum(sums, levels)
    return sums


def _sum(one: Levels, other: Levels) -> Levels:
    sets: defaultdict[int, list[BitMap]] = defaultdict(list)
    for score, documents in one.items():
        for more, others in other.items():
            both = documents & others
            if both:
                sets[score + more].append(both)
    return {score: _union(sets[score]) for score in sorted(sets, reverse=True)}


def _most(each: Sequence[Levels]) -> Levels:
    """The documents that miss one of several words, by the best sum of the others; of two words, those with either."""
    sets: defaultdict[int, list[BitMap]] = defaultdict(list)
    for left_out in range(len(each)):
        for score, documents in _all([*each[:left_out], *each[left_out + 1 :]]).items():
            sets[score].append(documents)
    levels: Levels = {}
    before = NONE
    for score in sorted(sets, reverse=True):
        levels[score] = _union(sets[score]) - before
        before = before | levels[score]
    return {score: documents for score, documents in levels.items() if documents}


def _less(levels: Levels, without: BitMap) -> Levels:
    kept = {score: documents - without for score, documents in levels.items()}
    return {score: documents for score, documents in kept.items() if documents}


def _phrase(index: Index, phrase: Sequence[str], within: BitMap) -> _Word:
    """Where the words stand one after the other, in any form: in a text, or in the name of a topic or a body."""
    numbers = forms_of(index, phrase)
    documents = _standing_together(index, numbers, within)
    levels: Levels = {}
    before = NONE
    for tier, weight in enumerate(WEIGHTS):
        here = BitMap.intersection(
            *(_union(index.tiers[tier][n] for n in word if n in index.tiers[tier]) for word in numbers)
        )
        better = (here & documents) - before
        if better:
            levels[weight * ITSELF * len(phrase)] = better
            before = before | better
    if rest := documents - before:
        levels[SLIP] = levels.get(SLIP, NONE) | rest
    return _Word(levels, frozenset(chain.from_iterable(numbers)))


def _standing_together(index: Index, words: tuple[Forms, ...], within: BitMap) -> BitMap:
    """In a text, or in the name of a topic or a body."""
    if not all(words):
        return NONE
    return (standing_together(index, words) | _union(_in_names(index, words))) & within


def _in_names(index: Index, words: Sequence[Forms]) -> Iterator[BitMap]:
    holders = index.names.holders
    first = {pair for number in words[0] for pair in holders.get(number, ())}
    for facet, value in first:
        if any(run(index.words.numbers(name), words) for name in index.names.names_of(facet, value)):
            yield index.facets[facet].get(value, NONE)


def _documents_with(index: Index, sequence: Sequence[str], within: BitMap) -> BitMap:
    numbers = forms_of(index, sequence)
    if len(sequence) == 1:
        return _anywhere(index, sorted(numbers[0]), within)
    return _standing_together(index, numbers, within)


def _corrected(index: Index, query: Asked, words: Sequence[_Word], hits: BitMap, within: BitMap) -> str | None:
    """The query with words in it that many wrote, in the place of those that hardly anybody did."""
    if len(hits) > LITTLE and not any(word.instead for word in words):
        return None
    now = [
        word.instead or _better(index, spelling, word, within)
        for spelling, word in zip(query.words, words, strict=True)
    ]
    if not any(now):
        return None
    return " ".join(better or typed for better, typed in zip(now, query.typed, strict=True))


def _better(index: Index, spelling: str, word: _Word, within: BitMap) -> str | None:
    have = len(word.documents)
    if have > LITTLE:
        return None
    counts = [(len(_anywhere(index, [number], within)), number) for number, _ in index.words.resembling(spelling)]
    most, number = max(counts, default=(0, 0))
    return index.words[number].written if most >= MUCH_MORE * max(have, 1) else None


def _union(sets: Iterable[BitMap]) -> BitMap:
    gathered = list(sets)
    return BitMap.union(*gathered) if gathered else NONE
