"""Pages of the portal, as a browser without a script gets them."""

import asyncio
import json
import re
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import ClientSession, web

from services.gateway import guard, proxy
from services.gateway.portal import portal
from services.gateway.portal.rendering import Static

SESSION_ID = "019b0000-0000-7000-8000-000000000001"
SESSION: dict[str, Any] = {
    "id": SESSION_ID,
    "series": {"id": "1", "title": "Digitale Sprechstunde", "slug": "digitale-sprechstunde", "format_label": ""},
    "title": "Sprechstunde <Probe>",
    "status": "registration_open",
    "status_label": "Anmeldung offen",
    "mode": "online",
    "mode_label": "Online",
    "starts_at": "2025-08-28T08:00:00Z",
    "ends_at": None,
    "date": "2025-08-28",
    "registration_open": True,
    "free_of_charge": True,
    "capacity": 40,
    "seats_left": 1,
    "postponed_from": [{"starts_at": None, "ends_at": None, "date": "2025-07-31", "reason": "organisatorische Gründe"}],
    "agenda": {
        "planned": [{"title": "Fragen", "speakers": [{"function": "Landesbeauftragter", "organisation": "Land NRW"}]}],
        "held": None,
    },
}
HELD = {"planned": [], "held": [{"title": "Vortrag", "file_label": "Keine Datei veröffentlicht"}]}
PROJECT: dict[str, Any] = {
    "id": "019b0000-0000-7000-8000-000000000002",
    "title": "Gemeindekasse",
    "summary": "Zwei Gemeinden, eine Kasse.",
    "topics": ["treasury"],
    "stage": "operating",
    "participations": [
        {"organisation_id": "o1", "name": "Morsbach", "ags": "05374028", "role": "lead", "task": "führt die Kasse"},
        {"organisation_id": "o2", "name": "Reichshof", "ags": "05374040", "role": "participant"},
    ],
    "participations_note": "Weitere Beteiligte nicht genannt",
    "labels": {
        "topics": {"treasury": "Gemeindekasse und Vollstreckung"},
        "stage": {"operating": "In Betrieb / umgesetzt"},
        "role": {"lead": "federführend", "participant": "beteiligt"},
        "effect_kind": {"cost_saving": "Kosteneinsparung"},
        "effect_unit": {"percent": "Prozent"},
        "document_kind": {"slides": "Vortragsfolien", "template": "Muster / Vorlage"},
        "field": {"summary": "Kurzfassung", "stage": "Stand"},
    },
}
PAGE: dict[str, Any] = PROJECT | {
    "changed_at": "2025-10-09T10:00:00Z",
    "effects": [
        {"kind": "cost_saving", "value": 18, "unit": "percent", "base_note": "Bezugsgröße nicht angegeben"},
    ],
    "documents": [
        {"title": "Folien", "kind": "slides", "file_note": "Datei liegt nicht vor"},
        {
            "title": "Vereinbarung",
            "kind": "template",
            "file": {"name": "V.pdf", "size": 48213, "href": "/api/v1/projects/p/documents/d"},
        },
    ],
    "successors": [{"id": "019b0000-0000-7000-8000-000000000003", "title": "Vollstreckung"}],
    "contact_note": "Kontakt nicht bestätigt seit 27.05.2025",
    "updates": [{"id": "u", "text": "Der Vertrag ist unterschrieben.\n\nEr gilt <Probe>.", "on": "2025-09-01"}],
    "versions": [
        {"step": "published", "at": "2025-05-27T10:00:00Z"},
        {"step": "revised", "at": "2025-10-09T10:00:00Z", "changed": ["summary", "stage"]},
    ],
    "description": "Erster Absatz.\n\nZweiter Absatz mit <script>alert(1)</script>.",
    "best_practice": [{"occasion": "Jahrestagung 2025", "awarded_on": "2025-05-27"}],
}
NEWS: dict[str, Any] = {
    "id": str(uuid4()),
    "kind_label": "Verschiebung",
    "title": "Sprechstunde verschoben",
    "teaser": "Neuer Termin im August.",
    "session_id": SESSION_ID,
    "actions": [{"label": "Anmelden", "target": "registration"}, {"label": "Projekt", "target": "project"}],
    "published_on": "2025-07-29",
    "body": "Der Termin am 31. Juli entfällt.",
}


def listed(*items: Any, more: str | None = None) -> dict[str, Any]:
    return {"items": list(items), "next": more, "total": len(items)}


@pytest.fixture
def content(services: Any) -> dict[str, Any]:
    """Services with one of everything."""
    answers: dict[str, Any] = services.answers
    figure = {
        "value": 6200,
        "qualifier": "more_than",
        "qualifier_label": "mehr als",
        "counts": "umgesetzte Projekte",
        "source": "gpaNRW",
        "stated_on": "2025-05-27",
    }
    topic = {"code": "treasury", "label": "Gemeindekasse", "group": {"code": "g", "label": "G"}, "projects": 1}
    facet = {"value": "treasury", "label": "Gemeindekasse und Vollstreckung", "count": 1}
    answers["/api/v1/key-figures"] = listed(figure)
    answers["/api/v1/topics"] = listed(topic)
    answers["/api/v1/projects"] = listed(PROJECT, more="next+page/=") | {"facets": {"topic": [facet]}}
    answers[f"/api/v1/projects/{PROJECT['id']}"] = PAGE
    answers["/api/v1/sessions"] = listed(SESSION)
    answers["/api/v1/series"] = listed(SESSION["series"])
    answers[f"/api/v1/sessions/{SESSION_ID}"] = SESSION
    answers[f"/internal/sessions/{SESSION_ID}/registrations"] = lambda _: web.json_response(
        {"status": "accepted", "detail": "Bitte folgen Sie dem Link."}, status=202
    )
    answers["/api/v1/announcements"] = listed(NEWS)
    answers[f"/api/v1/announcements/{NEWS['id']}"] = NEWS
    answers["/api/v1/resources"] = listed(
        {
            "id": str(uuid4()),
            "kind": "checklist",
            "title": "Vom Antrag zur Umsetzung",
            "summary": "Eine Checkliste.",
            "file_note": "Datei liegt nicht vor",
            "labels": {"kind": {"checklist": "Checkliste"}},
        }
    )
    return answers


async def page(door: Any, path: str, status: int = 200) -> str:
    async with door.get(path) as answer:
        assert answer.status == status, await answer.text()
        assert answer.content_type == "text/html"
        return unescape(re.sub(r"\s+", " ", await answer.text()))


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


async def test_the_start_page_shows_what_there_is(door: Any, content: Any) -> None:
    text = text_of(await page(door, "/"))
    for expected in (
        "mehr als 6.200",
        "gpaNRW, Stand 27. Mai 2025",
        "Gemeindekasse",
        "Donnerstag, 28. August 2025, ab 10:00 Uhr",
        "Donnerstag, 31. Juli 2025",
        "Sprechstunde verschoben",
        "Morsbach und Reichshof",
    ):
        assert expected in text


@pytest.mark.parametrize(
    ("down", "gone", "still"),
    [
        ("/api/v1/projects", "Die Projekte sind gerade nicht erreichbar", "Sprechstunde verschoben"),
        ("/api/v1/sessions", "Die Veranstaltungen sind gerade nicht erreichbar", "Morsbach und Reichshof"),
        ("/api/v1/announcements", "Die Meldungen sind gerade nicht erreichbar", "Morsbach und Reichshof"),
    ],
)
async def test_a_service_that_is_down_costs_its_part_of_the_start_page(
    door: Any, content: Any, down: str, gone: str, still: str
) -> None:
    content[down] = lambda _: web.Response(status=503)
    text = text_of(await page(door, "/"))
    assert gone in text
    assert still in text


async def test_a_service_that_hangs_holds_up_no_page_that_can_do_without(
    door: Any, content: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portal, "PATIENCE", 0.5)
    released = asyncio.Event()
    content["/api/v1/sessions"] = lambda _: released.wait()
    async with asyncio.timeout(8):
        text = text_of(await page(door, "/"))
    released.set()
    assert "Die Veranstaltungen sind gerade nicht erreichbar" in text


