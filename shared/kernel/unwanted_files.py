"""Files that nothing refers to any more, or never did: deleted after a day.

A service that keeps files has the table `unwanted_file` for it, and says who refers to them.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta

import structlog

from shared.kernel.files import Files
from shared.kernel.postgres import Pool

type InUse = Callable[[Pool, Sequence[str]], Awaitable[set[str]]]
"""Those of the files, by SHA-256, that somebody refers to."""

# What is wanted again, or gone, is forgotten; what is noted already keeps its moment.
NOTE = """
WITH wanted AS (DELETE FROM unwanted_file WHERE sha256 <> ALL($1::text[]))
INSERT INTO unwanted_file (sha256, since) SELECT DISTINCT sha256, $2::timestamptz FROM unnest($1::text[]) AS sha256
ON CONFLICT (sha256) DO NOTHING
"""
LONG_UNWANTED = "SELECT sha256 FROM unwanted_file WHERE since <= $1 ORDER BY sha256"
EVERY = timedelta(hours=1)
KEPT = timedelta(days=1)
TOGETHER = 500

log = structlog.get_logger()


class Sweep:
    """A duty of the clock: looks once an hour. `in_use` is everybody who refers to a file of the store."""

    def __init__(self, files: Files, in_use: Sequence[InUse]) -> None:
        self._files = files
        self._in_use = in_use
        self._next: datetime | None = None

    async def __call__(self, _journal: object, pool: Pool, at: datetime) -> int:
        """Deletes what is nobody's, if it is time to look again; gives how many files there were."""
        if self._next is not None and at < self._next:
            return 0
        self._next = at + EVERY
        return await sweep(self._files, pool, at, self._in_use)


async def sweep(files: Files, pool: Pool, at: datetime, in_use: Sequence[InUse]) -> int:
    """Notes which files are nobody's, and deletes those that have been for a day; gives how many it deleted.

    A service that is started on another database by mistake would find all of them to be nobody's: it has a day to be
    stopped.
    """
    unwanted = [digest for batch in _batches(await files.known()) for digest in await _unused(pool, batch, in_use)]
    await pool.execute(NOTE, unwanted, at)
    deleted = 0
    for row in await pool.fetch(LONG_UNWANTED, at - KEPT):
        if await files.delete(row["sha256"], at - KEPT):
            deleted += 1
    left = await files.tidy()
    if deleted or left:
        log.info("files_deleted", files=deleted, unfinished=left)
    return deleted


async def _unused(pool: Pool, digests: Sequence[str], in_use: Sequence[InUse]) -> list[str]:
    used: set[str] = set()
    for among in in_use:
        used |= await among(pool, digests)
    return [digest for digest in digests if digest not in used]


def _batches(digests: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(digests), TOGETHER):
        yield digests[start : start + TOGETHER]
