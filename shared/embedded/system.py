"""A whole system on one machine: servers, services, mailbox and content, started together and kept running."""

import asyncio
import errno
import hashlib
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import asyncpg

from shared.embedded.folder import DATABASE, DataFolder, Running, Secrets, environment_of, inherited, local_url
from shared.embedded.nats import EmbeddedNats
from shared.embedded.postgres import EmbeddedPostgres
from shared.embedded.probe import ask
from shared.embedded.process import (
    BRIEF,
    PORTS,
    StartFailed,
    end_leftover,
    free_ports,
    identity,
    is_free,
    obstacle,
    spawn,
    tail,
)
from shared.embedded.supervisor import Child, Program, keep
from shared.kernel.bootstrap import SERVICES, bootstrap_database, create_database
from shared.kernel.bus import TROUBLE
from shared.kernel.migrations import MigrationBlocked, MigrationChanged, migrate
from shared.kernel.nats_access import render_config
from shared.kernel.streams import Unfit, bootstrap_streams

DEFAULT_PORT = 8080
FURTHER_PORTS = {"catalog": 8081, "events": 8082, "notify": 8083, "mailbox": 8025}
CHOSEN_PORTS = ("smtp", "postgres", "nats", "nats_monitor")
WITH_CONTENT = ("catalog", "events", "notify")
READY_SECONDS = 180.0


class PortTaken(StartFailed):
    """The system cannot listen where it should, mostly because somebody else does."""

    def __init__(self, port: int, name: str, obstacle: OSError) -> None:
        taken = obstacle.errno == errno.EADDRINUSE
        why = "is taken by another program" if taken else f"cannot be used ({obstacle.strerror})"
        super().__init__(f"port {port} ({name}) {why}")
        self.port = port


class Report(Protocol):
    """Who is told how the start goes."""

    def begin(self, step: str) -> None:
        """A step began; several run at once."""

    def done(self, step: str, detail: str = "") -> None:
        """A step is done."""

    def progress(self, step: str, done: int, total: int, what: str) -> None:
        """How far a step is."""

    def warn(self, message: str) -> None:
        """Something a person should know; the system goes on."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What `ikz up` was asked for."""

    folder: Path
    port: int = DEFAULT_PORT
    content: bool = True


@dataclass(slots=True)
class Started:
    """What a start came to, for people and for `ikz status`."""

    running: Running
    secrets: Secrets
    loaded: dict[str, int] = field(default_factory=dict)
    """What was loaded by this start; empty when the content was there or not wanted."""
    content: str = "none"
    """In words, what there is of the portal's own content when this start loaded nothing."""