async def test_a_page_whose_service_is_down_says_so(door: Any, content: Any) -> None:
    content["/api/v1/projects"] = lambda _: web.Response(status=503)
    async with door.get("/projekte") as answer:
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert "gerade nicht erreichbar" in await answer.text()


async def test_a_search_is_an_address(door: Any, services: Any, content: Any) -> None:
    html = await page(door, "/projekte?q=Kasse&topic=treasury&stage=operating&unbekannt=1&sort=title")
    asked = next(asked.target for asked in services.asked if asked.target.startswith("/api/v1/projects?"))
    assert asked == "/api/v1/projects?q=Kasse&topic=treasury&stage=operating&sort=title&limit=12&facets=true"
    assert 'value="Kasse"' in html
    assert re.search(r'name="topic" value="treasury" checked', html)
    assert 'href="/projekte?topic=treasury&stage=operating&sort=title"' in html
    assert 'href="/api/v1/projects/export.csv?q=Kasse&topic=treasury&stage=operating&sort=title">CSV</a>' in html
    assert 'href="/projekte?q=Kasse&topic=treasury&stage=operating&sort=title&cursor=next%2Bpage/%3D"' in html


async def test_a_filter_that_does_not_exist_is_told_and_can_be_taken_away(
    door: Any, services: Any, content: Any
) -> None:
    stage = {"value": "operating", "label": "In Betrieb", "count": 1}

    def catalogue(request: web.Request) -> web.Response:
        """Tells what is repeated before it looks at values, as the service does."""
        repeated = len(request.query.getall("funded", [])) > 1
        field = "funded" if repeated else "stage" if "<unsinn>" in request.query.getall("stage", []) else None
        if field is None:
            return web.json_response({"facets": {"stage": [stage]}})
        return web.json_response({"code": "invalid_query", "errors": [{"field": field, "code": "x"}]}, status=422)

    content["/api/v1/projects"] = content["/api/v1/projects/facets"] = catalogue
    asked = "q=Kasse&stage=operating&stage=%3Cunsinn%3E"
    html = await page(door, f"/projekte?{asked}&cursor=x", 422)
    assert "Im Filter „Stand“ gibt es keinen Wert „<unsinn>“." in html
    assert 'href="/projekte?q=Kasse&stage=operating">Ohne diesen Wert suchen</a>' in html
    assert re.search(r'name="stage" value="operating" checked', html)
    assert 'class="chip" href="/projekte?q=Kasse&stage=operating"><span class="hidden-visually">Entfernen: ' in html
    assert "<unsinn>" not in await (await door.get(f"/projekte?{asked}")).text()
    text = text_of(await page(door, f"/projekte?{asked}&funded=true&funded=false", 422))
    assert "Diese Filter gibt es nicht" in text
    assert "Im Filter „Förderung“ gibt es keinen Wert „false“." in text
    await page(door, "/projekte?stage=operating")
    content["/api/v1/projects"] = lambda _: web.json_response({"code": "invalid_query"}, status=422)
    await page(door, "/projekte?stage=operating", 404)
    content["/api/v1/projects/facets"] = content["/api/v1/projects"]
    await page(door, "/projekte?stage=operating", 404)
    content["/api/v1/projects"] = lambda _: web.json_response({"code": "too_many_requests"}, status=429)
    await page(door, "/projekte?stage=operating", 503)


async def test_what_was_merged_is_led_to_what_it_has_become(door: Any, services: Any, content: Any) -> None:
    gone, stays = "019b0000-0000-7000-8000-00000000000b", "019b0000-0000-7000-8000-00000000000c"
    group = {"code": "g", "label": "G"}
    topic = {"code": "treasury", "slug": "kasse", "label": "Kasse", "former_codes": ["cash"], "group": group}
    content["/api/v1/topics"] = listed(topic)
    content[f"/api/v1/organisations/{gone}"] = {"id": stays, "ags": None}
    for asked, meant in (
        ("topic=cash&topic=treasury&stage=operating", "topic=treasury&stage=operating"),
        ("q=Kasse&topic=kasse&sort=date&cursor=x", "q=Kasse&topic=treasury&sort=date"),
        (f"organisation={gone}", f"organisation={stays}"),
    ):
        async with door.get(f"/projekte?{asked}") as answer:
            assert (answer.status, answer.headers["Location"]) == (302, f"/projekte?{meant}")
    html = await page(door, "/projekte?topic=../internal&organisation=../internal&organisation=" + stays)
    assert "Entfernen: </span>../internal" in html, "what nobody knows stays as it was asked for"
    assert not any("internal" in asked.target.partition("?")[0] for asked in services.asked)


async def test_a_question_is_cut_where_the_catalogue_would_refuse_it(door: Any, services: Any, content: Any) -> None:
    await page(door, "/projekte?q=" + "a-b+" * 40)
    asked = next(asked.target for asked in services.asked if asked.target.startswith("/api/v1/projects?"))
    assert asked.startswith("/api/v1/projects?q=" + "+".join(["a-b"] * 12) + "&")


async def test_of_many_organisations_those_with_most_projects_and_the_chosen_one_are_offered(
    door: Any, content: Any
) -> None:
    many = [{"value": f"0537400{n:02}", "label": f"Ort {n}", "count": 1099 - n} for n in range(20)]
    content["/api/v1/projects"]["facets"] = {"organisation": many}
    html = await page(door, "/projekte?organisation=053740019")
    offered = re.findall(r'name="organisation" value="(\d+)"( checked)?', html)
    assert [value for value, _ in offered] == [each["value"] for each in [*many[:12], many[19]]]
    assert offered[-1][1] == " checked"
    assert "Entfernen: </span>Ort 19" in html
    assert "1.099" in text_of(html)


async def test_a_list_marks_what_was_found_and_offers_what_was_meant(content: dict[str, Any], door: Any) -> None:
    marked = {
        "title": [{"text": "Gemeinde", "mark": False}, {"text": "kasse", "mark": True}],
        "summary": None,
        "text": [{"text": "<b>Kasse</b>", "mark": True}, {"text": " der Gemeinde", "mark": False}],
    }
    answer = listed(PROJECT | {"highlights": marked}) | {"did_you_mean": "Kasse & Co", "all_words": False}
    content["/api/v1/projects"] = answer
    async with door.get("/projekte?q=Kases&stage=operating") as reply:
        html = await reply.text()  # as it is escaped
    assert "Gemeinde<mark>kasse</mark></a>" in html
    assert "<mark>&lt;b&gt;Kasse&lt;/b&gt;</mark> der Gemeinde" in html
    assert '<a href="/projekte?q=Kasse+%26+Co&amp;stage=operating">Kasse &amp; Co</a>?' in html
    assert "Kein Projekt enthält alle Wörter." in html


async def test_nothing_found_helps_on(door: Any, content: Any) -> None:
    content["/api/v1/projects"] = listed()
    text = text_of(await page(door, "/projekte?q=nichts"))
    assert "0 Projekte" in text
    assert "Prüfen Sie die Schreibweise" in text


async def test_a_project_shows_what_is_not_known(door: Any, content: Any) -> None:
    html = await page(door, f"/projekte/{PROJECT['id']}")
    text = text_of(html)
    for expected in (
        "18 Prozent",
        "Bezugsgröße nicht angegeben",
        "Weitere Beteiligte nicht genannt",
        "Datei liegt nicht vor",
        "Rechtsform nicht angegeben",
        "Beginn nicht angegeben",
        "Förderung nicht angegeben",
        "Ansprechstelle nicht angegeben",
        "Morsbach federführend, führt die Kasse",
        "Gutes Beispiel: Jahrestagung 2025",
        "Zuletzt geändert am 9. Oktober 2025",
    ):
        assert expected in text
    assert "beteiligt " not in text.replace("Beteiligte", "")


