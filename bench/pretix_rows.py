"""Rows of registrations beside pretix: confirmed and durable when they are answered, at the gateway and at its API."""

import base64
import hashlib
import json
import secrets
from asyncio.subprocess import Process
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial

from bench.cpu import seconds
from bench.http_rows import open_sessions
from bench.load import Load, put
from bench.part import Bench
from bench.pretix import Pretix, pretix
from bench.rounds import Contender, Figures
from bench.row import Peer, Row, at_least, at_most
from bench.services import Service, Site, site
from services.gateway.addresses import lookup_key, parse_address
from shared.kernel.ids import new_id
from shared.kernel.postgres import connect

CLIENTS = 32
CONFIRMED = "SELECT count(*) FROM registration WHERE status = 'confirmed'"
TOKENS = """
INSERT INTO token (digest, role, label, organisation, created_at, lookup)
SELECT digest, 'member', label, $4::uuid, now(), lookup
FROM unnest($1::bytea[], $2::text[], $3::bytea[]) AS given (digest, label, lookup)
"""


async def measure(bench: Bench) -> Sequence[Row]:
    """People who are signed in register for the first time: a person, a registration, its read model; two relays."""
    total, orders = bench.amount(4000, 1000), bench.amount(160, 64)
    async with AsyncExitStack() as stack:
        made = await stack.enter_async_context(site(bench.servers))
        running = [await stack.enter_async_context(made.service(name)) for name in ("events", "gateway")]
        sessions = await open_sessions(made)
        beside = await stack.enter_async_context(pretix(bench.servers))
        contenders: dict[str, Contender] = {
            "ours": partial(_register, made, running, sessions, total),
            "pretix": partial(_order, bench, beside, orders),
        }
        found = await bench.alternate(contenders)
        done = len(found["ours"].figures) + 1
        assert await _confirmed(made) == done * total, "not everybody is confirmed"
    ours, other = found["ours"], found["pretix"]
    name = f"registration confirmed and durable, {CLIENTS} clients"
    return (
        Row(name, "1/s", ours["1/s"], Peer("pretix: an order of a free ticket", other["1/s"]), at_least(100)),
        Row(f"{name}: processor", "ms", ours["cpu ms"], Peer("pretix", other["cpu ms"]), at_most(1 / 50)),
        Row(f"{name}: p50", "ms", ours["p50 ms"], Peer("pretix", other["p50 ms"])),
        Row(f"{name}: p99", "ms", ours["p99 ms"], Peer("pretix", other["p99 ms"])),
    )


async def _register(made: Site, running: Sequence[Service], sessions: Sequence[str], total: int) -> Figures:
    people = [f"{secrets.token_hex(8)}@stadt.example" for _ in range(total)]
    tokens = await _tokens(made, people)
    load = Load(
        port=made.ports["gateway"],
        paths=[f"/api/v1/sessions/{session}/registrations" for session in sessions],
        headers={},
        each=[{"Authorization": f"Bearer {token}"} for token in tokens],
        bodies=[json.dumps({"email": email, "name": "Erika Muster"}) for email in people],
        clients=CLIENTS,
    )
    servers = [_pid_of(made.servers.postgres.process), _pid_of(made.nats.process)]
    return await _served(load, 202, [*servers, *(service.pid for service in running)])


async def _order(bench: Bench, beside: Pretix, total: int) -> Figures:
    load = Load(
        port=beside.port,
        paths=[beside.site.path],
        headers=beside.headers,
        bodies=[beside.order(f"{secrets.token_hex(8)}@stadt.example") for _ in range(total)],
        clients=CLIENTS,
    )
    return await _served(load, 201, [beside.pid, _pid_of(bench.servers.postgres.process)])


async def _served(load: Load, status: int, pids: Sequence[int]) -> Figures:
    before = seconds(pids)
    served = await put(load)
    used = seconds(pids) - before
    assert served.statuses == {status: len(load.bodies)}, f"answered with {served.statuses}"
    return {
        "1/s": served.per_second,
        "p50 ms": served.p50,
        "p99 ms": served.p99,
        "cpu ms": used / len(load.bodies) * 1000,
    }


async def _tokens(made: Site, people: Sequence[str]) -> list[str]:
    """A token of each person's own, made as the gateway makes them."""
    tokens = [secrets.token_urlsafe(32) for _ in people]
    digests = [hashlib.sha256(token.encode()).digest() for token in tokens]
    key = base64.b64decode(made.kept.address_key)
    lookups = [lookup_key(parse_address(email), key) for email in people]
    connection = await connect(made.database.dsn("gateway"), name="bench")
    await connection.execute(TOKENS, digests, [f"bench-{secrets.token_hex(8)}" for _ in people], lookups, new_id())
    await connection.close()
    return tokens


async def _confirmed(made: Site) -> int:
    connection = await connect(made.database.dsn("events"), name="bench")
    count: int = await connection.fetchval(CONFIRMED)
    await connection.close()
    return count


def _pid_of(process: Process | None) -> int:
    assert process is not None
    return process.pid