class System:
    """One system in one data folder. `run` is everything from start to end."""

    def __init__(self, wanted: Wanted, report: Report) -> None:
        self._wanted = wanted
        self._report = report
        self._folder = DataFolder(wanted.folder)
        self._children: dict[str, Child] = {}

    async def run(self, stopping: asyncio.Event, on_ready: Callable[[Started], None]) -> None:
        """Starts all, tells `on_ready`, keeps all running until `stopping`, and ends all in the right order."""
        with self._folder.owned():
            try:
                started = await _unless(stopping, self._start())
                if started is not None:
                    on_ready(started)
                    await self._keep_until(stopping, started.running)
            finally:
                await self._stop()

    def kill(self) -> None:
        """Ends all at once and roughly, for those who cannot wait."""
        for child in self._children.values():
            if child.process is not None:
                with suppress(ProcessLookupError):
                    child.process.kill()

    async def _start(self) -> Started:
        processes = self._folder / "processes"
        for name in ("processes", "erasures", "mailbox"):
            (self._folder / name).mkdir(exist_ok=True, mode=0o700)
        await asyncio.gather(*(end_leftover(record, BRIEF) for record in processes.glob("*.json")))
        kept = self._folder.secrets()
        ports = self._ports()
        postgres = EmbeddedPostgres(self._folder / "postgres", port=ports["postgres"], log=self._log("postgres"))
        nats = EmbeddedNats(
            self._folder / "nats",
            render_config,
            kept.nats,
            port=ports["nats"],
            monitor_port=ports["nats_monitor"],
            log=self._log("nats"),
        )
        self._children |= {"postgres": postgres, "nats": nats}
        await _together(self._timed("PostgreSQL", postgres.open()), self._timed("NATS", nats.open()))
        running = Running(
            pid=os.getpid(),
            identity=identity(os.getpid()),
            since=datetime.now(UTC),
            ready=False,
            public_url=os.environ.get("IKZ_PUBLIC_URL", local_url(ports["gateway"])),
            ports=ports,
            socket_dir=postgres.socket_dir,
            superuser_dsn=postgres.superuser_dsn_for(DATABASE, tcp=True),
            pids={},
        )
        self._note(running)
        started = Started(running, kept)
        prepared = asyncio.Event()
        await _together(
            self._prepare(postgres, nats, started, prepared),
            self._services(started),
            self._fill(started, prepared),
        )
        started.running = self._note(running.model_copy(update={"ready": True}))
        return started

    def _ports(self) -> dict[str, int]:
        """All ports: the usual ones, or free ones where another than the usual was asked for; the last ones if free."""
        usual = self._wanted.port == DEFAULT_PORT
        last = self._folder.last()
        fixed = {"gateway": self._wanted.port} | (FURTHER_PORTS if usual else {})
        for name, port in fixed.items():
            if in_the_way := obstacle(port):
                raise PortTaken(port, name, in_the_way)
        chosen = [*CHOSEN_PORTS, *(() if usual else FURTHER_PORTS)]
        before = last.ports if last else {}
        spare = set(PORTS) - set(fixed.values())
        kept = {name: before[name] for name in chosen if before.get(name) in spare and is_free(before[name])}
        fresh = free_ports(len(chosen), without=[*fixed.values(), *kept.values()])
        return fixed | dict(zip(chosen, fresh, strict=True)) | kept

    async def _prepare(
        self, postgres: EmbeddedPostgres, nats: EmbeddedNats, started: Started, prepared: asyncio.Event
    ) -> None:
        """Makes roles, schemas, tables and streams."""
        await _together(
            self._timed("database", self._database(postgres, started)),
            self._timed("streams", self._streams(nats)),
        )
        prepared.set()

    async def _database(self, postgres: EmbeddedPostgres, started: Started) -> None:
        try:
            await create_database(postgres.superuser_dsn, DATABASE)
            await bootstrap_database(postgres.superuser_dsn_for(DATABASE), started.secrets.postgres)
            # Nothing else runs on this data: the services of an earlier start ended with it.
            await _together(
                *(
                    migrate(self._environment(name, started)["IKZ_DATABASE_URL"], name, contract=True)
                    for name in SERVICES
                )
            )
        except MigrationChanged as error:
            raise StartFailed(f"this data was made by another edition of the program: {error} was changed") from error
        except (asyncpg.PostgresError, MigrationBlocked) as error:
            raise StartFailed(f"PostgreSQL: {error}") from error

    async def _streams(self, nats: EmbeddedNats) -> None:
        try:
            await bootstrap_streams(nats.url("operator"), monitor_url=nats.monitor_url)
        except (Unfit, *TROUBLE) as error:
            raise StartFailed(f"NATS: {error}") from error

    async def _services(self, started: Started) -> None:
        """Starts the mailbox and the services, which wait for what they need, and waits until they are ready."""
        ports = started.running.ports
        mailbox = {
            "IKZ_MAILBOX_HOST": "127.0.0.1",
            "IKZ_MAILBOX_HTTP_PORT": str(ports["mailbox"]),
            "IKZ_MAILBOX_SMTP_PORT": str(ports["smtp"]),
            "IKZ_MAILBOX_DIR": str(self._folder / "mailbox"),
        }
        programs = {"mailbox": self._program("mailbox", "shared.mailbox", inherited(mailbox) | mailbox)}
        for name in SERVICES:
            programs[name] = self._program(name, f"services.{name}", self._environment(name, started))
        self._children |= programs
        await _together(*(self._timed(name, self._until_ready(name, programs[name], ports[name])) for name in programs))

    async def _until_ready(self, name: str, program: Program, port: int) -> None:
        await program.start()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + READY_SECONDS
        path = "/" if name == "mailbox" else "/health/ready"
        while True:
            status, body = await ask(port, path)
            if program.process is None or program.process.returncode is not None:
                raise StartFailed(f"{name} ended at its start:\n{tail(program.log)}")
            if status == 200:
                return
            if loop.time() > deadline:
                why = body.decode(errors="replace") or "no answer"
                raise StartFailed(f"{name} is not ready after {READY_SECONDS:.0f} s: {why}\n{tail(program.log)}")
            await asyncio.sleep(0.05)

    async def _fill(self, started: Started, prepared: asyncio.Event) -> None:
        """Loads the portal's content and makes the editor's token, once each."""
        await prepared.wait()
        work = []
        if started.secrets.editor_token is None:
            work.append(self._timed("editor's token", self._make_token(started)))
        if self._wanted.content:
            work.append(self._timed("content", self._load(started)))
        await _together(*work)

    async def _make_token(self, started: Started) -> None:
        command = ["-m", "services.gateway.tokens", "create", "--role", "editor", "--label", "ikz-up"]
        lines = await self._python("tokens", command, self._environment("gateway", started))
        started.secrets = started.secrets.model_copy(update={"editor_token": lines[-1].strip()})
        self._folder.keep(started.secrets)

    async def _load(self, started: Started) -> None:
        """Loads content that was not loaded yet. A failure is told and the next start tries again."""
        marker = self._folder / "content.json"
        edition = _edition()
        with suppress(FileNotFoundError, ValueError):
            before = json.loads(marker.read_text())
            if before["edition"] == edition:
                started.content = f"as loaded before: {in_words(before['loaded'])}"
                return
        loaded: dict[str, dict[str, int]] = {}

        async def load(name: str) -> None:
            loaded[name] = await self.load_content(name, started)

        try:
            await _together(*(load(name) for name in WITH_CONTENT))
        except StartFailed as error:
            self._report.warn(f"The portal's content is not loaded: {error}")
            return
        for name in WITH_CONTENT:
            started.loaded |= loaded[name]
        marker.write_text(json.dumps({"edition": edition, "loaded": started.loaded}))

    async def load_content(self, service: str, started: Started) -> dict[str, int]:
        """Loads the content of one service in a process of its own; what is there already is left alone."""
        loaded: dict[str, int] = {}

        def told(line: str) -> None:
            with suppress(ValueError):
                match json.loads(line):
                    case {"progress": [int(done), int(total), str(what)]}:
                        self._report.progress("content", done, total, what)
                    case {"loaded": dict(counts)}:
                        loaded.update(counts)
                    case _:
                        return

        command = ["-m", f"services.{service}.load_content"]
        await self._python(f"content-{service}", command, self._environment(service, started), told)
        return loaded

    async def _python(
        self,
        name: str,
        arguments: Sequence[str],
        environment: dict[str, str],
        told: Callable[[str], None] = lambda _line: None,
    ) -> list[str]:
        """Runs a Python program to its end and gives its lines; `StartFailed` with its log when it fails."""
        record, log = self._folder / "processes" / f"{name}.json", self._log(name)
        process = await spawn([sys.executable, *arguments], record=record, log=log, environment=environment, piped=True)
        assert process.stdout is not None
        lines = []
        try:
            async for line in process.stdout:
                lines.append(line.decode(errors="replace"))
                told(lines[-1])
            code = await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()
        record.unlink(missing_ok=True)
        if code:
            raise StartFailed(f"{' '.join(arguments)} failed with code {code}:\n{tail(log)}")
        return lines

    async def _keep_until(self, stopping: asyncio.Event, running: Running) -> None:
        async with asyncio.TaskGroup() as tasks:
            keepers = [tasks.create_task(self._keep(name, running)) for name in self._children]
            await stopping.wait()
            for keeper in keepers:
                keeper.cancel()

    async def _keep(self, name: str, running: Running) -> None:
        def noticed(message: str) -> None:
            self._report.warn(f"{name} {message} (log: {self._log(name)})")

        def restarted() -> None:
            self._note(running)

        await keep(self._children[name], noticed, restarted)

    def _note(self, running: Running) -> Running:
        """Writes down who runs now."""
        pids = {name: child.process.pid for name, child in self._children.items() if child.process is not None}
        noted = running.model_copy(update={"pids": {"up": os.getpid()} | pids})
        self._folder.note(noted)
        return noted

    async def _stop(self) -> None:
        """The edge first, then those behind it, the mailbox, the servers at last; whatever happens, all of them."""
        for names in (("gateway",), ("catalog", "events", "notify"), ("mailbox",), ("nats", "postgres")):
            there = [name for name in names if name in self._children]
            ended = await asyncio.gather(*(self._children[name].stop() for name in there), return_exceptions=True)
            for name, error in zip(there, ended, strict=True):
                if error is not None:
                    self._report.warn(f"{name} did not end in good order: {error}")

    def _program(self, name: str, module: str, environment: dict[str, str]) -> Program:
        record = self._folder / "processes" / f"{name}.json"
        return Program([sys.executable, "-m", module], environment, record=record, log=self._log(name))

    def _environment(self, service: str, started: Started) -> dict[str, str]:
        return environment_of(service, started.running, started.secrets, self._folder)

    def _log(self, name: str) -> Path:
        return self._folder / "logs" / f"{name}.log"

    async def _timed(self, step: str, work: Awaitable[object]) -> None:
        self._report.begin(step)
        await work
        self._report.done(step)


def in_words(loaded: Mapping[str, int]) -> str:
    """What was loaded, and how many of each."""
    return ", ".join(f"{what.replace('_', ' ')}: {count}" for what, count in loaded.items())


async def _together(*work: Awaitable[object]) -> None:
    """All at once; the first failure ends the others and is raised as it is."""

    async def one(part: Awaitable[object]) -> None:
        await part

    try:
        async with asyncio.TaskGroup() as tasks:
            for part in work:
                tasks.create_task(one(part))
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


async def _unless[T](stopping: asyncio.Event, work: Awaitable[T]) -> T | None:
    """What `work` gives, or None when `stopping` comes before it is done; the work is ended then."""
    working = asyncio.ensure_future(work)
    waiting = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, waiting):
            task.cancel()
        await asyncio.gather(working, waiting, return_exceptions=True)


def _edition() -> str:
    """What tells one state of the portal's content from another."""
    content = Path(__file__).parents[2] / "content"
    digest = hashlib.sha256()
    for file in sorted(content.glob("*.*")):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()
