"""Work that goes on while something else is done."""

import asyncio
from collections.abc import Coroutine
from typing import Any


def begun[T](work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """A task that is under way when this returns: its work is done up to where it first waits for something."""
    return asyncio.Task(work, loop=asyncio.get_running_loop(), eager_start=True)
