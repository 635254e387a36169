"""The consultation hour of 31.07.2025, moved to 28.08.2025 at 10:00, in a system whose clock shows July 2025."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.journeys.conftest import PATIENCE

BERLIN = ZoneInfo("Europe/Berlin")
OLD = datetime(2025, 7, 31, 10, 0, tzinfo=BERLIN)
NEW = datetime(2025, 8, 28, 10, 0, tzinfo=BERLIN)
CARRIED_OVER = 3
"""The version of a question that was handed in, accepted, and kept for another date."""


@pytest.mark.long
async def test_the_consultation_hour_moves_from_july_to_august(
    journey_at: Any, fresh_address: Callable[[], str]
) -> None:
    journey = await journey_at(datetime(2025, 7, 14, 9, 0, tzinfo=UTC))
    series = {"slug": "sprechstunde", "title": "Digitale Sprechstunde", "format": "consultation_hour"}
    series |= {"keyword": "Digitale Sprechstunde"}
    await journey.editor.post("/series", series)
    session_id = await journey.session(starts_at=OLD)
    erika = fresh_address()
    await journey.confirmed(session_id, erika)
    assert "Donnerstag, 31. Juli 2025" in (await journey.mailbox.of(erika))[1].text
    question = await asked(journey, session_id, fresh_address())

    body = {"starts_at": "2025-08-28T10:00:00+02:00", "reason": "organisatorische Gründe"}
    wrong = await journey.editor.send("POST", f"/sessions/{session_id}/postponements", body | {"weekday": "Mittwoch"})
    assert (wrong.status, wrong.code) == (409, "weekday_mismatch")
    await journey.editor.post(f"/sessions/{session_id}/postponements", body | {"weekday": "Donnerstag"})

    told = await journey.mailbox.newest(erika, 3)
    assert "Donnerstag, 31. Juli 2025" in told.text
    assert "Donnerstag, 28. August 2025" in told.text
    assert "organisatorische Gründe" in told.text
    entry = told.entry
    assert (entry["method"], entry["uid"], entry["sequence"]) == ("REQUEST", f"session-{session_id}@interkommunal", 1)
    assert entry["begin"].astimezone(BERLIN) == NEW

    async with journey.client.get(f"{journey.base_url}/veranstaltungen/{session_id}") as page:
        html = (await page.text()).replace("\N{NO-BREAK SPACE}", " ")
    assert "Stichwort „Digitale Sprechstunde“" in html
    assert "Donnerstag, 28. August 2025, ab 10:00 Uhr" in html
    assert "Donnerstag, 31. Juli 2025" in html.partition("<del>")[2].partition("</del>")[0]
    await answered(journey, question)
    await journey.mailbox.quiet(erika, 3)


async def asked(journey: Any, session_id: str, address: str) -> str:
    """Where moderators find the question of somebody who is registered; it is accepted."""
    token = await journey.confirmed(session_id, address)
    form = (await journey.api.get(f"/sessions/{session_id}/question-form")).body
    assert (form["open"], form["hint"]) == (True, "Stichwort „Digitale Sprechstunde“")
    body = {"text": "Wie verteilen andere die Kosten?", "may_publish": True}
    await journey.api.post(f"/registrations/{token}/questions", body)
    (waiting,) = (await journey.editor.get(f"/questions?session={session_id}&status=submitted")).body["items"]
    question = f"/sessions/{session_id}/questions/{waiting['id']}"
    await journey.editor.post(f"{question}/acceptances")
    return question


async def answered(journey: Any, question: str) -> None:
    """The question is kept for the new date, answered in writing, and read by everybody without its asker."""
    session_id = question.split("/")[2]
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while (kept := (await journey.editor.get(question)).body)["version"] < CARRIED_OVER:
        assert asyncio.get_running_loop().time() < deadline, kept
        await asyncio.sleep(0.05)
    assert (kept["status"], kept["session"]["when_label"]) == ("accepted", "Donnerstag, 28.08.2025, 10:00 Uhr")
    early = await journey.editor.send("POST", f"{question}/answers", {"way": "in_session"})
    assert (early.status, early.code) == (409, "session_not_begun")
    await journey.editor.post(f"{question}/answers", {"way": "in_writing", "answer": "Nach Einwohnern."})
    await journey.editor.post(f"{question}/publications", {"text": "Wie verteilt man Kosten?"})
    async with journey.client.get(f"{journey.base_url}/veranstaltungen/{session_id}") as page:
        html = await page.text()
    assert all(text in html for text in ("Wie verteilt man Kosten?", "Nach Einwohnern."))
    assert "Erika Muster" not in html
