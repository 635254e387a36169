"""A project as a row: whatever it says comes back from its cells."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.cells import Unreadable
from services.catalog.export_cells import Names
from services.catalog.export_json import exported, feature
from services.catalog.lookup import Lookup, Organisations, organisations_of, topics_of
from services.catalog.organisation_directory import Meant
from services.catalog.project import Project
from services.catalog.project_cells import KEYS_BY_SPELLING, SPEAKING, speaking_cells
from services.catalog.project_content import (
    Component,
    Content,
    Document,
    Effect,
    Funding,
    Method,
    Milestone,
    Reuse,
)
from services.catalog.project_page import Entry
from services.catalog.site import Site
from services.catalog.topic_list import Entry as Topic
from services.catalog.vocabulary import (
    EffectKind,
    EffectUnit,
    LegalForm,
    Motive,
    Obstacle,
    OrganisationType,
    ResourceKind,
    Role,
    Stage,
    SuccessFactor,
)
from shared.kernel.csv_cells import csv_cell, csv_line
from shared.kernel.testing import NOON
from tests.unit.catalog.project_stories import content

LINES = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), min_size=1, max_size=20
) | st.sampled_from(["18 %: viel; mehr | und \\ dazu", "=SUMME(A1)", "Am: 2024", "Wert: 3", "a\\"])
SOME = st.none() | LINES
DATES = st.sampled_from(["2024", "2024-05", "2024-05-27"])
EFFECTS = st.builds(
    lambda kind, text, measured, base, period, source: Effect(
        kind=kind,
        text=text,
        value=measured and measured[0],
        unit=measured and measured[1],
        base=base,
        period=period,
        source=source,
    ),
    st.sampled_from(EffectKind),
    LINES,
    st.none() | st.tuples(st.integers(-(10**6), 10**6) | st.sampled_from([0.5, 18.25]), st.sampled_from(EffectUnit)),
    SOME,
    SOME,
    SOME,
)
CONTENTS = st.builds(
    Content,
    title=LINES,
    short_title=SOME,
    summary=SOME,
    description=SOME,
    keywords=st.lists(LINES, max_size=3).map(tuple),
    participations_complete=st.booleans(),
    region=SOME,
    legal_form=st.none() | st.sampled_from(LegalForm),
    stage=st.none() | st.sampled_from(Stage),
    start=st.none() | DATES,
    motives=st.lists(st.sampled_from(Motive), max_size=3).map(tuple),
    goals=st.lists(LINES, max_size=3).map(tuple),
    measures=st.lists(LINES, max_size=3).map(tuple),
    effects=st.lists(EFFECTS, max_size=2).map(tuple),
    success_factors=st.lists(st.sampled_from(SuccessFactor), max_size=2).map(tuple),
    obstacles=st.lists(st.sampled_from(Obstacle), max_size=2).map(tuple),
    method=st.none() | st.builds(Method, name=LINES, duration_weeks=st.none() | st.integers(1, 5200), scope=SOME),
    milestones=st.lists(st.builds(Milestone, text=LINES, on=st.none() | DATES, reached=st.booleans()), max_size=2).map(
        tuple
    ),
    components=st.lists(
        st.builds(Component, name=LINES, text=SOME, link=st.none() | st.just("https://example.org/a;b|c")), max_size=2
    ).map(tuple),
    reuse=st.none() | st.builds(Reuse, text=LINES, possible=st.none() | st.booleans()),
    funding=st.lists(
        st.builds(
            Funding, programme=LINES, amount_eur=st.none() | st.integers(0, 10**9), approved_on=st.none() | st.dates()
        ),
        max_size=2,
    ).map(tuple),
    documents=st.lists(st.builds(Document, title=LINES, kind=st.sampled_from(ResourceKind)), max_size=2).map(tuple),
)


@given(CONTENTS)
def test_what_a_project_says_comes_back_from_its_cells(content: Content) -> None:
    cells = speaking_cells(content, list(SPEAKING.values()))
    fields = {name: SPEAKING[name].read(cell) for name, cell in zip(SPEAKING, cells, strict=True) if cell}
    assert Content.model_validate(fields) == content


def test_an_effect_is_read_as_people_write_it() -> None:
    read = SPEAKING["effects"].read
    assert read("Kosteneinsparung: 18 %\nWissen: mehr Austausch") == (
        {"kind": EffectKind.COST_SAVING, "value": 18, "unit": EffectUnit.PERCENT},
        {"kind": EffectKind.KNOWLEDGE, "text": "mehr Austausch"},
    )


def test_a_part_without_a_known_label_is_said() -> None:
    with pytest.raises(Unreadable) as no:
        SPEAKING["funding"].read("IKZ-Förderung | 12.000 Euro")
    assert no.value.code == "unknown_part"
    assert "„Betrag in Euro:“" in no.value.detail


def test_headings_are_known_in_german_and_english_and_any_spelling() -> None:
    wanted = {
        "titel": "title",
        "legal form": "legal_form",
        "rechtsform": "legal_form",
        "beweggrunde": "motives",
        "federfuhrend": "lead",
        "lead": "lead",
        "projekt id": "id",
    }
    assert {spelled: KEYS_BY_SPELLING.get(spelled) for spelled in wanted} == wanted


def organisation(
    key: str, name: str, ags: str | None, kind: OrganisationType, *keys: str
) -> tuple[str, str | None, str, Meant]:
    meant = Meant(id=key, ags=ags, name=name, type=kind, latitude=None, longitude=None)
    return key, ags, f"|{'|'.join(keys)}|", meant


def id_of(number: int) -> str:
    return f"00000000-0000-5000-8000-{number:012}"


LOOKUP = Lookup(
    organisations_of(
        [
            organisation(id_of(1), "Lemgo", "05766044", OrganisationType.TOWN, "lemgo"),
            organisation(id_of(2), "Bielefeld", "05711000", OrganisationType.INDEPENDENT_CITY, "bielefeld"),
            organisation(id_of(3), "Bielefeld", "05711", OrganisationType.INDEPENDENT_CITY_DISTRICT, "bielefeld"),
            organisation(
                id_of(4), "Wasserverband", None, OrganisationType.SPECIAL_PURPOSE_ASSOCIATION, "wasserverband"
            ),
            organisation(
                id_of(5), "Wasserverband", None, OrganisationType.SPECIAL_PURPOSE_ASSOCIATION, "wasserverband"
            ),
            organisation(id_of(6), "Minden-Lübbecke", "05770", OrganisationType.DISTRICT, "minden lubbecke"),
            organisation(id_of(7), "OWL-IT", None, OrganisationType.IT_SERVICE_PROVIDER, "owl it"),
        ]
    ),
    topics_of(
        [
            Topic("works_depot", "bauhof", "Bauhof", ["Baubetriebshof"], "works_depot", "environment_utilities"),
            Topic("old_depot", "altbauhof", "Alter Bauhof", [], "works_depot", "environment_utilities"),
        ]
    ),
)


def meant(text: str) -> str:
    try:
        return LOOKUP.organisations.meant(text).id
    except Unreadable as unreadable:
        return unreadable.code


def test_organisations_are_found_by_key_name_and_epithet() -> None:
    for text in (
        "05766044",
        "5766044",
        "Lemgo",
        "Alte Hansestadt Lemgo",
        "LEMGO",
        "Lemgo (05766044)",
        "05766044 Lemgo",
    ):
        assert meant(text) == id_of(1), text
    assert meant("Minden-Luebbecke") == id_of(6)
    assert meant(id_of(7)) == id_of(7)


def test_a_city_is_meant_not_its_rank_as_a_district() -> None:
    assert meant("Bielefeld") == id_of(2)
    assert meant("05711") == id_of(3)


def test_several_bodies_of_one_name_are_named_as_candidates() -> None:
    assert meant("Wasserverband") == "ambiguous_organisation"
    assert meant(f"Wasserverband ({id_of(5)})") == id_of(5)


def test_who_is_unknown_is_told_who_could_be_meant() -> None:
    assert meant("Atlantis") == "unknown_organisation"
    assert meant("Lemgo (05999999)") == "unknown_organisation"
    known = LOOKUP.organisations
    unasked = Organisations(known.by_id, known.by_ags, known.by_name)  # only so many are helped
    with pytest.raises(Unreadable) as no:
        unasked.meant("Lemgoo")
    assert "Lemgo?" in no.value.detail


def test_an_organisation_is_written_so_that_it_is_found_again() -> None:
    for number in range(1, 8):
        assert meant(LOOKUP.organisations.text_of(id_of(number))) == id_of(number)
    assert LOOKUP.organisations.text_of(id_of(7)) == "OWL-IT"


def test_topics_are_found_by_code_slug_label_and_what_they_were_called() -> None:
    for text in ("works_depot", "bauhof", "BAUHOF", "Baubetriebshof", "Alter Bauhof"):
        assert LOOKUP.topics.meant(text) == "works_depot"
    assert LOOKUP.topics.label_of("old_depot") == "Bauhof"


@given(
    st.lists(st.tuples(st.sampled_from(list(Role)), st.sampled_from([id_of(n) for n in range(1, 8)]), SOME), max_size=5)
)
def test_a_line_is_what_its_cells_are(partners: list[tuple[Role, str, str | None]]) -> None:
    """Lines are made another way than cells, since there are many of them."""
    names = Names(LOOKUP)
    text = orjson.dumps([partners, []]).decode()
    assert names.line("works_depot old_depot", text) == csv_line(names.cells("works_depot old_depot", text))


def test_bodies_and_topics_that_were_merged_into_one_are_exported_once() -> None:
    lemgo = Meant(id=id_of(1), ags="05766044", name="Lemgo", type=OrganisationType.TOWN, latitude=52.0, longitude=8.9)
    entries = [(id_of(1), "05766044", "|lemgo|", lemgo), (id_of(30), None, "|alt|", lemgo)]
    merged = Lookup(organisations_of(entries), LOOKUP.topics)
    said = content(
        topics=("old_depot", "works_depot"),
        participations=(
            {"organisation_id": id_of(30), "task": "rechnet ab"},
            {"organisation_id": id_of(1)},
            {"organisation_id": id_of(1), "ags": "05766044", "role": "lead"},
        ),
    )
    cells = [cell for cell in Names(merged).of(said) if cell]
    assert cells == ["Bauhof", "Lemgo (05766044)", "Lemgo (05766044): rechnet ab"]
    entry = Entry(Project(id_of(11), said), 1, NOON)
    found = exported(entry, merged, Site())
    assert found["topics"] == ["works_depot"]
    assert [(each["organisation_id"], each["ags"]) for each in found["participations"]] == [(id_of(1), "05766044")] * 2
    assert feature(entry, merged, Site())["geometry"] == {"type": "Point", "coordinates": [8.9, 52.0]}


@pytest.mark.parametrize("text", ["Bauhof,=1+1,mehr", "Bauhof\t=1+1"])
def test_a_formula_behind_what_others_take_for_a_separator_is_no_cell_of_its_own(text: str) -> None:
    assert csv_cell(text) == f'"{text}"'
