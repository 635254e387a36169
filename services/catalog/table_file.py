"""A table in a file that somebody sent, read aside: no file, whatever is in it, keeps the service from its work."""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import structlog

from services.catalog.table_limits import MOST_BYTES, MOST_SECONDS
from shared.kernel.endpoint import Upload
from shared.kernel.problems import Problem

# Nothing of our environment goes along but where our code lies, which need not be installed.
ASIDE = (sys.executable, "-P", "-s", "-m", "services.catalog.table_reader")
ENVIRONMENT = {"PYTHONPATH": str(Path(__file__).parents[2])}
AT_ONCE = 2
PATIENCE = MOST_SECONDS + 5
UPLOAD = Upload(
    media_types=(
        "text/csv",
        "application/csv",
        "text/plain",
        "text/tab-separated-values",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.ms-excel",  # what browsers on Windows say of CSV
    ),
    most=MOST_BYTES,
)

BEYOND_LIMITS = (
    "Die Datei lässt sich nicht als Tabelle lesen. Steht in ihr weit rechts oder unten noch eine einzelne Zelle? Dann "
    "löschen Sie bitte die leeren Zeilen und Spalten davor, und speichern Sie die Datei neu."
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Table:
    """What was read: rows that are not empty, with their numbers in the file and their cells as text."""

    kind: str
    encoding: str | None
    sheet: str | None
    other_sheets: tuple[str, ...]
    rows: list[tuple[int, list[str]]]


class TableReader:
    """Reads tables, not too many at once."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def read(self, raw: bytes) -> Table:
        """The table in a file; a problem says why it is none."""
        async with self._turns:
            about, *lines = await _read_aside(raw)
        answer: dict[str, Any] = orjson.loads(about)
        if "refused" in answer:
            raise Problem(answer["refused"], answer["detail"])
        rows: list[tuple[int, list[str]]] = []
        for line in lines:
            number, cells = orjson.loads(line)
            rows.append((number, cells))
            await asyncio.sleep(0)
        return Table(
            kind=answer["kind"],
            encoding=answer["encoding"],
            sheet=answer["sheet"],
            other_sheets=tuple(answer["other_sheets"]),
            rows=rows,
        )


async def _read_aside(raw: bytes) -> list[bytes]:
    """The program's lines. One that did not end well ran into its limits: nothing that is a table does that."""
    process = await asyncio.create_subprocess_exec(
        *ASIDE,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=ENVIRONMENT,
    )
    try:
        async with asyncio.timeout(PATIENCE):
            said, _ = await process.communicate(raw)
    except TimeoutError:
        said = b""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if not said or process.returncode != 0:
        log.warning("table_reader_ended", code=process.returncode, size=len(raw))
        raise Problem("table_unreadable", BEYOND_LIMITS)
    return said.splitlines()
