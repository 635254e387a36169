"""The way of a question from a town hall to a project's contact, whose address is never shown."""

import asyncio
import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

LINK = re.compile(r"https?://\S+/kontakt/([A-Za-z0-9_-]+)")


async def published(journey: Any, contact: str) -> str:
    """A project that can be written to; its id."""
    content = {
        "title": f"Gemeinsamer Bauhof {uuid4().hex[:6]}",
        "summary": "Zwei Gemeinden pflegen ihre Straßen gemeinsam.",
        "topics": ["works_depot"],
        "participations": [{"ags": "05374028", "role": "lead"}, {"ags": "05374040"}],
    }
    project_id: str = (await journey.editor.post("/projects", content)).id
    for step in ("submissions", "publications"):
        await journey.editor.post(f"/projects/{project_id}/{step}")
    reply = await journey.editor.send("PUT", f"/projects/{project_id}/contact-address", {"email": contact})
    assert reply.status == 200, reply.body
    return project_id


async def until_status(journey: Any, token: str, status: str) -> dict[str, Any]:
    deadline = asyncio.get_running_loop().time() + 20
    while True:
        shown = (await journey.api.get(f"/contact-requests/{token}")).body
        if shown.get("status") == status:
            return dict(shown)
        assert asyncio.get_running_loop().time() < deadline, shown
        await asyncio.sleep(0.05)


async def test_a_question_reaches_the_contact_and_the_answer_its_sender(
    journey: Any, fresh_address: Callable[[], str]
) -> None:
    contact, erika = fresh_address(), fresh_address()
    project_id = await published(journey, contact)
    question = {"email": erika, "name": "Erika Muster", "subject": "Kosten", "message": "Wie haben Sie geteilt?"}
    for _ in range(2):
        asked = await journey.api.post(f"/projects/{project_id}/contact-requests", question, Idempotency_Key="once")
        assert (asked.status, asked.body["status"]) == (202, "accepted")
    first = await journey.mailbox.newest(erika, 1)
    for typed in ("Erika", "Kosten", "Wie haben Sie geteilt?", contact):
        assert typed not in first.text
    found = LINK.search(first.text)
    assert found, first.text
    async with journey.client.get(f"{journey.base_url}/kontakt/{found[1]}") as page:
        html = await page.text()
    assert "Wie haben Sie geteilt?" in html
    await journey.mailbox.quiet(contact, 0, 0.5)

    for _ in range(2):
        await journey.api.post(f"/contact-requests/{found[1]}/confirmations")
    passed_on = await journey.mailbox.newest(contact, 1)
    assert str(passed_on.message["Reply-To"]) == erika
    assert "> Wie haben Sie geteilt?" in passed_on.text
    shown = await until_status(journey, found[1], "passed_on")
    assert contact not in str(shown)
    for reader in (journey.api, journey.editor):
        assert contact not in str((await reader.get(f"/projects/{project_id}")).body)

    await journey.editor.post("/people/erasures", {"email": erika})
    deadline = asyncio.get_running_loop().time() + 20
    while (await journey.api.get(f"/contact-requests/{found[1]}")).status != 404:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)
    await journey.mailbox.quiet(contact, 1, 0)
    await journey.mailbox.quiet(erika, 1, 0)
