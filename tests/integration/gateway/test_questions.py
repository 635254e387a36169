"""Asking a question: the API and the portal's pages, before an events service that says what a test tells it to."""

import asyncio
import json
import re
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from services.gateway.http import audited_path
from services.gateway.registrations import BEAT
from shared.kernel.postgres import Pool

ACCEPTED = {"status": "accepted", "detail": "Bitte folgen Sie dem Link."}
FORM: dict[str, Any] = {
    "title": "Sprechstunde <Probe>",
    "takes_questions": True,
    "open": True,
    "code": None,
    "closes_at": "2025-08-27T12:00:00+02:00",
    "keyword": "Digitale Sprechstunde",
    "hint": "Stichwort „Digitale Sprechstunde“",
    "published": 0,
}
SESSION: dict[str, Any] = {
    "id": "s",
    "title": "Sprechstunde <Probe>",
    "status": "announced",
    "status_label": "Angekündigt",
    "mode": "online",
    "mode_label": "Online",
    "starts_at": "2025-08-28T10:00:00+02:00",
    "date": "2025-08-28",
    "agenda": {"planned": [], "held": None},
}
QUESTION: dict[str, Any] = {
    "status": "received",
    "status_label": "Eingegangen, noch nicht bestätigt",
    "session": SESSION,
    "keyword": "Digitale Sprechstunde",
    "text": "Wie <b>geht</b> das?\nZweite Zeile",
    "name": "Erika Muster",
    "confirm_by": "2025-08-02T08:00:00Z",
    "can_confirm": True,
    "can_change": True,
    "can_withdraw": True,
    "version": 3,
}
ASKING = {"name": "Erika Muster", "text": " Wie\r\n\r\ngeht das?\t", "may_publish": True}
TOKEN = "t" * 22


@pytest.fixture
def session(services: Any, some_id: str) -> str:
    """A session that takes questions."""
    services.answers[f"/api/v1/sessions/{some_id}"] = SESSION | {"id": some_id}
    services.answers[f"/api/v1/sessions/{some_id}/question-form"] = FORM | {"session_id": some_id}
    services.answers[f"/internal/sessions/{some_id}/questions"] = lambda _: web.json_response(ACCEPTED, status=202)
    return some_id


def address() -> str:
    return f"{uuid4()}@stadt.example"


def sent_on(services: Any) -> list[dict[str, Any]]:
    return [json.loads(asked.body) for asked in services.asked if asked.target.startswith("/internal/")]


def closed(services: Any, session: str, code: str = "questions_closed") -> None:
    services.answers[f"/api/v1/sessions/{session}/question-form"] = FORM | {
        "session_id": session,
        "open": False,
        "code": code,
    }


async def page(door: Any, path: str, status: int = 200) -> str:
    async with door.get(path) as answer:
        assert answer.status == status, await answer.text()
        return str(await answer.text())


def text_of(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def typed(door: Any, session: str, **fields: str) -> dict[str, str]:
    stamp = door.gateway.portal.guard.stamp(f"frage/{session}", door.gateway.clock.now() - timedelta(seconds=5))
    filled = {"frage_name": "Erika Muster", "frage_email": address(), "frage_text": "Wie geht das?"}
    return filled | {"website": "", "stamp": stamp} | fields


async def test_a_question_goes_on_with_a_person(door: Any, services: Any, session: str) -> None:
    email, clock = address(), asyncio.get_running_loop().time
    for spelling in (email, email.upper()):
        began = clock()
        async with door.post(
            f"/api/v1/sessions/{session}/questions",
            json={"email": spelling, **ASKING},
            headers={"Idempotency-Key": "k1"},
        ) as answer:
            assert (answer.status, await answer.json()) == (202, ACCEPTED)
            assert answer.headers["RateLimit-Policy"] == '"questions";q=5;w=600'
        assert clock() - began >= BEAT
    first, second = sent_on(services)
    identity = services.verified(services.asked[-1], "events")
    assert first["person_id"] == second["person_id"] == identity.person_id
    assert (identity.roles, services.asked[-1].headers["Idempotency-Key"]) == (frozenset({"reader"}), "k1")
    assert (first["text"], first["may_publish"], first["member"]) == ("Wie\n\ngeht das?", True, False)


async def test_where_the_organisation_is_refused_nothing_is_kept_of_a_person(
    door: Any, services: Any, pool: Pool, session: str, some_id: str
) -> None:
    no = {"title": "Unbekannt", "status": 409, "code": "unknown_organisation"}
    asking = ASKING | {"organisation_id": some_id}
    before = await pool.fetchval("SELECT count(*) FROM person")
    for checked, status in ((web.json_response(no, status=409), 409), (web.json_response({}), 202)):
        services.answers[f"/internal/sessions/{session}/question-checks"] = lambda _, checked=checked: checked
        async with door.post(f"/api/v1/sessions/{session}/questions", json=asking | {"email": address()}) as answer:
            assert answer.status == status
        assert await pool.fetchval("SELECT count(*) FROM person") == before + (status == 202)
    assert [sent.get("organisation_id") for sent in sent_on(services)] == [some_id] * 3


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"text": " \n "}, "/text", "question_missing"),
        ({"text": "x" * 5001}, "/text", "question_too_long"),
        ({"email": "erika"}, "/email", "address_without_at"),
        ({"name": "www.gewinn.example"}, "/name", "name_not_plain"),
        ({"organisation_name": "<a href>"}, "/organisation_name", "name_not_plain"),
        ({"may_publish": "ja"}, "/may_publish", "bool_type"),
    ],
)
async def test_what_is_wrong_is_named(
    door: Any, services: Any, session: str, change: dict[str, str], *, field: str, code: str
) -> None:
    async with door.post(
        f"/api/v1/sessions/{session}/questions", json={"email": address(), **ASKING, **change}
    ) as answer:
        problem = await answer.json()
    assert answer.status == 422
    assert [(error["field"], error["code"]) for error in problem["errors"]] == [(field, code)]
    assert sent_on(services) == []


