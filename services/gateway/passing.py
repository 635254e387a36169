"""Long files on their way to a service: passed on part by part as they come, and never held whole.

Only those whom we know may send one, within a limit, and not slower than a slow line: a client that dribbles would keep
a service busy. A body that breaks off, or is refused here, breaks off for the service, too, which keeps nothing of it.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from aiohttp import hdrs, web

from shared.kernel.problems import Problem

STREAMED: Final = re.compile(r"/api/v1/sessions/[^/]+/materials(/[^/]+/files)?")
"""Where long files are taken."""
STALLED: Final = 20.0
SLOWEST: Final = 32 * 1024  # bytes a second, on average


def takes_long_files(request: web.Request) -> bool:
    """Whether a request goes where long files are taken."""
    return request.method == hdrs.METH_POST and STREAMED.fullmatch(request.rel_url.raw_path) is not None


@dataclass(slots=True)
class Passing:
    """A request's body of at most `most` bytes. `problem` is why it was not passed on to its end."""

    request: web.Request
    most: int
    problem: Problem | None = None

    def headers(self) -> dict[str, str]:
        """Its length, if the client said so, for the service to judge before it reads; `body_too_large` if we can."""
        if self.request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
            raise Problem("unsupported_media_type", "Dateien werden unkomprimiert angenommen.")
        length = self.request.content_length
        if (length or 0) > self.most:
            raise Problem("body_too_large")
        return {} if length is None else {hdrs.CONTENT_LENGTH: str(length)}

    async def parts(self) -> AsyncIterator[bytes]:
        """The body as it comes."""
        loop = asyncio.get_running_loop()
        until = loop.time() + STALLED + (self.request.content_length or self.most) / SLOWEST
        size = 0
        while part := await self._next(min(STALLED, until - loop.time())):
            size += len(part)
            if size > self.most:
                raise self._failed("body_too_large")
            yield part

    async def _next(self, patience: float) -> bytes:
        try:
            async with asyncio.timeout(patience):
                return await self.request.content.readany()
        except TimeoutError as slow:
            raise self._failed("request_timeout") from slow

    def _failed(self, code: str) -> Problem:
        self.problem = Problem(code)
        return self.problem
