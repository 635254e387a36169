"""Whatever is repeated in a running system, read models, streams or content, mails nobody."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib import import_module
from typing import Any

from services.catalog.contact_list import CONTACT_ADDRESSES, CONTACT_REQUESTS
from shared.embedded.folder import DataFolder, nats_url
from shared.kernel.bootstrap import SERVICES
from shared.kernel.bus import Connection, open_connection
from shared.kernel.journal import Journal
from shared.kernel.nats_access import MANIFEST
from shared.kernel.postgres import connect, connect_pool
from shared.kernel.rebuild import rebuild
from shared.kernel.streams import stream_of
from shared.kernel.wakeup import Wakeup
from tests.faults.remains import Archive, Mail
from tests.running import RunningSystem, ikz_here

PATIENCE = 30.0
UNDONE = """
SELECT (SELECT count(*) FROM mailing WHERE state = 'open')
     + (SELECT count(*) FROM message WHERE state IN ('waiting', 'sending') AND ready_at < now() + interval '1 hour')
"""
PUBLISHED = "SELECT count(*) FROM journal WHERE aggregate IS NOT NULL"
LOADED = "SELECT count(*) FROM mailing WHERE happened_at < now() - interval '1 day'"


@asynccontextmanager
async def operator(archive: Archive) -> AsyncIterator[Connection]:
    """The operator's connection to NATS."""
    folder = DataFolder(archive.folder)
    connection = await open_connection(nats_url(folder.running(), folder.secrets(), "operator"), "test")
    try:
        yield connection
    finally:
        await connection.close()


async def settled(archive: Archive) -> list[Mail]:
    """All mails, once every service has taken in all that was published and nobody waits for a mail."""
    notify = await connect(archive.dsn("notify"), name="test")
    deadline = asyncio.get_running_loop().time() + PATIENCE
    try:
        async with operator(archive) as nats:
            while await _behind(nats) or await notify.fetchval(UNDONE):
                assert asyncio.get_running_loop().time() < deadline, "it never comes to rest"
                await asyncio.sleep(0.05)
        assert await notify.fetchval(LOADED) == 0, "loaded history is nothing to be told"
        return archive.mails()
    finally:
        await notify.close()


async def _behind(nats: Connection) -> int:
    """How many messages services still have to read or to acknowledge."""
    pairs = [(access.service, source) for access in MANIFEST for source in access.consumes]
    found = [await nats.api(f"CONSUMER.INFO.{stream_of(source)}.{service}") for service, source in pairs]
    return sum(info["num_pending"] + info["num_ack_pending"] for info in found)


async def rebuild_all(dsn: str, service: str) -> None:
    """Every read model of a service; of the catalogue those about people, since its others take their time."""
    records = import_module(f"services.{service}.records")
    of_people = (CONTACT_REQUESTS, CONTACT_ADDRESSES)
    async with await connect_pool(dsn, name="test", size=2) as pool:
        journal = Journal(dsn, pool, records.DECIDERS, records.PROJECTIONS, wakeup=Wakeup())
        for projection in of_people if service == "catalog" else records.PROJECTIONS:
            await rebuild(dsn, journal, projection)


async def ends_of(archive: Archive) -> dict[str, int]:
    """The last sequence of every stream."""
    async with operator(archive) as nats:
        return {name: (await nats.api(f"STREAM.INFO.{stream_of(name)}"))["state"]["last_seq"] for name in SERVICES}


async def published(archive: Archive, service: str) -> int:
    """How many events of its journal a service tells others."""
    connection = await connect(archive.dsn(service), name="test")
    try:
        return int(await connection.fetchval(PUBLISHED))
    finally:
        await connection.close()


async def test_nothing_that_is_repeated_mails_anybody(
    journey: Any, system: RunningSystem, fresh_address: Callable[[], str]
) -> None:
    session_id, erika = await journey.session(), fresh_address()
    await journey.confirmed(session_id, erika)
    later = {"starts_at": (journey.now + timedelta(days=60)).isoformat(), "reason": "Erkrankung"}
    await journey.editor.post(f"/sessions/{session_id}/postponements", later)
    await journey.mailbox.newest(erika, 3)
    archive = Archive(system.folder)
    mails = await settled(archive)

    for service in SERVICES:
        await rebuild_all(archive.dsn(service), service)
    assert await settled(archive) == mails, "rebuilding read models"

    ends = {name: end + await published(archive, name) for name, end in (await ends_of(archive)).items()}
    for service in SERVICES:
        code, _, errors = await ikz_here("republish", service, "--data", str(system.folder))
        assert code == 0, errors
    async with asyncio.timeout(PATIENCE):
        while any(end < ends[name] for name, end in (await ends_of(archive)).items()):
            await asyncio.sleep(0.05)
    assert await settled(archive) == mails, "publishing everything again"

    code, output, errors = await ikz_here("import", "content", "events", "--json", "--data", str(system.folder))
    assert code == 0, errors
    assert json.loads(output)["loaded"]["sessions"]
    assert await settled(archive) == mails, "loading content again"