async def test_a_project_leads_to_similar_ones_and_to_those_of_its_partners(door: Any, content: Any) -> None:
    path = f"/api/v1/projects/{PROJECT['id']}"
    other = PROJECT | {"id": "019b0000-0000-7000-8000-000000000003", "title": "Gemeinsame Vollstreckung"}
    content[f"{path}/similar"] = listed(other)
    html = await page(door, f"/projekte/{PROJECT['id']}")
    assert "Ähnliche Projekte" in html
    assert f'href="/projekte/{other["id"]}">Gemeinsame Vollstreckung' in html
    assert '<a href="/projekte?organisation=05374028">Morsbach</a>' in html
    for nothing in (lambda _: web.Response(status=503), None):
        content[f"{path}/similar"] = nothing
        assert "Ähnliche Projekte" not in await page(door, f"/projekte/{PROJECT['id']}")


async def test_a_project_shows_what_is_new_and_what_came_of_it(door: Any, content: Any) -> None:
    path = f"/api/v1/projects/{PROJECT['id']}"
    content[path] = PAGE | {"contacts": [{"office": "Gemeinde Morsbach"}], "legal_form_law": "§ 54 VwVfG NRW"}
    html = await page(door, f"/projekte/{PROJECT['id']}")
    text = text_of(html)
    for expected in (
        "Aktuelles aus dem Projekt 1. September 2025 Der Vertrag ist unterschrieben. Er gilt .",
        "Vereinbarung (PDF, 48 KB)",
        "Daraus hervorgegangen Vollstreckung",
        "Verlauf 9. Oktober 2025 : Geändert: Kurzfassung und Stand 27. Mai 2025 : Veröffentlicht",
        "Kontakt nicht bestätigt seit 27.05.2025 Gemeinde Morsbach",
        "§ 54 VwVfG NRW",
    ):
        assert expected in text, text
    assert '<a href="/api/v1/projects/p/documents/d" download>' in html
    assert '<a href="/projekte/019b0000-0000-7000-8000-000000000003">Vollstreckung</a>' in html


@pytest.mark.parametrize("path", ["/projekte/{id}", "/veranstaltungen/{id}"])
async def test_texts_of_others_cannot_become_markup(door: Any, content: Any, path: str) -> None:
    which = PROJECT["id"] if "projekte" in path else SESSION_ID
    async with door.get(path.format(id=which)) as answer:
        raw = await answer.text()
    assert set(re.findall(r"<script[^>]*>", raw)) <= {'<script type="application/ld+json">'}
    assert raw.count("<script") == raw.count("</script")
    assert "<Probe>" not in raw


async def test_a_session_shows_the_old_date_struck_through(door: Any, content: Any) -> None:
    html = await page(door, f"/veranstaltungen/{SESSION_ID}")
    assert "Der Termin wurde verschoben." in html
    assert re.search(r"<del>.*?31\. Juli 2025.*?</del>", html)
    assert "Noch 1 Platz frei" in text_of(html)
    assert f'href="/api/v1/sessions/{SESSION_ID}.ics"' in html
    assert "Landesbeauftragter, Land NRW" in html


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"status": "cancelled", "cancelled_reason": "Krankheit"}, "Diese Veranstaltung fällt aus. Krankheit"),
        ({"status": "cancelled"}, "Wann Abgesagt: Donnerstag, 28. August 2025, ab 10:00 Uhr"),
        ({"status": "documented", "agenda": HELD}, "Keine Datei veröffentlicht"),
        ({"starts_at": "2025-07-01T08:00:00Z", "date": "2025-07-01"}, "Vergangen"),
        ({"starts_at": None, "date": None}, "sobald Tag und Uhrzeit feststehen"),
        ({"registration_opens_at": "2099-01-01T08:00:00Z"}, "ab 1. Januar 2099, 09:00 Uhr anmelden"),
        ({"status": "registration_closed"}, "Zurzeit ist keine Anmeldung möglich"),
        ({"registration_required": False}, "müssen Sie sich nicht anmelden"),
    ],
)
async def test_a_session_that_takes_nobody_says_why(door: Any, content: Any, change: Any, expected: str) -> None:
    content[f"/api/v1/sessions/{SESSION_ID}"] = SESSION | {"registration_open": False} | change
    html = await page(door, f"/veranstaltungen/{SESSION_ID}")
    assert expected in text_of(html)
    assert "<form" not in html


async def test_a_cancelled_session_offers_nothing(door: Any, content: Any) -> None:
    content[f"/api/v1/sessions/{SESSION_ID}"] = SESSION | {"status": "cancelled", "registration_open": False}
    html = await page(door, f"/veranstaltungen/{SESSION_ID}")
    assert re.search(r"<del>.*?28\. August 2025.*?</del>", html)
    assert "sessions/" not in html
    assert "kostenfrei" not in html


async def test_a_place_is_told_with_its_address(door: Any, content: Any) -> None:
    venue = {"name": "Kongresszentrum", "address": "Musterstraße 12", "city": "40213 Düsseldorf"}
    content[f"/api/v1/sessions/{SESSION_ID}"] = SESSION | {"mode": "hybrid", "venue": venue}
    text = text_of(await page(door, f"/veranstaltungen/{SESSION_ID}"))
    assert "Wo Kongresszentrum, Musterstraße 12, 40213 Düsseldorf und online" in text


async def test_a_full_session_offers_the_waiting_list(door: Any, content: Any) -> None:
    content[f"/api/v1/sessions/{SESSION_ID}"] = SESSION | {"full": True, "seats_left": 0, "status": "full"}
    text = text_of(await page(door, f"/veranstaltungen/{SESSION_ID}"))
    assert "Alle 40 Plätze sind vergeben" in text
    assert "Auf die Warteliste setzen" in text


def typed(door: Any, **more: str) -> dict[str, str]:
    """A form as a person fills it, a minute after it was rendered."""
    stamp = door.gateway.portal.guard.stamp(SESSION_ID, door.gateway.clock.now() - timedelta(minutes=1))
    name = {"name": "Erika Muster", "email": f"{uuid4()}@stadt.example", "organisation_name": ""}
    return name | {"website": "", "stamp": stamp} | more


async def test_the_form_registers_without_a_script(door: Any, services: Any, content: Any) -> None:
    async with door.post(f"/veranstaltungen/{SESSION_ID}/anmeldung", data=typed(door)) as answer:
        assert answer.status == 303
        assert answer.headers["Location"] == f"/veranstaltungen/{SESSION_ID}/angemeldet"
    assert any(asked.target.startswith("/internal/") for asked in services.asked)
    text = text_of(await page(door, f"/veranstaltungen/{SESSION_ID}/angemeldet"))
    assert "Bitte bestätigen Sie Ihre Anmeldung" in text


async def test_a_form_with_errors_keeps_what_was_typed(door: Any, services: Any, content: Any) -> None:
    form = typed(door, email="keine Adresse", organisation_name='Stadt "Muster" <b>')
    async with door.post(f"/veranstaltungen/{SESSION_ID}/anmeldung", data=form) as answer:
        assert answer.status == 422
        raw = await answer.text()
    assert "<title>Fehler: " in raw
    assert 'value="Erika Muster"' in raw
    assert 'value="keine Adresse"' in raw
    assert "Stadt &#34;Muster&#34; &lt;b&gt;" in raw
    assert 'href="#email"' in raw
    assert 'aria-invalid="true"' in raw
    assert not any(asked.target.startswith("/internal/") for asked in services.asked)


QUESTIONS = [
    {"key": "wish", "label": "Ihr Wunsch?", "kind": "text", "required": True, "help": "Ein Satz genügt."},
    {"key": "diet", "label": "Essen?", "kind": "choice", "options": [{"value": "vegan", "label": "Vegan"}]},
    {
        "key": "days",
        "label": "Tage?",
        "kind": "choice",
        "several": True,
        "options": [{"value": "mo", "label": "Montag"}, {"value": "di", "label": "Dienstag"}],
    },
    {"key": "train", "label": "Mit der Bahn?", "kind": "yes_no"},
    {"key": "photos", "label": "Fotos", "kind": "consent", "text": "Fotos <b>dürfen</b>.", "text_version": "0123abcd"},
]
ANSWERED = {"frage_wish": "Geld", "frage_diet": "vegan", "frage_days.mo": "1", "frage_train": "nein"}
CHECK, ENTER = (f"/internal/sessions/{SESSION_ID}/{what}" for what in ("registration-checks", "registrations"))
BODIES = {
    "/api/v1/organisations": {
        "items": [
            {"id": "o1", "name": "Stadt Minden", "aliases": ["Minden (Westf.)"]},
            {"id": "o2", "name": "Mindeln"},
        ],
        "next": None,
    }
}


