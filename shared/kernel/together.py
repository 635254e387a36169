"""Doing by one piece of work what many ask for at once.

Whoever asks while a round is under way waits for the next one, which serves all who wait by then: the busier it is, the
more are served by a round, and one who is alone waits for nobody. A round begins after everyone in it has asked, so no
answer is older than its question. All whom a round answers go on at the same moment, and so come together to the next
place of this kind.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

MOST = 500


class _Asker[Q, A]:
    """Somebody who waits. `told` is done when there is an answer, or when it is this one's turn to do the work."""

    def __init__(self, question: Q) -> None:
        self.question = question
        self.told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.answers: list[A] = []
        self.error: Exception | None = None

    @property
    def answered(self) -> bool:
        return bool(self.answers) or self.error is not None

    def tell(self) -> None:
        if not self.told.done():
            self.told.set_result(None)

    def answer(self) -> A:
        if self.error is not None:
            raise self.error
        return self.answers[0]


class Together[Q, A]:
    """Gathers questions for `work`, which answers them in their order.

    What `work` raises, everyone in the round gets. It must bear being done again: when the task that does it is
    cancelled, the others of its round are served by the next.
    """

    def __init__(self, work: Callable[[Sequence[Q]], Awaitable[Sequence[A]]], most: int = MOST) -> None:
        self._work = work
        self._most = most
        self._waiting: list[_Asker[Q, A]] = []
        self._at_work = False

    async def ask(self, question: Q) -> A:
        """The answer to one question."""
        asker: _Asker[Q, A] = _Asker(question)
        self._waiting.append(asker)
        if self._at_work:
            await self._wait(asker)
        if not asker.answered:
            await self._work_until_answered(asker)
        return asker.answer()

    async def _wait(self, asker: _Asker[Q, A]) -> None:
        try:
            await asker.told
        except asyncio.CancelledError:
            self._waiting = [each for each in self._waiting if each is not asker]
            if asker.told.done() and not asker.told.cancelled() and not asker.answered:
                self._hand_over()
            raise

    async def _work_until_answered(self, asker: _Asker[Q, A]) -> None:
        self._at_work = True
        try:
            while not asker.answered:
                await self._round()
        finally:
            self._waiting = [each for each in self._waiting if each is not asker]
            self._hand_over()

    def _hand_over(self) -> None:
        """The next who waits does the work from now on, if there is one."""
        following = next((each for each in self._waiting if not each.told.done()), None)
        self._at_work = following is not None
        if following is not None:
            following.tell()

    async def _round(self) -> None:
        await asyncio.sleep(0)  # whoever was let go by something else at the same moment comes along
        served, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        try:
            answers = await self._work([each.question for each in served])
        except Exception as error:  # noqa: BLE001 -- it is raised by everyone who asked
            for each in served:
                each.error = error
        except BaseException:
            self._waiting[:0] = [each for each in served if not each.told.cancelled()]
            raise
        else:
            for each, answer in zip(served, answers, strict=True):
                each.answers.append(answer)
        for each in served:
            each.tell()
