"""The life of a service: it waits, works, keeps going through outages, drains, and says why it ends."""

import asyncio
import base64
import json
import signal
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from shared.embedded.nats import EmbeddedNats
from shared.embedded.postgres import EmbeddedPostgres
from shared.embedded.process import free_ports
from shared.kernel.bootstrap import bootstrap_database, create_database, role_of
from shared.kernel.clock import Clock
from shared.kernel.identity import ANONYMOUS, HEADER, Signer, generate_keys
from shared.kernel.migrations import migrate
from shared.kernel.nats_access import render_config
from shared.kernel.vault import note_erasure
from tests.conftest import NATS_PASSWORDS, PASSWORDS

KEYS = generate_keys()
DEADLINE = 60.0
DATABASE = "ikz"


@dataclass
class Ground:
    """Servers of this module alone, which its tests may stop and start."""

    postgres: EmbeddedPostgres
    nats: EmbeddedNats

    @property
    def dsn(self) -> str:
        return self.postgres.dsn(role_of("catalog"), PASSWORDS["catalog"], DATABASE)

    async def crash_postgres(self) -> None:
        assert self.postgres.process is not None
        self.postgres.process.send_signal(signal.SIGQUIT)
        await self.postgres.process.wait()

    async def prepare(self) -> None:
        await create_database(self.postgres.superuser_dsn, DATABASE)
        await bootstrap_database(self.postgres.superuser_dsn_for(DATABASE), PASSWORDS)


