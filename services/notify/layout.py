"""A letter as plain text and as HTML. Styles are moved onto the elements once, when the templates are built."""

import textwrap
from importlib.resources import files

import css_inline
from jinja2 import DictLoader, Environment, StrictUndefined, select_autoescape

from services.notify.letter import Fact, Letter
from services.notify.texts import Tone

WIDTH = 76
TONES: tuple[Tone, ...] = ("info", "success", "warning", "danger")


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
        environment.filters.update(fill=_fill, line=_line, quoted=_quoted)
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
