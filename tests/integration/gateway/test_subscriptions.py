"""Subscribing: the API and the portal's pages, in front of services that say what a test tells them to."""

import asyncio
import re
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from aiohttp import web

from services.gateway import tokens
from services.gateway.addresses import lookup_key, parse_address
from services.gateway.registrations import BEAT
from shared.kernel.postgres import Pool
from tests.integration.gateway.conftest import CLOCK

ACCEPTED = {"status": "accepted", "detail": "Bitte folgen Sie dem Link."}
OFFER = {
    "kinds": [
        {"kind": "resource_available", "label": "Arbeitshilfen", "by_itself": True},
        {"kind": "invitation", "label": "Einladungen", "by_itself": False},
    ],
    "text_version": "2026-1",
    "text": "Ja, ich möchte.",
}
TOKEN = "t" * 43
WISH = {"subject": "topic", "key": "digitalisation"}
SUBSCRIPTION = {
    "id": "019b0000-0000-7000-8000-000000000001",
    "subject": "topic",
    "subject_label": "Themengebiet",
    "key": "digitalisation",
    "title": "Digitalisierung & <mehr>",
    "rhythm": None,
    "state": "requested",
    "state_label": "wartet auf Ihre Bestätigung",
    "requested_at": "2025-07-31T10:00:00+02:00",
    "confirm_by": "2025-08-03T10:00:00+02:00",
    "confirmed_at": None,
    "ended_at": None,
    "text_version": "2026-1",
    "text": "Ja, ich möchte.",
}
STANDING = SUBSCRIPTION | {
    "id": "019b0000-0000-7000-8000-000000000002",
    "title": "Bauhof",
    "state": "confirmed",
    "confirm_by": None,
    "confirmed_at": "2025-07-31T11:00:00+02:00",
}
OVER = STANDING | {
    "id": "019b0000-0000-7000-8000-000000000003",
    "title": "Vergabe",
    "state": "ended",
    "state_label": "beendet",
    "ended_at": "2025-07-31T12:00:00+02:00",
}
SUBSCRIBER: dict[str, Any] = {
    "email": "erika.muster@stadt.example",
    "subscriptions": [SUBSCRIPTION, STANDING, OVER],
    "preferences": [
        {"kind": "announcement", "kind_label": "Meldungen", "channel": "email", "rhythm": "daily"},
        {"kind": "announcement", "kind_label": "Meldungen", "channel": "portal", "rhythm": "off"},
    ],
    "digest_hour": 7,
    "digest_weekday": 2,
    "quiet_from": "20:00:00",
    "quiet_until": "06:30:00",
    "quiet_weekends": True,
    "paused": False,
    "paused_until": None,
    "version": 9,
}
PAGE = f"/api/v1/subscriptions/{TOKEN}"


def accepted(_: web.Request) -> web.Response:
    return web.json_response(ACCEPTED, status=202)


def problem(status: int, code: str, **more: Any) -> Any:
    body = {"code": code, "status": status, "detail": None, "errors": []} | more
    return lambda _: web.json_response(body, status=status, content_type="application/problem+json")


@pytest.fixture(autouse=True)
def notify(services: Any) -> Any:
    """A notification service that takes everything."""
    services.answers |= {
        "/internal/subscription-checks": {"text_version": "2026-1"},
        "/internal/subscriptions": accepted,
        "/internal/subscription-links": accepted,
        "/api/v1/subscription-kinds": OFFER,
        PAGE: SUBSCRIBER,
    }
    return services


def address() -> str:
    return f"{uuid4()}@stadt.example"


def of(services: Any, path: str) -> list[Any]:
    return [asked for asked in services.asked if asked.target == path]


async def test_a_wish_goes_on_with_a_person_and_everyone_is_answered_the_same(door: Any, notify: Any) -> None:
    email = address()
    for _ in range(2):
        clock = asyncio.get_running_loop().time
        began = clock()
        body = {"email": f" {email.upper()} ", "subscriptions": [WISH]}
        async with door.post("/api/v1/subscriptions", json=body, headers={"Idempotency-Key": "k1"}) as answer:
            assert (answer.status, await answer.json()) == (202, ACCEPTED)
            assert answer.headers["RateLimit-Policy"] == '"subscriptions";q=5;w=600'
        assert clock() - began >= BEAT
    first, second = of(notify, "/internal/subscriptions")
    assert first.json() == second.json()
    assert first.json() | {"person_id": ""} == {
        "person_id": "",
        "email": email.upper().replace("STADT.EXAMPLE", "stadt.example"),
        "subscriptions": [WISH],
        "proven": False,
    }
    identity = notify.verified(first, "notify")
    assert (identity.person_id, first.headers["Idempotency-Key"]) == (first.json()["person_id"], "k1")


