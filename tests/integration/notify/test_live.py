"""What the live stream tells, in one order that every reader sees, whatever is committed when."""

import asyncio
import datetime as dt
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID, uuid4

from services.notify import effects, live
from services.notify.live import Numbering
from shared.contracts.catalog import TopicRenamed
from shared.contracts.contract import Contract
from shared.contracts.gateway import PersonErased
from shared.kernel.wakeup import Waiter
from tests.integration.notify.conftest import Notify
from tests.unit.notify.test_public_fact import received

PATH = "/internal/live"
MESSAGE = """
INSERT INTO message (id, mailing_id, kind, channel, person_id, lane, priority, ready_at, created_at)
VALUES ($1, $2, 'postponement', 'email', $3, $3, 1, $4, $4)
"""
MAILING = """
INSERT INTO mailing (cause, recorded_at, kind, type, data, priority, happened_at, correlation_id, created_at, ready_at)
VALUES ($1, $2, 'postponement', 't', '{}', 1, $2, 'c', $2, $2) RETURNING id
"""


def renamed(topic: str) -> TopicRenamed:
    return TopicRenamed(topic=topic, label="Neu", previous_label="Alt")


def numbering(notify: Notify) -> Numbering:
    def nobody() -> None:
        """There are no other processes."""

    return Numbering(
        notify.pool, notify.clock, (Waiter(),), Waiter(), nobody, notify.live.grown, dt.timedelta(hours=24)
    )


async def tell(notify: Notify, *contracts: Contract) -> None:
    now = notify.clock.now()
    async with notify.pool.acquire() as connection, connection.transaction():
        await live.write(connection, [received(each, number, now) for number, each in enumerate(contracts, 1)], now)


async def number(notify: Notify) -> None:
    while await numbering(notify).step():
        pass


async def ask(notify: Notify, **query: Any) -> Any:
    parameters = "&".join(f"{name}={value}" for name, value in query.items())
    reply = await notify.ask("GET", f"{PATH}?{parameters}")
    assert reply.status == 200, reply.body
    return reply.body


def subjects(part: Any) -> list[str]:
    return [item["body"].split('"subject":"')[1].split('"')[0] for item in part["items"]]


async def message(notify: Notify, person_id: str) -> UUID:
    """One that is written for a person, as the expansion writes it."""
    now, message_id = notify.clock.now(), uuid4()
    async with notify.pool.acquire() as connection, connection.transaction():
        mailing_id = await connection.fetchval(MAILING, str(message_id), now)
        await connection.execute(MESSAGE, message_id, mailing_id, person_id, now)
        for _ in range(2):
            await live.write_messages(connection, {mailing_id: "announcement"}, [person_id, "nobody"], now)
    return message_id


async def test_a_place_is_given_after_the_commit_so_nobody_reads_past_what_comes_late(notify: Notify) -> None:
    start = (await ask(notify))["last"]
    assert start == "0-00000000"
    async with AsyncExitStack() as open_:
        connections = [await open_.enter_async_context(notify.pool.acquire()) for _ in range(3)]
        begun = [connection.transaction() for connection in connections]
        now = notify.clock.now()
        for transaction, connection, topic in zip(begun, connections, "abc", strict=True):
            await transaction.start()
            await live.write(connection, [received(renamed(topic), 1, now)], now)
        await begun[1].commit()
        await number(notify)
        first = await ask(notify, after=start, everyone="true")
        await begun[2].commit()
        await begun[0].rollback()
        await tell(notify, renamed("d"), renamed("e"))
        await number(notify)
    rest = await ask(notify, after=first["last"], everyone="true")
    assert (subjects(first), subjects(rest)) == (["topic/b"], ["topic/c", "topic/d", "topic/e"])
    places = [int(item["id"].split("-")[0]) for part in (first, rest) for item in part["items"]]
    assert places == [1, 2, 3, 4]
    assert rest["last"] == rest["items"][-1]["id"]
    pages = [await ask(notify, after=start, limit=2), await ask(notify, after=rest["items"][0]["id"], limit=2)]
    assert [subjects(page) for page in pages] == [["topic/b", "topic/c"], ["topic/d", "topic/e"]]
    back = await ask(notify, back=2, everyone="true")
    assert subjects(back) == ["topic/d", "topic/e"]


async def test_what_is_taken_in_again_is_not_told_again_and_what_is_old_not_at_all(notify: Notify) -> None:
    now, (effect, *_) = notify.clock.now(), effects.of_programs("catalog", notify.clock, dt.timedelta(hours=24))
    old = received(renamed("old"), 1, now - dt.timedelta(hours=25))
    history = received(renamed("history"), 2, now)._replace(live=False)
    restored = received(renamed("new"), 3, now - dt.timedelta(hours=1))
    for _ in range(2):
        async with notify.pool.acquire() as connection, connection.transaction():
            await effect.apply(connection, [old, history, received(renamed("new"), 3, now), restored])
    await number(notify)
    part = await ask(notify, after="0-00000000")
    assert subjects(part) == ["topic/new"] * 2
    assert len({item["id"].split("-")[1] for item in part["items"]}) == 2


