"""Writing to a contact: the API and the portal's pages, in front of a catalogue that says what a test tells it to."""

import asyncio
import json
import re
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from services.gateway import tokens
from services.gateway.contacts import NewAddress
from services.gateway.registrations import BEAT
from shared.kernel.endpoint import Call
from shared.kernel.identity import Identity
from shared.kernel.logs import begin_trace
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from tests.integration.gateway.conftest import CLOCK

REACHABLE: dict[str, Any] = {
    "id": "p",
    "title": "Bauhof <Probe>",
    "contact_possible": True,
    "contacts": [{"office": "Gemeinde Ense"}],
    "changed_at": "2025-07-01T08:00:00Z",
    "labels": {},
}
WISH: dict[str, Any] = {
    "id": "019b0000-0000-7000-8000-000000000009",
    "kind": "seek_partners",
    "organisation": {"id": "019b0000-0000-7000-8000-00000000000a", "name": "Gemeinde Ense"},
    "title": "Kehrmaschine <gesucht>",
    "text": "Erster Absatz.\n\nZweiter Absatz.",
    "topics": ["works_depot"],
    "sought": ["eine Halle"],
    "radius_km": 40,
    "status": "open",
    "opened_at": "2025-07-01T08:00:00Z",
    "expires_on": "2026-01-01",
    "contact_possible": True,
    "labels": {"kind": {"seek_partners": "Gesuch: Partner gesucht"}, "topics": {"works_depot": "Bauhof"}},
}
WRITING = {"name": "Erika Muster", "subject": " Kosten\r\nBcc: alle ", "message": " Guten Tag,\r\n\r\nwie? \0\t"}
ACCEPTED = {"status": "accepted", "detail": "Bitte folgen Sie dem Link."}
TOKEN = "t" * 22
STATE: dict[str, Any] = {
    "about_kind": "project",
    "about_id": "019b0000-0000-7000-8000-000000000002",
    "about": "Bauhof <Probe>",
    "status": "received",
    "status_label": "",
    "confirm_by": "2025-08-02T08:00:00Z",
    "can_confirm": True,
    "name": "Erika Muster",
    "subject": None,
    "message": "Wie <b>geht</b> das?\nZweite Zeile",
}
KINDS = ["projects", "cooperation-requests"]


def accepted(_: web.Request) -> web.Response:
    return web.json_response(ACCEPTED, status=202)


@pytest.fixture
def project(services: Any, some_id: str) -> str:
    """A project whose contact can be written to."""
    services.answers[f"/api/v1/projects/{some_id}"] = REACHABLE | {"id": some_id}
    services.answers[f"/internal/projects/{some_id}/contact-requests"] = accepted
    return some_id


def address() -> str:
    return f"{uuid4()}@stadt.example"


def sent_on(services: Any) -> list[dict[str, Any]]:
    return [json.loads(asked.body) for asked in services.asked if asked.target.startswith("/internal/")]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_text_goes_on_with_a_person_and_without_what_could_break_a_mail(
    door: Any, services: Any, some_id: str, kind: str
) -> None:
    services.answers[f"/api/v1/{kind}/{some_id}"] = REACHABLE
    services.answers[f"/internal/{kind}/{some_id}/contact-requests"] = accepted
    email = address()
    body = {"email": f" {email} ", **WRITING, "message": WRITING["message"].replace("\0", "")}
    async with door.post(
        f"/api/v1/{kind}/{some_id}/contact-requests", json=body, headers={"Idempotency-Key": "k1"}
    ) as answer:
        assert (answer.status, await answer.json()) == (202, ACCEPTED)
        assert answer.headers["RateLimit-Policy"] == '"contact-requests";q=5;w=600'
    asked = services.asked[-1]
    identity = services.verified(asked, "catalog")
    (sent,) = sent_on(services)
    assert sent == {
        "person_id": identity.person_id,
        "email": email,
        "name": "Erika Muster",
        "organisation_name": None,
        "subject": "Kosten Bcc: alle",
        "message": "Guten Tag,\n\nwie?",
    }
    assert (identity.roles, asked.headers["Idempotency-Key"]) == (frozenset({"reader"}), "k1")


