"""What editors keep as data beside projects: key figures, funding programmes, populations; and hints made of them."""

from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from services.catalog import load_population
from shared.kernel.identity import generate_keys
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from tests.conftest import Database
from tests.integration.catalog.conftest import Client, Reply

FIGURE = {
    "value": 412,
    "qualifier": "about",
    "counts": "<i>Zweckverbände</i> in Nordrhein-Westfalen",
    "source": "Eine erfundene Erhebung",
    "stated_on": "2025-03-01",
}
TERMS = {
    "title": "<b>Erfundenes</b> Programm",
    "authority": "eine Bezirksregierung",
    "dated": "2030-01-01",
    "valid_from": "2030-01-01",
    "valid_to": "2030-12-31",
    "base_amount_eur": 1000,
    "per_further_partner_eur": 100,
    "cap_share": 0.5,
    "sources": ["erfunden"],
    "as_of": "2029-12-01",
}

ONE_TRANSACTION = """
SELECT count(*) AS events, count(DISTINCT xmin::text) AS transactions FROM journal
WHERE correlation_id = (SELECT correlation_id FROM journal ORDER BY position DESC LIMIT 1)
"""


async def upload(
    editor: Client, raw: bytes, media_type: str = "text/csv", key: str | None = None, **query: str
) -> Reply:
    headers = {"Content-Type": media_type} | ({"Idempotency-Key": key} if key else {})
    return await editor.call("POST", "/organisations/populations", params=query, data=raw, headers=headers)


async def test_a_figure_is_recorded_replaced_and_withdrawn(editor: Client, reader: Client) -> None:
    made = await editor.post("/key-figures", FIGURE, key=(key := str(uuid4())))
    assert made.status == 201, made.body
    assert (await editor.post("/key-figures", FIGURE, key=key)).body == made.body
    path = f"/key-figures/{made.body['id']}"
    assert (await reader.get(path)).body["text"] == "rund 412 Zweckverbände in Nordrhein-Westfalen"
    newer = FIGURE | {"value": 415, "stated_on": "2026-03-01"}
    assert (await editor.put(path, newer)).status == 428
    assert (await editor.put(path, newer, version=1)).status == 200
    assert (await editor.put(path, newer, version=1)).code == "stale_version"
    assert (await reader.get(path)).body["value"] == 415
    reason = {"reason": "Die Quelle nahm sie zurück."}
    assert (await editor.post(f"{path}/withdrawals", reason)).status == 200
    assert (await editor.post(f"{path}/withdrawals", reason)).status == 200
    assert (await reader.get(path)).code == "not_found"
    assert made.body["id"] not in {each["id"] for each in (await reader.get("/key-figures")).body["items"]}
    assert (await editor.put(path, newer, version=3)).code == "key_figure_withdrawn"
    steps = (await editor.get(f"{path}/history")).body["steps"]
    assert [step["step"] for step in steps] == ["key_figure_recorded", "key_figure_recorded", "key_figure_withdrawn"]
    assert steps[-1]["reason"] == reason["reason"]


async def test_figures_are_never_added_up(editor: Client, reader: Client) -> None:
    """Trap 6 of the portal's content: „weitere 650“ and „mehr als 6.200“ count different things."""
    page = (await reader.get("/key-figures")).body
    assert page["total"] == len(page["items"]), "the total counts figures"
    values = {figure["value"]: figure["text"] for figure in page["items"]}
    assert values[650].startswith("weitere 650 ")
    assert values[6200].startswith("mehr als 6.200 ")
    assert not {6850, 7495, 6895} & values.keys()


@pytest.mark.parametrize("missing", ["qualifier", "source", "stated_on", "counts", "value"])
async def test_a_figure_without_its_source_date_or_qualifier_is_refused(editor: Client, missing: str) -> None:
    body = {name: value for name, value in FIGURE.items() if name != missing}
    refused = await editor.post("/key-figures", body)
    assert (refused.code, refused.body["errors"][0]["field"]) == ("invalid_request", f"/{missing}")


