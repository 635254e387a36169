"""Lines of CSV as German spreadsheets read them (RFC 4180, semicolons): shown, and never run."""

from collections.abc import Sequence

from shared.kernel.formulas import guarded

SEPARATOR = ";"
LINE_END = "\r\n"
BOM = "\ufeff"
# Commas and tabs, too: for readers that take one of them for the separator and see a whole line as one cell.
NEEDS_QUOTES = frozenset('";,\t\n\r')


def csv_cell(text: str) -> str:
    """A cell that a spreadsheet shows and never runs."""
    text = guarded(text)
    return text if NEEDS_QUOTES.isdisjoint(text) else '"' + text.replace('"', '""') + '"'


def csv_line(cells: Sequence[str]) -> str:
    """Cells as they stand in a line."""
    return SEPARATOR.join(map(csv_cell, cells))
