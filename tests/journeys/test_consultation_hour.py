"""The consultation hour of 31.07.2025, moved to 28.08.2025 at 10:00, in a system whose clock shows July 2025."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")
OLD = datetime(2025, 7, 31, 10, 0, tzinfo=BERLIN)
NEW = datetime(2025, 8, 28, 10, 0, tzinfo=BERLIN)


async def test_the_consultation_hour_moves_from_july_to_august(
    journey_at: Any, fresh_address: Callable[[], str]
) -> None:
    journey = await journey_at(datetime(2025, 7, 14, 9, 0, tzinfo=UTC))
    series = {"slug": "sprechstunde", "title": "Digitale Sprechstunde", "format": "consultation_hour"}
    await journey.editor.post("/series", series)
    session_id = await journey.session(starts_at=OLD)
    erika = fresh_address()
    await journey.confirmed(session_id, erika)
    assert "Donnerstag, 31. Juli 2025" in (await journey.mailbox.of(erika))[1].text

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
    assert "Donnerstag, 28. August 2025, ab 10:00 Uhr" in html
    assert "Donnerstag, 31. Juli 2025" in html.partition("<del>")[2].partition("</del>")[0]
    await journey.mailbox.quiet(erika, 3)
