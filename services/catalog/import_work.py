"""Imports go on, some rows at a time, until they are done: a duty of the catalogue's clock.

Every command has an id that follows from the import, the row and the step, and what is dealt with is recorded by the
import itself. Whoever goes on after a crash repeats at most the rows since then, and repeating them changes nothing.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.catalog import import_list, import_store
from services.catalog.import_row import Step, command_of, steps_left
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
from shared.kernel.recorded import Conflict, StaleVersion, Unavailable

TOGETHER = 50  # a group must be written within a transaction's two seconds, on a busy machine, too
CHANGED_MEANWHILE = "Das Projekt wurde inzwischen anderswo geändert; bitte gleichen Sie die Zeile damit ab."
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
    lines = await _done(journal, project_import, actor, rows, at)
    await import_store.put_lines(pool, project_import.id, lines, AFTER_THE_CHECK)
    after, through = project_import.through, rows[-1].number
    recorded = RecordRows(after=after, through=through, done=len(rows) - len(lines), failed=len(lines))
    await _tell(journal, project_import.id, actor, at, recorded)
    return len(rows)


async def _done(
    journal: Journal, project_import: ProjectImport, actor: str, rows: Sequence[Kept], at: datetime
) -> list[Line]:
    """Does the rows at once; a line for each that a rule refuses. None goes on when another one has failed."""
    works = (_do(journal, project_import, actor, row, at) for row in rows)
    lines = []
    for came in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(came, BaseException):
            raise came
        if came is not None:
            lines.append(came)
    return lines


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
    """One row; a line when a rule says no that said yes before, or when it would undo what somebody did meanwhile."""
    target = project_import.asked.target

    async def go(steps: Sequence[Step], version: int | None) -> None:
        for step in steps:
            command = command_of(step, row.project_id, row.content)
            context = _context(project_import.id, actor, at, f"{row.number}/{step}")
            outcome = await journal.transact(PROJECT, row.project_id, command, context, expected_version=version)
            version = outcome.version

    try:
        try:
            await go(row.steps, row.version)
        except StaleVersion:
            there = await journal.load(PROJECT, row.project_id)
            left = steps_left(there.state, row.content, target, at) if there.state else None
            if left is None:
                return Line(row.number, "", "changed_meanwhile", CHANGED_MEANWHILE)
            await go(left, there.version)
    except Refused as refused:
        told = sentence(from_refusal(refused)) or meaning_of(refused.code).german
        return Line(row.number, "", refused.code, told)
    except NotThere:
        return Line(row.number, "", "not_found", meaning_of("not_found").german)
    except StaleVersion as lost:
        raise Conflict from lost  # once more, when the clock comes round
    except UnknownEvent as newer:
        raise Unavailable from newer  # a replica that runs newer code will go on
    return None


async def _tell(journal: Journal, import_id: str, actor: str, at: datetime, command: RecordRows | FinishImport) -> None:
    name = f"rows {command.after}-{command.through}" if isinstance(command, RecordRows) else "finished"
    try:
        await journal.transact(PROJECT_IMPORT, import_id, command, _context(import_id, actor, at, name))
    except UnknownEvent as newer:
        raise Unavailable from newer


def _context(import_id: str, actor: str, at: datetime, name: str) -> Context:
    """What was imported is history: nobody is mailed about it."""
    command_id = named_id("import step", f"{import_id}/{name}")
    return Context(command_id=command_id, actor=actor, at=at, correlation_id=import_id, history=True)