@dataclass
class Process:
    """A service process in a test."""

    child: asyncio.subprocess.Process
    port: int
    log: list[dict[str, Any]]
    reading: asyncio.Task[None]
    errors: list[str]

    def said(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.log if line["event"] == event]

    async def until(self, true: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not await true():
                assert self.child.returncode is None, self.errors
                await asyncio.sleep(0.02)

    async def ask(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> tuple[int, Any, Any]:
        """Status, JSON and headers of one answer; status 0 when there is nobody."""
        signed = {HEADER: Signer(KEYS.private, Clock()).sign(ANONYMOUS, "catalog"), **headers}
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.request(method, f"http://127.0.0.1:{self.port}{path}", json=body, headers=signed) as answer,
            ):
                return answer.status, await answer.json(content_type=None), answer.headers
        except aiohttp.ClientConnectionError:
            return 0, None, {}

    async def is_ready(self) -> bool:
        return (await self.ask("/health/ready"))[0] == 200

    async def why_not(self, check: str) -> str | None:
        _, body, _ = await self.ask("/health/ready")
        why: str | None = body["checks"].get(check, {}).get("why") if body else None
        return why

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.child.send_signal(number)
        return await self.code()

    async def code(self) -> int:
        async with asyncio.timeout(DEADLINE):
            code = await self.child.wait()
            await self.reading
        return code


@pytest.fixture(scope="module")
async def ground(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ground]:
    folder = tmp_path_factory.mktemp("ground")
    async with (
        EmbeddedPostgres(folder / "postgres", durable=False) as postgres,
        EmbeddedNats(folder / "nats", render_config, NATS_PASSWORDS) as nats,
    ):
        yield Ground(postgres, nats)


@pytest.fixture(scope="module")
async def prepared(ground: Ground) -> Ground:
    await ground.prepare()
    await migrate(ground.dsn, "catalog")
    return ground


@asynccontextmanager
async def service(ground: Ground, **changes: str) -> AsyncIterator[Process]:
    (port,) = free_ports(1)
    environment = {
        "PATH": "",
        "IKZ_DATABASE_URL": ground.dsn,
        "IKZ_NATS_URL": ground.nats.url("catalog"),
        "IKZ_NATS_MONITOR_URL": ground.nats.monitor_url,
        "IKZ_PORT": str(port),
        "IKZ_VAULT_KEY": base64.b64encode(bytes(32)).decode(),
        "IKZ_IDENTITY_PUBLIC_KEY": KEYS.public,
        "IKZ_LOG_FORMAT": "json",
        **changes,
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.kernel.hall_service", env=environment, stderr=asyncio.subprocess.PIPE
    )
    log: list[dict[str, Any]] = []
    errors: list[str] = []

    async def read() -> None:
        assert child.stderr is not None
        async for line in child.stderr:
            try:
                log.append(json.loads(line))
            except ValueError:
                errors.append(line.decode())

    process = Process(child, port, log, asyncio.ensure_future(read()), errors)
    try:
        yield process
    finally:
        if child.returncode is None:
            child.kill()
        await process.code()


@asynccontextmanager
async def ready_service(ground: Ground, **changes: str) -> AsyncIterator[Process]:
    async with service(ground, **changes) as process:
        await process.until(process.is_ready)
        yield process


async def test_it_waits_for_what_it_needs_and_says_so(ground: Ground) -> None:
    await ground.nats.stop()
    async with service(ground) as process:
        await process.until(lambda: has_reason(process, "postgres", "password authentication failed"))
        status, body, headers = await process.ask("/api/v1/halls/1")
        assert (status, body["code"], headers["Retry-After"]) == (503, "unavailable", "1")
        assert (await process.ask("/health/live"))[:2] == (200, {"live": True})
        await ground.prepare()
        await process.until(lambda: has_reason(process, "postgres", "not migrated: kernel/0001_journal"))
        await migrate(ground.dsn, "catalog")
        await process.until(lambda: has_reason(process, "nats", "no connection"))
        assert (await process.ask("/api/v1/halls/1"))[0] == 503
        await ground.nats.start()
        await process.until(process.is_ready)
        assert (await process.ask("/api/v1/halls/1"))[1]["code"] == "not_found"
        assert await process.end() == 0
        waited = [line["waits_for"] for line in process.said("service_waits")]
        assert waited.count("postgres") <= 4, "each reason is said once"


async def has_reason(process: Process, check: str, beginning: str) -> bool:
    why = await process.why_not(check)
    return why is not None and why.startswith(beginning)


async def test_it_can_be_stopped_while_it_waits(prepared: Ground) -> None:
    async with service(prepared, IKZ_DATABASE_URL="postgresql://catalog:sesame@127.0.0.1:1/ikz") as process:
        await process.until(lambda: has_reason(process, "postgres", "ConnectionRefusedError"))
        assert await process.end() == 0
        assert not process.errors


async def test_commands_go_the_whole_way(prepared: Ground) -> None:
    hall = str(uuid.uuid4())
    async with ready_service(prepared) as process:
        status, body, headers = await process.ask(f"/api/v1/halls/{hall}", "PUT", {"seats": 2})
        assert (status, body["id"], body["version"], headers["ETag"]) == (200, hall, 1, '"1"')
        keyed = {"Idempotency-Key": str(uuid.uuid4())}
        bookings = f"/api/v1/halls/{hall}/bookings"
        first = await process.ask(bookings, "POST", {"guest": "erika"}, **keyed)
        again = await process.ask(bookings, "POST", {"guest": "erika"}, **keyed)
        assert first[:2] == again[:2]
        other = await process.ask(bookings, "POST", {"guest": "max"}, **keyed)
        assert (other[0], other[1]["code"]) == (422, "idempotency_key_reused")
        stale = await process.ask(bookings, "DELETE", {"guest": "erika"}, **{"If-Match": '"1"'})
        assert (stale[0], stale[1]["code"], stale[1]["details"]) == (412, "stale_version", {"version": 2})
        assert (await process.ask(bookings, "POST", {"guest": "max"}))[0] == 200
        full = await process.ask(bookings, "POST", {"guest": "lena"})
        assert (full[0], full[1]["code"], full[1]["title"]) == (409, "hall_full", "Der Saal ist voll")
        position = first[1]["position"]
        seen = await process.ask(f"/api/v1/halls/{hall}?min_position={position}")
        assert seen[1] == {"seats": 2, "guests": ["erika", "max"]}
        late = await process.ask(f"/api/v1/halls/{hall}?min_position={position + 10**6}")
        assert (late[0], late[1]["code"], late[2]["Retry-After"]) == (503, "position_not_reached", "1")
        missing = await process.ask(f"/api/v1/halls/{uuid.uuid4()}/bookings", "POST", {"guest": "max"})
        assert (missing[0], missing[1]["code"]) == (404, "not_found")
        requests = process.said("request")
        assert all(line["trace_id"] for line in requests)
        assert all(hall not in json.dumps(line) for line in requests)


async def test_it_drains_when_it_is_stopped(prepared: Ground) -> None:
    async with ready_service(prepared) as process:
        thinking = asyncio.ensure_future(process.ask("/api/v1/thoughts"))
        await process.until(partial(has_said, process, "thinking"))
        began = time.monotonic()
        process.child.send_signal(signal.SIGTERM)
        process.child.send_signal(signal.SIGINT)
        assert (await thinking)[:2] == (200, {"thought": True})
        assert await process.code() == 0
        assert time.monotonic() - began < 4
        assert process.said("service_stopped")
        assert process.said("hall_closed")
        assert (await process.ask("/health/live"))[0] == 0


async def test_patience_with_requests_ends(prepared: Ground) -> None:
    async with ready_service(prepared, IKZ_STOP_TIMEOUT="0.1") as process:
        thinking = asyncio.ensure_future(process.ask("/api/v1/thoughts"))
        await process.until(partial(has_said, process, "thinking"))
        assert await process.end(signal.SIGINT) == 0
        assert (await thinking)[0] == 0


async def test_it_outlives_postgres(prepared: Ground) -> None:
    hall = str(uuid.uuid4())
    async with ready_service(prepared) as process:
        assert (await process.ask(f"/api/v1/halls/{hall}", "PUT", {"seats": 2}))[0] == 200
        await prepared.crash_postgres()
        try:
            await process.until(lambda: is_unready(process, "postgres"))
            status, body, headers = await process.ask(f"/api/v1/halls/{hall}/bookings", "POST", {"guest": "erika"})
            assert (status, body["code"], "Retry-After" in headers) == (503, "unavailable", True)
        finally:
            await prepared.postgres.start()
        await process.until(process.is_ready)
        assert (await process.ask(f"/api/v1/halls/{hall}"))[1] == {"seats": 2, "guests": []}
        assert await process.end() == 0


async def test_it_outlives_nats(prepared: Ground) -> None:
    hall = str(uuid.uuid4())
    async with ready_service(prepared) as process:
        await prepared.nats.stop()
        try:
            await process.until(lambda: is_unready(process, "nats"))
            assert (await process.ask(f"/api/v1/halls/{hall}", "PUT", {"seats": 2}))[0] == 200
        finally:
            await prepared.nats.start()
        await process.until(process.is_ready)
        assert await process.end() == 0


async def has_said(process: Process, event: str) -> bool:
    return bool(process.said(event))


async def is_unready(process: Process, check: str) -> bool:
    return await process.why_not(check) is not None


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ({"IKZ_FAILS_IN": "0.2"}, "RuntimeError: cannot go on at nats://catalog:[hidden]@host"),
        ({"IKZ_ENDS_IN": "0.2"}, "TaskEnded: after.<locals>.trouble"),
    ],
)
async def test_when_a_task_ends_the_service_ends_and_says_why(
    prepared: Ground, setting: dict[str, str], reason: str
) -> None:
    async with service(prepared, **setting) as process:
        assert await process.code() == 1
        (line,) = process.said("service_failed")
        assert line["reason"] == reason
        assert process.said("hall_closed")
        assert "sesame" not in json.dumps(process.log)