async def test_where_no_questions_are_taken_nothing_is_kept(door: Any, services: Any, session: str, pool: Pool) -> None:
    before = await pool.fetchval("SELECT count(*) FROM person")
    path = f"/api/v1/sessions/{session}/questions"
    for code, said in (("session_cancelled", "session_cancelled"), ("anything_else", "questions_closed")):
        closed(services, session, code)
        async with door.post(path, json={"email": address(), **ASKING}) as answer:
            assert (answer.status, (await answer.json())["code"]) == (409, said)
    async with door.post(f"/api/v1/sessions/{uuid4()}/questions", json={"email": address(), **ASKING}) as answer:
        assert answer.status == 404
    assert sent_on(services) == []
    assert await pool.fetchval("SELECT count(*) FROM person") == before


async def test_a_repeated_question_is_answered_as_before_when_none_are_taken_any_more(
    door: Any, services: Any, session: str
) -> None:
    body, key = {"email": address(), **ASKING}, {"Idempotency-Key": uuid4().hex}
    path = f"/api/v1/sessions/{session}/questions"
    async with door.post(path, json=body, headers=key) as answer:
        assert answer.status == 202
    closed(services, session)
    async with door.post(path, json=body, headers=key) as answer:
        assert answer.status == 202
    async with door.post(path, json=body) as answer:
        assert answer.status == 409


async def test_one_address_may_ask_so_often(door: Any, session: str) -> None:
    email, statuses = address(), []
    for _ in range(4):
        async with door.post(f"/api/v1/sessions/{session}/questions", json={"email": email, **ASKING}) as answer:
            statuses.append(answer.status)
    assert statuses == [202, 202, 202, 429]


def test_the_audit_log_keeps_no_token() -> None:
    for first, rest in (
        ("questions", "/withdrawals"),
        ("registrations", "/reconfirmations"),
        ("registrations", "/calendar-addresses"),
        ("contact-requests", "/confirmations"),
        ("calendars", ""),
        ("feedback", ""),
        ("me/data-requests", "/erasures"),
    ):
        assert audited_path(f"/api/v1/{first}/{TOKEN}{rest}") == f"/api/v1/{first}/[hidden]{rest}"
    for written in ("/%71uestions/", "//questions/", "/./questions//", "/q%75estions/./"):
        assert TOKEN not in audited_path(f"/api/v1{written}{TOKEN}/withdrawals"), written
    for path in ("/api/v1/sessions/s/questions/q/answers", "/api/v1/questions", "/api/v1/registrations"):
        assert audited_path(path) == path


async def test_the_log_names_routes_and_no_token(door: Any) -> None:
    with capture_logs() as logs:
        for path in ("calendars/{}.ics", "feedback/{}", "questions/{}", "registrations/{}/check-in.svg"):
            await door.get(f"/api/v1/{path.format(TOKEN)}")
        for path in ("anmeldung", "fragen", "feedback"):
            await door.get(f"/{path}/{TOKEN}")
    assert [each["event"] for each in logs].count("request") == 7
    assert TOKEN not in str(logs)


async def test_reading_and_moderating_are_for_the_service_of_sessions(door: Any, services: Any, session: str) -> None:
    services.answers[f"/api/v1/sessions/{session}/questions"] = {"items": [], "next": None, "total": 0}
    services.answers["/api/v1/questions"] = {"items": []}
    for path in (f"/api/v1/sessions/{session}/questions", "/api/v1/questions"):
        async with door.get(path) as answer:
            assert answer.status == 200
        services.verified(services.asked[-1], "events")