async def test_two_that_number_at_once_give_every_place_once(notify: Notify) -> None:
    async def write(topic: str) -> None:
        for turn in range(5):
            await tell(notify, *(renamed(f"{topic}-{turn}-{each}") for each in range(4)))

    async def count() -> None:
        for _ in range(15):
            await numbering(notify).step()

    await asyncio.gather(*map(write, "abc"), count(), count())
    await number(notify)
    places = [row["position"] for row in await notify.pool.fetch("SELECT position FROM live_item ORDER BY position")]
    assert places == list(range(1, 61))


async def test_whoever_waits_is_woken(notify: Notify) -> None:
    after = (await ask(notify))["last"]
    waiting = asyncio.create_task(ask(notify, after=after, wait=20))
    while not notify.live.grown.next()._waiters:
        await asyncio.sleep(0.01)
    await tell(notify, renamed("a"))
    await number(notify)
    assert subjects(await asyncio.wait_for(waiting, 10)) == ["topic/a"]
    empty = await ask(notify, after=(await ask(notify))["last"], wait=0.01)
    assert (empty["items"], empty["reset"]) == ([], False)


async def test_what_concerns_a_person_is_written_for_who_listens(notify: Notify) -> None:
    start = (await ask(notify, person="anna"))["last"]
    ours = await message(notify, "anna")
    await message(notify, "bela")
    await tell(notify, renamed("a"))
    await number(notify)
    for query, kinds in (
        ({"person": "anna"}, ["message", "ikz.catalog.topic.renamed.v1"]),
        ({"person": "bela"}, ["ikz.catalog.topic.renamed.v1"]),
        ({}, ["ikz.catalog.topic.renamed.v1"]),
        ({"everyone": "true"}, ["message", "ikz.catalog.topic.renamed.v1"]),
    ):
        part = await ask(notify, after=start, **query)
        assert [item["type"] for item in part["items"]] == kinds, query
    item = (await ask(notify, after=start, person="anna"))["items"][0]
    assert (item["person_id"], str(ours) in item["body"]) == ("anna", True)
    notify.clock.forward(hours=25)
    await message(notify, "anna")
    await number(notify)
    assert (await ask(notify, after=item["id"], everyone="true"))["items"][1:] == []


async def test_nothing_is_left_of_an_erased_person_and_nobody_loses_their_place(notify: Notify) -> None:
    await ask(notify, person="anna")
    await message(notify, "anna")
    await number(notify)
    place = (await ask(notify))["last"]
    (effect,) = effects.of_gateway(notify.vault)
    async with notify.pool.acquire() as connection, connection.transaction():
        await effect.apply(connection, [received(PersonErased(person_id="anna"))])
    await tell(notify, renamed("a"))
    await number(notify)
    part = await ask(notify, after=place)
    assert (subjects(part), part["reset"]) == (["topic/a"], False)
    assert (await ask(notify, after="0-00000000", person="anna"))["items"][0]["type"] != "message"
    left = await notify.pool.fetchval("SELECT count(*) FROM live_item i WHERE i::text LIKE '%anna%'")
    assert (left, await notify.pool.fetchval("SELECT count(*) FROM live_listener WHERE until < 'infinity'")) == (0, 1)


async def test_where_nothing_is_known_any_more_readers_begin_anew(notify: Notify) -> None:
    await tell(notify, renamed("a"), renamed("b"))
    await number(notify)
    old = (await ask(notify, after="0-00000000", limit=1))["last"]
    newest = (await ask(notify))["last"]
    notify.clock.forward(hours=25)
    assert await numbering(notify).forget(100) == 1
    await tell(notify, renamed("c"))
    await number(notify)
    assert subjects(await ask(notify, after=newest)) == ["topic/c"]
    for gone in (old, "0-00000000", newest.replace("2-", "9-"), f"2-{'f' * 8}"):
        part = await ask(notify, after=gone)
        assert (part["items"], part["reset"], part["last"][:2]) == ([], True, "3-"), gone


async def test_a_question_that_is_none_is_refused(notify: Notify) -> None:
    for query in ("after=1", "after=x-00000000", "wait=99", "limit=0", "back=-1", "who=me"):
        assert (await notify.ask("GET", f"{PATH}?{query}")).code == "422 invalid_query"
    assert (await notify.ask("GET", PATH, who=None)).code == "401 unauthenticated"
