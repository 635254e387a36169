"""A message that fails holds up its aggregate and nothing else, and gets through in its order or not at all."""

import asyncio
from datetime import timedelta

import pytest

from shared.embedded.nats import EmbeddedNats
from shared.kernel import dead_letters, inbox, intake
from shared.kernel.dead_letters import NoDeadLetter, NotTheOldest
from shared.kernel.postgres import Connection, OwnConnection
from tests.conftest import Database
from tests.integration.bus.rig import eventually, publishing
from tests.integration.bus.seats import SEATS, hearing, turns

pytestmark = pytest.mark.usefixtures("streams")


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No attempt is made by itself while a test looks."""
    monkeypatch.setattr(intake, "back_off", lambda _attempts: intake.RETRY_LAST)
    monkeypatch.setattr(dead_letters, "back_off", lambda _attempts: intake.RETRY_LAST)
    monkeypatch.setattr(inbox, "DEAD_LETTERS_EVERY", 0.05)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow each other closely."""
    monkeypatch.setattr(intake, "RETRY_LAST", timedelta(seconds=0.1))
    monkeypatch.setattr(inbox, "DEAD_LETTERS_EVERY", 0.05)


@pytest.mark.usefixtures("eager")
async def test_others_pass_and_the_line_gets_through_in_order(
    store: Database, nats: EmbeddedNats, events: OwnConnection
) -> None:
    await turns(events, 10, 3)
    async with publishing(store, nats, "events", SEATS), hearing(store, nats, "g3", "g7") as notify:
        await eventually(notify.count, 24)
        await eventually(notify.waiting, {"failed": 2, "blocked": 4})
        await turns(events, 10, 1)
        await eventually(notify.count, 32)
        await eventually(notify.waiting, {"failed": 2, "blocked": 6})
        notify.cursed.clear()
        await eventually(notify.count, 40)
        await turns(events, 10, 1)
        await eventually(notify.count, 50)
        assert await notify.heard() == {f"g{n}": [1, 2, 3, 4, 5] for n in range(10)}
        assert await notify.waiting() == {}


@pytest.mark.usefixtures("patient")
async def test_what_people_see_and_may_do(store: Database, nats: EmbeddedNats, events: OwnConnection) -> None:
    await turns(events, 3, 4)
    async with publishing(store, nats, "events", SEATS), hearing(store, nats, "g1") as notify:
        await eventually(notify.count, 8)
        async with notify.pool.acquire() as sql:
            first, second, third, fourth = await dead_letters.find(sql, "notify")
            assert (first.state, first.error, first.attempts) == ("failed", "Cursed: g1", 1)
            assert (first.event_id, first.type, first.aggregate) == ("hall-h@2", "ikz.events.seat.taken.v1", "seat/g1")
            assert {second.state, third.state, fourth.state} == {"blocked"}
            assert b'"guest":"g1"' in (await dead_letters.get(sql, second.id)).message
            assert await dead_letters.find(sql, "somebody") == []

            async with sql.transaction():
                assert await dead_letters._line(notify.consumer._intake, sql, "seat/g1") == 0
            assert (await dead_letters.get(sql, first.id)).attempts == 1, "it was not its turn"
            assert await dead_letters.retry(sql, third.id) == first.id
            await eventually(lambda: attempts(sql, first.id), 2)
            with pytest.raises(NotTheOldest, match=str(first.id)):
                await dead_letters.discard(sql, second.id, "out of turn")

            notify.cursed.clear()
            await dead_letters.discard(sql, first.id, "a test")
            await eventually(notify.count, 11)
            assert (await notify.heard())["g1"] == [2, 3, 4]
            assert await dead_letters.find(sql) == []
            (given_up,) = await dead_letters.find(sql, discarded=True)
            assert (given_up.id, given_up.state, given_up.reason) == (first.id, "discarded", "a test")
            for gone in (first.id, second.id):
                with pytest.raises(NoDeadLetter):
                    await dead_letters.retry(sql, gone)

        await turns(events, 3, 1)
        await eventually(notify.count, 14)
        assert (await notify.heard())["g1"] == [2, 3, 4, 5]


async def attempts(sql: Connection, number: int) -> int:
    return (await dead_letters.get(sql, number)).attempts


@pytest.mark.usefixtures("patient")
async def test_a_version_that_is_missing_waits_for_a_person(
    store: Database, nats: EmbeddedNats, events: OwnConnection
) -> None:
    await turns(events, 3, 3)
    await events.execute(
        "UPDATE journal SET aggregate_version = 5 WHERE aggregate = 'seat/g1' AND aggregate_version = 3"
    )
    async with publishing(store, nats, "events", SEATS), hearing(store, nats) as notify:
        await eventually(notify.count, 8)
        async with notify.pool.acquire() as sql:
            (held,) = await dead_letters.find(sql)
            assert (held.state, held.error, held.next_at) == (
                "failed",
                "version 5 of seat/g1 follows version 2",
                None,
            )
            await dead_letters.retry(sql, held.id)
        await eventually(notify.count, 9)
        assert (await notify.heard())["g1"] == [1, 2, 5]


@pytest.mark.usefixtures("patient")
async def test_a_message_whose_data_is_wrong_is_a_dead_letter(
    store: Database, nats: EmbeddedNats, events: OwnConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await turns(events, 2, 1)
    async with publishing(store, nats, "events", SEATS), hearing(store, nats) as notify:
        await eventually(notify.count, 2)
        real = intake.parse

        def spoilt(raw: bytes, seq: int) -> intake.Message | None:
            message = real(raw, seq)
            if message and message.aggregate == "seat/g0":
                message.attributes["data"].pop("guest")
            return message

        monkeypatch.setattr(inbox, "parse", spoilt)
        await turns(events, 2, 1)
        await eventually(notify.count, 3)
        async with notify.pool.acquire() as sql:
            (unread,) = await dead_letters.find(sql)
            assert (unread.state, unread.aggregate, unread.error) == (
                "failed",
                "seat/g0",
                "ValidationError: guest: Field required",
            )
            await dead_letters.retry(sql, unread.id)
        await eventually(notify.count, 4)
        assert await notify.heard() == {"g0": [1, 2], "g1": [1, 2]}


@pytest.mark.usefixtures("patient")
async def test_a_process_that_dies_between_retries_keeps_the_line(
    store: Database, nats: EmbeddedNats, events: OwnConnection
) -> None:
    await turns(events, 4, 2)
    async with publishing(store, nats, "events", SEATS):
        async with hearing(store, nats, "g2") as notify:
            await eventually(notify.count, 6)
        async with hearing(store, nats) as notify:
            await turns(events, 4, 1)
            await eventually(notify.count, 9)
            await asyncio.sleep(0.2)
            assert await notify.waiting() == {"failed": 1, "blocked": 2}
            async with notify.pool.acquire() as sql:
                head = (await dead_letters.find(sql))[0]
                await dead_letters.retry(sql, head.id)
            await eventually(notify.count, 12)
            assert await notify.heard() == {f"g{n}": [1, 2, 3] for n in range(4)}
