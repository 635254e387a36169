"""A service's published events over HTTP, for subscribers that fell behind what the stream keeps.

The same messages as on NATS, in the order of the journal: each names the position of the one published before, so that
a reader can go over from the feed to the stream without missing any. The gateway alone may ask, and passes it on.
"""

from dataclasses import dataclass

import asyncpg
import orjson
from pydantic import BaseModel, ConfigDict, Field

from shared.kernel.cloud_events import Publisher
from shared.kernel.endpoint import Answer, Call, Endpoint
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool

PATH = "/internal/feed"
READ = """
SELECT counter.position AS head, counter.store_id,
       (SELECT position FROM journal WHERE position <= $1 AND aggregate_version IS NOT NULL
        ORDER BY position DESC LIMIT 1) AS before, j.*
FROM journal_counter AS counter LEFT JOIN LATERAL (
    SELECT position, stream, version, type, form, data, correlation_id, causation_id, traceparent, history,
           aggregate, aggregate_version, recorded_at
    FROM journal WHERE position > $1 AND aggregate_version IS NOT NULL ORDER BY position LIMIT $2
) AS j ON true
ORDER BY j.position
"""


class FeedQuery(BaseModel):
    """Which part of the feed."""

    model_config = ConfigDict(frozen=True)

    after: int = Field(default=0, ge=0, le=2**62, description="The position that was read last; 0 from the beginning.")
    limit: int = Field(default=100, ge=1, le=1000, description="The most events to answer.")


class FeedAnswer(BaseModel):
    """Events as CloudEvents. `next` is the `after` of the next part, null at the end; `head` is the journal's end."""

    items: list[dict[str, object]]
    next: int | None
    head: int


@dataclass(frozen=True, slots=True)
class Feed:
    """One service's feed."""

    service: str
    journal: Journal
    pool: Pool
    public_url: str

    async def read(self, call: Call) -> Answer:
        """The events behind a position."""
        query: FeedQuery = call.query
        rows = await self.pool.fetch(READ, query.after, query.limit + 1)
        head: int = rows[0]["head"]
        found = [row for row in rows if row["position"] is not None]
        shown = found[: query.limit]
        items = self._messages(shown, rows[0]["before"] or 0, str(rows[0]["store_id"]))
        more = shown[-1]["position"] if len(found) > query.limit else None
        return Answer({"items": items, "next": more, "head": head})

    def endpoint(self) -> Endpoint:
        """Where the gateway asks for it."""
        return Endpoint("GET", PATH, self.read, "Published events in order", query=FeedQuery, answer=FeedAnswer)

    def _messages(self, rows: list[asyncpg.Record], previous: int, store_id: str) -> list[orjson.Fragment]:
        publisher = Publisher(self.service, self.journal.codec, self.journal.deciders, self.public_url, store_id)
        bodies = []
        for row in rows:
            bodies.append(orjson.Fragment(publisher.message(row, previous).body))
            previous = row["position"]
        return bodies
