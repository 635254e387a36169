"""Tagged PDFs (PDF/UA-1) from Typst templates, with nothing but what Typst's wheel brings along.

A template gets everything as data; what people wrote is never read as markup.
"""

import asyncio
import re
import sys
import unicodedata
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import orjson

TYPESETTER = Path(__file__).parent / "typesetter.py"
SECONDS = 20.0
LONGEST_LINE = 1 << 24
LAST_WORDS = 500
# What the font in the wheel has no sign for: PDF/UA-1 allows no text that nobody sees, so a box stands in its place.
UNPRINTABLE = re.compile(
    r"[^ -~\xa0-\xac\xae-\u024f\u0300-\u036f\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u045f\u1e00-\u1eff"
    r"\u2010-\u2027\u2030-\u2040\u2044-\u2052\u20a0-\u20bf\u2100-\u211e\u2190-\u219f\u2200-\u226f"
    r"\u25a0-\u25fe\u2713\u2714]"
)
BOX = "□"


class NotSet(Exception):
    """The typesetter refused a sheet, or died over it; the message is the end of what it said."""


class Typesetter:
    """A process that sets one sheet after the other; see `typesetter`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def set(self, template: str, shown: object, at: datetime) -> bytes:
        """A sheet as PDF: the same bytes for the same values. `TimeoutError` when it takes far too long.

        After an error this process sets no more.
        """
        to, back = self._process.stdin, self._process.stdout
        assert to is not None
        assert back is not None
        data = displayable(orjson.dumps(shown).decode())
        sheet = {"template": template, "data": data, "at": at.replace(microsecond=0).isoformat()}
        try:
            async with asyncio.timeout(SECONDS):
                to.write(orjson.dumps(sheet) + b"\n")
                await to.drain()
                length = int.from_bytes(await back.readexactly(4))
                return await back.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError) as gone:
            raise NotSet(await self._last_words()) from gone

    async def _last_words(self) -> str:
        complaint = self._process.stderr
        assert complaint is not None
        async with asyncio.timeout(SECONDS):
            return (await complaint.read()).decode(errors="replace")[-LAST_WORDS:]


@asynccontextmanager
async def typesetter(*, politely: bool = False) -> AsyncIterator[Typesetter]:
    """A process for some sheets, which ends with the block. Nothing of our environment reaches it.

    `politely`: it takes what time others leave.
    """
    how = ["politely"] if politely else []
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", str(TYPESETTER), *how, stdin=PIPE, stdout=PIPE, stderr=PIPE, env={}, limit=LONGEST_LINE
    )
    try:
        yield Typesetter(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def displayable(text: str) -> str:
    """The text without what the font cannot show."""
    return UNPRINTABLE.sub(BOX, unicodedata.normalize("NFC", text))
