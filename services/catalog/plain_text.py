"""Texts that come with HTML in them become texts that can be read; nothing here is ever shown as HTML."""

import html
import re
from collections.abc import Callable
from typing import Annotated

import nh3
from pydantic import BeforeValidator, StringConstraints

from shared.kernel.parsing import REFUSED
from shared.kernel.texts import ONE_LINE, Line, Text

TAG = re.compile(
    r"<(?:!--|!doctype\b|/?(?:a|abbr|address|article|b|blockquote|body|br|center|code|dd|div|dl|dt|em|embed|figure|font"
    r"|footer|form|h[1-6]|head|header|hr|html|i|iframe|img|input|li|link|main|meta|nav|object|ol|p|pre|s|script|section"
    r"|small|span|strong|style|sub|sup|svg|table|tbody|td|th|thead|title|tr|u|ul|video)\b[^<>]*/?>)",
    re.IGNORECASE,
)
NEW_LINE = re.compile(r"<br\b[^<>]*>|</(?:p|div|h[1-6]|li|tr|ul|ol|table|blockquote|pre|section)\s*>", re.IGNORECASE)
ITEM = re.compile(r"<li\b[^<>]*>", re.IGNORECASE)
NEXT_CELL = re.compile(r"</t[dh]\s*>", re.IGNORECASE)
NO_TAG = re.compile(r"""<(?!!--)(?=[^<>"']*(?:<|\Z))""")
"""A sign that no tag begins with, since nothing closes it: a parser would take all that follows for a tag's inside."""
TIMES = 4
"""So much longer than what may be left of it a text with HTML can be."""
MOST_SIGNS = 1000
"""Signs `<` in a text that is parsed: many nested elements take a parser seconds, and everybody would wait."""


def readable(text: str) -> str:
    """A text without its HTML: paragraphs and items on lines of their own, scripts and styles gone.

    A text that has no tags of HTML stays as it is, "a < b" and "&" included. Entities bring in no sign that a request
    may not hold. A `<` that nothing closes is a sign like any other, unless a tag would come of it. Of a text with more
    than `MOST_SIGNS` of `<`, tags are cut without looking at what they enclose.
    """
    if "<" not in text or TAG.search(text) is None:
        return text
    kept = _bare(NO_TAG.sub("&lt;", text))
    return kept if TAG.search(kept) is None else _bare(text)


def _bare(text: str) -> str:
    """What a parser leaves of a text with HTML."""
    spaced = NEXT_CELL.sub(" ", ITEM.sub("– ", NEW_LINE.sub(lambda found: f"{found[0]}\n", text)))
    bare = nh3.clean(spaced, tags=set()) if spaced.count("<") <= MOST_SIGNS else TAG.sub("", spaced)
    plain = REFUSED.sub("", html.unescape(bare))
    lines = (" ".join(line.split()) for line in plain.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def one_line(text: str) -> str:
    """The same in one line."""
    plain = readable(text)
    return plain if plain is text else " ".join(plain.split())


def readable_everywhere(value: object, long: frozenset[str], name: str = "") -> object:
    """A document with every text made readable; those under the names in `long` may have lines."""
    match value:
        case str():
            return readable(value) if name in long else one_line(value)
        case list():
            return [readable_everywhere(each, long, name) for each in value]
        case dict():
            return {key: readable_everywhere(each, long, str(key)) for key, each in value.items()}
        case _:
            return value


def _plain(make: Callable[[str], str], most: int) -> BeforeValidator:
    """What is far too long even with its HTML is left to the constraint: parsing it would hold up everybody."""

    def made(value: object) -> object:
        if not isinstance(value, str) or len(value) > TIMES * most:
            return value
        return make(REFUSED.sub("", value))

    return BeforeValidator(made)


# The constraints stand first, so that they judge what is left of a text.
type PlainText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), _plain(readable, 2000)
]
type PlainNote = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000), _plain(readable, 1000)
]
type PlainLine = Annotated[Line, _plain(one_line, 300)]
type PlainLabel = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=ONE_LINE),
    _plain(one_line, 120),
]
type PlainPages = Annotated[Text, _plain(readable, 20_000)]
