"""The life of a service process: it opens its port at once, waits for what it needs, works, drains, and ends.

A composition root (`services/<name>/__main__.py`) is one page: `build` puts the parts together, `main` does the rest.

    async def build(runtime: Runtime[CatalogSettings]) -> Parts:
        journal = Journal(…, wakeup=runtime.wakeup)
        return Parts(endpoints=endpoints(journal, runtime.pool), journal=journal, tasks=[Relay(…).run])

    if __name__ == "__main__":
        raise SystemExit(main(CatalogSettings, build))
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import asyncpg
import structlog
import uvloop
from aiohttp import web
from pydantic import ValidationError
from pydantic_settings import SettingsError
from structlog.stdlib import BoundLogger

from shared.kernel import garbage, logs
from shared.kernel.bus import Bus, Denied, Lost
from shared.kernel.clock import Clock
from shared.kernel.connections import Runner
from shared.kernel.endpoint import Endpoint
from shared.kernel.feed import Feed
from shared.kernel.health import Health
from shared.kernel.http import add_metrics, make_app, starting_app
from shared.kernel.identity import Verifier
from shared.kernel.journal import Journal
from shared.kernel.migrations import pending
from shared.kernel.postgres import CONNECTION_LOST, Pool, connect, connect_pool
from shared.kernel.settings import ServiceSettings
from shared.kernel.streams import Unfit, verify_server
from shared.kernel.vault import Vault
from shared.kernel.wakeup import Wakeup

RETRY_FIRST, RETRY_LAST = 0.1, 1.0
WATCH_EVERY = 1.0
CLOSING = 1.0
PARTING = 1.5
DURABLE = frozenset({"on", "remote_apply"})

type Work = Callable[[], Awaitable[None]]
type Figures = Callable[[], Awaitable[bytes]]

log: BoundLogger = structlog.get_logger()


class Misconfigured(Exception):
    """What a service found is not what it may work with, and waiting does not help. The message says what to change."""


class NotYet(Exception):
    """What a service needs is not there yet; the message says what."""


class TaskEnded(Exception):
    """A task that should have run for ever came to its end."""


@dataclass(frozen=True, slots=True)
class Runtime[S: ServiceSettings]:
    """What every service stands on, ready to be used when `build` gets it."""

    settings: S
    clock: Clock
    health: Health
    pool: Pool
    bus: Bus
    wakeup: Wakeup
    verifier: Verifier
    vault: Vault
    log: BoundLogger


@dataclass(frozen=True, slots=True)
class Parts:
    """What a service is made of.

    `endpoints` are served once everything runs (or `app`, by a service that makes its own with `make_app`), with the
    feed of what the journal published beside them. `journal` is run and, at the end, drained. `tasks` run for ever
    beside it: relays, consumers, request/reply, schedulers; when one of them ends or fails, so does the service.
    `closing` is awaited at the end, after the tasks. `metrics` gives what `/metrics` answers on the internal port.
    """

    endpoints: Sequence[Endpoint] = ()
    journal: Journal | None = None
    tasks: Sequence[Work] = ()
    app: web.Application | None = None
    closing: Sequence[Work] = ()
    metrics: Figures | None = None


type Build[S: ServiceSettings] = Callable[[Runtime[S]], Awaitable[Parts]]
type Starting[S: ServiceSettings] = Callable[[S, Health], web.Application]


def for_programs(_settings: ServiceSettings, health: Health) -> web.Application:
    """What answers until a service is ready, where nobody but programs ask."""
    return starting_app(health)


def main[S: ServiceSettings](settings_type: type[S], build: Build[S], starting: Starting[S] = for_programs) -> int:
    """Reads the settings and serves until SIGTERM or SIGINT. Exit code 1 is a failure, 2 wrong settings."""
    try:
        settings = settings_type()
    except ValidationError as error:
        for wrong in error.errors(include_url=False, include_input=False, include_context=False):
            name = "_".join(map(str, wrong["loc"])).upper()
            sys.stderr.write(f"IKZ_{name}: {wrong['msg']}\n")
        return 2
    except (SettingsError, OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return uvloop.run(serve(settings.service, settings, build, starting))


async def serve[S: ServiceSettings](name: str, settings: S, build: Build[S], starting: Starting[S]) -> int:
    """The whole life of a service; gives the exit code."""
    logs.configure(name, settings.log_level, settings.log_format)
    try:
        listening = _listen(settings.host, settings.port)
    except OSError as error:
        reason = error.strerror
        log.error("port_not_available", host=settings.host, port=settings.port, reason=reason)  # noqa: TRY400
        return 1
    with listening:
        door = Door(listening, settings.stop_timeout)
        return await _Service(name, settings, build, starting, door).live()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=1024)


class Door:
    """One listening socket, and the application that answers there now."""

    def __init__(self, listening: socket.socket, patience: float) -> None:
        self._listening = listening
        self._patience = patience
        self._runner: Runner | None = None
        self._turn = asyncio.Lock()
        self._closed = False

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listening.getsockname()[1]
        return port

    async def admit(self, app: web.Application) -> None:
        """From now on `app` answers; what the one before has in hand it finishes. No connection is refused between."""
        async with self._turn:
            if self._closed:
                return
            before = self._runner
            self._runner = Runner(app, shutdown_timeout=self._patience)
            await self._runner.setup()
            await web.SockSite(self._runner, self._listening.dup(), backlog=1024).start()
            if before is not None:
                await before.cleanup()

    async def close(self) -> None:
        """Takes nothing new and returns when everything in hand is answered, or patience ends."""
        async with self._turn:
            self._closed = True
            self._listening.close()
            runner, self._runner = self._runner, None
            if runner is not None:
                await runner.cleanup()


class _Service[S: ServiceSettings]:
    def __init__(self, name: str, settings: S, build: Build[S], starting: Starting[S], door: Door) -> None:
        self._name = name
        self._settings = settings
        self._build = build
        self._starting = starting
        self._door = door
        self._clock = Clock(settings.clock_offset)
        self._health = Health()
        self._parts = Parts()
        self._forced_end: asyncio.TimerHandle | None = None

    async def live(self) -> int:
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        for check in ("postgres", "nats", "service"):
            self._health.expect(check)
        await self._door.admit(self._starting(self._settings, self._health))
        log.info("service_starting", host=self._settings.host, port=self._door.port, pid=os.getpid())
        try:
            async with asyncio.TaskGroup() as group:
                work = group.create_task(self._work())
                await stopping.wait()
                await self._drain()
                work.cancel()
        except BaseExceptionGroup as failure:
            self._see_to_the_end()
            unforeseen = failure.split((Misconfigured, TaskEnded))[1]
            log.exception("service_failed", reason="; ".join(sorted(_reasons(failure))), exc_info=unforeseen)
            await self._door.close()
            return 1
        else:
            log.info("service_stopped")
            return 0
        finally:
            if self._forced_end is not None:
                self._forced_end.cancel()

    async def _work(self) -> None:
        settings, verifier = self._settings, self._verifier()
        async with self._postgres() as pool, self._nats() as bus:
            vault = Vault(pool, settings.vault_key, settings.erasure_ledger)
            if settings.erasure_ledger is not None and (again := await vault.reapply(settings.erasure_ledger)):
                log.warning("erasures_applied_again", people=len(again))
            runtime = Runtime(
                settings=settings,
                clock=self._clock,
                health=self._health,
                pool=pool,
                bus=bus,
                wakeup=Wakeup(settings.database_url),
                verifier=verifier,
                vault=vault,
                log=log,
            )
            self._parts = await self._build(runtime)
            try:
                await self._run(runtime, self._parts)
            finally:
                for close in self._parts.closing:
                    await close()

    def _verifier(self) -> Verifier:
        try:
            return Verifier(self._settings.identity_public_key, self._name, self._clock)
        except ValueError as error:
            raise Misconfigured("IKZ_IDENTITY_PUBLIC_KEY: not 32 bytes in base64") from error

    async def _run(self, runtime: Runtime[S], parts: Parts) -> None:
        feed = parts.journal and Feed(self._name, parts.journal, runtime.pool, self._settings.public_url)
        app = parts.app or make_app(
            self._name,
            [*parts.endpoints, *([feed.endpoint()] if feed else [])],
            clock=self._clock,
            health=self._health,
            verifier=runtime.verifier,
            journal=parts.journal,
            fingerprint_key=self._settings.vault_key,
        )
        if parts.metrics is not None:
            add_metrics(app, parts.metrics)
        own = [runtime.wakeup.run, runtime.bus.run, self._watch_postgres]
        journal = self._work_of(parts.journal) if parts.journal else []
        async with asyncio.TaskGroup() as tasks:
            for work in (*own, *journal, *parts.tasks):
                tasks.create_task(self._for_ever(work))
            await self._door.admit(app)
            self._health.up("service")
            log.info("service_ready", port=self._door.port)
            garbage.settle()

    def _work_of(self, journal: Journal) -> list[Work]:
        retention = timedelta(days=self._settings.command_retention_days)
        return [journal.run, partial(journal.forget_results, retention)]

    async def _drain(self) -> None:
        """Answers what is in hand and takes nothing new; then everything that was submitted is written."""
        log.info("service_stopping")
        self._see_to_the_end()
        self._health.down("service", "stopping")
        await self._door.close()
        if self._parts.journal is not None:
            try:
                async with asyncio.timeout(CLOSING):
                    await self._parts.journal.drain()
            except TimeoutError:
                log.warning("journal_not_drained")

    async def _for_ever(self, work: Work) -> None:
        """Runs a task; when it fails, or ends, which it should not, so does the service."""
        named = work.func if isinstance(work, partial) else work
        name = getattr(named, "__qualname__", type(named).__name__)
        try:
            await work()
        except Exception as error:
            log.error("task_failed", task=name, reason=_reason(error))  # noqa: TRY400 - service_failed shows the trace
            raise
        finally:
            self._see_to_the_end()
        raise TaskEnded(name)

    def _see_to_the_end(self) -> None:
        """Ends the process roughly when it should long have ended by itself."""
        patience = self._settings.stop_timeout + PARTING

        def give_up() -> None:
            log.error("service_stop_forced", after=patience)
            os._exit(1)

        if self._forced_end is None:
            self._forced_end = asyncio.get_running_loop().call_later(patience, give_up)

    @asynccontextmanager
    async def _postgres(self) -> AsyncIterator[Pool]:
        await self._until("postgres", self._try_postgres)
        pool = await connect_pool(self._settings.database_url, name=self._name)
        try:
            yield pool
        finally:
            try:
                async with asyncio.timeout(CLOSING):
                    await pool.close()
            except (TimeoutError, *CONNECTION_LOST):
                pool.terminate()

    async def _try_postgres(self) -> None:
        try:
            connection = await connect(self._settings.database_url, name=self._name)
        except (asyncpg.ClientConfigurationError, ValueError) as error:
            raise Misconfigured(f"IKZ_DATABASE_URL: {error}") from error
        except (*CONNECTION_LOST, asyncpg.PostgresError) as error:
            raise NotYet(_why(error)) from error
        try:
            durability = await connection.fetchval("SHOW synchronous_commit")
            if durability not in DURABLE:
                raise Misconfigured(f"synchronous_commit is {durability}, so that answered commands could be lost")
            if missing := await pending(connection, self._name):
                raise NotYet(f"not migrated: {', '.join(missing)}")
        except (*CONNECTION_LOST, asyncpg.PostgresError) as error:
            raise NotYet(_why(error)) from error
        finally:
            connection.terminate()

    @asynccontextmanager
    async def _nats(self) -> AsyncIterator[Bus]:
        bus = Bus(self._settings.nats_url, f"ikz {self._name}")

        async def attempt() -> None:
            try:
                await bus.open()
            except (Lost, Denied) as error:
                raise NotYet(str(error)) from error

        await self._until("nats", attempt)
        try:
            await self._check_nats()
            self._health.probe("nats", bus.check)
            yield bus
        finally:
            await bus.close()

    async def _check_nats(self) -> None:
        if self._settings.nats_monitor_url is not None:
            try:
                await verify_server(self._settings.nats_monitor_url)
            except Unfit as error:
                raise Misconfigured(str(error)) from error

    async def _until(self, check: str, attempt: Work) -> None:
        """Tries until it works, at growing intervals; the reason why it does not stands in the health report."""
        pause, said = RETRY_FIRST, ""
        while True:
            try:
                await attempt()
            except NotYet as error:
                why = str(error)
                self._health.down(check, why)
                if why != said:
                    log.info("service_waits", waits_for=check, reason=why)
                said = why
                await asyncio.sleep(pause)
                pause = min(pause * 2, RETRY_LAST)
            else:
                self._health.up(check)
                return

    async def _watch_postgres(self) -> None:
        """Says in the health report whether Postgres answers, for ever, on a connection of its own."""
        while True:
            try:
                connection = await connect(self._settings.database_url, name=f"{self._name} watch", timeout=CLOSING)
                try:
                    while True:
                        await connection.fetchval("SELECT 1")
                        self._health.up("postgres")
                        await asyncio.sleep(WATCH_EVERY)
                finally:
                    connection.terminate()
            except (*CONNECTION_LOST, asyncpg.PostgresError) as error:
                self._health.down("postgres", _why(error))
                log.warning("postgres_lost", reason=_why(error))
                await asyncio.sleep(WATCH_EVERY)


def _reasons(failure: BaseExceptionGroup[BaseException]) -> set[str]:
    found: set[str] = set()
    for error in failure.exceptions:
        if isinstance(error, BaseExceptionGroup):
            found |= _reasons(error)
        else:
            found.add(_reason(error))
    return found


def _reason(error: BaseException) -> str:
    return logs.hidden(f"{type(error).__name__}: {error}")


def _why(error: BaseException) -> str:
    """A reason that may be shown: Postgres' own message, or the kind of error."""
    return logs.hidden(str(error)) if isinstance(error, asyncpg.PostgresError) else type(error).__name__
