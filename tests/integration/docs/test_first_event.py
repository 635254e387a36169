"""docs/subscribing: its example shows a subscriber what a service publishes."""

import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from services.catalog.records import DECIDERS
from services.catalog.topic import TOPIC, DefineTopic, Group, RenameTopic
from shared.embedded.nats import EmbeddedNats
from shared.kernel.health import Health
from shared.kernel.ids import new_id
from shared.kernel.journal import Journal
from shared.kernel.migrations import migrate
from shared.kernel.postgres import connect_pool
from shared.kernel.recorded import Context
from shared.kernel.relay import Relay
from shared.kernel.streams import bootstrap_streams
from shared.kernel.wakeup import Wakeup
from tests.conftest import Database

EXAMPLE = Path(__file__).parents[3] / "docs" / "subscribing" / "first_event.py"
AT = datetime(2025, 7, 1, 12, tzinfo=UTC)


async def test_the_example_shows_what_was_published(database: Database, nats: EmbeddedNats) -> None:
    dsn, wakeup = database.dsn("catalog"), Wakeup()
    await migrate(dsn, "catalog")
    await bootstrap_streams(nats.url("operator"))
    pool = await connect_pool(dsn, name="test")
    journal = Journal(dsn, pool, DECIDERS, (), wakeup=wakeup)
    relay = Relay(
        service="catalog",
        dsn=dsn,
        nats_url=nats.url("catalog"),
        journal=journal,
        wakeup=wakeup,
        public_url="http://portal.example",
        health=Health(),
    )
    async with journal.running(), asyncio.TaskGroup() as tasks:
        publishing = tasks.create_task(relay.run())
        group = Group(code="finance", slug="finanzen", label="Finanzen")
        define = DefineTopic(topic="treasury", slug="kasse", label="Gemeindekasse", group=group)
        for command in (define, RenameTopic(label="Kasse")):
            context = Context(command_id=new_id(), actor="test", at=AT, correlation_id="test")
            await journal.transact(TOPIC, "treasury", command, context)
        shown = await run_example(nats.url("reader"), "ikz.catalog.topic.>", "--count", "1")
        publishing.cancel()
    await pool.close()
    first, second = shown.splitlines()
    assert first.split() == ["2", "2025-07-01T12:00:00Z", "ikz.catalog.topic.renamed.v1", "topic/treasury"]
    assert second.strip() == '{"topic": "treasury", "label": "Kasse", "previous_label": "Gemeindekasse"}'


async def run_example(url: str, *arguments: str) -> str:
    """What the example prints, with nothing of this project to import."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        EXAMPLE,
        *arguments,
        env=os.environ | {"IKZ_READER_NATS_URL": url},
        cwd="/",
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        shown, _ = await process.communicate()
    assert process.returncode == 0
    return shown.decode()
