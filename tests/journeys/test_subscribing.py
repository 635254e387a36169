"""The way of somebody who wants to hear of something: from a list of projects to a confirmed subscription, and out."""

import asyncio
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

PAGE = re.compile(r"https?://\S+/abonnement/([A-Za-z0-9_-]+)")


async def test_a_wish_becomes_a_subscription_once_the_link_in_the_mail_was_followed(
    journey: Any, fresh_address: Callable[[], str]
) -> None:
    erika = fresh_address()
    topic = (await journey.api.get("/topics?limit=1")).body["items"][0]
    search = {"q": ["Unverwechselbar"], "topic": [topic["code"]], "near": ["05315000"], "within_km": ["30"]}
    wishes = [
        {"subject": "topic", "key": topic["code"]},
        {"subject": "municipality", "key": "05315000", "rhythm": "weekly"},
        {"subject": "search", "query": search},
    ]
    for _ in range(2):
        asked = await journey.api.post("/subscriptions", {"email": erika, "subscriptions": wishes})
        assert (asked.status, asked.body["status"]) == (202, "accepted"), asked.body
    mail = await journey.mailbox.newest(erika, 1)
    assert mail.subject == "Bitte bestätigen Sie Ihr Abonnement"
    assert topic["label"] in mail.text
    assert "Unverwechselbar" not in mail.text
    found = PAGE.search(mail.text)
    assert found, mail.text
    own = f"/subscriptions/{found[1]}"
    async with journey.client.get(f"{journey.base_url}/abonnement/{found[1]}") as page:
        assert (page.status, page.headers["Referrer-Policy"]) == (200, "no-referrer")
        assert "Abonnement bestätigen" in await page.text() or "Alle bestätigen" in await page.text()
    assert {one["state"] for one in (await journey.api.get(own)).body["subscriptions"]} == {"requested"}

    await journey.api.post(f"{own}/confirmations")
    shown = {one["subject"]: one for one in (await journey.api.get(own)).body["subscriptions"]}
    assert {one["state"] for one in shown.values()} == {"confirmed"}
    assert shown["topic"]["title"] == topic["label"]
    assert shown["municipality"]["rhythm"] == "weekly"
    assert "Unverwechselbar" in shown["search"]["title"]

    unknown = {"email": erika, "subscriptions": [{"subject": "topic", "key": "no-such-topic"}]}
    assert (await journey.api.send("POST", "/subscriptions", unknown)).status == 409
    wrong = {"email": erika, "subscriptions": [{"subject": "search", "query": {"within_km": "x"}}]}
    refused = await journey.api.send("POST", "/subscriptions", wrong)
    assert (refused.status, refused.body["errors"][0]["field"]) == (422, "/subscriptions/0/query/within_km")

    address = f"{journey.base_url}/abonnieren?{urlencode({'suche': '1', 'q': 'Bauhof'})}"
    async with journey.client.get(address) as page:
        assert (page.status, "„Bauhof“" in await page.text()) == (200, True)
    await journey.editor.post("/people/erasures", {"email": erika})
    deadline = asyncio.get_running_loop().time() + 20
    while (await journey.api.get(own)).status != 404:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)
    await journey.mailbox.quiet(erika, 1, 0)
