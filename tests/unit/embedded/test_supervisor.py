"""A child is started again however its end or its start went."""

import asyncio
from typing import cast

import pytest

from shared.embedded import supervisor
from shared.embedded.process import StartFailed


class Ended:
    """A process that has ended."""

    async def wait(self) -> int:
        return 1


class Stubborn:
    """A child whose first starts fail, each in its own way."""

    def __init__(self, *failures: Exception) -> None:
        self.process: asyncio.subprocess.Process | None = cast("asyncio.subprocess.Process", Ended())
        self._failures = list(failures)

    async def start(self) -> None:
        if self._failures:
            raise self._failures.pop(0)

    async def stop(self) -> None:
        raise AssertionError("nobody asked for that")


async def test_a_start_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_DELAY", 0.001)
    noticed: list[str] = []
    up = asyncio.Event()
    child = Stubborn(StartFailed("it did not start"), OSError(28, "No space left on device"))
    keeping = asyncio.create_task(supervisor.keep(child, noticed.append, up.set))
    async with asyncio.timeout(10):
        await asyncio.wait({keeping, asyncio.create_task(up.wait())}, return_when=asyncio.FIRST_COMPLETED)
    assert up.is_set(), keeping
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert "it did not start" in noticed
    assert "[Errno 28] No space left on device" in noticed


async def test_what_ends_again_and_again_is_waited_for_longer_but_never_long(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 12:
            raise asyncio.CancelledError

    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await supervisor.keep(Stubborn(), lambda _: None, lambda: None)
    assert waits == sorted(waits)
    assert (waits[0], max(waits)) == (0.2, 3.0)
