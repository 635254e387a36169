"""The portal's own series and sessions, with the traps that lie in them."""

import datetime as dt
from typing import Any

import pytest

from services.events import due
from services.events.life_commands import DraftSession
from services.events.load_content import CONTENT, Sessions, _content, example_date, load, session_id
from services.events.session import DECIDER
from services.events.times import WEEKDAYS
from tests.integration.events.conftest import EDITOR, Events

TODAY = dt.datetime(2026, 11, 23, 9, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
async def loaded(module_events: Events) -> Events:
    module_events.clock.time = TODAY
    told: list[dict[str, Any]] = []
    counts = await load(module_events.journal, module_events.pool, CONTENT, TODAY, told.append)
    assert counts == {"series": 3, "sessions": 4, "examples": 3}
    assert [line["progress"][2] for line in told] == ["Veranstaltungsreihen", "Veranstaltungen", "Beispieltermine"]
    return module_events


async def shown(loaded: Events, key: str) -> Any:
    return await loaded.get(f"/api/v1/sessions/{session_id(key)}")


async def test_loading_again_changes_nothing(loaded: Events) -> None:
    before = await loaded.journal.head()
    await load(loaded.journal, loaded.pool, CONTENT, TODAY + dt.timedelta(days=3), lambda _line: None)
    assert await loaded.journal.head() == before


async def test_what_is_loaded_is_history_with_its_own_times(loaded: Events) -> None:
    rows = await loaded.pool.fetch(
        "SELECT history, data FROM journal WHERE stream = $1", f"session-{session_id('jahrestagung-2025')}"
    )
    assert rows
    assert all(row["history"] for row in rows)
    assert all('"at":"2025-05-2' in row["data"] for row in rows)
    assert (await shown(loaded, "jahrestagung-2025"))["announced_at"] is None


async def test_trap_1_a_wednesday_that_was_a_tuesday(loaded: Events) -> None:
    spotlight = await shown(loaded, "spotlight-gesundheit")
    assert (spotlight["date"], spotlight["weekday"]) == ("2025-03-12", "Mittwoch")
    assert "12. März 2024" in spotlight["description"]


async def test_trap_3_what_was_planned_and_what_was_held(loaded: Events) -> None:
    agenda = (await shown(loaded, "jahrestagung-2025"))["agenda"]
    assert [talk["title"] for talk in agenda["planned"]] == [
        "Kinder- und Jugendhilfe",
        "Digitalisierung",
        "Standesamt",
        "Bußgeldstelle",
        "Hochwasserschutz",
    ]
    assert len(agenda["held"]) == 8
    assert [talk["title"] for talk in agenda["held"] if talk["slides"] == "not_published"] == ["Wasser-Risiko-Check"]
    assert {talk["file_label"] for talk in agenda["held"]} == {"Keine Datei veröffentlicht"}


async def test_trap_7_free_of_charge_is_not_registration_required(loaded: Events) -> None:
    flags = {
        key: ((session := await shown(loaded, key))["free_of_charge"], session["registration_required"])
        for key in ("jahrestagung-2025", "spotlight-2025-10-09", "sprechstunde-2025-08")
    }
    assert flags == {
        "jahrestagung-2025": (True, True),
        "spotlight-2025-10-09": (True, None),
        "sprechstunde-2025-08": (None, None),
    }
    assert (await shown(loaded, "sprechstunde-2025-08"))["ends_at"] is None


async def test_trap_8_the_consultation_hour_shows_its_old_date(loaded: Events) -> None:
    session = await shown(loaded, "sprechstunde-2025-08")
    assert (session["status"], session["sequence"]) == ("postponed_rescheduled", 1)
    assert session["when_label"] == "Donnerstag, 28.08.2025, 10:00 Uhr"
    (old,) = session["postponed_from"]
    assert (old["when_label"], old["reason"]) == ("Donnerstag, 31.07.2025", "organisatorische Gründe")


async def test_the_conference_in_unna(loaded: Events) -> None:
    session = await shown(loaded, "jahrestagung-2025")
    assert (session["status"], session["edition"], session["starts_at"]) == ("held", 6, None)
    assert session["attendance"]["label"] == "über 70 Teilnehmende"
    assert session["venue"] == {"name": "Ringhotel Katharinen Hof", "address": None, "city": "Unna", "ags": "05978036"}
    assert "Bezugsgröße ist nicht angegeben" in session["recap"]


async def test_time_makes_nothing_of_history(loaded: Events) -> None:
    await due.let_time_pass(loaded.journal, loaded.pool, TODAY)
    assert (await shown(loaded, "spotlight-2025-10-09"))["status"] == "announced"
    past = await loaded.get("/api/v1/sessions?period=past")
    assert len(past["items"]) == 4


async def test_each_series_has_one_session_to_come(loaded: Events) -> None:
    upcoming = (await loaded.get("/api/v1/sessions?period=upcoming"))["items"]
    assert len(upcoming) == 3
    for session in upcoming:
        assert "(Beispieltermin)" in session["title"]
        assert session["status"] == "registration_open"
        begin = dt.datetime.fromisoformat(session["starts_at"])
        assert dt.timedelta(weeks=2) <= begin - TODAY <= dt.timedelta(weeks=7)
        assert WEEKDAYS[begin.weekday()] == session["weekday"]
        assert session["weekday"] not in ("Samstag", "Sonntag")
    assert {session["series"]["slug"] for session in upcoming} == {
        "online-spotlight",
        "jahrestagung",
        "digitale-sprechstunde",
    }
    assert min(session["capacity"] for session in upcoming) == 3


async def test_an_example_that_is_over_is_followed_by_another(loaded: Events) -> None:
    later = TODAY + dt.timedelta(weeks=5)
    await load(loaded.journal, loaded.pool, CONTENT, later, lambda _line: None)
    await due.let_time_pass(loaded.journal, loaded.pool, later)
    loaded.clock.time = later
    upcoming = (await loaded.get("/api/v1/sessions?period=upcoming"))["items"]
    past = (await loaded.get("/api/v1/sessions?period=past&status=held"))["items"]
    assert len(upcoming) == 3
    assert sum("(Beispieltermin)" in session["title"] for session in past) == 3
    cancelled = upcoming[0]
    await loaded.done("POST", f"/api/v1/sessions/{cancelled['id']}/cancellations", {"reason": "Probe"})
    await load(loaded.journal, loaded.pool, CONTENT, later, lambda _line: None)
    series = cancelled["series"]["id"]
    again = (await loaded.get(f"/api/v1/sessions?period=upcoming&series={series}&status=registration_open", EDITOR))[
        "items"
    ]
    assert len(again) == 1


async def test_a_loading_that_was_cut_short_is_taken_up_again(loaded: Events) -> None:
    later = TODAY + dt.timedelta(weeks=30)
    examples = Sessions.model_validate_json((CONTENT / "sessions.json").read_bytes()).examples
    left = [session_id(f"example/{example.key}/{example_date(example, later).day}") for example in examples]
    for example, known in zip(examples, left, strict=True):
        command = DraftSession(
            session_id=known, content=_content(example.content, known), when=example_date(example, later)
        )
        await loaded.journal.transact(DECIDER, known, command, due.by_itself(later))
    await load(loaded.journal, loaded.pool, CONTENT, later, lambda _line: None)
    loaded.clock.time = later
    upcoming = (await loaded.get("/api/v1/sessions?period=upcoming", EDITOR))["items"]
    assert sorted((session["id"], session["status"]) for session in upcoming) == sorted(
        (known, "announced") for known in left
    ), "no draft stays behind"
