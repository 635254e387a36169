"""Brings an official file of populations into the catalogue: `python -m services.catalog.load_population FILE`.

Prints lines of JSON: `{"progress": [done, total, what]}`, at the end `{"report": {…}}`, or `{"unreadable": why}`. Where
a line is wrong nothing is recorded.
"""

import argparse
import asyncio
import json
from datetime import date
from pathlib import Path
from typing import Any

from services.catalog.german_time import german_day
from services.catalog.population_file import Unreadable, read
from services.catalog.population_import import PopulationReport, directory, plan, record
from services.catalog.records import DECIDERS, PROJECTIONS
from services.catalog.settings import CatalogSettings
from shared.kernel.clock import Clock
from shared.kernel.ids import new_id
from shared.kernel.journal import Context, Journal
from shared.kernel.logs import configure
from shared.kernel.postgres import connect_pool
from shared.kernel.wakeup import Wakeup

ACTOR = "operator"


async def run(file: Path, as_of: date | None, *, dry_run: bool) -> PopulationReport:
    """The report on a file; without `dry_run` and without a wrong line it is recorded, too."""
    settings = CatalogSettings()
    configure(settings.service, settings.log_level, settings.log_format)
    said = read(await asyncio.to_thread(file.read_bytes))
    async with await connect_pool(settings.database_url, name="catalog population") as pool:
        at = Clock(settings.clock_offset).now()
        found = plan(said, as_of, german_day(at), await directory(pool))
        if dry_run or found.report.wrong:
            return found.report
        journal = Journal(settings.database_url, pool, DECIDERS, PROJECTIONS, wakeup=Wakeup())
        async with journal.running():
            command_id = new_id()
            context = Context(command_id=command_id, actor=ACTOR, at=at, correlation_id=command_id.hex)
            _tell_progress(0, len(found.commands))
            await record(journal, found.commands, context)
            _tell_progress(len(found.commands), len(found.commands))
        return found.report.model_copy(update={"recorded": True})


def _tell_progress(done: int, total: int) -> None:
    _tell({"progress": [done, total, "Einwohnerzahlen"]})


def _tell(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201 -- the program's answer


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Brings an official file of populations into the catalogue.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--as-of", type=date.fromisoformat, help="the day of the count, as 2024-12-31")
    parser.add_argument("--dry-run", action="store_true", help="say what would change")
    chosen = parser.parse_args()
    try:
        report = asyncio.run(run(chosen.file, chosen.as_of, dry_run=chosen.dry_run))
    except (Unreadable, OSError) as error:
        _tell({"unreadable": str(error)})
    else:
        _tell({"report": report.model_dump(mode="json")})


if __name__ == "__main__":
    main()
