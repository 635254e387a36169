"""Editing and reading sessions over HTTP."""

import asyncio
import io
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import icalendar
import pytest

from services.events import series_list, topics
from services.events.due import by_itself
from services.events.records import DECIDERS, PROJECTIONS
from services.events.series import DECIDER as SERIES
from services.events.series import SeriesContent, StartSeries
from shared.contracts.catalog import TopicMerged
from shared.contracts.rpc import SeriesTitlesAsked
from shared.kernel.decider import Refused
from shared.kernel.journal import Journal
from shared.kernel.wakeup import Wakeup
from tests.integration.events.conftest import EDITOR, Events, sample

WRITTEN_BY_OTHER_CODE = "UPDATE session_page SET words = $2, listed = version - 1 WHERE session_id = $1"


async def test_a_session_from_draft_to_postponement(events: Events) -> None:
    session_id = await events.draft(ends_at="2025-07-31T11:00:00+02:00")
    path = f"/api/v1/sessions/{session_id}"
    assert (await events.ask("GET", path)).code == "404 not_found"
    assert (await events.get(path, EDITOR))["status"] == "drafted"
    await events.done("POST", f"{path}/announcements")
    announced = await events.get(path)
    assert (announced["status"], announced["status_label"]) == ("announced", "Angekündigt")
    assert announced["when_label"] == "Donnerstag, 31.07.2025, 10:00–11:00 Uhr"
    assert announced["registration_open"] is False
    await events.done("POST", f"{path}/registration-openings")
    assert (await events.get(path))["status"] == "registration_open"
    body = {"starts_at": "2025-08-28T10:00:00+02:00", "reason": "organisatorische Gründe", "weekday": "Donnerstag"}
    outcome = await events.done("POST", f"{path}/postponements", body)
    shown = await events.get(f"{path}?min_position={outcome['position']}")
    assert shown["status"] == "postponed_rescheduled"
    assert (shown["starts_at"], shown["ends_at"]) == ("2025-08-28T10:00:00+02:00", "2025-08-28T11:00:00+02:00")
    assert shown["weekday"] == "Donnerstag"
    assert shown["sequence"] == 1
    assert shown["registration_open"] is True
    (old,) = shown["postponed_from"]
    assert old["when_label"] == "Donnerstag, 31.07.2025, 10:00–11:00 Uhr"
    assert old["reason"] == "organisatorische Gründe"
    assert shown["version"] == outcome["version"]


async def test_the_new_date_may_stay_open(events: Events) -> None:
    session_id = await events.open_session()
    path = f"/api/v1/sessions/{session_id}"
    await events.done("POST", f"{path}/postponements", {"starts_at": None, "reason": "Krankheit"})
    shown = await events.get(path)
    assert (shown["status"], shown["when_label"], shown["starts_at"]) == ("postponed_tba", "Neuer Termin offen", None)
    assert (await events.register(session_id)).code == "409 session_without_time"
    await events.done("POST", f"{path}/postponements", {"starts_at": "2025-09-25T10:00:00+02:00", "reason": "gefunden"})
    assert [one["date"] for one in (await events.get(path))["postponed_from"]] == ["2025-07-31", None]
    assert (await events.register(session_id)).status == 202


async def test_cancel_and_reinstate(events: Events) -> None:
    session_id = await events.open_session()
    path = f"/api/v1/sessions/{session_id}"
    await events.done("POST", f"{path}/cancellations", {"reason": "Krankheit"})
    shown = await events.get(path)
    assert (shown["status"], shown["cancelled_reason"]) == ("cancelled", "Krankheit")
    assert (await events.register(session_id)).code == "409 session_cancelled"
    assert (await events.edit("POST", f"{path}/announcements")).code == "409 session_cancelled"
    await events.done("POST", f"{path}/reinstatements")
    assert (await events.get(path))["status"] == "registration_open"


async def test_the_access_link_is_for_editors_only(events: Events) -> None:
    session_id = await events.open_session()
    assert "geheim" not in str(await events.get(f"/api/v1/sessions/{session_id}"))
    assert "geheim" not in str(await events.get("/api/v1/sessions"))
    assert "geheim" not in str((await events.ask("GET", f"/api/v1/sessions/{session_id}.ics")).body)
    assert (await events.get(f"/api/v1/sessions/{session_id}", EDITOR))["access_link"] == "https://video.example/geheim"


