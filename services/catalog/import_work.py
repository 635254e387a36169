"""Imports go on, some rows at a time, until they are done: a duty of the catalogue's clock.

Every command has an id that follows from the import, the row and the step, and what is dealt with is recorded by the
import itself. Whoever goes on after a crash repeats at most the rows since then, and repeating them changes nothing.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.catalog import import_list, import_store
from services.catalog.import_row import command_of
from services.catalog.import_sheet import Line
from services.catalog.import_store import AFTER_THE_CHECK, Kept
from services.catalog.project import PROJECT
from services.catalog.project_import import PROJECT_IMPORT, FinishImport, ProjectImport, RecordRows
from shared.kernel.codec import UnknownEvent
from shared.kernel.decider import NotThere, Refused
from shared.kernel.ids import named_id
from shared.kernel.journal import Context, Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import from_refusal, meaning_of, sentence
from shared.kernel.recorded import Unavailable

TOGETHER = 50  # a group must be written within a transaction's two seconds, on a busy machine, too
TIDIED_EVERY = timedelta(hours=1)


async def go_on(journal: Journal, pool: Pool, at: datetime) -> int:
    """Deals with the next rows of the oldest import that is not done; gives how much that was."""
    found = await import_list.running(pool)
    if found is None:
        return 0
    project_import, actor = found
    async with pool.acquire() as connection:
        rows = await import_store.rows_after(connection, project_import.id, project_import.through, TOGETHER)
    if not rows:
        await _tell(journal, project_import.id, actor, at, FinishImport())
        await import_store.drop_rows(pool, project_import.id)
        return 1
    wrong = await asyncio.gather(*(_do(journal, project_import, actor, row, at) for row in rows))
    lines = [line for line in wrong if line is not None]
    await import_store.put_lines(pool, project_import.id, lines, AFTER_THE_CHECK)
    through = rows[-1].number
    recorded = RecordRows(through=through, done=len(rows) - len(lines), failed=len(lines))
    await _tell(journal, project_import.id, actor, at, recorded)
    return len(rows)


@dataclass(slots=True)
class Tidy:
    """A duty: drops what nobody needs any more, from time to time."""

    again_at: datetime | None = None

    async def __call__(self, _journal: Journal, pool: Pool, at: datetime) -> int:
        """Looks once in a while."""
        if self.again_at is None or at >= self.again_at:
            await import_store.tidy(pool, at)
            self.again_at = at + TIDIED_EVERY
        return 0


async def _do(journal: Journal, project_import: ProjectImport, actor: str, row: Kept, at: datetime) -> Line | None:
    """All steps of one row; a line when a rule says no that said yes when the file was looked through."""
    for step in row.steps:
        command = command_of(step, row.project_id, row.content)
        context = _context(project_import.id, actor, at, f"{row.number}/{step}")
        try:
            await journal.transact(PROJECT, row.project_id, command, context)
        except Refused as refused:
            told = sentence(from_refusal(refused)) or meaning_of(refused.code).german
            return Line(row.number, "", refused.code, told)
        except NotThere:
            return Line(row.number, "", "not_found", meaning_of("not_found").german)
        except UnknownEvent as newer:
            raise Unavailable from newer  # a replica that runs newer code will go on
    return None


async def _tell(journal: Journal, import_id: str, actor: str, at: datetime, command: RecordRows | FinishImport) -> None:
    name = f"through {command.through}" if isinstance(command, RecordRows) else "finished"
    await journal.transact(PROJECT_IMPORT, import_id, command, _context(import_id, actor, at, name))


def _context(import_id: str, actor: str, at: datetime, name: str) -> Context:
    """What was imported is history: nobody is mailed about it."""
    command_id = named_id("import step", f"{import_id}/{name}")
    return Context(command_id=command_id, actor=actor, at=at, correlation_id=import_id, history=True)
