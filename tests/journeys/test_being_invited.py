"""The way of somebody who was at one session to the next: invited by mail, registered by one click."""

import re
from collections.abc import Callable
from typing import Any

PLAN = "/announcements/{}/mailing"


async def test_who_was_invited_registers_by_one_click(journey: Any, fresh_address: Callable[[], str]) -> None:
    first, second = await journey.session(), await journey.session()
    erika, bert = fresh_address(), fresh_address()
    for who in (erika, bert):
        await journey.confirmed(first, who)
    draft = {
        "kind": "invitation",
        "title": "Einladung zur nächsten Sprechstunde",
        "teaser": "Wir freuen uns auf Sie.",
        "session_id": second,
    }
    announcement = (await journey.editor.post("/announcements", draft)).id
    page = await journey.editor.get(f"/announcements/{announcement}")
    plan = {"audience": {"registrants": [first]}}
    planned = await journey.editor.send("PUT", PLAN.format(announcement), plan, If_Match=page.headers["ETag"])
    assert planned.status == 200, planned
    counted = (await journey.editor.post(f"/announcements/{announcement}/audience-counts")).body
    assert (counted["found"], counted["total"]) == (2, 2)
    refused = await journey.editor.send("POST", f"/announcements/{announcement}/publications", {})
    assert refused.code == "recipients_not_counted"
    await journey.editor.post(f"/announcements/{announcement}/publications", {"recipients": counted["total"]})

    invitation = await journey.mailbox.newest(erika, 3)
    assert invitation.subject == draft["title"]
    assert invitation.calendar is None
    link = re.search(r"/einladung/([A-Za-z0-9_-]+)", invitation.text)
    assert link is not None
    shown = (await journey.api.get(f"/invitations/{link[1]}")).body
    assert (shown["email"], shown["name"], shown["status"]) == (erika, "Erika Muster", None)
    async with journey.client.get(f"{journey.base_url}/einladung/{link[1]}") as response:
        assert "Anmelden" in await response.text()
    assert (await journey.api.get(f"/invitations/{link[1]}")).body["answer"] is None

    async with journey.client.post(f"{journey.base_url}/einladung/{link[1]}/anmelden", data={}) as response:
        assert "Sie sind angemeldet." in await response.text()
    confirmed = await journey.mailbox.newest(erika, 4)
    assert confirmed.entry["method"] == "REQUEST"
    assert (await journey.api.get(f"/registrations/{confirmed.token}")).body["status"] == "confirmed"

    other = re.search(r"/einladung/([A-Za-z0-9_-]+)", (await journey.mailbox.newest(bert, 3)).text)
    assert other is not None
    await journey.api.post(f"/invitations/{other[1]}/declines")
    counts = (await journey.editor.get(PLAN.format(announcement))).body["invitations"]
    assert counts == {"invited": 2, "accepted": 1, "declined": 1}
    async with journey.client.get(f"{journey.base_url}/aktuelles") as response:
        assert 'type="application/atom+xml"' in await response.text()
    async with journey.client.get(f"{journey.base_url}/api/v1/announcements.atom") as response:
        assert f"/aktuelles/{announcement}" in await response.text()