async def test_every_answer_takes_a_multiple_of_the_beat_whoever_is_known(door: Any, project: str) -> None:
    email, clock = address(), asyncio.get_running_loop().time
    for _ in range(2):
        began = clock()
        async with door.post(
            f"/api/v1/projects/{project}/contact-requests", json={"email": email, **WRITING, "message": "x"}
        ) as answer:
            assert await answer.json() == ACCEPTED
        assert clock() - began >= BEAT


async def test_where_nobody_can_be_written_to_the_answer_says_whom_to_ask_and_nothing_is_kept(
    door: Any, services: Any, project: str, pool: Pool
) -> None:
    services.answers[f"/api/v1/projects/{project}"] = REACHABLE | {"contact_possible": False}
    before = await pool.fetchval("SELECT count(*) FROM person")
    body = {"email": address(), **WRITING, "message": "x"}
    async with door.post(f"/api/v1/projects/{project}/contact-requests", json=body) as answer:
        problem = await answer.json()
    assert (answer.status, problem["code"]) == (409, "contact_not_possible")
    assert problem["detail"].endswith("Bitte wenden Sie sich direkt an: Gemeinde Ense.")
    async with door.post(f"/api/v1/projects/{uuid4()}/contact-requests", json=body) as answer:
        assert answer.status == 404
    assert sent_on(services) == []
    assert await pool.fetchval("SELECT count(*) FROM person") == before


async def test_a_repeated_request_answers_as_before_when_nobody_can_be_written_to_any_more(
    door: Any, services: Any, project: str
) -> None:
    body, key = {"email": address(), **WRITING, "message": "x"}, {"Idempotency-Key": uuid4().hex}
    for possible in (True, False):
        services.answers[f"/api/v1/projects/{project}"] = REACHABLE | {"contact_possible": possible}
        async with door.post(f"/api/v1/projects/{project}/contact-requests", json=body, headers=key) as answer:
            assert answer.status == 202
    async with door.post(f"/api/v1/projects/{project}/contact-requests", json=body) as answer:
        assert answer.status == 409


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"message": " \n "}, "/message", "message_missing"),
        ({"message": "x" * 5001}, "/message", "message_too_long"),
        ({"subject": "x" * 201}, "/subject", "subject_too_long"),
        ({"email": "erika"}, "/email", "address_without_at"),
        ({"name": "www.gewinn.example"}, "/name", "name_not_plain"),
        ({"organisation_name": "<a href>"}, "/organisation_name", "name_not_plain"),
        ({"phone": "1"}, "/phone", "extra_forbidden"),
    ],
)
async def test_what_is_wrong_is_named(
    door: Any, services: Any, project: str, change: dict[str, str], *, field: str, code: str
) -> None:
    body = {"email": address(), "name": "Erika Muster", "message": "Guten Tag"} | change
    async with door.post(f"/api/v1/projects/{project}/contact-requests", json=body) as answer:
        problem = await answer.json()
    assert answer.status == 422
    assert [(error["field"], error["code"]) for error in problem["errors"]] == [(field, code)]
    assert sent_on(services) == []


async def test_one_network_and_one_address_may_write_so_often(door: Any, project: str) -> None:
    domain, path = address().partition("@")[2], f"/api/v1/projects/{project}/contact-requests"
    name = f"n{uuid4().hex}"
    statuses = []
    for who in (name, f"{name.upper()}+1", f"{name}+2", f"{name}+", "a", "b"):
        body = {"email": f"{who}@{domain}", "name": "Erika", "message": "x"}
        async with door.post(path, json=body) as answer:
            statuses.append(answer.status)
    assert statuses == [202, 202, 202, 429, 202, 429]


@pytest.fixture
async def editor(pool: Pool) -> dict[str, str]:
    token = await tokens.create(pool, "editor", "contacts", CLOCK.now())
    return {"Authorization": f"Bearer {token}"}


