"""Official files of populations, in the forms that town halls have them in. The numbers are invented."""

from datetime import date
from typing import Any

import pytest

from services.catalog.population_file import (
    Count,
    PopulationFile,
    Unreadable,
    day_of,
    official_key,
    read,
    whole_number,
)
from services.catalog.population_import import Entry, Plan, plan

DAY, TODAY = date(2024, 12, 31), date(2025, 9, 1)


def fixed(kind: str, key: str, name: str, population: int | str = "") -> str:
    """A line of a GV100AD file."""
    line = f"{kind}20250831{key:<8}{'':4}{name:<50}{'':50}64{'':4}{8700:011d}"
    return f"{line}{population:>011}" if isinstance(population, int) else f"{line}{population:>11}"


REGISTER = "\r\n".join(
    [
        fixed("10", "05", "Nordrhein-Westfalen"),
        fixed("40", "05766", "Lippe"),
        fixed("60", "05766044", "Lemgo, Stadt", 40_000),
        fixed("60", "05766008", "Bad Salzuflen, Stadt", 54_000),
        fixed("60", "03401000", "Delmenhorst, Stadt", 80_000),
        "",
    ]
)
COUNTS = (Count(3, "05766044", 40_000), Count(4, "05766008", 54_000), Count(5, "03401000", 80_000))


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16"),
        ("iso-8859-1", "windows-1252"),
        ("windows-1252", "windows-1252"),
    ],
)
def test_the_official_register_is_read_in_any_encoding(encoding: str, told: str) -> None:
    found = read(REGISTER.replace("Lippe", "Höxter").encode(encoding))
    assert (found.format, found.lines, found.counts, found.wrong) == ("gv100ad", 3, COUNTS, ())
    assert found.encoding == told


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["ags;name;einwohner", "05766044;Lemgo;40.000"], Count(2, "05766044", 40_000)),
        (["AGS,Population", '05766044,"40,000"'], Count(2, "05766044", 40_000)),
        (["Amtlicher Gemeindeschlüssel\tBevölkerung insgesamt", "5766044\t40 000"], Count(2, "05766044", 40_000)),
        (["", "Regionalschlüssel;Einwohnerzahl;x", "057660044044;40000,0;"], Count(3, "05766044", 40_000)),
        (["Einwohner|Stand|AGS", "40000|31.12.2024|05766044"], Count(2, "05766044", 40_000, DAY)),
        (["ags;einwohner;stichtag", "5766;340000;2024-12-31"], Count(2, "05766", 340_000, DAY)),
        (["ags;einwohner;stand", "05766044;40000;"], Count(2, "05766044", 40_000)),
    ],
)
def test_a_table_is_read_by_its_header(lines: list[str], expected: Count) -> None:
    found = read("\n".join(lines).encode("windows-1252"))
    assert (found.format, found.counts, found.wrong) == ("csv", (expected,), ())


def test_a_line_that_cannot_be_used_is_named_with_its_column() -> None:
    table = (
        "AGS;Einwohner;Stand\n0576;1;\n05766044;viele;\n05766008;12.5;\n05766012;-1;\n05766016;7;31.02.2024\n05766020"
    )
    found = read(table.encode())
    assert [(each.line, each.column, each.value) for each in found.wrong] == [
        (3, "Einwohner", "viele"),
        (4, "Einwohner", "12.5"),
        (5, "Einwohner", "-1"),
        (6, "Stand", "31.02.2024"),
        (7, "Einwohner", ""),
    ]
    assert found.counts == (Count(2, "00576", 1),)


def test_a_second_number_for_a_key_is_wrong_and_the_same_one_is_not() -> None:
    found = read(b"ags;einwohner\n05766044;1\n05766044;1\n05766044;2\n")
    assert found.counts == (Count(2, "05766044", 1),)
    assert [(each.line, each.value) for each in found.wrong] == [(4, "05766044")]


def test_a_cut_line_of_the_register_is_wrong() -> None:
    found = read((fixed("60", "05766044", "Lemgo")[:140] + "\n" + "Lemgo").encode())
    assert [(each.line, each.column) for each in found.wrong] == [(1, "Bevölkerung"), (2, "Satzart")]