async def test_questions_are_asked_and_answered_without_a_script(door: Any, services: Any, content: Any) -> None:
    content[f"/api/v1/sessions/{SESSION_ID}"] = SESSION | {"registration_questions": QUESTIONS}
    content[CHECK] = {"status": "accepted"}
    content |= BODIES
    html = await page(door, f"/veranstaltungen/{SESSION_ID}")
    text = text_of(html)
    assert "Ihr Wunsch? Ein Satz genügt." in text
    assert "Fotos <b>dürfen</b>." in html
    assert "Ich stimme zu." in text
    assert '<datalist id="stellen"><option value="Mindeln"><option value="Stadt Minden"></datalist>' in html
    form = typed(door, organisation_name=" minden (westf.) ", **ANSWERED | {"frage_photos": "0123abcd"})
    async with door.post(f"/veranstaltungen/{SESSION_ID}/anmeldung", data=form) as answer:
        assert answer.status == 303
    (sent,) = [asked.json() for asked in services.asked if asked.target == ENTER]
    assert sent["answers"] == {"wish": "Geld", "diet": "vegan", "days": ["mo"], "train": False, "photos": "0123abcd"}
    assert (sent["organisation_id"], sent["organisation_name"]) == ("o1", "minden (westf.)")


async def test_a_wrong_answer_is_told_beside_everything_else_and_keeps_what_was_typed(
    door: Any, services: Any, content: Any
) -> None:
    content[f"/api/v1/sessions/{SESSION_ID}"] = SESSION | {"registration_questions": QUESTIONS}
    error = {"field": "/answers/wish", "code": "answer_required", "detail": "Bitte beantworten Sie diese Frage."}
    wrong = {"code": "invalid_request", "errors": [error]}
    content[CHECK] = lambda _: web.json_response(wrong, status=422)
    for email, listed in (("keine Adresse", ["email", "frage_wish"]), (f"{uuid4()}@stadt.example", ["frage_wish"])):
        async with door.post(
            f"/veranstaltungen/{SESSION_ID}/anmeldung", data=typed(door, email=email, **ANSWERED)
        ) as answer:
            assert answer.status == 422
            html = await answer.text()
        assert re.findall(r'<li><a href="#(\w+)">', html) == listed
        assert re.findall(r'name="(frage_[\w.]+)" value="(\w+)"(?: id="\w+")? checked', html) == [
            ("frage_diet", "vegan"),
            ("frage_days.mo", "1"),
            ("frage_train", "nein"),
        ]
        assert "Geld</textarea>" in html
    assert not any(asked.target == ENTER for asked in services.asked)


async def test_without_the_directory_an_organisation_is_a_name(door: Any, services: Any, content: Any) -> None:
    assert "<datalist" not in await page(door, f"/veranstaltungen/{SESSION_ID}")
    form = typed(door, organisation_name="Stadt Minden")
    async with door.post(f"/veranstaltungen/{SESSION_ID}/anmeldung", data=form) as answer:
        assert answer.status == 303
    (sent,) = [asked.json() for asked in services.asked if asked.target == ENTER]
    assert (sent["organisation_id"], sent["organisation_name"]) == (None, "Stadt Minden")


@pytest.mark.parametrize(
    ("change", "expected", "forms"),
    [
        ({"full": True, "waiting_list": "none"}, "Alle 40 Plätze sind vergeben. Eine Warteliste gibt es nicht.", 0),
        ({"full": True, "waiting_list": "offer", "offer_hours": 48}, "Sie haben dann 48 Stunden Zeit", 1),
        ({"registration_required": False}, "Sie können auch ohne Anmeldung teilnehmen.", 1),
    ],
)
async def test_what_a_registration_is_for_is_said(
    door: Any, content: Any, change: dict[str, Any], expected: str, forms: int
) -> None:
    content[f"/api/v1/sessions/{SESSION_ID}"] = SESSION | change
    html = await page(door, f"/veranstaltungen/{SESSION_ID}")
    assert expected in text_of(html)
    assert html.count("<form") == forms


async def test_errors_are_listed_in_the_order_of_the_fields(door: Any, content: Any) -> None:
    form = typed(door, name="", email="keine Adresse", organisation_name="www.spam.example")
    async with door.post(f"/veranstaltungen/{SESSION_ID}/anmeldung", data=form) as answer:
        listed = re.findall(r'<li><a href="#(\w+)">', await answer.text())
    assert listed == ["name", "email", "organisation_name"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"website": "https://spam.example"}, "Internetseite"),
        ({"stamp": ""}, "nicht mehr gültig"),
        ({"stamp": "AAAA"}, "nicht mehr gültig"),
    ],
)
async def test_what_a_robot_sends_comes_back(
    door: Any, services: Any, content: Any, change: dict[str, str], expected: str
) -> None:
    async with door.post(f"/veranstaltungen/{SESSION_ID}/anmeldung", data=typed(door, **change)) as answer:
        assert answer.status == 422
        raw = await answer.text()
    assert expected in raw
    assert 'value="Erika Muster"' in raw
    assert not any(asked.target.startswith("/internal/") for asked in services.asked)


async def test_pages_of_others_cannot_send_the_form(door: Any, services: Any, content: Any) -> None:
    for site in ("cross-site", "same-site"):
        asking = {"Sec-Fetch-Site": site}
        async with door.post(f"/veranstaltungen/{SESSION_ID}/anmeldung", data=typed(door), headers=asking) as answer:
            assert answer.status == 403
    assert services.asked == []


async def test_a_form_filled_in_no_time_is_asked_again(
    door: Any, content: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "SHORTEST", timedelta(hours=1))
    async with door.get(f"/veranstaltungen/{SESSION_ID}") as answer:
        stamp = re.search(r'name="stamp" value="([^"]+)"', await answer.text())
    assert stamp
    async with door.post(f"/veranstaltungen/{SESSION_ID}/anmeldung", data=typed(door, stamp=stamp[1])) as answer:
        assert answer.status == 422
        assert "sehr schnell" in await answer.text()


async def test_a_form_sent_twice_is_one_command_and_a_corrected_one_another(
    door: Any, services: Any, content: Any
) -> None:
    form = typed(door)
    for sent in (form, form, form | {"name": "Otto Beispiel"}):
        async with door.post(f"/veranstaltungen/{SESSION_ID}/anmeldung", data=sent) as answer:
            assert answer.status == 303
    entered = [asked for asked in services.asked if asked.target.endswith("/registrations")]
    commands = [asked.headers["Idempotency-Key"] for asked in entered]
    assert commands[0] == commands[1]
    assert commands[2] != commands[0]


@pytest.mark.parametrize("charset", ["", "; charset=utf-16", "; charset=nonsense"])
async def test_a_form_that_is_no_text_comes_back(door: Any, content: Any, charset: str) -> None:
    kind = {"Content-Type": f"application/x-www-form-urlencoded{charset}"}
    async with door.post(f"/veranstaltungen/{SESSION_ID}/anmeldung", data=b"name=\xff&stamp=\xfe", headers=kind) as got:
        assert got.status == 422
        assert "nicht mehr gültig" in await got.text()


