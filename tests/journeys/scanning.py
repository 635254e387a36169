"""Looks for words in everything that a system keeps: rows of every table, files of its folder as they lie on disk."""

import base64
import hashlib
import os
import subprocess
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from shared.embedded.folder import DATABASE, DataFolder
from shared.kernel.postgres import connect

TABLES = """
SELECT format('%I.%I', n.nspname, c.relname) AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
ORDER BY 1
"""
HASHES = ("md5", "sha1", "sha256", "sha512", "blake2b", "blake2s")


@dataclass(frozen=True, slots=True)
class Needles:
    """A word as it may be written, and an address as somebody might have hashed it without a key.

    The word is of small letters alone: escaped for JSON, for an address of a page or for a mail it reads the same.
    """

    word: str
    address: str

    def texts(self) -> dict[str, str]:
        """What can stand in a text, by what it is. A text of bytes shows them in hexadecimal digits."""
        raw = self.word.encode()
        found = {
            "plain": self.word,
            "in hexadecimal digits": raw.hex(),
            "in UTF-16": self.word.encode("utf-16-le").hex(),
        }
        for place in range(3):
            coded = base64.b64encode(b"\0" * place + raw).decode().rstrip("=")
            found[f"in base64 at {place}"] = coded[(0, 2, 3)[place] : (place + len(raw)) * 8 // 6]
        for name in HASHES:
            digest = hashlib.new(name, self.address.encode()).digest()
            found[f"as {name}"] = digest.hex()
            found[f"as {name} in base64"] = base64.b64encode(digest).decode().rstrip("=")
        return found

    def bytes(self) -> dict[str, bytes]:
        """What can stand in a file."""
        found = {what: text.encode() for what, text in self.texts().items()}
        raw = {f"as {name} in bytes": hashlib.new(name, self.address.encode()).digest() for name in HASHES}
        return found | raw | {"in UTF-16": self.word.encode("utf-16-le"), "in capitals": self.word.upper().encode()}


async def in_tables(folder: Path, wanted: Collection[str]) -> list[str]:
    """Every table of every schema that one of the texts stands in, with the text; in small letters or capitals."""
    connection = await _superuser(folder)
    try:
        names = [row["name"] for row in await connection.fetch(TABLES)]
        assert len(names) > 100, "these are not all tables"
        found = {name: await connection.fetch(_rows_with(name), list(wanted)) for name in names}
        return [f"{name}: {row['text']}" for name, rows in found.items() for row in rows]
    finally:
        await connection.close()


def _rows_with(table: str) -> str:
    """OFFSET 0: each row becomes a text once, and not once for everything that is looked for."""
    return f"""
SELECT DISTINCT wanted AS text
FROM (SELECT lower(t::text) AS row FROM {table} t OFFSET 0) AS rows, unnest($1::text[]) AS wanted
WHERE position(lower(wanted) IN rows.row) > 0
"""


async def all_on_disk(folder: Path) -> None:
    """Has the database clear away rows that are gone, and write what it holds in memory."""
    connection = await _superuser(folder)
    try:
        await connection.execute("VACUUM (BUFFER_USAGE_LIMIT 0)")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


def in_files(folder: Path, wanted: Mapping[str, bytes]) -> dict[str, set[str]]:
    """In which files below the folder each of these stands, as it lies on disk; what stands nowhere is left out.

    `grep` passes over everything once, whatever is looked for, by lines: it gets of each what stands on one line.
    """
    command = ["grep", "--recursive", "--text", "--no-messages", "--files-with-matches", "--fixed-strings", "--file=-"]
    done = subprocess.run(
        [*command, str(folder)],
        input=b"\n".join(max(needle.split(b"\n"), key=len) for needle in wanted.values()),
        stdout=subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C"},
        check=False,
    )
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path in map(Path, done.stdout.decode().splitlines()):
        try:
            content = path.read_bytes()
        except FileNotFoundError:  # the servers go on with their work
            continue
        for what, needle in wanted.items():
            if needle in content:
                found[what].add(str(path.relative_to(folder)))
    return dict(found)


async def _superuser(folder: Path) -> asyncpg.Connection:
    running = DataFolder(folder).running()
    return await connect(running.superuser_dsn.replace("/postgres?", f"/{DATABASE}?"), name="scan", timeout=60)
