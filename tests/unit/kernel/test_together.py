"""Many questions, one piece of work."""

import asyncio
from collections.abc import Sequence

import pytest

from shared.kernel.together import Together


class Worker:
    """Doubles numbers, when it may."""

    def __init__(self) -> None:
        self.rounds: list[list[int]] = []
        self.may = asyncio.Event()
        self.begun = asyncio.Event()
        self.raises: Exception | None = None

    async def double(self, numbers: Sequence[int]) -> list[int]:
        self.rounds.append(list(numbers))
        self.begun.set()
        await self.may.wait()
        if self.raises:
            raise self.raises
        return [2 * number for number in numbers]


@pytest.fixture
def worker() -> Worker:
    return Worker()


async def under_way(together: Together[int, int], worker: Worker, *later: int) -> list[asyncio.Task[int]]:
    """A first question whose round is under way, and others that wait behind it."""
    first = asyncio.create_task(together.ask(0))
    await worker.begun.wait()
    tasks = [first, *(asyncio.create_task(together.ask(number)) for number in later)]
    await asyncio.sleep(0)
    return tasks


async def test_whoever_asks_during_a_round_is_served_by_the_next_together(worker: Worker) -> None:
    tasks = await under_way(Together(worker.double), worker, 1, 2, 3)
    worker.may.set()
    assert await asyncio.gather(*tasks) == [0, 2, 4, 6]
    assert worker.rounds == [[0], [1, 2, 3]]


async def test_a_round_has_its_limit(worker: Worker) -> None:
    tasks = await under_way(Together(worker.double, most=2), worker, 1, 2, 3)
    worker.may.set()
    assert await asyncio.gather(*tasks) == [0, 2, 4, 6]
    assert worker.rounds == [[0], [1, 2], [3]]


async def test_what_the_work_raises_everyone_in_the_round_gets(worker: Worker) -> None:
    together = Together(worker.double)
    worker.raises = ValueError("no")
    tasks = await under_way(together, worker, 1, 2)
    worker.may.set()
    assert [type(error) for error in await asyncio.gather(*tasks, return_exceptions=True)] == [ValueError] * 3
    worker.raises = None
    assert await together.ask(4) == 8


async def test_who_is_cancelled_while_waiting_is_not_served(worker: Worker) -> None:
    first, second, third = await under_way(Together(worker.double), worker, 1, 2)
    second.cancel()
    worker.may.set()
    assert [await first, await third] == [0, 4]
    assert worker.rounds == [[0], [2]]


async def test_when_the_one_who_works_is_cancelled_the_others_are_served_all_the_same(worker: Worker) -> None:
    together = Together(worker.double)
    first, *others = await under_way(together, worker, 1, 2)
    first.cancel()
    worker.may.set()
    assert await asyncio.gather(*others) == [2, 4]
    assert first.cancelled()
    assert worker.rounds == [[0], [1, 2]]
