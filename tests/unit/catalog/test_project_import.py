"""An import's life: looked through or begun, done row by row, finished."""

from datetime import UTC, datetime

import pytest

from services.catalog.project_import import (
    PROJECT_IMPORT,
    Asked,
    BeginImport,
    CheckImport,
    Counts,
    File,
    FinishImport,
    ImportBegun,
    ImportChecked,
    ImportEvent,
    ImportFinished,
    ImportStatus,
    Mode,
    RecordRows,
    RowsImported,
)
from shared.kernel.testing import given

AT = datetime(2026, 1, 1, tzinfo=UTC)
ID = "0199d2c4-1b7e-7a3c-9c55-2f6d1f0a4b11"
FILE = File(name="projekte.csv", size=1200, digest="ab" * 32, kind="csv", encoding="utf-8")
COUNTS = Counts(total=10, new=5, changed=1, unchanged=2, bad=2)
GOOD_ROWS = Asked(mode="good_rows", target="drafted")
BEGIN = BeginImport(import_id=ID, file=FILE, asked=GOOD_ROWS, counts=COUNTS)
BEGUN = ImportBegun(at=AT, import_id=ID, file=FILE, asked=GOOD_ROWS, counts=COUNTS)


def rows(through: int, done: int, failed: int = 0) -> RowsImported:
    return RowsImported(at=AT, import_id=ID, through=through, done=done, failed=failed)


def test_an_import_begins_with_what_is_settled_already() -> None:
    begun = given(PROJECT_IMPORT).when(BEGIN, at=AT).then([BEGUN])
    assert begun.state is not None
    assert (begun.state.status, begun.state.done, begun.state.failed) == ("running", 2, 2)


@pytest.mark.parametrize(("mode", "status"), [("dry_run", "checked"), ("all_or_none", "refused")])
def test_a_file_of_which_nothing_follows_is_only_noted(mode: Mode, status: ImportStatus) -> None:
    asked = Asked(mode=mode, target="drafted")
    checked = ImportChecked(at=AT, import_id=ID, file=FILE, asked=asked, counts=COUNTS)
    command = CheckImport(import_id=ID, file=FILE, asked=asked, counts=COUNTS)
    after = given(PROJECT_IMPORT).when(command, at=AT).then([checked])
    assert after.state is not None
    assert after.state.status == status
    after.when(RecordRows(after=0, through=2, done=1, failed=0), at=AT).refused("import_not_running")
    after.when(FinishImport(), at=AT).refused("import_not_running")


def test_rows_are_counted_once_however_often_they_are_told() -> None:
    first = (
        given(PROJECT_IMPORT, [BEGUN])
        .when(RecordRows(after=0, through=5, done=3, failed=1), at=AT)
        .then([rows(5, 3, 1)])
    )
    first.when(RecordRows(after=0, through=5, done=3, failed=1), at=AT).nothing()
    first.when(RecordRows(after=0, through=4, done=2, failed=0), at=AT).nothing()
    first.when(RecordRows(after=0, through=11, done=5, failed=1), at=AT).nothing()
    second = first.when(RecordRows(after=5, through=11, done=2, failed=0), at=AT).then([rows(11, 2)])
    assert second.state is not None
    assert (second.state.done, second.state.failed, second.state.through) == (7, 3, 11)


def test_it_ends_once() -> None:
    past: list[ImportEvent] = [BEGUN, rows(11, 6)]
    ended = given(PROJECT_IMPORT, past).when(FinishImport(), at=AT)
    finished = ended.then([ImportFinished(at=AT, import_id=ID)])
    finished.when(RecordRows(after=0, through=11, done=6, failed=0), at=AT).nothing()
    finished.when(RecordRows(after=11, through=12, done=1, failed=0), at=AT).refused("import_not_running")


def test_the_same_file_begins_once_and_another_one_not_under_its_id() -> None:
    other = FILE.model_copy(update={"digest": "cd" * 32})
    given(PROJECT_IMPORT, [BEGUN]).when(BEGIN, at=AT).nothing()
    given(PROJECT_IMPORT, [BEGUN]).when(BEGIN.model_copy(update={"file": other}), at=AT).refused("import_exists")


def test_nothing_goes_on_that_was_not_begun() -> None:
    given(PROJECT_IMPORT).when(RecordRows(after=0, through=1, done=1, failed=0), at=AT).not_there()
    given(PROJECT_IMPORT).when(FinishImport(), at=AT).not_there()


def test_what_an_import_does_is_nobody_elses_business() -> None:
    events: list[ImportEvent] = [BEGUN, rows(5, 3), ImportFinished(at=AT, import_id=ID)]
    assert [PROJECT_IMPORT.publish(event) for event in events] == [None, None, None]
