"""Stems, compounds, and words that an umlaut tells apart."""

import pytest

from services.catalog.german import split, stem, told_apart
from services.catalog.naming import bare, folded, spelled


@pytest.mark.parametrize("word", ["Straße", "Ärztin", "Übergänge", "Köln-Süd", "ﬁnanz", "İzmir", "Müller", "Goethe"])
def test_the_bare_form_is_the_folded_one(word: str) -> None:
    assert bare(spelled(word)) == folded(word)


def test_every_way_of_writing_an_umlaut_is_one_spelling() -> None:
    assert {spelled(word) for word in ("Förde", "FÖRDE", "Foerde", "Fo\u0308rde")} == {"foerde"}
    assert spelled("Straße") == spelled("STRASSE")
    assert spelled("Forde") == "forde"


@pytest.mark.parametrize(("one", "other"), [("Häuser", "Haus"), ("Städte", "Stadt"), ("Musikschulen", "Musikschule")])
def test_forms_of_a_word_have_one_stem(one: str, other: str) -> None:
    assert stem(spelled(one)) == stem(spelled(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Förderung", "Forderung"),
        ("Förderungen", "Forderungen"),
        ("Wirtschaftsförderung", "Wirtschaftsforderung"),
        ("Forderungsmanagement", "Förderungsmanagement"),
        ("schon", "schön"),
        ("zählen", "zahlen"),
    ],
)
def test_an_umlaut_may_make_another_word(one: str, other: str) -> None:
    assert told_apart(spelled(one))
    assert told_apart(spelled(other))
    assert stem(spelled(one)) != stem(spelled(other))


@pytest.mark.parametrize("word", ["Förderschule", "Horstmar", "Häuser", "Bauhof"])
def test_most_umlauts_do_not_matter(word: str) -> None:
    assert not told_apart(spelled(word))


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("Hochwasserschutz", ("hochwasser", "schutz")),
        ("Hochwasserschutzkonzept", ("hochwasser", "schutz", "konzept")),
        ("Gesundheitskiosk", ("gesundheit", "kiosk")),
        ("Straßenreinigung", ("strasse", "reinigung")),
        ("Rechnungsprüfungsamt", ("rechnung", "pruefung", "amt")),
        ("Stadtbüchereien", ("stadt", "buecherei")),
        ("Quirlschutz", ("quirl", "schutz")),
        ("Verwaltung", ()),
        ("Düsseldorf", ()),
        ("Amt", ()),
        ("x" * 200, ()),
    ],
)
def test_compounds_are_split_at_their_parts(word: str, parts: tuple[str, ...]) -> None:
    assert split(spelled(word), {"kiosk"}.__contains__) == parts
