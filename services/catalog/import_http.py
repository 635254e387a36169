"""Projects from files over HTTP: looked through at once, done in the background, watched and reported on."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.catalog import import_list, import_store
from services.catalog.answers import API, EDITORS, found
from services.catalog.import_check import Checked, checked
from services.catalog.import_list import ImportReport, ImportShown, LineShown
from services.catalog.import_sheet import Sheet, sheet_of
from services.catalog.project_import import (
    PROJECT_IMPORT,
    Asked,
    BeginImport,
    CheckImport,
    Counts,
    File,
    Mode,
    Target,
)
from services.catalog.table_file import UPLOAD, Table, TableReader
from shared.kernel.csv_cells import BOM, LINE_END, csv_line
from shared.kernel.http import Answer, Call, Endpoint, Page, Paging, page
from shared.kernel.ids import new_id
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import FieldError, Problem
from shared.kernel.sending import send
from shared.kernel.texts import ONE_LINE

SHOWN_AT_ONCE = 100
NAMED_IN_A_PROBLEM = 50
REPORT_HEADINGS = ("Zeile", "Spalte", "Grund", "Erläuterung", "Inhalt")
FILE_CODES = ("table_unreadable", "table_empty", "table_too_large", "table_too_long", "column_twice", "column_missing")


class ImportQuery(BaseModel):
    """What is to be done with a file."""

    model_config = ConfigDict(frozen=True)

    mode: Mode = Field(
        description="`dry_run`: only look. `all_or_none`: nothing unless all rows are good when the file is looked "
        "through; a row of which somebody else changes the project before it is done is left out and reported. "
        "`good_rows`: those only."
    )
    status: Target = Field(default="drafted", description="What becomes of imported projects.")
    source: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100, pattern=ONE_LINE)] = Field(
        default="", description="Where the file comes from: keeps its external ids apart from those of others."
    )
    filename: Annotated[str, StringConstraints(max_length=200, pattern=ONE_LINE)] = Field(
        default="", description="What the file is called, for people."
    )


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the endpoints do."""

    journal: Journal
    pool: Pool
    reader: TableReader

    async def take(self, call: Call) -> Answer:
        """A file looked through, and unless it is a dry run or refused, begun. The same request again answers so."""
        context = call.context()
        if before := await self.journal.outcome(context):
            return await self._again(before.aggregate_id, call.query)
        table = await self.reader.read(call.raw)
        sheet = sheet_of(table)
        query: ImportQuery = call.query
        result = await checked(self.pool, sheet, query.status, query.source, call.at)
        import_id = str(new_id())  # even of the same request at once: what two of them lay ready must never mix
        await import_store.put_lines(self.pool, import_id, result.lines)
        begins = query.mode == "good_rows" or (query.mode == "all_or_none" and not result.lines)
        if begins:
            await import_store.put_rows(self.pool, import_id, (row for row in result.rows if row.steps))
        kind = BeginImport if begins else CheckImport
        command = kind(
            import_id=import_id,
            file=_file(call.raw, query.filename, table, sheet),
            asked=_asked(query),
            counts=_counts(result),
        )
        outcome = await self.journal.transact(PROJECT_IMPORT, import_id, command, context)
        if outcome.aggregate_id != import_id:
            await import_store.drop(self.pool, import_id)
            return await self._again(outcome.aggregate_id, query)
        return await self._answer(import_id)

    async def imports(self, call: Call) -> Answer:
        """One page of the imports."""
        return page(await import_list.listed(self.pool, call.query), call)

    async def one(self, call: Call) -> Answer:
        """How far an import is."""
        return found(await import_list.one(self.pool, call.path_id()))

    async def lines(self, call: Call) -> Answer:
        """One page of a report."""
        import_id = await self._known(call)
        return page(await import_list.lines(self.pool, import_id, call.query), call)

    async def report(self, call: Call) -> web.StreamResponse:
        """A whole report as a file."""
        import_id = await self._known(call)
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/csv; charset=utf-8",
                "Content-Disposition": f'attachment; filename="importbericht-{import_id}.csv"',
                "Cache-Control": "private, no-cache",
            }
        )
        await response.prepare(call.request)
        await send(call.request, response, self._report(import_id))
        return response

    async def _report(self, import_id: str) -> AsyncIterator[bytes]:
        yield f"{BOM}{csv_line(REPORT_HEADINGS)}{LINE_END}".encode()
        after = (0, -1)
        while True:
            async with self.pool.acquire() as connection:
                some = await import_store.lines_after(connection, import_id, after, import_store.AT_A_TIME)
            if not some:
                return
            after = (some[-1][1].row, some[-1][0])
            cells = ((str(line.row), line.column, line.code, line.detail, line.value) for _, line in some)
            yield "".join(csv_line(each) + LINE_END for each in cells).encode()

    async def _known(self, call: Call) -> str:
        import_id = call.path_id()
        found(await import_list.one(self.pool, import_id))
        return import_id

    async def _again(self, import_id: str, query: ImportQuery) -> Answer:
        """What the same request was answered; a key that was used to ask for something else is refused."""
        before = (await self.journal.load(PROJECT_IMPORT, import_id)).state
        if before is None or before.asked != _asked(query):
            raise Problem("idempotency_key_reused")
        return await self._answer(import_id)

    async def _answer(self, import_id: str) -> Answer:
        shown = await import_list.one(self.pool, import_id)
        assert shown is not None
        lines = (await import_list.lines(self.pool, import_id, Paging(limit=SHOWN_AT_ONCE))).items
        location = {"Location": f"{API}/projects/imports/{import_id}"}
        if shown.status == "refused":
            raise _refused(shown, lines, location)
        report = ImportReport(**shown.model_dump(), lines=tuple(lines))
        return Answer(report, 200 if shown.status == "checked" else 202, headers=location)


