"""While one group is written the next one is decided on what the first will leave; what is remembered is relied on."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from shared.kernel import writer as writer_module
from shared.kernel.decider import Decider, Refused
from shared.kernel.folding import Folded, Folds
from shared.kernel.journal import Journal, Outcome, Unavailable
from shared.kernel.postgres import Connection, OwnConnection, connect
from shared.kernel.projection import Projection
from shared.kernel.recorded import Context, Recorded
from tests.conftest import Database
from tests.integration.bus.rig import eventually
from tests.integration.kernel import hall
from tests.integration.kernel.hall import HALL, BookSeat, Command, GiveBack, Hall, HallEvent, context
from tests.integration.kernel.test_journal import MakeJournal, make, opened, sql, store
from tests.integration.kernel.test_writer_in_trouble import close_for_maintenance

__all__ = ["make", "sql", "store"]  # fixtures

KILL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1"


class Gate:
    """A hall whose read model waits to be written until it is let go; `decided` tells who was decided upon."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.reached = asyncio.Event()
        self.fails: type[Exception] | None = None
        self.decided: list[str] = []
        self.decider: Decider[Hall, Command, HallEvent] = replace(HALL, decide=self._decide)
        self.projection = Projection("gate", (), self._project)
        self.journal: Journal
        self.hall_id = "h"

    async def book(self, guest: str, under: Context | None = None) -> Outcome:
        """One booking."""
        return await self.journal.transact(self.decider, self.hall_id, BookSeat(guest=guest), under or context())

    async def under_way(self, guest: str, under: Context | None = None) -> "asyncio.Task[Outcome]":
        """A booking that is being written, and stays so."""
        self.open.clear()
        self.reached.clear()
        task = asyncio.create_task(self.book(guest, under))
        await self.reached.wait()
        return task

    async def ahead(self, guest: str, under: Context | None = None) -> "asyncio.Task[Outcome]":
        """A booking that is decided while the one before is written."""
        before = len(self.decided)
        task = asyncio.create_task(self.book(guest, under))

        async def decided() -> bool:
            return len(self.decided) > before

        await eventually(decided, wanted=True)
        assert not task.done()
        return task

    async def _project(self, _connection: Connection, _events: Sequence[Recorded[Any]]) -> None:
        self.reached.set()
        await self.open.wait()
        if self.fails is not None:
            fails, self.fails = self.fails, None
            raise fails

    def _decide(self, command: Command, state: Hall, at: datetime) -> Sequence[HallEvent]:
        if isinstance(command, BookSeat):
            self.decided.append(command.guest)
        return hall.decide(command, state, at)


@pytest.fixture
async def gate(make: MakeJournal) -> Gate:
    gate = Gate()
    gate.journal = await make(projections=(gate.projection,), decider=gate.decider)
    await opened(gate.journal)
    return gate


async def test_what_follows_is_decided_before_and_answered_after(gate: Gate) -> None:
    gate.hall_id = "small"
    await opened(gate.journal, seats=2, hall=gate.hall_id)
    first = await gate.under_way("a")
    second, again, full = [await gate.ahead(guest) for guest in ("b", "a", "c")]
    gate.open.set()
    assert [(await one).version for one in (first, second, again)] == [2, 3, 3]
    with pytest.raises(Refused, match="hall_full"):
        await full
    assert gate.decided == ["a", "b", "a", "c"]
    assert (await gate.journal.load(gate.decider, gate.hall_id)).state.guests == ("a", "b")


async def test_an_event_is_recorded_when_it_is_decided_however_long_nobody_came(gate: Gate) -> None:
    """Consumers act for what was recorded after they were installed, and for nothing that is old."""
    for guest in "ab":
        since = datetime.now(UTC)
        await gate.book(guest)
        *_, recorded = await gate.journal.read(0, 10)
        assert recorded.recorded_at >= since


async def test_who_reads_late_does_not_make_the_writer_forget(gate: Gate) -> None:
    before = await gate.journal.load(gate.decider, "h")
    await gate.book("a")
    gate.journal._folds.keep("hall-h", before)
    kept = gate.journal._folds.cached("hall-h")
    assert kept is not None
    assert kept.version == 2


async def test_who_changes_nothing_is_told_where_the_one_before_came_to_stand(gate: Gate, store: Database) -> None:
    """Another process appends between: nobody can tell the position before."""
    first = await gate.under_way("a")
    idempotent = context()
    again = await gate.ahead("a", idempotent)
    operator = await connect(store.dsn("catalog"), name="tests")
    await operator.execute("UPDATE journal_counter SET position = position + 5")
    await operator.close()
    gate.open.set()
    assert (await first).position == (await again).position == 7
    later = replace(idempotent, fresh=False)
    assert (await gate.book("a", later)).position == 7


async def test_who_changes_nothing_is_told_of_what_another_process_did_after_the_last_write(
    gate: Gate, make: MakeJournal
) -> None:
    other = await make(projections=(), decider=gate.decider)
    await gate.book("a")
    there = await other.transact(gate.decider, "h", BookSeat(guest="b"), context())
    again = await gate.book("a")
    assert (again.version, again.position) == (there.version, there.position)


async def test_what_was_built_upon_a_write_that_failed_is_decided_anew(gate: Gate) -> None:
    gate.fails = ZeroDivisionError
    first = await gate.under_way("a")
    others = [await gate.ahead(guest) for guest in ("b", "c")]
    gate.open.set()
    with pytest.raises(ZeroDivisionError):
        await first
    assert [(await one).version for one in others] == [2, 3]
    assert gate.decided == ["a", "b", "c", "b", "c"]
    assert (await gate.journal.load(gate.decider, gate.hall_id)).state.guests == ("b", "c")


