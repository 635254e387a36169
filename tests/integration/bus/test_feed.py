"""The feed says what the stream says, as far as it goes."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest

from shared.kernel.endpoint import Call
from shared.kernel.feed import Feed, FeedQuery
from shared.kernel.journal import Journal
from shared.kernel.postgres import OwnConnection, connect_pool
from shared.kernel.problems import Problem
from shared.kernel.wakeup import Wakeup
from tests.conftest import Database
from tests.integration.bus.rig import published, record
from tests.integration.kernel.hall import HALL


@pytest.fixture
async def feed(store: Database) -> AsyncIterator[Feed]:
    dsn = store.dsn("catalog")
    async with await connect_pool(dsn, name="tests") as pool:
        yield Feed("catalog", Journal(dsn, pool, [HALL], [], wakeup=Wakeup()), pool, "http://127.0.0.1:8080")


async def read(feed: Feed, after: int, limit: int = 100) -> dict[str, Any]:
    call = cast("Call", SimpleNamespace(query=FeedQuery(after=after, limit=limit)))
    body: dict[str, Any] = orjson.loads(orjson.dumps((await feed.read(call)).body))
    return body


async def test_parts_follow_each_other_without_a_gap(feed: Feed, sql: OwnConnection) -> None:
    await record(sql, 25)
    found: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        part = await read(feed, after, limit=7)
        found += part["items"]
        after = part["next"]
    assert [(one["position"], one["id"]) for one in found] == await published(sql)
    assert [one["prevposition"] for one in found] == [0, *(one["position"] for one in found)][:-1]


async def test_it_ends_before_what_this_code_cannot_publish(feed: Feed, sql: OwnConnection) -> None:
    await record(sql, 20)
    await sql.execute("UPDATE journal SET type = 'FromTheFuture' WHERE position = 15")
    part = await read(feed, after=0)
    assert ([one["position"] for one in part["items"]][-1], part["next"], part["head"]) == (14, 14, 20)
    with pytest.raises(Problem) as caught:
        await read(feed, after=14)
    assert caught.value.code == "unavailable"