async def test_an_editor_sets_an_address_that_no_answer_holds(
    door: Any, services: Any, project: str, editor: dict[str, str]
) -> None:
    path, email = f"/api/v1/projects/{project}/contact-address", address()
    services.answers[f"/internal/projects/{project}/contact-address"] = {"id": project, "version": 1, "position": 7}
    async with door.send("PUT", path, json={"email": email}) as answer:
        assert answer.status == 401
    assert services.asked == []
    async with door.send("PUT", path, json={"email": email}, headers=editor) as answer:
        assert (answer.status, await answer.json()) == (200, {"id": project, "version": 1, "position": 7})
    (sent,) = sent_on(services)
    assert sent["email"] == email
    assert "editor" in services.verified(services.asked[-1], "catalog").roles
    async with door.send("PUT", path, json={"email": "bauhof"}, headers=editor) as answer:
        assert (answer.status, (await answer.json())["errors"][0]["field"]) == (422, "/email")
    async with door.send(
        "PUT", f"/api/v1/projects/{uuid4()}/contact-address", json={"email": email}, headers=editor
    ) as answer:
        assert answer.status == 404


async def test_a_member_says_where_the_own_organisation_is_reached_and_nobody_else_becomes_known(
    door: Any, services: Any, some_id: str, pool: Pool
) -> None:
    services.answers[f"/api/v1/cooperation-requests/{some_id}"] = WISH
    services.answers[f"/internal/cooperation-requests/{some_id}/contact-address"] = {"id": some_id}
    desk, before = door.gateway.own.contacts.desk, await pool.fetchval("SELECT count(*) FROM person")

    def call(organisation_id: str | None) -> Call:
        request = make_mocked_request("PUT", "/", match_info={"id": some_id})
        member = Identity(str(uuid4()), frozenset({"reader", "member"}), organisation_id, "token:member")
        return Call(request, member, CLOCK.now(), begin_trace(None), body=NewAddress(email=address()))

    for other in (str(uuid4()), None):
        with pytest.raises(Problem, match="forbidden"):
            await desk.set_address("cooperation-requests", call(other))
    assert await pool.fetchval("SELECT count(*) FROM person") == before
    merged = str(uuid4())
    services.answers[f"/api/v1/organisations/{merged}"] = {"id": WISH["organisation"]["id"], "name": "Gemeinde Ense"}
    for own in (WISH["organisation"]["id"], merged):
        assert (await desk.set_address("cooperation-requests", call(own))).status == 200


async def page(door: Any, path: str, status: int = 200) -> str:
    async with door.get(path) as answer:
        assert answer.status == status, await answer.text()
        return str(await answer.text())


def text_of(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def typed(door: Any, about: str, **fields: str) -> dict[str, str]:
    guard = door.gateway.portal.guard
    stamp = guard.stamp(about, door.gateway.clock.now() - timedelta(seconds=5))
    return {"name": "Erika Muster", "email": address(), "message": "Guten Tag", "website": "", "stamp": stamp} | fields


@pytest.mark.parametrize(("section", "kind"), [("projekte", "projects"), ("partnersuche", "cooperation-requests")])
async def test_the_form_is_sent_without_a_script(
    door: Any, services: Any, some_id: str, section: str, kind: str
) -> None:
    services.answers[f"/api/v1/{kind}/{some_id}"] = (REACHABLE if kind == "projects" else WISH) | {"id": some_id}
    services.answers[f"/internal/{kind}/{some_id}/contact-requests"] = accepted
    here = f"/{section}/{some_id}"
    html = await page(door, f"{here}/kontakt")
    assert f'action="{here}/kontakt" method="post"' in html
    assert "Gemeinde Ense" in html
    fields = typed(door, some_id)
    for _ in range(2):  # a double click
        async with door.post(f"{here}/kontakt", data=fields) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, f"{here}/kontakt-gesendet")
    keys = {asked.headers["Idempotency-Key"] for asked in services.asked if asked.target.startswith("/internal/")}
    assert len(keys) == 1
    assert "Weitergeleitet ist sie noch nicht" in text_of(await page(door, f"{here}/kontakt-gesendet"))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"message": ""}, "Bitte schreiben Sie eine Nachricht."),
        ({"email": "erika"}, "Bitte geben Sie eine E-Mail-Adresse mit @ ein"),
        ({"website": "https://spam.example"}, "Bitte lassen Sie das Feld „Internetseite“ leer"),
        ({"stamp": "AAAA"}, "Dieses Formular war nicht mehr gültig."),
    ],
)
async def test_a_form_that_is_wrong_comes_back_with_what_was_typed(
    door: Any, services: Any, project: str, fields: dict[str, str], expected: str
) -> None:
    filled = typed(door, project, subject="Mein <Betreff>", **fields)
    async with door.post(f"/projekte/{project}/kontakt", data=filled) as answer:
        html = await answer.text()
    assert answer.status == 422
    assert expected in text_of(html)
    assert 'value="Mein &lt;Betreff&gt;"' in html
    assert sent_on(services) == []


