"""Finding projects: words, spellings, filters, facets, pages."""

from random import Random
from typing import Any

import pytest

from services.catalog import search
from services.catalog.search import ProjectFilter, Sort
from services.catalog.search_index import FACETS
from services.catalog.search_live import Live
from tests.integration.catalog.conftest import Client

MUSIC = "Interkommunale Musikschule der Städte Bocholt und Isselburg"
KIOSK = "Gesundheitskiosk Hörstmar"
STUDY = "Interkommunale Machbarkeitsstudie „Gesundheit vor Ort“"
WATER = "Wasser-Risiko-Check"
TWIN = "Digitaler Zwilling Rhein-Kreis Neuss"
CASH = "Gemeindekasse Morsbach/Reichshof"
SOCIAL = "Interkommunales Sozialamt"
ARKUS = "Augmented-Reality-Kultur-Stationen (ARKuS)"


async def titles(reader: Client, **query: Any) -> list[str]:
    reply = await reader.get("/projects", **query)
    assert reply.status == 200, reply.body
    assert reply.body["total"] == len(reply.body["items"]) or reply.body["next"]
    return [item["title"] for item in reply.body["items"]]


@pytest.mark.parametrize(
    ("q", "first"),
    [
        ("Musikschule", MUSIC),
        ("Musikschulen", MUSIC),
        ("musiksch", MUSIC),
        ("Bocholt", MUSIC),
        ("Hoerstmar", KIOSK),
        ("Hörstmar", KIOSK),
        ("horstmar", KIOSK),
        ("Gesundheitskiosk Lemgo", KIOSK),
        ("Alte Hansestadt Lemgo", KIOSK),
        ("Morsbach Vollstreckung", CASH),
        ("arkus", ARKUS),
        ("OWL-IT", ARKUS),
        ("Starkregen", WATER),
        ("hochwasser", WATER),
        ("schutz", WATER),
        ('"digitaler zwilling"', TWIN),
        ("Sozialamt", SOCIAL),
        ("Bad Sassendorf", SOCIAL),
        ("Museum", ARKUS),
        ("Musikshcule", MUSIC),
        ("Gemeindekase", CASH),
        ("standesampt", "Interkommunales Standesamt"),
    ],
)
async def test_what_is_meant_comes_first(reader: Client, q: str, first: str) -> None:
    assert (await titles(reader, q=q))[0] == first


async def test_what_nobody_wrote_is_not_found(reader: Client) -> None:
    assert await titles(reader, q="Raumfahrtbahnhof") == []


async def test_signs_are_meant(reader: Client) -> None:
    assert await titles(reader, q='"Gesundheit vor Ort"') == [STUDY]
    assert await titles(reader, q='"Ort Gesundheit"') == []
    assert set(await titles(reader, q="Gesundheitsversorgung")) == {KIOSK, STUDY}
    assert await titles(reader, q="Gesundheitsversorgung -Machbarkeitsstudie -Ortsteile") == []
    assert await titles(reader, q="Gesundheitsversorgung -Ortsteile") == [STUDY]


