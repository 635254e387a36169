"""The index as this replica has it: read from the read model at the start, then brought up to date before every use.

A question asks the journal for its end, first or together with what it reads, and takes in what it does not have yet:
whoever asks after a command was answered, by whichever replica, finds what it did. `keep` does the same as soon as the
journal grows, so that a question seldom has anything to do; it also reads anew what was rebuilt (the present index
serves on), and everything when the journal is another one than before (nothing is answered until that is read).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import batched
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from services.catalog.organisation import ServiceArea
from services.catalog.search_index import Entry, Index
from services.catalog.search_names import DISTRICT_DIGITS, MUNICIPALITY_DIGITS, Body, TopicName, names_of
from services.catalog.size_class import size_class_of
from services.catalog.vocabulary import OrganisationType
from shared.kernel.postgres import CONNECTION_LOST, Connection, Pool
from shared.kernel.problems import Problem
from shared.kernel.wakeup import Waiter

# The event at the position that an index has tells whether the journal is the one that it was read from.
STATE = """
SELECT c.position, c.store_id::text AS store,
       'search_project'::regclass::oid::bigint AS filling,
       concat_ws(' ', 'topic'::regclass::oid, 'organisation'::regclass::oid) AS naming,
       (SELECT concat_ws(' ', j.stream, j.version, j.command_id) FROM journal j
        WHERE j.position = coalesce($1, c.position)) AS event
FROM journal_counter c
"""
# What a statement finds, beside where the journal is in the same moment: one row at least.
AND_STATE = """
SELECT c.position AS journal_position, c.store_id::text AS journal_store,
       (SELECT concat_ws(' ', j.stream, j.version, j.command_id) FROM journal j
        WHERE j.position = c.position) AS journal_event, found.*
FROM journal_counter c LEFT JOIN ({statement}) AS found ON true
"""
CHANGED = """
SELECT position, stream, concat_ws(' ', stream, version, command_id) AS event
FROM journal WHERE position > $1 ORDER BY position LIMIT $2
"""
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
TOPICS = "SELECT code, label, former_labels, group_code, group_label, merged_into FROM topic"
BODIES = "SELECT id::text, ags, name, type, profile, merged_into::text FROM organisation"
AT_ONCE, EVENTS_AT_ONCE = 500, 5000
IN_A_STEP = 20  # projects that are taken in together: everybody else waits meanwhile
SORTING = 60.0
POLL, RETRY = 0.5, 1.0
ID_LENGTH, ID_BYTES = 36, 16

type Row = asyncpg.Record | Mapping[str, Any]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class State:
    """What an index stands for: which journal, how far and up to which event; which filling of the read models."""

    position: int
    store: str
    event: str | None
    filling: int
    naming: str


@dataclass(frozen=True, slots=True)
class Have:
    """An index, and what it stands for."""

    index: Index
    state: State

    def is_of(self, journal: State) -> bool:
        """Whether the journal holds what the index was read from; `journal` names the event at the index's position."""
        return (self.state.store, self.state.event) == (journal.store, journal.event)


