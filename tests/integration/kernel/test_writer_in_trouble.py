"""The journal's writer when its database goes, comes back as another, or a single command spoils every group."""

import asyncio
import time
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from shared.kernel import writer
from shared.kernel.codec import Codec
from shared.kernel.folding import Folds
from shared.kernel.journal import Outcome, Unavailable
from shared.kernel.orders import Order
from shared.kernel.postgres import Connection, OwnConnection, connect
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded
from shared.kernel.wakeup import Wakeup
from tests.conftest import Database
from tests.integration.kernel.hall import HALL, BookSeat, Hall, SeatBooked, context
from tests.integration.kernel.test_journal import MakeJournal, make, opened, sql, store

__all__ = ["make", "sql", "store"]  # fixtures

KILL_WRITERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ikz journal'"


async def close_for_maintenance(store: Database) -> None:
    operator = await connect(store.postgres.superuser_dsn, name="tests")
    await operator.execute(f"ALTER DATABASE {store.name} ALLOW_CONNECTIONS false")
    await operator.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", store.name)
    await operator.close()


async def test_what_was_folded_before_an_idle_connection_was_lost_is_not_built_upon(
    make: MakeJournal, store: Database, sql: OwnConnection
) -> None:
    """As after a failover that lost commits: the stream has come to the same version again, with other events."""
    one, other = await make(projections=()), await make(projections=())
    await opened(one)
    await one.transact(HALL, "h", BookSeat(guest="lost"), context())
    operator = await connect(store.operator_dsn, name="tests")
    await operator.execute(KILL_WRITERS)
    await operator.close()
    async with sql.transaction():
        await sql.execute("DELETE FROM journal WHERE position > 1")
        await sql.execute("DELETE FROM command WHERE position > 1")
        await sql.execute("UPDATE journal_counter SET position = 1")
    await other.transact(HALL, "h", BookSeat(guest="kept"), context())
    assert (await one.transact(HALL, "h", BookSeat(guest="lost"), context())).version == 3
    assert (await one.load(HALL, "h")).state.guests == ("kept", "lost")


