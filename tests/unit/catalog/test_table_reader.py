"""Files as people send them, and what is no table at all."""

import io
import subprocess
import zipfile
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest

from services.catalog.table_file import ASIDE, ENVIRONMENT
from services.catalog.table_limits import MOST_COLUMNS
from services.catalog.table_reader import Refused, read

TEXT = "Titel;Kurzfassung\r\nÖlwehr;„Größe“ – 5 €\r\n"
ROWS = [[1, ["Titel", "Kurzfassung"]], [2, ["Ölwehr", "„Größe“ – 5 €"]]]


HALF_PAST_TEN = datetime.fromisoformat("2024-05-27T10:30:00")


def refused(raw: bytes) -> str:
    with pytest.raises(Refused) as no:
        read(raw)
    assert no.value.detail.endswith(".")
    return no.value.code


def workbook(*rows: list[Any]) -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


def packed(**entries: bytes) -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
        for name, content in entries.items():
            archive.writestr(name, content)
    return kept.getvalue()


def with_sheet(xml: str) -> bytes:
    """A workbook of which the sheet says what `xml` does."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook(["x"]))) as before, zipfile.ZipFile(out, "w") as after:
        for name in before.namelist():
            after.writestr(name, xml.encode() if name == "xl/worksheets/sheet1.xml" else before.read(name))
    return out.getvalue()


def sheet_of(cell: str) -> str:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    row = f'<row r="1"><c r="A1" t="inlineStr"><is><t>{cell}</t></is></c></row>'
    return f'<worksheet xmlns="{main}"><sheetData>{row}</sheetData></worksheet>'


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("cp1252", "windows-1252"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
    ],
)
def test_encodings_of_german_offices_are_told_apart(encoding: str, said: str) -> None:
    table = read(TEXT.encode(encoding))
    assert (table["rows"], table["encoding"]) == (ROWS, said)


@pytest.mark.parametrize("separator", list(";,\t|"))
def test_what_separates_cells_is_found(separator: str) -> None:
    text = 'Titel;"Kurz;fassung"\nA;B\n'.replace(";", separator)
    assert read(text.encode())["rows"] == [[1, ["Titel", f"Kurz{separator}fassung"]], [2, ["A", "B"]]]


def test_a_spreadsheets_hint_is_followed() -> None:
    assert read(b"sep=|\r\na,b|c\r\n")["rows"] == [[1, ["a,b", "c"]]]


def test_lines_within_a_cell_and_empty_rows_keep_the_numbers() -> None:
    assert read(b'Titel\n\n"a\r\nb"\n')["rows"] == [[1, ["Titel"]], [3, ["a\nb"]]]


def test_a_field_of_a_hundred_thousand_characters_is_read() -> None:
    assert read(b"Titel\n" + b"x" * 100_000)["rows"][1][1] == ["x" * 100_000]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "table_empty"),
        (b" \r\n", "table_empty"),
        (b"%PDF-1.7 ...", "table_unreadable"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "table_unreadable"),
        (b"PK\x03\x04 broken", "table_unreadable"),
        (b'Titel\n"nie zu Ende\n', "table_unreadable"),
        ("Größe;".encode() + "Größe".encode("cp1252"), "table_unreadable"),
        (b"Titel\n\x81\x8d", "table_unreadable"),
        (b"a\0b\n" + b"text " * 100, "table_unreadable"),
        (b"Titel" + b";" * (MOST_COLUMNS + 1), "table_too_large"),
        (packed(), "table_unreadable"),
        (packed(bomb=bytes(40 << 20)), "table_too_large"),
        (workbook(*[["x" * 30_000] * 120 for _ in range(10)]), "table_too_large"),
    ],
)
def test_what_cannot_be_read_is_said(raw: bytes, code: str) -> None:
    assert refused(raw) == code


def test_a_damaged_workbook_is_told_that_it_cannot_be_read() -> None:
    raw = workbook(["Titel"], *(["Öl", number] for number in range(2000)))
    at = raw.index(b"PK\x03\x04", len(raw) // 2)
    inside = at + 30 + int.from_bytes(raw[at + 26 : at + 28], "little")  # the name, then what is packed
    assert refused(raw[:inside] + b"\xff" * 6 + raw[inside + 6 :]) == "table_unreadable"


def test_a_text_that_begins_like_an_archive_is_a_text() -> None:
    assert read(b"PK-Nr;Titel\n1;A\n")["rows"] == [[1, ["PK-Nr", "Titel"]], [2, ["1", "A"]]]


def test_a_text_document_in_the_same_kind_of_archive_is_no_table() -> None:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<document/>")
    assert refused(kept.getvalue()) == "table_unreadable"


@pytest.mark.parametrize(
    "entities",
    [
        '<!ENTITY e SYSTEM "file:///etc/passwd">',
        '<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY e "&b;&b;&b;&b;&b;&b;&b;&b;">',
    ],
)
def test_a_workbook_brings_in_nothing_from_outside_and_nothing_that_grows(entities: str) -> None:
    """What the file calls an entity is not looked up."""
    assert read(with_sheet(sheet_of("kein &lt;Verweis&gt;")))["rows"] == [[1, ["kein <Verweis>"]]]
    assert refused(with_sheet(f"<!DOCTYPE worksheet [{entities}]>{sheet_of('&e;')}")) == "table_unreadable"


def test_a_document_that_is_called_a_workbook_is_none() -> None:
    assert refused(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(range(256)) * 8) == "table_unreadable"
    assert refused(packed(**{"xl/worksheets/sheet1.xml": b"PK\x03\x04" * 1000})) == "table_unreadable"


def test_a_workbook_is_read_as_a_german_sees_it() -> None:
    raw = workbook(
        [None],
        ["Titel", "Beginn", "Zahl", "Ja?"],
        ["=HYPERLINK(1)", date(2024, 5, 27), 1.5, True],
        ["Ä\nb", HALF_PAST_TEN, 5766044, False],
    )
    table = read(raw)
    assert table["kind"] == "xlsx"
    assert table["rows"] == [
        [2, ["Titel", "Beginn", "Zahl", "Ja?"]],
        [3, ["", "2024-05-27", "1,5", "ja"]],
        [4, ["Ä\nb", "2024-05-27 10:30:00", "5766044", "nein"]],
    ]


def test_the_reader_is_found_where_our_code_is_not_installed() -> None:
    """As in an image; `-S` leaves out what an installation adds to the path."""
    python, *options = ASIDE[: ASIDE.index("-m")]
    command = [python, "-S", *options, "-c", "import services.catalog.table_limits"]
    subprocess.run(command, env=ENVIRONMENT, cwd="/", check=True, capture_output=True)