async def test_what_cannot_be_subscribed_to_is_said_and_nothing_is_kept(door: Any, notify: Any, pool: Pool) -> None:
    errors = [{"field": "/subscriptions/0/key", "code": "unknown_topic", "detail": "Gibt es nicht."}]
    notify.answers["/internal/subscription-checks"] = problem(409, "unknown_subject", errors=errors)
    before = await pool.fetchval("SELECT count(*) FROM person")
    async with door.post("/api/v1/subscriptions", json={"email": address(), "subscriptions": [WISH]}) as answer:
        assert (answer.status, (await answer.json())["errors"]) == (409, errors)
    async with door.post("/api/v1/subscriptions", json={"email": "erika", "subscriptions": [WISH]}) as answer:
        assert [error["field"] for error in (await answer.json())["errors"]] == ["/email"]
    assert await pool.fetchval("SELECT count(*) FROM person") == before
    assert of(notify, "/internal/subscriptions") == []


async def test_who_signed_in_with_the_address_has_proven_it(door: Any, notify: Any, pool: Pool, people: Any) -> None:
    email = address()
    lookup = lookup_key(parse_address(email), people.key)
    token = await tokens.create(pool, "member", "subscribing", CLOCK.now(), str(uuid4()), lookup=lookup)
    signed = {"Authorization": f"Bearer {token}"}
    for given, proven in ((email, True), (address(), False)):
        body = {"email": given, "subscriptions": [WISH]}
        async with door.post("/api/v1/subscriptions", json=body, headers=signed) as answer:
            assert answer.status == 202
        assert of(notify, "/internal/subscriptions")[-1].json()["proven"] is proven


async def test_the_link_is_asked_for_whoever_it_is(door: Any, notify: Any, pool: Pool) -> None:
    known, unknown = address(), address()
    async with door.post("/api/v1/subscriptions", json={"email": known, "subscriptions": [WISH]}):
        person_id = of(notify, "/internal/subscriptions")[0].json()["person_id"]
    before = await pool.fetchval("SELECT count(*) FROM person")
    for email in (known, unknown):
        async with door.post("/api/v1/subscriptions/links", json={"email": email}) as answer:
            assert (answer.status, await answer.json()) == (202, ACCEPTED)
    first, second = (asked.json()["person_id"] for asked in of(notify, "/internal/subscription-links"))
    assert (first, second == person_id) == (person_id, False)
    assert await pool.fetchval("SELECT count(*) FROM person") == before
    notify.answers["/internal/subscription-links"] = lambda _: web.Response(status=503)
    async with door.post("/api/v1/subscriptions/links", json={"email": address()}) as answer:
        assert answer.status == 503


async def test_nobody_is_asked_too_often(door: Any) -> None:
    email = address()
    statuses = []
    for _ in range(4):
        async with door.post("/api/v1/subscriptions", json={"email": email, "subscriptions": [WISH]}) as answer:
            statuses.append(answer.status)
    assert statuses == [202, 202, 202, 429]
    async with door.post("/api/v1/subscriptions/links", json={"email": address()}):
        pass
    async with door.post("/api/v1/subscriptions/links", json={"email": address()}) as answer:
        assert (answer.status, "Retry-After" in answer.headers) == (429, True)


async def html(answer: Any) -> str:
    return unescape(re.sub(r"\s+", " ", await answer.text()))


async def filled(door: Any, path: str, **fields: str) -> dict[str, str]:
    """The form at `path`, filled at once."""
    async with door.get(path) as answer:
        assert answer.status == 200, path
        page = await answer.text()
    stamp = re.search(r'name="stamp" value="([^"]+)"', page)
    assert stamp
    ticked = re.findall(r'name="([^"]+)" value="1" checked', page)
    return dict.fromkeys(ticked, "1") | {"stamp": stamp[1], "website": ""} | fields


@pytest.fixture
def project(notify: Any, some_id: str) -> str:
    notify.answers[f"/api/v1/projects/{some_id}"] = {
        "id": some_id,
        "title": "Bauhof <Probe>",
        "topics": ["works_depot"],
        "participations": [{"organisation_id": "o", "name": "Gemeinde Ense", "ags": "05974012", "role": "lead"}],
        "changed_at": "2025-07-01T08:00:00Z",
        "labels": {"topics": {"works_depot": "Bauhof"}},
    }
    return some_id


