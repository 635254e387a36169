"""Files that nothing refers to any more, or never did: deleted a day after they were last put."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta

import structlog

from services.catalog.project_page import files_in_use
from shared.kernel.files import Files
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool

type InUse = Callable[[Pool, Sequence[str]], Awaitable[set[str]]]
"""Those of the files, by SHA-256, that somebody refers to."""

IN_USE: tuple[InUse, ...] = (files_in_use,)
EVERY = timedelta(hours=1)
KEPT = timedelta(days=1)
TOGETHER = 500

log = structlog.get_logger()


class Sweep:
    """A duty of the clock: looks once an hour."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._next: datetime | None = None

    async def __call__(self, _journal: Journal, pool: Pool, at: datetime) -> int:
        """Deletes what is nobody's, if it is time to look again; gives how many files there were."""
        if self._next is not None and at < self._next:
            return 0
        self._next = at + EVERY
        return await sweep(self._files, pool, at)


async def sweep(files: Files, pool: Pool, at: datetime) -> int:
    """Deletes what is nobody's and was put more than a day before `at`; gives how many files there were."""
    deleted = 0
    for digests in _batches(await files.known()):
        used: set[str] = set()
        for in_use in IN_USE:
            used |= await in_use(pool, digests)
        for digest in digests:
            if digest not in used and await files.delete(digest, at - KEPT):
                deleted += 1
    left = await files.tidy()
    if deleted or left:
        log.info("files_deleted", files=deleted, unfinished=left)
    return deleted


def _batches(digests: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(digests), TOGETHER):
        yield digests[start : start + TOGETHER]
