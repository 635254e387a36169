"""Reads a CSV or XLSX file in a process of its own, with limits: what it may do to memory and time ends with it.

As a program: the file on standard input, lines of JSON on standard output: `{"kind", "encoding", "sheet",
"other_sheets"}` and for each row `[row number, [cell, …]]`; or only `{"refused": code, "detail": German sentence}`.

How a text is encoded is not guessed from letter frequencies, which mislead in short files: a byte order mark says it;
what is valid UTF-8 is UTF-8, since other encodings of German are never valid by chance; the rest is Windows-1252, which
spreadsheets in German offices write.
"""

import csv
import io
import json
import re
import resource
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetVisibleEnum, ZipError

from services.catalog.table_limits import (
    MOST_CELLS,
    MOST_CHARACTERS,
    MOST_COLUMNS,
    MOST_MEMORY,
    MOST_RATIO,
    MOST_SECONDS,
    MOST_SHEETS,
    MOST_UNPACKED,
)

CHUNK = 1 << 16
RATIO_COUNTS_FROM = 10 << 20  # small files of repeated texts shrink very well
SEPARATORS = ";,\t|"
HINT = re.compile(r"\ufeff?sep=(.)\r?\n", re.IGNORECASE)
OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ARCHIVE = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
BINARY = (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf", b"\x7fELF", b"{\\rtf")
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
)  # what zipfile raises
MIXED = re.compile("Ã[\u201e¤¶¼Ÿœ\u2013]")  # letters of UTF-8 read as Windows-1252

NO_TABLE = "Die Datei ist keine lesbare CSV- oder XLSX-Datei."
SAVE_AS = "Bitte speichern Sie die Tabelle als XLSX oder CSV."


class Refused(Exception):
    """The file cannot be read: a stable code, and a German sentence."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def read(raw: bytes) -> dict[str, Any]:
    """The table in a file."""
    if not raw.strip():
        raise Refused("table_empty", "Die Datei ist leer.")
    if raw.startswith(ARCHIVE):
        return _spreadsheet(raw)
    if raw.startswith(OLD_OFFICE):
        raise Refused(
            "table_unreadable", f"Die Datei hat ein altes Format oder ist mit einem Kennwort geschützt. {SAVE_AS}"
        )
    if raw.startswith(BINARY):
        raise Refused("table_unreadable", f"{NO_TABLE} {SAVE_AS}")
    return _text(raw)


def _text(raw: bytes) -> dict[str, Any]:
    text, encoding = _decoded(raw)
    if "\0" in text:
        raise Refused("table_unreadable", f"{NO_TABLE} {SAVE_AS}")
    separator, text = _separator(text)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows = []
    usual = csv.field_size_limit(len(text) + 1)
    try:
        for number, cells in _limited(enumerate(lines, 1)):
            rows.append([number, [cell.replace("\r\n", "\n").replace("\r", "\n") for cell in cells]])
    except csv.Error as error:
        detail = (
            f"Ab Zeile {lines.line_num} ist die Datei nicht lesbar: Anführungszeichen sind nicht richtig geschlossen."
        )
        raise Refused("table_unreadable", detail) from error
    finally:
        csv.field_size_limit(usual)
    return {"kind": "csv", "encoding": encoding, "sheet": None, "other_sheets": [], "rows": rows}


def _decoded(raw: bytes) -> tuple[str, str]:
    for encoding in _encodings(raw):
        try:
            return raw.decode(encoding), encoding.removesuffix("-sig")
        except UnicodeDecodeError:
            continue
    text = raw.decode("cp1252", errors="replace")
    if MIXED.search(text):
        raise Refused("table_unreadable", "In der Datei sind Zeichensätze gemischt (UTF-8 und Windows-1252).")
    if "\ufffd" in text:
        raise Refused("table_unreadable", "Der Zeichensatz der Datei ist unbekannt; bitte speichern Sie sie in UTF-8.")
    return text, "windows-1252"


def _encodings(raw: bytes) -> Iterator[str]:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield "utf-16"
    sample = raw[:2000]
    if sample.count(0) > len(sample) // 5:
        yield "utf-16-be" if sample[::2].count(0) > sample[1::2].count(0) else "utf-16-le"
    yield "utf-8-sig"


def _separator(text: str) -> tuple[str, str]:
    """What separates cells, and the text: as its first line says, else what divides the first row most often."""
    if hint := HINT.match(text):
        return hint[1], text[hint.end() :]
    return max(SEPARATORS, key=lambda sign: _cells_of_first_row(text, sign)), text


def _cells_of_first_row(text: str, separator: str) -> int:
    head = io.StringIO(text[:CHUNK], newline="")
    try:
        return next((len(row) for row in csv.reader(head, delimiter=separator) if any(row)), 0)
    except csv.Error:
        return 0


def _spreadsheet(raw: bytes) -> dict[str, Any]:
    _refuse_bomb(raw)
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(raw))
        visible = [sheet.name for sheet in workbook.sheets_metadata if sheet.visible is SheetVisibleEnum.Visible]
        if not visible:
            raise Refused("table_empty", "Die Datei hat kein sichtbares Tabellenblatt.")
        sheet = workbook.get_sheet_by_name(visible[0])
        cells = ((number, [_cell(value) for value in row]) for number, row in enumerate(sheet.iter_rows(), 1))
        rows = [[number, row] for number, row in _limited(cells)]
    except PasswordError as error:
        raise Refused("table_unreadable", f"Die Datei ist mit einem Kennwort geschützt. {SAVE_AS}") from error
    except (CalamineError, ZipError) as error:
        raise Refused("table_unreadable", NO_TABLE) from error
    return {
        "kind": "xlsx",
        "encoding": None,
        "sheet": visible[0],
        "other_sheets": visible[1 : MOST_SHEETS + 1],
        "rows": rows,
    }


def _refuse_bomb(raw: bytes) -> None:
    """Unpacks everything once, to see how much it really is; what the archive says of itself is not believed."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            names = set(archive.namelist())
            if "[Content_Types].xml" not in names or not any(name.startswith("xl/workbook.") for name in names):
                raise Refused("table_unreadable", f"{NO_TABLE} {SAVE_AS}")
            most = min(MOST_UNPACKED, max(len(raw) * MOST_RATIO, RATIO_COUNTS_FROM))
            unpacked = 0
            for entry in archive.infolist():
                with archive.open(entry) as packed:
                    while part := packed.read(CHUNK):
                        unpacked += len(part)
                        if unpacked > most:
                            raise Refused(
                                "table_too_large", "Entpackt ist die Datei viel größer, als eine Tabelle sein kann."
                            )
    except BROKEN as error:
        raise Refused("table_unreadable", NO_TABLE) from error


def _limited(rows: Iterable[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, as long as they are not too many."""
    cells = characters = 0
    for number, row in rows:
        cells += len(row)
        if cells > MOST_CELLS or len(row) > MOST_COLUMNS:
            raise Refused(
                "table_too_large", f"Die Tabelle hat mehr als {MOST_COLUMNS} Spalten oder {MOST_CELLS} Zellen."
            )
        characters += sum(map(len, row))
        if characters > MOST_CHARACTERS:
            raise Refused("table_too_large", f"In der Tabelle stehen mehr als {MOST_CHARACTERS} Zeichen.")
        if any(value.strip() for value in row):
            yield number, row


def _cell(value: Any) -> str:
    """What the cell shows, as a German would have typed it."""
    match value:
        case str():
            return value.replace("\r\n", "\n").replace("\r", "\n")
        case bool():
            return "ja" if value else "nein"
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value).replace(".", ",")
        case datetime():
            return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
        case date() | time() | timedelta() | int():
            return str(value)
        case _:
            return ""


def main() -> None:
    """Reads standard input within the limits."""
    with suppress(OSError):  # where memory runs out, this program goes, and the service stays
        Path("/proc/self/oom_score_adj").write_text("1000")
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    try:
        answer = read(sys.stdin.buffer.read())
    except Refused as refused:
        answer = {"refused": refused.code, "detail": refused.detail}
    rows = answer.pop("rows", [])
    for line in (answer, *rows):
        sys.stdout.buffer.write(json.dumps(line, ensure_ascii=False).encode(errors="replace") + b"\n")


if __name__ == "__main__":
    main()
