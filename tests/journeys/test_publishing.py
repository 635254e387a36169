"""An editor's way with a project, and what everybody else may not do."""

import asyncio
import io
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import jsonschema
import pytest

from shared.kernel import openapi

SERVICES = Path(__file__).parents[2] / "services"
DESCRIBED = ("catalog", "events", "notify", "gateway")


def project(**more: Any) -> dict[str, Any]:
    return {
        "title": f"Gemeinsamer Bauhof {uuid4().hex[:6]}",
        "summary": "Drei Gemeinden teilen sich Fahrzeuge und Personal.",
        "topics": ["treasury"],
        "participations_complete": False,
        **more,
    }


async def test_a_project_is_drafted_submitted_published_and_found(journey: Any) -> None:
    content = project()
    drafted = await journey.editor.post("/projects", content)
    path = f"/projects/{drafted.id}"
    assert (await journey.api.get(path)).status == 404
    await journey.editor.post(f"{path}/submissions")
    published = await journey.editor.post(f"{path}/publications")
    read = await journey.api.get(f"{path}?min_position={published.body['position']}")
    assert (read.status, read.body["title"], read.body["status"]) == (200, content["title"], "published")
    found = await journey.api.get(f"/projects?q={content['title'].rpartition(' ')[2]}")
    assert [item["id"] for item in found.body["items"]] == [drafted.id]
    async with journey.client.get(f"{journey.base_url}/projekte/{drafted.id}") as page:
        assert content["title"] in await page.text()


async def test_a_project_comes_back_is_published_and_grows(journey: Any) -> None:
    """Returned with reasons, handed in again, then news, a file to download, and the page that shows both."""
    drafted = await journey.editor.post("/projects", project())
    path = f"/projects/{drafted.id}"
    await journey.editor.post(f"{path}/submissions")
    reasons = [{"field": "/summary", "text": "Bitte sagen, wer mitmacht."}]
    back = await journey.editor.post(f"{path}/returns", {"reason": "Eine Stelle.", "reasons": reasons})
    assert (await journey.editor.get(path)).body["returned_reasons"] == reasons
    better = project(summary="Wermelskirchen und zwei Gemeinden teilen sich Fahrzeuge.")
    await journey.editor.send("PUT", path, better, If_Match=back.headers["ETag"])
    await journey.editor.post(f"{path}/submissions")
    await journey.editor.post(f"{path}/publications")
    await journey.editor.post(f"{path}/updates", {"text": "Der zweite Bagger ist da."})
    content = b"%PDF-1.7\n" + uuid4().bytes + bytes(1_500_000)  # longer than any other body may be
    address = f"{journey.base_url}/api/v1{path}/documents"
    described = {"title": "Vereinbarung", "kind": "template", "filename": "Vereinbarung.pdf"}
    headers = journey.editor._bearer | {"Content-Type": "application/pdf"}
    async with journey.client.post(address, params=described, data=io.BytesIO(content), headers=headers) as answer:
        assert answer.status == 201, await answer.text()
        location = answer.headers["Location"]
    async with journey.client.get(f"{journey.base_url}{location}") as answer:
        assert (answer.status, await answer.read()) == (200, content)
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Type"] == "application/pdf"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
    async with journey.client.get(f"{journey.base_url}/projekte/{drafted.id}") as page:
        shown = await page.text()
    assert "Der zweite Bagger ist da." in shown
    assert f'href="{location}"' in shown
    refused = await journey.api.send("POST", f"{path}/updates", {"text": "Ich auch."})
    assert refused.code == "unauthenticated"


async def test_the_clock_asks_for_contacts_of_loaded_projects_once_and_as_history(journey: Any) -> None:
    found = (await journey.api.get("/projects?limit=100")).body["items"]
    overdue = {card["id"] for card in found if card["contact_note"]}
    assert overdue

    async def asked() -> list[Any]:
        events, after = [], 0
        while after is not None:
            part = (await journey.api.get(f"/feed/catalog?after={after}&limit=1000")).body
            events += [each for each in part["items"] if each["type"] == "ikz.catalog.project.contact_review_due.v1"]
            after = part["next"]
        return events

    async with asyncio.timeout(20):
        while not overdue <= {event["data"]["project_id"] for event in await asked()}:
            await asyncio.sleep(0.2)
    events = [event for event in await asked() if event["data"]["project_id"] in overdue]
    assert len(events) == len(overdue)
    assert all(event["history"] for event in events)