async def test_a_projects_page_leads_to_a_form_that_subscribes(door: Any, notify: Any, project: str) -> None:
    async with door.get(f"/projekte/{project}") as answer:
        assert f'href="/abonnieren?projekt={project}"' in await answer.text()
    path = f"/abonnieren?projekt={project}"
    fields = await filled(door, path, email=address(), rhythm="weekly", **{"topic.works_depot": "1"})
    async with door.post(path, data=fields) as answer:
        assert answer.status == 422, "nobody fills a form in no time"
        assert "sehr schnell" in await answer.text()
    stamp = door.gateway.portal.guard.stamp("/abonnieren", CLOCK.now() - timedelta(seconds=10))
    for _ in range(2):
        async with door.post(path, data=fields | {"stamp": stamp}) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/abonnieren/gesendet")
    first, second = of(notify, "/internal/subscriptions")
    assert first.json()["subscriptions"] == [
        {"subject": "project", "key": project, "rhythm": "weekly"},
        {"subject": "topic", "key": "works_depot", "rhythm": "weekly"},
    ]
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    async with door.get("/abonnieren/gesendet") as answer:
        assert "Abonniert ist noch nichts." in await answer.text()


async def test_a_list_of_projects_is_subscribed_to_as_it_is(door: Any, notify: Any) -> None:
    notify.answers["/api/v1/projects/facets"] = {
        "facets": {"topic": [{"value": "works_depot", "label": "Bauhof", "count": 1}]}
    }
    query = f"suche=1&q={quote('Räum & Streu')}&topic=works_depot"
    path = f"/abonnieren?{query}"
    async with door.get(path) as answer:
        page = await html(answer)
        assert "Neue Projekte zu dieser Suche: „Räum & Streu“, Bauhof" in page
        assert 'name="topic.works_depot"' in page, "the topic of the list by itself"
    stamp = door.gateway.portal.guard.stamp("/abonnieren", CLOCK.now() - timedelta(seconds=10))
    fields = {"search": "1", "email": address(), "stamp": stamp, "rhythm": ""}
    async with door.post(path, data=fields) as answer:
        assert answer.status == 303
    search = {"q": ["Räum & Streu"], "topic": ["works_depot"]}
    notify.answers["/api/v1/organisations"] = {"items": [{"id": "o", "ags": "05974012", "name": "Ense"}], "next": None}
    near = {"email": address(), "umkreis_von": "Ense", "umkreis": "30", "rhythm": "immediate"}
    async with door.post(path, data=fields | near) as answer:
        assert answer.status == 303
    async with door.post(path, data=fields | {"umkreis_von": "Nirgendwo"}) as answer:
        assert (answer.status, "Diese Kommune kennen wir nicht" in await html(answer)) == (422, True)
    first, second = (sent.json()["subscriptions"] for sent in of(notify, "/internal/subscriptions"))
    assert first == [{"subject": "search", "query": search, "rhythm": "daily"}]
    around = search | {"near": "05974012", "within_km": "30"}
    assert second == [{"subject": "search", "query": around, "rhythm": "immediate"}]


async def test_what_is_wrong_is_said_and_nothing_typed_is_lost(door: Any, notify: Any) -> None:
    notify.answers["/api/v1/topics"] = {
        "items": [{"code": "works_depot", "label": "Bauhof", "group": {"code": "g", "label": "Betrieb"}}],
        "next": None,
        "total": 1,
    }
    stamp = door.gateway.portal.guard.stamp("/abonnieren", CLOCK.now() - timedelta(seconds=10))
    nothing = {"email": "<erika>", "stamp": stamp, "rhythm": "daily"}
    async with door.post("/abonnieren", data=nothing) as answer:
        page = await html(answer)
        assert (answer.status, "mindestens einen Inhalt" in page) == (422, True)
        assert "E-Mail-Adresse mit @" in page
        assert re.search(r'value="daily" checked', page)
    async with door.post("/abonnieren", data=nothing | {"topic.works_depot": "1"}) as answer:
        page = await html(answer)
        assert (answer.status, "E-Mail-Adresse mit @" in page) == (422, True)
        assert re.search(r'name="topic.works_depot" value="1" checked', page)
    async with door.post("/abonnieren", data=nothing | {"email": address(), "kommune": "Nirgendwo"}) as answer:
        assert "Diese Kommune kennen wir nicht" in await html(answer)
    notify.answers["/internal/subscription-checks"] = problem(409, "unknown_subject", detail="Gibt es nicht mehr.")
    async with door.post("/abonnieren", data=nothing | {"email": address(), "topic.works_depot": "1"}) as answer:
        assert (answer.status, "Gibt es nicht mehr." in await html(answer)) == (422, True)
    assert of(notify, "/internal/subscriptions") == []


