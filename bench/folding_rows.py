"""Folding one stream to its present state, with nothing of it in memory, with and without a snapshot."""

import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from bench.account import ACCOUNT, CREATE, WITH_SNAPSHOTS
from bench.eventsourcing_peer import eventsourcing_app
from bench.filling import fill
from bench.part import Bench
from bench.rounds import Contender, Figures
from bench.row import Peer, Row, at_least
from shared.kernel.decider import Decider
from shared.kernel.folding import keep_snapshot
from shared.kernel.journal import Journal
from shared.kernel.postgres import OwnConnection, Pool, connect, connect_pool
from shared.kernel.wakeup import Wakeup

LENGTHS = (100, 1000, 10_000)
LONG = 1000
MORE = 10
THEIRS = "eventsourcing, repository"
FLAT = 0.8

type Ask = Callable[..., Awaitable[dict[str, Any]]]


class WronglyFolded(Exception):
    """A stream did not come out at its version."""


async def measure(bench: Bench) -> Sequence[Row]:
    """Loads in turn: whole, from a snapshot and ten events, at every length; the peer beside the middle one."""
    async with (
        bench.servers.database(more=CREATE) as ours,
        bench.servers.database() as theirs,
        eventsourcing_app(theirs) as app,
        await connect_pool(ours.dsn("catalog"), name="bench") as pool,
    ):
        dsn = ours.dsn("catalog")
        connection = await connect(dsn, name="bench")
        await fill(connection, LONG, 1, 0)
        contenders: dict[str, Contender] = {
            "whole": partial(load, dsn, pool, ACCOUNT, account=0, version=LONG, times=bench.amount(40, 10)),
            "their whole": await _their(app.ask, None, bench.amount(20, 5)),
            "their snapshot": await _their(app.ask, MORE, bench.amount(200, 40)),
        }
        for length in LENGTHS:
            await snapshotted(connection, pool, dsn, length, length)
            times = bench.amount(400, 100)
            contenders[str(length)] = partial(
                load, dsn, pool, WITH_SNAPSHOTS, account=length, version=length + MORE, times=times
            )
        await connection.execute("ANALYZE")
        found = await bench.alternate(contenders)
        await connection.close()
    rates = {name: found[name]["1/s"] for name in contenders}
    whole, short = f"loads of a stream of {LONG:,} events", "loads from a snapshot and 10 events"
    flat = Peer(f"behind {LENGTHS[0]}", rates[str(LENGTHS[0])])
    return [
        Row(whole, "1/s", rates["whole"], Peer(THEIRS, rates["their whole"]), at_least(5.0)),
        Row(short, "1/s", rates[str(LONG)], Peer(THEIRS, rates["their snapshot"]), at_least(5.0)),
        *(
            Row(f"{short}, behind {length:,}", "1/s", rates[str(length)], flat, at_least(FLAT))
            for length in LENGTHS[1:]
        ),
    ]


async def load(
    dsn: str, pool: Pool, decider: Decider[Any, Any, Any], *, account: int, version: int, times: int
) -> Figures:
    """Loads by journals that have nothing in memory yet."""
    journals = [Journal(dsn, pool, [decider], [], wakeup=Wakeup()) for _ in range(times)]
    started = time.perf_counter()
    versions = {(await journal.load(decider, str(account))).version for journal in journals}
    took = time.perf_counter() - started
    if versions != {version}:
        raise WronglyFolded(f"{account} is at {versions} instead of {version}")
    return {"1/s": times / took}


async def snapshotted(connection: OwnConnection, pool: Pool, dsn: str, account: int, length: int) -> None:
    """A stream with a snapshot of so many events, and ten events more."""
    await fill(connection, length, 1, account)
    folded = await Journal(dsn, pool, [ACCOUNT], [], wakeup=Wakeup()).load(ACCOUNT, str(account))
    await keep_snapshot(connection, WITH_SNAPSHOTS, WITH_SNAPSHOTS.stream(account), folded)
    await fill(connection, MORE, 1, account, length)


async def _their(ask: Ask, more: int | None, times: int) -> Contender:
    """Loads of an account of the peer's that is as long as ours."""
    number = (await ask(do="fill", events=LONG, more=more))["id"]

    async def load() -> Figures:
        figures = await ask(do="load", id=number, times=times)
        if figures["version"] != LONG + (more or 0):
            raise WronglyFolded(f"theirs is at {figures['version']}")
        return figures

    return load
