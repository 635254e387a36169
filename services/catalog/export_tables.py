"""A result list as a table: CSV and XLSX, with the columns that an import reads."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence

from services.catalog import lookup, project_page
from services.catalog.export_cells import HEADING_LINE, Names, cells_of
from services.catalog.project_cells import HEADINGS
from services.catalog.site import Site
from shared.kernel.csv_cells import BOM, LINE_END
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.xlsx_stream import MOST_ROWS, Workbook

type Ids = AsyncIterator[Sequence[str]]
"""Which projects, in their order, some at a time."""


async def names_now(pool: Pool) -> Names:
    """The names of topics and organisations at this moment."""
    async with pool.acquire() as connection:
        return Names(await lookup.load(connection))


async def csv(pool: Pool, ids: Ids, site: Site, *, bom: bool) -> AsyncGenerator[bytes]:
    """The lines of these projects, some at a time."""
    names = await names_now(pool)
    yield f"{BOM if bom else ''}{HEADING_LINE}{LINE_END}".encode()
    page = site.page_of("")
    async for some in ids:
        async with pool.acquire() as connection:
            found = await project_page.lines(connection, some)
        text = []
        for key in some:
            if (line := found.get(key)) is not None:
                before, topics, partners, after = line
                text.append(f"{key};{before};{names.line(topics, partners)};{after};{page}{key}{LINE_END}")
        yield "".join(text).encode()


async def xlsx(pool: Pool, ids: Ids, site: Site) -> AsyncGenerator[bytes]:
    """A workbook of these projects; a problem, before anything is sent, when they are too many for one."""
    names = await names_now(pool)
    batches: list[Sequence[str]] = []
    count = 0
    async for some in ids:
        batches.append(some)
        count += len(some)
        if count > MOST_ROWS:
            raise Problem("too_many_rows", details={"most": MOST_ROWS})
    workbook = Workbook("Projekte", HEADINGS)
    yield workbook.add(())
    for some in batches:
        async with pool.acquire() as connection:
            found = await project_page.lines(connection, some)
        yield workbook.add(row_cells(key, found[key], names, site) for key in some if key in found)
    yield workbook.finish()


def row_cells(key: str, line: Sequence[str], names: Names, site: Site) -> Sequence[str]:
    """A project's cells, one for each heading, from its line as it lies ready."""
    before, topics, partners, after = line
    return [key, *cells_of(before), *names.cells(topics, partners), *cells_of(after), site.page_of(key)]
