"""The events service while nobody answers for the catalogue."""

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
