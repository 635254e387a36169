"""The club in plain Python: what may be asked and happen, and what every answer must be."""

import copy
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from shared.kernel.decider import NotThere, Refused
from shared.kernel.journal import IdempotencyKeyReused, Outcome, StaleVersion
from tests.faults.club import Command, FoundClub, Join, Leave


@dataclass(frozen=True, slots=True)
class Ask:
    """What somebody asks for. `expected`: the version they believe in, relative to the right one; None for any."""

    club: str
    what: FoundClub | Join | Leave
    replica: int
    expected: int | None
    keyed: bool


@dataclass(frozen=True, slots=True)
class Again:
    """One of the commands that had an id comes again, to one replica or both; `misused`: as another request."""

    which: int
    replica: int
    twice: bool
    misused: bool


@dataclass(frozen=True, slots=True)
class Erasure:
    person: str
    replica: int


@dataclass(frozen=True, slots=True)
class LostCache:
    replica: int


@dataclass(frozen=True, slots=True)
class LostConnections:
    """Of all writers."""


@dataclass(frozen=True, slots=True)
class OldForms:
    """The clubs turn out to be founded by code of long ago."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """Another process takes a replica's place; newer code keeps its snapshots in another form."""

    replica: int
    newer: bool
    capacity: int


@dataclass(frozen=True, slots=True)
class Rebuilding:
    """A read model is rebuilt. `damaged`: it had something that the journal does not know."""

    projection: str
    damaged: bool
    replica: int


type Happening = Erasure | LostCache | LostConnections | OldForms | Replacement | Rebuilding


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
    """All clubs, all facts in their order, each with its club, and what each id came to."""

    clubs: dict[str, ModelClub] = field(default_factory=dict)
    order: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
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
            self.order.append((sent.club, fact))
            club.position = len(self.order)
        if sent.key is not None:
            self.results[sent.key] = (sent.request, len(club.facts), club.position)
        return ("done", len(club.facts), club.position, False)


def orders(model: Model, asked: Sequence[Sent]) -> Iterator[tuple[list[tuple[Any, ...]], Model]]:
    """What would be answered to commands sent at once, and what would be then, one order after another."""
    for order in itertools.permutations(range(len(asked))):
        after = copy.deepcopy(model)
        answers = {number: after.take(asked[number]) for number in order}
        yield [answers[number] for number in range(len(asked))], after


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


def facts_in(event: Any) -> tuple[Any, ...]:
    """A stored event as the model has it."""
    match type(event).__name__:
        case "ClubFounded":
            return ("founded", event.places)
        case "MemberJoined":
            return ("joined", event.person, event.sealed)
        case _:
            return ("left", event.person)


CLUBS = st.sampled_from(["chess", "choir", "rowing"])
PEOPLE = st.sampled_from(["ada", "bert", "cem", "dora", "emil"])
REPLICAS = st.integers(0, 1)
PLACES = st.integers(2, 5)
JOINS = st.builds(
    Join,
    club=st.just(""),
    people=st.lists(PEOPLE, min_size=1, max_size=3, unique=True).map(tuple),
    sealed=st.just(()),
)
LEAVING = st.builds(Leave, club=st.just(""), person=PEOPLE)
FOUNDINGS = st.builds(FoundClub, club=st.just(""), places=PLACES)
ASKS = st.builds(
    Ask,
    club=CLUBS,
    what=st.one_of(JOINS, LEAVING, JOINS, FOUNDINGS),
    replica=REPLICAS,
    expected=st.sampled_from([None, None, None, 0, -1, 1]),
    keyed=st.booleans(),
)
REPETITIONS = st.builds(Again, which=st.integers(0, 100), replica=REPLICAS, twice=st.booleans(), misused=st.booleans())
ASKED = st.one_of(ASKS, st.lists(ASKS, min_size=2, max_size=3), REPETITIONS)
HAPPENINGS = st.one_of(
    st.none(),
    st.builds(Erasure, person=PEOPLE, replica=REPLICAS),
    st.builds(LostCache, replica=REPLICAS),
    st.builds(LostConnections),
    st.builds(OldForms),
    st.builds(Replacement, replica=REPLICAS, newer=st.booleans(), capacity=st.integers(1, 3)),
    st.builds(Rebuilding, projection=st.sampled_from(["member", "tally"]), damaged=st.booleans(), replica=REPLICAS),
)
