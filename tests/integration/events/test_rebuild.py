"""Read models built anew from the journal are what they were."""

from typing import Any
from uuid import uuid4

import pytest

from services.events.records import PROJECTIONS
from shared.kernel.projection import Projection
from shared.kernel.rebuild import rebuild
from tests.integration.events.conftest import EDITOR, Events
from tests.integration.events.test_registrations_http import erase


async def a_life_of_everything(events: Events) -> str:
    session_id = await events.open_session(capacity=1, ends_at="2025-07-31T11:00:00+02:00")
    path = f"/api/v1/sessions/{session_id}"
    ada, gone = await events.registered(session_id), str(uuid4())
    await events.register(session_id, person=gone, member=True)
    await events.registered(session_id, member=True)
    await events.ask("POST", f"/api/v1/registrations/{ada}/confirmations")
    await erase(events, gone)
    await events.ask("POST", f"/api/v1/registrations/{ada}/withdrawals")
    await events.done("POST", f"{path}/postponements", {"starts_at": None, "reason": "Krankheit"})
    await events.done("POST", f"{path}/postponements", {"starts_at": "2025-09-25T10:00:00+02:00", "reason": "gefunden"})
    await events.registered(session_id)
    await events.done("POST", f"{path}/cancellations", {"reason": "abgesagt"})
    await events.done("POST", f"{path}/reinstatements")
    await events.done("POST", f"{path}/cancellations", {"reason": "wieder abgesagt"})
    return session_id


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.name)
async def test_nothing_differs_after_a_rebuild(events: Events, projection: Projection) -> None:
    session_id = await a_life_of_everything(events)

    async def seen() -> list[Any]:
        path = f"/api/v1/sessions/{session_id}"
        return [await events.get(path), await events.get(f"{path}/registrations", EDITOR)]

    before = await seen()
    rebuilt = await rebuild(events.dsn, events.journal, projection)
    assert rebuilt.events > 10
    assert rebuilt.different == ()
    assert await seen() == before
    assert len(before[1]["items"]) == 3, "nobody erased comes back"
