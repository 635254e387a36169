"""Searching invented projects: as many as Germany's municipalities may have, and a million.

What a service answers is measured at the functions behind its endpoints, in one process with the index: the question of
how far the journal is, the index, the projects of the page from the database, and everything made into an answer.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import cycle
from random import Random

from bench import full_text
from bench.invented import SEED, Inventor, fill
from bench.part import Bench
from bench.rounds import Contender, Figures, drive, percentile
from bench.row import Peer, Reach, Row, at_least, at_most
from bench.servers import Database
from services.catalog import search
from services.catalog.load_content import CONTENT, load
from services.catalog.project import PROJECT, DraftProject, PublishProject, SubmitProject
from services.catalog.project_content import Content, Participation
from services.catalog.records import DECIDERS, PROJECTIONS
from services.catalog.search_live import Live
from services.catalog.search_shown import ProjectFilter, ProjectQuery
from services.catalog.suggest import SuggestQuery, suggest
from shared.kernel import garbage
from shared.kernel.ids import new_id
from shared.kernel.journal import Context, Journal
from shared.kernel.postgres import connect_pool
from shared.kernel.wakeup import Wakeup

ALL_STATES, MILLION = 6850, 1_000_000
BODIES = "SELECT ags, id::text FROM organisation WHERE ags IS NOT NULL"
LOADED_AT = datetime(2026, 1, 15, 9, tzinfo=UTC)
FREQUENT = ("gemeinsame", "kommunen", "technik", "leitung", "vertretung")
PLACES = ("Lemgo", "Bielefeld", "Bad Sassendorf", "Stadt Erwitte", "Langenfeld", "Xanten", "Kreis Soest")
FULL_TEXT = "PostgreSQL's full text"
PHRASE = '"gemeinsame Leitung"'
TOPICS, STAGES = ("culture", "health", "works_depot"), ("pilot", "operating")
PUBLISHED = 20


class NotFound(Exception):
    """A search did not find what it must."""


@dataclass(frozen=True, slots=True)
class Site:
    """A catalogue full of invented projects, and words to look for in it."""

    live: Live
    journal: Journal
    subjects: Sequence[str]
    count: int
    built: float


@dataclass(frozen=True, slots=True)
class Reaches:
    """How long things may take, in milliseconds."""

    query: float
    suggestion: float
    mistyped: float
    found: float


async def measure(bench: Bench) -> Sequence[Row]:
    """As many projects as there would be if every German state had a portal."""
    count = bench.amount(ALL_STATES, 1000)
    return await _measured(bench, count, bench.amount(200, 50), Reaches(10, 8, 20, 50), beside=True)


async def measure_large(bench: Bench) -> Sequence[Row]:
    """A million."""
    count = bench.amount(MILLION, 50_000)
    return await _measured(bench, count, bench.amount(200, 50), Reaches(25, 20, 60, 100))


async def _measured(bench: Bench, count: int, calls: int, reaches: Reaches, *, beside: bool = False) -> Sequence[Row]:
    """`beside` PostgreSQL's full text, whose table takes an hour to make of a million projects."""
    async with bench.servers.database(own=True) as database, filled(bench, database, count) as site:
        random = Random(SEED)
        queries, mistyped = cycle(_queries(random, site, 997)), cycle(_mistyped(random, site, 997))
        typed = cycle(_typed(random, site, 997))
        contenders: dict[str, Contender] = {
            "query": partial(drive, calls, 1, lambda: _ask(site, next(queries))),
            "suggestion": partial(drive, calls, 1, lambda: _suggested(site, next(typed))),
            "mistyped": partial(drive, calls, 1, lambda: _ask(site, next(mistyped))),
            "phrase": partial(drive, calls // 10, 1, lambda: _ask_first(site, ProjectQuery(q=PHRASE))),
            "published": partial(_published, site),
            "everything": partial(_everything, site),
        }
        if beside:
            await full_text.fill(site.live.pool)
            words = cycle([query.q for query in _queries(random, site, 997) if query.q])
            contenders[FULL_TEXT] = partial(drive, calls // 2, 1, lambda: full_text.ask(site.live.pool, next(words)))
        found = await bench.alternate(contenders)
    of = f"{count:,} projects"
    times = {
        f"query, 20 hits, highlights, all facets, {of}": ("query", reaches.query),
        f"suggestions, {of}": ("suggestion", reaches.suggestion),
        f"query with typing errors, {of}": ("mistyped", reaches.mistyped),
        f"published → found by search, {of}": ("published", reaches.found),
    }
    rows = [
        Row(f"{what}: {measure}", "ms", found[name][f"{measure} ms"], None, _reach(name, measure, bound))
        for what, (name, bound) in times.items()
        for measure in ("p50", "p99")
    ]
    theirs = [
        Row(f"the same: {each}", "ms", found["query"][f"{each} ms"], Peer(FULL_TEXT, found[FULL_TEXT][f"{each} ms"]))
        for each in ("p50", "p99")
        if beside
    ]
    return [
        *rows[:2],
        *theirs,
        *rows[2:],
        Row(f"phrase of two words that are in a third of all texts, {of}: p50", "ms", found["phrase"]["p50 ms"]),
        Row(f"ids of everything in order, {of}", "1/s", found["everything"]["1/s"], None, at_least(20_000)),
        Row(f"index read at a start, {of}", "s", (site.built,)),
    ]


def _reach(name: str, measure: str, bound: float) -> Reach | None:
    """What is published is found by then most often; everything else nearly always."""
    return at_most(bound) if measure == ("p50" if name == "published" else "p99") else None


@asynccontextmanager
async def filled(bench: Bench, database: Database, count: int) -> AsyncIterator[Site]:
    """A catalogue with so many projects, and its index."""
    dsn = database.dsn("catalog")
    async with await connect_pool(dsn, name="bench") as pool:
        journal = Journal(dsn, pool, DECIDERS, PROJECTIONS, wakeup=Wakeup())
        async with journal.running():
            await load(journal, CONTENT, LOADED_AT, lambda _line: None)
            inventor = Inventor({row["ags"]: row["id"] for row in await pool.fetch(BODIES)})
            await fill(dsn, inventor, count)
            bench.told(f"{count:,} projects are in the read model")
            started = time.perf_counter()
            live = Live(pool)
            await live.ready()
            built = time.perf_counter() - started
            bench.told(f"the index was read in {built:.1f} s; it holds {len((await live.current()).words):,} words")
            garbage.settle()
            yield Site(live, journal, inventor.subjects, count, built)


async def _ask(site: Site, query: ProjectQuery) -> None:
    """What the portal's list asks for: a page with the facets beside it."""
    page = await search.find(site.live, query, editor=False, at=LOADED_AT, with_facets=True)
    page.model_dump_json()


async def _ask_first(site: Site, query: ProjectQuery) -> None:
    """As if nobody had asked for it before."""
    index = await site.live.current()
    index.found.clear()
    index.phrases.clear()
    await _ask(site, query)


async def _suggested(site: Site, typed: str) -> None:
    await suggest(site.live, SuggestQuery(q=typed))


async def _published(site: Site) -> Figures:
    """From the command that publishes a project to the answer that holds it."""
    took = [await _publish(site, number) for number in range(PUBLISHED)]
    return {"p50 ms": percentile(took, 50) * 1000, "p99 ms": percentile(took, 99) * 1000}


async def _publish(site: Site, number: int) -> float:
    project_id = str(new_id())
    word = f"Quirl{project_id.replace('-', '')[-12:]}"
    bodies = await site.live.pool.fetch(BODIES + " ORDER BY ags LIMIT 2")
    content = Content(
        title=f"Erfundenes {word} {number}",
        summary="Erfunden, um gefunden zu werden.",
        topics=("culture",),
        participations=tuple(Participation(organisation_id=row["id"], ags=row["ags"]) for row in bodies),
    )
    await do(site, project_id, DraftProject(project_id=project_id, content=content))
    await do(site, project_id, SubmitProject())
    started = time.perf_counter()
    await do(site, project_id, PublishProject())
    page = await search.find(site.live, ProjectQuery(q=word), editor=False, at=LOADED_AT)
    took = time.perf_counter() - started
    if [each.id for each in page.items] != [project_id]:
        raise NotFound(word)
    return took


async def do(site: Site, project_id: str, command: DraftProject | SubmitProject | PublishProject) -> None:
    """One command to a project."""
    context = Context(
        command_id=new_id(), actor="bench", at=datetime.now(UTC), correlation_id="bench", history=True, fresh=True
    )
    await site.journal.transact(PROJECT, project_id, command, context)


async def _everything(site: Site) -> Figures:
    """The ids of all projects in an order, in batches, as an export takes them."""
    started, taken = time.perf_counter(), 0
    async for batch in search.ids(site.live, ProjectFilter(), "title"):
        taken += len(batch)
        await asyncio.sleep(0)
    if taken < site.count:
        raise NotFound(f"{taken} of {site.count}")
    return {"1/s": taken / (time.perf_counter() - started)}


def _queries(random: Random, site: Site, count: int) -> list[ProjectQuery]:
    """What people may look for: subjects, frequent words, places, beginnings, phrases, and filters of all kinds."""
    return [ProjectQuery(q=_words(random, site), **_filters(random)) for _ in range(count)]


def _words(random: Random, site: Site) -> str | None:
    subject = random.choice(site.subjects)
    kinds: Sequence[Callable[[], str | None]] = (
        lambda: subject,
        lambda: f"{random.choice(FREQUENT)} {subject}",
        lambda: random.choice(FREQUENT),
        lambda: random.choice(PLACES),
        lambda: f"{random.choice(PLACES)} {random.choice(FREQUENT)}",
        lambda: subject[: random.randrange(4, 8)],
        lambda: f"{random.choice(FREQUENT)} -Netzwerk",
        lambda: None,
    )
    return random.choices(kinds, weights=(30, 10, 15, 15, 10, 10, 5, 5))[0]()


def _filters(random: Random) -> dict[str, object]:
    kinds: Sequence[dict[str, object]] = (
        {},
        {"topic": TOPICS[:2]},
        {"stage": STAGES, "funded": True},
        {"near": "05766044", "within_km": 40.0},
        {"sort": "date"},
        {"regierungsbezirk": ("057",), "sort": "title"},
    )
    return random.choices(kinds, weights=(60, 10, 10, 5, 10, 5))[0]


def _mistyped(random: Random, site: Site, count: int) -> list[ProjectQuery]:
    return [ProjectQuery(q=_slipped(random, random.choice(site.subjects))) for _ in range(count)]


def _slipped(random: Random, word: str) -> str:
    at = random.randrange(1, len(word) - 1)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :] if at + 1 < len(word) else word[:-1]


def _typed(random: Random, site: Site, count: int) -> list[str]:
    words = [*site.subjects, *PLACES, "Gemeinsamer Betrieb", "Interkommunales Zentrum"]
    chosen = [random.choice(words) for _ in range(count)]
    return [
        _slipped(random, word) if random.random() < 0.1 else word[: random.randrange(1, len(word) + 1)]
        for word in chosen
    ]
