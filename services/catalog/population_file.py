"""Reading an official file of populations: the GV100AD of the statistical offices, or a table as CSV. Pure.

GV100AD has fixed columns (record description of the Destatis Gemeindeverzeichnis): record type in characters 1–2, the
day of the territory in 3–10, the key in 11–18, the population of a municipality (type 60) in 140–150. The day of the
count stands in neither, so whoever sends the file names it, unless a table has a column for it.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from services.catalog.naming import name_key

type Format = Literal["gv100ad", "csv"]
type Encoding = Literal["utf-8", "utf-16", "windows-1252"]

GV100AD_LINE = re.compile(r"(10|20|30|40|50|60)[0-9]{8}")
MUNICIPALITY = "60"
KEY, COUNT = slice(10, 18), slice(139, 150)
COLUMNS: dict[str, frozenset[str]] = {
    "key": frozenset(
        {"ags", "ars", "amtlicher gemeindeschlussel", "gemeindeschlussel", "schlussel", "schlusselnummer", "key"}
        | {"amtlicher regionalschlussel", "regionalschlussel"}
    ),
    "population": frozenset(
        {"population", "einwohner", "einwohnerzahl", "bevolkerung", "bevolkerung insgesamt", "insgesamt"}
        | {"einwohnerinnen und einwohner"}
    ),
    "as_of": frozenset({"as of", "population as of", "stand", "stichtag"}),
}
GERMAN_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
GROUPED = re.compile(r"\d{1,3}(?:([.,'])\d{3})(?:\1\d{3})*")
SPACES = str.maketrans("", "", " \u00a0\u2009\u202f")
NOTHING_AFTER_THE_POINT = re.compile(r"[.,]0{1,2}$")
LONGEST_VALUE = 40
MOST_LINES = 50_000
MOST_COLUMNS = 200
"""The register of all of Germany has some 16,000 lines; no table of it has so many columns."""
MOST_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Count:
    """How many people one line says live in a municipality or a district."""

    line: int
    ags: str
    population: int
    as_of: date | None = None


@dataclass(frozen=True, slots=True)
class Wrong:
    """A line that cannot be used: where, in which column, why, and what stood there."""

    line: int
    column: str
    reason: str
    value: str


@dataclass(frozen=True, slots=True)
class PopulationFile:
    """What a file says."""

    format: Format
    encoding: Encoding
    lines: int
    counts: tuple[Count, ...]
    wrong: tuple[Wrong, ...]


class Unreadable(Exception):
    """It is no such file; the text says why, in German."""


def read(raw: bytes) -> PopulationFile:
    """The counts in a file, and the lines that cannot be used."""
    encoding, text = decoded(raw)
    lines = text.splitlines()
    if len(lines) > MOST_LINES:
        raise Unreadable(f"Diese Datei hat mehr als {MOST_LINES:,} Zeilen.".replace(",", "."))
    first = next((line for line in lines if line.strip()), "")
    if GV100AD_LINE.match(first):
        format_: Format = "gv100ad"
        found = [*_fixed(lines)]
    else:
        format_, found = "csv", [*_table(text, first)]
    counts = [each for each in found if isinstance(each, Count)]
    wrong = [each for each in found if isinstance(each, Wrong)]
    return PopulationFile(format_, encoding, len(found), *_once(counts, wrong))


def decoded(raw: bytes) -> tuple[Encoding, str]:
    """The text in the encoding it is in: UTF-8, UTF-16 with its mark, else Windows-1252, as town halls have it."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16", _text(raw, "utf-16")
    if b"\0" in raw or raw[:4] == b"PK\x03\x04":
        raise Unreadable("Das ist keine Textdatei. Bitte speichern Sie die Tabelle als CSV.")
    try:
        return "utf-8", raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "windows-1252", raw.decode("windows-1252", errors="replace")


