"""Answers that are sent part by part, as fast as somebody takes them.

Nobody may hold a connection, and what stands behind it, by reading nothing: through the gateway all readers share some
hundred connections to the services.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable

import structlog
from aiohttp import web

SLICE = 1 << 16
PATIENCE = 60.0
"""Seconds in which a slice must be taken: a kilobyte a second is slow, less is nobody."""

log = structlog.get_logger()


class _NotTaken(Exception):
    """Nobody reads any more."""


async def send(
    request: web.Request, response: web.StreamResponse, parts: AsyncIterator[bytes], begin: bytes = b""
) -> None:
    """Sends `begin`, the parts and the end of a prepared answer.

    Where for long nothing is taken, the connection is broken off, so that what was sent never looks whole.
    """
    try:
        await _send(response, begin)
        async for part in parts:
            await _send(response, part)
        await _in_time(response.write_eof())
    except _NotTaken:
        log.warning("answer_not_taken")
        if request.transport is not None:
            request.transport.abort()


async def _send(response: web.StreamResponse, part: bytes) -> None:
    for start in range(0, len(part), SLICE):
        await _in_time(response.write(part[start : start + SLICE]))


async def _in_time(sent: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            await sent
    except TimeoutError as late:
        raise _NotTaken from late
