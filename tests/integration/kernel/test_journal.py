"""The journal on a real Postgres: order, idempotency, races, faults, read models, rebuilds."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import asyncpg
import pytest
from structlog.testing import capture_logs

from shared.kernel import forgetting
from shared.kernel.appending import APPEND, FORGET, OVERTAKEN, SETTINGS
from shared.kernel.decider import Decider, NotThere, Refused
from shared.kernel.folding import SNAPSHOT_AND_TAILS, TAILS
from shared.kernel.journal import (
    Conflict,
    IdempotencyKeyReused,
    Journal,
    Outcome,
    PositionNotReached,
    StaleVersion,
    Unavailable,
)
from shared.kernel.migrations import Migration, apply, migrations_of
from shared.kernel.postgres import Connection, OwnConnection, Pool, connect, connect_pool
from shared.kernel.projection import Projection
from shared.kernel.rebuild import rebuild
from shared.kernel.recorded import Recorded
from shared.kernel.wakeup import Wakeup
from tests.conftest import Database, Servers, fresh_database
from tests.integration.kernel.hall import (
    BOOKINGS,
    CREATE,
    HALL,
    TRAILING,
    BookSeat,
    GiveBack,
    Hall,
    OpenHall,
    SeatBooked,
    context,
)

NOT_NOW = """
CREATE FUNCTION not_now() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$;
CREATE TRIGGER not_now BEFORE DELETE ON command FOR EACH STATEMENT EXECUTE FUNCTION not_now()
"""

type MakeJournal = Callable[..., Awaitable[Journal]]


async def with_a_journal(database: Database) -> None:
    """The catalog service has an empty one, and the table of bookings."""
    connection = await connect(database.dsn("catalog"), name="tests")
    await apply(connection, [one for one in migrations_of("catalog") if one.label == "kernel/0001_journal"])
    await connection.execute(CREATE)
    await connection.close()


@pytest.fixture
async def store(servers: Servers) -> AsyncIterator[Database]:
    """A database with an empty journal and the table of bookings."""
    async with fresh_database(servers, with_a_journal) as database:
        yield database


@pytest.fixture
async def sql(store: Database) -> AsyncIterator[OwnConnection]:
    connection = await connect(store.dsn("catalog"), name="tests")
    yield connection
    await connection.close()


@pytest.fixture
async def make(store: Database) -> AsyncIterator[MakeJournal]:
    """Makes running journals on the same store: as many as there are replicas."""
    async with AsyncExitStack() as stack:

        async def make(
            projections: tuple[Projection, ...] = (BOOKINGS,), decider: Decider[Any, Any, Any] = HALL
        ) -> Journal:
            dsn = store.dsn("catalog")
            pool: Pool = await connect_pool(dsn, name="tests")
            stack.push_async_callback(pool.close)
            journal = Journal(dsn, pool, [decider], projections, wakeup=Wakeup(dsn))
            return await stack.enter_async_context(journal.running())

        yield make


async def opened(journal: Journal, seats: int = 1000, hall: str = "h") -> Outcome:
    return await journal.transact(HALL, hall, OpenHall(seats=seats), context())


async def test_events_are_read_in_one_gapless_order_and_contracts_are_counted_per_aggregate(make: MakeJournal) -> None:
    journal = await make()
    await asyncio.gather(*(opened(journal, hall=f"h{number}") for number in range(5)))
    await asyncio.gather(*(journal.transact(HALL, f"h{n % 5}", BookSeat(guest=f"g{n}"), context()) for n in range(100)))
    await journal.transact(HALL, "h0", GiveBack(guest="g0"), context())
    await journal.transact(HALL, "h0", BookSeat(guest="g0"), context())

    events = await journal.read(0, 1000)
    assert [recorded.position for recorded in events] == list(range(1, 108))
    versions = Counter[str]()
    for recorded in events:
        versions[recorded.stream] += 1
        assert recorded.version == versions[recorded.stream]
    again = [recorded for recorded in events if recorded.aggregate == "seat/g0"]
    assert [recorded.aggregate_version for recorded in again] == [1, 2]
    assert events[0].aggregate_version is None


async def test_the_outcome_names_version_and_position_of_the_last_event(make: MakeJournal) -> None:
    journal = await make()
    assert await opened(journal) == Outcome("h", 1, 1, repeated=False)
    first = await journal.transact(HALL, "h", BookSeat(guest="a"), context())
    assert (first.version, first.position) == (2, 2)
    nothing_new = await journal.transact(HALL, "h", BookSeat(guest="a"), context())
    assert (nothing_new.version, nothing_new.position) == (2, 2)
    assert await journal.head() == 2


async def test_commands_to_several_aggregates_are_recorded_all_or_none(make: MakeJournal) -> None:
    one, other = await make(), await make()
    for hall, seats in (("h1", 9), ("h2", 9), ("full", 0)):
        await opened(one, seats, hall)
    asked = context(uuid4(), b"request")
    with pytest.raises(Refused, match="hall_full"):
        await one.transact_all(HALL, {hall: BookSeat(guest="a") for hall in ("h1", "h2", "full")}, asked)
    with pytest.raises(NotThere):
        await one.transact_all(HALL, {hall: BookSeat(guest="a") for hall in ("h1", "none")}, asked)
    assert await one.head() == 3
    both = {hall: BookSeat(guest="a") for hall in ("h1", "h2")}
    await asyncio.gather(
        *(journal.transact_all(HALL, both, asked) for journal in (one, other, one)),
        *(journal.transact(HALL, "h1", BookSeat(guest=f"g{n}"), context()) for n, journal in enumerate((one, other))),
    )
    assert Counter((each.stream, each.event.guest) for each in await one.read(3, 10)) == Counter(
        [("hall-h1", "a"), ("hall-h2", "a"), ("hall-h1", "g0"), ("hall-h1", "g1")]
    )
    assert await one.reached(asked, ("h1", "h2", "full")) == {"h1", "h2"}
    with pytest.raises(IdempotencyKeyReused):
        await one.transact_all(HALL, both, replace(asked, fingerprint=b"another"))
    await one.transact_all(HALL, {}, asked)
    assert await one.head() == 7


async def test_a_repeated_command_id_answers_the_same(make: MakeJournal) -> None:
    one, other = await make(), await make()
    await opened(one)
    key = uuid4()
    first = await one.transact(HALL, "h", BookSeat(guest="a"), context(key, b"request"))
    await one.transact(HALL, "h", GiveBack(guest="a"), context())
    for journal in (one, other):
        again = await journal.transact(HALL, "h", BookSeat(guest="a"), context(key, b"request"))
        assert again == replace(first, repeated=True)
    assert await one.head() == 3


async def test_results_are_forgotten_by_age_but_not_those_of_causes_that_come_again(
    make: MakeJournal, sql: OwnConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "AT_ONCE", 2)
    journal = await make()
    await opened(journal)
    keyed, by_text, named, recent = uuid4(), uuid5(NAMESPACE_URL, "key"), uuid5(NAMESPACE_URL, "cause"), uuid4()
    for guest, key, fingerprint in (("a", keyed, b"a"), ("b", by_text, b"b"), ("c", named, None), ("d", None, None)):
        await journal.transact(HALL, "h", BookSeat(guest=guest), context(key, fingerprint))
    await sql.execute("UPDATE command SET at = at - interval '30 days 1 minute'")
    await journal.transact(HALL, "h", BookSeat(guest="e"), context(recent, b"e"))
    await sql.execute("UPDATE command SET at = at - interval '29 days' WHERE id = $1", recent)

    task = asyncio.create_task(journal.forget_results(timedelta(days=30)))
    async with asyncio.timeout(10):
        while await sql.fetchval("SELECT count(*) FROM command") > 2:
            await asyncio.sleep(0.01)
    task.cancel()
    assert {row["id"] for row in await sql.fetch("SELECT id FROM command")} == {named, recent}
    again = await journal.transact(HALL, "h", BookSeat(guest="a"), context(keyed, b"another request"))
    assert (again.version, again.repeated) == (6, False)


async def test_what_cannot_be_forgotten_now_is_forgotten_later(
    make: MakeJournal, sql: OwnConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the database says against it: no service ends because of results that are too old."""
    monkeypatch.setattr(forgetting, "EVERY", 0.01)
    journal = await make()
    await opened(journal)
    await sql.execute("UPDATE command SET at = at - interval '31 days'")
    await sql.execute(NOT_NOW)
    with capture_logs() as said:
        task = asyncio.create_task(journal.forget_results(timedelta(days=30)))
        async with asyncio.timeout(10):
            while len(said) < 2 and not task.done():
                await asyncio.sleep(0.01)
            await sql.execute("DROP TRIGGER not_now ON command")
            while await sql.fetchval("SELECT count(*) FROM command") and not task.done():
                await asyncio.sleep(0.01)
    assert not task.done()
    task.cancel()
    assert said[0]["event"] == "forgets_later"


