"""Which municipalities are like mine, and why. The numbers are invented."""

from typing import Any

import pytest

from services.catalog.organisation_similar import Compared, compared, kilometres, level_of, ranked
from services.catalog.size_class import SizeClass
from services.catalog.vocabulary import OrganisationType


def town(name: str, **known: Any) -> Compared:
    fields = {"id": name, "ags": None, "name": name, "name_key": name.lower(), "type": OrganisationType.TOWN}
    return Compared(**{**fields, "population": 40_000, "latitude": 52.0, "longitude": 8.9, **known})


OWN = town("Lemgo", district="05766", regierungsbezirk="Detmold")


def reasons(other: Compared, own: Compared = OWN) -> dict[str, int]:
    return {point.text: point.points for point in compared(own, other).reasons}


def test_what_two_have_in_common_is_said_with_its_points() -> None:
    twin = town("Detmold", district="05766", regierungsbezirk="Detmold", latitude=51.94)
    found = compared(OWN, twin)
    assert reasons(twin) == {
        "Gleiche Art: Kreisangehörige Stadt": 2,
        "Gleiche Größenklasse: Kleine Mittelstadt (20.000 bis unter 50.000)": 4,
        "Gleicher Regierungsbezirk: Detmold": 1,
        "Gleicher Kreis": 1,
        "Höchstens 25 km entfernt": 3,
    }
    assert (found.score, found.distance_km, found.size_class) == (11, 6.7, SizeClass.SMALLER_MEDIUM_TOWN)


@pytest.mark.parametrize(
    ("other", "text"),
    [
        (town("Nah", latitude=52.4), "Höchstens 50 km entfernt"),
        (town("Weiter", latitude=52.8), "Höchstens 100 km entfernt"),
        (town("Kleiner", population=15_000), "Benachbarte Größenklasse: Größere Kleinstadt (10.000 bis unter 20.000)"),
    ],
)
def test_a_little_in_common_counts_a_little(other: Compared, text: str) -> None:
    assert text in reasons(other)


def test_what_is_far_off_or_not_known_counts_nothing() -> None:
    far = town("Fern", type=OrganisationType.MUNICIPALITY, population=4_000, latitude=50.0)
    assert reasons(far) == {}
    unknown = town("Unbekannt", type=OrganisationType.MUNICIPALITY, population=None, latitude=None)
    assert reasons(unknown) == {}
    assert compared(OWN, unknown).distance_km is None


def test_the_most_alike_come_first_and_of_those_the_nearest() -> None:
    twin, near, farther = town("B", latitude=52.1), town("C", latitude=52.05), town("A", population=None)
    assert [each.name for each in ranked(OWN, [farther, twin, OWN, near])] == ["C", "B", "A"]


def test_districts_are_compared_by_how_many_people_they_have() -> None:
    own = town("Kreis Lippe", type=OrganisationType.DISTRICT, population=340_000, latitude=None)
    alike = town("Kreis Soest", type=OrganisationType.DISTRICT, population=300_000, latitude=None)
    larger = town("Kreis Kleve", type=OrganisationType.DISTRICT, population=500_000, latitude=None)
    largest = town("Kreis Recklinghausen", type=OrganisationType.DISTRICT, population=610_000, latitude=None)
    points = [reasons(each, own).get("Ähnlich viele Einwohnerinnen und Einwohner") for each in (alike, larger, largest)]
    assert points == [4, 2, None]


def test_each_level_is_compared_with_itself() -> None:
    assert level_of(OrganisationType.TOWN) == level_of(OrganisationType.INDEPENDENT_CITY)
    assert OrganisationType.DISTRICT in level_of(OrganisationType.CITY_REGION)
    assert level_of(OrganisationType.HOSPITAL) == {OrganisationType.HOSPITAL}


def test_a_distance_is_the_same_both_ways() -> None:
    one, other = town("Köln", latitude=50.94, longitude=6.96), town("Münster", latitude=51.96, longitude=7.63)
    there, back = kilometres(one, other), kilometres(other, one)
    assert there == back
    assert there is not None
    assert round(there) == 123
