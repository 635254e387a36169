"""A whole system for tests: `ikz up` as a person starts it, in a folder of its own and on free ports."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from shared.cli.main import app
from shared.embedded.process import free_ports

IKZ = (sys.executable, "-m", "shared.cli.main")
START_SECONDS = 90
"""In which a system starts, unless others are at work on this machine."""
STOP_SECONDS = 30
SPIN = 0.2


@dataclass(frozen=True, slots=True)
class RunningSystem:
    """A running `ikz up`; `status` is what `ikz status --json` said when it was ready."""

    process: asyncio.subprocess.Process
    folder: Path
    status: dict[str, Any]

    @property
    def base_url(self) -> str:
        """The portal."""
        return str(self.status["gateway"])

    @property
    def editor_token(self) -> str:
        """A bearer token with the role editor."""
        return str(self.status["tokens"]["editor"])

    @property
    def mailbox(self) -> str:
        """The page and API of the mailbox."""
        return str(self.status["mailbox"])

    def log(self, name: str) -> str:
        """What a part of the system has logged."""
        return (self.folder / "logs" / f"{name}.log").read_text()

    async def status_now(self) -> dict[str, Any]:
        """What `ikz status --json` says at present."""
        code, output, errors = await ikz_here("status", "--json", "--data", str(self.folder))
        assert code == 0, errors
        return dict(json.loads(output))

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ends it in good order and gives the exit code."""
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), STOP_SECONDS)


async def ikz(*arguments: str, environment: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Runs a command to its end: code, output, errors."""
    process = await asyncio.create_subprocess_exec(
        *IKZ,
        *arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=None if environment is None else os.environ | environment,
    )
    output, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


async def ikz_here(*arguments: str, environment: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """The same without a process of its own, which takes a second only to begin; one command at a time."""
    command = partial(CliRunner().invoke, app, arguments, env=environment, catch_exceptions=False)
    done = await asyncio.to_thread(command)
    return done.exit_code, done.stdout, done.stderr


@asynccontextmanager
async def up(
    folder: Path, *options: str, port: int | None = None, environment: Mapping[str, str] | None = None
) -> AsyncIterator[RunningSystem]:
    """`ikz up` in `folder`, ready; ended when left, if it still runs."""
    chosen = port or free_ports(1)[0]
    folder.mkdir(parents=True, exist_ok=True)
    said = folder / "up.txt"
    with said.open("w") as output:
        process = await asyncio.create_subprocess_exec(
            *(*IKZ, "up", "--data", str(folder), "--port", str(chosen), *options),
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | (environment or {}),
        )
    try:
        await _until_ready(process, folder, said)
        code, status, errors = await ikz_here("status", "--json", "--data", str(folder))
        assert code == 0, errors
        yield RunningSystem(process, folder, json.loads(status))
    finally:
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.wait(), STOP_SECONDS)


async def _until_ready(process: asyncio.subprocess.Process, folder: Path, said: Path) -> None:
    """Fails when the system ends, or takes longer than a machine as busy as this one explains."""
    began, limit = time.monotonic(), float(START_SECONDS)
    while not _is_ready(folder, process.pid):
        assert process.returncode is None, said.read_text()
        if time.monotonic() - began > limit:
            patience = START_SECONDS * slowness()
            assert patience > limit, f"not ready after {limit:.0f} s:\n{said.read_text()}"
            limit = patience
        await asyncio.sleep(0.05)


def slowness() -> float:
    """How many times longer everything takes here and now, because others are at work on this machine."""
    began, spent = time.monotonic(), time.thread_time()
    while time.thread_time() - spent < SPIN:
        pass
    return (time.monotonic() - began) / SPIN


def _is_ready(folder: Path, pid: int) -> bool:
    try:
        running = json.loads((folder / "run.json").read_text())
    except FileNotFoundError:
        return False
    return running["pid"] == pid and bool(running["ready"])
