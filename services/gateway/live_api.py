"""The live stream: server-sent events for everybody, and beside them for whoever is signed in what concerns them.

A stream that is taken up again where it was left (`Last-Event-ID`) goes on behind it, with nothing lost or told twice;
when that is not possible any more it says `reset`. It ends by itself after about an hour, to be taken up again; that of
a person also moments after the token was revoked.
"""

import asyncio
import random
import resource
from collections import Counter
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import structlog
from aiohttp import web

from services.gateway import tokens
from services.gateway.limits import network_asking
from services.gateway.live_hub import Behind, Hub, Item, LiveReader, Place, frame, place_of, visible
from services.gateway.people import People
from services.gateway.tokens import Holders
from services.gateway.upstream import Down
from shared.kernel.endpoint import Call, Endpoint
from shared.kernel.postgres import CONNECTION_LOST
from shared.kernel.problems import Problem

HEARTBEAT = 15.0
PATIENCE = 10.0
LIFE = 3600.0
RETRY_MS = 3000
OTHER_FILES = 1024
HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}

log = structlog.get_logger()


class NotTaken(Exception):
    """Nobody reads what is sent, or not as fast as it comes."""


@dataclass(slots=True)
class Open:
    """How many streams are open: at most `most`, and `of_network` of one network. None: as many as come."""

    most: int | None
    of_network: int | None
    total: int = 0
    _networks: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def one(self, network: str) -> Iterator[None]:
        """One more, while the context lasts; `too_many_requests`, or `unavailable` when the house is full."""
        if self.of_network is not None and self._networks[network] >= self.of_network:
            raise Problem("too_many_requests", headers={"Retry-After": "60"})
        if self.most is not None and self.total >= self.most:
            raise Problem("unavailable", headers={"Retry-After": "60"})
        self.total += 1
        self._networks[network] += 1
        try:
            yield
        finally:
            self.total -= 1
            self._networks[network] -= 1
            if not self._networks[network]:
                del self._networks[network]


def room_for(streams: int) -> int:
    """Has the system let this process have so many streams open, and all else it needs; gives how many it allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = streams + OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return streams
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        log.warning("few_open_files", wanted=wanted, allowed=allowed)
    return max(allowed - OTHER_FILES, allowed // 4)


@dataclass(frozen=True, slots=True)
class Live:
    """The endpoint's handler."""

    hub: Hub
    reader: LiveReader
    people: People
    holders: Holders
    open: Open
    trusted_proxies: int
    heartbeat: float = HEARTBEAT
    patience: float = PATIENCE

    async def stream(self, call: Call) -> web.StreamResponse:
        """Everything that happens from now on, or since it was left."""
        request = call.request
        if request.method == "HEAD":
            return web.Response(headers=HEADERS)
        if self.hub.floor is None or self.hub.closed:
            raise Down("notify")
        with self.open.one(network_asking(request, self.trusted_proxies)):
            telling = _Telling(self, request, await self.person(request))
            return await telling.tell(request.headers.get("Last-Event-ID", ""))

    async def person(self, request: web.Request) -> str | None:
        """Whose token came with the request, if it is a person's, and in use."""
        token = tokens.borne_by(request.headers)
        holder = await self.holders.of(token) if token else None
        return await self.people.behind(holder.lookup) if holder is not None and holder.lookup is not None else None


