"""The kernel's store against a model of a few lines of plain Python, through whatever hypothesis thinks of."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from shared.kernel.migrations import apply, migrations_of
from shared.kernel.postgres import connect, connect_pool
from shared.kernel.rebuild import rebuild
from shared.kernel.vault import Erased, Vault
from tests.conftest import Database
from tests.faults.club import CREATE, MEMBERS, TALLY, Club, FoundClub, Join, Leave
from tests.faults.club_model import (
    ASKED,
    HAPPENINGS,
    PLACES,
    Again,
    Ask,
    Erasure,
    Happening,
    LostCache,
    LostConnections,
    Model,
    OldForms,
    Rebuilding,
    Replacement,
    Sent,
    answer_of,
    facts_in,
    orders,
)
from tests.faults.club_world import ENOUGH, World
from tests.faults.storm import Storm

STEPS = 12
EXAMPLES_A_SECOND = 1.2
PURPOSE = "membership"
TO_FIRST_FORM = """
UPDATE journal
SET form = 1, data = json_build_object('at', data -> 'at', 'club', data -> 'club', 'size', data -> 'places')
WHERE starts_with(stream, $1) AND type = 'ClubFounded' AND form = 2
"""
KILL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'ikz journal%'"
GHOSTS = {
    "member": "INSERT INTO member (club, person, sealed, version) VALUES ('ghost', 'ghost', '', 1)",
    "tally": "INSERT INTO tally (club, joined, gone) VALUES ('ghost', 1, 1)",
}
READ_MODELS = {"member": MEMBERS, "tally": TALLY}
MEMBERS_OF = "SELECT person, sealed, version FROM member WHERE club = $1 ORDER BY version"
TALLY_OF = "SELECT joined, gone FROM tally WHERE club = $1"


@pytest.fixture(scope="module")
async def world(database: Database) -> AsyncIterator[World]:
    dsn = database.dsn("catalog")
    connection = await connect(dsn, name="tests")
    await apply(connection, [one for one in migrations_of("catalog") if one.label.startswith("kernel/")])
    await connection.execute(CREATE)
    await connection.close()
    async with await connect_pool(dsn, name="tests") as pool:
        made = World(dsn, pool)
        made.replicas = [await made.start(), await made.start(newer=True)]
        yield made
        await made.close()


class Machine(RuleBasedStateMachine):
    """Clubs of one example in a world that goes on from example to example."""

    def __init__(self, world: World) -> None:
        super().__init__()
        world.examples += 1
        self.world = world
        self.model = Model()
        self.erased: set[str] = set()
        self.sent: list[Sent] = []
        self.turn = 0
        self.prefix = f"{world.examples}."
        self.base = world.run(world.replicas[0].journal.head())

    @initialize(chess=PLACES, choir=PLACES)
    def two_clubs_are_founded(self, chess: int, choir: int) -> None:
        for name, places in (("chess", chess), ("choir", choir)):
            self._asked(Ask(name, FoundClub(club="", places=places), 0, None, keyed=True))

    @rule(asked=st.lists(ASKED, min_size=1, max_size=4), happening=HAPPENINGS)
    def people_ask_and_something_happens(
        self, asked: list[Ask | list[Ask] | Again], happening: Happening | None
    ) -> None:
        for one in asked:
            self._asked(one)
        if happening is not None:
            self._happens(happening)

    def _asked(self, asked: Ask | list[Ask] | Again) -> None:
        match asked:
            case Ask():
                self._at_once([self._prepared(asked)])
            case Again():
                self._again(asked)
            case _:
                self._at_once([self._prepared(one) for one in asked])

    def _again(self, asked: Again) -> None:
        keyed = [one for one in self.sent if one.key]
        one = keyed[asked.which % len(keyed)]
        request = b"another request" if asked.misused and one.key in self.model.results else one.request
        replicas = (asked.replica, 1 - asked.replica)[: 1 + asked.twice]
        self._at_once([Sent(one.club, one.command, which, None, one.key, request) for which in replicas])

    def _happens(self, happening: Happening) -> None:
        world = self.world
        match happening:
            case Erasure():
                person = self.prefix + happening.person
                world.run(world.replicas[happening.replica].vault.erase(person))
                self.erased.add(person)
            case LostCache():
                world.replicas[happening.replica].journal._folds.forget_all()
            case LostConnections():
                world.run(world.pool.execute(KILL))
            case OldForms():
                world.run(world.pool.execute(TO_FIRST_FORM, f"club-{self.prefix}"))
            case Replacement():
                world.run(world.restart(happening.replica, newer=happening.newer, capacity=happening.capacity))
            case Rebuilding():
                self._rebuilt(happening)

    def _rebuilt(self, how: Rebuilding) -> None:
        self.world.run(self._compare_read_models())
        if how.damaged:
            self.world.run(self.world.pool.execute(GHOSTS[how.projection]))
        journal = self.world.replicas[how.replica].journal
        rebuilt = self.world.run(rebuild(self.world.dsn, journal, READ_MODELS[how.projection]))
        assert rebuilt.different == ((how.projection,) if how.damaged else ())
        self.world.run(self._compare_read_models())

    @invariant()
    def a_replica_knows_every_club(self) -> None:
        self.turn = 1 - self.turn
        self.world.run(self._compare_clubs(self.turn))

    def teardown(self) -> None:
        """In the end journal, read models and keys are compared, too."""
        self.world.run(self._compare_clubs(1 - self.turn))
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
        """Answers and facts are those of one order or another, and the model goes on in it.

        The answers alone may be those of several: who asks for what is there already is told where it stands, which
        is what the one who asked before was told.
        """
        given = [answer_of(answer, self.base) for answer in self.world.run(self.world.answers(asked))]
        known = len(self.model.order)
        happened = self.world.run(self._facts_after(known))
        possible = [(answers, after.order[known:], after) for answers, after in orders(self.model, asked)]
        found = [after for answers, facts, after in possible if (answers, facts) == (given, happened)]
        assert found, f"{given} and {happened}, but possible are {[each[:2] for each in possible]}"
        self.model = found[0]

    async def _facts_after(self, known: int) -> list[tuple[str, tuple[Any, ...]]]:
        found = await self.world.replicas[0].journal.read(self.base + known, 1_000)
        return [(one.aggregate_id, facts_in(one.event)) for one in found]

    async def _compare_clubs(self, replica: int) -> None:
        journal = self.world.replicas[replica].journal
        for name, club in self.model.clubs.items():
            folded = await journal.load(journal.deciders[0], name)
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
        assert [(one.aggregate_id, facts_in(one.event)) for one in found] == self.model.order
        versions: Counter[str] = Counter()
        contracts: Counter[str] = Counter()
        for one in found:
            name = one.aggregate_id
            versions[name] += 1
            assert one.version == versions[name]
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


async def test_the_model_goes_on_as_it_was_where_answers_do_not_tell(world: World) -> None:
    await asyncio.to_thread(two_ask_for_the_same_people, world)


def two_ask_for_the_same_people(world: World) -> None:
    machine = Machine(world)
    machine.two_clubs_are_founded(4, 4)
    for _ in range(10):
        machine._happens(LostCache(0))
        machine._asked(
            [
                Ask("chess", Join(club="", people=people, sealed=()), replica, None, keyed=False)
                for replica, people in enumerate([("ada", "bert"), ("bert", "ada")])
            ]
        )
        machine.a_replica_knows_every_club()
        for person in ("ada", "bert"):
            machine._asked(Ask("chess", Leave(club="", person=person), 0, None, keyed=False))
    machine.teardown()
    assert len(machine.model.clubs[f"{machine.prefix}chess"].facts) == 41
