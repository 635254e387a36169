"""What a project may say of itself."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.catalog.project_content import Contact, Content, Effect, Milestone
from tests.unit.catalog.project_stories import ENSE


@pytest.mark.parametrize(
    "fields",
    [{"value": 18}, {"unit": "percent", "text": "spart"}, {}, {"value": float("nan"), "unit": "percent"}],
    ids=["a number without a unit", "a unit without a number", "nothing at all", "no number"],
)
def test_an_effect_says_something_whole(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Effect(kind="cost_saving", **fields)


def test_a_whole_number_stays_whole() -> None:
    effect = Effect(kind="cost_saving", value=18, unit="percent")
    assert effect.model_dump_json().count('"value":18,') == 1


@pytest.mark.parametrize("fields", [{}, {"organisation_id": ENSE, "organisation_name": "Ense"}])
def test_a_contact_is_one_office(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Contact(function="Bürgermeister", **fields)


@pytest.mark.parametrize("on", ["2021", "2021-05", "2021-05-31"])
def test_a_date_may_be_as_exact_as_it_is_known(on: str) -> None:
    assert Milestone(text="Vertrag", on=on).on == on


@pytest.mark.parametrize("on", ["2021-13", "2021-02-30", "21", "2021-5", "gestern"])
def test_a_day_that_is_none_is_refused(on: str) -> None:
    with pytest.raises(ValidationError):
        Milestone(text="Vertrag", on=on)


@pytest.mark.parametrize("title", ["", "   ", "x" * 301])
def test_a_title_is_a_line(title: str) -> None:
    with pytest.raises(ValidationError):
        Content(title=title)


@pytest.mark.parametrize("link", ["javascript:alert(1)", "ftp://example.org", "https://ex ample.org", "//example.org"])
def test_a_link_leads_to_the_web(link: str) -> None:
    with pytest.raises(ValidationError):
        Content(title="Titel", components=[{"name": "App", "link": link}])
