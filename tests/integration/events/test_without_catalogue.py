"""The events service while nobody answers for the catalogue."""

from uuid import uuid4

from services.events.load_content import CONTENT, load
from shared.kernel.bus import Bus
from tests.conftest import Servers
from tests.integration.events.catalogue import answering
from tests.integration.events.conftest import Events, sample


async def test_without_a_catalogue_only_what_needs_it_waits(silent_events: Events, servers: Servers, bus: Bus) -> None:
    events = silent_events
    async with answering(servers.nats, events.catalogue, bus):
        session_id = await events.draft(topics=["treasury"])
    new = sample(await events.series(), topics=["treasury"])
    refused = await events.edit("POST", "/api/v1/sessions", new)
    assert (refused.code, refused.headers["Retry-After"]) == ("503 unavailable", "1")
    assert (await events.revise(session_id, topics=["works_depot"])).code == "503 unavailable"
    assert (await events.revise(session_id, topics=["treasury"], title="Neu")).status == 200
    await events.draft(venue={"name": "Bürgerhalle"})
    loaded = await load(events.journal, events.pool, CONTENT, events.clock.now(), lambda _line: None)
    assert loaded["sessions"] > 0, "history is not looked up"
    async with answering(servers.nats, events.catalogue, bus):
        await events.done("POST", "/api/v1/sessions", new)


async def test_a_repetition_is_answered_as_before_without_a_catalogue(
    silent_events: Events, servers: Servers, bus: Bus
) -> None:
    events, keys = silent_events, {"Idempotency_Key": str(uuid4())}
    new = sample(await events.series(), topics=["treasury"])
    async with answering(servers.nats, events.catalogue, bus):
        drafted = await events.done("POST", "/api/v1/sessions", new, **keys)
        path = f"/api/v1/sessions/{drafted['id']}"
        change = new | {"topics": ["works_depot"]}
        headers = {"Idempotency_Key": str(uuid4()), "If_Match": f'"{drafted["version"]}"'}
        revised = await events.done("PUT", path, change, **headers)
        await events.done("PUT", path, new, If_Match="*")
    assert await events.done("POST", "/api/v1/sessions", new, **keys) == drafted
    assert await events.done("PUT", path, change, **headers) == revised
    other = new | {"topics": ["archive"]}
    assert (await events.edit("POST", "/api/v1/sessions", other, **keys)).code == "422 idempotency_key_reused"
