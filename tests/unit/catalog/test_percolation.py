"""A saved search is told of a project if and only if the search finds it, typing corrections aside."""

import unicodedata
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.catalog.german import STOP
from services.catalog.organisation import Profile, RegisterOrganisation
from services.catalog.percolation import alone, described, fits, groups_of, keys_of, needs_proof, reach_of, unknown_in
from services.catalog.project_content import Content, Effect, Funding, Participation, Reuse
from services.catalog.search_index import Index
from services.catalog.search_live import entry_of
from services.catalog.search_pages import ask
from services.catalog.search_query import asked
from services.catalog.search_shown import ProjectFilter
from services.catalog.size_class import SizeClass
from services.catalog.topic import DefineTopic, Group
from services.catalog.vocabulary import EffectKind, LegalForm, OrganisationType, Role, Stage
from shared.kernel.ids import named_id
from tests.unit.catalog.searching import index_of, named, row

WORDS = (
    "Hochwasser",
    "Hochwasserschutzkonzept",
    "Schutz",
    "Schutzkonzepte",
    "Förderung",
    "Forderungen",
    "Straßenbeleuchtung",
    "Strasse",
    "Beleuchtung",
    "Bürgerbüro",
    "Buerger",
    "digitale",
    "Digitalisierung",
    "Bauhof",
    "Bauhofs",
    "Stadt",
    "Lemgo",
    "der",
    "und",
    "Ausbau",
    "Glasfaserausbau",
    "Unterhaltung",
    "Gewässerunterhaltung",
    "Vollstreckung",
    "Vollstrekcung",
)
SIGNS = " -qxzvbn"
"""What no text holds is left out: the search then means just what is written, and finds the same otherwise."""
PLACES = (("Lemgo", "05766044", 52.03, 8.9), ("Detmold", "05766020", 51.93, 8.88), ("Kerpen", "05362032", 50.87, 6.7))
SIZES = (40_000, 74_000, 66_000)
TOPICS = tuple(
    DefineTopic(topic=code, slug=code, label=label, group=Group(code=group, slug=group, label=group.title()))
    for code, label, group in (
        ("works_depot", "Bauhof", "technics"),
        ("flood", "Hochwasserschutz", "technics"),
        ("treasury", "Vollstreckung und Kasse", "finance"),
    )
)


def organisations(*, moved: bool = False) -> list[RegisterOrganisation]:
    """Of a few places; `moved`: each to where another one was."""
    places = [(*one[:2], *other[2:]) for one, other in zip(PLACES, (*PLACES[1:], PLACES[0]), strict=True)]
    return [
        RegisterOrganisation(
            organisation_id=str(named_id("organisation", ags)),
            profile=Profile(
                name=name,
                type=OrganisationType.MUNICIPALITY,
                ags=ags,
                latitude=latitude,
                longitude=longitude,
                population=population,
                population_as_of=date(2024, 12, 31),
            ),
        )
        for (name, ags, latitude, longitude), population in zip(places if moved else PLACES, SIZES, strict=True)
    ]