async def test_what_pasted_text_brings_along_is_left_out(door: Any, services: Any, project: str) -> None:
    pasted = typed(door, project, subject="\u202aKosten\u202c", message="\u2066Guten\u2069 Tag\ufffe \U0001f44b")
    async with door.post(f"/projekte/{project}/kontakt", data=pasted) as answer:
        assert answer.status == 303
    (sent,) = sent_on(services)
    assert (sent["subject"], sent["message"]) == ("Kosten", "Guten Tag \U0001f44b")
    async with door.post(f"/projekte/{project}/kontakt", data=typed(door, project, message="\u200b \u00ad")) as answer:
        assert (answer.status, "Bitte schreiben Sie eine Nachricht." in await answer.text()) == (422, True)


async def test_a_long_text_is_not_lost_when_it_has_to_wait(door: Any, services: Any, project: str) -> None:
    fields = typed(door, project, message="Ein langer Text")
    services.answers[f"/internal/projects/{project}/contact-requests"] = lambda _: web.Response(status=503)
    answers = []
    for _ in range(4):
        async with door.post(f"/projekte/{project}/kontakt", data=fields) as answer:
            answers.append((answer.status, "Retry-After" in answer.headers, text_of(await answer.text())))
    assert [(status, retry) for status, retry, _ in answers] == [(503, False)] * 3 + [(429, True)]
    for _, _, said in answers:
        assert "Ihr Text steht noch hier" in said
        assert "Ein langer Text" in said


async def test_a_form_of_another_site_or_for_nobody_is_not_taken(door: Any, services: Any, project: str) -> None:
    async with door.post(
        f"/projekte/{project}/kontakt", data=typed(door, project), headers={"Sec-Fetch-Site": "cross-site"}
    ) as answer:
        assert answer.status == 403
    services.answers[f"/api/v1/projects/{project}"] = REACHABLE | {"contact_possible": False}
    html = await page(door, f"/projekte/{project}/kontakt")
    assert "<form" not in html
    assert "Bitte wenden Sie sich direkt an: Gemeinde Ense." in text_of(html)
    async with door.post(f"/projekte/{project}/kontakt", data=typed(door, project)) as answer:
        assert answer.status == 422
    assert sent_on(services) == []
    assert "kontakt" not in await page(door, f"/projekte/{project}")


async def test_the_project_page_leads_to_the_form(door: Any, project: str) -> None:
    assert f'href="/projekte/{project}/kontakt"' in await page(door, f"/projekte/{project}")


@pytest.mark.parametrize(
    ("state", "expected", "button"),
    [
        ({}, "Bitte bestätigen Sie Ihre Nachricht", True),
        ({"can_confirm": False}, "Diese Nachricht können wir nicht mehr weiterleiten", False),
        ({"status": "confirmed", "can_confirm": False}, "Ihre Nachricht ist bestätigt", False),
        ({"status": "passed_on", "can_confirm": False, "message": None}, "Ihre Nachricht ist weitergeleitet", False),
        ({"status": "undeliverable", "can_confirm": False}, "konnte nicht zugestellt werden", False),
        ({"status": "lapsed", "can_confirm": False, "message": None}, "Ihre Nachricht ist verfallen", False),
        ({"about": None, "can_confirm": False}, "Diese Seite gibt es nicht mehr", False),
    ],
)
async def test_the_page_behind_the_link_shows_the_text_and_one_button(
    door: Any, services: Any, state: dict[str, Any], expected: str, *, button: bool
) -> None:
    services.answers[f"/api/v1/contact-requests/{TOKEN}"] = STATE | state
    for method in ("GET", "HEAD"):
        async with door.send(method, f"/kontakt/{TOKEN}") as answer:
            assert (answer.headers["Referrer-Policy"], answer.headers["Cache-Control"]) == ("no-referrer", "no-store")
    html = await page(door, f"/kontakt/{TOKEN}")
    assert expected in text_of(html)
    assert (f'action="/kontakt/{TOKEN}/bestaetigen" method="post"' in html) == button
    assert "<b>" not in html
    async with door.get(f"/kontakt/{TOKEN}/bestaetigen") as answer:
        assert (answer.status, answer.headers["Location"]) == (303, f"/kontakt/{TOKEN}")
    assert {asked.method for asked in services.asked} == {"GET"}