async def test_forgetting_finds_what_is_old_by_its_index(store: Database) -> None:
    connection = await connect(store.dsn("catalog"), name="tests", enable_seqscan="off")
    await apply(connection, [one for one in migrations_of("catalog") if one.label.startswith("kernel/")])
    plan = await connection.fetch("EXPLAIN " + FORGET, timedelta(days=30), 1000)
    assert any("command_to_forget" in row[0] for row in plan), plan
    await connection.close()


async def test_a_command_id_is_not_used_for_another_request(make: MakeJournal) -> None:
    journal = await make()
    await opened(journal)
    key = uuid4()
    await journal.transact(HALL, "h", BookSeat(guest="a"), context(key, b"request"))
    with pytest.raises(IdempotencyKeyReused):
        await journal.transact(HALL, "h", BookSeat(guest="b"), context(key, b"another request"))


async def test_the_same_command_id_at_once_from_two_replicas_acts_once(make: MakeJournal) -> None:
    one, other = await make(), await make()
    await opened(one)
    for number in range(20):
        key = uuid4()
        outcomes = await asyncio.gather(
            *(
                journal.transact(HALL, "h", BookSeat(guest=f"g{number}"), context(key, b"r"))
                for journal in (one, other) * 3
            )
        )
        assert len({(outcome.version, outcome.position) for outcome in outcomes}) == 1
        assert [outcome.repeated for outcome in outcomes].count(False) == 1
    assert await one.head() == 21