async def test_documenting_shows_what_was_held_beside_what_was_planned(events: Events) -> None:
    session_id = await events.open_session(agenda=[{"title": "Bußgeldstelle"}])
    path = f"/api/v1/sessions/{session_id}"
    held = {
        "talks": [{"title": "Musikschule", "slides": "published"}, {"title": "Wasser", "slides": "not_published"}],
        "attendance": {"number": 70, "qualifier": "more_than"},
        "recap": "Ein Rückblick.",
    }
    assert (await events.edit("POST", f"{path}/documentations", held)).code == "409 session_not_over"
    events.clock.forward(days=31)
    await events.done("POST", f"{path}/documentations", held)
    shown = await events.get(path)
    assert shown["status"] == "documented"
    assert shown["attendance"]["label"] == "über 70 Teilnehmende"
    agenda = await events.get(f"{path}/agenda")
    assert [talk["title"] for talk in agenda["planned"]] == ["Bußgeldstelle"]
    assert agenda["planned"][0]["file_label"] is None
    assert [(talk["title"], talk["file_label"]) for talk in agenda["held"]] == [
        ("Musikschule", "Keine Datei veröffentlicht"),
        ("Wasser", "Keine Datei veröffentlicht"),
    ]


BAD_DATES: list[tuple[dict[str, Any], str]] = [
    ({"weekday": "Mittwoch"}, "409 weekday_mismatch"),
    ({"starts_at": None, "date": "2024-03-12", "weekday": "Mittwoch"}, "409 weekday_mismatch"),
    ({"ends_at": "2025-07-31T09:00:00+02:00"}, "409 ends_before_start"),
    ({"ends_at": "2025-07-31T10:00:00+02:00"}, "409 ends_before_start"),
]
BAD_SHAPES: list[dict[str, Any]] = [
    {"starts_at": "2025-07-31T10:00:00"},
    {"starts_at": "gestern"},
    {"starts_at": 1753948800},
    {"starts_at": "0001-01-01T00:00:00Z"},
    {"starts_at": "9999-12-31T23:59:59Z"},
    {"date": "9999-12-31", "starts_at": None},
    {"date": "2025-08-01"},
    {"weekday": "Thursday"},
    {"capacity": 0},
    {"capacity": "zwei"},
    {"capacity": True},
    {"mode": "telepathisch"},
    {"title": ""},
    {"title": "Zeile\r\nBcc: alle@example.org"},
    {"title": "a\u0000b"},
    {"unbekannt": 1},
    {"topics": ["a", "b", "c", "d"]},
    {"venue": {"name": "Halle", "ags": "5978036"}},
    {"access_link": "javascript:alert(1)"},
    {"series_id": "keine"},
]


@pytest.mark.parametrize(("changes", "code"), BAD_DATES)
async def test_dates_that_contradict_themselves_are_refused(events: Events, changes: dict[str, Any], code: str) -> None:
    head = await events.journal.head()
    reply = await events.edit("POST", "/api/v1/sessions", sample(await events.series(), **changes))
    assert reply.code == code
    assert reply.headers["Content-Type"].startswith("application/problem+json")
    assert reply.body["title"]
    assert await events.journal.head() == head + 1, "nothing but the series"


@pytest.mark.parametrize("changes", BAD_SHAPES, ids=str)
async def test_wrong_shapes_name_their_field(events: Events, changes: dict[str, Any]) -> None:
    reply = await events.edit("POST", "/api/v1/sessions", sample(await events.series(), **changes))
    assert reply.code == "422 invalid_request"
    assert reply.body["errors"]


async def test_malformed_requests(events: Events) -> None:
    path = "/api/v1/sessions"
    json = {"Content_Type": "application/json"}
    assert (await events.edit("POST", path, b"{not json", **json)).code == "400 malformed_json"
    assert (await events.edit("POST", path, b"\xff\xfe", **json)).code == "400 malformed_json"
    assert (await events.edit("POST", path, b"[1]", **json)).code == "422 invalid_request"
    assert (await events.edit("POST", path, b"{}", Content_Type="text/plain")).code == "415 unsupported_media_type"
    assert (await events.edit("POST", path, io.BytesIO(b" " * 2_000_000), **json)).code == "413 body_too_large"
    assert (await events.edit("DELETE", path)).code == "405 method_not_allowed"


