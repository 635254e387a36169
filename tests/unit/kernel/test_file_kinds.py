"""A file is what its content shows, and its name is one that every system can keep."""

import zipfile
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel import file_kinds
from shared.kernel.downloads import disposition
from shared.kernel.file_kinds import KINDS, OFFICE, OPEN_DOCUMENT, kind_of, safe_name
from shared.kernel.problems import Problem
from shared.kernel.stored_file import LONGEST_NAME, StoredFile

PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(40)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + bytes(40)
DOCX, XLSX = f"{OFFICE}wordprocessingml.document", f"{OFFICE}spreadsheetml.sheet"
ODT = f"{OPEN_DOCUMENT}text"


def package(*entries: tuple[str, bytes | str], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = BytesIO()
    with zipfile.ZipFile(made, "w", compression) as file:
        for name, content in entries:
            file.writestr(name, content)
    return made.getvalue()


def office(main: str, *more: tuple[str, bytes | str]) -> bytes:
    index = f'<Types><Override PartName="/word/document.xml" ContentType="{main}"/></Types>'
    return package(("[Content_Types].xml", index), ("word/document.xml", "<w/>"), *more)


def refused(content: bytes, declared: str) -> str:
    with pytest.raises(Problem) as caught:
        kind_of(content, declared)
    return caught.value.code


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PDF, "application/pdf"),
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (office(f"{DOCX}.main+xml"), DOCX),
        (office(f"{XLSX}.main+xml"), XLSX),
        (package(("mimetype", ODT), ("content.xml", "<x/>"), compression=zipfile.ZIP_STORED), ODT),
    ],
)
def test_a_file_is_known_by_its_content(content: bytes, kind: str) -> None:
    assert kind_of(content, kind) == kind
    other = next(each for each in KINDS if each != kind)
    assert refused(content, other) == "file_type_mismatch"


@pytest.mark.parametrize(
    "content",
    [
        b"<!doctype html><script>alert(1)</script>",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"MZ\x90\x00" + bytes(60),
        b"GIF89a" + bytes(20),
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        b"nothing in particular",
        b" %PDF-1.7",
        package(("readme.txt", "a plain archive")),
        package(("evil.exe", b"MZ"), ("mimetype", ODT)),
        package(("mimetype", "text/html")),
        b"<html><script>alert(1)</script></html>" + office(f"{DOCX}.main+xml"),
        office("application/vnd.ms-word.document.macroEnabled.main+xml"),
        office(f"{DOCX}.main+xml", ("word/vbaProject.bin", b"\xd0\xcf")),
        package(("mimetype", ODT), ("Basic/Standard/Module1.xml", "<x/>")),
    ],
)
def test_what_is_no_document_is_not_taken(content: bytes) -> None:
    for declared in ("application/pdf", DOCX, ODT):
        assert refused(content, declared) == "file_type_not_allowed"


def test_an_empty_file() -> None:
    assert refused(b"", "application/pdf") == "file_empty"


def test_a_package_that_grows_out_of_proportion() -> None:
    assert refused(office(f"{DOCX}.main+xml", ("word/bomb.xml", bytes(30 * 1024 * 1024))), DOCX) == "file_unreadable"
    assert refused(office(f"{DOCX}.main+xml", *((f"{n}", "") for n in range(5_001))), DOCX) == "file_unreadable"


def test_an_index_that_lies_about_its_size_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_kinds, "MOST_RATIO", 10**9)
    monkeypatch.setattr(file_kinds, "MOST_UNPACKED", 10**12)
    assert refused(package(("[Content_Types].xml", bytes(2 * 1024 * 1024))), DOCX) == "file_unreadable"


def test_a_directory_that_has_no_end_is_not_even_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: object) -> None:
        raise AssertionError("each entry would be an object")

    whole = office(f"{DOCX}.main+xml", *((f"{n}", "") for n in range(5_001)))
    monkeypatch.setattr(zipfile, "ZipFile", read)
    assert refused(whole, DOCX) == "file_unreadable"


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_package_packed_as_no_office_packs(compression: int) -> None:
    index = f'<Types><Override ContentType="{DOCX}.main+xml"/></Types>'
    assert refused(package(("[Content_Types].xml", index), compression=compression), DOCX) == "file_unreadable"


@given(st.data())
def test_any_damage_is_a_clear_answer(data: st.DataObject) -> None:
    damaged = bytearray(office(f"{DOCX}.main+xml"))
    places = st.tuples(st.integers(4, len(damaged) - 1), st.integers(0, 255))
    for place, byte in data.draw(st.lists(places, min_size=1, max_size=4)):
        damaged[place] = byte
    with suppress(Problem):
        assert kind_of(bytes(damaged), DOCX) == DOCX


def test_a_broken_package() -> None:
    whole = office(f"{DOCX}.main+xml")
    start = whole.index(b"PK\x03\x04") + 40
    assert refused(whole[:start] + bytes(20) + whole[start + 20 :], DOCX) == "file_unreadable"


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("Leitfaden.pdf", "Leitfaden.pdf"),
        ("Öffentlich-rechtliche Vereinbarung.PDF", "Öffentlich-rechtliche Vereinbarung.pdf"),
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\Users\\rathaus\\Bericht 2025.pdf", "Bericht 2025.pdf"),
        ("Rechnung\u202efdp.exe", "Rechnungfdp.pdf"),
        ("a\r\nSet-Cookie: x=1.pdf", "a Set-Cookie x=1.pdf"),
        ("Satzung vom 01.02.2025", "Satzung vom 01.02.2025.pdf"),
        ("CON.pdf", "Datei CON.pdf"),
        ("...", "Datei.pdf"),
        ("", "Datei.pdf"),
    ],
)
def test_names(given_name: str, kept: str) -> None:
    assert safe_name(given_name, "application/pdf") == kept


@given(st.text(max_size=400), st.sampled_from(sorted(KINDS)))
def test_any_name_can_be_kept_and_sent(name: str, kind: str) -> None:
    kept = safe_name(name, kind)
    StoredFile(name=kept, media_type=kind, size=1, sha256="0" * 64)
    assert len(kept) <= LONGEST_NAME
    assert kept == safe_name(kept, kind)
    assert disposition(kept).isascii()
    assert disposition(kept).isprintable()
    assert disposition(kept).count('"') == 2


def test_both_forms_of_a_name_are_sent() -> None:
    assert disposition("Übersicht „neu“.pdf") == (
        "attachment; filename=\"Uebersicht neu.pdf\"; filename*=UTF-8''%C3%9Cbersicht%20%E2%80%9Eneu%E2%80%9C.pdf"
    )
