"""The catalogue as the events service sees it: who answers `rpc.catalog.known`, or does not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from shared.contracts.rpc import KnownAnswered, KnownAsked
from shared.embedded.nats import EmbeddedNats
from shared.kernel.bus import Bus, connect
from shared.kernel.problems import Problem
from shared.kernel.rpc import RpcEndpoint, ask, serve_rpc

UNKNOWN = {"astrology", "no_such_topic", "05999999", "99999999-9999-4999-8999-999999999999"}


@dataclass
class Catalogue:
    """Knows whatever is not `UNKNOWN`. `asked` is what it was asked, `trouble` what happens to it instead."""

    asked: list[KnownAsked] = field(default_factory=list)
    trouble: Exception | None = None

    async def known(self, asked: KnownAsked) -> KnownAnswered:
        """The answer."""
        self.asked.append(asked)
        if self.trouble:
            raise self.trouble
        return KnownAnswered(
            unknown_topics=tuple(code for code in asked.topics if code in UNKNOWN),
            unknown_ags=tuple(ags for ags in asked.ags if ags in UNKNOWN),
            unknown_projects=tuple(each for each in asked.projects if each in UNKNOWN),
            unknown_organisations=tuple(key for key in asked.organisations if key in UNKNOWN),
        )


@asynccontextmanager
async def answering(nats: EmbeddedNats, catalogue: Catalogue, asking: Bus) -> AsyncIterator[None]:
    """The catalogue on a connection of its own, once `asking` hears it."""
    bus = await connect(nats.url("catalog"), "test catalog")
    endpoint = RpcEndpoint(KnownAsked.subject, KnownAsked, catalogue.known)
    tasks = [asyncio.create_task(bus.run()), asyncio.create_task(serve_rpc(bus, "catalog", [endpoint]))]
    try:
        async with asyncio.timeout(5):
            while not await _heard(asking):
                await asyncio.sleep(0.02)
        catalogue.asked.clear()
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _heard(asking: Bus) -> bool:
    try:
        await ask(asking, KnownAsked.subject, KnownAsked(), KnownAnswered, timeout=0.2)
    except Problem:
        return False
    return True
