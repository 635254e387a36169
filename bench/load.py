"""A cheap HTTP client, as a process of its own: `python -m bench.load` reads one JSON `Load` from standard input.

It shares the machine with what it measures, so it does as little as it can: few kept-alive connections, requests that
are bytes beforehand, answers of which only status and length are read.
"""

import asyncio
import statistics
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from typing import cast

import uvloop
from pydantic import BaseModel


class Load(BaseModel):
    """What to send where. With `rate` that many a second are offered, whatever is answered; else as fast as it goes.

    Every body is sent once, to its path or to the only one there is, by whichever of the `clients` connections is free;
    `each` are headers of one body each.
    """

    port: int
    paths: list[str]
    headers: dict[str, str]
    each: list[dict[str, str]] = []
    bodies: list[str]
    clients: int
    rate: float | None = None


class Served(BaseModel):
    """What came of it. Latencies in ms; of an offered rate from when a request was due."""

    per_second: float
    p50: float
    p99: float
    statuses: dict[int, int]
    seconds: float


class Connection(asyncio.Protocol):
    """One connection with at most one request under way; `closed` when the last answer said that it was the last."""

    def __init__(self) -> None:
        self._received = b""
        self._answer: asyncio.Future[int] | None = None
        self._transport: asyncio.Transport | None = None
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its name

    def send(self, request: bytes) -> "asyncio.Future[int]":
        """The status of the answer."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        """Settles the answer once it is whole."""
        self._received += data
        head = self._received.find(b"\r\n\r\n")
        if head < 0 or self._answer is None:
            return
        fields = self._received[:head].lower()
        at = fields.find(b"content-length:")
        length = int(fields[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._received) >= head + 4 + length:
            status, self._received = int(self._received[9:12]), b""
            self.closed = b"\r\nconnection: close" in fields
            self._answer.set_result(status)

    def connection_lost(self, error: Exception | None) -> None:
        """A server that closes before it has answered spoils the measurement."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError(f"closed: {error}"))


@dataclass(slots=True)
class Run:
    """One load under way."""

    load: Load
    requests: deque[bytes]
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    async def as_fast_as_it_goes(self, connection: Connection) -> None:
        """One client: the next request when the last is answered."""
        while self.requests:
            since = time.perf_counter()
            if connection.closed:
                connection = await connect(self.load.port)
            await self._one(connection, self.requests.popleft(), since)

    async def offered(self, connections: list[Connection]) -> None:
        """So many a second, each on a connection that is free; a request that finds none is late from then on."""
        assert self.load.rate is not None
        free: asyncio.Queue[Connection] = asyncio.Queue()
        for connection in connections:
            free.put_nowait(connection)

        async def one(request: bytes, due: float) -> None:
            connection = await free.get()
            await self._one(connection, request, due)
            free.put_nowait(connection)

        began = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for number in range(len(self.requests)):
                due = began + number / self.load.rate
                if (early := due - time.perf_counter()) > 0:
                    await asyncio.sleep(early)
                tasks.create_task(one(self.requests.popleft(), due))

    async def _one(self, connection: Connection, request: bytes, since: float) -> None:
        self.statuses[await connection.send(request)] += 1
        self.latencies.append(time.perf_counter() - since)


async def connect(port: int) -> Connection:
    """A new connection."""
    return (await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port))[1]


async def run(load: Load) -> Served:
    """Sends everything and waits for every answer."""
    connections = [await connect(load.port) for _ in range(load.clients)]
    running = Run(load, deque(map(partial(request_of, load), cycle(load.paths), load.bodies, load.each or cycle([{}]))))
    began = time.perf_counter()
    if load.rate is None:
        await asyncio.gather(*map(running.as_fast_as_it_goes, connections))
    else:
        await running.offered(connections)
    seconds = time.perf_counter() - began
    parts = statistics.quantiles(running.latencies, n=100)
    return Served(
        per_second=len(running.latencies) / seconds,
        p50=parts[49] * 1000,
        p99=parts[98] * 1000,
        statuses=dict(running.statuses),
        seconds=seconds,
    )


def request_of(load: Load, path: str, body: str, own: dict[str, str]) -> bytes:
    """One request on the wire."""
    content = body.encode()
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in (load.headers | own).items()]
    return "\r\n".join([*lines, f"Content-Length: {len(content)}", "", ""]).encode() + content


async def put(load: Load) -> Served:
    """Runs a load in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.load", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate(load.model_dump_json().encode())
    if process.returncode:
        raise RuntimeError("the load generator failed")
    return Served.model_validate_json(said)


if __name__ == "__main__":
    sys.stdout.write(uvloop.run(run(Load.model_validate_json(sys.stdin.buffer.read()))).model_dump_json())
