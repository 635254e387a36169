"""Personal invitations: the API and the portal's page, before services that say what a test tells them to."""

import json
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web

from services.gateway.addresses import parse_address
from services.gateway.http import audited_path
from services.gateway.people import People
from services.gateway.portal import forms
from tests.integration.gateway.conftest import NOW

TOKEN = "t" * 24
INTERNAL = f"/internal/invitations/{TOKEN}"
PAGE = f"/einladung/{TOKEN}"
API = f"/api/v1/invitations/{TOKEN}"
KNOWN = {"name": "Erika Muster", "organisation_id": None, "organisation_name": "Stadt Musterstadt"}
NOBODY = {"status": None, "status_label": None, "name": None, "organisation_id": None, "organisation_name": None}
SESSION: dict[str, Any] = {
    "title": "Sprechstunde <Probe>",
    "status": "registration_open",
    "status_label": "Anmeldung offen",
    "registration_open": True,
    "mode": "online",
    "mode_label": "Online",
    "starts_at": "2025-08-28T10:00:00+02:00",
    "date": "2025-08-28",
    "agenda": {"planned": [], "held": None},
}
QUESTION = {"key": "diet", "label": "Verpflegung?", "kind": "text", "required": True}


class Invited:
    """Somebody with an invitation, and the services as they stand."""

    def __init__(self, services: Any, session_id: str, person_id: str, email: str) -> None:
        self.services, self.session_id, self.person_id, self.email = services, session_id, person_id, email
        self.invitation: dict[str, Any] = {
            "announcement_id": str(uuid4()), "title": "Einladung", "teaser": "Kommen Sie!",
            "session_id": session_id, "person_id": person_id, "answer": None,
        }  # fmt: skip
        services.answers[INTERNAL] = lambda _: web.json_response(self.invitation)
        services.answers[f"{INTERNAL}/acceptances"] = self._keep("accepted")
        services.answers[f"{INTERNAL}/declines"] = self._keep("declined")
        services.answers[f"/internal/sessions/{session_id}/registrations"] = lambda _: web.json_response(
            {"status": "accepted", "detail": "x"}, status=202
        )
        services.answers[f"/internal/sessions/{session_id}/registration-checks"] = {"status": "accepted"}
        self.session()
        self.known(**NOBODY | KNOWN)

    def _keep(self, answer: str) -> Any:
        def keep(_: web.Request) -> web.Response:
            self.invitation["answer"] = answer
            return web.json_response({"id": str(uuid4()), "version": 1, "position": 1})

        return keep

    def session(self, **more: Any) -> None:
        self.services.answers[f"/api/v1/sessions/{self.session_id}"] = SESSION | {"id": self.session_id} | more

    def known(self, **known: Any) -> None:
        self.services.answers[f"/internal/sessions/{self.session_id}/people/{self.person_id}"] = known

    def changed(self) -> list[str]:
        return [asked.target for asked in self.services.asked if asked.method != "GET" and asked.body != b""]

    def registered(self) -> list[dict[str, Any]]:
        sent = (asked for asked in self.services.asked if asked.target.endswith("/registrations"))
        return [json.loads(asked.body) for asked in sent]


@pytest.fixture
async def invited(services: Any, people: People, some_id: str) -> Invited:
    email = f"{uuid4()}@stadt.example"
    person_id = await people.find_or_make(parse_address(email), forms.context(NOW))
    return Invited(services, some_id, person_id, email)


async def test_looking_changes_nothing_and_says_whom_it_is_for(door: Any, invited: Invited) -> None:
    for path in (PAGE, f"{PAGE}/anmelden", f"{PAGE}/absagen"):
        await door.get(path)
    async with door.get(PAGE) as response:
        page = await response.text()
    assert response.status == 200
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "no-store"
    assert "Erika Muster, Stadt Musterstadt" in page
    assert "Sprechstunde &lt;Probe&gt;" in page
    assert invited.email in page
    assert page.count("<button") == 2
    assert 'name="name"' not in page  # who is known presses one button
    async with door.get(API) as response:
        assert (await response.json())["email"] == invited.email
    assert invited.changed() == []


async def test_one_click_registers_with_the_address_proven(door: Any, invited: Invited) -> None:
    async with door.post(f"{PAGE}/anmelden", data={}) as response:
        assert (response.status, response.headers["Location"]) == (303, PAGE)
    (sent,) = invited.registered()
    assert (sent["person_id"], sent["email"], sent["member"]) == (invited.person_id, invited.email, True)
    assert (sent["name"], sent["organisation_name"]) == (KNOWN["name"], KNOWN["organisation_name"])
    assert invited.invitation["answer"] == "accepted"
    invited.known(**KNOWN, status="confirmed", status_label="Bestätigt")
    async with door.get(PAGE) as response:
        page = await response.text()
    assert "Sie sind angemeldet." in page
    assert "<button" not in page


