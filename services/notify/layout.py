"""A letter as plain text and as HTML. Styles are moved onto the elements once, when the templates are built."""

import re
import textwrap
from collections.abc import Iterator
from importlib.resources import files
from urllib.parse import urlsplit

import css_inline
from jinja2 import DictLoader, Environment, StrictUndefined, select_autoescape

from services.notify.letter import Fact, Letter
from services.notify.texts import Tone

WIDTH = 76
TONES: tuple[Tone, ...] = ("info", "success", "warning", "danger")
ADDRESS = re.compile(r"(https?://[^\s<>\"„“”«»]+)", re.IGNORECASE)
AFTER_IT = re.compile(r"[.,;:!?…'’*_)\]}]+$")


class Layout:
    """The templates, ready to be filled: `text(letter)` and `html(letter)` say the same.

    `portal` is the portal's address, `name` what it is called."""

    def __init__(self, portal: str, name: str) -> None:
        self.name = name
        folder = files("services.notify") / "templates"
        sources = {"letter.txt": (folder / "letter.txt").read_text("utf-8")}
        html = (folder / "letter.html").read_text("utf-8")
        inliner = css_inline.CSSInliner(load_remote_stylesheets=False)
        for tone in TONES:
            sources[f"{tone}.html"] = inliner.inline(html.replace("TONE", tone))
        environment = Environment(
            loader=DictLoader(sources),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        environment.filters.update(fill=_fill, line=_line, quoted=_quoted, pieces=_pieces)
        environment.globals.update(portal=portal, name=name)
        self._text = environment.get_template("letter.txt")
        self._html = {tone: environment.get_template(f"{tone}.html") for tone in TONES}

    def text(self, letter: Letter) -> str:
        """Complete in itself, in lines of at most 76 characters where words allow it."""
        return self._text.render(letter=letter)

    def html(self, letter: Letter) -> str:
        """Everything escaped, nothing fetched from anywhere."""
        return self._html[letter.tone].render(letter=letter)


def _fill(paragraph: str, indent: str = "") -> str:
    return textwrap.fill(paragraph, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _quoted(line: str) -> str:
    """Every line begins with the mark of a quotation, an empty one, too."""
    filled = textwrap.wrap(line, WIDTH - 2, break_long_words=False, break_on_hyphens=False) or [""]
    return "\n".join(f"> {part}".rstrip() for part in filled)


def _line(fact: Fact) -> str:
    """What the HTML leads to stands below, unless it is what is said."""
    said = _fill(f"{fact.label}: {fact.value}", indent="  ")
    return said if fact.url in (None, fact.value) else f"{said}\n  {fact.url}"


def _pieces(line: str, leads: bool) -> Iterator[tuple[str, str | None]]:  # noqa: FBT001 -- as templates call it
    """A line of the message taken apart: what is said, and where it leads if it is an address.

    Nothing leads anywhere else than it says, and none that names somebody before its host leads anywhere.
    """
    for number, piece in enumerate(ADDRESS.split(line) if leads else [line]):
        address = _without_end(piece) if number % 2 else ""
        if _leads(address):
            yield address, address
            yield piece.removeprefix(address), None
        else:
            yield piece, None


def _without_end(address: str) -> str:
    """Without the end of the sentence that it stands in; a bracket that was opened in it belongs to it."""
    end = AFTER_IT.search(address)
    if end is None:
        return address
    bare = address[: end.start()]
    return f"{bare})" if end[0].startswith(")") and bare.count("(") > bare.count(")") else bare


def _leads(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and "@" not in parts.netloc and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