async def test_without_a_database_nobody_waits_for_the_turn_of_those_before(
    make: MakeJournal, store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = await make()
    await opened(journal)
    monkeypatch.setattr(writer, "PATIENCE", 0.5)
    monkeypatch.setattr(writer, "BACK_OFF", 0.3)
    monkeypatch.setattr(writer, "LARGEST_GROUP", 1)
    await close_for_maintenance(store)
    started = time.monotonic()
    answers = await asyncio.gather(
        *(journal.transact(HALL, "h", BookSeat(guest=f"g{n}"), context()) for n in range(20)), return_exceptions=True
    )
    assert {type(answer) for answer in answers} == {Unavailable}
    assert time.monotonic() - started < 3


async def test_a_database_that_goes_while_a_group_is_written_singly_holds_nobody(
    make: MakeJournal, store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_connection: Connection, events: Sequence[Recorded[Any]]) -> None:
        if len(events) > 1:
            raise ZeroDivisionError
        if isinstance(events[0].event, SeatBooked):
            await close_for_maintenance(store)

    journal = await make(projections=(Projection("failing", (), fail),))
    await opened(journal)
    monkeypatch.setattr(writer, "PATIENCE", 0.5)
    monkeypatch.setattr(writer, "BACK_OFF", 0.3)
    started = time.monotonic()
    answers = await asyncio.gather(
        *(journal.transact(HALL, "h", BookSeat(guest=f"g{n}"), context()) for n in range(20)), return_exceptions=True
    )
    assert {type(answer) for answer in answers} == {Unavailable}
    assert time.monotonic() - started < 3


async def test_a_server_that_takes_no_writes_is_waited_for(make: MakeJournal, store: Database) -> None:
    """As a primary that has become a standby, or one that has not yet become a primary."""
    journal = await make(projections=())
    await opened(journal)
    operator = await connect(store.operator_dsn, name="tests")
    await operator.execute(f"ALTER DATABASE {store.name} SET default_transaction_read_only = on")
    await operator.execute(KILL_WRITERS)
    waiting = asyncio.create_task(journal.transact(HALL, "h", BookSeat(guest="a"), context()))
    await asyncio.sleep(0.3)
    await operator.execute("SET default_transaction_read_only = off")
    await operator.execute(f"ALTER DATABASE {store.name} SET default_transaction_read_only = off")
    await operator.close()
    assert (await waiting).version == 2


async def test_a_wakeup_outlives_every_refusal_of_the_server(store: Database, sql: OwnConnection) -> None:
    await close_for_maintenance(store)
    running = asyncio.create_task(Wakeup(store.dsn("catalog")).run())
    done, _ = await asyncio.wait([running], timeout=0.5)
    running.cancel()
    await asyncio.wait([running])
    assert not done


async def test_a_command_that_loses_every_connection_spoils_no_other(
    make: MakeJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lose(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
        if any(isinstance(one.event, SeatBooked) and one.event.guest == "cursed" for one in events):
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    journal = await make(projections=(Projection("losing", (), lose),))
    await opened(journal)
    monkeypatch.setattr(writer, "PATIENCE", 1.5)
    guests = ["a", "cursed", "b", "c"]
    answers = await asyncio.gather(
        *(journal.transact(HALL, "h", BookSeat(guest=guest), context()) for guest in guests), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [Outcome, Unavailable, Outcome, Outcome]


async def test_commands_that_belong_together_stay_so_over_a_lost_connection(make: MakeJournal) -> None:
    lost: list[int] = []

    async def lose_once(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
        if not lost and len({each.stream for each in events}) == 2:
            lost.append(len(events))
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    journal = await make(projections=(Projection("losing", (), lose_once),))
    halls = ("h1", "h2")
    for hall in halls:
        await opened(journal, hall=hall)
    await asyncio.gather(
        journal.transact_all(HALL, {hall: BookSeat(guest="a") for hall in halls}, context(uuid4())),
        *(journal.transact(HALL, "h1", BookSeat(guest=guest), context()) for guest in ("b", "c")),
    )
    assert lost == [2]
    guests = [set((await journal.load(HALL, hall)).state.guests) for hall in halls]
    assert guests == [{"a", "b", "c"}, {"a"}]


async def test_whoever_waits_when_the_writer_ends_is_told(make: MakeJournal, store: Database) -> None:
    await opened(await make(projections=()))
    ending = writer.Writer(store.dsn("catalog"), Folds(Codec([HALL])), [], Wakeup())
    running = asyncio.create_task(ending.run())

    def book(guest: str) -> Coroutine[Any, Any, Outcome]:
        return ending.submit(Order(HALL, "hall-h", "h", BookSeat(guest=guest), context(), None))

    holder = await connect(store.dsn("catalog"), name="tests")
    async with holder.transaction():
        await holder.execute("UPDATE journal_counter SET position = position")
        callers = [asyncio.create_task(book(guest)) for guest in "ab"]
        await asyncio.sleep(0.2)
        callers.append(asyncio.create_task(book("c")))
        await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait([running])
        answers = await asyncio.wait_for(asyncio.gather(*callers, return_exceptions=True), 1)
    await holder.close()
    assert {type(answer) for answer in answers} == {Unavailable}
    await asyncio.wait_for(ending.drain(), 1)
    with pytest.raises(Unavailable):
        await asyncio.wait_for(book("late"), 1)


async def test_a_snapshot_that_cannot_be_dumped_is_said_and_changes_nothing(make: MakeJournal) -> None:
    def dump(_hall: Hall) -> bytes:
        raise ZeroDivisionError

    assert HALL.snapshots is not None
    hall = replace(HALL, snapshots=replace(HALL.snapshots, every=2, dump=dump))
    journal = await make(decider=hall)
    await opened(journal)
    with capture_logs() as logs:
        outcomes = await asyncio.gather(
            *(journal.transact(hall, "h", BookSeat(guest=f"g{n}"), context()) for n in range(3))
        )
        await journal.drain()
    assert [outcome.repeated for outcome in outcomes] == [False] * 3
    assert [entry["event"] for entry in logs] == ["snapshot_not_kept"]
