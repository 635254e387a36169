"""Calendars that programs follow: of a series, of everything, and of one's own registrations."""

import asyncio
from typing import Any
from uuid import uuid4

import icalendar

from services.events.calendar_entry import FORM
from services.events.session_list import PROJECTION
from shared.kernel.identity import ANONYMOUS
from shared.kernel.rebuild import rebuild
from tests.ical_js import understood
from tests.integration.events.conftest import EDITOR, PUBLIC_URL, Events, Reply, sample
from tests.integration.events.test_registrations_http import erase

MAKE_OLD = "UPDATE session_entry SET form = 0, entry = 'old' WHERE session_id = $1"
DECEMBER = {"starts_at": "2025-12-04T10:00:00+01:00", "reason": "Krankheit"}


async def shown(events: Events, path: str) -> list[Any]:
    reply = await events.ask("GET", path)
    assert reply.status == 200, reply
    return list(icalendar.Calendar.from_ical(reply.body).walk("VEVENT"))


async def status(events: Events, path: str) -> list[tuple[str, int]]:
    return [(str(entry["STATUS"]), entry["SEQUENCE"]) for entry in await shown(events, path)]


async def ask_for_address(events: Events, token: str, **headers: str) -> Reply:
    return await events.ask("POST", f"/api/v1/registrations/{token}/calendar-addresses", None, ANONYMOUS, **headers)


async def own(events: Events, token: str) -> str:
    """The path of the calendar that belongs to whoever has this registration."""
    reply = await ask_for_address(events, token)
    assert reply.status == 201, reply
    address: str = reply.body["address"]
    assert address.startswith(f"{PUBLIC_URL}/api/v1/calendars/")
    return address.removeprefix(PUBLIC_URL)


async def test_a_series_is_found_by_its_id_and_by_its_slug(events: Events) -> None:
    series_id = await events.series()
    slug = (await events.get(f"/api/v1/series/{series_id}"))["slug"]
    assert await shown(events, f"/api/v1/series/{slug}.ics") == []
    session_id = (await events.done("POST", "/api/v1/sessions", sample(series_id)))["id"]
    assert await shown(events, f"/api/v1/series/{slug}.ics") == [], "drafts are nobody's business"
    await events.done("POST", f"/api/v1/sessions/{session_id}/announcements")
    for name in (slug, series_id):
        reply = await events.ask("GET", f"/api/v1/series/{name}.ics")
        calendar = icalendar.Calendar.from_ical(reply.body)
        (entry,) = calendar.walk("VEVENT")
        assert entry["UID"] == f"session-{session_id}@interkommunal"
        assert calendar["X-WR-CALNAME"] == calendar["NAME"] == "Digitale Sprechstunde"
        assert calendar["REFRESH-INTERVAL"].params["VALUE"] == "DURATION"
        assert "METHOD" not in calendar
    assert (await events.ask("GET", f"/api/v1/series/{uuid4()}.ics")).code == "404 not_found"
    assert (await events.ask("GET", "/api/v1/series/nichts.ics")).code == "404 not_found"


async def test_an_entry_goes_through_everything_under_one_uid(events: Events) -> None:
    series_id = await events.series()
    session_id = (await events.done("POST", "/api/v1/sessions", sample(series_id)))["id"]
    path, feed = f"/api/v1/sessions/{session_id}", f"/api/v1/series/{series_id}.ics"
    await events.done("POST", f"{path}/announcements")
    seen: list[tuple[str, int]] = []
    tags, texts = [], []
    steps: tuple[tuple[str, dict[str, Any]], ...] = (
        ("postponements", {"starts_at": None, "reason": "Krankheit"}),
        ("postponements", DECEMBER),
        ("cancellations", {"reason": "Sturm"}),
        ("reinstatements", {}),
    )
    for name, body in (("", {}), *steps):
        if name:
            await events.done("POST", f"{path}/{name}", body or None)
        assert await status(events, feed) == await status(events, f"{path}.ics")
        reply = await events.ask("GET", feed)
        tags.append(reply.headers["ETag"])
        texts.append(reply.body)
        assert (await events.ask("GET", feed, If_None_Match=tags[-1])).status == 304
        assert (await events.ask("GET", feed, If_None_Match=tags[0])).status == (200 if name else 304)
        seen += await status(events, feed)
    assert seen == [("CONFIRMED", 0), ("CANCELLED", 1), ("CONFIRMED", 2), ("CANCELLED", 3), ("CONFIRMED", 4)]
    assert len(set(tags)) == len(tags)
    read = [one["events"][0] for one in await understood(texts)]
    assert [(one["status"], one["sequence"]) for one in read] == seen, "as another library reads it"
    begins = [one["begin"]["wall"] for one in read]
    assert begins == ["2025-07-31T10:00:00"] * 2 + ["2025-12-04T10:00:00"] * 3
    assert {one["uid"] for one in read} == {f"session-{session_id}@interkommunal"}


async def test_a_calendar_is_another_when_its_series_is_renamed(events: Events) -> None:
    series_id = await events.series()
    session_id = (await events.done("POST", "/api/v1/sessions", sample(series_id)))["id"]
    await events.done("POST", f"/api/v1/sessions/{session_id}/announcements")
    feed, series = f"/api/v1/sessions.ics?series={series_id}", f"/api/v1/series/{series_id}"
    before, page = await events.ask("GET", feed), await events.edit("GET", series)
    named = {name: page.body[name] for name in ("slug", "format")} | {"title": "Neue Reihe; zwei"}
    await events.done("PUT", series, named, If_Match=page.headers["ETag"])
    assert (await events.ask("GET", feed, If_None_Match=before.headers["ETag"])).status == 200
    (entry,) = await shown(events, feed)
    assert entry["CATEGORIES"].to_ical() == b"Neue Reihe\\; zwei"


