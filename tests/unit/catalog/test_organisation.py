"""Entries of the directory."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from services.catalog.organisation import (
    ORGANISATION,
    ChangeOrganisation,
    OrganisationChanged,
    OrganisationRegistered,
    Profile,
    RegisterOrganisation,
    ServiceArea,
)
from shared.kernel.testing import given

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