@pytest.mark.parametrize(
    "session_id", ["keine", "019b0000-0000-7000-8000-00000000dead", "00000000-0000-0000-0000-000000000000", "%00"]
)
async def test_ids_that_are_none(events: Events, session_id: str) -> None:
    for path in ("", "/agenda", ".ics"):
        assert (await events.ask("GET", f"/api/v1/sessions/{session_id}{path}")).code == "404 not_found"
    assert (await events.edit("GET", f"/api/v1/sessions/{session_id}/registrations")).code == "404 not_found"
    assert (await events.edit("POST", f"/api/v1/sessions/{session_id}/announcements")).code == "404 not_found"
    one = {"person_id": str(uuid4()), "email": "ada@stadt.example", "name": "Ada", "member": False}
    reply = await events.ask("POST", f"/internal/sessions/{session_id}/registrations", one)
    assert reply.code == "404 not_found"


async def test_an_unknown_series_is_refused(events: Events) -> None:
    assert (await events.edit("POST", "/api/v1/sessions", sample(str(uuid4())))).code == "409 unknown_series"


async def test_past_dates_are_not_announced(events: Events) -> None:
    session_id = await events.draft(starts_at="2025-06-30T10:00:00+02:00")
    reply = await events.edit("POST", f"/api/v1/sessions/{session_id}/announcements")
    assert reply.code == "409 date_in_past"
    assert reply.body["detail"].startswith("Der 30.06.2025 ist vorbei.")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"starts_at": "2025-06-01T10:00:00+02:00", "reason": "x"}, "409 date_in_past"),
        ({"starts_at": "2025-08-28T10:00:00+02:00", "reason": "x", "weekday": "Freitag"}, "409 weekday_mismatch"),
        (
            {"starts_at": "2025-08-28T10:00:00+02:00", "ends_at": "2025-08-28T09:00:00+02:00", "reason": "x"},
            "409 ends_before_start",
        ),
        ({"starts_at": "2025-07-31T10:00:00+02:00", "reason": "x"}, "409 date_unchanged"),
        ({"reason": "x"}, "422 invalid_request"),
        ({"starts_at": "2025-08-28T10:00:00+02:00"}, "422 invalid_request"),
    ],
)
async def test_postponements_that_are_refused(events: Events, body: dict[str, Any], code: str) -> None:
    session_id = await events.open_session()
    assert (await events.edit("POST", f"/api/v1/sessions/{session_id}/postponements", body)).code == code
    assert (await events.get(f"/api/v1/sessions/{session_id}"))["sequence"] == 0


async def test_only_editors_edit(events: Events) -> None:
    session_id = await events.open_session()
    body = sample(await events.series())
    for method, path in [
        ("POST", "/api/v1/sessions"),
        ("PUT", f"/api/v1/sessions/{session_id}"),
        ("POST", f"/api/v1/sessions/{session_id}/cancellations"),
        ("GET", f"/api/v1/sessions/{session_id}/registrations"),
    ]:
        asked = None if method == "GET" else body
        assert (await events.ask(method, path, asked)).code == "401 unauthenticated"
        assert (await events.ask(method, path, asked, who=None)).code == "401 unauthenticated"
        forged = await events.ask(method, path, asked, who=None, Ikz_Identity="eyJhbGciOiJub25lIn0.e30.")
        assert forged.code == "401 unauthenticated"
    assert (await events.ask("GET", "/api/v1/sessions", who=None)).code == "401 unauthenticated"


async def test_revising_names_the_version_that_was_seen(events: Events) -> None:
    session_id = await events.open_session()
    path = f"/api/v1/sessions/{session_id}"
    shown = await events.ask("GET", path, who=EDITOR)
    body = sample(shown.body["series"]["id"], title="Neuer Titel")
    assert (await events.edit("PUT", path, body)).code == "428 precondition_required"
    assert (await events.edit("PUT", path, body, If_Match='"1"')).code == "412 stale_version"
    assert (await events.edit("PUT", path, body, If_Match="unsinn")).status == 400
    await events.registered(session_id)
    revised = await events.edit("PUT", path, body, If_Match=shown.headers["ETag"])
    assert revised.status == 200, "a registration makes no editor's page old"
    assert (await events.get(path))["title"] == "Neuer Titel"
    another = body | {"title": "Noch einer"}
    assert (await events.edit("PUT", path, another, If_Match=shown.headers["ETag"])).code == "412 stale_version"
    moved = body | {"starts_at": "2025-08-28T10:00:00+02:00"}
    assert (await events.edit("PUT", path, moved, If_Match=revised.headers["ETag"])).code == "409 postponement_required"


