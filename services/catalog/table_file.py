"""A table in a file that somebody sent, read aside: no file, whatever is in it, keeps the service from its work."""

import asyncio
import sys
from dataclasses import dataclass
from typing import Any

import orjson

from services.catalog.table_limits import MOST_BYTES, MOST_SECONDS
from shared.kernel.endpoint import Upload
from shared.kernel.problems import Problem

READER = "services.catalog.table_reader"
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
            answer = await _read_aside(raw)
        if "refused" in answer:
            raise Problem(answer["refused"], answer["detail"])
        return Table(
            kind=answer["kind"],
            encoding=answer["encoding"],
            sheet=answer["sheet"],
            other_sheets=tuple(answer["other_sheets"]),
            rows=[(number, cells) for number, cells in answer["rows"]],
        )


async def _read_aside(raw: bytes) -> dict[str, Any]:
    """The program's answer. One that ends without any ran into its limits: nothing that is a table does that."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-m",
        READER,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
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
    if not said:
        raise Problem("table_unreadable")
    answer: dict[str, Any] = orjson.loads(said)
    return answer
