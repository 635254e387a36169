"""Spellings that mean the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from services.catalog.findable import Findable
from services.catalog.naming import folded, name_keys, sort_key, spelled, without_epithet, words


@pytest.mark.parametrize(
    "spellings",
    [
        ("Münster", "Muenster", "Munster", "MÜNSTER", "Mu\u0308nster"),
        ("Straße", "Strasse", "STRASSE", "STRAẞE", "Stra\u00adße"),
        ("Übach-Palenberg", "Uebach-Palenberg"),
        ("Köln", "Koeln", "Koln"),
    ],
)
def test_every_spelling_folds_to_the_same_letters(spellings: tuple[str, ...]) -> None:
    assert len({folded(spelling) for spelling in spellings}) == 1


def test_of_every_word_something_is_left() -> None:
    """Half-width katakana have marks that are words by themselves."""
    assert [c for c in map(chr, range(0x10000)) if c.isalnum() and not spelled(c)] == []


@given(st.text(alphabet="abeouäöüßAEÖ -", max_size=20), st.integers(0, 20))
def test_the_beginning_of_a_word_folds_to_the_beginning(text: str, length: int) -> None:
    assert folded(text).startswith(folded(text[:length]))


@pytest.mark.parametrize(
    ("epithet", "plain"),
    [
        ("Alte Hansestadt Lemgo", "Lemgo"),
        ("Stadt Erwitte", "Erwitte"),
        ("Gemeinde Bad Sassendorf", "Bad Sassendorf"),
        ("Kreis- und Hochschulstadt Meschede", "Meschede"),
        ("Landeshauptstadt Düsseldorf", "Düsseldorf"),
        ("Stadtlohn", "Stadtlohn"),
        ("Lippstadt", "Lippstadt"),
        ("Bergneustadt", "Bergneustadt"),
        ("Stadt Bergneustadt", "Bergneustadt"),
        ("Kreis Lippe", "Kreis Lippe"),
        ("Städte- und Gemeindebund NRW", "Städte- und Gemeindebund NRW"),
    ],
)
def test_an_epithet_is_no_part_of_the_name(epithet: str, plain: str) -> None:
    assert without_epithet(epithet) == plain


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Langenfeld (Rhld.)", "Langenfeld (Rheinland)"),
        ("Gronau (Westf.)", "Gronau (Westfalen)"),
        ("Alte Hansestadt Lemgo", "Lemgo"),
        ("Minden, Lübbecke", "Minden-Luebbecke"),
        ("Mülheim a. d. Ruhr", "Mülheim an der Ruhr"),
        ("St. Augustin", "Sankt Augustin"),
    ],
)
def test_two_names_of_one_place_share_a_key(one: str, other: str) -> None:
    assert set(name_keys(one)) & set(name_keys(other))


@pytest.mark.parametrize("nothing", ["", "  ", "!?", "___"])
def test_what_holds_no_word_has_no_key(nothing: str) -> None:
    assert name_keys(nothing) == []
    assert words(nothing) == []


@pytest.mark.parametrize("sign", ["№", "™", "㎡", "\ufe70", "!?"])
def test_what_is_found_by_its_name_has_a_letter_or_a_digit_in_it(sign: str) -> None:
    """Signs that fold to letters are no words of a text, and the search is by words."""
    with pytest.raises(ValidationError, match="Buchstaben oder eine Ziffer"):
        TypeAdapter(Findable).validate_python(sign)


def test_what_is_found_by_its_name_is_not_long_when_it_is_spelled_out() -> None:
    with pytest.raises(ValidationError, match="zu lang"):
        TypeAdapter(Findable).validate_python("ﷺ" * 100)
    assert TypeAdapter(Findable).validate_python("ß" * 300)


def test_umlauts_stand_where_their_vowels_stand() -> None:
    assert sorted(["Zülpich", "Ölsberg", "Ostbevern", "Übach", "Unna", "Aachen"], key=sort_key) == [
        "Aachen",
        "Ölsberg",
        "Ostbevern",
        "Übach",
        "Unna",
        "Zülpich",
    ]
