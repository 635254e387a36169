"""A long body on its way in: written to disk as it comes, into a file without a name.

Nothing of it is left when whoever reads it is done, when the client goes in the middle, or when the process is killed.
"""

import asyncio
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO

from aiohttp import web

from shared.kernel import digests
from shared.kernel.problems import Problem

PROBLEMS: dict[str, tuple[int, str, str, str | None]] = {
    "digest_mismatch": (
        422,
        "Prüfsumme stimmt nicht",
        "Digest does not match",
        "Was angekommen ist, hat eine andere Prüfsumme als angegeben. Bitte laden Sie die Datei noch einmal hoch.",
    ),
    "too_many_uploads": (
        503,
        "Zurzeit werden viele Dateien hochgeladen",
        "Too many uploads",
        "Bitte versuchen Sie es in einigen Augenblicken noch einmal.",
    ),
}
"""For the table of a service that takes long files."""
SPOOL_CODES = (*PROBLEMS, "request_timeout")

TOGETHER = 1024 * 1024
PATIENCE = 30.0
"""Seconds in which something must come."""
AT_ONCE = 4
"""How many bodies a process writes at the same time; the next ones are asked to come again."""

_taken = 0


@dataclass(frozen=True, slots=True)
class Spooled:
    """A whole body on disk."""

    file: BinaryIO
    size: int
    sha256: str

    async def part(self, start: int, length: int) -> bytes:
        """At most `length` bytes from `start` on."""
        return await asyncio.to_thread(os.pread, self.file.fileno(), length, start)


@asynccontextmanager
async def spooled(request: web.Request, most: int) -> AsyncIterator[Spooled]:
    """A request's body of at most `most` bytes, and what a client stated of it is true.

    Else `body_too_large`, `request_timeout`, `digest_mismatch`; `too_many_uploads` when others are at it.
    """
    global _taken  # noqa: PLW0603 -- of the process, like the disk it writes to
    wanted = digests.stated(request.headers)
    if (request.content_length or 0) > most:
        raise Problem("body_too_large")
    if _taken >= AT_ONCE:
        raise Problem("too_many_uploads")
    _taken += 1
    try:
        with tempfile.TemporaryFile() as file:
            size, sha256 = await _written(request, file, most)
            if wanted not in (None, sha256):
                raise Problem("digest_mismatch")
            yield Spooled(file, size, sha256)
    finally:
        _taken -= 1


async def _written(request: web.Request, file: BinaryIO, most: int) -> tuple[int, str]:
    size, seen, waiting = 0, hashlib.sha256(), bytearray()

    def write() -> None:
        seen.update(waiting)
        file.write(waiting)
        waiting.clear()

    while part := await _next(request):
        size += len(part)
        if size > most:
            raise Problem("body_too_large")
        waiting += part
        if len(waiting) >= TOGETHER:
            await asyncio.to_thread(write)
    await asyncio.to_thread(write)
    await asyncio.to_thread(file.flush)
    return size, seen.hexdigest()


async def _next(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(PATIENCE):
            return await request.content.readany()
    except TimeoutError as late:
        raise Problem("request_timeout") from late