async def test_revising_needs_the_version_that_was_read(journey: Any) -> None:
    content = project()
    drafted = await journey.editor.post("/projects", content)
    path = f"/projects/{drafted.id}"
    revised = content | {"summary": "Jetzt sind es vier."}
    assert (await journey.editor.send("PUT", path, revised)).code == "precondition_required"
    done = await journey.editor.send("PUT", path, revised, If_Match=drafted.headers["ETag"])
    assert done.status == 200, done
    stale = await journey.editor.send("PUT", path, content, If_Match=drafted.headers["ETag"])
    assert (stale.status, stale.code) == (412, "stale_version")


async def test_the_same_key_does_it_once_and_another_body_is_refused(journey: Any) -> None:
    content, key = project(), str(uuid4())
    first = await journey.editor.post("/projects", content, Idempotency_Key=key)
    again = await journey.editor.post("/projects", content, Idempotency_Key=key)
    assert (first.id, first.body) == (again.id, again.body)
    other = await journey.editor.send("POST", "/projects", project(), Idempotency_Key=key)
    assert (other.status, other.code) == (422, "idempotency_key_reused")


async def test_a_topic_is_split_and_merged_and_its_link_keeps_working(journey: Any) -> None:
    code = f"topic_{uuid4().hex[:10]}"
    named = {"code": code, "slug": code, "label": f"Thema {code}", "group": "internal_administration"}
    await journey.editor.post("/topics", named)
    drafted = await journey.editor.post("/projects", project(topics=[code]))
    parts = [{"topic": "treasury", "projects": [drafted.id]}]
    await journey.editor.post(f"/topics/{code}/splits", {"parts": parts, "reason": "Gehört zur Kasse."})
    async with asyncio.timeout(20):
        while (await journey.editor.get(f"/projects/{drafted.id}")).body["topics"] != ["treasury"]:
            await asyncio.sleep(0.1)
        while (await journey.api.get(f"/topics/{code}")).body["splitting"]:
            await asyncio.sleep(0.1)
    await journey.editor.post(f"/topics/{code}/mergers", {"into": "treasury", "reason": "Bleibt ein Thema."})
    led = (await journey.api.get(f"/topics/{code}")).body
    assert (led["code"], led["merged_into"]) == ("treasury", "treasury")
    await journey.editor.post(f"/projects/{drafted.id}/archivals")


async def test_the_directory_is_kept_by_editors_and_official_files(journey: Any) -> None:
    name = f"Zweckverband {uuid4().hex[:6]}"
    body = {"type": "special_purpose_association", "confirmed_new": True}
    gone, stays = [(await journey.editor.post("/organisations", body | {"name": f"{name} {n}"})).id for n in "AB"]
    await journey.editor.post(f"/organisations/{gone}/mergers", {"into": stays, "reason": "Doppelt angelegt."})
    led = (await journey.api.get(f"/organisations/{gone}")).body
    assert (led["id"], led["merged_into"]) == (stays, stays)
    assert [each["id"] for each in (await journey.api.get(f"/organisations?q={name} A")).body["items"]] == [stays]

    address = f"{journey.base_url}/api/v1/organisations/populations?as_of=2024-12-31&dry_run=true"
    table = b"AGS;Einwohner\n05766044;40.000\n"
    headers = journey.editor._bearer | {"Content-Type": "text/csv"}
    async with journey.client.post(address, data=table, headers=headers) as answer:
        report = await answer.json()
    assert (answer.status, report["recorded"], report["wrong"]) == (200, False, 0), report


async def test_who_plans_a_cooperation_is_told_what_it_could_get_and_who_supervises_it(journey: Any) -> None:
    estimate = (await journey.api.get("/funding-estimate?partners=4&eligible_cost_eur=1000000&on=2026-06-01")).body
    assert [each["amount_eur"] for each in estimate["estimates"]] == [245_000]
    hint = await journey.api.get(
        "/supervision-hint?ags=05766044&ags=05766036&legal_form=public_law_agreement_delegating"
    )
    assert hint.body["authority"].endswith("(Kreis Lippe)")
    like = (await journey.api.get("/organisations/05766044/similar?limit=5")).body
    assert len(like["items"]) == 5
    assert (await journey.api.get(like["projects"].removeprefix("/api/v1"))).status == 200


CHANGES = [
    ("POST", "/projects"),
    ("PUT", "/projects/{id}"),
    ("POST", "/projects/{id}/publications"),
    ("POST", "/projects/{id}/restorations"),
    ("POST", "/projects/{id}/updates"),
    ("POST", "/projects/{id}/documents"),
    ("DELETE", "/projects/{id}/documents/{id}"),
    ("POST", "/projects/{id}/contact-confirmations"),
    ("POST", "/organisations"),
    ("POST", "/organisations/populations"),
    ("POST", "/topics"),
    ("POST", "/topics/{id}/mergers"),
    ("POST", "/topics/{id}/splits"),
    ("POST", "/key-figures"),
    ("POST", "/funding-programmes"),
    ("POST", "/series"),
    ("POST", "/sessions"),
    ("POST", "/sessions/{id}/announcements"),
    ("POST", "/sessions/{id}/postponements"),
    ("POST", "/sessions/{id}/cancellations"),
    ("GET", "/sessions/{id}/registrations"),
    ("POST", "/announcements"),
    ("POST", "/people/erasures"),
]


