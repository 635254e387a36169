"""Folded states of streams: kept in memory, brought up to date by what is new, started from snapshots where long."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import asyncpg
from immutables import Map

from shared.kernel.codec import Codec
from shared.kernel.decider import Decider
from shared.kernel.postgres import Connection

# LATERAL keeps the planner on the index of (stream, version) even while the table's statistics are young.
TAILS = """
SELECT tail.* FROM unnest($1::text[], $2::bigint[]) AS known(stream, version)
CROSS JOIN LATERAL (
    SELECT j.position, j.stream, j.version, j.type, j.form, j.data, j.aggregate
    FROM journal j WHERE j.stream = known.stream AND j.version > known.version ORDER BY j.version
) AS tail
ORDER BY tail.stream, tail.version
"""
SNAPSHOT_AND_TAILS = """
WITH known AS (
    SELECT wanted.stream, s.version, s.position, s.published, s.state
    FROM unnest($1::text[], $2::smallint[]) AS wanted(stream, form)
    LEFT JOIN snapshot s ON s.stream = wanted.stream AND s.form = wanted.form
)
SELECT known.position, known.stream, known.version, NULL AS type, NULL::smallint AS form, NULL::json AS data,
       NULL AS aggregate, known.published, known.state
FROM known WHERE known.version IS NOT NULL
UNION ALL
SELECT tail.*, NULL, NULL FROM known CROSS JOIN LATERAL (
    SELECT j.position, j.stream, j.version, j.type, j.form, j.data, j.aggregate
    FROM journal j WHERE j.stream = known.stream AND j.version > coalesce(known.version, 0) ORDER BY j.version
) AS tail
ORDER BY 2, 3
"""
KEEP_SNAPSHOT = """
INSERT INTO snapshot (stream, version, position, form, published, state) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (stream) DO UPDATE SET version = excluded.version, position = excluded.position, form = excluded.form,
    published = excluded.published, state = excluded.state
WHERE snapshot.version < excluded.version OR snapshot.form <> excluded.form
"""
CAPACITY = 4096


class Folded[S](NamedTuple):
    """A stream folded up to `version`; `published` counts the contracts of each aggregate in it.

    `snapshot_version` is where its stored snapshot stands; `last_aggregate` is that of the last event's contract.
    """

    state: S
    version: int = 0
    position: int = 0
    published: Map[str, int] = Map()
    snapshot_version: int = 0
    last_aggregate: str | None = None

    def at(self, position: int) -> "Folded[S]":
        """The same, now that the last event has its position."""
        state, version, _, published, snapshot_version, aggregate = self
        return Folded(state, version, position, published, snapshot_version, aggregate)

    def snapshotted(self) -> "Folded[S]":
        """The same, with a snapshot of just this version kept."""
        return self._replace(snapshot_version=self.version)


class Folds:
    """A bounded cache of folded states. A cached state may be old; `load` always looks for what came after it."""

    def __init__(self, codec: Codec, capacity: int = CAPACITY) -> None:
        self._codec = codec
        self._capacity = capacity
        self._kept: OrderedDict[str, Folded[Any]] = OrderedDict()

    async def load(
        self, connection: Connection, streams: Mapping[str, Decider[Any, Any, Any]]
    ) -> dict[str, Folded[Any]]:
        """The present states of several streams: one round trip when all are cached or short, two at most."""
        known = {stream: self._kept[stream] for stream in streams if stream in self._kept}
        long = [stream for stream, decider in streams.items() if decider.snapshots and stream not in known]
        folded = {stream: known.get(stream) or Folded(decider.initial) for stream, decider in streams.items()}
        if long:
            forms = [snapshots.form for stream in long if (snapshots := streams[stream].snapshots)]
            self._add(folded, streams, await connection.fetch(SNAPSHOT_AND_TAILS, long, forms))
        short = [stream for stream in streams if stream not in set(long)]
        if short:
            versions = [folded[stream].version for stream in short]
            self._add(folded, streams, await connection.fetch(TAILS, short, versions))
        for stream, now in folded.items():
            if now.version:  # questions for what does not exist must not push out what does
                self.keep(stream, now)
        return folded

    def cached(self, stream: str) -> Folded[Any] | None:
        """What is remembered of a stream, which may be old."""
        return self._kept.get(stream)

    def keep(self, stream: str, folded: Folded[Any]) -> None:
        """Remembers a state that is durable, unless a newer one is known: who reads may come back after who writes."""
        if (kept := self._kept.get(stream)) is not None and kept.version > folded.version:
            return
        self._kept[stream] = folded
        self._kept.move_to_end(stream)
        if len(self._kept) > self._capacity:
            self._kept.popitem(last=False)

    def forget(self, streams: Sequence[str]) -> None:
        """Drops states that may be wrong: the next load starts from the journal."""
        for stream in streams:
            self._kept.pop(stream, None)

    def forget_all(self) -> None:
        """After a lost connection: the journal may be another one."""
        self._kept.clear()

    def _add(
        self,
        folded: dict[str, Folded[Any]],
        streams: Mapping[str, Decider[Any, Any, Any]],
        rows: Sequence[asyncpg.Record],
    ) -> None:
        """Brings the states up to date; `rows` come stream by stream."""
        for stream, its_own in groupby(rows, key=itemgetter("stream")):
            folded[stream] = self._fold(streams[stream], folded[stream], its_own)

    def _fold(
        self, decider: Decider[Any, Any, Any], before: Folded[Any], rows: Iterable[asyncpg.Record]
    ) -> Folded[Any]:
        state, version, position, published, snapshot_version, _ = before
        counts: dict[str, int] = {}
        category, evolve, decode = decider.category, decider.evolve, self._codec.decode
        for row in rows:
            position, _, version, name, form, data, aggregate, *snapshot = row
            if name is None:
                state, published = _from_snapshot(decider, *snapshot)
                snapshot_version = version
                continue
            state = evolve(state, decode(category, name, form, data))
            if aggregate is not None:
                counts[aggregate] = counts.get(aggregate, 0) + 1
        for aggregate, more in counts.items():
            published = published.set(aggregate, published.get(aggregate, 0) + more)
        return Folded(state, version, position, published, snapshot_version)


def counted(published: Map[str, int], aggregate: str | None) -> Map[str, int]:
    """One more contract of `aggregate`."""
    return published if aggregate is None else published.set(aggregate, published.get(aggregate, 0) + 1)


def _from_snapshot[S](
    decider: Decider[S, Any, Any], published: dict[str, int], state: bytes
) -> tuple[S, Map[str, int]]:
    assert decider.snapshots is not None
    return decider.snapshots.load(state), Map(published)


async def keep_snapshot(connection: Connection, decider: Decider[Any, Any, Any], stream: str, at: Folded[Any]) -> None:
    """Stores a state beside its stream; an older one never replaces a newer one of the same form."""
    if decider.snapshots is None:
        return
    state = decider.snapshots.dump(at.state)
    await connection.execute(
        KEEP_SNAPSHOT, stream, at.version, at.position, decider.snapshots.form, dict(at.published), state
    )