async def test_the_own_page_shows_everything_and_is_kept_nowhere(door: Any, notify: Any) -> None:
    async with door.get(f"/abonnement/{TOKEN}") as answer:
        page = await html(answer)
        assert answer.status == 200
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
    for said in ("erika.muster@stadt.example", "Digitalisierung & <mehr>", "Bauhof", "Vergabe", "Wortlaut 2026-1"):
        assert said in page
    assert [asked.method for asked in notify.asked] == ["GET"]
    async with door.get(f"/abonnement/{'x' * 43}") as answer:
        assert (answer.status, answer.headers["Referrer-Policy"]) == (404, "no-referrer")
    async with door.get(f"/abonnement/{TOKEN}/beenden") as answer:
        assert (answer.status, answer.headers["Location"]) == (303, f"/abonnement/{TOKEN}")


BUTTONS: list[tuple[str, dict[str, str], tuple[str, dict[str, Any]]]] = [
    ("bestaetigen", {}, ("confirmations", {})),
    ("bestaetigen", {"abo": "i"}, ("confirmations", {"subscription_ids": ["i"]})),
    ("beenden", {"abo": "i"}, ("endings", {"subscription_ids": ["i"]})),
    ("beenden", {}, ("endings", {})),
    ("wieder", {"abo": "i"}, ("renewals", {"subscription_ids": ["i"]})),
    ("haeufigkeit", {"abo": "i", "rhythm": "daily"}, ("rhythms", {"subscription_id": "i", "rhythm": "daily"})),
    ("haeufigkeit", {"abo": "i", "rhythm": ""}, ("rhythms", {"subscription_id": "i", "rhythm": None})),
    ("pause", {"bis": "2026-01-02"}, ("pauses", {"until": "2026-01-02"})),
    ("pause", {"bis": ""}, ("pauses", {"until": None})),
    ("fortsetzen", {}, ("resumptions", {})),
]


async def test_each_button_does_one_thing(door: Any, notify: Any) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for button, fields, (command, body) in BUTTONS:
        notify.answers[f"{PAGE}/{command}"] = {"id": "i", "version": 10, "position": 1}
        path, sent = f"/abonnement/{TOKEN}/{button}", fields or b""
        async with door.post(path, data=sent, headers=form | {"Sec-Fetch-Site": "cross-site"}) as answer:
            assert answer.status == 403
        notify.asked.clear()
        async with door.post(path, data=sent, headers=form) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, f"/abonnement/{TOKEN}?erledigt={button}")
        async with door.get(answer.headers["Location"]) as done:
            assert 'role="status"' in await done.text()
        assert [asked.json() for asked in of(notify, f"{PAGE}/{command}")] == [body]
        notify.answers[f"{PAGE}/{command}"] = problem(409, "subscription_lapsed", detail="Zu spät.")
        async with door.post(path, data=sent, headers=form) as answer:
            assert (answer.status, "Zu spät." in await html(answer)) == (409, True)


async def test_preferences_are_saved_as_they_are_seen(door: Any, notify: Any) -> None:
    notify.answers[f"{PAGE}/preferences"] = {"id": "i", "version": 10, "position": 1}
    fields = {
        "version": "9",
        "art.announcement": "off",
        "stunde": "6",
        "wochentag": "5",
        "ruhe_von": "",
        "ruhe_bis": "",
    }
    async with door.post(f"/abonnement/{TOKEN}/einstellungen", data=fields) as answer:
        seen = answer.headers["Location"]
        assert (answer.status, seen) == (303, f"/abonnement/{TOKEN}?erledigt=einstellungen")
    async with door.get(seen) as answer:
        assert "Ihre Einstellungen sind gespeichert." in await answer.text()
    async with door.get(f"/abonnement/{TOKEN}?erledigt=<b>") as answer:
        assert 'role="status"' not in await answer.text()
    (asked,) = of(notify, f"{PAGE}/preferences")
    assert asked.headers["If-Match"] == '"9"'
    assert asked.json() == {
        "preferences": [
            {"kind": "announcement", "channel": "email", "rhythm": "off"},
            {"kind": "announcement", "channel": "portal", "rhythm": "off"},
        ],
        "digest_hour": 6,
        "digest_weekday": 5,
        "quiet_from": None,
        "quiet_until": None,
        "quiet_weekends": False,
    }