async def test_nobody_is_refused_for_the_sake_of_a_write_that_failed(gate: Gate) -> None:
    gate.hall_id = "small"
    await opened(gate.journal, seats=1, hall="small")
    gate.fails = ZeroDivisionError
    first = await gate.under_way("a")
    second = await gate.ahead("b")
    gate.open.set()
    with pytest.raises(ZeroDivisionError):
        await first
    assert (await second).version == 2


@pytest.mark.parametrize("lost", ["ikz journal", "ikz journal reads"])
async def test_a_connection_lost_while_writing_loses_neither_group(gate: Gate, store: Database, lost: str) -> None:
    first = await gate.under_way("a")
    second = await gate.ahead("b")
    operator = await connect(store.operator_dsn, name="tests")
    await operator.execute(KILL, lost)
    await operator.close()
    third = asyncio.create_task(gate.book("c"))
    gate.open.set()
    assert [(await one).version for one in (first, second, third)] == [2, 3, 4]
    assert [recorded.version for recorded in await gate.journal.read(0, 10)] == [1, 2, 3, 4]


async def test_a_command_under_way_is_not_decided_again_under_its_id(gate: Gate) -> None:
    known = context(uuid4())
    first = await gate.under_way("a", known)
    repeated = asyncio.create_task(gate.book("a", known))
    other = asyncio.create_task(gate.book("b"))

    async def both_wait() -> bool:
        return len(gate.journal._writer._waiting) == 2

    await eventually(both_wait, wanted=True)
    gate.open.set()
    assert await first == replace(await repeated, repeated=False)
    assert (await repeated).repeated
    assert (await other).version == 3
    assert gate.decided == ["a", "b"]


async def test_snapshots_are_kept_though_the_next_group_is_decided_by_then(
    make: MakeJournal, gate: Gate, sql: OwnConnection
) -> None:
    for number in range(3):
        first = await gate.under_way(f"first {number}")
        more = [await gate.ahead(f"{n} after {number}") for n in range(10)]
        gate.open.set()
        await asyncio.gather(first, *more)
    await gate.journal.drain()
    kept = await sql.fetchval("SELECT version FROM snapshot")
    assert kept > 20
    fresh = await (await make(decider=gate.decider)).load(gate.decider, "h")
    assert (fresh.version, fresh.snapshot_version, len(fresh.state.guests)) == (34, kept, 33)


async def test_a_writer_that_ends_leaves_nobody_waiting(gate: Gate) -> None:
    first = await gate.under_way("a")
    second = await gate.ahead("b")
    [writer] = [task for task in asyncio.all_tasks() if "Writer.run" in repr(task)]
    writer.cancel()
    answers = await asyncio.gather(first, second, gate.book("c"), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable] * 3


async def test_a_writer_that_ends_while_it_waits_for_the_database_leaves_nobody_waiting(
    gate: Gate, store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "BACK_OFF", 60)
    first = await gate.under_way("a")
    second = await gate.ahead("b")
    await close_for_maintenance(store)
    gate.open.set()
    third = asyncio.create_task(gate.book("c"))
    with capture_logs() as logs:

        async def rests() -> bool:
            return any(entry["event"] == "journal_unreachable" for entry in logs)

        await eventually(rests, wanted=True)
    [writer] = [task for task in asyncio.all_tasks() if "Writer.run" in repr(task)]
    writer.cancel()
    answers = await asyncio.wait_for(asyncio.gather(first, second, third, return_exceptions=True), 5)
    assert [type(answer) for answer in answers] == [Unavailable] * 3


async def test_a_writer_by_itself_does_not_look_up_what_it_remembers(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = readings(gate, monkeypatch)
    await gate.book("a")
    assert read == []
    assert (await gate.book("a")).version == 2
    assert read == [["hall-h"]], "what comes to nothing is decided on what the journal says"


async def test_what_is_remembered_is_not_relied_on_once_another_process_has_appended(
    gate: Gate, make: MakeJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await make(projections=(), decider=gate.decider)
    await opened(other, hall="elsewhere")
    await gate.book("a")
    read = readings(gate, monkeypatch)
    await other.transact(gate.decider, "h", BookSeat(guest="b"), context())
    assert (await gate.book("c")).version == 4
    assert read == [["hall-h"]]
    assert (await gate.journal.load(gate.decider, "h")).state.guests == ("a", "b", "c")


async def test_a_refusal_is_never_due_to_what_was_remembered(gate: Gate, make: MakeJournal) -> None:
    other = await make(projections=(), decider=gate.decider)
    gate.hall_id = "small"
    await opened(gate.journal, seats=1, hall="small")
    await gate.book("a")
    await other.transact(gate.decider, "small", GiveBack(guest="a"), context())
    assert (await gate.book("b")).version == 4
    await other.transact(gate.decider, "small", GiveBack(guest="b"), context())
    assert (await gate.book("b")).version == 6


def readings(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The streams that are looked up from now on, one list for each time."""
    read: list[list[str]] = []
    load = Folds.load

    async def counted(
        folds: Folds, connection: Connection, streams: Mapping[str, Decider[Any, Any, Any]]
    ) -> dict[str, Folded[Any]]:
        if folds is gate.journal._folds:
            read.append(list(streams))
        return await load(folds, connection, streams)

    monkeypatch.setattr(Folds, "load", counted)
    return read
