"""Which files are taken, and under which name they are kept: the one place for types, sizes, and a look inside.

What a client says of a file is only compared with what its content shows. Pages and drawings that a browser would run
(HTML, SVG) are never taken, and neither are documents with macros.
"""

import re
import struct
import unicodedata
import zipfile
import zlib
from io import BytesIO
from typing import BinaryIO, NamedTuple

import puremagic

from shared.kernel.endpoint import Upload
from shared.kernel.problems import Problem
from shared.kernel.stored_file import LONGEST_NAME
from shared.kernel.stored_file import StoredFile as StoredFile  # noqa: PLC0414 -- for those who take files

OFFICE = "application/vnd.openxmlformats-officedocument."
OPEN_DOCUMENT = "application/vnd.oasis.opendocument."


class Kind(NamedTuple):
    """A type of file: its ending and what people call it."""

    ending: str
    label: str


KINDS = {
    "application/pdf": Kind(".pdf", "PDF"),
    f"{OFFICE}wordprocessingml.document": Kind(".docx", "Word"),
    f"{OFFICE}spreadsheetml.sheet": Kind(".xlsx", "Excel"),
    f"{OFFICE}presentationml.presentation": Kind(".pptx", "PowerPoint"),
    f"{OPEN_DOCUMENT}text": Kind(".odt", "OpenDocument-Text"),
    f"{OPEN_DOCUMENT}spreadsheet": Kind(".ods", "OpenDocument-Tabelle"),
    f"{OPEN_DOCUMENT}presentation": Kind(".odp", "OpenDocument-Präsentation"),
    "image/png": Kind(".png", "PNG-Bild"),
    "image/jpeg": Kind(".jpg", "JPEG-Bild"),
}
BY_MAGIC = ("application/pdf", "image/png", "image/jpeg")
OFFICE_MAIN = {  # the type of a package's main part; those with macros have others
    f"{OFFICE}wordprocessingml.document.main+xml": f"{OFFICE}wordprocessingml.document",
    f"{OFFICE}spreadsheetml.sheet.main+xml": f"{OFFICE}spreadsheetml.sheet",
    f"{OFFICE}presentationml.presentation.main+xml": f"{OFFICE}presentationml.presentation",
}
PACKAGE = b"PK\x03\x04"  # at the very beginning: a zip reader would find one behind anything else, too
LISTED = b"PK\x01\x02"  # before every entry of a package's directory
PACKED_BY = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})  # what both formats allow
CONTENT_TYPES, MIMETYPE = "[Content_Types].xml", "mimetype"
MACROS = re.compile(r"(^|/)(vbaProject\.bin|Basic/.*\.xml)$", re.IGNORECASE)

MOST_BYTES = 25 * 1024 * 1024
MOST_UNPACKED = 250 * 1024 * 1024
MOST_ENTRIES = 5_000
MOST_RATIO = 200  # plain XML packs to a twentieth, rarely to a hundredth
RATIO_COUNTS_FROM = 1024 * 1024
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
)
LONGEST_INDEX = 1024 * 1024
HEAD = 4096
BLOCK = 1024 * 1024

UNWANTED = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)$", re.IGNORECASE)
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
NAMELESS = "Datei"

PROBLEMS: dict[str, tuple[int, str, str, str | None]] = {
    "file_missing": (
        404,
        "Datei liegt nicht vor",
        "File missing",
        "Der Eintrag nennt diese Datei, aber sie ist nicht mehr vorhanden. Die Redaktion kann sie neu hochladen.",
    ),
    "file_type_not_allowed": (
        415,
        "Dateityp nicht erlaubt",
        "File type not allowed",
        "Erlaubt sind diese Typen, ohne Makros: {allowed}.",
    ),
    "file_type_mismatch": (
        415,
        "Inhalt passt nicht zum Dateityp",
        "Content does not match the file type",
        "Ihrem Inhalt nach ist die Datei von einem anderen Typ als angegeben: {found}.",
    ),
    "file_empty": (422, "Datei ist leer", "Empty file", "Die Datei hat keinen Inhalt."),
    "file_unreadable": (
        422,
        "Datei nicht lesbar",
        "File not readable",
        "Die Datei ist beschädigt, oder sie wächst beim Entpacken über jedes Maß.",
    ),
}
"""For the table of a service that takes files."""
UPLOAD_CODES = tuple(code for code in PROBLEMS if code != "file_missing")