async def test_the_button_is_one_command_and_a_no_is_told(door: Any, services: Any) -> None:
    services.answers[f"/api/v1/contact-requests/{TOKEN}"] = STATE
    command = f"/api/v1/contact-requests/{TOKEN}/confirmations"
    services.answers[command] = {"id": "1"}
    async with door.post(f"/kontakt/{TOKEN}/bestaetigen") as answer:
        assert (answer.status, answer.headers["Location"]) == (303, f"/kontakt/{TOKEN}")
    assert [asked.target for asked in services.asked if asked.method == "POST"] == [command]
    no = {"code": "contact_request_lapsed", "detail": "Die Nachricht ist gelöscht."}
    services.answers[command] = lambda _: web.json_response(no, status=409)
    async with door.post(f"/kontakt/{TOKEN}/bestaetigen") as answer:
        assert (answer.status, "Die Nachricht ist gelöscht." in await answer.text()) == (409, True)
    services.answers.clear()
    assert "Dieser Link gilt nicht mehr" in await page(door, f"/kontakt/{TOKEN}", 404)
    assert "Diese Seite gibt es nicht" in await page(door, "/kontakt/zu-kurz", 404)


async def test_requests_and_offers_are_listed_and_shown(door: Any, services: Any) -> None:
    services.answers["/api/v1/cooperation-requests"] = {"items": [WISH], "next": "mehr", "total": 21}
    services.answers["/api/v1/topics"] = {
        "items": [{"code": "works_depot", "label": "Bauhof", "group": {"code": "g", "label": "G"}}],
        "total": 1,
    }
    html = await page(door, "/partnersuche?art=seek_partners&thema=works_depot")
    assert "21 Einträge" in text_of(html)
    assert "Kehrmaschine &lt;gesucht&gt;" in html
    assert "/partnersuche?art=seek_partners&amp;thema=works_depot&amp;cursor=mehr" in html
    (asked,) = [asked for asked in services.asked if asked.target.startswith("/api/v1/cooperation-requests")]
    assert "kind=seek_partners&topic=works_depot" in asked.target

    path = f"/api/v1/cooperation-requests/{WISH['id']}"
    services.answers[path] = WISH
    score = {"points": 72, "reasons": [{"points": 72, "text": "7 km entfernt"}]}
    services.answers[f"{path}/matches"] = {
        "requests": [{"request": WISH | {"title": "Angebot"}, "score": score}],
        "projects": [{"id": "1", "title": "Bauhof", "score": score}],
        "organisations": [{"organisation": WISH["organisation"], "projects": 2, "score": score}],
    }
    shown = text_of(await page(door, f"/partnersuche/{WISH['id']}"))
    for part in ("Erster Absatz.", "eine Halle", "40 km", "72 von 100 Punkten: 7 km entfernt", "2 Projekte"):
        assert part in shown
    assert "Nachricht schreiben" in shown
    services.answers[f"{path}/matches"] = lambda _: web.json_response({"code": "unavailable"}, status=503)
    services.answers[path] = WISH | {"contact_possible": False, "status": "closed", "outcome": "expired"}
    assert "Nachricht schreiben" not in text_of(await page(door, f"/partnersuche/{WISH['id']}"))


@pytest.mark.parametrize(("days", "said"), [(30, "30 Tage"), (1, "einen Tag"), (90, "90 Tage")])
async def test_the_portal_says_how_long_a_text_is_kept(open_door: Any, project: str, days: int, said: str) -> None:
    door = await open_door(contact_text_retention_days=days)
    assert f"Namen und Text löschen wir {said} nach dem Weiterleiten." in text_of(
        await page(door, f"/projekte/{project}/kontakt")
    )
    assert f"löschen wir {said} danach" in text_of(await page(door, "/datenschutz"))
