"""A workbook of one sheet, written while it is sent: nothing is kept, however many rows it gets.

Every cell is an inline string (ECMA-376, 18.18.11 `inlineStr`): a text that looks like a formula stays a text. The
archive is Python's own `zipfile` on a stream that cannot be rewound; libraries that write workbooks keep them, in
memory or in a file, until the last row.
"""

import re
import zipfile
from collections.abc import Iterable, Sequence
from html import escape
from typing import IO, cast

MOST_ROWS = 200_000  # enough for spreadsheets; whoever wants more reads CSV
MOST_CHARACTERS = 32_767
CUT_OFF = "…"
ESCAPE_OF_A_SIGN = re.compile("_(?=x[0-9A-Fa-f]{4}_)")  # ECMA-376, 22.9.2.19: readers take it for that sign
NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
SPECIAL = re.compile("[&<>\"'_\x00-\x1f\ud800-\udfff\ufffe\uffff]")
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
SHEET = "xl/worksheets/sheet1.xml"
PARTS = {
    "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{TYPES}.sheet.main+xml"/>'
    f'<Override PartName="/{SHEET}" ContentType="{TYPES}.worksheet+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{TYPES}.styles+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{RELATIONS}">'
    f'<Relationship Id="rId1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{RELATIONS}">'
    f'<Relationship Id="rId1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{OFFICE}/styles" Target="styles.xml"/></Relationships>',
    "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="2"><xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
}


class Sink:
    """Where the archive writes; what has gathered is taken away again and again."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, part: bytes) -> int:
        self._parts.append(bytes(part))
        return len(part)

    def flush(self) -> None:
        """Nothing waits here."""

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


class Workbook:
    """Give it rows with `add`, which answers what can be sent by then, and at last `finish`."""

    def __init__(self, title: str, headings: Sequence[str]) -> None:
        self._sink = Sink()
        self._archive = zipfile.ZipFile(cast("IO[bytes]", self._sink), "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        for name, text in PARTS.items():
            self._archive.writestr(name, DECLARATION + text)
        workbook = (
            f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
            f'<sheet name="{_text(title)}" sheetId="1" r:id="rId1"/></sheets></workbook>'
        )
        self._archive.writestr("xl/workbook.xml", DECLARATION + workbook)
        self._sheet = self._archive.open(SHEET, "w")
        self._columns = [_letters(index) for index in range(len(headings))]
        self._row = 0
        self._sheet.write(
            f'{DECLARATION}<worksheet xmlns="{MAIN}"><sheetViews><sheetView workbookViewId="0">'
            '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
            f'<cols><col min="1" max="{len(headings)}" width="24" customWidth="1"/></cols><sheetData>'.encode()
        )
        self._put([headings], ' s="1"')

    def add(self, rows: Iterable[Sequence[str]]) -> bytes:
        """What can be sent after these rows."""
        self._put(rows)
        return self._sink.take()

    def finish(self) -> bytes:
        """The rest."""
        self._sheet.write(b"</sheetData></worksheet>")
        self._sheet.close()
        self._archive.close()
        return self._sink.take()

    def _put(self, rows: Iterable[Sequence[str]], style: str = "") -> None:
        lines = []
        for cells in rows:
            self._row += 1
            row = self._row
            written = "".join(
                f'<c r="{column}{row}" t="inlineStr"{style}><is><t xml:space="preserve">{_text(cell)}</t></is></c>'
                for column, cell in zip(self._columns, cells, strict=True)
                if cell
            )
            lines.append(f'<row r="{row}">{written}</row>')
        self._sheet.write("".join(lines).encode())


def _text(text: str) -> str:
    """What XML and a cell can hold."""
    if len(text) > MOST_CHARACTERS:
        text = f"{text[: MOST_CHARACTERS - 1]}{CUT_OFF}"
    if SPECIAL.search(text) is None:
        return text
    return escape(NOT_IN_XML.sub("", ESCAPE_OF_A_SIGN.sub("_x005F_", text)), quote=True)


def _letters(index: int) -> str:
    """A, B … Z, AA, AB …"""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
