"""Cells of a CSV file that a spreadsheet would take for a formula, and how they are kept from it.

What begins with `=`, `+`, `-`, `@`, a tab or a line end is run when the file is opened (OWASP, "CSV Injection"), by
some programs behind blanks, too; older ones run what begins with `|` or `%`. An apostrophe in front makes a text of it,
as a person would type it; reading takes exactly that apostrophe away again.
"""

import re

SIGNS = "=+\\-@|%＝＋－＠｜％\t\r\n"
BEFORE = "['\\s\u200b\u2060\ufeff]*"  # apostrophes, and what nobody sees
FORMULA = re.compile(f"{BEFORE}[{SIGNS}]")
GUARDED = re.compile(f"'{BEFORE}[{SIGNS}]")
BEHIND = re.compile(f"(?<=[,;\\t])(?=[\"'\\s\u200b\u2060\ufeff]*[{SIGNS}])")


def guarded(text: str) -> str:
    """The text so that no spreadsheet runs it."""
    return f"'{text}" if FORMULA.match(text) else text


def guarded_inside(text: str) -> str:
    """The text so that none runs what stands behind a comma in it, though it takes commas for separators.

    Quotation marks do not help then: the cell begins in the middle of a field. `guarded` looks at the text's beginning.
    For texts that nobody reads in again.
    """
    return BEHIND.sub("'", text)


def without_guard(text: str) -> str:
    """The text that `guarded` was given."""
    return text[1:] if GUARDED.match(text) else text
