"""Which sessions have words that hold what is looked for? Their words beside the texts, so that few texts are read.

Filled by the projection of sessions (`session_list.py`). `session_word` has every word that a session ever had, once:
it is small and looked through whole for parts of words. `session_words` has the words of each session as they are.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from shared.kernel.postgres import Connection, Pool

TABLES = ("session_word", "session_words")
LEARN = "INSERT INTO session_word (word) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING"
KEEP = """
INSERT INTO session_words (session_id, version, words)
SELECT session_id, version, array_to_tsvector(words)
FROM jsonb_to_recordset($1::jsonb) AS s(session_id text, version bigint, words text[])
ON CONFLICT (session_id) DO UPDATE SET version = excluded.version, words = excluded.words
WHERE session_words.version < excluded.version
"""
# $1 parts of words as patterns, $2 so many words and one more: a part of more of them is looked for in the texts
HOLDING = """
SELECT part.number, holding.word
FROM unnest($1::text[]) WITH ORDINALITY AS part (pattern, number)
CROSS JOIN LATERAL (SELECT word FROM session_word WHERE word LIKE part.pattern LIMIT $2) AS holding
"""

LONGEST = 200
MOST_PARTS = 5
MOST_WORDS = 300

_QUOTED = re.compile(r'["„“”]([^"„“”]*)["“”]')
_QUOTES = str.maketrans(dict.fromkeys('"„“”', " "))
_WILD = re.compile(r"([\\%_])")


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for, as words of which a session must have some (a `tsquery`) and as patterns of its text.

    `words` is None where they do not tell: of quotations, of many words, of parts that too many words have. Both are
    None when nothing is looked for.
    """

    words: str | None = None
    patterns: list[str] | None = None


def text_of(parts: Iterable[str | None]) -> str:
    """A text as it is searched: case does not count, and blanks are alike."""
    return " ".join(" ".join(filter(None, parts)).casefold().split())


def words_of(text: str) -> set[str]:
    """What stands between blanks; of what is very long, pieces that overlap enough for every part."""
    return {piece for word in text.split() for piece in _pieces(word)}


def _pieces(word: str) -> Iterable[str]:
    if len(word) <= 2 * LONGEST:
        return (word,)
    return (word[start : start + 2 * LONGEST] for start in range(0, len(word) - LONGEST, LONGEST))


def phrases_of(q: str) -> list[str]:
    """What must be found, the longest first: each word alone, what stands in quotation marks together."""
    text = q.casefold()
    quoted = [" ".join(found.split()) for found in _QUOTED.findall(text)]
    alone = _QUOTED.sub(" ", text).translate(_QUOTES).split()
    return sorted({phrase for phrase in quoted + alone if phrase}, key=lambda phrase: (-len(phrase), phrase))


class Said:
    """What a batch of events says: every word in it, and what the texts of each session are in the end."""

    def __init__(self) -> None:
        self.words: set[str] = set()
        self.rows: dict[str, dict[str, object]] = {}

    def say(self, session_id: str, version: int, text: str) -> None:
        """The text of a session from this version on."""
        words = words_of(text)
        self.words |= words
        self.rows[session_id] = {"session_id": session_id, "version": version, "words": sorted(words)}


async def keep(connection: Connection, said: Said) -> None:
    """Keeps the words that there are, and those that each session has."""
    if said.rows:
        await connection.execute(LEARN, sorted(said.words))  # sorted: who waits for another does so in one direction
        await connection.execute(KEEP, list(said.rows.values()))


async def sought(pool: Pool, q: str | None) -> Sought:
    """What a search looks for, by the words that are known."""
    phrases = phrases_of(q) if q else []
    if not phrases:
        return Sought()
    patterns = [_pattern(phrase) for phrase in phrases]
    if len(phrases) > MOST_PARTS or any(" " in phrase or len(phrase) > LONGEST for phrase in phrases):
        return Sought(patterns=patterns)
    holding: list[list[str]] = [[] for _ in phrases]
    for row in await pool.fetch(HOLDING, patterns, MOST_WORDS + 1):
        holding[row["number"] - 1].append(row["word"])
    if any(len(words) > MOST_WORDS for words in holding):
        return Sought(patterns=patterns)
    # What no word holds stands for itself: no session has it.
    wanted = (words or [phrase] for phrase, words in zip(phrases, holding, strict=True))
    return Sought(" & ".join(f"({' | '.join(map(_lexeme, words))})" for words in wanted), patterns)


def _pattern(part: str) -> str:
    return f"%{_WILD.sub(r'\\\1', part)}%"


def _lexeme(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"
