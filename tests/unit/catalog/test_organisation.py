"""Entries of the directory."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from services.catalog.organisation import (
    ORGANISATION,
    AdoptNames,
    ChangeOrganisation,
    MergeOrganisation,
    Organisation,
    OrganisationChanged,
    OrganisationCommand,
    OrganisationEvent,
    OrganisationMerged,
    OrganisationRegistered,
    Profile,
    RecordPopulation,
    RegisterOrganisation,
    ServiceArea,
)
from services.catalog.size_class import SizeClass
from shared.kernel.testing import Given, given

ID = "00000000-0000-5000-8000-000000000001"
AT = datetime(2026, 1, 1, tzinfo=UTC)
LEMGO = Profile(name="Lemgo", type="town", ags="05766044")
REGISTERED = OrganisationRegistered(at=AT, organisation_id=ID, profile=LEMGO)


def test_an_organisation_is_taken_into_the_directory() -> None:
    registering = RegisterOrganisation(organisation_id=ID, profile=LEMGO)
    given(ORGANISATION, []).when(registering, at=AT).then([REGISTERED])


def test_registering_what_is_there_changes_it() -> None:
    more = LEMGO.model_copy(update={"note": "Sitz des Kreises ist Detmold."})
    registering = RegisterOrganisation(organisation_id=ID, profile=more)
    changed = OrganisationChanged(at=AT, organisation_id=ID, profile=more)
    given(ORGANISATION, [REGISTERED]).when(registering, at=AT).then([changed])


def test_a_former_name_keeps_finding_it() -> None:
    renamed = Profile(name="Alte Hansestadt Lemgo", type="town", ags="05766044")
    kept = renamed.model_copy(update={"aliases": ("Lemgo",)})
    changed = OrganisationChanged(at=AT, organisation_id=ID, profile=kept)
    given(ORGANISATION, [REGISTERED]).when(ChangeOrganisation(profile=renamed), at=AT).then([changed])


def test_a_name_entered_by_mistake_is_forgotten() -> None:
    wrong = OrganisationRegistered(at=AT, organisation_id=ID, profile=LEMGO.model_copy(update={"aliases": ("Lengo",)}))
    changed = OrganisationChanged(at=AT, organisation_id=ID, profile=LEMGO)
    given(ORGANISATION, [wrong]).when(ChangeOrganisation(profile=LEMGO, forget=("Lengo",)), at=AT).then([changed])


def test_an_official_key_never_changes() -> None:
    moved = LEMGO.model_copy(update={"ags": "05766048"})
    given(ORGANISATION, [REGISTERED]).when(ChangeOrganisation(profile=moved)).refused("key_is_fixed", field="/ags")


@pytest.mark.parametrize("field", ["member_ids", "successors"])
def test_nobody_is_a_member_or_a_successor_of_itself(field: str) -> None:
    other = "00000000-0000-5000-8000-000000000002"
    circle = LEMGO.model_copy(update={field: (other, ID)})
    given(ORGANISATION, [REGISTERED]).when(ChangeOrganisation(profile=circle)).refused(
        "refers_to_itself", field=f"/{field}/1"
    )
    given(ORGANISATION).when(RegisterOrganisation(organisation_id=ID, profile=circle)).refused(
        "refers_to_itself", field=f"/{field}/1"
    )


def test_what_is_not_in_the_directory_cannot_be_changed() -> None:
    given(ORGANISATION).when(ChangeOrganisation(profile=LEMGO)).not_there()


@pytest.mark.parametrize(
    ("kind", "ags"),
    [("town", "05766"), ("district", "05766044"), ("hospital", "05766044"), ("town", None), ("town", "5766044")],
)
def test_the_key_fits_the_type(kind: Any, ags: str | None) -> None:
    with pytest.raises(ValidationError):
        Profile(name="Lemgo", type=kind, ags=ags)


def test_a_service_area_of_districts_and_municipalities_becomes_a_set_of_keys() -> None:
    area = ServiceArea(districts=("05770", "05766"), municipalities=("05762004",))
    everywhere = ["05770004", "05770008", "05766044", "05762004", "05762008", "05111000"]
    assert area.expanded(everywhere) == {"05770004", "05770008", "05766044", "05762004"}


LEADER = Profile(name="LEADER Region Lippe", type="leader_region")
TWICE = OrganisationRegistered(at=AT, organisation_id=ID, profile=LEADER)
OTHER = "00000000-0000-5000-8000-000000000002"
MERGE = MergeOrganisation(into=OTHER, reason="Eine Stelle, zwei Namen")
MERGED = OrganisationMerged(at=AT, organisation_id=ID, into=OTHER, reason="Eine Stelle, zwei Namen", profile=LEADER)
COUNT = RecordPopulation(population=40_696, as_of=date(2024, 12, 31))


def so_far(*events: OrganisationEvent) -> Given[Organisation | None, OrganisationCommand, OrganisationEvent]:
    return given(ORGANISATION, events)


def counted(profile: Profile, population: int, as_of: date) -> OrganisationChanged:
    entry = profile.model_copy(update={"population": population, "population_as_of": as_of})
    return OrganisationChanged(at=AT, organisation_id=ID, profile=entry)


def test_a_population_is_recorded_with_its_day() -> None:
    after = given(ORGANISATION, [REGISTERED]).when(COUNT, at=AT).then([counted(LEMGO, 40_696, COUNT.as_of)])
    assert after.state is not None
    assert after.state.profile.size_class is SizeClass.SMALLER_MEDIUM_TOWN
    assert ORGANISATION.publish(after.events[-1]).size_class == "smaller_medium_town"  # type: ignore[union-attr]


def test_an_older_count_replaces_no_newer_one() -> None:
    newest = counted(LEMGO, 40_696, date(2024, 12, 31))
    older = RecordPopulation(population=41_000, as_of=date(2020, 12, 31))
    so_far(REGISTERED, newest).when(older, at=AT).nothing()


def test_a_corrected_count_of_the_same_day_replaces_the_first() -> None:
    first = counted(LEMGO, 40_696, COUNT.as_of)
    corrected = RecordPopulation(population=40_700, as_of=COUNT.as_of)
    so_far(REGISTERED, first).when(corrected, at=AT).then([counted(LEMGO, 40_700, COUNT.as_of)])


def test_what_is_changed_without_a_count_keeps_the_one_it_had() -> None:
    count = counted(LEMGO, 40_696, COUNT.as_of)
    noted = LEMGO.model_copy(update={"note": "An der Bega"})
    kept = count.profile.model_copy(update={"note": "An der Bega"})
    changed = OrganisationChanged(at=AT, organisation_id=ID, profile=kept)
    so_far(REGISTERED, count).when(ChangeOrganisation(profile=noted), at=AT).then([changed])


def test_only_municipalities_have_a_size_class() -> None:
    district = Profile(name="Kreis Lippe", type="district", ags="05766", population=350_000)
    assert district.size_class is None


def test_an_organisation_adopts_the_names_of_another() -> None:
    adopted = LEADER.model_copy(update={"aliases": ("LEADER-Region 3L in Lippe",)})
    changed = OrganisationChanged(at=AT, organisation_id=ID, profile=adopted)
    names = AdoptNames(names=("LEADER-Region 3L in Lippe", "LEADER Region Lippe"))
    given(ORGANISATION, [TWICE]).when(names, at=AT).then([changed])


def test_two_entries_of_one_body_become_one() -> None:
    after = given(ORGANISATION, [TWICE]).when(MERGE, at=AT).then([MERGED])
    assert ORGANISATION.publish(after.events[-1]).merged_into == OTHER  # type: ignore[union-attr]


def test_an_entry_is_not_merged_into_itself() -> None:
    itself = MERGE.model_copy(update={"into": ID})
    given(ORGANISATION, [TWICE]).when(itself, at=AT).refused("merged_into_itself", field="/into")


def test_a_merged_entry_changes_no_more() -> None:
    past = so_far(TWICE, MERGED)
    elsewhere = MERGE.model_copy(update={"into": "00000000-0000-5000-8000-000000000003"})
    for command in (ChangeOrganisation(profile=LEADER), COUNT, AdoptNames(names=("Lippe",)), elsewhere):
        past.when(command, at=AT).refused("organisation_merged")


def test_loaded_content_brings_a_merged_entry_not_back() -> None:
    renamed = LEADER.model_copy(update={"name": "LEADER-Region Lippe"})
    loaded = RegisterOrganisation(organisation_id=ID, profile=renamed)
    so_far(TWICE, MERGED).when(loaded, at=AT).nothing()


def test_a_body_with_an_official_key_is_its_own() -> None:
    given(ORGANISATION, [REGISTERED]).when(MERGE, at=AT).refused("organisation_has_key")


def test_a_dissolved_municipality_keeps_its_key() -> None:
    dissolved = LEMGO.model_copy(update={"dissolved_on": date(2026, 1, 1), "successors": (OTHER,)})
    changed = OrganisationChanged(at=AT, organisation_id=ID, profile=dissolved)
    after = given(ORGANISATION, [REGISTERED]).when(ChangeOrganisation(profile=dissolved), at=AT).then([changed])
    published = ORGANISATION.publish(after.events[-1])
    assert published is not None
    assert published.model_dump(include={"ags", "dissolved_on"}) == {
        "ags": "05766044",
        "dissolved_on": date(2026, 1, 1),
    }


@pytest.mark.parametrize("command", [COUNT, AdoptNames(names=("Lippe",)), MERGE])
def test_what_is_not_there_takes_no_command(command: OrganisationCommand) -> None:
    given(ORGANISATION).when(command).not_there()
