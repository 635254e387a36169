"""Doing by one piece of work what many ask for at once.

Whoever asks while a round is under way waits for the next one, which serves all who wait by then: the busier it is, the
more are served by a round, and one who is alone waits for nobody. A round begins after everyone in it has asked, so no
answer is older than its question.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

MOST = 500


class Together[Q, A]:
    """Gathers questions for `work`, which answers them in their order.

    What `work` raises, everyone in the round gets. It must bear being done again: when the task that does it is
    cancelled, the others of its round are served by the next.
    """

    def __init__(self, work: Callable[[Sequence[Q]], Awaitable[Sequence[A]]], most: int = MOST) -> None:
        self._work = work
        self._most = most
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self._turn = asyncio.Lock()

    async def ask(self, question: Q) -> A:
        """The answer to one question."""
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        try:
            async with self._turn:
                while not answer.done():
                    await self._round()
            return answer.result()
        finally:
            answer.cancel()  # whoever goes away needs no answer

    async def _round(self) -> None:
        there = [(question, answer) for question, answer in self._waiting if not answer.done()]
        served, self._waiting = there[: self._most], there[self._most :]
        try:
            answers = await self._work([question for question, _ in served])
        except Exception as error:  # noqa: BLE001 -- it is raised by everyone who asked
            for _, answer in served:
                _fail(answer, error)
        except BaseException:
            self._waiting[:0] = served
            raise
        else:
            for (_, answer), found in zip(served, answers, strict=True):
                if not answer.done():
                    answer.set_result(found)


def _fail[A](answer: "asyncio.Future[A]", error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
        answer.exception()  # whoever asked may have gone