@pytest.mark.parametrize(("method", "path"), CHANGES)
async def test_nothing_that_editors_do_is_open_to_others(journey: Any, method: str, path: str) -> None:
    reply = await journey.api.send(method, path.format(id=uuid4()), {})
    assert (reply.status, reply.code) == (401, "unauthenticated")


@pytest.mark.parametrize("service", ["catalog", "events", "notify"])
async def test_the_services_own_ports_refuse_what_the_gateway_did_not_sign(
    system: Any, journey: Any, service: str
) -> None:
    for path in ("/api/v1/projects", "/api/v1/sessions", "/api/v1/announcements", "/internal/feed"):
        for headers in ({}, {"Ikz-Identity": "x"}, {"Authorization": f"Bearer {system.editor_token}"}):
            async with journey.client.get(system.status[service] + path, headers=headers) as answer:
                assert answer.status in {401, 404}


async def test_bad_input_is_a_documented_problem(journey: Any) -> None:
    document = (await journey.api.get("/openapi.json")).body
    known = document["info"]["x-problem-codes"]
    series_id = (await journey.api.get("/series")).body["items"][0]["id"]
    session = {"series_id": series_id, "title": "Termin", "mode": "in_person"}
    tries = [
        ("POST", "/projects", {"title": 3}, 422),
        ("POST", "/projects", {"title": "x", "unknown": 1}, 422),
        ("POST", "/projects", project(topics=["no_such_topic"]), 409),
        ("POST", "/sessions", session | {"topics": ["treasury", "no_such_topic"]}, 409),
        ("POST", "/sessions", session | {"venue": {"name": "Halle", "ags": "05999999"}}, 409),
        ("POST", f"/projects/{uuid4()}/publications", {}, 404),
        ("POST", "/projects/none/publications", {}, 404),
        ("GET", "/projects?limit=0", None, 422),
        ("GET", "/projects?cursor=nonsense", None, 422),
        ("GET", "/projects/none", None, 404),
        ("GET", "/nowhere", None, 404),
        ("PATCH", "/projects", {}, 405),
    ]
    for method, path, body, status in tries:
        reply = await journey.editor.send(method, path, body)
        assert (reply.status, path) == (status, path), reply
        assert reply.code in known
        assert known[reply.code]["status"] == status
        assert reply.headers["Content-Type"].startswith("application/problem+json")
    for raw, status in [(b"{", 400), (b'{"title": "a\\u0000b"}', 422), (b"x" * 50_000_000, 413)]:
        headers = {"Content-Type": "application/json"} | journey.editor._bearer
        url = f"{journey.base_url}/api/v1/projects"
        async with journey.client.post(url, data=io.BytesIO(raw), headers=headers) as answer:
            assert answer.status == status
            assert (await answer.json(content_type=None))["code"] in known


async def test_the_api_describes_itself_completely(journey: Any) -> None:
    """By what the services say of themselves and `contracts/test_openapi.py` has found to be valid."""
    document = (await journey.api.get("/openapi.json")).body
    parts = [json.loads((SERVICES / name / "openapi.json").read_text("utf-8")) for name in DESCRIBED]
    assert document == openapi.merge(parts, title=document["info"]["title"])
    paths = document["paths"]
    for path in ("/projects", "/sessions/{id}/registrations", "/announcements", "/people/erasures", "/feed/{service}"):
        assert f"/api/v1{path}" in paths
    assert not [path for path in paths if not path.startswith("/api/v1/")]
    asyncapi = (await journey.api.get("/asyncapi.json")).body
    assert asyncapi["asyncapi"].startswith("3.0")


@pytest.mark.parametrize("service", ["catalog", "events", "notify"])
async def test_the_feed_is_an_unbroken_chain_of_valid_events(journey: Any, service: str) -> None:
    envelope = (await journey.api.get("/schemas/cloudevent.json")).body
    previous, after = 0, 0
    while after is not None:
        part = (await journey.api.get(f"/feed/{service}?after={after}&limit=1000")).body
        for event in part["items"]:
            assert event["prevposition"] == previous
            previous = event["position"]
            jsonschema.validate(event, envelope)
        for event in part["items"][:3]:
            schema = (await journey.api.get(event["dataschema"].partition("/api/v1")[2])).body
            jsonschema.validate(event["data"], schema)
        after = part["next"]
    assert previous > 0
