"""What a German spreadsheet holds, read and written."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog import cells
from services.catalog.cells import Unreadable
from services.catalog.plain_text import readable
from services.catalog.vocabulary import EffectUnit, LegalForm, Stage
from shared.kernel.formulas import guarded, guarded_inside, without_guard


def code_of(read: object, text: str) -> str:
    with pytest.raises(Unreadable) as refused:
        read(text)  # type: ignore[operator]
    assert refused.value.detail.endswith(".")
    return refused.value.code


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.234,5", 1234.5),
        ("1234.5", 1234.5),
        ("1.234", 1234),
        ("12.5", 12.5),
        ("1,234.5", 1234.5),
        ("-3", -3),
        ("12 000", 12000),
    ],
)
def test_numbers_are_read_as_germans_write_them(text: str, value: float) -> None:
    assert cells.number(text) == value


@pytest.mark.parametrize("text", ["viele", "1.2.3", "", "1,2,3", "12.34.567"])
def test_what_is_no_number_is_said(text: str) -> None:
    assert code_of(cells.number, text) == "not_a_number"


@given(st.floats(-1e15, 1e15) | st.integers(-(10**15), 10**15))
def test_a_number_comes_back(value: float) -> None:
    assert cells.number(cells.number_text(value)) == value


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2024", "2024"),
        ("2024-05", "2024-05"),
        ("05/2024", "2024-05"),
        ("Mai 2024", "2024-05"),
        ("Sept. 2023", "2023-09"),
        ("1.5.2024", "2024-05-01"),
        ("3. März 2024", "2024-03-03"),
        ("01.05.24", "2024-05-01"),
        ("31.12.99", "1999-12-31"),
        ("2024-05-01T00:00:00", "2024-05-01"),
        ("Mittwoch, 12.03.2025", "2025-03-12"),
        ("Mi., den 12.3.25", "2025-03-12"),
        ("Sonnabend 3.5.2025", "2025-05-03"),
    ],
)
def test_dates_are_read_german_or_iso(text: str, found: str) -> None:
    assert cells.partial_date(text) == found
    assert cells.partial_date(cells.date_text(found)) == found


def test_a_weekday_beside_a_date_must_fit() -> None:
    with pytest.raises(Unreadable) as refused:
        cells.partial_date("Mittwoch, 12.03.24")
    assert refused.value.code == "weekday_mismatch"
    assert refused.value.detail == "Der 12.03.2024 ist ein Dienstag."


@pytest.mark.parametrize(
    ("text", "code"), [("31.2.2024", "no_such_day"), ("bald", "not_a_date"), ("12", "not_a_date"), ("", "not_a_date")]
)
def test_what_is_no_date_is_said(text: str, code: str) -> None:
    assert code_of(cells.partial_date, text) == code


def test_a_whole_date_is_asked_for_where_one_is_needed() -> None:
    assert cells.day("27.05.2024") == date(2024, 5, 27)
    assert code_of(cells.day, "05/2024") == "date_incomplete"


def test_words_of_closed_lists_are_found_in_any_spelling() -> None:
    assert cells.term(Stage, "umgesetzt") is Stage.OPERATING
    assert cells.term(Stage, "IN BETRIEB / UMGESETZT") is Stage.OPERATING
    assert cells.term(LegalForm, "oeffentlich-rechtliche Vereinbarung, delegierend") is (
        LegalForm.PUBLIC_LAW_AGREEMENT_DELEGATING
    )
    assert code_of(lambda text: cells.term(Stage, text), "irgendwann") == "unknown_term"


def test_a_number_and_what_it_counts() -> None:
    assert cells.measured("18 %") == (18, EffectUnit.PERCENT)
    assert cells.measured("12.000 Euro im Jahr") == (12000, EffectUnit.EUR_PER_YEAR)
    assert code_of(cells.measured, "viel") == "not_measured"
    assert code_of(cells.measured, "3 Äpfel") == "unknown_term"


@given(st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), min_size=1), max_size=5))
def test_what_is_listed_in_a_cell_comes_back(texts: list[str]) -> None:
    cell = cells.joined(map(cells.escaped, texts))
    assert [cells.unescaped(item) for item in cells.items(cell)] == texts


def test_lists_take_semicolons_and_lines() -> None:
    assert cells.items("a; b\nc;;\r\n d ") == ["a", "b", "c", "d"]
    assert [cells.unescaped(item) for item in cells.items(r"a\;b; C:\Pfad")] == ["a;b", r"C:\Pfad"]


@pytest.mark.parametrize(
    "text",
    [
        *("=HYPERLINK(1)", "+49 2938", "-1", "@SUM(A1)", "|calc", "%0A", "\tx", "\rx", "\nx", "＝1", "＠1"),
        *("'=1", "''=1", " =1", "\u00a0=1", "\u200b=1", "' =1"),
    ],
)
def test_no_cell_is_run_and_every_cell_comes_back(text: str) -> None:
    assert guarded(text).startswith("'")
    assert without_guard(guarded(text)) == text


@given(st.text() | st.text(alphabet="'= \t|a"))
def test_guarding_loses_nothing(text: str) -> None:
    assert without_guard(guarded(text)) == text
    assert guarded(text).lstrip()[:1] not in set("=+-@|%＝＋－＠｜％") or guarded(text)[:1] == "'"
    assert guarded(text)[:1] not in set("=+-@|%\t\r\n")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a,=1+1", "a,'=1+1"),
        ('x","@SUM(A1)', 'x",\'"@SUM(A1)'),
        ("=1;-2", "=1;'-2"),
        ("Müller, Anna-Lena; 50 %", "Müller, Anna-Lena; 50 %"),
    ],
)
def test_what_stands_behind_another_separator_is_not_run_either(text: str, shown: str) -> None:
    assert guarded_inside(text) == shown


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("<p>Hallo <b>Welt</b></p><ul><li>a</li><li>b</li></ul>", "Hallo Welt\n– a\n– b"),
        ("Text<script>alert(1)</script>", "Text"),
        ("<img src=x onerror=alert(1)>Bild", "Bild"),
        ("<p>1 &lt; 2 &amp; 3</p>", "1 < 2 & 3"),
        ("a < b und c > d", "a < b und c > d"),
        ("<Platzhalter> bleibt", "<Platzhalter> bleibt"),
    ],
)
def test_markup_goes_and_the_text_stays(text: str, plain: str) -> None:
    assert readable(text) == plain


def test_a_number_that_nothing_holds_is_none() -> None:
    assert code_of(cells.number, "9" * 400) == "not_a_number"
    assert code_of(cells.whole_number, "9" * 400) == "not_a_number"
    assert code_of(cells.measured, f"{'9' * 400} Euro") == "not_a_number"


def test_more_things_than_any_field_takes_are_refused_before_they_are_looked_up() -> None:
    assert code_of(cells.items, "a;" * 1001) == "too_long"


def test_what_is_shown_of_a_cell_can_be_seen_and_kept() -> None:
    assert cells.shortened("a\0b\x1b") == "a\ufffdb\ufffd"