def _text(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unreadable("Die Zeichen dieser Datei lassen sich nicht lesen.") from error


def _fixed(lines: Sequence[str]) -> Iterator[Count | Wrong]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if not GV100AD_LINE.match(line):
            yield Wrong(number, "Satzart", "Diese Zeile hat keine bekannte Satzart.", line[:10])
        elif line.startswith(MUNICIPALITY):
            yield _count(number, line[KEY].strip(), line[COUNT].strip(), None, ("Schlüssel", "Bevölkerung", ""))


def _table(text: str, header: str) -> Iterator[Count | Wrong]:
    delimiter = max(";,\t|", key=header.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        names = next((row for row in rows if any(cell.strip() for cell in row)), [])
        places = _places(names)
        said = (names[places["key"]], names[places["population"]], names[places["as_of"]] if "as_of" in places else "")
        for row in rows:
            if any(cell.strip() for cell in row):
                cells = [row[place].strip() if place < len(row) else "" for place in places.values()]
                key, population, *day = cells
                yield _count(rows.line_num, key, population, day[0] if day else None, said)
    except csv.Error as error:
        raise Unreadable("Diese Datei ist keine lesbare CSV-Tabelle.") from error


def _places(names: Sequence[str]) -> dict[str, int]:
    """Where each column stands, key and population first; whatever else there is does not matter."""
    if len(names) > MOST_COLUMNS:
        raise Unreadable(f"Diese Tabelle hat mehr als {MOST_COLUMNS} Spalten.")
    keys = [name_key(name[:LONGEST_VALUE]) for name in names]
    places = {
        column: place
        for column, known in COLUMNS.items()
        for place, key in reversed([*enumerate(keys)])
        if key in known
    }
    missing = [german for column, german in (("key", "AGS"), ("population", "Einwohner")) if column not in places]
    if missing:
        raise Unreadable(f"In der Kopfzeile fehlt eine Spalte: {' und '.join(missing)}.")
    return places


def _count(line: int, key: str, population: str, day: str | None, columns: tuple[str, str, str]) -> Count | Wrong:
    ags = official_key(key)
    if ags is None:
        return Wrong(line, columns[0], "Ein Schlüssel hat 8 Stellen (Gemeinde) oder 5 (Kreis).", key[:LONGEST_VALUE])
    number = whole_number(population)
    if number is None:
        return Wrong(line, columns[1], "Erwartet wird eine ganze Zahl ab 0.", population[:LONGEST_VALUE])
    if not day:
        return Count(line, ags, number)
    as_of = day_of(day)
    if as_of is None:
        return Wrong(line, columns[2], "Erwartet wird ein Tag wie 31.12.2024.", day[:LONGEST_VALUE])
    return Count(line, ags, number, as_of)


def official_key(text: str) -> str | None:
    """The key in any usual form: with its leading zero lost, or as the longer regional key; None if it is none."""
    digits = text.translate(SPACES)
    if not (digits.isascii() and digits.isdecimal()):
        return None
    match len(digits):
        case 4 | 7:
            return f"0{digits}"
        case 5 | 8:
            return digits
        case 12:
            return digits[:5] if digits[5:] == "0000000" else digits[:5] + digits[9:]
        case _:
            return None


def whole_number(text: str) -> int | None:
    """The number in any usual form: 1234, 1.234, 1 234, 1,234, 1234,0; None if it is no whole one."""
    bare = NOTHING_AFTER_THE_POINT.sub("", text.translate(SPACES))
    if GROUPED.fullmatch(bare):
        bare = re.sub(r"[.,']", "", bare)
    digits = bare.lstrip("0") or bare[-1:]
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= MOST_DIGITS else None


def day_of(text: str) -> date | None:
    """A day as 2024-12-31 or 31.12.2024; None if there is no such day."""
    try:
        if german := GERMAN_DAY.fullmatch(text.strip()):
            day, month, year = map(int, german.groups())
            return date(year, month, day)
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def _once(counts: Sequence[Count], wrong: Sequence[Wrong]) -> tuple[tuple[Count, ...], tuple[Wrong, ...]]:
    """Each key once; a second number for one is wrong."""
    first: dict[str, Count] = {}
    twice: list[Wrong] = []
    for count in counts:
        known = first.setdefault(count.ags, count)
        if (known.population, known.as_of) != (count.population, count.as_of):
            reason = f"Für diesen Schlüssel nennt Zeile {known.line} eine andere Zahl."
            twice.append(Wrong(count.line, "Schlüssel", reason, count.ags))
    return tuple(first.values()), tuple(sorted((*wrong, *twice), key=lambda each: each.line))
