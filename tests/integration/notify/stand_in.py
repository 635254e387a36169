"""The events service and the gateway as others see them: their streams, and the answer to who has to be told."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from uuid import uuid4

import orjson

from shared.contracts.contract import Contract
from shared.kernel.bus import Connection
from shared.kernel.streams import stream_of


@dataclass
class Publisher:
    """A publishing service: what it says goes into its stream, as its relay would write it."""

    service: str
    connection: Connection
    store_id: str = field(default_factory=lambda: str(uuid4()))
    position: int = 0
    published: list[tuple[str, bytes]] = field(default_factory=list)
    streams: Counter[str] = field(default_factory=Counter)
    aggregates: Counter[str] = field(default_factory=Counter)

    async def publish(
        self, contract: Contract, stream: str, *, history: bool = False, recorded_at: dt.datetime | None = None
    ) -> str:
        """One event of a journal's stream; gives its id."""
        self.position += 1
        self.streams[stream] += 1
        self.aggregates[contract.aggregate] += 1
        now = dt.datetime.now(dt.UTC)
        event_id = f"{stream}@{self.streams[stream]}"
        envelope = {
            "specversion": "1.0",
            "id": event_id,
            "source": f"/ikz/{self.service}",
            "type": contract.type,
            "subject": contract.aggregate,
            "time": now,
            "recordedtime": recorded_at or now,
            "datacontenttype": "application/json",
            "dataschema": f"https://portal.example/api/v1/schemas/{contract.type}.json",
            "position": self.position,
            "prevposition": self.position - 1,
            "aggregateversion": self.aggregates[contract.aggregate],
            "partitionkey": stream,
            "storeid": self.store_id,
            "correlationid": "c" * 32,
            "data": contract.model_dump(mode="json"),
        }
        if history:
            envelope["history"] = True
        self.published.append((contract.subject, orjson.dumps(envelope)))
        await self._send(*self.published[-1])
        return event_id

    async def again(self) -> None:
        """Everything once more, as a relay does after its stream was lost."""
        for subject, body in self.published:
            await self._send(subject, body)

    async def _send(self, subject: str, body: bytes) -> None:
        headers = {"Content-Type": "application/cloudevents+json", "Nats-Expected-Stream": stream_of(self.service)}
        answer = orjson.loads((await self.connection.request(subject, body, headers=headers)).data)
        assert "error" not in answer, answer
