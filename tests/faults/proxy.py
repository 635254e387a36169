"""A TCP proxy that makes a network bad: slow, trickling, narrow, held up, swallowing, or gone with a reset."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

CHUNK = 64 * 1024
GREETING = 600
TRICKLED = 60
NO_LINGER = struct.pack("ii", 1, 0)  # closing then sends a reset
INFINITE = float("inf")


@dataclass(frozen=True, slots=True)
class Weather:
    """How links are at present: each read waits `latency` seconds, and at most `rate` bytes pass a second.

    `trickling`: bytes pass one by one at first, then in odd pieces, so that no message comes in one read.
    """

    latency: float = 0.0
    rate: float = INFINITE
    trickling: bool = False

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What is written at once."""
        size = 1 if self.trickling else CHUNK
        start = 0
        while start < len(data):
            yield data[start : start + size]
            start += size
            if start >= TRICKLED:
                size = max(size, 997)


@dataclass(slots=True, eq=False)
class Link:
    """One connection through the proxy. `greeting` is what the client said first: who it is stands there."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    greeting: bytes = b""
    swallowing: bool = False
    _flowing: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._flowing.set()

    def swallow(self) -> None:
        """Half open, for ever: nothing arrives on either side, not even that the other one has gone."""
        self.swallowing = True
        self._flowing.set()

    def stall(self) -> None:
        """What is sent arrives only after `resume`, as after a partition."""
        self._flowing.clear()

    def resume(self) -> None:
        """Lets pass what was held."""
        self._flowing.set()

    def reset(self) -> None:
        """Both sides get a reset in the middle of whatever they do."""
        abort(self.client)
        abort(self.server)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, proxy: "Proxy") -> None:
        """Moves bytes in one direction until one of the sides closes; then the other is told, if the link can."""
        end: Callable[[asyncio.StreamWriter], None] = abort
        try:
            while data := await reader.read(CHUNK):
                if writer is self.server and len(self.greeting) < GREETING:
                    self.greeting += data[:GREETING]
                await self._pass(data, writer, proxy.weather)
            end = asyncio.StreamWriter.close
        except OSError:
            pass
        if not self.swallowing:
            end(writer)

    async def _pass(self, data: bytes, writer: asyncio.StreamWriter, weather: Weather) -> None:
        await asyncio.sleep(weather.latency)
        for piece in weather.pieces(data):
            await self._flowing.wait()
            if self.swallowing:
                return
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(len(piece) / weather.rate)


@dataclass(slots=True)
class Proxy:
    """Stands between clients and one server. `links` are all that are open, if only for one of their sides."""

    target: int
    port: int = 0
    weather: Weather = field(default_factory=Weather)
    links: list[Link] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def redirected(self, address: str) -> str:
        """An address of the server, by way of this proxy."""
        return address.replace(f"127.0.0.1:{self.target}", f"127.0.0.1:{self.port}")

    def blow(self, dice: Random) -> None:
        """Other weather, and something happens to some of the links."""
        self.weather = Weather(
            dice.choice((0.0, 0.0, 0.002, 0.02)), dice.choice((INFINITE, 300_000.0)), dice.random() < 0.5
        )
        sound = [link for link in self.links if not link.swallowing]
        for link in dice.sample(sound, k=-(-len(sound) // 3)):
            dice.choice((link.reset, link.swallow, link.stall, link.resume))()

    def clear_up(self) -> None:
        """Fine weather, and what was held passes; a link that has swallowed anything stays as it is."""
        self.weather = Weather()
        for link in self.links:
            link.resume()

    def swallow(self, wanted: Callable[[Link], bool] = lambda _: True) -> list[Link]:
        """Makes links half open; gives them."""
        chosen = [link for link in self.links if wanted(link) and not link.swallowing]
        for link in chosen:
            link.swallow()
        return chosen

    async def serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        """One connection."""
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            answers, server = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            abort(client)
            return
        link = Link(client, server)
        self.links.append(link)
        try:
            await asyncio.gather(link.carry(reader, server, self), link.carry(answers, client, self))
        finally:
            self.links.remove(link)
            link.reset()
            self.tasks.discard(task)


@asynccontextmanager
async def proxy(target: int) -> AsyncIterator[Proxy]:
    """A proxy before a local server."""
    made = Proxy(target)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        for task in made.tasks:
            task.cancel()
        await asyncio.gather(*made.tasks, return_exceptions=True)


def abort(writer: asyncio.StreamWriter) -> None:
    """Closes a socket with a reset; what was not sent yet is lost."""
    found = writer.get_extra_info("socket")
    if found is not None and found.fileno() >= 0:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    writer.transport.abort()
