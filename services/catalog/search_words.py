"""The words of everything that can be searched, and which of them are meant by one that somebody wrote."""

import re
from array import array
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter

from rapidfuzz import process
from rapidfuzz.distance import OSA

from services.catalog.german import split, stem, told_apart
from services.catalog.naming import UNSEEN, bare, spelled

TOKEN = re.compile(rf"[^\W_]+(?:[\u0300-\u036f{UNSEEN}]+[^\W_]*)*")  # with what is written on letters, or unseen
GAP = 0  # the number that stands between texts, so that no phrase reaches from one into the next
SHORTEST_BEGINNING = 3
SHORTEST_PART, SHORTEST_END, SHORTEST_HEAD = 4, 5, 4
SHORTEST_KNOWN = 5
SHORTEST_MISTYPED, SHORTEST_TWICE_MISTYPED = 4, 8
SHORTEST_SLIP = 7  # letters that a word in a text must have to count as a slip of another
MOST_RESEMBLING = 12
MOST_HOLDING = 500


@dataclass(frozen=True, slots=True)
class Word:
    """A word as the catalogue has it: its spelling, its bare form, its stem, and how it was first written."""

    spelling: str
    bare: str
    stem: str
    written: str


class Words:
    """Numbers for words, from 1 on, and ways to find those that belong to another. It only ever grows.

    Words of a few texts `among` those of many know what compounds are made of as the many do.
    """

    def __init__(self, among: "Words | None" = None) -> None:
        self._among = among
        self._words: list[Word | None] = [None]
        self._numbers: dict[str, int] = {}
        self._tokens: dict[str, int] = {}
        self._variants: defaultdict[int, list[str]] = defaultdict(list)
        self._stems: defaultdict[str, list[int]] = defaultdict(list)
        self._bare: defaultdict[str, list[int]] = defaultdict(list)
        self._sorted: list[str] = []
        self._lengths: defaultdict[int, list[str]] = defaultdict(list)
        self._alike: defaultdict[tuple[int, str], list[str]] = defaultdict(list)
        self._unsorted: list[str] = []
        self._joined = ""
        self._splits: dict[str, tuple[str, ...]] = {}
        self._holding: dict[str, list[int]] = {}
        """The compounds of what was asked for last, until there are other words."""

    def __len__(self) -> int:
        return len(self._words)

    def __getitem__(self, number: int) -> Word:
        word = self._words[number]
        assert word is not None
        return word

    def numbers(self, text: str) -> array[int]:
        """The words of a text in order; new ones are taken up."""
        tokens = self._tokens
        return array("I", [tokens.get(token) or self._take(token) for token in TOKEN.findall(text)])

    def written(self, number: int) -> tuple[str, ...]:
        """Every way in which a word is written in texts that were taken up."""
        return self[number].written, *self._variants.get(number, ())

    def same(self, spelling: str) -> list[int]:
        """The word itself, if it is known."""
        number = self._numbers.get(spelling)
        return [number] if number else []

    def forms(self, spelling: str) -> list[int]:
        """Other forms and other spellings of a word."""
        key = stem(spelling)
        return [*self._stems.get(key, ()), *(() if told_apart(spelling) else self._bare.get(bare(spelling), ()))]

    def beginning(self, spelling: str) -> list[int]:
        """Words that begin so."""
        if len(spelling) < SHORTEST_BEGINNING:
            return []
        self._settle()
        start = bare(spelling)
        begin = bisect_left(self._sorted, start)
        end = bisect_left(self._sorted, start + "\U0010ffff")
        found = [number for word in self._sorted[begin:end] for number in self._bare[word]]
        if told_apart(spelling):
            return [number for number in found if self[number].spelling.startswith(spelling)]
        return found

    def holding(self, spelling: str) -> list[int]:
        """Compounds that a word is a part of."""
        if spelling not in self._holding:
            if len(self._holding) >= MOST_HOLDING:
                self._holding.clear()
            self._holding[spelling] = self._compounds(spelling)
        return self._holding[spelling]

    def _compounds(self, spelling: str) -> list[int]:
        self._settle()
        key = stem(spelling)
        plain = bare(key)
        if len(plain) < SHORTEST_PART - 1:
            return []
        numbers = (number for word in self._containing(plain) for number in self._bare[word])
        apart = told_apart(spelling)
        return [n for n in numbers if not (apart and key not in self[n].spelling) and self._is_part(key, self[n])]

    def parts(self, spelling: str) -> tuple[str, ...]:
        """The parts of a compound, whether it is known or not."""
        return split(spelling, self.known)

    def within(self, word: Word) -> tuple[str, ...]:
        """The parts that a word of texts is found by."""
        if self._among is not None:
            return self._among.within(word)
        if word.spelling not in self._splits:
            self._splits[word.spelling] = split(word.spelling, self.known)
        return self._splits[word.spelling]

    def known(self, spelling: str) -> bool:
        """Whether compounds may be made of it."""
        if self._among is not None:
            return self._among.known(spelling)
        return len(spelling) >= SHORTEST_KNOWN and spelling in self._numbers

    def resembling(self, spelling: str) -> list[tuple[int, int]]:
        """Words that differ by a slip, in long ones by two: (number, slips), the most alike first."""
        plain = bare(spelling)
        if len(plain) < SHORTEST_MISTYPED or plain.isdigit():
            return []
        most = 2 if len(plain) >= SHORTEST_TWICE_MISTYPED else 1
        choices = [self._lengths[len(plain) + n] for n in range(-most, most + 1)]
        return [
            (n, slips)
            for word, slips in _near(plain, choices, most)
            for n in self._not_its_twin(spelling, self._bare[word])
        ]

    def slips(self, spelling: str) -> list[int]:
        """Words of texts that are most likely slips of this one: long, and a single slip away."""
        plain = bare(spelling)
        if len(plain) < SHORTEST_SLIP or plain.isdigit():
            return []
        choices = [self._alike[len(plain) + n, plain[0]] for n in (-1, 0, 1)]
        return [
            number for word, _ in _near(plain, choices, 1) for number in self._not_its_twin(spelling, self._bare[word])
        ]

    def beginning_like(self, spelling: str) -> list[int]:
        """Words that begin almost so; the first letter is right."""
        self._settle()
        plain = bare(spelling)
        if len(plain) < SHORTEST_MISTYPED:
            return []
        begin, end = bisect_left(self._sorted, plain[0]), bisect_left(self._sorted, plain[0] + "\U0010ffff")
        beginnings = dict.fromkeys(
            word[: len(plain) + more] for word in self._sorted[begin:end] for more in (0, 1) if len(word) >= len(plain)
        )
        found = [number for word, _ in _near(plain, [list(beginnings)], 1) for number in self.beginning(word)]
        return self._not_its_twin(spelling, found)

    def _not_its_twin(self, spelling: str, numbers: Iterable[int]) -> list[int]:
        """Without what an umlaut tells apart from the word asked for."""
        if not told_apart(spelling):
            return list(numbers)
        return [number for number in numbers if not told_apart(self[number].spelling)]

    def _take(self, token: str) -> int:
        spelling = spelled(token)
        number = self._numbers.get(spelling)
        if number is None:
            number = self._new(Word(spelling, bare(spelling), stem(spelling), token))
        else:
            self._variants[number].append(token)
        self._tokens[token] = number
        return number

    def _new(self, word: Word) -> int:
        number = len(self._words)
        self._words.append(word)
        self._numbers[word.spelling] = number
        self._stems[word.stem].append(number)
        if word.bare not in self._bare:
            self._lengths[len(word.bare)].append(word.bare)
            self._alike[len(word.bare), word.bare[0]].append(word.bare)
            self._unsorted.append(word.bare)
        self._bare[word.bare].append(number)
        self._holding.clear()
        return number

    def _settle(self) -> None:
        """Brings what came since the last time into order."""
        if not self._unsorted:
            return
        if len(self._unsorted) > 1000:
            self._sorted = sorted(self._sorted + self._unsorted)
        else:
            for word in self._unsorted:
                insort(self._sorted, word)
        self._joined += "".join(f"\n{word}" for word in self._unsorted)
        self._unsorted = []

    def _containing(self, letters: str) -> Iterator[str]:
        """Every bare word that holds these letters, beginnings aside."""
        at = self._joined.find(letters)
        while at >= 0:
            begin = self._joined.rfind("\n", 0, at) + 1
            end = self._joined.find("\n", at)
            end = len(self._joined) if end < 0 else end
            if at > begin:
                yield self._joined[begin:end]
            at = self._joined.find(letters, end)

    def _is_part(self, key: str, word: Word) -> bool:
        if len(key) >= SHORTEST_END and len(word.stem) - len(key) >= SHORTEST_HEAD and word.stem.endswith(key):
            return True
        return any(stem(part) == key for part in self.within(word))


def holds(word: Word, key: str) -> bool:
    """Whether the letters of a stem stand in a word, but not first where it begins; few letters say nothing."""
    plain = bare(key)
    return len(plain) >= SHORTEST_PART - 1 and word.bare.find(plain) > 0


def _near(plain: str, choices: Iterable[Sequence[str]], most: int) -> Iterator[tuple[str, int]]:
    """The most alike of some words, in several lists; of those that are as much so, the first."""
    found = [
        (word, int(slips))
        for some in choices
        for word, slips, _ in process.extract(
            plain, some, scorer=OSA.distance, score_cutoff=most, limit=MOST_RESEMBLING, processor=None
        )
    ]
    best = sorted(found, key=itemgetter(1))[:MOST_RESEMBLING]
    return ((word, slips) for word, slips in best if word != plain)