async def test_a_form_that_never_ends_is_given_up(door: Any, content: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def dribbling() -> Any:
        yield b"name="
        await asyncio.sleep(60)

    monkeypatch.setattr(proxy, "SECONDS_FOR_BODY", 0.1)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    async with asyncio.timeout(20):
        path = f"/veranstaltungen/{SESSION_ID}/anmeldung"
        async with door.post(path, data=dribbling(), headers=kind) as answer:
            assert answer.status == 408
            assert "noch einmal" in await answer.text()


async def test_the_address_of_a_sent_form_leads_back_to_it(door: Any, services: Any, content: Any) -> None:
    async with door.get(f"/veranstaltungen/{SESSION_ID}/anmeldung") as answer:
        assert (answer.status, answer.headers["Location"]) == (303, f"/veranstaltungen/{SESSION_ID}#anmeldung")
    assert services.asked == []


@pytest.mark.parametrize(
    "case",
    [
        ("POST", "/projekte", 405, "können Sie nichts absenden"),
        ("POST", f"/veranstaltungen/{SESSION_ID}/anmeldung", 415, "senden Sie das Formular noch einmal ab"),
        ("GET", "/projekte", 503, "Der Projektkatalog ist zurzeit nicht erreichbar"),
    ],
)
async def test_pages_about_errors_are_in_german_and_true(
    door: Any, content: Any, case: tuple[str, str, int, str]
) -> None:
    method, path, status, expected = case
    content["/api/v1/projects"] = lambda _: web.Response(status=503)
    async with door.send(method, path, headers={"Accept-Language": "en"}, json={}) as answer:
        assert (answer.status, answer.content_type) == (status, "text/html")
        text = text_of(unescape(await answer.text()))
    assert expected in text
    assert "aufgezeichnet" not in text


async def test_a_refusal_is_in_german_for_every_browser(door: Any, content: Any) -> None:
    content[f"/api/v1/sessions/{SESSION_ID}"] = SESSION | {"status": "cancelled", "registration_open": False}
    path, english = f"/veranstaltungen/{SESSION_ID}/anmeldung", {"Accept-Language": "en"}
    async with door.post(path, data=typed(door), headers=english) as answer:
        assert answer.status == 409
        assert "<h1>Veranstaltung ist abgesagt</h1>" in await answer.text()


async def test_what_a_service_refuses_is_told(door: Any, content: Any) -> None:
    closed = {"code": "registration_closed", "detail": "Für diese Veranstaltung ist zurzeit keine Anmeldung möglich."}
    content[f"/internal/sessions/{SESSION_ID}/registrations"] = lambda _: web.json_response(closed, status=409)
    async with door.post(f"/veranstaltungen/{SESSION_ID}/anmeldung", data=typed(door)) as answer:
        assert answer.status == 422
        assert "zurzeit keine Anmeldung möglich" in await answer.text()


async def test_what_a_service_refuses_is_told_without_a_form_too(door: Any, content: Any) -> None:
    def refuse(_: web.Request) -> web.Response:
        content[f"/api/v1/sessions/{SESSION_ID}"] = SESSION | {"registration_open": False}
        return web.json_response(
            {"code": "registration_closed", "detail": "Die Frist ist gerade abgelaufen."}, status=409
        )

    content[f"/internal/sessions/{SESSION_ID}/registrations"] = refuse
    async with door.post(f"/veranstaltungen/{SESSION_ID}/anmeldung", data=typed(door)) as answer:
        text = await answer.text()
    assert "<form" not in text
    assert "Die Frist ist gerade abgelaufen." in text


def structured(html: str) -> dict[str, Any]:
    """What the page says to search engines."""
    (found,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', html)
    said: dict[str, Any] = json.loads(found)
    return said


async def test_search_engines_are_told_the_same_and_never_the_access_link(door: Any, content: Any) -> None:
    content[f"/api/v1/sessions/{SESSION_ID}"] = SESSION | {"access_link": "https://meet.example/raum"}
    async with door.get(f"/veranstaltungen/{SESSION_ID}") as answer:
        html = await answer.text()
    assert "meet.example" not in html
    assert structured(html)["name"] == "Sprechstunde <Probe>"
    assert structured(html)["url"].endswith(f"/veranstaltungen/{SESSION_ID}")


async def test_a_talk_leads_to_its_project_if_there_is_one_to_read(
    door: Any, content: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portal, "PATIENCE", 0.5)
    gone, down = "019b0000-0000-7000-8000-0000000000aa", "019b0000-0000-7000-8000-0000000000bb"
    planned = [{"title": f"Vortrag {n}", "project_id": each} for n, each in enumerate((PROJECT["id"], gone, down))]
    content[f"/api/v1/projects/{down}"] = lambda _: web.Response(status=503)
    changes = {"agenda": {"planned": planned, "held": None}, "topics": ["treasury"]}
    content[f"/api/v1/sessions/{SESSION_ID}"] = SESSION | changes
    html = await page(door, f"/veranstaltungen/{SESSION_ID}")
    assert f'<a href="/projekte/{PROJECT["id"]}">Projekt „Gemeindekasse“</a>' in html
    assert f'<a href="/projekte/{down}">Zum Projekt</a>' in html
    assert gone not in html
    assert '<a href="/veranstaltungen?thema=treasury">Gemeindekasse</a>' in html


async def test_a_project_leads_to_the_sessions_about_it(door: Any, services: Any, content: Any) -> None:
    html = await page(door, f"/projekte/{PROJECT['id']}")
    assert "Veranstaltungen zu diesem Projekt" in html
    assert f'<a href="/veranstaltungen/{SESSION_ID}">' in html
    assert f"/api/v1/sessions?project={PROJECT['id']}&limit=20" in [asked.target for asked in services.asked]
    content["/api/v1/sessions"] = lambda _: web.Response(status=503)
    assert "Veranstaltungen zu diesem Projekt" not in await page(door, f"/projekte/{PROJECT['id']}")


async def test_the_list_is_narrowed_and_followed_as_a_calendar(door: Any, services: Any, content: Any) -> None:
    content["/api/v1/sessions"] = listed(SESSION | {"topics": ["treasury"]})
    html = await page(door, "/veranstaltungen")
    assert '<a class="tag" href="/veranstaltungen?thema=treasury">Gemeindekasse</a>' in html
    assert 'href="/api/v1/sessions.ics">Alle Termine als Kalender' in html
    html = await page(door, "/veranstaltungen?reihe=digitale-sprechstunde")
    assert 'href="/api/v1/series/digitale-sprechstunde.ics">Diese Auswahl' in html
    html = await page(door, "/veranstaltungen?reihe=digitale-sprechstunde&thema=treasury")
    assert 'href="/api/v1/sessions.ics?series=digitale-sprechstunde&topic=treasury">Diese Auswahl' in html
    assert 'href="/veranstaltungen?thema=treasury">Alle Reihen' in html
    asked = "/api/v1/sessions?series=digitale-sprechstunde&topic=treasury&period=upcoming&limit=100"
    assert asked in [each.target for each in services.asked]
    html = await page(door, "/veranstaltungen?reihe=../../x")
    assert 'href="/api/v1/sessions.ics?series=../../x"' in html


async def test_what_was_documented_stands_on_the_page_once(door: Any, content: Any) -> None:
    def photo(name: str) -> dict[str, Any]:
        file = {"type_label": "PNG", "size": 1000, "href": f"/api/v1/materials/{name}/file?version=1"}
        said = {"id": name, "kind": "photo", "kind_label": "Foto", "title": name, "alt": "alt", "credit": "Amt"}
        return said | {"href": f"/api/v1/materials/{name}/file", "file": file}

    content[f"/api/v1/sessions/{SESSION_ID}/materials"] = listed(photo("a"), photo("b"))
    content[f"/api/v1/sessions/{SESSION_ID}"] = SESSION | {
        "status": "documented",
        "registration_open": False,
        "agenda": HELD,
        "attendance": {"label": "über 70 Teilnehmende"},
        "photos": [
            {"material_id": "b", "alt": "Der Saal", "credit": "Stadt B"},
            {"material_id": "b", "alt": "Noch einmal", "credit": "Stadt B"},
            {"material_id": "zurückgezogen", "alt": "Weg", "credit": "Stadt C"},
        ],
        "recording": {"link": "https://video.example/1", "subtitles": False},
    }
    html = await page(door, f"/veranstaltungen/{SESSION_ID}")
    assert re.findall(r'<img src="([^"]+)" alt="([^"]+)"', html) == [
        ("/api/v1/materials/b/file?version=1", "Der Saal"),
        ("/api/v1/materials/a/file?version=1", "alt"),
    ]
    text = text_of(html)
    assert "Aufzeichnung ansehen (ohne Untertitel)" in text
    assert "Teilnahme über 70 Teilnehmende" in text
    assert "31. Juli 2025 Grund: organisatorische Gründe" in text.replace("\xa0", " ")
    assert [int(level) for level in re.findall(r"<h([1-6])", html.partition("<footer")[0])][:2] == [1, 2]


TOKEN = "t" * 22
REGISTRATION: dict[str, Any] = {
    "status": "received",
    "status_label": "Eingegangen, noch nicht bestätigt",
    "session": SESSION,
    "confirm_by": "2025-08-02T08:00:00Z",
    "can_confirm": True,
    "can_withdraw": True,
}


@pytest.mark.parametrize(
    ("state", "expected", "buttons"),
    [
        ({}, "Wir halten Ihren Platz frei bis 2. August 2025, 10:00 Uhr", ["bestaetigen", "abmelden"]),
        ({"status": "confirmed", "can_confirm": False}, "Sie sind angemeldet", ["abmelden"]),
        (
            {"status": "waitlisted", "waiting_position": 3, "can_confirm": False, "confirm_by": None},
            "Sie stehen auf der Warteliste, Platz 3",
            ["abmelden"],
        ),
        ({"offered": True}, "Ein Platz ist frei geworden. Bitte nehmen Sie ihn an.", ["bestaetigen", "abmelden"]),
        (
            {"status": "confirmed", "can_confirm": False, "can_reconfirm": True, "answer_by": "2025-08-05T08:00:00Z"},
            "Bitte antworten Sie bis 5. August 2025, 10:00 Uhr . Ohne Antwort bleibt Ihre Anmeldung bestehen.",
            ["zusagen", "abmelden"],
        ),
        (
            {"can_confirm": False, "can_reconfirm": True, "answer_by": "2025-08-05T08:00:00Z", "unanswered": "go"},
            "Ohne Antwort wird Ihr Platz danach frei und Ihre Anmeldung endet.",
            ["zusagen", "abmelden"],
        ),
        (
            {"status": "confirmed", "can_confirm": False, "reconfirmed_at": "2025-07-30T22:30:00Z"},
            "Sie haben am 31. Juli 2025 für den neuen Termin zugesagt.",
            ["abmelden"],
        ),
        (
            {"status": "confirmed", "can_confirm": False, "can_withdraw": False, "can_check_in": True},
            "Sind Sie da?",
            ["ich-bin-da"],
        ),
        ({"status": "withdrawn", "can_confirm": False, "can_withdraw": False}, "Sie haben sich abgemeldet", []),
        ({"status": "lapsed", "can_confirm": False, "can_withdraw": False}, "Ihre Anmeldung ist verfallen", []),
    ],
)
async def test_the_personal_page_shows_the_state_and_what_can_be_done(
    door: Any, content: Any, state: dict[str, Any], expected: str, buttons: list[str]
) -> None:
    content[f"/api/v1/registrations/{TOKEN}"] = REGISTRATION | state
    html = await page(door, f"/anmeldung/{TOKEN}")
    assert expected in text_of(html)
    assert re.findall(rf'action="/anmeldung/{TOKEN}/([\w-]+)" method="post"', html) == buttons


async def test_looking_at_the_personal_page_changes_nothing_and_tells_nobody(
    door: Any, services: Any, content: Any
) -> None:
    content[f"/api/v1/registrations/{TOKEN}"] = REGISTRATION
    for method in ("GET", "HEAD"):
        async with door.send(method, f"/anmeldung/{TOKEN}") as answer:
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
            assert answer.headers["Cache-Control"] == "no-store"
    for change in ("bestaetigen", "zusagen", "abmelden", "ich-bin-da", "kalender", "kalender-aus"):
        async with door.get(f"/anmeldung/{TOKEN}/{change}") as answer:
            assert (answer.status, answer.headers["Location"]) == (303, f"/anmeldung/{TOKEN}")
    assert {asked.method for asked in services.asked} == {"GET"}


COMMANDS = {
    "bestaetigen": "confirmations",
    "zusagen": "reconfirmations",
    "abmelden": "withdrawals",
    "ich-bin-da": "check-ins",
}


@pytest.mark.parametrize(("change", "command"), COMMANDS.items(), ids=COMMANDS)
async def test_each_button_is_one_command(door: Any, services: Any, content: Any, change: str, command: str) -> None:
    content[f"/api/v1/registrations/{TOKEN}"] = REGISTRATION
    content[f"/api/v1/registrations/{TOKEN}/{command}"] = {"id": "1"}
    async with door.post(f"/anmeldung/{TOKEN}/{change}", headers={"Sec-Fetch-Site": "same-origin"}) as answer:
        assert answer.status == 303
        assert answer.headers["Location"] == f"/anmeldung/{TOKEN}"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert [asked.target for asked in services.asked if asked.method == "POST"] == [
        f"/api/v1/registrations/{TOKEN}/{command}"
    ]


CONFIRMED = REGISTRATION | {"status": "confirmed", "can_confirm": False, "name": "Erika Muster"}


async def test_what_belongs_to_a_place_is_on_the_personal_page(door: Any, content: Any) -> None:
    path, material = f"/api/v1/registrations/{TOKEN}", {"type_label": "PDF", "size": 1000, "href": "/api/v1/m"}
    paper = {"id": "m", "kind": "slides", "kind_label": "Folien", "title": "Handout", "href": "/h", "file": material}
    content[f"/api/v1/sessions/{SESSION_ID}/materials"] = listed(paper)
    content[path] = CONFIRMED | {"present_since": "2025-08-28T08:05:00Z", "certificate": True}
    html = await page(door, f"/anmeldung/{TOKEN}")
    assert "check-in.svg" not in html, "nobody stands at a door online"
    assert f'<a href="{path}/certificate.pdf">' in html
    assert "Erfasst am 28. August 2025, 10:05 Uhr" in text_of(html)
    assert "Handout (PDF, 1 KB)" in text_of(html)
    assert f"/anmeldung/{TOKEN}/frage" not in html
    for changes, shown in (
        ({"mode": "in_person"}, True),
        ({"mode": "hybrid"}, True),
        ({"mode": "hybrid", "status": "cancelled"}, False),
        ({"mode": "hybrid", "date": "2025-07-01"}, False),
    ):
        content[path] = CONFIRMED | {"session": SESSION | changes}
        code = f'src="{path}/check-in.svg" alt="QR-Code für den Einlass"'
        assert (code in await page(door, f"/anmeldung/{TOKEN}")) is shown, changes
    content[path] = REGISTRATION | {"session": SESSION | {"mode": "in_person"}}
    assert "check-in.svg" not in await page(door, f"/anmeldung/{TOKEN}"), "not before it is confirmed"


async def test_the_calendar_address_is_shown_once_it_is_asked_for(door: Any, services: Any, content: Any) -> None:
    path, address = f"/api/v1/registrations/{TOKEN}", "https://portal.example/api/v1/calendars/abc.ics"
    content[path] = CONFIRMED
    content[f"{path}/calendar-addresses"] = lambda request: web.json_response(
        {"address": address} if request.method == "POST" else {"id": "1"}
    )
    html = await page(door, f"/anmeldung/{TOKEN}")
    assert address not in html
    assert f'action="/anmeldung/{TOKEN}/kalender#kalender" method="post"' in html, "it is seen where it stands"
    async with door.post(f"/anmeldung/{TOKEN}/kalender") as answer:
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
        assert f'<a class="address" href="{address}">{address}</a>' in await answer.text()
    async with door.post(f"/anmeldung/{TOKEN}/kalender-aus") as answer:
        assert "Ihre Kalender-Adresse gilt nicht mehr." in await answer.text()
    asked = [each.method for each in services.asked if each.target.endswith("/calendar-addresses")]
    assert asked == ["POST", "DELETE"]
    for button in ("kalender", "kalender-aus"):
        async with door.post(f"/anmeldung/{TOKEN}/{button}", headers={"Sec-Fetch-Site": "cross-site"}) as answer:
            assert answer.status == 403
        async with door.post(f"/anmeldung/{'x' * 22}/{button}") as answer:
            assert answer.status == 404
    refusal = {"code": "calendar_address_revoked", "detail": "Gerade zurückgenommen."}
    content[f"{path}/calendar-addresses"] = lambda _: web.json_response(refusal, status=409)
    async with door.post(f"/anmeldung/{TOKEN}/kalender") as answer:
        assert (answer.status, "Gerade zurückgenommen." in await answer.text()) == (409, True)


async def test_who_is_registered_asks_without_typing_it_all_again(door: Any, services: Any, content: Any) -> None:
    path = f"/api/v1/registrations/{TOKEN}"
    content[path] = CONFIRMED
    async with door.get(f"/anmeldung/{TOKEN}/frage") as answer:
        assert (answer.status, answer.headers["Location"]) == (303, f"/anmeldung/{TOKEN}"), "nobody takes questions"
    about = {"session_id": SESSION_ID, "title": "Sprechstunde", "takes_questions": True, "open": True}
    content[f"/api/v1/sessions/{SESSION_ID}/question-form"] = about
    assert f'href="/anmeldung/{TOKEN}/frage"' in await page(door, f"/anmeldung/{TOKEN}")
    assert 'name="frage_text"' in await page(door, f"/anmeldung/{TOKEN}/frage")
    empty = {"frage_text": " ", "frage_may_publish": "ja"}
    async with door.post(f"/anmeldung/{TOKEN}/frage", data=empty) as answer:
        assert (answer.status, "checked" in await answer.text()) == (422, True)
    content[f"{path}/questions"] = lambda _: web.json_response({"id": "1"}, status=201)
    sent = {"frage_text": "Was kostet das?", "frage_may_publish": "ja"}
    for _ in range(2):
        async with door.post(f"/anmeldung/{TOKEN}/frage", data=sent) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, f"/anmeldung/{TOKEN}/frage-gesendet")
    first, second = (each for each in services.asked if each.target == f"{path}/questions")
    assert first.json() == {"text": "Was kostet das?", "may_publish": True, "may_name_organisation": False}
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert "Ihre Frage ist eingegangen." in await page(door, f"/anmeldung/{TOKEN}/frage-gesendet")
    too_many = {"code": "too_many_questions", "detail": "Sie haben schon genug gefragt."}
    content[f"{path}/questions"] = lambda _: web.json_response(too_many, status=409)
    async with door.post(f"/anmeldung/{TOKEN}/frage", data=sent) as answer:
        html = await answer.text()
    assert "Sie haben schon genug gefragt." in html
    assert "Was kostet das?" in html


OWN = REGISTRATION | {
    "name": "Erika Muster",
    "email": "erika@stadt.example",
    "organisation_id": "o1",
    "organisation_name": "Stadt Minden",
    "can_change": True,
    "version": 7,
    "questions": [*QUESTIONS, {"key": "new", "label": "Neu?", "kind": "text", "required": True}],
    "answers": [
        {"key": "wish", "label": "Ihr Wunsch?", "value": "Geld", "answer_label": "Geld"},
        {"key": "diet", "label": "Essen?", "value": ["fish"], "labels": ["Fisch"], "answer_label": "Fisch"},
        {"key": "days", "label": "Tage?", "value": ["di"], "labels": ["Dienstag"], "answer_label": "Dienstag"},
        {
            "key": "photos",
            "label": "Fotos",
            "value": True,
            "answer_label": "Ja",
            "text": "Alt.",
            "text_version": "alt0",
        },
        {"key": "gone", "label": "Früher gefragt?", "value": True, "answer_label": "Ja"},
    ],
}


def fields_of(html: str) -> dict[str, str]:
    """What a browser would send of a form that nobody touched."""
    boxes = re.findall(r'<input type="(?:radio|checkbox)" name="([^"]+)" value="([^"]*)"(?: id="\w+")? checked', html)
    texts = re.findall(r'name="(name|organisation_name)" type="text" value="([^"]*)"', html)
    areas = re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>\s*([^<]*)</textarea>', html)
    consents = re.findall(r'<input type="checkbox" id="\w+" name="([^"]+)" value="([^"]*)" checked', html)
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', html)
    return dict((*texts, *areas, *boxes, *consents, *hidden))


async def test_the_personal_page_shows_what_was_said(door: Any, content: Any) -> None:
    content[f"/api/v1/registrations/{TOKEN}"] = OWN
    html = await page(door, f"/anmeldung/{TOKEN}")
    text = text_of(html)
    assert "Name Erika Muster E-Mail-Adresse erika@stadt.example Stelle Stadt Minden Ihr Wunsch? Geld" in text
    assert "Früher gefragt? Ja" in text
    assert f'href="/anmeldung/{TOKEN}/aendern"' in html


async def test_what_was_said_can_be_changed_without_a_script(door: Any, services: Any, content: Any) -> None:
    content[f"/api/v1/registrations/{TOKEN}"] = OWN
    html = await page(door, f"/anmeldung/{TOKEN}/aendern")
    text = text_of(html)
    assert "Neu? – freiwillig" in text, "nobody is locked out by a new question"
    assert "Alt. Ich stimme zu." in text, "the words that were agreed to"
    assert "Früher gefragt? Ja" in text
    assert "erika@stadt.example lässt sich nicht ändern" in text
    sent = fields_of(html) | {"name": "Erika Muster-Mann"}
    async with door.post(f"/anmeldung/{TOKEN}/aendern", data=sent, headers={"Sec-Fetch-Site": "same-origin"}) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, f"/anmeldung/{TOKEN}")
        assert answer.headers["Cache-Control"] == "no-store"
    (put,) = [asked for asked in services.asked if asked.method == "PUT"]
    assert put.headers["If-Match"] == '"7"'
    assert put.json() == {
        "name": "Erika Muster-Mann",
        "organisation_id": "o1",
        "organisation_name": "Stadt Minden",
        "answers": {"wish": "Geld", "diet": "fish", "days": ["di"], "photos": "alt0", "gone": True},
    }


