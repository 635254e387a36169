"""The live stream as the gateway reads it: what follows a place, at once or as soon as there is something."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from services.notify import live
from services.notify.live import Grown, Part, Place
from shared.kernel.endpoint import Answer, Call, Endpoint
from shared.kernel.postgres import Pool

PATH = "/internal/live"
PLACE = r"^(0|[1-9]\d{0,17})-[0-9a-f]{8}$"


class LiveQuery(BaseModel):
    """Which part of the stream."""

    model_config = ConfigDict(frozen=True)

    after: str | None = Field(
        default=None, pattern=PLACE, description="The id that was read last; without it nothing is told but the end."
    )
    person: str | None = Field(default=None, max_length=100, description="Whose items are told, too.")
    everyone: bool = Field(default=False, description="Tells everybody's items, for a reader that hands them out.")
    back: int = Field(default=0, ge=0, le=10_000, description="Without `after`: how many items before the end to tell.")
    limit: int = Field(default=500, ge=1, le=1000, description="The most items to answer.")
    wait: float = Field(default=0.0, ge=0, le=25, description="Seconds to wait for something to tell.")


class LiveItem(BaseModel):
    """One thing that is told. `body` is JSON."""

    id: str
    person_id: str | None
    type: str
    body: str


class LivePart(BaseModel):
    """`last` is the `after` of the next part. `reset`: what follows `after` is not known any more; begin at `last`."""

    items: list[LiveItem]
    last: str
    reset: bool


@dataclass(frozen=True, slots=True)
class LiveDesk:
    """Answers readers. Who asks for a person's items has them written as long as the stream is kept."""

    pool: Pool
    grown: Grown
    kept: timedelta

    async def read(self, call: Call) -> Answer:
        """What follows a place."""
        query: LiveQuery = call.query
        if query.person is not None:
            await live.listen(self.pool, query.person, call.at + self.kept)
        after = _place(query.after) if query.after else await live.head(self.pool, query.back)
        part = await self._waited(query, after)
        return Answer(
            LivePart(
                items=[LiveItem(id=i.place.id, person_id=i.person_id, type=i.type, body=i.body) for i in part.items],
                last=part.last.id,
                reset=part.reset,
            )
        )

    async def _waited(self, query: LiveQuery, after: Place) -> Part:
        """What follows, as soon as there is something, or nothing when the time is over."""
        more = self.grown.next()
        part = await self._part(query, after)
        with suppress(TimeoutError):
            async with asyncio.timeout(query.wait):
                while not part.items and not part.reset:
                    await more.wait()
                    more = self.grown.next()
                    part = await self._part(query, after)
        return part

    async def _part(self, query: LiveQuery, after: Place) -> Part:
        return await live.read(self.pool, after, person_id=query.person, everyone=query.everyone, limit=query.limit)


def _place(text: str) -> Place:
    position, _, mark = text.partition("-")
    return Place(int(position), mark)


def endpoints(desk: LiveDesk) -> list[Endpoint]:
    """Where the gateway asks for it."""
    return [Endpoint("GET", PATH, desk.read, "What is happening, in order", query=LiveQuery, answer=LivePart)]