async def test_the_page_of_the_session_has_the_form_and_what_is_published(
    door: Any, services: Any, session: str
) -> None:
    html = await page(door, f"/veranstaltungen/{session}")
    assert f'action="/veranstaltungen/{session}/frage" method="post"' in html
    assert "Stichwort „Digitale Sprechstunde“" in text_of(html)
    assert "Fragen und Antworten" not in html
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids)), "two forms on one page share no names"
    closed(services, session)
    services.answers[f"/api/v1/sessions/{session}/question-form"] |= {"published": 1}
    shown = {
        "id": "q",
        "text": "Was <i>kostet</i> es?",
        "organisation": "Stadt Beispiel",
        "way_label": "Schriftlich beantwortet",
        "answer": "Nichts.\n\nGar nichts.",
        "answered_at": "2025-08-01T08:00:00Z",
    }
    services.answers[f"/api/v1/sessions/{session}/questions"] = {"items": [shown], "next": None, "total": 1}
    html = await page(door, f"/veranstaltungen/{session}")
    assert "/frage" not in html
    assert "<h3>Was &lt;i&gt;kostet&lt;/i&gt; es?</h3>" in html
    assert "Gefragt von: Stadt Beispiel Nichts. Gar nichts." in text_of(html)


async def test_a_session_that_takes_no_questions_says_nothing_of_them(door: Any, services: Any, session: str) -> None:
    services.answers[f"/api/v1/sessions/{session}/question-form"] = FORM | {
        "session_id": session,
        "takes_questions": False,
    }
    assert "frage" not in (await page(door, f"/veranstaltungen/{session}")).lower().replace("anfragen", "")
    await page(door, f"/veranstaltungen/{session}/frage", 404)


@pytest.mark.parametrize("status", [404, 409, 503])
async def test_the_page_of_the_session_is_there_without_its_questions(
    door: Any, services: Any, session: str, status: int
) -> None:
    problem = {"code": "anything", "title": "x"}
    path = f"/api/v1/sessions/{session}/questions"
    services.answers[f"/api/v1/sessions/{session}/question-form"] |= {"published": 1}
    services.answers[path] = lambda _: web.json_response(problem, status=status)
    assert "Sprechstunde" in await page(door, f"/veranstaltungen/{session}")


async def test_the_form_is_sent_without_a_script(door: Any, services: Any, session: str) -> None:
    fields = typed(door, session, frage_may_publish="ja")
    for _ in range(2):  # a double click
        async with door.post(f"/veranstaltungen/{session}/frage", data=fields) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, f"/veranstaltungen/{session}/frage-gesendet")
    keys = {asked.headers["Idempotency-Key"] for asked in services.asked if asked.target.startswith("/internal/")}
    assert len(keys) == 1
    sent = sent_on(services)[0]
    assert (sent["text"], sent["may_publish"], sent["may_name_organisation"]) == ("Wie geht das?", True, False)
    assert "Erst dann wird sie bearbeitet" in text_of(await page(door, f"/veranstaltungen/{session}/frage-gesendet"))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"frage_text": ""}, "Bitte schreiben Sie Ihre Frage."),
        ({"frage_email": "erika"}, "Bitte geben Sie eine E-Mail-Adresse mit @ ein"),
        ({"website": "https://spam.example"}, "Bitte lassen Sie das Feld „Internetseite“ leer"),
        ({"stamp": "AAAA"}, "Dieses Formular war nicht mehr gültig."),
    ],
)
async def test_a_form_that_is_wrong_comes_back_with_what_was_typed(
    door: Any, services: Any, session: str, fields: dict[str, str], expected: str
) -> None:
    filled = typed(door, session, frage_organisation_name="Stadt & Land", frage_may_publish="ja", **fields)
    async with door.post(f"/veranstaltungen/{session}/frage", data=filled) as answer:
        html = await answer.text()
    assert answer.status == 422
    assert expected in text_of(html)
    assert 'value="Stadt &amp; Land"' in html
    assert 'name="frage_may_publish" value="ja" checked' in html
    assert sent_on(services) == []


async def test_a_text_is_not_lost_when_it_has_to_wait(door: Any, services: Any, session: str) -> None:
    fields = typed(door, session, frage_text="Ein langer Text")
    services.answers[f"/internal/sessions/{session}/questions"] = lambda _: web.Response(status=503)
    answers = []
    for _ in range(4):
        async with door.post(f"/veranstaltungen/{session}/frage", data=fields) as answer:
            answers.append((answer.status, "Retry-After" in answer.headers, await answer.text()))
    assert [(status, retry) for status, retry, _ in answers] == [(503, False)] * 3 + [(429, True)]
    assert all("Ein langer Text" in said and "Ihr Text steht noch hier" in text_of(said) for _, _, said in answers)