async def test_replicas_racing_for_one_stream_never_overbook_and_everybody_is_answered(make: MakeJournal) -> None:
    journals = [await make(), await make(), await make()]
    await opened(journals[0], seats=60)

    async def book(number: int) -> str:
        try:
            await journals[number % 3].transact(HALL, "h", BookSeat(guest=f"g{number}"), context())
        except Refused as refused:
            return refused.code
        return "booked"

    answers = Counter(await asyncio.gather(*(book(number) for number in range(300))))
    assert answers == {"booked": 60, "hall_full": 240}
    states = [await journal.load(HALL, "h") for journal in journals]
    assert {len(folded.state.guests) for folded in states} == {60}
    assert {folded.version for folded in states} == {61}


async def test_a_refusal_is_decided_on_what_other_replicas_did(make: MakeJournal) -> None:
    one, other = await make(), await make()
    await opened(one, seats=1)
    await one.transact(HALL, "h", BookSeat(guest="a"), context())
    await other.transact(HALL, "h", GiveBack(guest="a"), context())
    assert (await one.transact(HALL, "h", BookSeat(guest="b"), context())).version == 4


async def admit(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
    booked = [(one.event.guest, one.version) for one in events if isinstance(one.event, SeatBooked)]
    await connection.executemany("INSERT INTO booking (hall, guest, version) VALUES ('all', $1, $2)", booked)


def beaten(first: Callable[[], Awaitable[Outcome]], refuses: bool) -> Projection:  # noqa: FBT001
    """A read model that admits each guest once; just before it is written to, another replica is faster."""
    waiting = [first]

    async def project(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
        while waiting:
            await waiting.pop()()
        try:
            await admit(connection, events)
        except asyncpg.UniqueViolationError as taken:
            if refuses:
                raise Refused("guest_taken") from taken
            raise

    return Projection("once", ("booking",), project)


@pytest.mark.parametrize("refuses", [False, True])
async def test_what_a_projection_refuses_when_another_replica_was_faster_is_decided_again(
    make: MakeJournal, *, refuses: bool
) -> None:
    """The same guest, at once, at two replicas: its read model's key speaks before the stream's version could."""
    other = await make(projections=(Projection("once", ("booking",), admit),))
    await opened(other)
    one = await make(projections=(beaten(lambda: other.transact(HALL, "h", BookSeat(guest="a"), context()), refuses),))
    outcome = await one.transact(HALL, "h", BookSeat(guest="a"), context())
    assert (outcome.version, (await one.load(HALL, "h")).state.guests) == (2, ("a",))


@pytest.mark.parametrize("refuses", [False, True])
async def test_the_same_command_id_at_once_for_new_aggregates_acts_once(make: MakeJournal, *, refuses: bool) -> None:
    """As when something is made whose id is chosen anew by each attempt, and whose name must be its own."""
    key = uuid4()
    other = await make(projections=(Projection("once", ("booking",), admit),))
    await opened(other, hall="h1")
    await opened(other, hall="h2")
    one = await make(
        projections=(beaten(lambda: other.transact(HALL, "h1", BookSeat(guest="a"), context(key, b"r")), refuses),)
    )
    outcome = await one.transact(HALL, "h2", BookSeat(guest="a"), context(key, b"r"))
    assert (outcome.aggregate_id, outcome.version, outcome.repeated) == ("h1", 2, True)


async def test_what_a_projection_refuses_otherwise_is_the_answer(make: MakeJournal) -> None:
    journal = await make(projections=(Projection("once", ("booking",), admit),))
    await opened(journal, hall="h1")
    await opened(journal, hall="h2")
    await journal.transact(HALL, "h1", BookSeat(guest="a"), context())
    with pytest.raises(asyncpg.UniqueViolationError):
        await journal.transact(HALL, "h2", BookSeat(guest="a"), context())


async def test_one_bad_command_spoils_no_other_of_its_group(make: MakeJournal, sql: OwnConnection) -> None:
    journal = await make()
    await opened(journal)
    guests = ["a", "cursed", "b", "c"]
    answers = await asyncio.gather(
        *(journal.transact(HALL, "h", BookSeat(guest=guest), context()) for guest in guests), return_exceptions=True
    )
    assert isinstance(answers[1], asyncpg.CheckViolationError)
    assert all(isinstance(answer, Outcome) for answer in answers[:1] + answers[2:])
    assert await sql.fetchval("SELECT array_agg(guest ORDER BY guest) FROM booking") == ["a", "b", "c"]
    assert [recorded.position for recorded in await journal.read(0, 10)] == [1, 2, 3, 4]


async def test_a_refused_command_and_a_missing_aggregate_record_nothing(make: MakeJournal, sql: OwnConnection) -> None:
    journal = await make()
    with pytest.raises(NotThere):
        await journal.transact(HALL, "nowhere", BookSeat(guest="a"), context())
    await opened(journal, seats=0)
    with pytest.raises(Refused, match="hall_full"):
        await journal.transact(HALL, "h", BookSeat(guest="a"), context())
    assert await sql.fetchval("SELECT count(*) FROM command") == 1


async def test_questions_for_what_does_not_exist_push_nothing_out_of_the_cache(make: MakeJournal) -> None:
    journal = await make()
    await opened(journal)
    for number in range(5):
        await journal.load(HALL, f"nowhere{number}")
    assert list(journal._folds._kept) == ["hall-h"]


async def test_an_expected_version_is_compared_with_what_is_stored(make: MakeJournal) -> None:
    one, other = await make(), await make()
    await opened(one)
    await one.load(HALL, "h")
    await other.transact(HALL, "h", BookSeat(guest="a"), context(), expected_version=1)
    with pytest.raises(StaleVersion) as stale:
        await one.transact(HALL, "h", BookSeat(guest="b"), context(), expected_version=1)
    assert stale.value.version == 2
    await one.transact(HALL, "h", BookSeat(guest="b"), context(), expected_version=2)


async def test_a_cancelled_caller_leaves_its_command_at_work(make: MakeJournal) -> None:
    journal = await make()
    await opened(journal)
    key = uuid4()
    caller = asyncio.create_task(journal.transact(HALL, "h", BookSeat(guest="a"), context(key)))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await journal.drain()
    again = await journal.transact(HALL, "h", BookSeat(guest="a"), context(key))
    assert (again.repeated, again.version) == (True, 2)


async def test_killed_backends_lose_and_double_nothing(make: MakeJournal, store: Database) -> None:
    journal = await make()
    await opened(journal)
    operator = await connect(store.operator_dsn, name="tests")

    async def killer() -> None:
        for _ in range(15):
            await asyncio.sleep(0.04)
            await operator.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'ikz journal%'"
            )

    async def caller(number: int) -> list[Outcome]:
        return [await journal.transact(HALL, "h", BookSeat(guest=f"g{number}-{n}"), context()) for n in range(25)]

    killing = asyncio.create_task(killer())
    outcomes = await asyncio.gather(*(caller(number) for number in range(8)))
    await killing
    await operator.close()
    positions = [recorded.position for recorded in await journal.read(0, 1000)]
    assert positions == list(range(1, 202))
    assert sorted(outcome.position for mine in outcomes for outcome in mine) == positions[1:]


async def test_a_frozen_writer_that_holds_the_counter_does_not_hold_the_others(
    make: MakeJournal, store: Database
) -> None:
    journal = await make()
    await opened(journal)
    frozen = await connect(store.dsn("catalog"), name="tests", timeout=10, **SETTINGS)
    transaction = frozen.transaction()
    await transaction.start()
    await frozen.execute("UPDATE journal_counter SET position = position")
    started = time.monotonic()
    await journal.transact(HALL, "h", BookSeat(guest="a"), context())
    assert time.monotonic() - started < 4.5
    frozen.terminate()


async def test_without_a_database_a_command_is_unavailable_and_its_id_tells_later(
    make: MakeJournal, store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = await make()
    await opened(journal)
    monkeypatch.setattr("shared.kernel.writer.PATIENCE", 0.5)
    operator = await connect(store.postgres.superuser_dsn, name="tests")
    await operator.execute(f"ALTER DATABASE {store.name} ALLOW_CONNECTIONS false")
    await operator.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", store.name)
    key = uuid4()
    with pytest.raises(Unavailable):
        await journal.transact(HALL, "h", BookSeat(guest="a"), context(key))
    await operator.execute(f"ALTER DATABASE {store.name} ALLOW_CONNECTIONS true")
    await operator.close()
    assert not (await journal.transact(HALL, "h", BookSeat(guest="a"), context(key))).repeated
    assert (await journal.transact(HALL, "h", BookSeat(guest="a"), context(key))).repeated


async def test_a_journal_that_went_back_is_not_built_upon(make: MakeJournal, sql: OwnConnection) -> None:
    journal = await make(projections=())
    await opened(journal)
    for guest in "abc":
        await journal.transact(HALL, "h", BookSeat(guest=guest), context())
    async with sql.transaction():
        await sql.execute("DELETE FROM journal WHERE position > 2")
        await sql.execute("UPDATE journal_counter SET position = 2")
        await sql.execute("DELETE FROM command WHERE position > 2")
    await journal.transact(HALL, "h", BookSeat(guest="d"), context())
    assert (await journal.load(HALL, "h")).state.guests == ("a", "d")
    assert [recorded.position for recorded in await journal.read(0, 10)] == [1, 2, 3]


async def test_snapshot_and_tail_fold_to_the_same_as_the_whole_stream(make: MakeJournal, sql: OwnConnection) -> None:
    journal = await make()
    await opened(journal)
    for number in range(25):
        await journal.transact(HALL, "h", BookSeat(guest=f"g{number}"), context())
    assert await sql.fetchval("SELECT version FROM snapshot") == 20
    await sql.execute("UPDATE snapshot SET state = convert_to('[1000, [\"from the snapshot\"]]', 'UTF8')")
    with_snapshot = await (await make()).load(HALL, "h")
    assert with_snapshot.state.guests[:1] == ("from the snapshot",)
    assert (with_snapshot.version, with_snapshot.position) == (26, 26)

    assert HALL.snapshots is not None
    newer_form = replace(HALL, snapshots=replace(HALL.snapshots, form=2))
    whole = await (await make(decider=newer_form)).load(newer_form, "h")
    assert whole.state == Hall(1000, tuple(f"g{number}" for number in range(25)))
    assert whole.published == with_snapshot.published


async def test_old_forms_are_read_through_their_upcasters_on_every_path(make: MakeJournal, sql: OwnConnection) -> None:
    journal = await make()
    await opened(journal, seats=3)
    await sql.execute(
        'UPDATE journal SET form = 1, data = \'{"at": "2020-01-01T00:00:00Z", "hall": "h", "capacity": 7}\''
    )
    fresh = await make()
    assert (await fresh.load(HALL, "h")).state.seats == 7
    assert (await fresh.read(0, 1))[0].event.seats == 7


async def test_an_inline_read_model_is_there_with_the_answer(make: MakeJournal, sql: OwnConnection) -> None:
    journal = await make()
    await opened(journal)
    outcome = await journal.transact(HALL, "h", BookSeat(guest="a"), context())
    assert await sql.fetchval("SELECT version FROM booking WHERE guest = 'a'") == outcome.version
    await journal.wait_for(outcome.position)


async def test_a_following_read_model_can_be_waited_for(make: MakeJournal, sql: OwnConnection) -> None:
    journal, other = await make(projections=(TRAILING,)), await make(projections=())
    await opened(other)
    outcome = await other.transact(HALL, "h", BookSeat(guest="a"), context())
    await journal.wait_for(outcome.position, TRAILING.name)
    assert await sql.fetchval("SELECT count(*) FROM booking") == 1
    with pytest.raises(PositionNotReached):
        await journal.wait_for(outcome.position + 1, TRAILING.name, within=0.1)


@pytest.mark.parametrize("projection", [BOOKINGS, TRAILING], ids=["inline", "following"])
async def test_a_rebuild_under_load_ends_in_the_fold_of_the_journal(
    make: MakeJournal, sql: OwnConnection, store: Database, projection: Projection
) -> None:
    journal = await make(projections=(projection,))
    await opened(journal, seats=100_000)
    for number in range(50):
        await journal.transact(HALL, "h", BookSeat(guest=f"early{number}"), context())
    await sql.execute("DELETE FROM booking WHERE guest = 'early7'")
    done = asyncio.Event()

    async def load(caller: int) -> None:
        number = 0
        while not done.is_set():
            await journal.transact(HALL, "h", BookSeat(guest=f"{caller}-{number}"), context())
            if number % 3 == 0:
                await journal.transact(HALL, "h", GiveBack(guest=f"{caller}-{number}"), context())
            number += 1

    callers = [asyncio.create_task(load(caller)) for caller in range(4)]
    await asyncio.sleep(0.2)
    seen: list[tuple[int, int]] = []
    result = await rebuild(store.dsn("catalog"), journal, projection, progress=lambda *at: seen.append(at))
    await asyncio.sleep(0.2)
    done.set()
    await asyncio.gather(*callers)
    await journal.wait_for(await journal.head(), projection.name if projection.following else None)

    assert result.different == ("booking",)
    assert seen[-1][0] == seen[-1][1] == result.events
    guests = await sql.fetchval("SELECT array_agg(guest ORDER BY guest) FROM booking")
    assert guests == sorted((await journal.load(HALL, "h")).state.guests)
    indexes = await sql.fetch("SELECT indexname FROM pg_indexes WHERE schemaname = 'catalog' AND tablename = 'booking'")
    assert {row["indexname"] for row in indexes} == {"booking_key", "booking_by_guest"}
    assert await sql.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'catalog_rebuild'") == 0


async def test_a_rebuild_of_a_faithful_read_model_finds_no_difference(make: MakeJournal, store: Database) -> None:
    journal = await make()
    await opened(journal)
    await journal.transact(HALL, "h", BookSeat(guest="a"), context())
    assert (await rebuild(store.dsn("catalog"), journal, BOOKINGS)).different == ()


async def test_command_ids_are_remembered_for_commands_without_events(make: MakeJournal, sql: OwnConnection) -> None:
    journal = await make()
    await opened(journal)
    key: UUID = uuid4()
    assert not (await journal.transact(HALL, "h", OpenHall(seats=5), context(key))).repeated
    assert (await journal.transact(HALL, "h", OpenHall(seats=5), context(key))).repeated
    assert await sql.fetchval("SELECT count(*) FROM journal") == 1


async def test_too_many_lost_races_are_a_conflict(make: MakeJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.kernel.writer.RACES", -1)
    one, other = await make(projections=()), await make(projections=())
    await opened(one)

    async def book(number: int) -> bool:
        try:
            await (one, other)[number % 2].transact(HALL, "h", BookSeat(guest=f"g{number}"), context())
        except Conflict:
            return False
        return True

    booked = 0
    for batch in range(20):
        booked += sum(await asyncio.gather(*(book(batch * 10 + number) for number in range(10))))
    assert len((await one.load(HALL, "h")).state.guests) == booked


async def test_old_code_reads_what_newer_code_has_added_to(make: MakeJournal, sql: OwnConnection) -> None:
    """As beside a newer replica during a deploy: stored events change by addition only."""
    journal = await make()
    await opened(journal, seats=3)
    await sql.execute("UPDATE journal SET data = jsonb_set(data::jsonb, '{balcony}', '12')::json")
    fresh = await make()
    assert (await fresh.load(HALL, "h")).state.seats == 3
    assert (await fresh.read(0, 1))[0].event.seats == 3


@pytest.mark.parametrize("projection", [BOOKINGS, TRAILING], ids=["inline", "following"])
async def test_a_rebuild_that_waits_for_a_long_reader_holds_nobody_up(
    make: MakeJournal, sql: OwnConnection, store: Database, projection: Projection
) -> None:
    journal = await make(projections=(projection,))
    await opened(journal)
    await journal.transact(HALL, "h", BookSeat(guest="a"), context())
    reader = await connect(store.dsn("catalog"), name="tests")
    async with reader.transaction():
        await reader.fetch("SELECT guest FROM booking")
        rebuilding = asyncio.create_task(rebuild(store.dsn("catalog"), journal, projection))
        for number in range(20):
            started = time.monotonic()
            await journal.transact(HALL, "h", BookSeat(guest=f"g{number}"), context())
            await sql.fetch("SELECT guest FROM booking")
            assert time.monotonic() - started < 1.5
            await asyncio.sleep(0.1)
        assert not rebuilding.done()
    await reader.close()
    assert (await rebuilding).different == ()
    await journal.wait_for(await journal.head(), projection.name if projection.following else None)
    assert await sql.fetchval("SELECT count(*) FROM booking") == 21


async def test_a_read_model_that_trails_is_compared_where_it_stands(
    make: MakeJournal, sql: OwnConnection, store: Database
) -> None:
    journal = await make(projections=())
    await opened(journal)
    await journal.transact(HALL, "h", BookSeat(guest="a"), context())
    await TRAILING.project(sql, await journal.read(0, 2))
    await sql.execute("INSERT INTO projection (name, position) VALUES ($1, 2)", TRAILING.name)
    await journal.transact(HALL, "h", BookSeat(guest="b"), context())
    result = await rebuild(store.dsn("catalog"), journal, TRAILING)
    assert (result.different, result.events) == ((), 3)
    assert await sql.fetchval("SELECT array_agg(guest ORDER BY guest) FROM booking") == ["a", "b"]
    assert await sql.fetchval("SELECT position FROM projection") == 3


async def test_no_migration_is_swapped_away(make: MakeJournal, sql: OwnConnection, store: Database) -> None:
    wider = Migration("catalog/0009_wider", "-- expand: a note\nALTER TABLE booking ADD COLUMN note text")
    journal = await make()
    await opened(journal)
    await journal.transact(HALL, "h", BookSeat(guest="a"), context())
    migrating: list[asyncio.Task[object]] = []

    async def project(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
        if not migrating:
            migrating.append(asyncio.create_task(apply(sql, [wider])))
            await asyncio.wait(migrating, timeout=1)
        await BOOKINGS.project(connection, events)

    await rebuild(store.dsn("catalog"), journal, replace(BOOKINGS, project=project))
    await asyncio.wait_for(migrating[0], 20)
    assert [tuple(row) for row in await sql.fetch("SELECT guest, note FROM booking")] == [("a", None)]


@pytest.mark.parametrize("statement", [APPEND, OVERTAKEN, TAILS, SNAPSHOT_AND_TAILS], ids=lambda sql: sql.split()[0])
async def test_no_group_reads_the_whole_journal_while_its_statistics_are_young(
    make: MakeJournal, sql: OwnConnection, statement: str
) -> None:
    journal = await make()
    await asyncio.gather(*(opened(journal, hall=f"h{number}") for number in range(500)))
    await sql.execute("SET plan_cache_mode = force_generic_plan")
    await sql.execute(f"PREPARE asked AS {statement}")
    parameters = ", ".join(["NULL"] * len(set(re.findall(r"\$\d", statement))))
    plan = "\n".join(row[0] for row in await sql.fetch(f"EXPLAIN EXECUTE asked ({parameters})"))
    assert "journal_stream_version" in plan
    assert "Seq Scan on journal " not in plan