async def test_a_repeated_key_answers_the_same_and_another_body_is_refused(events: Events) -> None:
    body, key = sample(await events.series()), str(uuid4())
    first = await events.edit("POST", "/api/v1/sessions", body, Idempotency_Key=key)
    again = await events.edit("POST", "/api/v1/sessions", body, Idempotency_Key=key)
    assert again.body == first.body
    other = await events.edit("POST", "/api/v1/sessions", body | {"title": "Anders"}, Idempotency_Key=key)
    assert other.code == "422 idempotency_key_reused"


async def test_unchanged_answers_are_not_sent_again(events: Events) -> None:
    session_id = await events.open_session()
    path = f"/api/v1/sessions/{session_id}"
    first = await events.ask("GET", path)
    assert (await events.ask("GET", path, If_None_Match=first.headers["ETag"])).status == 304
    await events.registered(session_id)
    assert (await events.ask("GET", path, If_None_Match=first.headers["ETag"])).status == 200


async def test_a_version_is_no_tag_for_readers(events: Events) -> None:
    session_id = await events.open_session()
    path = f"/api/v1/sessions/{session_id}"
    shown = await events.ask("GET", path, who=EDITOR)
    read = await events.ask("GET", path)
    assert (await events.ask("GET", path, If_None_Match=shown.headers["ETag"])).status == 200, "editors see more"
    series = f"/api/v1/series/{shown.body['series']['id']}"
    renamed = {"slug": shown.body["series"]["slug"], "title": "Umbenannt", "format": "consultation_hour"}
    await events.done("PUT", series, renamed, If_Match="*")
    again = await events.ask("GET", path, If_None_Match=read.headers["ETag"])
    assert again.status == 200, "the series' title is part of what readers see"
    assert again.body["series"]["title"] == "Umbenannt"


async def test_lists_by_period_series_topic_status_and_words(events: Events) -> None:
    series_id = await events.series()
    topic = f"thema-{uuid4().hex[:8]}"

    async def make(title: str, starts_at: str, *, announce: bool = True) -> None:
        body = sample(series_id, title=title, starts_at=starts_at, topics=[topic], capacity=None)
        session_id = (await events.done("POST", "/api/v1/sessions", body))["id"]
        if announce:
            await events.done("POST", f"/api/v1/sessions/{session_id}/announcements")

    await make("Später", "2025-09-01T10:00:00+02:00")
    await make("Früher", "2025-07-10T10:00:00+02:00")
    await make("Mitte", "2025-08-01T10:00:00+02:00")
    await make("Entwurf", "2025-08-01T10:00:00+02:00", announce=False)
    base = f"/api/v1/sessions?topic={topic}"

    async def titles(query: str, who: Any = None) -> list[str]:
        return [item["title"] for item in (await events.get(f"{base}{query}", who or EDITOR))["items"]]

    assert await titles("&period=upcoming&status=announced") == ["Früher", "Mitte", "Später"]
    assert await titles("&status=announced") == ["Später", "Mitte", "Früher"]
    assert await titles("&status=drafted") == ["Entwurf"]
    assert await titles("&status=drafted&status=announced&period=upcoming") != ["Entwurf"]
    assert await titles("&q=SPÄTER") == ["Später"]
    assert await titles(f"&series={series_id}&q=mitte") == ["Mitte"]
    assert await titles(f"&series={uuid4()}") == []
    assert await titles("&mode=in_person") == []
    events.clock.forward(days=20)
    assert await titles("&period=past") == ["Früher"]
    assert [item["title"] for item in (await events.get(base))["items"]] == ["Später", "Mitte", "Früher"]


