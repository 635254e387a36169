"""Child processes that leave nothing behind: they end with their parent, and a later start finds what did not."""

import asyncio
import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LAUNCH = Path(__file__).with_name("launch.py")
LOG_BYTES = 10 * 1024 * 1024
PORTS = range(20_000, 32_000)  # below Linux' ephemeral range, so that no outgoing connection takes one meanwhile


class StartFailed(Exception):
    """A server did not come up; the message says why, for people."""


@dataclass(frozen=True, slots=True)
class Account:
    """An unprivileged user, by numbers."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process is asked to end: each signal with the seconds it is given. SIGKILL comes last by itself."""

    steps: tuple[tuple[signal.Signals, float], ...]


GENTLE = Ending(((signal.SIGTERM, 10.0),))
BRIEF = Ending(((signal.SIGTERM, 3.0),))


def identity(pid: int) -> str | None:
    """What tells this process from any later one with the same number; None if there is none (or a zombie)."""
    try:
        if sys.platform == "linux":
            after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
            return None if after_name[0] in "ZX" else f"{boot} {after_name[19]}"
        answer = subprocess.run(  # noqa: S603
            ["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
    except (FileNotFoundError, ProcessLookupError):
        return None
    return answer.stdout.strip() or None


def write_atomically(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Replaces a file so that nobody ever reads half of it and a crash leaves the old or the new one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


async def spawn(
    command: Sequence[str | Path],
    *,
    record: Path,
    log: Path,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    account: Account | None = None,
    parting: signal.Signals = signal.SIGTERM,
    keep_open: Sequence[int] = (),
    piped: bool = False,
) -> asyncio.subprocess.Process:
    """Starts a program in a process group of its own, writing to `log`; `parting` is what it gets if we die.

    `record` remembers who it is, for `end_leftover`. With `piped` its standard output is ours to read.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))
    user = (str(account.uid), str(account.gid)) if account else ("", "")
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), str(int(parting)), *user),
            *(str(part) for part in command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if piped else output,
            stderr=output,
            env=environment,
            cwd=folder,
            pass_fds=tuple(keep_open),
            process_group=0,
        )
    try:
        write_atomically(record, json.dumps({"pid": process.pid, "identity": identity(process.pid)}))
    except BaseException:
        process.kill()
        await process.wait()
        raise
    return process


async def end(process: asyncio.subprocess.Process, ending: Ending = GENTLE) -> int:
    """Ends a child and returns its exit code."""
    for number, seconds in ending.steps:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(process.wait(), seconds)
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    return await process.wait()


async def end_leftover(record: Path, ending: Ending = GENTLE) -> bool:
    """Ends the process an earlier run left behind, if it still is that process; True if there was one."""
    try:
        remembered = json.loads(record.read_text())
    except (FileNotFoundError, ValueError):
        return False
    pid, who = int(remembered["pid"]), remembered["identity"]
    found = who is not None and identity(pid) == who
    if found:
        await end_stranger(pid, who, ending)
    record.unlink(missing_ok=True)
    return found


async def end_stranger(pid: int, who: str, ending: Ending = GENTLE) -> None:
    """Ends a process that is no child of ours, as long as it is the one with that identity."""
    for number, seconds in (*ending.steps, (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if await _gone(pid, who, seconds):
            return
    raise StartFailed(f"process {pid}, left by an earlier run, does not end")


async def _gone(pid: int, who: str, seconds: float) -> bool:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while identity(pid) == who:
        if loop.time() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True


def obstacle(port: int, host: str = "127.0.0.1") -> OSError | None:
    """What keeps a server from listening there now, if anything."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error
    return None


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    return obstacle(port) is None


def free_ports(count: int, *, without: Sequence[int] = ()) -> list[int]:
    """Ports nobody listens on, all different."""
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        if len(found) == count:
            break
        if port not in without and is_free(port):
            found.append(port)
    return found


def tail(log: Path, lines: int = 15) -> str:
    """The end of a log, for a message to people."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""
