"""What became of each mail, written down before the next one of its connection is handed over.

All connections that have something to write at the same moment share one statement. A process that dies has handed over
at most one mail for each of its connections that is not written down, and those are sent again with the same
Message-ID.
"""

from collections.abc import Sequence

from services.notify import queue
from services.notify.matter import Claimed
from services.notify.queue import Verdict
from shared.kernel.postgres import Pool
from shared.kernel.together import Together

type Entry = tuple[Verdict | None, Claimed | None]


class Ledger:
    """Writes verdicts, and says of a message in hand whether it may be sent."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._together: Together[Entry, bool] = Together(self._write)

    async def enter(self, verdict: Verdict | None, following: Claimed | None) -> bool:
        """On disk when it returns; whether `following` may be handed over now."""
        return await self._together.ask((verdict, following))

    async def _write(self, entries: Sequence[Entry]) -> list[bool]:
        verdicts = [verdict for verdict, _ in entries if verdict is not None]
        following = [each for _, each in entries if each is not None]
        ours = await queue.finish(self._pool, verdicts, following)
        return [each is not None and each.id in ours for _, each in entries]