async def test_an_estimate_shows_how_it_comes_about(reader: Client) -> None:
    asked = {"partners": 3, "eligible_cost_eur": 1_000_000, "on": "2026-06-01"}
    found = (await reader.get("/funding-estimate", **asked)).body
    (only,) = found["estimates"]
    assert (only["amount_eur"], only["programme"]["as_of"]) == (210_000, "2026-11-28")
    assert "keine Zusage" in found["note"]
    assert "Ein Ende der Geltung ist nicht bekannt." in only["programme"]["validity"]
    assert [step["amount_eur"] for step in only["steps"]] == [175_000, 35_000, 210_000, 900_000, 210_000]
    before = (await reader.get("/funding-estimate", **asked | {"on": "2020-01-01"})).body
    assert [each["amount_eur"] for each in before["estimates"]] == [180_000]
    assert (await reader.get("/funding-estimate", **asked | {"on": "2018-01-01"})).body["estimates"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"partners": 1, "eligible_cost_eur": 1}, ""),
        ({"partners": 2, "eligible_cost_eur": -5}, "eligible_cost_eur"),
        ({"partners": 2, "eligible_cost_eur": 10**20}, "eligible_cost_eur"),
        ({"partners": "zwei", "eligible_cost_eur": 1}, "partners"),
        ({"partners": 2, "eligible_cost_eur": 1, "on": "gestern"}, "on"),
        ({"eligible_cost_eur": 1}, "partners"),
    ],
)
async def test_an_estimate_that_makes_no_sense_is_refused(reader: Client, query: dict[str, Any], field: str) -> None:
    refused = await reader.get("/funding-estimate", **query)
    assert (refused.code, refused.body["errors"][0]["field"]) == ("invalid_query", field)


async def test_editors_keep_programmes(editor: Client, reader: Client) -> None:
    made = await editor.post("/funding-programmes", TERMS)
    assert made.status == 201, made.body
    path = f"/funding-programmes/{made.body['id']}"
    asked = {"partners": 2, "eligible_cost_eur": 10_000, "on": "2030-06-01"}
    amounts = {
        each["programme"]["title"]: each for each in (await reader.get("/funding-estimate", **asked)).body["estimates"]
    }
    assert amounts["Erfundenes Programm"]["amount_eur"] == 1000
    assert (await editor.put(path, TERMS | {"base_amount_eur": 2000}, version=1)).status == 200
    assert (await reader.get(path)).body["base_amount_eur"] == 2000
    wrong = await editor.post("/funding-programmes", TERMS | {"valid_to": "2029-12-31"})
    assert (wrong.code, wrong.body["errors"][0]["code"]) == ("invalid_request", "ends_before_it_begins")
    listed = (await reader.get("/funding-programmes", limit=1)).body
    assert (listed["items"][0]["title"], listed["total"]) == ("Erfundenes Programm", 3)
    second = (await reader.get("/funding-programmes", limit=1, cursor=listed["next"])).body
    assert second["items"][0]["dated"] == "2021-08-31"
    assert (await editor.post(f"{path}/withdrawals", {"reason": "erfunden"})).status == 200
    assert (await reader.get(path)).code == "not_found"
    assert (await editor.put(path, TERMS, version=3)).code == "programme_withdrawn"
    assert len((await editor.get(f"{path}/history")).body["steps"]) == 3
    assert (await reader.post("/funding-programmes", TERMS)).status == 401


async def test_the_supervising_authority_is_hinted_at(editor: Client, reader: Client) -> None:
    of_lippe = {"ags": ["05766044", "05766036"], "legal_form": "special_purpose_association"}
    found = (await reader.get("/supervision-hint", **of_lippe)).body
    assert found["authority"] == "Landrätin oder Landrat als untere staatliche Verwaltungsbehörde (Kreis Lippe)"
    assert (found["level"], found["law"]) == ("district_commissioner", "§ 29 Abs. 1 Satz 1 GkG NRW")
    with_city = {"ags": ["05766044", "05711000"], "legal_form": "public_law_agreement_delegating"}
    assert (await reader.get("/supervision-hint", **with_city)).body["authority"] == "Bezirksregierung Detmold"
    abroad = {"ags": ["05766044", "03241001"], "legal_form": "special_purpose_association"}
    assert "Niedersachsen" in (await reader.get("/supervision-hint", **abroad)).body["reasons"][0]
    two = {"ags": ["05766044", "05974016"], "legal_form": "public_law_agreement_mandating"}
    assert (await reader.get("/supervision-hint", **two)).body["authority"] is None
    performing = (await reader.get("/supervision-hint", **two, performing="05974016")).body
    assert performing["authority"].endswith("(Kreis Soest)")
    seat = (await reader.get("/supervision-hint", **with_city, seat="05974016")).body
    assert seat["authority"] == "Bezirksregierung Arnsberg"
    in_a_city = (await reader.get("/supervision-hint", **of_lippe, seat="05711000")).body
    assert (in_a_city["authority"], in_a_city["candidates"]) == (None, []), "no commissioner sits in such a city"