async def test_each_word_is_found_by_its_parts_and_quoted_ones_together(events: Events) -> None:
    topic = f"thema-{uuid4().hex[:8]}"
    address = "https://stadt.example/" + "ä" * 500 + "/ende"
    many = [f"wort{number:03}" for number in range(320)]

    async def make(title: str, description: str) -> str:
        session_id = await events.draft(title=title, description=description, topics=[topic])
        await events.done("POST", f"/api/v1/sessions/{session_id}/announcements")
        return session_id

    await make("Bauhöfe & IT-Sicherheit", f"Große 100%-Lösung,\nsiehe {address}")
    revised = await make("Gemeinsame Bauhöfe", "Sicherheit d'accord: a\\b")
    await make("Wörter", " ".join(many))

    async def found(q: str) -> set[str]:
        reply = await events.get(f"/api/v1/sessions?topic={topic}&q={quote(q)}")
        assert reply["total"] == len(reply["items"])
        return {item["title"] for item in reply["items"]}

    both, first, last = {"Bauhöfe & IT-Sicherheit", "Gemeinsame Bauhöfe"}, {"Bauhöfe & IT-Sicherheit"}, {"Wörter"}
    assert await found("höf sicherHEIT") == both
    assert await found("sicherheit gemein") == both - first
    assert await found('"lösung, siehe"') == await found("„bauhöfe & it“") == await found("T-Sich") == first
    assert await found('"siehe lösung"') == await found("höf fehlt") == set()
    assert await found("GROSSE 0%-") == await found("ä" * 190 + "/end") == first
    assert await found("d'accord a\\b") == both - first
    assert await found("1_0") == await found("0%L") == set()
    assert await found("wort wort319") == await found("wort") == await found('"wort007 wort008"') == last
    assert await found(" ") == await found('""') == both | last

    await events.revise(revised, title="Gemeinsame Kasse", description="Sicherheit", topics=[topic])
    assert (await found("bauhöfe"), await found("kasse")) == (first, {"Gemeinsame Kasse"})
    await events.pool.execute(WRITTEN_BY_OTHER_CODE, revised, "gemeinsame\nfeuerwehr")
    assert (await found("kasse"), await found("feuerw gemein")) == (set(), {"Gemeinsame Kasse"})
    await events.done("POST", f"/api/v1/sessions/{revised}/registration-openings")
    assert (await found("kasse"), await found("feuerwehr")) == ({"Gemeinsame Kasse"}, set())


async def test_pages_follow_each_other_without_gap_or_repetition(events: Events) -> None:
    topic = f"thema-{uuid4().hex[:8]}"
    series_id = await events.series()
    for day in (3, 1, 2, 1, None):
        starts_at = f"2025-08-0{day}T10:00:00+02:00" if day else None
        body = sample(series_id, starts_at=starts_at, topics=[topic])
        session_id = (await events.done("POST", "/api/v1/sessions", body))["id"]
        await events.done("POST", f"/api/v1/sessions/{session_id}/announcements")
    for period in ("", "&period=upcoming"):
        path, seen = f"/api/v1/sessions?topic={topic}&limit=2{period}", []
        reply = await events.get(path)
        while True:
            assert reply["total"] == 5
            seen += [(item["id"], item["date"]) for item in reply["items"]]
            if reply["next"] is None:
                break
            reply = await events.get(f"{path}&cursor={reply['next']}")
        assert len({one for one, _ in seen}) == len(seen) == 5
        dates = [date for _, date in seen if date]
        assert dates == sorted(dates, reverse=not period)
        assert seen[-1][1] is None, "without a date last"


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "cursor=unsinn",
        "cursor=W10",
        "period=gestern",
        "status=tot",
        "x=1",
        "limit=1&limit=2",
        "q=%00",
        "min_position=x",
    ],
)
async def test_bad_queries(events: Events, query: str) -> None:
    assert (await events.ask("GET", f"/api/v1/sessions?{query}")).code == "422 invalid_query"


async def test_a_series_is_called_by_its_id(events: Events) -> None:
    series_id = await events.series()
    asked = SeriesTitlesAsked(series=(series_id, str(uuid4()), "spotlight"))
    assert (await series_list.titles(events.pool, asked)).series == {series_id: "Digitale Sprechstunde"}


async def test_series_are_started_and_revised(events: Events) -> None:
    series_id = await events.series()
    path = f"/api/v1/series/{series_id}"
    shown = await events.ask("GET", path, who=EDITOR)
    assert shown.body["format_label"] == "Digitale Sprechstunde"
    body = {"slug": shown.body["slug"], "title": "Sprechstunde", "format": "consultation_hour"}
    assert (await events.edit("PUT", path, body, If_Match='"7"')).code == "412 stale_version"
    await events.done("PUT", path, body, If_Match=shown.headers["ETag"])
    assert (await events.get(path))["title"] == "Sprechstunde"
    assert series_id in [item["id"] for item in (await events.get("/api/v1/series"))["items"]]
    assert (await events.ask("GET", f"/api/v1/series/{uuid4()}")).code == "404 not_found"


