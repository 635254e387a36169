"""Finding organisations, with what their names and areas have in store; and how editors keep the directory."""

from asyncio import gather
from typing import Any
from uuid import uuid4

import pytest

from services.catalog.records import PROJECTIONS
from shared.kernel.journal import Journal
from shared.kernel.rebuild import rebuild
from tests.conftest import Database
from tests.integration.catalog.conftest import Client
from tests.integration.catalog.conftest import body as body_of


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


async def registered(editor: Client, **said: Any) -> str:
    """A new body's id."""
    reply = await editor.post("/organisations", {"type": "hospital", "confirmed_new": True, **said})
    assert reply.status == 201, reply.body
    return str(reply.body["id"])


async def test_a_body_is_registered_and_found_by_its_names(editor: Client, reader: Client) -> None:
    body = {
        "name": "<b>Zweckverband</b> Abfallwirtschaft Ems",
        "note": "<p>Sitz:&nbsp;Warendorf</p>",
        "type": "special_purpose_association",
        "aliases": ["ZAE"],
        "member_ids": ["05766", "05766044"],
        "service_area": {"districts": ["05770"], "municipalities": ["05766044"]},
    }
    made = await editor.post("/organisations", body, key=(key := str(uuid4())))
    assert made.status == 201, made.body
    again = await editor.post("/organisations", body, key=key)
    assert again.body == made.body, "the same request is answered the same"
    found = (await reader.get("/organisations", q="zae")).body["items"][0]
    assert found["id"] == made.body["id"]
    assert (found["name"], found["note"]) == ("Zweckverband Abfallwirtschaft Ems", "Sitz: Warendorf")
    assert made.headers["Location"] == f"/api/v1/organisations/{found['id']}"
    members = [(await reader.get(f"/organisations/{member}")).body["name"] for member in found["member_ids"]]
    assert members == ["Kreis Lippe", "Lemgo"]
    assert len(found["service_area"]["ags"]) == 12, "eleven of Minden-Lübbecke and Lemgo"


async def test_an_entry_sent_twice_at_once_is_no_duplicate_of_itself(editor: Client) -> None:
    body, key = {"name": "Musikschulverband Emsland", "type": "special_purpose_association"}, str(uuid4())
    one, other = await gather(*(editor.post("/organisations", body, key=key) for _ in range(2)))
    assert (one.status, other.status) == (201, 201), (one.body, other.body)
    assert one.body == other.body
    again = await editor.post("/organisations", body, key=str(uuid4()))
    assert (again.status, again.code) == (409, "possible_duplicates"), "asked for a second time it is one"


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"name": "Neustadt", "type": "town"}, "invalid_request", ""),
        ({"name": "Neustadt", "type": "town", "ags": "03401000"}, "invalid_request", ""),
        ({"name": "Verbund", "type": "hospital", "latitude": 51.0}, "invalid_request", ""),
        ({"name": "Verbund", "type": "hospital", "successors": ["05766"]}, "invalid_request", ""),
        ({"name": " ", "type": "hospital"}, "invalid_request", "/name"),
        ({"name": "Verbund\u202e", "type": "hospital"}, "invalid_request", "/name"),
        ({"name": "…", "type": "hospital"}, "invalid_request", "/name"),
        ({"name": "Neustadt", "type": "town", "ags": "05770096", "outside_nrw": True}, "invalid_request", ""),
        ({"name": "Verbund", "type": "circus"}, "invalid_request", "/type"),
        ({"name": "Lemgo", "type": "town", "ags": "05766044"}, "organisation_exists", "/ags"),
        ({"name": "LEADER-Region Lippe", "type": "leader_region"}, "possible_duplicates", "/name"),
        ({"name": "Stadt Erwitte", "type": "private_body"}, "possible_duplicates", "/name"),
        (
            {"name": "Xyz", "type": "hospital", "member_ids": ["05766", "05999"]},
            "unknown_organisation",
            "/member_ids/1",
        ),
        (
            {"name": "Xyz", "type": "hospital", "service_area": {"districts": ["05999"]}},
            "unknown_organisation",
            "/service_area/districts/0",
        ),
    ],
)
async def test_what_does_not_fit_is_refused(editor: Client, body: dict[str, Any], code: str, field: str) -> None:
    refused = await editor.post("/organisations", body)
    assert (refused.code, refused.body["errors"][0]["field"]) == (code, field)


