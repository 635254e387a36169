"""The portal's own content as readers find it, with the traps of its sources."""

from typing import Any

from tests.integration.catalog.conftest import Client


async def page(reader: Client, q: str) -> dict[str, Any]:
    """The project that is found first."""
    found = await reader.get("/projects", q=q)
    shown = await reader.get(f"/projects/{found.body['items'][0]['id']}")
    assert shown.status == 200
    body: dict[str, Any] = shown.body
    return body


async def test_everything_is_there(reader: Client) -> None:
    assert (await reader.get("/projects")).body["total"] == 10
    assert (await reader.get("/organisations")).body["total"] == 396 + 53 + 9
    assert (await reader.get("/topics")).body["total"] == 45
    assert (await reader.get("/resources")).body["total"] == 1
    assert (await reader.get("/key-figures")).body["total"] == 3


async def test_every_project_reads_well(reader: Client) -> None:
    for item in (await reader.get("/projects", limit=100)).body["items"]:
        project = (await reader.get(f"/projects/{item['id']}")).body
        assert project["summary"].endswith(".")
        assert 1 <= len(project["topics"]) <= 3
        assert set(project["labels"]["topics"]) == set(project["topics"])
        assert project["participations_complete"] == (project["participations_note"] is None)


async def test_the_saving_is_shown_as_one_without_a_base(reader: Client) -> None:
    (effect,) = (await page(reader, "Gemeindekasse Morsbach"))["effects"]
    assert (effect["value"], effect["unit"], effect["base"]) == (18, "percent", None)
    assert effect["base_note"] == "Bezugsgröße nicht angegeben"


async def test_where_not_everybody_is_named_the_page_says_so(reader: Client) -> None:
    assert (await page(reader, "Gesundheitskiosk"))["participations_note"] == "weitere Beteiligte nicht genannt"
    assert (await page(reader, "Wasser-Risiko-Check"))["participations_note"] == "Beteiligte nicht genannt"
    assert (await page(reader, "Sozialamt"))["participations_note"] is None


async def test_the_kiosk_names_its_study_and_misses_its_slides(reader: Client) -> None:
    kiosk = await page(reader, "Gesundheitskiosk")
    assert kiosk["predecessor_title"] == "Interkommunale Machbarkeitsstudie „Gesundheit vor Ort“"
    assert [document["file_note"] for document in kiosk["documents"]] == ["Datei liegt nicht vor"]
    assert [contact["office"] for contact in kiosk["contacts"]] == ["LEADER-Region 3L in Lippe", "Klinikum Lippe"]


async def test_one_body_takes_part_in_both_health_projects(reader: Client) -> None:
    (leader,) = (await reader.get("/organisations", q="LEADER Region Lippe")).body["items"]
    assert (await reader.get("/projects", organisation=leader["id"])).body["total"] == 2


async def test_the_social_office_stands_on_an_agreement_of_four(reader: Client) -> None:
    office = await page(reader, "Interkommunales Sozialamt")
    assert office["labels"]["legal_form"] == {"administrative_agreement": "Verwaltungsvereinbarung"}
    assert [each["name"] for each in office["participations"]] == ["Bad Sassendorf", "Erwitte", "Ense", "Welver"]
    assert {contact["office"] for contact in office["contacts"]} == {"Bad Sassendorf"}


async def test_history_keeps_its_time(reader: Client) -> None:
    assert (await page(reader, "Gemeindekasse"))["published_at"] == "2025-05-27T10:00:00Z"
    assert (await page(reader, "Gesundheitskiosk"))["published_at"] == "2025-03-12T11:00:00Z"