async def test_an_id_in_capitals_is_the_same_id(events: Events) -> None:
    series_id = await events.series()
    drafted = await events.done("POST", "/api/v1/sessions", sample(series_id.upper()))
    page = await events.get(f"/api/v1/sessions/{drafted['id'].upper()}", EDITOR)
    assert page["series"]["id"] == series_id


async def test_a_slug_leads_to_one_series(events: Events) -> None:
    body = {"slug": f"eigene-{uuid4().hex}", "title": "Die erste", "format": "workshop"}
    key = str(uuid4())
    first = await events.done("POST", "/api/v1/series", body, Idempotency_Key=key)
    head = await events.journal.head()
    second = await events.edit("POST", "/api/v1/series", body | {"title": "Die zweite"})
    assert (second.code, second.body["errors"][0]["field"]) == ("409 slug_taken", "/slug")
    other = f"/api/v1/series/{await events.series()}"
    assert (await events.edit("PUT", other, body, If_Match="*")).code == "409 slug_taken"
    assert await events.journal.head() == head + 1, "nothing but the other series"
    assert await events.done("POST", "/api/v1/series", body, Idempotency_Key=key) == first
    await events.done("PUT", f"/api/v1/series/{first['id']}", body | {"slug": f"neu-{uuid4().hex}"}, If_Match="*")
    await events.done("PUT", other, body, If_Match="*")


async def test_of_two_series_at_once_with_one_slug_one_is_refused(events: Events) -> None:
    replica = Journal(events.dsn, events.pool, DECIDERS, PROJECTIONS, wakeup=Wakeup())
    content = SeriesContent(slug=f"eigene-{uuid4().hex}", title="Eine", format="workshop")

    async def start(journal: Journal) -> str:
        command = StartSeries(series_id=str(uuid4()), content=content)
        try:
            await journal.transact(SERIES, command.series_id, command, by_itself(events.clock.now()))
        except Refused as refused:
            return refused.code
        return "started"

    async with replica.running():
        outcomes = await asyncio.gather(*(start(journal) for _ in range(3) for journal in (events.journal, replica)))
    assert sorted(outcomes) == ["slug_taken"] * 5 + ["started"]


async def test_series_come_in_pages_and_are_found_by_a_part_of_their_words(events: Events) -> None:
    word = f"Übersicht{uuid4().hex}"
    ids = []
    for number in range(3):
        body = {"slug": f"{word.lower()[9:]}-{number}", "title": f"{number} {word}", "format": "workshop"}
        ids.append((await events.done("POST", "/api/v1/series", body))["id"])
    seen, cursor = [], ""
    while cursor is not None:
        page = await events.get(f"/api/v1/series?q={word.upper()}&limit=2{cursor and f'&cursor={cursor}'}")
        assert page["total"] == 3
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
    assert seen == ids
    assert (await events.ask("GET", "/api/v1/series?limit=0")).code == "422 invalid_query"


async def test_a_calendar_entry_keeps_its_uid_and_counts_its_sequence(events: Events) -> None:
    session_id = await events.open_session(ends_at="2025-07-31T11:00:00+02:00", title="Sprechstunde, mit; Zeichen")
    path = f"/api/v1/sessions/{session_id}"
    (first,) = await entries(events, f"{path}.ics")
    assert str(first["UID"]) == f"session-{session_id}@interkommunal"
    assert (first["SEQUENCE"], str(first["STATUS"]), str(first["SUMMARY"])) == (
        0,
        "CONFIRMED",
        "Sprechstunde, mit; Zeichen",
    )
    assert first["DTSTART"].params["TZID"] == "Europe/Berlin"
    await events.done("POST", f"{path}/postponements", {"starts_at": "2025-12-04T10:00:00+01:00", "reason": "x"})
    (moved,) = await entries(events, f"{path}.ics")
    assert (moved["UID"], moved["SEQUENCE"]) == (first["UID"], 1)
    assert moved["DTSTART"].dt.isoformat() == "2025-12-04T10:00:00+01:00"
    assert moved["DTEND"].dt.isoformat() == "2025-12-04T11:00:00+01:00"
    await events.done("POST", f"{path}/cancellations", {"reason": "krank"})
    (cancelled,) = await entries(events, f"{path}.ics")
    assert (str(cancelled["STATUS"]), cancelled["SEQUENCE"]) == ("CANCELLED", 2)


