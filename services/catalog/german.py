"""How German words belong together: stems, compounds and their parts, words that an umlaut tells apart.

Words are in the spelling of `naming.spelled` (ä is ae, ß is ss); their bare form has no umlauts at all.
"""

import tomllib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import Stemmer

from services.catalog.naming import bare, folded, spelled

LISTS = tomllib.loads(Path(__file__).with_name("german.toml").read_text("utf-8"))
PARTS = frozenset(spelled(LISTS["parts"]).split())
STOP = frozenset(spelled(LISTS["stop"]).split())
LINKS = ("", "s", "es", "n", "en", "er", "e")
LINKS_BY_LENGTH = sorted(LINKS, key=len)
SHORTEST_PART, SHORTEST_HEAD, LONGEST = 3, 4, 60
REMEMBERED = 20_000
LONGEST_ENDING = 2
LONG_PAIR = 7  # shorter words begin or end too many others

_STEMMER = Stemmer.Stemmer("german")
_PAIRS = frozenset(folded(LISTS["pairs"].replace(",", " ")).split())
_PAIR_STEMS = frozenset(_STEMMER.stemWords(sorted(_PAIRS)))
_LONG_PAIRS = tuple(word for word in _PAIRS if len(word) >= LONG_PAIR)


@lru_cache(REMEMBERED)
def stem(spelling: str) -> str:
    """What the forms of a word have in common: Häuser, Haus; but not Forderung and Förderung."""
    plain = bare(spelling)
    found = _snowball(plain)
    if not told_apart(spelling):
        return found
    cut = len(plain) - len(found) if plain.startswith(found) else 0
    return spelling[: len(spelling) - cut]


@lru_cache(REMEMBERED)
def told_apart(spelling: str) -> bool:
    """Whether the umlaut matters: in the words of the pairs, their forms, and compounds with the longer of them."""
    plain = bare(spelling)
    return _snowball(plain) in _PAIR_STEMS or any(
        plain.startswith(word) or plain.endswith((word, f"{word}en")) for word in _LONG_PAIRS
    )


def _snowball(plain: str) -> str:
    return str(_STEMMER.stemWord(plain))


def split(word: str, known: Callable[[str], bool]) -> tuple[str, ...]:
    """The parts of a compound, or nothing: all of them `known`, or the last one a part of many compounds.

    Hochwasserschutz: hochwasser, schutz. Between parts a linking s, n, en … may stand. The fewest parts win.
    """
    if not 2 * SHORTEST_PART <= len(word) <= LONGEST:
        return ()
    whole = _all_known(word, known)
    if whole and len(whole) > 1:
        return whole
    for at in range(SHORTEST_HEAD, len(word) - SHORTEST_HEAD):
        if word[at:] in PARTS:
            return word[:at], word[at:]
    return ()


def _all_known(word: str, known: Callable[[str], bool]) -> tuple[str, ...] | None:
    """The fewest known parts that make up a word, longer ones first; the word itself does not count as its part."""
    best: list[tuple[str, ...] | None] = [None] * len(word) + [()]
    ends = _ends(word, len(word))
    for start in range(len(word) - SHORTEST_PART, -1, -1):
        for end in ends:
            if end < start + SHORTEST_PART:
                break
            part = word[start:end]
            if (start or end < len(word) - LONGEST_ENDING) and (part in PARTS or known(part)):
                _improve(best, word, start, end)
        if best[start] is not None:
            ends = sorted({*ends, *_ends(word, start)}, reverse=True)
    return best[0]


def _ends(word: str, start: int) -> list[int]:
    """Where a part may end so that, whatever links them, the next one begins here; the last first."""
    return [start - len(link) for link in LINKS_BY_LENGTH if word.endswith(link, 0, start)]


def _improve(best: list[tuple[str, ...] | None], word: str, start: int, end: int) -> None:
    """Takes word[start:end] for a part where that makes fewer of them, whatever links it to the rest or ends it."""
    for link in LINKS:
        rest = best[end + len(link)] if word.startswith(link, end) else None
        if rest is None:
            continue
        now = best[start]
        if now is None or len(rest) + 1 < len(now):
            best[start] = (word[start:end], *rest)
