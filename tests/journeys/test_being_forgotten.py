"""Somebody does everything there is to do, sees all of it, and is forgotten: no word of it is anywhere any more."""

import asyncio
import json
import re
import secrets
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.journeys import scanning
from tests.journeys.scanning import Needles
from tests.running import ikz_here

ENSE = "05974016"
PATIENCE = 20.0
QUESTIONS = [{"key": "wish", "label": "Was wünschen Sie sich?", "kind": "text"}]
MAILBOX = "mailbox"
"""Where the mails of all recipients lie: their mailboxes, which no erasure reaches."""
SOUGHT = ", sought"
FREED = "postgres"
"""What saved searches look for stands there in the open while they are matched, and for a while in freed bytes."""


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person of whom everything reads like nothing else: what is said holds `word`, what is sought is `sought`."""

    word: str
    sought: str

    @property
    def address(self) -> str:
        return f"{self.word}@{self.word}.example"

    def says(self, what: str) -> str:
        return f"{what} von {self.word}n, „so“ & 100 %"

    @property
    def name(self) -> str:
        return f"Erika {self.word}n"

    @property
    def organisation(self) -> str:
        return f"Stadt {self.word}hausen"

    @property
    def texts(self) -> set[str]:
        """Everything that has to be told when it is asked what is kept."""
        said = ("Antwort", "Frage", "Noch eine Frage", "Betreff", "Nachricht")
        return {self.address, self.name, self.organisation, self.sought, *map(self.says, said)}


def new_word() -> str:
    return "q" + "".join(secrets.choice(string.ascii_lowercase) for _ in range(11))


async def until(what: Any, seconds: float = PATIENCE) -> Any:
    """What `what` gives, once that is something."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (found := await what()):
        assert asyncio.get_running_loop().time() < deadline, what
        await asyncio.sleep(0.05)
    return found


async def mailed(journey: Any, address: str, link: str, subject: str = "Bitte bestätigen Sie") -> str:
    """The token behind a link of a kind that was mailed to somebody under such a subject."""

    async def find() -> str | None:
        mails = [mail.text for mail in await journey.mailbox.of(address) if mail.subject.startswith(subject)]
        found = (re.search(rf"/{link}/([A-Za-z0-9_-]+)", text) for text in mails)
        return next((match[1] for match in found if match), None)

    return str(await until(find))


async def soon(journey: Any, person: Mapping[str, Any]) -> tuple[str, str]:
    """A session that begins in a moment, with the person in it; its id and the registration's."""
    for seconds in (2, 8, 30):
        begin = datetime.now().astimezone() + timedelta(seconds=seconds)
        session = await journey.session(starts_at=begin, ends_at=(begin + timedelta(seconds=1)).isoformat())
        entered = await journey.editor.send("POST", f"/sessions/{session}/participants", {**person, "walk_in": False})
        if entered.status < 300:
            return session, entered.id
    raise AssertionError("it always began before anybody was in it")


async def take_part(journey: Any, one: Somebody, known: Mapping[str, Any]) -> None:
    """Registers, answers, changes, has a calendar, asks, and comes; is in a group that is written to."""
    session = await journey.session(registration_questions=QUESTIONS)
    body = {**known, "answers": {"wish": one.says("Antwort")}}
    await journey.api.post(f"/sessions/{session}/registrations", body)
    token = await mailed(journey, one.address, "anmeldung")
    await journey.api.post(f"/registrations/{token}/confirmations")
    await journey.api.post(f"/registrations/{token}/calendar-addresses")
    asked = {**known, "text": one.says("Frage"), "may_publish": True, "may_name_organisation": True}
    await journey.api.post(f"/sessions/{session}/questions", asked)
    await journey.api.post(f"/questions/{await mailed(journey, one.address, 'fragen')}/confirmations")
    questions = (await journey.editor.get(f"/sessions/{session}/questions")).body["items"]
    question = next(each["id"] for each in questions if each["may_publish"])
    path = f"/sessions/{session}/questions/{question}"
    await journey.editor.post(f"{path}/acceptances")
    await journey.editor.post(f"{path}/answers", {"way": "in_writing", "answer": f"Liebe Frau {one.word}n, ja."})
    await journey.editor.post(f"{path}/publications", {"name_organisation": True})
    assert one.word in str((await journey.api.get(f"/sessions/{session}/questions")).body)
    await journey.api.post(
        f"/registrations/{token}/questions", {"text": one.says("Noch eine Frage"), "may_publish": False}
    )
    message = {"audience": {}, "subject": "Hinweis", "text": "Bitte bringen Sie Papier mit."}
    await journey.editor.post(f"/sessions/{session}/messages", message)


async def look_back(journey: Any, one: Somebody, session: str, registration: str) -> None:
    """Was there, has a certificate, and says how it was."""
    came = {"registration_ids": [registration], "present": True}
    await journey.editor.post(f"/sessions/{session}/attendance", came)

    async def over() -> bool:
        return bool((await journey.api.get(f"/sessions/{session}")).body["status"] in ("held", "documented"))

    await until(over, 60)
    await journey.editor.post(f"/sessions/{session}/certificate-batches")
    feedback = await mailed(journey, one.address, "feedback", "")
    said = {"answers": {"overall": 5, "improve": one.says("Wunsch")}}
    await journey.api.post(f"/feedback/{feedback}", said)


