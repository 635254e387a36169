"""The way of somebody from a town hall to a session, by the API and the mails."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date

BERLIN = ZoneInfo("Europe/Berlin")


def day(moment: datetime) -> str:
    return format_date(moment, "EEEE, d. MMMM y", locale="de")


async def begin_of(journey: Any, session_id: str) -> datetime:
    read = (await journey.api.get(f"/sessions/{session_id}")).body
    return datetime.fromisoformat(read["starts_at"]).astimezone(BERLIN)


async def test_a_guest_registers_confirms_and_withdraws(journey: Any, fresh_address: Callable[[], str]) -> None:
    session_id, erika = await journey.session(), fresh_address()
    begin = await begin_of(journey, session_id)

    await journey.register(session_id, erika)
    asked = await journey.mailbox.newest(erika, 1)
    assert day(begin) in asked.text
    assert "meet.example" not in asked.text
    assert "Erika" not in asked.text
    token = asked.token
    assert token not in str((await journey.api.get(f"/sessions/{session_id}")).body)

    assert (await journey.api.get(f"/registrations/{token}")).body["status"] == "received"
    assert (await journey.api.get(f"/registrations/{token}")).body["status"] == "received"
    await journey.api.post(f"/registrations/{token}/confirmations")
    await journey.api.post(f"/registrations/{token}/confirmations")
    confirmed = await journey.mailbox.newest(erika, 2)
    entry = confirmed.entry
    assert (entry["method"], entry["uid"]) == ("REQUEST", f"session-{session_id}@interkommunal")
    assert entry["begin"].astimezone(BERLIN) == begin
    assert "https://meet.example/raum" in confirmed.text
    assert token not in confirmed.calendar.to_ical().decode()

    await journey.api.post(f"/registrations/{token}/withdrawals")
    await journey.api.post(f"/registrations/{token}/withdrawals")
    gone = await journey.mailbox.newest(erika, 3)
    assert gone.entry["method"] == "CANCEL"
    assert gone.entry["uid"] == entry["uid"]
    assert (await journey.api.get(f"/registrations/{token}")).body["status"] == "withdrawn"
    await journey.mailbox.quiet(erika, 3)


async def test_asking_twice_answers_the_same_and_sends_the_link_again(
    journey: Any, fresh_address: Callable[[], str]
) -> None:
    session_id, erika = await journey.session(capacity=5), fresh_address()
    await journey.register(session_id, erika)
    first = await journey.mailbox.newest(erika, 1)
    await journey.register(session_id, erika.upper())
    second = await journey.mailbox.newest(erika, 2)
    assert second.token == first.token
    seats = (await journey.api.get(f"/sessions/{session_id}")).body["seats_left"]
    assert seats == 4
    await journey.api.post(f"/registrations/{first.token}/confirmations")
    await journey.mailbox.newest(erika, 3)
    await journey.register(session_id, erika)
    assert (await journey.mailbox.newest(erika, 4)).token == first.token


async def test_postponing_keeps_everybody_and_tells_each_once(journey: Any, fresh_address: Callable[[], str]) -> None:
    session_id = await journey.session()
    people = [fresh_address() for _ in range(3)]
    tokens = [await journey.confirmed(session_id, who) for who in people]
    before = (await journey.mailbox.of(people[0]))[1].entry
    old = await begin_of(journey, session_id)
    new = (old + timedelta(days=28)).replace(hour=10)

    body = {"starts_at": new.isoformat(), "reason": "organisatorische Gründe"}
    wrong = await journey.editor.send(
        "POST", f"/sessions/{session_id}/postponements", body | {"weekday": day(new + timedelta(days=1)).split(",")[0]}
    )
    assert (wrong.status, wrong.code) == (409, "weekday_mismatch")
    past = await journey.editor.send(
        "POST", f"/sessions/{session_id}/postponements", body | {"starts_at": "2001-01-01T10:00:00+01:00"}
    )
    assert (past.status, past.code) == (409, "date_in_past")
    await journey.editor.post(f"/sessions/{session_id}/postponements", body | {"weekday": day(new).split(",")[0]})

    for who, token in zip(people, tokens, strict=True):
        told = await journey.mailbox.newest(who, 3)
        assert day(old) in told.text
        assert day(new) in told.text
        assert told.token == token
        entry = told.entry
        assert (entry["method"], entry["uid"], entry["sequence"]) == ("REQUEST", before["uid"], before["sequence"] + 1)
        assert entry["begin"].astimezone(BERLIN) == new
        assert (await journey.api.get(f"/registrations/{token}")).body["status"] == "confirmed"

    late = fresh_address()
    await journey.confirmed(session_id, late)
    await journey.mailbox.quiet(people[0], 3)
    await journey.mailbox.quiet(late, 2, 0)
    async with journey.client.get(f"{journey.base_url}/veranstaltungen/{session_id}") as page:
        html = await page.text()
    assert "Der Termin wurde verschoben." in html
    assert "<del>" in html

    await journey.api.post(f"/registrations/{tokens[0]}/withdrawals")
    assert (await journey.mailbox.newest(people[0], 4)).entry["method"] == "CANCEL"


async def test_a_full_session_waits_in_order_and_never_overbooks(
    journey: Any, fresh_address: Callable[[], str]
) -> None:
    session_id = await journey.session(capacity=2)
    everybody = [fresh_address() for _ in range(6)]
    await asyncio.gather(*(journey.register(session_id, who) for who in everybody))
    firsts = {who: await journey.mailbox.newest(who, 1) for who in everybody}
    states = {who: (await journey.api.get(f"/registrations/{mail.token}")).body for who, mail in firsts.items()}
    seated = [who for who, state in states.items() if state["status"] == "received"]
    waiting = sorted(
        (who for who, state in states.items() if state["status"] == "waitlisted"),
        key=lambda who: states[who]["waiting_position"],
    )
    assert (len(seated), [states[who]["waiting_position"] for who in waiting]) == (2, [1, 2, 3, 4])
    for who in everybody:
        await journey.api.post(f"/registrations/{firsts[who].token}/confirmations")
    assert "Warteliste" in (await journey.mailbox.newest(waiting[0], 1)).subject

    await journey.api.post(f"/registrations/{firsts[seated[0]].token}/withdrawals")
    promoted = await journey.mailbox.newest(waiting[0], 2)
    assert promoted.entry["method"] == "REQUEST"
    assert (await journey.api.get(f"/registrations/{firsts[waiting[0]].token}")).body["status"] == "confirmed"
    second = (await journey.api.get(f"/registrations/{firsts[waiting[1]].token}")).body
    assert (second["status"], second["waiting_position"]) == ("waitlisted", 1)
    seats = (await journey.api.get(f"/sessions/{session_id}")).body
    assert (seats["seats_left"], seats["waiting"]) == (0, 3)
    await journey.mailbox.quiet(waiting[1], 1)


async def test_cancelling_tells_each_once(journey: Any, fresh_address: Callable[[], str]) -> None:
    session_id, erika = await journey.session(), fresh_address()
    await journey.confirmed(session_id, erika)
    before = (await journey.mailbox.of(erika))[1].entry
    await journey.editor.post(f"/sessions/{session_id}/cancellations", {"reason": "Die Referentin ist erkrankt."})
    told = await journey.mailbox.newest(erika, 3)
    assert "Die Referentin ist erkrankt." in told.text
    entry = told.entry
    assert (entry["method"], entry["uid"], entry["status"]) == ("CANCEL", before["uid"], "CANCELLED")
    assert entry["sequence"] > before["sequence"]
    await journey.mailbox.quiet(erika, 3)
    body = {"email": fresh_address(), "name": "Otto"}
    refused = await journey.api.send("POST", f"/sessions/{session_id}/registrations", body)
    assert (refused.status, refused.code) == (409, "session_cancelled")


async def test_being_forgotten(journey: Any, fresh_address: Callable[[], str]) -> None:
    session_id, erika = await journey.session(capacity=1), fresh_address()
    token = await journey.confirmed(session_id, erika)
    await journey.editor.post("/people/erasures", {"email": erika})
    deadline = asyncio.get_running_loop().time() + 20
    while (await journey.api.get(f"/registrations/{token}")).status != 404:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)
    listed = (await journey.editor.get(f"/sessions/{session_id}/registrations")).body["items"]
    assert erika not in str(listed)
    assert "Erika Muster" not in str(listed)
    while (await journey.api.get(f"/sessions/{session_id}")).body["seats_left"] != 1:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)
    await journey.mailbox.quiet(erika, 2)
