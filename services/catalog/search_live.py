"""The index as this replica has it: read from the read model at the start, then brought up to date before every use.

A question asks the journal for its end first and takes in what it does not have yet: whoever asks after a command was
answered, by whichever replica, finds what it did. `keep` does the same as soon as the journal grows, so that a question
seldom has anything to do; it also reads everything anew, beside the present index, when the read model was rebuilt.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import structlog

from services.catalog.organisation import ServiceArea
from services.catalog.search_index import Entry, Index
from services.catalog.search_names import DISTRICT_DIGITS, MUNICIPALITY_DIGITS, Body, TopicName, names_of
from services.catalog.size_class import size_class_of
from services.catalog.vocabulary import OrganisationType
from shared.kernel.postgres import CONNECTION_LOST, Connection, Pool
from shared.kernel.wakeup import Waiter

STATE = """
SELECT position, store_id::text AS store, 'search_project'::regclass::oid::bigint AS filling FROM journal_counter
"""
CHANGED = "SELECT position, stream FROM journal WHERE position > $1 ORDER BY position LIMIT $2"
COLUMNS = """
SELECT id, status, coalesce(published_at, changed_at) AS moment, title_key, plain, topics, legal_form, stage,
       participants, effect_kinds, effect, best_practice, funded, reuse
FROM search_project
"""
SOME = COLUMNS + "WHERE id = ANY($1::uuid[])"
# Neighbours beside each other, by the key of who is named first: their documents' numbers are then close together, and
# sets of them small and quick to intersect.
IDS = """
SELECT coalesce(string_agg(uuid_send(id), ''::bytea ORDER BY participants[2], participants[1], id), ''::bytea)
FROM search_project
"""
# Where an entry leads that was merged; null as long as entries cannot be.
TOPICS = """
SELECT code, label, former_labels, group_code, group_label, to_jsonb(topic)->>'merged_into' AS merged_into FROM topic
"""
BODIES = """
SELECT id::text, ags, name, type, profile, to_jsonb(organisation)->>'merged_into' AS merged_into FROM organisation
"""
AT_ONCE, EVENTS_AT_ONCE = 500, 5000
SORTING = 60.0
POLL, RETRY, STUCK = 0.5, 1.0, 5.0
ID_LENGTH, ID_BYTES = 36, 16

type Row = asyncpg.Record | Mapping[str, Any]

log = structlog.get_logger()


class State(NamedTuple):
    """What an index stands for: the journal's end, which journal, and which filling of the read model."""

    position: int
    store: str
    filling: int

    def continues(self, before: "State") -> bool:
        """Whether what came since can be read behind what was there."""
        return self[1:] == before[1:] and self.position >= before.position


@dataclass(frozen=True, slots=True)
class _Have:
    index: Index
    state: State


class Live:
    """One replica's index over one database."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._lock = asyncio.Lock()
        self._have: _Have | None = None
        self.progress = (0, 0)
        """How many projects were read into an index that is being built, and of how many."""

    async def current(self) -> Index:
        """The index with all that was committed before this was called; built if there is none."""
        async with self._pool.acquire() as connection:
            state = await _state(connection)
        have = self._have
        if have is not None and have.state.store == state.store and have.state.position >= state.position:
            return have.index
        async with self._lock:
            if self._have is None or state.store != self._have.state.store:
                self._have = await self._built()
            await self._catch_up(self._have, state.position)
            return self._have.index

    async def ready(self) -> None:
        """Returns when there is an index, however often the database goes away meanwhile."""
        while True:
            try:
                await self.current()
            except CONNECTION_LOST as error:
                log.warning("search_waits", reason=type(error).__name__)
                await asyncio.sleep(RETRY)
            else:
                return

    async def check(self) -> str | None:
        """Why nothing can be looked up yet, for the health report."""
        done, every = self.progress
        return None if self._have else f"{done:,} of {every:,} projects are in the index"

    async def keep(self, bell: Waiter) -> None:
        """Keeps the index up to date, for ever."""
        while True:
            try:
                await self.current()
                await self._renew()
            except CONNECTION_LOST as error:
                log.warning("search_waits", reason=type(error).__name__)
                await asyncio.sleep(RETRY)
            except Exception:
                log.exception("search_stuck")
                await asyncio.sleep(STUCK)
            await bell.wait(POLL)

    async def _renew(self) -> None:
        """Another index, when the read model is another one, or the journal went back; the present one serves on."""
        async with self._pool.acquire() as connection:
            state = await _state(connection)
        if self._have is None or state.continues(self._have.state):
            return
        log.info("search_reads_anew", position=state.position)
        fresh = await self._built()
        async with self._lock:
            self._have = fresh

    async def _built(self) -> _Have:
        index = Index()
        async with self._pool.acquire() as connection:
            state = await _state(connection)
            await _read_names(index, connection)
            packed: bytes = await connection.fetchval(IDS, timeout=SORTING)
        ids = [packed[at : at + ID_BYTES] for at in range(0, len(packed), ID_BYTES)]
        for some in batched(ids, AT_ONCE):
            rows = await self._pool.fetch(SOME, [UUID(bytes=each) for each in some])
            by_id = {row["id"].bytes: row for row in rows}
            index.fill(entry_of(by_id[each]) for each in some if each in by_id)
            self.progress = (len(index), len(ids))
            await asyncio.sleep(0)
        index.settle()
        return _Have(index, state)

    async def _catch_up(self, have: _Have, end: int) -> None:
        """Reads what the events behind the index's position changed; rows are at least as new as those."""
        async with self._pool.acquire() as connection:
            while have.state.position < end:
                rows = await connection.fetch(CHANGED, have.state.position, EVENTS_AT_ONCE)
                await _take(have.index, connection, [row["stream"].partition("-")[::2] for row in rows])
                have = _Have(have.index, have.state._replace(position=rows[-1]["position"]))
                self._have = have


