"""A process that appends to a journal as fast as it is let: `python -m tests.faults.appending DSN NAME SEED`.

It says in lines of JSON which commands were acknowledged and which backend its writer has. Some of its groups are slow,
some are turned back by a read model. A command without an answer is sent again with the same id until it has one.
"""

import asyncio
import json
import random
import signal
import sys
from collections.abc import Sequence
from itertools import count
from typing import Any

import asyncpg
import structlog

from shared.kernel.journal import Conflict, Journal, Outcome, Unavailable
from shared.kernel.postgres import Connection, connect_pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Context, Recorded
from shared.kernel.wakeup import Wakeup
from tests.integration.kernel.hall import BOOKINGS, HALL, BookSeat, Command, OpenHall, context

SHARED_HALLS = 4
CALLERS = 8
SEATS = 1_000_000
CREATE = "CREATE TABLE note (number bigint GENERATED ALWAYS AS IDENTITY, stream text NOT NULL, version bigint NOT NULL)"
NOTE = "INSERT INTO note (stream, version) SELECT * FROM unnest($1::text[], $2::bigint[])"


async def note(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
    """A read model without a key, which shows whatever comes twice."""
    await connection.execute(NOTE, [one.stream for one in events], [one.version for one in events])


NOTES = Projection("notes", ("note",), note, following=True)


class Appending:
    """The callers of one process."""

    def __init__(self, dsn: str, name: str, seed: int) -> None:
        self._dsn = dsn
        self._name = name
        self._dice = random.Random(seed)
        self._backend = 0
        self._ends = asyncio.Event()

    async def run(self) -> None:
        """Appends until SIGTERM."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._ends.set)
        async with await connect_pool(self._dsn, name="appending") as pool:
            bookings = Projection("bookings", ("booking",), self._book)
            journal = Journal(self._dsn, pool, [HALL], [bookings, NOTES], wakeup=Wakeup())
            async with journal.running(), asyncio.TaskGroup() as callers:
                for caller in range(CALLERS):
                    callers.create_task(self._call(journal, f"{self._name}-{caller}"))

    async def _book(self, connection: Connection, events: Sequence[Recorded[Any]]) -> None:
        """The usual read model on a connection that it tells of, in some groups slowly."""
        if (backend := connection.get_server_pid()) != self._backend:
            self._backend = backend
            say(backend=backend)
        await BOOKINGS.project(connection, events)
        if self._dice.random() < 0.03:
            await asyncio.sleep(self._dice.random() * 0.05)

    async def _call(self, journal: Journal, caller: str) -> None:
        for number in count():
            own = f"{caller}-{number}"
            await self._answered(journal, own, OpenHall(seats=SEATS))
            for guest in range(3):
                if self._ends.is_set():
                    return
                shared = f"shared{self._dice.randrange(SHARED_HALLS)}"
                await self._answered(journal, own, BookSeat(guest=f"{guest}"))
                await self._answered(journal, shared, BookSeat(guest=f"{own}-{guest}"))
            if self._dice.random() < 0.2:
                await turned_back(journal, own)

    async def _answered(self, journal: Journal, hall: str, command: Command) -> None:
        given = context()
        outcome = await answered(journal, hall, command, given)
        say(command=given.command_id.hex, position=outcome.position, stream=f"hall-{hall}", version=outcome.version)


async def answered(journal: Journal, hall: str, command: Command, given: Context) -> Outcome:
    """The answer to a command, however often it has to be sent."""
    while True:
        try:
            return await journal.transact(HALL, hall, command, given)
        except (Unavailable, Conflict, asyncpg.RaiseError):
            given = context(given.command_id)


async def turned_back(journal: Journal, hall: str) -> None:
    """A command that its read model refuses: the whole group is rolled back and written singly."""
    try:
        await journal.transact(HALL, hall, BookSeat(guest="cursed"), context())
    except (asyncpg.CheckViolationError, Unavailable, Conflict):
        return
    raise AssertionError("the read model took what it must refuse")


def say(**line: object) -> None:
    """Tells the test."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(Appending(sys.argv[1], sys.argv[2], int(sys.argv[3])).run())
