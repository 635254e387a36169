"""Which column of a file is which, and what a row's cells say: read, cleaned, with a line for whatever is wrong."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from services.catalog.cells import Unreadable, items, parts, shortened, spelling, unescaped
from services.catalog.lookup import Lookup
from services.catalog.plain_text import readable
from services.catalog.project_cells import (
    CONTACTS,
    EXTERNAL_ID,
    ID,
    KEYS_BY_SPELLING,
    SPEAKING,
    TOLD_SPELLINGS,
    TOPICS,
    heading_of,
)
from services.catalog.project_content import MOST_TOPICS
from services.catalog.table_file import Table
from services.catalog.table_limits import MOST_ROWS
from services.catalog.vocabulary import Role
from shared.kernel.formulas import without_guard
from shared.kernel.parsing import NOTHING_TO_SEE, REFUSED
from shared.kernel.problems import Problem
from shared.kernel.xlsx_stream import CUT_OFF, MOST_CHARACTERS

MOST_TOLD = 10  # mistakes in one cell
MOST_OF_A_ROW, FEWEST_OF_A_ROW = 10, 2  # mistakes that are told before the rest of a row is left unread
ENOUGH = 20_000  # mistakes in a file; every row behind them is told of a few of its own
MOST_COLONS = 5  # in the name of a body
MOST_NAMED = 50  # columns that were not read
HEADING_WITHIN = 10  # rows that may stand above the headings: a title, a date
ONE_LINE = frozenset({"title", "short_title", "region", "predecessor", ID, EXTERNAL_ID})
RUNNING = frozenset({"summary", "description"})
LONGEST_CELL = 400_000  # 500 participants with what each of them does
MOST_TAGS = 1000  # whoever reads HTML takes very long for what is deeply nested
GARBLED = re.compile("Ã[„¤¶¼Ÿœ–]|\ufffd")  # letters of UTF-8 that were once read as Windows-1252, and what got lost
DASHES = re.compile(r"^– ", re.MULTILINE)
SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the report: what is wrong in which row and column, as a stable code and a German sentence."""

    row: int
    column: str
    code: str
    detail: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table whose columns are known: the heading of each as it stands in the file, and the rows below."""

    columns: Mapping[str, int]
    headings: Mapping[str, str]
    ignored: tuple[str, ...]
    rows: Sequence[tuple[int, list[str]]]
    width: int
    guarded: bool

    def heading(self, key: str) -> str:
        """How the file names a column; the usual name of one that it does not have."""
        return self.headings.get(key) or heading_of(key)


@dataclass(slots=True)
class Said:
    """What a row says: fields of a project, who takes part as what, and what was wrong."""

    number: int
    project_id: str = ""
    external_id: str = ""
    by_id: bool = False
    fields: dict[str, Any] = field(default_factory=dict)
    partners: list[dict[str, Any]] = field(default_factory=list)
    roles: frozenset[Role] = frozenset()
    lines: list[Line] = field(default_factory=list)
    left: bool = False
    """Whether the rest of the row was left unread."""


def sheet_of(table: Table) -> Sheet:
    """The table with its columns mapped by their headings; a problem when that cannot be done."""
    if not table.rows:
        raise Problem("table_empty", "Die Datei hat keine Zeilen.")
    at = max(range(min(HEADING_WITHIN, len(table.rows))), key=lambda n: (_known_in(table.rows[n][1]), -n))
    headings = [shortened(SPACE.sub(" ", without_guard(cell)).strip()) for cell in table.rows[at][1]]
    rows = table.rows[at + 1 :]
    columns: dict[str, int] = {}
    ignored = []
    for index, heading in enumerate(headings):
        key = KEYS_BY_SPELLING.get(spelling(heading))
        if key is None:
            if heading and spelling(heading) not in TOLD_SPELLINGS:
                ignored.append(heading)
        elif key in columns:
            twice = (
                f"„{headings[columns[key]]}“ und „{heading}“" if headings[columns[key]] != heading else f"„{heading}“"
            )
            raise Problem("column_twice", f"Diese Spalte kommt mehrmals vor: {twice}.")
        else:
            columns[key] = index
    if "title" not in columns and ID not in columns:
        raise Problem("column_missing", f"Es fehlt die Spalte „{heading_of('title')}“.")
    if not rows:
        raise Problem("table_empty", "Unter den Überschriften steht keine Zeile.")
    if len(rows) > MOST_ROWS:
        raise Problem("table_too_long", details={"most": MOST_ROWS, "rows": len(rows)})
    names = {key: headings[index] for key, index in columns.items()}
    columns = {key: columns[key] for key in (ID, EXTERNAL_ID, "title") if key in columns} | columns
    return Sheet(columns, names, tuple(ignored[:MOST_NAMED]), rows, len(headings), guarded=table.kind == "csv")


def _known_in(cells: Sequence[str]) -> int:
    return sum(spelling(without_guard(cell)) in KEYS_BY_SPELLING for cell in cells)


def said_by(sheet: Sheet, number: int, cells: Sequence[str], lookup: Lookup, most: int = MOST_OF_A_ROW) -> Said:
    """What one row says, which it is first of all. Behind `most` mistakes the rest is left unread."""
    said = Said(number, roles=frozenset(role for role in Role if str(role) in sheet.columns))
    if any(cell.strip() for cell in cells[sheet.width :]):
        said.lines.append(Line(number, "", "cells_beyond_headings", "Rechts von den Überschriften stehen noch Zellen."))
    for key, index in sheet.columns.items():
        if len(said.lines) >= most:
            said.left = True
            said.lines.append(Line(number, "", "row_left", "Weitere Spalten dieser Zeile wurden nicht mehr geprüft."))
            break
        cell = cells[index] if index < len(cells) else ""
        try:
            _take(said, key, _cleaned(key, without_guard(cell) if sheet.guarded else cell), lookup)
        except Unreadable as unreadable:
            column, value = sheet.heading(key), shortened(cell)
            said.lines.append(Line(number, column, unreadable.code, unreadable.detail, value))
    return said


def said_again(cells: Mapping[str, str], lookup: Lookup) -> Said:
    """What cells of an export say when they are read; those that could not be read are left out."""
    said = Said(0)
    for key, cell in cells.items():
        try:
            _take(said, key, _cleaned(key, cell.replace("\r\n", "\n").replace("\r", "\n")), lookup)
        except Unreadable:
            continue
    return said


def _cleaned(key: str, cell: str) -> str:
    """Without markup, and in one line where that is what a field holds."""
    if len(cell) > LONGEST_CELL:
        raise Unreadable("too_long", f"In der Zelle stehen mehr als {LONGEST_CELL} Zeichen.")
    if len(cell) == MOST_CHARACTERS and cell.endswith(CUT_OFF):
        raise Unreadable("cell_cut_off", "Der Text ist abgeschnitten: Eine Excel-Zelle fasst ihn nicht, CSV schon.")
    text = cell.strip()
    if not text.isascii() and NOTHING_TO_SEE.fullmatch(text):
        return ""
    if not text.isprintable() and (found := REFUSED.search(text)):
        raise Unreadable("character_not_allowed", f"Das Zeichen U+{ord(found[0]):04X} ist nicht erlaubt.")
    if not text.isascii() and (found := GARBLED.search(text)):
        raise Unreadable("garbled_text", f"Umlaute sind beim Speichern verloren gegangen: Hier steht „{found[0]}“.")
    if text.count("<") > MOST_TAGS:
        raise Unreadable("too_much_markup", f"In der Zelle steht mehr als {MOST_TAGS}-mal das Zeichen „<“.")
    if "<" in text:
        plain = readable(text)
        text = plain if plain == text or key in RUNNING else DASHES.sub("", plain)
    return SPACE.sub(" ", text) if key in ONE_LINE else text


def _take(said: Said, key: str, cell: str, lookup: Lookup) -> None:
    """Puts what a cell says where it belongs."""
    if key == ID:
        said.project_id = cell.lower()
    elif key == EXTERNAL_ID:
        said.external_id = cell
    elif key == TOPICS:
        said.fields[TOPICS] = _topics(cell, lookup)
    elif key == CONTACTS:
        said.fields[CONTACTS] = tuple(_contact(item, lookup) for item in items(cell))
    elif key in SPEAKING:
        said.fields[key] = SPEAKING[key].read(cell) if cell else None
    else:
        _take_partners(said, Role(key), cell, lookup)


def _topics(cell: str, lookup: Lookup) -> tuple[str, ...]:
    codes = _all_of([unescaped(item) for item in items(cell)], lookup.topics.meant)
    if len(set(codes)) < len(codes):
        raise Unreadable("topic_twice", "Jedes Themengebiet darf nur einmal stehen.")
    if len(codes) > MOST_TOPICS:
        raise Unreadable("too_many_topics", f"Ein Projekt hat höchstens {MOST_TOPICS} Themengebiete.")
    return tuple(codes)


def _take_partners(said: Said, role: Role, cell: str, lookup: Lookup) -> None:
    partners = _all_of(items(cell), lambda item: _partner(unescaped(item), role, lookup))
    ids = [each["organisation_id"] for each in partners]
    if twice := next((each for each in ids if ids.count(each) > 1), None):
        name = lookup.organisations.by_id[twice].name
        raise Unreadable("participation_twice", f"„{name}“ steht hier mehrmals.")
    said.partners.extend(partners)


def _partner(text: str, role: Role, lookup: Lookup) -> dict[str, Any]:
    """Who takes part; behind a colon stands what for. A name may have colons, too."""
    refused: list[Unreadable] = []
    for end in (len(text), *islice((colon.start() for colon in re.finditer(":", text)), MOST_COLONS)):
        try:
            one = lookup.organisations.meant(text[:end])
        except Unreadable as unreadable:
            refused.append(unreadable)
        else:
            task = text[end + 1 :].strip() or None
            return {"organisation_id": one.id, "ags": one.ags, "role": role, "task": task}
    raise refused[:2][-1]  # what stands in front of the first colon, if there is one


def _contact(item: str, lookup: Lookup) -> dict[str, Any]:
    """An office to turn to: one of the directory, or else a name; then „Funktion:“ and „Hinweis:“."""
    head, *rest = parts(item) or [""]
    fields: dict[str, Any] = {}
    try:
        fields["organisation_id"] = lookup.organisations.meant(unescaped(head)).id
    except Unreadable as unreadable:
        if unreadable.code == "ambiguous_organisation":
            raise
        fields["organisation_name"] = unescaped(head)
    for text in rest:
        label, colon, told = text.partition(":")
        name = {"funktion": "function", "hinweis": "note"}.get(spelling(label)) if colon else None
        if name is None:
            raise Unreadable("unknown_part", f"„{shortened(text)}“ beginnt weder mit „Funktion:“ noch mit „Hinweis:“.")
        fields[name] = unescaped(told.strip())
    return fields


def _all_of[T](texts: Sequence[str], read: Callable[[str], T]) -> list[T]:
    """Every text read; whoever has several mistakes in one cell is told of all of them, up to a number."""
    found: list[T] = []
    wrong: list[Unreadable] = []
    for text in texts:
        try:
            found.append(read(text))
        except Unreadable as unreadable:
            wrong.append(unreadable)
            if len(wrong) == MOST_TOLD:
                break
    if wrong:
        raise Unreadable(wrong[0].code, " ".join(dict.fromkeys(each.detail for each in wrong)))
    return found
