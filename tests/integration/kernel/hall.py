"""A small domain for the kernel's own tests: seats of a hall, booked and given back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

import orjson
import uuid_utils.compat as uuids
from pydantic import BaseModel

from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, Event, NotThere, Refused, Snapshots
from shared.kernel.postgres import Connection
from shared.kernel.projection import Projection
from shared.kernel.recorded import Context, Recorded

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)


class OpenHall(BaseModel):
    seats: int


class BookSeat(BaseModel):
    guest: str


class GiveBack(BaseModel):
    guest: str


class HallOpened(Event):
    form: ClassVar[int] = 2
    hall: str
    seats: int


class SeatBooked(Event):
    hall: str
    guest: str


class SeatGivenBack(Event):
    hall: str
    guest: str


class SeatTaken(Contract):
    type: ClassVar[str] = "ikz.catalog.seat.taken.v1"
    key: ClassVar[str] = "guest"
    hall: str
    guest: str


@dataclass(frozen=True, slots=True)
class Hall:
    seats: int = -1
    guests: tuple[str, ...] = ()


type Command = OpenHall | BookSeat | GiveBack
type HallEvent = HallOpened | SeatBooked | SeatGivenBack


def decide(command: Command, hall: Hall, at: datetime) -> Sequence[HallEvent]:
    match command:
        case OpenHall():
            return [] if hall.seats >= 0 else [HallOpened(at=at, hall="h", seats=command.seats)]
        case BookSeat():
            return book(command, hall, at)
        case GiveBack():
            return [SeatGivenBack(at=at, hall="h", guest=command.guest)] if command.guest in hall.guests else []


def book(command: BookSeat, hall: Hall, at: datetime) -> Sequence[HallEvent]:
    if hall.seats < 0:
        raise NotThere
    if command.guest in hall.guests:
        return []
    if len(hall.guests) >= hall.seats:
        raise Refused("hall_full")
    return [SeatBooked(at=at, hall="h", guest=command.guest)]


def evolve(hall: Hall, event: HallEvent) -> Hall:
    match event:
        case HallOpened():
            return replace(hall, seats=event.seats)
        case SeatBooked():
            return replace(hall, guests=(*hall.guests, event.guest))
        case SeatGivenBack():
            return replace(hall, guests=tuple(guest for guest in hall.guests if guest != event.guest))


def publish(event: HallEvent) -> Contract | None:
    match event:
        case SeatBooked():
            return SeatTaken(hall=event.hall, guest=event.guest)
        case HallOpened() | SeatGivenBack():
            return None


def first_form(fields: dict[str, Any]) -> dict[str, Any]:
    """The first form of HallOpened said `capacity`."""
    return {"at": fields["at"], "hall": fields["hall"], "seats": fields["capacity"]}


def dump(hall: Hall) -> bytes:
    return orjson.dumps([hall.seats, hall.guests])


def load(state: bytes) -> Hall:
    seats, guests = orjson.loads(state)
    return Hall(seats, tuple(guests))


HALL: Decider[Hall, Command, HallEvent] = Decider(
    category="hall",
    initial=Hall(),
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(HallOpened, SeatBooked, SeatGivenBack),
    upcasters={("HallOpened", 1): first_form},
    snapshots=Snapshots(every=10, form=1, dump=dump, load=load),
)

CREATE = """
CREATE TABLE booking (hall text NOT NULL, guest text NOT NULL CHECK (guest <> 'cursed'), version bigint NOT NULL,
                      CONSTRAINT booking_key PRIMARY KEY (hall, guest));
CREATE INDEX booking_by_guest ON booking (guest);
"""
BOOKED = """
INSERT INTO booking (hall, guest, version) SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
ON CONFLICT (hall, guest) DO UPDATE SET version = excluded.version
"""
GIVEN_BACK = "DELETE FROM booking WHERE hall = $1 AND guest = $2"


async def project(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
    """Runs of bookings as one statement each, in order with what is given back."""
    booked: list[tuple[str, str, int]] = []
    for recorded in events:
        match recorded.event:
            case SeatBooked():
                booked.append((recorded.aggregate_id, recorded.event.guest, recorded.version))
            case SeatGivenBack():
                await write(connection, booked)
                await connection.execute(GIVEN_BACK, recorded.aggregate_id, recorded.event.guest)
            case _:
                pass
    await write(connection, booked)


async def write(connection: Connection, booked: list[tuple[str, str, int]]) -> None:
    if booked:
        await connection.execute(BOOKED, *([row[column] for row in booked] for column in range(3)))
        booked.clear()


BOOKINGS = Projection("bookings", ("booking",), project)
TRAILING = Projection("bookings", ("booking",), project, following=True)


def context(command_id: Any = None, fingerprint: bytes | None = None) -> Context:
    """A command's circumstances; a new id unless one is given."""
    return Context(
        command_id or uuids.uuid7(),
        "tester",
        AT,
        "correlation",
        fingerprint=fingerprint,
        fresh=command_id is None,
    )