async def test_a_member_that_was_merged_counts_as_the_body_that_stays(editor: Client, reader: Client) -> None:
    async def registered(**said: Any) -> str:
        reply = await editor.post("/organisations", {"confirmed_new": True, **said})
        assert reply.status == 201, reply.body
        return str(reply.body["id"])

    member = await registered(name="Lippischer Betrieb", type="private_body")
    whole = await registered(name="Verband am Teuto", type="special_purpose_association", member_ids=[member])
    asked = {"ags": "05766044", "organisation": whole, "legal_form": "special_purpose_association"}
    assert (await reader.get("/supervision-hint", **asked)).body["level"] == "district_commissioner"
    assert (await editor.post(f"/organisations/{member}/mergers", {"into": "05766", "reason": "Eigen"})).status == 200
    assert (await reader.get("/supervision-hint", **asked)).body["level"] == "district_government"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "ags"),
        ({"ags": "05999999"}, "ags"),
        ({"ags": "0576"}, "ags"),
        ({"ags": "99123456"}, "ags"),
        ({"ags": "05766044", "legal_form": "circus"}, "legal_form"),
        ({"ags": "05766044", "performing": "05766036"}, "performing"),
        ({"ags": "05766044", "seat": "03241001"}, "seat"),
        ({"organisation": "00000000-0000-7000-8000-000000000000"}, "organisation"),
    ],
)
async def test_a_hint_for_nobody_is_refused(reader: Client, query: dict[str, Any], field: str) -> None:
    refused = await reader.get("/supervision-hint", **query)
    assert (refused.code, refused.body["errors"][0]["field"]) == ("invalid_query", field)


async def test_a_projects_page_shows_the_hint(editor: Client, reader: Client) -> None:
    association = await editor.publish(legal_form="special_purpose_association")
    hint = (await reader.get(f"/projects/{association}")).body["supervision_hint"]
    assert hint["authority"].endswith("(Oberbergischer Kreis)")
    assert hint["note"].startswith("Hinweis nach § 29 GkG NRW")
    assert (await reader.get(f"/projects/{await editor.publish()}")).body["supervision_hint"] is None
    ministry = (await reader.get("/organisations", q="MHKBD")).body["items"][0]["id"]
    paid = [{"ags": "05374028"}, {"ags": "05374040"}, {"organisation_id": ministry, "role": "funder"}]
    funded = await editor.publish(legal_form="special_purpose_association", participations=paid)
    again = (await reader.get(f"/projects/{funded}")).body["supervision_hint"]
    assert again["level"] == "district_commissioner", "who pays is no member"


async def test_populations_come_from_an_official_file(editor: Client, reader: Client, pool: Pool) -> None:
    """The numbers are invented."""
    table = "AGS;Name;Einwohner\n05766044;Lemgo;40.123\n5766036;Kalletal;9.999\n03241001;Hannover;500000\n"
    raw = table.encode("windows-1252")
    planned = (await upload(editor, raw, as_of="2024-12-31", dry_run="true")).body
    assert (planned["changed"], planned["elsewhere"], planned["missing"], planned["recorded"]) == (2, 1, 394, False)
    assert (await reader.get("/organisations/05766044")).body["population"] is None
    done = (await upload(editor, raw, as_of="2024-12-31")).body
    assert (done["changed"], done["recorded"]) == (2, True)
    row = await pool.fetchrow(ONE_TRANSACTION)
    assert row is not None
    assert (row["events"], row["transactions"]) == (2, 1)
    lemgo = (await reader.get("/organisations/05766044")).body
    assert (lemgo["population"], lemgo["population_as_of"]) == (40_123, "2024-12-31")
    assert (lemgo["size_class"], lemgo["size_class_label"][:17]) == ("smaller_medium_town", "Kleine Mittelstad")
    assert (await reader.get("/organisations/05766036")).body["size_class"] == "smaller_small_town"
    again = (await upload(editor, raw, as_of="2024-12-31")).body
    assert (again["changed"], again["unchanged"]) == (0, 2)
    older = (await upload(editor, raw, as_of="2019-12-31")).body
    assert (older["changed"], older["newer"]) == (0, 2)
    terms = {term["value"] for term in (await reader.get("/vocabularies")).body["vocabularies"]["size_class"]}
    assert "smaller_medium_town" in terms


async def test_a_file_sent_twice_is_recorded_once_and_its_key_is_for_no_other(editor: Client, reader: Client) -> None:
    """The numbers are invented."""
    key = str(uuid4())
    first, second = b"ags;einwohner\n05766064;1000\n", b"ags;einwohner\n05766064;2000\n"
    done = (await upload(editor, first, key=key, as_of="2024-12-31")).body
    version = (await reader.get("/organisations/05766064")).body["version"]
    assert (done["changed"], done["recorded"]) == (1, True)
    assert (await upload(editor, first, key=key, as_of="2024-12-31")).body == done
    assert (await reader.get("/organisations/05766064")).body["version"] == version
    assert (await upload(editor, second, key=key, as_of="2024-12-31")).code == "idempotency_key_reused"
    assert (await reader.get("/organisations/05766064")).body["population"] == 1000


