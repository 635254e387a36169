"""What is kept about a person is told to that person, whole and alone, and gone when the person is erased."""

import datetime as dt
import json
from typing import Any
from uuid import uuid4

import pytest

from services.events import about_person, erasure
from shared.contracts.rpc import AboutPersonAnswered, AboutPersonAsked
from shared.kernel.about_person import AboutPerson
from shared.kernel.ids import new_id
from tests.integration.events.asking import asked, done
from tests.integration.events.conftest import Events
from tests.integration.events.test_registrations_http import erase

QUESTIONS = [
    {"key": "essen", "label": "Was essen Sie?", "kind": "text"},
    {"key": "foto", "label": "Dürfen wir Sie fotografieren?", "kind": "yes_no", "keep_days": 45},
]
STANDING = "SELECT registration_id FROM registration WHERE person_id = $1 AND status = 'confirmed'"
MAY: dict[str, Any] = {"may_publish": True}
BEGIN = dt.datetime(2025, 7, 31, 8, tzinfo=dt.UTC)


async def about(events: Events, person: str) -> AboutPersonAnswered:
    answer = await AboutPerson(events.vault, about_person.sources(events.pool, events.vault)).page(
        AboutPersonAsked(person_id=person)
    )
    assert answer.next is None
    return answer


async def one_who_did_everything(events: Events, word: str) -> str:
    """A person of whom everything that is said holds the word."""
    person, known = str(uuid4()), {"name": f"{word} Eins", "email": f"{word}@stadt.example"}
    events.clock.time = dt.datetime(2025, 7, 1, 8, tzinfo=dt.UTC)
    left = await events.open_session()
    session_id = await events.open_session(registration_questions=QUESTIONS, capacity=9)
    told: dict[str, Any] = {**known, "organisation_name": f"Amt {word}"}
    await events.register(left, person=person, member=True, **told)
    await events.ask("POST", f"/api/v1/registrations/{await events.token_of(person)}/withdrawals")
    answers = {"essen": f"{word} mit Soße", "foto": False}
    await events.register(session_id, person=person, member=True, answers=answers, **told)
    registration = await events.pool.fetchval(STANDING, person)
    token = await events.token_of(person)
    await events.ask("POST", f"/api/v1/registrations/{token}/calendar-addresses")
    question = await asked(events, session_id, person=person, text=f"Was ist {word}?", **told, **MAY)
    await done(events, question, "acceptances")
    await done(events, question, "answers", {"way": "in_writing", "answer": "Das ist es."})
    await done(events, question, "publications", {})
    events.clock.time = BEGIN
    came = {"registration_ids": [registration], "present": True}
    await events.done("POST", f"/api/v1/sessions/{session_id}/attendance", came)
    events.clock.time = BEGIN + dt.timedelta(hours=16)
    await events.done("POST", f"/api/v1/sessions/{session_id}/documentations", {})
    assert (await events.edit("POST", f"/api/v1/sessions/{session_id}/certificate-batches")).status < 300
    return person


@pytest.fixture
async def two(events: Events) -> tuple[str, str]:
    return await one_who_did_everything(events, "Ananas"), await one_who_did_everything(events, "Birne")


def values(answer: AboutPersonAnswered, kind: str) -> list[dict[str, Any]]:
    return [{each.name: each.value for each in record.details} for record in answer.records if record.kind == kind]


async def test_what_is_told_is_gone_when_the_person_is_erased(events: Events, two: tuple[str, str]) -> None:
    ananas, birne = two
    answer = await about(events, ananas)
    assert not answer.erased
    kinds = [record.kind for record in answer.records]
    assert kinds.count("registration") == 2
    assert set(kinds) == {
        *("attendance", "calendar_address", "certificate", "question", "registration", "registration_ended"),
    }
    text = answer.model_dump_json()
    assert ("Ananas" in text, "Birne" in text, birne in text) == (True, False, False)
    stood = next(each for each in values(answer, "registration") if each["status"] == "confirmed")
    assert stood["answers/essen"] == "Ananas mit Soße"
    assert stood["answers/foto"] is False
    assert stood["organisation_name"] == "Amt Ananas"
    (question,) = values(answer, "question")
    assert (question["text"], question["answer"], question["published/text"]) == (
        "Was ist Ananas?", "Das ist es.", "Was ist Ananas?",
    )  # fmt: skip
    (came,) = [record for record in answer.records if record.kind == "attendance"]
    shown = {each.label: each.shown for each in came.details}
    assert (shown["Anwesend"], shown["Termin"]) == ("ja", "Donnerstag, 31.07.2025, 10:00 Uhr")

    await erase(events, ananas)
    await events.pool.execute("INSERT INTO erasure (person_id, session_id) VALUES ($1, 'long gone')", ananas)
    assert [record.label for record in (await about(events, ananas)).records] == ["Wird gerade gelöscht"]
    await erasure.free_places(events.journal, events.pool, events.clock.now())
    assert await about(events, ananas) == AboutPersonAnswered(erased=True)
    assert {record.kind for record in (await about(events, birne)).records} == {
        record.kind for record in answer.records
    }


async def test_an_expert_stays_named_by_an_id_and_is_told_why(events: Events) -> None:
    person = str(new_id())
    body = {"slug": f"reihe-{person[-8:]}", "title": "Digitale Sprechstunde", "format": "consultation_hour"}
    await events.done("POST", "/api/v1/series", body | {"experts": [person]})
    await erase(events, person)
    answer = await about(events, person)
    assert [(record.kind, bool(record.stays)) for record in answer.records] == [("expert", True)]
    assert person not in json.dumps(values(answer, "expert"))
