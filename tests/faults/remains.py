"""What a system holds when all is over: its journals, streams, mails, and whether its read models are what they say."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.parser import BytesHeaderParser
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from shared.embedded.folder import DataFolder, environment_of, nats_url
from shared.kernel.bootstrap import SERVICES
from shared.kernel.bus import open_connection
from shared.kernel.journal import Journal
from shared.kernel.postgres import connect, connect_pool
from shared.kernel.rebuild import rebuild
from shared.kernel.streams import stream_of
from shared.kernel.wakeup import Wakeup
from shared.mailbox.store import Store

JOURNAL = """
SELECT position, stream, version, type, data, command_id, aggregate, aggregate_version, recorded_at
FROM journal ORDER BY position
"""
COMMANDS = "SELECT id, stream, version, position FROM command"
DEAD_LETTERS = "SELECT count(*) FROM dead_letter"
FORGOTTEN = "SELECT person_id FROM vault WHERE erased_at IS NOT NULL AND wrapped IS NULL"
KEPT = "SELECT person_id FROM contact_request UNION SELECT person_id FROM contact_address"
TOPICS = "SELECT topic, into_topic FROM topic_merged"


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as the journal holds it."""

    position: int
    stream: str
    version: int
    type: str
    data: Mapping[str, Any]
    command_id: UUID
    aggregate: str | None
    aggregate_version: int | None
    recorded_at: datetime

    @property
    def id(self) -> str:
        """What it is called on NATS."""
        return f"{self.stream}@{self.version}"


@dataclass(frozen=True, slots=True)
class Result:
    """What a command came to, as its service remembers it."""

    stream: str
    version: int
    position: int


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a stream."""

    id: str
    position: int
    previous: int
    aggregate: str
    aggregate_version: int


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as its recipient's server got it. Several may have the same Message-ID."""

    message_id: str
    to: str
    received_at: datetime


@dataclass(slots=True)
class Remains:
    """By service, and all mails in the order in which they came. `different`: tables that a rebuild made otherwise.

    `forgotten` are people whose keys a service has destroyed, `kept` those of whom the catalogue has an address or a
    text; `topics` is where merged ones lead for events. `downloads` are each project's files by SHA-256, as one gets
    them, and `found` is how many public projects each gateway says there are.
    """

    journals: dict[str, list[Recorded]] = field(default_factory=dict)
    results: dict[str, dict[UUID, Result]] = field(default_factory=dict)
    streams: dict[str, list[Message]] = field(default_factory=dict)
    different: list[str] = field(default_factory=list)
    dead_letters: int = 0
    mails: list[Mail] = field(default_factory=list)
    forgotten: dict[str, set[str]] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    topics: dict[str, str] = field(default_factory=dict)
    downloads: dict[str, list[str]] = field(default_factory=dict)
    found: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Archive:
    """Reads what is left of the system in a folder, while it runs and nobody works with it."""

    folder: Path

    def dsn(self, service: str) -> str:
        """A service's own address of its database."""
        folder = DataFolder(self.folder)
        return environment_of(service, folder.running(), folder.secrets(), folder)["IKZ_DATABASE_URL"]

    async def read(self) -> Remains:
        """Everything but the read models, and what one has to ask for by HTTP."""
        remains = await self.databases()
        await self._read_streams(remains)
        return remains

    async def databases(self) -> Remains:
        """What lies in databases and mailboxes."""
        remains = Remains(mails=self.mails())
        for service in SERVICES:
            await self._read_database(service, remains)
        return remains

    def mails(self) -> list[Mail]:
        """All mails so far."""
        store = Store(self.folder / "mailbox")
        return [
            Mail(_message_id(store.raw(entry.id) or b""), entry.to.lower(), entry.received_at)
            for entry in store.entries()
        ]

    async def rebuilt(self) -> list[str]:
        """Builds every read model anew from the journal; gives the tables that were different before."""
        found = await asyncio.gather(*(self._rebuilt(service) for service in SERVICES))
        return [table for tables in found for table in tables]

    async def _read_database(self, service: str, remains: Remains) -> None:
        connection = await connect(self.dsn(service), name="remains")
        try:
            remains.journals[service] = [recorded(row) for row in await connection.fetch(JOURNAL)]
            remains.results[service] = {
                UUID(bytes=row["id"].bytes): Result(row["stream"], row["version"], row["position"])
                for row in await connection.fetch(COMMANDS)
            }
            remains.dead_letters += await connection.fetchval(DEAD_LETTERS)
            remains.forgotten[service] = {row["person_id"] for row in await connection.fetch(FORGOTTEN)}
            if service == "catalog":
                remains.kept = {row["person_id"] for row in await connection.fetch(KEPT)}
            if service == "events":
                remains.topics = {row["topic"]: row["into_topic"] for row in await connection.fetch(TOPICS)}
        finally:
            await connection.close()

    async def _read_streams(self, remains: Remains) -> None:
        folder = DataFolder(self.folder)
        connection = await open_connection(nats_url(folder.running(), folder.secrets(), "operator"), "remains")
        try:
            for service in SERVICES:
                name = stream_of(service)
                state = (await connection.api(f"STREAM.INFO.{name}"))["state"]
                numbers = range(state["first_seq"], state["last_seq"] + 1) if state["messages"] else ()
                remains.streams[service] = [
                    _message(await connection.request(f"$JS.API.DIRECT.GET.{name}", b'{"seq": %d}' % number))
                    for number in numbers
                ]
        finally:
            await connection.close()

    async def _rebuilt(self, service: str) -> list[str]:
        records = import_module(f"services.{service}.records")
        dsn = self.dsn(service)
        async with await connect_pool(dsn, name="remains", size=2) as pool:
            journal = Journal(dsn, pool, records.DECIDERS, records.PROJECTIONS, wakeup=Wakeup())
            found = [await rebuild(dsn, journal, projection) for projection in records.PROJECTIONS]
        return [f"{service}.{table}" for each in found for table in each.different]


def recorded(row: asyncpg.Record) -> Recorded:
    """The event in a row of `JOURNAL`."""
    return Recorded(
        row["position"],
        row["stream"],
        row["version"],
        row["type"],
        json.loads(row["data"]),
        UUID(bytes=row["command_id"].bytes),
        row["aggregate"],
        row["aggregate_version"],
        row["recorded_at"],
    )


def _message(raw: Any) -> Message:
    event = orjson.loads(raw.data)
    return Message(event["id"], event["position"], event["prevposition"], event["subject"], event["aggregateversion"])


def _message_id(raw: bytes) -> str:
    return str(BytesHeaderParser().parsebytes(raw, headersonly=True)["Message-ID"])