async def test_what_is_wrong_stands_next_to_its_field_and_nothing_typed_is_lost(door: Any, notify: Any) -> None:
    own = f"/abonnement/{TOKEN}"
    wrong = [{"field": "/until", "code": "pause_over", "detail": "Liegt nicht in der Zukunft."}]
    notify.answers[f"{PAGE}/pauses"] = problem(409, "pause_over", errors=wrong)
    async with door.post(f"{own}/pause", data={"bis": "2020-01-02"}) as answer:
        page = await html(answer)
    assert (answer.status, 'href="#bis"' in page) == (409, True)
    assert re.search(r'id="bis" name="bis" type="date" value="2020-01-02"[^>]*aria-invalid="true"', page)
    assert 'value="20:00"' in page, "the other form is as it was"
    wrong = [{"field": "/quiet_until", "code": "quiet_time_half", "detail": "Beginn und Ende."}]
    notify.answers[f"{PAGE}/preferences"] = problem(409, "quiet_time_half", errors=wrong)
    fields = {"version": "9", "art.announcement": "off", "stunde": "6", "ruhe_von": "21:00", "ruhe_bis": ""}
    async with door.post(f"{own}/einstellungen", data=fields) as answer:
        page = await html(answer)
    assert re.search(r'id="ruhe_bis"[^>]*aria-invalid="true" aria-describedby="ruhe_bis-fehler"', page)
    for kept in ('name="ruhe_von" type="time" value="21:00"', 'value="off" selected', 'value="6" selected'):
        assert kept in page
    assert not re.search(r'name="wochenende" value="1" checked', page)
    notify.answers[f"{PAGE}/preferences"] = problem(412, "stale_version")
    async with door.post(f"{own}/einstellungen", data=fields) as answer:
        page = await html(answer)
    assert (answer.status, "an anderer Stelle geändert" in page, 'value="7" selected' in page) == (409, True, True)
    twice = {"version": "8", "art.announcement": "daily", "stunde": "7", "wochentag": "2", "wochenende": "1"}
    async with door.post(f"{own}/einstellungen", data=twice | {"ruhe_von": "20:00", "ruhe_bis": "06:30"}) as answer:
        assert answer.status == 303, "it is as it was wanted"


async def test_one_click_needs_nothing_but_the_link_and_looking_ends_nothing(door: Any, notify: Any) -> None:
    link, ended = f"{PAGE}/unsubscriptions", list[str]()

    def answered(request: web.Request) -> web.Response:
        ended.append(request.method)
        return web.json_response({"what": "kind", "label": "Arbeitshilfen"})

    notify.answers[link] = answered
    async with door.get(f"/abbestellen/{TOKEN}") as answer:
        assert (answer.status, "Nicht mehr senden" in await html(answer)) == (200, True)
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert ended == ["GET"]
    for _ in range(2):
        other_site = {"Sec-Fetch-Site": "cross-site", "Origin": "https://mail.example"}
        body = {"List-Unsubscribe": "One-Click"}
        async with door.post(f"/abbestellen/{TOKEN}", data=body, headers=other_site) as answer:
            assert (answer.status, "Set-Cookie" in answer.headers) == (200, False)
            assert "Arbeitshilfen" in await html(answer)
    assert ended.count("POST") == 2
    notify.answers[link] = problem(409, "conflict")
    async with door.post(f"/abbestellen/{TOKEN}", data={"List-Unsubscribe": "One-Click"}) as answer:
        assert answer.status == 503, "the mail program tries again"
    async with door.get(f"/abbestellen/{'x' * 60}") as answer:
        assert answer.status == 404


async def test_the_link_to_the_own_page_is_asked_for_in_a_form(door: Any, notify: Any) -> None:
    stamp = door.gateway.portal.guard.stamp("/abonnement", CLOCK.now() - timedelta(seconds=10))
    async with door.post("/abonnement", data={"email": "x", "stamp": stamp}) as answer:
        assert (answer.status, "E-Mail-Adresse mit @" in await html(answer)) == (422, True)
    for email in (address(), address()):
        async with door.post("/abonnement", data={"email": email, "stamp": stamp}) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/abonnement/gesendet")
    assert len(of(notify, "/internal/subscription-links")) == 2
    async with door.get("/abonnement/gesendet") as answer:
        assert "Gibt es zu dieser E-Mail-Adresse Abonnements" in await answer.text()
