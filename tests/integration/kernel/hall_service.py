"""The hall as a whole service, for tests of a service's life: `python -m tests.integration.kernel.hall_service`."""

import asyncio
import os
from collections.abc import Awaitable, Callable

import structlog
from pydantic import BaseModel

from shared.kernel import problems
from shared.kernel.http import Answer, Call, Committed, Endpoint, committed
from shared.kernel.journal import Journal
from shared.kernel.service import Parts, Runtime, main
from shared.kernel.settings import ServiceSettings
from tests.integration.kernel.hall import HALL, BookSeat, GiveBack, OpenHall

log = structlog.get_logger()


class HallSettings(ServiceSettings):
    service: str = "catalog"
    fails_in: float | None = None
    ends_in: float | None = None


class Opening(BaseModel):
    seats: int


class Booking(BaseModel):
    guest: str


def endpoints(journal: Journal) -> list[Endpoint]:
    async def open_hall(call: Call) -> Answer:
        command = OpenHall(seats=call.body.seats)
        return committed(await journal.transact(HALL, call.path_id(), command, call.context()))

    async def book(call: Call) -> Answer:
        command = BookSeat(guest=call.body.guest)
        return committed(await journal.transact(HALL, call.path_id(), command, call.context()))

    async def give_back(call: Call) -> Answer:
        command = GiveBack(guest=call.body.guest)
        expected = call.expected_version
        return committed(
            await journal.transact(HALL, call.path_id(), command, call.context(), expected_version=expected)
        )

    async def show(call: Call) -> Answer:
        hall = await journal.load(HALL, call.path_id())
        if hall.version == 0:
            raise problems.Problem("not_found")
        return Answer({"seats": hall.state.seats, "guests": list(hall.state.guests)}, version=hall.version)

    async def think(_call: Call) -> Answer:
        log.info("thinking")
        await asyncio.sleep(1)
        return Answer({"thought": True})

    return [
        Endpoint("PUT", "/api/v1/halls/{id}", open_hall, "Open a hall", body=Opening, answer=Committed),
        Endpoint("POST", "/api/v1/halls/{id}/bookings", book, "Book a seat", body=Booking, answer=Committed),
        Endpoint(
            "DELETE",
            "/api/v1/halls/{id}/bookings",
            give_back,
            "Give it back",
            body=Booking,
            answer=Committed,
            if_match=True,
        ),
        Endpoint("GET", "/api/v1/halls/{id}", show, "A hall"),
        Endpoint("GET", "/api/v1/thoughts", think, "Takes a second"),
    ]


def after(seconds: float, then: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def trouble() -> None:
        await asyncio.sleep(seconds)
        then()

    return trouble


def fail() -> None:
    raise RuntimeError("cannot go on at nats://catalog:sesame@host")


async def build(runtime: Runtime[HallSettings]) -> Parts:
    problems.register({"hall_full": (409, "Der Saal ist voll", "The hall is full")})
    settings = runtime.settings
    journal = Journal(settings.database_url, runtime.pool, [HALL], [], wakeup=runtime.wakeup)
    tasks = [after(settings.fails_in, fail)] if settings.fails_in is not None else []
    tasks += [after(settings.ends_in, lambda: None)] if settings.ends_in is not None else []

    async def close() -> None:
        runtime.log.info("hall_closed", pid=os.getpid())

    return Parts(endpoints=endpoints(journal), journal=journal, tasks=tasks, closing=[close])


if __name__ == "__main__":
    raise SystemExit(main(HallSettings, build))
