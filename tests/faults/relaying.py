"""A publishing service as a replica: it books and gives back seats all the time, and relays its journal."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from shared.kernel import relay as relay_module
from shared.kernel.decider import NotThere, Refused
from shared.kernel.health import Health
from shared.kernel.journal import Journal
from shared.kernel.postgres import connect_pool
from shared.kernel.recorded import Conflict, Unavailable
from shared.kernel.relay import Relay
from shared.kernel.wakeup import Wakeup
from tests.faults.forks import disarm_election, hurry
from tests.integration.kernel.hall import HALL, BookSeat, Command, GiveBack, OpenHall, context

HALLS, GUESTS = 3, 30
HURRIED = {"RETRY_LAST": 0.3, "LOOK_EVERY": 0.2, "LOOK_AGAIN": 0.2, "ACKNOWLEDGED_WITHIN": 2.0, "BATCH": 20}


@dataclass(frozen=True, slots=True)
class Relaying:
    """`elected` or beside any other, `writing` by the dice of `seed` or only relaying."""

    dsn: str
    nats_url: str
    seed: int
    elected: bool
    writing: bool


async def relaying(setup: Relaying) -> None:
    """Works until it is killed."""
    hurry({relay_module: HURRIED})
    if not setup.elected:
        disarm_election()
    wakeup = Wakeup(setup.dsn)
    pool = await connect_pool(setup.dsn, name="replica")
    journal = Journal(setup.dsn, pool, [HALL], [], wakeup=wakeup)
    relay = Relay(
        service="catalog",
        dsn=setup.dsn,
        nats_url=setup.nats_url,
        journal=journal,
        wakeup=wakeup,
        public_url="http://127.0.0.1:8080",
        health=Health(),
    )
    async with asyncio.TaskGroup() as tasks:
        for work in (journal.run, wakeup.run, relay.run):
            tasks.create_task(work())
        if setup.writing:
            tasks.create_task(book(journal, Random(setup.seed)))


async def book(journal: Journal, dice: Random) -> None:
    """Commands without end; what is refused or cannot be done now is nobody's concern."""
    while True:
        hall = f"h{dice.randrange(HALLS)}"
        guest = f"{hall}g{dice.randrange(GUESTS)}"
        commands: tuple[Command, ...] = (OpenHall(seats=GUESTS), BookSeat(guest=guest), GiveBack(guest=guest))
        with suppress(Refused, NotThere, Conflict, Unavailable):
            await journal.transact(HALL, hall, dice.choice(commands), context())
        await asyncio.sleep(dice.uniform(0, 0.005))