def _refused(shown: ImportShown, lines: list[LineShown], headers: dict[str, str]) -> Problem:
    """Why nothing was imported; the whole report is where `Location` and `details` lead."""
    errors = [
        FieldError(f"/{line.row}/{_step(line.column)}", line.code, f"Zeile {line.row}, {line.column}: {line.detail}")
        for line in lines[:NAMED_IN_A_PROBLEM]
    ]
    details: dict[str, str | int] = {"bad": shown.bad, "total": shown.total, "import_id": shown.id}
    return Problem("import_refused", errors=errors, headers=headers, details=details | {"report": shown.report})


def _step(heading: str) -> str:
    return heading.replace("~", "~0").replace("/", "~1")


def _asked(query: ImportQuery) -> Asked:
    return Asked(mode=query.mode, target=query.status, source=query.source)


def _counts(result: Checked) -> Counts:
    counts = result.counts
    return Counts(
        total=result.total,
        new=counts.get("new", 0),
        changed=counts.get("changed", 0),
        unchanged=counts.get("unchanged", 0),
        bad=counts.get("bad", 0),
    )


def _file(raw: bytes, name: str, table: Table, sheet: Sheet) -> File:
    return File(
        name=name,
        size=len(raw),
        digest=hashlib.sha256(raw).hexdigest(),
        kind=table.kind,
        encoding=table.encoding,
        sheet=table.sheet,
        other_sheets=table.other_sheets,
        ignored_columns=sheet.ignored,
    )


def endpoints(journal: Journal, pool: Pool) -> list[Endpoint]:
    """Their paths stand before those of single projects."""
    do = Handlers(journal, pool, TableReader())
    imports = f"{API}/projects/imports"
    return [
        Endpoint(
            "POST",
            imports,
            do.take,
            "Import projects from a CSV or XLSX file",
            query=ImportQuery,
            upload=UPLOAD,
            answer=ImportReport,
            status=202,
            roles=EDITORS,
            codes=("import_refused", *FILE_CODES),
            description="A dry run answers 200. What is begun answers 202 and goes on in the background: its address "
            "in `Location` tells how far it is. Imported projects are history: nobody is mailed about them.",
        ),
        Endpoint("GET", imports, do.imports, "List imports", query=Paging, answer=Page[ImportShown], roles=EDITORS),
        Endpoint("GET", f"{imports}/{{id}}", do.one, "See how far an import is", answer=ImportShown, roles=EDITORS),
        Endpoint(
            "GET",
            f"{imports}/{{id}}/lines",
            do.lines,
            "Read what was wrong in an import, row by row",
            query=Paging,
            answer=Page[LineShown],
            roles=EDITORS,
        ),
        Endpoint(
            "GET",
            f"{imports}/{{id}}/report.csv",
            do.report,
            "Read the same as a file",
            roles=EDITORS,
            media_type="text/csv",
        ),
    ]
