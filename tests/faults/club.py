"""A small domain with personal data, several events at once, an old form and snapshots: the members of a club."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar

import orjson
from pydantic import BaseModel

from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, Event, NotThere, Refused, Snapshots
from shared.kernel.postgres import Connection
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded


class FoundClub(BaseModel):
    club: str
    places: int


class Join(BaseModel):
    """All of them, or nobody. What is personal comes sealed, in the order of the people."""

    club: str
    people: tuple[str, ...]
    sealed: tuple[str, ...]


class Leave(BaseModel):
    club: str
    person: str


class ClubFounded(Event):
    form: ClassVar[int] = 2
    club: str
    places: int


class MemberJoined(Event):
    club: str
    person: str
    sealed: str


class MemberLeft(Event):
    club: str
    person: str


class MembershipBegun(Contract):
    type: ClassVar[str] = "ikz.catalog.membership.begun.v1"
    key: ClassVar[str] = "membership"
    membership: str


@dataclass(frozen=True, slots=True)
class Club:
    """`members` with what is sealed of them."""

    places: int = -1
    members: tuple[tuple[str, str], ...] = ()


type Command = FoundClub | Join | Leave
type ClubEvent = ClubFounded | MemberJoined | MemberLeft


def decide(command: Command, club: Club, at: datetime) -> Sequence[ClubEvent]:
    match command:
        case FoundClub():
            return [] if club.places >= 0 else [ClubFounded(at=at, club=command.club, places=command.places)]
        case Join():
            return join(command, club, at)
        case Leave():
            inside = any(person == command.person for person, _ in club.members)
            return [MemberLeft(at=at, club=command.club, person=command.person)] if inside else []


def join(command: Join, club: Club, at: datetime) -> Sequence[ClubEvent]:
    if club.places < 0:
        raise NotThere
    inside = {person for person, _ in club.members}
    wanted = [one for one in zip(command.people, command.sealed, strict=True) if one[0] not in inside]
    if len(inside) + len(wanted) > club.places:
        raise Refused("club_full")
    return [MemberJoined(at=at, club=command.club, person=person, sealed=sealed) for person, sealed in wanted]


def evolve(club: Club, event: ClubEvent) -> Club:
    match event:
        case ClubFounded():
            return replace(club, places=event.places)
        case MemberJoined():
            return replace(club, members=(*club.members, (event.person, event.sealed)))
        case MemberLeft():
            return replace(club, members=tuple(one for one in club.members if one[0] != event.person))


def publish(event: ClubEvent) -> Contract | None:
    match event:
        case MemberJoined():
            return MembershipBegun(membership=f"{event.club}.{event.person}")
        case ClubFounded() | MemberLeft():
            return None


def first_form(fields: dict[str, Any]) -> dict[str, Any]:
    """The first form of ClubFounded said `size`."""
    return {"at": fields["at"], "club": fields["club"], "places": fields["size"]}


def dump(club: Club) -> bytes:
    return orjson.dumps([club.places, club.members])


def load(state: bytes) -> Club:
    places, members = orjson.loads(state)
    return Club(places, tuple((person, sealed) for person, sealed in members))


def dump_named(club: Club) -> bytes:
    return orjson.dumps({"places": club.places, "members": club.members})


def load_named(state: bytes) -> Club:
    fields = orjson.loads(state)
    return Club(fields["places"], tuple((person, sealed) for person, sealed in fields["members"]))


CLUB: Decider[Club, Command, ClubEvent] = Decider(
    category="club",
    initial=Club(),
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(ClubFounded, MemberJoined, MemberLeft),
    upcasters={("ClubFounded", 1): first_form},
    snapshots=Snapshots(every=3, form=1, dump=dump, load=load),
)
NEWER_CLUB = replace(CLUB, snapshots=Snapshots(every=3, form=2, dump=dump_named, load=load_named))

CREATE = """
CREATE TABLE member (club text NOT NULL, person text NOT NULL, sealed text NOT NULL, version bigint NOT NULL,
                     CONSTRAINT member_key PRIMARY KEY (club, person));
CREATE TABLE tally (club text NOT NULL CONSTRAINT tally_key PRIMARY KEY, joined bigint NOT NULL, gone bigint NOT NULL);
"""
JOINED = "INSERT INTO member (club, person, sealed, version) VALUES ($1, $2, $3, $4)"
LEFT = "DELETE FROM member WHERE club = $1 AND person = $2"
COUNTED = """
INSERT INTO tally (club, joined, gone) VALUES ($1, $2, $3)
ON CONFLICT (club) DO UPDATE SET joined = tally.joined + excluded.joined, gone = tally.gone + excluded.gone
"""


async def project_members(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
    """Who is a member."""
    for recorded in events:
        match recorded.event:
            case MemberJoined(club=club, person=person, sealed=sealed):
                await connection.execute(JOINED, club, person, sealed, recorded.version)
            case MemberLeft(club=club, person=person):
                await connection.execute(LEFT, club, person)
            case _:
                pass


async def project_tally(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
    """How many have come and gone: whatever comes twice counts twice."""
    for recorded in events:
        match recorded.event:
            case MemberJoined(club=club):
                await connection.execute(COUNTED, club, 1, 0)
            case MemberLeft(club=club):
                await connection.execute(COUNTED, club, 0, 1)
            case _:
                pass


MEMBERS = Projection("members", ("member",), project_members)
TALLY = Projection("tally", ("tally",), project_tally, following=True)
