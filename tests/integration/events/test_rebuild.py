"""Read models built anew from the journal are what they were."""

from typing import Any
from uuid import uuid4

import pytest

from services.events.records import PROJECTIONS
from shared.kernel.projection import Projection
from shared.kernel.rebuild import rebuild
from tests.integration.events.asking import asked, done, tend
from tests.integration.events.conftest import EDITOR, Events
from tests.integration.events.test_registrations_http import erase


async def a_life_of_questions(events: Events, session_id: str, gone: str) -> None:
    first, second, third = [await asked(events, session_id, may_publish=True) for _ in range(3)]
    await asked(events, session_id, person=gone)
    await asked(events, session_id, member=False)
    await done(events, first, "acceptances")
    await done(events, second, "mergers", {"into": first.id})
    await done(events, first, "answers", {"way": "in_writing", "answer": "So."})
    await done(events, first, "publications", {})
    await events.ask("POST", f"{third.page}/withdrawals")
    path = f"/api/v1/sessions/{session_id}/questions/order"
    await events.done("PUT", path, {"question_ids": [first.id]}, If_Match="*")
    await tend(events)


async def a_life_of_everything(events: Events) -> str:
    agenda = [{"title": "Bauhof", "project_id": str(uuid4())}]
    question = {"key": "diet", "label": "Essen?", "kind": "text", "keep_days": 7}
    kept = {"ends_at": "2025-07-31T11:00:00+02:00", "waiting_list": "offer", "registration_questions": [question]}
    session_id = await events.open_session(capacity=1, agenda=agenda, **kept)
    changes = kept | {"agenda": [*agenda, {"title": "Musikschule"}]}
    assert (await events.revise(session_id, **changes)).status == 200
    path = f"/api/v1/sessions/{session_id}"
    ada, gone = await events.registered(session_id, answers={"diet": "vegan"}), str(uuid4())
    said = {"name": "Ada Anders", "answers": {"diet": "fisch"}}
    assert (await events.ask("PUT", f"/api/v1/registrations/{ada}", said, If_Match="*")).status == 200
    await events.register(session_id, person=gone, member=True)
    bob = await events.registered(session_id, member=True)
    await events.ask("POST", f"/api/v1/registrations/{ada}/confirmations")
    await a_life_of_questions(events, session_id, gone)
    await events.ask("POST", f"/api/v1/registrations/{ada}/calendar-addresses")
    await events.ask("POST", f"/api/v1/registrations/{await events.token_of(gone)}/calendar-addresses")
    await erase(events, gone)
    await events.ask("POST", f"/api/v1/registrations/{ada}/withdrawals")
    asking = {"answer_by": "2025-08-20T12:00:00+02:00", "unanswered": "go"}
    august = {"starts_at": "2025-08-28T10:00:00+02:00", "reason": "Krankheit"}
    await events.done("POST", f"{path}/postponements", august | asking)
    assert (await events.ask("POST", f"/api/v1/registrations/{bob}/reconfirmations")).status == 200
    await events.done("POST", f"{path}/postponements", {"starts_at": None, "reason": "Krankheit"})
    await events.done("POST", f"{path}/postponements", {"starts_at": "2025-09-25T10:00:00+02:00", "reason": "gefunden"})
    assert (await events.ask("POST", f"/api/v1/registrations/{bob}/reconfirmations")).status == 200
    await events.registered(session_id)
    await asked(events, session_id)
    await tend(events)
    await events.done("POST", f"{path}/cancellations", {"reason": "abgesagt"})
    await events.done("POST", f"{path}/reinstatements")
    await events.done("POST", f"{path}/cancellations", {"reason": "wieder abgesagt"})
    return session_id


@pytest.fixture(scope="module")
async def lived(module_events: Events) -> str:
    return await a_life_of_everything(module_events)


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.name)
async def test_nothing_differs_after_a_rebuild(events: Events, lived: str, projection: Projection) -> None:
    async def seen() -> list[Any]:
        path = f"/api/v1/sessions/{lived}"
        project = (await events.get(path))["agenda"]["planned"][0]["project_id"]
        about = f"/api/v1/sessions?project={project}"
        paths = (
            path,
            f"{path}/registrations",
            f"{path}/agenda",
            f"{path}/agenda?version=1",
            about,
            f"{path}/questions",
        )
        return [await events.get(each, EDITOR) for each in paths]

    before = await seen()
    rebuilt = await rebuild(events.dsn, events.journal, projection)
    assert rebuilt.events > 10
    assert rebuilt.different == ()
    assert await seen() == before
    assert len(before[1]["items"]) == 3, "nobody erased comes back"
    assert [one["reconfirmed_at"] is None for one in before[1]["items"]] == [True, False, True]
    assert [len(before[2]["versions"]), len(before[3]["planned"]), len(before[4]["items"])] == [2, 1, 1]
    assert [item["status"] for item in before[5]["items"]] == ["answered", "answered", "submitted"]
