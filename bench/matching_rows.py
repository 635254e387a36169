"""One published project against everybody's subscriptions: who is told, as the notification service finds it out.

Asked as it asks: what the catalogue is asked and answers is written and read as JSON; only the way over NATS is left
out. Who is found is written, as it has to be before anybody is told.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from os import urandom
from random import Random
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from bench.invented import SEED
from bench.part import Bench
from bench.rounds import Figures, percentile
from bench.row import Row, at_most
from bench.search_rows import BODIES, Site, do, filled
from services.catalog.project import DraftProject, PublishProject, SubmitProject
from services.catalog.project_content import Content, Participation
from services.catalog.saved_searches import Matcher
from services.notify.compiled_searches import Compiling
from services.notify.followed import FOLLOWS
from services.notify.matching import Catalogue, Matching
from services.notify.matter import Mailing
from shared.contracts.catalog import ProjectPublished
from shared.contracts.rpc import FitsAnswered, ProjectKeysAnswered, SearchKeysAnswered
from shared.kernel.ids import new_id
from shared.kernel.postgres import Pool, connect_pool
from shared.kernel.vault import Vault

PROJECTS, SUBSCRIPTIONS, SEARCHES = 6850, 100_000, 10_000
EACH = 4  # subscriptions a person
PUBLISHED = 5
TOPICS = "SELECT code FROM topic WHERE merged_into IS NULL ORDER BY code"
PEOPLE = """
INSERT INTO subscriber (person_id, version, card_id, address)
SELECT md5('person' || n)::uuid::text, 1, n::text, 'sealed' FROM generate_series(1, $1) AS n
"""
SUBSCRIBE = """
INSERT INTO subscription (id, person_id, version, subject, key, sealed_query, state, text_version, requested_at,
                          confirmed_at, since)
SELECT r.id, r.person_id, 1, r.subject, r.key, r.sealed, 'confirmed', '1', $5, $5, $5
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $6::text[]) AS r (id, person_id, subject, key, sealed)
ON CONFLICT DO NOTHING
"""
OPENED = """
INSERT INTO saved_search (subscription_id, person_id, query, opened_at)
SELECT s.id, s.person_id, r.query, $2 FROM jsonb_to_recordset($1::jsonb) AS r (id uuid, query jsonb)
JOIN subscription s ON s.id = r.id
"""
PERSON = "SELECT md5('person' || n)::uuid::text AS person_id FROM generate_series(1, $1) AS n"
ANALYSE = ("ANALYZE subscription", "ANALYZE saved_search", "ANALYZE search_key", "ANALYZE compiled_search")
FOUND = "SELECT count(*) FROM finding WHERE mailing_id = $1"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
NARROWED_BY = ("q", "q", "topic", "q topic", "organisation", "near", "district q")


class NobodyFound(Exception):
    """A project was told to nobody."""


@dataclass(frozen=True, slots=True)
class Town:
    """Everybody's subscriptions, and a catalogue to publish in."""

    site: Site
    pool: Pool
    matching: Matching
    random: Random
    topics: Sequence[str]
    bodies: Sequence[Any]


async def measure(bench: Bench) -> Sequence[Row]:
    """As many subscriptions as all that work in the municipalities of a state may have."""
    count, searches = bench.amount(SUBSCRIPTIONS, 10_000), bench.amount(SEARCHES, 1000)
    async with (
        bench.servers.database(own=True) as catalogue,
        bench.servers.database("notify", own=True) as notify,
        filled(bench, catalogue, bench.amount(PROJECTS, 1000)) as site,
        await connect_pool(notify.dsn("notify"), name="bench") as pool,
    ):
        matcher = Matcher(site.journal, site.live)
        asked = Catalogue(
            _over_the_bus(matcher.project_keys, ProjectKeysAnswered), _over_the_bus(matcher.fits, FitsAnswered)
        )
        topics = [row["code"] for row in await site.live.pool.fetch(TOPICS)]
        bodies = await site.live.pool.fetch(BODIES + " ORDER BY ags")
        town = Town(site, pool, Matching(pool, Vault(pool, urandom(32)), asked), Random(SEED), topics, bodies)
        taken_apart = await _subscribe(bench, town, matcher, count, searches)
        found = await bench.alternate({"project": lambda: _publish_some(town)})
    what = f"one project against {count:,} subscriptions, {searches:,} of them saved searches"
    figures = found["project"]
    return [
        Row(f"{what}: who is told, written", "s", figures["s"], None, at_most(1)),
        Row("the same: people found", "", figures["people"]),
        Row("saved searches taken apart and kept", "1/s", (taken_apart,)),
    ]


