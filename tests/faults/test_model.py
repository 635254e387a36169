"""The kernel's store against a model of a few lines of plain Python, through whatever hypothesis thinks of."""

import asyncio
import copy
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from shared.kernel.decider import NotThere, Refused
from shared.kernel.journal import IdempotencyKeyReused, Journal, Outcome, StaleVersion
from shared.kernel.migrations import apply, migrations_of
from shared.kernel.postgres import Pool, connect_pool
from shared.kernel.rebuild import rebuild
from shared.kernel.vault import Erased, Vault
from shared.kernel.wakeup import Wakeup
from tests.conftest import Database
from tests.faults.club import CLUB, CREATE, MEMBERS, NEWER_CLUB, TALLY, Club, Command, FoundClub, Join, Leave
from tests.faults.storm import Storm
from tests.integration.kernel.hall import context

KEY = bytes(range(32))
STEPS = 20
EXAMPLES_A_SECOND = 2
ENOUGH = 60.0
PURPOSE = "membership"
TO_FIRST_FORM = """
UPDATE journal
SET form = 1, data = json_build_object('at', data -> 'at', 'club', data -> 'club', 'size', data -> 'places')
WHERE stream = $1 AND type = 'ClubFounded' AND form = 2
"""
KILL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ikz journal'"
GHOSTS = {
    MEMBERS: "INSERT INTO member (club, person, sealed, version) VALUES ('ghost', 'ghost', '', 1)",
    TALLY: "INSERT INTO tally (club, joined, gone) VALUES ('ghost', 1, 1)",
}
MEMBERS_OF = "SELECT person, sealed, version FROM member WHERE club = $1 ORDER BY version"
TALLY_OF = "SELECT joined, gone FROM tally WHERE club = $1"


@dataclass(frozen=True, slots=True)
class Ask:
    """What somebody asks for. `expected`: the version they believe in, relative to the right one; None for any."""

    club: str
    what: FoundClub | Join | Leave
    replica: int
    expected: int | None
    keyed: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """A command as it goes to a replica."""

    club: str
    command: Command
    replica: int
    expected: int | None
    key: UUID | None
    request: bytes


@dataclass(slots=True)
class ModelClub:
    """A club as a list of what happened: ("founded", places), ("joined", person, sealed) or ("left", person)."""

    facts: list[tuple[Any, ...]] = field(default_factory=list)
    position: int = 0

    @property
    def members(self) -> dict[str, str]:
        inside: dict[str, str] = {}
        for fact in self.facts:
            if fact[0] == "joined":
                inside[fact[1]] = fact[2]
            elif fact[0] == "left":
                del inside[fact[1]]
        return inside


@dataclass(slots=True)
class Model:
    """All clubs, all facts in their order, and what each id came to."""

    clubs: dict[str, ModelClub] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    results: dict[UUID, tuple[bytes, int, int]] = field(default_factory=dict)

    def club(self, name: str) -> ModelClub:
        return self.clubs.setdefault(name, ModelClub())

    def take(self, sent: Sent) -> tuple[Any, ...]:
        """What the answer must be, and the facts it leaves behind."""
        club = self.club(sent.club)
        if sent.key in self.results:
            request, *result = self.results[sent.key]
            return ("done", *result, True) if request == sent.request else ("reused",)
        if sent.expected not in (None, len(club.facts)):
            return ("stale", len(club.facts))
        new = facts_of(sent.command, club)
        if isinstance(new, str):
            return (new,)
        for fact in new:
            club.facts.append(fact)
            self.order.append(sent.club)
            club.position = len(self.order)
        if sent.key is not None:
            self.results[sent.key] = (sent.request, len(club.facts), club.position)
        return ("done", len(club.facts), club.position, False)


def facts_of(command: Command, club: ModelClub) -> list[tuple[Any, ...]] | str:
    """What a command adds, or why it is refused."""
    members = club.members
    match command:
        case FoundClub():
            return [] if club.facts else [("founded", command.places)]
        case Join() if not club.facts:
            return "not there"
        case Join():
            new = [
                ("joined", *one) for one in zip(command.people, command.sealed, strict=True) if one[0] not in members
            ]
            return new if len(members) + len(new) <= club.facts[0][1] else "club_full"
        case Leave():
            return [("left", command.person)] if command.person in members else []