async def _state(connection: Connection) -> State:
    row = await connection.fetchrow(STATE)
    assert row is not None
    return State(row["position"], row["store"], row["filling"])


async def _take(index: Index, connection: Connection, changed: Sequence[tuple[str, str]]) -> None:
    if any(category in ("topic", "organisation") for category, _ in changed):
        await _read_names(index, connection)
    ids = list(dict.fromkeys(name for category, name in changed if category == "project"))
    for start in range(0, len(ids), AT_ONCE):
        for row in await connection.fetch(SOME, ids[start : start + AT_ONCE]):
            index.put(entry_of(row))
        await asyncio.sleep(0)


async def _read_names(index: Index, connection: Connection) -> None:
    topics = await connection.fetch(TOPICS)
    bodies = await connection.fetch(BODIES)
    index.rename(names_of(map(topic_of, topics), map(body_of, bodies), index.words))


def entry_of(row: Row) -> Entry:
    """A row of the read model, as it is indexed."""
    flags = {name: ("true",) for name in ("best_practice", "funded", "reuse") if row[name]}
    return Entry(
        id=row["id"].bytes,
        status=row["status"],
        moment=row["moment"].timestamp(),
        title_key=row["title_key"],
        texts=tuple(row["plain"]),
        effect=row["effect"],
        values={
            "topic": row["topics"],
            "legal_form": _one(row["legal_form"]),
            "stage": _one(row["stage"]),
            "organisation": [each for each in row["participants"] if len(each) == ID_LENGTH],
            "effect_kind": row["effect_kinds"],
            **flags,
        },
    )


def _one(value: str | None) -> tuple[str, ...]:
    return () if value is None else (value,)


def topic_of(row: Row) -> TopicName:
    """A row of the topics."""
    names = (row["label"], *row["former_labels"])
    return TopicName(row["code"], row["label"], names, row["group_code"], row["group_label"], row.get("merged_into"))


def body_of(row: Row) -> Body:
    """A row of the directory."""
    profile: dict[str, Any] = row["profile"]
    area = ServiceArea.model_validate(profile.get("service_area") or {})
    own = [row["ags"]] if row["ags"] else []
    latitude, longitude = profile.get("latitude"), profile.get("longitude")
    is_municipality = len(row["ags"] or "") == MUNICIPALITY_DIGITS
    size = size_class_of(profile.get("population")) if is_municipality else None
    return Body(
        id=row["id"],
        ags=row["ags"],
        name=row["name"],
        type=OrganisationType(row["type"]),
        names=(row["name"], *profile.get("aliases", ())),
        districts=tuple(sorted({key[:DISTRICT_DIGITS] for key in (*area.districts, *area.municipalities, *own)})),
        region_label=profile.get("regierungsbezirk"),
        place=None if latitude is None or longitude is None else (latitude, longitude),
        size_class=size,
        merged_into=row.get("merged_into"),
    )


_OPEN: dict[Pool, Live] = {}


def of(pool: Pool) -> Live:
    """The index over a pool's database: one for each pool, as long as it is open."""
    for closed in [each for each in _OPEN if each.is_closing() and each is not pool]:
        del _OPEN[closed]
    return _OPEN.setdefault(pool, Live(pool))