async def test_a_change_that_is_refused_keeps_what_was_typed(door: Any, services: Any, content: Any) -> None:
    def answer_to(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.json_response(OWN)
        return web.json_response({"code": "stale_version", "detail": "Der Eintrag wurde geändert."}, status=412)

    content[f"/api/v1/registrations/{TOKEN}"] = answer_to
    for changes, expected in (
        ({"name": "Neu"}, "Der Eintrag wurde geändert."),
        ({"name": ""}, "Bitte geben Sie Ihren Namen"),
    ):
        form = {"name": "x", "organisation_name": "Amt", "version": "3"} | changes
        async with door.post(f"/anmeldung/{TOKEN}/aendern", data=form) as answer:
            assert answer.status == 422
            html = await answer.text()
        assert expected in html
        assert 'value="Amt"' in html


async def test_nothing_is_offered_to_change_once_it_is_too_late(door: Any, services: Any, content: Any) -> None:
    content[f"/api/v1/registrations/{TOKEN}"] = OWN | {"can_change": False}
    assert "aendern" not in await page(door, f"/anmeldung/{TOKEN}")
    async with door.get(f"/anmeldung/{TOKEN}/aendern") as answer:
        assert (answer.status, answer.headers["Location"]) == (303, f"/anmeldung/{TOKEN}")
    async with door.post(
        f"/anmeldung/{TOKEN}/aendern", data={"name": "x"}, headers={"Sec-Fetch-Site": "cross-site"}
    ) as answer:
        assert answer.status == 403


async def test_pages_of_others_cannot_press_the_buttons(door: Any, services: Any, content: Any) -> None:
    for site in ("cross-site", "same-site"):
        async with door.post(f"/anmeldung/{TOKEN}/abmelden", headers={"Sec-Fetch-Site": site}) as answer:
            assert answer.status == 403
    assert services.asked == []


async def test_a_link_that_nobody_has_is_explained(door: Any, content: Any) -> None:
    for token in (TOKEN, "%2e%2e%2finternal", "x"):
        async with door.get(f"/anmeldung/{token}") as answer:
            assert answer.status == 404


async def test_a_refused_confirmation_says_why(door: Any, content: Any) -> None:
    lapsed = {"code": "registration_lapsed", "detail": "Die Frist zur Bestätigung ist abgelaufen."}
    content[f"/api/v1/registrations/{TOKEN}"] = REGISTRATION | {"status": "lapsed"}
    content[f"/api/v1/registrations/{TOKEN}/confirmations"] = lambda _: web.json_response(lapsed, status=409)
    async with door.post(f"/anmeldung/{TOKEN}/bestaetigen") as answer:
        assert answer.status == 409
        assert "Die Frist zur Bestätigung ist abgelaufen." in await answer.text()


async def test_news_lead_where_they_say(door: Any, content: Any) -> None:
    content[f"/api/v1/announcements/{NEWS['id']}"] = NEWS | {
        "actions": [*NEWS["actions"], {"label": "Frage einreichen", "target": "questions"}]
    }
    html = await page(door, f"/aktuelles/{NEWS['id']}")
    assert f'href="/veranstaltungen/{SESSION_ID}#anmeldung"' in html
    assert "29. Juli 2025" in html
    assert '/projekte/None"' not in html
    assert "Frage einreichen" not in html
    assert "Sprechstunde verschoben" in await page(door, "/aktuelles")


async def test_a_session_offers_its_materials_and_shows_its_photos(door: Any, content: Any) -> None:
    def of(kind: str, label: str, **more: Any) -> dict[str, Any]:
        file = {"type_label": "PDF", "size": 1_240_000, "href": f"/api/v1/materials/{kind}/file?version=2"}
        said = {"id": kind, "kind": kind, "kind_label": label, "title": f"Titel {kind} & Co", "file": file}
        return said | {"href": f"/api/v1/materials/{kind}/file"} | more

    path = f"/api/v1/sessions/{SESSION_ID}/materials"
    slides = of("slides", "Vortragsfolien", talk={"title": "Fragen", "place": 1})
    content[path] = listed(slides, of("photo", "Foto", alt='Ein "Podium"', credit="Stadt Beispiel"))
    html = await page(door, f"/veranstaltungen/{SESSION_ID}")
    assert "Titel slides & Co (PDF, 1,2 MB) Vortragsfolien · zum Vortrag „Fragen“" in text_of(html)
    assert '<a href="/api/v1/materials/slides/file">' in html
    assert '<img src="/api/v1/materials/photo/file?version=2" alt="Ein "Podium"" loading' in html
    assert "Foto: Stadt Beispiel" in text_of(html)
    content[path] = lambda _: web.json_response({"code": "unavailable"}, status=503)
    html = await page(door, f"/veranstaltungen/{SESSION_ID}")
    assert "Unterlagen" not in text_of(html)


async def test_resources_say_when_a_file_is_missing(door: Any, content: Any) -> None:
    assert "Datei liegt nicht vor" in await page(door, "/arbeitshilfen")


async def test_a_resource_is_offered_with_type_size_and_earlier_versions(door: Any, content: Any) -> None:
    def file(version: int, size: int) -> dict[str, Any]:
        href = f"/api/v1/resources/r/file?version={version}"
        return {"name": f"Muster-{version}.pdf", "type_label": "PDF", "size": size, "href": href}

    content["/api/v1/resources"] = listed(
        {
            "id": str(uuid4()),
            "kind": "template",
            "title": "Mustervereinbarung",
            "summary": "Ein Muster.",
            "labels": {"kind": {"template": "Muster / Vorlage"}},
            "version": 3,
            "file": file(3, 1_240_000),
            "versions": [
                {"version": 3, "published_at": "2026-03-01T10:00:00Z", "file": file(3, 1_240_000)},
                {"version": 2, "published_at": "2026-02-01T10:00:00Z", "file": None},
                {"version": 1, "published_at": "2026-01-01T10:00:00Z", "file": file(1, 48_213)},
            ],
            "downloads": {"at_least": 120, "label": "mindestens 120-mal heruntergeladen"},
        }
    )
    html = await page(door, "/arbeitshilfen")
    assert "Mustervereinbarung herunterladen (PDF, 1,2 MB)" in text_of(html)
    assert "Fassung 3 · mindestens 120-mal heruntergeladen" in text_of(html)
    assert "Muster-1.pdf, Fassung 1 (PDF, 48 KB)" in text_of(html)
    assert html.count("version=3") == 1
    assert "version=2" not in html


@pytest.mark.parametrize("path", ["/impressum", "/datenschutz", "/barrierefreiheit"])
async def test_the_operators_texts_name_the_operator(open_door: Any, path: str) -> None:
    door = await open_door(operator_name="Stadt <Beispiel>", operator_email="post@stadt.example", demonstration=False)
    html = await page(door, path)
    assert "Stadt <Beispiel>" in html
    assert "Demonstration" not in html


@pytest.mark.parametrize(
    "path",
    [
        "/gibt-es-nicht",
        "/projekte/keine-id",
        "/projekte/019b0000-0000-7000-8000-00000000dead",
        "/veranstaltungen/x",
        "/static/abc/x.css",
    ],
)
async def test_what_there_is_not_is_a_page_too(door: Any, content: Any, path: str) -> None:
    assert "Diese Seite gibt es nicht" in await page(door, path, 404)


async def test_a_slash_too_many_leads_home_and_never_away(door: Any) -> None:
    for path, target in [("/projekte/", "/projekte"), ("//boese.example/", "/boese.example"), ("/\\x/", None)]:
        reader, writer = await asyncio.open_connection(door.url.host, door.url.port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        head = (await asyncio.wait_for(reader.read(), 5)).decode().partition("\r\n\r\n")[0]
        writer.close()
        location = re.search(r"\r\nLocation: (.*)\r\n", head)
        assert (location and location[1]) == target or (target is None and location and location[1][:2] == "/%")


async def test_methods_a_page_does_not_know_are_refused(door: Any) -> None:
    async with door.post("/impressum") as answer:
        assert answer.status == 405
        assert answer.content_type == "text/html"


async def test_an_unchanged_page_is_not_sent_again(door: Any, content: Any) -> None:
    async with door.get("/aktuelles") as answer:
        tag = answer.headers["ETag"]
    async with door.get("/aktuelles", headers={"If-None-Match": tag}) as answer:
        assert (answer.status, await answer.read()) == (304, b"")


async def test_the_map_shows_the_places_that_take_part(door: Any, content: Any) -> None:
    async with door.get("/karte.svg") as answer:
        assert answer.content_type == "image/svg+xml"
        assert (await answer.text()).count("<circle") == 2
    content["/api/v1/projects"] = lambda _: web.Response(status=503)
    async with door.get("/karte.svg") as answer:
        assert (answer.status, (await answer.text()).count("<circle")) == (200, 0)


PATHS = ["/", "/projekte", "/veranstaltungen", "/aktuelles", "/impressum"]


@pytest.mark.parametrize("path", [*PATHS, f"/projekte/{PROJECT['id']}", f"/veranstaltungen/{SESSION_ID}"])
async def test_pages_ask_nobody_else_and_hold_nothing_inline(door: Any, content: Any, path: str) -> None:
    async with door.get(path) as answer:
        html = await answer.text()
    sources = re.findall(r'(?:src|srcset|action)="([^"]*)"|<link[^>]+href="([^"]*)"', html)
    here = re.compile(r"/(?!/)|http://127\.0\.0\.1:8080/")
    assert all(here.match(one or other) for one, other in sources), sources
    html = html.replace('<script type="application/ld+json">', "")  # says something, does nothing
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", html)


async def test_every_file_a_page_names_is_there(door: Any, content: Any) -> None:
    html = await page(door, "/")
    for name in sorted(set(re.findall(r'"(/static/[^"]+)"', html))):
        async with door.get(name) as answer:
            assert answer.status == 200, name
            assert "immutable" in answer.headers["Cache-Control"]


async def test_the_first_page_is_light(door: Any, content: Any) -> None:
    """Below 100 kB as it is transferred, without fonts."""
    html = await page(door, "/")
    names = {"/", "/karte.svg", *re.findall(r'<link rel="(?:stylesheet|icon)" href="([^"]+)"', html)}
    async with ClientSession(auto_decompress=False) as browser:
        sizes = {}
        for name in names:
            async with browser.get(door.url / name.removeprefix("/"), headers={"Accept-Encoding": "gzip"}) as answer:
                sizes[name] = len(await answer.read())
    assert sum(sizes.values()) < 100_000, sizes


def test_static_files_change_their_address_with_their_content(tmp_path: Any) -> None:
    (tmp_path / "a.css").write_text("a {}")
    before = Static(tmp_path).address("a.css")
    (tmp_path / "a.css").write_text("b {}")
    assert Static(tmp_path).address("a.css") != before