@pytest.mark.parametrize(
    "raw",
    [b"", b"\n\n", b"PK\x03\x04workbook", b"\0\1\2", b"\xff\xfe\x00\xd8x", b"name;wert\nLemgo;1", b"ags\n05766044"],
)
def test_what_is_no_such_file_is_refused(raw: bytes) -> None:
    with pytest.raises(Unreadable, match=r"\.$"):
        read(raw)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1234", 1234),
        ("1.234", 1234),
        ("1,234", 1234),
        ("1'234", 1234),
        ("1 234\u202f567", 1234567),
        ("1.234,0", 1234),
        ("1234.00", 1234),
        ("0", 0),
        ("1.23", None),
        ("12,34,567", None),
        ("1e6", None),
        ("", None),
        ("٣", None),
        ("123456789", None),
    ],
)
def test_a_whole_number_in_any_usual_form(text: str, number: int | None) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize(
    ("text", "key"),
    [("05766044", "05766044"), ("5766", "05766"), ("057660000000", "05766"), ("0576", "00576"), ("Lemgo", None)],
)
def test_an_official_key_in_any_usual_form(text: str, key: str | None) -> None:
    assert official_key(text) == key


def test_a_day_that_is_none() -> None:
    assert day_of("31.12.2024") == DAY
    assert day_of("30.02.2024") is None
    assert day_of("gestern") is None


def entry(number: int, **known: Any) -> Entry:
    return Entry(**{"id": f"o{number}", "population": None, "as_of": None, "dissolved": False, **known})


def file(*counts: Count) -> PopulationFile:
    return PopulationFile("csv", "utf-8", len(counts), counts, ())


def numbers(found: Plan) -> dict[str, int]:
    return {key: command.population for key, command in found.commands.items()}


def test_a_district_is_the_sum_of_its_municipalities() -> None:
    known = {"05766": entry(1), "05766044": entry(2), "05766008": entry(3), "05766099": entry(4, dissolved=True)}
    both = file(Count(2, "05766044", 40), Count(3, "05766008", 60))
    assert numbers(plan(both, DAY, TODAY, known)) == {"o1": 100, "o2": 40, "o3": 60}
    one = file(Count(2, "05766044", 40))
    assert numbers(plan(one, DAY, TODAY, known)) == {"o2": 40}, "no sum of some"
    itself = file(*both.counts, Count(4, "05766", 101))
    assert numbers(plan(itself, DAY, TODAY, known))["o1"] == 101, "what the file says itself counts"
    other_day = file(both.counts[0], Count(3, "05766008", 60, date(2023, 12, 31)))
    assert numbers(plan(other_day, DAY, TODAY, known)) == {"o2": 40, "o3": 60}, "no sum of two days"


def test_a_report_counts_what_changes_and_what_does_not() -> None:
    known = {
        "05766044": entry(1, population=40, as_of=DAY),
        "05766008": entry(2, population=60, as_of=date(2025, 12, 31)),
        "05766012": entry(3, population=1, as_of=DAY),
        "05766016": entry(4),
    }
    counts = file(Count(2, "05766044", 40), Count(3, "05766008", 61), Count(4, "05766012", 2), Count(5, "03401000", 7))
    report = plan(counts, DAY, TODAY, known).report
    assert (report.changed, report.unchanged, report.newer, report.elsewhere, report.missing) == (1, 1, 1, 1, 1)
    assert (report.wrong, report.recorded) == (0, False)


def test_unknown_keys_and_counts_of_no_day_are_wrong() -> None:
    known = {"05766044": entry(1)}
    report = plan(file(Count(2, "05766044", 40), Count(3, "05999999", 1)), None, TODAY, known).report
    assert [(each.line, each.column) for each in report.wrong_lines] == [(2, "Stand"), (3, "Schlüssel")]
    assert report.changed == 0


def test_a_count_of_a_day_to_come_is_wrong() -> None:
    """It would keep every later count out for ever."""
    known = {"05766044": Entry("o1", None, None, dissolved=False)}
    wrong = plan(file(Count(2, "05766044", 40, date(2025, 9, 2))), None, TODAY, known)
    assert [(each.column, each.value) for each in wrong.report.wrong_lines] == [("Stand", "02.09.2025")]
    assert numbers(plan(file(Count(2, "05766044", 40)), TODAY, TODAY, known)) == {"o1": 40}


@pytest.mark.parametrize("raw", [b"ags;einwohner\n" + b"x;y\n" * 50_000, b"ags;einwohner" + b";" * 200])
def test_what_is_far_larger_than_any_register_is_not_looked_at(raw: bytes) -> None:
    with pytest.raises(Unreadable, match="hat mehr als"):
        read(raw)