class Live:
    """One replica's index over one database. `ready` makes it, `keep` keeps it; who asks only brings it up to date."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self._lock = asyncio.Lock()
        self._have: Have | None = None
        self._progress = (0, 0)

    async def current(self) -> Index:
        """The index with all that was committed before this was called; `unavailable` while there is none."""
        return (await self._current()).index

    def at_hand(self) -> Have:
        """The index as it is, perhaps behind the journal: `found_with` tells; `unavailable` while there is none."""
        if self._have is None:
            raise Problem("unavailable")
        return self._have

    async def found_with(self, have: Have, statement: str, *arguments: object) -> list[asyncpg.Record] | None:
        """What a statement finds, if the index had all that is committed by then; else None: ask for `current`."""
        rows = await self.pool.fetch(AND_STATE.format(statement=statement), *arguments)
        journal, state = rows[0], have.state
        end = journal["journal_position"], journal["journal_store"], journal["journal_event"]
        if end != (state.position, state.store, state.event):
            return None
        return [row for row in rows if row["id"] is not None]

    async def mark(self) -> str:
        """Names what would be found now: the same as long as nothing is recorded or rebuilt."""
        state = (await self._current()).state
        return f"{state.store} {state.position} {state.event} {state.filling} {state.naming}"

    async def ready(self) -> None:
        """Returns when there is an index, however often the database goes away meanwhile."""
        while self._have is None:
            await self._patiently(self._follow)

    async def check(self) -> str | None:
        """Why nothing can be looked up, for the health report."""
        done, every = self._progress
        return None if self._have else f"{done:,} of {every:,} projects are in the index"

    async def keep(self, bell: Waiter) -> None:
        """Keeps the index up to date, for ever."""
        while True:
            await self._patiently(self._follow)
            await bell.wait(POLL)

    async def _patiently(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except (*CONNECTION_LOST, asyncpg.PostgresError) as error:
            log.warning("search_waits", reason=type(error).__name__)
            await asyncio.sleep(RETRY)

    async def _current(self) -> Have:
        have = self._have
        if have is None:
            raise Problem("unavailable")
        state = await self._state(have)
        if not have.is_of(state):
            raise Problem("unavailable")
        if have.state.position == state.position:
            return have
        async with self._lock:
            reached = await self._caught_up(state.position)
        if reached is None:
            raise Problem("unavailable")
        return reached

    async def _follow(self) -> None:
        """Takes in what came since, or makes another index where that is not enough."""
        if self._have is not None and await self._goes_on(self._have):
            return
        fresh = await self._built()
        async with self._lock:
            self._have = fresh

    async def _goes_on(self, have: Have) -> bool:
        """Whether this index is brought up to date; it is forgotten when the journal is another one."""
        state = await self._state(have)
        async with self._lock:
            if have.is_of(state) and have.state.filling == state.filling:
                await self._caught_up(state.position)
                await self._renamed(state.naming)
                return True
            log.warning("search_reads_anew", position=state.position, same_journal=have.is_of(state))
            if not have.is_of(state):
                self._have = None
            return False

    async def _built(self) -> Have:
        index = Index()
        state = await self._state(None)
        async with self.pool.acquire() as connection:
            await _read_names(index, connection)
            packed: bytes = await connection.fetchval(IDS, timeout=SORTING)
        ids = [packed[at : at + ID_BYTES] for at in range(0, len(packed), ID_BYTES)]
        self._progress = (0, len(ids))
        for some in batched(ids, AT_ONCE):
            for entries in batched(await self._entries(some), IN_A_STEP):
                index.fill(entries)
                await asyncio.sleep(0)
            self._progress = (len(index), len(ids))
        for _ in index.settling():
            await asyncio.sleep(0)
        return Have(index, state)

    async def _entries(self, ids: Sequence[bytes]) -> Iterator[Entry]:
        """Of the projects that are still there, in this order; made as they are taken."""
        rows = await self.pool.fetch(SOME, [UUID(bytes=each) for each in ids])
        by_id = {row["id"].bytes: row for row in rows}
        return (entry_of(by_id[each]) for each in ids if each in by_id)

    async def _caught_up(self, end: int) -> Have | None:
        """Reads what the events behind the index's position changed; rows are at least as new as those.

        None when the journal does not reach so far any more, or the index is gone.
        """
        while (have := self._have) is not None and have.state.position < end:
            async with self.pool.acquire() as connection:
                rows = await connection.fetch(CHANGED, have.state.position, EVENTS_AT_ONCE)
                if not rows:
                    return None
                await _take(have.index, connection, [row["stream"].partition("-")[::2] for row in rows])
            reached = replace(have.state, position=rows[-1]["position"], event=rows[-1]["event"])
            self._have = Have(have.index, reached)
        return self._have

    async def _renamed(self, naming: str) -> None:
        """Reads all names anew where their read models were rebuilt; no project has to be."""
        have = self._have
        if have is None or have.state.naming == naming:
            return
        async with self.pool.acquire() as connection:
            await _read_names(have.index, connection)
        self._have = Have(have.index, replace(have.state, naming=naming))

    async def _state(self, have: Have | None) -> State:
        row = await self.pool.fetchrow(STATE, have and have.state.position)
        assert row is not None
        return State(**row)


async def _take(index: Index, connection: Connection, changed: Sequence[tuple[str, str]]) -> None:
    if any(category in ("topic", "organisation") for category, _ in changed):
        await _read_names(index, connection)
    ids = list(dict.fromkeys(name for category, name in changed if category == "project"))
    for start in range(0, len(ids), AT_ONCE):
        for some in batched(await connection.fetch(SOME, ids[start : start + AT_ONCE]), IN_A_STEP):
            for row in some:
                index.put(entry_of(row))
            await asyncio.sleep(0)


async def _read_names(index: Index, connection: Connection) -> None:
    topics = await connection.fetch(TOPICS)
    bodies = await connection.fetch(BODIES)
    index.rename(names_of(map(topic_of, topics), _understood(body_of, bodies), index.words))


def _understood[T](read: Callable[[Row], T], rows: Iterable[Row]) -> Iterator[T]:
    """What newer code wrote so that it cannot be read here is left to replicas that run it; all the rest is found."""
    for row in rows:
        try:
            yield read(row)
        except ValueError as error:
            log.warning("search_row_of_newer_code", id=row["id"], reason=type(error).__name__)


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
