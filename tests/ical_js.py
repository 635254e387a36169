"""Calendars as ical.js reads them: what one library wrote and reads is proven by another."""

import asyncio
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).with_suffix(".mjs")
PATIENCE = 30.0


async def understood(texts: Sequence[bytes]) -> list[Any]:
    """What ical.js makes of each; it fails on what it cannot read."""
    node = shutil.which("node") or str(Path(sys.executable).with_name("node"))
    process = await asyncio.create_subprocess_exec(
        node, SCRIPT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(PATIENCE):
            said, complaint = await process.communicate(json.dumps([text.decode() for text in texts]).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, complaint.decode()
    found: list[Any] = json.loads(said)
    return found
