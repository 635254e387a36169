"""An import of projects from a file: looked through, begun, done row by row, finished; or refused as a whole.

What the rows say lies beside the journal until it is done (`import_store.py`); here stand the file, the counts and how
far it is, so that whoever goes on after a crash knows where.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, assert_never

from pydantic import BaseModel, ConfigDict

from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, Event, NotThere, Refused

type Mode = Literal["dry_run", "all_or_none", "good_rows"]
type Target = Literal["drafted", "submitted", "published"]
type ImportStatus = Literal["checked", "refused", "running", "finished"]


class Value(BaseModel):
    """A part of an import."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class File(Value):
    """What was sent: its name, size and digest (SHA-256), and how it was read."""

    name: str
    size: int
    digest: str
    kind: str
    encoding: str | None = None
    sheet: str | None = None
    other_sheets: tuple[str, ...] = ()
    ignored_columns: tuple[str, ...] = ()


class Counts(Value):
    """The rows of a file by what comes of them."""

    total: int
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    bad: int = 0


class Asked(Value):
    """What was asked for."""

    mode: Mode
    target: Target
    source: str = ""


class Command(BaseModel):
    """What can be asked of an import."""

    model_config = ConfigDict(frozen=True)


class CheckImport(Command):
    """A file was looked through, and nothing follows: a dry run, or a refusal."""

    import_id: str
    file: File
    asked: Asked
    counts: Counts


class BeginImport(Command):
    """A file was looked through, and its good rows are to be done."""

    import_id: str
    file: File
    asked: Asked
    counts: Counts


class RecordRows(Command):
    """All rows behind `after` and up to `through` are dealt with; so many of them worked, so many did not."""

    after: int
    through: int
    done: int
    failed: int


class FinishImport(Command):
    """Nothing is left to do."""


type ImportCommand = CheckImport | BeginImport | RecordRows | FinishImport


class ImportChecked(Event):
    """A file was looked through; nothing of it was imported."""

    import_id: str
    file: File
    asked: Asked
    counts: Counts


class ImportBegun(Event):
    """The good rows of a file are being imported."""

    import_id: str
    file: File
    asked: Asked
    counts: Counts


class RowsImported(Event):
    """The rows up to `through` are dealt with."""

    import_id: str
    through: int
    done: int
    failed: int


class ImportFinished(Event):
    """Everything is dealt with."""

    import_id: str


type ImportEvent = ImportChecked | ImportBegun | RowsImported | ImportFinished


@dataclass(frozen=True, slots=True)
class ProjectImport:
    """`done` and `failed` count rows; unchanged rows are done, bad rows have failed, from the beginning."""

    id: str
    file: File
    asked: Asked
    counts: Counts
    status: ImportStatus
    through: int = 0
    done: int = 0
    failed: int = 0


def evolve(project_import: ProjectImport | None, event: ImportEvent) -> ProjectImport:
    """The import after `event`."""
    match event:
        case ImportChecked():
            status: ImportStatus = "checked" if event.asked.mode == "dry_run" else "refused"
            return ProjectImport(event.import_id, event.file, event.asked, event.counts, status)
        case ImportBegun():
            counts = event.counts
            return ProjectImport(
                event.import_id,
                event.file,
                event.asked,
                counts,
                "running",
                done=counts.unchanged,
                failed=counts.bad,
            )
        case RowsImported():
            assert project_import is not None
            return replace(
                project_import,
                through=event.through,
                done=project_import.done + event.done,
                failed=project_import.failed + event.failed,
            )
        case ImportFinished():
            assert project_import is not None
            return replace(project_import, status="finished")
    assert_never(event)


def decide(command: ImportCommand, project_import: ProjectImport | None, at: datetime) -> Sequence[ImportEvent]:
    """What follows. Rows that were recorded are not recorded again."""
    match command:
        case CheckImport() | BeginImport():
            return _start(command, project_import, at)
        case RecordRows():
            return _record(command, project_import, at)
        case FinishImport():
            if project_import is not None and project_import.status == "finished":
                return []
            return [ImportFinished(at=at, import_id=_running(project_import).id)]
    assert_never(command)


def _start(
    command: CheckImport | BeginImport, project_import: ProjectImport | None, at: datetime
) -> Sequence[ImportEvent]:
    if project_import is not None:
        if (project_import.file.digest, project_import.asked) == (command.file.digest, command.asked):
            return []
        raise Refused("import_exists")
    kind = ImportBegun if isinstance(command, BeginImport) else ImportChecked
    return [
        kind(at=at, import_id=command.import_id, file=command.file, asked=command.asked, counts=command.counts),
    ]


def _record(command: RecordRows, project_import: ProjectImport | None, at: datetime) -> Sequence[ImportEvent]:
    if project_import is not None and command.through <= project_import.through:
        return []
    running = _running(project_import)
    if command.after != running.through:  # another replica takes other numbers of rows at a time
        return []
    return [
        RowsImported(at=at, import_id=running.id, through=command.through, done=command.done, failed=command.failed)
    ]


def _running(project_import: ProjectImport | None) -> ProjectImport:
    if project_import is None:
        raise NotThere
    if project_import.status != "running":
        raise Refused("import_not_running")
    return project_import


def publish(_event: ImportEvent) -> Contract | None:
    """Nothing: what an import does to projects, the projects say."""
    return None


PROJECT_IMPORT: Decider[ProjectImport | None, ImportCommand, ImportEvent] = Decider(
    category="project_import",
    initial=None,
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(ImportChecked, ImportBegun, RowsImported, ImportFinished),
)