async def test_who_is_not_known_by_name_gives_one(door: Any, invited: Invited) -> None:
    invited.known(**NOBODY)
    async with door.post(f"{PAGE}/anmelden", data={"name": ""}) as response:
        page = await response.text()
    assert response.status == 422
    assert "Bitte geben Sie Ihren Namen ein." in page
    assert invited.registered() == []
    async with door.post(f"{PAGE}/anmelden", data={"name": "Neue Person", "organisation_name": "Stadt X"}) as response:
        assert response.status == 303
    assert invited.registered()[0]["name"] == "Neue Person"


async def test_questions_of_the_session_are_asked_on_the_page(door: Any, invited: Invited) -> None:
    invited.session(registration_questions=[QUESTION])
    async with door.get(PAGE) as response:
        assert "Verpflegung?" in await response.text()
    checks = f"/internal/sessions/{invited.session_id}/registration-checks"
    refused = {"code": "invalid_request", "title": "x", "detail": "x", "status": 422,
               "errors": [{"field": "/answers/diet", "code": "missing", "detail": "Diese Angabe fehlt."}]}  # fmt: skip
    takes = f"/internal/sessions/{invited.session_id}/registrations"
    accepts = invited.services.answers[takes]
    invited.services.answers |= dict.fromkeys((checks, takes), lambda _: web.json_response(refused, status=422))
    async with door.post(f"{PAGE}/anmelden", data={"name": "Erika"}) as response:
        page = await response.text()
    assert response.status == 422
    assert "Diese Angabe fehlt." in page
    assert invited.invitation["answer"] is None
    invited.services.answers |= {checks: {"status": "accepted"}, takes: accepts}
    async with door.post(f"{PAGE}/anmelden", data={"name": "Erika", "frage_diet": "vegan"}) as response:
        assert response.status == 303
    assert invited.registered()[-1]["answers"] == {"diet": "vegan"}


async def test_declining_is_kept_and_can_be_undone_by_coming(door: Any, invited: Invited) -> None:
    async with door.post(f"{PAGE}/absagen") as response:
        assert response.status == 303
    assert (invited.invitation["answer"], invited.registered()) == ("declined", [])
    async with door.get(PAGE) as response:
        page = await response.text()
    assert "Sie haben abgesagt." in page
    assert page.count("<button") == 1


async def test_another_site_cannot_press_the_buttons(door: Any, invited: Invited) -> None:
    for button in ("anmelden", "absagen"):
        async with door.post(f"{PAGE}/{button}", data={}, headers={"Sec-Fetch-Site": "cross-site"}) as response:
            assert response.status == 403
    assert invited.changed() == []


async def test_a_session_that_takes_nobody_offers_no_button(door: Any, invited: Invited) -> None:
    invited.session(registration_open=False, status="cancelled", status_label="Abgesagt")
    async with door.get(PAGE) as response:
        page = await response.text()
    assert "Die Veranstaltung fällt aus." in page
    assert "<button" not in page
    async with door.post(f"{API}/acceptances", json={}) as response:
        assert (response.status, (await response.json())["code"]) == (409, "session_cancelled")
    assert (invited.registered(), invited.invitation["answer"]) == ([], None)


async def test_a_link_that_leads_nowhere_says_so(door: Any, invited: Invited, people: People) -> None:
    for path in ("/einladung/zu-kurz", f"/einladung/{'x' * 24}"):
        async with door.get(path) as response:
            assert response.status == 404
    await people.erase(parse_address(invited.email), forms.context(NOW))
    async with door.get(PAGE) as response:
        assert response.status == 404
        assert invited.email not in await response.text()
    async with door.post(f"{API}/acceptances", json={"name": "x"}) as response:
        assert response.status == 404


async def test_the_api_answers_as_the_page_does(door: Any, invited: Invited) -> None:
    async with door.post(f"{API}/acceptances") as response:
        assert response.status == 202
    assert len(invited.registered()) == 1
    async with door.post(f"{API}/declines") as response:
        assert response.status == 200
    assert invited.invitation["answer"] == "declined"


@pytest.mark.parametrize("status", ["confirmed", "waitlisted", "received"])
async def test_who_has_a_place_does_not_give_it_back_by_declining(door: Any, invited: Invited, status: str) -> None:
    invited.known(**KNOWN, status=status, status_label="x")
    async with door.post(f"{API}/declines") as response:
        assert (response.status, (await response.json())["code"]) == (409, "invitation_accepted")
    async with door.post(f"{PAGE}/absagen") as response:
        page = await response.text()
    assert response.status == 409
    assert "Abmelden können Sie sich mit dem Link in der E-Mail zu Ihrer Anmeldung." in page
    assert invited.invitation["answer"] is None


def test_the_audit_log_keeps_no_token() -> None:
    assert audited_path(f"{API}/acceptances") == "/api/v1/invitations/[hidden]/acceptances"
