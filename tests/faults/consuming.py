"""A consuming service as a replica: it writes down what it hears, and refuses what is cursed."""

import asyncio
import gc
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

from nats.aio.msg import Msg

from shared.kernel import bus, inbox, intake, pull
from shared.kernel.health import Health
from shared.kernel.inbox import Consumer, Effect, Received
from shared.kernel.postgres import Connection, connect_pool
from shared.kernel.pull import Pull
from tests.faults.forks import Patches, disarm_election, hurry
from tests.integration.bus.seats import HEAR, HEARD, Cursed, Freed, Taken

TABLES = HEARD + "; CREATE TABLE cursed (guest text PRIMARY KEY)"
IS_CURSED = "SELECT min(guest) FROM cursed WHERE guest = ANY($1::text[])"
DEAFEN = signal.SIGUSR1
LOSES_ACKNOWLEDGEMENT, DIES_BEFORE_IT = 0.1, 0.02
FAILS = 0.05

HURRIED: Patches = {
    inbox: {"RETRY_LAST": 0.3, "PATIENCE": 0.2, "DEAD_LETTERS_EVERY": 0.1, "BATCH": 20},
    intake: {"RETRY_LAST": timedelta(seconds=0.2)},
    pull: {"HEARTBEAT": 0.3, "SILENCE": 1.0, "ACK_WAIT": 0.5},
    bus: {"PULSE": 0.3, "PULSE_ANSWER": 1.0, "ANSWER": 1.0},
}


@dataclass(frozen=True, slots=True)
class Consuming:
    """`elected` or beside any other; `careless` about what it has taken in, by the dice of `seed`."""

    dsn: str
    nats_url: str
    seed: int
    elected: bool
    careless: bool


class CarelessPull(Pull):
    """Now and then it loses an acknowledgement, or the process dies between commit and acknowledgement."""

    dice: Random

    async def acknowledge(self, messages: Sequence[Msg]) -> None:
        fate = self.dice.random()
        if fate < DIES_BEFORE_IT:
            os.kill(os.getpid(), signal.SIGKILL)
        if fate > LOSES_ACKNOWLEDGEMENT:
            await super().acknowledge(messages)


async def consuming(setup: Consuming) -> None:
    """Works until it is killed."""
    hurry(HURRIED)
    dice = Random(setup.seed)
    if not setup.elected:
        disarm_election()
    if setup.careless:
        CarelessPull.dice = dice
        vars(inbox)["Pull"] = CarelessPull
    asyncio.get_running_loop().add_signal_handler(DEAFEN, partial(deafen, dice))
    consumer = Consumer(
        name="notify",
        source="events",
        effects=[Effect(contract, partial(hear, dice if setup.careless else None)) for contract in (Taken, Freed)],
        dsn=setup.dsn,
        pool=await connect_pool(setup.dsn, name="replica"),
        nats_url=setup.nats_url,
        health=Health(),
    )
    await consumer.run()


async def hear(dice: Random | None, connection: Connection, received: Sequence[Received[Any]]) -> None:
    """Writes first and refuses then, so that there is something to roll back: what is cursed, and at times anything."""
    guests = [one.data.guest for one in received]
    versions = [str(one.aggregate_version) for one in received]
    await connection.execute(HEAR, guests, versions, [str(one.live) for one in received])
    if cursed := await connection.fetchval(IS_CURSED, guests):
        raise Cursed(cursed)
    if dice is not None and dice.random() < FAILS:
        raise Cursed("for a moment")


def deafen(dice: Random) -> None:
    """Every NATS connection hears nothing any more; nats-py goes on believing that it is connected."""
    for connection in [found for found in gc.get_objects() if type(found) is bus.Connection]:
        client = connection.client
        writer = getattr(client._transport, "_io_writer", None)
        if writer is None or client._reading_task is None:
            continue
        if dice.random() < 0.5:
            client._reading_task.cancel()
        else:
            writer.transport.pause_reading()
