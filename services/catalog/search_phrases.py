"""Which projects have words one after the other? Found out text by text, in small steps, and remembered.

Bitmaps know which words a text has, not where. Two words of every third text stand together in many texts, and not in
many others: whoever answers questions looks into some, lets others have their turn, and goes on (`steps`). What was
found stays, and a project that changes is looked into again.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise

from pyroaring import BitMap

from services.catalog.search_index import NONE, WIDTH, Forms, Index, Phrase
from services.catalog.search_query import asked

AT_ONCE = 2048
MOST_KEPT = 64


def phrases_in(index: Index, q: str | None) -> list[tuple[Forms, ...]]:
    """The words that must, or must not, stand together to fit a query."""
    query = asked(q or "", index.names.places)
    return [forms_of(index, words) for words in (*query.phrases, *query.without) if len(words) > 1]


def forms_of(index: Index, words: Iterable[str]) -> tuple[Forms, ...]:
    """Every form in which each of some words is known."""
    return tuple(frozenset([*index.words.same(word), *index.words.forms(word)]) for word in words)


def steps(index: Index, words: tuple[Forms, ...]) -> Iterator[None]:
    """Looks into all texts that must be looked into, some at each step."""
    phrase = _phrase(index, words)
    while phrase.unseen:
        _step(index, words, phrase)
        yield


def standing_together(index: Index, words: tuple[Forms, ...]) -> BitMap:
    """The documents that have them one after the other in a text; what no step has looked into yet is looked into."""
    phrase = _phrase(index, words)
    while phrase.unseen:
        _step(index, words, phrase)
    return phrase.documents


def run(text: Sequence[int], words: Sequence[Forms]) -> bool:
    """Whether they stand in a text one after the other."""
    return any(
        all(text[start + n] in forms for n, forms in enumerate(words)) for start in range(len(text) - len(words) + 1)
    )


def in_texts(index: Index, numbers: Iterable[int], within: BitMap | None = None) -> BitMap:
    """The documents that have any of these words in their texts."""
    sets = [tier[number] for number in numbers for tier in index.tiers if number in tier]
    if within is not None:
        sets = [documents & within for documents in sets]
    return BitMap.union(*sets) if sets else NONE


def _phrase(index: Index, words: tuple[Forms, ...]) -> Phrase:
    """What is known of it; the phrases that were asked for last are kept."""
    phrase = index.phrases.pop(words, None)
    if phrase is None:
        phrase = Phrase(unseen=BitMap.intersection(*(in_texts(index, forms) for forms in words)))
        for oldest in list(index.phrases)[: len(index.phrases) + 1 - MOST_KEPT]:
            del index.phrases[oldest]
    index.phrases[words] = phrase
    return phrase


def _step(index: Index, words: tuple[Forms, ...], phrase: Phrase) -> None:
    some = BitMap(list(islice(phrase.unseen, AT_ONCE)))
    phrase.unseen -= some
    phrase.documents -= some
    phrase.documents |= _holding(index, words, some)


def _holding(index: Index, words: tuple[Forms, ...], some: BitMap) -> BitMap:
    """Those of some documents that have the words together."""
    left = some
    for one, following in pairwise(words):
        left = _pair(index, one, following, left)
    if len(words) == len(("one", "following")):
        return left
    return BitMap([document for document in left if run(index.tokens(document), words)])


def _pair(index: Index, one: Forms, following: Forms, some: BitMap) -> BitMap:
    """Those of some documents that have a form of one word before a form of another."""
    found = BitMap()
    packed = index.packed
    seconds = {number: in_texts(index, [number], some) for number in following}
    for number in one:
        first = in_texts(index, [number], some)
        for other, second in seconds.items():
            sequence = array("I", [number, other]).tobytes()
            found |= BitMap(
                [
                    each
                    for each in (first & second) - found
                    if (at := packed(each).find(sequence)) % WIDTH == 0
                    or (at > 0 and _stands_behind(at, packed(each), sequence))
                ]
            )
    return found


def _stands_behind(at: int, packed: bytes, sequence: bytes) -> bool:
    """Whether it stands there, too, where the end of one number and the beginning of another were taken for it."""
    while at % WIDTH and at >= 0:
        at = packed.find(sequence, at + 1)
    return at >= 0