async def test_what_is_misconfigured_is_said_and_not_waited_for(prepared: Ground) -> None:
    operator = await asyncpg.connect(prepared.postgres.superuser_dsn_for(DATABASE))
    setting = f'ALTER ROLE "{role_of("catalog")}" IN DATABASE {DATABASE} SET synchronous_commit ='
    await operator.execute(f"{setting} off")
    try:
        async with service(prepared) as process:
            assert await process.code() == 1
            assert "synchronous_commit is off" in process.said("service_failed")[0]["reason"]
    finally:
        await operator.execute(f"{setting} on")
        await operator.close()
    for name, wrong in (
        ("IKZ_DATABASE_URL", "nonsense"),
        ("IKZ_DATABASE_URL", "postgresql://catalog:sesame@host:port/ikz"),
        ("IKZ_IDENTITY_PUBLIC_KEY", "sesame"),
    ):
        async with service(prepared, **{name: wrong}) as process:
            assert await process.code() == 1
            (line,) = process.said("service_failed")
            assert name in line["reason"]
            assert "exception" not in line


async def test_a_port_that_is_taken_is_said(prepared: Ground) -> None:
    async with ready_service(prepared) as first, service(prepared, IKZ_PORT=str(first.port)) as second:
        assert await second.code() == 1
        assert second.said("port_not_available")[0]["port"] == first.port
        assert await first.is_ready()


async def test_settings_that_are_missing_are_named(prepared: Ground) -> None:
    async with service(prepared, IKZ_VAULT_KEY="short", IKZ_PORT="many") as process:
        assert await process.code() == 2
        assert [line.split(":")[0] for line in process.errors] == ["IKZ_PORT", "IKZ_VAULT_KEY"]
        assert "short" not in "".join(process.errors).replace("too short", "")


async def test_erasures_are_applied_again_at_the_start(prepared: Ground, tmp_path: Path) -> None:
    ledger = tmp_path / "erasures.jsonl"
    note_erasure(ledger, "somebody")
    async with ready_service(prepared, IKZ_ERASURE_LEDGER=str(ledger)) as process:
        assert process.said("erasures_applied_again")[0]["people"] == 1
    connection = await asyncpg.connect(prepared.dsn)
    assert await connection.fetchval("SELECT wrapped IS NULL FROM vault WHERE person_id = 'somebody'")
    await connection.close()


async def test_results_of_old_commands_are_forgotten(prepared: Ground) -> None:
    connection = await asyncpg.connect(prepared.dsn)
    remember = (
        "INSERT INTO command (id, stream, version, position, at) VALUES ($1, 'hall-h', 1, 1, now() - $2::interval)"
    )
    old, young = uuid.uuid4(), uuid.uuid4()
    await connection.execute(remember, old, timedelta(days=8))
    await connection.execute(remember, young, timedelta(days=6))

    async def is_forgotten() -> bool:
        return not await connection.fetchval("SELECT EXISTS (SELECT FROM command WHERE id = $1)", old)

    async with ready_service(prepared, IKZ_COMMAND_RETENTION_DAYS="7") as process:
        await process.until(is_forgotten)
        assert await process.end() == 0
    assert await connection.fetchval("SELECT EXISTS (SELECT FROM command WHERE id = $1)", young)
    await connection.close()