async def test_an_entry_that_older_code_kept_is_made_anew(events: Events) -> None:
    session_id = await events.open_session()
    path = f"/api/v1/sessions/{session_id}.ics"
    before = (await events.ask("GET", path)).body
    await events.pool.execute(MAKE_OLD, session_id)
    assert (await events.ask("GET", path)).body == before
    await rebuild(events.dsn, events.journal, PROJECTION)
    form = await events.pool.fetchval("SELECT form FROM session_entry WHERE session_id = $1", session_id)
    assert form == FORM


async def test_ones_own_calendar_shows_what_stands_and_how_sure_it_is(events: Events) -> None:
    ada, sessions = str(uuid4()), [await events.open_session(capacity=1) for _ in range(4)]
    for session_id in sessions[2:]:
        await events.register(session_id, member=True)
    for session_id, member in zip(sessions, (True, False, True, True), strict=True):
        await events.register(session_id, person=ada, member=member)
    path, people = await own(events, await events.token_of(ada)), f"/api/v1/sessions/{sessions[3]}/registrations"
    assert len(await shown(events, path)) == 4
    (left,) = (one["id"] for one in (await events.get(people, EDITOR))["items"] if one["person_id"] == ada)
    await events.done("POST", f"{people}/{left}/withdrawals")
    confirmed, received, waiting = await shown(events, path)
    by_uid = {str(entry["UID"]): entry for entry in (confirmed, received, waiting)}
    confirmed, received, waiting = (by_uid[f"session-{session_id}@interkommunal"] for session_id in sessions[:3])
    assert (confirmed["STATUS"], confirmed["DESCRIPTION"]) == ("CONFIRMED", "Zugang: https://video.example/geheim")
    assert (received["STATUS"], received["DESCRIPTION"]) == ("TENTATIVE", "Ihre Anmeldung ist noch nicht bestätigt.")
    assert (waiting["STATUS"], waiting["DESCRIPTION"]) == ("TENTATIVE", "Sie stehen auf der Warteliste.")
    assert b"geheim" not in (await events.ask("GET", f"/api/v1/sessions/{sessions[0]}.ics")).body


async def test_ones_own_calendar_follows_the_session(events: Events) -> None:
    session_id = await events.open_session()
    path = await own(events, await events.registered(session_id, member=True))
    session, seen = f"/api/v1/sessions/{session_id}", [await status(events, path)]
    for name, body in (("postponements", {"starts_at": None, "reason": "x"}), ("postponements", DECEMBER)):
        await events.done("POST", f"{session}/{name}", body)
        seen.append(await status(events, path))
    assert seen == [[("CONFIRMED", 0)], [("CANCELLED", 1)], [("CONFIRMED", 2)]]
    await events.done("POST", f"{session}/cancellations", {"reason": "x"})
    (entry,) = await shown(events, path)
    assert (entry["STATUS"], "geheim" in entry["DESCRIPTION"]) == ("CANCELLED", False)


async def test_nobody_in_between_keeps_ones_own_calendar(events: Events) -> None:
    path = await own(events, await events.registered(await events.open_session()))
    reply = await events.ask("GET", path)
    assert (reply.headers["Cache-Control"], reply.headers["Referrer-Policy"]) == ("private, no-cache", "no-referrer")
    assert (await events.ask("GET", path, If_None_Match=reply.headers["ETag"])).status == 304
    assert (await events.ask("HEAD", path)).status == 200


async def test_who_asks_again_is_told_the_same_address_also_at_once(events: Events) -> None:
    token = await events.registered(await events.open_session())
    key = {"Idempotency_Key": uuid4().hex}
    replies = await asyncio.gather(*(ask_for_address(events, token, **headers) for headers in (key, key, {}, {})))
    assert len({reply.body["address"] for reply in replies}) == 1
    assert {reply.status for reply in replies} == {201}
    kept = await events.pool.fetch("SELECT token_hash, sealed FROM calendar_address")
    known = replies[0].body["address"].rpartition("/")[2].removesuffix(".ics")
    assert known not in str([tuple(row) for row in kept]), "nothing that is kept leads there"


async def test_an_address_that_is_taken_back_leads_nowhere(events: Events) -> None:
    token, key = await events.registered(await events.open_session()), {"Idempotency_Key": uuid4().hex}
    path, addresses = await own(events, token), f"/api/v1/registrations/{token}/calendar-addresses"
    await ask_for_address(events, token, **key)
    assert [(await events.ask("DELETE", addresses)).status for _ in range(2)] == [200, 200]
    assert (await events.ask("GET", path)).code == "404 not_found"
    assert (await ask_for_address(events, token, **key)).code == "409 calendar_address_revoked"
    assert await own(events, token) != path
    assert (await events.ask("GET", path)).code == "404 not_found"


async def test_the_calendar_of_who_is_erased_is_gone(events: Events) -> None:
    session_id, ada = await events.open_session(), str(uuid4())
    await events.register(session_id, person=ada, member=True)
    token = await events.token_of(ada)
    path = await own(events, token)
    await events.vault.erase(ada)
    assert (await events.ask("GET", path)).code == "404 not_found", "at once, whatever is left to do"
    await erase(events, ada)
    await erase(events, ada)
    assert (await events.ask("GET", path)).code == "404 not_found"
    assert (await ask_for_address(events, token)).code == "404 not_found"
    assert (await events.ask("GET", "/api/v1/calendars/unbekannt.ics")).code == "404 not_found"
    types = await events.pool.fetch("SELECT type FROM journal WHERE stream = $1", f"calendar_address-{ada}")
    assert [row["type"] for row in types] == ["CalendarAddressGiven", "CalendarAddressRevoked"]