async def test_calendar_entries_by_what_is_known_of_the_date(events: Events) -> None:
    day = await events.draft(starts_at=None, date="2025-08-28")
    await events.done("POST", f"/api/v1/sessions/{day}/announcements")
    (entry,) = await entries(events, f"/api/v1/sessions/{day}.ics")
    assert (entry["DTSTART"].dt.isoformat(), entry["DTEND"].dt.isoformat()) == ("2025-08-28", "2025-08-29")
    none = await events.draft(starts_at=None)
    await events.done("POST", f"/api/v1/sessions/{none}/announcements")
    assert (await events.ask("GET", f"/api/v1/sessions/{none}.ics")).code == "404 session_without_date"


async def test_the_feed_holds_what_has_a_date(events: Events) -> None:
    topic = f"thema-{uuid4().hex[:8]}"
    series_id = await events.series()
    assert await entries(events, f"/api/v1/sessions.ics?topic={topic}") == []
    for starts_at in ("2025-08-28T10:00:00+02:00", None):
        body = sample(series_id, starts_at=starts_at, topics=[topic])
        session_id = (await events.done("POST", "/api/v1/sessions", body))["id"]
        await events.done("POST", f"/api/v1/sessions/{session_id}/announcements")
    assert len(await entries(events, f"/api/v1/sessions.ics?topic={topic}")) == 1
    assert len(await entries(events, f"/api/v1/sessions.ics?series={series_id}")) == 1
    reply = await events.ask("GET", f"/api/v1/sessions.ics?topic={topic}")
    assert reply.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert reply.body.count(b"BEGIN:DAYLIGHT") == 1
    assert (
        await events.ask("GET", f"/api/v1/sessions.ics?topic={topic}", If_None_Match=reply.headers["ETag"])
    ).status == 304


async def entries(events: Events, path: str) -> list[Any]:
    reply = await events.ask("GET", path)
    assert reply.status == 200, reply
    calendar = icalendar.Calendar.from_ical(reply.body)
    return list(calendar.walk("VEVENT"))


async def test_two_editors_at_once_leave_one_whole_truth(events: Events) -> None:
    session_id = await events.open_session()
    path = f"/api/v1/sessions/{session_id}"
    etag = (await events.ask("GET", path, who=EDITOR)).headers["ETag"]
    series_id = (await events.get(path))["series"]["id"]
    replies = await asyncio.gather(
        *(events.edit("PUT", path, sample(series_id, title=f"Titel {n}"), If_Match=etag) for n in range(5))
    )
    assert sorted(reply.status for reply in replies) == [200, 412, 412, 412, 412]


async def test_a_session_is_found_by_every_code_that_means_its_topic(events: Events) -> None:
    """Whatever the catalogue merged, and in whatever order that was heard."""
    series_id = await events.series()
    first, second, third = (f"thema-{uuid4().hex[:8]}" for _ in range(3))
    ids = set()
    for topic in (first, second, third):
        body = sample(series_id, starts_at="2025-09-01T10:00:00+02:00", topics=[topic])
        session_id = (await events.done("POST", "/api/v1/sessions", body))["id"]
        await events.done("POST", f"/api/v1/sessions/{session_id}/announcements")
        ids.add(session_id)

    async def found(topic: str) -> set[str]:
        return {item["id"] for item in (await events.get(f"/api/v1/sessions?topic={topic}"))["items"]}

    assert len(await found(first)) == 1
    await merged(events, second, third)
    await merged(events, first, second)
    await merged(events, first, second)
    for topic in (first, second, third):
        assert await found(topic) == ids
    assert len(await entries(events, f"/api/v1/sessions.ics?topic={first}")) == len(ids)
    await merged(events, third, second)
    await merged(events, second, fourth := f"thema-{uuid4().hex[:8]}")
    for topic in (first, second, third, fourth):
        assert await found(topic) == ids, "a catalogue that was restored may have merged them the other way round"
    assert await found(f"thema-{uuid4().hex[:8]}") == set()


async def merged(events: Events, topic: str, into: str) -> None:
    class Heard:
        data = TopicMerged(topic=topic, label="Thema", into=into)

    async with events.pool.acquire() as connection, connection.transaction():
        await topics.effect().apply(connection, [Heard()])  # type: ignore[list-item]
