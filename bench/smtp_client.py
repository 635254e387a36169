"""The sink that takes mails (`smtp_sink.py`), and what it is asked."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.servers import Servers
from shared.embedded.process import end, spawn

PATIENCE = 10.0


class Asked:
    """A conversation with the sink about what it has taken."""

    def __init__(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.port = port
        self._reader = reader
        self._writer = writer

    async def count(self) -> tuple[int, float]:
        """How many mails, and when the last was taken."""
        counted, last = (await self._said("XCOUNT")).split()
        return int(counted), float(last)

    async def when(self, address: str) -> float | None:
        """When this one had its last mail."""
        return float(await self._said(f"XWHEN {address}")) or None

    async def forget(self) -> None:
        """Begins to count anew."""
        await self._said("XFORGET")

    async def _said(self, asked: str) -> str:
        self._writer.write(f"{asked}\r\n".encode())
        return (await self._reader.readline()).decode().removeprefix("250 ")


@asynccontextmanager
async def sink(servers: Servers, port: int) -> AsyncIterator[Asked]:
    """Runs it as long as it is needed."""
    command = [sys.executable, "-m", "bench.smtp_sink", str(port)]
    log = servers.folder / "logs" / "sink.log"
    process = await servers.supervision.do(spawn(command, record=servers.folder / "sink.json", log=log))
    try:
        asked = await _greeted(port)
        yield asked
    finally:
        await servers.supervision.do(end(process))


async def _greeted(port: int) -> Asked:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)
                continue
            await reader.readline()
            return Asked(port, reader, writer)