async def follow(journey: Any, one: Somebody) -> None:
    """Subscribes to a topic and to a search."""
    wishes = [{"subject": "topic", "key": "works_depot"}, {"subject": "search", "query": {"q": one.sought}}]
    await journey.api.post("/subscriptions", {"email": one.address, "subscriptions": wishes})
    token = await mailed(journey, one.address, "abonnement")
    await journey.api.post(f"/subscriptions/{token}/confirmations")


async def write(journey: Any, one: Somebody, known: Mapping[str, Any]) -> str:
    """Is a project's contact, and writes to that contact; the project's id."""
    content = {
        "title": "Gemeinsamer Bauhof",
        "summary": "Zwei Gemeinden pflegen ihre Straßen gemeinsam.",
        "topics": ["works_depot"],
        "participations": [{"ags": "05374028", "role": "lead"}, {"ags": "05374040"}],
    }
    project: str = (await journey.editor.post("/projects", content)).id
    for step in ("submissions", "publications"):
        await journey.editor.post(f"/projects/{project}/{step}")
    reply = await journey.editor.send("PUT", f"/projects/{project}/contact-address", {"email": one.address})
    assert reply.status == 200, reply.body
    letter = {**known, "subject": one.says("Betreff"), "message": one.says("Nachricht")}
    await journey.api.post(f"/projects/{project}/contact-requests", letter)
    await journey.api.post(f"/contact-requests/{await mailed(journey, one.address, 'kontakt')}/confirmations")
    await journey.api.get(f"/projects?q={one.word}")
    await journey.api.get(f"/projects/suggest?q={one.word}")
    return project


def parts(places: Iterable[str]) -> set[str]:
    """In which parts of the folder these files are."""
    return {place.partition("/")[0] for place in places}


def may_hold(place: str, what: str) -> bool:
    """Whether something may stand there after all."""
    (part,) = parts([place])
    return part == MAILBOX or (part == FREED and what.endswith(SOUGHT))


async def test_of_somebody_who_is_forgotten_no_word_is_anywhere(journey: Any, system: Any) -> None:
    one = Somebody(new_word(), new_word())
    known = {"email": one.address, "name": one.name, "organisation_name": one.organisation}
    session, registration = await soon(journey, known)
    async with asyncio.TaskGroup() as doing:
        making = doing.create_task(
            ikz_here("token", "--data", str(system.folder), "--member", ENSE, "--email", one.address)
        )
        doing.create_task(take_part(journey, one, known))
        doing.create_task(follow(journey, one))
        doing.create_task(look_back(journey, one, session, registration))
        writing = doing.create_task(write(journey, one, known))
    project = writing.result()
    code, token, errors = making.result()
    assert code == 0, errors
    member = type(journey.editor)(journey.client, journey.base_url, token.strip())
    await member.post(f"/sessions/{await journey.session()}/registrations", {**known, "answers": {}})

    async def told() -> bool:
        text = json.dumps((await member.get("/me/data")).body, ensure_ascii=False)
        return all(json.dumps(each, ensure_ascii=False)[1:-1] in text for each in one.texts)

    await until(told)
    assert (await journey.api.post("/me/data-requests", {"email": one.address})).status == 202
    page = await mailed(journey, one.address, "meine-daten", "Ihr Link")
    async with journey.client.get(f"{journey.base_url}/meine-daten/{page}") as answer:
        assert (answer.status, one.name in await answer.text()) == (200, True)
    person = str((await member.get("/me/data")).body["person_id"])
    before = scanning.in_files(system.folder, {"plain": one.word.encode()})
    assert MAILBOX in parts(before["plain"]), "whoever looks finds what is there"

    async with journey.client.post(f"{journey.base_url}/meine-daten/{page}/loeschen", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, f"/meine-daten/geloescht/{person}")

    async def done() -> bool:
        return bool((await journey.api.get(f"/people/erasures/{person}")).body["done"])

    await until(done)
    assert (await member.get("/me/data")).status == 401
    needles, sought = Needles(one.word, one.address), Needles(one.sought, one.address)
    _, in_tables = await asyncio.gather(
        scanning.all_on_disk(system.folder),
        scanning.in_tables(system.folder, {*needles.texts().values(), *sought.texts().values()}),
    )
    assert in_tables == []
    looked_for = needles.bytes() | {what + SOUGHT: needle for what, needle in sought.bytes().items()}
    found = scanning.in_files(system.folder, looked_for | {"id": person.encode()})
    ids = parts(found.pop("id"))
    assert {"postgres", "nats", "erasures", "logs"} <= ids, "the ids stay, so what was looked through is all there is"
    assert [f"{place}: {what}" for what, places in found.items() for place in places if not may_hold(place, what)] == []
    assert (await journey.api.get(f"/projects/{project}")).body["contact_possible"] is False
