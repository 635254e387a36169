"""Questions as askers and moderators handle them, for tests of the events service."""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from services.events import question_list, question_sealing, question_upkeep
from shared.kernel.identity import Identity
from tests.integration.events.conftest import EDITOR, Events, Reply

YEAR = dt.timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question: its id, the token of the link, who asked."""

    id: str
    token: str
    person: str
    session: str

    @property
    def page(self) -> str:
        return f"/api/v1/questions/{self.token}"

    def desk(self, action: str = "") -> str:
        return f"/api/v1/sessions/{self.session}/questions/{self.id}{action and '/'}{action}"


async def ask(events: Events, session_id: str, *, person: str | None = None, **more: Any) -> Reply:
    body = {
        "person_id": person or str(uuid4()),
        "email": "ada@stadt.example",
        "name": "Ada Beispiel",
        "text": "Wie teilt man die Kosten?",
        "member": False,
    } | more
    key: dict[str, Any] = {"Idempotency_Key": body.pop("key")} if "key" in body else {}
    return await events.ask("POST", f"/internal/sessions/{session_id}/questions", body, **key)


async def asked(events: Events, session_id: str, *, member: bool = True, **more: Any) -> Asked:
    """A question that waits for moderation, or for its confirmation."""
    person = more.pop("person", str(uuid4()))
    reply = await ask(events, session_id, person=person, member=member, **more)
    assert reply.status == 202, reply
    return await latest(events, person)


async def latest(events: Events, person: str) -> Asked:
    """What somebody has asked last, with the token that the mail carries."""
    found = (await question_list.of_person(events.pool, person))[-1]
    (opened,) = await question_sealing.opened(events.vault, [found])
    assert opened.asker is not None
    return Asked(found.question_id, opened.asker.token, person, found.session_id)


async def tend(events: Events, rounds: int = 1) -> None:
    """What becomes of questions by itself."""
    for _ in range(rounds):
        await question_upkeep.round_of(events.journal, events.pool, events.vault, YEAR, events.clock.now())


async def own(events: Events, question: Asked) -> Any:
    return await events.get(question.page)


async def moderate(events: Events, question: Asked, action: str, body: Any = None, who: Identity = EDITOR) -> Reply:
    return await events.ask("POST", question.desk(action), body, who=who)


async def done(events: Events, question: Asked, action: str, body: Any = None) -> Any:
    reply = await moderate(events, question, action, body)
    assert reply.status == 200, reply
    return reply.body


async def public(events: Events, session_id: str) -> list[Any]:
    return list((await events.get(f"/api/v1/sessions/{session_id}/questions"))["items"])


async def types(events: Events, question: Asked) -> list[str]:
    """What has happened to a question."""
    rows = await events.pool.fetch(
        "SELECT type FROM journal WHERE stream = $1 ORDER BY version", f"question-{question.id}"
    )
    return [row["type"].removeprefix("Question") for row in rows]