UPLOAD = Upload(tuple(KINDS), MOST_BYTES)
"""For an endpoint that takes any of these files."""


def kind_of(content: bytes, declared: str) -> str:
    """The media type that the content shows.

    Raises the problem `file_empty`, `file_type_not_allowed`, `file_type_mismatch` (it is not what the client said) or
    `file_unreadable` (a package that is broken, or grows out of all proportion).
    """
    return kind_of_file(BytesIO(content), declared)


def kind_of_file(file: BinaryIO, declared: str) -> str:
    """The same of a file that is not in memory, and is not read into it."""
    file.seek(0)
    head = file.read(HEAD)
    if not head:
        raise Problem("file_empty")
    found = _by_magic(head) or (_inside(file) if head.startswith(PACKAGE) else None)
    if found is None:
        raise Problem("file_type_not_allowed", details={"allowed": ", ".join(kind.label for kind in KINDS.values())})
    if found != declared:
        raise Problem("file_type_mismatch", details={"found": KINDS[found].label})
    return found


def safe_name(given: str, media_type: str) -> str:
    """A name that any system can keep, with the ending of its type: no path, no control or direction characters."""
    ending = KINDS[media_type].ending
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", given))[-1]
    visible = "".join(c for c in UNWANTED.sub(" ", last) if unicodedata.category(c) not in UNSEEN)
    stem = re.sub(r"\.[A-Za-z][A-Za-z0-9]{1,4}$", "", " ".join(visible.split()).strip(". "))
    stem = stem[: LONGEST_NAME - len(ending)].strip(". ")
    return (f"{NAMELESS} {stem}" if RESERVED.match(stem) else stem or NAMELESS) + ending


def _by_magic(head: bytes) -> str | None:
    try:
        found = {match.mime_type for match in puremagic.magic_string(head)}
    except puremagic.PureError:
        return None
    return next((kind for kind in BY_MAGIC if kind in found), None)


def _inside(file: BinaryIO) -> str | None:
    """What a zip package says it is, in the words of its own format; None of any other zip."""
    if _count(file, LISTED) > MOST_ENTRIES:  # before a reader would make something of each
        raise Problem("file_unreadable")
    try:
        with zipfile.ZipFile(file) as package:
            entries = package.infolist()
            _refuse_disproportion(entries)
            if any(MACROS.search(entry.filename) for entry in entries):
                return None
            names = {entry.filename for entry in entries}
            if CONTENT_TYPES in names:
                return _office(_read(package, CONTENT_TYPES))
            if entries and entries[0].filename == MIMETYPE:
                return _open_document(_read(package, MIMETYPE))
    except BROKEN as broken:
        raise Problem("file_unreadable") from broken
    return None


def _count(file: BinaryIO, wanted: bytes) -> int:
    """How often something stands in a file, block by block."""
    file.seek(0)
    found, end = 0, b""
    while block := file.read(BLOCK):
        found += (end + block).count(wanted)
        end = block[1 - len(wanted) :]
    return found


def _refuse_disproportion(entries: list[zipfile.ZipInfo]) -> None:
    unpacked = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if unpacked > MOST_UNPACKED:
        raise Problem("file_unreadable")
    if unpacked > RATIO_COUNTS_FROM and unpacked > MOST_RATIO * max(packed, 1):
        raise Problem("file_unreadable")


def _read(package: zipfile.ZipFile, name: str) -> str:
    """One entry's text; no more of it is unpacked than an index may have, whatever the package says of its size."""
    if package.getinfo(name).compress_type not in PACKED_BY:
        raise Problem("file_unreadable")
    with package.open(name) as entry:
        raw = entry.read(LONGEST_INDEX + 1)
    if len(raw) > LONGEST_INDEX:
        raise Problem("file_unreadable")
    return raw.decode("utf-8")


def _office(index: str) -> str | None:
    main = [kind for part, kind in OFFICE_MAIN.items() if f'"{part}"' in index or f"'{part}'" in index]
    return main[0] if len(main) == 1 and "macroEnabled" not in index else None


def _open_document(mimetype: str) -> str | None:
    return mimetype if mimetype in KINDS else None
