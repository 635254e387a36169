"""A peer in a process of its own: the libraries we are compared with live in another virtual environment."""

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PYTHON = ROOT / ".venv-bench" / "bin" / "python"
SCRIPTS = Path(__file__).parent / "peers"
PATIENCE = 300.0


class PeerFailed(Exception):
    """A peer ended or did not answer; the message holds what it said."""


class PeerProcess:
    """A script of `bench/peers` that runs; it reads requests as lines of JSON and answers each with one."""

    def __init__(self, process: asyncio.subprocess.Process, name: str) -> None:
        self._process = process
        self._name = name

    async def ask(self, **request: Any) -> dict[str, Any]:
        """Sends one request and gives its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        await self._process.stdin.drain()
        async with asyncio.timeout(PATIENCE):
            line = await self._process.stdout.readline()
        if not line:
            raise PeerFailed(f"{self._name} ended with code {await self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@asynccontextmanager
async def peer(
    script: str, *arguments: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[PeerProcess]:
    """Runs `bench/peers/<script>.py` with the peers' own Python, as long as it is needed."""
    if not PYTHON.exists():
        raise PeerFailed("what we are compared with is not installed: run `make bench`")
    process = await asyncio.create_subprocess_exec(
        *(str(PYTHON), str(SCRIPTS / f"{script}.py"), *arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | (environment or {}),
    )
    try:
        yield PeerProcess(process, script)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()


async def versions() -> dict[str, str]:
    """Which releases of the peers are installed."""
    async with peer("versions") as script:
        return await script.ask()
