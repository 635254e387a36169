"""Counts without persons: each part comes to the same people, and regions follow from the official key."""

from hypothesis import given, settings
from hypothesis import strategies as st

from services.catalog.size_class import SizeClass
from services.catalog.vocabulary import OrganisationType
from services.events import organisations
from services.events.organisations import Organisation
from services.events.participant import Contact
from services.events.participants import matches, words
from services.events.registration import Status
from services.events.session_statistics import Group, Statistics, statistics_of

TOWN = Organisation("o-town", "Musterstadt", "town", "05154036", "larger_small_town")
CITY = Organisation("o-city", "Köln", "independent_city", "05315000", "larger_city")
AWAY = Organisation("o-away", "Hannover", "municipality_outside_nrw", "03241001")
CLUB = Organisation("o-club", "Verein", "private_body")
KNOWN = {each.organisation_id: each for each in (TOWN, CITY, AWAY, CLUB)} | {"o-merged": TOWN}
DISTRICTS = {"05154": "Kreis Kleve", "05315": "Köln"}


def of(*groups: Group) -> Statistics:
    return statistics_of(groups, KNOWN, DISTRICTS)


def test_regions_follow_from_the_key() -> None:
    counts = of(
        Group("o-town", "confirmed", attended=True, people=3), Group("o-city", "waitlisted", attended=False, people=2)
    )
    assert [(c.value, c.label, c.registered, c.confirmed, c.attended) for c in counts.by_region] == [
        ("051", "Regierungsbezirk Düsseldorf", 3, 3, 3),
        ("053", "Regierungsbezirk Köln", 2, 0, 0),
    ]
    assert [(c.value, c.label) for c in counts.by_district] == [("05154", "Kreis Kleve"), ("05315", "Köln")]
    assert [c.label for c in counts.by_size_class] == [
        "Größere Kleinstadt (10.000 bis unter 20.000)",
        "Große Großstadt (ab 500.000)",
    ]


def test_who_has_no_place_on_the_map_is_counted_apart() -> None:
    counts = of(
        Group("o-away", "confirmed", attended=False, people=1),
        Group("o-club", "confirmed", attended=False, people=2),
        Group(None, "received", attended=False, people=4),
        Group("o-gone", "confirmed", attended=False, people=8),
    )
    assert {c.value: c.registered for c in counts.by_region} == {
        "outside_nrw": 1, "no_region": 2, "none": 4, "unknown": 8,
    }  # fmt: skip
    assert (counts.outside_nrw, counts.without_organisation, counts.organisations) == (1, 4, 2)


def test_a_merged_entry_is_the_one_it_went_into() -> None:
    counts = of(
        Group("o-town", "confirmed", attended=False, people=1), Group("o-merged", "confirmed", attended=False, people=1)
    )
    assert counts.organisations == 1
    assert [(c.value, c.registered) for c in counts.by_organisation_type] == [("town", 2)]


def test_who_withdrew_counts_by_status_only_and_who_came_all_the_same_counts() -> None:
    counts = of(
        Group("o-town", "withdrawn", attended=False, people=5), Group("o-town", "lapsed", attended=True, people=1)
    )
    assert counts.by_status == {"withdrawn": 5, "lapsed": 1}
    assert (counts.registered, counts.attended) == (0, 1)


def test_the_words_are_those_of_the_catalogue() -> None:
    assert dict(organisations.TYPES) == {kind.value: kind.label for kind in OrganisationType}
    assert dict(organisations.SIZE_CLASSES) == {size.value: size.label for size in SizeClass}


STATUS = st.sampled_from(["received", "confirmed", "waitlisted", "lapsed", "withdrawn"])
GROUP = st.builds(
    Group, st.sampled_from([None, *KNOWN, "o-gone"]), STATUS, st.booleans(), st.integers(min_value=1, max_value=50)
)


@settings(max_examples=100)
@given(st.lists(GROUP, max_size=20))
def test_every_part_comes_to_the_same_people(groups: list[Group]) -> None:
    counts = of(*groups)
    standing: set[Status] = {"received", "confirmed", "waitlisted"}
    for part in (counts.by_organisation_type, counts.by_region, counts.by_district):
        assert sum(c.registered for c in part) == counts.registered
        assert sum(c.attended for c in part) == counts.attended
    assert counts.registered == sum(g.people for g in groups if g.status in standing)
    assert sum(counts.by_status.values()) == sum(g.people for g in groups)


def test_words_are_found_whatever_their_case_and_accents() -> None:
    contact = Contact(email="Zoe@stadt.example", name="Zoë Müller-Groß", organisation_name="Stadt Köln", token="t")
    for found in ("müller", "MULLER zoe", "köln groß", "zoe@stadt", "gross"):
        assert matches(contact, words(found)), found
    assert not matches(contact, words("zoe meier"))
    assert not matches(None, words("zoe"))
    assert matches(None, words("  "))
