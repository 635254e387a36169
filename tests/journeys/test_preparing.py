"""A town prepares a cooperation: by the checklist, in its calendar, on paper, until it is a project."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from icalendar import Calendar

from tests.journeys.conftest import BERLIN, PATIENCE, Api
from tests.journeys.test_writing_to_a_contact import LINK
from tests.running import RunningSystem, ikz

LEMGO, DETMOLD = "05766044", "05766020"


async def member(system: RunningSystem, journey: Any, organisation: str) -> Api:
    """The API in the hands of somebody from an organisation."""
    code, token, errors = await ikz("token", "--member", organisation, "--data", str(system.folder))
    assert code == 0, errors
    return Api(journey.client, journey.base_url, token.strip())


async def test_an_undertaking_from_the_first_step_to_the_project(system: RunningSystem, journey: Any) -> None:
    lemgo = await member(system, journey, LEMGO)
    begun = await lemgo.post(
        "/undertakings",
        {
            "title": f"Gemeinsames Standesamt {uuid4().hex[:6]}",
            "summary": "Zwei Städte, ein Standesamt.",
            "topics": ["civil_registry"],
            "partners": [{"ags": DETMOLD}],
            "starts_on": (journey.now.date() + timedelta(days=400)).isoformat(),
        },
    )
    path = f"/undertakings/{begun.id}"
    assert (await journey.api.get(path)).status == 401

    soon = (journey.now.astimezone(BERLIN).date() + timedelta(days=3)).isoformat()
    await lemgo.post(f"{path}/steps/goals/dates", {"due_on": soon})
    reminder = await published(journey, "ikz.catalog.undertaking.step_due.v1", begun.id)
    assert reminder["data"] == {"undertaking_id": begun.id, "step_id": "goals", "due_on": soon}

    await lemgo.post(f"{path}/steps/idea/completions")
    await lemgo.post(f"{path}/start-movings", {"starts_on": (journey.now.date() + timedelta(days=430)).isoformat()})
    calendar = await lemgo.get(f"{path}.ics")
    entries = Calendar.from_ical(calendar.body).walk("VEVENT")
    assert {str(each["SEQUENCE"]) for each in entries} == {"1"}
    assert (await lemgo.get(f"{path}.pdf")).body.startswith(b"%PDF-1.7")

    first, again = [await lemgo.post(f"{path}/project-drafts") for _ in range(2)]
    assert (first.status, first.body) == (201, again.body)
    project = (await journey.editor.get(f"/projects/{first.id}")).body
    assert (project["status"], project["topics"]) == ("drafted", ["civil_registry"])
    assert [each["name"] for each in project["participations"]] == ["Lemgo", "Detmold"]
    assert (await journey.api.get(f"/projects/{first.id}")).status == 404
    assert (await lemgo.get(path)).body["project_id"] == first.id


async def published(journey: Any, contract: str, aggregate_id: str) -> dict[str, Any]:
    """The newest event of that type about that aggregate, as any subscriber gets it."""
    after = 0
    async with asyncio.timeout(PATIENCE):
        while True:
            part = (await journey.api.get(f"/feed/catalog?after={after}&limit=1000")).body
            for event in part["items"]:
                if event["type"] == contract and event["subject"].endswith(aggregate_id):
                    return dict(event)
                after = event["position"]
            await asyncio.sleep(0.1)


async def test_two_towns_find_each_other_and_write(journey: Any, fresh_address: Callable[[], str]) -> None:
    office, erika = fresh_address(), fresh_address()
    wish = {"title": f"Standesamt {uuid4().hex[:6]}", "text": "Ab 2027.", "topics": ["civil_registry"]}
    body = wish | {"kind": "seek_partners", "ags": LEMGO}
    asked = (await journey.editor.post("/cooperation-requests", body)).id
    offered = (await journey.editor.post("/cooperation-requests", wish | {"kind": "offer", "ags": DETMOLD})).id
    pair = await published(journey, "ikz.catalog.cooperation_request.matched.v1", min(asked, offered))
    assert pair["data"]["matched_request_id"] == max(asked, offered)
    path = f"/cooperation-requests/{offered}"
    assert (await journey.editor.send("PUT", f"{path}/contact-address", {"email": office})).status == 200
    near = (await journey.api.get(f"/cooperation-requests?topic=civil_registry&kind=offer&near={LEMGO}")).body
    assert offered in {each["id"] for each in near["items"]}
    fits = (await journey.api.get(f"/cooperation-requests/{asked}/matches")).body["requests"]
    assert offered in {each["request"]["id"] for each in fits}
    async with journey.client.get(f"{journey.base_url}/partnersuche?thema=standesamt") as page:
        assert f"/partnersuche/{offered}" in await page.text()

    question = {"email": erika, "name": "Erika Muster", "message": "Wann haben Sie Zeit?"}
    assert (await journey.api.post(f"{path}/contact-requests", question)).status == 202
    found = LINK.search((await journey.mailbox.newest(erika, 1)).text)
    assert found
    await journey.api.post(f"/contact-requests/{found[1]}/confirmations")
    assert "> Wann haben Sie Zeit?" in (await journey.mailbox.newest(office, 1)).text

    await journey.editor.post(f"{path}/closings", {"outcome": "partner_found", "note": "Mit Lemgo."})
    closed = await published(journey, "ikz.catalog.cooperation_request.closed.v1", offered)
    assert closed["data"]["outcome"] == "partner_found"
    assert (await journey.api.get(path)).body["contact_possible"] is False
    refused = await journey.api.send("POST", f"{path}/contact-requests", question)
    assert refused.code == "contact_not_possible"


async def test_a_resource_is_published_and_downloaded_from_the_portal(journey: Any) -> None:
    content = b"%PDF-1.4\n% Mustervereinbarung\n%%EOF\n"
    uploading = journey.client.post(
        f"{journey.base_url}/api/v1/resources/files?filename=Muster%20Vereinbarung.pdf",
        data=content,
        headers={"Content-Type": "application/pdf"} | journey.editor._bearer,
    )
    async with uploading as answer:
        assert answer.status == 201, await answer.text()
        file = await answer.json()
    title = f"Mustervereinbarung {uuid4().hex[:6]}"
    resource = {"kind": "template", "title": title, "summary": "Ein Muster.", "file": file}
    publishing = await journey.editor.post("/resources", resource)
    async with journey.client.get(f"{journey.base_url}/arbeitshilfen") as page:
        html = await page.text()
    href = f"/api/v1/resources/{publishing.id}/file?version=1"
    assert title in html
    assert f'href="{href}"' in html
    async with journey.client.get(journey.base_url + href) as answer:
        assert (answer.status, await answer.read()) == (200, content)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert 'filename="Muster Vereinbarung.pdf"' in answer.headers["Content-Disposition"]
    counted = (await journey.editor.get(f"/resources/{publishing.id}/downloads")).body
    assert counted["total"] == 1


async def test_there_is_no_token_for_a_member_of_nothing(system: RunningSystem) -> None:
    code, output, errors = await ikz("token", "--member", "05999999", "--data", str(system.folder))
    assert (code, output) == (1, "")
    assert "no organisation" in errors


CHANGES = [
    ("GET", "/undertakings"),
    ("POST", "/undertakings"),
    ("POST", "/undertakings/{id}/project-drafts"),
    ("POST", "/undertakings/{id}/steps/idea/completions"),
    ("POST", "/resources"),
    ("POST", "/resources/files?filename=x.pdf"),
    ("PUT", "/resources/{id}"),
    ("GET", "/resources/{id}/downloads"),
]


@pytest.mark.parametrize(("method", "path"), CHANGES)
async def test_nothing_of_this_is_open_to_everybody(journey: Any, method: str, path: str) -> None:
    reply = await journey.api.send(method, path.format(id=uuid4()), None if method == "GET" else {})
    assert (reply.status, reply.code) == (401, "unauthenticated")
