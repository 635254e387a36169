"""What is happening, in one place for all open streams of this process.

One reader asks the notification service for what is new, of everybody, and waits there until there is something. What
it gets is kept as it goes over the wire, the newest so and so many, and every stream reads from there at its own pace:
none has a buffer of its own, and one that falls behind what is kept is cut.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson
import structlog
from pydantic import BaseModel, ValidationError
from yarl import URL

from services.gateway.upstream import Down, Upstream
from shared.kernel.identity import ANONYMOUS

PATH = "/internal/live"
KEPT = 2000
PART = 500
LONGEST_WAIT = 5.0
RETRY = 1.0

log = structlog.get_logger()


class Place(NamedTuple):
    """Where a stream stands: behind the item with this number; `id` is what clients keep."""

    number: int
    id: str


class Item(NamedTuple):
    """One thing that is told, as it is sent; for everybody unless it names a person."""

    place: Place
    person_id: str | None
    frame: bytes


class Part(NamedTuple):
    """What follows a place. `reset`: it is not known any more what does, and `last` is where to begin."""

    items: list[Item]
    last: Place
    reset: bool


class Behind(Exception):
    """What follows a place is not kept here; the service may still know it."""


class _Told(BaseModel):
    id: str
    person_id: str | None
    type: str
    body: str


class _Answered(BaseModel):
    items: list[_Told]
    last: str
    reset: bool


def place_of(text: str) -> Place:
    """The place that an id names; `ValueError` for what is none."""
    number, dash, mark = text.partition("-")
    if not (dash and number.isascii() and number.isdecimal() and len(number) < 19):
        raise ValueError("no place")
    if len(mark) != 8 or not set(mark) <= set("0123456789abcdef") or number != str(int(number)):
        raise ValueError("no place")
    return Place(int(number), text)


@dataclass(slots=True)
class Hub:
    """What is kept. `floor`: everything behind it is here; None until the reader has begun."""

    floor: int | None = None
    last: Place = field(default_factory=lambda: Place(0, "0-00000000"))
    closed: bool = False
    resets: int = 0
    _items: list[Item] = field(default_factory=list)
    _grown: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self, part: Part) -> None:
        """The first that the reader got, or what it begins anew with: nothing from before counts."""
        self.resets += self.floor is not None
        self._items = list(part.items)
        self.floor = part.items[0].place.number - 1 if part.items else part.last.number
        self.last = part.last
        self._ring()

    def add(self, part: Part) -> None:
        """What came next."""
        self._items += part.items
        self.last = part.last
        if len(self._items) >= 2 * KEPT:
            del self._items[:-KEPT]
            self.floor = self._items[0].place.number - 1
        if part.items:
            self._ring()

    def close(self) -> None:
        """Ends all streams."""
        self.closed = True
        self._ring()

    def next(self) -> asyncio.Event:
        """Set when there is more than there was when this was asked for: ask before you look."""
        return self._grown

    def after(self, place: Place) -> list[Item]:
        """Everything behind a place, of everybody; `Behind` where that is not known here."""
        if self.floor is None or place.number < self.floor:
            raise Behind
        begin = bisect_right(self._items, place.number, key=lambda item: item.place.number)
        if begin and self._items[begin - 1].place.number == place.number and self._items[begin - 1].place != place:
            raise Behind
        return self._items[begin:]

    def knows(self, place: Place) -> bool:
        """Whether this very item is here, or is the end."""
        if place == self.last:
            return True
        begin = bisect_right(self._items, place.number, key=lambda item: item.place.number)
        return begin > 0 and self._items[begin - 1].place == place

    def _ring(self) -> None:
        self._grown.set()
        self._grown = asyncio.Event()


@dataclass(frozen=True, slots=True)
class LiveReader:
    """Fills the hub, and asks the service for what a single stream has missed."""

    upstream: Upstream
    hub: Hub
    wait: float = LONGEST_WAIT

    async def run(self) -> None:
        """Reads for ever; a service that is away is waited for, and nothing is lost meanwhile."""
        waiting = False
        while True:
            try:
                await self.step()
            except (Down, ValidationError, ValueError) as error:
                if not waiting:
                    log.warning("live_waits", reason=type(error).__name__)
                waiting = True
                await asyncio.sleep(RETRY)
            else:
                waiting = False

    async def step(self) -> None:
        """One question to the service, and what comes of it."""
        if self.hub.floor is None:
            self.hub.begin(await self._ask(everyone="true", back=str(KEPT // 2), limit="1000"))
            return
        part = await self._ask(everyone="true", after=self.hub.last.id, wait=str(self.wait), limit="1000")
        if part.reset:
            log.warning("live_begins_anew", had=self.hub.last.number, has=part.last.number)
            self.hub.begin(part)
        else:
            self.hub.add(part)

    async def missed(self, place: Place | None, person_id: str | None) -> Part:
        """What follows a place for everybody and this person; without a place, nothing, but where the end is."""
        query = {"limit": str(PART)}
        if place is not None:
            query["after"] = place.id
        if person_id is not None:
            query["person"] = person_id
        return await self._ask(**query)

    async def _ask(self, **query: str) -> Part:
        target = str(URL.build(path=PATH, query=query))
        answer = await self.upstream.fetch("notify", "GET", target, identity=ANONYMOUS, headers={})
        if answer.status != 200:
            raise Down("notify")
        found = _Answered.model_validate(orjson.loads(answer.content))
        return Part(list(map(_item, found.items)), place_of(found.last), found.reset)


def _item(told: _Told) -> Item:
    return Item(place_of(told.id), told.person_id, frame(told.id, told.type, told.body))


def frame(place: str, event: str, data: str) -> bytes:
    """An event as it is sent; neither the name nor the data has line ends."""
    return f"id: {place}\nevent: {event}\ndata: {data}\n\n".encode()


def visible(items: Sequence[Item], person_id: str | None) -> list[Item]:
    """Those for everybody, and for this person."""
    return [item for item in items if item.person_id is None or (person_id is not None and item.person_id == person_id)]
