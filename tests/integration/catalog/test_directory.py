"""Finding organisations, with what their names and areas have in store."""

from typing import Any

import pytest

from tests.integration.catalog.conftest import Client


async def names(reader: Client, **query: Any) -> list[str]:
    reply = await reader.get("/organisations", **query)
    assert reply.status == 200, reply.body
    return [item["name"] for item in reply.body["items"]]


@pytest.mark.parametrize(
    ("q", "name"),
    [
        ("Alte Hansestadt Lemgo", "Lemgo"),
        ("Stadt Erwitte", "Erwitte"),
        ("Langenfeld (Rhld.)", "Langenfeld (Rheinland)"),
        ("Minden, Lübbecke", "Kreis Minden-Lübbecke"),
        ("LEADER Region Lippe", "LEADER-Region 3L in Lippe"),
        ("LEADER-Region 3L in Lippe", "LEADER-Region 3L in Lippe"),
        ("muenster", "Münster"),
        ("Köln", "Köln"),
        ("Uebach", "Übach-Palenberg"),
        ("Kölln", "Köln"),
        ("gpaNRW", "Gemeindeprüfungsanstalt NRW (gpaNRW)"),
    ],
)
async def test_a_name_in_any_form_finds_its_organisation(reader: Client, q: str, name: str) -> None:
    assert (await names(reader, q=q))[0] == name


async def test_one_body_under_two_names_is_found_once(reader: Client) -> None:
    assert await names(reader, q="LEADER") == ["LEADER-Region 3L in Lippe"]


async def test_a_city_comes_before_its_district_level(reader: Client) -> None:
    found = (await reader.get("/organisations", q="Düsseldorf")).body["items"]
    assert [(item["ags"], item["type"]) for item in found] == [
        ("05111000", "independent_city"),
        ("05111", "independent_city_district"),
    ]


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ({"level": "municipality"}, 396),
        ({"level": "district"}, 53),
        ({"type": "independent_city"}, 22),
        ({"type": "town"}, 250),
        ({"type": "municipality"}, 124),
        ({"type": ["district", "city_region"]}, 31),
        ({"district": "05974", "level": "municipality"}, 14),
        ({"ags": ["05766044", "05974016", "05999999"]}, 2),
    ],
)
async def test_the_counts_hold(reader: Client, query: dict[str, Any], total: int) -> None:
    assert (await reader.get("/organisations", **query)).body["total"] == total


async def test_a_service_area_is_a_set_of_keys(reader: Client) -> None:
    (owl_it,) = (await reader.get("/organisations", q="OWL-IT")).body["items"]
    assert owl_it["service_area"]["districts"] == ["05758", "05766", "05770", "05774"]
    assert len(owl_it["service_area"]["ags"]) == 53
    assert await names(reader, serves="05762020") == [owl_it["name"]], "Höxter is named"
    assert await names(reader, serves="05770032") == [owl_it["name"]], "Minden is in a district that is"
    assert await names(reader, serves="05762024") == [], "Marienmünster is not"


async def test_an_organisation_is_read_by_id_or_key(reader: Client) -> None:
    by_key = await reader.get("/organisations/05766044")
    assert by_key.body["name"] == "Lemgo"
    assert by_key.body["regierungsbezirk"] == "Detmold"
    assert by_key.body["aliases"] == ["Alte Hansestadt Lemgo"]
    by_id = await reader.get(f"/organisations/{by_key.body['id']}")
    assert by_id.body == by_key.body
    for nothing in ("05999999", "lemgo", "00000000-0000-7000-8000-000000000000"):
        assert (await reader.get(f"/organisations/{nothing}")).code == "not_found"


async def test_the_directory_comes_in_pages(reader: Client) -> None:
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        reply = await reader.get("/organisations", limit=100, **({"cursor": cursor} if cursor else {}))
        seen += [item["id"] for item in reply.body["items"]]
        cursor = reply.body["next"]
    assert len(seen) == len(set(seen)) == 458


async def test_names_stand_in_german_order(reader: Client) -> None:
    found = await names(reader, district="05334", level="municipality")
    assert found[:2] == ["Aachen", "Alsdorf"]
    (ruhr,) = await names(reader, ags="05117000")
    assert ruhr == "Mülheim an der Ruhr"
