"""What a query in words asks for: words, "phrases", -exclusions. Every text is a query; some ask for nothing.

Quotes may be those of any language, as word processors and telephones make them: „Phrase“, «Phrase».
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from services.catalog.german import STOP
from services.catalog.naming import spelled
from services.catalog.search_words import TOKEN

QUOTES = str.maketrans(dict.fromkeys("„“”‟«»", '"'))
CHUNK = re.compile(r'(?P<minus>(?<!\S)-)?(?:"(?P<phrase>[^"]*)"|(?P<words>[^\s"]+))')
EPITHET = re.compile(r".*(?:stadt|gemeinde)")
BEFORE_EPITHETS = frozenset({"alte", "freie"})


@dataclass(frozen=True, slots=True)
class Asked:
    """A query, taken apart. `strict`: it has signs, so that it means just what it says.

    `words` are spellings, each once, and `typed` as they were written; `phrases` and `without` are sequences of them.
    """

    words: tuple[str, ...] = ()
    phrases: tuple[tuple[str, ...], ...] = ()
    without: tuple[tuple[str, ...], ...] = ()
    typed: tuple[str, ...] = field(default=(), compare=False)

    @property
    def empty(self) -> bool:
        """Whether nothing is asked for: signs only, or no text at all."""
        return not (self.words or self.phrases or self.without)

    @property
    def strict(self) -> bool:
        """Whether signs say that just this is meant."""
        return bool(self.phrases or self.without)


def asked(q: str, places: Collection[str] = ()) -> Asked:
    """Takes a query apart. Words that say nothing are left out where others say something.

    So are epithets before a name that begins as one of `places` does: „Alte Hansestadt Lemgo“.
    """
    words: list[str] = []
    phrases: list[tuple[str, ...]] = []
    without: list[tuple[str, ...]] = []
    for minus, is_phrase, found in _chunks(q):
        if minus:
            without.append(found)
        elif is_phrase and len(found) > 1:
            phrases.append(found)
        else:
            words += found
    words = _without_epithets(words, places)
    telling = [word for word in words if word not in STOP]
    kept = telling if telling or phrases or without else words
    typed = {spelled(token): token for token in reversed(TOKEN.findall(q))}
    once = tuple(dict.fromkeys(kept))
    return Asked(once, tuple(phrases), tuple(without), tuple(typed[word] for word in once))


def _chunks(q: str) -> Iterator[tuple[bool, bool, tuple[str, ...]]]:
    q = q.translate(QUOTES)
    balanced = q if q.count('"') % 2 == 0 else q.replace('"', " ")
    for chunk in CHUNK.finditer(balanced):
        phrase = chunk["phrase"]
        found = tuple(spelled(token) for token in TOKEN.findall(chunk["words"] if phrase is None else phrase))
        if found:
            yield bool(chunk["minus"]), phrase is not None, found


def _without_epithets(words: list[str], places: Collection[str]) -> list[str]:
    kept: list[str] = []
    for word, following in pairwise([*words, ""]):
        if following in places and EPITHET.fullmatch(word) and word not in places:
            while kept and kept[-1] in BEFORE_EPITHETS:
                kept.pop()
        else:
            kept.append(word)
    return kept
