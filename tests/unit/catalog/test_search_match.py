"""What a query in words finds, and what it does not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.catalog.organisation import Profile, RegisterOrganisation
from services.catalog.project_content import Content
from services.catalog.search_match import match
from services.catalog.search_query import Asked, asked
from services.catalog.vocabulary import OrganisationType
from shared.kernel.ids import named_id
from tests.unit.catalog.searching import index_of

TITLES = (
    "Hochwasserschutzkonzept der Kreise",
    "Förderung der Musik",
    "Offene Forderung der Kasse",
    "Straße und Brücke",
    "Gesundheit vor Ort",
    "Ort der Gesundheit",
    "Vollstrekcung im Verbund",
    "Der digitale Zwilling",
    "Digitale Zwillinge",
    "Ba\u00adde\u00adhaus der Ko\u0308nigin \uff9e",
)
INDEX = index_of({str(named_id("project", title)): Content(title=title) for title in TITLES})


def found(q: str) -> set[str]:
    hits = match(INDEX, q, INDEX.all).hits
    ids = {named_id("project", title): title for title in TITLES}
    return {ids[INDEX.id_of(document)] for document in hits}


@pytest.mark.parametrize(
    ("q", "titles"),
    [
        ("Hochwasser", {TITLES[0]}),
        ("Schutz", {TITLES[0]}),
        ("Konzept", {TITLES[0]}),
        ("Schutzkonzept", {TITLES[0]}),
        ("Förderung", {TITLES[1]}),
        ("Foerderung", {TITLES[1]}),
        ("förderungen", {TITLES[1]}),
        ("Forderung", {TITLES[2]}),
        ("Forderungen", {TITLES[2]}),
        ("forderun", {TITLES[1], TITLES[2]}),
        ("Strasse", {TITLES[3]}),
        ("STRAßEN", {TITLES[3]}),
        ("Bruecken", {TITLES[3]}),
        ("Brucke", {TITLES[3]}),
        ('"Gesundheit vor Ort"', {TITLES[4]}),
        ('"Ort der Gesundheit"', {TITLES[5]}),
        ('"Ort vor Gesundheit"', set()),
        ('"digitaler Zwilling"', {TITLES[7], TITLES[8]}),
        ("Vollstreckung", {TITLES[6]}),
        ("Badehaus", {TITLES[9]}),
        ("Königin", {TITLES[9]}),
        ("Ko\u0308nigin", {TITLES[9]}),
        ("Fo\u0308rde\u00adrung", {TITLES[1]}),
        ("„Gesundheit vor Ort“", {TITLES[4]}),
        ("“Ort vor Gesundheit”", set()),
        ("«digitaler Zwilling»", {TITLES[7], TITLES[8]}),
        ("\uff9e", {TITLES[9]}),
        ("Hochwaserschutzkonzept", {TITLES[0]}),
        ("Gesundheit -vor", {TITLES[5]}),
        ('Gesundheit -"der Gesundheit"', {TITLES[4]}),
        ("-Gesundheit -Zwilling -Kreise -Förderung -Forderung -Straße -Badehaus", {TITLES[6]}),
        ("zwill", {TITLES[7], TITLES[8]}),
        ("Gesundheit Raumfahrt", {TITLES[4], TITLES[5]}),
        ("Raumfahrt", set()),
        ("?! --", set()),
        ('""', set()),
        ("", set(TITLES)),
        ("  ", set(TITLES)),
    ],
)
def test_a_query_finds(q: str, titles: set[str]) -> None:
    assert found(q) == titles


@pytest.mark.parametrize(
    ("written", "asked_for"), [("Förderung der Musik", "Forderung"), ("Offene Forderungen", "Förderung")]
)
def test_one_of_a_pair_never_stands_for_the_other(written: str, asked_for: str) -> None:
    index = index_of({str(named_id("project", "x")): Content(title=written, summary=f"{written}santrag")})
    result = match(index, asked_for, index.all)
    assert not result.hits
    assert result.corrected is None


def test_signs_mean_just_what_is_written() -> None:
    assert found("Hochwaserschutzkonzept -Ort") == set()
    assert found('"Gesundheit vor" Raumfahrt') == set()


def test_what_was_meant_is_offered_as_it_is_written() -> None:
    assert match(INDEX, "Hochwaserschutzkonzept", INDEX.all).corrected == "Hochwasserschutzkonzept"
    assert match(INDEX, "Gesundhiet Ort", INDEX.all).corrected == "Gesundheit Ort"
    assert match(INDEX, "Gesundheit", INDEX.all).corrected is None


def test_who_gets_less_than_all_words_is_told() -> None:
    assert match(INDEX, "Gesundheit Ort", INDEX.all).all_words
    assert not match(INDEX, "Gesundheit Zwilling", INDEX.all).all_words
    assert found("Gesundheit Zwilling") == {TITLES[4], TITLES[5], TITLES[7], TITLES[8]}


def test_words_that_say_nothing_count_only_by_themselves() -> None:
    assert asked("der Bauhof und die Stadt") == Asked(("bauhof", "stadt"))
    assert asked("der und die") == Asked(("der", "und", "die"))


def test_a_quote_that_is_not_closed_is_none() -> None:
    assert asked('"offene Forderung') == Asked(("offene", "forderung"))
    assert asked('"Bauhof"') == Asked(("bauhof",))
    assert asked("OWL-IT -x-y") == Asked(("owl", "it"), (), (("x", "y"),))


@pytest.mark.parametrize(
    ("q", "words"),
    [
        ("Alte Hansestadt Lemgo", ("lemgo",)),
        ("Stadt Erwitte", ("erwitte",)),
        ("Stadt Bauhof", ("stadt", "bauhof")),
        ("Lemgo Stadt", ("lemgo", "stadt")),
    ],
)
def test_epithets_of_places_say_nothing(q: str, words: tuple[str, ...]) -> None:
    assert asked(q, {"lemgo", "erwitte"}).words == words


@settings(max_examples=40)
@given(st.text(max_size=40))
def test_any_text_is_a_query(q: str) -> None:
    result = match(INDEX, q, INDEX.all)
    assert result.hits <= INDEX.all
    if result.levels is not None:
        assert sum(map(len, result.levels.values())) == len(result.hits), "a document has one score"


def test_a_municipality_whose_name_holds_no_word_spoils_nothing() -> None:
    """A sign that folds to letters has a key in the directory, and is no word of a text."""
    organisations = [
        RegisterOrganisation(
            organisation_id=str(named_id("organisation", name)),
            profile=Profile(name=name, type=OrganisationType.MUNICIPALITY, ags=ags),
        )
        for name, ags in (("№", "05999001"), ("Bad Sassendorf", "05974004"))
    ]
    assert index_of({}, organisations=organisations).names.places == {"bad"}
