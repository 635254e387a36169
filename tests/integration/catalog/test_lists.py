"""Topics, resources, key figures, vocabularies; and how every read can be repeated cheaply and waited for."""

import pytest

from tests.integration.catalog.conftest import Client


async def test_all_topics_are_one_page(reader: Client) -> None:
    topics = (await reader.get("/topics")).body
    assert (len(topics["items"]), topics["total"], topics["next"]) == (45, 45, None)
    assert len({topic["group"]["code"] for topic in topics["items"]}) == 7
    counts = {topic["code"]: topic["projects"] for topic in topics["items"]}
    assert (counts["digitalisation"], counts["health"], counts["waste"]) == (3, 2, 0)


async def test_topics_of_a_group_in_pages(reader: Client) -> None:
    first = await reader.get("/topics", group="internal_administration", limit=10)
    assert first.body["total"] == 11
    second = await reader.get("/topics", group="internal_administration", limit=10, cursor=first.body["next"])
    assert (len(second.body["items"]), second.body["next"]) == (1, None)


async def test_topics_are_found_by_a_part_of_their_names(reader: Client) -> None:
    async def found(q: str) -> set[str]:
        return {topic["code"] for topic in (await reader.get("/topics", q=q)).body["items"]}

    assert await found("Gemeindekasse") == await found("vollstreck") == {"treasury"}
    assert "music_school" in await found("MUSIK")
    assert await found("Astrologie") == await found("?") == set()


async def test_a_topic_that_moves_shifts_no_other_between_pages(reader: Client, editor: Client) -> None:
    waste = (await reader.get("/topics/waste")).body
    group = {"group": waste["group"]["code"]}
    everything = [topic["code"] for topic in (await reader.get("/topics", **group)).body["items"]]
    first = (await reader.get("/topics", **group, limit=everything.index("waste") + 1)).body
    assert (await editor.post("/topics/waste/renamings", {"label": "Zukunft des Abfalls"})).status == 200
    second = (await reader.get("/topics", **group, cursor=first["next"])).body["items"]
    await editor.post("/topics/waste/renamings", {"label": waste["label"]})
    seen = {topic["code"] for topic in (*first["items"], *second)}
    assert seen == set(everything)


async def test_resources_are_found_by_a_part_of_their_words(reader: Client) -> None:
    whole = (await reader.get("/resources")).body["items"]
    assert whole
    assert (await reader.get("/resources", q="FÖRDERANTRAG")).body["items"] == whole
    assert (await reader.get("/resources", q="Raumfahrt")).body == {"items": [], "next": None, "total": 0}


@pytest.mark.parametrize("name", ["treasury", "gemeindekasse"])
async def test_a_topic_is_read_by_code_or_german_word(reader: Client, name: str) -> None:
    assert (await reader.get(f"/topics/{name}")).body["label"] == "Gemeindekasse und Vollstreckung"
    assert (await reader.get("/topics/astrology")).code == "not_found"


async def test_a_topic_is_renamed_and_still_found_by_its_former_name(editor: Client, reader: Client) -> None:
    project_id = await editor.publish(topics=["veterinary"], title="Gemeinsames Amt")
    renamed = await editor.post("/topics/veterinary/renamings", {"label": "Tiergesundheit"})
    assert (renamed.status, renamed.body["id"]) == (200, "veterinary")
    topic = (await reader.get("/topics/veterinary")).body
    assert topic["label"] == "Tiergesundheit"
    assert topic["former_labels"] == ["Veterinärwesen und Lebensmittelüberwachung"]
    for q in ("Tiergesundheit", "Veterinärwesen"):
        found = (await reader.get("/projects", q=q)).body["items"]
        assert [item["id"] for item in found] == [project_id]
        assert found[0]["labels"]["topics"] == {"veterinary": "Tiergesundheit"}
    assert (await editor.post("/topics/astrology/renamings", {"label": "Sterne"})).code == "not_found"
    assert (await editor.post("/topics/veterinary/renamings", {"label": " "})).code == "invalid_request"


async def test_the_checklist_says_that_its_file_is_missing(reader: Client) -> None:
    (checklist,) = (await reader.get("/resources", kind="checklist")).body["items"]
    assert checklist["title"] == "Vom Förderantrag bis zur Umsetzung"
    assert checklist["file_note"] == "Datei liegt nicht vor"
    assert (await reader.get(f"/resources/{checklist['id']}")).body == checklist
    assert (await reader.get("/resources", topic="health")).body["total"] == 0
    assert (await reader.get("/resources/nothing")).code == "not_found"


async def test_figures_carry_source_date_and_qualifier(reader: Client) -> None:
    figures = (await reader.get("/key-figures")).body["items"]
    assert all(figure["source"] and figure["stated_on"] and figure["qualifier_label"] for figure in figures)
    by_value = {figure["value"]: figure for figure in figures}
    assert by_value[6200]["text"].startswith("mehr als 6.200 umgesetzte Projekte")
    assert by_value[650]["text"].startswith("weitere 650 Projekte")
    first = await reader.get("/key-figures", limit=2)
    rest = await reader.get("/key-figures", limit=2, cursor=first.body["next"])
    assert [figure["id"] for figure in first.body["items"] + rest.body["items"]] == [f["id"] for f in figures]


async def test_the_vocabularies_speak_english_and_german(reader: Client) -> None:
    lists = (await reader.get("/vocabularies")).body["vocabularies"]
    assert {"value": "lead", "slug": "federfuehrend", "label": "federführend", "law": None} in lists["role"]
    agreement = next(term for term in lists["legal_form"] if term["value"] == "administrative_agreement")
    assert agreement["law"] == "§ 54 VwVfG NRW (übliche Einordnung)"


@pytest.mark.parametrize(
    "path",
    [
        "/projects",
        "/projects/facets",
        "/organisations/05766044",
        "/topics",
        "/resources",
        "/key-figures",
        "/vocabularies",
    ],
)
async def test_what_has_not_changed_is_not_sent_again(reader: Client, path: str) -> None:
    first = await reader.get(path)
    second = await reader.call("GET", path, headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status, second.status) == (200, 304)


async def test_a_page_changes_its_tag_with_the_names_in_it(reader: Client, editor: Client) -> None:
    project_id = await editor.publish(topics=["waste"])
    before = (await reader.get(f"/projects/{project_id}")).headers["ETag"]
    await editor.post("/topics/waste/renamings", {"label": "Abfall"})
    after = await reader.call("GET", f"/projects/{project_id}", headers={"If-None-Match": before})
    assert after.status == 200


async def test_a_read_waits_for_a_position(reader: Client) -> None:
    assert (await reader.get("/topics", min_position=1)).status == 200
    late = await reader.get("/topics", min_position=10**9)
    assert (late.status, late.code) == (503, "position_not_reached")
    assert late.headers["Retry-After"]
