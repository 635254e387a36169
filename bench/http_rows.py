"""Rows of HTTP: a command at its service beside the same endpoint without a database; registrations at the gateway."""

import datetime as dt
import json
import secrets
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import aiohttp

from bench.load import Load, put
from bench.part import Bench
from bench.rounds import Contender, Figures
from bench.row import Peer, Row, at_least, at_most
from bench.services import Site, services
from bench.twin import PATH as SERIES
from shared.embedded.folder import DataFolder, environment_of
from shared.embedded.probe import ask
from shared.embedded.process import end, free_ports, spawn, tail
from shared.kernel.clock import Clock
from shared.kernel.identity import HEADER, Identity, Signer
from shared.kernel.postgres import connect

EDITOR = Identity(person_id=None, roles=frozenset({"editor"}), organisation_id=None, label="token:bench")
CLIENTS = 32
AT_ONCE = 128
OFFERED = 1000
SESSIONS = 10
SEATS = 100_000
PATIENCE = 60.0
REGISTERED = "SELECT count(*) FROM registration"


async def commands(bench: Bench) -> Sequence[Row]:
    """Starting series, over HTTP at the events service."""
    total = bench.amount(8000, 2000)
    async with services(bench.servers, "events") as site, twin(site) as port:
        contenders: dict[str, Contender] = {
            "recorded": partial(_start_series, site, site.ports["events"], total),
            "answered only": partial(_start_series, site, port, total),
        }
        found = await bench.alternate(contenders)
    ours, other = found["recorded"], found["answered only"]
    name, peer = f"a command over HTTP at the service, {CLIENTS} clients", "the same endpoint without a database"
    return (
        Row(name, "1/s", ours["1/s"], Peer(peer, other["1/s"]), at_least(0.6)),
        Row(f"{name}: p99", "ms", ours["p99 ms"], Peer(peer, other["p99 ms"])),
    )


async def registrations(bench: Bench) -> Sequence[Row]:
    """People who register through the gateway and the events service, each for the first time."""
    total = bench.amount(6000, 1500)
    async with services(bench.servers, "events", "gateway") as site:
        sessions = await open_sessions(site)
        contenders: dict[str, Contender] = {
            "at once": partial(_register, site, sessions, total, AT_ONCE, None),
            "offered": partial(_register, site, sessions, total, 2 * AT_ONCE, OFFERED),
        }
        found = await bench.alternate(contenders)
        registered = await _registered(site)
        done = len(found["offered"].figures) + 1
        assert registered == 2 * done * total, f"{registered} registrations are recorded"
    offered = found["offered"]
    name = f"registration through gateway and events service, {OFFERED:,}/s offered"
    return (
        Row(f"registration through gateway and events service, {AT_ONCE} at once", "1/s", found["at once"]["1/s"]),
        Row(name, "1/s", offered["1/s"], None, at_least(0.99 * OFFERED)),
        Row(f"{name}: p50", "ms", offered["p50 ms"]),
        Row(f"{name}: p99", "ms", offered["p99 ms"], None, at_most(60)),
    )


async def _start_series(site: Site, port: int, total: int) -> Figures:
    names = [secrets.token_hex(8) for _ in range(total)]
    bodies = [
        json.dumps({"title": f"Reihe {name}", "slug": f"reihe-{name}", "format": "workshop", "summary": "x" * 300})
        for name in names
    ]
    load = Load(port=port, paths=[SERIES], headers=_as_editor(site), bodies=bodies, clients=CLIENTS)
    return await _served(load, 201)


async def _register(site: Site, sessions: Sequence[str], total: int, clients: int, rate: float | None) -> Figures:
    load = Load(
        port=site.ports["gateway"],
        paths=[f"/api/v1/sessions/{session}/registrations" for session in sessions],
        headers={},
        bodies=[
            json.dumps({"email": f"{secrets.token_hex(8)}@stadt.example", "name": "Erika Muster"}) for _ in range(total)
        ],
        clients=clients,
        rate=rate,
    )
    return await _served(load, 202)


async def _served(load: Load, status: int) -> Figures:
    served = await put(load)
    assert served.statuses == {status: len(load.bodies)}, f"answered with {served.statuses}"
    return {"1/s": served.per_second, "p50 ms": served.p50, "p99 ms": served.p99}


async def open_sessions(site: Site) -> list[str]:
    """Announced sessions that take registrations, with seats for all."""
    starts = (dt.datetime.now(dt.UTC) + dt.timedelta(days=90)).isoformat()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{site.ports['events']}", headers=_as_editor(site)) as http:
        series = await _done(http, SERIES, {"title": "Reihe", "slug": "reihe", "format": "workshop"})
        body = {"series_id": series["id"], "title": "Sitzung", "mode": "online", "starts_at": starts, "capacity": SEATS}
        found = [(await _done(http, "/api/v1/sessions", body))["id"] for _ in range(SESSIONS)]
        for session in found:
            await _done(http, f"/api/v1/sessions/{session}/announcements")
            await _done(http, f"/api/v1/sessions/{session}/registration-openings")
    return found


async def _done(http: aiohttp.ClientSession, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    async with http.post(path, json=body) as answer:
        said: dict[str, Any] = await answer.json()
        assert answer.status < 300, said
        return said


async def _registered(site: Site) -> int:
    connection = await connect(site.database.dsn("events"), name="bench")
    try:
        count: int = await connection.fetchval(REGISTERED)
        return count
    finally:
        await connection.close()


def _as_editor(site: Site) -> dict[str, str]:
    """The header by which the events service knows an editor, as the gateway signs it; good for a minute."""
    return {HEADER: Signer(site.kept.identity_private_key, Clock()).sign(EDITOR, "events")}


@asynccontextmanager
async def twin(site: Site) -> AsyncIterator[int]:
    """The endpoint without a database in a process of its own; its port."""
    servers, (port,) = site.servers, free_ports(1)
    log = servers.folder / "logs" / "twin.log"
    settings = environment_of("events", site.running, site.kept, DataFolder(servers.folder)) | {"IKZ_PORT": str(port)}
    started = time.perf_counter()
    process = await servers.supervision.do(
        spawn([sys.executable, "-m", "bench.twin"], record=servers.folder / "twin.json", log=log, environment=settings)
    )
    try:
        while (await ask(port, "/health/ready"))[0] != 200:
            assert process.returncode is None, tail(log)
            assert time.perf_counter() - started < PATIENCE, tail(log)
        yield port
    finally:
        await servers.supervision.do(end(process))