async def test_an_entry_that_looks_alike_is_named(editor: Client) -> None:
    refused = await editor.post("/organisations", {"name": "LEADER Region Lippe e. V.", "type": "leader_region"})
    assert refused.body["errors"][0]["detail"].startswith("LEADER-Region 3L in Lippe (LEADER-Region), Kennung ")
    confirmed = {"name": "LEADER Region Lippe e. V.", "type": "private_body", "confirmed_new": True}
    assert (await editor.post("/organisations", confirmed)).status == 201


async def test_one_key_is_registered_once_by_however_many(editor: Client) -> None:
    body = {"name": "Neugründung", "type": "municipality", "ags": "05770099", "confirmed_new": True}
    replies = await gather(*(editor.post("/organisations", body) for _ in range(4)))
    assert sorted(reply.status for reply in replies) == [201, 409, 409, 409]
    assert {reply.code for reply in replies if reply.status == 409} == {"organisation_exists"}


async def test_an_entry_changes_on_what_was_read_of_it(editor: Client, reader: Client) -> None:
    organisation_id = await registered(editor, name="Klinikum Nord", aliases=["Klinikum Nrd"])
    path = f"/organisations/{organisation_id}"
    read = await editor.get(path)
    body = {"name": "Klinikum Nord-West", "type": "hospital", "outside_nrw": True, "forget": ["Klinikum Nrd"]}
    assert (await editor.put(path, body)).status == 428
    assert (await editor.put(path, body, version=read.body["version"])).status == 200
    assert (await editor.put(path, body, version=read.body["version"])).code == "stale_version"
    after = (await reader.get(path)).body
    assert (after["aliases"], after["outside_nrw"]) == (["Klinikum Nord"], True)
    history = (await editor.get(f"{path}/history")).body["steps"]
    assert [step["step"] for step in history] == ["organisation_registered", "organisation_changed"]
    assert (await reader.get(f"{path}/history")).status == 401


async def test_a_dissolved_municipality_keeps_its_key_and_names_who_follows(editor: Client, reader: Client) -> None:
    body = {"name": "Altdorf", "type": "municipality", "ags": "05770098", "confirmed_new": True}
    gone = (await editor.post("/organisations", body)).body
    ended = body | {"dissolved_on": "2025-12-31", "successors": ["05770032"]}
    assert (await editor.put(f"/organisations/{gone['id']}", ended, version=gone["version"])).status == 200
    shown = (await reader.get("/organisations/05770098")).body
    minden = (await reader.get("/organisations/05770032")).body
    assert (shown["dissolved_on"], shown["successors"]) == ("2025-12-31", [minden["id"]])
    (owl_it,) = (await reader.get("/organisations", q="OWL-IT")).body["items"]
    assert "05770098" not in owl_it["service_area"]["ags"]
    merged = await editor.post(f"/organisations/{gone['id']}/mergers", {"into": "05770032", "reason": "Eingemeindet"})
    assert merged.code == "organisation_has_key"
    moved = await editor.put(f"/organisations/{gone['id']}", body | {"ags": "05770097"}, version=2)
    assert (moved.code, moved.body["errors"][0]["field"]) == ("key_is_fixed", "/ags")