ORGANISATIONS = organisations()
MERGERS: tuple[dict[str, str], ...] = (
    {},
    {"works_depot": "flood"},
    {ORGANISATIONS[1].organisation_id: ORGANISATIONS[0].organisation_id},
)
texts = st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join)
contents = st.builds(
    lambda title, summary, description, topics, bodies, said: Content(
        title=f"Projekt {title}",
        summary=summary or None,
        description=description or None,
        topics=tuple(topics),
        participations=tuple(
            Participation(organisation_id=each.organisation_id, ags=each.profile.ags, role=Role.LEAD) for each in bodies
        ),
        **said,
    ),
    texts,
    texts,
    texts,
    st.lists(st.sampled_from([each.topic for each in TOPICS]), max_size=2, unique=True),
    st.lists(st.sampled_from(ORGANISATIONS), max_size=2, unique_by=lambda each: each.organisation_id),
    st.fixed_dictionaries(
        {},
        optional={
            "reuse": st.sampled_from([None, True, False]).map(lambda possible: Reuse(text="Ja", possible=possible)),
            "funding": st.just((Funding(programme="EFRE"),)),
            "stage": st.sampled_from(Stage),
            "legal_form": st.sampled_from(LegalForm),
            "effects": st.sampled_from(EffectKind).map(lambda kind: (Effect(kind=kind, text="Mehr"),)),
        },
    ),
)
pieces = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(WORDS).map(lambda word: word[: max(3, len(word) * 2 // 3)]),
    st.sampled_from(WORDS).map(lambda word: f"-{word}"),
    st.sampled_from(WORDS).map(str.upper),
    st.sampled_from(WORDS).map(lambda word: unicodedata.normalize("NFD", word)),
    st.tuples(st.sampled_from(WORDS), st.sampled_from(WORDS)).map(lambda two: f'"{two[0]} {two[1]}"'),
)
queries = st.builds(
    lambda q, narrowed, near: ProjectFilter(**({"q": q} if q else {}), **narrowed, **near),
    st.lists(pieces, max_size=3).map(" ".join),
    st.fixed_dictionaries(
        {},
        optional={
            "topic": st.lists(st.sampled_from(["works_depot", "flood", "treasury"]), min_size=1, max_size=2).map(tuple),
            "group": st.just(("technics",)),
            "organisation": st.sampled_from([("05766044",), (ORGANISATIONS[1].organisation_id, "05362032")]),
            "district": st.just(("05766",)),
            "regierungsbezirk": st.just(("057",)),
            "funded": st.booleans(),
            "reuse": st.booleans(),
            "best_practice": st.booleans(),
            "stage": st.sampled_from(Stage).map(lambda stage: (stage,)),
            "legal_form": st.lists(st.sampled_from(LegalForm), min_size=1, max_size=3).map(tuple),
            "size_class": st.sampled_from(SizeClass).map(lambda size: (size,)),
            "effect_kind": st.lists(st.sampled_from(EffectKind), min_size=1, max_size=3).map(tuple),
        },
    ),
    st.one_of(
        st.just({}),
        st.builds(
            lambda place, far: {"near": place[1], "within_km": far},
            st.sampled_from(PLACES),
            st.sampled_from([1.0, 12.0, 500.0]),
        ),
    ),
)


def percolates(index: Index, facts: dict[str, Any], query: ProjectFilter) -> bool:
    """What the database finds out, and a proof where that is not sure."""
    one = alone(index, entry_of(facts))
    keys, groups = keys_of(one), groups_of(query)
    near = query.near is None or query.within_km is None or reach_of(one).get(query.near, 1e9) <= query.within_km
    if not near or not all(keys & {*group.sure, *group.likely} for group in groups):
        return False
    sure = not needs_proof(query) and all(keys & {*group.sure} for group in groups)
    return sure or fits(one, query)


def asks_nothing(q: str | None) -> bool:
    """Words that say nothing count by themselves alone, and signs beside them are something."""
    return bool(q) and set(asked(q or "").words) <= STOP


@settings(max_examples=100, deadline=None)
@given(st.lists(contents, min_size=1, max_size=4), st.booleans(), queries, st.booleans(), st.sampled_from(MERGERS))
def test_it_is_told_if_and_only_if_the_search_finds_it(
    written: list[Content],
    marked: bool,  # noqa: FBT001 -- drawn by hypothesis
    query: ProjectFilter,
    moved: bool,  # noqa: FBT001
    merged: dict[str, str],
) -> None:
    """Whatever was merged or moved after the search was saved."""
    assume(not asks_nothing(query.q))
    ids = [str(named_id("project", str(number))) for number in range(len(written))]
    index = index_of({}, TOPICS, ORGANISATIONS)
    rows = [row(each, content, best_practice=marked) for each, content in zip(ids, written, strict=True)]
    for facts in rows:
        index.put(entry_of(facts))
    named(index, TOPICS, organisations(moved=moved), merged)
    plainly = query.model_copy(update={"q": query.q and query.q + SIGNS})
    found = {str(index.id_of(document)) for document in ask(index, plainly).kept}
    assert {each for each, facts in zip(ids, rows, strict=True) if percolates(index, facts, query)} == found
    all_that_is_found = {str(index.id_of(document)) for document in ask(index, query).kept}
    assert found <= all_that_is_found


FLOOD = Content(
    title="Hochwasserschutz in Lemgo",
    topics=("flood",),
    participations=(Participation(organisation_id=ORGANISATIONS[0].organisation_id, ags="05766044", role=Role.LEAD),),
)


@pytest.mark.parametrize(
    ("search", "times"),
    [
        ({"q": "hochwasser"}, 1),
        ({"q": "schutz lemgo"}, 1),
        ({"q": "Alte Hansestadt Lemgo"}, 1),
        ({"q": "hochwaserschutz"}, 0),
        ({"q": "hochwasser raumfahrt"}, 0),
        ({"q": "hochwasser", "topic": ("works_depot",)}, 0),
        ({"topic": ("flood",), "near": "05766020", "within_km": 12}, 1),
        ({"topic": ("flood",), "near": "05766020", "within_km": 10}, 0),
        ({"near": "05999999", "within_km": 900}, 0),
        ({"q": "?!"}, 0),
        ({"topic": ()}, 0),
        ({"q": "der die das"}, 0),
        ({"q": "in"}, 1),
        ({"funded": False}, 1),
        ({}, 1),
    ],
)
def test_a_search_is_told_of_a_project(search: dict[str, Any], times: int) -> None:
    index = index_of({}, TOPICS, ORGANISATIONS)
    assert percolates(index, row(str(named_id("project", "x")), FLOOD), ProjectFilter(**search)) == times


@pytest.mark.parametrize(
    ("title", "q", "times"),
    [
        ("Das Haus", "haus", 1),
        ("Häuser am Markt", "Haus", 1),
        ("Hausmeister", "Haus", 1),
        ("Hausmeister", "Häuser", 0),
        ("Hochwasserschutzkonzept", "Hochwassersch", 1),
        ("Hochwasserschutzkonzept", "schutz", 1),
        ("Riesenklops", "klops", 1),
        ("Konzept für den Wald", "Waldkonzept", 1),
        ("Schutz vor Hochwasser", "Hochwasserschutz", 1),
        ("Schutz vor Hochwassern", "Hochwasserschutzes", 1),
        ("Schutz", "Hochwasserschutz", 0),
        ("Förderung der Musik", "Forderung", 0),
        ("Offene Forderung", "forderungen", 1),
        ("Straße", "strasse", 1),
        ("Ort der Gesundheit", '"Ort der Gesundheit"', 1),
        ("Gesundheit vor Ort", '"Ort der Gesundheit"', 0),
    ],
)
def test_every_way_to_have_a_word_has_a_key(title: str, q: str, times: int) -> None:
    project_id, content = str(named_id("project", "x")), Content(title=title)
    index = index_of({project_id: content})
    assert len(ask(index, ProjectFilter(q=q + SIGNS)).kept) == times
    assert percolates(index, row(project_id, content), ProjectFilter(q=q)) == times


def test_the_words_of_a_search_may_be_saved_before_the_catalogue_knows_them() -> None:
    """Its keys are made once, and hold when words have come that compounds are then taken apart by."""
    query = ProjectFilter(q="Quirlmühlenpachtvertrag")
    groups = groups_of(query)
    titles = ("Quirlmühlen", "Pachtvertrag der Quirlmühle")
    contents = {str(named_id("project", title)): Content(title=title) for title in titles}
    index = index_of(contents)
    one = alone(index, entry_of(row(*list(contents.items())[1])))
    assert all(keys_of(one) & {*group.sure, *group.likely} for group in groups)
    assert fits(one, query)


def test_searches_stay_right_when_topics_and_organisations_are_merged() -> None:
    """Merged ones lead to what stays; searches were saved with what was."""
    index = index_of({}, TOPICS, ORGANISATIONS)
    gone = ORGANISATIONS[1].organisation_id
    named(index, TOPICS, ORGANISATIONS, {"works_depot": "flood", gone: ORGANISATIONS[0].organisation_id})
    facts = row(str(named_id("project", "x")), FLOOD)
    for query in ({"topic": ("works_depot",)}, {"organisation": (gone,)}, {"organisation": ("05766020",)}):
        assert percolates(index, facts, ProjectFilter(**query))
    assert percolates(index, facts, ProjectFilter(q="Bauhof")), "what a topic was called still leads to it"
    assert not percolates(index, facts, ProjectFilter(topic=("treasury",)))


def test_bodies_like_one_are_asked_for_anew() -> None:
    index = index_of({}, TOPICS, ORGANISATIONS)
    one = alone(index, entry_of(row(str(named_id("project", "x")), FLOOD)))
    query = ProjectFilter(like="05766020")
    assert needs_proof(query)
    assert fits(one, query, [ORGANISATIONS[0].organisation_id])
    assert not fits(one, query, [ORGANISATIONS[2].organisation_id])


def test_what_a_search_asks_for_is_said_in_german() -> None:
    index = index_of({}, TOPICS, ORGANISATIONS)
    query = ProjectFilter(
        q="Deich", topic=("flood", "treasury"), organisation=("05766044",), funded=True, near="05362032", within_km=30
    )
    assert described(index, query) == (
        "„Deich“, Hochwasserschutz oder Vollstreckung und Kasse, Lemgo, Mit Fördermitteln, höchstens 30 km von Kerpen"
    )
    assert described(index, ProjectFilter()) == "alle Projekte"


def test_a_search_that_names_what_there_is_not_is_noticed() -> None:
    names = index_of({}, TOPICS, ORGANISATIONS).names
    query = ProjectFilter(topic=("flood", "astrology"), organisation=("05999999",), near="05999999", within_km=5)
    assert unknown_in(query, names) == ["topic", "organisation", "near"]
    assert unknown_in(ProjectFilter(topic=("flood",), organisation=("05766044",)), names) == []


def test_a_body_that_is_not_known_yet_is_nowhere() -> None:
    """Newer code wrote its entry: whoever is asked about the project answers all the same."""
    unknown = Participation(organisation_id=str(named_id("organisation", "new")), role=Role.LEAD)
    content = FLOOD.model_copy(update={"participations": (unknown,)})
    facts = row(str(named_id("project", "x")), content)
    assert reach_of(alone(index_of({}, TOPICS, ORGANISATIONS), entry_of(facts))) == {}
    assert percolates(index_of({}, TOPICS, ORGANISATIONS), facts, ProjectFilter(q="Hochwasser"))


def test_a_project_is_alone_in_an_index_of_its_own() -> None:
    one = alone(index_of({}, TOPICS, ORGANISATIONS), entry_of(row(str(named_id("project", "x")), FLOOD)))
    assert one.id_of(0) == UUID(str(named_id("project", "x")))
    assert {"topic:flood", "group:technics", "district:05766", "organisation:05766044", "funded:false"} <= keys_of(one)
    assert reach_of(one)["05766044"] == 0
