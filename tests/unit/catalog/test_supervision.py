"""§ 29 GkG NRW, as far as its text tells."""

import pytest

from services.catalog.supervision import Participant, Place, Rank, hint
from services.catalog.vocabulary import LegalForm, OrganisationType

LIPPE = Place("Lemgo", "Kreis Lippe", "Detmold")
MINDEN = Place("Minden", "Kreis Minden-Lübbecke", "Detmold")
BIELEFELD = Place("Bielefeld", "Bielefeld", "Detmold")
SOEST = Place("Erwitte", "Kreis Soest", "Arnsberg")
LEMGO = Participant("Lemgo", OrganisationType.TOWN, "05766044", LIPPE)
KALLETAL = Participant("Kalletal", OrganisationType.MUNICIPALITY, "05766036", LIPPE)
ERWITTE = Participant("Erwitte", OrganisationType.TOWN, "05974016", SOEST)
CITY = Participant("Bielefeld", OrganisationType.INDEPENDENT_CITY, "05711000", BIELEFELD)
DISTRICT = Participant("Kreis Lippe", OrganisationType.DISTRICT, "05766", LIPPE)
ABROAD = Participant("Kommune in Niedersachsen (03241001)", None, "03241001")
WATER = Participant("Wasserverband", OrganisationType.SPECIAL_PURPOSE_ASSOCIATION)
LWL = Participant("LWL", OrganisationType.REGIONAL_ASSOCIATION)
UNION = Participant("Ein Verein", OrganisationType.PRIVATE_BODY)
COMMISSIONER = "Landrätin oder Landrat als untere staatliche Verwaltungsbehörde (Kreis Lippe)"
ASSOCIATION = LegalForm.SPECIAL_PURPOSE_ASSOCIATION
AGREEMENT = LegalForm.PUBLIC_LAW_AGREEMENT_DELEGATING


@pytest.mark.parametrize("form", [ASSOCIATION, AGREEMENT, LegalForm.JOINT_MUNICIPAL_ENTERPRISE])
def test_municipalities_of_one_district_are_under_its_commissioner(form: LegalForm) -> None:
    found = hint([LEMGO, KALLETAL, UNION], form)
    assert (found.level, found.authority, found.candidates) == ("district_commissioner", COMMISSIONER, (COMMISSIONER,))
    assert found.law is not None
    assert found.law.startswith("§ 29 Abs. ")
    assert found.note.startswith("Hinweis")


@pytest.mark.parametrize("other", [CITY, DISTRICT, ABROAD, LWL])
def test_a_participant_of_rank_makes_it_the_district_government(other: Participant) -> None:
    found = hint([LEMGO, other], ASSOCIATION)
    assert (found.level, found.authority) == ("district_government", "Bezirksregierung Detmold")
    assert other.name in found.reasons[0]


def test_districts_of_several_regions_leave_it_to_the_seat() -> None:
    found = hint([DISTRICT, ERWITTE], ASSOCIATION)
    assert (found.level, found.authority) == ("district_government", None)
    assert found.candidates == ("Bezirksregierung Detmold", "Bezirksregierung Arnsberg")
    assert "Sitz" in found.reasons[-1]
    assert hint([DISTRICT, ERWITTE], ASSOCIATION, SOEST).authority == "Bezirksregierung Arnsberg"


def test_municipalities_of_several_districts_leave_it_to_who_does_the_task() -> None:
    found = hint([LEMGO, ERWITTE], AGREEMENT)
    assert (found.level, found.authority, len(found.candidates)) == ("district_commissioner", None, 2)
    performing = Participant("Lemgo", OrganisationType.TOWN, "05766044", LIPPE, performs=True)
    assert hint([performing, ERWITTE], AGREEMENT).authority == COMMISSIONER


def test_an_association_whose_members_nobody_knows_leaves_it_open() -> None:
    found = hint([LEMGO, WATER], ASSOCIATION)
    assert (found.level, found.authority) == (None, None)
    assert found.candidates == (COMMISSIONER, "Bezirksregierung Detmold")
    assert "Wasserverband" in found.reasons[0]


@pytest.mark.parametrize(
    ("members", "level"),
    [((Rank.BELONGING,), "district_commissioner"), ((Rank.BELONGING, Rank.DISTRICT), "district_government")],
)
def test_an_association_counts_by_its_members(members: tuple[Rank, ...], level: str) -> None:
    known = Participant("Wasserverband", OrganisationType.SPECIAL_PURPOSE_ASSOCIATION, members=members)
    assert hint([LEMGO, known], ASSOCIATION).level == level


def test_a_regional_association_in_a_joint_enterprise_makes_it_the_ministry() -> None:
    assert hint([LEMGO, LWL], LegalForm.JOINT_MUNICIPAL_ENTERPRISE).level == "ministry"
    assert hint([LEMGO, LWL], AGREEMENT).level == "district_government"


def test_aachen_counts_as_a_city_of_district_rank() -> None:
    region = Place("Aachen", "Städteregion Aachen", "Köln")
    aachen = Participant("Aachen", OrganisationType.TOWN, "05334002", region)
    alsdorf = Participant("Alsdorf", OrganisationType.TOWN, "05334004", region)
    assert hint([aachen, alsdorf], ASSOCIATION).authority == "Bezirksregierung Köln"
    alone = hint([alsdorf], ASSOCIATION).authority
    assert alone is not None
    assert alone.startswith("Städteregionsrätin oder Städteregionsrat")


@pytest.mark.parametrize(
    "form",
    [LegalForm.WORKING_GROUP, LegalForm.LIMITED_COMPANY, LegalForm.PLANNING_ASSOCIATION, LegalForm.OTHER],
)
def test_what_the_paragraph_does_not_name_is_said(form: LegalForm) -> None:
    found = hint([LEMGO], form)
    assert (found.level, found.authority, found.law, found.candidates) == (None, None, None, ())
    assert found.reasons[0].endswith(".")


@pytest.mark.parametrize("participants", [[], [UNION], [ABROAD]])
def test_without_a_participant_here_nothing_is_said(participants: list[Participant]) -> None:
    found = hint(participants, ASSOCIATION)
    assert (found.level, found.authority) == (None, None)


def test_without_a_form_it_is_said_that_one_is_assumed() -> None:
    assert "Rechtsform" in hint([LEMGO], None).reasons[0]


def test_where_a_place_is_not_known_nobody_is_named() -> None:
    nowhere = Participant("Verband", OrganisationType.TOWN, place=Place("Verband", None, "Detmold"))
    found = hint([LEMGO, nowhere], ASSOCIATION)
    assert (found.authority, found.candidates) == (None, (COMMISSIONER,))


@pytest.mark.parametrize("form", list(LegalForm))
def test_every_form_has_an_answer(form: LegalForm) -> None:
    assert hint([LEMGO, CITY, MINDEN_TOWN], form).reasons


MINDEN_TOWN = Participant("Minden", OrganisationType.TOWN, "05770032", MINDEN)