async def test_one_wrong_line_keeps_the_whole_file_out(editor: Client, reader: Client) -> None:
    refused = await upload(editor, b"ags;einwohner\n05766012;1\n05999999;2\n05766016;x", as_of="2024-12-31")
    assert (refused.status, refused.code, refused.body["details"]) == (422, "population_lines_wrong", {"wrong": 2})
    assert [error["field"] for error in refused.body["errors"]] == ["/3", "/4"]
    assert refused.body["errors"][1]["detail"] == "Zeile 4, einwohner: Erwartet wird eine ganze Zahl ab 0."
    assert (await reader.get("/organisations/05766012")).body["population"] is None
    no_day = await upload(editor, b"ags;einwohner\n05766012;1\n")
    assert "as_of" in no_day.body["errors"][0]["detail"]


@pytest.mark.parametrize("raw", [b"", b"PK\x03\x04...", b"\0\0", b"name;zahl\nLemgo;1"])
async def test_what_is_no_such_file_is_refused(editor: Client, raw: bytes) -> None:
    assert (await upload(editor, raw, as_of="2024-12-31")).code == "population_file_unreadable"


async def test_the_importer_is_a_program(
    reader: Client, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, journal: Journal
) -> None:
    """The numbers are invented."""
    for name, value in {
        "IKZ_DATABASE_URL": database.dsn("catalog"),
        "IKZ_NATS_URL": "nats://nobody:nothing@127.0.0.1:1",
        "IKZ_VAULT_KEY": "A" * 43,
        "IKZ_IDENTITY_PUBLIC_KEY": generate_keys().public,
    }.items():
        monkeypatch.setenv(name, value)
    line = f"{'60':2}20250831{'05766044':8}{'':4}{'Lemgo, Stadt':50}{'':50}63{'':4}{10086:011}{40_500:011}"
    file = tmp_path / "GV100AD_31082025.txt"
    file.write_text(line, encoding="utf-8")
    report = await load_population.run(file, date(2025, 6, 30), dry_run=False)
    assert (report.format, report.changed, report.recorded) == ("gv100ad", 1, True)
    lemgo = (await reader.get("/organisations/05766044", min_position=await journal.head())).body
    assert (lemgo["population"], lemgo["population_as_of"]) == (40_500, "2025-06-30")


async def test_only_editors_send_tables(editor: Client, reader: Client) -> None:
    assert (await upload(reader, b"ags;einwohner")).status == 401
    assert (await upload(editor, b"{}", media_type="application/json")).status == 415
    assert (await upload(editor, b"ags", as_of="gestern")).code == "invalid_query"


async def test_projects_of_municipalities_like_mine(editor: Client, reader: Client) -> None:
    """The numbers are invented; Kalletal and Dörentrup lie side by side."""
    table = b"ags;einwohner\n05766036;13000\n05766024;11500\n05154040;11000\n"
    assert (await upload(editor, table, as_of="2025-12-31")).body["recorded"]
    found = (await reader.get("/organisations/05766036/similar", limit=3)).body
    first = found["items"][0]
    assert (first["ags"], first["size_class"]) == ("05766024", "larger_small_town")
    assert first["score"] == sum(reason["points"] for reason in first["reasons"]) == 11
    assert len(found["items"]) == 3
    assert found["projects"] == "/api/v1/projects?like=05766036"
    theirs = await editor.publish(participations=[{"ags": "05766024"}, {"ags": "05766044"}])
    others = await editor.publish(participations=[{"ags": "05111000"}, {"ags": "05315000"}])
    own = await editor.publish(participations=[{"ags": "05766036"}, {"ags": "05315000"}])
    ids = {each["id"] for each in (await reader.get("/projects", like="05766036", limit=100)).body["items"]}
    assert theirs in ids
    assert not {others, own} & ids
    facets = (await reader.get("/projects/facets", like="05766036")).body["facets"]["organisation"]
    assert "05766024" in {value["value"] for value in facets}
    unknown = await reader.get("/projects", like="05999999")
    assert (unknown.code, unknown.body["errors"][0]["field"]) == ("invalid_query", "like")
    assert (await reader.get("/organisations/05999999/similar")).code == "not_found"
    districts = (await reader.get("/organisations/05766/similar")).body
    assert districts["note"] is not None, "the table counts not all of Lippe"
    assert {each["type"] for each in districts["items"]} <= {"district", "city_region"}
    level = (await reader.get("/organisations/05111/similar")).body
    assert {each["type"] for each in level["items"]} == {"independent_city_district"}