async def test_a_form_of_another_site_is_not_taken(door: Any, services: Any, session: str) -> None:
    other = {"Sec-Fetch-Site": "cross-site"}
    for path in (f"/veranstaltungen/{session}/frage", f"/fragen/{TOKEN}", f"/fragen/{TOKEN}/zurueckziehen"):
        async with door.post(path, data=typed(door, session), headers=other) as answer:
            assert answer.status == 403
    assert sent_on(services) == []


async def test_ones_own_page_shows_and_changes_by_buttons_alone(door: Any, services: Any) -> None:
    api, here = f"/api/v1/questions/{TOKEN}", f"/fragen/{TOKEN}"
    services.answers[api] = QUESTION
    services.answers[f"{api}/confirmations"] = {"id": "q", "version": 4, "position": 1}
    async with door.get(here) as answer:
        html = await answer.text()
        assert (answer.headers["Referrer-Policy"], answer.headers["Cache-Control"]) == ("no-referrer", "no-store")
    assert "Bitte bestätigen Sie Ihre Frage" in text_of(html)
    assert "Wie &lt;b&gt;geht&lt;/b&gt; das?\nZweite Zeile</textarea>" in html
    async with door.get(f"{here}/bestaetigen") as answer:
        assert (answer.status, answer.headers["Location"]) == (303, here)
    assert [asked.method for asked in services.asked] == ["GET"]
    async with door.post(f"{here}/bestaetigen") as answer:
        assert (answer.status, answer.headers["Location"]) == (303, here)
    assert (services.asked[-1].method, services.asked[-1].target) == ("POST", f"{api}/confirmations")
    await page(door, f"/fragen/{'u' * 22}", 404)


async def test_ones_own_question_is_changed_over_what_was_seen(door: Any, services: Any) -> None:
    api, here = f"/api/v1/questions/{TOKEN}", f"/fragen/{TOKEN}"
    put: list[web.Request] = []

    def answer_of(request: web.Request) -> Any:
        if request.method == "GET":
            return QUESTION
        put.append(request)
        return {"id": "q", "version": 4, "position": 1}

    services.answers[api] = answer_of
    fields = {"frage_text": "Anders?", "frage_may_publish": "ja", "version": "3"}
    async with door.post(here, data=fields) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, here)
    assert put[0].headers["If-Match"] == '"3"'
    assert json.loads(services.asked[-1].body) == {
        "text": "Anders?",
        "may_publish": True,
        "may_name_organisation": False,
    }
    async with door.post(here, data=fields | {"frage_text": " "}) as answer:
        assert (answer.status, "Bitte schreiben Sie Ihre Frage." in text_of(await answer.text())) == (422, True)
    stale = {"code": "stale_version", "detail": "x"}
    services.answers[api] = lambda request: (
        QUESTION if request.method == "GET" else web.json_response(stale, status=412)
    )
    async with door.post(here, data=fields) as answer:
        assert (answer.status, "an anderer Stelle geändert" in text_of(await answer.text())) == (409, True)


@pytest.mark.parametrize(
    ("status", "more", "expected"),
    [
        ("submitted", {}, "Ihre Frage wird geprüft."),
        ("accepted", {"can_change": False}, "Ihre Frage ist angenommen."),
        ("merged", {"can_change": False}, "mit einer ähnlichen Frage zusammen"),
        ("declined", {"can_change": False, "reason": "Gehört nicht hierher."}, "Gehört nicht hierher."),
        (
            "answered",
            {"can_change": False, "answer": "Nach Einwohnern.", "way_label": "Schriftlich"},
            "Nach Einwohnern.",
        ),
        ("withdrawn", {"can_change": False, "text": None, "name": None}, "Der Wortlaut ist gelöscht."),
        ("lapsed", {"can_change": False, "text": None, "name": None}, "Ihre Frage ist verfallen."),
    ],
)
async def test_ones_own_page_says_how_the_question_stands(
    door: Any, services: Any, status: str, more: dict[str, Any], expected: str
) -> None:
    services.answers[f"/api/v1/questions/{TOKEN}"] = QUESTION | {"can_confirm": False, "status": status} | more
    html = await page(door, f"/fragen/{TOKEN}")
    assert expected in text_of(html)
    assert ("Änderungen speichern" in html) == (more.get("text", "") is not None)
    assert ("frage_text" in html) == (status == "submitted")
