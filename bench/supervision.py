"""Where child processes are started and ended: a plain asyncio loop in a thread of its own, idle in between.

What is measured runs on uvloop, which starts no process groups.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Self


class Supervision:
    """Enter it to start the thread, leave it to end it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="supervision", daemon=True)

    async def __aenter__(self) -> Self:
        self._thread.start()
        return self

    async def __aexit__(self, *_failure: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def do[T](self, work: Coroutine[Any, Any, T]) -> T:
        """Runs `work` over there and gives what it gives."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    @asynccontextmanager
    async def keeping[T](self, kept: AbstractAsyncContextManager[T]) -> AsyncIterator[T]:
        """Enters and leaves `kept` over there."""
        entered = await self.do(_entered(kept))
        try:
            yield entered
        finally:
            await self.do(_left(kept))


async def _entered[T](kept: AbstractAsyncContextManager[T]) -> T:
    return await kept.__aenter__()


async def _left(kept: AbstractAsyncContextManager[Any]) -> None:
    await kept.__aexit__(None, None, None)
