"""The portal's own content: complete, lawful, and free of what its sources got wrong."""

import csv
import json
import re
from collections import Counter
from pathlib import Path

import pytest

from services.catalog.load_content import CONTENT, Batch, batches, organisation_id
from services.catalog.organisation import Profile
from services.catalog.project import AwardBestPractice, DraftProject
from services.catalog.project_content import Content
from services.catalog.topic import DefineTopic

TEXTS = sorted(file.name for file in CONTENT.glob("*.json") if not file.name.endswith(".topo.json"))


@pytest.fixture(scope="module")
def loaded() -> dict[str, Batch]:
    return {batch.kind: batch for batch in batches(CONTENT)}


def profiles(batch: Batch) -> dict[str, Profile]:
    return {steps[0].aggregate_id: steps[0].command.profile for steps in batch.steps}


def contents(batch: Batch) -> dict[str, Content]:
    drafts = [steps[0].command for steps in batch.steps]
    assert all(isinstance(draft, DraftProject) for draft in drafts)
    return {draft.content.title: draft.content for draft in drafts}


def test_the_counts_hold(loaded: dict[str, Batch]) -> None:
    assert {kind: len(batch.steps) for kind, batch in loaded.items()} == {
        "topics": 45,
        "municipalities": 396,
        "districts": 53,
        "other_organisations": 9,
        "resources": 1,
        "key_figures": 3,
        "funding_programmes": 2,
        "projects": 10,
    }
    municipalities = Counter(profile.type for profile in profiles(loaded["municipalities"]).values())
    assert municipalities == {"independent_city": 22, "town": 250, "municipality": 124}
    districts = Counter(profile.type for profile in profiles(loaded["districts"]).values())
    assert districts == {"independent_city_district": 22, "district": 30, "city_region": 1}
    regions = {profile.regierungsbezirk for profile in profiles(loaded["municipalities"]).values()}
    assert regions == {"Düsseldorf", "Köln", "Münster", "Detmold", "Arnsberg"}


def test_topics_stand_in_seven_groups(loaded: dict[str, Batch]) -> None:
    topics: list[DefineTopic] = [steps[0].command for steps in loaded["topics"].steps]
    assert len({topic.group.code for topic in topics}) == 7
    assert len({topic.slug for topic in topics}) == len({topic.topic for topic in topics}) == 45


def test_minden_luebbecke_is_one_district(loaded: dict[str, Batch]) -> None:
    owl_it = profiles(loaded["other_organisations"])[organisation_id("owl-it")]
    assert owl_it.service_area is not None
    assert owl_it.service_area.districts.count("05770") == 1
    assert profiles(loaded["districts"])[organisation_id("05770")].name == "Kreis Minden-Lübbecke"


def test_the_area_of_owl_it_is_a_set_of_keys(loaded: dict[str, Batch]) -> None:
    owl_it = profiles(loaded["other_organisations"])[organisation_id("owl-it")]
    assert owl_it.service_area is not None
    everywhere = [profile.ags or "" for profile in profiles(loaded["municipalities"]).values()]
    area = owl_it.service_area.expanded(everywhere)
    assert len(area) == 9 + 11 + 16 + 10 + 7
    assert "05762020" in area
    assert "05762024" not in area, "Marienmünster is in Kreis Höxter but was not named"


def test_one_body_under_two_names_is_one_organisation(loaded: dict[str, Batch]) -> None:
    leader = [p for p in profiles(loaded["other_organisations"]).values() if "LEADER" in p.name]
    assert len(leader) == 1
    assert "LEADER Region Lippe" in leader[0].aliases


def test_the_saving_has_no_base(loaded: dict[str, Batch]) -> None:
    (effect,) = contents(loaded["projects"])["Gemeindekasse Morsbach/Reichshof"].effects
    assert (effect.value, effect.unit, effect.base, effect.period) == (18, "percent", None, None)


def test_where_a_stage_is_only_derived_the_text_says_so(loaded: dict[str, Batch]) -> None:
    """Of a good example it was never said that it is in operation."""
    for steps in loaded["projects"].steps:
        marked = isinstance(steps[-1].command, AwardBestPractice)
        assert ("abgeleitet, dass" in (steps[0].command.content.description or "")) == marked


def test_every_figure_has_source_date_and_qualifier(loaded: dict[str, Batch]) -> None:
    readings = {steps[0].command.reading.value: steps[0].command.reading for steps in loaded["key_figures"].steps}
    assert (readings[6200].qualifier, readings[650].qualifier) == ("more_than", "further")
    assert all(reading.source and reading.stated_on for reading in readings.values())


def test_participants_are_in_the_directory(loaded: dict[str, Batch]) -> None:
    known = {
        steps[0].aggregate_id
        for kind in ("municipalities", "districts", "other_organisations")
        for steps in loaded[kind].steps
    }
    topics = {steps[0].aggregate_id for steps in loaded["topics"].steps}
    for content in contents(loaded["projects"]).values():
        assert set(content.organisation_ids) <= known
        assert {contact.organisation_id for contact in content.contacts} <= known
        assert set(content.topics) <= topics


def test_no_statistics_that_may_not_be_shipped() -> None:
    with (CONTENT / "nrw_municipalities.csv").open(encoding="utf-8", newline="") as lines:
        columns = next(csv.reader(lines))
    assert columns == ["ags", "name", "type", "district_ags", "district_name", "lat", "lon", "regierungsbezirk"]
    assert not [file.name for file in CONTENT.iterdir() if "district" in file.name]
    assert "Daten verändert" in (CONTENT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", TEXTS)
def test_no_person_and_no_address_is_named(name: str) -> None:
    text = (Path(CONTENT) / name).read_text("utf-8")
    assert json.loads(text)
    assert not re.search(r"\b(Herr|Frau|Dr\.|Prof\.)\s|@|Tel\.", text)