def _over_the_bus[Q: BaseModel, A: BaseModel](
    answer: Callable[[Q], Awaitable[A]], answered: type[A]
) -> Callable[[Q], Awaitable[A]]:
    """Question and answer as JSON, as they are on the way."""

    async def ask(question: Q) -> A:
        read = type(question).model_validate_json(question.model_dump_json())
        return answered.model_validate_json((await answer(read)).model_dump_json())

    return ask


async def _subscribe(bench: Bench, town: Town, matcher: Matcher, count: int, searches: int) -> float:
    """Fills the tables; gives how many searches a second were taken apart."""
    people = count // EACH
    await town.pool.execute(PEOPLE, people)
    ids = [row["person_id"] for row in await town.pool.fetch(PERSON, people)]
    rows = [(new_id(), town.random.choice(ids), *_subject(town)) for _ in range(count - searches)]
    saved = [(new_id(), town.random.choice(ids), "search", str(new_id())) for _ in range(searches)]
    for start in range(0, count, 10_000):
        some = [*rows, *saved][start : start + 10_000]
        sealed = ["sealed" if subject == "search" else None for _, _, subject, _ in some]
        columns = [list(column) for column in zip(*some, strict=True)]
        await town.pool.execute(SUBSCRIBE, *columns, LONG_AGO, sealed)
    opened = [{"id": str(row[0]), "query": _search(town)} for row in saved]
    await town.pool.execute(OPENED, opened, LONG_AGO)
    started = time.perf_counter()
    compiling = Compiling(town.pool, _over_the_bus(matcher.search_keys, SearchKeysAnswered))
    while await compiling.step():
        pass
    took = time.perf_counter() - started
    bench.told(f"{count:,} subscriptions are there; searches were taken apart in {took:.1f} s")
    for statement in ANALYSE:
        await town.pool.execute(statement)
    return searches / took


def _subject(town: Town) -> tuple[str, str]:
    """What people subscribe to: mostly topics, then places, sometimes everything of a kind."""
    drawn = town.random.random()
    ags: str = town.random.choice(town.bodies)["ags"]
    if drawn < 0.55:
        return "topic", town.random.choice(town.topics)
    if drawn < 0.75:
        return ("municipality", ags) if len(ags) > 5 else ("district", ags)
    if drawn < 0.9:
        return "district", ags[:5]
    return "kind", town.random.choice(["project_published", "session_announcement", "announcement"])


def _search(town: Town) -> dict[str, list[str]]:
    """A search: words that projects have, alone or narrowed, or a place and what is near."""
    random = town.random
    municipality = random.choice([row["ags"] for row in town.bodies[-300:] if len(row["ags"]) > 5])
    words = " ".join(random.choice(town.site.subjects).split()[:2])
    made: dict[str, list[str]] = {}
    for narrowed in random.choice(NARROWED_BY).split():
        match narrowed:
            case "q":
                made["q"] = [words]
            case "topic":
                made["topic"] = random.sample(town.topics, 2)
            case "organisation":
                made["organisation"] = [municipality]
            case "district":
                made["district"] = [municipality[:5]]
            case _:
                made |= {"near": [municipality], "within_km": [str(random.choice((10, 25, 50)))]}
                made["topic"] = [random.choice(town.topics)]
    return made


async def _publish_some(town: Town) -> Figures:
    took, people = [], []
    for _ in range(PUBLISHED):
        mailing = await _published(town)
        started = time.perf_counter()
        await town.matching.find(mailing, datetime.now(UTC))
        took.append(time.perf_counter() - started)
        people.append(await town.pool.fetchval(FOUND, mailing.id))
    if not all(people):
        raise NobodyFound
    return {"s": percentile(took, 50), "people": percentile(people, 50)}


async def _published(town: Town) -> Mailing:
    project_id, random = str(new_id()), town.random
    bodies = random.sample(list(town.bodies), 3)
    text = [" und ".join(random.sample(list(town.site.subjects), 3)) for _ in range(12)]
    content = Content(
        title=f"Gemeinsam: {text[0]}",
        summary=text[1],
        description=". ".join(text[2:]),
        topics=tuple(random.sample(list(town.topics), 3)),
        participations=tuple(Participation(organisation_id=row["id"], ags=row["ags"]) for row in bodies),
    )
    for command in (DraftProject(project_id=project_id, content=content), SubmitProject(), PublishProject()):
        await do(town.site, project_id, command)
    contract = ProjectPublished(
        project_id=project_id, title=content.title, summary=content.summary or "", topics=content.topics
    )
    kind, now = FOLLOWS[ProjectPublished].kind, datetime.now(UTC)
    number = UUID(project_id).int % 2**62
    cause = f"project-{project_id}@3"
    return Mailing(
        number,
        "followers",
        cause,
        now,
        kind.name,
        contract,
        None,
        None,
        None,
        None,
        None,
        kind.priority,
        now,
        None,
        None,
    )