def answer_of(given: Outcome | BaseException, base: int) -> tuple[Any, ...]:
    """A replica's answer as the model gives it; positions count from where the model began."""
    match given:
        case Outcome():
            return ("done", given.version, given.position - base if given.version else 0, given.repeated)
        case StaleVersion():
            return ("stale", given.version)
        case Refused():
            return (given.code,)
        case NotThere():
            return ("not there",)
        case IdempotencyKeyReused():
            return ("reused",)
        case _:
            raise given


@dataclass(slots=True)
class Replica:
    """A process of the service: its journal, its cache, its keys."""

    journal: Journal
    vault: Vault
    closing: AsyncExitStack


class World:
    """Two replicas on one database, for machines that run in a thread beside the loop."""

    def __init__(self, dsn: str, pool: Pool) -> None:
        self.dsn = dsn
        self.pool = pool
        self.loop = asyncio.get_running_loop()
        self.replicas: list[Replica] = []
        self.examples = 0

    def run[T](self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Runs it on the loop and gives what it gives."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(ENOUGH)

    async def start(self, *, newer: bool = False, capacity: int = 2) -> Replica:
        """A replica with a small cache; newer code keeps its snapshots in another form."""
        closing = AsyncExitStack()
        pool = await closing.enter_async_context(await connect_pool(self.dsn, name="model", size=4))
        journal = Journal(self.dsn, pool, [NEWER_CLUB if newer else CLUB], [MEMBERS, TALLY], wakeup=Wakeup())
        journal._folds._capacity = capacity
        await closing.enter_async_context(journal.running())
        return Replica(journal, Vault(pool, KEY), closing)

    async def restart(self, number: int, *, newer: bool, capacity: int) -> None:
        await self.replicas[number].closing.aclose()
        self.replicas[number] = await self.start(newer=newer, capacity=capacity)

    async def close(self) -> None:
        for one in self.replicas:
            await one.closing.aclose()

    async def answers(self, asked: list[Sent]) -> list[Outcome | BaseException]:
        """All of them at once."""
        return await asyncio.gather(*(self._answer(one) for one in asked), return_exceptions=True)

    async def _answer(self, sent: Sent) -> Outcome:
        journal = self.replicas[sent.replica].journal
        circumstances = context(sent.key, sent.request if sent.key else None)
        return await journal.transact(
            journal.deciders[0], sent.club, sent.command, circumstances, expected_version=sent.expected
        )


@pytest.fixture(scope="module")
async def world(database: Database) -> AsyncIterator[World]:
    dsn = database.dsn("catalog")
    async with await connect_pool(dsn, name="tests") as pool:
        async with pool.acquire() as connection:
            kernel = [one for one in migrations_of("catalog") if one.label.startswith("kernel/")]
            await apply(connection, kernel)  # type: ignore[arg-type]
            await connection.execute(CREATE)
        made = World(dsn, pool)
        made.replicas = [await made.start(), await made.start(newer=True)]
        yield made
        await made.close()


CLUBS = st.sampled_from(["chess", "choir", "rowing"])
PEOPLE = st.sampled_from(["ada", "bert", "cem", "dora", "emil"])
REPLICAS = st.integers(0, 1)
GROUPS = st.lists(PEOPLE, min_size=1, max_size=3, unique=True).map(tuple)
JOINS = st.builds(Join, club=st.just(""), people=GROUPS, sealed=st.just(()))
FOUNDINGS = st.builds(FoundClub, club=st.just(""), places=st.integers(1, 4))
WHAT = st.one_of(FOUNDINGS, JOINS, JOINS, st.builds(Leave, club=st.just(""), person=PEOPLE))
ASKS = st.builds(
    Ask,
    club=CLUBS,
    what=WHAT,
    replica=REPLICAS,
    expected=st.sampled_from([None, None, 0, -1, 1]),
    keyed=st.booleans(),
)


class Machine(RuleBasedStateMachine):
    """Clubs of one example in a world that goes on from example to example."""

    def __init__(self, world: World) -> None:
        super().__init__()
        world.examples += 1
        self.world = world
        self.model = Model()
        self.erased: set[str] = set()
        self.sent: list[Sent] = []
        self.prefix = f"{world.examples}."
        self.base = world.run(world.replicas[0].journal.head())

    @rule(ask=ASKS)
    def somebody_asks(self, ask: Ask) -> None:
        self._at_once([self._prepared(ask)])

    @rule(asks=st.lists(ASKS, min_size=2, max_size=3))
    def several_ask_at_once(self, asks: list[Ask]) -> None:
        self._at_once([self._prepared(ask) for ask in asks])

    @rule(data=st.data(), replica=REPLICAS, twice=st.booleans(), misused=st.booleans())
    def somebody_asks_again(self, data: st.DataObject, replica: int, *, twice: bool, misused: bool) -> None:
        keyed = [one for one in self.sent if one.key]
        if keyed:
            one = data.draw(st.sampled_from(keyed))
            request = b"another request" if misused and one.key in self.model.results else one.request
            again = [Sent(one.club, one.command, which, None, one.key, request) for which in (replica, 1 - replica)]
            self._at_once(again[: 1 + twice])

    @rule(person=PEOPLE, replica=REPLICAS)
    def somebody_is_erased(self, person: str, replica: int) -> None:
        self.world.run(self.world.replicas[replica].vault.erase(self.prefix + person))
        self.erased.add(self.prefix + person)

    @rule(replica=REPLICAS)
    def a_cache_is_lost(self, replica: int) -> None:
        self.world.replicas[replica].journal._folds.forget_all()

    @rule(replica=REPLICAS, newer=st.booleans(), capacity=st.integers(1, 3))
    def a_replica_is_replaced(self, replica: int, capacity: int, *, newer: bool) -> None:
        self.world.run(self.world.restart(replica, newer=newer, capacity=capacity))

    @rule()
    def connections_are_lost(self) -> None:
        self.world.run(self.world.pool.execute(KILL))

    @rule(club=CLUBS)
    def a_club_turns_out_to_be_old(self, club: str) -> None:
        """Its first event was written by code of long ago."""
        self.world.run(self.world.pool.execute(TO_FIRST_FORM, f"club-{self.prefix}{club}"))

    @rule(projection=st.sampled_from([MEMBERS, TALLY]), damaged=st.booleans(), replica=REPLICAS)
    def a_read_model_is_rebuilt(self, projection: Any, replica: int, *, damaged: bool) -> None:
        self.world.run(self._followed())
        if damaged:
            self.world.run(self.world.pool.execute(GHOSTS[projection]))
        rebuilt = self.world.run(rebuild(self.world.dsn, self.world.replicas[replica].journal, projection))
        assert rebuilt.different == (projection.tables if damaged else ())

    @invariant()
    def every_replica_knows_every_club(self) -> None:
        self.world.run(self._compare_clubs())

    def teardown(self) -> None:
        """In the end journal, read models and keys are compared, too."""
        self.world.run(self._compare_journal())
        self.world.run(self._compare_read_models())
        self.world.run(self._compare_names())

    def _prepared(self, ask: Ask) -> Sent:
        club = self.prefix + ask.club
        key = uuid4() if ask.keyed else None
        command = ask.what.model_copy(update={"club": club})
        if isinstance(command, Join):
            command = self._sealed(command, ask.replica)
        elif isinstance(command, Leave):
            command = command.model_copy(update={"person": self.prefix + command.person})
        expected = None if ask.expected is None else max(0, len(self.model.club(club).facts) + ask.expected)
        sent = Sent(club, command, ask.replica, expected, key, repr(ask).encode())
        self.sent.append(sent)
        return sent

    def _sealed(self, command: Join, replica: int) -> Join:
        """The names of those who can still be sealed; whoever was erased is not taken any more."""
        people = tuple(self.prefix + person for person in command.people)
        sealed = self.world.run(self._seal(people, self.world.replicas[replica].vault))
        assert {person for person in people if person not in sealed} == self.erased & set(people)
        return Join(club=command.club, people=tuple(sealed), sealed=tuple(sealed.values()))

    @staticmethod
    async def _seal(people: tuple[str, ...], vault: Vault) -> dict[str, str]:
        sealed: dict[str, str] = {}
        for person in people:
            try:
                await vault.ensure(person)
                sealed[person] = await vault.seal(person, PURPOSE, {"name": f"Name of {person}"})
            except Erased:
                continue
        return sealed

    def _at_once(self, asked: list[Sent]) -> None:
        """The answers are those of one order or another, and from then on it is the order."""
        given = [answer_of(answer, self.base) for answer in self.world.run(self.world.answers(asked))]
        for order in itertools.permutations(range(len(asked))):
            model = copy.deepcopy(self.model)
            answers = {number: model.take(asked[number]) for number in order}
            if [answers[number] for number in range(len(asked))] == given:
                self.model = model
                return
        first = copy.deepcopy(self.model)
        assert given == [first.take(one) for one in asked]

    async def _compare_clubs(self) -> None:
        for replica in self.world.replicas:
            journal = replica.journal
            for name, club in self.model.clubs.items():
                folded = await journal.load(CLUB if journal.deciders[0] is CLUB else NEWER_CLUB, name)
                places = club.facts[0][1] if club.facts else -1
                assert folded.state == Club(places, tuple(club.members.items()))
                assert folded.version == len(club.facts)
                assert folded.position == (self.base + club.position if club.facts else 0)
                joins = Counter(f"membership/{name}.{fact[1]}" for fact in club.facts if fact[0] == "joined")
                assert dict(folded.published) == joins

    async def _compare_journal(self) -> None:
        """Whole, gapless, in order, every event as the model has it, and contracts counted without holes."""
        found = await self.world.replicas[0].journal.read(self.base, 10_000)
        assert [one.position for one in found] == [self.base + n for n in range(1, len(self.model.order) + 1)]
        assert [one.aggregate_id for one in found] == self.model.order
        versions: Counter[str] = Counter()
        contracts: Counter[str] = Counter()
        for one in found:
            name = one.aggregate_id
            versions[name] += 1
            assert one.version == versions[name]
            assert facts_in(one.event) == self.model.clubs[name].facts[one.version - 1]
            if one.aggregate is not None:
                contracts[one.aggregate] += 1
                assert one.aggregate_version == contracts[one.aggregate]

    async def _compare_read_models(self) -> None:
        await self._followed()
        for name, club in self.model.clubs.items():
            rows = await self.world.pool.fetch(MEMBERS_OF, name)
            joined = {fact[1]: number for number, fact in enumerate(club.facts, 1) if fact[0] == "joined"}
            assert [tuple(row) for row in rows] == [(*one, joined[one[0]]) for one in club.members.items()]
            tally = await self.world.pool.fetchrow(TALLY_OF, name)
            counts = Counter(fact[0] for fact in club.facts)
            assert tuple(tally or (0, 0)) == (counts["joined"], counts["left"])

    async def _followed(self) -> None:
        journal = self.world.replicas[0].journal
        await journal.wait_for(await journal.head(), TALLY.name, ENOUGH / 2)

    async def _compare_names(self) -> None:
        """Everybody can be read but the erased, of whom nothing can be, in no event."""
        for club in self.model.clubs.values():
            joined = [(fact[1], PURPOSE, fact[2]) for fact in club.facts if fact[0] == "joined"]
            for replica in self.world.replicas:
                opened = await replica.vault.open_many(joined)
                assert opened == [
                    None if person in self.erased else f'{{"name":"Name of {person}"}}'.encode()
                    for person, _, _ in joined
                ]


def facts_in(event: Any) -> tuple[Any, ...]:
    """A stored event as the model has it."""
    match type(event).__name__:
        case "ClubFounded":
            return ("founded", event.places)
        case "MemberJoined":
            return ("joined", event.person, event.sealed)
        case _:
            return ("left", event.person)


async def test_the_store_does_what_a_few_lines_of_python_say(world: World, storm: Storm) -> None:
    chosen = settings(
        max_examples=max(1, int(storm.seconds * EXAMPLES_A_SECOND)),
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate] if storm.seconds < 10 else [Phase.generate, Phase.shrink],
    )

    class InThisWorld(Machine):
        def __init__(self) -> None:
            super().__init__(world)

    await asyncio.to_thread(run_state_machine_as_test, seed(storm.seed)(InThisWorld), settings=chosen)
    assert world.examples >= storm.seconds