async def test_a_text_of_any_letters_is_kept_and_found(editor: Client, reader: Client) -> None:
    """One letter becomes five when it is folded: more than an index holds."""
    random = Random(1)

    def text(length: int) -> str:
        return " ".join("".join(chr(random.randrange(0x3300, 0x3358)) for _ in range(5)) for _ in range(length // 6))

    def lines() -> list[str]:
        return [text(300) for _ in range(50)]

    project_id = await editor.publish(
        title="Langschrift",
        keywords=lines(),
        description=text(20_000),
        goals=lines(),
        measures=lines(),
        effects=[{"kind": "quality", "text": line} for line in lines()],
        milestones=[{"text": line} for line in lines()],
        components=[{"name": line, "text": line[::-1]} for line in lines()],
    )
    assert await titles(reader, q="Langschrift") == ["Langschrift"]
    assert (await editor.post(f"/projects/{project_id}/archivals")).status == 200


async def test_values_of_one_filter_are_alternatives_filters_add_up(reader: Client) -> None:
    assert set(await titles(reader, topic=["treasury", "music_school"])) == {CASH, MUSIC}
    assert await titles(reader, topic=["treasury", "music_school"], district="05554") == [MUSIC]
    assert await titles(reader, topic="treasury", district="05554") == []
    assert set(await titles(reader, group="education_culture_sport")) == {MUSIC, ARKUS}
    assert await titles(reader, legal_form="administrative_agreement") == [SOCIAL]
    assert await titles(reader, stage="pilot") == [ARKUS]
    assert await titles(reader, organisation="05554008") == [MUSIC]
    assert len(await titles(reader, best_practice="true")) == 5
    assert len(await titles(reader, best_practice="false")) == 5


async def test_an_organisation_is_named_by_key_or_id(reader: Client) -> None:
    lemgo = (await reader.get("/organisations/05766044")).body["id"]
    assert await titles(reader, organisation="05766044") == [KIOSK]
    assert await titles(reader, organisation=lemgo) == [KIOSK]


async def test_a_district_holds_who_is_or_works_there(reader: Client) -> None:
    assert set(await titles(reader, district="05766")) == {KIOSK, ARKUS}
    assert await titles(reader, district="05770") == [ARKUS]
    assert await titles(reader, district="05162") == [TWIN]


async def test_facets_count_or_inside_and_between(reader: Client) -> None:
    async def counts(facet: str, **query: Any) -> dict[str, int]:
        reply = await reader.get("/projects/facets", **query)
        assert reply.status == 200
        return {each["value"]: each["count"] for each in reply.body["facets"][facet]}

    everything = await counts("topic")
    assert everything["digitalisation"] == 3
    assert everything["health"] == 2
    assert await counts("topic", topic="health") == everything, "a facet's own choice leaves its counts alone"
    pilots = await counts("topic", stage="pilot")
    assert pilots == {**dict.fromkeys(everything, 0), "culture": 1, "digitalisation": 1}, "values stay"
    assert (await counts("stage", topic=["health", "treasury"])) | {"operating": 2, "completed": 1} == await counts(
        "stage", topic=["health", "treasury"]
    )
    assert await counts("best_practice") == {"true": 5}
    assert set(await counts("topic", q="Gesundheit")) == {"health"}


async def test_a_chosen_value_stays_where_the_words_leave_nothing_for_it(reader: Client) -> None:
    chosen = {
        "topic": ("treasury", "Gemeindekasse und Vollstreckung"),
        "group": ("internal_administration", "Innere Verwaltung"),
        "stage": ("idea", "Idee"),
        "legal_form": ("administrative_agreement", "Verwaltungsvereinbarung"),
        "organisation": ("05974008", "Bad Sassendorf"),
        "district": ("05770", "Kreis Minden-Lübbecke"),
    }
    query = {name: value for name, (value, _) in chosen.items()}
    for q in ("Musikschule", "?"):
        facets = (await reader.get("/projects/facets", q=q, **query)).body["facets"]
        for name, (value, label) in chosen.items():
            assert {"value": value, "label": label, "count": 0} in facets[name], name
    unknown = (await reader.get("/projects/facets", topic="no_such_topic")).body["facets"]["topic"]
    assert "no_such_topic" not in {each["value"] for each in unknown}


@pytest.mark.parametrize("query", [{"q": "stadt"}, {"q": "stadt", "topic": "culture"}, {"q": "?!"}])
async def test_a_page_has_the_facets_beside_it_when_asked(reader: Client, query: dict[str, str]) -> None:
    alone, beside = await reader.get("/projects", **query), await reader.get("/projects", **query, facets=True)
    assert alone.body["facets"] is None
    assert beside.body["items"] == alone.body["items"]
    assert beside.body["facets"] == (await reader.get("/projects/facets", **query)).body["facets"]
    first = (await reader.get("/projects", **query, limit=1)).body["next"]
    if first:
        assert (await reader.get("/projects", **query, limit=1, cursor=first, facets=True)).status == 200


async def test_facets_have_labels(reader: Client) -> None:
    facets = (await reader.get("/projects/facets")).body["facets"]
    assert list(facets) == list(FACETS)
    labels = {name: {each["value"]: each["label"] for each in values} for name, values in facets.items()}
    assert labels["topic"]["treasury"] == "Gemeindekasse und Vollstreckung"
    assert labels["group"]["internal_administration"] == "Innere Verwaltung"
    assert labels["legal_form"]["administrative_agreement"] == "Verwaltungsvereinbarung"
    assert labels["organisation"]["05554008"] == "Bocholt"
    assert labels["district"]["05770"] == "Kreis Minden-Lübbecke"


@pytest.mark.parametrize("sort", ["title", "date", "relevance", "effect", "distance"])
async def test_pages_hold_everything_once(reader: Client, sort: str) -> None:
    asked = {"sort": sort, "near": "05766044"}
    whole = (await reader.get("/projects", **asked, limit=100)).body["items"]
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        reply = await reader.get("/projects", **asked, limit=3, **({"cursor": cursor} if cursor else {}))
        assert reply.body["total"] == len(whole)
        seen += [item["id"] for item in reply.body["items"]]
        cursor = reply.body["next"]
        assert (cursor is not None) == ('rel="next"' in reply.headers["Link"])
    assert seen == [item["id"] for item in whole]


@pytest.mark.parametrize("sort", ["title", "date", "relevance"])
async def test_the_ids_of_everything_come_in_the_same_order_of_one_moment(
    live: Live, editor: Client, reader: Client, sort: Sort
) -> None:
    whole = [item["id"] for item in (await reader.get("/projects", sort=sort, q="stadt", limit=100)).body["items"]]
    batches = search.ids(live, ProjectFilter(q="stadt"), sort, batch=2)
    seen = list(await anext(batches))
    late = await editor.publish(title="Spät kommende Stadt")
    seen += [each async for batch in batches for each in batch]
    assert seen == whole
    assert (await editor.post(f"/projects/{late}/archivals")).status == 200


async def test_there_may_be_no_ids_at_all(live: Live) -> None:
    assert [batch async for batch in search.ids(live, ProjectFilter(q="?!"))] == []


async def test_titles_stand_in_german_order(reader: Client) -> None:
    found = await titles(reader, sort="title", limit=100)
    assert found[:3] == [ARKUS, TWIN, CASH]


async def test_suggestions_while_typing(reader: Client) -> None:
    items = (await reader.get("/projects/suggest", q="ges")).body["items"]
    assert {"kind": "topic", "value": "health", "label": "Gesundheit"} in items
    assert items[0]["label"] == KIOSK
    assert {"kind": "organisation", "value": "05974020", "label": "Geseke"} in items
    assert (await reader.get("/projects/suggest", q="duess")).body["items"] == [
        {"kind": "organisation", "value": "05111000", "label": "Düsseldorf"}
    ]
    assert (await reader.get("/projects/suggest", q="Alte Hansestadt Lem")).body["items"][0]["value"] == "05766044"


async def test_suggestions_know_the_parts_of_compounds(reader: Client) -> None:
    async def suggested(q: str) -> list[tuple[str, str]]:
        return [(item["kind"], item["label"]) for item in (await reader.get("/projects/suggest", q=q)).body["items"]]

    assert await suggested("kiosk") == [("project", KIOSK)]
    assert {("project", MUSIC), ("topic", "Musikschule")} <= set(await suggested("schule"))


async def test_suggestions_forgive_slips(reader: Client) -> None:
    async def suggested(q: str) -> list[str]:
        return [item["label"] for item in (await reader.get("/projects/suggest", q=q)).body["items"]]

    assert MUSIC in await suggested("Interkommunale Musikshc")
    assert "Düsseldorf" in await suggested("Düsseldrof")
    assert "Standesamt" in await suggested("Standesmat")
    assert await suggested("?") == []
    assert await suggested("a") != []


async def test_what_was_found_is_marked_in_pieces(reader: Client) -> None:
    (card,) = (await reader.get("/projects", q="Musikunterricht Bocholt")).body["items"]
    assert card["highlights"]["title"] == [
        {"text": "Interkommunale Musikschule der Städte ", "mark": False},
        {"text": "Bocholt", "mark": True},
        {"text": " und Isselburg", "mark": False},
    ]
    (plain, *_) = (await reader.get("/projects", limit=1)).body["items"]
    assert plain["highlights"] is None


async def test_what_may_have_been_meant_is_said(reader: Client) -> None:
    mistyped = (await reader.get("/projects", q="Musikshcule")).body
    assert (mistyped["did_you_mean"], mistyped["total"]) == ("Musikschule", 1)
    assert (await reader.get("/projects", q="Musikschule")).body["did_you_mean"] is None
    partly = (await reader.get("/projects", q="Musikschule Sozialamt")).body
    assert not partly["all_words"]
    assert {MUSIC, SOCIAL} <= {item["title"] for item in partly["items"]}


async def test_a_distance_filters_and_orders(reader: Client) -> None:
    lemgo = "05766044"
    near = (await reader.get("/projects", near=lemgo, within_km=30, sort="distance")).body["items"]
    assert {KIOSK} <= {item["title"] for item in near}
    assert [item["distance_km"] for item in near] == sorted(item["distance_km"] for item in near)
    assert all(item["distance_km"] <= 30 for item in near)
    everything = (await reader.get("/projects", near=lemgo, sort="distance", limit=100)).body
    assert everything["total"] == 10
    assert len({item["id"] for item in everything["items"]}) == 10
    assert everything["items"][-1]["distance_km"] is None, "nobody in it has a place"
    counts = (await reader.get("/projects/facets", near=lemgo, within_km=30)).body["facets"]
    assert MUSIC not in {item["title"] for item in near}
    assert "music_school" not in {each["value"] for each in counts["topic"]}


async def test_projects_like_one(editor: Client, reader: Client) -> None:
    (kiosk,) = [item["id"] for item in (await reader.get("/projects", q="Gesundheitskiosk")).body["items"][:1]]
    alike = await reader.get(f"/projects/{kiosk}/similar", limit=3)
    assert alike.body["items"][0]["title"] == STUDY
    assert alike.body["total"] == len(alike.body["items"]) <= 3
    assert kiosk not in {item["id"] for item in alike.body["items"]}
    assert (await reader.get(f"/projects/{await editor.draft()}/similar")).status == 404


async def test_a_renamed_topic_finds_its_projects_at_once(editor: Client, reader: Client) -> None:
    renamed = await editor.post("/topics/music_school/renamings", {"label": "Quirlwesen"})
    assert renamed.status == 200, renamed.body
    assert await titles(reader, q="Quirlwesen") == [MUSIC]
    labels = (await reader.get("/projects", q="Quirlwesen")).body["items"][0]["labels"]
    assert labels["topics"] == {"music_school": "Quirlwesen"}
    assert (await editor.post("/topics/music_school/renamings", {"label": "Musikschule"})).status == 200


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ({"q": "Bauhof " * 900}, "q", "string_too_long"),
        ({"q": "a b " * 20}, "q", "too_many_words"),
        ({"q": "Bau\0hof"}, "q", "character_not_allowed"),
        ({"within_km": 10}, "within_km", "near_missing"),
        ({"sort": "distance"}, "sort", "near_missing"),
        ({"near": "05766044", "within_km": "nan"}, "within_km", "finite_number"),
        ({"near": "05999999", "within_km": 10}, "near", "unknown_municipality"),
        ({"regierungsbezirk": "Detmold"}, "regierungsbezirk", "string_pattern_mismatch"),
    ],
)
async def test_what_cannot_be_asked_is_refused(reader: Client, query: dict[str, Any], field: str, code: str) -> None:
    reply = await reader.get("/projects", **query)
    assert (reply.status, reply.code) == (422, "invalid_query")
    assert [(each["field"], each["code"]) for each in reply.body["errors"]] == [(field, code)]


async def test_what_cannot_be_ordered_is_no_file_either(reader: Client) -> None:
    reply = await reader.get("/projects/export.json", sort="distance")
    assert (reply.status, [each["code"] for each in reply.body["errors"]]) == (422, ["near_missing"])


@pytest.mark.parametrize("q", ["?!", "--", '""', "- - -", '"', "(((", "\u200b", "&|!:*"])
async def test_signs_alone_find_nothing(reader: Client, q: str) -> None:
    reply = await reader.get("/projects", q=q)
    assert (reply.status, reply.body["total"], reply.body["next"]) == (200, 0, None)


async def test_words_that_say_nothing_are_words(reader: Client) -> None:
    assert len(await titles(reader, q="der und die")) > 0
    assert await titles(reader, q="der Gesundheitskiosk und") == [KIOSK, STUDY]
