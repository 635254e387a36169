"""Exporting a session's participants: a hundred thousand of them, each opened with a key of their own."""

import base64
import os
import time
from collections.abc import AsyncGenerator, Sequence
from functools import partial
from itertools import batched
from pathlib import Path
from uuid import UUID

import asyncpg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bench.part import Bench
from bench.rounds import Contender, Figures
from bench.row import Row, at_least, at_most
from services.events.life import Life
from services.events.participant import Contact
from services.events.participant_export import Export
from services.events.participants import ParticipantFilter
from services.events.programme import Content
from services.events.times import When
from shared.kernel.postgres import connect_pool
from shared.kernel.vault import Vault

PEOPLE = 100_000
AT_ONCE = 5_000
SESSION = "11111111-1111-4111-8111-111111111111"
SERIES = "22222222-2222-4222-8222-222222222222"
ADD = """
INSERT INTO registration (registration_id, session_id, person_id, version, received_version, received_at, status,
                          token_hash, sealed)
SELECT id, $1, person_id, number, number, now(), 'confirmed', id, sealed
FROM unnest($2::text[], $3::text[], $4::bigint[], $5::text[]) AS r(id, person_id, number, sealed)
"""
KEYS = """
INSERT INTO vault (person_id, wrapped)
SELECT person_id, wrapped FROM unnest($1::text[], $2::bytea[]) AS k(person_id, wrapped)
"""


class Short(Exception):
    """An export left people out."""


async def measure(bench: Bench) -> Sequence[Row]:
    """How fast, and how much more memory while it lasts."""
    count, key = bench.amount(PEOPLE, 5_000), os.urandom(32)
    async with bench.servers.database("events", own=True) as database:
        dsn = database.dsn("events")
        async with await connect_pool(dsn, name="bench") as pool:
            await fill(dsn, key, count)
            bench.told(f"{count:,} participants are in the read model")
            life = Life(SESSION, Content(series_id=SERIES, title="Jahrestagung", mode="online"), When())
            export = partial(Export, pool, Vault(pool, key), life, ParticipantFilter())
            contenders: dict[str, Contender] = {
                "csv": lambda: _exported(export().csv(bom=True), count),
                "xlsx": lambda: _exported(export().xlsx(), count),
            }
            found = await bench.alternate(contenders)
    rows = []
    for form in ("csv", "xlsx"):
        what = f"participants as {form.upper()}, {count:,} people"
        rows += [
            Row(what, "1/s", found[form]["1/s"], None, at_least(5_000)),
            Row(f"memory more than before, {what}", "MB", found[form]["MB"], None, at_most(32)),
        ]
    return rows


async def _exported(parts: AsyncGenerator[bytes], count: int) -> Figures:
    """Everybody, thrown away as they come."""
    before = resident()
    most, size, started = before, 0, time.perf_counter()
    async for part in parts:
        size += len(part)
        most = max(most, resident())
    took = time.perf_counter() - started
    if size < count * 10:
        raise Short(f"{size} bytes")
    return {"1/s": count / took, "MB": (most - before) / 2**20}


def resident() -> int:
    """The memory of this process, in bytes."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * 4096


async def fill(dsn: str, key: bytes, count: int, session: str = SESSION, first: int = 1) -> None:
    """People with keys and contacts as the vault makes them, some thousand at a time; their ids are numbers."""
    connection = await asyncpg.connect(dsn)
    wrapping = AESGCM(key)
    try:
        for numbers in batched(range(first, first + count), AT_ONCE):
            people = [str(UUID(int=number)) for number in numbers]
            keys = [AESGCM.generate_key(256) for _ in people]
            await connection.execute(KEYS, people, [wrapped(wrapping, *one) for one in zip(people, keys, strict=True)])
            sealed = [sealed_contact(*one) for one in zip(people, keys, strict=True)]
            await connection.execute(ADD, session, people, people, list(numbers), sealed)
        await connection.execute("ANALYZE registration")
        await connection.execute("ANALYZE vault")
    finally:
        await connection.close()


def wrapped(wrapping: AESGCM, person_id: str, key: bytes) -> bytes:
    """A person's key as the vault keeps it."""
    nonce = os.urandom(12)
    return b"\x01" + nonce + wrapping.encrypt(nonce, key, f"{person_id}|key".encode())


def sealed_contact(person_id: str, key: bytes) -> str:
    """A contact as the vault seals it; the registration has the person's id, which is short to write."""
    nonce = os.urandom(12)
    contact = Contact(
        email=f"{person_id}@stadt.example", name="Erika Muster", organisation_name="Stadt", token="t" * 22
    )
    purpose = f"{person_id}|registration/{person_id}/contact"
    sealed = AESGCM(key).encrypt(nonce, contact.model_dump_json().encode(), purpose.encode())
    return base64.b64encode(b"\x01" + nonce + sealed).decode()
