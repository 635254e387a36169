"""Where in a text is what was looked for? Pieces of the text as it is written, and never any markup."""

from collections.abc import Collection, Iterator

from services.catalog.search_shown import Highlights, Piece
from services.catalog.search_words import TOKEN, Words

PASSAGE, BEFORE = 240, 80
CUT = "…"


def highlights(
    words: Words, looked_for: Collection[int], title: str, summary: str | None, rest: str
) -> Highlights | None:
    """The texts that hold any of the words, marked; of the rest a passage. None when nothing does."""
    if not looked_for:
        return None
    found = Highlights(
        title=_marked(words, looked_for, title),
        summary=_marked(words, looked_for, summary or ""),
        text=_passage(words, looked_for, rest),
    )
    return found if found.title or found.summary or found.text else None


def _marked(words: Words, looked_for: Collection[int], text: str) -> tuple[Piece, ...] | None:
    """The whole text in pieces, or None when nothing in it is marked."""
    pieces: list[Piece] = []
    end = 0
    for begin, stop in _places(words, looked_for, text):
        if begin > end:
            pieces.append(Piece(text=text[end:begin], mark=False))
        pieces.append(Piece(text=text[begin:stop], mark=True))
        end = stop
    if not pieces:
        return None
    if end < len(text):
        pieces.append(Piece(text=text[end:], mark=False))
    return tuple(pieces)


def _passage(words: Words, looked_for: Collection[int], text: str) -> tuple[Piece, ...] | None:
    """Some of the text around what is found first in it."""
    first = next(_places(words, looked_for, text), None)
    if first is None:
        return None
    begin = _word_begin(text, max(0, first[0] - BEFORE))
    stop = _word_end(text, max(first[1], begin + PASSAGE))
    pieces = _marked(words, looked_for, " ".join(text[begin:stop].split())) or ()
    before = (Piece(text=f"{CUT} ", mark=False),) if begin else ()
    after = (Piece(text=f" {CUT}", mark=False),) if stop < len(text) else ()
    return (*before, *pieces, *after)


def _places(words: Words, looked_for: Collection[int], text: str) -> Iterator[tuple[int, int]]:
    return (token.span() for token in TOKEN.finditer(text) if words.number(token[0]) in looked_for)


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
