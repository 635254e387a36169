"""Where in a text is what was looked for? Pieces of the text as it is written, and never any markup."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from services.catalog.search_shown import Highlights, Piece
from services.catalog.search_words import Words

PASSAGE, BEFORE = 240, 80
CUT = "…"

type Span = tuple[int, int]


def highlights(
    words: Words, looked_for: Collection[int], title: str, summary: str | None, rest: str
) -> Highlights | None:
    """The texts that hold any of the words, marked; of the rest a passage. None when nothing does."""
    tokens = [token for number in looked_for for token in words.written(number)]
    found = Highlights(
        title=_marked(tokens, title), summary=_marked(tokens, summary or ""), text=_passage(tokens, rest)
    )
    return found if found.title or found.summary or found.text else None


def _marked(tokens: Sequence[str], text: str) -> tuple[Piece, ...] | None:
    """The whole text in pieces, or None when nothing in it is marked."""
    pieces: list[Piece] = []
    end = 0
    for begin, stop in _spans(tokens, text):
        if begin < end:  # within a word that is marked: „Bau“ before the soft hyphen of „Bau\u00adhof“
            continue
        if begin > end:
            pieces.append(Piece(text[end:begin], mark=False))
        pieces.append(Piece(text[begin:stop], mark=True))
        end = stop
    if not pieces:
        return None
    if end < len(text):
        pieces.append(Piece(text[end:], mark=False))
    return tuple(pieces)


def _passage(tokens: Sequence[str], text: str) -> tuple[Piece, ...] | None:
    """Some of the text around what is found first in it."""
    firsts = (next(_places(token, text), None) for token in tokens)
    first = min(filter(None, firsts), key=_longest_first, default=None)
    if first is None:
        return None
    begin = _word_begin(text, max(0, first[0] - BEFORE))
    stop = _word_end(text, max(first[1], begin + PASSAGE))
    pieces = _marked(tokens, " ".join(text[begin:stop].split())) or ()
    before = (Piece(f"{CUT} ", mark=False),) if begin else ()
    after = (Piece(f" {CUT}", mark=False),) if stop < len(text) else ()
    return (*before, *pieces, *after)


def _spans(tokens: Iterable[str], text: str) -> list[Span]:
    """Where the words stand, in order; of those that begin at one place the longest first."""
    return sorted((span for token in tokens for span in _places(token, text)), key=_longest_first)


def _places(token: str, text: str) -> Iterator[Span]:
    """Where a word stands by itself, and not in a longer one: as `search_words.TOKEN` tells words apart."""
    at = text.find(token)
    while at >= 0:
        end = at + len(token)
        if not (text[end : end + 1].isalnum() or (at and text[at - 1].isalnum())):
            yield at, end
        at = text.find(token, end)


def _longest_first(span: Span) -> tuple[int, int]:
    begin, end = span
    return begin, -end


def _word_begin(text: str, at: int) -> int:
    """Where the word at a place begins, or the next one."""
    if at == 0:
        return 0
    space = text.find(" ", at)
    return at if space < 0 else space + 1


def _word_end(text: str, at: int) -> int:
    if at >= len(text):
        return len(text)
    space = text.rfind(" ", 0, at)
    return at if space < 0 else space
