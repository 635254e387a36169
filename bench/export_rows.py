"""Exporting everything as CSV: as many projects as Germany's states may have together, and a million.

The projects are invented and say so. Their rows go into the read model directly, with what its projection would have
made of them; which ids a list has and in which order is a question to the search, and measured there.
"""

import json
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import batched
from pathlib import Path
from random import Random
from uuid import UUID

import asyncpg

from bench.part import Bench
from bench.rounds import Contender, Figures
from bench.row import Row, at_least, at_most
from services.catalog import export_tables
from services.catalog.export_cells import kept_cells
from services.catalog.load_content import CONTENT, load
from services.catalog.project import Project
from services.catalog.project_content import Content, Participation
from services.catalog.project_page import ENTRY, Entry
from services.catalog.records import DECIDERS, PROJECTIONS
from services.catalog.site import Site
from services.catalog.vocabulary import LegalForm, Motive, ProjectStatus, Role, Stage
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool, connect_pool
from shared.kernel.wakeup import Wakeup

ALL_STATES, MILLION = 6850, 1_000_000
SEED = 2026
DIFFERENT = 2000  # projects that are made; the others are those again under other ids
AT_ONCE = 10_000
BATCH = 500
AT = datetime(2026, 1, 15, 9, tzinfo=UTC)
COLUMNS = ("id", "version", "public", "predecessor", "entry", "cells_before", "cells_after", "topics", "partners")
MARK = "erfundenes Beispiel"
WORK = ("Bauhof", "Standesamt", "Vergabestelle", "Archiv", "Wasserwerk", "Jugendamt", "Rettungsdienst", "Bücherei")
SENTENCES = (
    "Die Räte haben dem Vertrag zugestimmt.",
    "Eine gemeinsame Leitung verteilt die Aufgaben; die Vertretung ist gesichert.",
    "Das Land hat den Aufbau gefördert, den Betrieb tragen die Kommunen.",
    "Nach zwei Jahren wird geprüft, was besser geworden ist.",
)


class Short(Exception):
    """An export left projects out."""


async def measure(bench: Bench) -> Sequence[Row]:
    """All German states."""
    count = bench.amount(ALL_STATES, 1000)
    found = await _measured(bench, count)
    return [
        Row(f"everything as CSV, {count:,} projects", "ms", found["ms"], None, at_most(1000)),
        Row(f"everything as CSV, {count:,} projects", "1/s", found["1/s"]),
    ]


async def measure_large(bench: Bench) -> Sequence[Row]:
    """A million: how fast, and how much more memory while it lasts."""
    count = bench.amount(MILLION, 50_000)
    found = await _measured(bench, count)
    return [
        Row(f"everything as CSV, {count:,} projects", "1/s", found["1/s"], None, at_least(20_000)),
        Row(f"memory more than before, everything as CSV, {count:,} projects", "MB", found["MB"], None, at_most(32)),
    ]


async def _measured(bench: Bench, count: int) -> dict[str, tuple[float, ...]]:
    async with bench.servers.database("catalog", own=True) as database:
        dsn = database.dsn("catalog")
        async with await connect_pool(dsn, name="bench") as pool:
            journal = Journal(dsn, pool, DECIDERS, PROJECTIONS, wakeup=Wakeup())
            async with journal.running():
                await load(journal, CONTENT, AT, lambda _line: None)
            bodies = [
                tuple(row) for row in await pool.fetch("SELECT id::text, ags FROM organisation WHERE length(ags) = 8")
            ]
            await _fill(dsn, bodies, count)
            bench.told(f"{count:,} projects are in the read model")
            contenders: dict[str, Contender] = {"csv": partial(_exported, pool, count)}
            found = await bench.alternate(contenders)
    return {name: found["csv"][name] for name in ("ms", "1/s", "MB")}


async def _exported(pool: Pool, count: int) -> Figures:
    """Everything, thrown away as it comes."""
    before = _resident()
    most, lines, started = before, 0, time.perf_counter()
    async for part in export_tables.csv(pool, _ids(count), Site(), bom=True):
        lines += part.count(b"\r\n")
        most = max(most, _resident())
    took = time.perf_counter() - started
    if lines != count + 1:
        raise Short(f"{lines - 1} of {count}")
    return {"ms": took * 1000, "1/s": count / took, "MB": (most - before) / 2**20}


async def _ids(count: int) -> AsyncIterator[Sequence[str]]:
    """In an order that has nothing to do with that of the table."""
    order = Random(SEED)
    for start in range(0, count, BATCH):
        some = [_id(number) for number in range(start, min(start + BATCH, count))]
        order.shuffle(some)
        yield some


def _id(number: int) -> str:
    """Spread over the whole table, as random ids are."""
    return str(UUID(int=(number * 0x9E3779B97F4A7C15F39CC0605CEDC835 + 1) % 2**128))


def _resident() -> int:
    """The memory of this process, in bytes."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * 4096


async def _fill(dsn: str, bodies: Sequence[tuple[str, ...]], count: int) -> None:
    topics = [each["topic"] for each in json.loads((CONTENT / "topics.json").read_text("utf-8"))]
    made = list(_invented(Random(SEED), bodies, topics, min(count, DIFFERENT)))
    connection = await asyncpg.connect(dsn)  # one that takes JSON as text, which COPY needs
    try:
        for numbers in batched(range(count), AT_ONCE):
            records = [(UUID(_id(number)), 3, True, None, *made[number % len(made)]) for number in numbers]
            await connection.copy_records_to_table("project_page", records=records, columns=COLUMNS)
        await connection.execute("ANALYZE project_page")
    finally:
        await connection.close()


def _invented(
    random: Random, bodies: Sequence[tuple[str, ...]], topics: Sequence[str], count: int
) -> Iterator[tuple[str, ...]]:
    for number in range(count):
        content = _content(random, number, random.sample(bodies, random.randrange(2, 7)), topics)
        project = Project("", content, ProjectStatus.PUBLISHED, published=True)
        cells = kept_cells(content, ProjectStatus.PUBLISHED, AT, AT)
        entry = ENTRY.dump_json(Entry(project, 3, AT, AT)).decode()
        yield (entry, *(cells[name] for name in ("cells_before", "cells_after", "topics", "partners")))


def _content(random: Random, number: int, partners: Sequence[tuple[str, ...]], topics: Sequence[str]) -> Content:
    work = random.choice(WORK)
    return Content(
        title=f"Gemeinsam: {work} {number} ({MARK})",
        summary=f"{len(partners)} Kommunen führen ihr {work} zusammen. {MARK}",
        description=" ".join(random.choices(SENTENCES, k=random.randrange(3, 12))),
        topics=tuple(random.sample(topics, random.randrange(1, 4))),
        keywords=(MARK, work),
        legal_form=random.choice(list(LegalForm)),
        stage=random.choice(list(Stage)),
        start=f"{random.randrange(2012, 2026)}-{random.randrange(1, 13):02}",
        motives=tuple(random.sample(list(Motive), 2)),
        goals=("Wege sparen", "Vertretung sichern"),
        measures=tuple(random.sample(SENTENCES, 2)),
        participations=tuple(
            Participation(organisation_id=body, ags=ags, role=Role.PARTICIPANT if at else Role.LEAD)
            for at, (body, ags) in enumerate(partners)
        ),
    )
