"""A service's published events over HTTP, for subscribers that fell behind what the stream keeps.

The same messages as on NATS, in the order of the journal: each names the position of the one published before, so that
a reader can go over from the feed to the stream without missing any. It stops where the relay stops: at an event that
this code cannot publish. The gateway alone may ask, and passes it on.
"""

from dataclasses import dataclass

import asyncpg
import orjson
import structlog
from pydantic import BaseModel, ConfigDict, Field

from shared.kernel.cloud_events import Publisher
from shared.kernel.endpoint import Answer, Call, Endpoint
from shared.kernel.faults import described
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem

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

log = structlog.get_logger()


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
        items = self._messages(found[: query.limit], rows[0]["before"] or 0, str(rows[0]["store_id"]))
        if found and not items:
            raise Problem("unavailable")
        more = found[len(items) - 1]["position"] if len(items) < len(found) else None
        return Answer({"items": items, "next": more, "head": head})

    def endpoint(self) -> Endpoint:
        """Where the gateway asks for it."""
        return Endpoint("GET", PATH, self.read, "Published events in order", query=FeedQuery, answer=FeedAnswer)

    def _messages(self, rows: list[asyncpg.Record], previous: int, store_id: str) -> list[orjson.Fragment]:
        publisher = Publisher(self.service, self.journal.codec, self.journal.deciders, self.public_url, store_id)
        bodies: list[orjson.Fragment] = []
        for row in rows:
            try:
                bodies.append(orjson.Fragment(publisher.message(row, previous).body))
            except Exception as error:  # noqa: BLE001 -- whatever is wrong with an event, those before it are fine
                log.warning("feed_stops", id=f"{row['stream']}@{row['version']}", reason=described(error))
                break
            previous = row["position"]
        return bodies