class _Telling:
    """One open stream."""

    def __init__(self, live: Live, request: web.Request, person_id: str | None) -> None:
        self._live = live
        self._hub = live.hub
        self._request = request
        self._person_id = person_id
        self._response = web.StreamResponse(headers=HEADERS)
        self._place = live.hub.last
        self._resets = live.hub.resets
        self._seconds = asyncio.get_running_loop().time
        self._sent_at = 0.0
        self._known_at = self._seconds()

    async def tell(self, left_at: str) -> web.StreamResponse:
        """Sends what comes until the client goes, or does not take it, or the stream has lived long enough."""
        frames = await self._begin(left_at)
        await self._response.prepare(self._request)
        until = self._seconds() + LIFE * random.uniform(0.8, 1.2)  # noqa: S311 -- spreads load
        try:
            await self._send(frames)
            await self._catch_up_from_afar()
            while not self._hub.closed and self._seconds() < until and await self._still_known():
                more = self._hub.next()
                await self._catch_up()
                await self._wait(more)
            await self._in_time(self._response.write_eof())
        except NotTaken:
            log.info("live_stream_cut")
            if self._request.transport is not None:
                self._request.transport.abort()
        return self._response

    async def _still_known(self) -> bool:
        """Whether the token is still the person's; asked now and then. While nobody can say, it is."""
        if self._person_id is None or self._seconds() < self._known_at + self._live.heartbeat:
            return True
        self._known_at = self._seconds()
        with suppress(*CONNECTION_LOST):
            return await self._live.person(self._request) == self._person_id
        return True

    async def _begin(self, left_at: str) -> list[bytes]:
        """Finds the place to go on from, and what is sent first; what fails here is still a problem."""
        left = _left(left_at)
        first = f"retry: {RETRY_MS}\n\n".encode()
        items: list[Item] = []
        anew = left is None
        if self._person_id is None and left is not None and self._hub.knows(left):
            self._place = left
        elif self._person_id is not None or left is not None:
            part = await self._live.reader.missed(left, self._person_id)
            self._place, items, anew = part.last, part.items, anew or part.reset
        if anew:
            first += frame(self._place.id, "reset" if left_at else "hello", "{}")
        return [first, *(item.frame for item in items)]

    async def _catch_up_from_afar(self) -> None:
        """Sends what is not kept here any more."""
        while self._hub.floor is not None and self._place.number < self._hub.floor:
            try:
                part = await self._live.reader.missed(self._place, self._person_id)
            except Down as down:
                raise NotTaken from down
            if part.reset:
                await self._reset(part.last)
            else:
                self._place = part.last
                await self._send([item.frame for item in part.items])

    async def _catch_up(self) -> None:
        """Sends everything that is there; in parts, since more may come meanwhile."""
        while True:
            if self._hub.resets != self._resets:
                self._resets = self._hub.resets
                await self._reset(self._hub.last)
            try:
                items = self._hub.after(self._place)
            except Behind as behind:
                raise NotTaken from behind
            if not items:
                return
            self._place = items[-1].place
            await self._send([item.frame for item in visible(items, self._person_id)])

    async def _reset(self, place: Place) -> None:
        self._place = place
        await self._send([frame(place.id, "reset", "{}")])

    async def _wait(self, more: asyncio.Event) -> None:
        """Until there is more. Now and then the client is told where it stands, so that it finds the way back."""
        left = self._sent_at + self._live.heartbeat - self._seconds()
        try:
            async with asyncio.timeout(max(left, 0)):
                await more.wait()
        except TimeoutError:
            await self._send([f"id: {self._place.id}\n\n".encode()])

    async def _send(self, frames: Sequence[bytes]) -> None:
        if frames:
            await self._in_time(self._response.write(b"".join(frames)))
            self._sent_at = self._seconds()

    async def _in_time(self, sent: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(self._live.patience):
                await sent
        except (TimeoutError, ConnectionError) as late:
            raise NotTaken from late


def _left(text: str) -> Place | None:
    """Where a client left, None for what is no place."""
    try:
        return place_of(text)
    except ValueError:
        return None


def endpoints(live: Live) -> list[Endpoint]:
    """The stream."""
    return [
        Endpoint(
            "GET",
            "/api/v1/stream",
            live.stream,
            "What is happening, as server-sent events",
            media_type="text/event-stream",
            codes=("too_many_requests",),
            description=(
                "Each event is named after its contract; its data says what happened, when, and to what, in ids only. "
                "With the token of a person, `message` says that there is a message for that person. `Last-Event-ID` "
                "goes on where the stream was left; `reset` says that this is not possible any more, `hello` begins."
            ),
        )
    ]