async def test_two_entries_of_one_body_become_one(editor: Client, reader: Client) -> None:
    """Trap 4 of the portal's content: projects name the body both ways, and keep pointing at it."""
    stays = await registered(editor, name="Museumsverbund Weser", type="cultural_institution")
    gone = await registered(editor, name="Museen an der Weser", type="cultural_institution", aliases=["MadW"])

    def said(lead: str) -> dict[str, Any]:
        partners = [{"organisation_id": lead, "role": "lead"}, {"organisation_id": stays}, {"ags": "05766044"}]
        return body_of(title="Museen am Fluss", participations=partners, contacts=[{"organisation_id": lead}])

    project_id = await editor.publish(**said(gone))
    body = {"into": stays, "reason": "<p>Beide Namen meinen denselben Verein.</p>"}
    merged = await editor.post(f"/organisations/{gone}/mergers", body, key=(key := str(uuid4())))
    assert merged.status == 200, merged.body
    assert (await reader.get(f"/organisations/{stays}")).body["aliases"] == ["Museen an der Weser", "MadW"]
    assert (await editor.post(f"/organisations/{gone}/mergers", body, key=key)).body == merged.body
    assert (await editor.post(f"/organisations/{gone}/mergers", body)).body["version"] == merged.body["version"]
    old = (await reader.get(f"/organisations/{gone}")).body
    assert (old["id"], old["merged_into"], old["name"]) == (stays, stays, "Museumsverbund Weser")
    assert set(old["aliases"]) == {"Museen an der Weser", "MadW"}
    for q in ("MadW", "Museen an der Weser", "Museumsverbund Weser"):
        assert [each["id"] for each in (await reader.get("/organisations", q=q)).body["items"]] == [stays]
    page = (await reader.get(f"/projects/{project_id}")).body
    named = [(each["organisation_id"], each["name"], each["role"]) for each in page["participations"]]
    assert named[:2] == [(stays, "Museumsverbund Weser", "lead"), (stays, "Museumsverbund Weser", "participant")]
    for lead in (gone, stays):
        same = await editor.put(f"/projects/{project_id}", said(lead), page["version"])
        assert (same.status, same.body["version"]) == (200, page["version"]), "nothing that anybody reads has changed"
    await editor.post(f"/projects/{project_id}/revisions", said(gone) | {"summary": "Kürzer."})
    assert (await reader.get(f"/projects/{project_id}")).body["versions"][-1]["changed"] == ["summary"]
    history = (await editor.get(f"/organisations/{gone}/history")).body["steps"]
    assert (history[-1]["step"], history[-1]["reason"]) == (
        "organisation_merged",
        "Beide Namen meinen denselben Verein.",
    )


async def test_mergings_never_go_in_a_circle(editor: Client, reader: Client) -> None:
    one, other, third = [await registered(editor, name=f"Archivverbund {uuid4().hex}") for _ in range(3)]
    replies = await gather(
        editor.post(f"/organisations/{one}/mergers", {"into": other, "reason": "doppelt"}),
        editor.post(f"/organisations/{other}/mergers", {"into": one, "reason": "doppelt"}),
    )
    assert sorted(reply.status for reply in replies) == [200, 409]
    assert next(reply.code for reply in replies if reply.status == 409) == "merged_into_itself"
    stays = (await reader.get(f"/organisations/{one}")).body["id"]
    assert (await editor.post(f"/organisations/{stays}/mergers", {"into": third, "reason": "doppelt"})).status == 200
    assert {(await reader.get(f"/organisations/{key}")).body["id"] for key in (one, other, third)} == {third}
    changed = await editor.put(f"/organisations/{stays}", {"name": "Archiv", "type": "hospital"}, version=99)
    assert changed.code == "stale_version"
    unknown = await editor.post(f"/organisations/{third}/mergers", {"into": "05999", "reason": "doppelt"})
    assert (unknown.code, unknown.body["errors"][0]["field"]) == ("unknown_organisation", "/into")


async def test_a_project_written_after_a_merging_names_the_body_that_stays(editor: Client, reader: Client) -> None:
    stays = await registered(editor, name=f"Hochschule {uuid4().hex}", type="university")
    gone = await registered(editor, name=f"Fachhochschule {uuid4().hex}", type="university")
    await editor.post(f"/organisations/{gone}/mergers", {"into": stays, "reason": "umbenannt"})
    project_id = await editor.draft(participations=[{"organisation_id": gone}, {"ags": "05766044"}])
    page = (await editor.get(f"/projects/{project_id}")).body
    assert page["participations"][0]["organisation_id"] == stays


async def test_only_editors_keep_the_directory(reader: Client) -> None:
    body = {"name": "Klinikum Süd", "type": "hospital"}
    assert (await reader.post("/organisations", body)).status == 401
    assert (await reader.put("/organisations/00000000-0000-7000-8000-000000000000", body, version=1)).status == 401
    merger = {"into": "05766044", "reason": "doppelt"}
    assert (await reader.post("/organisations/00000000-0000-7000-8000-000000000000/mergers", merger)).status == 401


async def test_what_was_merged_is_rebuilt_as_it_is(editor: Client, journal: Journal, database: Database) -> None:
    """Last here: everything that the tests before did is in the journal."""
    for projection in [each for each in PROJECTIONS if each.name in ("organisations", "history", "project_pages")]:
        assert (await rebuild(database.dsn("catalog"), journal, projection)).different == ()
    assert (await editor.get("/organisations/05766044")).status == 200
